#include "service/mdns/mdns_priv.h"

#include "cmocka_all.h"

static struct lp2p_iface iface(uint32_t index, struct lp2p_endpoint addr, uint8_t prefix)
{
    return (struct lp2p_iface){
        .index = index,
        .addr = addr,
        .prefix = prefix,
        .up = true,
        .loopback = lp2p_endpoint_is_loopback(&addr),
        .multicast = !lp2p_endpoint_is_loopback(&addr),
    };
}

static struct lp2p_endpoint ip6(uint8_t first, uint8_t second, uint8_t last)
{
    uint8_t ip[16] = {first, second, [15] = last};
    return lp2p_endpoint_ip6(ip, 0);
}

static const struct mdns_listeners ANY = {
    .n = 2,
    .at = {{.family = LP2P_FAMILY_IP4, .port = 4001}, {.family = LP2P_FAMILY_IP6, .port = 4002}},
};

static struct lp2p_mdns_link links[LP2P_MDNS_LINKS_MAX];

/* Each interface tells its own addresses only, IPv4 first, link-local IPv6 only over IPv6. */
static void each_interface_has_its_own_addresses(void **state)
{
    (void)state;
    struct lp2p_iface all[] = {
        iface(1, lp2p_endpoint_ip4(127, 0, 0, 1, 0), 8),
        iface(2, ip6(0xfe, 0x80, 2), 64),
        iface(2, ip6(0xfd, 0, 2), 64),
        iface(2, lp2p_endpoint_ip4(192, 168, 1, 2, 0), 24),
        iface(3, lp2p_endpoint_ip4(172, 17, 0, 1, 0), 16),
        iface(4, lp2p_endpoint_ip4(10, 9, 0, 1, 0), 24),
    };
    all[5].up = false;
    size_t n = mdns_links_make(all, 6, &ANY, links);
    assert_int_equal(n, 3);
    for (size_t i = 0; i < 2; i++) {
        const struct lp2p_mdns_link *l = &links[i];
        assert_int_equal(l->ifindex, 2);
        assert_int_equal(l->n_addrs, 3);
        assert_true(lp2p_endpoint_same_ip(&l->addrs[0].at, &all[3].addr));
        assert_int_equal(l->addrs[0].at.port, 4001);
        assert_int_equal(l->addrs[1].at.port, 4002);
        assert_true(lp2p_endpoint_same_ip(&l->addrs[2].at, &all[1].addr));
        assert_int_equal(l->addrs[2].at.port, l->family == LP2P_FAMILY_IP6 ? 4002 : 0);
    }
    assert_int_equal(links[2].ifindex, 3);
    assert_int_equal(links[2].n_addrs, 1);
}

static void loopback_is_used_when_there_is_no_other(void **state)
{
    (void)state;
    struct lp2p_iface lo[] = {iface(1, ip6(0, 0, 1), 128),
                              iface(1, lp2p_endpoint_ip4(127, 0, 0, 1, 0), 8),
                              iface(2, lp2p_endpoint_ip4(10, 0, 0, 1, 0), 8)};
    lo[2].multicast = false;
    assert_int_equal(mdns_links_make(lo, 3, &ANY, links), 1);
    assert_true(links[0].loopback);
    assert_int_equal(links[0].family, LP2P_FAMILY_IP4);
    assert_int_equal(links[0].n_addrs, 1);
    assert_int_equal(links[0].addrs[0].at.port, 4001);
}

/* What nobody listens on is known, for who is near, but not announced. */
static void only_what_listens_is_announced(void **state)
{
    (void)state;
    struct lp2p_iface all[] = {iface(2, lp2p_endpoint_ip4(192, 168, 1, 2, 0), 24),
                               iface(2, lp2p_endpoint_ip4(192, 168, 2, 2, 0), 24)};
    struct mdns_listeners one = {.n = 1, .at = {lp2p_endpoint_ip4(192, 168, 2, 2, 77)}};
    assert_int_equal(mdns_links_make(all, 2, &one, links), 1);
    assert_int_equal(links[0].addrs[0].at.port, 0);
    assert_int_equal(links[0].addrs[1].at.port, 77);
}

static void hundreds_of_interfaces_are_cut(void **state)
{
    (void)state;
    static struct lp2p_iface all[LP2P_ENV_MAX_IFACES];
    for (uint32_t i = 0; i < LP2P_ENV_MAX_IFACES; i++) {
        all[i] = iface(i % 2 == 0 ? 1 : i + 1, lp2p_endpoint_ip4(10, 0, (uint8_t)i, 1, 0), 24);
    }
    assert_int_equal(mdns_links_make(all, LP2P_ENV_MAX_IFACES, &ANY, links), LP2P_MDNS_LINKS_MAX);
    assert_int_equal(links[0].n_addrs, LP2P_MDNS_LINK_ADDRS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_interface_has_its_own_addresses),
        cmocka_unit_test(loopback_is_used_when_there_is_no_other),
        cmocka_unit_test(only_what_listens_is_announced),
        cmocka_unit_test(hundreds_of_interfaces_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
