/* Base64 with padding: the vectors of RFC 4648, and what is none. */
#include "ipc/base64.h"

#include "cmocka_all.h"
#include "lp2p/error.h"

static struct lp2p_mspan room_of(uint8_t *p, size_t n)
{
    return (struct lp2p_mspan){.p = p, .n = n};
}

static void vectors(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        const char *text;
    } rows[] = {
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"\xfb\xef\xff", "++//"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t out[16];
        size_t n;
        struct lp2p_span bytes = lp2p_span_str(rows[i].bytes);
        struct lp2p_span text = lp2p_span_str(rows[i].text);
        assert_int_equal(whtnxt_base64_encode(bytes, room_of(out, sizeof(out)), &n), 0);
        assert_true(lp2p_span_eq(lp2p_span(out, n), text));
        assert_int_equal(whtnxt_base64_encode(bytes, room_of(out, n - 1), &n), -LP2P_E_TOO_LONG);
        assert_int_equal(whtnxt_base64_decode(text, room_of(out, sizeof(out)), &n), 0);
        assert_true(lp2p_span_eq(lp2p_span(out, n), bytes));
    }
}

static void blanks_and_no_padding(void **state)
{
    (void)state;
    uint8_t out[16];
    size_t n;
    assert_int_equal(
        whtnxt_base64_decode(lp2p_span_str(" Zm9v\r\nYg =\t=\n"), room_of(out, sizeof(out)), &n),
        0);
    assert_true(lp2p_span_eq_str(lp2p_span(out, n), "foob"));
    assert_int_equal(whtnxt_base64_decode(lp2p_span_str("Zm9vYg"), room_of(out, sizeof(out)), &n),
                     0);
    assert_int_equal(n, 4);
}

static void what_is_none(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "=", "Z", "Zg=", "Zg===", "Zm8==", "Zg==Zg", "--__", "Zm9v!", "Zh==", "\x80"};
    uint8_t out[16];
    uint8_t many[WHTNXT_BASE64_MAX + 1];
    size_t n;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(
            whtnxt_base64_decode(lp2p_span_str(rows[i]), room_of(out, sizeof(out)), &n),
            -LP2P_E_DECODE);
    }
    memset(many, 'A', sizeof(many));
    assert_int_equal(
        whtnxt_base64_decode(lp2p_span(many, sizeof(many)), room_of(out, sizeof(out)), &n),
        -LP2P_E_TOO_LONG);
    assert_int_equal(whtnxt_base64_decode(lp2p_span(many, 100), room_of(out, sizeof(out)), &n),
                     -LP2P_E_TOO_LONG);
    assert_int_equal(
        whtnxt_base64_encode(lp2p_span(many, sizeof(many)), room_of(many, sizeof(many)), &n),
        -LP2P_E_TOO_LONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors),
        cmocka_unit_test(blanks_and_no_padding),
        cmocka_unit_test(what_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
