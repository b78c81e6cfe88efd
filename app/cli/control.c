#include "cli/cli.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Main says goodbye to all peers first. */
#define DOWN_DEADLINE_MS 5000U

/* Main looks at a refused key again when it is asked, at most once a second. */
#define KEY_LOOKS   6
#define KEY_LOOK_MS 200U

/* Main runs with a key that cannot be used, but nothing else does. */
static int check_key(struct cli *c)
{
    int exit_code = CLI_OK;
    for (int i = 0; i < KEY_LOOKS; i++) {
        json_t *status = cli_status(c, &exit_code);
        const json_t *error = json_object_get(json_object_get(status, "node"), "error");
        bool refused = strcmp(cli_text(error, "code"), "KEY_REFUSED") == 0;
        if (refused && i + 1 == KEY_LOOKS) {
            cli_complain(c, cli_text(error, "text"), cli_text(error, "action"));
            exit_code = CLI_FAILED;
        }
        json_decref(status);
        if (!refused) {
            break;
        }
        cli_sleep_ms(KEY_LOOK_MS);
    }
    return exit_code;
}

int cmd_up(struct cli *c, int argc, char **argv)
{
    static const struct option table[] = {{"foreground", no_argument, NULL, 'f'},
                                          {NULL, 0, NULL, 0}};
    bool foreground = false;
    for (int o = cli_option(c, argc, argv, "", table); o != CLI_OPTIONS_END;
         o = cli_option(c, argc, argv, "", table)) {
        if (o == CLI_OPTION_BAD) {
            return CLI_USAGE;
        }
        foreground = true;
    }
    if (optind != argc) {
        return cli_usage_of("up");
    }
    if (foreground) {
        return cli_become_main(c);
    }
    bool started;
    int exit_code = cli_start_main(c, &started);
    if (exit_code == CLI_OK) {
        exit_code = check_key(c);
    }
    if (exit_code == CLI_OK) {
        fputs(started ? "WhatNext is running.\n" : "WhatNext is running already.\n", stderr);
    }
    return exit_code;
}

int cmd_down(struct cli *c, int argc, char **argv)
{
    if (!cli_no_options(c, argc, argv)) {
        return CLI_USAGE;
    }
    if (optind != argc) {
        return cli_usage_of("down");
    }
    int pidfd = cli_watch_main(c);
    if (pidfd < 0) {
        pidfd = cli_end_holder(c);
    }
    if (pidfd < 0) {
        fputs("WhatNext is not running.\n", stderr);
        return CLI_OK;
    }
    struct whtnxt_answer a = {.result = NULL};
    if (cli_call(c, WHTNXT_METHOD_QUIT, NULL, CLI_POLL_DEADLINE_MS, &a) == 0) {
        whtnxt_answer_fini(&a);
    }
    bool gone = cli_wait_gone(pidfd, DOWN_DEADLINE_MS);
    close(pidfd);
    if (!gone) {
        cli_complain(c, "WhatNext does not stop.", "");
    } else {
        fputs("WhatNext has stopped.\n", stderr);
    }
    return gone ? CLI_OK : CLI_FAILED;
}

/* The newest attempt that still runs; 0 when there is none. */
static uint64_t newest_attempt(const json_t *status)
{
    uint64_t newest = 0;
    size_t i;
    const json_t *a;
    json_array_foreach(json_object_get(status, "attempts"), i, a)
    {
        if (!cli_has_ended(a) && cli_number(a, "id") > newest) {
            newest = cli_number(a, "id");
        }
    }
    return newest;
}

static int cancel_in(struct cli *c, const json_t *status, uint64_t attempt)
{
    char name[80];
    int exit_code;
    const json_t *a = cli_find_attempt(status, attempt);
    bool remembered = strcmp(cli_text(a, "source"), "remembered") == 0;
    json_t *params = json_pack("{s:I}", "attempt", (json_int_t)attempt);
    json_t *result = cli_ask(c, WHTNXT_METHOD_CANCEL, params, &exit_code);
    if (result != NULL && a != NULL) {
        cli_peer_name(status, cli_text(a, "peerId"), name);
        fprintf(stderr, "Cancelled: connecting to %s.%s\n", name,
                remembered ? " It is not tried again until you connect to it." : "");
    }
    json_decref(result);
    return exit_code;
}

int cmd_cancel(struct cli *c, int argc, char **argv)
{
    if (!cli_no_options(c, argc, argv)) {
        return CLI_USAGE;
    }
    uint64_t attempt = 0;
    bool given = optind < argc;
    if (optind + 1 < argc || (given && !cli_parse_number(argv[optind], 1, INT64_MAX, &attempt))) {
        return cli_usage_of("cancel");
    }
    int exit_code;
    json_t *status = cli_status(c, &exit_code);
    if (status == NULL) {
        return exit_code;
    }
    attempt = given ? attempt : newest_attempt(status);
    exit_code = attempt == 0 ? cli_complain_cause(c, WHTNXT_CAUSE_ATTEMPT_UNKNOWN)
                             : cancel_in(c, status, attempt);
    json_decref(status);
    return exit_code;
}

int cmd_version(struct cli *c, int argc, char **argv)
{
    if (!cli_no_options(c, argc, argv)) {
        return CLI_USAGE;
    }
    if (optind != argc) {
        return cli_usage_of("version");
    }
    printf("whtnxt %s\n", LP2P_VERSION);
    struct whtnxt_answer a = {.result = NULL};
    if (cli_call(c, WHTNXT_METHOD_GET_VERSION, NULL, CLI_POLL_DEADLINE_MS, &a) == 0) {
        const char *running = cli_text(a.result, "version");
        if (*running != '\0' && strcmp(running, LP2P_VERSION) != 0) {
            printf("running: %s (to use the new one: whtnxt restart)\n", running);
        }
        whtnxt_answer_fini(&a);
    }
    return CLI_OK;
}
