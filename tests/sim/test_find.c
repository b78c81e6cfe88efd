/* Discovery on the local network, and attempts that live on it. */
#include "sim/lab.h"

#include "base/assert.h"

#define DELAY LP2P_MSEC(5)

static const struct lab_node_cfg finds = {.mdns = true};

static bool is_discovered(struct lab_node *n, const struct lp2p_peer_id *id)
{
    struct lp2p_peer_info p;
    return lab_peer(n, id, &p) && p.discovered;
}

/* ---- an id is enough ---- */

static uint64_t look_for(struct lab_node *n, const struct lp2p_peer_id *id, lp2p_ts look)
{
    struct lp2p_connect_opts opts = {.look = look};
    uint64_t attempt;
    assert_int_equal(lp2p_host_connect(n->host, id, &opts, &attempt), 0);
    return attempt;
}

/* The peer is known already, or comes later, or never. */
static void run_by_id(uint64_t seed)
{
    struct lab_world w;
    lab_world_init(&w, seed, DELAY);
    struct lab_node *a = lab_node_new(&w, &finds), *b = lab_node_new(&w, &finds);
    struct lp2p_attempt_info at;
    lab_run(&w, LP2P_SEC(3));
    at = lab_attempt_end(a, look_for(a, &b->id, LP2P_SEC(10)), LP2P_MSEC(100));
    assert_int_equal(at.stage, LP2P_STAGE_CONNECTED);
    assert_int_equal(at.paths[0].source, LP2P_ADDR_MDNS);
    lab_world_fini(&w);

    lab_world_init(&w, seed, DELAY);
    a = lab_node_new(&w, &finds);
    lab_run(&w, LP2P_SEC(60)); /* its own announcements are over */
    struct lab_world late;
    lab_world_init(&late, seed, DELAY);
    (void)lab_node_new(&late, NULL);
    struct lp2p_peer_id id = lab_node_new(&late, NULL)->id; /* what the second will be called */
    lab_world_fini(&late);
    uint64_t attempt = look_for(a, &id, LP2P_SEC(10));
    lab_run(&w, LP2P_SEC(4));
    assert_int_equal(lab_attempt(a, attempt).stage, LP2P_STAGE_LOOKING);
    b = lab_node_new(&w, &finds);
    assert_true(lp2p_peer_id_eq(&b->id, &id));
    at = lab_attempt_end(a, attempt, LP2P_SEC(2));
    assert_int_equal(at.stage, LP2P_STAGE_CONNECTED);
    assert_true(lab_ping(a, b, LP2P_SEC(1)));
    lab_world_fini(&w);
}

static void run_not_there(uint64_t seed)
{
    struct lab_world w;
    lab_world_init(&w, seed, DELAY);
    struct lab_node *a = lab_node_new(&w, &finds), *b = lab_node_new(&w, NULL);
    uint64_t attempt = look_for(a, &b->id, LP2P_SEC(10));
    struct lp2p_attempt_info at = lab_attempt_end(a, attempt, LP2P_SEC(20));
    assert_int_equal(at.stage, LP2P_STAGE_FAILED);
    assert_int_equal(at.error, -LP2P_E_NO_ADDRESS);
    assert_int_equal(lab_time(&w), LP2P_SEC(10));
    assert_int_equal(at.n_paths, 0);
    lab_world_fini(&w);
}

/* A paste joins an attempt that would not look, and is looked for all the same. */
static void run_joined(uint64_t seed)
{
    struct lab_world w;
    lab_world_init(&w, seed, DELAY);
    struct lab_node *a = lab_node_new(&w, &finds), *b = lab_node_new(&w, NULL);
    struct lp2p_multiaddr silent = lab_addr("/ip4/10.0.0.77/tcp/4001");
    struct lp2p_connect_opts dull = {.addrs = &silent, .n = 1, .source = LP2P_ADDR_TYPED};
    uint64_t first;
    assert_int_equal(lp2p_host_connect(a->host, &b->id, &dull, &first), 0);
    lab_run(&w, LP2P_SEC(1));
    uint64_t second = look_for(a, &b->id, LP2P_SEC(12));
    assert_int_equal(first, second);
    (void)lab_attempt_end(a, second, LP2P_SEC(30));
    assert_int_equal(lab_time(&w), LP2P_SEC(13));
    lab_world_fini(&w);
}

