#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "lp2p/error.h"
#include "model/model_priv.h"

/* ---- state ---- */

bool model_node_takes(const struct whtnxt_model *m)
{
    return m->node.alive && m->node.talk == WHTNXT_TALK_RUNNING && !m->quitting;
}

enum whtnxt_cause model_node_cause(const struct whtnxt_model *m)
{
    enum whtnxt_cause c = m->node.cause;
    if (m->node.state == MODEL_NODE_UNRESPONSIVE) {
        return WHTNXT_CAUSE_NODE_SILENT;
    }
    if (m->node.state == MODEL_NODE_STARTING && c == WHTNXT_CAUSE_NONE) {
        return WHTNXT_CAUSE_NODE_STARTING;
    }
    return m->node.state == MODEL_NODE_STOPPED && c == WHTNXT_CAUSE_NONE ? WHTNXT_CAUSE_NODE_STOPPED
                                                                         : c;
}

bool model_node_is_out(const struct whtnxt_model *m)
{
    return m->node.state == MODEL_NODE_UNSTABLE || m->node.state == MODEL_NODE_STOPPED ||
           (m->node.state == MODEL_NODE_RESTARTING && m->node.cause == WHTNXT_CAUSE_NODE_MISSING);
}

enum whtnxt_talk whtnxt_model_talk(const struct whtnxt_model *m)
{
    return m->node.talk;
}

bool model_is_connected(const struct whtnxt_model *m, const char *id)
{
    for (size_t i = 0; m->node.state == MODEL_NODE_RUNNING && i < m->state.n_conns; i++) {
        if (strcmp(m->state.conns[i].peer, id) == 0) {
            return true;
        }
    }
    return false;
}

static void node_send_hello(struct whtnxt_model *m)
{
    struct whtnxt_action *a = model_act(m, WHTNXT_DO_SEND);
    if (a != NULL) {
        a->msg.type = WHTNXT_MSG_MAIN_HELLO;
        a->msg.hello.protocol = WHTNXT_NODE_PROTOCOL;
        snprintf(a->msg.hello.version, sizeof(a->msg.hello.version), "%s", m->version);
    }
}

void model_node_spawn(struct whtnxt_model *m, uint64_t now)
{
    struct model_node_life *n = &m->node;
    n->state = MODEL_NODE_STARTING;
    n->talk = WHTNXT_TALK_NEW;
    n->alive = true;
    n->ours = false;
    n->wished = false;
    n->aborting = false;
    n->kill_at = 0;
    n->pid = 0;
    n->port = 0;
    n->spawned = now;
    n->asks = 0;
    n->answered = 0;
    n->next_ask = UINT64_MAX;
    n->silent_since = now; /* its hello is awaited */
    (void)model_act(m, WHTNXT_DO_SPAWN);
    node_send_hello(m);
}

void whtnxt_model_spawned(struct whtnxt_model *m, uint64_t now, int64_t pid)
{
    model_enter(m, now);
    m->node.pid = pid;
}

void whtnxt_model_start(struct whtnxt_model *m, uint64_t now, const struct lp2p_peer_id *id,
                        const char *refused)
{
    model_enter(m, now);
    if (id == NULL && m->node.cause == WHTNXT_CAUSE_KEY_REFUSED &&
        strcmp(m->node.detail, refused) == 0) {
        return; /* said already */
    }
    if (id == NULL) {
        m->node.state = MODEL_NODE_STOPPED;
        m->node.cause = WHTNXT_CAUSE_KEY_REFUSED;
        snprintf(m->node.detail, sizeof(m->node.detail), "%s", refused);
        model_say(m, WHTNXT_LOG_ERROR, WHTNXT_CAUSE_KEY_REFUSED,
                  "Your identity key cannot be used: %s", refused);
        return;
    }
    m->node.cause = WHTNXT_CAUSE_NONE;
    m->node.detail[0] = '\0';
    m->peer_id = *id;
    lp2p_peer_id_format(id, m->id);
    model_node_spawn(m, now);
    m->wake = whtnxt_model_deadline(m);
}

static void node_signal(struct whtnxt_model *m, int sig)
{
    struct whtnxt_action *a = model_act(m, WHTNXT_DO_SIGNAL);
    if (a != NULL) {
        a->signal = sig;
        m->node.ours = true;
    }
}

