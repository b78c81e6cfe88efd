/*
 * The random seam. Engines draw only from here; the simulator hands in a seeded generator.
 */
#ifndef LP2P_BASE_RANDOM_H
#define LP2P_BASE_RANDOM_H

#include "lp2p/types.h"

struct lp2p_random {
    void *ctx;
    /* Fills `n` bytes; cannot fail (the operating system's generator does not, once it is up). */
    void (*fill)(void *ctx, uint8_t *p, size_t n);
};

static inline void lp2p_random_fill(const struct lp2p_random *r, uint8_t *p, size_t n)
{
    r->fill(r->ctx, p, n);
}

/* Uniform in [0, bound); `bound` > 0. */
uint64_t lp2p_random_below(const struct lp2p_random *r, uint64_t bound);

#endif
