/*
 * DER (X.690) as far as keys and signatures of peers need it: a strict reader for a handful of
 * types, and the two structures made of them.
 *
 * One way to write everything: tags of one byte, lengths definite, minimal and at most two bytes
 * long, integers positive and minimal. Nothing recurses and nothing loops; how deep it goes is what
 * the code says (four levels, in a SubjectPublicKeyInfo) and not what the peer says
 * (CVE-2026-110789). libcrypto sees numbers that were measured here first (CVE-2023-39533).
 */
#ifndef LP2P_CRYPTO_DER_H
#define LP2P_CRYPTO_DER_H

#include "base/cursor.h"

enum lp2p_der_tag {
    LP2P_DER_INTEGER = 0x02,
    LP2P_DER_BIT_STRING = 0x03,
    LP2P_DER_SEQUENCE = 0x30,
};

/* Takes one element with this tag and lends its content. -LP2P_E_DECODE, and then nothing is
 * consumed. */
int lp2p_der_get(struct lp2p_cursor *c, enum lp2p_der_tag tag, struct lp2p_span *ret);

/* Takes an INTEGER above zero and lends its bytes, without the zero that keeps it positive.
 * -LP2P_E_DECODE. */
int lp2p_der_get_positive(struct lp2p_cursor *c, struct lp2p_span *ret);

/* True when the bytes are one SEQUENCE that is not empty, and nothing behind it. What is inside is
 * not looked at. */
bool lp2p_der_is_sequence(struct lp2p_span der);

/* RSA keys that are verified, as go and rust: weaker ones prove little, longer ones cost us more
 * than a peer may ask for before it proved anything. */
#define LP2P_RSA_MIN_BITS 2048U
#define LP2P_RSA_MAX_BITS 8192U
/* The public exponent fits in 31 bits (go); in practice it is 65,537. */
#define LP2P_RSA_EXPONENT_MAX_SIZE 4U
/* A point of P-256, not compressed: 4, X, Y. */
#define LP2P_P256_POINT_SIZE 65U

/* A number in big endian, without leading zeros. */
struct lp2p_rsa_public {
    struct lp2p_span modulus;  /* odd, LP2P_RSA_MIN_BITS to LP2P_RSA_MAX_BITS */
    struct lp2p_span exponent; /* odd, 3 or more */
};

/*
 * Reads a SubjectPublicKeyInfo (RFC 5280 4.1, RFC 3279 2.3.1) with an RSA key. -LP2P_E_DECODE,
 * -LP2P_E_UNSUPPORTED for a modulus or an exponent of another size.
 */
int lp2p_spki_rsa(struct lp2p_span der, struct lp2p_rsa_public *ret);

/*
 * Reads a SubjectPublicKeyInfo with a key on P-256 (RFC 5480) and lends the point, whose form is
 * right; whether it is on the curve is not known. -LP2P_E_DECODE, -LP2P_E_UNSUPPORTED for another
 * curve.
 */
int lp2p_spki_p256(struct lp2p_span der, struct lp2p_span *ret_point);

/* True for an ECDSA signature (RFC 3279 2.2.3) of two numbers that fit in 32 bytes, and nothing
 * behind it. */
bool lp2p_der_is_ecdsa_sig(struct lp2p_span der);

#endif
