#include "cli/cli.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The picture is asked for again this long after the last answer (DESIGN 2). */
#define POLL_MS 1000
/* A pasted text; a link has at most 2 KiB, a redirect around it a little more. */
#define PASTE_MAX 8192U

static bool is_a_terminal(void)
{
    return isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1;
}

/* True when what is shown would be different: nothing is redrawn that did not change. */
static bool has_changed(const json_t *status, const json_t *shown)
{
    if (shown == NULL) {
        return true;
    }
    static const char *const keys[] = {"boot",     "node",  "link",           "connections",
                                       "attempts", "peers", "discoveredPeers"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (!json_equal(json_object_get(status, keys[i]), json_object_get(shown, keys[i]))) {
            return true;
        }
    }
    return false;
}

static void draw(const struct cli *c, const json_t *status)
{
    const char *term = getenv("TERM");
    if (term != NULL && strcmp(term, "dumb") != 0) {
        fputs("\033[H\033[2J", stdout);
    }
    cli_print_status(c, stdout, status);
    printf("\nPaste a link and press Enter to connect; Ctrl+D ends this view, WhatNext keeps "
           "running.\n");
    fflush(stdout);
}

/* Takes a pasted line; false at the end of input. */
static bool take_paste(struct cli *c)
{
    static char text[PASTE_MAX];
    if (fgets(text, sizeof(text), stdin) == NULL) {
        return false;
    }
    text[strcspn(text, "\r\n")] = '\0';
    if (text[0] == '\0') {
        return true;
    }
    int exit_code;
    json_t *result = cli_ask(c, WHTNXT_METHOD_CONNECT, cli_connect_params(text), &exit_code);
    if (result == NULL) {
        /* The reason stays readable before the picture is drawn again. */
        fputs("Press Enter to go on.\n", stderr);
        return fgets(text, sizeof(text), stdin) != NULL;
    }
    json_decref(result);
    return true;
}

static int live(struct cli *c)
{
    json_t *shown = NULL;
    bool down = false;
    /* Lines that came in one paste wait in the terminal, where poll sees them. */
    setvbuf(stdin, NULL, _IONBF, 0);
    for (;;) {
        struct whtnxt_answer a = {.result = NULL};
        if (cli_call(c, WHTNXT_METHOD_GET_STATUS, NULL, CLI_POLL_DEADLINE_MS, &a) != 0) {
            if (!down) {
                (void)cli_complain_cause(c, WHTNXT_CAUSE_MAIN_DOWN);
            }
            down = true;
        } else if (a.result != NULL && (down || has_changed(a.result, shown))) {
            down = false;
            draw(c, a.result);
            json_decref(shown);
            shown = json_incref(a.result);
        }
        whtnxt_answer_fini(&a);
        struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
        if (poll(&p, 1, POLL_MS) > 0) {
            if (!take_paste(c)) {
                break;
            }
            json_decref(shown);
            shown = NULL;
        }
    }
    json_decref(shown);
    return CLI_OK;
}

int cmd_home(struct cli *c)
{
    bool started;
    int exit_code = cli_start_main(c, &started);
    if (exit_code != CLI_OK) {
        return exit_code;
    }
    if (is_a_terminal()) {
        return live(c);
    }
    json_t *status = cli_status(c, &exit_code);
    if (status != NULL) {
        cli_print_status(c, stdout, status);
    }
    json_decref(status);
    return exit_code;
}
