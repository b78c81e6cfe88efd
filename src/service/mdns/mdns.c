#include "service/mdns/mdns.h"

#include "base/assert.h"
#include "crypto/crypto.h"
#include "format/addr.h"
#include "service/mdns/mdns_priv.h"
#include "swarm/peerstore.h"

/* Addresses of a peer that its newest record on a link does not have any more live so much longer:
 * its IPv4 and IPv6 records differ and come one after the other. */
#define STALE_GRACE LP2P_SEC(10)

static const char *const TAGS[] = {"_p2p._udp.local", "_whatnext._udp.local"};

/* One a family. */
struct mdns_socket {
    struct lp2p_mdns_service *svc;
    enum lp2p_family family;
    struct lp2p_udp *udp; /* NULL: it could not be had yet */
    size_t n_joined;
    uint32_t joined[LP2P_MDNS_LINKS_MAX]; /* interfaces */
};

struct lp2p_mdns_service {
    struct lp2p_swarm *sw;
    const struct lp2p_mem *mem;
    struct lp2p_env *env;
    struct lp2p_mdns *engine;
    struct lp2p_swarm_watch watch;
    struct lp2p_timer timer;        /* the engine's deadline */
    struct lp2p_timer ifaces_timer; /* interfaces are read again */
    struct mdns_socket sockets[2];
    /* Scratch for reading interfaces. */
    struct lp2p_iface ifaces[LP2P_ENV_MAX_IFACES];
    struct mdns_listeners listeners;
    size_t n_links;
    struct lp2p_mdns_link links[LP2P_MDNS_LINKS_MAX];
};

static lp2p_ts now_of(const struct lp2p_mdns_service *svc)
{
    return svc->env->ops->now(svc->env);
}

/* ---- what was found ---- */

/* Shortens the life of what the last record of this sender said; `add_addrs` renews what is true.
 * Another's packet says nothing about it. */
static void age_addrs(struct lp2p_peer *p, const struct lp2p_mdns_event *ev, lp2p_ts now)
{
    lp2p_list_each (it, &p->addrs) {
        struct lp2p_peer_addr *a = LP2P_CONTAINER(it, struct lp2p_peer_addr, node);
        if (a->source == LP2P_ADDR_MDNS && a->ifindex == ev->ifindex &&
            lp2p_endpoint_same_ip(&a->from, &ev->from)) {
            a->expires = LP2P_MIN(a->expires, now + STALE_GRACE);
        }
    }
}

static void add_addrs(struct lp2p_peerstore *ps, struct lp2p_peer *p,
                      const struct lp2p_mdns_event *ev)
{
    for (size_t i = 0; i < ev->n_addrs; i++) {
        struct lp2p_peer_addr how = {
            .source = LP2P_ADDR_MDNS,
            .ifindex = ev->ifindex,
            .on_loopback = ev->loopback,
            .from = ev->from,
            .expires = ev->expires,
        };
        struct lp2p_multiaddr addr;
        lp2p_mdns_event_addr(ev, i, &addr, &how.own_source);
        if (addr.len > 0) {
            (void)lp2p_peer_add_addr(ps, p, &addr, &how); /* without memory: one hint less */
        }
    }
}

static void on_found(struct lp2p_mdns_service *svc, const struct lp2p_mdns_event *ev)
{
    struct lp2p_peerstore *ps = lp2p_swarm_peerstore(svc->sw);
    struct lp2p_peer *p;
    lp2p_ts now = now_of(svc);
    if (lp2p_peerstore_get(ps, &ev->peer, now, &p) != 0) {
        return; /* full of peers that matter more */
    }
    age_addrs(p, ev, now);
    add_addrs(ps, p, ev);
    p->discovered = true;
    p->app_note = ev->note;
    p->last_seen = now;
    p->discovery_expires = ev->expires;
    lp2p_swarm_found(svc->sw, &ev->peer);
    lp2p_swarm_changed(svc->sw, LP2P_CHANGE_DISCOVERED);
}

