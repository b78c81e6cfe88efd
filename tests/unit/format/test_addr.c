#include "format/addr.h"

#include "base/span.h"
#include "cmocka_all.h"
#include "format/ip_text.h"
#include "format/number.h"
#include "lp2p/error.h"

static struct lp2p_multiaddr parsed(const char *text)
{
    struct lp2p_multiaddr ma = {.len = 0};
    assert_int_equal(lp2p_multiaddr_parse(text, strlen(text), &ma), 0);
    return ma;
}

static void endpoints_come_out(void **state)
{
    (void)state;
    struct lp2p_endpoint e;
    uint32_t code;
    size_t used;
    struct lp2p_multiaddr ma = parsed("/ip4/192.0.2.7/tcp/4001/ws");
    assert_int_equal(lp2p_addr_to_endpoint(&ma, &e, &code, &used), 0);
    struct lp2p_endpoint want = lp2p_endpoint_ip4(192, 0, 2, 7, 4001);
    assert_true(lp2p_endpoint_eq(&e, &want));
    assert_int_equal(code, LP2P_MA_TCP);
    assert_int_equal(used, 8);
    ma = parsed("/ip6zone/3/ip6/fe80::1/udp/0/quic-v1");
    assert_int_equal(lp2p_addr_to_endpoint(&ma, &e, &code, &used), 0);
    assert_int_equal(e.family, LP2P_FAMILY_IP6);
    assert_int_equal(e.zone, 3);
    assert_int_equal(e.port, 0);
    assert_int_equal(code, LP2P_MA_UDP);
    assert_int_equal(used, ma.len - 2);
}

static void other_beginnings_are_unsupported(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "/dns/a.example/tcp/1",
        "/ip4/1.2.3.4",
        "/ip4/1.2.3.4/ws",
        "/ip4/1.2.3.4/sctp/1",
        "/tcp/1",
        "/ip6zone/eth0/ip6/fe80::1/tcp/1",
        "/ip6zone/3",
        "/ip6zone/3/ip4/1.2.3.4/tcp/1",
        "/ip6zone/3/tcp/1",
        "/ip6zone/0/ip6/fe80::1/tcp/1",
        "/memory/1",
        "/ip6zone/4294967296/ip6/fe80::1/tcp/1",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct lp2p_multiaddr ma = parsed(texts[i]);
        struct lp2p_endpoint e = {.port = 7};
        uint32_t code;
        size_t used;
        assert_int_equal(lp2p_addr_to_endpoint(&ma, &e, &code, &used), -LP2P_E_UNSUPPORTED);
        assert_int_equal(e.port, 7);
    }
}

static void endpoints_go_in(void **state)
{
    (void)state;
    struct lp2p_endpoint e = lp2p_endpoint_ip4(10, 0, 0, 1, 65535);
    struct lp2p_multiaddr ma;
    char text[LP2P_MULTIADDR_TEXT_SIZE];
    lp2p_addr_from_endpoint(&e, LP2P_MA_UDP, &ma);
    lp2p_multiaddr_format(&ma, text);
    assert_string_equal(text, "/ip4/10.0.0.1/udp/65535");
    uint8_t ip[16] = {0xfe, 0x80, [15] = 1};
    e = lp2p_endpoint_ip6(ip, 1);
    e.zone = 9;
    lp2p_addr_from_endpoint(&e, LP2P_MA_TCP, &ma);
    lp2p_multiaddr_format(&ma, text);
    assert_string_equal(text, "/ip6/fe80::1/tcp/1");
    lp2p_addr_from_ip(&e, &ma);
    lp2p_multiaddr_format(&ma, text);
    assert_string_equal(text, "/ip6/fe80::1");
}

static void plain_tcp_is_recognised(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool plain;
    } cases[] = {
        {"/ip4/1.2.3.4/tcp/1", true},
        {"/ip6/::1/tcp/1", true},
        {"/ip6zone/eth0/ip6/fe80::1/tcp/1", true},
        {"/ip4/1.2.3.4/tcp/1/p2p/QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC", true},
        {"/ip4/1.2.3.4/tcp/1/p2p/QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC/p2p-circuit",
         false},
        {"/ip4/1.2.3.4/tcp/1/ws", false},
        {"/ip4/1.2.3.4/tcp/1/tls", false},
        {"/ip4/1.2.3.4", false},
        {"/ip4/1.2.3.4/udp/1", false},
        {"/ip6zone/eth0/ip4/1.2.3.4/tcp/1", false},
        {"/ip6zone/eth0", false},
        {"/tcp/1", false},
        {"/dns4/a.example/tcp/1", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lp2p_multiaddr ma = parsed(cases[i].text);
        assert_int_equal(lp2p_addr_is_plain_tcp(&ma), cases[i].plain);
    }
    struct lp2p_multiaddr none = {.len = 0};
    assert_false(lp2p_addr_is_plain_tcp(&none));
}

