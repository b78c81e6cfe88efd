#include "node/node.h"

#include "base/assert.h"
#include "base/text.h"
#include "env/env.h"
#include "format/addr.h"

#include <stdio.h>

static void put_text(char *out, size_t size, const char *text)
{
    lp2p_text_clean(lp2p_span_str(text), out, size);
}

/* An address that is too long to be shown is left out by the caller. */
static bool put_addr(char out[static WHTNXT_TEXT_SIZE], const struct lp2p_multiaddr *addr)
{
    char text[LP2P_MULTIADDR_TEXT_SIZE];
    size_t len = addr->len == 0 ? 0 : lp2p_multiaddr_format(addr, text);
    if (len >= WHTNXT_TEXT_SIZE) {
        return false;
    }
    memcpy(out, text, len);
    out[len] = '\0';
    return true;
}

static uint64_t to_ms(lp2p_ts ts)
{
    return ts / LP2P_MSEC(1);
}

static enum whtnxt_route conn_route(const struct lp2p_conn_info *c)
{
    struct lp2p_endpoint e;
    uint32_t code;
    size_t used;
    bool is_public = lp2p_addr_to_endpoint(&c->remote, &e, &code, &used) == 0 &&
                     lp2p_endpoint_is_public(&e);
    return is_public ? WHTNXT_ROUTE_DIRECT : WHTNXT_ROUTE_LAN;
}

static void put_conn(struct whtnxt_conn_state *out, const struct lp2p_conn_info *c)
{
    out->id = c->id;
    lp2p_peer_id_format(&c->peer, out->peer);
    out->outbound = c->outbound;
    out->identified = c->identified;
    out->route = conn_route(c);
    (void)put_addr(out->addr, &c->remote);
    put_text(out->transport, sizeof(out->transport), c->transport);
    put_text(out->security, sizeof(out->security), c->security);
    put_text(out->muxer, sizeof(out->muxer), c->muxer);
    put_text(out->agent, sizeof(out->agent), c->agent);
    out->latency_us = c->rtt / LP2P_USEC(1);
    out->streams = c->streams;
    out->bytes_in = c->bytes_in;
    out->bytes_out = c->bytes_out;
    out->since_ms = to_ms(c->since);
}

static enum whtnxt_stage put_stage(enum lp2p_stage stage)
{
    switch (stage) {
    case LP2P_STAGE_LOOKING:
        return WHTNXT_STAGE_LOOKING;
    case LP2P_STAGE_DIALING:
        return WHTNXT_STAGE_DIALING;
    case LP2P_STAGE_SECURING:
        return WHTNXT_STAGE_SECURING;
    case LP2P_STAGE_IDENTIFYING:
        return WHTNXT_STAGE_IDENTIFYING;
    case LP2P_STAGE_CONNECTED:
        return WHTNXT_STAGE_CONNECTED;
    case LP2P_STAGE_CANCELLED:
        return WHTNXT_STAGE_CANCELLED;
    case LP2P_STAGE_FAILED:
        break;
    }
    return WHTNXT_STAGE_FAILED;
}

static void put_path(struct whtnxt_path_state *out, const struct lp2p_path *p)
{
    (void)put_addr(out->addr, &p->addr);
    out->source = (enum whtnxt_addr_source)p->source;
    out->stage = put_stage(p->stage);
    out->error = p->error;
    put_text(out->where, sizeof(out->where), p->where != NULL ? p->where : "");
    out->started_ms = to_ms(p->started);
    out->ended_ms = to_ms(p->ended);
}

static const struct lp2p_attempt_info *find_attempt(struct node *n, uint64_t host_id)
{
    const struct lp2p_attempt_info *info;
    for (size_t pos = 0; lp2p_host_attempt_next(n->host, &pos, &info);) {
        if (info->id == host_id) {
            return info;
        }
    }
    return NULL;
}

static void put_attempt(struct whtnxt_attempt_state *out, uint64_t id,
                        const struct lp2p_attempt_info *info)
{
    out->id = id;
    out->stage = put_stage(info->stage);
    out->error = info->error;
    put_text(out->where, sizeof(out->where), info->where != NULL ? info->where : "");
    out->skipped = info->n_skipped;
    out->n_paths = info->n_paths;
    for (size_t i = 0; i < info->n_paths; i++) {
        put_path(&out->paths[i], &info->paths[i]);
    }
}

/* The attempts of main that the host still knows; the others are forgotten here. */
static void put_attempts(struct node *n, struct whtnxt_state *s)
{
    size_t count = 0;
    for (size_t i = 0; i < NODE_MAX_ATTEMPTS && count < s->n_attempts; i++) {
        struct node_attempt *a = &n->attempts[i];
        if (a->id == 0) {
            continue;
        }
        const struct lp2p_attempt_info *info = a->host == 0 ? NULL : find_attempt(n, a->host);
        struct whtnxt_attempt_state *out = &s->attempts[count];
        if (info != NULL) {
            put_attempt(out, a->id, info);
            count++;
        } else if (a->host == 0) {
            out->id = a->id;
            out->stage = WHTNXT_STAGE_FAILED;
            out->error = a->error;
            put_text(out->where, sizeof(out->where), "start");
            count++;
        } else {
            *a = (struct node_attempt){.id = 0};
        }
    }
    s->n_attempts = count;
}

