#include "cli/cli.h"

#include <stdio.h>

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
        char marks[80];
        char row[192];
        const char *id = cli_text(p, "peerId");
        cli_peer_name(status, id, name);
        cli_format_marks(p, marks);
        snprintf(row, sizeof(row), "%s%s%s", name, *marks != '\0' ? "  " : "", marks);
        cli_print_row(c, stdout, row, id);
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
