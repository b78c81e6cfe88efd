#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

/* What a person typed, as the value it looks like. Main judges it. */
static json_t *value_of(const char *text)
{
    uint64_t n;
    if (cli_parse_number(text, 0, INT64_MAX, &n)) {
        return json_integer((json_int_t)n);
    }
    if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
        return json_boolean(text[0] == 't');
    }
    return json_string(text);
}

static void print_value(const json_t *v)
{
    if (json_is_string(v)) {
        puts(json_string_value(v));
    } else {
        (void)json_dumpf(v, stdout, JSON_ENCODE_ANY);
        putchar('\n');
    }
}

/* All settings, or the value of one; the file's version is none of them. */
static int show(struct cli *c, json_t *settings, const char *key)
{
    const char *name;
    json_t *v;
    json_object_del(settings, "version");
    if (key == NULL && c->json) {
        cli_print_json(settings, false);
        return CLI_OK;
    }
    json_object_foreach(settings, name, v)
    {
        if (key == NULL) {
            printf("%-14s ", name);
            print_value(v);
        }
    }
    if (key == NULL) {
        return CLI_OK;
    }
    v = json_object_get(settings, key);
    if (v == NULL) {
        char text[WHTNXT_CAUSE_TEXT_SIZE];
        struct whtnxt_cause_args args = {.name = key};
        whtnxt_cause_text(WHTNXT_CAUSE_SETTING_UNKNOWN, &args, text);
        cli_complain(c, text, whtnxt_cause_action(WHTNXT_CAUSE_SETTING_UNKNOWN));
        return whtnxt_cause_exit(WHTNXT_CAUSE_SETTING_UNKNOWN);
    }
    if (c->json) {
        (void)json_dumpf(v, stdout, JSON_ENCODE_ANY);
        putchar('\n');
    } else {
        print_value(v);
    }
    return CLI_OK;
}

/* `value` is taken over; null is the default. */
static int change(struct cli *c, const char *key, json_t *value)
{
    int exit_code;
    if (value == NULL) {
        cli_complain(c, "That value is no text (UTF-8).", "");
        return CLI_USAGE;
    }
    json_t *params = json_pack("{s:s, s:o}", "key", key, "value", value);
    json_t *settings = cli_ask(c, WHTNXT_METHOD_SETTINGS_SET, params, &exit_code);
    if (settings == NULL) {
        return exit_code;
    }
    exit_code = show(c, settings, key);
    json_decref(settings);
    json_t *status = cli_status(c, &exit_code);
    if (json_is_true(json_object_get(json_object_get(status, "node"), "restartNeeded"))) {
        fputs("What runs is not yet what is set: whtnxt restart\n", stderr);
    }
    json_decref(status);
    return exit_code;
}

static int run(struct cli *c, int n, char **words)
{
    bool started;
    int exit_code = cli_start_main(c, &started);
    if (exit_code != CLI_OK) {
        return exit_code;
    }
    if (n == 2 && strcmp(words[0], "reset") == 0) {
        return change(c, words[1], json_null());
    }
    if (n == 2) {
        return change(c, words[0], value_of(words[1]));
    }
    json_t *settings = cli_ask(c, WHTNXT_METHOD_SETTINGS_GET, NULL, &exit_code);
    if (settings != NULL) {
        exit_code = show(c, settings, n == 1 ? words[0] : NULL);
    }
    json_decref(settings);
    return exit_code;
}

int cmd_settings(struct cli *c, int argc, char **argv)
{
    if (!cli_only_json(c, argc, argv)) {
        return CLI_USAGE;
    }
    if (argc - optind > 2) {
        return cli_usage_of("settings");
    }
    return run(c, argc - optind, argv + optind);
}
