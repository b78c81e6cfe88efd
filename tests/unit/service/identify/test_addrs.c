#include "service/identify/identify_priv.h"

#include <stdio.h>

#include "cmocka_all.h"

static struct lp2p_multiaddr addr(const char *text)
{
    struct lp2p_multiaddr ma = {.len = 0};
    assert_int_equal(lp2p_multiaddr_parse(text, strlen(text), &ma), 0);
    return ma;
}

static bool shared(const char *what, const char *over)
{
    struct lp2p_multiaddr a = addr(what), b = addr(over);
    return identify_is_shared(&a, identify_conn_reach(&b));
}

/* DIGEST 14: loopback over loopback only, private over private and loopback. */
static void what_is_told_over_which_connection(void **state)
{
    (void)state;
    static const char *const lo = "/ip4/127.0.0.1/tcp/1", *const lan = "/ip4/192.168.1.2/tcp/1",
                             *const wan = "/ip4/8.8.4.4/tcp/1", *const near = "/ip6/fe80::1/tcp/1";
    assert_true(shared(lo, lo) && shared(lan, lo) && shared(wan, lo));
    assert_true(!shared(lo, lan) && shared(lan, lan) && shared(wan, lan));
    assert_true(!shared(lo, wan) && !shared(lan, wan) && shared(wan, wan));
    assert_true(!shared(lo, near) && shared(lan, near) && shared("/ip6/fd00::1/tcp/1", near));
    assert_false(shared(near, near));
    assert_false(shared("/ip4/0.0.0.0/tcp/1", lo));
    assert_true(shared("/dns4/example.com/tcp/1", wan));
}

static void the_most_useful_come_first(void **state)
{
    (void)state;
    static struct identify_addrs a;
    static const char *const in[] = {"/ip6/::1/tcp/1",         "/ip4/127.0.0.1/tcp/1",
                                     "/ip6/fd00::1/tcp/1",     "/ip4/10.0.0.1/tcp/1",
                                     "/ip6/2001:db8::1/tcp/1", "/ip4/8.8.4.4/tcp/1"};
    for (size_t round = 0; round < 2; round++) {
        for (size_t i = 0; i < 6; i++) {
            struct lp2p_multiaddr ma = addr(in[i]);
            identify_addrs_add(&a, &ma);
        }
    }
    assert_int_equal(a.n, 6);
    for (size_t i = 0; i < 6; i++) {
        struct lp2p_multiaddr ma = addr(in[5 - i]);
        assert_true(lp2p_multiaddr_eq(&a.addrs[i], &ma));
    }
    for (unsigned i = 0; i < 200; i++) {
        char text[64];
        snprintf(text, sizeof(text), "/ip4/10.1.0.%u/tcp/1", i);
        struct lp2p_multiaddr ma = addr(text);
        identify_addrs_add(&a, &ma);
    }
    assert_int_equal(a.n, LP2P_IDENTIFY_SEND_ADDRS_MAX);
    struct lp2p_multiaddr first = addr(in[5]);
    assert_true(lp2p_multiaddr_eq(&a.addrs[0], &first));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_told_over_which_connection),
        cmocka_unit_test(the_most_useful_come_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
