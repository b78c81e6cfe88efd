/*
 * Multihash: code, length, digest (multiformats/multihash). Which digests there are is not judged
 * here, but for peer ids, where two shapes exist.
 */
#ifndef LP2P_FORMAT_MULTIHASH_H
#define LP2P_FORMAT_MULTIHASH_H

#include "base/span.h"

#define LP2P_MULTIHASH_IDENTITY 0x00U
#define LP2P_MULTIHASH_SHA2_256 0x12U

/* Longest key that a peer id carries inlined (peer-ids.md). */
#define LP2P_MULTIHASH_MAX_INLINE 42U

struct lp2p_multihash {
    uint64_t code;
    struct lp2p_span digest; /* in the bytes it was taken from */
};

/* Takes the bytes whole. -LP2P_E_DECODE, also when bytes are missing or left over. */
int lp2p_multihash_decode(struct lp2p_span bytes, struct lp2p_multihash *ret);

/* Writes into `out`. -LP2P_E_TOO_LONG. */
int lp2p_multihash_encode(const struct lp2p_multihash *mh, struct lp2p_mspan out, size_t *ret_len);

/* True for the shapes of peer ids: identity of 1 to 42 bytes, SHA-256 of 32. What an inlined key
 * is worth, identity/ judges. */
bool lp2p_multihash_is_peer(struct lp2p_span bytes);

#endif
