/* perf between complete hosts, in virtual time. */
#include "base/assert.h"
#include "harness/failmem.h"
#include "lab.h"

struct result {
    bool done;
    int err;
    uint64_t sent;
    uint64_t received;
};

static void on_progress(void *ctx, uint64_t sent, uint64_t received)
{
    struct result *r = ctx;
    assert_true(sent >= r->sent && received >= r->received);
    r->sent = sent;
    r->received = received;
}

static void on_done(void *ctx, int err)
{
    struct result *r = ctx;
    assert_false(r->done);
    r->done = true;
    r->err = err;
}

static int start(struct lab_node *n, const struct lab_node *to, struct result *r, uint64_t up,
                 uint64_t down)
{
    struct lp2p_perf perf = {
        .upload = up, .download = down, .progress = on_progress, .done = on_done, .ctx = r};
    *r = (struct result){.done = false};
    return lp2p_host_perf(n->host, &to->id, &perf);
}

static bool is_done(void *ctx)
{
    return ((struct result *)ctx)->done;
}

static void pair(struct lab_world *w, uint64_t seed, const struct lp2p_limits *limits)
{
    struct lab_node_cfg cfg = {.limits = limits};
    lab_world_init(w, seed, LP2P_MSEC(1));
    (void)lab_node_new(w, &cfg);
    (void)lab_node_new(w, &cfg);
    lab_join(&w->nodes[0], &w->nodes[1]);
}

static void run_both_ways(uint64_t seed)
{
    static const uint64_t sizes[][2] = {{0, 0},       {1, 0},       {0, 1},           {1, 1},
                                        {3000000, 0}, {0, 3000000}, {700001, 2500003}};
    static struct lab_world w;
    pair(&w, seed, NULL);
    struct lab_node *a = &w.nodes[0], *b = &w.nodes[1];
    assert_int_equal(lp2p_host_serve_perf(b->host), 0);
    for (size_t i = 0; i < LP2P_COUNT(sizes); i++) {
        struct result r;
        assert_int_equal(start(a, b, &r, sizes[i][0], sizes[i][1]), 0);
        assert_true(lab_run_until(&w, is_done, &r, LP2P_SEC(60)));
        assert_int_equal(r.err, 0);
        assert_int_equal(r.sent, sizes[i][0]);
        assert_int_equal(r.received, sizes[i][1]);
    }
    lab_run(&w, LP2P_SEC(1));
    struct lp2p_conn_info info;
    assert_int_equal(lab_conns(b, &a->id, &info), 1);
    assert_int_equal(info.streams, 0);
    lab_world_fini(&w);
}

static void both_ways(void **state)
{
    (void)state;
    lab_each_seed(run_both_ways);
}

/* Whoever was not told to serve does not. */
static void run_unserved(uint64_t seed)
{
    static struct lab_world w;
    pair(&w, seed, NULL);
    struct lab_node *a = &w.nodes[0], *b = &w.nodes[1];
    struct result r;
    assert_int_equal(start(a, b, &r, 1000, 1000), 0);
    assert_true(lab_run_until(&w, is_done, &r, LP2P_SEC(5)));
    assert_int_equal(r.err, -LP2P_E_NEGOTIATION);
    assert_int_equal(lp2p_host_serve_perf(b->host), 0);
    assert_int_equal(lp2p_host_serve_perf(b->host), -LP2P_E_EXISTS);
    struct lp2p_peer_id nobody = b->id;
    nobody.bytes[nobody.len - 1] ^= 1;
    struct lp2p_perf perf = {.done = on_done, .ctx = &r};
    assert_int_equal(lp2p_host_perf(a->host, &nobody, &perf), -LP2P_E_NOT_FOUND);
    lab_world_fini(&w);
}

static void only_who_was_told_serves(void **state)
{
    (void)state;
    lab_each_seed(run_unserved);
}

/* A peer that is gone without a word ends the measurement, once. */
static void run_cut(uint64_t seed)
{
    static struct lab_world w;
    pair(&w, seed, NULL);
    struct lab_node *a = &w.nodes[0], *b = &w.nodes[1];
    assert_int_equal(lp2p_host_serve_perf(b->host), 0);
    struct result r;
    assert_int_equal(start(a, b, &r, 0, UINT64_MAX), 0);
    lab_run(&w, LP2P_SEC(1));
    assert_true(r.received > 1000000);
    lab_cut(a, b, true);
    assert_true(lab_run_until(&w, is_done, &r, LP2P_SEC(30)));
    assert_int_not_equal(r.err, 0);
    lab_run(&w, LP2P_SEC(60));
    lab_world_fini(&w);
}

