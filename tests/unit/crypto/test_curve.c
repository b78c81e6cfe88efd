#include "crypto/crypto.h"

#include "harness/vectors.h"
#include "lp2p/error.h"

#include "cmocka_all.h"
#include "given.h"

static void hex32(const char *hex, uint8_t ret[32])
{
    assert_int_equal(vectors_hex(hex, ret, 32), 32);
}

/* RFC 7748 5.2. */
static void x25519_vectors(void **state)
{
    (void)state;
    uint8_t k[32];
    uint8_t u[32];
    uint8_t r[32];
    uint8_t want[32];
    hex32("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4", k);
    hex32("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c", u);
    hex32("c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552", want);
    assert_int_equal(c->ops->x25519_shared(c->ctx, k, u, r), 0);
    assert_memory_equal(r, want, 32);

    memset(k, 0, sizeof(k));
    k[0] = 9;
    memcpy(u, k, sizeof(u));
    for (int i = 1; i <= 1000; i++) {
        assert_int_equal(c->ops->x25519_shared(c->ctx, k, u, r), 0);
        if (i == 1) {
            hex32("422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079", want);
            assert_memory_equal(r, want, 32);
            assert_int_equal(c->ops->x25519_public(c->ctx, k, want), 0);
            assert_memory_equal(r, want, 32); /* the base point is 9 */
        }
        memcpy(u, k, sizeof(u));
        memcpy(k, r, sizeof(k));
    }
    hex32("684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51", want);
    assert_memory_equal(k, want, 32);
}

/* The points of small order of the curve: the secret would be known to all. */
static void x25519_refuses_small_order(void **state)
{
    (void)state;
    static const char *const points[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    };
    const uint8_t k[32] = {1, 2, 3};
    for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
        uint8_t u[32];
        uint8_t r[32] = {42};
        hex32(points[i], u);
        assert_int_equal(c->ops->x25519_shared(c->ctx, k, u, r), -LP2P_E_AUTH);
        assert_int_equal(r[0], 42); /* untouched on failure */
    }
}

struct signed_msg {
    uint8_t seed[32];
    uint8_t pub[32];
    uint8_t msg[64];
    size_t n;
    uint8_t sig[64];
};

static int verify(const struct signed_msg *s)
{
    return c->ops->ed25519_verify(c->ctx, s->pub, lp2p_span(s->msg, s->n),
                                  lp2p_span(s->sig, sizeof(s->sig)));
}

static void read_case(const struct vectors *v, struct signed_msg *s)
{
    hex32(v->col[0], s->seed);
    hex32(v->col[1], s->pub);
    s->n = vectors_hex(v->col[2], s->msg, sizeof(s->msg));
    assert_int_equal(vectors_hex(v->col[3], s->sig, 64), 64);
}

/* Class C1: every bit of signature, key and message counts. */
static void check_bits(const struct signed_msg *s)
{
    for (size_t bit = 0; bit < 512; bit++) {
        struct signed_msg bad = *s;
        bad.sig[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_equal(verify(&bad), -LP2P_E_AUTH);
    }
    for (size_t bit = 0; bit < 256; bit++) {
        struct signed_msg bad = *s;
        bad.pub[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_equal(verify(&bad), -LP2P_E_AUTH);
    }
    for (size_t n = 0; n < 64; n++) {
        assert_int_equal(
            c->ops->ed25519_verify(c->ctx, s->pub, lp2p_span(s->msg, s->n), lp2p_span(s->sig, n)),
            -LP2P_E_AUTH);
    }
    struct signed_msg bad = *s;
    bad.msg[bad.n++] = 0;
    assert_int_equal(verify(&bad), -LP2P_E_AUTH);
    memset(bad.sig, 0, sizeof(bad.sig));
    assert_int_equal(verify(&bad), -LP2P_E_AUTH);
}

/* S + L is the same number: a second signature for the same message. */
static void check_malleable(const struct signed_msg *s)
{
    uint8_t l[32];
    hex32("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010", l);
    struct signed_msg bad = *s;
    unsigned carry = 0;
    for (size_t i = 0; i < 32; i++) {
        carry += (unsigned)bad.sig[32 + i] + l[i];
        bad.sig[32 + i] = (uint8_t)carry;
        carry >>= 8;
    }
    assert_int_equal(carry, 0);
    assert_int_equal(verify(&bad), -LP2P_E_AUTH);
}

static void ed25519_vectors(void **state)
{
    (void)state;
    struct vectors v;
    vectors_open(&v, "ed25519.txt");
    while (vectors_next(&v, 4)) {
        struct signed_msg s;
        uint8_t out[64];
        memset(&s, 0, sizeof(s));
        read_case(&v, &s);
        assert_int_equal(c->ops->ed25519_public(c->ctx, s.seed, out), 0);
        assert_memory_equal(out, s.pub, 32);
        assert_int_equal(c->ops->ed25519_sign(c->ctx, s.seed, lp2p_span(s.msg, s.n), out), 0);
        assert_memory_equal(out, s.sig, 64);
        assert_int_equal(verify(&s), 0);
        assert_true(lp2p_ed25519_is_point(s.pub));
        check_bits(&s);
        check_malleable(&s);
    }
    vectors_close(&v, 2);
}

/* With a key of small order the zero scalar and R = neutral would sign everything. */
static void ed25519_refuses_small_order_and_other_encodings(void **state)
{
    (void)state;
    static const char *const points[] = {
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0200000000000000000000000000000000000000000000000000000000000000",
    };
    uint8_t sig[64] = {1};
    for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
        uint8_t pub[32];
        hex32(points[i], pub);
        assert_false(lp2p_ed25519_is_point(pub));
        assert_int_equal(
            c->ops->ed25519_verify(c->ctx, pub, lp2p_span("x", 1), lp2p_span(sig, sizeof(sig))),
            -LP2P_E_AUTH);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(x25519_vectors),
        cmocka_unit_test(x25519_refuses_small_order),
        cmocka_unit_test(ed25519_vectors),
        cmocka_unit_test(ed25519_refuses_small_order_and_other_encodings),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
