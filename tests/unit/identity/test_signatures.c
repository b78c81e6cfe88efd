/* Class C1 for every type of key: the right signature by the right key verifies, nothing else. */
#include "identity/key.h"

#include <stdlib.h>

#include "harness/vectors.h"
#include "lp2p/error.h"

#define SIG_MAX 1100

static struct lp2p_crypto *crypto;
static const char message[] = "Libp2p is the _best_!";

static int setup(void **state)
{
    (void)state;
    return lp2p_crypto_init() != 0 || lp2p_crypto_new(lp2p_mem_default(), &crypto) != 0;
}

static int teardown(void **state)
{
    (void)state;
    lp2p_crypto_free(crypto);
    return 0;
}

struct signed_by {
    struct lp2p_public_key key;
    uint8_t sig[SIG_MAX];
    size_t n;
};

static bool next_row(struct vectors *v, struct signed_by *ret)
{
    if (!vectors_next(v, 5)) {
        return false;
    }
    uint8_t pb[LP2P_PUBLIC_KEY_PB_MAX];
    size_t n = vectors_hex(v->col[1], pb, sizeof(pb));
    assert_int_equal(lp2p_public_key_decode(lp2p_span(pb, n), &ret->key), 0);
    assert_int_equal(ret->key.type, strtol(v->col[0], NULL, 10));
    ret->n = vectors_hex(v->col[2], ret->sig, sizeof(ret->sig));
    return true;
}

static int verify(const struct signed_by *s, const char *msg, size_t n)
{
    return lp2p_public_key_verify(crypto, &s->key, lp2p_span_str(msg), lp2p_span(s->sig, n));
}

static void signatures_are_judged_as_listed(void **state)
{
    (void)state;
    struct vectors v;
    struct signed_by s;
    unsigned taken[4] = {0};
    vectors_open(&v, "signatures.txt");
    while (next_row(&v, &s)) {
        int err = verify(&s, message, s.n);
        taken[s.key.type] += err == 0;
        if (strcmp(err == 0 ? "OK" : lp2p_error_name(err), v.col[3]) != 0) {
            fail_msg("%s: %s instead of %s", v.col[4], lp2p_error_name(err), v.col[3]);
        }
    }
    vectors_close(&v, 95);
    assert_true(taken[LP2P_KEY_RSA] >= 5);
    assert_true(taken[LP2P_KEY_SECP256K1] >= 3);
    assert_true(taken[LP2P_KEY_ECDSA] >= 3);
}

static void bend(struct signed_by *s)
{
    for (size_t n = 0; n < s->n; n++) {
        assert_int_equal(verify(s, message, n), -LP2P_E_AUTH);
    }
    for (size_t i = 0; i < s->n; i++) {
        s->sig[i] ^= 1;
        assert_int_equal(verify(s, message, s->n), -LP2P_E_AUTH);
        s->sig[i] ^= 1;
    }
    s->sig[s->n] = 0;
    assert_int_equal(verify(s, message, s->n + 1), -LP2P_E_AUTH);
    assert_int_equal(verify(s, "libp2p is the _best_!", s->n), -LP2P_E_AUTH);
    assert_int_equal(verify(s, "", s->n), -LP2P_E_AUTH);
    assert_int_equal(verify(s, message, s->n), 0);
    memset(s->sig, 0, s->n);
    assert_int_equal(verify(s, message, s->n), -LP2P_E_AUTH);
}

static void nothing_near_a_signature_is_one(void **state)
{
    (void)state;
    struct vectors v;
    struct signed_by s;
    unsigned n = 0;
    vectors_open(&v, "signatures.txt");
    while (next_row(&v, &s)) {
        if (strcmp(v.col[3], "OK") == 0) {
            bend(&s);
            n++;
        }
    }
    vectors_close(&v, 95);
    assert_true(n >= 11);
}

/* Class C10: what is refused for its size costs no arithmetic. A table without its context cannot
 * reach the library. */
static void sizes_are_judged_before_the_library(void **state)
{
    (void)state;
    struct vectors v;
    struct signed_by s;
    const struct lp2p_crypto unready = {.ctx = NULL, .ops = crypto->ops};
    unsigned n = 0;
    vectors_open(&v, "signatures.txt");
    while (next_row(&v, &s)) {
        if (strcmp(v.col[3], "UNSUPPORTED") == 0) {
            assert_int_equal(lp2p_public_key_verify(&unready, &s.key, lp2p_span_str(message),
                                                    lp2p_span(s.sig, s.n)),
                             -LP2P_E_UNSUPPORTED);
            n++;
        }
    }
    vectors_close(&v, 95);
    assert_true(n >= 8);
}

/* CVE-2023-39533: RSA of 16,384 bits, as a message and as SubjectPublicKeyInfo by itself. */
static void an_enormous_key_is_refused_unread(void **state)
{
    (void)state;
    static uint8_t pb[2200] = {0x08, 0x00, 0x12, 0xa6, 0x10};
    static const uint8_t head[] = {
        0x30, 0x82, 0x08, 0x22, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48,
        0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00, 0x03, 0x82, 0x08,
        0x0f, 0x00, 0x30, 0x82, 0x08, 0x0a, 0x02, 0x82, 0x08, 0x01, 0x00,
    };
    uint8_t *spki = pb + 5;
    memcpy(spki, head, sizeof(head));
    memset(spki + sizeof(head), 0xff, 2048);
    memcpy(spki + sizeof(head) + 2048, "\x02\x03\x01\x00\x01", 5);
    size_t n = sizeof(head) + 2048 + 5;
    struct lp2p_public_key key = {.len = 77};
    assert_int_equal(n, 0x826);
    assert_int_equal(lp2p_public_key_decode(lp2p_span(pb, 5 + n), &key), -LP2P_E_DECODE);
    assert_int_equal(key.len, 77);
    static const uint8_t sig[2048] = {1};
    assert_int_equal(crypto->ops->rsa_verify(NULL, lp2p_span(spki, n), lp2p_span_str(message),
                                             lp2p_span(sig, sizeof(sig))),
                     -LP2P_E_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signatures_are_judged_as_listed),
        cmocka_unit_test(nothing_near_a_signature_is_one),
        cmocka_unit_test(sizes_are_judged_before_the_library),
        cmocka_unit_test(an_enormous_key_is_refused_unread),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
