/*
 * Small types and macros that every lp2p header uses.
 *
 * Nothing here depends on anything but the C library; the header compiles as C17 and as C++17.
 */
#ifndef LP2P_TYPES_H
#define LP2P_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define LP2P_BEGIN_DECLS extern "C" {
#define LP2P_END_DECLS   }
/* The size of an array parameter; C++ has no `static` there. */
#define LP2P_SIZE(n)
#else
#define LP2P_BEGIN_DECLS
#define LP2P_END_DECLS
#define LP2P_SIZE(n) static n
#endif

/* Marks what the shared libraries export; everything else is hidden. */
#define LP2P_API __attribute__((visibility("default")))

/* Monotonic nanoseconds from an arbitrary start. */
typedef uint64_t lp2p_ts;

/* "At no time": later than every deadline. */
#define LP2P_TS_NEVER UINT64_MAX

#define LP2P_USEC(n) ((lp2p_ts)(n)*1000U)
#define LP2P_MSEC(n) ((lp2p_ts)(n)*1000000U)
#define LP2P_SEC(n)  ((lp2p_ts)(n)*1000000000U)

/* `a` + `b`, at most LP2P_TS_NEVER: a time-out of "never" is one. */
static inline lp2p_ts lp2p_ts_add(lp2p_ts a, lp2p_ts b)
{
    return b > LP2P_TS_NEVER - a ? LP2P_TS_NEVER : a + b;
}

/* Bytes lent for reading; who lends them says until when they are valid. `p` may be NULL when `n`
 * is 0. */
struct lp2p_span {
    const uint8_t *p;
    size_t n;
};

#endif
