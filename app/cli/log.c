#include "cli/cli.h"

#include "lp2p/error.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLLOW_MS 1000U
/* So much of the file is shown: about a hundred lines. */
#define FILE_END 8192U

static void print_line(const struct cli *c, const json_t *line)
{
    if (c->json) {
        cli_print_json(line, true);
        return;
    }
    char when[16];
    const char *level = cli_text(line, "level");
    const char *code = cli_text(line, "code");
    enum cli_style style = strcmp(level, "error") == 0     ? CLI_RED
                           : strcmp(level, "warning") == 0 ? CLI_YELLOW
                                                           : CLI_PLAIN;
    cli_format_time(cli_number(line, "time"), when);
    printf("%s%s%s  %s%-7s%s  %s%s%s\n", cli_style_out(c, CLI_DIM), when, cli_reset_out(c),
           cli_style_out(c, style), level, cli_reset_out(c), code, *code != '\0' ? "  " : "",
           cli_text(line, "text"));
}

/* How far we are in which main's log. */
struct reading {
    char boot[40];
    uint64_t after;
    bool down;
};

/* One answer; true when there is more to be had at once. */
static bool take(struct cli *c, struct reading *r, const json_t *result)
{
    const char *boot = cli_text(result, "boot");
    size_t i;
    const json_t *line;
    if (strcmp(r->boot, boot) != 0) {
        /* Another main, which counts from the beginning. */
        bool again = r->after != 0;
        snprintf(r->boot, sizeof(r->boot), "%s", boot);
        r->after = 0;
        if (again) {
            return true;
        }
    }
    if (json_is_true(json_object_get(result, "lost"))) {
        fputs("(lines are missing here: there were too many at once)\n", stderr);
    }
    uint64_t before = r->after;
    json_array_foreach(json_object_get(result, "lines"), i, line)
    {
        print_line(c, line);
        r->after = cli_number(line, "id");
    }
    fflush(stdout);
    return r->after != before && r->after < cli_number(result, "last");
}

/* Prints all that is new; an error of the call, or 0 and the exit code. */
static int read_on(struct cli *c, struct reading *r, int *ret_exit)
{
    bool more = true;
    *ret_exit = CLI_OK;
    while (more && *ret_exit == CLI_OK) {
        struct whtnxt_answer a = {.result = NULL};
        json_t *params = json_pack("{s:I}", "after", (json_int_t)r->after);
        int err = cli_call(c, WHTNXT_METHOD_GET_LOG, params, CLI_POLL_DEADLINE_MS, &a);
        if (err != 0) {
            return err;
        }
        more = a.result != NULL && take(c, r, a.result);
        if (a.result == NULL) {
            cli_complain(c, a.message, "");
            *ret_exit = CLI_FAILED;
        }
        whtnxt_answer_fini(&a);
    }
    return 0;
}

/* The end of the file that the last main has left, from the beginning of a line. */
static size_t read_file(const char *path, char text[static FILE_END])
{
    struct stat st;
    size_t n = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        off_t from = st.st_size > (off_t)FILE_END ? st.st_size - (off_t)FILE_END : 0;
        ssize_t got = pread(fd, text, FILE_END, from);
        n = got > 0 ? (size_t)got : 0;
        const char *line = from > 0 ? memchr(text, '\n', n) : NULL;
        if (line != NULL) {
            n -= (size_t)(line + 1 - text);
            memmove(text, line + 1, n);
        }
    }
    if (fd >= 0) {
        close(fd);
    }
    return n;
}

/* Nobody can be asked: where the log is, and for a person its end. */
static void show_file(const struct cli *c)
{
    static char text[FILE_END]; /* exception: 8 KiB */
    char path[WHTNXT_PATH_SIZE + 8];
    snprintf(path, sizeof(path), "%s/log", c->paths.state);
    size_t n = c->json ? 0 : read_file(path, text);
    fprintf(stderr, n > 0 ? "The end of the log before that, %s:\n" : "The log before that: %s\n",
            path);
    fwrite(text, 1, n, stdout);
}

/* What happens from now on, under whatever main, until nobody reads. */
static int follow_on(struct cli *c, struct reading *r)
{
    int exit_code = CLI_OK;
    while (exit_code == CLI_OK && !cli_is_output_gone()) {
        cli_sleep_ms(FOLLOW_MS);
        int err = read_on(c, r, &exit_code);
        if (err != 0 && !r->down) {
            (void)cli_complain_call(c, err);
        }
        r->down = err != 0;
    }
    return exit_code;
}

int cmd_log(struct cli *c, int argc, char **argv)
{
    static const struct option table[] = {
        {"json", no_argument, NULL, 'j'}, {"follow", no_argument, NULL, 'f'}, {NULL, 0, NULL, 0}};
    bool follow = false;
    for (int o = cli_option(c, argc, argv, "", table); o != CLI_OPTIONS_END;
         o = cli_option(c, argc, argv, "", table)) {
        if (o == CLI_OPTION_BAD) {
            return CLI_USAGE;
        }
        c->json |= o == 'j';
        follow |= o == 'f';
    }
    if (optind != argc) {
        return cli_usage_of("log");
    }
    struct reading r = {.after = 0};
    int exit_code;
    int err = read_on(c, &r, &exit_code);
    if (err != 0) {
        exit_code = cli_complain_call(c, err);
        if (err == -LP2P_E_REFUSED) {
            show_file(c);
        }
    }
    return follow && exit_code == CLI_OK ? follow_on(c, &r) : exit_code;
}
