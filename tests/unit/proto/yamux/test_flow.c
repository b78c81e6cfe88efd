/*
 * Writing and reading: what goes into a frame, what waits, and whose turn it is.
 */
#include "peer.h"

#define SYN LP2P_YAMUX_SYN
#define ACK LP2P_YAMUX_ACK
#define FIN LP2P_YAMUX_FIN
#define RST LP2P_YAMUX_RST
#define BIG (1U << 20)

static struct lp2p_yamux_stream *open_stream(struct rig *r)
{
    struct lp2p_yamux_stream *s = rig_stream(r);
    rig_drain(r);
    r->out_len = 0;
    return s;
}

static void frames_are_large_alone_and_small_together(void **state)
{
    (void)state;
    struct rig *r = rig_new(LP2P_YAMUX_CLIENT);
    rig_settle(r);
    struct lp2p_yamux_stream *a = open_stream(r);
    struct lp2p_yamux_stream *b = open_stream(r);
    size_t n;
    assert_int_equal(rig_write_room(r, a, BIG, BIG, &n), 0);
    assert_int_equal(n, LP2P_YAMUX_FRAME_MAX);
    rig_drain(r);
    r->out_len = 0;
    /* `a` has more to send, so `b` waits for its turn, and both have small frames then. */
    assert_int_equal(rig_write_room(r, b, BIG, BIG, &n), -LP2P_E_AGAIN);
    rig_expect(r, "writable:1:0 writable:3:0");
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(rig_write_room(r, a, BIG, BIG, &n), 0);
        assert_int_equal(n, LP2P_YAMUX_FRAME_SHARE);
        rig_drain(r);
        assert_int_equal(rig_write_room(r, a, BIG, BIG, &n), -LP2P_E_AGAIN);
        assert_int_equal(rig_write_room(r, b, BIG, BIG, &n), 0);
        assert_int_equal(n, LP2P_YAMUX_FRAME_SHARE);
        rig_drain(r);
        r->out_len = 0;
        rig_expect(r, "writable:1:0 writable:3:0");
    }
    /* `b` is done: `a` is alone again. */
    assert_int_equal(rig_write_room(r, b, 10, BIG, &n), 0);
    rig_drain(r);
    assert_int_equal(rig_write_room(r, a, BIG, BIG, &n), 0);
    assert_int_equal(n, LP2P_YAMUX_FRAME_MAX);
    rig_free(r);
}

static void room_counts_the_control_frames_before(void **state)
{
    (void)state;
    struct rig *r = rig_new(LP2P_YAMUX_CLIENT);
    rig_settle(r);
    struct lp2p_yamux_stream *s = open_stream(r);
    assert_int_equal(rig_frame(r, LP2P_YAMUX_PING, SYN, 0, 9), 0);
    size_t n;
    assert_int_equal(rig_write_room(r, s, BIG, 24, &n), -LP2P_E_AGAIN);
    assert_int_equal(rig_write_room(r, s, BIG, 25, &n), 0);
    assert_int_equal(n, 1);
    rig_drain(r);
    assert_int_equal(r->out_len, 25);
    rig_expect_out(r, "2.2.0.9 0.0.1.1");
    /* Nobody is called before there is room. */
    rig_expect(r, "");
    lp2p_yamux_wake(r->e);
    rig_expect(r, "writable:1:0");
    rig_free(r);
}

static void stops_at_the_window_and_goes_on_with_credit(void **state)
{
    (void)state;
    struct rig *r = rig_new(LP2P_YAMUX_CLIENT);
    rig_settle(r);
    struct lp2p_yamux_stream *s = open_stream(r);
    size_t sent = 0, n;
    while (rig_write_room(r, s, BIG, BIG, &n) == 0) {
        sent += n;
        rig_drain(r);
        r->out_len = 0;
    }
    assert_int_equal(sent, LP2P_YAMUX_WINDOW_START);
    rig_expect(r, "");
    lp2p_yamux_wake(r->e);
    rig_expect(r, "");
    assert_int_equal(rig_frame(r, LP2P_YAMUX_WINDOW, 0, 1, 100), 0);
    rig_expect(r, "writable:1:0");
    assert_int_equal(rig_write_room(r, s, BIG, BIG, &n), 0);
    assert_int_equal(n, 100);
    rig_expect_out(r, "0.0.1.100");
    rig_free(r);
}

static void a_stream_without_credit_does_not_hold_up_others(void **state)
{
    (void)state;
    struct rig *r = rig_new(LP2P_YAMUX_CLIENT);
    rig_settle(r);
    struct lp2p_yamux_stream *a = open_stream(r);
    struct lp2p_yamux_stream *b = open_stream(r);
    size_t n;
    while (rig_write_room(r, a, BIG, BIG, &n) == 0) {
        rig_drain(r);
        r->out_len = 0;
    }
    assert_int_equal(rig_write_room(r, b, BIG, BIG, &n), 0);
    assert_int_equal(n, LP2P_YAMUX_FRAME_MAX);
    rig_drain(r);
    rig_free(r);
}

