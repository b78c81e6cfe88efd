/*
 * SymmetricState and CipherState of a Noise handshake (Noise specification 5.1, 5.2), for
 * 25519_ChaChaPoly_SHA256: the transcript hash, the chaining key, and the key of the moment.
 *
 * No step changes anything when it fails. Sealing uses the crypto table's one open message: nothing
 * else may have it open.
 */
#ifndef LP2P_PROTO_NOISE_SYMMETRIC_H
#define LP2P_PROTO_NOISE_SYMMETRIC_H

#include "base/span.h"
#include "crypto/crypto.h"

/* Counters end before this one: the specification keeps it for rekeying (5.1). */
#define LP2P_NOISE_NONCE_END UINT64_MAX

struct lp2p_noise_symmetric {
    const struct lp2p_crypto *crypto;
    uint8_t h[32];  /* of all that was said */
    uint8_t ck[32]; /* chaining key */
    uint8_t k[32];  /* valid when has_key */
    uint64_t n;     /* nonce of k */
    bool has_key;
};

/* `name` has exactly 32 bytes (or would have to be hashed), `prologue` any. -LP2P_E_CRYPTO. */
int lp2p_noise_sym_init(struct lp2p_noise_symmetric *s, const struct lp2p_crypto *crypto,
                        const char name[LP2P_SIZE(32)], struct lp2p_span prologue);

int lp2p_noise_mix_hash(struct lp2p_noise_symmetric *s, struct lp2p_span data);

/* A shared secret of 32 bytes; makes a new k. */
int lp2p_noise_mix_key(struct lp2p_noise_symmetric *s, const uint8_t secret[LP2P_SIZE(32)]);

/* Bytes that encrypting adds now: 16, or 0 while there is no key. */
size_t lp2p_noise_sym_overhead(const struct lp2p_noise_symmetric *s);

/* Encrypts (or copies, without a key) `in` to `out`, which has its size and the overhead and may be
 * in.p. -LP2P_E_CRYPTO, -LP2P_E_LIMIT. */
int lp2p_noise_encrypt_and_hash(struct lp2p_noise_symmetric *s, struct lp2p_span in, uint8_t *out);

/* In place; `*ret` is the plaintext at the front of `data`. -LP2P_E_AUTH, -LP2P_E_CRYPTO,
 * -LP2P_E_LIMIT. */
int lp2p_noise_decrypt_and_hash(struct lp2p_noise_symmetric *s, struct lp2p_mspan data,
                                struct lp2p_span *ret);

/* The keys of the two directions: the initiator's first. */
int lp2p_noise_split(const struct lp2p_noise_symmetric *s, uint8_t k1[LP2P_SIZE(32)],
                     uint8_t k2[LP2P_SIZE(32)]);

/* Four zero bytes and the counter, little endian (Noise specification 12.3). */
void lp2p_noise_nonce(uint64_t n, uint8_t nonce[LP2P_SIZE(12)]);

#endif
