#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

static void *default_alloc(void *ctx, size_t n)
{
    (void)ctx;
    return malloc(n);
}

static void *default_resize(void *ctx, void *p, size_t n)
{
    (void)ctx;
    return realloc(p, n);
}

static void default_free(void *ctx, void *p)
{
    (void)ctx;
    free(p);
}

const struct lp2p_mem *lp2p_mem_default(void)
{
    static const struct lp2p_mem mem = {
        .alloc = default_alloc,
        .resize = default_resize,
        .free = default_free,
    };
    return &mem;
}

void *lp2p_alloc(const struct lp2p_mem *mem, size_t n)
{
    LP2P_ASSERT(n > 0);
    return mem->alloc(mem->ctx, n);
}

void *lp2p_calloc(const struct lp2p_mem *mem, size_t n, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(n, size, &total) || total == 0) {
        return NULL;
    }
    void *p = mem->alloc(mem->ctx, total);
    if (p != NULL) {
        memset(p, 0, total);
    }
    return p;
}

void *lp2p_resize(const struct lp2p_mem *mem, void *p, size_t n, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(n, size, &total) || total == 0) {
        return NULL;
    }
    return mem->resize(mem->ctx, p, total);
}

void lp2p_free(const struct lp2p_mem *mem, void *p)
{
    if (p != NULL) {
        mem->free(mem->ctx, p);
    }
}

char *lp2p_strndup(const struct lp2p_mem *mem, const char *s, size_t n)
{
    size_t total;
    if (__builtin_add_overflow(n, 1, &total)) {
        return NULL;
    }
    char *copy = lp2p_alloc(mem, total);
    if (copy != NULL) {
        if (n > 0) {
            memcpy(copy, s, n);
        }
        copy[n] = '\0';
    }
    return copy;
}

void lp2p_wipe(void *p, size_t n)
{
    explicit_bzero(p, n);
}
