#include "cli/cli.h"

#include "base/mem.h"
#include "cli/screen.h"
#include "link/link.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The picture is asked for again this long after the last answer (DESIGN 2). */
#define POLL_MS 1000
/* A pasted text, with its NUL: as much as is searched for a link. */
#define PASTE_MAX (WHTNXT_LINK_MAX_PASTE + 1)
/* The next line of the same paste is there sooner, typed text comes later. */
#define PASTE_MS 30
/* "Your link", and the link. */
#define LINK_LINES 2U
/* What fits a terminal is far less. */
#define VIEW_MAX (1024U * 1024U)

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

static void clear(void)
{
    fputs(cli_is_dumb() ? "" : "\033[H\033[2J", stdout);
    fflush(stdout);
}

/* What fits the terminal, the link first; the hint below it is always there. */
static int lay_out(struct lp2p_span text, struct lp2p_buf *out)
{
    static const char hint[] = "Paste a link and press Enter to connect; Ctrl+D ends this view, "
                               "WhatNext keeps running.";
    struct lp2p_buf below;
    unsigned columns = 80;
    unsigned rows = 24;
    (void)cli_terminal_size(&columns, &rows);
    lp2p_buf_init(&below, lp2p_mem_default(), VIEW_MAX);
    int takes = cli_screen_wrap(hint, columns, &below);
    int err = takes < 0 ? takes : 0;
    if (err == 0) {
        /* An empty row above the hint, and one below it for what is typed. */
        size_t taken = (size_t)takes + 2;
        struct cli_room room = {
            .columns = columns, .rows = rows > taken ? rows - taken : 0, .keep = LINK_LINES};
        err = cli_screen_fit(text, &room, out);
    }
    if (err == 0) {
        err = lp2p_buf_append(out, "\n", 1);
    }
    if (err == 0) {
        err = lp2p_buf_append(out, below.p, below.len);
    }
    lp2p_buf_fini(&below);
    return err;
}

static void draw(const struct cli *c, const json_t *status)
{
    struct lp2p_buf out;
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    if (f == NULL) {
        return;
    }
    cli_print_status(c, f, status);
    fclose(f);
    lp2p_buf_init(&out, lp2p_mem_default(), VIEW_MAX);
    if (text != NULL && lay_out(lp2p_span((const uint8_t *)text, n), &out) == 0) {
        clear();
        fwrite(out.p, 1, out.len, stdout);
        fflush(stdout);
    }
    lp2p_buf_fini(&out);
    free(text);
}

struct paste {
    bool ended; /* no more will come */
    char text[PASTE_MAX];
};

/* All that is there: a paste of several lines comes line by line. */
static void read_paste(struct paste *paste)
{
    struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
    size_t len = 0;
    do {
        ssize_t n = read(STDIN_FILENO, paste->text + len, PASTE_MAX - 1 - len);
        paste->ended = n <= 0;
        len += n > 0 ? (size_t)n : 0;
    } while (!paste->ended && len < PASTE_MAX - 1 && poll(&p, 1, PASTE_MS) > 0);
    paste->text[len] = '\0';
}

static bool is_blank(const char *text)
{
    return text[strspn(text, " \t\r\n")] == '\0';
}

/* Takes a pasted text; false at the end of input. */
static bool take_paste(struct cli *c)
{
    static struct paste paste; /* exception: 16 KiB */
    read_paste(&paste);
    while (!is_blank(paste.text)) {
        int exit_code;
        json_t *params = cli_connect_params(paste.text);
        json_t *result = cli_ask(c, WHTNXT_METHOD_CONNECT, params, &exit_code);
        json_decref(result);
        if (result != NULL || paste.ended) {
            break;
        }
        /* The reason stays readable before the picture is drawn again. */
        fputs("Paste the link, or press Enter to go on.\n", stderr);
        read_paste(&paste);
    }
    return !paste.ended;
}

/* What was drawn last, and whether it is still true. */
struct view {
    json_t *shown;
    bool down;
};

static void look(struct cli *c, struct view *v)
{
    struct whtnxt_answer a = {.result = NULL};
    int err = cli_call(c, WHTNXT_METHOD_GET_STATUS, NULL, CLI_POLL_DEADLINE_MS, &a);
    if (err != 0 && !v->down) {
        clear();
        (void)cli_complain_call(c, err);
        v->down = true;
    } else if (err == 0 && a.result != NULL &&
               (v->down || cli_take_resize() || has_changed(a.result, v->shown))) {
        v->down = false;
        draw(c, a.result);
        json_decref(v->shown);
        v->shown = json_incref(a.result);
    }
    whtnxt_answer_fini(&a);
}

static int live(struct cli *c)
{
    struct view v = {.shown = NULL};
    struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
    bool open = true;
    cli_catch_resize();
    while (open) {
        look(c, &v);
        if (poll(&p, 1, POLL_MS) > 0) {
            open = take_paste(c);
            json_decref(v.shown);
            v.shown = NULL;
        }
    }
    json_decref(v.shown);
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
