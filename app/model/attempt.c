#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/text.h"
#include "lp2p/error.h"
#include "model/model_priv.h"

struct model_attempt *model_attempt_find(struct whtnxt_model *m, uint64_t id)
{
    for (size_t i = 0; id != 0 && i < MODEL_ATTEMPTS; i++) {
        if (m->attempts[i].id == id) {
            return &m->attempts[i];
        }
    }
    return NULL;
}

struct model_attempt *model_attempt_of(struct whtnxt_model *m, const char *peer)
{
    for (size_t i = 0; i < MODEL_ATTEMPTS; i++) {
        struct model_attempt *a = &m->attempts[i];
        if (a->id != 0 && !whtnxt_stage_has_ended(a->stage) && strcmp(a->peer, peer) == 0) {
            return a;
        }
    }
    return NULL;
}

/* A free place; the oldest ended attempt makes room when there are 32 of them, and of those that
 * run the one that waits longest. */
static struct model_attempt *attempt_place(struct whtnxt_model *m)
{
    struct model_attempt *free_one = NULL;
    struct model_attempt *oldest = NULL;
    struct model_attempt *waiting = NULL;
    size_t running = 0;
    for (size_t i = 0; i < MODEL_ATTEMPTS; i++) {
        struct model_attempt *a = &m->attempts[i];
        if (a->id == 0) {
            free_one = a;
        } else if (!whtnxt_stage_has_ended(a->stage)) {
            running++;
            if (a->stage == WHTNXT_STAGE_WAITING &&
                (waiting == NULL || a->next_try > waiting->next_try)) {
                waiting = a;
            }
        } else if (oldest == NULL || a->ended < oldest->ended) {
            oldest = a;
        }
    }
    if (running >= WHTNXT_MODEL_RUNNING) {
        return waiting;
    }
    return free_one != NULL ? free_one : oldest;
}

bool model_attempt_allow(struct model_attempt *a, uint64_t now, uint64_t timeout_ms, bool fresh)
{
    uint64_t takes = timeout_ms != 0 ? timeout_ms : WHTNXT_MODEL_ATTEMPT_MS;
    uint64_t deadline = now + takes + MODEL_ATTEMPT_GRACE_MS;
    if (!fresh && (timeout_ms == 0 || deadline <= a->deadline)) {
        return false;
    }
    a->timeout_ms = takes;
    a->look_ms = timeout_ms != 0 ? takes : WHTNXT_MODEL_LOOK_MS;
    a->deadline = deadline;
    return true;
}

struct model_attempt *model_attempt_add(struct whtnxt_model *m, uint64_t now, const char *peer,
                                        enum model_source source)
{
    struct model_attempt *a = attempt_place(m);
    if (a == NULL) {
        return NULL;
    }
    *a = (struct model_attempt){
        .id = m->next_id++,
        .source = source,
        .stage = WHTNXT_STAGE_QUEUED,
        .since = now,
    };
    (void)model_attempt_allow(a, now, 0, true);
    snprintf(a->peer, sizeof(a->peer), "%s", peer);
    return a;
}

/* Messages carry clean text: a DNS name of a link may hold any character. */
bool model_addr_fits(const char *addr)
{
    char clean[WHTNXT_TEXT_SIZE];
    lp2p_text_clean(lp2p_span_str(addr), clean, sizeof(clean));
    return strcmp(addr, clean) == 0;
}

void model_attempt_addr(struct model_attempt *a, const char *addr, enum whtnxt_addr_source source)
{
    if (a->n_addrs == WHTNXT_CONNECT_ADDRS || !model_addr_fits(addr)) {
        return;
    }
    for (size_t i = 0; i < a->n_addrs; i++) {
        if (strcmp(a->addrs[i].addr, addr) == 0) {
            /* The more trusted source counts: TYPED is the first. */
            a->addrs[i].source = LP2P_MIN(a->addrs[i].source, source);
            return;
        }
    }
    struct whtnxt_connect_addr *c = &a->addrs[a->n_addrs++];
    snprintf(c->addr, sizeof(c->addr), "%s", addr);
    c->source = source;
}

/* An address that was typed is tried as it is; a link may wait for discovery. A wanted peer is not
 * waited for either: the schedule and a sighting bring the next try sooner than a long look. */
static bool has_typed(const struct model_attempt *a)
{
    for (size_t i = 0; i < a->n_addrs; i++) {
        if (a->addrs[i].source == WHTNXT_ADDR_TYPED) {
            return true;
        }
    }
    return false;
}