/* The address that was given is dead; the one that discovery tells is not. */
static void run_moved(uint64_t seed)
{
    struct lab_world w;
    lab_world_init(&w, seed, DELAY);
    struct lab_node *a = lab_node_new(&w, &finds), *b = lab_node_new(&w, &finds);
    struct lp2p_multiaddr old = lab_addr("/ip4/10.0.0.77/tcp/4001");
    struct lp2p_connect_opts opts = {
        .addrs = &old, .n = 1, .source = LP2P_ADDR_PASTED, .look = LP2P_SEC(10)};
    uint64_t attempt;
    assert_int_equal(lp2p_host_connect(a->host, &b->id, &opts, &attempt), 0);
    struct lp2p_attempt_info at = lab_attempt_end(a, attempt, LP2P_SEC(2));
    assert_int_equal(at.stage, LP2P_STAGE_CONNECTED);
    assert_int_equal(at.paths[1].stage, LP2P_STAGE_CONNECTED);
    lab_world_fini(&w);
}

static void an_id_is_enough_on_a_lan(void **state)
{
    (void)state;
    lab_each_seed(run_by_id);
    lab_each_seed(run_not_there);
    lab_each_seed(run_moved);
    lab_each_seed(run_joined);
}

/* ---- the list ---- */

struct crowd {
    struct lab_world *w;
    size_t n;
};

static bool all_see_all(void *ctx)
{
    struct crowd *c = ctx;
    for (size_t i = 0; i < c->n; i++) {
        for (size_t k = 0; k < c->n; k++) {
            if (i != k && !is_discovered(&c->w->nodes[i], &c->w->nodes[k].id)) {
                return false;
            }
        }
    }
    return true;
}

/* Everybody finds everybody, nobody dials, and a goodbye is seen by all within 1.5 s. */
static void run_crowd(uint64_t seed)
{
    struct lab_world w;
    const struct lp2p_sim_link_cfg lan = {.delay = DELAY, .jitter = DELAY, .loss_ppm = 20000};
    assert_int_equal(lab_world_try(&w, NULL, seed, &lan), 0);
    struct crowd crowd = {.w = &w, .n = 5};
    for (size_t i = 0; i < crowd.n; i++) {
        (void)lab_node_new(&w, &finds);
        lab_run(&w, LP2P_MSEC(100));
    }
    assert_true(lab_run_until(&w, all_see_all, &crowd, LP2P_SEC(10)));
    lab_run(&w, LP2P_SEC(300));
    assert_true(all_see_all(&crowd));
    struct lp2p_peer_info p;
    for (size_t i = 0; i < crowd.n; i++) {
        assert_int_equal(lab_conns(&w.nodes[i], NULL, NULL), 0);
        for (size_t k = 0; k < crowd.n; k++) {
            if (i != k) {
                assert_true(lab_peer(&w.nodes[i], &w.nodes[k].id, &p) && p.app == 1);
                assert_int_equal(p.n_addrs, 1);
            }
        }
    }
    lab_world_fini(&w);
}

static void run_goodbye(uint64_t seed)
{
    struct lab_world w;
    lab_world_init(&w, seed, DELAY);
    struct crowd crowd = {.w = &w, .n = 4};
    for (size_t i = 0; i < crowd.n; i++) {
        (void)lab_node_new(&w, &finds);
    }
    assert_true(lab_run_until(&w, all_see_all, &crowd, LP2P_SEC(10)));
    lp2p_host_shutdown(w.nodes[3].host, LP2P_SEC(1), NULL, NULL);
    lab_run(&w, LP2P_MSEC(1500));
    for (size_t i = 0; i < 3; i++) {
        assert_false(is_discovered(&w.nodes[i], &w.nodes[3].id));
    }
    crowd.n = 3;
    assert_true(all_see_all(&crowd));
    lab_world_fini(&w);
}

static void discovery_lists_and_never_dials(void **state)
{
    (void)state;
    lab_each_seed(run_crowd);
    lab_each_seed(run_goodbye);
}

/* A connected peer that goes silent leaves the list only when its record's life is over; one that
 * comes back is found again. */
static void run_replug(uint64_t seed)
{
    struct lab_world w;
    lab_world_init(&w, seed, DELAY);
    struct crowd crowd = {.w = &w, .n = 2};
    struct lab_node *a = lab_node_new(&w, &finds), *b = lab_node_new(&w, &finds);
    assert_true(lab_run_until(&w, all_see_all, &crowd, LP2P_SEC(10)));
    lp2p_sim_unplug(b->env, b->ifindex);
    lab_run(&w, LP2P_SEC(130));
    assert_false(is_discovered(a, &b->id));
    assert_int_equal(lp2p_sim_plug(b->env, w.lan, &b->ip, 8, &b->ifindex), 0);
    assert_true(lab_run_until(&w, all_see_all, &crowd, LP2P_SEC(30)));
    lab_world_fini(&w);
}

static void a_cable_may_be_pulled(void **state)
{
    (void)state;
    lab_each_seed(run_replug);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        lab_test(an_id_is_enough_on_a_lan),
        lab_test(discovery_lists_and_never_dials),
        lab_test(a_cable_may_be_pulled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
