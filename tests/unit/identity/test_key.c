#include "identity/key.h"

#include <stdlib.h>

#include "base/cursor.h"
#include "harness/lengths.h"
#include "harness/vectors.h"
#include "lp2p/error.h"

static struct lp2p_crypto *crypto;

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

static void all_types_have_their_ids(void **state)
{
    (void)state;
    struct vectors v;
    vectors_open(&v, "public_keys.txt");
    while (vectors_next(&v, 3)) {
        uint8_t pb[LP2P_PUBLIC_KEY_PB_MAX];
        size_t n = vectors_hex(v.col[1], pb, sizeof(pb));
        struct lp2p_public_key key;
        assert_int_equal(lp2p_public_key_decode(lp2p_span(pb, n), &key), 0);
        assert_int_equal(key.type, strtol(v.col[0], NULL, 10));
        uint8_t again[LP2P_PUBLIC_KEY_PB_MAX];
        assert_int_equal(lp2p_public_key_encode(&key, again), n);
        assert_memory_equal(again, pb, n);
        struct lp2p_peer_id id;
        assert_int_equal(lp2p_public_key_peer_id(crypto, &key, &id), 0);
        char text[LP2P_PEER_ID_TEXT_SIZE];
        lp2p_peer_id_format(&id, text);
        assert_string_equal(text, v.col[2]);
        struct lp2p_public_key inside;
        int err = lp2p_public_key_of_peer_id(&id, &inside);
        assert_int_equal(err, n <= 42 ? 0 : -LP2P_E_NOT_FOUND);
        if (err == 0) {
            assert_int_equal(inside.len, key.len);
            assert_memory_equal(inside.data, key.data, key.len);
        }
    }
    vectors_close(&v, 6);
}

static void bad_public_keys_are_refused(void **state)
{
    (void)state;
    struct vectors v;
    vectors_open(&v, "public_keys_bad.txt");
    while (vectors_next(&v, 3)) {
        uint8_t pb[128];
        size_t n = vectors_hex(v.col[0], pb, sizeof(pb));
        struct lp2p_public_key key = {.len = 77};
        int err = lp2p_public_key_decode(lp2p_span(pb, n), &key);
        if (strcmp(lp2p_error_name(err), v.col[1]) != 0) {
            fail_msg("%s (%s): %s", v.col[0], v.col[2], lp2p_error_name(err));
        }
        assert_int_equal(key.len, 77);
    }
    vectors_close(&v, 16);
}

/* The id is made of the re-encoding: how the peer wrote its key does not matter. */
static void the_id_does_not_depend_on_the_encoding(void **state)
{
    (void)state;
    static const uint8_t odd[] = {0x12, 0x01, 0x00,    /* data, overwritten below: the last wins */
                                  0x1a, 0x02, 1,    2, /* unknown field */
                                  0x12, 0xa0, 0x00,    /* length 32, not minimal */
                                  0x1e, 0xd1, 0xe8, 0xfa, 0xe2, 0xc4, 0xa1, 0x44, 0xb8, 0xbe,
                                  0x8f, 0xd4, 0xb4, 0x7b, 0xf3, 0xd3, 0xb3, 0x4b, 0x87, 0x1c,
                                  0x3c, 0xac, 0xf6, 0x01, 0x0f, 0x0e, 0x42, 0xd4, 0x74, 0xfc,
                                  0xe2, 0x7e, 0x08, 0x03, 0x08, 0x81, 0x00}; /* type 3, then 1 */
    struct lp2p_public_key key;
    assert_int_equal(lp2p_public_key_decode(lp2p_span(odd, sizeof(odd)), &key), 0);
    struct lp2p_peer_id id;
    assert_int_equal(lp2p_public_key_peer_id(crypto, &key, &id), 0);
    char text[LP2P_PEER_ID_TEXT_SIZE];
    lp2p_peer_id_format(&id, text);
    assert_string_equal(text, "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq");
}

static void the_longest_key_is_a_limit(void **state)
{
    (void)state;
    static uint8_t pb[LP2P_KEY_DATA_MAX + 16];
    for (size_t over = 0; over < 2; over++) {
        size_t n = LP2P_KEY_DATA_MAX + over;
        size_t at = 0;
        memcpy(pb, "\x08\x00\x12", 3);
        at = 3 + lengths_put(pb + 3, n);
        pb[at] = 0x30;
        pb[at + 1] = 0x82;
        lp2p_put_be16(pb + at + 2, (uint16_t)(n - 4));
        struct lp2p_public_key key;
        assert_int_equal(lp2p_public_key_decode(lp2p_span(pb, at + n), &key),
                         over == 0 ? 0 : -LP2P_E_DECODE);
        uint8_t again[LP2P_PUBLIC_KEY_PB_MAX];
        if (over == 0) {
            assert_int_equal(lp2p_public_key_encode(&key, again), at + n);
        }
    }
}

