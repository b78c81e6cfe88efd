#include "proto/ping/ping.h"

#include "cmocka_all.h"
#include "harness/engine.h"

static void fill_sevens(void *ctx, uint8_t *p, size_t n)
{
    (void)ctx;
    memset(p, 7, n);
}

static const struct lp2p_random SEVENS = {.fill = fill_sevens};
static const struct lp2p_ping_cfg CFG = {.random = &SEVENS};

static uint8_t sevens[4 * LP2P_PING_SIZE];

static int setup(void **state)
{
    (void)state;
    memset(sevens, 7, sizeof(sevens));
    return 0;
}

static int feed(struct lp2p_ping_stream *e, lp2p_ts now, const void *p, size_t n, size_t want_used)
{
    size_t used = 12345;
    int err = lp2p_ping_recv(e, now, p, n, &used);
    assert_int_equal(used, want_used);
    return err;
}

static void expect_event(struct lp2p_ping_stream *e, enum lp2p_ping_event_type type, lp2p_ts rtt)
{
    struct lp2p_ping_event ev = {.type = LP2P_PING_EV_NONE};
    assert_int_equal(lp2p_ping_event(e, &ev), type != LP2P_PING_EV_NONE);
    assert_int_equal(ev.type, type);
    assert_int_equal(ev.rtt, rtt);
}

static void send_all(struct lp2p_ping_stream *e, lp2p_ts now)
{
    lp2p_ping_out_done(e, now, lp2p_ping_out(e).n);
}

/* ---- responder ---- */

static void echoes_whole_pings_only(void **state)
{
    (void)state;
    struct lp2p_ping_stream e;
    uint8_t ping[LP2P_PING_SIZE];
    for (size_t i = 0; i < sizeof(ping); i++) {
        ping[i] = (uint8_t)i;
    }
    lp2p_ping_init(&e, &CFG, LP2P_PING_RESPONDER, 0);
    assert_int_equal(feed(&e, 1, ping, 31, 31), 0);
    assert_int_equal(lp2p_ping_out(&e).n, 0);
    assert_int_equal(feed(&e, 1, ping + 31, 1, 1), 0);
    struct lp2p_span out = lp2p_ping_out(&e);
    assert_int_equal(out.n, sizeof(ping));
    assert_memory_equal(out.p, ping, sizeof(ping));
    lp2p_ping_out_done(&e, 1, 30);
    out = lp2p_ping_out(&e);
    assert_int_equal(out.n, 2);
    assert_memory_equal(out.p, ping + 30, 2);
    lp2p_ping_fini(&e);
}

/* GHSA-3999-5ffv-wp2r: a peer that does not read its echoes makes us hold one of them. */
static void takes_nothing_while_an_echo_waits(void **state)
{
    (void)state;
    struct lp2p_ping_stream e;
    lp2p_ping_init(&e, &CFG, LP2P_PING_RESPONDER, 0);
    assert_int_equal(feed(&e, 0, sevens, sizeof(sevens), LP2P_PING_SIZE), 0);
    for (lp2p_ts now = 0; now < LP2P_PING_TIMEOUT; now += LP2P_MSEC(10)) {
        assert_int_equal(feed(&e, now, sevens, sizeof(sevens), 0), 0);
        assert_int_equal(lp2p_ping_out(&e).n, LP2P_PING_SIZE);
        assert_int_equal(lp2p_ping_tick(&e, now), 0);
    }
    assert_int_equal(lp2p_ping_tick(&e, LP2P_PING_TIMEOUT), -LP2P_E_TIMEOUT);
    assert_int_equal(lp2p_ping_out(&e).n, 0);
    lp2p_ping_fini(&e);
}

