/*
 * The output is full and the peer does not read: what waits, what is kept, who is woken, and that
 * nothing is lost, whatever the sizes.
 */
#include "rig.h"

#include "proto/yamux/frame.h"

/* More than are answered without output. */
#define PINGS 20U
/* Full before the window of a stream is used up. */
#define FULL_SIZE (3U * (2U + LP2P_NOISE_RECORD_MAX))

/* ---- a reader that compares ---- */

/* Numbers the bytes of a stream, so that a lost, doubled or moved one is seen. */
static uint8_t byte_at(uint64_t i)
{
    return (uint8_t)(i ^ i >> 8 ^ i >> 16);
}

static void fill(uint8_t *p, size_t n, uint64_t from)
{
    for (size_t i = 0; i < n; i++) {
        p[i] = byte_at(from + i);
    }
}

struct reader {
    struct lp2p_conn_stream *only; /* NULL: any */
    uint64_t got;
    unsigned pongs;
    unsigned writable;
    unsigned resets;
};

static void reader_event(struct end *e, const struct lp2p_conn_event *ev)
{
    struct reader *r = e->ctx;
    if (ev->type == LP2P_CONN_EV_DATA) {
        for (size_t i = 0; i < ev->data.n; i++) {
            assert_int_equal(ev->data.p[i], byte_at(r->got + i));
        }
        r->got += ev->data.n;
    }
    r->writable += ev->type == LP2P_CONN_EV_WRITABLE;
    r->resets += ev->type == LP2P_CONN_EV_RESET;
}

static void listen_to(struct end *e, struct reader *r)
{
    *r = (struct reader){.got = 0};
    e->ctx = r;
    e->on_event = reader_event;
    e->quiet = true;
}

/* Writes pieces of `piece` bytes until none is taken; says how many bytes were. */
static uint64_t write_until_full(struct end *e, struct lp2p_conn_stream *s, size_t piece,
                                 uint64_t from)
{
    static uint8_t bytes[1 << 16];
    uint64_t total = 0;
    for (;;) {
        size_t n = 0;
        fill(bytes, piece, from + total);
        int err = e->c->ops->write(e->c, e->now, s, lp2p_span(bytes, piece), &n);
        assert_true(err == 0 || err == -LP2P_E_AGAIN);
        total += n;
        if (err != 0 || n < piece) {
            return total;
        }
    }
}

static size_t frame(uint8_t *p, enum lp2p_yamux_type type, unsigned flags, uint32_t id,
                    uint32_t length)
{
    struct lp2p_yamux_frame f = {
        .type = type, .flags = (uint16_t)flags, .id = id, .length = length};
    lp2p_yamux_frame_encode(&f, p);
    return LP2P_YAMUX_HEADER_SIZE;
}

/* A pair whose dialer has a stream and an output of `size` bytes. */
static struct pair *pair_with(size_t size, struct lp2p_conn_stream **ret, struct reader *r)
{
    struct pair *p = malloc(sizeof(*p));
    assert_non_null(p);
    pair_init(p, rig_crypto, rig_crypto_b);
    p->b.host.yamux.abuse_burst = PINGS + 1;
    p->b.host.yamux.abuse_refill = 0;
    assert_int_equal(end_open(&p->a, LP2P_CONN_DIALER, NULL, size), 0);
    assert_int_equal(end_open(&p->b, LP2P_CONN_LISTENER, NULL, 0), 0);
    pair_run(p);
    assert_true(p->a.up && p->b.up);
    *ret = rig_open_stream(&p->a);
    pair_run(p);
    listen_to(&p->b, r);
    rig_forget(&p->a);
    return p;
}

/* Less than one frame fits. */
static uint64_t fill_output(struct end *e, struct lp2p_conn_stream *s)
{
    uint64_t n = write_until_full(e, s, 1 << 16, 0);
    n += write_until_full(e, s, 1, n);
    assert_true(lp2p_noise_room(&end_upgrade(e)->noise) <= LP2P_YAMUX_HEADER_SIZE);
    return n;
}

