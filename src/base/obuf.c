#include "base/obuf.h"

#include "base/assert.h"
#include "lp2p/error.h"

void lp2p_obuf_init(struct lp2p_obuf *o, struct lp2p_pool *small)
{
    *o = (struct lp2p_obuf){.small = small};
}

void lp2p_obuf_set_large(struct lp2p_obuf *o, struct lp2p_pool *large, struct lp2p_scope *scope)
{
    LP2P_ASSERT(o->p == NULL && large->size > o->small->size);
    o->large = large;
    o->scope = scope;
}

void lp2p_obuf_fini(struct lp2p_obuf *o)
{
    if (o->is_large) {
        lp2p_pool_put(o->large, o->p);
        lp2p_scope_release(o->scope, LP2P_SCOPE_MEM, o->large->size);
    } else {
        lp2p_pool_put(o->small, o->p);
    }
    *o = (struct lp2p_obuf){.small = o->small, .large = o->large, .scope = o->scope};
}

size_t lp2p_obuf_size(const struct lp2p_obuf *o)
{
    return o->is_large ? o->large->size : o->small->size;
}

int lp2p_obuf_grow(struct lp2p_obuf *o)
{
    if (o->is_large) {
        return 0;
    }
    if (o->large == NULL) {
        return -LP2P_E_AGAIN;
    }
    LP2P_TRY(lp2p_scope_reserve(o->scope, LP2P_SCOPE_MEM, o->large->size));
    uint8_t *block = lp2p_pool_get(o->large);
    if (block == NULL) {
        lp2p_scope_release(o->scope, LP2P_SCOPE_MEM, o->large->size);
        return -LP2P_E_NOMEM;
    }
    if (o->len > 0) {
        memcpy(block, o->p + o->off, o->len);
    }
    lp2p_pool_put(o->small, o->p);
    o->p = block;
    o->is_large = true;
    o->off = 0;
    return 0;
}

size_t lp2p_obuf_room(const struct lp2p_obuf *o)
{
    return lp2p_obuf_size(o) - o->len;
}

int lp2p_obuf_reserve(struct lp2p_obuf *o, size_t n, uint8_t **ret)
{
    if (n > lp2p_obuf_room(o)) {
        return -LP2P_E_AGAIN;
    }
    if (o->p == NULL) {
        o->p = lp2p_pool_get(o->small);
        if (o->p == NULL) {
            return -LP2P_E_NOMEM;
        }
    }
    if (o->off > 0 && lp2p_obuf_size(o) - o->off - o->len < n) {
        memmove(o->p, o->p + o->off, o->len);
        o->off = 0;
    }
    *ret = o->p + o->off + o->len;
    return 0;
}

void lp2p_obuf_commit(struct lp2p_obuf *o, size_t n)
{
    LP2P_ASSERT(n <= lp2p_obuf_size(o) - o->off - o->len);
    o->len += n;
}

int lp2p_obuf_append(struct lp2p_obuf *o, const void *p, size_t n)
{
    if (n == 0) {
        return 0;
    }
    uint8_t *room;
    LP2P_TRY(lp2p_obuf_reserve(o, n, &room));
    memcpy(room, p, n);
    lp2p_obuf_commit(o, n);
    return 0;
}

uint8_t *lp2p_obuf_tail(struct lp2p_obuf *o, size_t n)
{
    LP2P_ASSERT(n <= o->len);
    return o->p + o->off + o->len - n;
}

void lp2p_obuf_cut(struct lp2p_obuf *o, size_t n)
{
    LP2P_ASSERT(n <= o->len);
    o->len -= n;
    if (o->len == 0) {
        lp2p_obuf_fini(o);
    }
}

struct lp2p_span lp2p_obuf_span(const struct lp2p_obuf *o)
{
    return lp2p_span(o->len == 0 ? NULL : o->p + o->off, o->len);
}

void lp2p_obuf_consume(struct lp2p_obuf *o, size_t n)
{
    LP2P_ASSERT(n <= o->len);
    o->off += n;
    o->len -= n;
    if (o->len == 0) {
        lp2p_obuf_fini(o);
    }
}
