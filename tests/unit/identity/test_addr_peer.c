#include "lp2p/multiaddr.h"

#include "base/span.h"
#include "cmocka_all.h"
#include "crypto/crypto.h"
#include "lp2p/error.h"

#define ID_A "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq"
#define ID_B "QmVMT29id3TUASyfZZ6k9hmNyc2nYabCo4uMSpDw4zrgDk"

static int setup(void **state)
{
    (void)state;
    return lp2p_crypto_init();
}

static struct lp2p_multiaddr addr(const char *text)
{
    struct lp2p_multiaddr ma = {.len = 0};
    assert_int_equal(lp2p_multiaddr_parse(text, strlen(text), &ma), 0);
    return ma;
}

static struct lp2p_peer_id peer(const char *text)
{
    struct lp2p_peer_id id = {.len = 0};
    assert_int_equal(lp2p_peer_id_parse(text, strlen(text), &id), 0);
    return id;
}

static void check_text(const struct lp2p_multiaddr *ma, const char *want)
{
    char text[LP2P_MULTIADDR_TEXT_SIZE];
    lp2p_multiaddr_format(ma, text);
    assert_string_equal(text, want);
}

static void the_last_component_is_the_destination(void **state)
{
    (void)state;
    struct lp2p_peer_id a = peer(ID_A);
    struct lp2p_peer_id got;
    struct lp2p_multiaddr ma = addr("/ip4/1.2.3.4/tcp/1/p2p/" ID_B "/p2p-circuit/p2p/" ID_A);
    assert_int_equal(lp2p_multiaddr_peer_id(&ma, &got), 0);
    assert_true(lp2p_peer_id_eq(&got, &a));
    ma = addr("/ip4/1.2.3.4/tcp/1/p2p/" ID_B "/p2p-circuit");
    assert_int_equal(lp2p_multiaddr_peer_id(&ma, &got), -LP2P_E_NOT_FOUND);
    ma.len = 0;
    assert_int_equal(lp2p_multiaddr_peer_id(&ma, &got), -LP2P_E_NOT_FOUND);
}

/* An address may carry any multihash of the right shape; whether a key is in it is asked here. */
static void a_value_without_a_key_is_no_id(void **state)
{
    (void)state;
    struct lp2p_multiaddr ma = {.len = 0};
    struct lp2p_peer_id got;
    assert_int_equal(lp2p_multiaddr_append(&ma, LP2P_MA_P2P, lp2p_span("\0\1x", 3)), 0);
    assert_int_equal(lp2p_multiaddr_peer_id(&ma, &got), -LP2P_E_DECODE);
}

static void appending_twice_changes_nothing(void **state)
{
    (void)state;
    struct lp2p_peer_id a = peer(ID_A);
    struct lp2p_peer_id b = peer(ID_B);
    struct lp2p_multiaddr ma = addr("/ip4/1.2.3.4/tcp/1");
    assert_int_equal(lp2p_multiaddr_with_peer_id(&ma, &a), 0);
    check_text(&ma, "/ip4/1.2.3.4/tcp/1/p2p/" ID_A);
    assert_int_equal(lp2p_multiaddr_with_peer_id(&ma, &a), 0);
    check_text(&ma, "/ip4/1.2.3.4/tcp/1/p2p/" ID_A);
    assert_int_equal(lp2p_multiaddr_with_peer_id(&ma, &b), -LP2P_E_EXISTS);
    check_text(&ma, "/ip4/1.2.3.4/tcp/1/p2p/" ID_A);
    ma = addr("/ip4/1.2.3.4/tcp/1/p2p/" ID_A "/p2p-circuit");
    assert_int_equal(lp2p_multiaddr_with_peer_id(&ma, &a), 0);
    check_text(&ma, "/ip4/1.2.3.4/tcp/1/p2p/" ID_A "/p2p-circuit/p2p/" ID_A);
}

static void cutting_takes_repeated_ids_along(void **state)
{
    (void)state;
    struct lp2p_multiaddr ma = addr("/ip4/1.2.3.4/tcp/1/p2p/" ID_A "/p2p/" ID_A);
    lp2p_multiaddr_without_peer_id(&ma);
    check_text(&ma, "/ip4/1.2.3.4/tcp/1");
    lp2p_multiaddr_without_peer_id(&ma);
    check_text(&ma, "/ip4/1.2.3.4/tcp/1");
    ma = addr("/p2p/" ID_B "/p2p-circuit");
    lp2p_multiaddr_without_peer_id(&ma);
    check_text(&ma, "/p2p/" ID_B "/p2p-circuit");
    ma = addr("/p2p/" ID_B);
    lp2p_multiaddr_without_peer_id(&ma);
    assert_int_equal(ma.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_component_is_the_destination),
        cmocka_unit_test(a_value_without_a_key_is_no_id),
        cmocka_unit_test(appending_twice_changes_nothing),
        cmocka_unit_test(cutting_takes_repeated_ids_along),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
