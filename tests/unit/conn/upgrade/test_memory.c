/* Every allocation of a connection's life fails once, and from there on: both roles. */
#include "harness/failmem.h"
#include "rig.h"

#include "proto/yamux/frame.h"

struct sweep {
    bool listener; /* whose memory fails */
    bool early;
    unsigned survived;
    unsigned whole; /* runs that went on to the end although something failed */
};

/* What a connection does: streams both ways, more than a window, resets. `*ret_err` is the first
 * error of a command. */
struct life {
    int err;
    struct lp2p_conn_stream *streams[20];
    size_t n;
};

static void life_note(struct life *l, int err)
{
    l->err = l->err == 0 && err != -LP2P_E_AGAIN ? err : l->err;
}

static void life_open(struct end *e, struct life *l)
{
    static const uint8_t zeros[70000];
    size_t n = 0;
    int err = e->c->ops->open(e->c, &l->streams[l->n]);
    if (err == 0) {
        struct lp2p_conn_stream *s = l->streams[l->n++];
        err = e->c->ops->write(e->c, e->now, s, lp2p_span(zeros, sizeof(zeros)), &n);
    }
    life_note(l, err);
}

static void life_event(struct end *e, const struct lp2p_conn_event *ev)
{
    struct life *l = e->ctx;
    size_t n = 0;
    if (ev->type == LP2P_CONN_EV_UP) {
        while (l->n < LP2P_COUNT(l->streams) / 2) {
            size_t before = l->n;
            life_open(e, l);
            if (l->n == before) {
                break;
            }
        }
    } else if (ev->type == LP2P_CONN_EV_STREAM) {
        life_note(l, e->c->ops->write(e->c, e->now, ev->stream, lp2p_span("hello", 5), &n));
    }
}

/* Both ends said all, or one of them cannot. */
static void live(struct pair *p)
{
    for (unsigned i = 0; i < 20; i++) {
        pair_run(p);
        p->a.now += LP2P_MSEC(200);
        p->b.now += LP2P_MSEC(200);
        (void)p->a.c->ops->tick(p->a.c, p->a.now);
        (void)p->b.c->ops->tick(p->b.c, p->b.now);
    }
}

static int sweep_scenario(const struct lp2p_mem *mem, void *ctx)
{
    struct sweep *sw = ctx;
    struct pair p;
    struct life a = {.err = 0};
    struct life b = {.err = 0};
    pair_init(&p, rig_crypto, rig_crypto_b);
    p.a.quiet = p.b.quiet = true;
    p.a.host.early_muxer = p.b.host.early_muxer = sw->early;
    p.a.ctx = &a;
    p.b.ctx = &b;
    p.a.on_event = p.b.on_event = life_event;
    struct end *judged = sw->listener ? &p.b : &p.a;
    judged->mem = mem;
    int err = end_open(&p.a, LP2P_CONN_DIALER, &p.b.id.id, 0);
    if (err == 0) {
        err = end_open(&p.b, LP2P_CONN_LISTENER, NULL, 0);
    }
    if (err == 0) {
        live(&p);
        err = end_error(judged);
        sw->survived += err == 0;
        if (err == 0 && a.err == 0 && b.err == 0) {
            assert_true(p.a.up && p.b.up);
            /* Without a large block each stream says what fits into a small one. */
            assert_true(p.a.bytes_got > 0 && p.b.bytes_got > 0);
            sw->whole += p.b.bytes_got > 500000;
        }
        err = err == 0 ? (sw->listener ? b.err : a.err) : err;
    }
    pair_fini(&p);
    return err;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct sweep sw = {.listener = (i & 1) != 0, .early = (i & 2) != 0};
        size_t n = failmem_each(sweep_scenario, &sw);
        print_message("# %zu allocations, %u runs went on\n", n, sw.survived - 1);
        assert_true(n > 10);
        /* A stream that cannot be, or output that waits, is not the end of the connection. */
        assert_true(sw.survived > 2 && sw.whole > 0);
    }
}

/* The copy of input that has to wait fails: nothing leaks, and the connection ends. */
static int keep_scenario(const struct lp2p_mem *mem, void *ctx)
{
    (void)ctx;
    struct pair p;
    pair_init(&p, rig_crypto, rig_crypto_b);
    p.b.mem = mem;
    int err = end_open(&p.b, LP2P_CONN_LISTENER, NULL, 400);
    assert_int_equal(end_open(&p.a, LP2P_CONN_DIALER, NULL, 0), 0);
    if (err == 0) {
        pair_run(&p);
        err = end_error(&p.b);
    }
    if (err == 0 && p.b.up) {
        uint8_t pings[60 * LP2P_YAMUX_HEADER_SIZE];
        struct lp2p_yamux_frame f = {.type = LP2P_YAMUX_PING, .flags = LP2P_YAMUX_SYN};
        for (size_t i = 0; i < 60; i++) {
            lp2p_yamux_frame_encode(&f, pings + i * LP2P_YAMUX_HEADER_SIZE);
        }
        end_inject(&p.a, pings, sizeof(pings));
        end_send(&p.a, &p.b, SIZE_MAX);
        end_take_all(&p.b);
        assert_true(end_upgrade(&p.b)->kept != NULL || end_error(&p.b) != 0);
        pair_run(&p);
        err = end_error(&p.b);
    }
    pair_fini(&p);
    return err;
}

static void the_copy_of_waiting_input_may_fail(void **state)
{
    (void)state;
    (void)failmem_each(keep_scenario, NULL);
}

/* FASTPATH: at most 4 KiB an idle connection; no block is held. */
static void an_idle_connection_is_small(void **state)
{
    (void)state;
    struct failmem f;
    struct pair p;
    failmem_init(&f, 0, false);
    pair_init(&p, rig_crypto, rig_crypto_b);
    p.b.mem = &f.mem;
    pair_open(&p);
    pair_run(&p);
    assert_true(p.b.up);
    /* A block of each size is kept in the pools for the next. */
    const struct lp2p_upgrade_host *h = &p.b.host;
    size_t kept = h->obufs.kept * h->obufs.size + h->large_obufs.kept * h->large_obufs.size;
    size_t bytes = f.bytes - kept;
    print_message("# an idle connection has %zu bytes in %zu blocks\n", bytes,
                  f.blocks - h->obufs.kept - h->large_obufs.kept);
    assert_true(bytes <= 4096);
    pair_fini(&p);
    failmem_check_empty(&f, "idle");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(the_copy_of_waiting_input_may_fail),
        cmocka_unit_test(an_idle_connection_is_small),
    };
    return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
