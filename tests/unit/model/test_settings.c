/* Settings: what they take, what they say, and what waits for a restart. */
#include "renderer.h"

static void expect_set(struct rig *r, const char *key, json_t *value, const char *code,
                       const char *message)
{
    struct whtnxt_answer a = rig_ask(r, WHTNXT_METHOD_SETTINGS_SET,
                                     json_pack("{s:s,s:o}", "key", key, "value", value));
    assert_string_equal(a.code, code);
    assert_string_equal(a.message, message);
    assert_int_equal(a.result != NULL, *code == '\0');
    whtnxt_answer_fini(&a);
}

static json_int_t get_port(struct rig *r)
{
    struct whtnxt_answer a = rig_ask(r, WHTNXT_METHOD_SETTINGS_GET, NULL);
    json_int_t port = json_integer_value(json_object_get(a.result, "listen.port"));
    whtnxt_answer_fini(&a);
    return port;
}

static bool needs_restart(struct rig *r)
{
    json_t *s = rig_status(r);
    const json_t *v = json_object_get(json_object_get(s, "node"), "restartNeeded");
    assert_true(json_is_boolean(v));
    bool needed = json_is_true(v);
    json_decref(s);
    return needed;
}

static void wrong_values_are_refused_in_words(void **state)
{
    (void)state;
    static const char port_takes[] =
        "The setting listen.port takes a whole number from 1024 to 65535.";
    static const char confirm_takes[] =
        "The setting links.confirm takes never, strangers or always.";
    struct rig r;
    rig_open(&r);
    rig_start(&r);
    json_int_t port = get_port(&r);
    expect_set(&r, "listen.port", json_integer(1023), "SETTING_REFUSED", port_takes);
    expect_set(&r, "listen.port", json_integer(65536), "SETTING_REFUSED", port_takes);
    expect_set(&r, "listen.port", json_integer(-1), "SETTING_REFUSED", port_takes);
    expect_set(&r, "listen.port", json_string("4001"), "SETTING_REFUSED", port_takes);
    expect_set(&r, "links.confirm", json_string("sometimes"), "SETTING_REFUSED", confirm_takes);
    expect_set(&r, "links.confirm", json_true(), "SETTING_REFUSED", confirm_takes);
    expect_set(&r, "no.such\n", json_integer(1), "SETTING_REFUSED",
               "There is no setting no.such?.");
    expect_set(&r, "version", json_integer(1), "SETTING_REFUSED", "There is no setting version.");
    assert_int_equal(get_port(&r), port);
    assert_int_equal(whtnxt_cause_exit(WHTNXT_CAUSE_SETTING_UNKNOWN), 2);
    rig_close(&r);
}

static void a_port_waits_for_a_restart(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    rig_start(&r);
    json_int_t port = get_port(&r);
    assert_false(needs_restart(&r));
    expect_set(&r, "listen.port", json_integer(4001), "", "");
    assert_true(needs_restart(&r));
    /* Set back, nothing is left to do. */
    expect_set(&r, "listen.port", json_integer(port), "", "");
    assert_false(needs_restart(&r));
    expect_set(&r, "listen.port", json_integer(4001), "", "");
    rig_exit(&r, SIGKILL);
    assert_false(needs_restart(&r));
    rig_again(&r);
    assert_false(needs_restart(&r));
    /* Others count at once. */
    expect_set(&r, "links.confirm", json_string("always"), "", "");
    assert_false(needs_restart(&r));
    rig_close(&r);
}

static void null_is_the_default(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    rig_start(&r);
    expect_set(&r, "links.confirm", json_string("always"), "", "");
    expect_set(&r, "links.confirm", json_null(), "", "");
    expect_set(&r, "listen.port", json_integer(4001), "", "");
    expect_set(&r, "listen.port", json_null(), "", "");
    struct whtnxt_answer a = rig_ask(&r, WHTNXT_METHOD_SETTINGS_GET, NULL);
    assert_string_equal(text_of(a.result, "links.confirm"), "never");
    json_int_t port = json_integer_value(json_object_get(a.result, "listen.port"));
    assert_in_range(port, WHTNXT_PORT_MIN, WHTNXT_PORT_MAX);
    whtnxt_answer_fini(&a);
    rig_close(&r);
}

static void a_newer_file_is_not_changed(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    json_t *newer = json_pack("{s:i}", "version", 2);
    assert_int_equal(whtnxt_model_load_settings(r.m, newer), -LP2P_E_VERSION);
    json_decref(newer);
    rig_start(&r);
    expect_set(&r, "listen.port", json_integer(4001), "SETTINGS_LOCKED",
               "The settings were written by a newer WhatNext and are not changed.");
    assert_true(get_port(&r) != 4001);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_values_are_refused_in_words),
        cmocka_unit_test(a_port_waits_for_a_restart),
        cmocka_unit_test(null_is_the_default),
        cmocka_unit_test(a_newer_file_is_not_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
