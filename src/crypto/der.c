#include "crypto/der.h"

#include "base/assert.h"
#include "lp2p/error.h"

#define ECDSA_NUMBER_SIZE 32U

/* DER has one encoding of each, so the whole AlgorithmIdentifier is compared: rsaEncryption with
 * NULL, id-ecPublicKey with prime256v1, and id-ecPublicKey alone. */
static const uint8_t alg_rsa[] = {
    0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
};
static const uint8_t alg_p256[] = {
    0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
    0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07,
};
#define ALG_EC_SIZE 9U

static int get_long_length(struct lp2p_cursor *c, uint8_t first, size_t *ret)
{
    uint8_t low;
    uint16_t wide;
    if (first == 0x81 && lp2p_cursor_get_u8(c, &low) == 0 && low >= 0x80) {
        *ret = low;
        return 0;
    }
    if (first == 0x82 && lp2p_cursor_get_u16(c, &wide) == 0 && wide >= 0x100) {
        *ret = wide;
        return 0;
    }
    return -LP2P_E_DECODE; /* indefinite, not minimal, or longer than anything we read */
}

int lp2p_der_get(struct lp2p_cursor *c, enum lp2p_der_tag tag, struct lp2p_span *ret)
{
    struct lp2p_cursor at = *c;
    uint8_t is;
    uint8_t first;
    if (lp2p_cursor_get_u8(&at, &is) != 0 || is != tag || lp2p_cursor_get_u8(&at, &first) != 0) {
        return -LP2P_E_DECODE;
    }
    size_t len = first;
    if (first >= 0x80) {
        LP2P_TRY(get_long_length(&at, first, &len));
    }
    if (lp2p_cursor_get_span(&at, len, ret) != 0) {
        return -LP2P_E_DECODE;
    }
    *c = at;
    return 0;
}

int lp2p_der_get_positive(struct lp2p_cursor *c, struct lp2p_span *ret)
{
    struct lp2p_cursor at = *c;
    struct lp2p_span v;
    LP2P_TRY(lp2p_der_get(&at, LP2P_DER_INTEGER, &v));
    if (v.n == 0 || v.p[0] >= 0x80) {
        return -LP2P_E_DECODE; /* nothing, or negative */
    }
    if (v.p[0] == 0) {
        if (v.n == 1 || v.p[1] < 0x80) {
            return -LP2P_E_DECODE; /* zero, or not minimal */
        }
        v = lp2p_span(v.p + 1, v.n - 1);
    }
    *c = at;
    *ret = v;
    return 0;
}

bool lp2p_der_is_sequence(struct lp2p_span der)
{
    struct lp2p_cursor c = lp2p_cursor(der.p, der.n);
    struct lp2p_span in;
    return lp2p_der_get(&c, LP2P_DER_SEQUENCE, &in) == 0 && in.n > 0 && lp2p_cursor_left(&c) == 0;
}

/* The algorithm, and the key inside its BIT STRING, which holds whole bytes. */
static int spki_get(struct lp2p_span der, struct lp2p_span *ret_alg, struct lp2p_span *ret_key)
{
    struct lp2p_cursor c = lp2p_cursor(der.p, der.n);
    struct lp2p_span in;
    LP2P_TRY(lp2p_der_get(&c, LP2P_DER_SEQUENCE, &in));
    struct lp2p_cursor inner = lp2p_cursor(in.p, in.n);
    struct lp2p_span bits;
    LP2P_TRY(lp2p_der_get(&inner, LP2P_DER_SEQUENCE, ret_alg));
    LP2P_TRY(lp2p_der_get(&inner, LP2P_DER_BIT_STRING, &bits));
    if (lp2p_cursor_left(&c) != 0 || lp2p_cursor_left(&inner) != 0 || bits.n == 0 ||
        bits.p[0] != 0) {
        return -LP2P_E_DECODE;
    }
    *ret_key = lp2p_span(bits.p + 1, bits.n - 1);
    return 0;
}

static size_t bit_length(struct lp2p_span number)
{
    size_t bits = 8 * number.n;
    for (unsigned top = number.p[0]; top < 0x80; top <<= 1) {
        bits--; /* the first byte is never zero */
    }
    return bits;
}

static bool is_odd(struct lp2p_span number)
{
    return (number.p[number.n - 1] & 1) != 0;
}

static int rsa_judge(const struct lp2p_rsa_public *key)
{
    size_t bits = bit_length(key->modulus);
    if (bits < LP2P_RSA_MIN_BITS || bits > LP2P_RSA_MAX_BITS ||
        bit_length(key->exponent) >= 8 * LP2P_RSA_EXPONENT_MAX_SIZE) {
        return -LP2P_E_UNSUPPORTED;
    }
    bool one = key->exponent.n == 1 && key->exponent.p[0] == 1; /* everything would verify */
    return !one && is_odd(key->modulus) && is_odd(key->exponent) ? 0 : -LP2P_E_DECODE;
}

int lp2p_spki_rsa(struct lp2p_span der, struct lp2p_rsa_public *ret)
{
    struct lp2p_span alg;
    struct lp2p_span inner;
    LP2P_TRY(spki_get(der, &alg, &inner));
    if (!lp2p_span_eq(alg, lp2p_span(alg_rsa, sizeof(alg_rsa)))) {
        return -LP2P_E_DECODE;
    }
    struct lp2p_cursor c = lp2p_cursor(inner.p, inner.n);
    struct lp2p_span numbers;
    LP2P_TRY(lp2p_der_get(&c, LP2P_DER_SEQUENCE, &numbers));
    struct lp2p_cursor in = lp2p_cursor(numbers.p, numbers.n);
    struct lp2p_rsa_public key;
    LP2P_TRY(lp2p_der_get_positive(&in, &key.modulus));
    LP2P_TRY(lp2p_der_get_positive(&in, &key.exponent));
    if (lp2p_cursor_left(&c) != 0 || lp2p_cursor_left(&in) != 0) {
        return -LP2P_E_DECODE;
    }
    LP2P_TRY(rsa_judge(&key));
    *ret = key;
    return 0;
}

int lp2p_spki_p256(struct lp2p_span der, struct lp2p_span *ret_point)
{
    struct lp2p_span alg;
    struct lp2p_span point;
    LP2P_TRY(spki_get(der, &alg, &point));
    if (alg.n < ALG_EC_SIZE || memcmp(alg.p, alg_p256, ALG_EC_SIZE) != 0) {
        return -LP2P_E_DECODE;
    }
    if (!lp2p_span_eq(alg, lp2p_span(alg_p256, sizeof(alg_p256)))) {
        return -LP2P_E_UNSUPPORTED;
    }
    if (point.n != LP2P_P256_POINT_SIZE || point.p[0] != 4) {
        return -LP2P_E_DECODE;
    }
    *ret_point = point;
    return 0;
}

bool lp2p_der_is_ecdsa_sig(struct lp2p_span der)
{
    struct lp2p_cursor c = lp2p_cursor(der.p, der.n);
    struct lp2p_span in;
    if (lp2p_der_get(&c, LP2P_DER_SEQUENCE, &in) != 0 || lp2p_cursor_left(&c) != 0) {
        return false;
    }
    struct lp2p_cursor numbers = lp2p_cursor(in.p, in.n);
    struct lp2p_span r;
    struct lp2p_span s;
    return lp2p_der_get_positive(&numbers, &r) == 0 && lp2p_der_get_positive(&numbers, &s) == 0 &&
           lp2p_cursor_left(&numbers) == 0 && r.n <= ECDSA_NUMBER_SIZE && s.n <= ECDSA_NUMBER_SIZE;
}
