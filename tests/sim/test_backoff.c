/* Addresses that failed: when they are dialed again, and what makes that be forgotten. */
#include "sim/lab.h"

#include "base/assert.h"

#define DELAY LP2P_MSEC(5)
/* More than a refused dial takes. */
#define AT_ONCE LP2P_MSEC(100)

struct scene {
    struct lab_world w;
    struct lab_node *a, *b; /* b: a machine without a host refuses what comes */
    struct lp2p_peer_id nobody;
};

static void scene_init(struct scene *s, uint64_t seed)
{
    *s = (struct scene){.a = NULL};
    lab_world_init(&s->w, seed, DELAY);
    s->a = lab_node_new(&s->w, NULL);
    s->b = lab_node_new(&s->w, &(struct lab_node_cfg){.bare = true});
    /* Some id. */
    struct lab_node *c = lab_node_new(&s->w, NULL);
    s->nobody = c->id;
    lab_node_end(c);
}

static uint64_t begin(struct scene *s, bool background, lp2p_ts timeout)
{
    struct lp2p_connect_opts opts = {.addrs = &s->b->addr,
                                     .n = 1,
                                     .source = LP2P_ADDR_REMEMBERED,
                                     .timeout = timeout,
                                     .background = background};
    uint64_t id = 0;
    assert_int_equal(lp2p_host_connect(s->a->host, &s->nobody, &opts, &id), 0);
    return id;
}

/* The time until an attempt is refused. */
static lp2p_ts refused_after(struct scene *s, bool background, lp2p_ts timeout)
{
    lp2p_ts began = lab_time(&s->w);
    uint64_t id = begin(s, background, timeout);
    struct lp2p_attempt_info at = lab_attempt_end(s->a, id, timeout + LP2P_SEC(1));
    assert_int_equal(at.stage, LP2P_STAGE_FAILED);
    assert_int_equal(at.error, -LP2P_E_REFUSED);
    assert_int_equal(at.n_paths, 1);
    return lab_time(&s->w) - began;
}

static void expect_turn_in(struct scene *s, lp2p_ts most)
{
    lp2p_ts took = refused_after(s, true, LP2P_SEC(400));
    assert_in_range(took, most - most / 4 - AT_ONCE, most + AT_ONCE);
}

static void run_grows(uint64_t seed)
{
    static const lp2p_ts turns[] = {5, 10, 20, 40, 80, 160, 300, 300, 300};
    struct scene s;
    scene_init(&s, seed);
    assert_true(refused_after(&s, true, LP2P_SEC(30)) < AT_ONCE);
    for (size_t i = 0; i < LP2P_COUNT(turns); i++) {
        expect_turn_in(&s, LP2P_SEC(turns[i]));
    }
    /* One that cannot wait so long says at once what it was the last time. */
    assert_true(refused_after(&s, true, LP2P_SEC(15)) < AT_ONCE);
    lab_world_fini(&s.w);
}

/* A user does not wait, and begins the count anew. */
static void run_user(uint64_t seed)
{
    struct scene s;
    scene_init(&s, seed);
    (void)refused_after(&s, true, LP2P_SEC(30));
    for (size_t i = 0; i < 3; i++) {
        expect_turn_in(&s, LP2P_SEC(5U << i));
    }
    assert_true(refused_after(&s, false, LP2P_SEC(30)) < AT_ONCE);
    assert_true(refused_after(&s, false, LP2P_SEC(30)) < AT_ONCE);
    expect_turn_in(&s, LP2P_SEC(5));
    /* One that waits is waited for no longer. */
    uint64_t waits = begin(&s, true, LP2P_SEC(60));
    lab_run(&s.w, LP2P_SEC(1));
    assert_int_equal(lab_attempt(s.a, waits).ended, 0);
    assert_int_equal(begin(&s, false, LP2P_SEC(60)), waits);
    assert_int_equal(lab_attempt_end(s.a, waits, AT_ONCE).error, -LP2P_E_REFUSED);
    lab_world_fini(&s.w);
}

/* Another network is another chance. */
static void run_network(uint64_t seed)
{
    struct scene s;
    uint32_t ifindex;
    struct lp2p_endpoint more = lp2p_endpoint_ip4(10, 0, 9, 9, 0);
    scene_init(&s, seed);
    (void)refused_after(&s, true, LP2P_SEC(30));
    expect_turn_in(&s, LP2P_SEC(5));
    uint64_t waits = begin(&s, true, LP2P_SEC(60));
    lab_run(&s.w, LP2P_SEC(1));
    assert_int_equal(lab_attempt(s.a, waits).ended, 0);
    assert_int_equal(lp2p_sim_plug(s.a->env, s.w.lan, &more, 8, &ifindex), 0);
    assert_int_equal(lab_attempt_end(s.a, waits, AT_ONCE).error, -LP2P_E_REFUSED);
    expect_turn_in(&s, LP2P_SEC(5));
    lab_world_fini(&s.w);
}

/* What a peer claims of another's address is held against itself alone. */
static void run_other_peer(uint64_t seed)
{
    struct scene s;
    scene_init(&s, seed);
    struct lab_node *d = lab_node_new(&s.w, NULL);
    struct lp2p_connect_opts opts = {
        .addrs = &d->addr, .n = 1, .source = LP2P_ADDR_REMEMBERED, .background = true};
    uint64_t id = 0;
    assert_int_equal(lp2p_host_connect(s.a->host, &s.nobody, &opts, &id), 0);
    assert_int_equal(lab_attempt_end(s.a, id, LP2P_SEC(1)).error, -LP2P_E_PEER_ID);
    assert_int_equal(lp2p_host_connect(s.a->host, &d->id, &opts, &id), 0);
    assert_int_equal(lab_attempt_end(s.a, id, LP2P_SEC(1)).stage, LP2P_STAGE_CONNECTED);
    lab_world_fini(&s.w);
}

static void addresses_that_fail_wait_longer_and_longer(void **state)
{
    (void)state;
    lab_each_seed(run_grows);
}

static void what_makes_it_be_forgotten(void **state)
{
    (void)state;
    lab_each_seed(run_user);
    lab_each_seed(run_network);
}

static void a_failure_is_of_a_peer_and_an_address(void **state)
{
    (void)state;
    lab_each_seed(run_other_peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        lab_test(addresses_that_fail_wait_longer_and_longer),
        lab_test(what_makes_it_be_forgotten),
        lab_test(a_failure_is_of_a_peer_and_an_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
