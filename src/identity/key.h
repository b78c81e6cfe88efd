/*
 * Keys of peers and our own (specs peer-ids/peer-ids.md): the PublicKey and PrivateKey protobuf
 * messages, signatures, and the peer id of a key.
 *
 * Our own key is Ed25519 and kept as its seed only; the public half is always derived
 * (CVE-2022-50237). Keys of peers may be of any type.
 */
#ifndef LP2P_IDENTITY_KEY_H
#define LP2P_IDENTITY_KEY_H

#include "base/buf.h"
#include "crypto/crypto.h"
#include "lp2p/peer_id.h"

enum lp2p_key_type {
    LP2P_KEY_RSA = 0,
    LP2P_KEY_ED25519 = 1,
    LP2P_KEY_SECP256K1 = 2,
    LP2P_KEY_ECDSA = 3,
};

/* RSA of 8,192 bits as SubjectPublicKeyInfo is the longest key anybody accepts. */
#define LP2P_KEY_DATA_MAX 1100U
/* Type, data and their headers. */
#define LP2P_PUBLIC_KEY_PB_MAX           (LP2P_KEY_DATA_MAX + 8U)
#define LP2P_PUBLIC_KEY_ED25519_PB_SIZE  36U
#define LP2P_PRIVATE_KEY_ED25519_PB_SIZE 68U

struct lp2p_public_key {
    enum lp2p_key_type type;
    uint16_t len;
    uint8_t data[LP2P_KEY_DATA_MAX];
};

/* Our own identity. Wipe it when it is no longer needed. */
struct lp2p_identity {
    uint8_t seed[32];
    uint8_t public_key[32];
    uint8_t public_pb[LP2P_PUBLIC_KEY_ED25519_PB_SIZE]; /* what the id is made of and Noise sends */
    struct lp2p_peer_id id;
};

/* Decodes a PublicKey message; checks type and length of the data. -LP2P_E_DECODE,
 * -LP2P_E_UNSUPPORTED (type). */
int lp2p_public_key_decode(struct lp2p_span pb, struct lp2p_public_key *ret);

/* Encodes deterministically (fields 1 and 2, minimal varints); returns the length. */
size_t lp2p_public_key_encode(const struct lp2p_public_key *key,
                              uint8_t pb[LP2P_SIZE(LP2P_PUBLIC_KEY_PB_MAX)]);

/* The id of a key, over its re-encoding. -LP2P_E_CRYPTO. */
int lp2p_public_key_peer_id(const struct lp2p_crypto *crypto, const struct lp2p_public_key *key,
                            struct lp2p_peer_id *ret);

/* The key inside an identity-multihash id. -LP2P_E_NOT_FOUND for hashed ids. */
int lp2p_public_key_of_peer_id(const struct lp2p_peer_id *id, struct lp2p_public_key *ret);

/* -LP2P_E_AUTH when the signature is wrong, -LP2P_E_DECODE when the data is no such key,
 * -LP2P_E_UNSUPPORTED for RSA of fewer than 2,048 or more than 8,192 bits and for ECDSA on a curve
 * other than P-256. */
int lp2p_public_key_verify(const struct lp2p_crypto *crypto, const struct lp2p_public_key *key,
                           struct lp2p_span msg, struct lp2p_span sig);

/* Derives everything from a seed. -LP2P_E_CRYPTO. */
int lp2p_identity_from_seed(const struct lp2p_crypto *crypto, const uint8_t seed[LP2P_SIZE(32)],
                            struct lp2p_identity *ret);

/*
 * Reads a PrivateKey message as the key file holds it: Ed25519 with 64 bytes (seed and public half,
 * which must match) or the legacy 96. -LP2P_E_DECODE, -LP2P_E_UNSUPPORTED for other types,
 * -LP2P_E_AUTH when the halves do not match.
 */
int lp2p_identity_decode(const struct lp2p_crypto *crypto, struct lp2p_span pb,
                         struct lp2p_identity *ret);

/* Writes the PrivateKey message with 64 bytes of data. */
void lp2p_identity_encode(const struct lp2p_identity *id,
                          uint8_t pb[LP2P_SIZE(LP2P_PRIVATE_KEY_ED25519_PB_SIZE)]);

/* Signs with our key. -LP2P_E_CRYPTO. */
int lp2p_identity_sign(const struct lp2p_crypto *crypto, const struct lp2p_identity *id,
                       struct lp2p_span msg, uint8_t sig[LP2P_SIZE(64)]);

void lp2p_identity_wipe(struct lp2p_identity *id);

#endif
