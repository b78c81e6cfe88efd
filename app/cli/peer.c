#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

struct wish {
    enum whtnxt_method method;
    json_t *params;   /* beside `peerId`, taken over; NULL: none */
    const char *said; /* on success, with one %s for the name; NULL: nothing */
};

/* Its name as it was before the wish: a forgotten peer has none after it. */
static void name_of(struct cli *c, const char *id, char out[static 80])
{
    struct whtnxt_answer a = {.result = NULL};
    (void)cli_call(c, WHTNXT_METHOD_GET_STATUS, NULL, CLI_POLL_DEADLINE_MS, &a);
    cli_peer_name(a.result, id, out);
    whtnxt_answer_fini(&a);
}

static int wish(struct cli *c, const char *text, struct wish w)
{
    char id[WHTNXT_ID_SIZE];
    char name[80];
    int exit_code = cli_find_peer(c, text, id);
    if (exit_code != CLI_OK) {
        json_decref(w.params);
        return exit_code;
    }
    name_of(c, id, name);
    json_t *params = w.params != NULL ? w.params : json_object();
    json_object_set_new(params, "peerId", json_string(id));
    json_t *result = cli_ask(c, w.method, params, &exit_code);
    if (result != NULL && w.said != NULL) {
        const char *at = strstr(w.said, "%s");
        fprintf(stderr, "%.*s%s%s\n", (int)(at - w.said), w.said, name, at + 2);
    }
    json_decref(result);
    return exit_code;
}

/* A command that takes a peer and nothing else. */
static int one_peer(struct cli *c, int argc, char **argv, const char *name, struct wish w)
{
    if (!cli_no_options(c, argc, argv)) {
        return CLI_USAGE;
    }
    if (optind + 1 != argc) {
        return cli_usage_of(name);
    }
    return wish(c, argv[optind], w);
}

int cmd_disconnect(struct cli *c, int argc, char **argv)
{
    return one_peer(c, argc, argv, "disconnect",
                    (struct wish){.method = WHTNXT_METHOD_DISCONNECT,
                                  .said = "Disconnected from %s. It cannot connect to you again "
                                          "until you connect to it."});
}

int cmd_forget(struct cli *c, int argc, char **argv)
{
    return one_peer(c, argc, argv, "forget",
                    (struct wish){.method = WHTNXT_METHOD_FORGET, .said = "%s is forgotten."});
}

int cmd_block(struct cli *c, int argc, char **argv)
{
    return one_peer(
        c, argc, argv, "block",
        (struct wish){.method = WHTNXT_METHOD_BLOCK,
                      .said = "%s is blocked: it cannot connect to you until you unblock it."});
}

int cmd_unblock(struct cli *c, int argc, char **argv)
{
    if (!cli_no_options(c, argc, argv)) {
        return CLI_USAGE;
    }
    if (optind + 1 != argc) {
        return cli_usage_of("unblock");
    }
    return wish(c, argv[optind],
                (struct wish){.method = WHTNXT_METHOD_BLOCK,
                              .params = json_pack("{s:b}", "blocked", 0),
                              .said = "%s is not blocked any more."});
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
    return wish(c, argv[optind], (struct wish){.method = WHTNXT_METHOD_ALIAS, .params = params});
}