/* One that listens says goodbye to its peers first. */
static void node_send_away(struct whtnxt_model *m, uint64_t now)
{
    struct model_node_life *n = &m->node;
    struct whtnxt_action *a = n->state == MODEL_NODE_RUNNING && model_node_takes(m)
                                  ? model_act(m, WHTNXT_DO_SEND)
                                  : NULL;
    if (a == NULL) {
        node_signal(m, SIGKILL);
        return;
    }
    a->msg.type = WHTNXT_MSG_QUIT;
    n->talk = WHTNXT_TALK_ENDING;
    n->ours = true;
    n->silent_since = 0;
    n->kill_at = now + MODEL_QUIT_MS;
}

void model_node_restart(struct whtnxt_model *m, uint64_t now)
{
    struct model_node_life *n = &m->node;
    LP2P_ASSERT(m->id[0] != '\0');
    n->n_crashes = 0;
    n->backoff = 0;
    n->cause = WHTNXT_CAUSE_NONE;
    n->detail[0] = '\0';
    if (!n->alive) {
        model_node_spawn(m, now);
    } else if (!n->wished) {
        node_send_away(m, now);
        n->wished = true;
        n->state = MODEL_NODE_RESTARTING;
    }
}

/* ---- sign of life ---- */

static bool is_watched(const struct whtnxt_model *m, uint64_t now)
{
    return m->polled && now - m->last_poll < MODEL_WATCHED_MS;
}

static void node_ask(struct whtnxt_model *m, uint64_t now)
{
    struct whtnxt_action *a = model_node_takes(m) ? model_act(m, WHTNXT_DO_SEND) : NULL;
    bool watched = is_watched(m, now);
    m->node.next_ask = now + (watched ? MODEL_ASK_MS : MODEL_ASK_IDLE_MS);
    if (a == NULL) {
        return;
    }
    a->msg.type = WHTNXT_MSG_ASK;
    a->msg.ask.n = ++m->node.asks;
    a->msg.ask.counters = watched;
    if (m->node.silent_since == 0) {
        m->node.silent_since = now;
    }
}

/* The first poll after a pause asks at once (DESIGN 2). */
void model_node_polled(struct whtnxt_model *m, uint64_t now)
{
    bool was = is_watched(m, now);
    m->last_poll = now;
    m->polled = true;
    if (!was && model_node_takes(m)) {
        node_ask(m, now);
    }
    /* Somebody may have restored the file, or freed the disk. */
    if (m->node.cause == WHTNXT_CAUSE_KEY_REFUSED && !m->quitting && now >= m->node.next_key) {
        m->node.next_key = now + MODEL_KEY_MS;
        (void)model_act(m, WHTNXT_DO_LOAD_KEY);
    }
}

static void node_ran(struct whtnxt_model *m)
{
    if (m->node.state == MODEL_NODE_UNRESPONSIVE) {
        m->node.state = MODEL_NODE_RUNNING;
    }
}

static void node_alive(struct whtnxt_model *m, uint64_t n, uint64_t now)
{
    if (n > m->node.asks || n <= m->node.answered) {
        return;
    }
    m->node.answered = n;
    /* Later questions were asked at most one interval ago. */
    m->node.silent_since = n == m->node.asks ? 0 : now;
    if (n == m->node.asks) {
        node_ran(m);
    }
}

void model_node_tick(struct whtnxt_model *m, uint64_t now)
{
    struct model_node_life *n = &m->node;
    if (!n->alive) {
        if (n->state == MODEL_NODE_RESTARTING && now >= n->next_spawn && !m->quitting) {
            model_node_spawn(m, now);
        }
        return;
    }
    if (n->kill_at != 0 && now >= n->kill_at) {
        n->kill_at = 0;
        node_signal(m, SIGKILL);
    }
    if (m->quitting) {
        return;
    }
    uint64_t silent = n->silent_since == 0 || now < n->silent_since ? 0 : now - n->silent_since;
    if (silent >= MODEL_SILENT_MS && n->state == MODEL_NODE_RUNNING) {
        n->state = MODEL_NODE_UNRESPONSIVE;
    }
    if (silent >= MODEL_DEAD_MS && !n->aborting) {
        n->aborting = true;
        n->kill_at = now + MODEL_KILL_MS;
        model_say(m, WHTNXT_LOG_ERROR, WHTNXT_CAUSE_NODE_DOWN,
                  "The network part was silent for 6 s and is ended");
        node_signal(m, SIGABRT);
    }
    if (now >= n->next_ask) {
        node_ask(m, now);
    }
}

