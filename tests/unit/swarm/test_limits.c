/* The profiles: complete, and no number contradicts another. */
#include "lp2p/limits.h"

#include "swarm/swarm_priv.h"

#include "cmocka_all.h"

/* The specification's start window: no window is smaller. */
#define WINDOW_START (256U * 1024U)
#define MIB          (1024U * 1024U)
/* What the allocator adds to a block. */
#define BLOCK 32U

static const char *const names[] = {"desktop", "relay", "bench"};

static void each_profile_has_its_name_and_no_other_has_one(void **state)
{
    (void)state;
    for (size_t i = 0; i < LP2P_COUNT(names); i++) {
        const struct lp2p_limits *l = lp2p_limits_profile(names[i]);
        assert_non_null(l);
        assert_string_equal(l->profile, names[i]);
        assert_ptr_equal(l, lp2p_limits_profile(names[i]));
    }
    assert_null(lp2p_limits_profile(""));
    assert_null(lp2p_limits_profile("Desktop"));
    assert_null(lp2p_limits_profile("desktop "));
}

static void connections_fit_into_each_other(const struct lp2p_limits *l)
{
    assert_true(l->conns_in > 0 && l->conns_in <= l->conns);
    assert_true(l->conns_per_peer > 0 && l->conns_per_peer <= l->conns_in);
    assert_true(l->conns_known_slots < l->conns_in);
    assert_true(l->pending_per_ip > 0 && l->pending_per_ip <= l->pending_per_ip_near);
    assert_true(l->pending_per_ip_near <= l->pending_in);
    /* One who is let in may use his places. */
    assert_true(l->rate_burst >= l->pending_per_ip);
    assert_true(l->rate_burst_near >= l->pending_per_ip_near);
    assert_true(l->rate_burst_near >= l->rate_burst);
    assert_true(l->rate_refill_mhz > 0 && l->rate_refill_near_mhz >= l->rate_refill_mhz);
}

static void deadlines_end_from_the_inside(const struct lp2p_limits *l)
{
    assert_true(l->connect_timeout > 0 && l->connect_timeout < l->dial_timeout);
    assert_true(l->upgrade_timeout > 0 && l->upgrade_timeout <= l->dial_timeout);
    assert_true(l->dial_timeout < l->dial_peer_timeout);
    assert_true(l->identify_timeout > 0 && l->identify_timeout <= l->negotiate_timeout);
    assert_true(l->close_timeout > 0 && l->close_timeout <= l->identify_timeout);
    assert_true(l->ping_timeout > 0 && l->ping_timeout < l->keepalive);
    assert_true(l->dial_stagger_near > 0 && l->dial_stagger_near < l->dial_stagger);
    /* Every address has its turn before the peer's time is over. */
    assert_true(l->dial_stagger * l->dial_addrs < l->dial_peer_timeout);
    assert_true(l->dial_parallel > 0 && l->dial_parallel <= l->dial_addrs);
    assert_true(l->dial_addrs <= LP2P_ATTEMPT_MAX_PATHS);
}

static void memory_fits_into_each_other(const struct lp2p_limits *l)
{
    assert_true(l->streams_in > 0 && l->streams_out > 0);
    assert_true(l->ack_backlog > 0 && l->ack_backlog <= l->streams_out);
    assert_true(l->window_max >= WINDOW_START);
    assert_true(l->window_max <= l->windows_per_conn);
    /* Grown windows are promised and cannot be taken back: one stream at its best, with something
     * in the account already, leaves half of it to what arrives. */
    assert_true(l->windows_per_conn <= l->memory_per_conn / 2);
    assert_true(l->window_max + MIB / 4 <= l->memory_per_conn / 2);
    assert_true(l->memory_per_conn / 2 <= l->memory / 2);
    assert_true(l->memory_per_conn <= l->memory_per_peer);
    assert_true(l->memory_per_peer <= l->memory);
    assert_true(l->memory_pending < l->memory);
    assert_true(l->abuse_burst > 0 && l->abuse_refill > 0);
}

/* What the peer store holds when every peer tells as much as it may. */
static uint64_t store_bytes(const struct lp2p_limits *l)
{
    uint64_t addr = sizeof(struct lp2p_peer_addr) + LP2P_MULTIADDR_MAX + BLOCK;
    uint64_t protocol = sizeof(char *) + LP2P_PEER_PROTOCOL_MAX + 1 + BLOCK;
    uint64_t peer = sizeof(struct lp2p_peer) + 2U * BLOCK + 2U * sizeof(struct lp2p_map_slot);
    return l->peers * (peer + l->addrs_per_peer * addr + l->protocols_per_peer * protocol);
}

static void the_peer_store_has_room_and_no_more_than_its_share(const struct lp2p_limits *l)
{
    /* Connected peers and those of attempts are never evicted; there is a place for a new one. */
    assert_true(l->peers > l->conns + SWARM_MAX_RUNNING);
    assert_true(l->discovered <= l->peers);
    assert_true(l->discovered_per_min > 0 && l->discovered_per_min <= l->discovered);
    assert_true(l->addrs_per_peer > 0 && l->protocols_per_peer > 0);
    assert_true(store_bytes(l) <= l->memory);
}

static void no_number_contradicts_another(void **state)
{
    (void)state;
    for (size_t i = 0; i < LP2P_COUNT(names); i++) {
        const struct lp2p_limits *l = lp2p_limits_profile(names[i]);
        connections_fit_into_each_other(l);
        deadlines_end_from_the_inside(l);
        memory_fits_into_each_other(l);
        the_peer_store_has_room_and_no_more_than_its_share(l);
    }
}

static void every_pending_connection_has_an_account(void **state)
{
    (void)state;
    /* Not for bench: there one address makes them all. */
    for (size_t i = 0; i < 2; i++) {
        assert_true(lp2p_limits_profile(names[i])->pending_in < SWARM_MAX_SOURCES);
    }
}

static void relay_and_bench_are_what_they_are_for(void **state)
{
    (void)state;
    const struct lp2p_limits *d = lp2p_limits_profile("desktop");
    const struct lp2p_limits *r = lp2p_limits_profile("relay");
    const struct lp2p_limits *b = lp2p_limits_profile("bench");
    assert_int_equal(r->conns_in, 20000);
    assert_int_equal(b->conns_in, 1000 * d->conns_in);
    assert_int_equal(b->conns, 1000 * d->conns);
    assert_int_equal(b->conns_per_peer, 1000 * d->conns_per_peer);
    assert_int_equal(b->pending_in, 1000 * d->pending_in);
    assert_int_equal(b->pending_per_ip, 1000 * d->pending_per_ip);
    assert_int_equal(b->pending_per_ip_near, 1000 * d->pending_per_ip_near);
    assert_int_equal(b->rate_burst, 1000 * d->rate_burst);
    assert_int_equal(b->rate_refill_mhz, 1000 * d->rate_refill_mhz);
    assert_int_equal(b->rate_burst_near, 1000 * d->rate_burst_near);
    assert_int_equal(b->rate_refill_near_mhz, 1000 * d->rate_refill_near_mhz);
    assert_int_equal(b->window_max, 64U << 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_profile_has_its_name_and_no_other_has_one),
        cmocka_unit_test(no_number_contradicts_another),
        cmocka_unit_test(every_pending_connection_has_an_account),
        cmocka_unit_test(relay_and_bench_are_what_they_are_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
