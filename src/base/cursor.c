#include "base/cursor.h"

#include "lp2p/error.h"

void lp2p_put_be16(uint8_t p[static 2], uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

void lp2p_put_be32(uint8_t p[static 4], uint32_t v)
{
    lp2p_put_be16(p, (uint16_t)(v >> 16));
    lp2p_put_be16(p + 2, (uint16_t)v);
}

void lp2p_put_be64(uint8_t p[static 8], uint64_t v)
{
    lp2p_put_be32(p, (uint32_t)(v >> 32));
    lp2p_put_be32(p + 4, (uint32_t)v);
}

void lp2p_put_le64(uint8_t p[static 8], uint64_t v)
{
    for (size_t i = 0; i < 8; i++) {
        p[i] = (uint8_t)(v >> (8 * i));
    }
}

uint16_t lp2p_get_be16(const uint8_t p[static 2])
{
    return (uint16_t)((p[0] << 8) | p[1]);
}

uint32_t lp2p_get_be32(const uint8_t p[static 4])
{
    return ((uint32_t)lp2p_get_be16(p) << 16) | lp2p_get_be16(p + 2);
}

uint64_t lp2p_get_be64(const uint8_t p[static 8])
{
    return ((uint64_t)lp2p_get_be32(p) << 32) | lp2p_get_be32(p + 4);
}

int lp2p_cursor_get_u8(struct lp2p_cursor *c, uint8_t *ret)
{
    if (lp2p_cursor_left(c) < 1) {
        return -LP2P_E_TRUNCATED;
    }
    *ret = *c->p++;
    return 0;
}

int lp2p_cursor_get_u16(struct lp2p_cursor *c, uint16_t *ret)
{
    if (lp2p_cursor_left(c) < 2) {
        return -LP2P_E_TRUNCATED;
    }
    *ret = lp2p_get_be16(c->p);
    c->p += 2;
    return 0;
}

int lp2p_cursor_get_u32(struct lp2p_cursor *c, uint32_t *ret)
{
    if (lp2p_cursor_left(c) < 4) {
        return -LP2P_E_TRUNCATED;
    }
    *ret = lp2p_get_be32(c->p);
    c->p += 4;
    return 0;
}

int lp2p_cursor_get_u64(struct lp2p_cursor *c, uint64_t *ret)
{
    if (lp2p_cursor_left(c) < 8) {
        return -LP2P_E_TRUNCATED;
    }
    *ret = lp2p_get_be64(c->p);
    c->p += 8;
    return 0;
}

int lp2p_cursor_get_span(struct lp2p_cursor *c, size_t n, struct lp2p_span *ret)
{
    if (lp2p_cursor_left(c) < n) {
        return -LP2P_E_TRUNCATED;
    }
    *ret = lp2p_span(c->p, n);
    c->p += n;
    return 0;
}

int lp2p_cursor_get_bytes(struct lp2p_cursor *c, uint8_t *ret, size_t n)
{
    if (lp2p_cursor_left(c) < n) {
        return -LP2P_E_TRUNCATED;
    }
    if (n > 0) {
        memcpy(ret, c->p, n);
    }
    c->p += n;
    return 0;
}

int lp2p_cursor_skip(struct lp2p_cursor *c, size_t n)
{
    if (lp2p_cursor_left(c) < n) {
        return -LP2P_E_TRUNCATED;
    }
    c->p += n;
    return 0;
}
