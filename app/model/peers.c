#include <string.h>

#include "base/assert.h"
#include "lp2p/error.h"
#include "model/model_priv.h"

#define PEERS_VERSION 1

struct model_peer *model_peer_find(const struct whtnxt_model *m, const char *id)
{
    for (size_t i = 0; i < m->n_peers; i++) {
        if (strcmp(m->peers[i].id, id) == 0) {
            return &m->peers[i];
        }
    }
    return NULL;
}

/* The one that is missed least: not wanted, not blocked, longest ago. */
static struct model_peer *peer_least(struct whtnxt_model *m)
{
    struct model_peer *least = NULL;
    for (size_t i = 0; i < m->n_peers; i++) {
        struct model_peer *p = &m->peers[i];
        if (!p->wanted && !p->blocked && !p->refused && p->alias[0] == '\0' &&
            (least == NULL || p->last_wall < least->last_wall)) {
            least = p;
        }
    }
    return least;
}

static struct model_peer *peer_room(struct whtnxt_model *m)
{
    if (m->n_peers == WHTNXT_MODEL_PEERS) {
        return peer_least(m);
    }
    if (m->n_peers == m->cap_peers) {
        size_t cap = LP2P_MIN(LP2P_MAX(m->cap_peers * 2, 16U), WHTNXT_MODEL_PEERS);
        struct model_peer *p = lp2p_resize(m->mem, m->peers, cap, sizeof(*p));
        if (p == NULL) {
            return NULL;
        }
        m->peers = p;
        m->cap_peers = cap;
    }
    return &m->peers[m->n_peers++];
}

struct model_peer *model_peer_get(struct whtnxt_model *m, const char *id)
{
    struct model_peer *p = model_peer_find(m, id);
    if (p != NULL) {
        return p;
    }
    p = peer_room(m);
    if (p != NULL) {
        *p = (struct model_peer){.last_wall = 0};
        memcpy(p->id, id, strlen(id) + 1);
    }
    return p;
}

void model_peer_remove(struct whtnxt_model *m, struct model_peer *p)
{
    *p = m->peers[--m->n_peers];
}

void model_peers_save(struct whtnxt_model *m)
{
    if (!m->peers_locked) {
        (void)model_act(m, WHTNXT_DO_SAVE_PEERS);
    }
}

void model_peer_refuse(struct whtnxt_model *m, const char *id, bool on)
{
    struct whtnxt_action *a = model_node_takes(m) ? model_act(m, WHTNXT_DO_SEND) : NULL;
    if (a != NULL) {
        a->msg.type = WHTNXT_MSG_REFUSE;
        memcpy(a->msg.refuse.peer, id, strlen(id) + 1);
        a->msg.refuse.on = on;
    }
}

void model_peers_refused(struct whtnxt_model *m)
{
    for (size_t i = 0; i < m->n_peers; i++) {
        if (m->peers[i].blocked || m->peers[i].refused) {
            model_peer_refuse(m, m->peers[i].id, true);
        }
    }
}

/* The newest address is the first one. */
static void peer_remember(struct model_peer *p, const char *addr)
{
    size_t at = 0;
    while (at < p->n_addrs && strcmp(p->addrs[at], addr) != 0) {
        at++;
    }
    if (at == p->n_addrs) {
        p->n_addrs = LP2P_MIN(p->n_addrs + 1, MODEL_PEER_ADDRS);
        at = LP2P_MIN(at, MODEL_PEER_ADDRS - 1);
    }
    memmove(p->addrs[1], p->addrs[0], at * sizeof(p->addrs[0]));
    memset(p->addrs[0], 0, sizeof(p->addrs[0]));
    memcpy(p->addrs[0], addr, strlen(addr));
}

void model_peer_connected(struct whtnxt_model *m, uint64_t now, const char *id)
{
    struct model_peer *p = model_peer_get(m, id);
    if (p == NULL) {
        return;
    }
    p->wanted = true;
    p->tries = 0;
    p->next_try = 0;
    p->last_wall = model_to_wall(m, now);
    for (size_t i = 0; i < m->state.n_conns; i++) {
        const struct whtnxt_conn_state *c = &m->state.conns[i];
        /* The address of an inbound connection is not one to dial. */
        if (strcmp(c->peer, id) == 0 && c->outbound) {
            peer_remember(p, c->addr);
        }
    }
    model_peers_save(m);
}

/* ---- reconnecting ---- */

/* Between tries of a wanted peer (JOURNEY B4); the last one repeats, with a quarter of jitter. */
static const uint64_t schedule_ms[] = {0, 1000, 2000, 5000, 10000, 30000, 60000};

void model_peer_later(struct whtnxt_model *m, uint64_t now, struct model_peer *p)
{
    p->tries = LP2P_MIN(p->tries + 1, (unsigned)LP2P_COUNT(schedule_ms) - 1);
    uint64_t wait = schedule_ms[p->tries];
    p->next_try = now + wait - lp2p_random_below(m->random, wait / 4 + 1);
}

