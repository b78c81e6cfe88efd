#include "cli/cli.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

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
        .name = "restart",
        .args = "",
        .summary = "start the network part anew, or all of WhatNext after an upgrade",
        .options = "",
        .example = "whtnxt restart",
        .run = cmd_restart,
    },
    {
        .name = "status",
        .args = "[--json] [--watch]",
        .summary = "show link, connections and peers",
        .options = "  --json         everything, for scripts (docs/ipc.md)\n"
                   "  --watch        again every second, in place on a terminal\n",
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
        .options = "  --timeout N    look and try for N seconds (15, and 10 of them looking)\n"
                   "  --json         print the ended attempt, for scripts\n",
        .example = "whtnxt connect 'whtnxt://connect/12D3KooW...'",
        .run = cmd_connect,
    },
    {
        .name = "cancel",
        .args = "[ATTEMPT]",
        .summary = "stop trying to connect; without the number of a try (status) the newest",
        .options = "",
        .example = "whtnxt cancel",
        .run = cmd_cancel,
    },
    {
        .name = "disconnect",
        .args = "LINK|PEERID|NAME",
        .summary = "end the connection to a peer; it is refused until you connect to it",
        .options = "",
        .example = "whtnxt disconnect 12D3KooW...",
        .run = cmd_disconnect,
    },
    {
        .name = "forget",
        .args = "LINK|PEERID|NAME",
        .summary = "forget all about a peer, a block too",
        .options = "",
        .example = "whtnxt forget Ann",
        .run = cmd_forget,
    },
    {
        .name = "block",
        .args = "LINK|PEERID|NAME",
        .summary = "refuse a peer until it is unblocked",
        .options = "",
        .example = "whtnxt block 12D3KooW...",
        .run = cmd_block,
    },
    {
        .name = "unblock",
        .args = "LINK|PEERID|NAME",
        .summary = "let a blocked peer connect again",
        .options = "",
        .example = "whtnxt unblock 12D3KooW...",
        .run = cmd_unblock,
    },
    {
        .name = "alias",
        .args = "LINK|PEERID|NAME [ALIAS]",
        .summary = "show or set your own name for a peer; '' removes it",
        .options = "",
        .example = "whtnxt alias 12D3KooW... Ann",
        .run = cmd_alias,
    },
    {
        .name = "peers",
        .args = "[--json]",
        .summary = "list peers: connected, on this network, remembered",
        .options = "  --json         for scripts\n",
        .example = "whtnxt peers",
        .run = cmd_peers,
    },
    {
        .name = "ping",
        .args = "[-c|--count N] [-i|--interval SECONDS] [--json] LINK|PEERID|NAME",
        .summary = "measure the way to a connected peer and back",
        .options = "  --count N      end after N pongs, else with Ctrl+C\n"
                   "  --interval S   wait S seconds between two pings (1, at least 0.1)\n"
                   "  --json         one JSON object a pong, and one for the summary\n",
        .example = "whtnxt ping -c 5 Ann",
        .run = cmd_ping,
    },
    {
        .name = "log",
        .args = "[--follow] [--json]",
        .summary = "show what happened",
        .options = "  --follow       and what happens from now on, after a restart too\n"
                   "  --json         one JSON object a line\n",
        .example = "whtnxt log --follow",
        .run = cmd_log,
    },
    {
        .name = "identity",
        .args = "show|new|import FILE|export FILE [--yes] [--force] [--base64] [--json]",
        .summary = "show, replace or save the key that your link stands for",
        .options = "  show           peer id, kind of key, and its file\n"
                   "  new            a new key, and so a new link; the old key is kept beside it\n"
                   "  import FILE    the key in FILE: libp2p's PrivateKey message, raw or base64\n"
                   "  export FILE    a copy that only you can read; - is standard output\n"
                   "  --yes          do not ask (new, import)\n"
                   "  --force        replace FILE (export)\n"
                   "  --base64       as text (export)\n"
                   "  --json         for scripts\n",
        .example = "whtnxt identity export ~/whtnxt.key",
        .run = cmd_identity,
    },
    {
        .name = "settings",
        .args = "[--json] [KEY [VALUE] | reset KEY]",
        .summary = "list, show or change settings",
        .options = "  --json         for scripts\n",
        .example = "whtnxt settings links.confirm always",
        .run = cmd_settings,
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

const struct command *cli_find_command(const char *name)
{
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}

int cli_usage_of(const char *name)
{
    const struct command *cmd = cli_find_command(name);
    if (cmd != NULL) {
        fprintf(stderr, "usage: whtnxt %s%s%s\n       whtnxt help %s\n", cmd->name,
                *cmd->args != '\0' ? " " : "", cmd->args, cmd->name);
    }
    return CLI_USAGE;
}

void cli_print_help(void)
{
    fputs("WhatNext connects two people's machines with a link.\n\n"
          "  whtnxt                           your link, and who is connected\n"
          "  whtnxt link                      print your link; send it by any chat\n"
          "  whtnxt connect 'whtnxt://...'    connect to whoever sent you a link\n\n"
          "Commands:\n",
          stdout);
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        printf("  %-12s %s\n", commands[i].name, commands[i].summary);
    }
    fputs("\nOptions for all commands, before the command:\n"
          "  --profile NAME   another identity on this computer (or WHTNXT_PROFILE)\n"
          "  --no-color       no colours (or NO_COLOR)\n"
          "  -h, --help, --version\n\n"
          "Exit codes: 0 done, 1 failed (also: no such peer or try), 2 wrong use or bad link,\n"
          "            3 not running, 4 connect found nobody there, 5 timed out,\n"
          "            130 cancelled by Ctrl+C\n",
          stdout);
}

int cli_complain_unknown(const struct cli *c, const char *word)
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
        cli_print_help();
        return CLI_OK;
    }
    if (argc > 2) {
        return cli_usage_of("help");
    }
    const struct command *cmd = cli_find_command(argv[1]);
    if (cmd == NULL) {
        return cli_complain_unknown(c, argv[1]);
    }
    printf("usage: whtnxt %s%s%s\n\n  %s\n\n%s%sexample: %s\n", cmd->name,
           *cmd->args != '\0' ? " " : "", cmd->args, cmd->summary, cmd->options,
           *cmd->options != '\0' ? "\n" : "", cmd->example);
    return CLI_OK;
}
