#include "base/buf.h"

#include "base/assert.h"
#include "lp2p/error.h"

/* Small messages are common: the first block holds one without growing. */
#define BUF_FIRST 128U

void lp2p_buf_init(struct lp2p_buf *b, const struct lp2p_mem *mem, size_t max)
{
    LP2P_ASSERT(max > 0);
    *b = (struct lp2p_buf){.mem = mem, .max = max};
}

void lp2p_buf_fini(struct lp2p_buf *b)
{
    lp2p_free(b->mem, b->p);
    lp2p_buf_init(b, b->mem, b->max);
}

void lp2p_buf_wipe(struct lp2p_buf *b)
{
    if (b->p != NULL) {
        lp2p_wipe(b->p, b->cap);
    }
    lp2p_buf_fini(b);
}

static int buf_grow(struct lp2p_buf *b, size_t need)
{
    size_t cap = LP2P_MAX(b->cap, BUF_FIRST);
    while (cap < need) {
        cap = cap > b->max / 2 ? b->max : cap * 2;
    }
    cap = LP2P_MIN(cap, b->max);
    uint8_t *p = lp2p_resize(b->mem, b->p, cap, 1);
    if (p == NULL) {
        return -LP2P_E_NOMEM;
    }
    b->p = p;
    b->cap = cap;
    return 0;
}

int lp2p_buf_reserve(struct lp2p_buf *b, size_t n, uint8_t **ret)
{
    if (n > b->max - b->len) {
        return -LP2P_E_LIMIT;
    }
    size_t need = b->len + n;
    if (b->off > 0 && b->cap - b->off < need) {
        memmove(b->p, b->p + b->off, b->len);
        b->off = 0;
    }
    if (b->cap < need || b->p == NULL) {
        LP2P_TRY(buf_grow(b, need));
    }
    *ret = b->p + b->off + b->len;
    return 0;
}

void lp2p_buf_commit(struct lp2p_buf *b, size_t n)
{
    LP2P_ASSERT(n <= b->cap - b->off - b->len);
    b->len += n;
}

int lp2p_buf_append(struct lp2p_buf *b, const void *p, size_t n)
{
    if (n == 0) {
        return 0;
    }
    uint8_t *room;
    LP2P_TRY(lp2p_buf_reserve(b, n, &room));
    memcpy(room, p, n);
    lp2p_buf_commit(b, n);
    return 0;
}

int lp2p_buf_append_u8(struct lp2p_buf *b, uint8_t v)
{
    return lp2p_buf_append(b, &v, 1);
}

void lp2p_buf_consume(struct lp2p_buf *b, size_t n)
{
    LP2P_ASSERT(n <= b->len);
    b->len -= n;
    b->off = b->len == 0 ? 0 : b->off + n;
}

void lp2p_buf_truncate(struct lp2p_buf *b, size_t n)
{
    LP2P_ASSERT(n <= b->len);
    b->len = n;
}

void lp2p_buf_clear(struct lp2p_buf *b)
{
    b->off = 0;
    b->len = 0;
}

void lp2p_buf_trim(struct lp2p_buf *b)
{
    if (b->len == 0) {
        lp2p_buf_fini(b);
    }
}