void model_peer_cancelled(struct whtnxt_model *m, uint64_t now, const struct model_attempt *a)
{
    struct model_peer *p = model_peer_find(m, a->peer);
    char name[96];
    if (p == NULL || !p->wanted) {
        return;
    }
    if (a->source == MODEL_FROM_MEMORY) {
        p->wanted = false;
        model_name(m, p->id, NULL, name);
        model_say(m, WHTNXT_LOG_INFO, WHTNXT_CAUSE_CANCELLED,
                  "%s is not tried again until you connect", name);
        model_peers_save(m);
    } else {
        p->tries = (unsigned)LP2P_COUNT(schedule_ms);
        model_peer_later(m, now, p);
    }
}

/* Running attempts leave room for what the user asks. */
#define RECONNECT_AT_ONCE (WHTNXT_MODEL_RUNNING / 2)

static bool attempt_dials(const struct model_attempt *a)
{
    return a->id != 0 && a->stage != WHTNXT_STAGE_WAITING && a->stage != WHTNXT_STAGE_QUEUED &&
           !whtnxt_stage_has_ended(a->stage);
}

bool model_may_reconnect(const struct whtnxt_model *m)
{
    size_t n = 0;
    for (size_t i = 0; i < MODEL_ATTEMPTS; i++) {
        n += m->attempts[i].source == MODEL_FROM_MEMORY && attempt_dials(&m->attempts[i]);
    }
    return n < RECONNECT_AT_ONCE;
}

static bool peer_may_be_tried(const struct model_peer *p)
{
    return p->wanted && !p->blocked && !p->refused;
}

static bool peer_is_due(struct whtnxt_model *m, uint64_t now, const struct model_peer *p)
{
    if (!peer_may_be_tried(p) || now < p->next_try || model_is_connected(m, p->id)) {
        return false;
    }
    const struct model_attempt *a = model_attempt_of(m, p->id);
    return a == NULL || (a->source == MODEL_FROM_MEMORY && !attempt_dials(a));
}

/* NULL: all places are taken. */
static struct model_attempt *peer_dial(struct whtnxt_model *m, uint64_t now, const char *id,
                                       bool first)
{
    struct model_attempt *a = model_attempt_of(m, id);
    if (a == NULL) {
        a = first ? model_attempt_add_first(m, now, id, MODEL_FROM_MEMORY)
                  : model_attempt_add(m, now, id, MODEL_FROM_MEMORY);
    }
    if (a != NULL) {
        model_attempt_again(m, now, a);
    }
    return a;
}

void model_peers_reconnect(struct whtnxt_model *m, uint64_t now)
{
    while (m->node.state == MODEL_NODE_RUNNING && !m->quitting && model_may_reconnect(m)) {
        const struct model_peer *next = NULL;
        for (size_t i = 0; i < m->n_peers; i++) {
            const struct model_peer *p = &m->peers[i];
            if ((next == NULL || p->next_try < next->next_try) && peer_is_due(m, now, p)) {
                next = p;
            }
        }
        const struct model_attempt *a = next == NULL ? NULL : peer_dial(m, now, next->id, false);
        /* Without memory it stays queued. */
        if (a == NULL || !attempt_dials(a)) {
            return;
        }
    }
}

uint64_t model_peers_deadline(const struct whtnxt_model *m)
{
    uint64_t at = UINT64_MAX;
    for (size_t i = 0; i < m->n_peers; i++) {
        const struct model_peer *p = &m->peers[i];
        /* What is due already waits for a place, not for a time. */
        if (peer_may_be_tried(p) && p->next_try > m->now) {
            at = LP2P_MIN(at, p->next_try);
        }
    }
    return at;
}

/* It is on this network: whatever the schedule says and whoever else is tried, now is the time
 * (JOURNEY B4). */
void model_peer_seen(struct whtnxt_model *m, uint64_t now, const char *id)
{
    struct model_peer *p = model_peer_find(m, id);
    if (p == NULL || m->node.state != MODEL_NODE_RUNNING || m->quitting) {
        return;
    }
    p->tries = 0;
    p->next_try = 0;
    if (peer_is_due(m, now, p)) {
        (void)peer_dial(m, now, p->id, true);
    }
}

/* Another network may have a way to those that could not be reached (JOURNEY B4). */
void model_network_changed(struct whtnxt_model *m, uint64_t now)
{
    for (size_t i = 0; i < m->n_peers; i++) {
        m->peers[i].tries = 0;
        m->peers[i].next_try = now;
    }
}

/* ---- the file ---- */