/* Pings, and data on a new stream behind them. */
static void inject_pings_and_data(struct end *e)
{
    uint8_t bytes[LP2P_YAMUX_HEADER_SIZE * (PINGS + 1) + 5];
    size_t n = 0;
    for (uint32_t i = 0; i < PINGS; i++) {
        n += frame(bytes + n, LP2P_YAMUX_PING, LP2P_YAMUX_SYN, 0, 100 + i);
    }
    n += frame(bytes + n, LP2P_YAMUX_DATA, LP2P_YAMUX_SYN, 2, 5);
    memcpy(bytes + n, "hello", 5);
    end_inject(e, bytes, n + 5);
}

static struct pair *full_pair(struct reader *r, uint64_t *ret_written)
{
    struct lp2p_conn_stream *s;
    struct pair *p = pair_with(FULL_SIZE, &s, r);
    *ret_written = fill_output(&p->a, s);
    assert_true(*ret_written > 2 * LP2P_NOISE_RECORD_MAX);
    rig_forget(&p->a);
    return p;
}

static void input_waits_in_a_copy_of_its_own(void **state)
{
    (void)state;
    struct reader r;
    uint64_t written;
    struct pair *p = full_pair(&r, &written);
    struct lp2p_upgrade *a = end_upgrade(&p->a);
    inject_pings_and_data(&p->b);
    end_send(&p->b, &p->a, SIZE_MAX);
    end_take_all(&p->a);
    assert_int_equal(end_error(&p->a), 0);
    assert_int_equal(p->a.bytes_got, 0);
    assert_non_null(a->kept);
    assert_int_equal(p->a.scope.used[LP2P_SCOPE_MEM], a->kept_size);
    assert_true(a->kept_size < PINGS * LP2P_YAMUX_HEADER_SIZE);

    /* More input is refused, and it is said that it is not its rest that is missing. */
    pair_wire_add(&p->a.in, (const uint8_t *)"\x40\x00?", 3);
    assert_int_equal(end_take(&p->a, 3), 0);
    assert_int_equal(p->a.c->ops->want(p->a.c, p->a.in.p, 3), 1);
    pair_wire_drop(&p->a.in, 3);

    /* Room is all it waits for; the copy goes with its last event. */
    end_send(&p->a, &p->b, SIZE_MAX);
    end_pull(&p->a);
    assert_null(a->kept);
    pair_run(p);
    assert_int_equal(end_error(&p->a), 0);
    assert_int_equal(end_error(&p->b), 0);
    assert_int_equal(p->a.bytes_got, 5);
    assert_int_equal(p->a.scope.used[LP2P_SCOPE_MEM], 0);
    assert_int_equal(p->a.host.obufs.used, 0);
    assert_int_equal(r.got, written);
    /* To the other end the Pongs answer nothing, nor does the ACK: its budget is used up by them
     * exactly. */
    uint8_t pong[LP2P_YAMUX_HEADER_SIZE];
    frame(pong, LP2P_YAMUX_PING, LP2P_YAMUX_ACK, 0, 1);
    end_inject(&p->a, pong, sizeof(pong));
    end_send(&p->a, &p->b, SIZE_MAX);
    end_take_all(&p->b);
    assert_int_equal(end_error(&p->b), -LP2P_E_ABUSE);
    /* A turn that was not used comes once more. */
    rig_expect(&p->a, "writable 1 0\nstream 2 0\ndata 2 68656c6c6f\nwritable 1 0\n.\n");
    rig_down(p);
}

static void the_end_may_come_while_input_waits(void **state)
{
    (void)state;
    struct reader r;
    uint64_t written;
    struct pair *p = full_pair(&r, &written);
    inject_pings_and_data(&p->b);
    end_send(&p->b, &p->a, SIZE_MAX);
    end_take_all(&p->a);
    assert_non_null(end_upgrade(&p->a)->kept);
    p->a.c->ops->recv_eof(p->a.c, p->a.now);
    assert_int_equal(end_error(&p->a), -LP2P_E_EOF);
    assert_false(end_pull(&p->a));
    rig_down(p);
}

