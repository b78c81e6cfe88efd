/*
 * A cursor over bytes somebody lent: bounded reads, big endian. `get` consumes, `peek` does not.
 *
 * Every read fails with -LP2P_E_TRUNCATED when too few bytes are left, and then consumes nothing.
 */
#ifndef LP2P_BASE_CURSOR_H
#define LP2P_BASE_CURSOR_H

#include "base/span.h"

struct lp2p_cursor {
    const uint8_t *p;   /* next byte */
    const uint8_t *end; /* one past the last */
};

static inline struct lp2p_cursor lp2p_cursor(const void *p, size_t n)
{
    const uint8_t *b = (const uint8_t *)p;
    return (struct lp2p_cursor){.p = b, .end = n == 0 ? b : b + n};
}

static inline size_t lp2p_cursor_left(const struct lp2p_cursor *c)
{
    return (size_t)(c->end - c->p);
}

int lp2p_cursor_get_u8(struct lp2p_cursor *c, uint8_t *ret);
int lp2p_cursor_get_u16(struct lp2p_cursor *c, uint16_t *ret);
int lp2p_cursor_get_u32(struct lp2p_cursor *c, uint32_t *ret);
int lp2p_cursor_get_u64(struct lp2p_cursor *c, uint64_t *ret);

/* Lends the next `n` bytes of the cursor's memory. */
int lp2p_cursor_get_span(struct lp2p_cursor *c, size_t n, struct lp2p_span *ret);

/* Copies the next `n` bytes. */
int lp2p_cursor_get_bytes(struct lp2p_cursor *c, uint8_t *ret, size_t n);

int lp2p_cursor_skip(struct lp2p_cursor *c, size_t n);

/* Big-endian stores and loads for fixed layouts. */
void lp2p_put_be16(uint8_t p[LP2P_SIZE(2)], uint16_t v);
void lp2p_put_be32(uint8_t p[LP2P_SIZE(4)], uint32_t v);
void lp2p_put_be64(uint8_t p[LP2P_SIZE(8)], uint64_t v);
void lp2p_put_le64(uint8_t p[LP2P_SIZE(8)], uint64_t v);
uint16_t lp2p_get_be16(const uint8_t p[LP2P_SIZE(2)]);
uint32_t lp2p_get_be32(const uint8_t p[LP2P_SIZE(4)]);
uint64_t lp2p_get_be64(const uint8_t p[LP2P_SIZE(8)]);

#endif
