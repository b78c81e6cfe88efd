#include "proto/identify/identify.h"

#include <stdlib.h>

#include "cmocka_all.h"
#include "harness/engine.h"
#include "harness/failmem.h"

static const struct lp2p_identify_msg MSG = {
    .public_key = {(const uint8_t *)"key", 3},
    .agent_version = {(const uint8_t *)"agent/1", 7},
    .protocols = {{(const uint8_t *)"/a/1", 4}},
    .n_protocols = 1,
};

static void init(struct lp2p_identify *e, enum lp2p_identify_role role)
{
    struct lp2p_identify_cfg cfg = {
        .mem = lp2p_mem_default(), .msg = &MSG, .timeout = LP2P_IDENTIFY_TIMEOUT};
    assert_int_equal(lp2p_identify_init(e, &cfg, role, 0), 0);
}

static int feed(struct lp2p_identify *e, const void *p, size_t n)
{
    size_t used;
    return lp2p_identify_recv(e, 0, p, n, &used);
}

/* A whole message of `len` bytes: one unknown field. */
static size_t filler(uint8_t *p, size_t len)
{
    size_t n = 0, body = len;
    p[n++] = (uint8_t)(body | 0x80);
    p[n++] = (uint8_t)(body >> 7);
    p[n++] = 0x7a; /* field 15, bytes */
    p[n++] = (uint8_t)((body - 3) | 0x80);
    p[n++] = (uint8_t)((body - 3) >> 7);
    memset(p + n, 'x', len - 3);
    return n + len - 3;
}

static void expect_message(struct lp2p_identify *e, struct lp2p_identify_msg *ret)
{
    struct lp2p_identify_event ev;
    assert_true(lp2p_identify_event(e, &ev));
    assert_int_equal(ev.type, LP2P_IDENTIFY_EV_MESSAGE);
    *ret = ev.msg;
    assert_false(lp2p_identify_event(e, &ev));
    assert_int_equal(lp2p_identify_deadline(e), LP2P_TS_NEVER);
}

static void the_sender_sends_one_message_and_closes(void **state)
{
    (void)state;
    struct lp2p_identify e;
    init(&e, LP2P_IDENTIFY_SENDER);
    struct lp2p_span out = lp2p_identify_out(&e);
    static const char want[] = "\x14\x0a\x03key\x1a\x04/a/1\x32\x07"
                               "agent/1";
    assert_int_equal(out.n, sizeof(want) - 1);
    assert_memory_equal(out.p, want, out.n);
    assert_int_equal(feed(&e, "nonsense", 8), 0); /* the asker has nothing to say */
    assert_int_equal(lp2p_identify_recv_eof(&e, 0), 0);
    struct lp2p_identify_event ev;
    lp2p_identify_out_done(&e, out.n - 1);
    assert_false(lp2p_identify_event(&e, &ev));
    lp2p_identify_out_done(&e, 1);
    assert_true(lp2p_identify_event(&e, &ev));
    assert_int_equal(ev.type, LP2P_IDENTIFY_EV_CLOSE);
    assert_false(lp2p_identify_event(&e, &ev));
    assert_int_equal(lp2p_identify_out(&e).n, 0);
    assert_int_equal(lp2p_identify_tick(&e, LP2P_SEC(60)), 0);
    lp2p_identify_fini(&e);
}

/* C5: a peer that does not read its message is not waited for. */
static void the_sender_waits_five_seconds(void **state)
{
    (void)state;
    struct lp2p_identify e;
    init(&e, LP2P_IDENTIFY_SENDER);
    assert_int_equal(lp2p_identify_deadline(&e), LP2P_SEC(5));
    assert_int_equal(lp2p_identify_tick(&e, LP2P_SEC(5) - 1), 0);
    assert_int_equal(lp2p_identify_tick(&e, LP2P_SEC(5)), -LP2P_E_TIMEOUT);
    assert_int_equal(lp2p_identify_out(&e).n, 0);
    lp2p_identify_fini(&e);
}

static void messages_are_merged(void **state)
{
    (void)state;
    struct lp2p_identify e;
    init(&e, LP2P_IDENTIFY_RECEIVER);
    struct lp2p_identify_event ev;
    static const char bytes[] = "\x0b\x32\x03old\x1a\x04/a/1\x00\x0b\x1a\x04/b/1\x32\x03new";
    assert_int_equal(feed(&e, bytes, sizeof(bytes) - 1), 0);
    assert_false(lp2p_identify_event(&e, &ev));
    assert_int_equal(lp2p_identify_recv_eof(&e, 0), 0);
    struct lp2p_identify_msg msg;
    expect_message(&e, &msg);
    assert_int_equal(msg.n_protocols, 2);
    assert_true(lp2p_span_eq_str(msg.protocols[0], "/a/1"));
    assert_true(lp2p_span_eq_str(msg.protocols[1], "/b/1"));
    assert_true(lp2p_span_eq_str(msg.agent_version, "new"));
    lp2p_identify_fini(&e);
}

