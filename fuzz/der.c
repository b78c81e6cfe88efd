/* What the DER reader takes is inside the input and of the sizes it promises. */
#include "base/assert.h"
#include "crypto/der.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void check_inside(struct lp2p_span got, const uint8_t *p, size_t n)
{
    LP2P_ASSERT(got.n > 0 && got.n <= n);
    LP2P_ASSERT(got.p >= p && got.p + got.n <= p + n);
}

static void check_rsa(const uint8_t *p, size_t n)
{
    struct lp2p_rsa_public key;
    if (lp2p_spki_rsa(lp2p_span(p, n), &key) != 0) {
        return;
    }
    check_inside(key.modulus, p, n);
    check_inside(key.exponent, p, n);
    LP2P_ASSERT(key.modulus.n >= LP2P_RSA_MIN_BITS / 8 && key.modulus.n <= LP2P_RSA_MAX_BITS / 8);
    LP2P_ASSERT(key.modulus.p[0] != 0 && key.modulus.p[key.modulus.n - 1] % 2 == 1);
    LP2P_ASSERT(key.exponent.p[0] != 0 && key.exponent.n <= LP2P_RSA_EXPONENT_MAX_SIZE);
    LP2P_ASSERT(key.exponent.n > 1 || key.exponent.p[0] >= 3);
    /* one encoding only: 34 bytes around the numbers, and a zero before each whose top bit is set
     */
    size_t zeros = (key.modulus.p[0] >> 7) + (key.exponent.p[0] >> 7);
    LP2P_ASSERT(n == 34 + zeros + key.modulus.n + key.exponent.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct lp2p_span point;
    check_rsa(p, n);
    if (lp2p_spki_p256(lp2p_span(p, n), &point) == 0) {
        check_inside(point, p, n);
        LP2P_ASSERT(point.n == LP2P_P256_POINT_SIZE && n == 26 + point.n);
    }
    if (lp2p_der_is_ecdsa_sig(lp2p_span(p, n))) {
        LP2P_ASSERT(n >= 8 && n <= 72);
        LP2P_ASSERT(lp2p_der_is_sequence(lp2p_span(p, n)));
    }
    return 0;
}
