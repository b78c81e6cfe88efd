/* Whole connections (tcp, noise, yamux) between two simulated machines. */
#include "base/assert.h"
#include "env/sim/sim.h"
#include "harness/failmem.h"
#include "peer/peer.h"

#include "cmocka_all.h"

struct world {
    struct lp2p_sim *sim;
    struct lp2p_env *env_a, *env_b;
    struct peer a, b; /* a listens */
    bool has_a, has_b;
    struct lp2p_multiaddr at;
};

/* 0 or an error; `world_fini` in any case. */
static int world_init(struct world *w, const struct lp2p_mem *mem, uint64_t seed)
{
    const struct lp2p_sim_link_cfg cfg = {.delay = LP2P_MSEC(10)};
    struct lp2p_endpoint ip_a = lp2p_endpoint_ip4(10, 0, 0, 1, 0);
    struct lp2p_endpoint ip_b = lp2p_endpoint_ip4(10, 0, 0, 2, 0);
    struct lp2p_sim_link *link;
    uint32_t index;
    memset(w, 0, sizeof(*w));
    LP2P_TRY(lp2p_sim_new(mem, seed, &w->sim));
    LP2P_TRY(lp2p_sim_link_new(w->sim, &cfg, &link));
    LP2P_TRY(lp2p_sim_machine(w->sim, "a", &w->env_a));
    LP2P_TRY(lp2p_sim_machine(w->sim, "b", &w->env_b));
    LP2P_TRY(lp2p_sim_plug(w->env_a, link, &ip_a, 24, &index));
    LP2P_TRY(lp2p_sim_plug(w->env_b, link, &ip_b, 24, &index));
    w->has_a = true;
    LP2P_TRY(peer_init(&w->a, w->env_a, mem, 1));
    w->has_b = true;
    LP2P_TRY(peer_init(&w->b, w->env_b, mem, 2));
    return peer_listen(&w->a, "/ip4/10.0.0.1/tcp/4001", &w->at);
}

static void world_fini(struct world *w)
{
    if (w->has_b) {
        peer_fini(&w->b);
    }
    if (w->has_a) {
        peer_fini(&w->a);
    }
    lp2p_env_free(w->env_a);
    lp2p_env_free(w->env_b);
    lp2p_sim_free(w->sim);
}

static void run_for(struct world *w, lp2p_ts time)
{
    lp2p_sim_run(w->sim, lp2p_sim_now(w->sim) + time);
}

static bool is_up(void *ctx)
{
    struct world *w = ctx;
    return w->a.up > 0 && w->b.up > 0;
}

static const uint8_t bulk[3U * 1024U * 1024U + 77U] = {1, 2, 3};

static void two_peers_come_up_in_three_round_trips(void **state)
{
    (void)state;
    static struct world w;
    assert_int_equal(world_init(&w, lp2p_mem_default(), 1), 0);
    lp2p_ts start = lp2p_sim_now(w.sim);
    struct peer_conn *c;
    int err = peer_dial(&w.b, &w.at, &w.a.identity.id, lp2p_span(bulk, 5), &c);
    assert_int_equal(err, 0);
    assert_true(lp2p_sim_run_until(w.sim, is_up, &w, start + LP2P_SEC(5)));
    /* SYN, negotiation with message 1, message 3: half a round trip later a has it. */
    assert_in_range(lp2p_sim_now(w.sim) - start, 0, LP2P_MSEC(61));
    run_for(&w, LP2P_SEC(1));
    assert_true(lp2p_peer_id_eq(&c->remote, &w.a.identity.id));
    assert_true(peer_conn_is_answered(c));
    struct lp2p_multiaddr local, remote;
    w.b.transport->ops->carrier_addrs(c->carrier, &local, &remote);
    assert_true(lp2p_multiaddr_eq(&remote, &w.at));
    world_fini(&w);
}

