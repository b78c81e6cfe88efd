#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "lp2p/error.h"
#include "model/model_priv.h"

/* What a log line shows of a bad input (DESIGN 2). */
#define INPUT_CHARS 64U

static enum whtnxt_cause link_cause(enum whtnxt_link_error e)
{
    switch (e) {
    case WHTNXT_LINK_NO_ID:
        return WHTNXT_CAUSE_LINK_NO_ID;
    case WHTNXT_LINK_NO_PEER:
        return WHTNXT_CAUSE_LINK_NO_PEER;
    case WHTNXT_LINK_MISSPELT:
        return WHTNXT_CAUSE_LINK_MISSPELT;
    case WHTNXT_LINK_LOWERED:
        return WHTNXT_CAUSE_LINK_LOWERED;
    case WHTNXT_LINK_SYNTAX:
        return WHTNXT_CAUSE_LINK_SYNTAX;
    case WHTNXT_LINK_BAD_CHAR:
        return WHTNXT_CAUSE_LINK_BAD_CHAR;
    case WHTNXT_LINK_CUT:
        return WHTNXT_CAUSE_LINK_CUT;
    case WHTNXT_LINK_DAMAGED:
        return WHTNXT_CAUSE_LINK_DAMAGED;
    case WHTNXT_LINK_NEWER:
        return WHTNXT_CAUSE_LINK_NEWER;
    case WHTNXT_LINK_OK:
    case WHTNXT_LINK_NOT_FOUND:
        break;
    }
    return WHTNXT_CAUSE_LINK_NOT_FOUND;
}

/* The refusal's sentence to the user, and the line with code and input to the log. Text in which no
 * link was found stays out of it: it may be a password that was in the clipboard. */
static json_t *refuse_link(struct whtnxt_model *m, const char *input,
                           const struct whtnxt_link_fault *f,
                           char text[static WHTNXT_CAUSE_TEXT_SIZE])
{
    enum whtnxt_cause cause = link_cause(f->error);
    char shown[INPUT_CHARS * 4 + 8];
    whtnxt_cause_text(cause, &(struct whtnxt_cause_args){.n = f->position}, text);
    if (cause == WHTNXT_CAUSE_LINK_NOT_FOUND) {
        model_say(m, WHTNXT_LOG_WARNING, cause,
                  "Invalid URL: must start with whtnxt:// (%zu bytes were given)", strlen(input));
        return NULL;
    }
    whtnxt_clean(shown, sizeof(shown), input, strlen(input), INPUT_CHARS);
    bool no_id = cause == WHTNXT_CAUSE_LINK_NO_ID || cause == WHTNXT_CAUSE_LINK_NO_PEER;
    const char *say = no_id ? "Invalid URL: missing peer ID" : text;
    /* A colon follows instead of the full stop. */
    model_say(m, WHTNXT_LOG_WARNING, cause, "%.*s: %s", (int)strcspn(say, "."), say, shown);
    return NULL;
}

static json_t *refuse_wish(struct whtnxt_model *m, const char *id, enum whtnxt_cause cause,
                           char text[static WHTNXT_CAUSE_TEXT_SIZE])
{
    char name[96] = "";
    if (id != NULL) {
        model_name(m, id, NULL, name);
    }
    struct whtnxt_cause_args args = {
        .name = name, .n = WHTNXT_MODEL_RUNNING, .detail = m->node.detail};
    if (cause == WHTNXT_CAUSE_LIMIT_REACHED) {
        args.detail = "attempts";
    }
    whtnxt_cause_text(cause, &args, text);
    model_say(m, WHTNXT_LOG_WARNING, cause, "%s", text);
    return NULL;
}

static json_t *attempt_answer(const struct model_attempt *a)
{
    json_t *o = json_object();
    whtnxt_json_put(&o, "attempt", json_integer((json_int_t)a->id));
    return o;
}

static void take_addrs(struct model_attempt *a, const struct whtnxt_link *l,
                       enum whtnxt_addr_source source)
{
    static char text[LP2P_MULTIADDR_TEXT_SIZE]; /* exception: too large for the stack's taste */
    for (size_t i = 0; i < l->n_addrs; i++) {
        lp2p_multiaddr_format(&l->addrs[i], text);
        model_attempt_addr(a, text, source);
    }
    if (l->name[0] != '\0') {
        snprintf(a->name, sizeof(a->name), "%s", l->name);
    }
    a->bad_relay = a->bad_relay || l->bad_relays > 0;
}

