/*
 * The text of peer ids (specs peer-ids.md, RFC 0001): base58btc of the multihash, or a CIDv1 with
 * codec libp2p-key in any multibase we know. Shape only; what an inlined key is worth, identity/
 * judges.
 */
#ifndef LP2P_FORMAT_PEER_TEXT_H
#define LP2P_FORMAT_PEER_TEXT_H

#include "lp2p/peer_id.h"

/* Longest text anybody writes: a CIDv1 of 46 bytes in base16 has 93 characters. */
#define LP2P_PEER_TEXT_MAX 128U

/* Text to multihash. -LP2P_E_DECODE, -LP2P_E_TOO_LONG above 128 characters. */
int lp2p_peer_text_parse(const char *text, size_t n, uint8_t ret[LP2P_SIZE(LP2P_PEER_ID_MAX)],
                         size_t *ret_len);

/* Multihash of 1 to 44 bytes to base58btc with a NUL; returns its length. */
size_t lp2p_peer_text_format(struct lp2p_span multihash,
                             char text[LP2P_SIZE(LP2P_PEER_ID_TEXT_SIZE)]);

#endif
