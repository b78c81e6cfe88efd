/* Series of pings: begun, pulled, stopped, forgotten, and never one that outlives its reader. */
#include "renderer.h"

static void connected(struct rig *r)
{
    rig_open(r);
    rig_start(r);
    rig_state(r, r->peers[0], 0, WHTNXT_STAGE_LOOKING, FINE);
}

static uint64_t begin(struct rig *r, json_t *params, const char *code)
{
    struct whtnxt_answer a = rig_ask(r, WHTNXT_METHOD_PING, params);
    uint64_t id = (uint64_t)json_integer_value(json_object_get(a.result, "ping"));
    assert_string_equal(a.code, code);
    whtnxt_answer_fini(&a);
    return id;
}

static uint64_t begin_to(struct rig *r, const char *peer, const char *code)
{
    return begin(r, json_pack("{s:s}", "peerId", peer), code);
}

/* The caller owns it; NULL: refused as unknown. */
static json_t *pull(struct rig *r, uint64_t id, uint64_t after)
{
    struct whtnxt_answer a = rig_ask(
        r, WHTNXT_METHOD_GET_PING,
        json_pack("{s:I,s:I}", "ping", (json_int_t)id, "after", (json_int_t)after));
    assert_true(a.result != NULL || strcmp(a.code, "PING_UNKNOWN") == 0);
    return a.result;
}

static void expect_end(struct rig *r, uint64_t id, bool ended, const char *code)
{
    json_t *o = pull(r, id, 0);
    assert_non_null(o);
    assert_int_equal(json_is_true(json_object_get(o, "ended")), ended);
    assert_string_equal(text_of(o, "code"), code);
    json_decref(o);
}

static void node_says(struct rig *r, struct whtnxt_ping_state pong)
{
    r->pong = pong;
    rig_state(r, r->peers[0], 0, WHTNXT_STAGE_LOOKING, FINE);
    r->pong.id = 0;
}

static void pongs_are_pulled(void **state)
{
    (void)state;
    struct rig r;
    connected(&r);
    uint64_t id = begin(
        &r, json_pack("{s:s,s:i,s:i}", "peerId", r.peers[0], "count", 3, "intervalMs", 500), "");
    assert_int_equal(r.ping.id, id);
    assert_string_equal(r.ping.peer, r.peers[0]);
    assert_int_equal(r.ping.count, 3);
    assert_int_equal(r.ping.interval_ms, 500);
    json_t *o = pull(&r, id, 0);
    assert_true(json_is_null(json_object_get(o, "avgMs")));
    assert_int_equal(json_array_size(json_object_get(o, "pongs")), 0);
    json_decref(o);
    node_says(&r, (struct whtnxt_ping_state){.id = id,
                                             .ended = true,
                                             .sent = 3,
                                             .received = 3,
                                             .min_us = 1000,
                                             .max_us = 3000,
                                             .sum_us = 6000,
                                             .n_pongs = 2,
                                             .pongs_us = {2000, 3000}});
    /* The node may forget it: what it said is kept here. */
    assert_int_equal(r.unping, id);
    rig_idle(&r);
    o = pull(&r, id, 2);
    assert_int_equal(json_array_size(json_object_get(o, "pongs")), 1);
    const json_t *last = json_array_get(json_object_get(o, "pongs"), 0);
    assert_int_equal(json_integer_value(json_object_get(last, "seq")), 3);
    assert_true(json_real_value(json_object_get(last, "ms")) == 3.0);
    assert_true(json_real_value(json_object_get(o, "avgMs")) == 2.0);
    json_decref(o);
    expect_end(&r, id, true, "");
    rig_run(&r, WHTNXT_MODEL_ENDED_MS + 1);
    assert_null(pull(&r, id, 0));
    rig_close(&r);
}

static void refusals(void **state)
{
    (void)state;
    struct rig r;
    connected(&r);
    begin_to(&r, r.peers[1], "NOT_CONNECTED");
    begin_to(&r, "bogus", "PEER_UNKNOWN");
    begin(&r, json_pack("{s:s,s:i}", "peerId", r.peers[0], "count", 0), "PING_USAGE");
    begin(&r,
          json_pack("{s:s,s:I}", "peerId", r.peers[0], "count",
                    (json_int_t)WHTNXT_PING_COUNT_MAX + 1),
          "PING_USAGE");
    begin(&r, json_pack("{s:s,s:i}", "peerId", r.peers[0], "intervalMs", 99), "PING_USAGE");
    begin(&r, json_pack("{s:s,s:i}", "peerId", r.peers[0], "intervalMs", 3600001), "PING_USAGE");
    assert_int_equal(r.ping.id, 0);
    assert_null(pull(&r, 0, 0));
    assert_null(pull(&r, 77, 0));
    struct whtnxt_answer a = rig_ask(&r, WHTNXT_METHOD_STOP_PING, json_pack("{s:i}", "ping", 77));
    assert_string_equal(a.code, "PING_UNKNOWN");
    whtnxt_answer_fini(&a);
    rig_close(&r);
}

static void ends(void **state)
{
    (void)state;
    struct rig r;
    connected(&r);
    uint64_t id = begin_to(&r, r.peers[0], "");
    node_says(&r, (struct whtnxt_ping_state){
                      .id = id, .ended = true, .error = -LP2P_E_TIMEOUT, .sent = 1});
    expect_end(&r, id, true, "TIMED_OUT");
    id = begin_to(&r, r.peers[0], "");
    struct whtnxt_answer a = rig_ask(&r, WHTNXT_METHOD_STOP_PING,
                                     json_pack("{s:I}", "ping", (json_int_t)id));
    assert_non_null(a.result);
    whtnxt_answer_fini(&a);
    assert_int_equal(r.unping, id);
    expect_end(&r, id, true, "");
    /* Its reader died. */
    id = begin_to(&r, r.peers[0], "");
    rig_run(&r, 9000);
    expect_end(&r, id, false, "");
    rig_run(&r, 9000);
    assert_int_not_equal(r.unping, id);
    rig_run(&r, 1001);
    assert_int_equal(r.unping, id);
    expect_end(&r, id, true, "CANCELLED");
    /* The node died. */
    id = begin_to(&r, r.peers[0], "");
    rig_exit(&r, SIGKILL);
    expect_end(&r, id, true, "CONNECTION_LOST");
    rig_close(&r);
}

static void eight_run_at_once(void **state)
{
    (void)state;
    struct rig r;
    connected(&r);
    uint64_t first = begin_to(&r, r.peers[0], "");
    for (unsigned i = 1; i < WHTNXT_STATE_PINGS; i++) {
        begin_to(&r, r.peers[0], "");
    }
    begin_to(&r, r.peers[0], "LIMIT_REACHED");
    node_says(&r, (struct whtnxt_ping_state){.id = first, .ended = true});
    expect_end(&r, first, true, "");
    /* One that has ended gives its place. */
    assert_true(begin_to(&r, r.peers[0], "") != 0);
    assert_null(pull(&r, first, 0));
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pongs_are_pulled),
        cmocka_unit_test(refusals),
        cmocka_unit_test(ends),
        cmocka_unit_test(eight_run_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
