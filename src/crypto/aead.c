/*
 * ChaCha20-Poly1305 (RFC 8439) by libcrypto, twice libsodium's speed. One context per direction,
 * re-keyed for each record: that costs 0.1 us, a context per connection 700 bytes.
 */
#include "crypto/crypto_priv.h"

#include "base/assert.h"
#include "lp2p/error.h"

#include <limits.h>

/* EVP counts in int. Records have 64 KiB. */
#define AEAD_MAX ((size_t)INT_MAX)

int lp2p_real_seal_begin(void *ctx, const uint8_t key[LP2P_SIZE(32)],
                         const uint8_t nonce[LP2P_SIZE(12)], struct lp2p_span ad)
{
    struct lp2p_crypto_real *r = ctx;
    LP2P_ASSERT(!r->sealing && ad.n <= AEAD_MAX);
    LP2P_TRY(lp2p_crypto_ready(r));
    int n;
    if (EVP_EncryptInit_ex2(r->seal_ctx, NULL, key, nonce, NULL) != 1 ||
        (ad.n > 0 && EVP_EncryptUpdate(r->seal_ctx, NULL, &n, ad.p, (int)ad.n) != 1)) {
        return -LP2P_E_CRYPTO;
    }
    r->sealing = true;
    return 0;
}

int lp2p_real_seal_more(void *ctx, uint8_t *out, const uint8_t *in, size_t n)
{
    struct lp2p_crypto_real *r = ctx;
    LP2P_ASSERT(r->sealing && n <= AEAD_MAX);
    int done;
    if (n > 0 && EVP_EncryptUpdate(r->seal_ctx, out, &done, in, (int)n) != 1) {
        return -LP2P_E_CRYPTO;
    }
    return 0;
}

int lp2p_real_seal_end(void *ctx, uint8_t tag[LP2P_SIZE(16)])
{
    struct lp2p_crypto_real *r = ctx;
    LP2P_ASSERT(r->sealing);
    r->sealing = false;
    int n;
    uint8_t none[1]; /* a stream cipher has nothing left to write */
    if (EVP_EncryptFinal_ex(r->seal_ctx, none, &n) != 1 ||
        EVP_CIPHER_CTX_ctrl(r->seal_ctx, EVP_CTRL_AEAD_GET_TAG, LP2P_AEAD_TAG_SIZE, tag) != 1) {
        return -LP2P_E_CRYPTO;
    }
    return 0;
}

int lp2p_real_open(void *ctx, const uint8_t key[LP2P_SIZE(32)], const uint8_t nonce[LP2P_SIZE(12)],
                   struct lp2p_span ad, struct lp2p_mspan sealed)
{
    struct lp2p_crypto_real *r = ctx;
    LP2P_ASSERT(ad.n <= AEAD_MAX && sealed.n <= AEAD_MAX);
    if (sealed.n < LP2P_AEAD_TAG_SIZE) {
        return -LP2P_E_AUTH;
    }
    LP2P_TRY(lp2p_crypto_ready(r));
    int len = (int)(sealed.n - LP2P_AEAD_TAG_SIZE);
    int n;
    if (EVP_DecryptInit_ex2(r->open_ctx, NULL, key, nonce, NULL) != 1 ||
        EVP_CIPHER_CTX_ctrl(r->open_ctx, EVP_CTRL_AEAD_SET_TAG, LP2P_AEAD_TAG_SIZE,
                            sealed.p + len) != 1 ||
        (ad.n > 0 && EVP_DecryptUpdate(r->open_ctx, NULL, &n, ad.p, (int)ad.n) != 1) ||
        (len > 0 && EVP_DecryptUpdate(r->open_ctx, sealed.p, &n, sealed.p, len) != 1)) {
        return -LP2P_E_CRYPTO;
    }
    uint8_t none[1];
    return EVP_DecryptFinal_ex(r->open_ctx, none, &n) == 1 ? 0 : -LP2P_E_AUTH;
}
