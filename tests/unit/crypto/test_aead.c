#include "crypto/crypto.h"

#include "lp2p/error.h"
#include "harness/vectors.h"

#include "cmocka_all.h"
#include "given.h"

static const char text[] =
    "Ladies and Gentlemen of the class of '99: If I could offer you only one "
    "tip for the future, sunscreen would be it.";
#define TEXT_LEN (sizeof(text) - 1)

static uint8_t key[32];
static uint8_t nonce[12];
static uint8_t ad[12];
static uint8_t want[TEXT_LEN + 16];

/* RFC 8439 2.8.2. */
static void read_vector(void)
{
    vectors_hex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f", key, 32);
    vectors_hex("070000004041424344454647", nonce, 12);
    vectors_hex("50515253c0c1c2c3c4c5c6c7", ad, 12);
    size_t n = vectors_hex(
        "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da"
        "92728b1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585"
        "808b4831d7bc3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd0600691",
        want, sizeof(want));
    assert_int_equal(n, sizeof(want));
}

static void seal(uint8_t out[sizeof(want)], size_t piece)
{
    assert_int_equal(c->ops->seal_begin(c->ctx, key, nonce, lp2p_span(ad, 12)), 0);
    for (size_t at = 0; at < TEXT_LEN; at += piece) {
        size_t n = TEXT_LEN - at < piece ? TEXT_LEN - at : piece;
        assert_int_equal(c->ops->seal_more(c->ctx, out + at, (const uint8_t *)text + at, n), 0);
    }
    assert_int_equal(c->ops->seal_end(c->ctx, out + TEXT_LEN), 0);
}

static int unseal(uint8_t *data, size_t n)
{
    return c->ops->open(c->ctx, key, nonce, lp2p_span(ad, 12), (struct lp2p_mspan){data, n});
}

static void the_public_vector_in_pieces_of_any_size(void **state)
{
    (void)state;
    read_vector();
    for (size_t piece = 1; piece <= TEXT_LEN; piece++) {
        uint8_t out[sizeof(want)];
        seal(out, piece);
        assert_memory_equal(out, want, sizeof(want));
    }
    uint8_t data[sizeof(want)];
    memcpy(data, want, sizeof(want));
    assert_int_equal(unseal(data, sizeof(data)), 0);
    assert_memory_equal(data, text, TEXT_LEN);
}

static void every_changed_bit_is_refused(void **state)
{
    (void)state;
    read_vector();
    uint8_t data[sizeof(want)];
    for (size_t bit = 0; bit < 8 * sizeof(want); bit++) {
        memcpy(data, want, sizeof(want));
        data[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_equal(unseal(data, sizeof(data)), -LP2P_E_AUTH);
    }
    for (size_t n = 0; n < sizeof(want); n++) {
        memcpy(data, want, sizeof(want));
        assert_int_equal(unseal(data, n), -LP2P_E_AUTH);
    }
    /* A failure leaves nothing behind in the shared context. */
    memcpy(data, want, sizeof(want));
    assert_int_equal(unseal(data, sizeof(data)), 0);
}

/* One message may be open for sealing while others are opened. */
static void opening_does_not_disturb_sealing(void **state)
{
    (void)state;
    read_vector();
    uint8_t out[sizeof(want)];
    uint8_t data[sizeof(want)];
    memcpy(data, want, sizeof(want));
    assert_int_equal(c->ops->seal_begin(c->ctx, key, nonce, lp2p_span(ad, 12)), 0);
    assert_int_equal(c->ops->seal_more(c->ctx, out, (const uint8_t *)text, 50), 0);
    assert_int_equal(unseal(data, sizeof(data)), 0);
    assert_int_equal(c->ops->seal_more(c->ctx, out + 50, (const uint8_t *)text + 50, TEXT_LEN - 50),
                     0);
    assert_int_equal(c->ops->seal_end(c->ctx, out + TEXT_LEN), 0);
    assert_memory_equal(out, want, sizeof(want));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_public_vector_in_pieces_of_any_size),
        cmocka_unit_test(every_changed_bit_is_refused),
        cmocka_unit_test(opening_does_not_disturb_sealing),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
