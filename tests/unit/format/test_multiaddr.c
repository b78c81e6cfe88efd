#include "lp2p/multiaddr.h"

#include "base/span.h"
#include "harness/lengths.h"
#include "harness/vectors.h"
#include "lp2p/error.h"

static struct lp2p_multiaddr parsed(const char *text)
{
    struct lp2p_multiaddr ma = {.len = 0};
    if (lp2p_multiaddr_parse(text, strlen(text), &ma) != 0) {
        fail_msg("refused: %s", text);
    }
    return ma;
}

static void check_printed(const struct lp2p_multiaddr *ma, const char *want)
{
    char text[LP2P_MULTIADDR_TEXT_SIZE];
    size_t n = lp2p_multiaddr_format(ma, text);
    assert_string_equal(text, want);
    assert_int_equal(n, strlen(text));
}

/* Text to value, to text, to value, to bytes, to value: always the same address. */
static void check_round_trip(const struct lp2p_multiaddr *ma)
{
    char text[LP2P_MULTIADDR_TEXT_SIZE];
    lp2p_multiaddr_format(ma, text);
    struct lp2p_multiaddr again = parsed(text);
    assert_true(lp2p_multiaddr_eq(ma, &again));
    check_printed(&again, text);
    assert_int_equal(lp2p_multiaddr_decode(ma->bytes, ma->len, &again), 0);
    assert_true(lp2p_multiaddr_eq(ma, &again));
}

static void good_texts_are_taken(void **state)
{
    (void)state;
    struct vectors v;
    vectors_open(&v, "multiaddr_good.txt");
    while (vectors_next(&v, 2)) {
        struct lp2p_multiaddr ma = parsed(v.col[0]);
        if (strcmp(v.col[1], "?") != 0) {
            check_printed(&ma, strcmp(v.col[1], "=") == 0 ? v.col[0] : v.col[1]);
        }
        check_round_trip(&ma);
    }
    vectors_close(&v, 110);
}

static void bad_texts_are_refused(void **state)
{
    (void)state;
    struct vectors v;
    vectors_open(&v, "multiaddr_bad.txt");
    while (vectors_next(&v, 1)) {
        struct lp2p_multiaddr ma = {.len = 77};
        if (lp2p_multiaddr_parse(v.col[0], strlen(v.col[0]), &ma) != -LP2P_E_DECODE) {
            fail_msg("taken: %s", v.col[0]);
        }
        assert_int_equal(ma.len, 77);
    }
    vectors_close(&v, 120);
}

static void texts_have_these_bytes(void **state)
{
    (void)state;
    struct vectors v;
    vectors_open(&v, "multiaddr_bin.txt");
    while (vectors_next(&v, 2)) {
        uint8_t bytes[LP2P_MULTIADDR_MAX];
        size_t n = vectors_hex(v.col[1], bytes, sizeof(bytes));
        struct lp2p_multiaddr ma = parsed(v.col[0]);
        assert_int_equal(ma.len, n);
        assert_memory_equal(ma.bytes, bytes, n);
        struct lp2p_multiaddr from_bytes;
        assert_int_equal(lp2p_multiaddr_decode(bytes, n, &from_bytes), 0);
        check_printed(&from_bytes, v.col[0]);
    }
    vectors_close(&v, 18);
}

static void bad_bytes_are_refused(void **state)
{
    (void)state;
    struct vectors v;
    vectors_open(&v, "multiaddr_bin_bad.txt");
    while (vectors_next(&v, 2)) {
        uint8_t bytes[LP2P_MULTIADDR_MAX];
        size_t n = vectors_hex(v.col[0], bytes, sizeof(bytes));
        struct lp2p_multiaddr ma = {.len = 77};
        if (lp2p_multiaddr_decode(bytes, n, &ma) != -LP2P_E_DECODE) {
            fail_msg("taken: %s (%s)", v.col[0], v.col[1]);
        }
        assert_int_equal(ma.len, 77);
    }
    vectors_close(&v, 40);
}

/* Every cut of a good address is refused or ends between two components. */
static void truncated_bytes_are_refused(void **state)
{
    (void)state;
    struct lp2p_multiaddr ma = parsed("/ip6/::1/tcp/443/tls/sni/a.example/ws/p2p/"
                                      "QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC/p2p-circuit");
    bool border[LP2P_MULTIADDR_MAX] = {false};
    struct lp2p_multiaddr_part part;
    for (size_t pos = 0; lp2p_multiaddr_next(&ma, &pos, &part);) {
        border[pos] = true;
    }
    for (size_t n = 0; n <= ma.len; n++) {
        struct lp2p_multiaddr cut;
        assert_int_equal(lp2p_multiaddr_decode(ma.bytes, n, &cut), border[n] ? 0 : -LP2P_E_DECODE);
    }
}

static void no_length_is_taken_on_trust(void **state)
{
    (void)state;
    for (size_t i = 0; i < lengths_count; i++) {
        uint8_t bytes[1 + 10 + 16] = {LP2P_MA_DNS};
        size_t head = 1 + lengths_put(bytes + 1, lengths[i]);
        memset(bytes + head, 'a', 16); /* `a` is no code either */
        struct lp2p_multiaddr ma;
        int err = lp2p_multiaddr_decode(bytes, head + 16, &ma);
        assert_int_equal(err, lengths[i] == 16 ? 0 : -LP2P_E_DECODE);
    }
}