static void bytes_arrive_whole_and_are_answered(void **state)
{
    (void)state;
    static struct world w;
    assert_int_equal(world_init(&w, lp2p_mem_default(), 2), 0);
    struct peer_conn *c;
    int err = peer_dial(&w.b, &w.at, NULL, lp2p_span(bulk, sizeof(bulk)), &c);
    assert_int_equal(err, 0);
    run_for(&w, LP2P_SEC(30));
    assert_true(peer_conn_is_answered(c));
    world_fini(&w);
}

static void another_id_than_the_expected_is_refused(void **state)
{
    (void)state;
    static struct world w;
    assert_int_equal(world_init(&w, lp2p_mem_default(), 3), 0);
    struct peer_conn *c;
    int err = peer_dial(&w.b, &w.at, &w.b.identity.id, lp2p_span(bulk, 5), &c);
    assert_int_equal(err, 0);
    run_for(&w, LP2P_SEC(5));
    assert_int_equal(w.b.closed, 1);
    assert_int_equal(w.b.why.code, -LP2P_E_PEER_ID);
    assert_int_equal(w.a.up, 0);
    world_fini(&w);
}

static void a_goodbye_ends_both_sides_in_order(void **state)
{
    (void)state;
    static struct world w;
    assert_int_equal(world_init(&w, lp2p_mem_default(), 4), 0);
    struct peer_conn *c;
    assert_int_equal(peer_dial(&w.b, &w.at, NULL, lp2p_span(bulk, 5), &c), 0);
    run_for(&w, LP2P_SEC(1));
    peer_close(&w.b, LP2P_SEC(5));
    run_for(&w, LP2P_SEC(1)); /* long before the deadline */
    assert_int_equal(w.b.closed, 1);
    assert_int_equal(w.b.why.code, 0);
    assert_int_equal(w.a.closed, 1);
    assert_int_equal(w.a.why.code, -LP2P_E_CLOSED); /* there was a GoAway */
    assert_int_equal(w.a.why.class_, LP2P_CLASS_THEIRS);
    world_fini(&w);
}

static void a_silent_cut_is_noticed_within_30_seconds(void **state)
{
    (void)state;
    static struct world w;
    assert_int_equal(world_init(&w, lp2p_mem_default(), 5), 0);
    struct peer_conn *c;
    assert_int_equal(peer_dial(&w.b, &w.at, NULL, lp2p_span(bulk, 5), &c), 0);
    run_for(&w, LP2P_SEC(5));
    lp2p_sim_cut(w.env_a, w.env_b, true);
    lp2p_sim_cut(w.env_b, w.env_a, true);
    run_for(&w, LP2P_SEC(31));
    assert_int_equal(w.a.closed, 1);
    assert_int_equal(w.b.closed, 1);
    assert_int_equal(w.a.why.code, -LP2P_E_TIMEOUT);
    assert_int_equal(w.b.why.code, -LP2P_E_TIMEOUT);
    world_fini(&w);
}

static void a_refused_dial_says_so(void **state)
{
    (void)state;
    static struct world w;
    assert_int_equal(world_init(&w, lp2p_mem_default(), 6), 0);
    struct lp2p_multiaddr closed;
    static const char text[] = "/ip4/10.0.0.1/tcp/4002";
    assert_int_equal(lp2p_multiaddr_parse(text, strlen(text), &closed), 0);
    struct peer_conn *c;
    assert_int_equal(peer_dial(&w.b, &closed, NULL, lp2p_span(bulk, 5), &c), 0);
    run_for(&w, LP2P_SEC(5));
    assert_int_equal(w.b.why.code, -LP2P_E_REFUSED);
    world_fini(&w);
}

