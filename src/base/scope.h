/*
 * Resource accounts: what a peer makes us hold is reserved here first, in its scope and in every
 * scope above it (DESIGN 4.4).
 *
 * Scopes form a tree (system <- unauthenticated or peer <- connection); the swarm sets the maxima
 * from struct lp2p_limits. The owner of a scope frees what it reserved before the scope ends;
 * `fini` asserts it.
 */
#ifndef LP2P_BASE_SCOPE_H
#define LP2P_BASE_SCOPE_H

#include "lp2p/types.h"

enum lp2p_scope_kind {
    LP2P_SCOPE_MEM = 0, /* bytes buffered for or by a peer */
    LP2P_SCOPE_CONNS_IN,
    LP2P_SCOPE_CONNS_OUT,
    LP2P_SCOPE_CONNS, /* both together */
    LP2P_SCOPE_STREAMS_IN,
    LP2P_SCOPE_STREAMS_OUT,
    LP2P_SCOPE_KINDS
};

struct lp2p_scope {
    struct lp2p_scope *parent; /* NULL for the system scope */
    uint64_t used[LP2P_SCOPE_KINDS];
    uint64_t max[LP2P_SCOPE_KINDS]; /* UINT64_MAX: no limit here */
};

/* No limits yet; `parent` (may be NULL) outlives the scope. */
void lp2p_scope_init(struct lp2p_scope *s, struct lp2p_scope *parent);

/* Asserts that everything was released. */
void lp2p_scope_fini(struct lp2p_scope *s);

/* Reserves in this scope and all above it, or nothing at all: -LP2P_E_LIMIT. */
int lp2p_scope_reserve(struct lp2p_scope *s, enum lp2p_scope_kind kind, uint64_t n);

/* How much could be reserved now. */
uint64_t lp2p_scope_room(const struct lp2p_scope *s, enum lp2p_scope_kind kind);

/* True when `n` more would leave half of this account and of all above it: for what only makes
 * things faster, so that it never takes the room of what has to be. Reserves nothing. */
bool lp2p_scope_can_spare(const struct lp2p_scope *s, enum lp2p_scope_kind kind, uint64_t n);

/* Gives back what was reserved. */
void lp2p_scope_release(struct lp2p_scope *s, enum lp2p_scope_kind kind, uint64_t n);

/*
 * Hangs the scope with all it holds below another parent (an authenticated connection moves from
 * the unauthenticated scope to its peer's). On -LP2P_E_LIMIT it stays where it was.
 */
int lp2p_scope_move(struct lp2p_scope *s, struct lp2p_scope *parent);

#endif
