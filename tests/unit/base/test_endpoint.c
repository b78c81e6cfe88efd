#include "cmocka_all.h"

#include "base/assert.h"
#include "base/endpoint.h"
#include "base/text.h"

static struct lp2p_endpoint v6(uint8_t a, uint8_t b, uint8_t last)
{
    uint8_t ip[16] = {a, b};
    ip[15] = last;
    return lp2p_endpoint_ip6(ip, 1);
}

static void every_class_of_address(void **state)
{
    (void)state;
    const struct {
        uint8_t ip[4];
        const char *kind;
    } rows[] = {
        {{0, 0, 0, 0}, "unspecified"},    {{0, 1, 2, 3}, "unspecified"},
        {{127, 9, 9, 9}, "loopback"},     {{224, 0, 0, 251}, "multicast"},
        {{239, 1, 1, 1}, "multicast"},    {{255, 255, 255, 255}, "multicast"},
        {{169, 254, 1, 1}, "link-local"}, {{10, 0, 0, 1}, "private"},
        {{172, 16, 0, 1}, "private"},     {{172, 31, 255, 1}, "private"},
        {{192, 168, 3, 4}, "private"},    {{100, 64, 0, 1}, "private"},
        {{172, 32, 0, 1}, "public"},      {{100, 128, 0, 1}, "public"},
        {{8, 8, 8, 8}, "public"},
    };
    for (size_t i = 0; i < LP2P_COUNT(rows); i++) {
        const uint8_t *p = rows[i].ip;
        struct lp2p_endpoint four = lp2p_endpoint_ip4(p[0], p[1], p[2], p[3], 80);
        uint8_t mapped[16] = {
            [10] = 0xff, [11] = 0xff, [12] = p[0], [13] = p[1], [14] = p[2], [15] = p[3]};
        struct lp2p_endpoint six = lp2p_endpoint_ip6(mapped, 80);
        const struct lp2p_endpoint *both[] = {&four, &six};
        for (size_t k = 0; k < 2; k++) {
            const char *kind = rows[i].kind;
            assert_int_equal(lp2p_endpoint_is_unspecified(both[k]), !strcmp(kind, "unspecified"));
            assert_int_equal(lp2p_endpoint_is_loopback(both[k]), !strcmp(kind, "loopback"));
            assert_int_equal(lp2p_endpoint_is_multicast(both[k]), !strcmp(kind, "multicast"));
            assert_int_equal(lp2p_endpoint_is_link_local(both[k]), !strcmp(kind, "link-local"));
            assert_int_equal(lp2p_endpoint_is_private(both[k]), !strcmp(kind, "private"));
            assert_int_equal(lp2p_endpoint_is_public(both[k]), !strcmp(kind, "public"));
        }
    }
    struct lp2p_endpoint e = v6(0, 0, 1);
    assert_true(lp2p_endpoint_is_loopback(&e));
    e = v6(0, 0, 0);
    assert_true(lp2p_endpoint_is_unspecified(&e));
    e = v6(0xfe, 0x80, 1);
    assert_true(lp2p_endpoint_is_link_local(&e));
    e = v6(0xfd, 0, 1);
    assert_true(lp2p_endpoint_is_private(&e));
    e = v6(0xff, 2, 0xfb);
    assert_true(lp2p_endpoint_is_multicast(&e));
    e = v6(0x20, 1, 1);
    assert_true(lp2p_endpoint_is_public(&e));
}

static void prefixes_of_any_length(void **state)
{
    (void)state;
    struct lp2p_endpoint net = lp2p_endpoint_ip4(10, 1, 128, 0, 0);
    struct lp2p_endpoint in = lp2p_endpoint_ip4(10, 1, 255, 7, 9);
    struct lp2p_endpoint out = lp2p_endpoint_ip4(10, 1, 127, 7, 9);
    assert_true(lp2p_endpoint_in_prefix(&in, &net, 17));
    assert_false(lp2p_endpoint_in_prefix(&out, &net, 17));
    assert_true(lp2p_endpoint_in_prefix(&out, &net, 16));
    assert_true(lp2p_endpoint_in_prefix(&out, &net, 0));
    assert_false(lp2p_endpoint_in_prefix(&in, &net, 33));
    struct lp2p_endpoint six = v6(0xfd, 0, 1);
    assert_false(lp2p_endpoint_in_prefix(&six, &net, 0));
}

