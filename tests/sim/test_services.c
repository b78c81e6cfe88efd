/* Identify, ping and mDNS between complete hosts on a simulated LAN. */
#include "env/sim/sim.h"
#include "lp2p/host.h"

#include "cmocka_all.h"

struct node {
    struct lp2p_env *env;
    struct lp2p_host *host;
};

struct world {
    struct lp2p_sim *sim;
    struct lp2p_sim_link *lan;
    struct node a, b;
    unsigned pongs;
    int ping_err;
};

static const struct lp2p_host_ops OPS = {.on_change = NULL};

static void listen_on(struct node *n, const char *text)
{
    struct lp2p_multiaddr ma;
    assert_int_equal(lp2p_multiaddr_parse(text, strlen(text), &ma), 0);
    assert_int_equal(lp2p_host_listen(n->host, &ma), 0);
}

static void node_new(struct world *w, struct node *n, const char *name, uint8_t last)
{
    assert_int_equal(lp2p_sim_machine(w->sim, name, &n->env), 0);
    if (last != 0) {
        struct lp2p_endpoint at = lp2p_endpoint_ip4(192, 168, 1, last, 0);
        uint32_t ifindex;
        assert_int_equal(lp2p_sim_plug(n->env, w->lan, &at, 24, &ifindex), 0);
    }
    struct lp2p_host_cfg cfg = {
        .env = n->env, .agent = name, .mdns = true, .mdns_note = "app=whatnext"};
    assert_int_equal(lp2p_host_new(&cfg, &OPS, NULL, &n->host), 0);
    listen_on(n, "/ip4/0.0.0.0/tcp/0");
}

static void world_new(struct world *w)
{
    *w = (struct world){.ping_err = 0};
    struct lp2p_sim_link_cfg lan = {.delay = LP2P_MSEC(1)};
    assert_int_equal(lp2p_sim_new(lp2p_mem_default(), 7, &w->sim), 0);
    assert_int_equal(lp2p_sim_link_new(w->sim, &lan, &w->lan), 0);
    node_new(w, &w->a, "agent-a/1", 1);
    node_new(w, &w->b, "agent-b/1", 2);
}

static void world_free(struct world *w)
{
    lp2p_host_free(w->a.host);
    lp2p_host_free(w->b.host);
    lp2p_env_free(w->a.env);
    lp2p_env_free(w->b.env);
    lp2p_sim_free(w->sim);
}

static void run(struct world *w, lp2p_ts time)
{
    lp2p_sim_run(w->sim, lp2p_sim_now(w->sim) + time);
}

static bool peer_of(struct node *n, const struct node *other, struct lp2p_peer_info *ret)
{
    for (size_t pos = 0; lp2p_host_peer_next(n->host, &pos, ret);) {
        if (lp2p_peer_id_eq(&ret->id, lp2p_host_peer_id(other->host))) {
            return true;
        }
    }
    return false;
}

static void both_find_each_other_and_a_goodbye_is_heard(void **state)
{
    (void)state;
    struct world w;
    struct lp2p_peer_info p;
    world_new(&w);
    run(&w, LP2P_MSEC(500));
    assert_true(peer_of(&w.a, &w.b, &p));
    assert_true(p.discovered && !p.connected && p.app == 1 && p.n_addrs == 1);
    assert_true(peer_of(&w.b, &w.a, &p) && p.discovered);
    run(&w, LP2P_SEC(600));
    assert_true(peer_of(&w.a, &w.b, &p) && p.discovered);
    lp2p_host_shutdown(w.b.host, LP2P_SEC(1), NULL, NULL);
    run(&w, LP2P_SEC(1));
    assert_true(!peer_of(&w.a, &w.b, &p) || !p.discovered);
    world_free(&w);
}

static void silence_ends_a_discovery(void **state)
{
    (void)state;
    struct world w;
    struct lp2p_peer_info p;
    world_new(&w);
    run(&w, LP2P_SEC(1));
    lp2p_sim_cut(w.b.env, w.a.env, true);
    run(&w, LP2P_SEC(110));
    assert_true(peer_of(&w.a, &w.b, &p) && p.discovered);
    run(&w, LP2P_SEC(15));
    assert_true(!peer_of(&w.a, &w.b, &p) || !p.discovered);
    world_free(&w);
}

static void on_ping(void *ctx, int err, lp2p_ts rtt)
{
    struct world *w = ctx;
    w->ping_err = err;
    w->pongs += err == 0 && rtt >= LP2P_MSEC(2);
}

static void a_connection_is_identified_and_pinged(void **state)
{
    (void)state;
    struct world w;
    struct lp2p_peer_info p;
    world_new(&w);
    struct lp2p_connect_opts opts = {.look = LP2P_SEC(3)};
    uint64_t attempt;
    const struct lp2p_peer_id *b = lp2p_host_peer_id(w.b.host);
    assert_int_equal(lp2p_host_connect(w.a.host, b, &opts, &attempt), 0);
    run(&w, LP2P_SEC(2));
    assert_true(peer_of(&w.a, &w.b, &p) && p.connected);
    assert_string_equal(p.agent, "agent-b/1");
    assert_true(p.n_protocols >= 2);
    assert_true(peer_of(&w.b, &w.a, &p) && p.connected);
    assert_string_equal(p.agent, "agent-a/1");
    struct lp2p_conn_info c;
    size_t pos = 0;
    assert_true(lp2p_host_conn_next(w.a.host, &pos, &c) && c.identified);
    assert_int_equal(c.streams, 0); /* identify leaves nothing open */
    struct lp2p_ping ping = {.count = 5, .interval = LP2P_SEC(1), .done = on_ping, .ctx = &w};
    assert_int_equal(lp2p_host_ping(w.a.host, b, &ping), 0);
    run(&w, LP2P_SEC(8));
    assert_int_equal(w.ping_err, 0);
    assert_int_equal(w.pongs, 5);
    pos = 0;
    assert_true(lp2p_host_conn_next(w.a.host, &pos, &c));
    assert_int_equal(c.streams, 0);
    /* A series that is stopped says nothing more; another one's ctx stops nothing. */
    ping.count = 100;
    assert_int_equal(lp2p_host_ping(w.a.host, b, &ping), 0);
    lp2p_host_ping_stop(w.a.host, &ping);
    run(&w, LP2P_MSEC(2500));
    assert_int_equal(w.pongs, 8);
    lp2p_host_ping_stop(w.a.host, &w);
    run(&w, LP2P_SEC(5));
    assert_int_equal(w.pongs, 8);
    assert_int_equal(w.ping_err, 0);
    pos = 0;
    assert_true(lp2p_host_conn_next(w.a.host, &pos, &c));
    assert_int_equal(c.streams, 0);
    world_free(&w);
}

/* A run that is under way when the host goes. */
static void hosts_may_go_at_any_time(void **state)
{
    (void)state;
    for (lp2p_ts t = 0; t < LP2P_MSEC(60); t += LP2P_MSEC(1)) {
        struct world w;
        world_new(&w);
        struct lp2p_connect_opts opts = {.look = LP2P_SEC(3)};
        uint64_t attempt;
        (void)lp2p_host_connect(w.a.host, lp2p_host_peer_id(w.b.host), &opts, &attempt);
        run(&w, t);
        world_free(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_find_each_other_and_a_goodbye_is_heard),
        cmocka_unit_test(silence_ends_a_discovery),
        cmocka_unit_test(a_connection_is_identified_and_pinged),
        cmocka_unit_test(hosts_may_go_at_any_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
