#include "swarm/swarm_priv.h"

#include "format/addr.h"
#include "format/dialfilter.h"

#include <string.h>

static void swarm_tell_changes(void *ctx, lp2p_ts now)
{
    (void)now;
    struct lp2p_swarm *sw = ctx;
    unsigned changes = sw->changes;
    sw->changes = 0;
    if (sw->cfg.ops->on_change != NULL) {
        sw->cfg.ops->on_change(sw->cfg.ctx, changes);
    }
}

static void swarm_expire(void *ctx, lp2p_ts now)
{
    struct lp2p_swarm *sw = ctx;
    if (lp2p_peerstore_expire(&sw->store, now)) {
        lp2p_swarm_changed(sw, LP2P_CHANGE_DISCOVERED);
    }
    swarm_attempts_expire(sw, now);
    swarm_arm_expiry(sw);
}

void swarm_arm_expiry(struct lp2p_swarm *sw)
{
    lp2p_ts at = swarm_attempts_expire(sw, swarm_now(sw));
    at = LP2P_MIN(at, lp2p_peerstore_deadline(&sw->store));
    sw->cfg.env->ops->timer_set(&sw->expiry, at);
}

static void swarm_init_scopes(struct lp2p_swarm *sw)
{
    const struct lp2p_limits *l = &sw->cfg.limits;
    lp2p_scope_init(&sw->system, NULL);
    sw->system.max[LP2P_SCOPE_MEM] = l->memory;
    sw->system.max[LP2P_SCOPE_CONNS] = l->conns;
    sw->system.max[LP2P_SCOPE_CONNS_IN] = l->conns_in;
    lp2p_scope_init(&sw->pending, &sw->system);
    sw->pending.max[LP2P_SCOPE_MEM] = l->memory_pending;
}

static void swarm_end_shutdown(void *ctx, lp2p_ts now)
{
    (void)now;
    struct lp2p_swarm *sw = ctx;
    void (*done)(void *ctx) = sw->shutdown_done;
    sw->shutdown_done = NULL;
    if (done != NULL) {
        done(sw->shutdown_ctx);
    }
}

static int swarm_init_timers(struct lp2p_swarm *sw)
{
    const struct lp2p_env_ops *env = sw->cfg.env->ops;
    LP2P_TRY(env->timer_init(sw->cfg.env, &sw->expiry, swarm_expire, sw));
    int err = env->timer_init(sw->cfg.env, &sw->shutdown_timer, swarm_end_shutdown, sw);
    if (err != 0) {
        env->timer_fini(&sw->expiry);
    }
    return err;
}

int lp2p_swarm_new(const struct lp2p_swarm_cfg *cfg, struct lp2p_swarm **ret)
{
    struct lp2p_swarm *sw = lp2p_calloc(cfg->mem, 1, sizeof(*sw));
    if (sw == NULL) {
        return -LP2P_E_NOMEM;
    }
    sw->cfg = *cfg;
    sw->next_id = 1;
    int err = swarm_init_timers(sw);
    if (err != 0) {
        lp2p_free(cfg->mem, sw);
        return err;
    }
    lp2p_list_init(&sw->transports);
    lp2p_list_init(&sw->listeners);
    lp2p_series_init(&sw->conns);
    lp2p_series_init(&sw->attempts);
    lp2p_list_init(&sw->watches);
    struct lp2p_hasher hasher = lp2p_hasher(cfg->hash);
    lp2p_map_init(&sw->peers, cfg->mem, hasher, cfg->limits.conns);
    lp2p_peerstore_init(&sw->store, cfg->mem, hasher, &cfg->limits);
    swarm_init_scopes(sw);
    swarm_gate_init(sw);
    swarm_backoff_init(sw);
    sw->change_task = (struct lp2p_task){.fn = swarm_tell_changes, .ctx = sw};
    sw->reaper = (struct lp2p_task){.fn = swarm_conn_reap, .ctx = sw};
    swarm_network_init(sw);
    *ret = sw;
    return 0;
}

static void swarm_close_listeners(struct lp2p_swarm *sw)
{
    lp2p_list_each_safe (it, &sw->listeners) {
        struct swarm_listener *l = LP2P_CONTAINER(it, struct swarm_listener, node);
        l->t->ops->listener_close(l->l);
        lp2p_list_remove(&l->node);
        lp2p_free(sw->cfg.mem, l);
    }
}

void swarm_check_shutdown(struct lp2p_swarm *sw)
{
    if (sw->shutting_down && sw->shutdown_done != NULL && lp2p_list_is_empty(&sw->conns.list)) {
        sw->cfg.env->ops->timer_set(&sw->shutdown_timer, 0);
    }
}