uint64_t model_node_deadline(const struct whtnxt_model *m)
{
    const struct model_node_life *n = &m->node;
    if (!n->alive) {
        return n->state == MODEL_NODE_RESTARTING && !m->quitting ? n->next_spawn : UINT64_MAX;
    }
    uint64_t at = n->kill_at != 0 ? n->kill_at : UINT64_MAX;
    if (m->quitting) {
        return at;
    }
    at = LP2P_MIN(at, n->next_ask);
    if (n->silent_since != 0) {
        if (n->state == MODEL_NODE_RUNNING) {
            at = LP2P_MIN(at, n->silent_since + MODEL_SILENT_MS);
        }
        if (!n->aborting) {
            at = LP2P_MIN(at, n->silent_since + MODEL_DEAD_MS);
        }
    }
    return at;
}

/* ---- its end ---- */

static bool is_crash(int sig)
{
    return sig == SIGSEGV || sig == SIGABRT || sig == SIGBUS || sig == SIGILL || sig == SIGSYS;
}

/* True when this was the fifth crash in 60 s. */
static bool node_crashed(struct model_node_life *n, uint64_t now)
{
    if (n->n_crashes == MODEL_CRASHES) {
        memmove(n->crashes, n->crashes + 1, sizeof(n->crashes) - sizeof(n->crashes[0]));
        n->n_crashes--;
    }
    n->crashes[n->n_crashes++] = now;
    return n->n_crashes == MODEL_CRASHES && now - n->crashes[0] <= MODEL_CRASHES_MS;
}

static uint64_t node_backoff(struct whtnxt_model *m, uint64_t now, uint64_t max)
{
    struct model_node_life *n = &m->node;
    if (now - n->spawned >= MODEL_STABLE_MS) {
        n->backoff = 0;
    }
    n->backoff = n->backoff == 0 ? MODEL_BACKOFF_MIN_MS : LP2P_MIN(n->backoff * 2, max);
    /* Up to a quarter of jitter, below the maximum. */
    return n->backoff - lp2p_random_below(m->random, n->backoff / 4 + 1);
}

/* A person or the system ended it: the first in 5 s starts again at once. One that was running is
 * not to blame and its waits stay short; one that never got so far may be short of memory. */
static uint64_t node_outside(struct whtnxt_model *m, uint64_t now)
{
    struct model_node_life *n = &m->node;
    bool again = n->had_outside && now - n->last_outside < MODEL_OUTSIDE_MS;
    n->had_outside = true;
    n->last_outside = now;
    uint64_t max = n->state == MODEL_NODE_STARTING ? MODEL_BACKOFF_MAX_MS : MODEL_OUTSIDE_MAX_MS;
    return again ? node_backoff(m, now, max) : 0;
}

static void node_gone(struct whtnxt_model *m)
{
    m->node.alive = false;
    m->node.pid = 0;
    m->node.port = 0;
    m->node.kill_at = 0;
    m->node.silent_since = 0;
    m->node.talk = WHTNXT_TALK_NEW;
    whtnxt_state_fini(&m->state);
    model_attempts_node_gone(m);
    model_pings_node_gone(m);
}

static void node_explain(struct whtnxt_model *m, int sig, const char *detail)
{
    if (detail != NULL) {
        snprintf(m->node.detail, sizeof(m->node.detail), "%s", detail);
        m->node.cause = WHTNXT_CAUSE_NODE_MISSING;
    } else if (sig != 0) {
        snprintf(m->node.detail, sizeof(m->node.detail), "It ended by signal %d.", sig);
        m->node.cause = WHTNXT_CAUSE_NODE_DOWN;
    } else {
        m->node.cause = WHTNXT_CAUSE_NODE_DOWN;
    }
}

