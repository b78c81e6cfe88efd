#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "lp2p/error.h"
#include "model/model_priv.h"

/* Lines of one answer: each at most 600 bytes. */
#define LOG_ANSWER 512U

static const char *const node_words[] = {"starting",   "running",  "unresponsive",
                                         "restarting", "unstable", "stopped"};
static const char *const from_words[] = {"user", "os", "remembered"};

static void put_str(json_t **o, const char *key, const char *v)
{
    whtnxt_json_put(o, key, v == NULL || *v == '\0' ? json_null() : json_string(v));
}

static void put_num(json_t **o, const char *key, uint64_t v)
{
    whtnxt_json_put(o, key, json_integer((json_int_t)(v & (UINT64_MAX >> 1))));
}

static void put_time(const struct whtnxt_model *m, json_t **o, const char *key, uint64_t at)
{
    whtnxt_json_put(o, key, at == 0 ? json_null() : json_integer((json_int_t)model_to_wall(m, at)));
}

static bool is_running(const struct whtnxt_model *m)
{
    return m->node.state == MODEL_NODE_RUNNING;
}

/* ---- lists ---- */

static json_t *own_addrs(const struct whtnxt_model *m)
{
    json_t *list = json_array();
    char text[WHTNXT_TEXT_SIZE + WHTNXT_ID_SIZE + 8];
    for (size_t i = 0; is_running(m) && i < m->state.n_addrs; i++) {
        snprintf(text, sizeof(text), "%s/p2p/%s", m->state.addrs[i], m->id);
        whtnxt_json_add(&list, json_string(text));
    }
    return list;
}

static json_t *texts(const char (*list)[WHTNXT_TEXT_SIZE], size_t n)
{
    json_t *o = json_array();
    for (size_t i = 0; i < n; i++) {
        whtnxt_json_add(&o, json_string(list[i]));
    }
    return o;
}

static json_t *discovered_one(const struct whtnxt_model *m, const struct whtnxt_peer_state *p)
{
    char name[96];
    json_t *o = json_object();
    model_name(m, p->id, NULL, name);
    put_str(&o, "peerId", p->id);
    put_str(&o, "displayName", name);
    whtnxt_json_put(&o, "multiaddrs", texts((const char(*)[WHTNXT_TEXT_SIZE])p->addrs, p->n_addrs));
    put_num(&o, "moreMultiaddrs", p->more_addrs);
    whtnxt_json_put(&o, "protocols",
                    texts((const char(*)[WHTNXT_TEXT_SIZE])p->protocols, p->n_protocols));
    put_num(&o, "moreProtocols", p->more_protocols);
    put_time(m, &o, "discoveredAt", p->first_ms);
    put_time(m, &o, "lastSeenAt", p->last_ms);
    put_str(&o, "source", p->source);
    put_str(&o, "agent", p->agent);
    whtnxt_json_put(&o, "app", p->app < 0 ? json_null() : json_boolean(p->app));
    return o;
}

static json_t *discovered(const struct whtnxt_model *m)
{
    json_t *list = json_array();
    for (size_t i = 0; is_running(m) && i < m->state.n_discovered; i++) {
        whtnxt_json_add(&list, discovered_one(m, &m->state.discovered[i]));
    }
    return list;
}

static json_t *connected(const struct whtnxt_model *m)
{
    json_t *list = json_array();
    for (size_t i = 0; is_running(m) && i < m->state.n_conns; i++) {
        size_t k = 0;
        while (strcmp(m->state.conns[k].peer, m->state.conns[i].peer) != 0) {
            k++;
        }
        if (k == i) {
            whtnxt_json_add(&list, json_string(m->state.conns[i].peer));
        }
    }
    return list;
}

static json_t *connection(const struct whtnxt_model *m, const struct whtnxt_conn_state *c)
{
    char name[96];
    json_t *o = json_object();
    model_name(m, c->peer, NULL, name);
    put_num(&o, "id", c->id);
    put_str(&o, "peerId", c->peer);
    put_str(&o, "displayName", name);
    put_str(&o, "direction", c->outbound ? "outbound" : "inbound");
    put_str(&o, "path", whtnxt_route_word(c->route));
    put_str(&o, "relay", c->relay);
    put_str(&o, "multiaddr", c->addr);
    put_str(&o, "transport", c->transport);
    put_str(&o, "security", c->security);
    put_str(&o, "muxer", c->muxer);
    put_str(&o, "agent", c->agent);
    whtnxt_json_put(&o, "identified", json_boolean(c->identified));
    whtnxt_json_put(&o, "latencyMs",
                    c->latency_us == 0 ? json_null() : json_real((double)c->latency_us / 1000.0));
    put_num(&o, "streams", c->streams);
    put_num(&o, "bytesIn", c->bytes_in);
    put_num(&o, "bytesOut", c->bytes_out);
    put_time(m, &o, "since", c->since_ms);
    return o;
}

