/*
 * X25519 (RFC 7748) and Ed25519 (RFC 8032) by libsodium: twice libcrypto's speed, and strict.
 *
 * The rule for signatures, always the same one (SECURITY: verifiers that differ split a network):
 * the scalar is canonical, key and R are canonical and not of small order, the equation is the one
 * without cofactor. It is libsodium's, unless built with ED25519_COMPAT; test_curve would notice.
 */
#include "crypto/crypto_priv.h"

#include "base/assert.h"
#include "lp2p/error.h"

#include <sodium.h>

_Static_assert(crypto_scalarmult_curve25519_BYTES == LP2P_X25519_SIZE, "X25519");
_Static_assert(crypto_sign_ed25519_BYTES == LP2P_ED25519_SIG_SIZE, "Ed25519 signature");
_Static_assert(crypto_sign_ed25519_SEEDBYTES == 32, "Ed25519 seed");

int lp2p_real_x25519_public(void *ctx, const uint8_t secret[LP2P_SIZE(32)],
                            uint8_t ret[LP2P_SIZE(32)])
{
    (void)ctx;
    return crypto_scalarmult_curve25519_base(ret, secret) == 0 ? 0 : -LP2P_E_CRYPTO;
}

int lp2p_real_x25519_shared(void *ctx, const uint8_t secret[LP2P_SIZE(32)],
                            const uint8_t peer[LP2P_SIZE(32)], uint8_t ret[LP2P_SIZE(32)])
{
    (void)ctx;
    uint8_t shared[LP2P_X25519_SIZE];
    int err = crypto_scalarmult_curve25519(shared, secret, peer) == 0 ? 0 : -LP2P_E_AUTH;
    if (err == 0) {
        memcpy(ret, shared, sizeof(shared));
    }
    lp2p_wipe(shared, sizeof(shared));
    return err;
}

int lp2p_real_ed25519_public(void *ctx, const uint8_t seed[LP2P_SIZE(32)],
                             uint8_t ret[LP2P_SIZE(32)])
{
    (void)ctx;
    uint8_t secret[crypto_sign_ed25519_SECRETKEYBYTES];
    int err = crypto_sign_ed25519_seed_keypair(ret, secret, seed) == 0 ? 0 : -LP2P_E_CRYPTO;
    lp2p_wipe(secret, sizeof(secret));
    return err;
}

int lp2p_real_ed25519_sign(void *ctx, const uint8_t seed[LP2P_SIZE(32)], struct lp2p_span msg,
                           uint8_t ret[LP2P_SIZE(64)])
{
    (void)ctx;
    /* The public half is derived each time, so it cannot belong to another seed (CVE-2022-50237).
     */
    uint8_t public_key[crypto_sign_ed25519_PUBLICKEYBYTES];
    uint8_t secret[crypto_sign_ed25519_SECRETKEYBYTES];
    bool ok = crypto_sign_ed25519_seed_keypair(public_key, secret, seed) == 0 &&
              crypto_sign_ed25519_detached(ret, NULL, msg.p, msg.n, secret) == 0;
    lp2p_wipe(secret, sizeof(secret));
    return ok ? 0 : -LP2P_E_CRYPTO;
}

int lp2p_real_ed25519_verify(void *ctx, const uint8_t pub[LP2P_SIZE(32)], struct lp2p_span msg,
                             struct lp2p_span sig)
{
    (void)ctx;
    if (sig.n != LP2P_ED25519_SIG_SIZE ||
        crypto_sign_ed25519_verify_detached(sig.p, msg.p, msg.n, pub) != 0) {
        return -LP2P_E_AUTH;
    }
    return 0;
}

/*
 * libsodium's own test refuses points outside the main subgroup, which verification accepts. So:
 * adding the neutral element re-encodes the point (canonical when nothing changes; fails off the
 * curve), and eight times a point of small order is the neutral element.
 */
bool lp2p_ed25519_is_point(const uint8_t pub[LP2P_SIZE(32)])
{
    static const uint8_t neutral[crypto_core_ed25519_BYTES] = {1};
    uint8_t p[crypto_core_ed25519_BYTES];
    if (crypto_core_ed25519_add(p, pub, neutral) != 0 || memcmp(p, pub, sizeof(p)) != 0) {
        return false;
    }
    for (int i = 0; i < 3; i++) {
        if (crypto_core_ed25519_add(p, p, p) != 0) {
            return false;
        }
    }
    return memcmp(p, neutral, sizeof(p)) != 0;
}
