/* Which of the addresses that peers say they see are believed, and for how long. */
#include "service/identify/observed.h"

#include "lp2p/error.h"

#include <stdio.h>

#include "cmocka_all.h"
#include "harness/failmem.h"

#define MINE lp2p_endpoint_ip4(192, 168, 1, 5, 4001)
#define SEEN lp2p_endpoint_ip4(203, 0, 113, 9, 4001)

static struct lp2p_endpoint observer(unsigned n)
{
    return lp2p_endpoint_ip4(198, 51, (uint8_t)(n >> 8), (uint8_t)n, 7);
}

static struct lp2p_endpoint ip6(uint8_t a, uint8_t b, uint8_t g, uint8_t last)
{
    uint8_t ip[16] = {a, b, 0, 0, 0, 0, g, last, [15] = last};
    return lp2p_endpoint_ip6(ip, 4001);
}

static struct lp2p_observation word(struct lp2p_endpoint seen, unsigned by)
{
    return (struct lp2p_observation){.local = MINE, .observer = observer(by), .seen = seen};
}

static bool say(struct lp2p_observed *o, struct lp2p_endpoint seen, unsigned by)
{
    struct lp2p_observation w = word(seen, by);
    return lp2p_observed_add(o, &w);
}

static void leave(struct lp2p_observed *o, struct lp2p_endpoint seen, unsigned by, lp2p_ts now)
{
    struct lp2p_observation w = word(seen, by);
    lp2p_observed_release(o, &w, now);
}

static const struct lp2p_observed_addr *find(const struct lp2p_observed *o,
                                             struct lp2p_endpoint seen)
{
    const struct lp2p_observed_addr *a;
    for (size_t pos = 0; (a = lp2p_observed_next(o, &pos)) != NULL;) {
        if (lp2p_endpoint_eq(&a->seen, &seen)) {
            return a;
        }
    }
    return NULL;
}

static size_t seen_by(const struct lp2p_observed *o, struct lp2p_endpoint seen)
{
    const struct lp2p_observed_addr *a = find(o, seen);
    return a == NULL ? 0 : a->n_by;
}

static size_t seen_inbound(const struct lp2p_observed *o, struct lp2p_endpoint seen)
{
    const struct lp2p_observed_addr *a = find(o, seen);
    return a == NULL ? 0 : lp2p_observed_inbound(a);
}

static bool announced(const struct lp2p_observed *o, struct lp2p_endpoint seen)
{
    const struct lp2p_observed_addr *a = find(o, seen);
    return a != NULL && lp2p_observed_is_announced(o, a);
}

static void four_independent_observers_make_an_address(void **state)
{
    (void)state;
    struct lp2p_observed o;
    lp2p_observed_init(&o, lp2p_mem_default());
    for (unsigned i = 0; i < LP2P_OBSERVED_QUOTA - 1; i++) {
        assert_false(say(&o, SEEN, i));
        assert_false(say(&o, SEEN, i)); /* a second connection of the same one */
        assert_false(announced(&o, SEEN));
    }
    assert_true(say(&o, SEEN, LP2P_OBSERVED_QUOTA));
    assert_true(announced(&o, SEEN));
    assert_int_equal(o.n, 1);
    assert_int_equal(seen_by(&o, SEEN), LP2P_OBSERVED_QUOTA);
    assert_int_equal(seen_inbound(&o, SEEN), 0);
    struct lp2p_observation in = word(SEEN, 0);
    in.inbound = true;
    assert_false(lp2p_observed_add(&o, &in));
    assert_int_equal(seen_inbound(&o, SEEN), 1);
    lp2p_observed_fini(&o);
}

/* One /56 is one household. */
static void an_ip6_network_is_one_observer(void **state)
{
    (void)state;
    struct lp2p_observed o;
    lp2p_observed_init(&o, lp2p_mem_default());
    struct lp2p_observation w = {.local = ip6(0xfd, 0, 0, 1), .seen = ip6(0x20, 1, 9, 9)};
    for (uint8_t i = 0; i < 20; i++) {
        w.observer = ip6(0x2a, 2, 1, i); /* the same first 7 bytes */
        assert_false(lp2p_observed_add(&o, &w));
    }
    assert_int_equal(seen_by(&o, w.seen), 1);
    for (uint8_t i = 2; i < 5; i++) {
        w.observer = ip6(0x2a, 2, i, 1);
        assert_int_equal(lp2p_observed_add(&o, &w), i == 4);
    }
    lp2p_observed_fini(&o);
}

static bool plausible(const char *what, struct lp2p_endpoint local, struct lp2p_endpoint by,
                      struct lp2p_endpoint seen)
{
    struct lp2p_observation w = {.local = local, .observer = by, .seen = seen};
    (void)what;
    return lp2p_observation_is_plausible(&w);
}

