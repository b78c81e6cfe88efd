#include "model/model.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "lp2p/error.h"
#include "model/model_priv.h"

/* Log lines a second; a node that shouts may not fill the disk. */
#define LOG_BURST 100U

int whtnxt_model_new(const struct whtnxt_model_cfg *cfg, struct whtnxt_model **ret)
{
    struct whtnxt_model *m = lp2p_calloc(cfg->mem, 1, sizeof(*m));
    if (m == NULL) {
        return -LP2P_E_NOMEM;
    }
    uint8_t boot[16];
    m->mem = cfg->mem;
    m->random = cfg->random;
    m->version = cfg->version;
    m->key = cfg->key;
    m->wall_offset = cfg->wall - cfg->now;
    m->now = cfg->now;
    m->wake = UINT64_MAX;
    m->next_id = 1;
    m->node.state = MODEL_NODE_STARTING;
    lp2p_list_init(&m->actions);
    whtnxt_state_init(&m->state, m->mem);
    lp2p_random_fill(m->random, boot, sizeof(boot));
    for (size_t i = 0; i < sizeof(boot); i++) {
        snprintf(m->boot + 2 * i, 3, "%02x", boot[i]);
    }
    m->port = model_settings_draw_port(m);
    m->attempts = lp2p_calloc(m->mem, MODEL_ATTEMPTS, sizeof(*m->attempts));
    m->log = lp2p_calloc(m->mem, WHTNXT_MODEL_LOG, sizeof(*m->log));
    if (m->attempts == NULL || m->log == NULL) {
        whtnxt_model_free(m);
        return -LP2P_E_NOMEM;
    }
    *ret = m;
    return 0;
}

void whtnxt_model_free(struct whtnxt_model *m)
{
    struct whtnxt_action a;
    if (m == NULL) {
        return;
    }
    while (whtnxt_model_action(m, &a)) {
        whtnxt_action_fini(&a);
    }
    whtnxt_state_fini(&m->state);
    lp2p_free(m->mem, m->attempts);
    lp2p_free(m->mem, m->peers);
    lp2p_free(m->mem, m->log);
    lp2p_free(m->mem, m);
}

/* ---- actions ---- */

struct whtnxt_action *model_act(struct whtnxt_model *m, enum whtnxt_action_type type)
{
    struct model_action_node *n = lp2p_calloc(m->mem, 1, sizeof(*n));
    if (n == NULL) {
        return NULL;
    }
    n->a.type = type;
    n->a.msg.type = WHTNXT_MSGS;
    lp2p_list_add_last(&m->actions, &n->node);
    return &n->a;
}

bool whtnxt_model_action(struct whtnxt_model *m, struct whtnxt_action *ret)
{
    struct lp2p_list *first = lp2p_list_first(&m->actions);
    if (first == NULL) {
        return false;
    }
    struct model_action_node *n = LP2P_CONTAINER(first, struct model_action_node, node);
    lp2p_list_remove(first);
    *ret = n->a;
    lp2p_free(m->mem, n);
    return true;
}

void whtnxt_action_fini(struct whtnxt_action *a)
{
    whtnxt_node_msg_fini(&a->msg);
}

/* ---- time ---- */

/* Time in which main itself was stopped does not count against the node (DESIGN 2). What the node
 * said meanwhile is still unread when the timer comes first: a moment more than it had left. */
void model_enter(struct whtnxt_model *m, uint64_t now)
{
    m->now = now;
    if (m->wake != UINT64_MAX && now > m->wake + MODEL_LATE_MS) {
        uint64_t late = now - m->wake;
        if (m->node.silent_since != 0) {
            m->node.silent_since += late + MODEL_LATE_MS;
        }
        if (m->node.kill_at != 0) {
            m->node.kill_at += late + MODEL_LATE_MS;
        }
        m->wake = now;
    }
}

uint64_t model_to_wall(const struct whtnxt_model *m, uint64_t at)
{
    return at == 0 ? 0 : at + m->wall_offset;
}

