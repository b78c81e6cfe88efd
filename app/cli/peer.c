#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

/* One peer, one wish: the parameters beside `peerId` are in `params`, which is taken over. */
static int wish(struct cli *c, const char *text, enum whtnxt_method method, json_t *params)
{
    char id[WHTNXT_ID_SIZE];
    int exit_code = cli_find_peer(c, text, id);
    if (exit_code != CLI_OK) {
        json_decref(params);
        return exit_code;
    }
    json_object_set_new(params, "peerId", json_string(id));
    json_decref(cli_ask(c, method, params, &exit_code));
    return exit_code;
}

/* A command that takes a peer and nothing else. */
static int one_peer(struct cli *c, int argc, char **argv, const char *name,
                    enum whtnxt_method method)
{
    if (!cli_no_options(c, argc, argv)) {
        return CLI_USAGE;
    }
    if (optind + 1 != argc) {
        return cli_usage_of(name);
    }
    return wish(c, argv[optind], method, json_object());
}

int cmd_disconnect(struct cli *c, int argc, char **argv)
{
    return one_peer(c, argc, argv, "disconnect", WHTNXT_METHOD_DISCONNECT);
}

int cmd_forget(struct cli *c, int argc, char **argv)
{
    return one_peer(c, argc, argv, "forget", WHTNXT_METHOD_FORGET);
}

int cmd_block(struct cli *c, int argc, char **argv)
{
    return one_peer(c, argc, argv, "block", WHTNXT_METHOD_BLOCK);
}

int cmd_unblock(struct cli *c, int argc, char **argv)
{
    if (!cli_no_options(c, argc, argv)) {
        return CLI_USAGE;
    }
    if (optind + 1 != argc) {
        return cli_usage_of("unblock");
    }
    return wish(c, argv[optind], WHTNXT_METHOD_BLOCK, json_pack("{s:b}", "blocked", 0));
}

static int show_alias(struct cli *c, const char *text)
{
    char id[WHTNXT_ID_SIZE];
    int exit_code = cli_find_peer(c, text, id);
    json_t *status = exit_code == CLI_OK ? cli_status(c, &exit_code) : NULL;
    size_t i;
    const json_t *p;
    json_array_foreach(json_object_get(status, "peers"), i, p)
    {
        if (strcmp(cli_text(p, "peerId"), id) == 0 && *cli_text(p, "alias") != '\0') {
            puts(cli_text(p, "alias"));
        }
    }
    json_decref(status);
    return exit_code;
}

int cmd_alias(struct cli *c, int argc, char **argv)
{
    if (!cli_no_options(c, argc, argv)) {
        return CLI_USAGE;
    }
    if (optind + 1 == argc) {
        return show_alias(c, argv[optind]);
    }
    if (optind + 2 != argc) {
        return cli_usage_of("alias");
    }
    json_t *params = json_pack("{s:s}", "alias", argv[optind + 1]);
    if (params == NULL) {
        cli_complain(c, "That alias is no text (UTF-8).", "");
        return CLI_USAGE;
    }
    return wish(c, argv[optind], WHTNXT_METHOD_ALIAS, params);
}
