#include "crypto/crypto.h"

#include "base/assert.h"
#include "crypto/crypto_priv.h"
#include "lp2p/error.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>
#include <sodium.h>

static const struct lp2p_crypto_ops real_ops = {
    .sha256 = lp2p_real_sha256,
    .hmac_sha256 = lp2p_real_hmac_sha256,
    .x25519_public = lp2p_real_x25519_public,
    .x25519_shared = lp2p_real_x25519_shared,
    .ed25519_public = lp2p_real_ed25519_public,
    .ed25519_sign = lp2p_real_ed25519_sign,
    .ed25519_verify = lp2p_real_ed25519_verify,
    .rsa_verify = lp2p_real_rsa_verify,
    .p256_verify = lp2p_real_p256_verify,
    .secp256k1_verify = lp2p_real_secp256k1_verify,
    .seal_begin = lp2p_real_seal_begin,
    .seal_more = lp2p_real_seal_more,
    .seal_end = lp2p_real_seal_end,
    .open = lp2p_real_open,
    .siphash = lp2p_real_siphash,
};

int lp2p_crypto_init(void)
{
    return sodium_init() < 0 ? -LP2P_E_CRYPTO : 0;
}

int lp2p_crypto_new(const struct lp2p_mem *mem, struct lp2p_crypto **ret)
{
    struct lp2p_crypto_real *r = lp2p_calloc(mem, 1, sizeof(*r));
    if (r == NULL) {
        return -LP2P_E_NOMEM;
    }
    r->mem = mem;
    r->table.ctx = r;
    r->table.ops = &real_ops;
    *ret = &r->table;
    return 0;
}

static void forget(struct lp2p_crypto_real *r)
{
    EVP_CIPHER_CTX_free(r->open_ctx);
    EVP_CIPHER_CTX_free(r->seal_ctx);
    EVP_MAC_CTX_free(r->mac_ctx);
    EVP_MD_CTX_free(r->md_ctx);
    EVP_CIPHER_free(r->chacha);
    EVP_MAC_free(r->hmac);
    EVP_MD_free(r->sha256);
}

void lp2p_crypto_free(struct lp2p_crypto *c)
{
    if (c == NULL) {
        return;
    }
    struct lp2p_crypto_real *r = c->ctx;
    forget(r);
    lp2p_free(r->mem, r);
}

static bool fetch(struct lp2p_crypto_real *r)
{
    r->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    r->hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    r->chacha = EVP_CIPHER_fetch(NULL, "ChaCha20-Poly1305", NULL);
    return r->sha256 != NULL && r->hmac != NULL && r->chacha != NULL;
}

static bool make_contexts(struct lp2p_crypto_real *r)
{
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    r->md_ctx = EVP_MD_CTX_new();
    r->mac_ctx = EVP_MAC_CTX_new(r->hmac);
    r->seal_ctx = EVP_CIPHER_CTX_new();
    r->open_ctx = EVP_CIPHER_CTX_new();
    return r->md_ctx != NULL && r->mac_ctx != NULL && r->seal_ctx != NULL && r->open_ctx != NULL &&
           EVP_MAC_CTX_set_params(r->mac_ctx, params) == 1 &&
           EVP_EncryptInit_ex2(r->seal_ctx, r->chacha, NULL, NULL, NULL) == 1 &&
           EVP_DecryptInit_ex2(r->open_ctx, r->chacha, NULL, NULL, NULL) == 1;
}

int lp2p_crypto_ready(struct lp2p_crypto_real *r)
{
    if (r->ready) {
        return 0;
    }
    /* Reading openssl.cnf costs 0.3 ms and 0.6 MiB and lets a file change our algorithms. */
    if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1 || !fetch(r) ||
        !make_contexts(r)) {
        forget(r);
        *r = (struct lp2p_crypto_real){.table = r->table, .mem = r->mem};
        return -LP2P_E_CRYPTO;
    }
    r->ready = true;
    return 0;
}