static void a_cut_ends_it(void **state)
{
    (void)state;
    lab_each_seed(run_cut);
}

/* Freed in the middle: no callback comes, nothing is left. */
static void run_freed(uint64_t seed)
{
    static struct lab_world w;
    struct failmem f;
    failmem_init(&f, 0, false);
    const struct lp2p_sim_link_cfg lan = {.delay = LP2P_MSEC(1)};
    assert_int_equal(lab_world_try(&w, &f.mem, seed, &lan), 0);
    struct lab_node *a = lab_node_new(&w, NULL), *b = lab_node_new(&w, NULL);
    lab_join(a, b);
    assert_int_equal(lp2p_host_serve_perf(b->host), 0);
    struct result r;
    assert_int_equal(start(a, b, &r, 0, UINT64_MAX), 0);
    lab_run(&w, LP2P_MSEC(100));
    lab_node_end(a);
    lab_run(&w, LP2P_SEC(5));
    assert_false(r.done);
    lab_world_fini(&w);
    failmem_check_empty(&f, "perf in the middle");
}

static void freed_in_the_middle(void **state)
{
    (void)state;
    lab_each_seed(run_freed);
}

#define SERVED 1024U /* LP2P_PERF_SERVED_MAX */

static void run_limit(uint64_t seed)
{
    static struct lab_world w;
    static struct result r[SERVED + 1];
    struct lp2p_limits limits = *lp2p_limits_profile("bench");
    limits.ack_backlog = 2 * SERVED;
    pair(&w, seed, &limits);
    struct lab_node *a = &w.nodes[0], *b = &w.nodes[1];
    assert_int_equal(lp2p_host_serve_perf(b->host), 0);
    for (size_t i = 0; i <= SERVED; i++) {
        assert_int_equal(start(a, b, &r[i], 300000, 10), 0);
    }
    lab_run(&w, LP2P_SEC(30));
    size_t ok = 0;
    for (size_t i = 0; i <= SERVED; i++) {
        assert_true(r[i].done);
        assert_true(r[i].err == 0 || r[i].err == -LP2P_E_RESET);
        ok += r[i].err == 0;
    }
    assert_int_equal(ok, SERVED);
    /* The next ones are served again. */
    assert_int_equal(start(a, b, &r[0], 10, 10), 0);
    assert_true(lab_run_until(&w, is_done, &r[0], LP2P_SEC(5)));
    assert_int_equal(r[0].err, 0);
    lab_world_fini(&w);
}

static void more_streams_than_are_served_are_reset(void **state)
{
    (void)state;
    lab_one_seed(run_limit);
}

/* ---- failed allocations ---- */

/* A measurement with the n-th allocation failing from its first call on. */
static int measure(const struct lp2p_mem *mem, void *ctx)
{
    (void)ctx;
    static struct lab_world w;
    const struct lp2p_sim_link_cfg lan = {.delay = LP2P_MSEC(1)};
    int err = lab_world_try(&w, mem, 1, &lan);
    struct lab_node *a = NULL, *b = NULL;
    err = err != 0 ? err : lab_node_try(&w, NULL, &a);
    err = err != 0 ? err : lab_node_try(&w, NULL, &b);
    if (err == 0) {
        struct result r = {.err = -LP2P_E_NOMEM};
        err = lp2p_host_serve_perf(b->host);
        uint64_t attempt;
        struct lp2p_connect_opts opts = {.addrs = &b->addr, .n = 1, .source = LP2P_ADDR_TYPED};
        err = err != 0 ? err : lp2p_host_connect(a->host, &b->id, &opts, &attempt);
        lab_run(&w, LP2P_SEC(1));
        if (err == 0 && lab_is_connected(a, b)) {
            err = start(a, b, &r, 100000, 100000);
            lab_run(&w, LP2P_SEC(20));
            assert_true(err != 0 || r.done);
        }
        /* Whatever else it came to, nothing was left behind: that is checked outside. */
        err = err == 0 && r.err == 0 ? 0 : -LP2P_E_NOMEM;
    }
    lab_world_fini(&w);
    return err;
}

static void each_allocation_may_fail(void **state)
{
    (void)state;
    assert_true(failmem_each(measure, NULL) > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        lab_test(both_ways),
        lab_test(only_who_was_told_serves),
        lab_test(a_cut_ends_it),
        lab_test(freed_in_the_middle),
        lab_test(more_streams_than_are_served_are_reset),
        cmocka_unit_test(each_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
