/* A restart that the user wants, in every state; another identity; programs that were replaced. */
#include "renderer.h"

static void restart(struct rig *r)
{
    struct whtnxt_answer a = rig_ask(r, WHTNXT_METHOD_RESTART_NODE, NULL);
    assert_non_null(a.result);
    whtnxt_answer_fini(&a);
}

static bool needs_restart(struct rig *r)
{
    json_t *s = rig_status(r);
    bool needed = json_is_true(json_object_get(json_object_get(s, "node"), "restartNeeded"));
    json_decref(s);
    return needed;
}

static void a_running_node_says_goodbye(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    rig_start(&r);
    rig_state(&r, r.peers[0], 0, WHTNXT_STAGE_LOOKING, FINE);
    restart(&r);
    assert_true(r.quit_sent);
    assert_int_equal(r.signals, 0);
    /* At once nobody is connected, and what it still says changes nothing. */
    rig_expect_node(&r, "restarting");
    rig_state(&r, r.peers[0], 0, WHTNXT_STAGE_LOOKING, FINE);
    rig_expect_node(&r, "restarting");
    /* The second wish is the same one. */
    restart(&r);
    assert_int_equal(r.signals, 0);
    rig_exit(&r, 0);
    assert_int_equal(r.spawns, 2);
    rig_again(&r);
    rig_expect_node(&r, "running");
    json_t *s = rig_status(&r);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(s, "node"), "restarts")),
                     0);
    json_decref(s);
    rig_close(&r);
}

static void one_that_does_not_go_is_killed(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    rig_start(&r);
    restart(&r);
    rig_run(&r, 1499);
    assert_int_equal(r.signals, 0);
    rig_run(&r, 2);
    assert_int_equal(r.signal, SIGKILL);
    rig_exit(&r, SIGKILL);
    assert_int_equal(r.spawns, 2);
    rig_close(&r);
}

static void one_that_does_not_listen_is_killed_at_once(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    rig_start(&r);
    r.answers = false;
    rig_expect_node(&r, "running");
    rig_run(&r, 1100);
    rig_expect_node(&r, "unresponsive");
    restart(&r);
    assert_int_equal(r.signal, SIGKILL);
    assert_false(r.quit_sent);
    rig_exit(&r, SIGKILL);
    assert_int_equal(r.spawns, 2);
    r.answers = true;
    /* While it starts, too. */
    r.signals = 0;
    restart(&r);
    assert_int_equal(r.signals, 1);
    rig_exit(&r, SIGKILL);
    assert_int_equal(r.spawns, 3);
    /* While it waits for its next start, at once. */
    rig_exit(&r, SIGSEGV);
    rig_expect_node(&r, "restarting");
    restart(&r);
    assert_int_equal(r.spawns, 4);
    rig_close(&r);
}

static void a_wish_is_no_crash(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    rig_start(&r);
    for (int i = 0; i < 10; i++) {
        restart(&r);
        /* It may fall on its way out. */
        rig_exit(&r, SIGSEGV);
        rig_again(&r);
        rig_expect_node(&r, "running");
    }
    rig_close(&r);
}

static void attempts_go_on(void **state)
{
    (void)state;
    struct rig r;
    char link[128];
    rig_open(&r);
    rig_start(&r);
    snprintf(link, sizeof(link), "whtnxt://connect/%s", r.peers[0]);
    uint64_t id = rig_connect(&r, link, "user", NULL);
    assert_int_equal(r.n_connects, 1);
    restart(&r);
    rig_exit(&r, 0);
    rig_expect_attempt(&r, id, "queued", "NODE_STARTING");
    rig_again(&r);
    assert_int_equal(r.n_connects, 2);
    rig_close(&r);
}