/* A user connects again: what was refused is welcome (DESIGN 7). */
static void welcome(struct whtnxt_model *m, const char *id)
{
    struct model_peer *p = model_peer_find(m, id);
    if (p != NULL && p->refused) {
        p->refused = false;
        model_peer_refuse(m, id, false);
        model_peers_save(m);
    }
}

struct dial_how {
    bool os;
    enum whtnxt_addr_source source;
    uint64_t timeout_ms; /* 0: as usual */
};

/* Starts the attempt, or joins the one that runs. NULL: too many. */
static struct model_attempt *dial(struct whtnxt_model *m, uint64_t now, const struct whtnxt_link *l,
                                  const struct dial_how *how)
{
    char id[WHTNXT_ID_SIZE];
    lp2p_peer_id_format(&l->id, id);
    enum model_source from = how->os ? MODEL_FROM_OS : MODEL_FROM_USER;
    struct model_attempt *a = model_attempt_of(m, id);
    size_t known = a != NULL ? a->n_addrs : 0;
    bool joins = a != NULL && a->source == MODEL_FROM_MEMORY;
    bool fresh = a == NULL || joins;
    if (a == NULL) {
        a = model_attempt_add_first(m, now, id, from);
    } else if (joins) {
        /* A paste ignores any back-off, and the node learns that somebody waits. */
        a->source = from;
        a->since = now;
    }
    if (a == NULL) {
        return NULL;
    }
    bool longer = model_attempt_allow(a, now, how->timeout_ms, fresh);
    welcome(m, id);
    take_addrs(a, l, how->source);
    if (model_is_connected(m, id)) {
        model_attempt_end(m, now, a, WHTNXT_STAGE_CONNECTED, WHTNXT_CAUSE_ALREADY_CONNECTED);
        model_peer_connected(m, now, id);
    } else if (a->node_id == 0 || a->n_addrs != known || longer) {
        model_attempt_go(m, now, a);
    }
    return a;
}

/* ---- questions ---- */

static json_t *ask(struct whtnxt_model *m, uint64_t now, const struct whtnxt_link *l)
{
    struct model_question *q = &m->question;
    if (q->id == 0) {
        q->id = m->next_id++;
        q->since = now;
        q->n = 0;
    }
    size_t i = 0;
    while (i < q->n && !lp2p_peer_id_eq(&q->links[i].id, &l->id)) {
        i++;
    }
    if (i == q->n && q->n < MODEL_QUESTION_IDS) {
        q->links[q->n++] = *l;
        char id[WHTNXT_ID_SIZE];
        char name[96];
        lp2p_peer_id_format(&l->id, id);
        model_name(m, id, l->name, name);
        model_say(m, WHTNXT_LOG_INFO, WHTNXT_CAUSE_NONE, "A link to %s waits for your answer",
                  name);
    }
    json_t *o = json_object();
    whtnxt_json_put(&o, "question", json_integer((json_int_t)q->id));
    return o;
}

/* Of links from the OS the first is dialled; other ids within 10 s of it become one question. */
static bool must_ask(const struct whtnxt_model *m, uint64_t now, const char *id)
{
    const struct model_peer *p = model_peer_find(m, id);
    if (m->confirm == MODEL_CONFIRM_ALWAYS ||
        (m->confirm == MODEL_CONFIRM_STRANGERS && (p == NULL || !p->wanted))) {
        return true;
    }
    return m->os_last != 0 && now < m->os_last + MODEL_LINKS_MS && strcmp(m->os_peer, id) != 0;
}