/* Merging is joining, so a field that is cut at the end of a message could swallow the next one. */
static void each_message_is_judged_alone(void **state)
{
    (void)state;
    struct lp2p_identify e;
    init(&e, LP2P_IDENTIFY_RECEIVER);
    assert_int_equal(feed(&e, "\x02\x32\x05", 3), -LP2P_E_DECODE);
    assert_int_equal(feed(&e, "\x05hello", 6), -LP2P_E_DECODE);
    assert_int_equal(lp2p_identify_recv_eof(&e, 0), -LP2P_E_DECODE);
    struct lp2p_identify_event ev;
    assert_false(lp2p_identify_event(&e, &ev));
    lp2p_identify_fini(&e);
}

/* go-libp2p#3501: ten messages of 8 KiB, no more and no longer. */
static void ten_messages_are_the_limit(void **state)
{
    (void)state;
    static uint8_t bytes[LP2P_IDENTIFY_MESSAGE_MAX + 2];
    struct lp2p_identify e;
    init(&e, LP2P_IDENTIFY_RECEIVER);
    size_t n = filler(bytes, LP2P_IDENTIFY_MESSAGE_MAX);
    for (size_t i = 0; i < LP2P_IDENTIFY_MESSAGES_MAX; i++) {
        assert_int_equal(feed(&e, bytes, n), 0);
    }
    assert_int_equal(feed(&e, "\x00", 1), -LP2P_E_LIMIT);
    lp2p_identify_fini(&e);
}

/* C2: memory follows the bytes, not the prefix. */
static void lengths_are_not_believed(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        int err;
    } cases[] = {
        {"\x81\x40", 2, -LP2P_E_TOO_LONG}, /* 8,193 */
        {"\x80\x40", 2, 0},                /* 8,192 */
        {"\xff\x7f", 2, -LP2P_E_TOO_LONG},
        {"\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 9, -LP2P_E_TOO_LONG},
        {"\x80\x80\x80\x80\x08", 5, -LP2P_E_TOO_LONG},
        {"\x80\x00", 2, -LP2P_E_DECODE}, /* not minimal */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct failmem f;
        failmem_init(&f, 0, false);
        struct lp2p_identify e;
        struct lp2p_identify_cfg cfg = {.mem = &f.mem, .timeout = LP2P_IDENTIFY_TIMEOUT};
        assert_int_equal(lp2p_identify_init(&e, &cfg, LP2P_IDENTIFY_RECEIVER, 0), 0);
        assert_int_equal(feed(&e, cases[i].bytes, cases[i].n), cases[i].err);
        if (cases[i].err == 0) {
            assert_int_equal(feed(&e, "\x32\x7fxxxxxxxxxxxxxx", 16), 0);
        }
        assert_true(f.peak < 4096);
        lp2p_identify_fini(&e);
        failmem_check_empty(&f, "lengths");
    }
}

static void the_end_must_be_behind_a_message(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        int err;
    } cases[] = {
        {"", 0, -LP2P_E_EOF},
        {"\x82", 1, -LP2P_E_TRUNCATED},
        {"\x02\x32", 2, -LP2P_E_TRUNCATED},
        {"\x02\x32\x00\x04\x1a", 5, -LP2P_E_TRUNCATED},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lp2p_identify e;
        init(&e, LP2P_IDENTIFY_RECEIVER);
        assert_int_equal(feed(&e, cases[i].bytes, cases[i].n), 0);
        assert_int_equal(lp2p_identify_recv_eof(&e, 0), cases[i].err);
        assert_int_equal(lp2p_identify_error(&e)->class_, LP2P_CLASS_THEIRS);
        struct lp2p_identify_event ev;
        assert_false(lp2p_identify_event(&e, &ev));
        lp2p_identify_fini(&e);
    }
}

