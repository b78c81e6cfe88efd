/* The node's life: sign of life, ends, restarts, the safe state (DESIGN 2). */
#include "renderer.h"

static void starts_and_runs(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    whtnxt_model_start(r.m, r.now, &r.id, NULL);
    rig_act(&r);
    assert_int_equal(r.spawns, 1);
    rig_expect_node(&r, "starting");
    rig_hello(&r, WHTNXT_NODE_PROTOCOL);
    assert_true(r.started);
    rig_expect_node(&r, "starting");
    rig_idle(&r);
    rig_expect_node(&r, "running");
    rig_run(&r, 120000);
    rig_expect_node(&r, "running");
    assert_int_equal(r.spawns, 1);
    rig_close(&r);
}

static void no_key_no_node(void **state)
{
    (void)state;
    struct rig r;
    char code[64];
    char link[128];
    rig_open(&r);
    whtnxt_model_start(r.m, r.now, NULL, "identity.key is damaged");
    rig_act(&r);
    assert_int_equal(r.spawns, 0);
    rig_expect_node(&r, "stopped");
    json_t *s = rig_status(&r);
    assert_string_equal(text_of(json_object_get(json_object_get(s, "node"), "error"), "code"),
                        "KEY_REFUSED");
    assert_true(json_is_null(json_object_get(s, "peerId")));
    json_decref(s);
    snprintf(link, sizeof(link), "whtnxt://connect/%s", r.peers[0]);
    assert_int_equal(rig_connect(&r, link, "user", code), 0);
    assert_string_equal(code, "KEY_REFUSED");
    rig_close(&r);
}

/* A key that was restored is found without a restart of main. */
static void a_restored_key_heals(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    whtnxt_model_start(r.m, r.now, NULL, "identity.key is damaged");
    rig_act(&r);
    for (int i = 0; i < 20; i++) {
        json_t *s = rig_status(&r);
        /* The same reason again is no news. */
        assert_int_equal(json_integer_value(json_object_get(s, "logLast")), 1);
        json_decref(s);
        whtnxt_model_start(r.m, r.now, NULL, "identity.key is damaged");
        rig_run(&r, 100);
    }
    assert_in_range(r.keys, 2, 3);
    assert_int_equal(r.spawns, 0);
    whtnxt_model_start(r.m, r.now, &r.id, NULL);
    rig_act(&r);
    rig_again(&r);
    rig_expect_node(&r, "running");
    size_t keys = r.keys;
    rig_run(&r, 5000);
    json_decref(rig_status(&r));
    assert_int_equal(r.keys, keys);
    rig_close(&r);
}

static void silence(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    rig_start(&r);
    rig_state(&r, r.peers[0], 0, WHTNXT_STAGE_LOOKING, FINE);
    rig_run(&r, 10000);
    r.answers = false;
    rig_expect_node(&r, "running"); /* this poll asks at once */
    rig_run(&r, 990);
    rig_expect_node(&r, "running");
    rig_run(&r, 20);
    rig_expect_node(&r, "unresponsive");
    rig_run(&r, 4900);
    assert_int_equal(r.signals, 0);
    rig_run(&r, 100);
    assert_int_equal(r.signal, SIGABRT);
    assert_int_equal(r.signals, 1);
    rig_run(&r, 480);
    assert_int_equal(r.signals, 1);
    rig_run(&r, 20);
    assert_int_equal(r.signal, SIGKILL);
    rig_exit(&r, SIGKILL);
    rig_expect_node(&r, "restarting");
    rig_run(&r, 250);
    assert_int_equal(r.spawns, 2);
    r.answers = true;
    rig_again(&r);
    rig_expect_node(&r, "running");
    rig_close(&r);
}

static void comes_back_from_silence(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    rig_start(&r);
    rig_run(&r, 10000);
    r.answers = false;
    json_decref(rig_status(&r));
    uint64_t asked = r.ask;
    rig_run(&r, 3000);
    rig_expect_node(&r, "unresponsive");
    assert_true(r.ask > asked);
    struct whtnxt_node_msg alive = {.type = WHTNXT_MSG_ALIVE, .alive = r.ask};
    whtnxt_model_message(r.m, r.now, &alive);
    rig_expect_node(&r, "running");
    assert_int_equal(r.signals, 0);
    rig_close(&r);
}

static void asks_more_often_while_watched(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    rig_start(&r);
    rig_run(&r, 20000);
    uint64_t before = r.ask;
    rig_run(&r, 20000);
    assert_in_range(r.ask - before, 3, 5);
    assert_false(r.counters);
    before = r.ask;
    for (int i = 0; i < 10; i++) {
        json_decref(rig_status(&r));
        rig_run(&r, 1000);
    }
    assert_in_range(r.ask - before, 19, 22);
    assert_true(r.counters);
    rig_close(&r);
}

