/* The network fails under connections, and comes back. */
#include "sim/lab.h"

#include "base/assert.h"

#define DELAY LP2P_MSEC(10)

struct pair {
    struct lab_node *a, *b;
};

static bool neither_is_connected(void *ctx)
{
    const struct pair *p = ctx;
    return !lab_is_connected(p->a, p->b) && !lab_is_connected(p->b, p->a);
}

/* Cut both ways or one way, at any phase of the keepalive. */
static void cut_and_heal(uint64_t seed, lp2p_ts idle, bool both)
{
    struct lab_world w;
    lab_world_init(&w, seed, DELAY);
    struct pair p = {.a = lab_node_new(&w, NULL), .b = lab_node_new(&w, NULL)};
    lab_join(p.a, p.b);
    lab_run(&w, idle);
    lp2p_sim_cut(p.a->env, p.b->env, true);
    lp2p_sim_cut(p.b->env, p.a->env, both);
    lp2p_ts began = lab_time(&w);
    assert_true(lab_run_until(&w, neither_is_connected, &p, LP2P_SEC(60)));
    assert_true(lab_time(&w) - began <= LP2P_SEC(31));
    /* Nothing gets through: the attempt says so, and in time. */
    struct lp2p_attempt_info at = lab_attempt_end(p.a, lab_connect(p.a, p.b), LP2P_SEC(10));
    assert_int_equal(at.error, -LP2P_E_TIMEOUT);
    lab_cut(p.a, p.b, false);
    at = lab_attempt_end(p.a, lab_connect(p.a, p.b), LP2P_SEC(1));
    assert_int_equal(at.stage, LP2P_STAGE_CONNECTED);
    lab_run(&w, LP2P_SEC(60));
    /* Nothing of the old connection is left. */
    assert_int_equal(lab_conns(p.a, NULL, NULL), 1);
    assert_int_equal(lab_conns(p.b, NULL, NULL), 1);
    assert_true(lab_ping(p.a, p.b, LP2P_SEC(1)) && lab_ping(p.b, p.a, LP2P_SEC(1)));
    lab_world_fini(&w);
}

static void run_cut(uint64_t seed)
{
    for (lp2p_ts idle = 0; idle < LP2P_SEC(25); idle += LP2P_SEC(3) + LP2P_MSEC(seed * 37 % 500)) {
        cut_and_heal(seed, idle, true);
        cut_and_heal(seed, idle, false);
    }
}

static void both_notice_a_cut_and_reconnect_when_it_heals(void **state)
{
    (void)state;
    lab_each_seed(run_cut);
}

/* A short break costs nothing but time. */
static void run_short_break(uint64_t seed)
{
    struct lab_world w;
    lab_world_init(&w, seed, DELAY);
    struct lab_node *a = lab_node_new(&w, NULL), *b = lab_node_new(&w, NULL);
    lab_join(a, b);
    for (int i = 0; i < 20; i++) {
        lab_run(&w, LP2P_SEC(5) + LP2P_MSEC(seed * 211 % 1000));
        lab_cut(a, b, true);
        lab_run(&w, LP2P_SEC(4));
        lab_cut(a, b, false);
    }
    lab_run(&w, LP2P_SEC(6));
    struct lp2p_conn_info c;
    assert_int_equal(lab_conns(a, NULL, &c), 1);
    assert_true(c.since < LP2P_SEC(1000) + LP2P_SEC(1)); /* still the first one */
    assert_true(lab_ping(a, b, LP2P_SEC(6)));
    lab_world_fini(&w);
}

/* A process that stands still is noticed by its peer, and notices it itself when it goes on. */
static void run_frozen(uint64_t seed)
{
    struct lab_world w;
    lab_world_init(&w, seed, DELAY);
    struct pair p = {.a = lab_node_new(&w, NULL), .b = lab_node_new(&w, NULL)};
    lab_join(p.a, p.b);
    lp2p_sim_freeze(p.b->env, true);
    lab_run(&w, LP2P_SEC(31));
    assert_false(lab_is_connected(p.a, p.b));
    lp2p_sim_freeze(p.b->env, false);
    assert_true(lab_run_until(&w, neither_is_connected, &p, LP2P_SEC(1)));
    lab_join(p.b, p.a);
    lab_world_fini(&w);
}

