/* Streams between complete hosts: many at once, slow readers, ends of every kind. */
#include "sim/lab.h"

#include "base/assert.h"
#include "harness/failmem.h"

#define DELAY LP2P_MSEC(10)

#define ECHO "/test/echo/1"
#define HOLD "/test/hold/1"

/* ---- what both sides see of a stream ---- */

/* The dialer's: sends bytes that count up from `first`, and checks what comes back. */
struct flow {
    struct lp2p_stream *s; /* NULL: over */
    uint8_t first;
    size_t to_send;
    size_t sent;
    size_t received;
    bool opened, eof, closed;
    struct lp2p_failure why;
};

/* The handler's: what it got is kept until it is written or let go. */
struct held {
    struct lp2p_list node; /* of the echo: all there are */
    struct lp2p_stream *s;
    uint8_t kept[300000]; /* more than a start window */
    size_t n_kept;
    size_t total;
    size_t unread; /* not consumed */
    bool eof, closed;
    struct lp2p_failure why;
};

static uint8_t byte_at(const struct flow *f, size_t i)
{
    return (uint8_t)(f->first + i * 7 + i / 251);
}

static void flow_pump(struct flow *f)
{
    uint8_t block[4096];
    while (f->sent < f->to_send) {
        size_t n = LP2P_MIN(f->to_send - f->sent, sizeof(block)), took = 0;
        for (size_t i = 0; i < n; i++) {
            block[i] = byte_at(f, f->sent + i);
        }
        assert_int_equal(lp2p_stream_write(f->s, block, n, &took), 0);
        f->sent += took;
        if (took < n) {
            return;
        }
    }
    if (f->to_send > 0) {
        assert_int_equal(lp2p_stream_close_write(f->s), 0);
    }
}

static void flow_on_open(void *ctx, struct lp2p_stream *s, const char *protocol)
{
    struct flow *f = ctx;
    assert_false(f->opened);
    f->opened = true;
    assert_string_equal(lp2p_stream_protocol(s), protocol);
}

static void flow_on_data(void *ctx, struct lp2p_stream *s, const uint8_t *p, size_t n)
{
    struct flow *f = ctx;
    assert_true(f->opened && !f->eof);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(p[i], byte_at(f, f->received + i));
    }
    f->received += n;
    lp2p_stream_consume(s, n);
}

static void flow_on_writable(void *ctx, struct lp2p_stream *s)
{
    (void)s;
    flow_pump(ctx);
}

static void flow_on_eof(void *ctx, struct lp2p_stream *s)
{
    struct flow *f = ctx;
    (void)s;
    assert_false(f->eof);
    f->eof = true;
}

static void flow_on_closed(void *ctx, struct lp2p_stream *s, const struct lp2p_failure *why)
{
    struct flow *f = ctx;
    (void)s;
    assert_false(f->closed);
    f->closed = true;
    f->why = *why;
    f->s = NULL;
}

static const struct lp2p_stream_ops flow_ops = {
    .on_open = flow_on_open,
    .on_data = flow_on_data,
    .on_writable = flow_on_writable,
    .on_eof = flow_on_eof,
    .on_closed = flow_on_closed,
};

static int flow_open(struct flow *f, struct lab_node *n, struct lab_node *to, const char *protocol)
{
    struct lp2p_open open = {.protocols = &protocol, .n = 1, .ops = &flow_ops, .ctx = f};
    return lp2p_host_open(n->host, &to->id, &open, &f->s);
}

/* ---- the echo, with back pressure ---- */

static void echo_pump(struct held *h)
{
    size_t took = 0;
    if (h->n_kept > 0 && lp2p_stream_write(h->s, h->kept, h->n_kept, &took) == 0) {
        memmove(h->kept, h->kept + took, h->n_kept - took);
        h->n_kept -= took;
        lp2p_stream_consume(h->s, took);
    }
    if (h->n_kept == 0 && h->eof) {
        assert_int_equal(lp2p_stream_close_write(h->s), 0);
    }
}

