/* Hosts that go at any moment, that run out of memory, and that shut down. */
#include "sim/lab.h"

#include "base/assert.h"
#include "harness/failmem.h"

#define DELAY LP2P_MSEC(10)

/* ---- a busy pair: found, connected, a ping and a bulk stream under way ---- */

#define BULK_PROTOCOL "/test/bulk/1"
#define LATE_PROTOCOL "/test/late/1" /* served when the peer is there already */

struct bulk {
    struct lp2p_stream *s;
    size_t left;     /* to write */
    size_t received; /* by the other side */
    unsigned told;   /* callbacks, in all */
};

static void bulk_pump(struct bulk *b)
{
    static const uint8_t block[16384];
    while (b->left > 0) {
        size_t n = LP2P_MIN(b->left, sizeof(block)), took = 0;
        if (lp2p_stream_write(b->s, block, n, &took) != 0 || took == 0) {
            return;
        }
        b->left -= took;
    }
    (void)lp2p_stream_close_write(b->s);
}

static void bulk_on_writable(void *ctx, struct lp2p_stream *s)
{
    struct bulk *b = ctx;
    (void)s;
    b->told++;
    bulk_pump(b);
}

static void bulk_on_closed(void *ctx, struct lp2p_stream *s, const struct lp2p_failure *why)
{
    struct bulk *b = ctx;
    (void)s;
    (void)why;
    b->told++;
    b->s = NULL;
}

static const struct lp2p_stream_ops bulk_out = {.on_writable = bulk_on_writable,
                                                .on_closed = bulk_on_closed};

static void sink_on_data(void *ctx, struct lp2p_stream *s, const uint8_t *p, size_t n)
{
    struct bulk *b = ctx;
    (void)p;
    b->told++;
    b->received += n;
    lp2p_stream_consume(s, n);
}

static void sink_on_eof(void *ctx, struct lp2p_stream *s)
{
    struct bulk *b = ctx;
    b->told++;
    (void)lp2p_stream_close_write(s);
}

static void sink_on_closed(void *ctx, struct lp2p_stream *s, const struct lp2p_failure *why)
{
    struct bulk *b = ctx;
    (void)s;
    (void)why;
    b->told++;
}

static const struct lp2p_stream_ops bulk_in = {
    .on_data = sink_on_data, .on_eof = sink_on_eof, .on_closed = sink_on_closed};

struct busy {
    struct lab_world w;
    struct lab_node *a, *b;
    struct lab_ping ping;
    struct bulk out, in;
    uint64_t attempt;
    bool began;
    bool late; /* LATE_PROTOCOL is served */
};

static bool late_is_known(const struct busy *busy)
{
    const char *name;
    size_t pos = 0;
    while (lp2p_host_peer_protocol_next(busy->b->host, &busy->a->id, &pos, &name)) {
        if (strcmp(name, LATE_PROTOCOL) == 0) {
            return true;
        }
    }
    return false;
}

/* As soon as there is a connection. */
static void busy_on_change(struct lab_node *n, unsigned changes)
{
    static const char *const protocols[] = {BULK_PROTOCOL};
    struct busy *busy = n->user;
    (void)changes;
    if (busy->began || !lab_is_connected(n, busy->b)) {
        return;
    }
    busy->began = true;
    busy->late = lp2p_host_handle(n->host, LATE_PROTOCOL, &bulk_in, &busy->in) == 0;
    (void)lab_ping_start(n, busy->b, &busy->ping);
    struct lp2p_open open = {.protocols = protocols, .n = 1, .ops = &bulk_out, .ctx = &busy->out};
    busy->out.left = 700000;
    if (lp2p_host_open(n->host, &busy->b->id, &open, &busy->out.s) == 0) {
        bulk_pump(&busy->out);
    }
}

/* 0 or -LP2P_E_NOMEM; lab_world_fini in any case. */
static int busy_init(struct busy *busy, const struct lp2p_mem *mem, uint64_t seed)
{
    static const struct lp2p_sim_link_cfg lan = {.delay = DELAY, .jitter = DELAY / 4};
    static const struct lab_node_cfg cfg = {.mdns = true};
    struct lp2p_connect_opts opts = {.look = LP2P_SEC(5)};
    *busy = (struct busy){.attempt = 0};
    LP2P_TRY(lab_world_try(&busy->w, mem, seed, &lan));
    LP2P_TRY(lab_node_try(&busy->w, &cfg, &busy->a));
    LP2P_TRY(lab_node_try(&busy->w, &cfg, &busy->b));
    busy->a->user = busy;
    busy->a->on_change = busy_on_change;
    LP2P_TRY(lp2p_host_handle(busy->b->host, BULK_PROTOCOL, &bulk_in, &busy->in));
    return lp2p_host_connect(busy->a->host, &busy->b->id, &opts, &busy->attempt);
}