static void a_full_account_ends_the_connection(void **state)
{
    (void)state;
    struct reader r;
    uint64_t written;
    struct pair *p = full_pair(&r, &written);
    p->a.scope.max[LP2P_SCOPE_MEM] = 10;
    inject_pings_and_data(&p->b);
    end_send(&p->b, &p->a, SIZE_MAX);
    end_take_all(&p->a);
    assert_int_equal(end_error(&p->a), -LP2P_E_LIMIT);
    assert_int_equal(p->a.c->ops->error(p->a.c)->class_, LP2P_CLASS_LOCAL);
    rig_down(p);
}

/* The stream that is shed is told of, though nothing can be sent. */
static void a_stream_is_shed_while_the_output_is_full(void **state)
{
    (void)state;
    struct reader r;
    uint64_t written;
    struct pair *p = full_pair(&r, &written);
    p->a.scope.max[LP2P_SCOPE_MEM] = 0;
    uint8_t bytes[LP2P_YAMUX_HEADER_SIZE + 5] = {0};
    frame(bytes, LP2P_YAMUX_DATA, 0, 1, 5);
    end_inject(&p->b, bytes, sizeof(bytes));
    end_send(&p->b, &p->a, SIZE_MAX);
    end_take_all(&p->a);
    assert_int_equal(end_error(&p->a), 0);
    rig_expect(&p->a, "reset 1 4098\n.\n");
    pair_run(p);
    assert_int_equal(end_error(&p->a), 0);
    assert_int_equal(r.got, written);
    assert_int_equal(r.resets, 1);
    rig_down(p);
}

/* What came in front of a frame that ends the connection is heard of; the goodbye is sent. */
static void events_before_an_error_are_not_lost(void **state)
{
    (void)state;
    struct pair *p = rig_up();
    uint8_t bytes[3 * LP2P_YAMUX_HEADER_SIZE + 5];
    size_t n = frame(bytes, LP2P_YAMUX_DATA, LP2P_YAMUX_SYN | LP2P_YAMUX_FIN, 1, 5);
    memcpy(bytes + n, "hello", 5);
    n += 5;
    n += frame(bytes + n, LP2P_YAMUX_GOAWAY, 0, 0, 3);
    n += frame(bytes + n, LP2P_YAMUX_GOAWAY, 0, 1, 3);
    end_inject(&p->a, bytes, n);
    end_send(&p->a, &p->b, SIZE_MAX);
    end_take_all(&p->b);
    rig_expect(&p->b, "stream 1 0\ndata 1 68656c6c6f\nfin 1 0\ngoaway 3\n.\n");
    assert_int_equal(end_error(&p->b), -LP2P_E_PROTO);
    assert_int_equal(p->b.c->ops->error(p->b.c)->class_, LP2P_CLASS_OURS);
    assert_false(end_pull(&p->b));
    end_send(&p->b, &p->a, SIZE_MAX);
    end_take_all(&p->a);
    rig_expect(&p->a, "goaway 1\n.\n");
    p->a.c->ops->recv_eof(p->a.c, p->a.now);
    assert_int_equal(end_error(&p->a), -LP2P_E_CLOSED);
    rig_down(p);
}

/* ---- no block for the output ---- */