void whtnxt_model_exited(struct whtnxt_model *m, uint64_t now, int sig, const char *detail)
{
    struct model_node_life *n = &m->node;
    model_enter(m, now);
    if (!n->alive) {
        return;
    }
    bool ours = n->ours;
    node_gone(m);
    if (m->quitting || n->state == MODEL_NODE_STOPPED) {
        n->state = MODEL_NODE_STOPPED;
        m->wake = whtnxt_model_deadline(m);
        return;
    }
    if (n->wished && detail == NULL) {
        model_say(m, WHTNXT_LOG_INFO, WHTNXT_CAUSE_NONE, "The network part is started again");
        model_node_spawn(m, now);
        m->wake = whtnxt_model_deadline(m);
        return;
    }
    node_explain(m, sig, detail);
    if (!ours && is_crash(sig) && node_crashed(n, now)) {
        n->state = MODEL_NODE_UNSTABLE;
        n->cause = WHTNXT_CAUSE_NODE_UNSTABLE;
        model_say(m, WHTNXT_LOG_ERROR, n->cause,
                  "The network part crashed several times and was stopped. %s", n->detail);
        model_attempts_node_out(m, now);
        m->wake = whtnxt_model_deadline(m);
        return;
    }
    bool outside = !ours && (sig == SIGKILL || sig == SIGTERM);
    uint64_t wait = outside ? node_outside(m, now) : node_backoff(m, now, MODEL_BACKOFF_MAX_MS);
    n->restarts++;
    n->state = MODEL_NODE_RESTARTING;
    n->next_spawn = now + wait;
    model_say(m, WHTNXT_LOG_WARNING, n->cause, "The network part %s. %s",
              detail != NULL ? "cannot be started" : "stopped", n->detail);
    model_attempts_node_out(m, now);
    model_node_tick(m, now);
    m->wake = whtnxt_model_deadline(m);
}

static void begin_to_quit(struct whtnxt_model *m, uint64_t now, enum whtnxt_action_type type)
{
    m->quitting = true;
    m->node.kill_at = m->node.alive ? now + MODEL_QUIT_MS : 0;
    model_say(m, WHTNXT_LOG_INFO, WHTNXT_CAUSE_NONE,
              type == WHTNXT_DO_RESTART ? "WhatNext ends, to start anew" : "WhatNext ends");
    (void)model_act(m, type);
    m->wake = whtnxt_model_deadline(m);
}

void model_restart_all(struct whtnxt_model *m, uint64_t now)
{
    if (!m->quitting) {
        begin_to_quit(m, now, WHTNXT_DO_RESTART);
    }
}

void whtnxt_model_upgraded(struct whtnxt_model *m, bool upgraded)
{
    m->upgraded = upgraded;
}

void whtnxt_model_quit(struct whtnxt_model *m, uint64_t now)
{
    model_enter(m, now);
    if (m->quitting) {
        /* The second time means now. */
        if (m->node.alive) {
            node_signal(m, SIGKILL);
        }
        return;
    }
    begin_to_quit(m, now, WHTNXT_DO_QUIT);
}

/* ---- messages ---- */

static void node_hello(struct whtnxt_model *m, uint64_t now, const struct whtnxt_hello *h)
{
    memcpy(m->node.version, h->version, sizeof(m->node.version));
    if (h->protocol != WHTNXT_NODE_PROTOCOL) {
        model_say(m, WHTNXT_LOG_ERROR, WHTNXT_CAUSE_NODE_VERSION,
                  "WhatNext was updated; restart it.");
        node_signal(m, SIGKILL);
        m->node.state = MODEL_NODE_STOPPED;
        m->node.cause = WHTNXT_CAUSE_NODE_VERSION;
        model_attempts_node_out(m, now);
        return;
    }
    m->node.talk = WHTNXT_TALK_RUNNING;
    m->node.next_ask = now;
    m->node.silent_since = 0;
    m->node.port = m->port;
    struct whtnxt_action *a = model_act(m, WHTNXT_DO_SEND);
    if (a != NULL) {
        a->msg.type = WHTNXT_MSG_START;
        a->msg.start.port = m->port;
        a->msg.start.mdns = true;
        memcpy(a->msg.start.limits, "desktop", sizeof("desktop"));
    }
    model_peers_refused(m);
    node_ask(m, now);
    model_attempts_send(m, now);
}

static bool has_conn(const struct whtnxt_state *s, uint64_t id, const char *peer)
{
    for (size_t i = 0; i < s->n_conns; i++) {
        if (s->conns[i].id == id && strcmp(s->conns[i].peer, peer) == 0) {
            return true;
        }
    }
    return false;
}

static bool has_discovered(const struct whtnxt_state *s, const char *id)
{
    for (size_t i = 0; i < s->n_discovered; i++) {
        if (strcmp(s->discovered[i].id, id) == 0) {
            return true;
        }
    }
    return false;
}

