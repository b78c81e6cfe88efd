#include "cli/cli.h"

#include "base/mem.h"
#include "cli/screen.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A watch asks again this long after an answer (DESIGN 2). */
#define WATCH_MS 1000U
/* A picture at its limits is 4 MiB of JSON; what fits a screen is far less. */
#define FRAME_MAX (1024U * 1024U)

#define HIDE_CURSOR "\033[?25l"
#define SHOW_CURSOR "\033[?25h"

static void put_out(const void *p, size_t n)
{
    const uint8_t *bytes = p;
    while (n > 0) {
        ssize_t put = write(STDOUT_FILENO, bytes, n);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            return;
        }
        bytes += put;
        n -= (size_t)put;
    }
}

/* What is to be seen now: the status, or why there is none. The caller frees it. */
static char *picture(struct cli *c, size_t *ret_n)
{
    struct whtnxt_answer a = {.result = NULL};
    char *text = NULL;
    FILE *out = open_memstream(&text, ret_n);
    if (out == NULL) {
        return NULL;
    }
    if (cli_call(c, WHTNXT_METHOD_GET_STATUS, NULL, CLI_POLL_DEADLINE_MS, &a) == 0 &&
        a.result != NULL) {
        cli_print_status(c, out, a.result);
    } else {
        char why[WHTNXT_CAUSE_TEXT_SIZE];
        whtnxt_cause_text(WHTNXT_CAUSE_MAIN_DOWN, NULL, why);
        fprintf(out, "%s%s%s\n", cli_style_out(c, CLI_YELLOW), why, cli_reset_out(c));
    }
    whtnxt_answer_fini(&a);
    fclose(out);
    return text;
}

static void draw(struct cli_screen *s, const char *text, size_t n)
{
    unsigned columns = 80;
    unsigned rows = 24;
    struct lp2p_buf out;
    (void)cli_terminal_size(&columns, &rows);
    lp2p_buf_init(&out, lp2p_mem_default(), FRAME_MAX);
    if (cli_screen_draw(s, lp2p_span((const uint8_t *)text, n), columns, rows, &out) == 0) {
        put_out(lp2p_buf_span(&out).p, out.len);
    }
    lp2p_buf_fini(&out);
}

/* Sleeps until the next answer is due, and draws again when the size changes meanwhile. */
static void rest(struct cli_screen *s, const char *text, size_t n)
{
    uint64_t until = cli_now_ms() + WATCH_MS;
    for (uint64_t now = cli_now_ms(); now < until && !cli_is_interrupted(); now = cli_now_ms()) {
        cli_sleep_ms((unsigned)(until - now));
        if (cli_take_resize()) {
            draw(s, text, n);
        }
    }
}

static int watch_terminal(struct cli *c)
{
    static struct cli_screen screen; /* exception: 2 KiB of column counts */
    put_out(HIDE_CURSOR, strlen(HIDE_CURSOR));
    while (!cli_is_interrupted() && !cli_is_output_gone()) {
        size_t n = 0;
        char *text = picture(c, &n);
        if (text != NULL) {
            draw(&screen, text, n);
        }
        rest(&screen, text, n);
        free(text);
    }
    put_out(SHOW_CURSOR, strlen(SHOW_CURSOR));
    return CLI_CANCELLED;
}

/* One picture after the other, an empty line between them; JSON one a line. */
static int watch_stream(struct cli *c)
{
    bool first = true;
    bool down = false;
    while (!cli_is_interrupted()) {
        struct whtnxt_answer a = {.result = NULL};
        int err = cli_call(c, WHTNXT_METHOD_GET_STATUS, NULL, CLI_POLL_DEADLINE_MS, &a);
        if (err != 0 && !down) {
            (void)cli_complain_call(c, err);
        } else if (a.result != NULL && c->json) {
            cli_print_json(a.result, true);
        } else if (a.result != NULL) {
            fputs(first ? "" : "\n", stdout);
            cli_print_status(c, stdout, a.result);
            first = false;
        }
        down = err != 0;
        whtnxt_answer_fini(&a);
        if (cli_is_output_gone()) {
            return CLI_FAILED;
        }
        cli_sleep_ms(WATCH_MS);
    }
    return CLI_CANCELLED;
}

int cli_watch(struct cli *c)
{
    unsigned columns;
    unsigned rows;
    cli_catch_interrupts();
    return c->json || cli_is_dumb() || !cli_terminal_size(&columns, &rows) ? watch_stream(c)
                                                                           : watch_terminal(c);
}
