#include "swarm/swarm_priv.h"

#include "format/addr.h"
#include "format/number.h"

#include <string.h>

/* Silence after which a connection is dead when we had stood still: links are probed within 3 s and
 * dead ones dialed again within 5 s (SECURITY 4.3). */
#define SWARM_PROBE_PATIENCE LP2P_SEC(3)
/* Interface addresses are read again after this where the environment tells no changes. */
#define SWARM_IFACES_LIFE LP2P_SEC(1)

/* ---- what is known of the network ---- */

static bool iface_eq(const struct lp2p_iface *a, const struct lp2p_iface *b)
{
    return a->index == b->index && strcmp(a->name, b->name) == 0 &&
           lp2p_endpoint_eq(&a->addr, &b->addr) && a->prefix == b->prefix && a->up == b->up &&
           a->loopback == b->loopback && a->multicast == b->multicast &&
           a->point_to_point == b->point_to_point;
}

static bool ifaces_eq(const struct lp2p_iface *a, size_t n_a, const struct lp2p_iface *b,
                      size_t n_b)
{
    bool same = n_a == n_b;
    for (size_t i = 0; same && i < n_a; i++) {
        same = iface_eq(&a[i], &b[i]);
    }
    return same;
}

/* Reads the interfaces; true when they are not what they were. On failure the last list stays,
 * better a stale address than none, and is read again when it is looked at. */
static bool network_read_ifaces(struct lp2p_swarm *sw)
{
    struct lp2p_env *env = sw->cfg.env;
    size_t n = 0;
    struct lp2p_iface *rows = lp2p_calloc(sw->cfg.mem, LP2P_ENV_MAX_IFACES, sizeof(*rows));
    if (rows == NULL || env->ops->interfaces(env, rows, LP2P_ENV_MAX_IFACES, &n) != 0) {
        lp2p_free(sw->cfg.mem, rows);
        sw->ifaces_read = 0;
        return true;
    }
    bool changed = !ifaces_eq(sw->ifaces, sw->n_ifaces, rows, n);
    memcpy(sw->ifaces, rows, n * sizeof(*rows));
    sw->n_ifaces = n;
    lp2p_free(sw->cfg.mem, rows);
    return changed;
}

/* The same for the default gateways. Without the list no gateway can be told apart; the other rules
 * of dialing still hold. */
static bool network_read_gateways(struct lp2p_swarm *sw)
{
    struct lp2p_endpoint rows[SWARM_MAX_GATEWAYS];
    struct lp2p_env *env = sw->cfg.env;
    size_t n = 0;
    if (env->ops->gateways(env, rows, SWARM_MAX_GATEWAYS, &n) != 0) {
        return false;
    }
    bool changed = n != sw->n_gateways;
    for (size_t i = 0; i < n; i++) {
        changed = changed || !lp2p_endpoint_eq(&rows[i], &sw->gateways[i]);
        sw->gateways[i] = rows[i];
    }
    sw->n_gateways = n;
    return changed;
}

static bool network_read(struct lp2p_swarm *sw)
{
    lp2p_ts now = swarm_now(sw);
    sw->ifaces_read = now == 0 ? 1 : now;
    bool ifaces = network_read_ifaces(sw);
    return network_read_gateways(sw) || ifaces;
}

void swarm_read_ifaces(struct lp2p_swarm *sw)
{
    bool fresh = sw->follows || swarm_now(sw) - sw->ifaces_read < SWARM_IFACES_LIFE;
    if (sw->ifaces_read == 0 || !fresh) {
        (void)network_read(sw);
    }
}

bool swarm_has_ip(const struct lp2p_swarm *sw, const struct lp2p_endpoint *ip)
{
    for (size_t i = 0; i < sw->n_ifaces; i++) {
        const struct lp2p_iface *f = &sw->ifaces[i];
        if (lp2p_endpoint_same_ip(&f->addr, ip) && (ip->zone == 0 || ip->zone == f->index)) {
            return true;
        }
    }
    return false;
}

/* 0: there is no such interface. A number is an index, as everywhere (RFC 4007, 11.2). */
static uint32_t zone_index(const struct lp2p_swarm *sw, struct lp2p_span zone)
{
    uint64_t number = 0;
    if (lp2p_number_parse((const char *)zone.p, zone.n, UINT32_MAX, &number) == 0 &&
        sw->n_ifaces == 0) {
        return (uint32_t)number; /* they could not be read */
    }
    for (size_t i = 0; i < sw->n_ifaces; i++) {
        const struct lp2p_iface *f = &sw->ifaces[i];
        if (number != 0 ? f->index == number : lp2p_span_eq_str(zone, f->name)) {
            return f->index;
        }
    }
    return 0;
}

