#include "format/varint.h"

#include "base/assert.h"
#include "lp2p/error.h"

/* Length of the varint at the cursor, its last byte included; at most `max` bytes. */
static int varint_length(const struct lp2p_cursor *c, size_t max, size_t *ret)
{
    size_t left = lp2p_cursor_left(c);
    for (size_t i = 0; i < max; i++) {
        if (i == left) {
            return -LP2P_E_TRUNCATED;
        }
        if ((c->p[i] & 0x80) == 0) {
            *ret = i + 1;
            return 0;
        }
    }
    return -LP2P_E_DECODE;
}

/* The groups of seven bits, least significant first. `n` <= 10; bits above 64 must be zero. */
static uint64_t varint_value(const uint8_t *p, size_t n)
{
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++) {
        v |= (uint64_t)(p[i] & 0x7f) << (7 * i);
    }
    return v;
}

int lp2p_uvarint_get(struct lp2p_cursor *c, uint64_t *ret)
{
    size_t n;
    LP2P_TRY(varint_length(c, LP2P_UVARINT_SIZE, &n));
    if (n > 1 && c->p[n - 1] == 0) {
        return -LP2P_E_DECODE; /* a shorter form exists */
    }
    *ret = varint_value(c->p, n);
    c->p += n;
    return 0;
}

int lp2p_pb_varint_get(struct lp2p_cursor *c, uint64_t *ret)
{
    size_t n;
    LP2P_TRY(varint_length(c, LP2P_PB_VARINT_SIZE, &n));
    if (n == LP2P_PB_VARINT_SIZE && c->p[n - 1] > 1) {
        return -LP2P_E_DECODE; /* the tenth byte holds bit 63 only */
    }
    *ret = varint_value(c->p, n);
    c->p += n;
    return 0;
}

size_t lp2p_pb_varint_size(uint64_t v)
{
    size_t n = 1;
    while (v >= 0x80) {
        v >>= 7;
        n++;
    }
    return n;
}

size_t lp2p_pb_varint_put(uint8_t p[static LP2P_PB_VARINT_SIZE], uint64_t v)
{
    size_t n = 0;
    while (v >= 0x80) {
        p[n++] = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    p[n++] = (uint8_t)v;
    return n;
}

size_t lp2p_uvarint_size(uint64_t v)
{
    LP2P_ASSERT(v <= LP2P_UVARINT_MAX);
    return lp2p_pb_varint_size(v);
}

size_t lp2p_uvarint_put(uint8_t p[static LP2P_UVARINT_SIZE], uint64_t v)
{
    LP2P_ASSERT(v <= LP2P_UVARINT_MAX);
    uint8_t tmp[LP2P_PB_VARINT_SIZE];
    size_t n = lp2p_pb_varint_put(tmp, v);
    memcpy(p, tmp, n);
    return n;
}