static void without_a_block_the_output_waits(void **state)
{
    (void)state;
    struct pair *p = rig_up();
    struct end *a = &p->a;
    struct lp2p_conn_stream *s = rig_open_stream(a);
    pair_run(p);
    rig_forget(a);
    a->host.obufs.max = 0;
    p->b.c->ops->ping(p->b.c, p->b.now);
    end_send(&p->b, a, SIZE_MAX);
    end_take_all(a);
    assert_int_equal(end_send(a, &p->b, SIZE_MAX), 0);
    assert_int_equal(end_error(a), 0);
    size_t n = 77;
    assert_int_equal(a->c->ops->write(a->c, a->now, s, lp2p_span("x", 1), &n), -LP2P_E_AGAIN);
    assert_int_equal(n, 77);
    assert_int_equal(end_error(a), 0);
    lp2p_ts retry = a->c->ops->deadline(a->c);
    assert_int_equal(retry, a->now + LP2P_MSEC(100));
    a->now = retry;
    rig_forget(a);
    assert_int_equal(a->c->ops->tick(a->c, a->now), 0);
    end_pull(a);
    rig_expect(a, "writable 1 0\n.\n");
    assert_int_equal(a->c->ops->write(a->c, a->now, s, lp2p_span("x", 1), &n), -LP2P_E_AGAIN);
    assert_int_equal(end_send(a, &p->b, SIZE_MAX), 0);
    assert_int_equal(a->c->ops->deadline(a->c), retry + LP2P_MSEC(100));
    a->host.obufs.max = 8;
    assert_int_equal(end_send(a, &p->b, SIZE_MAX), 2 + 12 + 16);
    assert_true(a->c->ops->deadline(a->c) > LP2P_SEC(10));
    end_take_all(&p->b);
    rig_expect(&p->b, "stream 1 0\nrtt 0\n.\n");
    rig_write(a, s, "x", 1);
    rig_down(p);
}

/* Who makes us answer holds a small block; who gets much sent a large one, which the account of the
 * connection pays for; and where that is full the bytes still come. */
static void large_blocks_are_paid_for(void **state)
{
    (void)state;
    static uint8_t bytes[300000];
    struct pair *p = rig_up();
    struct end *a = &p->a;
    struct lp2p_conn_stream *s = rig_open_stream(a);
    pair_run(p);
    uint64_t idle = a->scope.used[LP2P_SCOPE_MEM];
    p->b.c->ops->ping(p->b.c, p->b.now);
    end_send(&p->b, a, SIZE_MAX);
    end_take_all(a);
    assert_true(a->c->ops->out(a->c).n > 0);
    assert_int_equal(a->host.obufs.used, 1);
    assert_int_equal(a->scope.used[LP2P_SCOPE_MEM], idle);
    pair_run(p);
    size_t n = 0;
    assert_int_equal(a->c->ops->write(a->c, a->now, s, lp2p_span(bytes, 200000), &n), 0);
    assert_int_equal(n, 200000);
    assert_int_equal(a->host.large_obufs.used, 1);
    assert_int_equal(a->scope.used[LP2P_SCOPE_MEM], idle + LP2P_UPGRADE_OBUF_SIZE);
    pair_run(p);
    assert_int_equal(a->scope.used[LP2P_SCOPE_MEM], idle);
    assert_int_equal(a->host.large_obufs.used, 0);
    a->scope.max[LP2P_SCOPE_MEM] = idle + LP2P_UPGRADE_OBUF_SIZE - 1;
    for (size_t done = 0; done < sizeof(bytes); done += n) {
        n = 0;
        int err = a->c->ops->write(a->c, a->now, s, lp2p_span(bytes, sizeof(bytes) - done), &n);
        assert_true(err == 0 || err == -LP2P_E_AGAIN);
        assert_int_equal(a->host.large_obufs.used, 0);
        assert_true(n > 0 || a->host.obufs.used > 0);
        pair_run(p);
    }
    rig_down(p);
}

/* ---- writers ---- */

struct writer {
    struct lp2p_conn_stream *streams[3];
    uint64_t sent[3];
    unsigned woken[3];
};

#define WRITER_BYTES (2U << 20)

static void writer_go_on(struct end *e, struct writer *w, unsigned i)
{
    static const uint8_t zeros[200000];
    while (w->sent[i] < WRITER_BYTES) {
        size_t want = (size_t)LP2P_MIN(sizeof(zeros), WRITER_BYTES - w->sent[i]);
        size_t n = 0;
        int err = e->c->ops->write(e->c, e->now, w->streams[i], lp2p_span(zeros, want), &n);
        w->sent[i] += n;
        if (err != 0 || n < want) {
            assert_true(err == 0 || err == -LP2P_E_AGAIN);
            return;
        }
    }
}