static json_t *connections(const struct whtnxt_model *m)
{
    json_t *list = json_array();
    for (size_t i = 0; is_running(m) && i < m->state.n_conns; i++) {
        whtnxt_json_add(&list, connection(m, &m->state.conns[i]));
    }
    return list;
}

static json_t *paths(const struct whtnxt_model *m, const struct model_attempt *a)
{
    json_t *list = json_array();
    for (size_t i = 0; i < a->n_paths; i++) {
        const struct whtnxt_path_state *p = &a->paths[i];
        enum whtnxt_cause c = whtnxt_cause_of(p->error, whtnxt_cause_stage_of(p->where));
        json_t *o = json_object();
        put_str(&o, "multiaddr", p->addr);
        put_str(&o, "source", whtnxt_addr_source_word(p->source));
        put_str(&o, "stage", whtnxt_stage_word(p->stage));
        put_str(&o, "code", whtnxt_cause_code(c));
        put_str(&o, "error", p->error == 0 ? NULL : lp2p_error_name(p->error));
        put_str(&o, "where", p->where);
        put_time(m, &o, "started", p->started_ms);
        put_time(m, &o, "ended", p->ended_ms);
        whtnxt_json_add(&list, o);
    }
    return list;
}

static json_t *attempt_notes(const struct model_attempt *a)
{
    json_t *list = json_array();
    if (a->bad_relay) {
        whtnxt_json_add(&list, json_string("LINK_BAD_RELAY"));
    }
    if (a->skipped) {
        whtnxt_json_add(&list, json_string("LINK_ADDR_SKIPPED"));
    }
    return list;
}

static json_t *attempt(const struct whtnxt_model *m, const struct model_attempt *a)
{
    char name[96];
    bool waits = a->stage == WHTNXT_STAGE_QUEUED && m->node.state != MODEL_NODE_RUNNING;
    enum whtnxt_cause why = waits ? model_node_cause(m) : a->cause;
    char text[WHTNXT_CAUSE_TEXT_SIZE];
    json_t *o = json_object();
    /* What it waits for is a start, whatever ended the last node. */
    why = waits && why == WHTNXT_CAUSE_NODE_DOWN ? WHTNXT_CAUSE_NODE_STARTING : why;
    whtnxt_cause_text(why, &(struct whtnxt_cause_args){.detail = m->node.detail}, text);
    model_name(m, a->peer, a->name, name);
    put_num(&o, "id", a->id);
    put_str(&o, "peerId", a->peer);
    put_str(&o, "displayName", name);
    put_str(&o, "source", from_words[a->source]);
    put_str(&o, "stage", whtnxt_stage_word(a->stage));
    put_time(m, &o, "since", a->since);
    put_time(m, &o, "ended", a->ended);
    put_time(m, &o, "nextTry", a->stage == WHTNXT_STAGE_WAITING ? a->next_try : 0);
    whtnxt_json_put(&o, "paths", paths(m, a));
    put_str(&o, "code", whtnxt_cause_code(why));
    put_str(&o, "text", waits ? text : a->text);
    put_str(&o, "action", whtnxt_cause_action(why));
    whtnxt_json_put(&o, "notes", attempt_notes(a));
    return o;
}

static json_t *attempts(const struct whtnxt_model *m)
{
    json_t *list = json_array();
    /* In the order they began, whatever their places are. */
    uint64_t after = 0;
    for (;;) {
        const struct model_attempt *next = NULL;
        for (size_t i = 0; i < MODEL_ATTEMPTS; i++) {
            const struct model_attempt *a = &m->attempts[i];
            if (a->id > after && (next == NULL || a->id < next->id)) {
                next = a;
            }
        }
        if (next == NULL) {
            return list;
        }
        whtnxt_json_add(&list, attempt(m, next));
        after = next->id;
    }
}