/* Sends the try to the node, or leaves it queued until there is one. */
void model_attempt_go(struct whtnxt_model *m, uint64_t now, struct model_attempt *a)
{
    struct whtnxt_action *act = model_node_takes(m) ? model_act(m, WHTNXT_DO_SEND) : NULL;
    const struct model_peer *p = model_peer_find(m, a->peer);
    for (size_t i = 0; p != NULL && i < p->n_addrs; i++) {
        model_attempt_addr(a, p->addrs[i], WHTNXT_ADDR_REMEMBERED);
    }
    if (act == NULL) {
        a->stage = WHTNXT_STAGE_QUEUED;
        return;
    }
    if (a->node_id == 0) {
        a->node_id = m->next_id++;
        a->stage = WHTNXT_STAGE_LOOKING;
    }
    uint64_t left = a->deadline - MODEL_ATTEMPT_GRACE_MS;
    struct whtnxt_connect *c = &act->msg.connect;
    act->msg.type = WHTNXT_MSG_CONNECT;
    c->id = a->node_id;
    memcpy(c->peer, a->peer, sizeof(c->peer));
    c->timeout_ms = left > now ? left - now : 1;
    bool looks = a->source != MODEL_FROM_MEMORY && !has_typed(a);
    c->look_ms = looks ? LP2P_MIN(c->timeout_ms, a->look_ms) : 0;
    c->timeout_ms = LP2P_MAX(c->timeout_ms, c->look_ms + MODEL_LOOK_LEAD_MS);
    c->background = a->source == MODEL_FROM_MEMORY;
    c->n_addrs = a->n_addrs;
    memcpy(c->addrs, a->addrs, sizeof(c->addrs));
}

/* ---- the end ---- */

static enum whtnxt_cause path_cause(const struct whtnxt_path_state *p)
{
    enum whtnxt_cause_stage at = whtnxt_cause_stage_of(p->where);
    if (at == WHTNXT_AT_DIAL && p->source == WHTNXT_ADDR_MDNS) {
        at = WHTNXT_AT_DIAL_LAN;
    }
    return whtnxt_cause_of(p->error, at);
}

/* The name in an address that could not be found; false when all were. */
static bool missing_host(const struct model_attempt *a, char ret[static WHTNXT_TEXT_SIZE])
{
    for (size_t i = 0; i < a->n_paths; i++) {
        const char *p = a->paths[i].addr;
        const char *name = p[0] == '/' ? strchr(p + 1, '/') : NULL;
        if (name != NULL && strncmp(p, "/dns", 4) == 0 && a->paths[i].error != 0 &&
            path_cause(&a->paths[i]) == WHTNXT_CAUSE_DNS_FAILED) {
            snprintf(ret, WHTNXT_TEXT_SIZE, "%.*s", (int)strcspn(name + 1, "/"), name + 1);
            return true;
        }
    }
    return false;
}

/* Causes that speak of the node, not of the peer. */
#define NODE_EXIT 3

void model_attempt_text(const struct whtnxt_model *m, struct model_attempt *a,
                        enum whtnxt_cause deepest, uint16_t port)
{
    char name[96];
    char detail[WHTNXT_CAUSE_TEXT_SIZE] = "";
    char host[WHTNXT_TEXT_SIZE];
    model_name(m, a->peer, a->name, name);
    struct whtnxt_cause_args args = {.name = name, .port = port, .detail = detail};
    args.host = missing_host(a, host) ? host : NULL;
    if (deepest != WHTNXT_CAUSE_NONE && deepest != a->cause) {
        whtnxt_cause_text(deepest, &args, detail);
    }
    if (a->cause == WHTNXT_CAUSE_LIMIT_REACHED) {
        snprintf(detail, sizeof(detail), "connections");
    } else if (whtnxt_cause_exit(a->cause) == NODE_EXIT) {
        snprintf(detail, sizeof(detail), "%s", m->node.detail);
    }
    args.n = a->cause == WHTNXT_CAUSE_LIMIT_REACHED ? WHTNXT_MODEL_RUNNING : a->timeout_ms / 1000;
    whtnxt_cause_text(a->cause, &args, a->text);
}

