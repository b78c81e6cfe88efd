#include "proto/perf/perf.h"

#include "base/assert.h"

#include "cmocka_all.h"
#include "harness/engine.h"

static uint8_t block[1000];

static struct lp2p_perf_cfg cfg_of(uint64_t upload, uint64_t download)
{
    return (struct lp2p_perf_cfg){
        .block = lp2p_span(block, sizeof(block)), .upload = upload, .download = download};
}

static void init(struct lp2p_perf_stream *e, enum lp2p_perf_role role, uint64_t up, uint64_t down)
{
    struct lp2p_perf_cfg cfg = cfg_of(up, down);
    lp2p_perf_init(e, &cfg, role, LP2P_SEC(1));
}

static int feed(struct lp2p_perf_stream *e, lp2p_ts now, const void *p, size_t n, size_t want_used)
{
    size_t used = 12345;
    int err = lp2p_perf_recv(e, now, p, n, &used);
    assert_int_equal(used, want_used);
    return err;
}

static void expect_event(struct lp2p_perf_stream *e, enum lp2p_perf_event_type type)
{
    struct lp2p_perf_event ev = {.type = LP2P_PERF_EV_NONE};
    assert_int_equal(lp2p_perf_event(e, &ev), type != LP2P_PERF_EV_NONE);
    assert_int_equal(ev.type, type);
}

/* Takes all output in pieces of at most `piece`; returns how much it was. */
static uint64_t send_all(struct lp2p_perf_stream *e, lp2p_ts now, size_t piece)
{
    uint64_t total = 0;
    for (struct lp2p_span out = lp2p_perf_out(e); out.n > 0; out = lp2p_perf_out(e)) {
        size_t n = LP2P_MIN(out.n, piece);
        lp2p_perf_out_done(e, now, n);
        total += n;
    }
    return total;
}

static const uint8_t HEAD_2500[] = {0, 0, 0, 0, 0, 0, 0x09, 0xc4};

/* ---- client ---- */

static void the_count_is_big_endian_and_by_itself(void **state)
{
    (void)state;
    static const uint8_t want[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08};
    struct lp2p_perf_stream e;
    init(&e, LP2P_PERF_CLIENT, 5, 0x0102030405060708);
    struct lp2p_span out = lp2p_perf_out(&e);
    assert_int_equal(out.n, sizeof(want));
    assert_memory_equal(out.p, want, sizeof(want));
    lp2p_perf_out_done(&e, 0, 3);
    out = lp2p_perf_out(&e);
    assert_int_equal(out.n, 5);
    assert_memory_equal(out.p, want + 3, 5);
    lp2p_perf_out_done(&e, 0, 5);
    assert_int_equal(lp2p_perf_out(&e).n, 5);
    lp2p_perf_fini(&e);
}

static void a_client_sends_ends_and_receives(void **state)
{
    (void)state;
    for (size_t piece = 1; piece <= 4096; piece *= 4) {
        struct lp2p_perf_stream e;
        init(&e, LP2P_PERF_CLIENT, 2500, 900);
        assert_int_equal(send_all(&e, LP2P_SEC(2), piece), 8 + 2500);
        assert_int_equal(e.out, 2500);
        assert_int_equal(feed(&e, LP2P_SEC(2), block, 400, 400), 0);
        expect_event(&e, LP2P_PERF_EV_CLOSE);
        expect_event(&e, LP2P_PERF_EV_NONE);
        assert_int_equal(feed(&e, LP2P_SEC(2), block, 500, 500), 0);
        assert_int_equal(lp2p_perf_recv_eof(&e, LP2P_SEC(2)), 0);
        expect_event(&e, LP2P_PERF_EV_DONE);
        expect_event(&e, LP2P_PERF_EV_NONE);
        assert_int_equal(e.in, 900);
        assert_int_equal(lp2p_perf_deadline(&e), LP2P_TS_NEVER);
        assert_int_equal(feed(&e, LP2P_SEC(2), block, 5, 5), 0); /* late: dropped */
        lp2p_perf_fini(&e);
    }
}

static void nothing_to_move_is_still_a_question_and_an_answer(void **state)
{
    (void)state;
    struct lp2p_perf_stream e;
    init(&e, LP2P_PERF_CLIENT, 0, 0);
    assert_int_equal(send_all(&e, 0, 8), 8);
    expect_event(&e, LP2P_PERF_EV_CLOSE);
    assert_int_equal(lp2p_perf_recv_eof(&e, 0), 0);
    expect_event(&e, LP2P_PERF_EV_DONE);
    lp2p_perf_fini(&e);
}

static void a_client_refuses_more_than_it_asked_for(void **state)
{
    (void)state;
    struct lp2p_perf_stream e;
    init(&e, LP2P_PERF_CLIENT, 0, 10);
    send_all(&e, 0, 8);
    assert_int_equal(feed(&e, 0, block, 10, 10), 0);
    assert_int_equal(feed(&e, 0, block, 1, 1), -LP2P_E_PROTO);
    assert_int_equal(lp2p_perf_error(&e)->class_, LP2P_CLASS_OURS);
    assert_int_equal(feed(&e, 0, block, 1, 0), -LP2P_E_PROTO);
    assert_int_equal(lp2p_perf_recv_eof(&e, 0), -LP2P_E_PROTO);
    lp2p_perf_fini(&e);
}