void whtnxt_model_wall(struct whtnxt_model *m, uint64_t now, uint64_t wall)
{
    uint64_t offset = wall - now;
    uint64_t diff = offset > m->wall_offset ? offset - m->wall_offset : m->wall_offset - offset;
    /* Small differences would make all times tremble. */
    if (diff > 1000) {
        m->wall_offset = offset;
    }
}

uint64_t whtnxt_model_deadline(const struct whtnxt_model *m)
{
    uint64_t at = LP2P_MIN(model_node_deadline(m), model_attempts_deadline(m));
    return LP2P_MIN(at, model_pings_deadline(m));
}

void whtnxt_model_tick(struct whtnxt_model *m, uint64_t now)
{
    model_enter(m, now);
    model_node_tick(m, now);
    model_attempts_tick(m, now);
    model_pings_tick(m, now);
    m->wake = whtnxt_model_deadline(m);
}

/* ---- log ---- */

static bool log_has_room(struct whtnxt_model *m, uint64_t now)
{
    if (now >= m->log_burst_at + 1000) {
        m->log_burst_at = now;
        m->log_burst = 0;
    }
    return m->log_burst++ < LOG_BURST;
}

void whtnxt_model_log(struct whtnxt_model *m, uint64_t now, enum whtnxt_log_level level,
                      enum whtnxt_cause cause, const char *text)
{
    if (!log_has_room(m, now)) {
        return;
    }
    struct model_log_line *l = &m->log[m->log_last++ % WHTNXT_MODEL_LOG];
    l->id = m->log_last;
    l->wall = model_to_wall(m, now);
    l->level = level;
    l->code = whtnxt_cause_code(cause);
    whtnxt_clean(l->text, sizeof(l->text), text, strlen(text), sizeof(l->text));
    struct whtnxt_action *a = model_act(m, WHTNXT_DO_LOG);
    if (a != NULL) {
        a->level = level;
        snprintf(a->text, sizeof(a->text), "%s%s%s", l->text, *l->code != '\0' ? " " : "", l->code);
    }
}

void model_say(struct whtnxt_model *m, enum whtnxt_log_level level, enum whtnxt_cause cause,
               const char *fmt, ...)
{
    char text[WHTNXT_LOG_TEXT_SIZE];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    whtnxt_model_log(m, m->now, level, cause, text);
}

void model_name(const struct whtnxt_model *m, const char *id, const char *link_name,
                char buf[static 96])
{
    const struct model_peer *p = model_peer_find(m, id);
    char shortened[WHTNXT_SHORT_ID_SIZE];
    if (p != NULL && (link_name == NULL || link_name[0] == '\0')) {
        link_name = p->name;
    }
    if (p != NULL && p->alias[0] != '\0') {
        snprintf(buf, 96, "%s", p->alias);
    } else if (link_name != NULL && link_name[0] != '\0') {
        snprintf(buf, 96, "\"%s\"", link_name);
    } else {
        whtnxt_short_id(id, shortened);
        snprintf(buf, 96, "%s", shortened);
    }
}

/* ---- methods ---- */

struct model_call {
    struct whtnxt_model *m;
    uint64_t now;
    const json_t *params;
    enum whtnxt_cause cause; /* of a refusal */
    char text[WHTNXT_CAUSE_TEXT_SIZE];
};

static json_t *refuse(struct model_call *c, enum whtnxt_cause cause,
                      const struct whtnxt_cause_args *args)
{
    c->cause = cause;
    whtnxt_cause_text(cause, args, c->text);
    model_say(c->m, WHTNXT_LOG_WARNING, cause, "%s", c->text);
    return NULL;
}

/* Base58 of any form of id. */
static bool id_param(const struct model_call *c, char id[static WHTNXT_ID_SIZE])
{
    const char *s = json_string_value(json_object_get(c->params, "peerId"));
    struct lp2p_peer_id pid;
    if (s == NULL || lp2p_peer_id_parse(s, strlen(s), &pid) != 0) {
        return false;
    }
    lp2p_peer_id_format(&pid, id);
    return true;
}

