/* Interfaces and addresses come and go under running hosts. */
#include "sim/lab.h"

#include "base/assert.h"

#define DELAY LP2P_MSEC(5)
/* In what everything has to follow (issue of the network's changes). */
#define SOON LP2P_SEC(1)

static const struct lab_node_cfg finds_deaf = {.mdns = true, .deaf = true};

/* A host that listens on all addresses, as the program does. */
static struct lab_node *node_on_all(struct lab_world *w, const struct lab_node_cfg *cfg)
{
    struct lab_node *n = lab_node_new(w, cfg);
    struct lp2p_multiaddr any4 = lab_addr("/ip4/0.0.0.0/tcp/4001");
    struct lp2p_multiaddr any6 = lab_addr("/ip6/::/tcp/4001");
    assert_int_equal(lp2p_host_listen(n->host, &any4), 0);
    assert_int_equal(lp2p_host_listen(n->host, &any6), 0);
    return n;
}

static uint32_t plug4(struct lab_node *n, uint8_t c, uint8_t d)
{
    uint32_t ifindex = 0;
    struct lp2p_endpoint ip = lp2p_endpoint_ip4(10, 0, c, d, 0);
    assert_int_equal(lp2p_sim_plug(n->env, n->w->lan, &ip, 8, &ifindex), 0);
    n->ip = ip;
    n->ifindex = ifindex;
    return ifindex;
}

/* fd00::<last>, or fe80::<last>. */
static uint32_t plug6(struct lab_node *n, bool link_local, uint8_t last)
{
    uint32_t ifindex = 0;
    uint8_t ip[16] = {link_local ? 0xfe : 0xfd, link_local ? 0x80 : 0, [15] = last};
    struct lp2p_endpoint e = lp2p_endpoint_ip6(ip, 0);
    assert_int_equal(lp2p_sim_plug(n->env, n->w->lan, &e, 64, &ifindex), 0);
    return ifindex;
}

static bool announces(struct lab_node *n, const char *text)
{
    struct lp2p_multiaddr want = lab_addr(text), own;
    assert_int_equal(lp2p_multiaddr_with_peer_id(&want, &n->id), 0);
    for (size_t pos = 0; lp2p_host_addr_next(n->host, &pos, &own);) {
        if (lp2p_multiaddr_eq(&own, &want)) {
            return true;
        }
    }
    return false;
}

static bool is_discovered(struct lab_node *n, const struct lab_node *of)
{
    struct lp2p_peer_info p;
    return lab_peer(n, &of->id, &p) && p.discovered;
}

struct two {
    struct lab_node *a, *b;
};

static bool both_discovered(void *ctx)
{
    const struct two *t = ctx;
    return is_discovered(t->a, t->b) && is_discovered(t->b, t->a);
}

static unsigned told;

static void count_addrs(struct lab_node *n, unsigned changes)
{
    (void)n;
    told += (changes & LP2P_CHANGE_ADDRS) != 0;
}

/* ---- what is announced ---- */

static void run_addresses(uint64_t seed)
{
    struct lab_world w;
    lab_world_init(&w, seed, DELAY);
    struct lab_node *a = node_on_all(&w, &(struct lab_node_cfg){.deaf = true});
    lab_run(&w, LP2P_SEC(3));
    assert_true(announces(a, "/ip4/10.0.0.1/tcp/4001"));
    a->on_change = count_addrs;
    told = 0;
    /* A burst of changes is one change. */
    uint32_t more = plug4(a, 1, 1);
    plug6(a, false, 1);
    assert_int_equal(told, 0);
    lab_run(&w, SOON);
    assert_int_equal(told, 1);
    assert_true(announces(a, "/ip4/10.0.1.1/tcp/4001"));
    assert_true(announces(a, "/ip6/fd00::1/tcp/4001"));
    lp2p_sim_unplug(a->env, more);
    lab_run(&w, SOON);
    assert_int_equal(told, 2);
    assert_false(announces(a, "/ip4/10.0.1.1/tcp/4001"));
    assert_true(announces(a, "/ip4/10.0.0.1/tcp/4001"));
    /* What ends as it began is none. */
    lp2p_sim_unplug(a->env, plug4(a, 2, 2));
    lab_run(&w, SOON);
    assert_int_equal(told, 2);
    lab_world_fini(&w);
}