static void grants_coalesce_and_are_decided_behind_the_frame(void **state)
{
    (void)state;
    struct rig *r = rig_new(LP2P_YAMUX_SERVER);
    rig_settle(r);
    assert_int_equal(rig_data(r, SYN, 1, 32767), 0);
    rig_expect_out(r, "1.2.1.0");
    /* In the middle of the next frame 1/8 is passed; nothing is granted before its end. */
    assert_int_equal(rig_frame(r, LP2P_YAMUX_DATA, 0, 1, 10000), 0);
    static const uint8_t body[10000];
    assert_int_equal(rig_feed(r, body, 9999), 0);
    rig_expect_out(r, "");
    assert_int_equal(rig_feed(r, body, 1), 0);
    rig_expect_out(r, "1.0.1.42767");
    rig_free(r);
}

static void no_grants_for_a_stream_that_ended(void **state)
{
    (void)state;
    struct rig *r = rig_new(LP2P_YAMUX_SERVER);
    rig_settle(r);
    r->hold = true;
    assert_int_equal(rig_data(r, SYN | FIN, 1, 200000), 0);
    rig_drain(r);
    r->out_len = 0;
    lp2p_yamux_consume(r->e, r->now, r->streams[0], 200000);
    rig_expect_out(r, "");
    rig_free(r);
}

static void the_window_grows_with_a_fast_reader(void **state)
{
    (void)state;
    struct rig *r = rig_new(LP2P_YAMUX_SERVER);
    rig_drain(r);
    r->now += LP2P_MSEC(10);
    rig_settle(r);
    assert_int_equal(r->e->rtt, LP2P_MSEC(10));
    assert_int_equal(rig_data(r, SYN, 1, 1), 0);
    struct lp2p_yamux_stream *s = r->streams[0];
    for (unsigned i = 0; i < 2000 && s->recv.max < 16U << 20; i++) {
        r->now += LP2P_MSEC(1);
        assert_int_equal(rig_data(r, 0, 1, LP2P_MIN(s->recv.credit, BIG)), 0);
        rig_drain(r);
        r->out_len = 0;
    }
    assert_int_equal(s->recv.max, 16U << 20);
    assert_int_equal(r->scope.used[LP2P_SCOPE_MEM], (16U << 20) - LP2P_YAMUX_WINDOW_START);
    rig_free(r);
}

/* However many windows grow, what arrives on others finds room. */
static void grown_windows_leave_room_for_others(void **state)
{
    (void)state;
    struct rig *r = rig_new(LP2P_YAMUX_SERVER);
    r->scope.max[LP2P_SCOPE_MEM] = 48U << 20;
    r->quiet = true;
    rig_drain(r);
    r->now += LP2P_MSEC(50);
    rig_settle(r);
    for (uint32_t id = 1; id < 17; id += 2) {
        assert_int_equal(rig_data(r, SYN, id, 1), 0);
    }
    for (unsigned i = 0; i < 4000; i++) {
        r->now += LP2P_MSEC(1);
        for (unsigned k = 0; k < 4; k++) {
            struct lp2p_yamux_stream *s = r->streams[k + (i < 2000 ? 0U : 4U)];
            assert_int_equal(rig_data(r, 0, s->id, LP2P_MIN(s->recv.credit, BIG / 16)), 0);
        }
        rig_drain(r);
        r->out_len = 0;
    }
    assert_in_range(r->scope.used[LP2P_SCOPE_MEM], 12U << 20, 24U << 20);
    for (unsigned k = 0; k < 8; k++) {
        assert_int_equal(r->streams[k]->state, LP2P_YAMUX_ST_OPEN);
    }
    r->hold = true;
    assert_int_equal(rig_data(r, SYN, 101, LP2P_YAMUX_WINDOW_START), 0);
    rig_free(r);
}

/* A Pong that is late once grows nothing; a way that became longer is followed. */
static void a_late_pong_is_no_long_way(void **state)
{
    (void)state;
    struct rig *r = rig_new(LP2P_YAMUX_SERVER);
    rig_drain(r);
    r->now += LP2P_MSEC(10);
    rig_settle(r);
    assert_int_equal(r->e->rtt_base, LP2P_MSEC(10));
    for (unsigned i = 0; i < 60; i++) {
        lp2p_yamux_ping(r->e, r->now);
        rig_drain(r);
        r->now += LP2P_SEC(8);
        assert_int_equal(rig_frame(r, LP2P_YAMUX_PING, ACK, 0, r->e->ping_value), 0);
        assert_int_equal(lp2p_yamux_rtt(r->e), LP2P_SEC(8));
        if (i == 0) {
            assert_true(r->e->rtt_base < LP2P_SEC(1) + LP2P_MSEC(10));
        }
    }
    assert_true(r->e->rtt_base > LP2P_SEC(7));
    lp2p_yamux_ping(r->e, r->now);
    rig_drain(r);
    r->now += LP2P_MSEC(30);
    assert_int_equal(rig_frame(r, LP2P_YAMUX_PING, ACK, 0, r->e->ping_value), 0);
    assert_int_equal(r->e->rtt_base, LP2P_MSEC(30));
    rig_free(r);
}