static json_t *done(void)
{
    return json_object();
}

static json_t *call_status(struct model_call *c)
{
    model_node_polled(c->m, c->now);
    return model_snapshot(c->m, c->now);
}

static json_t *call_connect(struct model_call *c)
{
    struct model_wish w = {
        .link = json_string_value(json_object_get(c->params, "link")),
        .peer_id = json_string_value(json_object_get(c->params, "peerId")),
        .multiaddr = json_string_value(json_object_get(c->params, "multiaddr")),
    };
    const char *source = json_string_value(json_object_get(c->params, "source"));
    int given = (w.link != NULL) + (w.peer_id != NULL) + (w.multiaddr != NULL);
    if (given != 1) {
        return refuse(c, WHTNXT_CAUSE_LINK_NOT_FOUND, NULL);
    }
    w.os = source != NULL && strcmp(source, "os") == 0;
    if (whtnxt_json_get_u64(c->params, "timeoutMs", UINT64_MAX >> 1, &w.timeout_ms) == 0) {
        w.timeout_ms = LP2P_MAX(w.timeout_ms, WHTNXT_MODEL_ATTEMPT_MIN_MS);
        w.timeout_ms = LP2P_MIN(w.timeout_ms, WHTNXT_MODEL_ATTEMPT_MAX_MS);
    }
    return model_connect(c->m, c->now, &w, &c->cause, c->text);
}

static json_t *call_answer_link(struct model_call *c)
{
    json_t *r = model_answer_link(c->m, c->now, c->params, &c->cause);
    return r == NULL && c->cause != WHTNXT_CAUSE_NONE ? refuse(c, c->cause, NULL) : r;
}

static json_t *call_cancel(struct model_call *c)
{
    uint64_t id = 0;
    (void)whtnxt_json_get_u64(c->params, "attempt", UINT64_MAX >> 1, &id);
    struct model_attempt *a = model_attempt_find(c->m, id);
    if (a == NULL || whtnxt_stage_has_ended(a->stage)) {
        return refuse(c, WHTNXT_CAUSE_ATTEMPT_UNKNOWN, NULL);
    }
    model_attempt_end(c->m, c->now, a, WHTNXT_STAGE_CANCELLED, WHTNXT_CAUSE_CANCELLED);
    model_peer_cancelled(c->m, c->now, a);
    return done();
}

static void send_disconnect(struct whtnxt_model *m, const char *id)
{
    struct whtnxt_action *a = model_node_takes(m) ? model_act(m, WHTNXT_DO_SEND) : NULL;
    if (a != NULL) {
        a->msg.type = WHTNXT_MSG_DISCONNECT;
        memcpy(a->msg.disconnect, id, WHTNXT_ID_SIZE);
    }
}

static void stop_trying(struct whtnxt_model *m, uint64_t now, const char *id)
{
    struct model_attempt *a = model_attempt_of(m, id);
    if (a != NULL) {
        model_attempt_end(m, now, a, WHTNXT_STAGE_CANCELLED, WHTNXT_CAUSE_CANCELLED);
    }
}

static json_t *call_disconnect(struct model_call *c)
{
    char id[WHTNXT_ID_SIZE] = "";
    char name[96];
    if (!id_param(c, id)) {
        return refuse(c, WHTNXT_CAUSE_PEER_UNKNOWN, NULL);
    }
    struct model_peer *p = model_peer_find(c->m, id);
    if (!model_is_connected(c->m, id) && (p == NULL || !p->wanted)) {
        model_name(c->m, id, NULL, name);
        return refuse(c, WHTNXT_CAUSE_NOT_CONNECTED, &(struct whtnxt_cause_args){.name = name});
    }
    p = model_peer_get(c->m, id);
    if (p != NULL) {
        p->wanted = false;
        p->refused = true;
        model_peers_save(c->m);
    }
    model_peer_refuse(c->m, id, true);
    stop_trying(c->m, c->now, id);
    send_disconnect(c->m, id);
    return done();
}

/* The peer the request is about; with `add` one that is not remembered yet begins to be. NULL after
 * the refusal. */
