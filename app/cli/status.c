#include "cli/cli.h"

#include "ipc/state.h"

#include <stdlib.h>
#include <stdio.h>
#include <string.h>

const char *cli_text(const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));
    return text != NULL ? text : "";
}

uint64_t cli_number(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    double d = json_number_value(v);
    return d > 0 ? (uint64_t)d : 0;
}

static const json_t *find_peer(const json_t *list, const char *key, const char *id)
{
    size_t i;
    const json_t *p;
    json_array_foreach(list, i, p)
    {
        if (strcmp(cli_text(p, key), id) == 0) {
            return p;
        }
    }
    return NULL;
}

void cli_peer_name(const json_t *status, const char *id, char out[static 80])
{
    const json_t *known = find_peer(json_object_get(status, "peers"), "peerId", id);
    const char *alias = cli_text(known, "alias");
    if (*alias != '\0') {
        snprintf(out, 80, "%.70s", alias);
        return;
    }
    char shortened[WHTNXT_SHORT_ID_SIZE];
    whtnxt_short_id(id, shortened);
    snprintf(out, 80, "%s", shortened);
}

static void print_connection(const struct cli *c, FILE *out, const json_t *status,
                             const json_t *conn)
{
    char name[80];
    char latency[32] = "";
    const char *id = cli_text(conn, "peerId");
    cli_peer_name(status, id, name);
    double ms = json_number_value(json_object_get(conn, "latencyMs"));
    if (ms > 0) {
        snprintf(latency, sizeof(latency), ", %.1f ms", ms);
    }
    fprintf(out, "  %s%s%s  %s%s, %s  %s%s%s\n", cli_style_out(c, CLI_GREEN), name,
            cli_reset_out(c), cli_text(conn, "path"), latency,
            strcmp(cli_text(conn, "direction"), "outbound") == 0 ? "we connected"
                                                                 : "they connected",
            cli_style_out(c, CLI_DIM), id, cli_reset_out(c));
}

void cli_print_connections(const struct cli *c, FILE *out, const json_t *status)
{
    const json_t *list = json_object_get(status, "connections");
    size_t i;
    const json_t *conn;
    fprintf(out, "%sConnected%s\n", cli_style_out(c, CLI_BOLD), cli_reset_out(c));
    json_array_foreach(list, i, conn)
    {
        print_connection(c, out, status, conn);
    }
    if (json_array_size(list) == 0) {
        fprintf(out, "  nobody yet: send your link, or paste one\n");
    }
}

static bool is_connected(const json_t *status, const char *id)
{
    size_t i;
    const json_t *v;
    json_array_foreach(json_object_get(status, "connectedPeers"), i, v)
    {
        const char *text = json_string_value(v);
        if (text != NULL && strcmp(text, id) == 0) {
            return true;
        }
    }
    return false;
}

/* Peers that run WhatNext are listed; other libp2p nodes are counted. */
void cli_print_discovered(const struct cli *c, FILE *out, const json_t *status)
{
    size_t i;
    size_t shown = 0;
    size_t others = 0;
    const json_t *p;
    fprintf(out, "%sOn this network%s\n", cli_style_out(c, CLI_BOLD), cli_reset_out(c));
    json_array_foreach(json_object_get(status, "discoveredPeers"), i, p)
    {
        char name[80];
        const char *id = cli_text(p, "peerId");
        if (!json_is_true(json_object_get(p, "app"))) {
            others++;
            continue;
        }
        cli_peer_name(status, id, name);
        fprintf(out, "  %s%s  %s%s%s\n", name, is_connected(status, id) ? " (connected)" : "",
                cli_style_out(c, CLI_DIM), id, cli_reset_out(c));
        shown++;
    }
    if (shown == 0) {
        fprintf(out, "  no other WhatNext seen\n");
    }
    if (others > 0) {
        fprintf(out, "  %zu other libp2p node%s\n", others, others == 1 ? "" : "s");
    }
}

static void print_attempts(const struct cli *c, FILE *out, const json_t *status)
{
    size_t i;
    const json_t *a;
    json_array_foreach(json_object_get(status, "attempts"), i, a)
    {
        const char *stage = cli_text(a, "stage");
        if (strcmp(stage, "connected") == 0 || strcmp(stage, "cancelled") == 0) {
            continue;
        }
        char name[80];
        const char *text = cli_text(a, "text");
        cli_peer_name(status, cli_text(a, "peerId"), name);
        /* The text of a failure names the peer itself. */
        fprintf(out, "  %s%s%s  %s\n", cli_style_out(c, CLI_YELLOW), *text != '\0' ? stage : name,
                cli_reset_out(c), *text != '\0' ? text : stage);
    }
}

static void print_node(const struct cli *c, FILE *out, const json_t *status)
{
    const json_t *node = json_object_get(status, "node");
    const char *state = cli_text(node, "state");
    if (json_is_true(json_object_get(node, "restartNeeded"))) {
        fprintf(out, "%sWhat runs is not what is set or installed: whtnxt restart%s\n",
                cli_style_out(c, CLI_YELLOW), cli_reset_out(c));
    }
    if (strcmp(state, "running") == 0) {
        return;
    }
    const json_t *error = json_object_get(node, "error");
    const char *text = cli_text(error, "text");
    fprintf(out, "%s", cli_style_out(c, CLI_YELLOW));
    if (*text != '\0') {
        fprintf(out, "%s", text);
    } else {
        fprintf(out, "The network part is %s.", state);
    }
    fprintf(out, "%s\n", cli_reset_out(c));
}

void cli_print_status(const struct cli *c, FILE *out, const json_t *status)
{
    const char *link = cli_text(json_object_get(status, "link"), "url");
    fprintf(out, "%sYour link%s\n  %s\n", cli_style_out(c, CLI_BOLD), cli_reset_out(c),
            *link != '\0' ? link : "starting...");
    print_node(c, out, status);
    cli_print_connections(c, out, status);
    print_attempts(c, out, status);
    cli_print_discovered(c, out, status);
    fflush(out);
}

int cmd_status(struct cli *c, int argc, char **argv)
{
    static const struct option table[] = {
        {"json", no_argument, NULL, 'j'}, {"watch", no_argument, NULL, 'w'}, {NULL, 0, NULL, 0}};
    bool watching = false;
    for (int o = cli_option(c, argc, argv, "", table); o != CLI_OPTIONS_END;
         o = cli_option(c, argc, argv, "", table)) {
        if (o == CLI_OPTION_BAD) {
            return CLI_USAGE;
        }
        c->json |= o == 'j';
        watching |= o == 'w';
    }
    if (optind != argc) {
        return cli_usage_of("status");
    }
    if (watching) {
        return cli_watch(c);
    }
    int exit_code;
    json_t *status = cli_status(c, &exit_code);
    if (status == NULL) {
        return exit_code;
    }
    if (c->json) {
        cli_print_json(status, false);
    } else {
        cli_print_status(c, stdout, status);
    }
    json_decref(status);
    return CLI_OK;
}