static void limits_are_reached(void **state)
{
    (void)state;
    char text[LP2P_MULTIADDR_TEXT_SIZE + 8];
    struct lp2p_multiaddr ma;
    uint8_t bytes[LP2P_MULTIADDR_MAX + 1];
    for (unsigned i = 0; i < LP2P_MULTIADDR_MAX_PARTS + 1; i++) {
        memcpy(text + 3 * i, "/ws", 3);
        memcpy(bytes + 2 * i, "\xdd\x03", 2);
    }
    size_t parts = LP2P_MULTIADDR_MAX_PARTS;
    assert_int_equal(lp2p_multiaddr_parse(text, 3 * parts, &ma), 0);
    assert_int_equal(lp2p_multiaddr_append(&ma, LP2P_MA_WS, lp2p_span(NULL, 0)), -LP2P_E_TOO_LONG);
    assert_int_equal(lp2p_multiaddr_parse(text, 3 * (parts + 1), &ma), -LP2P_E_TOO_LONG);
    assert_int_equal(lp2p_multiaddr_decode(bytes, 2 * parts, &ma), 0);
    assert_int_equal(lp2p_multiaddr_decode(bytes, 2 * (parts + 1), &ma), -LP2P_E_TOO_LONG);

    /* a name that fills the address: code, two bytes of length, the rest */
    memset(text, 'a', sizeof(text));
    memcpy(text, "/dns/", 5);
    assert_int_equal(lp2p_multiaddr_parse(text, 5 + LP2P_MULTIADDR_MAX - 3, &ma), 0);
    assert_int_equal(ma.len, LP2P_MULTIADDR_MAX);
    check_round_trip(&ma);
    assert_int_equal(lp2p_multiaddr_parse(text, 5 + LP2P_MULTIADDR_MAX - 2, &ma), -LP2P_E_TOO_LONG);
    assert_int_equal(lp2p_multiaddr_parse(text, LP2P_MULTIADDR_TEXT_SIZE, &ma), -LP2P_E_TOO_LONG);
    assert_int_equal(lp2p_multiaddr_decode(bytes, sizeof(bytes), &ma), -LP2P_E_TOO_LONG);
}

/* The longest text there is: every byte of a path printed as three characters. */
static void the_longest_text_fits(void **state)
{
    (void)state;
    struct lp2p_multiaddr ma = {.len = 0};
    for (unsigned i = 0; i < LP2P_MULTIADDR_MAX_PARTS - 1; i++) {
        assert_int_equal(lp2p_multiaddr_append(&ma, 479, lp2p_span(NULL, 0)), 0);
    }
    uint8_t path[LP2P_MULTIADDR_MAX];
    memset(path, 0xff, sizeof(path));
    size_t left = (size_t)LP2P_MULTIADDR_MAX - ma.len - 4;
    assert_int_equal(lp2p_multiaddr_append(&ma, 481, lp2p_span(path, left)), 0);
    assert_int_equal(ma.len, LP2P_MULTIADDR_MAX);
    check_round_trip(&ma);
}

static void components_are_found(void **state)
{
    (void)state;
    struct lp2p_multiaddr ma = parsed("/ip4/192.0.2.7/tcp/4001/ws");
    struct lp2p_multiaddr_part part;
    assert_true(lp2p_multiaddr_find(&ma, LP2P_MA_TCP, &part));
    assert_int_equal(part.value.n, 2);
    assert_memory_equal(part.value.p, "\x0f\xa1", 2);
    assert_true(lp2p_multiaddr_find(&ma, LP2P_MA_WS, &part));
    assert_int_equal(part.value.n, 0);
    assert_false(lp2p_multiaddr_find(&ma, LP2P_MA_UDP, &part));
    struct lp2p_multiaddr none = {.len = 0};
    assert_false(lp2p_multiaddr_find(&none, LP2P_MA_TCP, &part));
}

static void appending_checks_the_value(void **state)
{
    (void)state;
    struct lp2p_multiaddr ma = parsed("/ip4/192.0.2.7");
    struct lp2p_multiaddr before = ma;
    assert_int_equal(lp2p_multiaddr_append(&ma, LP2P_MA_TCP, lp2p_span("\1", 1)), -LP2P_E_DECODE);
    assert_int_equal(lp2p_multiaddr_append(&ma, LP2P_MA_WS, lp2p_span("\1", 1)), -LP2P_E_DECODE);
    assert_int_equal(lp2p_multiaddr_append(&ma, LP2P_MA_DNS, lp2p_span("", 0)), -LP2P_E_DECODE);
    assert_int_equal(lp2p_multiaddr_append(&ma, LP2P_MA_P2P, lp2p_span("\x12\x00", 2)),
                     -LP2P_E_DECODE);
    assert_int_equal(lp2p_multiaddr_append(&ma, 5, lp2p_span("", 0)), -LP2P_E_DECODE);
    assert_true(lp2p_multiaddr_eq(&ma, &before));
    assert_int_equal(lp2p_multiaddr_append(&ma, LP2P_MA_TCP, lp2p_span("\x0f\xa1", 2)), 0);
    check_printed(&ma, "/ip4/192.0.2.7/tcp/4001");
    ma = parsed("/unix/a");
    assert_int_equal(lp2p_multiaddr_append(&ma, LP2P_MA_WS, lp2p_span("", 0)), -LP2P_E_DECODE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_texts_are_taken),
        cmocka_unit_test(bad_texts_are_refused),
        cmocka_unit_test(texts_have_these_bytes),
        cmocka_unit_test(bad_bytes_are_refused),
        cmocka_unit_test(truncated_bytes_are_refused),
        cmocka_unit_test(no_length_is_taken_on_trust),
        cmocka_unit_test(limits_are_reached),
        cmocka_unit_test(the_longest_text_fits),
        cmocka_unit_test(components_are_found),
        cmocka_unit_test(appending_checks_the_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
