/*
 * Attempts to connect to a peer, for the files of the swarm: dialer.c runs them, resolve.c turns
 * their names into addresses, conn.c tells what became of a dialed path.
 */
#ifndef LP2P_SWARM_ATTEMPT_PRIV_H
#define LP2P_SWARM_ATTEMPT_PRIV_H

#include "base/series.h"
#include "env/env.h"
#include "swarm/resolve_priv.h"

/* Attempts that run at once; a user's clicks, not a peer's doing. */
#define SWARM_MAX_RUNNING 64U
/* Ended attempts that are remembered, and for how long (DESIGN 2). */
#define SWARM_ENDED_MAX  32U
#define SWARM_ENDED_LIFE LP2P_SEC(60)

struct lp2p_swarm_conn;

struct swarm_path {
    struct lp2p_swarm_conn *conn; /* while it runs */
    uint32_t ifindex;
    lp2p_ts not_before; /* its turn after a failure; 0: now */
    uint32_t names;     /* a bit for each path whose name gave this address */
    struct swarm_name name;
};

struct swarm_attempt {
    struct lp2p_series_node node; /* swarm.attempts, oldest first */
    struct lp2p_swarm *sw;
    struct lp2p_attempt_info info;
    struct swarm_path paths[LP2P_ATTEMPT_MAX_PATHS]; /* beside info.paths */
    struct lp2p_swarm_conn *winner;
    struct lp2p_timer timer;
    lp2p_ts look_until;
    lp2p_ts deadline;
    lp2p_ts next_start; /* no further path before this, unless one fails */
    bool background;    /* nobody waits: addresses that failed lately wait for their turn */
    uint32_t running;
    struct lp2p_list lookups; /* struct swarm_lookup */
    uint32_t n_lookups;       /* asked for so far */
};

/* ---- rank.c ---- */

/* Lower is better: loopback and our own networks, public addresses, link-local ones, and last
 * private addresses elsewhere, which are those of somebody's containers as a rule (DESIGN 7). */
int swarm_path_rank(const struct swarm_attempt *at, const struct lp2p_path *p);
/* The best path whose turn has come; LP2P_ATTEMPT_MAX_PATHS: there is none. */
size_t swarm_attempt_next_path(const struct swarm_attempt *at);
/* When the next path's turn comes that waits for it; LP2P_TS_NEVER: none does. */
lp2p_ts swarm_attempt_next_turn(const struct swarm_attempt *at, lp2p_ts now);

/* ---- dialer.c ---- */

/* A path's connection is through, authenticated and usable. */
void swarm_attempt_won(struct lp2p_swarm_conn *c);
void swarm_attempt_stage(struct lp2p_swarm_conn *c, enum lp2p_stage stage);
/* A path's connection is over; `c` is forgotten. */
void swarm_attempt_lost(struct lp2p_swarm_conn *c, const struct lp2p_failure *why);
/* The winner was identified (or will never be). */
void swarm_attempt_identified(struct lp2p_swarm_conn *c);
/* The network is another one: paths that failed for want of a way, and those that still dial, begin
 * anew. */
void swarm_attempts_retry(struct lp2p_swarm *sw);
/* A name gave an address: a further path, or one that is there. 0 when it is tried,
 * -LP2P_E_FILTERED, -LP2P_E_UNSUPPORTED, -LP2P_E_LIMIT. */
int swarm_attempt_add_found(struct swarm_attempt *at, size_t name,
                            const struct lp2p_multiaddr *addr);
void swarm_attempt_path_failed(struct swarm_attempt *at, size_t path, int error, const char *where);
/* A name fails when all of its addresses did. */
void swarm_attempt_follow(struct swarm_attempt *at, size_t name);
/* Something is different: looks at it from the top of the loop. */
void swarm_attempt_wake(struct swarm_attempt *at);
/* Forgets ended attempts; the next moment one ends its life. */
lp2p_ts swarm_attempts_expire(struct lp2p_swarm *sw, lp2p_ts now);
void swarm_attempts_free(struct lp2p_swarm *sw);

#endif
