/* What include/lp2p/host.h promises to those who write against it. */
#include "sim/lab.h"

#include "base/assert.h"

#define DELAY LP2P_MSEC(10)

/* ---- walks ---- */

static struct lp2p_peer_id stranger(unsigned i)
{
    struct lp2p_peer_id id = {.len = 34, .bytes = {0x12, 0x20}};
    memcpy(id.bytes + 2, &i, sizeof(i));
    return id;
}

/* A walk goes on whatever its steps do to what is walked: the store is full, and each step frees
 * the place of one peer and gives it to another. */
static void run_walks(uint64_t seed)
{
    struct lp2p_limits limits = *lp2p_limits_profile("desktop");
    limits.peers = 4;
    struct lab_world w;
    lab_world_init(&w, seed, DELAY);
    struct lab_node *a = lab_node_new(&w, &(struct lab_node_cfg){.limits = &limits});
    struct lp2p_connect_opts opts = {.look = LP2P_SEC(10)};
    uint64_t attempts[8];
    for (unsigned i = 0; i < 4; i++) {
        struct lp2p_peer_id id = stranger(i);
        assert_int_equal(lp2p_host_connect(a->host, &id, &opts, &attempts[i]), 0);
    }
    struct lp2p_peer_info info;
    unsigned steps = 0;
    for (size_t pos = 0; lp2p_host_peer_next(a->host, &pos, &info); steps++) {
        struct lp2p_peer_id id = stranger(100 + steps);
        if (steps < 4) {
            /* The second one and the one that is looked at are in turn those who go. */
            assert_int_equal(lp2p_host_cancel(a->host, attempts[steps ^ 1U]), 0);
            assert_int_equal(lp2p_host_connect(a->host, &id, &opts, &attempts[4 + steps]), 0);
        }
    }
    assert_in_range(steps, 4, 8); /* those that came meanwhile are met, too */
    const struct lp2p_attempt_info *at;
    unsigned n = 0;
    for (size_t pos = 0; lp2p_host_attempt_next(a->host, &pos, &at); n++) {
        assert_int_equal(at->id, attempts[n]);
    }
    assert_int_equal(n, 8);
    lab_world_fini(&w);
}

static void a_walk_survives_its_steps(void **state)
{
    (void)state;
    lab_one_seed(run_walks);
}

/* ---- attempts ---- */

/* "Never" is a time-out like another. */
static void run_never(uint64_t seed)
{
    struct lab_world w;
    lab_world_init(&w, seed, DELAY);
    struct lab_node *a = lab_node_new(&w, NULL), *b = lab_node_new(&w, NULL);
    struct lp2p_connect_opts opts = {.addrs = &b->addr,
                                     .n = 1,
                                     .source = LP2P_ADDR_TYPED,
                                     .timeout = LP2P_TS_NEVER,
                                     .look = LP2P_TS_NEVER};
    uint64_t attempt;
    assert_int_equal(lp2p_host_connect(a->host, &b->id, &opts, &attempt), 0);
    assert_int_equal(lab_attempt_end(a, attempt, LP2P_SEC(1)).stage, LP2P_STAGE_CONNECTED);
    struct lp2p_peer_id nobody = stranger(1);
    assert_int_equal(lp2p_host_connect(a->host, &nobody, &opts, &attempt), 0);
    lab_run(&w, LP2P_SEC(100000));
    assert_int_equal(lab_attempt(a, attempt).stage, LP2P_STAGE_LOOKING);
    lab_world_fini(&w);
}

/* Who gives up looking does not end a connection that the other side made meanwhile. */
static void run_cancel(uint64_t seed)
{
    struct lab_world w;
    lab_world_init(&w, seed, DELAY);
    struct lab_node *a = lab_node_new(&w, NULL), *b = lab_node_new(&w, NULL);
    struct lp2p_connect_opts opts = {.look = LP2P_SEC(20)};
    uint64_t attempt;
    assert_int_equal(lp2p_host_connect(a->host, &b->id, &opts, &attempt), 0);
    (void)lab_connect(b, a);
    /* Authenticated, and not identified yet. */
    for (int i = 0; i < 200 && lab_attempt(a, attempt).stage != LP2P_STAGE_IDENTIFYING; i++) {
        lab_run(&w, LP2P_MSEC(1));
    }
    assert_int_equal(lab_attempt(a, attempt).stage, LP2P_STAGE_IDENTIFYING);
    assert_int_equal(lp2p_host_cancel(a->host, attempt), 0);
    lab_run(&w, LP2P_SEC(10));
    assert_int_equal(lab_attempt(a, attempt).stage, LP2P_STAGE_CANCELLED);
    assert_true(lab_is_identified(a, b) && lab_is_identified(b, a));
    lab_world_fini(&w);
}