static void what_cannot_be_is_no_word(void **state)
{
    (void)state;
    struct lp2p_endpoint pub = observer(1), lan = lp2p_endpoint_ip4(192, 168, 1, 7, 1);
    struct lp2p_endpoint lo = lp2p_endpoint_ip4(127, 0, 0, 1, 4001), seen6 = ip6(0x20, 1, 1, 1);
    struct lp2p_endpoint nat64 = lp2p_endpoint_ip6(
        (const uint8_t[16]){0, 0x64, 0xff, 0x9b, [12] = 8, 8, 8, 8}, 4001);
    struct lp2p_endpoint no_port = SEEN, far_lan = lp2p_endpoint_ip4(10, 0, 0, 9, 4001);
    no_port.port = 0;
    assert_true(plausible("as it should be", MINE, pub, SEEN));
    assert_true(plausible("a NAT inside the house", MINE, lan, far_lan));
    assert_false(plausible("our own end", SEEN, pub, SEEN));
    assert_false(plausible("loopback", MINE, pub, lo));
    assert_false(plausible("by loopback", MINE, lo, SEEN));
    assert_false(plausible("a private address seen from outside", MINE, pub, far_lan));
    assert_false(plausible("a public one seen from inside", MINE, lan, SEEN));
    assert_false(plausible("link-local", MINE, pub, lp2p_endpoint_ip4(169, 254, 1, 1, 1)));
    assert_false(plausible("unspecified", MINE, pub, lp2p_endpoint_ip4(0, 0, 0, 0, 1)));
    assert_false(plausible("multicast", MINE, pub, lp2p_endpoint_ip4(224, 0, 0, 1, 1)));
    assert_false(plausible("another family", MINE, pub, seen6));
    assert_false(plausible("NAT64", ip6(0xfd, 0, 0, 1), ip6(0x2a, 2, 1, 1), nat64));
    assert_false(plausible("without its port", MINE, pub, no_port));
}

/* Whoever changes its mind says one thing only. */
static void an_observer_has_one_word(void **state)
{
    (void)state;
    struct lp2p_observed o;
    lp2p_observed_init(&o, lp2p_mem_default());
    for (unsigned i = 0; i < LP2P_OBSERVED_QUOTA; i++) {
        say(&o, SEEN, i);
    }
    for (unsigned n = 0; n < 1000; n++) {
        struct lp2p_endpoint lie = lp2p_endpoint_ip4(8, 8, (uint8_t)(n >> 8), (uint8_t)n, 1);
        assert_false(say(&o, lie, 77));
    }
    assert_int_equal(o.n, 2);
    assert_true(say(&o, lp2p_endpoint_ip4(8, 8, 8, 8, 1), 0)); /* one of the four turns away */
    assert_false(announced(&o, SEEN));
    assert_int_equal(o.n, 3);
    lp2p_observed_fini(&o);
}

/* As many liars as may come: the table has its size, and what is established stays. */
static void liars_do_not_push_out_the_truth(void **state)
{
    (void)state;
    struct lp2p_observed o;
    lp2p_observed_init(&o, lp2p_mem_default());
    for (unsigned i = 0; i < LP2P_OBSERVED_QUOTA; i++) {
        say(&o, SEEN, i);
    }
    /* Each for itself. */
    for (unsigned n = 100; n < 10100; n++) {
        struct lp2p_endpoint lie = lp2p_endpoint_ip4(8, 8, (uint8_t)(n >> 8), (uint8_t)n, 1);
        say(&o, lie, n);
        assert_in_range(o.n, 1, LP2P_OBSERVED_MAX);
    }
    assert_true(announced(&o, SEEN));
    /* Together: forty lies with eight liars each. */
    for (unsigned n = 0; n < 320; n++) {
        say(&o, lp2p_endpoint_ip4(9, 9, 9, (uint8_t)(n / 8), 1), 20000 + n);
    }
    assert_true(announced(&o, SEEN));
    assert_true(o.n <= LP2P_OBSERVED_MAX);
    size_t told = 0;
    const struct lp2p_observed_addr *a;
    for (size_t pos = 0; (a = lp2p_observed_next(&o, &pos)) != NULL;) {
        told += lp2p_observed_is_announced(&o, a);
    }
    assert_int_equal(told, LP2P_OBSERVED_ANNOUNCED_MAX);
    lp2p_observed_fini(&o);
}

