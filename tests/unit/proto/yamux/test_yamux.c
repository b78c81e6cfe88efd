#include "peer.h"

#define SYN LP2P_YAMUX_SYN
#define ACK LP2P_YAMUX_ACK
#define FIN LP2P_YAMUX_FIN
#define RST LP2P_YAMUX_RST

static void opens_with_a_ping_and_answers_pings_first(void **state)
{
    (void)state;
    struct rig *r = rig_new(LP2P_YAMUX_CLIENT);
    struct lp2p_yamux_stream *s = rig_stream(r);
    char want[128];
    assert_int_equal(rig_frame(r, LP2P_YAMUX_PING, SYN, 0, 0x12345678), 0);
    snprintf(want, sizeof(want), "2.2.0.%u 2.1.0.%u 1.1.1.0", 0x12345678U, r->e->ping_value);
    rig_expect_out(r, want);
    r->now += LP2P_MSEC(30);
    assert_int_equal(rig_frame(r, LP2P_YAMUX_PING, ACK, 0, r->e->ping_value), 0);
    rig_expect(r, "rtt:0:0");
    assert_int_equal(lp2p_yamux_rtt(r->e), LP2P_MSEC(30));
    lp2p_yamux_release(r->e, s);
    rig_expect_out(r, "1.8.1.0");
    assert_int_equal(lp2p_yamux_streams(r->e), 0);
    rig_free(r);
}

static void a_wrong_pong_is_ignored_and_charged(void **state)
{
    (void)state;
    struct rig *r = rig_new(LP2P_YAMUX_CLIENT);
    uint32_t tokens = r->e->abuse.tokens;
    /* Before our Ping is out even the right value is a guess. */
    assert_int_equal(rig_frame(r, LP2P_YAMUX_PING, ACK, 0, r->e->ping_value), 0);
    rig_drain(r);
    assert_int_equal(rig_frame(r, LP2P_YAMUX_PING, ACK, 0, r->e->ping_value ^ 1U), 0);
    assert_int_equal(rig_frame(r, LP2P_YAMUX_PING, SYN | ACK, 0, r->e->ping_value), 0);
    assert_int_equal(rig_frame(r, LP2P_YAMUX_PING, 0, 0, r->e->ping_value), 0);
    assert_int_equal(tokens - r->e->abuse.tokens, 4);
    rig_expect(r, "");
    rig_settle(r);
    assert_int_equal(rig_frame(r, LP2P_YAMUX_PING, ACK, 0, r->e->ping_value), 0);
    assert_int_equal(tokens - r->e->abuse.tokens, 5);
    rig_free(r);
}

static void the_first_data_frame_carries_the_syn(void **state)
{
    (void)state;
    struct rig *r = rig_new(LP2P_YAMUX_CLIENT);
    rig_settle(r);
    struct lp2p_yamux_stream *s = rig_stream(r);
    size_t n;
    assert_int_equal(rig_write_room(r, s, 5, 1000, &n), 0);
    assert_int_equal(n, 5);
    rig_expect_out(r, "0.1.1.5");
    /* No waiting for the ACK. */
    assert_int_equal(rig_write_room(r, s, 7, 1000, &n), 0);
    rig_expect_out(r, "0.0.1.7");
    assert_int_equal(rig_frame(r, LP2P_YAMUX_WINDOW, ACK, 1, 0), 0);
    rig_expect(r, "ack:1:0");
    lp2p_yamux_release(r->e, s);
    rig_free(r);
}

static void an_ack_is_sent_once(void **state)
{
    (void)state;
    struct rig *r = rig_new(LP2P_YAMUX_SERVER);
    rig_settle(r);
    assert_int_equal(rig_frame(r, LP2P_YAMUX_WINDOW, SYN, 1, 0), 0);
    rig_expect(r, "stream:1:0");
    rig_expect_out(r, "1.2.1.0");
    size_t n;
    assert_int_equal(rig_write_room(r, r->streams[0], 3, 1000, &n), 0);
    rig_expect_out(r, "0.0.1.3");
    /* And with the first data, if that is at once. */
    assert_int_equal(rig_data(r, SYN, 3, 4), 0);
    rig_expect(r, "stream:3:0 data:3:4");
    assert_int_equal(rig_write_room(r, r->streams[1], 3, 1000, &n), 0);
    rig_expect_out(r, "0.2.3.3");
    assert_int_equal(lp2p_yamux_close_write(r->e, r->streams[1]), 0);
    rig_expect_out(r, "1.4.3.0");
    rig_free(r);
}