static void a_client_refuses_an_answer_before_its_end(void **state)
{
    (void)state;
    struct lp2p_perf_stream e;
    init(&e, LP2P_PERF_CLIENT, 100, 10);
    lp2p_perf_out_done(&e, 0, 8);
    assert_int_equal(feed(&e, 0, block, 1, 1), -LP2P_E_PROTO);
    assert_int_equal(lp2p_perf_out(&e).n, 0);
    lp2p_perf_fini(&e);
}

static void an_answer_that_is_cut_is_an_error(void **state)
{
    (void)state;
    struct lp2p_perf_stream e;
    init(&e, LP2P_PERF_CLIENT, 0, 10);
    send_all(&e, 0, 8);
    assert_int_equal(feed(&e, 0, block, 9, 9), 0);
    assert_int_equal(lp2p_perf_recv_eof(&e, 0), -LP2P_E_EOF);
    assert_int_equal(lp2p_perf_error(&e)->class_, LP2P_CLASS_THEIRS);
    expect_event(&e, LP2P_PERF_EV_NONE);
    lp2p_perf_fini(&e);
    init(&e, LP2P_PERF_CLIENT, 100, 0);
    assert_int_equal(lp2p_perf_recv_eof(&e, 0), -LP2P_E_EOF); /* before its own end */
    lp2p_perf_fini(&e);
}

/* ---- server ---- */

static void a_server_answers_after_the_end(void **state)
{
    (void)state;
    struct lp2p_perf_stream e;
    init(&e, LP2P_PERF_SERVER, 0, 0);
    assert_int_equal(feed(&e, 0, HEAD_2500, 5, 5), 0);
    assert_int_equal(feed(&e, 0, HEAD_2500 + 5, 3, 3), 0);
    assert_int_equal(feed(&e, 0, block, 700, 700), 0);
    assert_int_equal(lp2p_perf_out(&e).n, 0);
    assert_int_equal(lp2p_perf_recv_eof(&e, 0), 0);
    assert_int_equal(e.in, 700);
    expect_event(&e, LP2P_PERF_EV_NONE);
    assert_int_equal(lp2p_perf_out(&e).n, sizeof(block));
    assert_int_equal(send_all(&e, 0, 999), 2500);
    expect_event(&e, LP2P_PERF_EV_CLOSE);
    expect_event(&e, LP2P_PERF_EV_DONE);
    expect_event(&e, LP2P_PERF_EV_NONE);
    lp2p_perf_fini(&e);
}

static void a_server_asked_for_nothing_just_ends(void **state)
{
    (void)state;
    struct lp2p_perf_stream e;
    init(&e, LP2P_PERF_SERVER, 0, 0);
    assert_int_equal(feed(&e, 0, block, 8, 8), 0);
    assert_int_equal(lp2p_perf_recv_eof(&e, 0), 0);
    assert_int_equal(lp2p_perf_out(&e).n, 0);
    expect_event(&e, LP2P_PERF_EV_CLOSE);
    expect_event(&e, LP2P_PERF_EV_DONE);
    lp2p_perf_fini(&e);
}

static void a_cut_question_is_an_error(void **state)
{
    (void)state;
    for (size_t n = 0; n < 8; n++) {
        struct lp2p_perf_stream e;
        init(&e, LP2P_PERF_SERVER, 0, 0);
        assert_int_equal(feed(&e, 0, HEAD_2500, n, n), 0);
        assert_int_equal(lp2p_perf_recv_eof(&e, 0), -LP2P_E_EOF);
        assert_int_equal(lp2p_perf_out(&e).n, 0);
        lp2p_perf_fini(&e);
    }
}

static void nothing_comes_behind_an_end(void **state)
{
    (void)state;
    struct lp2p_perf_stream e;
    init(&e, LP2P_PERF_SERVER, 0, 0);
    assert_int_equal(feed(&e, 0, HEAD_2500, 8, 8), 0);
    assert_int_equal(lp2p_perf_recv_eof(&e, 0), 0);
    assert_int_equal(lp2p_perf_recv_eof(&e, 0), 0); /* said twice is once */
    assert_int_equal(feed(&e, 0, block, 1, 1), -LP2P_E_PROTO);
    lp2p_perf_fini(&e);
}

/* The most a peer can ask for is counted, never held or added to. */
static void the_largest_question_is_served(void **state)
{
    (void)state;
    static const uint8_t all[8] = {255, 255, 255, 255, 255, 255, 255, 255};
    struct lp2p_perf_stream e;
    init(&e, LP2P_PERF_SERVER, 0, 0);
    assert_int_equal(feed(&e, 0, all, 8, 8), 0);
    assert_int_equal(lp2p_perf_recv_eof(&e, 0), 0);
    for (unsigned i = 0; i < 1000; i++) {
        assert_int_equal(lp2p_perf_out(&e).n, sizeof(block));
        lp2p_perf_out_done(&e, 0, sizeof(block));
    }
    assert_int_equal(e.out_left, UINT64_MAX - 1000 * sizeof(block));
    lp2p_perf_fini(&e);
}