static void on_gone(struct lp2p_mdns_service *svc, const struct lp2p_peer_id *id)
{
    struct lp2p_peerstore *ps = lp2p_swarm_peerstore(svc->sw);
    struct lp2p_peer *p = lp2p_peerstore_find(ps, id);
    if (p == NULL || !p->discovered) {
        return;
    }
    p->discovered = false;
    p->discovery_expires = LP2P_TS_NEVER;
    lp2p_peer_drop_addrs(ps, p, LP2P_ADDR_MDNS);
    lp2p_swarm_changed(svc->sw, LP2P_CHANGE_DISCOVERED);
}

/* ---- the engine ---- */

static struct mdns_socket *socket_of(struct lp2p_mdns_service *svc, enum lp2p_family family)
{
    return &svc->sockets[family == LP2P_FAMILY_IP6];
}

/* On loopback the kernel does not choose 127.0.0.1 by itself for a multicast packet. */
static const struct lp2p_endpoint *source_for(const struct lp2p_mdns_service *svc, uint32_t ifindex)
{
    for (size_t i = 0; i < svc->n_links; i++) {
        const struct lp2p_mdns_link *l = &svc->links[i];
        if (l->ifindex == ifindex && l->loopback && l->n_addrs > 0) {
            return &l->addrs[0].at;
        }
    }
    return NULL;
}

static void send_due(struct lp2p_mdns_service *svc)
{
    struct lp2p_mdns_dgram_out out;
    while (lp2p_mdns_out_dgram(svc->engine, now_of(svc), &out)) {
        const struct mdns_socket *s = socket_of(svc, out.to.family);
        if (s->udp != NULL) {
            /* Best effort, as all of multicast; the schedule repeats it. */
            (void)svc->env->ops->udp_send(s->udp, &out.to, out.ifindex,
                                          source_for(svc, out.ifindex), out.data);
        }
        lp2p_mdns_out_dgram_done(svc->engine);
    }
}

/* After everything that changes the engine. */
static void step(struct lp2p_mdns_service *svc)
{
    struct lp2p_mdns_event ev;
    while (lp2p_mdns_event(svc->engine, &ev)) {
        if (ev.type == LP2P_MDNS_EV_FOUND) {
            on_found(svc, &ev);
        } else {
            on_gone(svc, &ev.peer);
        }
    }
    send_due(svc);
    svc->env->ops->timer_set(&svc->timer, lp2p_mdns_deadline(svc->engine));
}

static void on_timer(void *ctx, lp2p_ts now)
{
    struct lp2p_mdns_service *svc = ctx;
    lp2p_mdns_tick(svc->engine, now);
    step(svc);
}

static void on_dgram(void *ctx, struct lp2p_mspan data, const struct lp2p_endpoint *from,
                     const struct lp2p_endpoint *to, uint32_t ifindex)
{
    struct mdns_socket *s = ctx;
    struct lp2p_mdns_dgram_in in = {
        .ifindex = ifindex, .from = *from, .to = *to, .data = lp2p_span(data.p, data.n)};
    lp2p_mdns_recv_dgram(s->svc->engine, now_of(s->svc), &in);
    step(s->svc);
}

/* ---- links ---- */

static void read_listeners(struct lp2p_mdns_service *svc)
{
    svc->listeners.n = 0;
    struct lp2p_multiaddr addr;
    for (size_t pos = 0; svc->listeners.n < MDNS_LISTENERS_MAX &&
                         lp2p_swarm_addr_next(svc->sw, true, &pos, &addr);) {
        struct lp2p_endpoint e;
        uint32_t code;
        size_t used;
        if (lp2p_addr_is_plain_tcp(&addr) && lp2p_addr_to_endpoint(&addr, &e, &code, &used) == 0) {
            svc->listeners.at[svc->listeners.n++] = e;
        }
    }
}

static bool socket_open(struct mdns_socket *s)
{
    static const struct lp2p_udp_events events = {.on_dgram = on_dgram};
    struct lp2p_env *env = s->svc->env;
    struct lp2p_udp_cfg cfg = {.family = s->family, .port = LP2P_MDNS_PORT, .shared = true};
    return s->udp != NULL || env->ops->udp_open(env, &cfg, &events, s, &s->udp) == 0;
}

static struct lp2p_endpoint group_of(const struct mdns_socket *s)
{
    return lp2p_mdns_group(s->family);
}