static void held_on_open(void *ctx, struct lp2p_stream *s, const char *protocol)
{
    (void)protocol;
    struct lp2p_list *all = ctx;
    struct held *h = test_calloc(1, sizeof(*h));
    lp2p_list_add_last(all, &h->node);
    h->s = s;
    lp2p_stream_set_ctx(s, h);
}

static void held_free(struct held *h)
{
    lp2p_list_remove(&h->node);
    test_free(h);
}

static void echo_on_data(void *ctx, struct lp2p_stream *s, const uint8_t *p, size_t n)
{
    (void)s;
    struct held *h = ctx;
    assert_true(n <= sizeof(h->kept) - h->n_kept);
    memcpy(h->kept + h->n_kept, p, n);
    h->n_kept += n;
    echo_pump(h);
}

static void echo_on_writable(void *ctx, struct lp2p_stream *s)
{
    (void)s;
    echo_pump(ctx);
}

static void echo_on_eof(void *ctx, struct lp2p_stream *s)
{
    (void)s;
    struct held *h = ctx;
    h->eof = true;
    echo_pump(h);
}

static void echo_on_closed(void *ctx, struct lp2p_stream *s, const struct lp2p_failure *why)
{
    (void)s;
    (void)why;
    held_free(ctx);
}

static const struct lp2p_stream_ops echo_ops = {
    .on_open = held_on_open,
    .on_data = echo_on_data,
    .on_writable = echo_on_writable,
    .on_eof = echo_on_eof,
    .on_closed = echo_on_closed,
};

/* ---- one that holds what it gets; the scenario looks at it as `user` of its node ---- */

static void hold_on_open(void *ctx, struct lp2p_stream *s, const char *protocol)
{
    (void)protocol;
    struct lab_node *n = ctx;
    struct held *h = n->user;
    h->s = s;
    lp2p_stream_set_ctx(s, h);
}

static void hold_on_data(void *ctx, struct lp2p_stream *s, const uint8_t *p, size_t n)
{
    struct held *h = ctx;
    (void)s;
    (void)p;
    h->total += n;
    h->unread += n;
}

static void hold_on_eof(void *ctx, struct lp2p_stream *s)
{
    (void)s;
    ((struct held *)ctx)->eof = true;
}

static void hold_on_closed(void *ctx, struct lp2p_stream *s, const struct lp2p_failure *why)
{
    (void)s;
    struct held *h = ctx;
    h->closed = true;
    h->why = *why;
    h->s = NULL;
}

static const struct lp2p_stream_ops hold_ops = {
    .on_open = hold_on_open,
    .on_data = hold_on_data,
    .on_eof = hold_on_eof,
    .on_closed = hold_on_closed,
};

/* ---- two joined hosts ---- */

struct duo {
    struct lab_world w;
    struct lab_node *a, *b;
    struct held held;       /* of b's HOLD */
    struct lp2p_list echos; /* of b's ECHO */
};

static void duo_init(struct duo *d, const struct lp2p_mem *mem, uint64_t seed,
                     const struct lp2p_limits *limits_of_a)
{
    const struct lp2p_sim_link_cfg lan = {.delay = DELAY, .jitter = LP2P_USEC(seed % 5 * 100)};
    memset(&d->held, 0, sizeof(d->held));
    lp2p_list_init(&d->echos);
    assert_int_equal(lab_world_try(&d->w, mem, seed, &lan), 0);
    d->a = lab_node_new(&d->w, &(struct lab_node_cfg){.limits = limits_of_a});
    d->b = lab_node_new(&d->w, NULL);
    d->b->user = &d->held;
    assert_int_equal(lp2p_host_handle(d->b->host, ECHO, &echo_ops, &d->echos), 0);
    assert_int_equal(lp2p_host_handle(d->b->host, HOLD, &hold_ops, d->b), 0);
    lab_join(d->a, d->b);
    lab_run(&d->w, LP2P_SEC(1));
}

static void duo_fini(struct duo *d)
{
    lab_world_fini(&d->w);
    lp2p_list_each_safe (it, &d->echos) {
        held_free(LP2P_CONTAINER(it, struct held, node));
    }
}

