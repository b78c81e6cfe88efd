/*
 * The crypto seam: one table over the crypto libraries, so that the simulator can run with a stub
 * and either library can go.
 *
 * OpenSSL's libcrypto does SHA-256, HMAC, ChaCha20-Poly1305 (algorithms fetched once, one context
 * re-keyed for each record), RSA and ECDSA; libsodium does Ed25519, X25519 and SipHash. Nothing
 * outside this folder includes either library. All functions run on the host's thread; one table
 * per host.
 */
#ifndef LP2P_CRYPTO_CRYPTO_H
#define LP2P_CRYPTO_CRYPTO_H

#include "base/map.h"
#include "base/random.h"
#include "base/span.h"

#define LP2P_HASH_SIZE        32U
#define LP2P_AEAD_KEY_SIZE    32U
#define LP2P_AEAD_NONCE_SIZE  12U
#define LP2P_AEAD_TAG_SIZE    16U
#define LP2P_X25519_SIZE      32U
#define LP2P_ED25519_SIG_SIZE 64U
#define LP2P_SECP256K1_SIZE   33U /* compressed point */

struct lp2p_crypto {
    void *ctx;
    const struct lp2p_crypto_ops *ops;
};

/*
 * Each returns 0 or -LP2P_E_CRYPTO when the library failed (out of memory), and what its line
 * names. The streaming seal (begin, more..., end) has one message open at a time: who begins
 * another one first ends the open one.
 */
struct lp2p_crypto_ops {
    /* SHA-256 over the parts, one behind the other. */
    int (*sha256)(void *ctx, const struct lp2p_span *parts, size_t n, uint8_t out[LP2P_SIZE(32)]);
    int (*hmac_sha256)(void *ctx, struct lp2p_span key, const struct lp2p_span *parts, size_t n,
                       uint8_t out[LP2P_SIZE(32)]);
    int (*x25519_public)(void *ctx, const uint8_t secret[LP2P_SIZE(32)],
                         uint8_t ret[LP2P_SIZE(32)]);
    /* -LP2P_E_AUTH when the result is all zero (a small-order point). */
    int (*x25519_shared)(void *ctx, const uint8_t secret[LP2P_SIZE(32)],
                         const uint8_t peer[LP2P_SIZE(32)], uint8_t ret[LP2P_SIZE(32)]);
    int (*ed25519_public)(void *ctx, const uint8_t seed[LP2P_SIZE(32)], uint8_t ret[LP2P_SIZE(32)]);
    int (*ed25519_sign)(void *ctx, const uint8_t seed[LP2P_SIZE(32)], struct lp2p_span msg,
                        uint8_t ret[LP2P_SIZE(64)]);
    /* -LP2P_E_AUTH: wrong, non-canonical, or a small-order key. */
    int (*ed25519_verify)(void *ctx, const uint8_t pub[LP2P_SIZE(32)], struct lp2p_span msg,
                          struct lp2p_span sig);

    /*
     * Signatures over SHA-256 by the other kinds of key (der.h has their limits): RSA with PKCS#1
     * v1.5 and ECDSA on P-256, with the key as SubjectPublicKeyInfo; ECDSA on secp256k1, with a
     * compressed point. ECDSA signatures are DER; S above half of the order is taken, as peers make
     * them. -LP2P_E_AUTH: wrong; -LP2P_E_DECODE: no such key; -LP2P_E_UNSUPPORTED: size or curve.
     */
    int (*rsa_verify)(void *ctx, struct lp2p_span spki, struct lp2p_span msg, struct lp2p_span sig);
    int (*p256_verify)(void *ctx, struct lp2p_span spki, struct lp2p_span msg,
                       struct lp2p_span sig);
    int (*secp256k1_verify)(void *ctx, const uint8_t pub[LP2P_SIZE(33)], struct lp2p_span msg,
                            struct lp2p_span sig);

    /* ChaCha20-Poly1305 (RFC 8439). `out` may be `in`. */
    int (*seal_begin)(void *ctx, const uint8_t key[LP2P_SIZE(32)],
                      const uint8_t nonce[LP2P_SIZE(12)], struct lp2p_span ad);
    int (*seal_more)(void *ctx, uint8_t *out, const uint8_t *in, size_t n);
    int (*seal_end)(void *ctx, uint8_t tag[LP2P_SIZE(16)]);
    /* Decrypts in place `sealed`, whose last 16 bytes are the tag. -LP2P_E_AUTH when it is wrong or
     * missing, and then the bytes are of no use. */
    int (*open)(void *ctx, const uint8_t key[LP2P_SIZE(32)], const uint8_t nonce[LP2P_SIZE(12)],
                struct lp2p_span ad, struct lp2p_mspan sealed);

    /* SipHash-2-4 for maps whose keys peers choose. */
    uint64_t (*siphash)(const uint8_t key[LP2P_SIZE(16)], struct lp2p_span data);
};

/* The real one. Call `lp2p_crypto_init` once per process before any other. -LP2P_E_CRYPTO. */
int lp2p_crypto_init(void);

/*
 * A table with its own contexts; libcrypto is first touched at the first use, so a program listens
 * before it pays for that. -LP2P_E_NOMEM.
 */
int lp2p_crypto_new(const struct lp2p_mem *mem, struct lp2p_crypto **ret);
void lp2p_crypto_free(struct lp2p_crypto *c);

/* True when these 32 bytes are a point that verification accepts as a key (canonical, on the curve,
 * not of small order). */
bool lp2p_ed25519_is_point(const uint8_t pub[LP2P_SIZE(32)]);

/* The operating system's generator (libsodium). */
struct lp2p_random lp2p_crypto_random(void);

/* HKDF-SHA256 as Noise uses it (Noise specification 4.3): `n` = 1 to 3 outputs of 32 bytes, one
 * behind the other. */
#define LP2P_HKDF_MAX 3U
int lp2p_hkdf(const struct lp2p_crypto *c, const uint8_t ck[LP2P_SIZE(32)], struct lp2p_span ikm,
              uint8_t (*out)[32], size_t n);

/* A keyed hasher for base/map; the key is drawn from `random` once per host. `key` outlives the
 * maps. */
struct lp2p_hash_key {
    const struct lp2p_crypto *crypto;
    uint8_t key[16];
};
void lp2p_hash_key_init(struct lp2p_hash_key *k, const struct lp2p_crypto *c,
                        const struct lp2p_random *random);
struct lp2p_hasher lp2p_hasher(const struct lp2p_hash_key *k);

#endif