/* A machine sleeps, and its peer goes meanwhile without a word that it could hear. */
static void run_asleep(uint64_t seed)
{
    struct lab_world w;
    lab_world_init(&w, seed, DELAY);
    struct pair p = {.a = lab_node_new(&w, NULL), .b = lab_node_new(&w, NULL)};
    struct lab_node *c = lab_node_new(&w, NULL);
    lab_join(p.a, p.b);
    lab_join(c, p.b);
    lab_run(&w, LP2P_MSEC(seed * 977 % 20000)); /* anywhere between two Pings */
    lp2p_sim_freeze(p.b->env, true);
    lab_cut(p.a, p.b, true);
    lab_run(&w, LP2P_SEC(4));
    p.b->changes = 0;
    lp2p_sim_freeze(p.b->env, false);
    lab_run(&w, LP2P_SEC(1));
    assert_true((p.b->changes & LP2P_CHANGE_RESUMED) != 0);
    lab_run(&w, LP2P_SEC(2) + LP2P_MSEC(100));
    assert_false(lab_is_connected(p.b, p.a));
    assert_true(lab_is_connected(p.b, c)); /* who answered is still there */
    lab_cut(p.a, p.b, false);
    assert_int_equal(lab_attempt_end(p.b, lab_connect(p.b, p.a), LP2P_SEC(1)).stage,
                     LP2P_STAGE_CONNECTED);
    lab_world_fini(&w);
}

/* The process dies: its kernel says so. */
static void run_killed(uint64_t seed)
{
    struct lab_world w;
    lab_world_init(&w, seed, DELAY);
    struct pair p = {.a = lab_node_new(&w, NULL), .b = lab_node_new(&w, NULL)};
    lab_join(p.a, p.b);
    lab_node_end(p.b);
    lab_run(&w, 3 * DELAY);
    assert_int_equal(lab_conns(p.a, NULL, NULL), 0);
    struct lp2p_attempt_info at = lab_attempt_end(p.a, lab_connect(p.a, p.b), LP2P_SEC(1));
    assert_int_equal(at.error, -LP2P_E_REFUSED);
    lab_world_fini(&w);
}

/* Interfaces go while connections are on them. */
static void run_unplugged(uint64_t seed)
{
    struct lab_world w;
    lab_world_init(&w, seed, DELAY);
    struct pair p = {.a = lab_node_new(&w, NULL), .b = lab_node_new(&w, NULL)};
    lab_join(p.a, p.b);
    lp2p_sim_unplug(p.b->env, p.b->ifindex);
    assert_true(lab_run_until(&w, neither_is_connected, &p, LP2P_SEC(31)));
    struct lp2p_attempt_info at = lab_attempt_end(p.b, lab_connect(p.b, p.a), LP2P_SEC(10));
    assert_int_equal(at.error, -LP2P_E_UNREACHABLE);
    assert_int_equal(lp2p_sim_plug(p.b->env, w.lan, &p.b->ip, 8, &p.b->ifindex), 0);
    lab_join(p.a, p.b);
    lab_world_fini(&w);
}

/* The peer's machine lost its power and is back before we noticed: what it dials is used at once,
 * and what is left of the old connection goes. */
static void run_power_loss(uint64_t seed)
{
    for (int who = 0; who < 4; who++) {
        struct lab_world w;
        lab_world_init(&w, seed, DELAY);
        struct lab_node *a = lab_node_new(&w, NULL), *b = lab_node_new(&w, NULL);
        lab_join(who < 2 ? a : b, who < 2 ? b : a);
        lab_run(&w, LP2P_SEC(61)); /* a keepalive is just over */
        struct lab_node *dies = who % 2 == 0 ? a : b, *stays = who % 2 == 0 ? b : a;
        lp2p_sim_unplug(dies->env, dies->ifindex);
        lab_node_end(dies);
        lab_run(&w, LP2P_SEC(1));
        struct lab_node *back = lab_node_new(&w, &(struct lab_node_cfg){.as = dies});
        assert_true(lp2p_peer_id_eq(&back->id, &dies->id));
        struct lp2p_attempt_info at = lab_attempt_end(back, lab_connect(back, stays), LP2P_SEC(1));
        assert_int_equal(at.stage, LP2P_STAGE_CONNECTED);
        assert_true(lab_ping(stays, back, LP2P_MSEC(100)));
        lab_run(&w, LP2P_SEC(11));
        assert_int_equal(lab_conns(stays, NULL, NULL), 1);
        assert_true(lab_ping(stays, back, LP2P_MSEC(100)));
        lab_world_fini(&w);
    }
}

static void a_peer_that_is_back_is_usable_at_once(void **state)
{
    (void)state;
    lab_each_seed(run_power_loss);
}