static uint32_t streams_of(struct lab_node *n)
{
    struct lp2p_conn_info c;
    return lab_conns(n, NULL, &c) > 0 ? c.streams : 0;
}

static void expect_whole(const struct flow *f)
{
    assert_true(f->opened && f->eof && f->closed);
    assert_int_equal(f->why.code, 0);
    assert_int_equal(f->sent, f->to_send);
    assert_int_equal(f->received, f->to_send);
}

/* ---- many at once ---- */

#define MANY 200U

/* Each sends, ends its direction, and reads the echo to its end. */
static void run_many(uint64_t seed)
{
    static struct flow flows[MANY];
    static struct duo d;
    duo_init(&d, NULL, seed, NULL);
    for (size_t i = 0; i < MANY; i++) {
        flows[i] = (struct flow){.first = (uint8_t)(i * 3), .to_send = 1 + i * 97 * seed % 40000};
        assert_int_equal(flow_open(&flows[i], d.a, d.b, ECHO), 0);
        flow_pump(&flows[i]);
    }
    assert_int_equal(streams_of(d.a), MANY);
    lab_run(&d.w, LP2P_SEC(20));
    for (size_t i = 0; i < MANY; i++) {
        expect_whole(&flows[i]);
    }
    assert_int_equal(streams_of(d.a), 0);
    assert_int_equal(streams_of(d.b), 0);
    duo_fini(&d);
}

static void many_streams_half_close(void **state)
{
    (void)state;
    lab_each_seed(run_many);
}

/* ---- a slow reader ---- */

#define START_WINDOW (256U * 1024U)

/* Its window fills; no memory beyond that is taken, and other streams and pings go on. */
static void run_slow_reader(uint64_t seed)
{
    static struct duo d;
    struct failmem f;
    failmem_init(&f, 0, false);
    duo_init(&d, &f.mem, seed, NULL);
    struct flow stuck = {.to_send = 4000000}, other = {.first = 9, .to_send = 2000000};
    assert_int_equal(flow_open(&stuck, d.a, d.b, HOLD), 0);
    flow_pump(&stuck);
    lab_run(&d.w, LP2P_SEC(5));
    /* The negotiation took some of it; so little is not worth a grant. */
    size_t full = d.held.total;
    assert_in_range(full, START_WINDOW - 64, START_WINDOW);
    assert_true(stuck.sent <= 2 * START_WINDOW);
    size_t bytes = f.bytes, sent = stuck.sent;
    f.peak = f.bytes;
    assert_int_equal(flow_open(&other, d.a, d.b, ECHO), 0);
    flow_pump(&other);
    assert_true(lab_ping(d.a, d.b, LP2P_MSEC(200)));
    lab_run(&d.w, LP2P_SEC(60));
    expect_whole(&other);
    assert_int_equal(d.held.total, full);
    assert_int_equal(stuck.sent, sent);
    /* Of the 4 MB nothing waits; what answers takes a large buffer for it, once. */
    assert_true(f.peak <= bytes + 4 * START_WINDOW);
    /* It wakes up: all comes, in order of its reading. */
    while (!d.held.eof) {
        size_t n = LP2P_MIN(d.held.unread, 60000);
        assert_true(n > 0);
        d.held.unread -= n;
        lp2p_stream_consume(d.held.s, n);
        lab_run(&d.w, 3 * DELAY);
    }
    assert_int_equal(d.held.total, stuck.to_send);
    assert_int_equal(lp2p_stream_close_write(d.held.s), 0);
    lab_run(&d.w, LP2P_SEC(1));
    assert_true(stuck.closed && d.held.closed);
    assert_int_equal(stuck.why.code, 0);
    duo_fini(&d);
    failmem_check_empty(&f, "a slow reader");
}

static void a_slow_reader_holds_up_nobody(void **state)
{
    (void)state;
    lab_each_seed(run_slow_reader);
}