static void a_ninth_observer_adds_nothing(void **state)
{
    (void)state;
    struct lp2p_observed o;
    lp2p_observed_init(&o, lp2p_mem_default());
    for (unsigned i = 0; i < 3 * LP2P_OBSERVED_BY_MAX; i++) {
        say(&o, SEEN, i);
    }
    assert_int_equal(seen_by(&o, SEEN), LP2P_OBSERVED_BY_MAX);
    leave(&o, SEEN, 20, 0); /* had no place */
    leave(&o, SEEN, 3, 5);
    assert_int_equal(lp2p_observed_deadline(&o), 5 + LP2P_OBSERVED_TTL);
    say(&o, SEEN, 21); /* takes the place of the one that left */
    assert_int_equal(lp2p_observed_deadline(&o), LP2P_TS_NEVER);
    lp2p_observed_fini(&o);
}

static void what_nobody_sees_any_more_fades(void **state)
{
    (void)state;
    struct lp2p_observed o;
    lp2p_observed_init(&o, lp2p_mem_default());
    for (unsigned i = 0; i < LP2P_OBSERVED_QUOTA; i++) {
        say(&o, SEEN, i);
    }
    say(&o, SEEN, 0);
    assert_int_equal(lp2p_observed_deadline(&o), LP2P_TS_NEVER);
    assert_false(lp2p_observed_expire(&o, LP2P_SEC(100000)));
    leave(&o, SEEN, 0, 10); /* its other connection is still there */
    assert_int_equal(lp2p_observed_deadline(&o), LP2P_TS_NEVER);
    leave(&o, SEEN, 0, 10);
    leave(&o, SEEN, 1, 20);
    assert_false(lp2p_observed_expire(&o, 9 + LP2P_OBSERVED_TTL));
    assert_true(announced(&o, SEEN));
    assert_true(lp2p_observed_expire(&o, 10 + LP2P_OBSERVED_TTL));
    assert_false(announced(&o, SEEN));
    assert_true(say(&o, SEEN, 9)); /* the fourth again */
    leave(&o, SEEN, 9, 20);
    leave(&o, SEEN, 2, 20);
    leave(&o, SEEN, 3, 20);
    assert_true(lp2p_observed_expire(&o, 20 + LP2P_OBSERVED_TTL));
    assert_int_equal(o.n, 0);
    assert_int_equal(lp2p_observed_deadline(&o), LP2P_TS_NEVER);
    lp2p_observed_fini(&o);
}

static bool is_mine(void *ctx, const struct lp2p_endpoint *local)
{
    return lp2p_endpoint_eq(local, ctx);
}

static void an_address_goes_with_the_listener(void **state)
{
    (void)state;
    struct lp2p_observed o;
    struct lp2p_endpoint mine = MINE, other = lp2p_endpoint_ip4(192, 168, 1, 6, 4001);
    lp2p_observed_init(&o, lp2p_mem_default());
    for (unsigned i = 0; i < LP2P_OBSERVED_QUOTA; i++) {
        say(&o, SEEN, i);
    }
    /* From a port that is no listener's: never announced, and not asked for. */
    struct lp2p_observation w = word(SEEN, 0);
    w.local.port = 0;
    w.seen.port = 0;
    for (unsigned i = 0; i < LP2P_OBSERVED_QUOTA; i++) {
        w.observer = observer(i);
        lp2p_observed_add(&o, &w);
    }
    const struct lp2p_observed_addr *a = find(&o, w.seen);
    assert_true(a != NULL && a->activated != 0 && !lp2p_observed_is_announced(&o, a));
    assert_false(lp2p_observed_keep(&o, is_mine, &mine));
    assert_true(announced(&o, SEEN));
    assert_true(lp2p_observed_keep(&o, is_mine, &other));
    assert_null(find(&o, SEEN));
    assert_int_equal(o.n, 1);
    leave(&o, SEEN, 0, 0); /* the connection outlived it */
    lp2p_observed_fini(&o);
}

/* A word that finds no memory is lost, and nothing else. */
static int with_memory(const struct lp2p_mem *mem, void *ctx)
{
    (void)ctx;
    struct lp2p_observed o;
    lp2p_observed_init(&o, mem);
    for (unsigned i = 0; i < 3 * LP2P_OBSERVED_QUOTA; i++) {
        say(&o, lp2p_endpoint_ip4(8, 8, 8, (uint8_t)(i % 3), 1), i);
    }
    int err = o.n == 3 ? 0 : -LP2P_E_NOMEM;
    lp2p_observed_expire(&o, LP2P_SEC(1));
    lp2p_observed_fini(&o);
    return err;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    failmem_each(with_memory, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(four_independent_observers_make_an_address),
        cmocka_unit_test(an_ip6_network_is_one_observer),
        cmocka_unit_test(what_cannot_be_is_no_word),
        cmocka_unit_test(an_observer_has_one_word),
        cmocka_unit_test(liars_do_not_push_out_the_truth),
        cmocka_unit_test(a_ninth_observer_adds_nothing),
        cmocka_unit_test(what_nobody_sees_any_more_fades),
        cmocka_unit_test(an_address_goes_with_the_listener),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
