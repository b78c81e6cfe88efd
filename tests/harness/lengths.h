/*
 * The lengths a peer would lie with (SECURITY 2.1, class C2): each is put in front of a body of 16
 * bytes, so only 16 itself may be believed, and 0 where an empty value is legal.
 */
#ifndef LP2P_TESTS_HARNESS_LENGTHS_H
#define LP2P_TESTS_HARNESS_LENGTHS_H

#include <stddef.h>
#include <stdint.h>

static const uint64_t lengths[] = {
    0,
    1,
    15,
    16,
    17,
    127,
    128,
    255,
    256,
    16383,
    16384,
    65535,
    65536,
    UINT64_C(0x7fffffff),
    UINT64_C(0x80000000),
    UINT64_C(0xffffffff),
    UINT64_C(0x100000000),
    UINT64_C(0x7fffffffffffffff),
    UINT64_C(0x8000000000000000),
    UINT64_C(0xfffffffffffffff0),
    UINT64_C(0xffffffffffffffff),
};
static const size_t lengths_count = sizeof(lengths) / sizeof(lengths[0]);

/* Writes `v` as a varint of up to ten bytes, also where a decoder allows only nine. */
static inline size_t lengths_put(uint8_t *p, uint64_t v)
{
    size_t n = 0;
    for (; v >= 0x80; v >>= 7) {
        p[n++] = (uint8_t)(v | 0x80);
    }
    p[n++] = (uint8_t)v;
    return n;
}

#endif