static json_t *peers(const struct whtnxt_model *m)
{
    json_t *list = json_array();
    for (size_t i = 0; i < m->n_peers; i++) {
        const struct model_peer *p = &m->peers[i];
        char name[96];
        json_t *o = json_object();
        model_name(m, p->id, NULL, name);
        put_str(&o, "peerId", p->id);
        put_str(&o, "displayName", name);
        put_str(&o, "alias", p->alias);
        whtnxt_json_put(&o, "wanted", json_boolean(p->wanted));
        whtnxt_json_put(&o, "blocked", json_boolean(p->blocked));
        whtnxt_json_put(&o, "refused", json_boolean(p->refused));
        whtnxt_json_put(&o, "lastConnected",
                        p->last_wall == 0 ? json_null() : json_integer((json_int_t)p->last_wall));
        whtnxt_json_add(&list, o);
    }
    return list;
}

static json_t *questions(const struct whtnxt_model *m)
{
    json_t *list = json_array();
    const struct model_question *q = &m->question;
    if (q->id == 0) {
        return list;
    }
    json_t *who = json_array();
    for (size_t i = 0; i < q->n; i++) {
        char id[WHTNXT_ID_SIZE];
        char name[96];
        json_t *p = json_object();
        lp2p_peer_id_format(&q->links[i].id, id);
        model_name(m, id, q->links[i].name, name);
        put_str(&p, "peerId", id);
        put_str(&p, "displayName", name);
        whtnxt_json_add(&who, p);
    }
    json_t *o = json_object();
    put_num(&o, "id", q->id);
    put_time(m, &o, "since", q->since);
    whtnxt_json_put(&o, "peers", who);
    whtnxt_json_add(&list, o);
    return list;
}

/* ---- single members ---- */

static json_t *node_error(const struct whtnxt_model *m)
{
    enum whtnxt_cause c = model_node_cause(m);
    char text[WHTNXT_CAUSE_TEXT_SIZE];
    if (c == WHTNXT_CAUSE_NONE) {
        return json_null();
    }
    whtnxt_cause_text(c, &(struct whtnxt_cause_args){.detail = m->node.detail}, text);
    json_t *o = json_object();
    put_str(&o, "code", whtnxt_cause_code(c));
    put_str(&o, "text", text);
    put_str(&o, "action", whtnxt_cause_action(c));
    return o;
}

/* What runs is not what is installed or wished for. */
static bool needs_restart(const struct whtnxt_model *m)
{
    const struct model_node_life *n = &m->node;
    bool other_version = n->version[0] != '\0' && strcmp(n->version, m->version) != 0;
    bool other_port = n->port != 0 && n->port != m->port;
    return m->upgraded || other_version || other_port || n->cause == WHTNXT_CAUSE_NODE_VERSION;
}

static json_t *node(const struct whtnxt_model *m)
{
    const struct model_node_life *n = &m->node;
    json_t *o = json_object();
    put_str(&o, "state", node_words[n->state]);
    whtnxt_json_put(&o, "pid", n->pid > 0 ? json_integer((json_int_t)n->pid) : json_null());
    put_num(&o, "restarts", n->restarts);
    whtnxt_json_put(&o, "error", node_error(m));
    put_str(&o, "version", n->version);
    whtnxt_json_put(&o, "restartNeeded", json_boolean(needs_restart(m)));
    return o;
}

/* Addresses another machine on this network can dial. */
static void lan_addrs(const struct whtnxt_model *m, struct whtnxt_link *l)
{
    for (size_t i = 0; is_running(m) && i < m->state.n_addrs; i++) {
        const char *a = m->state.addrs[i];
        if (l->n_addrs < WHTNXT_LINK_MAX_ADDRS && strncmp(a, "/ip4/127.", 9) != 0 &&
            strncmp(a, "/ip6/::1/", 9) != 0 && strncmp(a, "/ip6/fe80", 9) != 0 &&
            lp2p_multiaddr_parse(a, strlen(a), &l->addrs[l->n_addrs]) == 0) {
            l->n_addrs++;
        }
    }
}

enum whtnxt_cause model_lan_cause(const struct whtnxt_model *m)
{
    static struct whtnxt_link l; /* exception: 10 KiB, and main has one thread */
    if (!is_running(m)) {
        enum whtnxt_cause c = model_node_cause(m);
        return c == WHTNXT_CAUSE_NODE_DOWN ? WHTNXT_CAUSE_NODE_STARTING : c;
    }
    l.n_addrs = 0;
    lan_addrs(m, &l);
    return l.n_addrs == 0 ? WHTNXT_CAUSE_NO_NETWORK : WHTNXT_CAUSE_NONE;
}

