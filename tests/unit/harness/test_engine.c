#include "harness/engine.h"

#include "lp2p/error.h"

#include <stdlib.h>

#include "broken.h"

/*
 * A toy engine, right and wrong: messages are one length byte and text. Text is handed out as data,
 * `?` asks for an answer (NEED) and takes nothing more until it came, a length above 100 is an
 * error, `.` ends the engine. Each message is acknowledged by one byte of output.
 */
enum fault {
    RIGHT,
    SEES_CUTS,     /* reports each call of recv */
    WRITES_AHEAD,  /* changes bytes that it does not use */
    FORGETS_ERROR, /* fails once only */
    STALLS,        /* leaves bytes without a reason */
    TAKES_IN_NEED, /* loses what comes while NEED waits */
    REPEATS_OUT,   /* output depends on the cut */
};

struct toy {
    enum fault fault;
    unsigned left; /* bytes of the current message */
    bool need;
    bool need_pending;
    bool call_pending;
    bool done;
    int err;
    struct lp2p_span data;
    uint8_t out[4096];
    size_t out_len;
};

static int toy_make(void *ctx, void **ret)
{
    struct toy *t = calloc(1, sizeof(*t));
    assert_non_null(t);
    t->fault = *(enum fault *)ctx;
    *ret = t;
    return 0;
}

static void toy_drop(void *ctx, void *e)
{
    (void)ctx;
    free(e);
}

static void toy_ack(struct toy *t)
{
    if (t->out_len < sizeof(t->out)) {
        t->out[t->out_len++] = '+';
    }
}

static int toy_begin(struct toy *t, uint8_t first)
{
    if (first > 100 && first != '?' && first != '.') {
        t->err = t->fault == FORGETS_ERROR ? 0 : -LP2P_E_LIMIT;
        return -LP2P_E_LIMIT;
    }
    t->need = t->need_pending = first == '?';
    t->done = first == '.';
    t->left = first <= 100 && first != '?' && first != '.' ? first : 0;
    return 0;
}

static int toy_recv(void *e, lp2p_ts now, uint8_t *bytes, size_t n, size_t *ret_used)
{
    struct toy *t = e;
    (void)now;
    if (t->err != 0) {
        return t->err;
    }
    t->call_pending = t->fault == SEES_CUTS;
    if (t->fault == REPEATS_OUT) {
        toy_ack(t);
    }
    if (t->need && t->fault == TAKES_IN_NEED) {
        *ret_used = n;
        return 0;
    }
    if (n == 0 || t->done || t->need || t->data.n > 0) {
        return 0;
    }
    if (t->fault == STALLS && n > 1) {
        return 0;
    }
    if (t->left == 0) {
        int err = toy_begin(t, bytes[0]);
        *ret_used = err == 0 ? 1 : 0;
        return err;
    }
    size_t take = n < t->left ? n : t->left;
    t->data = lp2p_span(bytes, take);
    t->left -= (unsigned)take;
    if (t->left == 0) {
        toy_ack(t);
    }
    if (t->fault == WRITES_AHEAD && take < n) {
        bytes[take] ^= 1;
    }
    *ret_used = take;
    return 0;
}

static enum engine_pull toy_event(void *e, struct engine_log *log)
{
    struct toy *t = e;
    if (t->call_pending) {
        t->call_pending = false;
        engine_log_event(log, "call");
        return ENGINE_LOGGED;
    }
    if (t->data.n > 0) {
        engine_log_data(log, 7, t->data.p, t->data.n);
        t->data = lp2p_span(NULL, 0);
        return ENGINE_LOGGED;
    }
    if (t->need_pending) {
        t->need_pending = false;
        engine_log_event(log, "need");
        return ENGINE_NEED;
    }
    return ENGINE_NONE;
}

static struct lp2p_span toy_out(void *e)
{
    struct toy *t = e;
    return lp2p_span(t->out, t->out_len);
}

static void toy_out_done(void *e, size_t n)
{
    struct toy *t = e;
    t->out_len -= n;
}

static int toy_answer(void *e)
{
    struct toy *t = e;
    t->need = false;
    toy_ack(t);
    return 0;
}

static bool toy_is_done(const void *e)
{
    return ((const struct toy *)e)->done;
}

static const struct engine_ops toy_ops = {
    .make = toy_make,
    .drop = toy_drop,
    .recv = toy_recv,
    .event = toy_event,
    .out = toy_out,
    .out_done = toy_out_done,
    .answer = toy_answer,
    .is_done = toy_is_done,
};

static void check_toy(void *ctx)
{
    static const char input[] = "\x05hello\x02io?\x03"
                                "ask.rest";
    engine_check_splits(&toy_ops, ctx, lp2p_span_str(input), 1, NULL);
}

static void check_toy_error(void *ctx)
{
    static const char input[] = "\x05hello\x02io\x7fmore";
    engine_check_splits(&toy_ops, ctx, lp2p_span_str(input), 1, NULL);
}

static void a_right_engine_passes(void **state)
{
    (void)state;
    enum fault fault = RIGHT;
    struct engine_result r;
    static const char input[] = "\x05hello\x02io?\x03"
                                "ask.rest";
    engine_check_splits(&toy_ops, &fault, lp2p_span_str(input), 1, &r);
    assert_string_equal(r.log.text, "data 7 68656c6c6f696f\nneed\ndata 7 61736b\nused 15\n");
    assert_int_equal(r.out_len, 4);
    engine_result_fini(&r);
    check_toy_error(&fault);
}

static void every_fault_is_found(void **state)
{
    (void)state;
    for (enum fault fault = SEES_CUTS; fault <= REPEATS_OUT; fault++) {
        assert_aborts(fault == FORGETS_ERROR ? check_toy_error : check_toy, &fault);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_right_engine_passes),
        cmocka_unit_test(every_fault_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