/* ---- at any moment ---- */

struct steps {
    size_t done;
    size_t stop; /* after so many */
};

static bool steps_are_done(void *ctx)
{
    struct steps *s = ctx;
    return s->done++ == s->stop;
}

/* `who` goes after `n` steps of the world; the other one must be well. False: all was over. */
static bool go_after(uint64_t seed, size_t n, bool who)
{
    struct busy busy;
    struct steps steps = {.stop = n};
    assert_int_equal(busy_init(&busy, NULL, seed), 0);
    bool stopped = lab_run_until(&busy.w, steps_are_done, &steps, LP2P_SEC(2));
    struct lab_node *goes = who ? busy.a : busy.b, *stays = who ? busy.b : busy.a;
    unsigned told = busy.out.told, heard = busy.in.told;
    lp2p_host_free(goes->host);
    goes->host = NULL;
    /* Its streams were its own: no callback comes from inside the call, and none afterwards. */
    assert_int_equal(busy.out.told, told);
    assert_int_equal(busy.in.told, heard);
    lab_run(&busy.w, LP2P_SEC(2));
    assert_int_equal(lab_conns(stays, NULL, NULL), 0);
    assert_int_equal(who ? busy.out.told : busy.in.told, who ? told : heard);
    lab_world_fini(&busy.w);
    return stopped;
}

static void run_go(uint64_t seed)
{
    size_t n = 0;
    while (go_after(seed, n, true) && go_after(seed, n, false)) {
        n++;
    }
    assert_true(n > 50);
}

static void a_host_may_go_at_any_moment(void **state)
{
    (void)state;
    lab_each_seed(run_go);
}

/* ---- out of memory ---- */

static int out_of_memory(const struct lp2p_mem *mem, void *ctx)
{
    const struct failmem *f = mem->ctx;
    struct busy busy;
    int err = busy_init(&busy, mem, *(const uint64_t *)ctx);
    if (err == 0) {
        lab_run(&busy.w, LP2P_SEC(31));
        struct lp2p_attempt_info at = lab_attempt(busy.a, busy.attempt);
        assert_true(at.ended != 0);
        assert_true(at.stage == LP2P_STAGE_CONNECTED || f->failed > 0);
        assert_true(busy.in.received == 700000 || f->failed > 0);
        assert_true(busy.ping.pongs == 1 || f->failed > 0);
        assert_true((busy.late && late_is_known(&busy)) || f->failed > 0);
    }
    if (err == 0 && f->failed > 0 && !f->forever) {
        /* One failure is got over: the same again succeeds. */
        busy.a->on_change = NULL;
        uint64_t again = lab_connect(busy.a, busy.b);
        assert_int_equal(lab_attempt_end(busy.a, again, LP2P_SEC(20)).stage, LP2P_STAGE_CONNECTED);
        assert_true(lab_ping(busy.a, busy.b, LP2P_SEC(1)));
        assert_true(lab_ping(busy.b, busy.a, LP2P_SEC(1)));
    }
    lab_world_fini(&busy.w);
    return err;
}

static void run_out_of_memory(uint64_t seed)
{
    assert_true(failmem_each(out_of_memory, &seed) > 200);
}

static void two_hosts_get_over_any_failed_allocation(void **state)
{
    (void)state;
    lab_one_seed(run_out_of_memory);
}

/* ---- for long ---- */

/* Hundreds of connections come and go, and nothing is left of them. */
static void run_long(uint64_t seed)
{
    struct failmem f;
    struct lab_world w;
    const struct lp2p_sim_link_cfg lan = {.delay = DELAY};
    size_t bytes = 0, blocks = 0;
    failmem_init(&f, 0, false);
    assert_int_equal(lab_world_try(&w, &f.mem, seed, &lan), 0);
    struct lab_node *a = lab_node_new(&w, NULL), *b = lab_node_new(&w, NULL);
    for (int i = 0; i < 400; i++) {
        lab_join(i % 2 == 0 ? a : b, i % 2 == 0 ? b : a);
        assert_true(lab_ping(a, b, LP2P_SEC(1)));
        assert_int_equal(
            lp2p_host_disconnect((i % 3 == 0 ? a : b)->host, i % 3 == 0 ? &b->id : &a->id), 0);
        lab_run(&w, LP2P_SEC(2));
        if (i == 99) {
            lab_run(&w, LP2P_SEC(61)); /* attempts are forgotten */
            bytes = f.bytes;
            blocks = f.blocks;
        }
    }
    lab_run(&w, LP2P_SEC(61));
    assert_int_equal(f.bytes, bytes);
    assert_int_equal(f.blocks, blocks);
    lab_world_fini(&w);
    failmem_check_empty(&f, "the long run");
}