static bool has_same_addrs(const struct whtnxt_state *a, const struct whtnxt_state *b)
{
    bool same = a->n_addrs == b->n_addrs;
    for (size_t i = 0; same && i < a->n_addrs; i++) {
        same = strcmp(a->addrs[i], b->addrs[i]) == 0;
    }
    return same;
}

/* What came and went between two states, for the log. */
static void node_compare(struct whtnxt_model *m, uint64_t now, const struct whtnxt_state *old)
{
    const struct whtnxt_state *s = &m->state;
    char name[96];
    for (size_t i = 0; i < s->n_conns; i++) {
        const struct whtnxt_conn_state *c = &s->conns[i];
        if (!has_conn(old, c->id, c->peer)) {
            model_name(m, c->peer, NULL, name);
            model_say(m, WHTNXT_LOG_INFO, WHTNXT_CAUSE_NONE, "Connected to %s (%s, %s)", name,
                      whtnxt_route_word(c->route), c->outbound ? "outbound" : "inbound");
        }
    }
    for (size_t i = 0; i < old->n_conns; i++) {
        const struct whtnxt_conn_state *c = &old->conns[i];
        if (!has_conn(s, c->id, c->peer)) {
            model_name(m, c->peer, NULL, name);
            model_say(m, WHTNXT_LOG_INFO, WHTNXT_CAUSE_NONE, "Connection to %s ended", name);
        }
    }
    for (size_t i = 0; i < s->n_discovered; i++) {
        if (!has_discovered(old, s->discovered[i].id)) {
            model_peer_seen(m, now, s->discovered[i].id);
        }
    }
    if (old->seq != 0 && (old->resumes != s->resumes || !has_same_addrs(old, s))) {
        model_network_changed(m, now);
    }
}

static void node_state(struct whtnxt_model *m, uint64_t now, struct whtnxt_state *take)
{
    struct whtnxt_state old = m->state;
    if (m->node.state == MODEL_NODE_STOPPED) {
        return;
    }
    if (take->seq <= old.seq && old.seq != 0) {
        model_say(m, WHTNXT_LOG_WARNING, WHTNXT_CAUSE_NONE,
                  "An old state of the network part was ignored");
        return;
    }
    if (take->port != 0 && take->port != m->port && take->port != old.port) {
        model_say(m, WHTNXT_LOG_WARNING, WHTNXT_CAUSE_NONE,
                  "Port %u is taken; listening on %u for this run", m->port, take->port);
    }
    m->state = *take;
    whtnxt_state_init(take, m->mem);
    m->state_at = now;
    if (m->node.state == MODEL_NODE_STARTING) {
        m->node.state = MODEL_NODE_RUNNING;
        m->node.cause = WHTNXT_CAUSE_NONE;
        m->node.detail[0] = '\0';
    }
    model_attempts_state(m, now);
    model_pings_state(m, now);
    node_compare(m, now, &old);
    whtnxt_state_fini(&old);
    model_peers_reconnect(m, now);
}

void whtnxt_model_message(struct whtnxt_model *m, uint64_t now, struct whtnxt_node_msg *msg)
{
    model_enter(m, now);
    if (msg->type == WHTNXT_MSG_NODE_HELLO) {
        node_hello(m, now, &msg->hello);
    } else if (msg->type == WHTNXT_MSG_STATE) {
        node_state(m, now, &msg->state);
    } else if (msg->type == WHTNXT_MSG_ALIVE) {
        node_alive(m, msg->alive, now);
    } else if (msg->type == WHTNXT_MSG_FATAL) {
        snprintf(m->node.detail, sizeof(m->node.detail), "%s", msg->fatal.text);
        model_say(m, WHTNXT_LOG_ERROR, WHTNXT_CAUSE_NODE_DOWN, "%s", msg->fatal.text);
    } else if (msg->type == WHTNXT_MSG_LOG) {
        whtnxt_model_log(m, now, msg->log.level, WHTNXT_CAUSE_NONE, msg->log.text);
    }
    m->wake = whtnxt_model_deadline(m);
}

void whtnxt_model_bad_message(struct whtnxt_model *m, uint64_t now, int err)
{
    model_enter(m, now);
    model_say(m, WHTNXT_LOG_ERROR, WHTNXT_CAUSE_NODE_DOWN,
              "The network part said something that is not allowed (%s) and is ended",
              lp2p_error_name(err));
    if (m->node.alive) {
        node_signal(m, SIGKILL);
    }
    m->wake = whtnxt_model_deadline(m);
}