static void replaced_programs_restart_all(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    rig_start(&r);
    assert_false(needs_restart(&r));
    whtnxt_model_upgraded(r.m, true);
    assert_true(needs_restart(&r));
    restart(&r);
    assert_int_equal(r.restarts, 1);
    assert_int_equal(r.quits, 0);
    restart(&r);
    assert_int_equal(r.restarts, 1);
    /* A signal that comes then is the end, at once. */
    whtnxt_model_quit(r.m, r.now);
    rig_act(&r);
    assert_int_equal(r.signal, SIGKILL);
    rig_close(&r);
}

static void a_key_that_was_restored_is_read_by_a_new_main(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    whtnxt_model_start(r.m, r.now, NULL, "identity.key is damaged.");
    rig_act(&r);
    restart(&r);
    assert_int_equal(r.restarts, 1);
    rig_close(&r);
}

/* ---- identity ---- */

struct keys {
    struct lp2p_peer_id next;
    int err;
    bool same;
    const char *imported;
    struct whtnxt_key_copy copied;
};

static int replace(void *ctx, const char *import, struct whtnxt_key_outcome *ret)
{
    struct keys *k = ctx;
    *ret = (struct whtnxt_key_outcome){.id = k->next, .changed = !k->same, .exposed = true};
    snprintf(ret->kept, sizeof(ret->kept), "%s", k->same ? "" : "/x/old.bak");
    snprintf(ret->reason, sizeof(ret->reason), "%s", k->err != 0 ? "/f is not a key." : "");
    k->imported = import != NULL ? "import" : "new";
    return k->err;
}

static int copy(void *ctx, const struct whtnxt_key_copy *wish, struct whtnxt_key_outcome *ret)
{
    struct keys *k = ctx;
    k->copied = *wish;
    k->copied.path = "seen";
    snprintf(ret->reason, sizeof(ret->reason), "/f is there already.");
    return k->err;
}

static void open_with(struct rig *r, struct keys *k)
{
    rig_open_key(r, (struct whtnxt_model_key){
                        .ctx = k, .path = "/x/identity.key", .replace = replace, .copy = copy});
    rig_id(r, 10, &k->next); /* peers[0] */
}

static void expect(struct rig *r, enum whtnxt_method method, json_t *params, const char *code)
{
    struct whtnxt_answer a = rig_ask(r, method, params);
    assert_string_equal(a.code, code);
    assert_int_equal(a.result != NULL, *code == '\0');
    whtnxt_answer_fini(&a);
}

static void another_identity_and_its_node(void **state)
{
    (void)state;
    struct rig r;
    struct keys k = {.err = 0};
    open_with(&r, &k);
    rig_start(&r);
    /* It was somebody else's before: one is no peer of oneself. */
    expect(&r, WHTNXT_METHOD_ALIAS, json_pack("{s:s,s:s}", "peerId", r.peers[0], "alias", "Laptop"),
           "");
    struct whtnxt_answer a = rig_ask(&r, WHTNXT_METHOD_IDENTITY_NEW, NULL);
    assert_string_equal(k.imported, "new");
    assert_string_equal(text_of(a.result, "peerId"), r.peers[0]);
    assert_string_equal(text_of(a.result, "kept"), "/x/old.bak");
    assert_true(json_is_true(json_object_get(a.result, "exposed")));
    whtnxt_answer_fini(&a);
    assert_true(r.quit_sent);
    json_t *s = rig_status(&r);
    assert_string_equal(text_of(s, "peerId"), r.peers[0]);
    assert_int_equal(json_array_size(json_object_get(s, "peers")), 0);
    assert_non_null(strstr(text_of(json_object_get(s, "link"), "url"), r.peers[0]));
    json_decref(s);
    rig_exit(&r, 0);
    assert_int_equal(r.spawns, 2);
    /* The same one again restarts nothing. */
    rig_again(&r);
    k.same = true;
    r.quit_sent = false;
    expect(&r, WHTNXT_METHOD_IDENTITY_IMPORT, json_pack("{s:s}", "path", "/f"), "");
    assert_string_equal(k.imported, "import");
    assert_false(r.quit_sent);
    rig_close(&r);
}