static bool has_link(const struct lp2p_mdns_service *svc, enum lp2p_family family, uint32_t ifindex)
{
    for (size_t i = 0; i < svc->n_links; i++) {
        if (svc->links[i].family == family && svc->links[i].ifindex == ifindex) {
            return true;
        }
    }
    return false;
}

/* Forgets interfaces that are no links any more. */
static void socket_leave(struct mdns_socket *s)
{
    struct lp2p_endpoint group = group_of(s);
    size_t kept = 0;
    for (size_t i = 0; i < s->n_joined; i++) {
        if (has_link(s->svc, s->family, s->joined[i])) {
            s->joined[kept++] = s->joined[i];
        } else {
            (void)s->svc->env->ops->udp_leave(s->udp, &group, s->joined[i]); /* gone already */
        }
    }
    s->n_joined = kept;
}

/* True when the socket hears the group on the interface. */
static bool socket_join(struct mdns_socket *s, uint32_t ifindex)
{
    for (size_t i = 0; i < s->n_joined; i++) {
        if (s->joined[i] == ifindex) {
            return true;
        }
    }
    struct lp2p_endpoint group = group_of(s);
    int err = s->svc->env->ops->udp_join(s->udp, &group, ifindex);
    if (err != 0 && err != -LP2P_E_EXISTS) {
        return false;
    }
    LP2P_ASSERT(s->n_joined < LP2P_MDNS_LINKS_MAX);
    s->joined[s->n_joined++] = ifindex;
    return true;
}

/* Opens and joins what is needed; links that cannot be had are left out until the next reading.
 * True when there is none of these. */
static bool join_links(struct lp2p_mdns_service *svc)
{
    for (size_t i = 0; i < LP2P_COUNT(svc->sockets); i++) {
        if (svc->sockets[i].udp != NULL) {
            socket_leave(&svc->sockets[i]);
        }
    }
    size_t kept = 0;
    for (size_t i = 0; i < svc->n_links; i++) {
        struct mdns_socket *s = socket_of(svc, svc->links[i].family);
        if (socket_open(s) && socket_join(s, svc->links[i].ifindex)) {
            svc->links[kept++] = svc->links[i];
        }
    }
    bool all = kept == svc->n_links;
    svc->n_links = kept;
    return all;
}

/* True when there is nothing to try again. */
static bool read_links(struct lp2p_mdns_service *svc)
{
    size_t n;
    if (svc->env->ops->interfaces(svc->env, svc->ifaces, LP2P_ENV_MAX_IFACES, &n) != 0) {
        return false; /* what we know stays true until we know better */
    }
    read_listeners(svc);
    svc->n_links = mdns_links_make(svc->ifaces, n, &svc->listeners, svc->links);
    bool all = join_links(svc);
    /* Links that are new or different announce themselves and ask at once. */
    lp2p_mdns_set_links(svc->engine, now_of(svc), svc->links, svc->n_links);
    lp2p_mdns_tick(svc->engine, now_of(svc));
    step(svc);
    return all;
}

static void on_ifaces_timer(void *ctx, lp2p_ts now)
{
    struct lp2p_mdns_service *svc = ctx;
    bool settled = read_links(svc) && lp2p_swarm_follows_network(svc->sw);
    svc->env->ops->timer_set(&svc->ifaces_timer,
                             settled ? LP2P_TS_NEVER : now + LP2P_MDNS_IFACES_EVERY);
}

static void on_conn(void *ctx, struct lp2p_swarm_conn *c)
{
    (void)ctx;
    (void)c;
}

/* Interfaces or listeners. Done from the top of the loop: several come one after the other. */
static void on_addrs(void *ctx)
{
    struct lp2p_mdns_service *svc = ctx;
    svc->env->ops->timer_set(&svc->ifaces_timer, now_of(svc));
}

/* Peers may have come, gone and moved without our hearing of it. */
static void on_resume(void *ctx)
{
    struct lp2p_mdns_service *svc = ctx;
    lp2p_mdns_look(svc->engine, now_of(svc));
    svc->env->ops->timer_set(&svc->timer, now_of(svc));
}

/* ---- life ---- */