json_t *model_link_json(struct whtnxt_model *m, bool lan)
{
    static struct whtnxt_link l; /* exception: 10 KiB, and main has one thread */
    char url[WHTNXT_LINK_MAX + 1];
    size_t n;
    if (m->id[0] == '\0') {
        return json_null();
    }
    l = (struct whtnxt_link){.id = m->peer_id};
    if (lan) {
        lan_addrs(m, &l);
    }
    if (whtnxt_link_format(&l, url, &n) != 0) {
        return NULL;
    }
    json_t *o = json_object();
    put_str(&o, "url", url);
    whtnxt_json_put(&o, "lan", json_boolean(is_running(m) && m->state.online));
    whtnxt_json_put(&o, "relay", json_false());
    whtnxt_json_put(&o, "public", json_false());
    return o;
}

static json_t *reachability(const struct whtnxt_model *m)
{
    json_t *o = json_object();
    whtnxt_json_put(&o, "online", is_running(m) ? json_boolean(m->state.online) : json_null());
    whtnxt_json_put(&o, "port",
                    is_running(m) && m->state.port != 0 ? json_integer(m->state.port)
                                                        : json_null());
    return o;
}

static json_t *limits(const struct whtnxt_model *m)
{
    json_t *o = json_object();
    put_str(&o, "profile", is_running(m) ? m->state.limits : "desktop");
    put_num(&o, "attempts", WHTNXT_MODEL_RUNNING);
    put_num(&o, "peers", WHTNXT_MODEL_PEERS);
    put_num(&o, "discovered", WHTNXT_STATE_DISCOVERED);
    return o;
}

json_t *model_snapshot(struct whtnxt_model *m, uint64_t now)
{
    json_t *o = json_object();
    whtnxt_json_put(&o, "nodeStarted", json_boolean(is_running(m)));
    put_str(&o, "peerId", m->id);
    whtnxt_json_put(&o, "multiaddrs", own_addrs(m));
    whtnxt_json_put(&o, "discoveredPeers", discovered(m));
    put_num(&o, "moreDiscovered", is_running(m) ? m->state.more_discovered : 0);
    whtnxt_json_put(&o, "connectedPeers", connected(m));
    put_str(&o, "boot", m->boot);
    put_num(&o, "seq", ++m->seq);
    whtnxt_json_put(&o, "ageMs",
                    is_running(m) ? json_integer((json_int_t)(now - m->state_at)) : json_null());
    whtnxt_json_put(&o, "node", node(m));
    whtnxt_json_put(&o, "link", model_link_json(m, false));
    whtnxt_json_put(&o, "connections", connections(m));
    whtnxt_json_put(&o, "attempts", attempts(m));
    whtnxt_json_put(&o, "links", questions(m));
    whtnxt_json_put(&o, "peers", peers(m));
    whtnxt_json_put(&o, "reachability", reachability(m));
    whtnxt_json_put(&o, "limits", limits(m));
    put_num(&o, "logLast", m->log_last);
    return o;
}

json_t *model_log_json(const struct whtnxt_model *m, uint64_t after)
{
    json_t *list = json_array();
    uint64_t oldest = m->log_last > WHTNXT_MODEL_LOG ? m->log_last - WHTNXT_MODEL_LOG : 0;
    uint64_t from = LP2P_MAX(after, oldest);
    for (uint64_t id = from; id < m->log_last && id - from < LOG_ANSWER; id++) {
        const struct model_log_line *l = &m->log[id % WHTNXT_MODEL_LOG];
        json_t *o = json_object();
        put_num(&o, "id", l->id);
        put_num(&o, "time", l->wall);
        put_str(&o, "level", whtnxt_log_word(l->level));
        put_str(&o, "code", l->code);
        put_str(&o, "text", l->text);
        whtnxt_json_add(&list, o);
    }
    json_t *o = json_object();
    put_str(&o, "boot", m->boot);
    put_num(&o, "last", m->log_last);
    whtnxt_json_put(&o, "lost", json_boolean(after < oldest && after != 0));
    whtnxt_json_put(&o, "lines", list);
    return o;
}