/* Loss slows down and changes nothing. */
static void run_lossy(uint64_t seed)
{
    for (uint32_t percent = 0; percent <= 20; percent += 5) {
        struct lab_world w;
        const struct lp2p_sim_link_cfg lan = {
            .delay = DELAY, .jitter = DELAY, .loss_ppm = percent * 10000};
        assert_int_equal(lab_world_try(&w, NULL, seed, &lan), 0);
        struct lab_node *a = lab_node_new(&w, NULL), *b = lab_node_new(&w, NULL);
        struct lp2p_attempt_info at = {.stage = LP2P_STAGE_FAILED};
        /* Each address has 5 s: a SYN may be lost three times in a row. */
        for (int i = 0; i < 3 && at.stage != LP2P_STAGE_CONNECTED; i++) {
            at = lab_attempt_end(a, lab_connect(a, b), LP2P_SEC(30));
        }
        assert_int_equal(at.stage, LP2P_STAGE_CONNECTED);
        lab_run(&w, LP2P_SEC(300));
        assert_int_equal(lab_conns(a, NULL, NULL), 1);
        assert_true(lab_ping(a, b, LP2P_SEC(9)));
        lab_world_fini(&w);
    }
}

static void loss_slows_down_and_changes_nothing(void **state)
{
    (void)state;
    lab_each_seed(run_lossy);
}

static void other_breaks(void **state)
{
    (void)state;
    lab_each_seed(run_short_break);
    lab_each_seed(run_frozen);
    lab_each_seed(run_asleep);
    lab_each_seed(run_killed);
    lab_each_seed(run_unplugged);
}

/* ---- a flapping network, everybody with everybody ---- */

#define CROWD 5U

static uint64_t draw(uint64_t *state, uint64_t bound)
{
    /* xorshift64 (Marsaglia 2003): the scenario's own, so that it does not change with the world's
     */
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state % bound;
}

static void disturb(struct lab_world *w, uint64_t *state)
{
    struct lab_node *a = &w->nodes[draw(state, CROWD)];
    struct lab_node *b = &w->nodes[draw(state, CROWD)];
    if (a == b) {
        return;
    }
    switch (draw(state, 6)) {
    case 0:
        lp2p_sim_cut(a->env, b->env, true);
        break;
    case 1:
        lab_cut(a, b, false);
        break;
    case 2:
        (void)lp2p_host_disconnect(a->host, &b->id);
        break;
    case 3:
        lp2p_sim_freeze(a->env, draw(state, 2) == 0);
        break;
    default:
        (void)lab_connect(a, b);
        break;
    }
}

/* Whatever happened: when the network is well everybody can connect to everybody, once. */
static void run_storm(uint64_t seed)
{
    struct lab_world w;
    const struct lp2p_sim_link_cfg lan = {.delay = DELAY, .jitter = DELAY, .loss_ppm = 10000};
    uint64_t state = seed * 0x9e3779b97f4a7c15U | 1U;
    assert_int_equal(lab_world_try(&w, NULL, seed, &lan), 0);
    for (size_t i = 0; i < CROWD; i++) {
        (void)lab_node_new(&w, NULL);
    }
    for (int i = 0; i < 300; i++) {
        disturb(&w, &state);
        lab_run(&w, LP2P_MSEC(draw(&state, 1500)));
        for (size_t k = 0; k < CROWD; k++) {
            assert_true(lab_conns(&w.nodes[k], NULL, NULL) <= 4 * (CROWD - 1));
        }
    }
    for (size_t i = 0; i < CROWD; i++) {
        lp2p_sim_freeze(w.nodes[i].env, false);
        for (size_t k = 0; k < CROWD; k++) {
            lp2p_sim_cut(w.nodes[i].env, w.nodes[k].env, false);
        }
    }
    lab_run(&w, LP2P_SEC(61)); /* attempts and dead connections end */
    for (size_t i = 0; i < CROWD; i++) {
        for (size_t k = i + 1; k < CROWD; k++) {
            uint64_t attempt = lab_connect(&w.nodes[i], &w.nodes[k]);
            struct lp2p_attempt_info at = lab_attempt_end(&w.nodes[i], attempt, LP2P_SEC(10));
            assert_int_equal(at.stage, LP2P_STAGE_CONNECTED);
            lab_run(&w, LP2P_SEC(1));
            assert_true(lab_ping(&w.nodes[i], &w.nodes[k], LP2P_SEC(5)));
            assert_true(lab_ping(&w.nodes[k], &w.nodes[i], LP2P_SEC(5)));
            assert_int_equal(lab_conns(&w.nodes[i], &w.nodes[k].id, NULL),
                             lab_conns(&w.nodes[k], &w.nodes[i].id, NULL));
        }
    }
    lab_world_fini(&w);
}

static void after_a_storm_all_is_well(void **state)
{
    (void)state;
    lab_each_seed(run_storm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        lab_test(both_notice_a_cut_and_reconnect_when_it_heals),
        lab_test(a_peer_that_is_back_is_usable_at_once),
        lab_test(loss_slows_down_and_changes_nothing),
        lab_test(other_breaks),
        lab_test(after_a_storm_all_is_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
