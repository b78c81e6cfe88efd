/* The texts of a dnsaddr name: what is the peer's, and what is not. */
#include "swarm/dnsaddr.h"

#include "cmocka_all.h"

#include "lp2p/error.h"

#include <stdio.h>

#define US   "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq"
#define THEM "QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC"

struct row {
    const char *text;
    const char *suffix; /* a multiaddr, or "" */
    int err;
    const char *addr;
};

static const struct row rows[] = {
    {"dnsaddr=/ip4/192.0.2.1/tcp/4001/p2p/" US, "", 0, "/ip4/192.0.2.1/tcp/4001"},
    {"dnsaddr=/dns4/x.test/tcp/4001/p2p/" US, "/tcp/4001", 0, "/dns4/x.test/tcp/4001"},
    {"dnsaddr=/dnsaddr/x.test/p2p/" US, "", 0, "/dnsaddr/x.test"},
    {"dnsaddr=/dnsaddr/x.test/p2p/" US "/", "", 0, "/dnsaddr/x.test"},
    {"dnsaddr=/ip4/192.0.2.1/tcp/1/p2p/" US "/p2p/" US, "", 0, "/ip4/192.0.2.1/tcp/1"},
    {"dnsaddr=/ip4/192.0.2.1/tcp/1/p2p/" THEM "/p2p-circuit/p2p/" US, "", 0,
     "/ip4/192.0.2.1/tcp/1/p2p/" THEM "/p2p-circuit"},
    /* another's, nobody's, or what follows the name does not follow here */
    {"dnsaddr=/ip4/192.0.2.1/tcp/4001/p2p/" THEM, "", -LP2P_E_NOT_FOUND, NULL},
    {"dnsaddr=/ip4/192.0.2.1/tcp/4001", "", -LP2P_E_NOT_FOUND, NULL},
    {"dnsaddr=/p2p/" US, "", -LP2P_E_NOT_FOUND, NULL},
    {"dnsaddr=/ip4/192.0.2.1/tcp/4001/p2p/" US, "/tcp/4002", -LP2P_E_NOT_FOUND, NULL},
    {"dnsaddr=/ip4/192.0.2.1/tcp/4001/p2p/" US, "/ip4/192.0.2.1/tcp/4001/ws", -LP2P_E_NOT_FOUND,
     NULL},
    /* its bytes are there, in the middle of a component: 06 0f a1 is /tcp/4001 */
    {"dnsaddr=/unix/\x06\x0f/p2p/" US, "/tcp/4001", -LP2P_E_NOT_FOUND, NULL},
    /* no such text, or no address */
    {"", "", -LP2P_E_NOT_FOUND, NULL},
    {"dnsaddr", "", -LP2P_E_NOT_FOUND, NULL},
    {"DNSADDR=/ip4/192.0.2.1/tcp/4001/p2p/" US, "", -LP2P_E_NOT_FOUND, NULL},
    {"v=spf1 -all", "", -LP2P_E_NOT_FOUND, NULL},
    {"dnsaddr=", "", -LP2P_E_DECODE, NULL},
    {"dnsaddr=/", "", -LP2P_E_DECODE, NULL},
    {"dnsaddr=ip4/192.0.2.1", "", -LP2P_E_DECODE, NULL},
    {"dnsaddr=/ip4/192.0.2.1/nothing/1/p2p/" US, "", -LP2P_E_DECODE, NULL},
    {"dnsaddr=/ip4/192.0.2.1/tcp/4001/p2p/garbage", "", -LP2P_E_DECODE, NULL},
};

static struct lp2p_multiaddr addr_of(const char *text)
{
    struct lp2p_multiaddr ma = {.len = 0};
    if (text[0] != '\0') {
        assert_int_equal(lp2p_multiaddr_parse(text, strlen(text), &ma), 0);
    }
    return ma;
}

static void texts_are_read(void **state)
{
    (void)state;
    struct lp2p_peer_id us;
    assert_int_equal(lp2p_peer_id_parse(US, strlen(US), &us), 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *r = &rows[i];
        struct lp2p_multiaddr suffix = addr_of(r->suffix), got = {.len = 0};
        int err = swarm_dnsaddr_decode(lp2p_span(r->text, strlen(r->text)), &us,
                                       lp2p_span(suffix.bytes, suffix.len), &got);
        if (err != r->err) {
            fail_msg("%s: %s, wanted %s", r->text, lp2p_error_name(err), lp2p_error_name(r->err));
        }
        struct lp2p_multiaddr want = addr_of(r->addr == NULL ? "" : r->addr);
        assert_int_equal(got.len, want.len);
        assert_memory_equal(got.bytes, want.bytes, want.len);
    }
}

/* A text that has a NUL in it, or none behind it, is as long as it is. */
static void texts_need_no_end(void **state)
{
    (void)state;
    static const char text[] = "dnsaddr=/ip4/192.0.2.1/tcp/4001/p2p/" US "\0/tcp/1";
    struct lp2p_peer_id us;
    struct lp2p_multiaddr got = {.len = 0};
    assert_int_equal(lp2p_peer_id_parse(US, strlen(US), &us), 0);
    struct lp2p_span none = lp2p_span(NULL, 0);
    assert_int_equal(swarm_dnsaddr_decode(lp2p_span(text, sizeof(text) - 1), &us, none, &got),
                     -LP2P_E_DECODE);
    assert_int_equal(swarm_dnsaddr_decode(lp2p_span(text, strlen(text)), &us, none, &got), 0);
    for (size_t n = 0; n < strlen(text); n++) {
        assert_true(swarm_dnsaddr_decode(lp2p_span(text, n), &us, none, &got) < 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_read),
        cmocka_unit_test(texts_need_no_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
