/*
 * Variable-length integers: the unsigned varint of multiformats (minimal, at most 63 bits) and the
 * varint of protobuf (64 bits, minimality not asked for). Two decoders on purpose: what is refused
 * in a multihash is legal in a protobuf message.
 *
 * Nothing here allocates or trusts a length: callers compare the value with what is left.
 */
#ifndef LP2P_FORMAT_VARINT_H
#define LP2P_FORMAT_VARINT_H

#include "base/cursor.h"

/* multiformats/unsigned-varint: no more than 9 bytes, 63 bits. */
#define LP2P_UVARINT_SIZE 9U
#define LP2P_UVARINT_MAX  (UINT64_MAX >> 1)
/* 64 bits in groups of 7. */
#define LP2P_PB_VARINT_SIZE 10U

/*
 * Takes one unsigned varint from the cursor. -LP2P_E_TRUNCATED when more bytes are needed (then
 * nothing is consumed), -LP2P_E_DECODE when it is not minimal or longer than 9 bytes.
 */
int lp2p_uvarint_get(struct lp2p_cursor *c, uint64_t *ret);

/* Bytes that `v` <= LP2P_UVARINT_MAX takes: 1 to 9. */
size_t lp2p_uvarint_size(uint64_t v);

/* Writes `v` <= LP2P_UVARINT_MAX; returns its length. */
size_t lp2p_uvarint_put(uint8_t p[LP2P_SIZE(LP2P_UVARINT_SIZE)], uint64_t v);

/*
 * Takes one protobuf varint. -LP2P_E_TRUNCATED as above, -LP2P_E_DECODE when it is longer than 10
 * bytes or does not fit 64 bits.
 */
int lp2p_pb_varint_get(struct lp2p_cursor *c, uint64_t *ret);

/* Bytes that `v` takes: 1 to 10. */
size_t lp2p_pb_varint_size(uint64_t v);

/* Writes `v`; returns its length. */
size_t lp2p_pb_varint_put(uint8_t p[LP2P_SIZE(LP2P_PB_VARINT_SIZE)], uint64_t v);

#endif