static void put_peer_addrs(struct node *n, struct whtnxt_peer_state *out,
                           const struct lp2p_peer_info *p)
{
    struct lp2p_multiaddr addr;
    for (size_t pos = 0; lp2p_host_peer_addr_next(n->host, &p->id, &pos, &addr);) {
        if (out->n_addrs == WHTNXT_STATE_LIST || !put_addr(out->addrs[out->n_addrs], &addr)) {
            out->more_addrs++;
        } else {
            out->n_addrs++;
        }
    }
}

static void put_peer_protocols(struct node *n, struct whtnxt_peer_state *out,
                               const struct lp2p_peer_info *p)
{
    const char *protocol;
    for (size_t pos = 0; lp2p_host_peer_protocol_next(n->host, &p->id, &pos, &protocol);) {
        if (out->n_protocols == WHTNXT_STATE_LIST) {
            out->more_protocols++;
        } else {
            put_text(out->protocols[out->n_protocols++], WHTNXT_TEXT_SIZE, protocol);
        }
    }
}

/* By the record's note, or by the agent once identify has told it (DESIGN 7). */
static int peer_app(const struct lp2p_peer_info *p)
{
    static const char agent[] = "whtnxt/";
    if (strncmp(p->agent, agent, sizeof(agent) - 1) == 0) {
        return 1;
    }
    return p->app;
}

static void put_peer(struct node *n, struct whtnxt_peer_state *out, const struct lp2p_peer_info *p)
{
    lp2p_peer_id_format(&p->id, out->id);
    out->app = peer_app(p);
    put_text(out->source, sizeof(out->source), "mdns");
    put_text(out->agent, sizeof(out->agent), p->agent);
    out->first_ms = to_ms(p->first_seen);
    out->last_ms = to_ms(p->last_seen);
    put_peer_addrs(n, out, p);
    put_peer_protocols(n, out, p);
}

static void put_discovered(struct node *n, struct whtnxt_state *s)
{
    struct lp2p_peer_info info;
    size_t count = 0;
    for (size_t pos = 0; lp2p_host_peer_next(n->host, &pos, &info);) {
        if (info.discovered && count < s->n_discovered) {
            put_peer(n, &s->discovered[count++], &info);
        }
    }
    s->n_discovered = count;
}

struct counts {
    size_t addrs;
    size_t conns;
    size_t attempts;
    size_t discovered;
    size_t all_discovered;
};

static struct counts count_all(struct node *n)
{
    struct counts c = {.addrs = 0};
    struct lp2p_multiaddr addr;
    for (size_t pos = 0; lp2p_host_addr_next(n->host, &pos, &addr);) {
        c.addrs++;
    }
    struct lp2p_conn_info conn;
    for (size_t pos = 0; lp2p_host_conn_next(n->host, &pos, &conn);) {
        c.conns++;
    }
    struct lp2p_peer_info peer;
    for (size_t pos = 0; lp2p_host_peer_next(n->host, &pos, &peer);) {
        c.all_discovered += peer.discovered;
    }
    for (size_t i = 0; i < NODE_MAX_ATTEMPTS; i++) {
        c.attempts += n->attempts[i].id != 0;
    }
    c.addrs = LP2P_MIN(c.addrs, (size_t)WHTNXT_STATE_ADDRS);
    c.conns = LP2P_MIN(c.conns, (size_t)WHTNXT_STATE_CONNS);
    c.discovered = LP2P_MIN(c.all_discovered, (size_t)WHTNXT_STATE_DISCOVERED);
    return c;
}

static void put_addrs(struct node *n, struct whtnxt_state *s)
{
    struct lp2p_multiaddr addr;
    size_t count = 0;
    for (size_t pos = 0; count < s->n_addrs && lp2p_host_addr_next(n->host, &pos, &addr);) {
        lp2p_multiaddr_without_peer_id(&addr);
        count += put_addr(s->addrs[count], &addr);
    }
    s->n_addrs = count;
}

static void put_conns(struct node *n, struct whtnxt_state *s)
{
    struct lp2p_conn_info conn;
    size_t count = 0;
    for (size_t pos = 0; count < s->n_conns && lp2p_host_conn_next(n->host, &pos, &conn);) {
        put_conn(&s->conns[count++], &conn);
    }
    s->n_conns = count;
}

static bool is_online(struct node *n)
{
    struct lp2p_iface ifaces[LP2P_ENV_MAX_IFACES];
    size_t count = 0;
    if (n->env->ops->interfaces(n->env, ifaces, LP2P_ENV_MAX_IFACES, &count) != 0) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (ifaces[i].up && !ifaces[i].loopback) {
            return true;
        }
    }
    return false;
}

int node_picture(struct node *n, struct whtnxt_state *s)
{
    struct counts c = count_all(n);
    LP2P_TRY(whtnxt_state_alloc(s, c.addrs, c.conns, c.attempts, c.discovered));
    s->seq = ++n->seq;
    s->port = n->port;
    s->online = is_online(n);
    s->resumes = n->resumes;
    put_text(s->limits, sizeof(s->limits), n->limits);
    put_addrs(n, s);
    put_conns(n, s);
    put_attempts(n, s);
    put_discovered(n, s);
    node_put_pings(n, s);
    s->more_discovered = c.all_discovered - c.discovered;
    return 0;
}