static void syn_and_fin_with_payload_is_data_then_eof(void **state)
{
    (void)state;
    struct rig *r = rig_new(LP2P_YAMUX_SERVER);
    rig_settle(r);
    assert_int_equal(rig_data(r, SYN | FIN, 1, 10), 0);
    rig_expect(r, "stream:1:0 data:1:10 fin:1:0");
    struct lp2p_yamux_stream *s = r->streams[0];
    assert_int_equal(s->state, LP2P_YAMUX_ST_HALF_REMOTE);
    assert_int_equal(lp2p_yamux_close_write(r->e, s), 0);
    assert_int_equal(s->state, LP2P_YAMUX_ST_CLOSED);
    assert_int_equal(lp2p_yamux_close_write(r->e, s), -LP2P_E_STATE);
    lp2p_yamux_release(r->e, s);
    rig_expect_out(r, "1.2.1.0 1.4.1.0");
    assert_int_equal(lp2p_yamux_streams(r->e), 0);
    rig_free(r);
}

static void the_length_of_a_reset_is_a_code(void **state)
{
    (void)state;
    struct rig *r = rig_new(LP2P_YAMUX_CLIENT);
    rig_settle(r);
    struct lp2p_yamux_stream *s = rig_stream(r);
    rig_drain(r);
    assert_int_equal(rig_frame(r, LP2P_YAMUX_WINDOW, RST, 1, UINT32_MAX), 0);
    rig_expect(r, "reset:1:4294967295");
    size_t n;
    assert_int_equal(rig_write_room(r, s, 1, 100, &n), -LP2P_E_RESET);
    assert_int_equal(lp2p_yamux_close_write(r->e, s), -LP2P_E_RESET);
    lp2p_yamux_release(r->e, s);
    rig_free(r);
}

static void frames_of_unknown_streams_are_drained(void **state)
{
    (void)state;
    struct rig *r = rig_new(LP2P_YAMUX_CLIENT);
    rig_settle(r);
    uint32_t tokens = r->e->abuse.tokens;
    assert_int_equal(rig_data(r, 0, 2, 100000), 0);
    assert_int_equal(rig_frame(r, LP2P_YAMUX_WINDOW, 0, 4, 7), 0);
    assert_int_equal(rig_frame(r, LP2P_YAMUX_WINDOW, RST, 1, 7), 0);
    assert_int_equal(rig_frame(r, LP2P_YAMUX_WINDOW, FIN, 3, 0), 0);
    assert_int_equal(tokens - r->e->abuse.tokens, 4);
    rig_expect(r, "");
    rig_expect_out(r, "");
    rig_free(r);
}

static void what_was_under_way_at_a_reset_is_free(void **state)
{
    (void)state;
    struct rig *r = rig_new(LP2P_YAMUX_SERVER);
    rig_settle(r);
    assert_int_equal(rig_data(r, SYN, 1, 1000), 0);
    rig_pull(r);
    uint32_t tokens = r->e->abuse.tokens;
    lp2p_yamux_reset(r->e, r->streams[0], 9);
    rig_expect_out(r, "1.8.1.9");
    for (unsigned i = 0; i < 15; i++) {
        assert_int_equal(rig_data(r, 0, 1, 16384), 0);
    }
    assert_int_equal(rig_frame(r, LP2P_YAMUX_WINDOW, FIN, 1, 0), 0);
    assert_int_equal(r->e->abuse.tokens, tokens);
    /* More than its window was never allowed. */
    assert_int_equal(rig_data(r, 0, 1, 16384), 0);
    assert_int_equal(tokens - r->e->abuse.tokens, 1);
    lp2p_yamux_release(r->e, r->streams[0]);
    rig_free(r);
}

static void goaway_stops_new_streams(void **state)
{
    (void)state;
    struct rig *r = rig_new(LP2P_YAMUX_CLIENT);
    rig_settle(r);
    struct lp2p_yamux_stream *s = rig_stream(r);
    rig_drain(r);
    r->out_len = 0;
    assert_int_equal(rig_frame(r, LP2P_YAMUX_GOAWAY, 0, 0, 7), 0);
    rig_expect(r, "goaway:0:7");
    struct lp2p_yamux_stream *other;
    assert_int_equal(lp2p_yamux_open(r->e, &other), -LP2P_E_GOAWAY);
    size_t n;
    assert_int_equal(rig_write_room(r, s, 1, 100, &n), 0);
    rig_expect_out(r, "0.0.1.1");
    lp2p_yamux_release(r->e, s);
    rig_free(r);

    r = rig_new(LP2P_YAMUX_SERVER);
    rig_settle(r);
    lp2p_yamux_goaway(r->e, LP2P_YAMUX_DECLINED);
    lp2p_yamux_goaway(r->e, LP2P_YAMUX_NORMAL);
    rig_expect_out(r, "3.0.0.4103");
    assert_int_equal(lp2p_yamux_open(r->e, &other), -LP2P_E_GOAWAY);
    assert_int_equal(rig_frame(r, LP2P_YAMUX_WINDOW, SYN, 1, 0), 0);
    rig_expect_out(r, "1.8.1.4098");
    rig_free(r);
}