static void only_plain_tcp_addresses_are_taken(void **state)
{
    (void)state;
    static struct world w;
    static const struct {
        const char *text;
        bool dial;
    } rows[] = {
        {"/ip4/10.0.0.1/tcp/4001", true},
        {"/ip6/::1/tcp/1", true},
        {"/ip4/10.0.0.1/tcp/0", false},
        {"/ip4/0.0.0.0/tcp/4001", false},
        {"/ip4/224.0.0.1/tcp/4001", false},
        {"/ip4/10.0.0.1/udp/4001", false},
        {"/ip4/10.0.0.1/tcp/4001/ws", false},
        {"/dns4/example.org/tcp/4001", false},
        {"/ip4/10.0.0.1/udp/4001/quic-v1", false},
        {"/memory/4", false},
    };
    assert_int_equal(world_init(&w, lp2p_mem_default(), 7), 0);
    for (size_t i = 0; i < LP2P_COUNT(rows); i++) {
        struct lp2p_multiaddr ma;
        assert_int_equal(lp2p_multiaddr_parse(rows[i].text, strlen(rows[i].text), &ma), 0);
        assert_int_equal(w.a.transport->ops->can_dial(w.a.transport, &ma), rows[i].dial);
    }
    world_fini(&w);
}

static void two_hundred_connections(void **state)
{
    (void)state;
    static struct world w;
    static struct peer_conn *conns[200];
    assert_int_equal(world_init(&w, lp2p_mem_default(), 8), 0);
    for (size_t i = 0; i < LP2P_COUNT(conns); i++) {
        struct lp2p_span bytes = lp2p_span(bulk, 1000 + i);
        assert_int_equal(peer_dial(&w.b, &w.at, &w.a.identity.id, bytes, &conns[i]), 0);
    }
    run_for(&w, LP2P_SEC(60));
    assert_int_equal(w.a.up, 200);
    for (size_t i = 0; i < LP2P_COUNT(conns); i++) {
        assert_true(peer_conn_is_answered(conns[i]));
    }
    assert_int_equal(w.a.wires.reads.used, 0);
    assert_int_equal(w.a.upgrade.obufs.used, 0); /* idle connections hold no buffer */
    assert_int_equal(w.a.upgrade.large_obufs.used, 0);
    world_fini(&w);
}

static uint64_t trace_of(uint64_t seed)
{
    static struct world w;
    assert_int_equal(world_init(&w, lp2p_mem_default(), seed), 0);
    struct peer_conn *c;
    int err = peer_dial(&w.b, &w.at, NULL, lp2p_span(bulk, 100000), &c);
    assert_int_equal(err, 0);
    run_for(&w, LP2P_SEC(10));
    assert_true(peer_conn_is_answered(c));
    uint64_t trace = lp2p_sim_trace(w.sim);
    world_fini(&w);
    return trace;
}

static void the_same_seed_gives_the_same_bytes_on_the_wire(void **state)
{
    (void)state;
    assert_int_equal(trace_of(9), trace_of(9));
    assert_int_not_equal(trace_of(9), trace_of(10));
}

static int talk(const struct lp2p_mem *mem, void *ctx)
{
    (void)ctx;
    static struct world w;
    struct peer_conn *c = NULL;
    int err = world_init(&w, mem, 11);
    if (err == 0) {
        err = peer_dial(&w.b, &w.at, NULL, lp2p_span(bulk, 1000), &c);
    }
    if (err == 0) {
        run_for(&w, LP2P_SEC(300)); /* whatever failed, both sides know by then */
        err = peer_conn_is_answered(c) ? 0 : -LP2P_E_NOMEM;
    }
    world_fini(&w);
    return err == -LP2P_E_CRYPTO ? -LP2P_E_NOMEM : err; /* crypto names all its failures so */
}

static void every_failed_allocation_is_survived(void **state)
{
    (void)state;
    assert_true(failmem_each(talk, NULL) > 20);
}

int main(void)
{
    if (lp2p_crypto_init() != 0) {
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_peers_come_up_in_three_round_trips),
        cmocka_unit_test(bytes_arrive_whole_and_are_answered),
        cmocka_unit_test(another_id_than_the_expected_is_refused),
        cmocka_unit_test(a_goodbye_ends_both_sides_in_order),
        cmocka_unit_test(a_silent_cut_is_noticed_within_30_seconds),
        cmocka_unit_test(a_refused_dial_says_so),
        cmocka_unit_test(only_plain_tcp_addresses_are_taken),
        cmocka_unit_test(two_hundred_connections),
        cmocka_unit_test(the_same_seed_gives_the_same_bytes_on_the_wire),
        cmocka_unit_test(every_failed_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