/* A peer that does not even take packets: what is written waits, up to a cap; then it is cut. */
static void run_stuck_peer(uint64_t seed)
{
    static struct duo d;
    struct failmem f;
    failmem_init(&f, 0, false);
    duo_init(&d, &f.mem, seed, NULL);
    static struct flow flows[100];
    lp2p_sim_freeze(d.b->env, true);
    size_t bytes = f.bytes;
    for (size_t i = 0; i < LP2P_COUNT(flows); i++) {
        flows[i] = (struct flow){.to_send = 1000000};
        assert_int_equal(flow_open(&flows[i], d.a, d.b, HOLD), 0);
        flow_pump(&flows[i]);
    }
    lab_run(&d.w, LP2P_SEC(5));
    assert_true(f.bytes - bytes < 4 * 1024 * 1024);
    lab_run(&d.w, LP2P_SEC(6));
    assert_int_equal(lab_conns(d.a, NULL, NULL), 0);
    for (size_t i = 0; i < LP2P_COUNT(flows); i++) {
        assert_true(flows[i].closed);
        assert_int_equal(flows[i].why.code, -LP2P_E_TIMEOUT);
    }
    duo_fini(&d);
    failmem_check_empty(&f, "a stuck peer");
}

static void a_peer_that_takes_nothing_is_cut(void **state)
{
    (void)state;
    lab_each_seed(run_stuck_peer);
}

/* ---- limits ---- */

static void run_limits(uint64_t seed)
{
    enum { MORE = 300 };
    static struct flow flows[MORE];
    static struct duo d;
    const uint32_t out = lp2p_limits_profile("desktop")->streams_out;
    const uint32_t in = lp2p_limits_profile("desktop")->streams_in;
    /* Ours: refused at once, and one that ends makes room. */
    duo_init(&d, NULL, seed, NULL);
    for (size_t i = 0; i < MORE; i++) {
        flows[i] = (struct flow){.first = (uint8_t)i};
        assert_int_equal(flow_open(&flows[i], d.a, d.b, ECHO), i < out ? 0 : -LP2P_E_AGAIN);
    }
    lp2p_stream_reset(flows[0].s, 1);
    lab_run(&d.w, LP2P_SEC(1));
    assert_int_equal(flow_open(&flows[0], d.a, d.b, ECHO), 0);
    duo_fini(&d);

    /* Theirs: what is too much is reset, the rest is served. */
    duo_init(&d, NULL, seed, lp2p_limits_profile("bench"));
    for (size_t i = 0; i < MORE; i++) {
        flows[i] = (struct flow){.first = (uint8_t)i};
        assert_int_equal(flow_open(&flows[i], d.a, d.b, ECHO), 0);
    }
    lab_run(&d.w, LP2P_SEC(2));
    size_t over = 0;
    for (size_t i = 0; i < MORE; i++) {
        over += flows[i].closed;
        assert_true(!flows[i].closed || flows[i].why.code == -LP2P_E_RESET);
        if (!flows[i].closed) {
            flows[i].to_send = 1000;
            flow_pump(&flows[i]);
        }
    }
    assert_int_equal(over, MORE - in);
    assert_int_equal(streams_of(d.b), in);
    lab_run(&d.w, LP2P_SEC(2));
    for (size_t i = 0; i < MORE; i++) {
        if (flows[i].to_send > 0) {
            expect_whole(&flows[i]);
        }
    }
    assert_true(lab_ping(d.a, d.b, LP2P_SEC(1)));
    duo_fini(&d);
}

static void streams_have_their_limits(void **state)
{
    (void)state;
    lab_each_seed(run_limits);
}

/* ---- how a stream ends ---- */

static void expect_end(const struct lp2p_failure *why, int code, enum lp2p_error_class class_,
                       uint32_t wire)
{
    assert_string_equal(lp2p_error_name(why->code), lp2p_error_name(code));
    assert_int_equal(why->class_, class_);
    assert_int_equal(why->wire, wire);
}

