#include "cli/cli.h"

#include "base/text.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static const struct command commands[] = {
    {
        .name = "up",
        .args = "[--foreground]",
        .summary = "start WhatNext",
        .options = "  --foreground   stay in this terminal and show the log\n",
        .example = "whtnxt up",
        .run = cmd_up,
    },
    {
        .name = "down",
        .args = "",
        .summary = "stop WhatNext; peers are told goodbye",
        .options = "",
        .example = "whtnxt down",
        .run = cmd_down,
    },
    {
        .name = "status",
        .args = "[--json] [--watch]",
        .summary = "show link, connections and peers",
        .options = "  --json         everything, for scripts (docs/ipc.md)\n"
                   "  --watch        again every second\n",
        .example = "whtnxt status --json",
        .run = cmd_status,
    },
    {
        .name = "link",
        .args = "[--qr] [--lan]",
        .summary = "print your link alone",
        .options = "  --qr           also as a QR code\n"
                   "  --lan          with the addresses of this computer in its own network,\n"
                   "                 for networks that hide computers from each other\n",
        .example = "whtnxt link --qr",
        .run = cmd_link,
    },
    {
        .name = "connect",
        .args = "[--timeout SECONDS] [--json] LINK|PEERID|MULTIADDR",
        .summary = "connect to the person who sent you a link",
        .options = "  --timeout N    give up after N seconds (15)\n"
                   "  --json         print the ended attempt, for scripts\n",
        .example = "whtnxt connect 'whtnxt://connect/12D3KooW...'",
        .run = cmd_connect,
    },
    {
        .name = "cancel",
        .args = "[ATTEMPT]",
        .summary = "stop trying to connect; without a number the newest try",
        .options = "",
        .example = "whtnxt cancel",
        .run = cmd_cancel,
    },
    {
        .name = "disconnect",
        .args = "LINK|PEERID|NAME",
        .summary = "end the connection to a peer",
        .options = "",
        .example = "whtnxt disconnect 12D3KooW...",
        .run = cmd_disconnect,
    },
    {
        .name = "peers",
        .args = "[--json]",
        .summary = "list connected, discovered and remembered peers",
        .options = "  --json         for scripts\n",
        .example = "whtnxt peers",
        .run = cmd_peers,
    },
    {
        .name = "log",
        .args = "[--follow] [--json]",
        .summary = "show what happened",
        .options = "  --follow       and what happens from now on\n"
                   "  --json         one JSON object a line\n",
        .example = "whtnxt log --follow",
        .run = cmd_log,
    },
    {
        .name = "version",
        .args = "",
        .summary = "print the version",
        .options = "",
        .example = "whtnxt version",
        .run = cmd_version,
    },
    {
        .name = "help",
        .args = "[COMMAND]",
        .summary = "explain a command",
        .options = "",
        .example = "whtnxt help connect",
        .run = cmd_help,
    },
};

const struct command *cli_commands(size_t *ret_n)
{
    *ret_n = sizeof(commands) / sizeof(commands[0]);
    return commands;
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}

int cli_usage(const struct command *cmd)
{
    fprintf(stderr, "usage: whtnxt %s %s\n       whtnxt help %s\n", cmd->name, cmd->args,
            cmd->name);
    return CLI_USAGE;
}

int cli_usage_of(const char *name)
{
    const struct command *cmd = find_command(name);
    return cmd != NULL ? cli_usage(cmd) : CLI_USAGE;
}

static void print_help(FILE *out)
{
    fputs("WhatNext connects two people's machines with a link.\n\n"
          "  whtnxt                           your link, and who is connected\n"
          "  whtnxt link                      print your link; send it by any chat\n"
          "  whtnxt connect 'whtnxt://...'    connect to whoever sent you a link\n\n"
          "Commands:\n",
          out);
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        fprintf(out, "  %-12s %s\n", commands[i].name, commands[i].summary);
    }
    fputs("\nOptions for all commands, before the command:\n"
          "  --profile NAME   another identity on this computer (or WHTNXT_PROFILE)\n"
          "  --no-color       no colours (or NO_COLOR)\n"
          "  --help, --version\n\n"
          "Exit codes: 0 done, 1 failed, 2 wrong use or bad link, 3 not running, 4 not found,\n"
          "            5 timed out, 130 cancelled by Ctrl+C\n",
          out);
}

static int complain_unknown(const struct cli *c, const char *word)
{
    char text[80];
    char hint[80] = "whtnxt help lists all commands.";
    char shown[48];
    const char *nearest = cli_nearest(word);
    lp2p_text_clean(lp2p_span_str(word), shown, sizeof(shown));
    snprintf(text, sizeof(text), "There is no command '%s'.", shown);
    if (nearest != NULL) {
        snprintf(hint, sizeof(hint), "Did you mean: whtnxt %s", nearest);
    }
    cli_complain(c, text, hint);
    return CLI_USAGE;
}

int cmd_help(struct cli *c, int argc, char **argv)
{
    if (argc < 2) {
        print_help(stdout);
        return CLI_OK;
    }
    if (argc > 2) {
        return cli_usage_of("help");
    }
    const struct command *cmd = find_command(argv[1]);
    if (cmd == NULL) {
        return complain_unknown(c, argv[1]);
    }
    printf("usage: whtnxt %s %s\n\n  %s\n\n%s%sexample: %s\n", cmd->name, cmd->args, cmd->summary,
           cmd->options, *cmd->options != '\0' ? "\n" : "", cmd->example);
    return CLI_OK;
}

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
    const struct command *cmd = find_command(argv[0]);
    if (cmd == NULL) {
        return complain_unknown(c, argv[0]);
    }
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        char *help[] = {argv[0], argv[0]};
        return finish(c, cmd_help(c, 2, help));
    }
    /* getopt starts anew, and complains in the name of all of it. */
    char name[32];
    snprintf(name, sizeof(name), "whtnxt %s", cmd->name);
    argv[0] = name;
    optind = 0;
    return finish(c, cmd->run(c, argc, argv));
}

enum { OPT_PROFILE = 1, OPT_NO_COLOR, OPT_HELP, OPT_VERSION };

int main(int argc, char **argv)
{
    static const struct option table[] = {
        {"profile", required_argument, NULL, OPT_PROFILE},
        {"no-color", no_argument, NULL, OPT_NO_COLOR},
        {"help", no_argument, NULL, OPT_HELP},
        {"version", no_argument, NULL, OPT_VERSION},
        {NULL, 0, NULL, 0},
    };
    struct cli c = {.json = false};
    const char *profile = NULL;
    bool no_color = false;
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    whtnxt_json_init();
    /* "+": options behind the command are the command's. */
    for (int o = getopt_long(argc, argv, "+", table, NULL); o != -1;
         o = getopt_long(argc, argv, "+", table, NULL)) {
        if (o == OPT_HELP) {
            print_help(stdout);
            return cli_finish_output(&c);
        }
        if (o == OPT_VERSION) {
            printf("whtnxt %s\n", LP2P_VERSION);
            return cli_finish_output(&c);
        }
        if (o == '?') {
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
