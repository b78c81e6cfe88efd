/*
 * Hash map from bytes to a pointer: open addressing, linear probing, grows by doubling up to a
 * mandatory maximum.
 *
 * Peers choose keys, so the hash function is handed in and must be keyed (SipHash from src/crypto).
 * Keys are not copied: they are part of the value, and must stay unchanged while it is in the map.
 * Iteration order is unspecified.
 */
#ifndef LP2P_BASE_MAP_H
#define LP2P_BASE_MAP_H

#include "base/mem.h"
#include "base/span.h"

/* Keyed hash of `key`; `ctx` holds the secret. */
struct lp2p_hasher {
    const void *ctx;
    uint64_t (*hash)(const void *ctx, struct lp2p_span key);
};

struct lp2p_map_slot {
    uint64_t hash;
    struct lp2p_span key; /* inside `value` */
    void *value;          /* NULL: free slot */
};

struct lp2p_map {
    const struct lp2p_mem *mem;
    struct lp2p_hasher hasher;
    struct lp2p_map_slot *slots; /* NULL until the first add */
    size_t cap;                  /* number of slots, a power of two */
    size_t len;
    size_t max;
};

/* `max` > 0 entries. Allocates nothing. */
void lp2p_map_init(struct lp2p_map *m, const struct lp2p_mem *mem, struct lp2p_hasher hasher,
                   size_t max);

/* Gives the slots back; the values belong to the caller. */
void lp2p_map_fini(struct lp2p_map *m);

/* The value or NULL. */
void *lp2p_map_find(const struct lp2p_map *m, struct lp2p_span key);

/*
 * Adds `value` (not NULL) under `key`, whose bytes live as long as the entry.
 * -LP2P_E_EXISTS, -LP2P_E_LIMIT when full, -LP2P_E_NOMEM.
 */
int lp2p_map_add(struct lp2p_map *m, struct lp2p_span key, void *value);

/* Takes the entry out and returns its value, or NULL. */
void *lp2p_map_remove(struct lp2p_map *m, struct lp2p_span key);

/* Next value from `*pos` (start with 0), or NULL at the end. The map may not change meanwhile. */
void *lp2p_map_next(const struct lp2p_map *m, size_t *pos);

#endif