void lp2p_swarm_shutdown(struct lp2p_swarm *sw, lp2p_ts grace, void (*done)(void *ctx), void *ctx)
{
    sw->shutting_down = true;
    sw->shutdown_done = done;
    sw->shutdown_ctx = ctx;
    sw->cfg.env->ops->timer_set(&sw->shutdown_timer, lp2p_ts_add(swarm_now(sw), grace));
    swarm_close_listeners(sw);
    lp2p_list_each (it, &sw->attempts.list) {
        lp2p_swarm_cancel(sw, LP2P_CONTAINER(it, struct swarm_attempt, node.node)->info.id);
    }
    lp2p_list_each (it, &sw->conns.list) {
        struct lp2p_swarm_conn *c = LP2P_CONTAINER(it, struct lp2p_swarm_conn, node.node);
        swarm_conn_close(c, 0, (struct lp2p_failure){.code = 0});
    }
    swarm_check_shutdown(sw);
}

void lp2p_swarm_free(struct lp2p_swarm *sw)
{
    if (sw == NULL) {
        return;
    }
    swarm_network_fini(sw);
    swarm_close_listeners(sw);
    /* The services that watch are gone already. */
    lp2p_list_init(&sw->watches);
    lp2p_list_each (it, &sw->conns.list) {
        swarm_streams_detach(LP2P_CONTAINER(it, struct lp2p_swarm_conn, node.node));
    }
    lp2p_list_each_safe (it, &sw->conns.list) {
        swarm_conn_abort(LP2P_CONTAINER(it, struct lp2p_swarm_conn, node.node));
    }
    swarm_attempts_free(sw);
    lp2p_list_each_safe (it, &sw->transports) {
        struct swarm_transport *t = LP2P_CONTAINER(it, struct swarm_transport, node);
        t->t->ops->free(t->t);
        lp2p_free(sw->cfg.mem, t);
    }
    for (size_t i = 0; i < sw->n_handlers; i++) {
        lp2p_free(sw->cfg.mem, sw->handlers[i].protocol);
    }
    lp2p_list_remove(&sw->change_task.node);
    lp2p_list_remove(&sw->reaper.node);
    sw->cfg.env->ops->timer_fini(&sw->expiry);
    sw->cfg.env->ops->timer_fini(&sw->shutdown_timer);
    swarm_gate_fini(sw);
    swarm_backoff_fini(sw);
    lp2p_peerstore_fini(&sw->store);
    lp2p_map_fini(&sw->peers);
    lp2p_scope_fini(&sw->pending);
    lp2p_scope_fini(&sw->system);
    lp2p_free(sw->cfg.mem, sw);
}

int lp2p_swarm_add_transport(struct lp2p_swarm *sw, struct lp2p_transport *t)
{
    struct swarm_transport *st = lp2p_calloc(sw->cfg.mem, 1, sizeof(*st));
    if (st == NULL) {
        return -LP2P_E_NOMEM;
    }
    st->t = t;
    lp2p_list_add_last(&sw->transports, &st->node);
    return 0;
}

struct lp2p_transport *swarm_transport_for(struct lp2p_swarm *sw, const struct lp2p_multiaddr *addr)
{
    lp2p_list_each (it, &sw->transports) {
        struct lp2p_transport *t = LP2P_CONTAINER(it, struct swarm_transport, node)->t;
        if (t->ops->can_dial(t, addr)) {
            return t;
        }
    }
    return NULL;
}

static struct lp2p_transport *swarm_listen_transport(struct lp2p_swarm *sw,
                                                     const struct lp2p_multiaddr *addr)
{
    lp2p_list_each (it, &sw->transports) {
        struct lp2p_transport *t = LP2P_CONTAINER(it, struct swarm_transport, node)->t;
        if (t->ops->can_listen(t, addr)) {
            return t;
        }
    }
    return NULL;
}

int lp2p_swarm_listen(struct lp2p_swarm *sw, const struct lp2p_multiaddr *addr)
{
    static const struct lp2p_transport_listener_events events = {
        .on_incoming = swarm_conn_incoming,
    };
    struct lp2p_transport *t = swarm_listen_transport(sw, addr);
    if (t == NULL) {
        return -LP2P_E_UNSUPPORTED;
    }
    struct swarm_listener *l = lp2p_calloc(sw->cfg.mem, 1, sizeof(*l));
    if (l == NULL) {
        return -LP2P_E_NOMEM;
    }
    l->sw = sw;
    l->t = t;
    int err = t->ops->listen(t, addr, &events, l, &l->l);
    if (err != 0) {
        lp2p_free(sw->cfg.mem, l);
        return err;
    }
    t->ops->listener_addr(l->l, &l->addr);
    lp2p_list_add_last(&sw->listeners, &l->node);
    swarm_tell_addrs(sw);
    return 0;
}

/* The listener's address with the i-th interface's instead of an unspecified one; false when that
 * does not apply. */
