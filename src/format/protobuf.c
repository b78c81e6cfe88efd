#include "format/protobuf.h"

#include "base/assert.h"
#include "format/varint.h"
#include "lp2p/error.h"

struct lp2p_pb_reader lp2p_pb_reader(struct lp2p_span msg)
{
    return (struct lp2p_pb_reader){.c = lp2p_cursor(msg.p, msg.n)};
}

/* Little-endian integer of `n` bytes. */
static int pb_get_fixed(struct lp2p_cursor *c, size_t n, uint64_t *ret)
{
    struct lp2p_span s;
    LP2P_TRY(lp2p_cursor_get_span(c, n, &s));
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++) {
        v |= (uint64_t)s.p[i] << (8 * i);
    }
    *ret = v;
    return 0;
}

static int pb_get_key(struct lp2p_cursor *c, uint32_t *ret_num, unsigned *ret_wire)
{
    uint64_t key;
    LP2P_TRY(lp2p_pb_varint_get(c, &key));
    uint64_t num = key >> 3;
    if (num == 0 || num > LP2P_PB_MAX_FIELD) {
        return -LP2P_E_DECODE;
    }
    *ret_num = (uint32_t)num;
    *ret_wire = (unsigned)(key & 7);
    return 0;
}

static int pb_get_field(struct lp2p_cursor *c, struct lp2p_pb_field *ret)
{
    unsigned wire;
    struct lp2p_pb_field f = {.value = 0};
    LP2P_TRY(pb_get_key(c, &f.num, &wire));
    uint64_t n;
    switch (wire) {
    case LP2P_PB_VARINT:
        LP2P_TRY(lp2p_pb_varint_get(c, &f.value));
        break;
    case LP2P_PB_FIXED64:
        LP2P_TRY(pb_get_fixed(c, 8, &f.value));
        break;
    case LP2P_PB_BYTES:
        LP2P_TRY(lp2p_pb_varint_get(c, &n));
        if (n > lp2p_cursor_left(c)) {
            return -LP2P_E_DECODE;
        }
        LP2P_TRY(lp2p_cursor_get_span(c, (size_t)n, &f.bytes));
        break;
    case LP2P_PB_FIXED32:
        LP2P_TRY(pb_get_fixed(c, 4, &f.value));
        break;
    default: /* groups (3, 4) and what does not exist */
        return -LP2P_E_DECODE;
    }
    f.wire = (enum lp2p_pb_wire)wire;
    *ret = f;
    return 0;
}

bool lp2p_pb_next(struct lp2p_pb_reader *r, struct lp2p_pb_field *ret)
{
    if (r->err != 0 || lp2p_cursor_left(&r->c) == 0) {
        return false;
    }
    if (pb_get_field(&r->c, ret) != 0) {
        r->err = -LP2P_E_DECODE; /* a message is whole: what is missing will not come */
        return false;
    }
    return true;
}

int lp2p_pb_end(const struct lp2p_pb_reader *r)
{
    return r->err;
}

int lp2p_pb_field_bytes(const struct lp2p_pb_field *f, struct lp2p_span *ret)
{
    if (f->wire != LP2P_PB_BYTES) {
        return -LP2P_E_DECODE;
    }
    *ret = f->bytes;
    return 0;
}

int lp2p_pb_field_u64(const struct lp2p_pb_field *f, uint64_t *ret)
{
    if (f->wire != LP2P_PB_VARINT) {
        return -LP2P_E_DECODE;
    }
    *ret = f->value;
    return 0;
}

int lp2p_pb_field_u32(const struct lp2p_pb_field *f, uint32_t *ret)
{
    if (f->wire != LP2P_PB_VARINT || f->value > UINT32_MAX) {
        return -LP2P_E_DECODE;
    }
    *ret = (uint32_t)f->value;
    return 0;
}

int lp2p_pb_field_bool(const struct lp2p_pb_field *f, bool *ret)
{
    if (f->wire != LP2P_PB_VARINT) {
        return -LP2P_E_DECODE;
    }
    *ret = f->value != 0;
    return 0;
}

struct lp2p_pb_writer lp2p_pb_writer_buf(struct lp2p_buf *buf)
{
    return (struct lp2p_pb_writer){.buf = buf};
}

struct lp2p_pb_writer lp2p_pb_writer_fixed(uint8_t *p, size_t cap)
{
    return (struct lp2p_pb_writer){.p = p, .cap = cap};
}

static void pb_write(struct lp2p_pb_writer *w, const void *p, size_t n)
{
    if (w->err != 0 || n == 0) {
        return;
    }
    if (w->buf != NULL) {
        w->err = lp2p_buf_append(w->buf, p, n);
    } else if (n > w->cap - w->len) {
        w->err = -LP2P_E_TOO_LONG;
    } else {
        memcpy(w->p + w->len, p, n);
    }
    w->len += w->err == 0 ? n : 0;
}

static void pb_write_varint(struct lp2p_pb_writer *w, uint64_t v)
{
    uint8_t tmp[LP2P_PB_VARINT_SIZE];
    pb_write(w, tmp, lp2p_pb_varint_put(tmp, v));
}

static uint64_t pb_key(uint32_t num, enum lp2p_pb_wire wire)
{
    return (uint64_t)num << 3 | wire;
}

static void pb_write_key(struct lp2p_pb_writer *w, uint32_t num, enum lp2p_pb_wire wire)
{
    LP2P_ASSERT(num >= 1 && num <= LP2P_PB_MAX_FIELD && num >= w->last);
    w->last = num;
    pb_write_varint(w, pb_key(num, wire));
}

void lp2p_pb_put_u64(struct lp2p_pb_writer *w, uint32_t num, uint64_t v)
{
    pb_write_key(w, num, LP2P_PB_VARINT);
    pb_write_varint(w, v);
}

void lp2p_pb_put_bytes(struct lp2p_pb_writer *w, uint32_t num, struct lp2p_span v)
{
    pb_write_key(w, num, LP2P_PB_BYTES);
    pb_write_varint(w, v.n);
    pb_write(w, v.p, v.n);
}

struct lp2p_pb_mark lp2p_pb_begin(struct lp2p_pb_writer *w, uint32_t num, size_t size)
{
    pb_write_key(w, num, LP2P_PB_BYTES);
    pb_write_varint(w, size);
    struct lp2p_pb_mark mark = {.last = w->last, .end = w->len + size};
    w->last = 0;
    return mark;
}

void lp2p_pb_end_message(struct lp2p_pb_writer *w, struct lp2p_pb_mark mark)
{
    LP2P_ASSERT(w->err != 0 || w->len == mark.end); /* the size given to `begin` was right */
    w->last = mark.last;
}

int lp2p_pb_finish(struct lp2p_pb_writer *w, size_t *ret_len)
{
    if (w->err != 0) {
        if (w->buf != NULL) {
            lp2p_buf_truncate(w->buf, w->buf->len - w->len);
        }
        return w->err;
    }
    *ret_len = w->len;
    return 0;
}

size_t lp2p_pb_size_u64(uint32_t num, uint64_t v)
{
    return lp2p_pb_varint_size(pb_key(num, LP2P_PB_VARINT)) + lp2p_pb_varint_size(v);
}

size_t lp2p_pb_size_bytes(uint32_t num, size_t n)
{
    return lp2p_pb_varint_size(pb_key(num, LP2P_PB_BYTES)) + lp2p_pb_varint_size(n) + n;
}
