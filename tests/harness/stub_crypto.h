/*
 * A crypto table without any secret: every record opens, every signature is right, so a fuzzer gets
 * behind the handshake. Deterministic; for tests only.
 */
#ifndef LP2P_HARNESS_STUB_CRYPTO_H
#define LP2P_HARNESS_STUB_CRYPTO_H

#include "crypto/crypto.h"
#include "lp2p/error.h"

static inline uint64_t stub_fnv(uint64_t h, struct lp2p_span s)
{
    for (size_t i = 0; i < s.n; i++) {
        h = (h ^ s.p[i]) * 0x100000001B3U;
    }
    return h;
}

static inline int stub_hash(const struct lp2p_span *parts, size_t n, uint64_t h, uint8_t out[32])
{
    for (size_t i = 0; i < n; i++) {
        h = stub_fnv(h, parts[i]);
    }
    for (size_t i = 0; i < 32; i++) {
        h = h * 6364136223846793005U + 1442695040888963407U;
        out[i] = (uint8_t)(h >> 56);
    }
    return 0;
}

static inline int stub_sha256(void *ctx, const struct lp2p_span *parts, size_t n,
                              uint8_t out[LP2P_SIZE(32)])
{
    (void)ctx;
    return stub_hash(parts, n, 1, out);
}

static inline int stub_hmac(void *ctx, struct lp2p_span key, const struct lp2p_span *parts,
                            size_t n, uint8_t out[LP2P_SIZE(32)])
{
    (void)ctx;
    return stub_hash(parts, n, stub_fnv(2, key), out);
}

static inline int stub_public(void *ctx, const uint8_t secret[LP2P_SIZE(32)],
                              uint8_t ret[LP2P_SIZE(32)])
{
    (void)ctx;
    memcpy(ret, secret, 32);
    return 0;
}

static inline int stub_shared(void *ctx, const uint8_t secret[LP2P_SIZE(32)],
                              const uint8_t peer[LP2P_SIZE(32)], uint8_t ret[LP2P_SIZE(32)])
{
    (void)ctx;
    for (size_t i = 0; i < 32; i++) {
        ret[i] = secret[i] ^ peer[i];
    }
    return 0;
}

static inline int stub_sign(void *ctx, const uint8_t seed[LP2P_SIZE(32)], struct lp2p_span msg,
                            uint8_t ret[LP2P_SIZE(64)])
{
    (void)ctx;
    (void)seed;
    (void)msg;
    memset(ret, 0, 64);
    return 0;
}

static inline int stub_verify(void *ctx, const uint8_t pub[LP2P_SIZE(32)], struct lp2p_span msg,
                              struct lp2p_span sig)
{
    (void)ctx;
    (void)pub;
    (void)msg;
    (void)sig;
    return 0;
}

static inline int stub_verify_spki(void *ctx, struct lp2p_span spki, struct lp2p_span msg,
                                   struct lp2p_span sig)
{
    (void)ctx;
    (void)spki;
    (void)msg;
    (void)sig;
    return 0;
}

static inline int stub_seal_begin(void *ctx, const uint8_t key[LP2P_SIZE(32)],
                                  const uint8_t nonce[LP2P_SIZE(12)], struct lp2p_span ad)
{
    (void)ctx;
    (void)key;
    (void)nonce;
    (void)ad;
    return 0;
}

static inline int stub_seal_more(void *ctx, uint8_t *out, const uint8_t *in, size_t n)
{
    (void)ctx;
    if (n > 0) {
        memmove(out, in, n);
    }
    return 0;
}

static inline int stub_seal_end(void *ctx, uint8_t tag[LP2P_SIZE(16)])
{
    (void)ctx;
    memset(tag, 0, 16);
    return 0;
}

static inline int stub_open(void *ctx, const uint8_t key[LP2P_SIZE(32)],
                            const uint8_t nonce[LP2P_SIZE(12)], struct lp2p_span ad,
                            struct lp2p_mspan sealed)
{
    (void)ctx;
    (void)key;
    (void)nonce;
    (void)ad;
    return sealed.n < LP2P_AEAD_TAG_SIZE ? -LP2P_E_AUTH : 0;
}

static inline uint64_t stub_siphash(const uint8_t key[LP2P_SIZE(16)], struct lp2p_span data)
{
    return stub_fnv(key[0], data);
}

static const struct lp2p_crypto_ops stub_crypto_ops = {
    .sha256 = stub_sha256,
    .hmac_sha256 = stub_hmac,
    .x25519_public = stub_public,
    .x25519_shared = stub_shared,
    .ed25519_public = stub_public,
    .ed25519_sign = stub_sign,
    .ed25519_verify = stub_verify,
    .rsa_verify = stub_verify_spki,
    .p256_verify = stub_verify_spki,
    .secp256k1_verify = stub_verify,
    .seal_begin = stub_seal_begin,
    .seal_more = stub_seal_more,
    .seal_end = stub_seal_end,
    .open = stub_open,
    .siphash = stub_siphash,
};

static const struct lp2p_crypto stub_crypto = {.ctx = NULL, .ops = &stub_crypto_ops};

#endif