static void closes_when_the_pinger_does(void **state)
{
    (void)state;
    struct lp2p_ping_stream e;
    lp2p_ping_init(&e, &CFG, LP2P_PING_RESPONDER, 0);
    assert_int_equal(feed(&e, 0, sevens, LP2P_PING_SIZE, LP2P_PING_SIZE), 0);
    assert_int_equal(lp2p_ping_recv_eof(&e, 0), 0);
    expect_event(&e, LP2P_PING_EV_NONE, 0); /* the echo first */
    lp2p_ping_out_done(&e, 0, 10);
    expect_event(&e, LP2P_PING_EV_NONE, 0);
    send_all(&e, 0);
    expect_event(&e, LP2P_PING_EV_CLOSE, 0);
    expect_event(&e, LP2P_PING_EV_NONE, 0);
    assert_int_equal(lp2p_ping_deadline(&e), LP2P_TS_NEVER);
    lp2p_ping_fini(&e);
}

static void a_cut_ping_at_the_end_is_dropped(void **state)
{
    (void)state;
    struct lp2p_ping_stream e;
    lp2p_ping_init(&e, &CFG, LP2P_PING_RESPONDER, 0);
    assert_int_equal(feed(&e, 0, sevens, 5, 5), 0);
    assert_int_equal(lp2p_ping_recv_eof(&e, 0), 0);
    expect_event(&e, LP2P_PING_EV_CLOSE, 0);
    assert_int_equal(lp2p_ping_out(&e).n, 0);
    assert_int_equal(feed(&e, 0, sevens, 40, 40), 0); /* late bytes: dropped */
    assert_int_equal(lp2p_ping_out(&e).n, 0);
    lp2p_ping_fini(&e);
}

/* A byte now and then keeps nothing alive. */
static void the_deadline_is_for_a_whole_ping(void **state)
{
    (void)state;
    struct lp2p_ping_stream e;
    lp2p_ping_init(&e, &CFG, LP2P_PING_RESPONDER, LP2P_SEC(1));
    assert_int_equal(feed(&e, LP2P_SEC(5), sevens, LP2P_PING_SIZE, LP2P_PING_SIZE), 0);
    assert_int_equal(lp2p_ping_deadline(&e), LP2P_SEC(11));
    send_all(&e, LP2P_SEC(5));
    assert_int_equal(lp2p_ping_deadline(&e), LP2P_SEC(15));
    assert_int_equal(feed(&e, LP2P_SEC(14), sevens, 31, 31), 0);
    assert_int_equal(lp2p_ping_tick(&e, LP2P_SEC(15) - 1), 0);
    assert_int_equal(lp2p_ping_tick(&e, LP2P_SEC(15)), -LP2P_E_TIMEOUT);
    assert_int_equal(lp2p_ping_error(&e)->code, -LP2P_E_TIMEOUT);
    assert_int_equal(lp2p_ping_recv_eof(&e, LP2P_SEC(15)), -LP2P_E_TIMEOUT);
    lp2p_ping_fini(&e);
}

/* ---- pinger ---- */

static void measures_the_round_trip(void **state)
{
    (void)state;
    struct lp2p_ping_stream e;
    lp2p_ping_init(&e, &CFG, LP2P_PING_PINGER, 0);
    assert_int_equal(lp2p_ping_deadline(&e), LP2P_TS_NEVER);
    for (lp2p_ts now = 0; now < 3 * 100; now += 100) {
        assert_int_equal(lp2p_ping_send(&e, now), 0);
        assert_int_equal(lp2p_ping_send(&e, now), -LP2P_E_AGAIN);
        struct lp2p_span out = lp2p_ping_out(&e);
        assert_int_equal(out.n, LP2P_PING_SIZE);
        assert_memory_equal(out.p, sevens, LP2P_PING_SIZE);
        send_all(&e, now);
        assert_int_equal(feed(&e, now + 10, sevens, 12, 12), 0);
        expect_event(&e, LP2P_PING_EV_NONE, 0);
        assert_int_equal(feed(&e, now + 30, sevens, 20, 20), 0);
        assert_int_equal(lp2p_ping_send(&e, now + 30), -LP2P_E_AGAIN); /* the PONG first */
        expect_event(&e, LP2P_PING_EV_PONG, 30);
        assert_int_equal(lp2p_ping_deadline(&e), LP2P_TS_NEVER);
    }
    lp2p_ping_close(&e);
    expect_event(&e, LP2P_PING_EV_CLOSE, 0);
    assert_int_equal(lp2p_ping_send(&e, 0), -LP2P_E_STATE);
    lp2p_ping_fini(&e);
}

