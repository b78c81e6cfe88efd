#include "crypto/crypto.h"

#include "harness/vectors.h"

#include "cmocka_all.h"
#include "given.h"

/* In two parts, so that the parts are joined and not hashed one by one. */
static void check(const char *what, struct lp2p_span key, struct lp2p_span msg,
                  struct lp2p_span want)
{
    uint8_t out[32];
    size_t half = msg.n / 2;
    const struct lp2p_span parts[] = {lp2p_span(msg.p, half),
                                      lp2p_span(msg.p + half, msg.n - half)};
    if (strcmp(what, "sha256") == 0) {
        assert_int_equal(c->ops->sha256(c->ctx, parts, 2, out), 0);
    } else if (strcmp(what, "hmac") == 0) {
        assert_int_equal(c->ops->hmac_sha256(c->ctx, key, parts, 2, out), 0);
    } else {
        assert_string_equal(what, "siphash");
        uint64_t v = c->ops->siphash(key.p, msg);
        for (size_t i = 0; i < 8; i++) {
            out[i] = (uint8_t)(v >> (8 * i));
        }
    }
    assert_memory_equal(out, want.p, want.n);
}

static void public_vectors(void **state)
{
    (void)state;
    struct vectors v;
    uint8_t key[64];
    uint8_t msg[64];
    uint8_t want[32];
    vectors_open(&v, "hash.txt");
    while (vectors_next(&v, 4)) {
        size_t n_key = vectors_hex(v.col[1], key, sizeof(key));
        size_t n_msg = vectors_hex(v.col[2], msg, sizeof(msg));
        size_t n_want = vectors_hex(v.col[3], want, sizeof(want));
        check(v.col[0], lp2p_span(key, n_key), lp2p_span(msg, n_msg), lp2p_span(want, n_want));
    }
    vectors_close(&v, 7);
}

/* js-libp2p-noise test/protocol.spec.ts. */
static void the_noise_hkdf(void **state)
{
    (void)state;
    static const char ck[] = "Noise_XX_25519_XChaChaPoly_SHA256";
    uint8_t ikm[64];
    uint8_t want[3][32];
    uint8_t out[3][32];
    size_t n = vectors_hex("a3eae50ea37a47e8a7aa0c7cd8e16528670536dcd538cebfd724fb68ce44f1910ad89"
                           "8860666227d4e8dd50d22a9a64d1c0a6f47ace092510161e9e442953da3",
                           ikm, sizeof(ikm));
    vectors_hex("cc5659adff12714982f806e2477a8d5ddd071def4c29bb38777b7e37046f6914", want[0], 32);
    vectors_hex("a16ada915e551ab623f38be674bb4ef15d428ae9d80688899c9ef9b62ef208fa", want[1], 32);
    vectors_hex("ff67bf9727e31b06efc203907e6786667d2c7a74ac412b4d31a80ba3fd766f68", want[2], 32);
    for (size_t k = 1; k <= 3; k++) {
        memset(out, 0, sizeof(out));
        assert_int_equal(lp2p_hkdf(c, (const uint8_t *)ck, lp2p_span(ikm, n), out, k), 0);
        assert_memory_equal(out, want, 32 * k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(public_vectors),
        cmocka_unit_test(the_noise_hkdf),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
