#include "swarm/swarm_priv.h"

#include <string.h>

/* Ids as numbers, for a rule that both sides apply alike. */
static bool id_is_lower(const struct lp2p_peer_id *a, const struct lp2p_peer_id *b)
{
    int order = memcmp(a->bytes, b->bytes, LP2P_MIN(a->len, b->len));
    return order != 0 ? order < 0 : a->len < b->len;
}

static bool we_are_lower(const struct lp2p_swarm_conn *c)
{
    return id_is_lower(&c->sw->cfg.identity->id, &c->peer->id);
}

static bool conn_is_usable(const struct lp2p_swarm_conn *c)
{
    return c->state == SWARM_CONN_UP && !c->goaway;
}

/* Of two that both sides dialed at once the one that will stay on both. Else the newer one: its
 * dialer had found the older one dead, which our side of it may not have noticed yet. */
static bool conn_is_better(const struct lp2p_swarm_conn *c, const struct lp2p_swarm_conn *than)
{
    lp2p_ts apart = LP2P_MAX(c->since, than->since) - LP2P_MIN(c->since, than->since);
    if (c->outbound != than->outbound && apart < SWARM_SURPLUS_AT_ONCE) {
        return c->outbound != we_are_lower(c);
    }
    return c->since >= than->since;
}

struct lp2p_swarm_conn *swarm_best_conn(const struct swarm_peer *p)
{
    struct lp2p_swarm_conn *best = NULL;
    lp2p_list_each (it, &p->conns) {
        struct lp2p_swarm_conn *c = LP2P_CONTAINER(it, struct lp2p_swarm_conn, peer_node);
        if (conn_is_usable(c) && (best == NULL || conn_is_better(c, best))) {
            best = c;
        }
    }
    return best;
}

void swarm_peer_probe(const struct lp2p_swarm_conn *newer)
{
    lp2p_list_each (it, &newer->peer->conns) {
        struct lp2p_swarm_conn *c = LP2P_CONTAINER(it, struct lp2p_swarm_conn, peer_node);
        if (c != newer && c->state == SWARM_CONN_UP) {
            struct lp2p_conn *engine = c->carrier->ops->conn(c->carrier);
            engine->ops->ping(engine, swarm_now(c->sw));
            c->carrier->ops->kick(c->carrier);
        }
    }
}

/* Ours to close: where both dialed the lower id's, whatever is best, so that no two sides close
 * each other's; else all of ours but the best. */
static bool conn_is_surplus(const struct lp2p_swarm_conn *c)
{
    bool others = false, theirs = false;
    if (!conn_is_usable(c) || !c->settled || !c->outbound) {
        return false;
    }
    lp2p_list_each (it, &c->peer->conns) {
        const struct lp2p_swarm_conn *o = LP2P_CONTAINER(it, struct lp2p_swarm_conn, peer_node);
        bool counts = o != c && conn_is_usable(o);
        others = others || counts;
        theirs = theirs || (counts && !o->outbound);
    }
    return theirs ? we_are_lower(c) : others && c != swarm_best_conn(c->peer);
}

void swarm_conn_rest(struct lp2p_swarm_conn *c)
{
    if (c->state != SWARM_CONN_UP || !c->settled) {
        return;
    }
    c->idle_since = swarm_now(c->sw);
    lp2p_ts at = conn_is_surplus(c) ? c->idle_since + SWARM_SURPLUS_IDLE : LP2P_TS_NEVER;
    c->sw->cfg.env->ops->timer_set(&c->timer, at);
}

void swarm_peer_rest(const struct swarm_peer *p)
{
    lp2p_list_each (it, &p->conns) {
        struct lp2p_swarm_conn *c = LP2P_CONTAINER(it, struct lp2p_swarm_conn, peer_node);
        if (c->n_streams == 0) {
            swarm_conn_rest(c);
        }
    }
}

void swarm_conn_drop_surplus(struct lp2p_swarm_conn *c)
{
    lp2p_ts end = c->idle_since + SWARM_SURPLUS_IDLE;
    if (!conn_is_surplus(c) || c->n_streams > 0) {
        return; /* looked at again when it rests */
    }
    if (swarm_now(c->sw) < end) {
        c->sw->cfg.env->ops->timer_set(&c->timer, end);
        return;
    }
    swarm_conn_close(c, 0, (struct lp2p_failure){.code = 0});
}
