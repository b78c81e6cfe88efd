#include "cli/cli.h"

#include "link/link.h"
#include "lp2p/peer_id.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Main says goodbye to all peers first. */
#define DOWN_DEADLINE_MS 5000U

static int no_options(int argc, char **argv)
{
    static const struct option table[] = {{NULL, 0, NULL, 0}};
    return getopt_long(argc, argv, "", table, NULL) == -1 ? 0 : -1;
}

int cmd_up(struct cli *c, int argc, char **argv)
{
    static const struct option table[] = {{"foreground", no_argument, NULL, 'f'},
                                          {NULL, 0, NULL, 0}};
    bool foreground = false;
    for (int o = getopt_long(argc, argv, "", table, NULL); o != -1;
         o = getopt_long(argc, argv, "", table, NULL)) {
        if (o == '?') {
            return cli_usage_of("up");
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
        fputs(started ? "WhatNext is running.\n" : "WhatNext is running already.\n", stderr);
    }
    return exit_code;
}

int cmd_down(struct cli *c, int argc, char **argv)
{
    if (no_options(argc, argv) != 0 || optind != argc) {
        return cli_usage_of("down");
    }
    int pidfd = cli_watch_main(c);
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
        const char *stage = cli_text(a, "stage");
        bool ended = strcmp(stage, "connected") == 0 || strcmp(stage, "failed") == 0 ||
                     strcmp(stage, "cancelled") == 0;
        if (!ended && cli_number(a, "id") > newest) {
            newest = cli_number(a, "id");
        }
    }
    return newest;
}

static int find_newest(struct cli *c, uint64_t *ret)
{
    int exit_code;
    json_t *status = cli_status(c, &exit_code);
    if (status != NULL) {
        *ret = newest_attempt(status);
        if (*ret == 0) {
            exit_code = cli_complain_cause(c, WHTNXT_CAUSE_ATTEMPT_UNKNOWN);
        }
    }
    json_decref(status);
    return exit_code;
}

int cmd_cancel(struct cli *c, int argc, char **argv)
{
    if (no_options(argc, argv) != 0 || optind + 1 < argc) {
        return cli_usage_of("cancel");
    }
    uint64_t attempt = 0;
    int exit_code = CLI_OK;
    if (optind == argc) {
        exit_code = find_newest(c, &attempt);
    } else {
        char *end;
        errno = 0;
        attempt = strtoull(argv[optind], &end, 10);
        if (errno != 0 || *end != '\0' || end == argv[optind] || argv[optind][0] == '-') {
            return cli_usage_of("cancel");
        }
    }
    if (exit_code != CLI_OK) {
        return exit_code;
    }
    json_t *params = json_pack("{s:I}", "attempt", (json_int_t)attempt);
    json_t *result = cli_ask(c, WHTNXT_METHOD_CANCEL, params, &exit_code);
    json_decref(result);
    return exit_code;
}

/* The id in `list` of the peer that is shown by this name. */
static void find_name(const json_t *status, const char *list, const char *text,
                      char out[static LP2P_PEER_ID_TEXT_SIZE])
{
    size_t i;
    const json_t *p;
    json_array_foreach(json_object_get(status, list), i, p)
    {
        char name[80];
        const char *id = cli_text(p, "peerId");
        cli_peer_name(status, id, name);
        if (strcmp(name, text) == 0) {
            snprintf(out, LP2P_PEER_ID_TEXT_SIZE, "%s", id);
        }
    }
}

/* A peer id, a link, or the name by which a peer is shown: what a person has at hand. */
static void resolve_peer(struct cli *c, const char *text, char out[static LP2P_PEER_ID_TEXT_SIZE])
{
    static struct whtnxt_link link; /* exception: too large for the stack's taste */
    struct whtnxt_link_fault fault;
    enum whtnxt_link_kind kind;
    int exit_code;
    if (whtnxt_link_read(text, strlen(text), &link, &kind, &fault) == 0) {
        lp2p_peer_id_format(&link.id, out);
        return;
    }
    snprintf(out, LP2P_PEER_ID_TEXT_SIZE, "%s", text);
    json_t *status = cli_status(c, &exit_code);
    find_name(status, "connections", text, out);
    find_name(status, "peers", text, out);
    json_decref(status);
}

int cmd_disconnect(struct cli *c, int argc, char **argv)
{
    if (no_options(argc, argv) != 0 || optind + 1 != argc) {
        return cli_usage_of("disconnect");
    }
    char id[LP2P_PEER_ID_TEXT_SIZE];
    int exit_code;
    resolve_peer(c, argv[optind], id);
    json_t *result = cli_ask(c, WHTNXT_METHOD_DISCONNECT, json_pack("{s:s}", "peerId", id),
                             &exit_code);
    json_decref(result);
    return exit_code;
}

int cmd_version(struct cli *c, int argc, char **argv)
{
    if (no_options(argc, argv) != 0 || optind != argc) {
        return cli_usage_of("version");
    }
    printf("whtnxt %s\n", LP2P_VERSION);
    struct whtnxt_answer a = {.result = NULL};
    if (cli_call(c, WHTNXT_METHOD_GET_VERSION, NULL, CLI_POLL_DEADLINE_MS, &a) == 0) {
        const char *running = cli_text(a.result, "version");
        if (*running != '\0' && strcmp(running, LP2P_VERSION) != 0) {
            printf("running: %s (restart to use the new one)\n", running);
        }
        whtnxt_answer_fini(&a);
    }
    return CLI_OK;
}
