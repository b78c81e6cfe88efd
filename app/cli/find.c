#include "cli/cli.h"

#include "link/link.h"
#include "lp2p/peer_id.h"

#include <stdio.h>
#include <string.h>

/* The short id as it can be typed: three dots for the ellipsis. */
static bool is_short_id(const char *id, const char *text)
{
    static const char ellipsis[] = "\u2026";
    char shown[WHTNXT_SHORT_ID_SIZE];
    char typed[WHTNXT_SHORT_ID_SIZE + 8];
    whtnxt_short_id(id, shown);
    const char *dots = strstr(shown, ellipsis);
    if (dots == NULL) {
        return strcmp(shown, text) == 0;
    }
    snprintf(typed, sizeof(typed), "%.*s...%s", (int)(dots - shown), shown,
             dots + sizeof(ellipsis) - 1);
    return strcmp(shown, text) == 0 || strcmp(typed, text) == 0;
}

/* The name as it is shown, or the one of a link without the quotes that say where it is from. */
static bool is_name(const char *name, const char *text)
{
    size_t n = strlen(text);
    bool quoted = strlen(name) == n + 2 && name[0] == '"' && name[n + 1] == '"';
    return strcmp(name, text) == 0 || (quoted && memcmp(name + 1, text, n) == 0);
}

static void look_through(const json_t *status, const char *list, const char *text,
                         char out[static WHTNXT_ID_SIZE], size_t *found)
{
    size_t i;
    const json_t *p;
    json_array_foreach(json_object_get(status, list), i, p)
    {
        char name[80];
        const char *id = cli_text(p, "peerId");
        cli_peer_name(status, id, name);
        if ((is_name(name, text) || is_short_id(id, text)) && strcmp(out, id) != 0) {
            snprintf(out, WHTNXT_ID_SIZE, "%s", id);
            ++*found;
        }
    }
}

size_t cli_find_name(const json_t *status, const char *text, char out[static WHTNXT_ID_SIZE])
{
    static const char *const lists[] = {"connections", "peers", "discoveredPeers"};
    char last[WHTNXT_ID_SIZE] = "";
    size_t found = 0;
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        look_through(status, lists[i], text, last, &found);
    }
    memcpy(out, last, sizeof(last));
    return found;
}

static int complain_many(const struct cli *c, const char *text)
{
    char says[160];
    snprintf(says, sizeof(says), "More than one peer is called '%.80s'.", text);
    cli_complain(c, says, "Give the peer id: whtnxt peers");
    return CLI_FAILED;
}

/* What is no name, but begins like a link or an id, is a bad one of those. */
static int complain_none(const struct cli *c, const struct whtnxt_link_fault *fault)
{
    char text[WHTNXT_CAUSE_TEXT_SIZE];
    static const enum whtnxt_cause causes[] = {
        [WHTNXT_LINK_OK] = WHTNXT_CAUSE_PEER_UNKNOWN,
        [WHTNXT_LINK_NOT_FOUND] = WHTNXT_CAUSE_PEER_UNKNOWN,
        [WHTNXT_LINK_NO_ID] = WHTNXT_CAUSE_LINK_NO_ID,
        [WHTNXT_LINK_NO_PEER] = WHTNXT_CAUSE_LINK_NO_PEER,
        [WHTNXT_LINK_MISSPELT] = WHTNXT_CAUSE_LINK_MISSPELT,
        [WHTNXT_LINK_LOWERED] = WHTNXT_CAUSE_LINK_LOWERED,
        [WHTNXT_LINK_SYNTAX] = WHTNXT_CAUSE_LINK_SYNTAX,
        [WHTNXT_LINK_BAD_CHAR] = WHTNXT_CAUSE_LINK_BAD_CHAR,
        [WHTNXT_LINK_CUT] = WHTNXT_CAUSE_LINK_CUT,
        [WHTNXT_LINK_DAMAGED] = WHTNXT_CAUSE_LINK_DAMAGED,
        [WHTNXT_LINK_NEWER] = WHTNXT_CAUSE_LINK_NEWER,
    };
    enum whtnxt_cause cause = causes[fault->error];
    whtnxt_cause_text(cause, &(struct whtnxt_cause_args){.n = fault->position}, text);
    cli_complain(c, text, whtnxt_cause_action(cause));
    return whtnxt_cause_exit(cause);
}

int cli_find_peer(struct cli *c, const char *text, char out[static WHTNXT_ID_SIZE])
{
    static struct whtnxt_link link; /* exception: too large for the stack's taste */
    struct whtnxt_link_fault fault;
    enum whtnxt_link_kind kind;
    int exit_code;
    if (whtnxt_link_read(text, strlen(text), &link, &kind, &fault) == 0) {
        lp2p_peer_id_format(&link.id, out);
        return CLI_OK;
    }
    json_t *status = cli_status(c, &exit_code);
    if (status == NULL) {
        return exit_code;
    }
    size_t found = cli_find_name(status, text, out);
    json_decref(status);
    if (found == 0) {
        return complain_none(c, &fault);
    }
    return found > 1 ? complain_many(c, text) : CLI_OK;
}

const json_t *cli_find_attempt(const json_t *status, uint64_t id)
{
    size_t i;
    const json_t *a;
    json_array_foreach(json_object_get(status, "attempts"), i, a)
    {
        if (cli_number(a, "id") == id) {
            return a;
        }
    }
    return NULL;
}