static struct model_peer *peer_param(struct model_call *c, bool add, char id[static WHTNXT_ID_SIZE])
{
    struct model_peer *p = NULL;
    bool is_id = id_param(c, id) && strcmp(id, c->m->id) != 0;
    if (is_id) {
        p = add ? model_peer_get(c->m, id) : model_peer_find(c->m, id);
    }
    if (p == NULL && is_id && add) {
        refuse(c, WHTNXT_CAUSE_LIMIT_REACHED,
               &(struct whtnxt_cause_args){.detail = "remembered peers", .n = WHTNXT_MODEL_PEERS});
    } else if (p == NULL) {
        refuse(c, WHTNXT_CAUSE_PEER_UNKNOWN, NULL);
    }
    return p;
}

static json_t *call_forget(struct model_call *c)
{
    char id[WHTNXT_ID_SIZE] = "";
    struct model_peer *p = peer_param(c, false, id);
    if (p == NULL) {
        return NULL;
    }
    if (p->blocked || p->refused) {
        model_peer_refuse(c->m, id, false);
    }
    stop_trying(c->m, c->now, id);
    model_peer_remove(c->m, p);
    model_peers_save(c->m);
    return done();
}

static json_t *call_block(struct model_call *c)
{
    char id[WHTNXT_ID_SIZE] = "";
    const json_t *v = json_object_get(c->params, "blocked");
    bool on = v == NULL || json_is_true(v);
    struct model_peer *p = peer_param(c, on, id);
    if (p == NULL) {
        return NULL;
    }
    p->blocked = on;
    p->refused = false;
    p->wanted = p->wanted && !on;
    model_peer_refuse(c->m, id, on);
    if (on) {
        stop_trying(c->m, c->now, id);
        send_disconnect(c->m, id);
    }
    model_peers_save(c->m);
    return done();
}

static json_t *call_alias(struct model_call *c)
{
    char id[WHTNXT_ID_SIZE] = "";
    const char *alias = json_string_value(json_object_get(c->params, "alias"));
    struct model_peer *p = peer_param(c, *alias != '\0', id);
    if (p == NULL) {
        return NULL;
    }
    whtnxt_clean(p->alias, sizeof(p->alias), alias, strlen(alias), 64);
    model_peers_save(c->m);
    return done();
}

static json_t *call_ping(struct model_call *c)
{
    char id[WHTNXT_ID_SIZE] = "";
    char name[96];
    struct model_ping_wish w = {
        .peer = id, .count = WHTNXT_PING_COUNT_MAX, .interval_ms = WHTNXT_MODEL_PING_MS};
    (void)whtnxt_json_get_u64(c->params, "count", UINT64_MAX >> 1, &w.count);
    (void)whtnxt_json_get_u64(c->params, "intervalMs", UINT64_MAX >> 1, &w.interval_ms);
    if (w.count == 0 || w.count > WHTNXT_PING_COUNT_MAX ||
        w.interval_ms < WHTNXT_MODEL_PING_MIN_MS || w.interval_ms > WHTNXT_MODEL_PING_MAX_MS) {
        return refuse(c, WHTNXT_CAUSE_PING_USAGE,
                      &(struct whtnxt_cause_args){.n = WHTNXT_PING_COUNT_MAX});
    }
    if (!id_param(c, id)) {
        return refuse(c, WHTNXT_CAUSE_PEER_UNKNOWN, NULL);
    }
    if (!model_is_connected(c->m, id)) {
        model_name(c->m, id, NULL, name);
        return refuse(c, WHTNXT_CAUSE_NOT_CONNECTED, &(struct whtnxt_cause_args){.name = name});
    }
    uint64_t ping = model_ping_begin(c->m, c->now, &w);
    if (ping == 0) {
        return refuse(c, WHTNXT_CAUSE_LIMIT_REACHED,
                      &(struct whtnxt_cause_args){.detail = "pings", .n = WHTNXT_STATE_PINGS});
    }
    json_t *o = json_object();
    whtnxt_json_put(&o, "ping", json_integer((json_int_t)ping));
    return o;
}