/* After a pause of ours the peer has less time to say that it is there. */
static void a_probe_ends_what_is_silent(void **state)
{
    (void)state;
    struct rig *r = rig_new(LP2P_YAMUX_CLIENT);
    rig_drain(r);
    uint32_t before = r->e->ping_value;
    r->now += LP2P_SEC(60);
    lp2p_yamux_probe(r->e, r->now, LP2P_SEC(3));
    assert_int_equal(lp2p_yamux_deadline(r->e), r->now + LP2P_SEC(3));
    rig_drain(r);
    /* The answer to what was asked before the pause says nothing of the way and back. */
    assert_int_equal(rig_frame(r, LP2P_YAMUX_PING, ACK, 0, before), 0);
    assert_int_equal(lp2p_yamux_rtt(r->e), 0);
    r->now += LP2P_SEC(2);
    assert_int_equal(rig_frame(r, LP2P_YAMUX_PING, ACK, 0, r->e->ping_value), 0);
    assert_int_equal(lp2p_yamux_rtt(r->e), LP2P_SEC(2));
    assert_int_equal(lp2p_yamux_deadline(r->e), r->now + LP2P_SEC(20));
    /* The next Ping has the usual time. */
    lp2p_yamux_ping(r->e, r->now);
    assert_int_equal(lp2p_yamux_deadline(r->e), r->now + LP2P_SEC(10));
    lp2p_yamux_probe(r->e, r->now, LP2P_SEC(3));
    assert_int_equal(lp2p_yamux_tick(r->e, r->now + LP2P_SEC(3) - 1), 0);
    assert_int_equal(lp2p_yamux_tick(r->e, r->now + LP2P_SEC(3)), -LP2P_E_TIMEOUT);
    rig_free(r);
}

static void keeps_alive_and_times_out(void **state)
{
    (void)state;
    struct rig *r = rig_new(LP2P_YAMUX_CLIENT);
    assert_int_equal(lp2p_yamux_deadline(r->e), r->now + LP2P_SEC(10));
    rig_settle(r);
    assert_int_equal(lp2p_yamux_deadline(r->e), r->now + LP2P_SEC(20));
    r->now += LP2P_SEC(20);
    assert_int_equal(lp2p_yamux_tick(r->e, r->now - 1), 0);
    assert_false(r->e->ping_waiting);
    assert_int_equal(lp2p_yamux_tick(r->e, r->now), 0);
    assert_true(r->e->ping_waiting);
    rig_drain(r);
    /* Other input shows that the peer lives, but not for ever. */
    r->now += LP2P_SEC(9);
    assert_int_equal(rig_frame(r, LP2P_YAMUX_WINDOW, RST, 1, 0), 0);
    assert_int_equal(lp2p_yamux_deadline(r->e), r->now + LP2P_SEC(10));
    r->now += LP2P_SEC(10);
    assert_int_equal(lp2p_yamux_tick(r->e, r->now), -LP2P_E_TIMEOUT);
    assert_int_equal(lp2p_yamux_error(r->e)->class_, LP2P_CLASS_LOCAL);
    assert_int_equal(lp2p_yamux_deadline(r->e), LP2P_TS_NEVER);
    r->out_len = 0;
    rig_expect_out(r, "");
    rig_free(r);

    r = rig_new(LP2P_YAMUX_CLIENT);
    rig_drain(r);
    for (unsigned i = 0; i < 11; i++) {
        r->now += LP2P_SEC(5);
        assert_int_equal(rig_frame(r, LP2P_YAMUX_WINDOW, RST, 1, 0), 0);
        assert_int_equal(lp2p_yamux_tick(r->e, r->now), 0);
    }
    r->now += LP2P_SEC(5);
    assert_int_equal(lp2p_yamux_tick(r->e, r->now), -LP2P_E_TIMEOUT);
    rig_free(r);
}

