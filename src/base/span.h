/*
 * Spans: a pointer and a length, lent. `lp2p_span` (public) reads, `lp2p_mspan` writes.
 */
#ifndef LP2P_BASE_SPAN_H
#define LP2P_BASE_SPAN_H

#include <string.h>

#include "lp2p/types.h"

/* Bytes lent for reading and writing: engines decrypt in place. */
struct lp2p_mspan {
    uint8_t *p;
    size_t n;
};

static inline struct lp2p_span lp2p_span(const void *p, size_t n)
{
    return (struct lp2p_span){.p = (const uint8_t *)p, .n = n};
}

/* The bytes of a C string without its NUL. */
static inline struct lp2p_span lp2p_span_str(const char *s)
{
    return lp2p_span(s, strlen(s));
}

static inline bool lp2p_span_eq(struct lp2p_span a, struct lp2p_span b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool lp2p_span_eq_str(struct lp2p_span a, const char *s)
{
    return lp2p_span_eq(a, lp2p_span_str(s));
}

#endif