static void nothing_is_left_of_old_connections(void **state)
{
    (void)state;
    lab_one_seed(run_long);
}

/* ---- shutdown ---- */

static void on_done(void *ctx)
{
    struct lab_world *w = ctx;
    assert_int_equal(w->done_at, 0);
    w->done_at = lab_time(w);
}

static void run_shutdown(uint64_t seed)
{
    struct busy busy;
    assert_int_equal(busy_init(&busy, NULL, seed), 0);
    lab_run(&busy.w, LP2P_SEC(3));
    assert_int_equal(busy.in.received, 700000);
    /* One that is connected, one that is only tried. */
    struct lab_node *c = lab_node_new(&busy.w, NULL);
    lp2p_sim_freeze(c->env, true);
    uint64_t tried = lab_connect(busy.b, c);
    lab_run(&busy.w, LP2P_MSEC(100));
    lp2p_ts began = lab_time(&busy.w);
    lp2p_host_shutdown(busy.b->host, LP2P_SEC(2), on_done, &busy.w);
    assert_int_equal(busy.w.done_at, 0); /* not from inside the call */
    assert_int_equal(lab_attempt(busy.b, tried).stage, LP2P_STAGE_CANCELLED);
    uint64_t attempt;
    struct lp2p_connect_opts opts = {.n = 0};
    assert_true(lp2p_host_connect(busy.b->host, &busy.a->id, &opts, &attempt) != 0);
    lab_run(&busy.w, LP2P_SEC(3));
    /* The peer hangs up at once, so it is over after a round trip or two. */
    assert_true(busy.w.done_at >= began && busy.w.done_at <= began + 5 * DELAY);
    assert_int_equal(lab_conns(busy.a, NULL, NULL), 0);
    /* Its addresses answer no more. */
    struct lp2p_attempt_info at = lab_attempt_end(busy.a, lab_connect(busy.a, busy.b), LP2P_SEC(1));
    assert_int_equal(at.error, -LP2P_E_REFUSED);
    lab_world_fini(&busy.w);
}

/* The peer does not answer the goodbye: no longer than the grace. */
static void run_shutdown_alone(uint64_t seed)
{
    for (lp2p_ts grace = 0; grace <= LP2P_SEC(2); grace += LP2P_MSEC(500)) {
        struct busy busy;
        assert_int_equal(busy_init(&busy, NULL, seed), 0);
        lab_run(&busy.w, LP2P_SEC(3));
        lp2p_sim_freeze(busy.a->env, true);
        lp2p_ts began = lab_time(&busy.w);
        lp2p_host_shutdown(busy.b->host, grace, on_done, &busy.w);
        lab_run(&busy.w, LP2P_SEC(3));
        lp2p_ts close = lp2p_limits_profile("desktop")->close_timeout;
        assert_int_equal(busy.w.done_at, began + LP2P_MIN(grace, close));
        lab_world_fini(&busy.w);
    }
}

static void shutdown_takes_at_most_the_grace(void **state)
{
    (void)state;
    lab_each_seed(run_shutdown);
    lab_each_seed(run_shutdown_alone);
}

/* ---- determinism ---- */

static uint64_t trace_of(uint64_t seed)
{
    struct busy busy;
    assert_int_equal(busy_init(&busy, NULL, seed), 0);
    lab_run(&busy.w, LP2P_SEC(60));
    uint64_t trace = lp2p_sim_trace(busy.w.sim);
    lab_world_fini(&busy.w);
    return trace;
}

static void run_trace(uint64_t seed)
{
    uint64_t trace = trace_of(seed);
    assert_true(trace == trace_of(seed));
    assert_false(trace == trace_of(seed + 1));
}

static void same_seed_same_trace(void **state)
{
    (void)state;
    lab_each_seed(run_trace);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        lab_test(a_host_may_go_at_any_moment),
        lab_test(two_hosts_get_over_any_failed_allocation),
        lab_test(nothing_is_left_of_old_connections),
        lab_test(shutdown_takes_at_most_the_grace),
        lab_test(same_seed_same_trace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
