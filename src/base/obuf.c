#include "base/obuf.h"

#include "base/assert.h"
#include "lp2p/error.h"

void lp2p_obuf_init(struct lp2p_obuf *o, struct lp2p_pool *pool)
{
    *o = (struct lp2p_obuf){.pool = pool};
}

void lp2p_obuf_fini(struct lp2p_obuf *o)
{
    lp2p_pool_put(o->pool, o->p);
    lp2p_obuf_init(o, o->pool);
}

size_t lp2p_obuf_room(const struct lp2p_obuf *o)
{
    return o->pool->size - o->len;
}

int lp2p_obuf_reserve(struct lp2p_obuf *o, size_t n, uint8_t **ret)
{
    if (n > lp2p_obuf_room(o)) {
        return -LP2P_E_AGAIN;
    }
    if (o->p == NULL) {
        o->p = lp2p_pool_get(o->pool);
        if (o->p == NULL) {
            return -LP2P_E_NOMEM;
        }
    }
    if (o->off > 0 && o->pool->size - o->off - o->len < n) {
        memmove(o->p, o->p + o->off, o->len);
        o->off = 0;
    }
    *ret = o->p + o->off + o->len;
    return 0;
}

void lp2p_obuf_commit(struct lp2p_obuf *o, size_t n)
{
    LP2P_ASSERT(n <= o->pool->size - o->off - o->len);
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
