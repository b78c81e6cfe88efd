#include "format/multibase.h"

#include "format/base58.h"
#include "format/bitcode_priv.h"
#include "harness/vectors.h"
#include "lp2p/error.h"

static struct lp2p_mspan room(uint8_t *p, size_t n)
{
    return (struct lp2p_mspan){.p = p, .n = n};
}

static void good_texts_read_and_write(void **state)
{
    (void)state;
    struct vectors v;
    vectors_open(&v, "multibase.txt");
    while (vectors_next(&v, 2)) {
        uint8_t want[128];
        size_t n = vectors_hex(v.col[0], want, sizeof(want));
        uint8_t got[128];
        size_t len = 999;
        assert_int_equal(
            lp2p_multibase_decode(v.col[1], strlen(v.col[1]), room(got, sizeof(got)), &len), 0);
        assert_int_equal(len, n);
        assert_memory_equal(got, want, n);
        char text[256];
        assert_int_equal(lp2p_multibase_encode((enum lp2p_multibase)v.col[1][0], lp2p_span(want, n),
                                               text, sizeof(text), &len),
                         0);
        assert_string_equal(text, v.col[1]);
        assert_int_equal(len, strlen(text));
    }
    vectors_close(&v, 40);
}

static void bad_texts_are_refused(void **state)
{
    (void)state;
    struct vectors v;
    vectors_open(&v, "multibase_bad.txt");
    while (vectors_next(&v, 3)) {
        uint8_t got[64];
        size_t len = 999;
        int err = lp2p_multibase_decode(v.col[0], strlen(v.col[0]), room(got, sizeof(got)), &len);
        if (strcmp(lp2p_error_name(err), v.col[1]) != 0) {
            fail_msg("%s: %s instead of %s", v.col[0], lp2p_error_name(err), v.col[1]);
        }
        assert_int_equal(len, 999);
    }
    vectors_close(&v, 20);
}

/* Every length, both ways, in every base; and rooms one byte too small. */
static void all_lengths_and_tight_rooms(void **state)
{
    (void)state;
    static const char bases[] = {'f', 'b', 'B', 'k', 'z', 'u'};
    uint8_t bytes[80];
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(i < 3 ? 0 : i * 37 + 11);
    }
    for (size_t b = 0; b < sizeof(bases); b++) {
        for (size_t n = 0; n <= sizeof(bytes); n++) {
            enum lp2p_multibase base = (enum lp2p_multibase)bases[b];
            char text[200];
            size_t len = 0;
            assert_int_equal(
                lp2p_multibase_encode(base, lp2p_span(bytes, n), text, sizeof(text), &len), 0);
            size_t again;
            assert_int_equal(lp2p_multibase_encode(base, lp2p_span(bytes, n), text, len, &again),
                             -LP2P_E_TOO_LONG);
            assert_int_equal(
                lp2p_multibase_encode(base, lp2p_span(bytes, n), text, len + 1, &again), 0);
            if (len > 129) {
                continue; /* longer texts are refused by base36 and base58 */
            }
            uint8_t got[80];
            size_t got_len = 0;
            assert_int_equal(lp2p_multibase_decode(text, len, room(got, n), &got_len), 0);
            assert_int_equal(got_len, n);
            assert_memory_equal(got, bytes, n);
            if (n > 0) {
                assert_int_equal(lp2p_multibase_decode(text, len, room(got, n - 1), &got_len),
                                 -LP2P_E_TOO_LONG);
            }
        }
    }
}

static void a_nul_is_no_digit(void **state)
{
    (void)state;
    uint8_t got[8];
    size_t len;
    const char *prefixes = "fbBkzu";
    for (const char *p = prefixes; *p != '\0'; p++) {
        char text[] = {*p, 'a', '\0', 'a', 'a'};
        assert_int_equal(lp2p_multibase_decode(text, sizeof(text), room(got, sizeof(got)), &len),
                         -LP2P_E_DECODE);
    }
}

static void the_first_bad_character_is_named(void **state)
{
    (void)state;
    assert_int_equal(lp2p_base58_bad_char("12D3KooW", 8), 8);
    assert_int_equal(lp2p_base58_bad_char("12D3K0oW", 8), 5);
    assert_int_equal(lp2p_base58_bad_char("", 0), 0);
    assert_int_equal(lp2p_base58_bad_char("\xc3\xa4", 2), 0);
}

static void onion_names_may_be_in_upper_case(void **state)
{
    (void)state;
    uint8_t a[10];
    uint8_t b[10];
    size_t n;
    assert_int_equal(
        lp2p_bitcode_decode(&lp2p_base32_host, "aaimaq4ygg2iegci", 16, room(a, sizeof(a)), &n), 0);
    assert_int_equal(
        lp2p_bitcode_decode(&lp2p_base32_host, "AAIMAQ4YGG2IEGCI", 16, room(b, sizeof(b)), &n), 0);
    assert_memory_equal(a, b, sizeof(a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_texts_read_and_write),
        cmocka_unit_test(bad_texts_are_refused),
        cmocka_unit_test(all_lengths_and_tight_rooms),
        cmocka_unit_test(a_nul_is_no_digit),
        cmocka_unit_test(the_first_bad_character_is_named),
        cmocka_unit_test(onion_names_may_be_in_upper_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
