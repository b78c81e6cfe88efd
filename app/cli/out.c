#include "cli/cli.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const char *const styles[] = {
    [CLI_PLAIN] = "",         [CLI_BOLD] = "\033[1m",    [CLI_DIM] = "\033[2m",
    [CLI_GREEN] = "\033[32m", [CLI_YELLOW] = "\033[33m", [CLI_RED] = "\033[31m",
};

bool cli_is_dumb(void)
{
    const char *term = getenv("TERM");
    return term == NULL || strcmp(term, "dumb") == 0;
}

/* Off when not a terminal, with NO_COLOR, TERM=dumb or --no-color; judged for each stream (DESKTOP
 * 7). */
static bool wants_color(int fd, bool never)
{
    const char *no_color = getenv("NO_COLOR");
    if (never || (no_color != NULL && *no_color != '\0')) {
        return false;
    }
    return isatty(fd) == 1 && !cli_is_dumb();
}

void cli_init_color(struct cli *c, bool never)
{
    c->color_out = wants_color(STDOUT_FILENO, never);
    c->color_err = wants_color(STDERR_FILENO, never);
    c->live_err = isatty(STDERR_FILENO) == 1 && !cli_is_dumb();
}

const char *cli_style_out(const struct cli *c, enum cli_style s)
{
    return c->color_out ? styles[s] : "";
}

const char *cli_style_err(const struct cli *c, enum cli_style s)
{
    return c->color_err ? styles[s] : "";
}

const char *cli_reset_out(const struct cli *c)
{
    return c->color_out ? "\033[0m" : "";
}

const char *cli_reset_err(const struct cli *c)
{
    return c->color_err ? "\033[0m" : "";
}

void cli_complain(const struct cli *c, const char *text, const char *hint)
{
    fprintf(stderr, "%swhtnxt:%s %s\n", cli_style_err(c, CLI_RED), cli_reset_err(c), text);
    /* Some sentences say themselves what to do. */
    if (hint != NULL && *hint != '\0' && strstr(text, hint) == NULL) {
        fprintf(stderr, "        %s\n", hint);
    }
}

int cli_complain_cause(const struct cli *c, enum whtnxt_cause cause)
{
    char text[WHTNXT_CAUSE_TEXT_SIZE];
    whtnxt_cause_text(cause, NULL, text);
    cli_complain(c, text, whtnxt_cause_action(cause));
    return whtnxt_cause_exit(cause);
}

bool cli_is_output_gone(void)
{
    struct pollfd p = {.fd = STDOUT_FILENO};
    return ferror(stdout) || (poll(&p, 1, 0) > 0 && (p.revents & POLLERR) != 0);
}

bool cli_terminal_size(unsigned *ret_columns, unsigned *ret_rows)
{
    struct winsize size;
    if (isatty(STDOUT_FILENO) != 1 || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 ||
        size.ws_col == 0 || size.ws_row == 0) {
        return false;
    }
    *ret_columns = size.ws_col;
    *ret_rows = size.ws_row;
    return true;
}

int cli_finish_output(const struct cli *c)
{
    if (fflush(stdout) == 0 && !ferror(stdout)) {
        return CLI_OK;
    }
    cli_complain(c, "Standard output cannot be written.", "");
    return CLI_FAILED;
}

void cli_print_json(const json_t *v, bool one_line)
{
    size_t flags = JSON_PRESERVE_ORDER | (one_line ? JSON_COMPACT : JSON_INDENT(2)) |
                   JSON_REAL_PRECISION(9);
    /* What cannot be written is found by cli_finish_output. */
    (void)json_dumpf(v, stdout, flags);
    putchar('\n');
    fflush(stdout);
}