static void send_cancel(struct whtnxt_model *m, struct model_attempt *a)
{
    struct whtnxt_action *act = a->node_id != 0 && model_node_takes(m)
                                    ? model_act(m, WHTNXT_DO_SEND)
                                    : NULL;
    if (act != NULL) {
        act->msg.type = WHTNXT_MSG_CANCEL;
        act->msg.cancel = a->node_id;
    }
    a->node_id = 0;
}

static void attempt_close(struct whtnxt_model *m, uint64_t now, struct model_attempt *a,
                          enum whtnxt_stage stage)
{
    char name[96];
    a->stage = stage;
    a->ended = now;
    a->node_id = 0;
    if (stage == WHTNXT_STAGE_FAILED) {
        model_name(m, a->peer, a->name, name);
        model_say(m, WHTNXT_LOG_WARNING, a->cause, "Connecting to %s failed: %s", name, a->text);
    }
}

static void attempt_wait(struct whtnxt_model *m, uint64_t now, struct model_attempt *a,
                         struct model_peer *p)
{
    model_peer_later(m, now, p);
    a->next_try = p->next_try;
    a->stage = WHTNXT_STAGE_WAITING;
    a->node_id = 0;
}

struct model_attempt *model_attempt_add_first(struct whtnxt_model *m, uint64_t now,
                                              const char *peer, enum model_source source)
{
    struct model_attempt *a = model_attempt_add(m, now, peer, source);
    for (size_t i = 0; a == NULL && i < MODEL_ATTEMPTS; i++) {
        struct model_attempt *other = &m->attempts[i];
        struct model_peer *p = other->id != 0 ? model_peer_find(m, other->peer) : NULL;
        if (p != NULL && other->source == MODEL_FROM_MEMORY &&
            !whtnxt_stage_has_ended(other->stage)) {
            send_cancel(m, other);
            attempt_wait(m, now, other, p);
            a = model_attempt_add(m, now, peer, source);
        }
    }
    return a;
}

void model_attempt_again(struct whtnxt_model *m, uint64_t now, struct model_attempt *a)
{
    a->deadline = now + WHTNXT_MODEL_ATTEMPT_MS + MODEL_ATTEMPT_GRACE_MS;
    a->n_paths = 0;
    model_attempt_go(m, now, a);
}

void model_attempt_end(struct whtnxt_model *m, uint64_t now, struct model_attempt *a,
                       enum whtnxt_stage stage, enum whtnxt_cause cause)
{
    a->cause = cause;
    a->text[0] = '\0';
    if (cause != WHTNXT_CAUSE_NONE) {
        model_attempt_text(m, a, WHTNXT_CAUSE_NONE, 0);
    }
    if (stage != WHTNXT_STAGE_CONNECTED) {
        send_cancel(m, a);
    }
    attempt_close(m, now, a, stage);
}

static uint16_t path_port(const struct whtnxt_path_state *p)
{
    const char *tcp = strstr(p->addr, "/tcp/");
    return tcp == NULL ? 0 : (uint16_t)strtoul(tcp + 5, NULL, 10);
}

/* The deepest cause among the paths: a handshake says more than a refusal (JOURNEY 5.4). */
static enum whtnxt_cause deepest_cause(const struct model_attempt *a, uint16_t *ret_port)
{
    static const enum whtnxt_cause order[] = {
        WHTNXT_CAUSE_PEER_ID_MISMATCH,  WHTNXT_CAUSE_DECLINED,        WHTNXT_CAUSE_INCOMPATIBLE,
        WHTNXT_CAUSE_HANDSHAKE_TIMEOUT, WHTNXT_CAUSE_CONNECTION_LOST, WHTNXT_CAUSE_LAN_FIREWALL,
        WHTNXT_CAUSE_PEER_UNREACHABLE,  WHTNXT_CAUSE_DNS_FAILED,
    };
    for (size_t o = 0; o < LP2P_COUNT(order); o++) {
        for (size_t i = 0; i < a->n_paths; i++) {
            if (a->paths[i].error != 0 && path_cause(&a->paths[i]) == order[o]) {
                *ret_port = path_port(&a->paths[i]);
                return order[o];
            }
        }
    }
    return WHTNXT_CAUSE_NONE;
}

static bool blames_the_peer(enum whtnxt_cause c)
{
    return c == WHTNXT_CAUSE_PEER_UNREACHABLE || c == WHTNXT_CAUSE_LAN_FIREWALL ||
           c == WHTNXT_CAUSE_NOT_ON_LAN_NO_RELAY || c == WHTNXT_CAUSE_DNS_FAILED ||
           c == WHTNXT_CAUSE_TIMED_OUT;
}

