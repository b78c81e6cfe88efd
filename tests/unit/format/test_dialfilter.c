#include "format/dialfilter.h"

#include "harness/vectors.h"
#include "lp2p/error.h"

static const struct lp2p_dial_subnet subnets[] = {
    {{LP2P_FAMILY_IP4, {192, 168, 7, 20}, 0, 0}, 24},
    {{LP2P_FAMILY_IP4, {10, 1, 2, 3}, 0, 0}, 16},
    {{LP2P_FAMILY_IP6, {0xfd, 0, 0, 1, [15] = 0x20}, 0, 0}, 64},
    {{LP2P_FAMILY_IP6, {0x20, 0x01, 0x0d, 0xb8, 0, 5, [15] = 0x20}, 0, 0}, 64},
    {{LP2P_FAMILY_IP4, {203, 0, 113, 5}, 0, 0}, 28},
    {{LP2P_FAMILY_IP6, {0xfe, 0x80, [15] = 0x20}, 0, 2}, 64},
};

static const struct lp2p_endpoint gateways[] = {
    {LP2P_FAMILY_IP4, {192, 168, 7, 1}, 0, 0},
    {LP2P_FAMILY_IP6, {0xfe, 0x80, [15] = 1}, 0, 2},
    {LP2P_FAMILY_IP4, {203, 0, 113, 1}, 0, 0},
    {LP2P_FAMILY_IP6, {0xfd, 0, 0, 1, [15] = 1}, 0, 0},
};

static const struct lp2p_dial_network network = {
    .subnets = subnets,
    .n_subnets = sizeof(subnets) / sizeof(subnets[0]),
    .gateways = gateways,
    .n_gateways = sizeof(gateways) / sizeof(gateways[0]),
};

static struct lp2p_dial_origin origin(const char *word)
{
    static const struct {
        const char *word;
        struct lp2p_dial_origin origin;
    } words[] = {
        {"link", {.source = LP2P_ADDR_LINK}},
        {"peer", {.source = LP2P_ADDR_PEER}},
        {"remembered", {.source = LP2P_ADDR_REMEMBERED}},
        {"pasted", {.source = LP2P_ADDR_PASTED}},
        {"typed", {.source = LP2P_ADDR_TYPED}},
        {"mdns", {.source = LP2P_ADDR_MDNS, .ifindex = 2}},
        {"mdns+src", {.source = LP2P_ADDR_MDNS, .ifindex = 2, .own_source = true}},
        {"mdns+lo", {.source = LP2P_ADDR_MDNS, .ifindex = 1, .on_loopback = true}},
    };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(word, words[i].word) == 0) {
            return words[i].origin;
        }
    }
    fail_msg("unknown origin %s", word);
    return words[0].origin;
}

static void the_table(void **state)
{
    (void)state;
    struct vectors v;
    vectors_open(&v, "dialfilter.txt");
    while (vectors_next(&v, 4)) {
        struct lp2p_multiaddr ma;
        assert_int_equal(lp2p_multiaddr_parse(v.col[0], strlen(v.col[0]), &ma), 0);
        struct lp2p_dial_origin o = origin(v.col[1]);
        int want = strcmp(v.col[2], "ok") == 0   ? 0
                   : strcmp(v.col[2], "no") == 0 ? -LP2P_E_FILTERED
                                                 : -LP2P_E_UNSUPPORTED;
        int got = lp2p_dial_filter_addr(&ma, &o, &network);
        if (got != want) {
            fail_msg("%s from %s (%s): %d", v.col[0], v.col[1], v.col[3], got);
        }
    }
    vectors_close(&v, 80);
}

/* Nothing known of our network: what is private stays private. */
static void without_interfaces_nothing_is_near(void **state)
{
    (void)state;
    static const struct lp2p_dial_network none;
    struct lp2p_endpoint e = lp2p_endpoint_ip4(192, 168, 7, 30, 4001);
    struct lp2p_dial_origin o = origin("link");
    assert_int_equal(lp2p_dial_filter(&e, &o, &none), -LP2P_E_FILTERED);
    e = lp2p_endpoint_ip4(198, 51, 100, 7, 4001);
    assert_int_equal(lp2p_dial_filter(&e, &o, &none), 0);
    e.family = LP2P_FAMILY_NONE;
    assert_int_equal(lp2p_dial_filter(&e, &o, &none), -LP2P_E_FILTERED);
}

static void the_list_has_its_ports(void **state)
{
    (void)state;
    unsigned n = 0;
    for (unsigned port = 0; port <= UINT16_MAX; port++) {
        n += lp2p_dial_port_is_bad((uint16_t)port) ? 1 : 0;
    }
    assert_int_equal(n, 83); /* as of 2024, port 0 included */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table),
        cmocka_unit_test(without_interfaces_nothing_is_near),
        cmocka_unit_test(the_list_has_its_ports),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