static void zones_tell_link_local_addresses_apart(void **state)
{
    (void)state;
    struct lp2p_endpoint a = v6(0xfe, 0x80, 1);
    struct lp2p_endpoint b = a;
    a.zone = 2;
    assert_true(lp2p_endpoint_eq(&a, &b));
    b.zone = 3;
    assert_false(lp2p_endpoint_eq(&a, &b));
    b.zone = 2;
    b.port = 7;
    assert_true(lp2p_endpoint_same_ip(&a, &b));
    assert_false(lp2p_endpoint_eq(&a, &b));
}

static void text_from_outside_is_made_fit(void **state)
{
    (void)state;
    const struct {
        const char *in;
        const char *out;
    } rows[] = {
        {"plain", "plain"},
        {"a\x1b[31mred\n", "a?[31mred?"},
        {"\xc3\xa9t\xc3\xa9", "\xc3\xa9t\xc3\xa9"},
        {"\xc0\xaf", "??"},           /* overlong */
        {"\xed\xa0\x80", "???"},      /* surrogate */
        {"\xf4\x90\x80\x80", "????"}, /* above U+10FFFF */
        {"a\xe2\x80\xae"
         "b",
         "a?b"}, /* right-to-left override */
        {"a\xe2\x80\x8b"
         "b",
         "a?b"},             /* zero width space */
        {"\xc2\x85", "?"},   /* C1 control */
        {"cut\xc3", "cut?"}, /* cut in the middle */
    };
    for (size_t i = 0; i < LP2P_COUNT(rows); i++) {
        char out[64];
        size_t n = lp2p_text_clean(lp2p_span_str(rows[i].in), out, sizeof(out));
        assert_string_equal(out, rows[i].out);
        assert_int_equal(n, strlen(out));
    }
    char small[5];
    assert_int_equal(lp2p_text_clean(lp2p_span_str("abc\xc3\xa9"), small, sizeof(small)), 3);
    assert_string_equal(small, "abc");
    assert_false(lp2p_text_is_utf8(lp2p_span_str("\xff")));
    assert_true(lp2p_text_is_utf8(lp2p_span_str("\xf0\x9f\x98\x80")));
}

static void characters_are_ascii_whatever_the_locale(void **state)
{
    (void)state;
    unsigned letters = 0, digits = 0;
    for (unsigned c = 0; c < 256; c++) {
        letters += lp2p_text_is_alnum((uint8_t)c);
        int v = lp2p_text_hex_digit((uint8_t)c);
        digits += v >= 0;
        static const char hex[] = "0123456789abcdef0123456789ABCDEF";
        assert_true(v < 0 ? c == 0 || strchr(hex, (int)c) == NULL
                          : (unsigned)hex[v] == c || (unsigned)hex[v + 16] == c);
    }
    assert_int_equal(letters, 62);
    assert_int_equal(digits, 22);
    assert_true(lp2p_text_is_alnum('z') && lp2p_text_is_alnum('A') && lp2p_text_is_alnum('5'));
    assert_int_equal(lp2p_text_percent(lp2p_span_str("%2Ff")), 0x2f);
    assert_int_equal(lp2p_text_percent(lp2p_span_str("%fF")), 0xff);
    static const char *const others[] = {"", "%", "%2", "x2f", "%g0", "%0g"};
    for (size_t i = 0; i < LP2P_COUNT(others); i++) {
        assert_int_equal(lp2p_text_percent(lp2p_span_str(others[i])), -1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_class_of_address),
        cmocka_unit_test(prefixes_of_any_length),
        cmocka_unit_test(zones_tell_link_local_addresses_apart),
        cmocka_unit_test(text_from_outside_is_made_fit),
        cmocka_unit_test(characters_are_ascii_whatever_the_locale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
