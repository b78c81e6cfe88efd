/*
 * Pool of equal blocks for read and output buffers: held only while in use, a few kept for the next
 * user.
 *
 * An idle connection holds no block (DESIGN 4.8).
 */
#ifndef LP2P_BASE_POOL_H
#define LP2P_BASE_POOL_H

#include "base/mem.h"

struct lp2p_pool {
    const struct lp2p_mem *mem;
    size_t size; /* of a block, bytes */
    size_t used; /* blocks that are out */
    size_t max;  /* most blocks out at once */
    size_t keep; /* most free blocks kept */
    size_t kept;
    void *free_list; /* linked through the first bytes of the blocks */
};

/* Blocks of `size` >= 16 bytes, at most `max` out at once, `keep` kept when they come back. */
void lp2p_pool_init(struct lp2p_pool *p, const struct lp2p_mem *mem, size_t size, size_t max,
                    size_t keep);

/* All blocks must be back. */
void lp2p_pool_fini(struct lp2p_pool *p);

/* NULL when there is no memory or `max` blocks are out. */
uint8_t *lp2p_pool_get(struct lp2p_pool *p);

/* Takes a block back; takes NULL. */
void lp2p_pool_put(struct lp2p_pool *p, uint8_t *block);

#endif