static bool listener_addr_on(const struct swarm_listener *l, const struct lp2p_iface *iface,
                             struct lp2p_multiaddr *ret)
{
    struct lp2p_endpoint e;
    uint32_t code;
    size_t used;
    if (lp2p_addr_to_endpoint(&l->addr, &e, &code, &used) != 0 || e.family != iface->addr.family ||
        !iface->up || lp2p_endpoint_is_link_local(&iface->addr)) {
        return false;
    }
    e = (struct lp2p_endpoint){.family = e.family, .port = e.port};
    memcpy(e.ip, iface->addr.ip, sizeof(e.ip));
    lp2p_addr_from_endpoint(&e, code, ret);
    return true;
}

static bool listener_is_unspecified(const struct swarm_listener *l)
{
    struct lp2p_endpoint e;
    uint32_t code;
    size_t used;
    return lp2p_addr_to_endpoint(&l->addr, &e, &code, &used) == 0 &&
           lp2p_endpoint_is_unspecified(&e);
}

/* False when it is bound to an address that this machine does not have (any more): it works again
 * when the address is back. */
static bool listener_is_reachable(const struct lp2p_swarm *sw, const struct swarm_listener *l)
{
    struct lp2p_endpoint e;
    uint32_t code;
    size_t used;
    return sw->n_ifaces == 0 || lp2p_addr_to_endpoint(&l->addr, &e, &code, &used) != 0 ||
           lp2p_endpoint_is_loopback(&e) || swarm_has_ip(sw, &e);
}

/* Addresses of containers and VPNs are shown only where there are no others (DESIGN 7). */
static bool swarm_shows(const struct lp2p_swarm *sw, const struct lp2p_iface *iface)
{
    bool has_near = false;
    for (size_t i = 0; i < sw->n_ifaces; i++) {
        const struct lp2p_iface *f = &sw->ifaces[i];
        has_near = has_near || (f->up && !f->loopback && !lp2p_iface_is_far(f) &&
                                !lp2p_endpoint_is_link_local(&f->addr));
    }
    return !has_near || !lp2p_iface_is_far(iface);
}

bool lp2p_swarm_addr_next(struct lp2p_swarm *sw, bool bound, size_t *pos,
                          struct lp2p_multiaddr *ret)
{
    swarm_read_ifaces(sw);
    size_t i = 0;
    lp2p_list_each (it, &sw->listeners) {
        const struct swarm_listener *l = LP2P_CONTAINER(it, struct swarm_listener, node);
        if (bound || !listener_is_unspecified(l)) {
            if ((bound || listener_is_reachable(sw, l)) && i++ == *pos) {
                *ret = l->addr;
                (*pos)++;
                return true;
            }
            continue;
        }
        for (size_t k = 0; k < sw->n_ifaces; k++) {
            if (swarm_shows(sw, &sw->ifaces[k]) && listener_addr_on(l, &sw->ifaces[k], ret) &&
                i++ == *pos) {
                (*pos)++;
                return true;
            }
        }
    }
    return false;
}

/* Also on addresses that are not shown. */
static bool listener_has(const struct lp2p_swarm *sw, const struct swarm_listener *l,
                         const struct lp2p_multiaddr *addr)
{
    struct lp2p_multiaddr own;
    for (size_t k = 0; k < sw->n_ifaces; k++) {
        if (listener_addr_on(l, &sw->ifaces[k], &own) && lp2p_multiaddr_eq(&own, addr)) {
            return true;
        }
    }
    return false;
}

bool swarm_is_own_addr(struct lp2p_swarm *sw, const struct lp2p_multiaddr *addr)
{
    swarm_read_ifaces(sw);
    lp2p_list_each (it, &sw->listeners) {
        const struct swarm_listener *l = LP2P_CONTAINER(it, struct swarm_listener, node);
        bool own = listener_is_unspecified(l) ? listener_has(sw, l, addr)
                                              : lp2p_multiaddr_eq(&l->addr, addr);
        if (own) {
            return true;
        }
    }
    return false;
}

bool swarm_is_public(const struct lp2p_multiaddr *addr)
{
    struct lp2p_endpoint e;
    uint32_t code;
    size_t used;
    return lp2p_addr_to_endpoint(addr, &e, &code, &used) == 0 && lp2p_endpoint_is_public(&e);
}

/* The networks we are in, loopback left out. */
static size_t swarm_subnets(struct lp2p_swarm *sw,
                            struct lp2p_dial_subnet ret[static LP2P_ENV_MAX_IFACES])
{
    size_t n = 0;
    for (size_t i = 0; i < sw->n_ifaces; i++) {
        const struct lp2p_iface *iface = &sw->ifaces[i];
        if (iface->up && !iface->loopback) {
            ret[n++] = (struct lp2p_dial_subnet){.addr = iface->addr, .prefix = iface->prefix};
        }
    }
    return n;
}