static int engine_new(struct lp2p_mdns_service *svc, const struct lp2p_mdns_service_cfg *cfg)
{
    const struct lp2p_limits *limits = lp2p_swarm_limits(svc->sw);
    struct lp2p_mdns_cfg ecfg = {
        .mem = svc->mem,
        .random = &svc->env->random,
        .hasher = lp2p_hasher(cfg->hash),
        .self = lp2p_swarm_identity(svc->sw)->id,
        .note = cfg->note,
        .tags = TAGS,
        .n_tags = LP2P_COUNT(TAGS),
        .peers_max = limits->discovered,
        .new_per_min = limits->discovered_per_min,
    };
    return lp2p_mdns_new(&ecfg, &svc->engine);
}

static int init(struct lp2p_mdns_service *svc, const struct lp2p_mdns_service_cfg *cfg)
{
    const struct lp2p_env_ops *env = svc->env->ops;
    LP2P_TRY(engine_new(svc, cfg));
    int err = env->timer_init(svc->env, &svc->timer, on_timer, svc);
    if (err != 0) {
        lp2p_mdns_free(svc->engine);
        return err;
    }
    err = env->timer_init(svc->env, &svc->ifaces_timer, on_ifaces_timer, svc);
    if (err != 0) {
        env->timer_fini(&svc->timer);
        lp2p_mdns_free(svc->engine);
    }
    return err;
}

int lp2p_mdns_service_new(struct lp2p_swarm *sw, const struct lp2p_mdns_service_cfg *cfg,
                          struct lp2p_mdns_service **ret)
{
    const struct lp2p_mem *mem = lp2p_swarm_mem(sw);
    struct lp2p_mdns_service *svc = lp2p_calloc(mem, 1, sizeof(*svc));
    if (svc == NULL) {
        return -LP2P_E_NOMEM;
    }
    svc->sw = sw;
    svc->mem = mem;
    svc->env = lp2p_swarm_env(sw);
    svc->sockets[0] = (struct mdns_socket){.svc = svc, .family = LP2P_FAMILY_IP4};
    svc->sockets[1] = (struct mdns_socket){.svc = svc, .family = LP2P_FAMILY_IP6};
    svc->watch = (struct lp2p_swarm_watch){.on_up = on_conn,
                                           .on_down = on_conn,
                                           .on_addrs = on_addrs,
                                           .on_resume = on_resume,
                                           .ctx = svc};
    int err = init(svc, cfg);
    if (err != 0) {
        lp2p_free(mem, svc);
        return err;
    }
    lp2p_swarm_watch(sw, &svc->watch);
    svc->env->ops->timer_set(&svc->ifaces_timer, now_of(svc));
    *ret = svc;
    return 0;
}

void lp2p_mdns_service_free(struct lp2p_mdns_service *svc)
{
    if (svc == NULL) {
        return;
    }
    lp2p_list_remove(&svc->watch.node);
    lp2p_mdns_goodbye(svc->engine);
    send_due(svc);
    for (size_t i = 0; i < LP2P_COUNT(svc->sockets); i++) {
        if (svc->sockets[i].udp != NULL) {
            svc->env->ops->udp_close(svc->sockets[i].udp);
        }
    }
    svc->env->ops->timer_fini(&svc->timer);
    svc->env->ops->timer_fini(&svc->ifaces_timer);
    lp2p_mdns_free(svc->engine);
    lp2p_free(svc->mem, svc);
}

void lp2p_mdns_service_look(struct lp2p_mdns_service *svc)
{
    struct lp2p_peer_id ids[LP2P_MDNS_EXPECT_MAX];
    size_t n = 0;
    const struct lp2p_attempt_info *at;
    for (size_t pos = 0; n < LP2P_MDNS_EXPECT_MAX && lp2p_swarm_attempt_next(svc->sw, &pos, &at);) {
        if (at->ended == 0) {
            ids[n++] = at->peer;
        }
    }
    lp2p_mdns_expect(svc->engine, ids, n);
    lp2p_mdns_look(svc->engine, now_of(svc));
    /* Sent from the top of the loop. */
    svc->env->ops->timer_set(&svc->timer, now_of(svc));
}