/* ---- time ---- */

static void every_byte_moves_the_deadline(void **state)
{
    (void)state;
    for (enum lp2p_perf_role role = LP2P_PERF_SERVER; role <= LP2P_PERF_CLIENT; role++) {
        struct lp2p_perf_stream e;
        init(&e, role, 100, 100);
        assert_int_equal(lp2p_perf_deadline(&e), LP2P_SEC(1) + LP2P_PERF_TIMEOUT);
        if (role == LP2P_PERF_SERVER) {
            assert_int_equal(feed(&e, LP2P_SEC(5), HEAD_2500, 1, 1), 0);
            assert_int_equal(feed(&e, LP2P_SEC(9), HEAD_2500, 0, 0), 0); /* is no byte */
        } else {
            lp2p_perf_out_done(&e, LP2P_SEC(5), 1);
            lp2p_perf_out_done(&e, LP2P_SEC(9), 0);
        }
        lp2p_ts end = LP2P_SEC(5) + LP2P_PERF_TIMEOUT;
        assert_int_equal(lp2p_perf_deadline(&e), end);
        assert_int_equal(lp2p_perf_tick(&e, end - 1), 0);
        assert_int_equal(lp2p_perf_tick(&e, end), -LP2P_E_TIMEOUT);
        assert_int_equal(lp2p_perf_deadline(&e), LP2P_TS_NEVER);
        assert_int_equal(lp2p_perf_out(&e).n, 0);
        lp2p_perf_fini(&e);
    }
}

/* ---- split rule ---- */

static int split_make(void *ctx, void **ret)
{
    static struct lp2p_perf_stream e;
    enum lp2p_perf_role role = *(enum lp2p_perf_role *)ctx;
    init(&e, role, 300, 1500);
    if (role == LP2P_PERF_CLIENT) {
        send_all(&e, 0, 100);
    }
    *ret = &e;
    return 0;
}

static void split_drop(void *ctx, void *e)
{
    (void)ctx;
    lp2p_perf_fini(e);
}

static int split_recv(void *e, lp2p_ts now, uint8_t *bytes, size_t n, size_t *ret_used)
{
    return lp2p_perf_recv(e, now, bytes, n, ret_used);
}

static enum engine_pull split_event(void *e, struct engine_log *log)
{
    struct lp2p_perf_event ev;
    if (!lp2p_perf_event(e, &ev)) {
        return ENGINE_NONE;
    }
    engine_log_event(log, "event %d", (int)ev.type);
    return ENGINE_LOGGED;
}

static struct lp2p_span split_out(void *e)
{
    return lp2p_perf_out(e);
}

static void split_out_done(void *e, size_t n)
{
    lp2p_perf_out_done(e, 0, n);
}

static int split_error(const void *e)
{
    return lp2p_perf_error(e)->code;
}

static void split_finish(void *p, struct engine_log *log)
{
    struct lp2p_perf_stream *e = p;
    engine_log_event(log, "in %llu", (unsigned long long)e->in);
    if (e->failure.code == 0) {
        engine_log_event(log, "eof %d", lp2p_perf_recv_eof(e, 0));
        engine_log_event(log, "out %llu", (unsigned long long)send_all(e, 0, 77));
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
    uint8_t bytes[1500] = {0};
    memcpy(bytes, HEAD_2500, sizeof(HEAD_2500));
    enum lp2p_perf_role role = LP2P_PERF_SERVER;
    engine_check_splits(&SPLIT_OPS, &role, lp2p_span(bytes, sizeof(bytes)), 1, NULL);
    engine_check_splits(&SPLIT_OPS, &role, lp2p_span(bytes, 8), 2, NULL);
    engine_check_splits(&SPLIT_OPS, &role, lp2p_span(bytes, 5), 3, NULL);
    role = LP2P_PERF_CLIENT;
    engine_check_splits(&SPLIT_OPS, &role, lp2p_span(bytes, sizeof(bytes)), 4, NULL);
    engine_check_splits(&SPLIT_OPS, &role, lp2p_span(bytes, 1400), 5, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_count_is_big_endian_and_by_itself),
        cmocka_unit_test(a_client_sends_ends_and_receives),
        cmocka_unit_test(nothing_to_move_is_still_a_question_and_an_answer),
        cmocka_unit_test(a_client_refuses_more_than_it_asked_for),
        cmocka_unit_test(a_client_refuses_an_answer_before_its_end),
        cmocka_unit_test(an_answer_that_is_cut_is_an_error),
        cmocka_unit_test(a_server_answers_after_the_end),
        cmocka_unit_test(a_server_asked_for_nothing_just_ends),
        cmocka_unit_test(a_cut_question_is_an_error),
        cmocka_unit_test(nothing_comes_behind_an_end),
        cmocka_unit_test(the_largest_question_is_served),
        cmocka_unit_test(every_byte_moves_the_deadline),
        cmocka_unit_test(any_cut_is_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