static void numbers_stop_at_their_maximum(void **state)
{
    (void)state;
    uint64_t v = 7;
    assert_int_equal(lp2p_number_parse("255", 3, 255, &v), 0);
    assert_int_equal(v, 255);
    assert_int_equal(lp2p_number_parse("256", 3, 255, &v), -LP2P_E_DECODE);
    assert_int_equal(lp2p_number_parse("9", 1, 8, &v), -LP2P_E_DECODE);
    assert_int_equal(lp2p_number_parse("18446744073709551615", 20, UINT64_MAX, &v), 0);
    assert_true(v == UINT64_MAX);
    assert_int_equal(lp2p_number_parse("18446744073709551616", 20, UINT64_MAX, &v), -LP2P_E_DECODE);
    assert_int_equal(lp2p_number_parse("", 0, 9, &v), -LP2P_E_DECODE);
    assert_int_equal(lp2p_number_parse("00", 2, 9, &v), -LP2P_E_DECODE);
    assert_int_equal(lp2p_number_parse("0", 1, 9, &v), 0);
    assert_int_equal(v, 0);
    char text[LP2P_NUMBER_TEXT_SIZE];
    assert_int_equal(lp2p_number_format(UINT64_MAX, text), 20);
    assert_string_equal(text, "18446744073709551615");
}

/* All patterns of zero and non-zero groups print and read back. */
static void every_shape_of_ip6_survives(void **state)
{
    (void)state;
    for (unsigned mask = 0; mask < 256; mask++) {
        uint8_t ip[16] = {0};
        for (unsigned g = 0; g < 8; g++) {
            if ((mask >> g & 1) != 0) {
                ip[2 * g] = (uint8_t)(g % 3);
                ip[2 * g + 1] = (uint8_t)(0x10 + g);
            }
        }
        char text[LP2P_IP6_TEXT_SIZE];
        size_t n = lp2p_ip6_format(ip, text);
        uint8_t again[16];
        assert_int_equal(n, strlen(text));
        assert_int_equal(lp2p_ip6_parse(text, n, again), 0);
        assert_memory_equal(again, ip, 16);
    }
}

static void zones_are_set(void **state)
{
    (void)state;
    static const struct {
        const char *from;
        const char *to; /* NULL: it cannot have one */
    } rows[] = {
        {"/ip6/fe80::1/tcp/4001", "/ip6zone/7/ip6/fe80::1/tcp/4001"},
        {"/ip6zone/eth0/ip6/fe80::1/tcp/4001", "/ip6zone/7/ip6/fe80::1/tcp/4001"},
        {"/ip6/fe80::1", "/ip6zone/7/ip6/fe80::1"},
        {"/ip4/192.0.2.1/tcp/4001", NULL},
        {"/dns6/x.test/tcp/4001", NULL},
        {"/ip6zone/eth0/ip4/192.0.2.1", NULL},
        {"/ip6zone/eth0", NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct lp2p_multiaddr ma;
        char text[LP2P_MULTIADDR_TEXT_SIZE];
        assert_int_equal(lp2p_multiaddr_parse(rows[i].from, strlen(rows[i].from), &ma), 0);
        assert_int_equal(lp2p_addr_set_zone(&ma, 7), rows[i].to != NULL ? 0 : -LP2P_E_UNSUPPORTED);
        (void)lp2p_multiaddr_format(&ma, text);
        assert_string_equal(text, rows[i].to != NULL ? rows[i].to : rows[i].from);
    }
    struct lp2p_multiaddr none = {.len = 0}, full;
    assert_int_equal(lp2p_addr_set_zone(&none, 7), -LP2P_E_UNSUPPORTED);
    static const char ip6[] = "/ip6/fe80::1";
    static uint8_t name[LP2P_MULTIADDR_MAX];
    memset(name, 'a', sizeof(name));
    assert_int_equal(lp2p_multiaddr_parse(ip6, sizeof(ip6) - 1, &full), 0);
    /* 17 bytes are the IP address, 3 the component's head. */
    assert_int_equal(
        lp2p_multiaddr_append(&full, LP2P_MA_DNS, lp2p_span(name, LP2P_MULTIADDR_MAX - 20)), 0);
    assert_int_equal(lp2p_addr_set_zone(&full, 7), -LP2P_E_TOO_LONG);
    assert_int_equal(full.len, LP2P_MULTIADDR_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(endpoints_come_out),
        cmocka_unit_test(other_beginnings_are_unsupported),
        cmocka_unit_test(endpoints_go_in),
        cmocka_unit_test(plain_tcp_is_recognised),
        cmocka_unit_test(zones_are_set),
        cmocka_unit_test(numbers_stop_at_their_maximum),
        cmocka_unit_test(every_shape_of_ip6_survives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