static void an_error_is_sticky_and_says_goodbye(void **state)
{
    (void)state;
    struct rig *r = rig_new(LP2P_YAMUX_CLIENT);
    rig_settle(r);
    struct lp2p_yamux_stream *s = rig_stream(r);
    lp2p_yamux_release(r->e, s);
    s = rig_stream(r);
    uint8_t bad[12] = {1};
    assert_int_equal(rig_feed(r, bad, sizeof(bad)), -LP2P_E_PROTO);
    uint8_t good[12] = {0};
    assert_int_equal(rig_feed(r, good, sizeof(good)), -LP2P_E_PROTO);
    assert_int_equal(lp2p_yamux_error(r->e)->code, -LP2P_E_PROTO);
    assert_int_equal(lp2p_yamux_error(r->e)->class_, LP2P_CLASS_OURS);
    assert_int_equal(lp2p_yamux_error(r->e)->wire, LP2P_YAMUX_PROTOCOL_ERROR);
    rig_expect_out(r, "3.0.0.1");
    size_t n;
    assert_int_equal(rig_write_room(r, s, 1, 100, &n), -LP2P_E_PROTO);
    assert_int_equal(lp2p_yamux_open(r->e, &s), -LP2P_E_PROTO);
    assert_int_equal(lp2p_yamux_tick(r->e, r->now + LP2P_SEC(99)), -LP2P_E_PROTO);
    rig_free(r);
}

static void a_stream_that_was_never_announced_leaves_no_trace(void **state)
{
    (void)state;
    struct rig *r = rig_new(LP2P_YAMUX_CLIENT);
    rig_settle(r);
    lp2p_yamux_release(r->e, rig_stream(r));
    rig_expect_out(r, "");
    assert_int_equal(lp2p_yamux_streams(r->e), 0);
    rig_free(r);
}

static void opening_and_closing_at_once_are_two_frames(void **state)
{
    (void)state;
    struct rig *r = rig_new(LP2P_YAMUX_CLIENT);
    rig_settle(r);
    struct lp2p_yamux_stream *s = rig_stream(r);
    assert_int_equal(lp2p_yamux_close_write(r->e, s), 0);
    size_t n;
    assert_int_equal(rig_write_room(r, s, 1, 100, &n), -LP2P_E_STATE);
    rig_expect_out(r, "1.1.1.0 1.4.1.0");
    /* Data goes on in the other direction. */
    assert_int_equal(rig_data(r, ACK, 1, 3), 0);
    assert_int_equal(rig_data(r, FIN, 1, 0), 0);
    rig_expect(r, "ack:1:0 data:1:3 fin:1:0");
    lp2p_yamux_release(r->e, s);
    rig_free(r);
}

static void events_of_a_released_stream_are_dropped(void **state)
{
    (void)state;
    struct rig *r = rig_new(LP2P_YAMUX_CLIENT);
    rig_settle(r);
    struct lp2p_yamux_stream *s = rig_stream(r);
    rig_drain(r);
    uint8_t frame[12] = {0, LP2P_YAMUX_WINDOW, 0, ACK | FIN, 0, 0, 0, 1};
    size_t used;
    assert_int_equal(lp2p_yamux_recv(r->e, r->now, frame, sizeof(frame), &used), 0);
    struct lp2p_yamux_event ev;
    assert_true(lp2p_yamux_event(r->e, &ev));
    assert_int_equal(ev.type, LP2P_YAMUX_EV_ACK);
    lp2p_yamux_release(r->e, s);
    assert_false(lp2p_yamux_event(r->e, &ev));
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_with_a_ping_and_answers_pings_first),
        cmocka_unit_test(a_wrong_pong_is_ignored_and_charged),
        cmocka_unit_test(the_first_data_frame_carries_the_syn),
        cmocka_unit_test(an_ack_is_sent_once),
        cmocka_unit_test(syn_and_fin_with_payload_is_data_then_eof),
        cmocka_unit_test(the_length_of_a_reset_is_a_code),
        cmocka_unit_test(frames_of_unknown_streams_are_drained),
        cmocka_unit_test(what_was_under_way_at_a_reset_is_free),
        cmocka_unit_test(goaway_stops_new_streams),
        cmocka_unit_test(a_probe_ends_what_is_silent),
        cmocka_unit_test(keeps_alive_and_times_out),
        cmocka_unit_test(an_error_is_sticky_and_says_goodbye),
        cmocka_unit_test(a_stream_that_was_never_announced_leaves_no_trace),
        cmocka_unit_test(opening_and_closing_at_once_are_two_frames),
        cmocka_unit_test(events_of_a_released_stream_are_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