static void pinger_refuses(const uint8_t *p, size_t n, bool sent)
{
    struct lp2p_ping_stream e;
    lp2p_ping_init(&e, &CFG, LP2P_PING_PINGER, 0);
    if (sent) {
        assert_int_equal(lp2p_ping_send(&e, 0), 0);
        send_all(&e, 0);
    }
    assert_int_equal(feed(&e, 1, p, n, n), -LP2P_E_PROTO);
    assert_int_equal(lp2p_ping_error(&e)->class_, LP2P_CLASS_OURS);
    assert_int_equal(feed(&e, 1, p, n, 0), -LP2P_E_PROTO);
    assert_int_equal(lp2p_ping_send(&e, 1), -LP2P_E_STATE);
    lp2p_ping_fini(&e);
}

static void refuses_what_is_no_echo(void **state)
{
    (void)state;
    uint8_t wrong[LP2P_PING_SIZE];
    for (size_t i = 0; i < sizeof(wrong); i++) {
        memset(wrong, 7, sizeof(wrong));
        wrong[i] ^= 1;
        pinger_refuses(wrong, sizeof(wrong), true);
        pinger_refuses(wrong + i, 1, true);
    }
    pinger_refuses(sevens, 1, false);
    pinger_refuses(sevens, LP2P_PING_SIZE + 1, true);
}

/* The echo may not be ahead of what has left. */
static void refuses_an_echo_of_unsent_bytes(void **state)
{
    (void)state;
    struct lp2p_ping_stream e;
    lp2p_ping_init(&e, &CFG, LP2P_PING_PINGER, 0);
    assert_int_equal(lp2p_ping_send(&e, 0), 0);
    lp2p_ping_out_done(&e, 0, 4);
    assert_int_equal(feed(&e, 0, sevens, 4, 4), 0);
    assert_int_equal(feed(&e, 0, sevens, 1, 1), -LP2P_E_PROTO);
    lp2p_ping_fini(&e);
}

static void waits_ten_seconds(void **state)
{
    (void)state;
    struct lp2p_ping_stream e;
    lp2p_ping_init(&e, &CFG, LP2P_PING_PINGER, 0);
    assert_int_equal(lp2p_ping_send(&e, LP2P_SEC(1)), 0);
    assert_int_equal(lp2p_ping_deadline(&e), LP2P_SEC(11));
    assert_int_equal(lp2p_ping_tick(&e, LP2P_SEC(11) - 1), 0);
    assert_int_equal(lp2p_ping_tick(&e, LP2P_SEC(11)), -LP2P_E_TIMEOUT);
    lp2p_ping_fini(&e);
}

static void an_end_instead_of_an_echo_is_an_error(void **state)
{
    (void)state;
    struct lp2p_ping_stream e;
    lp2p_ping_init(&e, &CFG, LP2P_PING_PINGER, 0);
    assert_int_equal(lp2p_ping_send(&e, 0), 0);
    assert_int_equal(lp2p_ping_recv_eof(&e, 0), -LP2P_E_EOF);
    assert_int_equal(lp2p_ping_error(&e)->class_, LP2P_CLASS_THEIRS);
    lp2p_ping_fini(&e);
    lp2p_ping_init(&e, &CFG, LP2P_PING_PINGER, 0);
    assert_int_equal(lp2p_ping_recv_eof(&e, 0), 0); /* idle: we close too */
    expect_event(&e, LP2P_PING_EV_CLOSE, 0);
    lp2p_ping_fini(&e);
}