static void run_ends(uint64_t seed)
{
    static struct duo d;
    struct flow f = {.first = 1};
    /* A protocol that is not served. */
    duo_init(&d, NULL, seed, NULL);
    assert_int_equal(flow_open(&f, d.a, d.b, "/test/unknown/1"), 0);
    lab_run(&d.w, LP2P_SEC(1));
    assert_true(f.closed && !f.opened);
    assert_int_equal(f.why.code, -LP2P_E_NEGOTIATION);
    assert_int_equal(streams_of(d.a) + streams_of(d.b), 0);

    /* A reset, from either side. */
    f = (struct flow){.first = 1};
    assert_int_equal(flow_open(&f, d.a, d.b, HOLD), 0);
    lab_run(&d.w, LP2P_SEC(1));
    lp2p_stream_reset(f.s, 17);
    lab_run(&d.w, LP2P_SEC(1));
    assert_false(f.closed); /* no callback for the one who did it */
    assert_true(d.held.closed);
    expect_end(&d.held.why, -LP2P_E_RESET, LP2P_CLASS_THEIRS, d.held.why.wire);
    d.held.closed = false;
    f = (struct flow){.first = 1};
    assert_int_equal(flow_open(&f, d.a, d.b, HOLD), 0);
    lab_run(&d.w, LP2P_SEC(1));
    lp2p_stream_reset(d.held.s, 18);
    lab_run(&d.w, LP2P_SEC(1));
    assert_true(f.closed && !d.held.closed);
    expect_end(&f.why, -LP2P_E_RESET, LP2P_CLASS_THEIRS, f.why.wire);
    assert_int_equal(streams_of(d.a) + streams_of(d.b), 0);

    /* The connection ends in order under it: theirs on the other side, closed on ours. */
    f = (struct flow){.first = 1};
    assert_int_equal(flow_open(&f, d.a, d.b, HOLD), 0);
    lab_run(&d.w, LP2P_SEC(1));
    assert_int_equal(lp2p_host_disconnect(d.a->host, &d.b->id), 0);
    lab_run(&d.w, LP2P_SEC(2));
    assert_true(f.closed && d.held.closed);
    assert_int_equal(f.why.code, -LP2P_E_CLOSED);
    expect_end(&d.held.why, -LP2P_E_CLOSED, LP2P_CLASS_THEIRS, 0);
    assert_int_equal(flow_open(&f, d.a, d.b, HOLD), -LP2P_E_NOT_FOUND);
    duo_fini(&d);

    /* It is cut. */
    duo_init(&d, NULL, seed, NULL);
    f = (struct flow){.first = 1};
    assert_int_equal(flow_open(&f, d.a, d.b, HOLD), 0);
    lab_run(&d.w, LP2P_SEC(1));
    lab_cut(d.a, d.b, true);
    lab_run(&d.w, LP2P_SEC(31));
    assert_true(f.closed && d.held.closed);
    expect_end(&f.why, -LP2P_E_TIMEOUT, f.why.class_, 0);
    expect_end(&d.held.why, -LP2P_E_TIMEOUT, d.held.why.class_, 0);
    duo_fini(&d);
}

static void each_end_is_told_once_and_truly(void **state)
{
    (void)state;
    lab_each_seed(run_ends);
}

/* The user lets go of a stream: what it wrote still arrives, what comes is dropped. */
static void run_let_go(uint64_t seed)
{
    static struct duo d;
    struct flow f = {.to_send = 100000};
    duo_init(&d, NULL, seed, NULL);
    assert_int_equal(flow_open(&f, d.a, d.b, HOLD), 0);
    flow_pump(&f);
    assert_int_equal(f.sent, f.to_send);
    lp2p_stream_close(f.s);
    lab_run(&d.w, LP2P_SEC(1));
    assert_int_equal(d.held.total, f.to_send);
    assert_true(d.held.eof && !d.held.closed && !f.closed && !f.opened);
    /* The other side goes on writing to nobody and ends in order. */
    static const uint8_t bytes[50000] = {1};
    size_t took;
    assert_int_equal(lp2p_stream_write(d.held.s, bytes, sizeof(bytes), &took), 0);
    assert_int_equal(took, sizeof(bytes));
    assert_int_equal(lp2p_stream_close_write(d.held.s), 0);
    lab_run(&d.w, LP2P_SEC(1));
    assert_true(d.held.closed);
    assert_int_equal(d.held.why.code, 0);
    assert_int_equal(streams_of(d.a) + streams_of(d.b), 0);
    duo_fini(&d);
}

