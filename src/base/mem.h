/*
 * Calls on the allocator seam (lp2p/mem.h). Sizes that come from the wire are checked against a
 * limit before they get here.
 */
#ifndef LP2P_BASE_MEM_H
#define LP2P_BASE_MEM_H

#include "lp2p/mem.h"

/* NULL when there is no memory; `n` > 0. The content is not initialised. */
void *lp2p_alloc(const struct lp2p_mem *mem, size_t n);

/* Zeroed array; NULL when there is no memory or `n * size` overflows. */
void *lp2p_calloc(const struct lp2p_mem *mem, size_t n, size_t size);

/* As realloc(3) for an array; on failure NULL, and `p` stays valid. */
void *lp2p_resize(const struct lp2p_mem *mem, void *p, size_t n, size_t size);

/* Takes NULL. */
void lp2p_free(const struct lp2p_mem *mem, void *p);

/* Copies `n` bytes and adds a NUL behind them; NULL when there is no memory. */
char *lp2p_strndup(const struct lp2p_mem *mem, const char *s, size_t n);

/* Overwrites a secret; the compiler may not leave it out. */
void lp2p_wipe(void *p, size_t n);

#endif
