#include "cli/cli.h"

#include "ipc/std.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static const char *read_env(void *ctx, const char *name)
{
    (void)ctx;
    return getenv(name);
}

static int choose_paths(struct cli *c, const char *option)
{
    const char *profile;
    if (whtnxt_profile_choose(option, read_env, NULL, &profile) != 0) {
        cli_complain(c, "That is no profile name: a-z, 0-9, - and _, at most 32 characters.", "");
        return CLI_USAGE;
    }
    const char *home = getenv("HOME");
    if (whtnxt_paths_init(&c->paths, profile, home != NULL ? home : "", read_env, NULL) != 0) {
        cli_complain(c, "There is no home folder: set HOME.", "");
        return CLI_FAILED;
    }
    return CLI_OK;
}

/* A success whose output was lost is none. */
static int finish(const struct cli *c, int exit_code)
{
    int written = cli_finish_output(c);
    return exit_code != CLI_OK ? exit_code : written;
}

static int run_command(struct cli *c, int argc, char **argv)
{
    if (argc == 0) {
        return finish(c, cmd_home(c));
    }
    const struct command *cmd = cli_find_command(argv[0]);
    if (cmd == NULL) {
        return cli_complain_unknown(c, argv[0]);
    }
    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        char *help[] = {argv[0], argv[0]};
        return finish(c, cmd_help(c, 2, help));
    }
    /* getopt starts anew; usage is that of the command. */
    char name[32];
    snprintf(name, sizeof(name), "whtnxt %s", cmd->name);
    argv[0] = name;
    optind = 0;
    return finish(c, cmd->run(c, argc, argv));
}

enum { OPT_PROFILE = 1, OPT_NO_COLOR, OPT_VERSION };

int main(int argc, char **argv)
{
    static const struct option table[] = {
        {"profile", required_argument, NULL, OPT_PROFILE},
        {"no-color", no_argument, NULL, OPT_NO_COLOR},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, OPT_VERSION},
        {NULL, 0, NULL, 0},
    };
    struct cli c = {.json = false};
    const char *profile = NULL;
    bool no_color = false;
    if (whtnxt_std_open() != 0) {
        return CLI_FAILED;
    }
    close_range(3, ~0U, 0);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    whtnxt_json_init();
    cli_init_color(&c, false);
    /* "+": options behind the command are the command's. */
    for (int o = cli_option(&c, argc, argv, "+h", table); o != CLI_OPTIONS_END;
         o = cli_option(&c, argc, argv, "+h", table)) {
        if (o == 'h') {
            cli_print_help();
            return cli_finish_output(&c);
        }
        if (o == OPT_VERSION) {
            printf("whtnxt %s\n", LP2P_VERSION);
            return cli_finish_output(&c);
        }
        if (o == CLI_OPTION_BAD) {
            fputs("        whtnxt help lists all options.\n", stderr);
            return CLI_USAGE;
        }
        profile = o == OPT_PROFILE ? optarg : profile;
        no_color |= o == OPT_NO_COLOR;
    }
    cli_init_color(&c, no_color);
    int exit_code = choose_paths(&c, profile);
    return exit_code != CLI_OK ? exit_code : run_command(&c, argc - optind, argv + optind);
}
