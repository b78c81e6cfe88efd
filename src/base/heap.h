/*
 * Binary heap of deadlines, intrusive: the node is a member of what waits. Earliest first; equal
 * deadlines in order of insertion.
 *
 * Used for every timer of the library; the clock is the caller's.
 */
#ifndef LP2P_BASE_HEAP_H
#define LP2P_BASE_HEAP_H

#include "base/mem.h"

struct lp2p_heap_node {
    lp2p_ts at;
    uint64_t order; /* number of insertion */
    size_t index;   /* place in the heap plus one; 0: not in it */
};

struct lp2p_heap {
    const struct lp2p_mem *mem;
    struct lp2p_heap_node **nodes;
    size_t len;
    size_t cap;
    uint64_t order;
};

void lp2p_heap_init(struct lp2p_heap *h, const struct lp2p_mem *mem);
void lp2p_heap_fini(struct lp2p_heap *h);

/* Makes room so that the next `n` additions cannot fail. -LP2P_E_NOMEM. */
int lp2p_heap_reserve(struct lp2p_heap *h, size_t n);

/* Adds a node that is in no heap. -LP2P_E_NOMEM unless reserved. */
int lp2p_heap_add(struct lp2p_heap *h, struct lp2p_heap_node *node, lp2p_ts at);

/* Takes the node out; does nothing for one that is in no heap. */
void lp2p_heap_remove(struct lp2p_heap *h, struct lp2p_heap_node *node);

/* The earliest node or NULL. */
struct lp2p_heap_node *lp2p_heap_first(const struct lp2p_heap *h);

#endif