/* Main was stopped for a minute: the node is not to blame. */
static void own_stop_does_not_count(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    rig_start(&r);
    rig_run(&r, 10000);
    r.answers = false;
    json_decref(rig_status(&r));
    r.now += 60000;
    whtnxt_model_tick(r.m, r.now);
    rig_act(&r);
    assert_int_equal(r.signals, 0);
    r.answers = true;
    struct whtnxt_node_msg alive = {.type = WHTNXT_MSG_ALIVE, .alive = r.ask};
    whtnxt_model_message(r.m, r.now, &alive);
    rig_run(&r, 1000);
    rig_expect_node(&r, "running");
    rig_close(&r);
}

/* Main was stopped when the verdict was due: what the node said meanwhile waits to be read. */
static void own_stop_at_the_verdict_does_not_count(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    rig_start(&r);
    rig_run(&r, 10000);
    r.answers = false;
    json_decref(rig_status(&r));
    rig_run(&r, 5700);
    rig_expect_node(&r, "unresponsive");
    assert_int_equal(r.signals, 0);
    r.now += 60000;
    whtnxt_model_tick(r.m, r.now);
    rig_act(&r);
    assert_int_equal(r.signals, 0);
    r.answers = true;
    struct whtnxt_node_msg alive = {.type = WHTNXT_MSG_ALIVE, .alive = r.ask};
    whtnxt_model_message(r.m, r.now, &alive);
    rig_run(&r, 1000);
    assert_int_equal(r.signals, 0);
    rig_expect_node(&r, "running");
    rig_close(&r);
}

static void own_stop_while_nobody_looks_does_not_count(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    rig_start(&r);
    rig_run(&r, 10000);
    r.answers = false;
    uint64_t asked = r.ask;
    while (r.ask == asked) {
        rig_run(&r, 10);
    }
    r.now += 60000;
    whtnxt_model_tick(r.m, r.now);
    rig_act(&r);
    rig_expect_node(&r, "running");
    rig_close(&r);
}

static void crashes_end_in_the_safe_state(void **state)
{
    (void)state;
    struct rig r;
    char code[64];
    char link[128];
    rig_open(&r);
    rig_start(&r);
    for (int i = 0; i < 4; i++) {
        rig_exit(&r, SIGSEGV);
        rig_expect_node(&r, "restarting");
        rig_run(&r, 4000);
        assert_int_equal(r.spawns, (size_t)i + 2);
        rig_again(&r);
    }
    rig_exit(&r, SIGABRT);
    rig_expect_node(&r, "unstable");
    rig_run(&r, 600000);
    assert_int_equal(r.spawns, 5);
    snprintf(link, sizeof(link), "whtnxt://connect/%s", r.peers[0]);
    assert_int_equal(rig_connect(&r, link, "user", code), 0);
    assert_string_equal(code, "NODE_UNSTABLE");
    /* The one action. */
    struct whtnxt_answer a = rig_ask(&r, WHTNXT_METHOD_RESTART_NODE, NULL);
    assert_non_null(a.result);
    whtnxt_answer_fini(&a);
    assert_int_equal(r.spawns, 6);
    rig_again(&r);
    rig_expect_node(&r, "running");
    rig_close(&r);
}

static void slow_crashes_do_not(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    rig_start(&r);
    for (int i = 0; i < 12; i++) {
        rig_run(&r, 16000);
        rig_exit(&r, SIGSEGV);
        rig_expect_node(&r, "restarting");
        rig_run(&r, 31000);
        rig_again(&r);
    }
    rig_close(&r);
}

static void killed_from_outside(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    rig_start(&r);
    rig_run(&r, 10000);
    rig_exit(&r, SIGKILL);
    assert_int_equal(r.spawns, 2); /* at once */
    assert_int_equal(r.last_spawn, r.now);
    rig_again(&r);
    rig_run(&r, 1000);
    rig_exit(&r, SIGTERM);
    assert_int_equal(r.spawns, 2); /* backs off */
    rig_run(&r, 250);
    assert_int_equal(r.spawns, 3);
    rig_again(&r);
    /* However often: never the safe state. */
    for (int i = 0; i < 20; i++) {
        rig_exit(&r, SIGKILL);
        rig_run(&r, 31000);
        rig_again(&r);
    }
    rig_expect_node(&r, "running");
    rig_close(&r);
}

/* The longest of its waits after 20 signals from outside, half a second after each start. */
static uint64_t longest_wait_of_killed(struct rig *r, bool running)
{
    uint64_t longest = 0;
    for (int i = 0; i < 20; i++) {
        uint64_t gone = r->now;
        size_t spawns = r->spawns;
        rig_exit(r, SIGKILL);
        while (r->spawns == spawns) {
            rig_run(r, 10);
        }
        longest = r->last_spawn - gone > longest ? r->last_spawn - gone : longest;
        if (running) {
            rig_again(r);
            rig_expect_node(r, "running");
        }
        rig_run(r, 500);
    }
    return longest;
}

static void killed_while_starting_backs_off_in_full(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    whtnxt_model_start(r.m, r.now, &r.id, NULL);
    rig_act(&r);
    assert_in_range(longest_wait_of_killed(&r, false), 22500, 30000);
    rig_close(&r);
}

static void killed_while_running_waits_at_most_a_second(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    rig_start(&r);
    assert_in_range(longest_wait_of_killed(&r, true), 750, 1000);
    rig_close(&r);
}