static void writer_event(struct end *e, const struct lp2p_conn_event *ev)
{
    struct writer *w = e->ctx;
    for (unsigned i = 0; i < 3; i++) {
        if (ev->type == LP2P_CONN_EV_WRITABLE && ev->stream == w->streams[i]) {
            w->woken[i]++;
            writer_go_on(e, w, i);
        }
    }
}

static void every_writer_is_woken(void **state)
{
    (void)state;
    static const size_t sizes[] = {400, 4000, 65537, 0};
    for (size_t k = 0; k < LP2P_COUNT(sizes); k++) {
        struct lp2p_conn_stream *s;
        struct reader r;
        struct writer w = {.sent = {0}};
        struct pair *p = pair_with(sizes[k], &s, &r);
        p->b.on_event = NULL;
        w.streams[0] = s;
        w.streams[1] = rig_open_stream(&p->a);
        w.streams[2] = rig_open_stream(&p->a);
        p->a.ctx = &w;
        p->a.on_event = writer_event;
        for (unsigned i = 0; i < 3; i++) {
            writer_go_on(&p->a, &w, i);
        }
        pair_run(p);
        for (unsigned i = 0; i < 3; i++) {
            assert_int_equal(w.sent[i], WRITER_BYTES);
            assert_true(w.woken[i] > 0);
        }
        assert_int_equal(p->b.bytes_got, 3 * WRITER_BYTES);
        rig_down(p);
    }
}

/* lp2p_noise_room is exact across the borders of records: with outputs of every size around them,
 * and writes and reads of random sizes, no byte is lost and nothing asserts. */
static void play_sizes(size_t size, uint64_t seed)
{
    struct lp2p_conn_stream *s;
    struct reader r;
    struct pair *p = pair_with(size, &s, &r);
    uint64_t written = 0;
    uint8_t *bytes = malloc(2 * size + 1);
    assert_non_null(bytes);
    while (written < 4 * size) {
        size_t most = engine_random(&seed) % 2 == 0 ? 64 : 2 * size;
        size_t n = 1 + (size_t)(engine_random(&seed) % most);
        fill(bytes, n, written);
        size_t done = 0;
        int err = p->a.c->ops->write(p->a.c, p->a.now, s, lp2p_span(bytes, n), &done);
        assert_true(err == 0 || err == -LP2P_E_AGAIN);
        written += err == 0 ? done : 0;
        if (engine_random(&seed) % 4 == 0) {
            p->a.c->ops->ping(p->a.c, p->a.now);
        }
        if (err != 0 || engine_random(&seed) % 2 == 0) {
            size_t max = 1 + (size_t)(engine_random(&seed) % (2 * size));
            end_send(&p->a, &p->b, max);
            end_take_all(&p->b);
            end_send(&p->b, &p->a, SIZE_MAX);
            end_take_all(&p->a);
            rig_forget(&p->a);
        }
    }
    pair_run(p);
    assert_int_equal(r.got, written);
    assert_int_equal(end_error(&p->a), 0);
    assert_int_equal(p->a.host.obufs.used, 0);
    free(bytes);
    rig_down(p);
}

static void no_size_of_the_output_loses_a_byte(void **state)
{
    (void)state;
    for (size_t k = 1; k <= 2; k++) {
        for (size_t d = 0; d < 40; d++) {
            play_sizes(k * (2 + LP2P_NOISE_RECORD_MAX) - 10 + d, 100 * k + d);
        }
    }
    for (size_t size = 300; size < 340; size++) {
        play_sizes(size, size);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(input_waits_in_a_copy_of_its_own),
        cmocka_unit_test(the_end_may_come_while_input_waits),
        cmocka_unit_test(a_full_account_ends_the_connection),
        cmocka_unit_test(a_stream_is_shed_while_the_output_is_full),
        cmocka_unit_test(events_before_an_error_are_not_lost),
        cmocka_unit_test(without_a_block_the_output_waits),
        cmocka_unit_test(large_blocks_are_paid_for),
        cmocka_unit_test(every_writer_is_woken),
        cmocka_unit_test(no_size_of_the_output_loses_a_byte),
    };
    return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