/* Old peers do not close: what is whole after five seconds is taken, half of one is not. */
static void the_receiver_waits_five_seconds(void **state)
{
    (void)state;
    struct lp2p_identify e;
    struct lp2p_identify_msg msg;
    init(&e, LP2P_IDENTIFY_RECEIVER);
    assert_int_equal(feed(&e, "\x05\x32\x03old", 6), 0);
    assert_int_equal(lp2p_identify_tick(&e, LP2P_SEC(5) - 1), 0);
    assert_int_equal(lp2p_identify_tick(&e, LP2P_SEC(5)), 0);
    expect_message(&e, &msg);
    assert_true(lp2p_span_eq_str(msg.agent_version, "old"));
    lp2p_identify_fini(&e);

    init(&e, LP2P_IDENTIFY_RECEIVER);
    assert_int_equal(feed(&e, "\x05\x32\x03old\x01", 7), 0);
    assert_int_equal(lp2p_identify_tick(&e, LP2P_SEC(5)), -LP2P_E_TIMEOUT);
    lp2p_identify_fini(&e);

    init(&e, LP2P_IDENTIFY_RECEIVER);
    assert_int_equal(lp2p_identify_tick(&e, LP2P_SEC(5)), -LP2P_E_TIMEOUT);
    lp2p_identify_fini(&e);
}

/* ---- shared harness ---- */

static int split_make(void *ctx, void **ret)
{
    (void)ctx;
    struct lp2p_identify *e = calloc(1, sizeof(*e));
    assert_non_null(e);
    init(e, LP2P_IDENTIFY_RECEIVER);
    *ret = e;
    return 0;
}

static void split_drop(void *ctx, void *e)
{
    (void)ctx;
    lp2p_identify_fini(e);
    free(e);
}

static int split_recv(void *e, lp2p_ts now, uint8_t *bytes, size_t n, size_t *ret_used)
{
    return lp2p_identify_recv(e, now, bytes, n, ret_used);
}

static enum engine_pull split_event(void *e, struct engine_log *log)
{
    struct lp2p_identify_event ev;
    if (!lp2p_identify_event(e, &ev)) {
        return ENGINE_NONE;
    }
    engine_log_event(log, "message: %zu addresses, %zu protocols, agent %zu", ev.msg.n_addrs,
                     ev.msg.n_protocols, ev.msg.agent_version.n);
    return ENGINE_LOGGED;
}

static struct lp2p_span split_out(void *e)
{
    return lp2p_identify_out(e);
}

static void split_out_done(void *e, size_t n)
{
    lp2p_identify_out_done(e, n);
}

static int split_error(const void *e)
{
    return lp2p_identify_error(e)->code;
}

static void split_finish(void *e, struct engine_log *log)
{
    engine_log_event(log, "eof %d", lp2p_identify_recv_eof(e, 0));
    (void)split_event(e, log);
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
    static uint8_t big[2 * LP2P_IDENTIFY_MESSAGE_MAX];
    static const char small[] = "\x0b\x32\x03old\x1a\x04/a/1\x00\x0b\x1a\x04/b/1\x32\x03new";
    static const char bad[] = "\x0b\x32\x03old\x1a\x04/a/1\x02\x0b\x1a rest that is not looked at";
    engine_check_splits(&SPLIT_OPS, NULL, lp2p_span(small, sizeof(small) - 1), 1, NULL);
    engine_check_splits(&SPLIT_OPS, NULL, lp2p_span(small, sizeof(small) - 4), 2, NULL);
    engine_check_splits(&SPLIT_OPS, NULL, lp2p_span(bad, sizeof(bad) - 1), 3, NULL);
    size_t n = filler(big, 1000);
    n += filler(big + n, 3000);
    engine_check_splits(&SPLIT_OPS, NULL, lp2p_span(big, n), 4, NULL);
}

/* Both roles, a message that makes the buffer grow. */
static int scenario(const struct lp2p_mem *mem, void *ctx)
{
    static uint8_t bytes[LP2P_IDENTIFY_MESSAGE_MAX];
    (void)ctx;
    struct lp2p_identify_cfg cfg = {.mem = mem, .msg = &MSG, .timeout = LP2P_IDENTIFY_TIMEOUT};
    struct lp2p_identify e;
    int err = lp2p_identify_init(&e, &cfg, LP2P_IDENTIFY_SENDER, 0);
    if (err != 0) {
        return err;
    }
    lp2p_identify_fini(&e);
    err = lp2p_identify_init(&e, &cfg, LP2P_IDENTIFY_RECEIVER, 0);
    for (size_t len = 300; err == 0 && len < 6000; len *= 4) {
        err = feed(&e, bytes, filler(bytes, len));
    }
    lp2p_identify_fini(&e);
    return err;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    assert_true(failmem_each(scenario, NULL) >= 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sender_sends_one_message_and_closes),
        cmocka_unit_test(the_sender_waits_five_seconds),
        cmocka_unit_test(messages_are_merged),
        cmocka_unit_test(each_message_is_judged_alone),
        cmocka_unit_test(ten_messages_are_the_limit),
        cmocka_unit_test(lengths_are_not_believed),
        cmocka_unit_test(the_end_must_be_behind_a_message),
        cmocka_unit_test(the_receiver_waits_five_seconds),
        cmocka_unit_test(any_cut_is_the_same),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
