#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOLLOW_MS 1000U

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

/* Prints what is newer than `*after` and moves it on. */
static int print_after(struct cli *c, uint64_t *after)
{
    int exit_code;
    json_t *params = json_pack("{s:I}", "after", (json_int_t)*after);
    json_t *result = cli_ask(c, WHTNXT_METHOD_GET_LOG, params, &exit_code);
    size_t i;
    const json_t *line;
    json_array_foreach(json_object_get(result, "lines"), i, line)
    {
        print_line(c, line);
        *after = cli_number(line, "id");
    }
    fflush(stdout);
    json_decref(result);
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
    uint64_t after = 0;
    int exit_code = print_after(c, &after);
    while (follow && exit_code == CLI_OK && !cli_is_output_gone()) {
        cli_sleep_ms(FOLLOW_MS);
        exit_code = print_after(c, &after);
    }
    return exit_code;
}