/* We have no network, and nothing answered: no firewall of the other side is to blame. */
static bool is_offline(const struct whtnxt_model *m, const struct model_attempt *a,
                       enum whtnxt_cause deepest)
{
    if (deepest != WHTNXT_CAUSE_NONE && !blames_the_peer(deepest)) {
        return false;
    }
    for (size_t i = 0; i < a->n_paths; i++) {
        if (a->paths[i].error == -LP2P_E_REFUSED) {
            return false;
        }
    }
    return m->node.state == MODEL_NODE_RUNNING && !m->state.online;
}

/* A wanted peer is tried again later; what a user asked for has an end. */
static bool attempt_waits(struct whtnxt_model *m, uint64_t now, struct model_attempt *a)
{
    struct model_peer *p = model_peer_find(m, a->peer);
    if (a->source != MODEL_FROM_MEMORY || p == NULL || !p->wanted ||
        a->cause == WHTNXT_CAUSE_DECLINED) {
        return false;
    }
    attempt_wait(m, now, a, p);
    return true;
}

static void attempt_failed(struct whtnxt_model *m, uint64_t now, struct model_attempt *a,
                           enum whtnxt_cause whole)
{
    uint16_t port = 0;
    enum whtnxt_cause deepest = deepest_cause(a, &port);
    /* Nobody looked for a peer whose address was typed, and no link is to blame. */
    if (whole == WHTNXT_CAUSE_NOT_ON_LAN_NO_RELAY && has_typed(a)) {
        whole = WHTNXT_CAUSE_PEER_UNREACHABLE;
    }
    a->cause = whole;
    bool vague = whole == WHTNXT_CAUSE_PEER_UNREACHABLE || whole == WHTNXT_CAUSE_INTERNAL ||
                 whole == WHTNXT_CAUSE_NOT_ON_LAN_NO_RELAY;
    if (vague && deepest != WHTNXT_CAUSE_NONE) {
        a->cause = deepest;
    }
    if (blames_the_peer(a->cause) && is_offline(m, a, deepest)) {
        a->cause = WHTNXT_CAUSE_NO_NETWORK;
    }
    model_attempt_text(m, a, deepest, port);
    struct model_peer *p = model_peer_find(m, a->peer);
    if (a->cause == WHTNXT_CAUSE_DECLINED && p != NULL && p->wanted) {
        p->wanted = false;
        model_peers_save(m);
    }
    if (!attempt_waits(m, now, a)) {
        attempt_close(m, now, a, WHTNXT_STAGE_FAILED);
    }
}

static void attempt_connected(struct whtnxt_model *m, uint64_t now, struct model_attempt *a)
{
    a->cause = WHTNXT_CAUSE_NONE;
    a->text[0] = '\0';
    attempt_close(m, now, a, WHTNXT_STAGE_CONNECTED);
    model_peer_connected(m, now, a->peer);
    struct model_peer *p = model_peer_find(m, a->peer);
    if (p != NULL && a->name[0] != '\0') {
        memcpy(p->name, a->name, sizeof(p->name));
    }
}

/* ---- the node's word ---- */

static void attempt_follow(struct whtnxt_model *m, uint64_t now, struct model_attempt *a,
                           const struct whtnxt_attempt_state *s)
{
    a->n_paths = s->n_paths;
    memcpy(a->paths, s->paths, sizeof(a->paths));
    if (s->skipped > 0 && !a->skipped && a->source != MODEL_FROM_MEMORY) {
        a->skipped = true;
        model_say(m, WHTNXT_LOG_INFO, WHTNXT_CAUSE_LINK_ADDR_SKIPPED,
                  "An address in this link was not tried: it points into your own computer or "
                  "network.");
    }
    if (s->stage == WHTNXT_STAGE_CONNECTED) {
        attempt_connected(m, now, a);
    } else if (s->stage == WHTNXT_STAGE_CANCELLED) {
        model_attempt_end(m, now, a, WHTNXT_STAGE_CANCELLED, WHTNXT_CAUSE_CANCELLED);
    } else if (s->stage == WHTNXT_STAGE_FAILED) {
        enum whtnxt_cause c = whtnxt_cause_of(s->error, whtnxt_cause_stage_of(s->where));
        attempt_failed(m, now, a, c == WHTNXT_CAUSE_NONE ? WHTNXT_CAUSE_INTERNAL : c);
    } else {
        a->stage = s->stage;
    }
}