int swarm_fix_zone(struct lp2p_swarm *sw, struct lp2p_multiaddr *addr)
{
    struct lp2p_multiaddr_part part;
    size_t pos = 0;
    if (!lp2p_multiaddr_next(addr, &pos, &part) || part.code != LP2P_MA_IP6ZONE) {
        return 0;
    }
    swarm_read_ifaces(sw);
    uint32_t index = zone_index(sw, part.value);
    return index == 0 ? -LP2P_E_ADDR_NOT_AVAIL : lp2p_addr_set_zone(addr, index);
}

/* ---- changes ---- */

/* The connection's end here is an address that an interface has. */
static bool conn_is_anchored(const struct lp2p_swarm *sw, const struct lp2p_swarm_conn *c)
{
    struct lp2p_endpoint e;
    uint32_t code;
    size_t used;
    return lp2p_addr_to_endpoint(&c->local, &e, &code, &used) == 0 && swarm_has_ip(sw, &e);
}

static void network_note_anchored(struct lp2p_swarm *sw)
{
    lp2p_list_each (it, &sw->conns.list) {
        struct lp2p_swarm_conn *c = LP2P_CONTAINER(it, struct lp2p_swarm_conn, node.node);
        c->anchored = conn_is_anchored(sw, c);
    }
}

/* The end of the connection that is ours is no address of this machine any more: nothing sent from
 * it arrives, and the peer is dialed anew by whoever wants it. */
static void network_end_stranded(struct lp2p_swarm *sw)
{
    lp2p_list_each (it, &sw->conns.list) {
        struct lp2p_swarm_conn *c = LP2P_CONTAINER(it, struct lp2p_swarm_conn, node.node);
        if (c->anchored && !conn_is_anchored(sw, c)) {
            swarm_conn_doom(c, (struct lp2p_failure){.code = -LP2P_E_UNREACHABLE,
                                                     .class_ = LP2P_CLASS_LOCAL,
                                                     .where = "network"});
        }
    }
}

void swarm_tell_addrs(struct lp2p_swarm *sw)
{
    lp2p_list_each (it, &sw->watches) {
        struct lp2p_swarm_watch *w = LP2P_CONTAINER(it, struct lp2p_swarm_watch, node);
        if (w->on_addrs != NULL) {
            w->on_addrs(w->ctx);
        }
    }
    lp2p_swarm_changed(sw, LP2P_CHANGE_ADDRS);
}

/* The kernel tells more than what matters here: a router's advertisement that renews a life is no
 * change. */
static void network_on_change(void *ctx)
{
    struct lp2p_swarm *sw = ctx;
    network_note_anchored(sw);
    if (sw->shutting_down || !network_read(sw)) {
        return;
    }
    network_end_stranded(sw);
    swarm_backoff_reset(sw);
    swarm_attempts_retry(sw);
    swarm_tell_addrs(sw);
}

static void network_probe(struct lp2p_swarm *sw)
{
    lp2p_list_each (it, &sw->conns.list) {
        struct lp2p_swarm_conn *c = LP2P_CONTAINER(it, struct lp2p_swarm_conn, node.node);
        if (c->state == SWARM_CONN_UP) {
            struct lp2p_conn *engine = c->carrier->ops->conn(c->carrier);
            engine->ops->probe(engine, swarm_now(sw), SWARM_PROBE_PATIENCE);
            c->carrier->ops->kick(c->carrier);
        }
    }
}

/* We had stood still: the peers may have given us up, and failures from then on say nothing. */
static void network_on_resume(void *ctx)
{
    struct lp2p_swarm *sw = ctx;
    if (sw->shutting_down) {
        return;
    }
    network_probe(sw);
    swarm_backoff_reset(sw);
    swarm_attempts_retry(sw);
    lp2p_list_each (it, &sw->watches) {
        struct lp2p_swarm_watch *w = LP2P_CONTAINER(it, struct lp2p_swarm_watch, node);
        if (w->on_resume != NULL) {
            w->on_resume(w->ctx);
        }
    }
    lp2p_swarm_changed(sw, LP2P_CHANGE_RESUMED);
}

void swarm_network_init(struct lp2p_swarm *sw)
{
    struct lp2p_env *env = sw->cfg.env;
    sw->network = (struct lp2p_env_watch){
        .on_change = network_on_change, .on_resume = network_on_resume, .ctx = sw};
    /* Where changes are not told the lists are read again when they are old. */
    sw->follows = env->ops->watch(env, &sw->network) == 0;
    (void)network_read(sw);
}

void swarm_network_fini(struct lp2p_swarm *sw)
{
    if (sw->follows) {
        sw->cfg.env->ops->unwatch(sw->cfg.env, &sw->network);
        sw->follows = false;
    }
}

bool lp2p_swarm_follows_network(const struct lp2p_swarm *sw)
{
    return sw->follows;
}