int swarm_filter(struct lp2p_swarm *sw, const struct lp2p_multiaddr *addr,
                 const struct lp2p_peer_addr *how)
{
    struct lp2p_dial_subnet subnets[LP2P_ENV_MAX_IFACES];
    swarm_read_ifaces(sw);
    struct lp2p_dial_network net = {
        .subnets = subnets,
        .n_subnets = swarm_subnets(sw, subnets),
        .gateways = sw->gateways,
        .n_gateways = sw->n_gateways,
    };
    struct lp2p_dial_origin origin = {
        .source = how->source,
        .on_loopback = how->on_loopback,
        .own_source = how->own_source,
        .ifindex = how->ifindex,
    };
    int err = lp2p_dial_filter_addr(addr, &origin, &net);
    /* Addresses without an IP (memory) are only dialed when a transport for them was added. */
    return err == -LP2P_E_UNSUPPORTED ? 0 : err;
}

struct swarm_peer *swarm_find_peer(const struct lp2p_swarm *sw, const struct lp2p_peer_id *id)
{
    return lp2p_map_find(&sw->peers, lp2p_span(id->bytes, id->len));
}

int lp2p_swarm_disconnect(struct lp2p_swarm *sw, const struct lp2p_peer_id *peer)
{
    struct swarm_peer *p = swarm_find_peer(sw, peer);
    if (p == NULL) {
        return -LP2P_E_NOT_FOUND;
    }
    lp2p_list_each (it, &p->conns) {
        struct lp2p_swarm_conn *c = LP2P_CONTAINER(it, struct lp2p_swarm_conn, peer_node);
        swarm_conn_close(c, 0, (struct lp2p_failure){.code = 0});
    }
    return 0;
}

struct lp2p_env *lp2p_swarm_env(const struct lp2p_swarm *sw)
{
    return sw->cfg.env;
}

const struct lp2p_mem *lp2p_swarm_mem(const struct lp2p_swarm *sw)
{
    return sw->cfg.mem;
}

const struct lp2p_crypto *lp2p_swarm_crypto(const struct lp2p_swarm *sw)
{
    return sw->cfg.crypto;
}

const struct lp2p_identity *lp2p_swarm_identity(const struct lp2p_swarm *sw)
{
    return sw->cfg.identity;
}

const struct lp2p_limits *lp2p_swarm_limits(const struct lp2p_swarm *sw)
{
    return &sw->cfg.limits;
}

struct lp2p_peerstore *lp2p_swarm_peerstore(struct lp2p_swarm *sw)
{
    return &sw->store;
}

void lp2p_swarm_watch(struct lp2p_swarm *sw, struct lp2p_swarm_watch *w)
{
    lp2p_list_add_last(&sw->watches, &w->node);
}

static void swarm_tell_protocols(struct lp2p_swarm *sw)
{
    lp2p_list_each (it, &sw->watches) {
        struct lp2p_swarm_watch *w = LP2P_CONTAINER(it, struct lp2p_swarm_watch, node);
        if (w->on_protocols != NULL) {
            w->on_protocols(w->ctx);
        }
    }
}

int lp2p_swarm_handle(struct lp2p_swarm *sw, const char *protocol,
                      const struct lp2p_stream_ops *ops, void *ctx)
{
    size_t n = strlen(protocol);
    if (n < 2 || protocol[0] != '/' || n >= LP2P_MSS_LINE_MAX || strchr(protocol, '\n') != NULL) {
        return -LP2P_E_INVAL;
    }
    for (size_t i = 0; i < sw->n_handlers; i++) {
        if (strcmp(sw->handlers[i].protocol, protocol) == 0) {
            return -LP2P_E_EXISTS;
        }
    }
    if (sw->n_handlers == SWARM_MAX_HANDLERS) {
        return -LP2P_E_LIMIT;
    }
    char *copy = lp2p_strndup(sw->cfg.mem, protocol, n);
    if (copy == NULL) {
        return -LP2P_E_NOMEM;
    }
    sw->served[sw->n_handlers] = lp2p_span(copy, n);
    sw->handlers[sw->n_handlers++] = (struct swarm_handler){
        .protocol = copy, .ops = ops, .ctx = ctx};
    swarm_tell_protocols(sw);
    return 0;
}

void lp2p_swarm_expire(struct lp2p_swarm *sw)
{
    sw->cfg.env->ops->timer_set(&sw->expiry, 0);
}

const char *lp2p_swarm_protocol_next(const struct lp2p_swarm *sw, size_t *pos)
{
    return *pos < sw->n_handlers ? sw->handlers[(*pos)++].protocol : NULL;
}

void lp2p_swarm_changed(struct lp2p_swarm *sw, unsigned changes)
{
    sw->changes |= changes;
    sw->cfg.env->ops->defer(sw->cfg.env, &sw->change_task);
}