void model_attempts_state(struct whtnxt_model *m, uint64_t now)
{
    for (size_t i = 0; i < m->state.n_attempts; i++) {
        for (size_t k = 0; k < MODEL_ATTEMPTS; k++) {
            struct model_attempt *a = &m->attempts[k];
            if (a->id != 0 && a->node_id == m->state.attempts[i].id) {
                attempt_follow(m, now, a, &m->state.attempts[i]);
                break;
            }
        }
    }
    /* The other side was first: what is tried is reached. */
    for (size_t k = 0; k < MODEL_ATTEMPTS; k++) {
        struct model_attempt *a = &m->attempts[k];
        if (a->id != 0 && a->stage == WHTNXT_STAGE_WAITING && model_is_connected(m, a->peer)) {
            attempt_connected(m, now, a);
        }
    }
}

/* A new node knows of no try: what is wanted is tried at once, too. */
void model_attempts_node_gone(struct whtnxt_model *m)
{
    for (size_t i = 0; i < m->n_peers; i++) {
        m->peers[i].next_try = 0;
    }
    for (size_t i = 0; i < MODEL_ATTEMPTS; i++) {
        struct model_attempt *a = &m->attempts[i];
        if (a->id != 0 && !whtnxt_stage_has_ended(a->stage)) {
            a->stage = WHTNXT_STAGE_QUEUED;
            a->node_id = 0;
            a->n_paths = 0;
        }
    }
}

void model_attempts_node_out(struct whtnxt_model *m, uint64_t now)
{
    for (size_t i = 0; model_node_is_out(m) && i < MODEL_ATTEMPTS; i++) {
        struct model_attempt *a = &m->attempts[i];
        if (a->id != 0 && a->source != MODEL_FROM_MEMORY && !whtnxt_stage_has_ended(a->stage)) {
            model_attempt_end(m, now, a, WHTNXT_STAGE_FAILED, model_node_cause(m));
        }
    }
}

void model_attempts_send(struct whtnxt_model *m, uint64_t now)
{
    for (size_t i = 0; i < MODEL_ATTEMPTS; i++) {
        struct model_attempt *a = &m->attempts[i];
        if (a->id == 0 || a->stage != WHTNXT_STAGE_QUEUED) {
            continue;
        }
        if (a->source != MODEL_FROM_MEMORY) {
            model_attempt_go(m, now, a);
        } else if (model_may_reconnect(m)) {
            model_attempt_again(m, now, a);
        }
    }
}

/* ---- time ---- */

/* A remembered peer waits for the node without an end. */
static bool attempt_can_expire(const struct model_attempt *a)
{
    return a->stage != WHTNXT_STAGE_WAITING &&
           !(a->source == MODEL_FROM_MEMORY && a->stage == WHTNXT_STAGE_QUEUED);
}

static void attempt_tick(struct whtnxt_model *m, uint64_t now, struct model_attempt *a)
{
    if (whtnxt_stage_has_ended(a->stage)) {
        if (now >= a->ended + WHTNXT_MODEL_ENDED_MS) {
            a->id = 0;
        }
    } else if (attempt_can_expire(a) && now >= a->deadline) {
        send_cancel(m, a);
        attempt_failed(m, now, a, WHTNXT_CAUSE_TIMED_OUT);
    }
}

void model_attempts_tick(struct whtnxt_model *m, uint64_t now)
{
    for (size_t i = 0; i < MODEL_ATTEMPTS; i++) {
        if (m->attempts[i].id != 0) {
            attempt_tick(m, now, &m->attempts[i]);
        }
    }
    model_peers_reconnect(m, now);
}

uint64_t model_attempts_deadline(const struct whtnxt_model *m)
{
    uint64_t at = model_peers_deadline(m);
    for (size_t i = 0; i < MODEL_ATTEMPTS; i++) {
        const struct model_attempt *a = &m->attempts[i];
        if (a->id == 0) {
            continue;
        }
        if (whtnxt_stage_has_ended(a->stage)) {
            at = LP2P_MIN(at, a->ended + WHTNXT_MODEL_ENDED_MS);
        } else if (attempt_can_expire(a)) {
            at = LP2P_MIN(at, a->deadline);
        }
    }
    return at;
}
