#include "base/ring.h"

#include <string.h>

#include "base/assert.h"
#include "lp2p/error.h"

#define RING_FIRST 4U

void lp2p_ring_init(struct lp2p_ring *r, const struct lp2p_mem *mem, size_t size, size_t max)
{
    LP2P_ASSERT(size > 0 && max > 0);
    *r = (struct lp2p_ring){.mem = mem, .size = size, .max = max};
}

void lp2p_ring_fini(struct lp2p_ring *r)
{
    lp2p_free(r->mem, r->p);
    lp2p_ring_init(r, r->mem, r->size, r->max);
}

/* Unrolls the queue into a block of `cap` elements. */
static int ring_grow(struct lp2p_ring *r, size_t cap)
{
    uint8_t *p = lp2p_calloc(r->mem, cap, r->size);
    if (p == NULL) {
        return -LP2P_E_NOMEM;
    }
    for (size_t i = 0; i < r->len; i++) {
        memcpy(p + i * r->size, lp2p_ring_at(r, i), r->size);
    }
    lp2p_free(r->mem, r->p);
    r->p = p;
    r->cap = cap;
    r->head = 0;
    return 0;
}

int lp2p_ring_reserve(struct lp2p_ring *r, size_t n)
{
    if (n > r->max - r->len) {
        return -LP2P_E_LIMIT;
    }
    size_t need = r->len + n;
    if (need <= r->cap) {
        return 0;
    }
    size_t cap = LP2P_MAX(LP2P_MAX(need, RING_FIRST), r->cap * 2);
    return ring_grow(r, LP2P_MIN(cap, r->max));
}

int lp2p_ring_push(struct lp2p_ring *r, const void *elem)
{
    LP2P_TRY(lp2p_ring_reserve(r, 1));
    r->len++;
    memcpy(lp2p_ring_at(r, r->len - 1), elem, r->size);
    return 0;
}

bool lp2p_ring_pop(struct lp2p_ring *r, void *elem)
{
    if (r->len == 0) {
        return false;
    }
    memcpy(elem, lp2p_ring_at(r, 0), r->size);
    r->head = (r->head + 1) % r->cap;
    r->len--;
    return true;
}

void *lp2p_ring_at(const struct lp2p_ring *r, size_t i)
{
    LP2P_ASSERT(i < r->len);
    return r->p + (r->head + i) % r->cap * r->size;
}

void lp2p_ring_clear(struct lp2p_ring *r)
{
    r->head = 0;
    r->len = 0;
}
