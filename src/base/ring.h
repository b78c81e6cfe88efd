/*
 * Bounded queue of equal elements, copied in and out: the event queues of engines. Grows by
 * doubling up to its maximum.
 */
#ifndef LP2P_BASE_RING_H
#define LP2P_BASE_RING_H

#include "base/mem.h"

struct lp2p_ring {
    const struct lp2p_mem *mem;
    uint8_t *p;
    size_t size; /* of one element */
    size_t head; /* index of the oldest */
    size_t len;
    size_t cap;
    size_t max;
};

/* `max` > 0 elements of `size` bytes. Allocates nothing. */
void lp2p_ring_init(struct lp2p_ring *r, const struct lp2p_mem *mem, size_t size, size_t max);
void lp2p_ring_fini(struct lp2p_ring *r);

/* Makes room so that the next `n` pushes cannot fail. -LP2P_E_LIMIT beyond the maximum,
 * -LP2P_E_NOMEM. */
int lp2p_ring_reserve(struct lp2p_ring *r, size_t n);

/* Appends a copy. -LP2P_E_LIMIT, -LP2P_E_NOMEM. */
int lp2p_ring_push(struct lp2p_ring *r, const void *elem);

/* Copies the oldest out and drops it; false when empty. */
bool lp2p_ring_pop(struct lp2p_ring *r, void *elem);

/* The i-th oldest (i < len); valid until the next push or pop. */
void *lp2p_ring_at(const struct lp2p_ring *r, size_t i);

void lp2p_ring_clear(struct lp2p_ring *r);

#endif