/* A listener on one address is announced while the address is there. */
static void run_bound_listener(uint64_t seed)
{
    struct lab_world w;
    lab_world_init(&w, seed, DELAY);
    struct lab_node *a = lab_node_new(&w, NULL);
    lab_run(&w, SOON);
    assert_true(announces(a, "/ip4/10.0.0.1/tcp/4001"));
    lp2p_sim_unplug(a->env, a->ifindex);
    lab_run(&w, SOON);
    assert_false(announces(a, "/ip4/10.0.0.1/tcp/4001"));
    assert_int_equal(lp2p_sim_plug(a->env, w.lan, &a->ip, 8, &a->ifindex), 0);
    lab_run(&w, SOON);
    assert_true(announces(a, "/ip4/10.0.0.1/tcp/4001"));
    struct lab_node *b = lab_node_new(&w, NULL);
    lab_join(b, a);
    lab_world_fini(&w);
}

static void announced_addresses_follow(void **state)
{
    (void)state;
    lab_each_seed(run_addresses);
    lab_each_seed(run_bound_listener);
}

/* ---- discovery ---- */

static void run_cable(uint64_t seed)
{
    struct lab_world w;
    lab_world_init(&w, seed, DELAY);
    struct two t = {.a = node_on_all(&w, &finds_deaf), .b = node_on_all(&w, &finds_deaf)};
    lp2p_sim_unplug(t.b->env, t.b->ifindex);
    /* Long enough for the questions of A to have become rare. */
    lab_run(&w, LP2P_SEC(200) + LP2P_MSEC(seed * 313 % 5000));
    assert_false(is_discovered(t.a, t.b));
    plug4(t.b, 0, 77);
    assert_true(lab_run_until(&w, both_discovered, &t, SOON));
    lab_world_fini(&w);
}

/* From IPv4 to IPv6 only, and two machines with nothing but link-local addresses. */
static void run_ip6_only(uint64_t seed, bool link_local)
{
    struct lab_world w;
    lab_world_init(&w, seed, DELAY);
    struct two t = {.a = node_on_all(&w, &finds_deaf), .b = node_on_all(&w, &finds_deaf)};
    assert_true(lab_run_until(&w, both_discovered, &t, LP2P_SEC(5)));
    lab_run(&w, LP2P_SEC(30));
    lp2p_sim_unplug(t.a->env, t.a->ifindex);
    lp2p_sim_unplug(t.b->env, t.b->ifindex);
    plug6(t.a, link_local, 1);
    plug6(t.b, link_local, 2);
    lab_run(&w, SOON);
    assert_false(announces(t.a, "/ip4/10.0.0.1/tcp/4001"));
    assert_int_equal(announces(t.a, "/ip6/fd00::1/tcp/4001"), !link_local);
    struct lp2p_attempt_info at = lab_attempt_end(t.a, lab_connect_at(t.a, &t.b->id, NULL, 0),
                                                  SOON);
    assert_int_equal(at.stage, LP2P_STAGE_CONNECTED);
    assert_true(lab_ping(t.b, t.a, SOON));
    lab_world_fini(&w);
}

static void run_ula(uint64_t seed)
{
    run_ip6_only(seed, false);
}

static void run_link_local(uint64_t seed)
{
    run_ip6_only(seed, true);
}

static void discovery_follows(void **state)
{
    (void)state;
    lab_each_seed(run_cable);
    lab_each_seed(run_ula);
    lab_each_seed(run_link_local);
}

/* ---- attempts and connections ---- */

