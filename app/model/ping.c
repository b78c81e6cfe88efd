/*
 * Series of pings: main asks the node for one and hands its results to whoever pulls them.
 *
 *   RUNNING --all pongs, an error, stop, nobody asks for 10 s, node gone--> ENDED --60 s--> free
 */
#include <string.h>

#include "base/assert.h"
#include "lp2p/error.h"
#include "model/model_priv.h"

/* Whoever wanted the pongs is gone: an endless series may not outlive it. */
#define PING_UNASKED_MS 10000U

static bool is_running(const struct model_ping *p)
{
    return p->id != 0 && p->ended == 0;
}

static void tell_node(struct whtnxt_model *m, const struct model_ping *p, enum whtnxt_msg type)
{
    struct whtnxt_action *a = model_node_takes(m) ? model_act(m, WHTNXT_DO_SEND) : NULL;
    if (a == NULL) {
        return;
    }
    a->msg.type = type;
    if (type == WHTNXT_MSG_UNPING) {
        a->msg.unping = p->id;
        return;
    }
    a->msg.ping.id = p->id;
    a->msg.ping.count = p->count;
    a->msg.ping.interval_ms = p->interval_ms;
    memcpy(a->msg.ping.peer, p->peer, sizeof(p->peer));
}

static void ping_end(struct whtnxt_model *m, uint64_t now, struct model_ping *p,
                     enum whtnxt_cause cause)
{
    p->ended = now;
    p->cause = cause;
    tell_node(m, p, WHTNXT_MSG_UNPING);
}

static struct model_ping *ping_find(struct whtnxt_model *m, uint64_t id)
{
    for (size_t i = 0; id != 0 && i < WHTNXT_STATE_PINGS; i++) {
        if (m->pings[i].id == id) {
            return &m->pings[i];
        }
    }
    return NULL;
}

/* A free place, else the one that ended longest ago. */
static struct model_ping *ping_room(struct whtnxt_model *m)
{
    struct model_ping *oldest = NULL;
    for (size_t i = 0; i < WHTNXT_STATE_PINGS; i++) {
        struct model_ping *p = &m->pings[i];
        if (p->id == 0) {
            return p;
        }
        if (!is_running(p) && (oldest == NULL || p->ended < oldest->ended)) {
            oldest = p;
        }
    }
    return oldest;
}

uint64_t model_ping_begin(struct whtnxt_model *m, uint64_t now, const struct model_ping_wish *wish)
{
    struct model_ping *p = ping_room(m);
    if (p == NULL) {
        return 0;
    }
    *p = (struct model_ping){
        .id = m->next_id++, .count = wish->count, .interval_ms = wish->interval_ms, .asked = now};
    memcpy(p->peer, wish->peer, strlen(wish->peer) + 1);
    tell_node(m, p, WHTNXT_MSG_PING);
    return p->id;
}

bool model_ping_stop(struct whtnxt_model *m, uint64_t now, uint64_t id)
{
    struct model_ping *p = ping_find(m, id);
    if (p != NULL && is_running(p)) {
        ping_end(m, now, p, WHTNXT_CAUSE_NONE);
    }
    return p != NULL;
}

void model_pings_state(struct whtnxt_model *m, uint64_t now)
{
    for (size_t i = 0; i < m->state.n_pings; i++) {
        const struct whtnxt_ping_state *s = &m->state.pings[i];
        struct model_ping *p = ping_find(m, s->id);
        if (p == NULL || !is_running(p)) {
            continue;
        }
        p->state = *s;
        if (s->ended) {
            ping_end(m, now, p, whtnxt_cause_of(s->error, WHTNXT_AT_PING));
        }
    }
}

void model_pings_node_gone(struct whtnxt_model *m)
{
    for (size_t i = 0; i < WHTNXT_STATE_PINGS; i++) {
        if (is_running(&m->pings[i])) {
            ping_end(m, m->now, &m->pings[i], WHTNXT_CAUSE_CONNECTION_LOST);
        }
    }
}

static uint64_t ping_deadline(const struct model_ping *p)
{
    return is_running(p) ? p->asked + PING_UNASKED_MS : p->ended + WHTNXT_MODEL_ENDED_MS;
}

uint64_t model_pings_deadline(const struct whtnxt_model *m)
{
    uint64_t at = UINT64_MAX;
    for (size_t i = 0; i < WHTNXT_STATE_PINGS; i++) {
        if (m->pings[i].id != 0) {
            at = LP2P_MIN(at, ping_deadline(&m->pings[i]));
        }
    }
    return at;
}

void model_pings_tick(struct whtnxt_model *m, uint64_t now)
{
    for (size_t i = 0; i < WHTNXT_STATE_PINGS; i++) {
        struct model_ping *p = &m->pings[i];
        if (p->id == 0 || now < ping_deadline(p)) {
            continue;
        }
        if (is_running(p)) {
            ping_end(m, now, p, WHTNXT_CAUSE_CANCELLED);
        } else {
            p->id = 0;
        }
    }
}

/* ---- the answer ---- */

static void put_ms(json_t **o, const char *key, bool known, double us)
{
    whtnxt_json_put(o, key, known ? json_real(us / 1000.0) : json_null());
}

static json_t *pongs(const struct whtnxt_ping_state *s, uint64_t after)
{
    json_t *list = json_array();
    uint64_t first = s->received - s->n_pongs + 1;
    for (size_t i = 0; i < s->n_pongs; i++) {
        if (first + i > after) {
            json_t *o = json_object();
            whtnxt_json_put(&o, "seq", json_integer((json_int_t)(first + i)));
            put_ms(&o, "ms", true, (double)s->pongs_us[i]);
            whtnxt_json_add(&list, o);
        }
    }
    return list;
}

static void put_cause(const struct whtnxt_model *m, json_t **o, const struct model_ping *p)
{
    char name[96];
    char text[WHTNXT_CAUSE_TEXT_SIZE];
    bool known = p->cause != WHTNXT_CAUSE_NONE;
    model_name(m, p->peer, NULL, name);
    whtnxt_cause_text(p->cause, &(struct whtnxt_cause_args){.name = name}, text);
    whtnxt_json_put(o, "displayName", json_string(name));
    whtnxt_json_put(o, "code", known ? json_string(whtnxt_cause_code(p->cause)) : json_null());
    whtnxt_json_put(o, "text", known ? json_string(text) : json_null());
}

json_t *model_ping_json(struct whtnxt_model *m, uint64_t now, uint64_t id, uint64_t after,
                        bool *ret_known)
{
    struct model_ping *p = ping_find(m, id);
    *ret_known = p != NULL;
    if (p == NULL) {
        return NULL;
    }
    const struct whtnxt_ping_state *s = &p->state;
    p->asked = now;
    json_t *o = json_object();
    whtnxt_json_put(&o, "ping", json_integer((json_int_t)p->id));
    whtnxt_json_put(&o, "peerId", json_string(p->peer));
    put_cause(m, &o, p);
    whtnxt_json_put(&o, "ended", json_boolean(!is_running(p)));
    whtnxt_json_put(&o, "sent", json_integer((json_int_t)s->sent));
    whtnxt_json_put(&o, "received", json_integer((json_int_t)s->received));
    put_ms(&o, "minMs", s->received > 0, (double)s->min_us);
    put_ms(&o, "avgMs", s->received > 0,
           s->received > 0 ? (double)s->sum_us / (double)s->received : 0);
    put_ms(&o, "maxMs", s->received > 0, (double)s->max_us);
    whtnxt_json_put(&o, "pongs", pongs(s, after));
    return o;
}