/* ---- split rule ---- */

static int split_make(void *ctx, void **ret)
{
    static struct lp2p_ping_stream e;
    enum lp2p_ping_role role = *(enum lp2p_ping_role *)ctx;
    lp2p_ping_init(&e, &CFG, role, 0);
    if (role == LP2P_PING_PINGER) {
        assert_int_equal(lp2p_ping_send(&e, 0), 0);
        send_all(&e, 0);
    }
    *ret = &e;
    return 0;
}

static void split_drop(void *ctx, void *e)
{
    (void)ctx;
    lp2p_ping_fini(e);
}

static int split_recv(void *e, lp2p_ts now, uint8_t *bytes, size_t n, size_t *ret_used)
{
    return lp2p_ping_recv(e, now, bytes, n, ret_used);
}

static enum engine_pull split_event(void *e, struct engine_log *log)
{
    struct lp2p_ping_event ev;
    if (!lp2p_ping_event(e, &ev)) {
        return ENGINE_NONE;
    }
    engine_log_event(log, "event %d", (int)ev.type);
    return ENGINE_LOGGED;
}

static struct lp2p_span split_out(void *e)
{
    return lp2p_ping_out(e);
}

static void split_out_done(void *e, size_t n)
{
    lp2p_ping_out_done(e, 0, n);
}

static int split_error(const void *e)
{
    return lp2p_ping_error(e)->code;
}

static void split_finish(void *e, struct engine_log *log)
{
    if (lp2p_ping_error(e)->code == 0) {
        engine_log_event(log, "eof %d", lp2p_ping_recv_eof(e, 0));
        split_out_done(e, lp2p_ping_out(e).n);
        while (split_event(e, log) != ENGINE_NONE) {
        }
    }
}

static const struct engine_ops SPLIT_OPS = {
    .make = split_make,
    .drop = split_drop,
    .recv = split_recv,
    .event = split_event,
    .out = split_out,
    .out_done = split_out_done,
    .error = split_error,
    .finish = split_finish,
};

static void any_cut_is_the_same(void **state)
{
    (void)state;
    enum lp2p_ping_role role = LP2P_PING_RESPONDER;
    uint8_t bytes[3 * LP2P_PING_SIZE + 5];
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(i * 7);
    }
    struct engine_result r;
    engine_check_splits(&SPLIT_OPS, &role, lp2p_span(bytes, sizeof(bytes)), 1, &r);
    assert_int_equal(r.out_len, sizeof(bytes) - 5);
    assert_memory_equal(r.out, bytes, r.out_len);
    engine_result_fini(&r);
    role = LP2P_PING_PINGER;
    engine_check_splits(&SPLIT_OPS, &role, lp2p_span(sevens, LP2P_PING_SIZE), 2, NULL);
    engine_check_splits(&SPLIT_OPS, &role, lp2p_span(sevens, LP2P_PING_SIZE + 3), 3, NULL);
    engine_check_splits(&SPLIT_OPS, &role, lp2p_span(bytes, 40), 4, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(echoes_whole_pings_only),
        cmocka_unit_test(takes_nothing_while_an_echo_waits),
        cmocka_unit_test(closes_when_the_pinger_does),
        cmocka_unit_test(a_cut_ping_at_the_end_is_dropped),
        cmocka_unit_test(the_deadline_is_for_a_whole_ping),
        cmocka_unit_test(measures_the_round_trip),
        cmocka_unit_test(refuses_what_is_no_echo),
        cmocka_unit_test(refuses_an_echo_of_unsent_bytes),
        cmocka_unit_test(waits_ten_seconds),
        cmocka_unit_test(an_end_instead_of_an_echo_is_an_error),
        cmocka_unit_test(any_cut_is_the_same),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