static void a_reset_while_a_frame_is_coming_drains_the_rest(void **state)
{
    (void)state;
    struct rig *r = rig_new(LP2P_YAMUX_SERVER);
    rig_settle(r);
    r->hold = true;
    static const uint8_t body[1000];
    assert_int_equal(rig_frame(r, LP2P_YAMUX_DATA, SYN | FIN, 1, 1000), 0);
    assert_int_equal(rig_feed(r, body, 400), 0);
    rig_expect(r, "stream:1:0 data:1:400");
    lp2p_yamux_release(r->e, r->streams[0]);
    rig_expect_out(r, "1.8.1.0");
    assert_int_equal(lp2p_yamux_streams(r->e), 0);
    assert_int_equal(rig_feed(r, body, 600), 0);
    rig_expect(r, "");
    assert_int_equal(rig_frame(r, LP2P_YAMUX_PING, SYN, 0, 3), 0);
    rig_expect_out(r, "2.2.0.3");
    rig_free(r);
}

static void an_empty_write_is_nothing(void **state)
{
    (void)state;
    struct rig *r = rig_new(LP2P_YAMUX_CLIENT);
    rig_settle(r);
    struct lp2p_yamux_stream *s = open_stream(r);
    size_t n = 99;
    assert_int_equal(rig_write_room(r, s, 0, BIG, &n), 0);
    assert_int_equal(n, 0);
    rig_expect_out(r, "");
    rig_free(r);
}

static void half_closes_in_every_order(void **state)
{
    (void)state;
    /* Who opens, who ends first. */
    for (unsigned i = 0; i < 4; i++) {
        struct rig *r = rig_new(LP2P_YAMUX_CLIENT);
        rig_settle(r);
        struct lp2p_yamux_stream *s;
        if ((i & 1) != 0) {
            s = open_stream(r);
        } else {
            assert_int_equal(rig_frame(r, LP2P_YAMUX_WINDOW, SYN, 2, 0), 0);
            s = r->streams[0];
            rig_pull(r);
            rig_drain(r);
        }
        r->log_len = 0;
        r->out_len = 0;
        char want[64];
        size_t n;
        if ((i & 2) != 0) {
            assert_int_equal(lp2p_yamux_close_write(r->e, s), 0);
            assert_int_equal(rig_data(r, 0, s->id, 10), 0);
            assert_int_equal(rig_frame(r, LP2P_YAMUX_WINDOW, FIN, s->id, 0), 0);
            snprintf(want, sizeof(want), "data:%u:10 fin:%u:0", s->id, s->id);
        } else {
            assert_int_equal(rig_frame(r, LP2P_YAMUX_WINDOW, FIN, s->id, 0), 0);
            assert_int_equal(rig_write_room(r, s, 10, BIG, &n), 0);
            rig_drain(r);
            assert_int_equal(lp2p_yamux_close_write(r->e, s), 0);
            snprintf(want, sizeof(want), "fin:%u:0", s->id);
        }
        rig_expect(r, want);
        assert_int_equal(s->state, LP2P_YAMUX_ST_CLOSED);
        lp2p_yamux_release(r->e, s);
        rig_drain(r);
        assert_int_equal(lp2p_yamux_streams(r->e), 0);
        rig_free(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_are_large_alone_and_small_together),
        cmocka_unit_test(room_counts_the_control_frames_before),
        cmocka_unit_test(stops_at_the_window_and_goes_on_with_credit),
        cmocka_unit_test(a_stream_without_credit_does_not_hold_up_others),
        cmocka_unit_test(grants_coalesce_and_are_decided_behind_the_frame),
        cmocka_unit_test(no_grants_for_a_stream_that_ended),
        cmocka_unit_test(the_window_grows_with_a_fast_reader),
        cmocka_unit_test(grown_windows_leave_room_for_others),
        cmocka_unit_test(a_late_pong_is_no_long_way),
        cmocka_unit_test(a_reset_while_a_frame_is_coming_drains_the_rest),
        cmocka_unit_test(an_empty_write_is_nothing),
        cmocka_unit_test(half_closes_in_every_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
