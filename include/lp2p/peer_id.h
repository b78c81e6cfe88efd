/*
 * Peer ids: the multihash of a public key (specs peer-ids/peer-ids.md; RFC 0001 for the text
 * forms).
 *
 * A value type: copy it freely. Ids of up to 42 bytes of key are identity multihashes and carry the
 * key itself (Ed25519, secp256k1), longer keys are hashed with SHA-256 (RSA, ECDSA). Compare with
 * lp2p_peer_id_eq, never as text.
 */
#ifndef LP2P_PEER_ID_H
#define LP2P_PEER_ID_H

#include "lp2p/types.h"

LP2P_BEGIN_DECLS

/* Longest multihash: code, length and 42 bytes of an inlined key. */
#define LP2P_PEER_ID_MAX 44U

/* Room for the longest base58 text with its NUL (44 bytes make at most 61 characters). */
#define LP2P_PEER_ID_TEXT_SIZE 64U

struct lp2p_peer_id {
    uint8_t len;                     /* bytes used; 0: no id */
    uint8_t bytes[LP2P_PEER_ID_MAX]; /* multihash, the rest is zero */
};

/*
 * Takes a multihash: identity with a well-formed PublicKey inside (Ed25519 keys must be points of
 * the curve that the library accepts for verification), or SHA-256 of 32 bytes. -LP2P_E_DECODE
 * otherwise.
 */
LP2P_API int lp2p_peer_id_decode(const uint8_t *bytes, size_t n, struct lp2p_peer_id *ret);

/*
 * Reads base58btc (`12D3KooW...`, `Qm...`, `16Uiu2...`) or a CIDv1 with codec libp2p-key in any
 * multibase we know. `text` needs no NUL. -LP2P_E_DECODE when it is none, -LP2P_E_TOO_LONG above
 * 128 characters.
 */
LP2P_API int lp2p_peer_id_parse(const char *text, size_t n, struct lp2p_peer_id *ret);

/* Prints base58btc with a NUL; returns the length without it. `id` must not be empty. */
LP2P_API size_t lp2p_peer_id_format(const struct lp2p_peer_id *id,
                                    char text[LP2P_SIZE(LP2P_PEER_ID_TEXT_SIZE)]);

LP2P_API bool lp2p_peer_id_eq(const struct lp2p_peer_id *a, const struct lp2p_peer_id *b);

LP2P_END_DECLS

#endif
