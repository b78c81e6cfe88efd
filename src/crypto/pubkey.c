/*
 * Signatures of peers whose keys are not Ed25519, by libcrypto: RSA (RFC 8017 8.2.2), ECDSA on
 * P-256 and on secp256k1 (FIPS 186-4). We never make such signatures, so nothing here is secret.
 *
 * Sizes and encodings are judged by our own reader before libcrypto sees a number. Keys are handed
 * over as numbers and not as DER, so its decoders stay out of reach of peers.
 */
#include "crypto/crypto_priv.h"

#include "base/assert.h"
#include "crypto/der.h"
#include "lp2p/error.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

_Static_assert(LP2P_RSA_MAX_BITS <= OPENSSL_RSA_MAX_MODULUS_BITS, "libcrypto's own limit");

/* What libcrypto's refusal means: out of memory is ours, anything else is the peer's. The queue of
 * errors is emptied, so that it holds nothing until the next one. */
static int why(int theirs)
{
    bool nomem = ERR_GET_REASON(ERR_peek_last_error()) == ERR_R_MALLOC_FAILURE;
    ERR_clear_error();
    return nomem ? -LP2P_E_CRYPTO : theirs;
}

static int key_make(const char *type, OSSL_PARAM *params, EVP_PKEY **ret)
{
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    int err = ctx == NULL ? -LP2P_E_CRYPTO : 0;
    if (err == 0 && (EVP_PKEY_fromdata_init(ctx) != 1 ||
                     EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)) {
        err = why(-LP2P_E_DECODE); /* not on the curve */
    }
    EVP_PKEY_CTX_free(ctx);
    if (err == 0) {
        *ret = key;
    }
    return err;
}

static int rsa_key(const struct lp2p_rsa_public *pub, EVP_PKEY **ret)
{
    int err = -LP2P_E_CRYPTO;
    OSSL_PARAM *params = NULL;
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    BIGNUM *n = BN_bin2bn(pub->modulus.p, (int)pub->modulus.n, NULL);
    BIGNUM *e = BN_bin2bn(pub->exponent.p, (int)pub->exponent.n, NULL);
    if (build == NULL || n == NULL || e == NULL ||
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) != 1 ||
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) != 1) {
        goto out;
    }
    params = OSSL_PARAM_BLD_to_param(build);
    if (params != NULL) {
        err = key_make("RSA", params, ret);
    }
out:
    OSSL_PARAM_free(params);
    BN_free(e);
    BN_free(n);
    OSSL_PARAM_BLD_free(build);
    return err;
}

/* `point` as SEC 1 2.3.3 writes it, compressed or not; it must be on the curve. */
static int ec_key(const char *curve, struct lp2p_span point, EVP_PKEY **ret)
{
    char name[16];
    uint8_t bytes[LP2P_P256_POINT_SIZE];
    LP2P_ASSERT(strlen(curve) < sizeof(name) && point.n <= sizeof(bytes));
    memcpy(name, curve, strlen(curve) + 1); /* the parameters are not const */
    memcpy(bytes, point.p, point.n);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, name, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, bytes, point.n),
        OSSL_PARAM_construct_end(),
    };
    return key_make("EC", params, ret);
}

/* SHA-256 and the key's own algorithm; RSA with the padding of PKCS#1 v1.5. */
static int verify_with(EVP_PKEY *key, struct lp2p_span msg, struct lp2p_span sig)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    EVP_PKEY_CTX *ctx = NULL;
    int err = -LP2P_E_CRYPTO;
    if (md == NULL || EVP_DigestVerifyInit_ex(md, &ctx, "SHA256", NULL, NULL, key, NULL) != 1 ||
        (EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) != 1)) {
        goto out;
    }
    err = EVP_DigestVerify(md, sig.p, sig.n, msg.p, msg.n) == 1 ? 0 : why(-LP2P_E_AUTH);
out:
    EVP_MD_CTX_free(md);
    return err;
}

int lp2p_real_rsa_verify(void *ctx, struct lp2p_span spki, struct lp2p_span msg,
                         struct lp2p_span sig)
{
    struct lp2p_rsa_public pub;
    LP2P_TRY(lp2p_spki_rsa(spki, &pub));
    if (sig.n != pub.modulus.n) {
        return -LP2P_E_AUTH;
    }
    LP2P_TRY(lp2p_crypto_ready(ctx));
    EVP_PKEY *key = NULL;
    LP2P_TRY(rsa_key(&pub, &key));
    int err = verify_with(key, msg, sig);
    EVP_PKEY_free(key);
    return err;
}

static int ec_verify(void *ctx, const char *curve, struct lp2p_span point, struct lp2p_span msg,
                     struct lp2p_span sig)
{
    if (!lp2p_der_is_ecdsa_sig(sig)) {
        return -LP2P_E_AUTH;
    }
    LP2P_TRY(lp2p_crypto_ready(ctx));
    EVP_PKEY *key = NULL;
    LP2P_TRY(ec_key(curve, point, &key));
    int err = verify_with(key, msg, sig);
    EVP_PKEY_free(key);
    return err;
}

int lp2p_real_p256_verify(void *ctx, struct lp2p_span spki, struct lp2p_span msg,
                          struct lp2p_span sig)
{
    struct lp2p_span point;
    LP2P_TRY(lp2p_spki_p256(spki, &point));
    return ec_verify(ctx, "P-256", point, msg, sig);
}

int lp2p_real_secp256k1_verify(void *ctx, const uint8_t pub[LP2P_SIZE(33)], struct lp2p_span msg,
                               struct lp2p_span sig)
{
    if (pub[0] != 2 && pub[0] != 3) {
        return -LP2P_E_DECODE;
    }
    return ec_verify(ctx, "secp256k1", lp2p_span(pub, LP2P_SECP256K1_SIZE), msg, sig);
}