static void a_refusal_changes_nothing(void **state)
{
    (void)state;
    struct rig r;
    struct keys k = {.err = -LP2P_E_DECODE};
    open_with(&r, &k);
    rig_start(&r);
    expect(&r, WHTNXT_METHOD_IDENTITY_IMPORT, json_pack("{s:s}", "path", "f"), "IDENTITY_PATH");
    assert_null(k.imported);
    struct whtnxt_answer a = rig_ask(&r, WHTNXT_METHOD_IDENTITY_IMPORT,
                                     json_pack("{s:s}", "path", "/f"));
    assert_string_equal(a.code, "IDENTITY_REFUSED");
    assert_string_equal(a.message, "/f is not a key.");
    whtnxt_answer_fini(&a);
    json_t *s = rig_status(&r);
    assert_string_equal(text_of(s, "peerId"), r.own);
    json_decref(s);
    assert_false(r.quit_sent);
    rig_close(&r);
}

static void the_way_out_of_a_bad_key(void **state)
{
    (void)state;
    struct rig r;
    struct keys k = {.err = 0};
    open_with(&r, &k);
    whtnxt_model_start(r.m, r.now, NULL, "identity.key is damaged.");
    rig_act(&r);
    struct whtnxt_answer a = rig_ask(&r, WHTNXT_METHOD_IDENTITY_GET, NULL);
    assert_true(json_is_null(json_object_get(a.result, "peerId")));
    assert_string_equal(text_of(a.result, "path"), "/x/identity.key");
    whtnxt_answer_fini(&a);
    expect(&r, WHTNXT_METHOD_IDENTITY_EXPORT, json_pack("{s:s}", "path", "/f"), "KEY_REFUSED");
    expect(&r, WHTNXT_METHOD_IDENTITY_NEW, NULL, "");
    assert_int_equal(r.spawns, 1);
    rig_again(&r);
    rig_expect_node(&r, "running");
    rig_close(&r);
}

static void copies(void **state)
{
    (void)state;
    struct rig r;
    struct keys k = {.err = 0};
    open_with(&r, &k);
    rig_start(&r);
    expect(&r, WHTNXT_METHOD_IDENTITY_EXPORT, json_pack("{s:s}", "path", "/f"), "");
    assert_false(k.copied.force || k.copied.base64);
    expect(&r, WHTNXT_METHOD_IDENTITY_EXPORT,
           json_pack("{s:s,s:b,s:b}", "path", "/f", "force", 1, "base64", 1), "");
    assert_true(k.copied.force && k.copied.base64);
    k.err = -LP2P_E_EXISTS;
    expect(&r, WHTNXT_METHOD_IDENTITY_EXPORT, json_pack("{s:s}", "path", "/f"), "IDENTITY_EXISTS");
    k.err = -LP2P_E_IO;
    expect(&r, WHTNXT_METHOD_IDENTITY_EXPORT, json_pack("{s:s}", "path", "/f"), "IDENTITY_REFUSED");
    expect(&r, WHTNXT_METHOD_IDENTITY_EXPORT, json_pack("{s:s}", "path", "f"), "IDENTITY_PATH");
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_running_node_says_goodbye),
        cmocka_unit_test(one_that_does_not_go_is_killed),
        cmocka_unit_test(one_that_does_not_listen_is_killed_at_once),
        cmocka_unit_test(a_wish_is_no_crash),
        cmocka_unit_test(attempts_go_on),
        cmocka_unit_test(replaced_programs_restart_all),
        cmocka_unit_test(a_key_that_was_restored_is_read_by_a_new_main),
        cmocka_unit_test(another_identity_and_its_node),
        cmocka_unit_test(a_refusal_changes_nothing),
        cmocka_unit_test(the_way_out_of_a_bad_key),
        cmocka_unit_test(copies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
