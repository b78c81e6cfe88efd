#include "cli/cli.h"

#include <stdio.h>

/* What is known of a remembered peer, in words. */
static void print_marks(const json_t *p)
{
    static const struct {
        const char *key;
        const char *text;
    } rows[] = {
        {"wanted", "kept connected"}, {"blocked", "blocked"}, {"refused", "disconnected by you"}};
    const char *between = "  ";
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (json_is_true(json_object_get(p, rows[i].key))) {
            printf("%s%s", between, rows[i].text);
            between = ", ";
        }
    }
}

static void print_remembered(const struct cli *c, const json_t *status)
{
    const json_t *list = json_object_get(status, "peers");
    size_t i;
    const json_t *p;
    if (json_array_size(list) == 0) {
        return;
    }
    printf("%sRemembered%s\n", cli_style_out(c, CLI_BOLD), cli_reset_out(c));
    json_array_foreach(list, i, p)
    {
        char name[80];
        const char *id = cli_text(p, "peerId");
        cli_peer_name(status, id, name);
        printf("  %s", name);
        print_marks(p);
        printf("  %s%s%s\n", cli_style_out(c, CLI_DIM), id, cli_reset_out(c));
    }
}

int cmd_peers(struct cli *c, int argc, char **argv)
{
    if (!cli_only_json(c, argc, argv)) {
        return CLI_USAGE;
    }
    if (optind != argc) {
        return cli_usage_of("peers");
    }
    int exit_code;
    json_t *status = cli_status(c, &exit_code);
    if (status == NULL) {
        return exit_code;
    }
    if (c->json) {
        json_t *o = json_pack("{s:O, s:O, s:O}", "connections",
                              json_object_get(status, "connections"), "discoveredPeers",
                              json_object_get(status, "discoveredPeers"), "peers",
                              json_object_get(status, "peers"));
        cli_print_json(o, false);
        json_decref(o);
    } else {
        cli_print_connections(c, stdout, status);
        cli_print_discovered(c, stdout, status);
        print_remembered(c, status);
    }
    json_decref(status);
    return CLI_OK;
}
