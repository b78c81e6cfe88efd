#include "cli/cli.h"

#include "cli/screen.h"
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

/* What main calls it: alias, else the link's name in quotes, else the short id (DESIGN 5). The
 * short id of one list is no answer while another knows a name. */
void cli_peer_name(const json_t *status, const char *id, char out[static 80])
{
    static const char *const lists[] = {"peers", "connections", "attempts", "discoveredPeers"};
    char shortened[WHTNXT_SHORT_ID_SIZE];
    whtnxt_short_id(id, shortened);
    snprintf(out, 80, "%s", shortened);
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        const json_t *p = find_peer(json_object_get(status, lists[i]), "peerId", id);
        const char *name = cli_text(p, "displayName");
        if (*name != '\0' && strcmp(name, shortened) != 0) {
            snprintf(out, 80, "%.79s", name);
            return;
        }
    }
}

void cli_print_row(const struct cli *c, FILE *out, const char *text, const char *id)
{
    unsigned columns;
    unsigned rows;
    unsigned takes = cli_screen_columns(lp2p_span_str(text)) + 4 + (unsigned)strlen(id);
    if (cli_terminal_size(&columns, &rows) && takes > columns) {
        fprintf(out, "  %s\n", text);
        return;
    }
    fprintf(out, "  %s  %s%s%s\n", text, cli_style_out(c, CLI_DIM), id, cli_reset_out(c));
}

const char *cli_stage_text(const char *stage)
{
    static const struct {
        const char *stage;
        const char *text;
    } rows[] = {
        {"queued", "waiting for the network part"},
        {"looking", "looking on this network"},
        {"dialing", "dialing"},
        {"securing", "securing"},
        {"identifying", "identifying"},
        {"waiting", "waiting for the next try"},
        {"connected", "connected"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strcmp(rows[i].stage, stage) == 0) {
            return rows[i].text;
        }
    }
    return stage;
}

bool cli_has_ended(const json_t *attempt)
{
    const char *stage = cli_text(attempt, "stage");
    return strcmp(stage, "connected") == 0 || strcmp(stage, "failed") == 0 ||
           strcmp(stage, "cancelled") == 0;
}

static bool is_trying(const json_t *status)
{
    size_t i;
    const json_t *a;
    json_array_foreach(json_object_get(status, "attempts"), i, a)
    {
        if (!cli_has_ended(a)) {
            return true;
        }
    }
    return false;
}

static void print_connection(const struct cli *c, FILE *out, const json_t *status,
                             const json_t *conn)
{
    char name[80];
    char latency[32] = "";
    char row[256];
    const char *id = cli_text(conn, "peerId");
    bool ours = strcmp(cli_text(conn, "direction"), "outbound") == 0;
    cli_peer_name(status, id, name);
    double ms = json_number_value(json_object_get(conn, "latencyMs"));
    if (ms > 0) {
        snprintf(latency, sizeof(latency), ", %.1f ms", ms);
    }
    snprintf(row, sizeof(row), "%s%s%s  %.16s%s, %s", cli_style_out(c, CLI_GREEN), name,
             cli_reset_out(c), cli_text(conn, "path"), latency,
             ours ? "we connected" : "they connected");
    cli_print_row(c, out, row, id);
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
    if (json_array_size(list) == 0 && is_trying(status)) {
        fprintf(out, "  nobody yet\n");
    } else if (json_array_size(list) == 0) {
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

void cli_format_marks(const json_t *p, char out[static 80])
{
    static const struct {
        const char *key;
        const char *text;
    } rows[] = {
        {"wanted", "kept connected"}, {"blocked", "blocked"}, {"refused", "refused by you"}};
    size_t n = 0;
    out[0] = '\0';
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (json_is_true(json_object_get(p, rows[i].key))) {
            n += (size_t)snprintf(out + n, 80 - n, "%s%s", n > 0 ? ", " : "", rows[i].text);
        }
    }
}

/* One on this network: whether it is connected, or why it will not be. */
static void print_seen(const struct cli *c, FILE *out, const json_t *status, const char *id)
{
    char name[80];
    char row[192];
    const json_t *known = find_peer(json_object_get(status, "peers"), "peerId", id);
    const char *mark = is_connected(status, id)                          ? " (connected)"
                       : json_is_true(json_object_get(known, "blocked")) ? " (blocked)"
                       : json_is_true(json_object_get(known, "refused")) ? " (refused by you)"
                                                                         : "";
    cli_peer_name(status, id, name);
    snprintf(row, sizeof(row), "%s%s", name, mark);
    cli_print_row(c, out, row, id);
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
        if (!json_is_true(json_object_get(p, "app"))) {
            others++;
            continue;
        }
        print_seen(c, out, status, cli_text(p, "peerId"));
        shown++;
    }
    if (shown == 0) {
        fprintf(out, "  no other WhatNext seen\n");
    }
    if (others > 0) {
        fprintf(out, "  %zu other libp2p node%s\n", others, others == 1 ? "" : "s");
    }
}

/* Who, how far, and why: what ended says it in its text, what waits says what it waits for; the
 * text of a try that runs is that of an earlier one. */
static void print_attempt(const struct cli *c, FILE *out, const json_t *status, const json_t *a)
{
    char name[80];
    char number[40] = "";
    const char *stage = cli_text(a, "stage");
    const char *text = cli_text(a, "text");
    bool ended = cli_has_ended(a);
    bool says = *text != '\0' && (ended || strcmp(stage, "waiting") == 0);
    cli_peer_name(status, cli_text(a, "peerId"), name);
    if (!ended) {
        snprintf(number, sizeof(number), " (try %llu)", (unsigned long long)cli_number(a, "id"));
    }
    fprintf(out, "  %s%s%s  %s%s%s%s\n", cli_style_out(c, CLI_YELLOW), name, cli_reset_out(c),
            cli_stage_text(stage), number, says ? ": " : "", says ? text : "");
}

/* What runs, and what failed and is not repaired yet. */
static void print_attempts(const struct cli *c, FILE *out, const json_t *status)
{
    size_t i;
    const json_t *a;
    bool first = true;
    json_array_foreach(json_object_get(status, "attempts"), i, a)
    {
        bool failed = strcmp(cli_text(a, "stage"), "failed") == 0;
        bool ended = cli_has_ended(a);
        if ((ended && !failed) || (ended && is_connected(status, cli_text(a, "peerId")))) {
            continue;
        }
        if (first) {
            fprintf(out, "%sConnecting%s\n", cli_style_out(c, CLI_BOLD), cli_reset_out(c));
        }
        first = false;
        print_attempt(c, out, status, a);
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