static void private_keys(void **state)
{
    (void)state;
    struct vectors v;
    vectors_open(&v, "private_keys.txt");
    while (vectors_next(&v, 2)) {
        uint8_t pb[256];
        size_t n = vectors_hex(v.col[0], pb, sizeof(pb));
        struct lp2p_identity id = {.seed = {77}};
        int err = lp2p_identity_decode(crypto, lp2p_span(pb, n), &id);
        if (v.col[1][0] != '1') {
            assert_string_equal(lp2p_error_name(err), v.col[1]);
            assert_int_equal(id.seed[0], 77);
            continue;
        }
        assert_int_equal(err, 0);
        char text[LP2P_PEER_ID_TEXT_SIZE];
        lp2p_peer_id_format(&id.id, text);
        assert_string_equal(text, v.col[1]);
        uint8_t again[LP2P_PRIVATE_KEY_ED25519_PB_SIZE];
        lp2p_identity_encode(&id, again);
        struct lp2p_identity twin;
        assert_int_equal(lp2p_identity_decode(crypto, lp2p_span(again, sizeof(again)), &twin), 0);
        assert_memory_equal(&twin, &id, sizeof(id));
        lp2p_identity_wipe(&id);
        static const struct lp2p_identity zero;
        assert_memory_equal(&id, &zero, sizeof(id));
    }
    vectors_close(&v, 13);
}

/* SECURITY 2.1, C1: nothing but the right signature by the right key over the right message. */
static void only_the_right_signature_verifies(void **state)
{
    (void)state;
    uint8_t seed[32] = {1};
    struct lp2p_identity a;
    struct lp2p_identity b;
    assert_int_equal(lp2p_identity_from_seed(crypto, seed, &a), 0);
    seed[0] = 2;
    assert_int_equal(lp2p_identity_from_seed(crypto, seed, &b), 0);
    assert_false(lp2p_peer_id_eq(&a.id, &b.id));
    struct lp2p_public_key key_a;
    struct lp2p_public_key key_b;
    assert_int_equal(lp2p_public_key_of_peer_id(&a.id, &key_a), 0);
    assert_int_equal(lp2p_public_key_of_peer_id(&b.id, &key_b), 0);
    struct lp2p_span msg = lp2p_span_str("Libp2p is the _best_!");
    uint8_t sig[64];
    assert_int_equal(lp2p_identity_sign(crypto, &a, msg, sig), 0);
    assert_int_equal(lp2p_public_key_verify(crypto, &key_a, msg, lp2p_span(sig, 64)), 0);
    assert_int_equal(lp2p_public_key_verify(crypto, &key_b, msg, lp2p_span(sig, 64)), -LP2P_E_AUTH);
    assert_int_equal(
        lp2p_public_key_verify(crypto, &key_a, lp2p_span_str("other"), lp2p_span(sig, 64)),
        -LP2P_E_AUTH);
    for (size_t n = 0; n < 64; n++) {
        assert_int_equal(lp2p_public_key_verify(crypto, &key_a, msg, lp2p_span(sig, n)),
                         -LP2P_E_AUTH);
    }
    for (size_t i = 0; i < 64; i++) {
        sig[i] ^= 1;
        assert_int_equal(lp2p_public_key_verify(crypto, &key_a, msg, lp2p_span(sig, 64)),
                         -LP2P_E_AUTH);
        sig[i] ^= 1;
    }
    static const uint8_t zero[64];
    assert_int_equal(lp2p_public_key_verify(crypto, &key_a, msg, lp2p_span(zero, 64)),
                     -LP2P_E_AUTH);
    key_a.type = LP2P_KEY_RSA; /* no SubjectPublicKeyInfo */
    assert_int_equal(lp2p_public_key_verify(crypto, &key_a, msg, lp2p_span(sig, 64)),
                     -LP2P_E_DECODE);
}

/* A crypto library that fails leaves no half-made identity. */
static int failing_hash(void *ctx, const struct lp2p_span *parts, size_t n, uint8_t out[static 32])
{
    (void)ctx;
    (void)parts;
    (void)n;
    (void)out;
    return -LP2P_E_CRYPTO;
}

static int failing_public(void *ctx, const uint8_t seed[static 32], uint8_t ret[static 32])
{
    (void)ctx;
    (void)seed;
    (void)ret;
    return -LP2P_E_CRYPTO;
}

static void a_failing_library_is_an_error(void **state)
{
    (void)state;
    struct lp2p_crypto_ops ops = *crypto->ops;
    ops.sha256 = failing_hash;
    ops.ed25519_public = failing_public;
    const struct lp2p_crypto bad = {.ctx = crypto->ctx, .ops = &ops};
    struct lp2p_identity id = {.seed = {77}};
    const uint8_t seed[32] = {1};
    assert_int_equal(lp2p_identity_from_seed(&bad, seed, &id), -LP2P_E_CRYPTO);
    assert_int_equal(id.seed[0], 77);
    struct lp2p_public_key key = {.type = LP2P_KEY_RSA, .len = 60};
    struct lp2p_peer_id peer = {.len = 77};
    assert_int_equal(lp2p_public_key_peer_id(&bad, &key, &peer), -LP2P_E_CRYPTO);
    assert_int_equal(peer.len, 77);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_types_have_their_ids),
        cmocka_unit_test(bad_public_keys_are_refused),
        cmocka_unit_test(the_id_does_not_depend_on_the_encoding),
        cmocka_unit_test(the_longest_key_is_a_limit),
        cmocka_unit_test(private_keys),
        cmocka_unit_test(only_the_right_signature_verifies),
        cmocka_unit_test(a_failing_library_is_an_error),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