static void a_stream_may_be_let_go(void **state)
{
    (void)state;
    lab_each_seed(run_let_go);
}

/* ---- inside callbacks ---- */

struct again {
    struct duo *d;
    struct flow next;
    int opened;
    int pinged;
};

/* Looks for a connection while its own is going. */
static void again_on_closed(void *ctx, struct lp2p_stream *s, const struct lp2p_failure *why)
{
    (void)s;
    (void)why;
    struct again *g = ctx;
    struct lab_ping ping;
    g->opened = flow_open(&g->next, g->d->a, g->d->b, HOLD);
    g->pinged = lab_ping_start(g->d->a, g->d->b, &ping);
    assert_int_equal(lab_conns(g->d->a, NULL, NULL), 0);
}

static void run_callbacks(uint64_t seed)
{
    static const struct lp2p_stream_ops ops = {.on_closed = again_on_closed};
    static const char *const protocols[] = {HOLD};
    static struct duo d;
    struct again g = {.d = &d};
    struct lp2p_open open = {.protocols = protocols, .n = 1, .ops = &ops, .ctx = &g};
    struct lp2p_stream *s;
    duo_init(&d, NULL, seed, NULL);
    assert_int_equal(lp2p_host_open(d.a->host, &d.b->id, &open, &s), 0);
    lab_run(&d.w, LP2P_SEC(1));
    lab_node_end(d.b);
    lab_run(&d.w, LP2P_SEC(1));
    assert_int_equal(g.opened, -LP2P_E_NOT_FOUND);
    assert_int_equal(g.pinged, -LP2P_E_NOT_FOUND);
    duo_fini(&d);
}

static void a_dead_connection_is_found_by_no_callback(void **state)
{
    (void)state;
    lab_each_seed(run_callbacks);
}

/* ---- what a user does when its connection is over ---- */

/* Two streams of one connection: the end of either is the user's reason to end the other. */
struct twins {
    struct lp2p_stream *s[2];
    size_t ended;
};

static void twin_on_closed(void *ctx, struct lp2p_stream *s, const struct lp2p_failure *why)
{
    struct twins *t = ctx;
    struct lp2p_stream *other = t->s[0] == s ? t->s[1] : t->s[0];
    const uint8_t byte = 1;
    size_t took;
    assert_int_not_equal(why->code, 0);
    t->ended++;
    assert_int_equal(lp2p_stream_write(other, &byte, 1, &took), -LP2P_E_CLOSED);
    assert_int_equal(lp2p_stream_close_write(other), -LP2P_E_CLOSED);
    lp2p_stream_consume(other, 1);
    lp2p_stream_reset(other, 0);
}

static void run_twins(uint64_t seed)
{
    static const struct lp2p_stream_ops ops = {.on_closed = twin_on_closed};
    static const char *const protocols[] = {HOLD};
    static struct duo d;
    struct twins t = {.ended = 0};
    struct lp2p_open open = {.protocols = protocols, .n = 1, .ops = &ops, .ctx = &t};
    duo_init(&d, NULL, seed, NULL);
    for (size_t i = 0; i < LP2P_COUNT(t.s); i++) {
        assert_int_equal(lp2p_host_open(d.a->host, &d.b->id, &open, &t.s[i]), 0);
    }
    lab_run(&d.w, LP2P_SEC(1));
    lab_node_end(d.b);
    lab_run(&d.w, LP2P_SEC(1));
    assert_int_equal(t.ended, 1);
    duo_fini(&d);
}

static void streams_of_a_dead_connection_may_be_touched(void **state)
{
    (void)state;
    lab_each_seed(run_twins);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        lab_test(many_streams_half_close),
        lab_test(a_slow_reader_holds_up_nobody),
        lab_test(a_peer_that_takes_nothing_is_cut),
        lab_test(streams_have_their_limits),
        lab_test(each_end_is_told_once_and_truly),
        lab_test(a_stream_may_be_let_go),
        lab_test(a_dead_connection_is_found_by_no_callback),
        lab_test(streams_of_a_dead_connection_may_be_touched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
