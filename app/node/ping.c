#include "node/node.h"

#include "base/assert.h"
#include "env/env.h"

static void ping_end(struct node_ping *p, int error)
{
    p->state.ended = true;
    p->state.error = error;
    p->state.sent += error != 0;
}

static void ping_pong(struct whtnxt_ping_state *s, uint64_t us)
{
    if (s->n_pongs == WHTNXT_STATE_PONGS) {
        memmove(s->pongs_us, s->pongs_us + 1, sizeof(s->pongs_us) - sizeof(s->pongs_us[0]));
        s->n_pongs--;
    }
    s->pongs_us[s->n_pongs++] = us;
    s->min_us = s->received == 0 ? us : LP2P_MIN(s->min_us, us);
    s->max_us = LP2P_MAX(s->max_us, us);
    s->sum_us += us;
    s->received++;
    s->sent++;
}

static void ping_done(void *ctx, int err, lp2p_ts rtt)
{
    struct node_ping *p = ctx;
    if (err != 0) {
        ping_end(p, err);
    } else {
        ping_pong(&p->state, rtt / LP2P_USEC(1));
        p->state.ended = p->state.received == p->count;
    }
    node_merge(p->node);
}

static struct node_ping *ping_find(struct node *n, uint64_t id)
{
    for (size_t i = 0; i < WHTNXT_STATE_PINGS; i++) {
        if (n->pings[i].state.id == id) {
            return &n->pings[i];
        }
    }
    return NULL;
}

void node_ping(struct node *n, const struct whtnxt_ping *wish)
{
    struct lp2p_peer_id peer;
    struct node_ping *p = ping_find(n, wish->id) == NULL ? ping_find(n, 0) : NULL;
    if (p == NULL) {
        /* Main has as many places as we have, and ends one before it begins another. */
        node_log(n, WHTNXT_LOG_ERROR, "Main wants more pings at once than there may be");
        return;
    }
    *p = (struct node_ping){.node = n, .count = wish->count, .state = {.id = wish->id}};
    int err = lp2p_peer_id_parse(wish->peer, strlen(wish->peer), &peer);
    if (err == 0) {
        struct lp2p_ping ping = {
            .count = (uint32_t)wish->count,
            .interval = LP2P_MSEC(wish->interval_ms),
            .done = ping_done,
            .ctx = p,
        };
        err = lp2p_host_ping(n->host, &peer, &ping);
    }
    if (err != 0) {
        ping_end(p, err);
    }
    node_merge(n);
}

void node_unping(struct node *n, uint64_t id)
{
    struct node_ping *p = id == 0 ? NULL : ping_find(n, id);
    if (p != NULL) {
        lp2p_host_ping_stop(n->host, p);
        p->state.id = 0;
        node_merge(n);
    }
}

void node_put_pings(const struct node *n, struct whtnxt_state *s)
{
    for (size_t i = 0; i < WHTNXT_STATE_PINGS; i++) {
        if (n->pings[i].state.id != 0) {
            s->pings[s->n_pings++] = n->pings[i].state;
        }
    }
}