static void attempts_end_as_they_were_asked_to(void **state)
{
    (void)state;
    lab_each_seed(run_never);
    lab_each_seed(run_cancel);
}

/* ---- streams ---- */

/* A reader that takes its time, and how the stream ended for it. */
struct late_reader {
    struct lp2p_stream *s;
    size_t unread;
    size_t total;
    int why; /* 1: not ended */
    bool eof;
};

static void late_open(void *ctx, struct lp2p_stream *s, const char *protocol)
{
    struct late_reader *r = ctx;
    (void)protocol;
    r->s = s;
}

static void late_data(void *ctx, struct lp2p_stream *s, const uint8_t *p, size_t n)
{
    struct late_reader *r = ctx;
    (void)s;
    (void)p;
    r->unread += n;
    r->total += n;
}

static void late_eof(void *ctx, struct lp2p_stream *s)
{
    struct late_reader *r = ctx;
    (void)s;
    r->eof = true;
}

static void late_closed(void *ctx, struct lp2p_stream *s, const struct lp2p_failure *why)
{
    struct late_reader *r = ctx;
    (void)s;
    r->why = why->code;
    r->s = NULL;
}

static void nothing_comes(void *ctx, struct lp2p_stream *s, const uint8_t *p, size_t n)
{
    (void)ctx;
    (void)s;
    (void)p;
    (void)n;
    fail();
}

static void closed_is_closed(void *ctx, struct lp2p_stream *s, const struct lp2p_failure *why)
{
    (void)ctx;
    (void)s;
    (void)why;
    fail();
}

/* A stream that `a` closed, and `b` still has to read. */
struct closed {
    struct lab_world w;
    struct lab_node *a;
    struct lab_node *b;
    struct late_reader r;
};

static void closed_init(struct closed *c, uint64_t seed, size_t n)
{
    static const struct lp2p_stream_ops late_ops = {
        .on_open = late_open, .on_data = late_data, .on_eof = late_eof, .on_closed = late_closed};
    static const struct lp2p_stream_ops closer_ops = {.on_data = nothing_comes,
                                                      .on_closed = closed_is_closed};
    static const char *const name[] = {"/late/1.0.0"};
    static const uint8_t bytes[200000];
    struct lp2p_open open = {.protocols = name, .n = 1, .ops = &closer_ops};
    struct lp2p_stream *s;
    size_t took;
    c->r = (struct late_reader){.why = 1};
    lab_world_init(&c->w, seed, DELAY);
    c->a = lab_node_new(&c->w, NULL);
    c->b = lab_node_new(&c->w, NULL);
    assert_int_equal(lp2p_host_handle(c->b->host, name[0], &late_ops, &c->r), 0);
    lab_join(c->a, c->b);
    assert_int_equal(lp2p_host_open(c->a->host, &c->b->id, &open, &s), 0);
    assert_int_equal(lp2p_stream_write(s, bytes, n, &took), 0);
    assert_int_equal(took, n);
    lab_run(&c->w, LP2P_SEC(1));
    lp2p_stream_close(s);
}

/* A closed stream is in order: who reads late reads all of it. */
static void run_close(uint64_t seed)
{
    static struct closed c;
    struct lp2p_conn_info conn;
    closed_init(&c, seed, 200000);
    lab_run(&c.w, LP2P_SEC(50));
    assert_int_equal(c.r.why, 1);
    assert_true(c.r.eof);
    assert_int_equal(c.r.total, 200000);
    lp2p_stream_consume(c.r.s, c.r.unread);
    lp2p_stream_close(c.r.s);
    lab_run(&c.w, LP2P_SEC(1));
    assert_int_equal(lab_conns(c.a, &c.b->id, &conn), 1);
    assert_int_equal(conn.streams, 0);
    lab_world_fini(&c.w);
}

/* But not for ever. */
static void run_linger(uint64_t seed)
{
    static struct closed c;
    lp2p_ts linger = lp2p_limits_profile("desktop")->linger_timeout;
    closed_init(&c, seed, 0);
    lab_run(&c.w, linger - LP2P_SEC(1));
    assert_int_equal(c.r.why, 1);
    lab_run(&c.w, LP2P_SEC(2));
    assert_int_equal(c.r.why, -LP2P_E_RESET);
    lab_world_fini(&c.w);
}

static void a_closed_stream_is_read_to_its_end(void **state)
{
    (void)state;
    lab_each_seed(run_close);
    lab_each_seed(run_linger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        lab_test(a_walk_survives_its_steps),
        lab_test(attempts_end_as_they_were_asked_to),
        lab_test(a_closed_stream_is_read_to_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
