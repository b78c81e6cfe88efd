#include "swarm/swarm_priv.h"

#include "format/addr.h"

#include <string.h>

/* A whole connection, in the unit of tokens. */
#define GATE_ONE 1000U

static struct swarm_source *source_of(struct lp2p_list *node)
{
    return LP2P_CONTAINER(node, struct swarm_source, node);
}

void swarm_gate_init(struct lp2p_swarm *sw)
{
    lp2p_map_init(&sw->gate.by_key, sw->cfg.mem, lp2p_hasher(sw->cfg.hash), SWARM_MAX_SOURCES);
    lp2p_list_init(&sw->gate.lru);
}

static void gate_forget(struct lp2p_swarm *sw, struct swarm_source *src)
{
    lp2p_map_remove(&sw->gate.by_key, lp2p_span(src->key, sizeof(src->key)));
    lp2p_list_remove(&src->node);
    lp2p_free(sw->cfg.mem, src);
}

void swarm_gate_fini(struct lp2p_swarm *sw)
{
    lp2p_list_each_safe (it, &sw->gate.lru) {
        gate_forget(sw, source_of(it));
    }
    lp2p_map_fini(&sw->gate.by_key);
}

/* Public IPv6 networks are judged by /56: that is what one household gets. Near ones are a whole
 * network each, and one neighbour must not take the places of another. */
static void gate_key(const struct lp2p_endpoint *e, uint8_t key[static SWARM_SOURCE_KEY])
{
    size_t household = lp2p_endpoint_is_public(e) ? 7 : 16;
    memset(key, 0, SWARM_SOURCE_KEY);
    key[0] = (uint8_t)e->family;
    memcpy(key + 1, e->ip, e->family == LP2P_FAMILY_IP6 ? household : 4);
}

/* The account that was not used for longest and has nothing pending makes room. */
static bool gate_evict(struct lp2p_swarm *sw)
{
    lp2p_list_each (it, &sw->gate.lru) {
        if (source_of(it)->pending == 0) {
            gate_forget(sw, source_of(it));
            return true;
        }
    }
    return false;
}

static uint64_t gate_burst(const struct lp2p_swarm *sw, bool near)
{
    const struct lp2p_limits *l = &sw->cfg.limits;
    return (uint64_t)(near ? l->rate_burst_near : l->rate_burst) * GATE_ONE;
}

static int gate_source(struct lp2p_swarm *sw, const struct lp2p_endpoint *e,
                       struct swarm_source **ret)
{
    uint8_t key[SWARM_SOURCE_KEY];
    gate_key(e, key);
    struct swarm_source *src = lp2p_map_find(&sw->gate.by_key, lp2p_span(key, sizeof(key)));
    if (src != NULL) {
        lp2p_list_remove(&src->node);
        lp2p_list_add_last(&sw->gate.lru, &src->node);
        *ret = src;
        return 0;
    }
    if (sw->gate.by_key.len == SWARM_MAX_SOURCES && !gate_evict(sw)) {
        return -LP2P_E_LIMIT;
    }
    src = lp2p_calloc(sw->cfg.mem, 1, sizeof(*src));
    if (src == NULL) {
        return -LP2P_E_NOMEM;
    }
    memcpy(src->key, key, sizeof(key));
    src->near = !lp2p_endpoint_is_public(e);
    src->tokens = gate_burst(sw, src->near);
    src->refilled = swarm_now(sw);
    int err = lp2p_map_add(&sw->gate.by_key, lp2p_span(src->key, sizeof(src->key)), src);
    if (err != 0) {
        lp2p_free(sw->cfg.mem, src);
        return err;
    }
    lp2p_list_add_last(&sw->gate.lru, &src->node);
    *ret = src;
    return 0;
}

static void gate_refill(struct lp2p_swarm *sw, struct swarm_source *src)
{
    const struct lp2p_limits *l = &sw->cfg.limits;
    uint64_t rate = src->near ? l->rate_refill_near_mhz : l->rate_refill_mhz;
    uint64_t burst = gate_burst(sw, src->near);
    lp2p_ts now = swarm_now(sw);
    /* After an hour every bucket is full; the bound keeps the product in range. */
    uint64_t ms = LP2P_MIN(now - src->refilled, LP2P_SEC(3600)) / LP2P_MSEC(1);
    uint64_t gained = ms * rate / 1000;
    if (src->tokens + gained >= burst) {
        src->tokens = burst;
        src->refilled = now;
    } else if (gained > 0) {
        src->tokens += gained;
        /* The part of the time that gave nothing yet counts next time. */
        src->refilled += LP2P_MSEC((gained * 1000 + rate - 1) / rate);
    }
}

/* The oldest pending connection of the source that has most of them. */
static struct lp2p_swarm_conn *gate_busiest(struct lp2p_swarm *sw)
{
    struct swarm_source *busiest = NULL;
    lp2p_list_each (it, &sw->gate.lru) {
        struct swarm_source *src = source_of(it);
        if (busiest == NULL || src->pending > busiest->pending) {
            busiest = src;
        }
    }
    lp2p_list_each (it, &sw->conns.list) {
        struct lp2p_swarm_conn *c = LP2P_CONTAINER(it, struct lp2p_swarm_conn, node.node);
        if (busiest != NULL && c->source == busiest) {
            return c;
        }
    }
    return NULL;
}

int swarm_gate_enter(struct lp2p_swarm *sw, const struct lp2p_multiaddr *remote,
                     struct swarm_source **ret)
{
    struct lp2p_endpoint e = {.family = LP2P_FAMILY_NONE};
    uint32_t code;
    size_t used;
    /* Addresses without an IP (memory) share one account. */
    (void)lp2p_addr_to_endpoint(remote, &e, &code, &used);
    struct swarm_source *src;
    LP2P_TRY(gate_source(sw, &e, &src));
    gate_refill(sw, src);
    const struct lp2p_limits *l = &sw->cfg.limits;
    uint32_t most = src->near ? l->pending_per_ip_near : l->pending_per_ip;
    if (src->tokens < GATE_ONE || src->pending >= most) {
        return -LP2P_E_LIMIT;
    }
    if (sw->gate.pending >= l->pending_in) {
        struct lp2p_swarm_conn *victim = gate_busiest(sw);
        if (victim == NULL) {
            return -LP2P_E_LIMIT;
        }
        swarm_conn_doom(victim, (struct lp2p_failure){.code = -LP2P_E_LIMIT,
                                                      .class_ = LP2P_CLASS_LOCAL,
                                                      .where = "gate"});
    }
    src->tokens -= GATE_ONE;
    src->pending++;
    sw->gate.pending++;
    *ret = src;
    return 0;
}

void swarm_gate_leave(struct lp2p_swarm *sw, struct swarm_source *src, bool authenticated)
{
    LP2P_ASSERT(src->pending > 0 && sw->gate.pending > 0);
    src->pending--;
    sw->gate.pending--;
    if (authenticated) {
        src->tokens = LP2P_MIN(src->tokens + GATE_ONE, gate_burst(sw, src->near));
    }
}