static void back_off_grows_to_its_maximum(void **state)
{
    (void)state;
    struct rig r;
    uint64_t longest = 0;
    uint64_t before = 0;
    rig_open(&r);
    rig_start(&r);
    for (int i = 0; i < 15; i++) {
        uint64_t gone = r.now;
        rig_exit(&r, 0);
        rig_run(&r, 31000);
        before = r.last_spawn - gone;
        assert_in_range(before, 150, 30000);
        longest = before > longest ? before : longest;
        r.now = r.last_spawn;
        rig_hello(&r, WHTNXT_NODE_PROTOCOL);
    }
    assert_true(longest >= 22500);
    /* One that ran a minute begins again. */
    rig_idle(&r);
    rig_run(&r, 61000);
    uint64_t gone = r.now;
    rig_exit(&r, 0);
    rig_run(&r, 1000);
    assert_true(r.last_spawn >= gone && r.last_spawn - gone <= 200);
    rig_close(&r);
}

static void cannot_be_started(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    whtnxt_model_start(r.m, r.now, &r.id, NULL);
    whtnxt_model_exited(r.m, r.now, 0, "not found");
    rig_act(&r);
    rig_expect_node(&r, "restarting");
    json_t *s = rig_status(&r);
    assert_string_equal(text_of(json_object_get(json_object_get(s, "node"), "error"), "code"),
                        "NODE_MISSING");
    json_decref(s);
    rig_close(&r);
}

static void another_version(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    whtnxt_model_start(r.m, r.now, &r.id, NULL);
    rig_act(&r);
    rig_hello(&r, WHTNXT_NODE_PROTOCOL + 1);
    assert_false(r.started); /* it never gets the key */
    assert_int_equal(r.signal, SIGKILL);
    rig_exit(&r, SIGKILL);
    rig_expect_node(&r, "stopped");
    json_t *s = rig_status(&r);
    const json_t *node = json_object_get(s, "node");
    assert_string_equal(text_of(json_object_get(node, "error"), "code"), "NODE_VERSION");
    assert_true(json_is_true(json_object_get(node, "restartNeeded")));
    json_decref(s);
    rig_run(&r, 600000);
    assert_int_equal(r.spawns, 1);
    rig_close(&r);
}

static void never_says_hello(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    whtnxt_model_start(r.m, r.now, &r.id, NULL);
    rig_act(&r);
    rig_run(&r, 5990);
    assert_int_equal(r.signals, 0);
    rig_run(&r, 20);
    assert_int_equal(r.signal, SIGABRT);
    rig_close(&r);
}

static void lies_are_the_end(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    rig_start(&r);
    whtnxt_model_bad_message(r.m, r.now, -LP2P_E_DECODE);
    rig_act(&r);
    assert_int_equal(r.signal, SIGKILL);
    rig_exit(&r, SIGKILL);
    rig_expect_node(&r, "restarting");
    rig_close(&r);
}

static void old_states_are_ignored(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    rig_start(&r);
    rig_state(&r, r.peers[0], 0, WHTNXT_STAGE_LOOKING, FINE);
    r.node_seq -= 2;
    rig_idle(&r);
    json_t *s = rig_status(&r);
    assert_int_equal(json_array_size(json_object_get(s, "connectedPeers")), 1);
    json_decref(s);
    rig_close(&r);
}

static void quits_within_its_time(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    rig_start(&r);
    whtnxt_model_quit(r.m, r.now);
    rig_act(&r);
    assert_int_equal(r.quits, 1);
    rig_run(&r, 1400);
    assert_int_equal(r.signals, 0);
    rig_run(&r, 200);
    assert_int_equal(r.signal, SIGKILL);
    rig_exit(&r, SIGKILL);
    rig_expect_node(&r, "stopped");
    rig_run(&r, 60000);
    assert_int_equal(r.spawns, 1);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_and_runs),
        cmocka_unit_test(no_key_no_node),
        cmocka_unit_test(a_restored_key_heals),
        cmocka_unit_test(silence),
        cmocka_unit_test(comes_back_from_silence),
        cmocka_unit_test(asks_more_often_while_watched),
        cmocka_unit_test(own_stop_does_not_count),
        cmocka_unit_test(own_stop_at_the_verdict_does_not_count),
        cmocka_unit_test(own_stop_while_nobody_looks_does_not_count),
        cmocka_unit_test(crashes_end_in_the_safe_state),
        cmocka_unit_test(slow_crashes_do_not),
        cmocka_unit_test(killed_from_outside),
        cmocka_unit_test(killed_while_running_waits_at_most_a_second),
        cmocka_unit_test(killed_while_starting_backs_off_in_full),
        cmocka_unit_test(back_off_grows_to_its_maximum),
        cmocka_unit_test(cannot_be_started),
        cmocka_unit_test(another_version),
        cmocka_unit_test(never_says_hello),
        cmocka_unit_test(lies_are_the_end),
        cmocka_unit_test(old_states_are_ignored),
        cmocka_unit_test(quits_within_its_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
