/*
 * The real crypto table: its contexts, and the functions of the table, one file per concept.
 *
 * libcrypto is touched in `lp2p_crypto_ready` only, at the first hash or record: it costs a
 * millisecond and half a megabyte that a program should not pay before it listens (FASTPATH).
 */
#ifndef LP2P_CRYPTO_PRIV_H
#define LP2P_CRYPTO_PRIV_H

#include <openssl/evp.h>

#include "crypto/crypto.h"

struct lp2p_crypto_real {
    struct lp2p_crypto table; /* ctx is this struct */
    const struct lp2p_mem *mem;
    bool ready; /* everything below is there */
    bool sealing;
    EVP_MD *sha256;
    EVP_MAC *hmac;
    EVP_CIPHER *chacha;
    EVP_MD_CTX *md_ctx;
    EVP_MAC_CTX *mac_ctx;
    EVP_CIPHER_CTX *seal_ctx; /* re-keyed for each record */
    EVP_CIPHER_CTX *open_ctx;
};

/* Fetches the algorithms and makes the contexts, once. -LP2P_E_CRYPTO; may be tried again. */
int lp2p_crypto_ready(struct lp2p_crypto_real *r);

/* hash.c */
int lp2p_real_sha256(void *ctx, const struct lp2p_span *parts, size_t n,
                     uint8_t out[LP2P_SIZE(32)]);
int lp2p_real_hmac_sha256(void *ctx, struct lp2p_span key, const struct lp2p_span *parts, size_t n,
                          uint8_t out[LP2P_SIZE(32)]);

/* aead.c */
int lp2p_real_seal_begin(void *ctx, const uint8_t key[LP2P_SIZE(32)],
                         const uint8_t nonce[LP2P_SIZE(12)], struct lp2p_span ad);
int lp2p_real_seal_more(void *ctx, uint8_t *out, const uint8_t *in, size_t n);
int lp2p_real_seal_end(void *ctx, uint8_t tag[LP2P_SIZE(16)]);
int lp2p_real_open(void *ctx, const uint8_t key[LP2P_SIZE(32)], const uint8_t nonce[LP2P_SIZE(12)],
                   struct lp2p_span ad, struct lp2p_mspan sealed);

/* curve.c */
int lp2p_real_x25519_public(void *ctx, const uint8_t secret[LP2P_SIZE(32)],
                            uint8_t ret[LP2P_SIZE(32)]);
int lp2p_real_x25519_shared(void *ctx, const uint8_t secret[LP2P_SIZE(32)],
                            const uint8_t peer[LP2P_SIZE(32)], uint8_t ret[LP2P_SIZE(32)]);
int lp2p_real_ed25519_public(void *ctx, const uint8_t seed[LP2P_SIZE(32)],
                             uint8_t ret[LP2P_SIZE(32)]);
int lp2p_real_ed25519_sign(void *ctx, const uint8_t seed[LP2P_SIZE(32)], struct lp2p_span msg,
                           uint8_t ret[LP2P_SIZE(64)]);
int lp2p_real_ed25519_verify(void *ctx, const uint8_t pub[LP2P_SIZE(32)], struct lp2p_span msg,
                             struct lp2p_span sig);

/* pubkey.c */
int lp2p_real_rsa_verify(void *ctx, struct lp2p_span spki, struct lp2p_span msg,
                         struct lp2p_span sig);
int lp2p_real_p256_verify(void *ctx, struct lp2p_span spki, struct lp2p_span msg,
                          struct lp2p_span sig);
int lp2p_real_secp256k1_verify(void *ctx, const uint8_t pub[LP2P_SIZE(33)], struct lp2p_span msg,
                               struct lp2p_span sig);

/* siphash.c */
uint64_t lp2p_real_siphash(const uint8_t key[LP2P_SIZE(16)], struct lp2p_span data);

#endif