static json_t *call_get_ping(struct model_call *c)
{
    uint64_t id = 0;
    uint64_t after = 0;
    bool known;
    (void)whtnxt_json_get_u64(c->params, "ping", UINT64_MAX >> 1, &id);
    (void)whtnxt_json_get_u64(c->params, "after", UINT64_MAX >> 1, &after);
    json_t *o = model_ping_json(c->m, c->now, id, after, &known);
    return known ? o : refuse(c, WHTNXT_CAUSE_PING_UNKNOWN, NULL);
}

static json_t *call_stop_ping(struct model_call *c)
{
    uint64_t id = 0;
    (void)whtnxt_json_get_u64(c->params, "ping", UINT64_MAX >> 1, &id);
    return model_ping_stop(c->m, c->now, id) ? done() : refuse(c, WHTNXT_CAUSE_PING_UNKNOWN, NULL);
}

static json_t *call_log(struct model_call *c)
{
    uint64_t after = 0;
    (void)whtnxt_json_get_u64(c->params, "after", UINT64_MAX >> 1, &after);
    return model_log_json(c->m, after);
}

static json_t *call_link(struct model_call *c)
{
    bool lan = json_is_true(json_object_get(c->params, "lan"));
    enum whtnxt_cause cause = c->m->id[0] == '\0' ? WHTNXT_CAUSE_KEY_REFUSED
                              : lan               ? model_lan_cause(c->m)
                                                  : WHTNXT_CAUSE_NONE;
    if (cause != WHTNXT_CAUSE_NONE) {
        return refuse(c, cause, &(struct whtnxt_cause_args){.detail = c->m->node.detail});
    }
    return model_link_json(c->m, lan);
}

static json_t *call_settings_get(struct model_call *c)
{
    return whtnxt_model_settings(c->m);
}

static json_t *call_settings_set(struct model_call *c)
{
    const char *key = json_string_value(json_object_get(c->params, "key"));
    struct whtnxt_cause_args args = {.name = NULL};
    char shown[80];
    whtnxt_clean(shown, sizeof(shown), key, strlen(key), 64);
    enum whtnxt_cause cause = model_settings_set(c->m, key, json_object_get(c->params, "value"),
                                                 &args.detail);
    if (cause != WHTNXT_CAUSE_NONE) {
        args.name = shown;
        return refuse(c, cause, &args);
    }
    return whtnxt_model_settings(c->m);
}

static json_t *call_identity_get(struct model_call *c)
{
    return model_identity_get(c->m);
}

static json_t *identity_replace(struct model_call *c, const char *import)
{
    static struct whtnxt_key_outcome out; /* exception: 4 KiB, and main has one thread */
    json_t *o = model_identity_replace(c->m, c->now, import, &out);
    if (o == NULL && out.reason[0] != '\0') {
        refuse(c, WHTNXT_CAUSE_IDENTITY_REFUSED, &(struct whtnxt_cause_args){.detail = out.reason});
    }
    return o;
}

static json_t *call_identity_new(struct model_call *c)
{
    return identity_replace(c, NULL);
}

/* Main runs in another folder than who asks. */
static bool is_absolute(const char *path)
{
    return path[0] == '/';
}

static json_t *call_identity_import(struct model_call *c)
{
    const char *path = json_string_value(json_object_get(c->params, "path"));
    if (!is_absolute(path)) {
        return refuse(c, WHTNXT_CAUSE_IDENTITY_PATH, NULL);
    }
    return identity_replace(c, path);
}

