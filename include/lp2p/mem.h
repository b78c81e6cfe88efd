/*
 * The allocator seam. Every object that allocates was given one at creation; nothing else in the
 * library calls malloc.
 *
 * Tests hand in an allocator that fails at the n-th call; the library must come out of each failure
 * whole.
 */
#ifndef LP2P_MEM_H
#define LP2P_MEM_H

#include "lp2p/types.h"

LP2P_BEGIN_DECLS

struct lp2p_mem {
    void *ctx;
    void *(*alloc)(void *ctx, size_t n);           /* NULL when there is none; n > 0 */
    void *(*resize)(void *ctx, void *p, size_t n); /* as realloc; p may be NULL, n > 0 */
    void (*free)(void *ctx, void *p);              /* p may be NULL */
};

/* The C library's allocator. Lives for ever. */
LP2P_API const struct lp2p_mem *lp2p_mem_default(void);

LP2P_END_DECLS

#endif