/* Without a network there is no way; the way that comes is taken at once. */
static void run_attempt(uint64_t seed)
{
    struct lab_world w;
    lab_world_init(&w, seed, DELAY);
    struct lab_node *a = node_on_all(&w, &(struct lab_node_cfg){.deaf = true});
    struct lab_node *b = lab_node_new(&w, NULL);
    lp2p_sim_unplug(a->env, a->ifindex);
    lab_run(&w, SOON);
    struct lp2p_connect_opts opts = {
        .addrs = &b->addr, .n = 1, .source = LP2P_ADDR_TYPED, .look = LP2P_SEC(10)};
    uint64_t id = 0;
    assert_int_equal(lp2p_host_connect(a->host, &b->id, &opts, &id), 0);
    lab_run(&w, LP2P_SEC(2) + LP2P_MSEC(seed * 97 % 1000));
    struct lp2p_attempt_info at = lab_attempt(a, id);
    assert_int_equal(at.ended, 0);
    assert_int_equal(at.paths[0].error, -LP2P_E_UNREACHABLE);
    plug4(a, 3, 3);
    at = lab_attempt_end(a, id, SOON);
    assert_int_equal(at.stage, LP2P_STAGE_CONNECTED);
    assert_int_equal(at.n_paths, 1);
    lab_world_fini(&w);
}

/* A dial that hangs in the old network is not waited for. */
static void run_hanging_dial(uint64_t seed)
{
    struct lab_world w;
    lab_world_init(&w, seed, DELAY);
    struct lab_node *a = node_on_all(&w, &(struct lab_node_cfg){.deaf = true});
    struct lab_node *b = lab_node_new(&w, NULL);
    lab_cut(a, b, true);
    uint64_t id = lab_connect(a, b);
    lab_run(&w, LP2P_SEC(1) + LP2P_MSEC(seed * 97 % 1000));
    assert_int_equal(lab_attempt(a, id).ended, 0);
    lp2p_sim_unplug(a->env, a->ifindex);
    plug4(a, 3, 3);
    lab_cut(a, b, false);
    lp2p_ts began = lab_time(&w);
    assert_int_equal(lab_attempt_end(a, id, LP2P_SEC(5)).stage, LP2P_STAGE_CONNECTED);
    assert_true(lab_time(&w) - began <= LP2P_ENV_CHANGE_MERGE + 20 * DELAY);
    assert_int_equal(lab_conns(b, NULL, NULL), 1);
    lab_world_fini(&w);
}

/* What hung on an address ends with it, the rest goes on; the peer is reached anew. */
static void run_address_gone(uint64_t seed)
{
    struct lab_world w;
    lab_world_init(&w, seed, DELAY);
    struct lab_node *a = node_on_all(&w, &(struct lab_node_cfg){.deaf = true});
    struct lab_node *b = lab_node_new(&w, NULL);
    lab_join(a, b);
    uint32_t first = a->ifindex;
    plug4(a, 3, 3);
    lab_run(&w, SOON);
    assert_true(lab_is_connected(a, b)); /* more is no reason */
    lp2p_sim_unplug(a->env, first);
    lab_run(&w, SOON);
    assert_false(lab_is_connected(a, b));
    lab_join(a, b);
    assert_true(lab_ping(a, b, SOON));
    /* B, which does not know that the old one is dead, uses the new one. */
    assert_int_equal(lab_conns(b, NULL, NULL), 2);
    assert_true(lab_ping(b, a, SOON));
    /* B forgets the connection that is dead; one is left on both sides. */
    lab_run(&w, LP2P_SEC(65));
    assert_int_equal(lab_conns(a, NULL, NULL), 1);
    assert_int_equal(lab_conns(b, NULL, NULL), 1);
    lab_world_fini(&w);
}

static void attempts_and_connections_follow(void **state)
{
    (void)state;
    lab_each_seed(run_attempt);
    lab_each_seed(run_hanging_dial);
    lab_each_seed(run_address_gone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        lab_test(announced_addresses_follow),
        lab_test(discovery_follows),
        lab_test(attempts_and_connections_follow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