static json_t *call_identity_export(struct model_call *c)
{
    static struct whtnxt_key_outcome out; /* exception: 4 KiB, and main has one thread */
    struct whtnxt_key_copy copy = {
        .path = json_string_value(json_object_get(c->params, "path")),
        .force = json_is_true(json_object_get(c->params, "force")),
        .base64 = json_is_true(json_object_get(c->params, "base64")),
    };
    if (!is_absolute(copy.path)) {
        return refuse(c, WHTNXT_CAUSE_IDENTITY_PATH, NULL);
    }
    if (c->m->id[0] == '\0') {
        return refuse(c, WHTNXT_CAUSE_KEY_REFUSED,
                      &(struct whtnxt_cause_args){.detail = c->m->node.detail});
    }
    enum whtnxt_cause cause = model_identity_export(c->m, &copy, &out);
    if (cause != WHTNXT_CAUSE_NONE) {
        return refuse(c, cause, &(struct whtnxt_cause_args){.detail = out.reason});
    }
    return model_identity_get(c->m);
}

static json_t *call_version(struct model_call *c)
{
    json_t *o = json_object();
    whtnxt_json_put(&o, "version", json_string(c->m->version));
    whtnxt_json_put(&o, "nodeProtocol", json_integer(WHTNXT_NODE_PROTOCOL));
    return o;
}

static json_t *call_restart(struct model_call *c)
{
    /* A key that could not be used may have been restored: it is read when main starts. */
    if (c->m->upgraded || c->m->id[0] == '\0') {
        model_restart_all(c->m, c->now);
    } else {
        model_node_restart(c->m, c->now);
    }
    return done();
}

static json_t *call_quit(struct model_call *c)
{
    whtnxt_model_quit(c->m, c->now);
    return done();
}

static json_t *(*const calls[WHTNXT_METHODS])(struct model_call *c) = {
    [WHTNXT_METHOD_GET_STATUS] = call_status,
    [WHTNXT_METHOD_CONNECT] = call_connect,
    [WHTNXT_METHOD_ANSWER_LINK] = call_answer_link,
    [WHTNXT_METHOD_CANCEL] = call_cancel,
    [WHTNXT_METHOD_DISCONNECT] = call_disconnect,
    [WHTNXT_METHOD_FORGET] = call_forget,
    [WHTNXT_METHOD_BLOCK] = call_block,
    [WHTNXT_METHOD_ALIAS] = call_alias,
    [WHTNXT_METHOD_PING] = call_ping,
    [WHTNXT_METHOD_GET_PING] = call_get_ping,
    [WHTNXT_METHOD_STOP_PING] = call_stop_ping,
    [WHTNXT_METHOD_GET_LOG] = call_log,
    [WHTNXT_METHOD_GET_LINK] = call_link,
    [WHTNXT_METHOD_SETTINGS_GET] = call_settings_get,
    [WHTNXT_METHOD_SETTINGS_SET] = call_settings_set,
    [WHTNXT_METHOD_IDENTITY_GET] = call_identity_get,
    [WHTNXT_METHOD_IDENTITY_NEW] = call_identity_new,
    [WHTNXT_METHOD_IDENTITY_IMPORT] = call_identity_import,
    [WHTNXT_METHOD_IDENTITY_EXPORT] = call_identity_export,
    [WHTNXT_METHOD_GET_VERSION] = call_version,
    [WHTNXT_METHOD_RESTART_NODE] = call_restart,
    [WHTNXT_METHOD_QUIT] = call_quit,
};

int whtnxt_model_request(struct whtnxt_model *m, uint64_t now, struct lp2p_span line,
                         struct lp2p_buf *out)
{
    struct whtnxt_request req;
    int error = 0;
    model_enter(m, now);
    int r = whtnxt_request_decode(line, &req, &error);
    if (r != 0) {
        model_say(m, WHTNXT_LOG_WARNING, WHTNXT_CAUSE_NONE,
                  "A request on the control socket was not understood (%d)", error);
        r = whtnxt_answer_error(out, req.id, error);
    } else {
        struct model_call c = {.m = m, .now = now, .params = req.params};
        json_t *result = calls[req.row->method](&c);
        r = result == NULL && c.cause != WHTNXT_CAUSE_NONE
                ? whtnxt_answer_refuse(out, req.id, c.cause, c.text)
                : whtnxt_answer_result_take(out, req.id, result);
    }
    whtnxt_request_fini(&req);
    m->wake = whtnxt_model_deadline(m);
    return r;
}