static json_t *peer_json(const struct model_peer *p)
{
    json_t *addrs = json_array();
    for (size_t i = 0; i < p->n_addrs; i++) {
        whtnxt_json_add(&addrs, json_string(p->addrs[i]));
    }
    json_t *o = json_object();
    whtnxt_json_put(&o, "id", json_string(p->id));
    whtnxt_json_put(&o, "alias", json_string(p->alias));
    whtnxt_json_put(&o, "wanted", json_boolean(p->wanted));
    whtnxt_json_put(&o, "blocked", json_boolean(p->blocked));
    whtnxt_json_put(&o, "refused", json_boolean(p->refused));
    whtnxt_json_put(&o, "lastConnected", json_integer((json_int_t)p->last_wall));
    whtnxt_json_put(&o, "addrs", addrs);
    return o;
}

json_t *whtnxt_model_peers(const struct whtnxt_model *m)
{
    json_t *list = json_array();
    for (size_t i = 0; i < m->n_peers; i++) {
        whtnxt_json_add(&list, peer_json(&m->peers[i]));
    }
    json_t *o = json_object();
    whtnxt_json_put(&o, "version", json_integer(PEERS_VERSION));
    whtnxt_json_put(&o, "peers", list);
    return o;
}

/* What the node would not take is not taken either: one word of a file must not cost us the node,
 * or the other peers. False: it is no id. */
static bool load_id(const char *text, char id[static WHTNXT_ID_SIZE])
{
    struct lp2p_peer_id parsed;
    if (lp2p_peer_id_parse(text, strlen(text), &parsed) != 0) {
        return false;
    }
    lp2p_peer_id_format(&parsed, id);
    return true;
}

static bool load_addr(const char *text, char out[static WHTNXT_TEXT_SIZE])
{
    static char again[LP2P_MULTIADDR_TEXT_SIZE]; /* exception: too large for the stack's taste */
    struct lp2p_multiaddr parsed;
    if (lp2p_multiaddr_parse(text, strlen(text), &parsed) != 0) {
        return false;
    }
    size_t n = lp2p_multiaddr_format(&parsed, again);
    if (!model_addr_fits(again)) {
        return false;
    }
    memcpy(out, again, n + 1);
    return true;
}

/* `dropped` counts ids and addresses that are none. */
static int peer_load(struct whtnxt_model *m, const json_t *o, size_t *dropped)
{
    struct model_peer p = {.last_wall = 0};
    const json_t *addrs;
    const char *alias;
    const char *id;
    LP2P_TRY(whtnxt_json_get_str(o, "id", WHTNXT_TEXT_SIZE, &id));
    LP2P_TRY(whtnxt_json_get_str(o, "alias", 1024, &alias));
    LP2P_TRY(whtnxt_json_get_bool(o, "wanted", &p.wanted));
    LP2P_TRY(whtnxt_json_get_bool(o, "blocked", &p.blocked));
    LP2P_TRY(whtnxt_json_get_bool(o, "refused", &p.refused));
    LP2P_TRY(whtnxt_json_get_u64(o, "lastConnected", UINT64_MAX >> 1, &p.last_wall));
    LP2P_TRY(whtnxt_json_get_array(o, "addrs", MODEL_PEER_ADDRS, &addrs));
    whtnxt_clean(p.alias, sizeof(p.alias), alias, strlen(alias), 64);
    for (size_t i = 0; i < json_array_size(addrs); i++) {
        const json_t *v = json_array_get(addrs, i);
        if (!json_is_string(v)) {
            return -LP2P_E_DECODE;
        }
        if (load_addr(json_string_value(v), p.addrs[p.n_addrs])) {
            p.n_addrs++;
        } else {
            ++*dropped;
        }
    }
    if (!load_id(id, p.id) || model_peer_find(m, p.id) != NULL) {
        ++*dropped;
        return 0;
    }
    struct model_peer *into = peer_room(m);
    if (into == NULL) {
        return -LP2P_E_NOMEM;
    }
    *into = p;
    return 0;
}

void whtnxt_model_lock_peers(struct whtnxt_model *m)
{
    m->peers_locked = true;
}

int whtnxt_model_load_peers(struct whtnxt_model *m, const json_t *o)
{
    uint64_t version;
    const json_t *list;
    m->peers_locked = false;
    if (o == NULL) {
        return 0;
    }
    /* What is not understood is not rewritten. */
    m->peers_locked = true;
    LP2P_TRY(whtnxt_json_get_u64(o, "version", UINT32_MAX, &version));
    if (version != PEERS_VERSION) {
        return -LP2P_E_VERSION;
    }
    LP2P_TRY(whtnxt_json_get_array(o, "peers", WHTNXT_MODEL_PEERS, &list));
    size_t dropped = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        int r = peer_load(m, json_array_get(list, i), &dropped);
        if (r != 0) {
            m->n_peers = 0;
            return r;
        }
    }
    m->peers_locked = false;
    if (dropped > 0) {
        model_say(m, WHTNXT_LOG_WARNING, WHTNXT_CAUSE_STORE_REFUSED,
                  "Of the remembered peers %zu id%s or address%s could not be read and %s left out",
                  dropped, dropped == 1 ? "" : "s", dropped == 1 ? "" : "es",
                  dropped == 1 ? "was" : "were");
    }
    return 0;
}
