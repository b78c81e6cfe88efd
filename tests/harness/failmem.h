/*
 * An allocator that counts, and fails where it is told to: once, or from there on.
 *
 * A test of failed allocations is one call:
 *
 *     static int scenario(const struct lp2p_mem *mem, void *ctx) { ... return 0 or the error; }
 *     failmem_each(scenario, ctx);
 *
 * The scenario runs once without failures and must return 0, then for every allocation it makes,
 * once with only that one failing and once with that one and all after it. Each time it must give
 * back what it took and return 0 (it got over it) or -LP2P_E_NOMEM; anything else aborts with the
 * number of the allocation. A scenario that allocates nothing is a mistake and aborts too.
 */
#ifndef LP2P_HARNESS_FAILMEM_H
#define LP2P_HARNESS_FAILMEM_H

#include "lp2p/mem.h"

struct failmem {
    struct lp2p_mem mem; /* hand this in */
    size_t fail_at;      /* number of the allocation that fails, from 1; 0: none */
    bool forever;        /* and all after it */
    size_t calls;        /* allocations asked for (alloc and resize) */
    size_t failed;       /* of them refused */
    size_t blocks;       /* not given back */
    size_t bytes;        /* in these */
    size_t peak;         /* most bytes at once */
    size_t total;        /* bytes ever given out */
};

/* Keeps the address of `f` inside: do not move it. */
void failmem_init(struct failmem *f, size_t fail_at, bool forever);

/* Aborts when a block was not given back. */
void failmem_check_empty(const struct failmem *f, const char *what);

typedef int (*failmem_scenario)(const struct lp2p_mem *mem, void *ctx);

/* Returns the number of allocations of the run without failures. */
size_t failmem_each(failmem_scenario scenario, void *ctx);

#endif
