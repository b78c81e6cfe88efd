#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

/* Goodbyes take a second and a half at most, a start far less. */
#define RESTART_DEADLINE_MS 10000U
#define LOOK_MS             50U

/* What tells the old one from the new one. */
struct before {
    char boot[40];
    uint64_t pid;
};

static void note(const json_t *status, struct before *b)
{
    snprintf(b->boot, sizeof(b->boot), "%s", cli_text(status, "boot"));
    b->pid = cli_number(json_object_get(status, "node"), "pid");
}

/* True when the new one runs, or has ended up where it will not by itself. */
static bool has_settled(const json_t *status, const struct before *b)
{
    const json_t *node = json_object_get(status, "node");
    const char *state = cli_text(node, "state");
    bool other = strcmp(cli_text(status, "boot"), b->boot) != 0 ||
                 cli_number(node, "pid") != b->pid;
    return other && (strcmp(state, "running") == 0 || strcmp(state, "stopped") == 0 ||
                     strcmp(state, "unstable") == 0);
}

static int report(const struct cli *c, const json_t *status, const struct before *b)
{
    const json_t *node = json_object_get(status, "node");
    if (strcmp(cli_text(node, "state"), "running") == 0) {
        bool all = strcmp(cli_text(status, "boot"), b->boot) != 0;
        fprintf(stderr,
                all ? "WhatNext was started anew, version %s.\n"
                    : "The network part was started anew, version %s.\n",
                cli_text(node, "version"));
        return CLI_OK;
    }
    const json_t *error = json_object_get(node, "error");
    enum whtnxt_cause cause = whtnxt_cause_find(cli_text(error, "code"));
    cli_complain(c, cli_text(error, "text"), cli_text(error, "action"));
    return cause != WHTNXT_CAUSE_NONE ? whtnxt_cause_exit(cause) : CLI_DOWN;
}

/* Main may be away for a moment while it becomes another program. */
static int wait_settled(struct cli *c, const struct before *b)
{
    uint64_t deadline = cli_now_ms() + RESTART_DEADLINE_MS;
    while (cli_now_ms() < deadline) {
        struct whtnxt_answer a = {.result = NULL};
        bool answered = cli_call(c, WHTNXT_METHOD_GET_STATUS, NULL, CLI_POLL_DEADLINE_MS, &a) == 0;
        bool settled = answered && has_settled(a.result, b);
        int exit_code = settled ? report(c, a.result, b) : CLI_DOWN;
        whtnxt_answer_fini(&a);
        if (settled) {
            return exit_code;
        }
        cli_sleep_ms(LOOK_MS);
    }
    cli_complain(c, "WhatNext does not come back.", "See: whtnxt status, whtnxt log");
    return CLI_DOWN;
}

int cmd_restart(struct cli *c, int argc, char **argv)
{
    if (!cli_no_options(c, argc, argv)) {
        return CLI_USAGE;
    }
    if (optind != argc) {
        return cli_usage_of("restart");
    }
    bool started;
    struct before b;
    int exit_code = cli_start_main(c, &started);
    if (exit_code != CLI_OK || started) {
        fputs(exit_code == CLI_OK ? "WhatNext was not running; it is now.\n" : "", stderr);
        return exit_code;
    }
    json_t *status = cli_status(c, &exit_code);
    if (status == NULL) {
        return exit_code;
    }
    note(status, &b);
    json_decref(status);
    json_t *result = cli_ask(c, WHTNXT_METHOD_RESTART_NODE, NULL, &exit_code);
    if (result == NULL) {
        return exit_code;
    }
    json_decref(result);
    return wait_settled(c, &b);
}