json_t *model_answer_link(struct whtnxt_model *m, uint64_t now, const json_t *params,
                          enum whtnxt_cause *ret_cause)
{
    struct model_question *q = &m->question;
    const char *only = json_string_value(json_object_get(params, "peerId"));
    json_t *attempts = json_array();
    uint64_t id = 0;
    bool yes = false;
    const struct dial_how how = {.os = true, .source = WHTNXT_ADDR_LINK};
    (void)whtnxt_json_get_u64(params, "id", UINT64_MAX >> 1, &id);
    (void)whtnxt_json_get_bool(params, "connect", &yes);
    if (q->id == 0 || id != q->id) {
        json_decref(attempts);
        *ret_cause = WHTNXT_CAUSE_QUESTION_UNKNOWN;
        return NULL;
    }
    for (size_t i = 0; yes && i < q->n; i++) {
        char text[WHTNXT_ID_SIZE];
        lp2p_peer_id_format(&q->links[i].id, text);
        if (only == NULL || strcmp(only, text) == 0) {
            struct model_attempt *a = dial(m, now, &q->links[i], &how);
            whtnxt_json_add(&attempts, a == NULL ? json_null() : json_integer((json_int_t)a->id));
        }
    }
    q->id = 0;
    q->n = 0;
    json_t *o = json_object();
    whtnxt_json_put(&o, "attempts", attempts);
    return o;
}

/* ---- connect ---- */

/* Reads what was given; the source of its addresses follows. */
static int wish_read(const struct model_wish *w, struct whtnxt_link *l, struct whtnxt_link_fault *f,
                     enum whtnxt_addr_source *ret_source)
{
    const char *text = w->link != NULL ? w->link : w->peer_id != NULL ? w->peer_id : w->multiaddr;
    enum whtnxt_link_kind kind = WHTNXT_LINK_KIND_LINK;
    *ret_source = w->os ? WHTNXT_ADDR_LINK : WHTNXT_ADDR_PASTED;
    if (w->os) {
        return whtnxt_link_parse(text, strlen(text), l, f);
    }
    int r = whtnxt_link_read(text, strlen(text), l, &kind, f);
    if (r == 0 && w->multiaddr != NULL && kind == WHTNXT_LINK_KIND_MULTIADDR) {
        *ret_source = WHTNXT_ADDR_TYPED;
    }
    return r;
}

/* Why this link cannot be tried, or NONE. */
static enum whtnxt_cause wish_judge(const struct whtnxt_model *m, const struct whtnxt_link *l,
                                    const char *id)
{
    const struct model_peer *p = model_peer_find(m, id);
    if (m->id[0] == '\0') {
        return WHTNXT_CAUSE_KEY_REFUSED;
    }
    if (lp2p_peer_id_eq(&l->id, &m->peer_id)) {
        return WHTNXT_CAUSE_LINK_OWN;
    }
    if (p != NULL && p->blocked) {
        return WHTNXT_CAUSE_PEER_BLOCKED;
    }
    return model_node_is_out(m) ? model_node_cause(m) : WHTNXT_CAUSE_NONE;
}

json_t *model_connect(struct whtnxt_model *m, uint64_t now, const struct model_wish *w,
                      enum whtnxt_cause *ret_cause, char text[static WHTNXT_CAUSE_TEXT_SIZE])
{
    static struct whtnxt_link l; /* exception: 10 KiB, and main has one thread */
    struct whtnxt_link_fault f = {.error = WHTNXT_LINK_OK};
    const char *input = w->link != NULL ? w->link : w->peer_id != NULL ? w->peer_id : w->multiaddr;
    enum whtnxt_addr_source source;
    char id[WHTNXT_ID_SIZE];
    if (wish_read(w, &l, &f, &source) != 0) {
        *ret_cause = link_cause(f.error);
        return refuse_link(m, input, &f, text);
    }
    lp2p_peer_id_format(&l.id, id);
    *ret_cause = wish_judge(m, &l, id);
    if (*ret_cause != WHTNXT_CAUSE_NONE) {
        return refuse_wish(m, id, *ret_cause, text);
    }
    if (l.bad_relays > 0) {
        model_say(m, WHTNXT_LOG_INFO, WHTNXT_CAUSE_LINK_BAD_RELAY,
                  "The relay in this link is not understood. Trying without it.");
    }
    if (w->os && must_ask(m, now, id)) {
        return ask(m, now, &l);
    }
    struct dial_how how = {.os = w->os, .source = source, .timeout_ms = w->timeout_ms};
    struct model_attempt *a = dial(m, now, &l, &how);
    if (a == NULL) {
        *ret_cause = WHTNXT_CAUSE_LIMIT_REACHED;
        return refuse_wish(m, id, *ret_cause, text);
    }
    if (w->os && strcmp(m->os_peer, id) != 0) {
        m->os_last = now;
        memcpy(m->os_peer, id, sizeof(m->os_peer));
    }
    return attempt_answer(a);
}
