#include "env/sim/sim_priv.h"

#include <string.h>

/* Datagrams that wait in one socket; more are dropped, as the kernel does. */
#define UDP_QUEUE 256U
/* Memberships of one socket: an interface can be joined once for each group. */
#define UDP_GROUPS (2U * SIM_MAX_IFACES + 2U)

struct sim_dgram {
    struct lp2p_list node; /* under way, or in a socket's queue */
    struct lp2p_sim *sim;
    struct lp2p_timer timer;
    struct sim_machine *to_machine;
    const struct sim_machine *from_machine;
    struct lp2p_endpoint from;
    struct lp2p_endpoint to;
    uint32_t ifindex; /* where it comes in, 1: `lo` */
    size_t n;
    uint8_t data[];
};

struct udp_group {
    struct lp2p_endpoint ip;
    uint32_t ifindex; /* 0: free slot */
};

struct lp2p_udp {
    struct lp2p_list node;
    struct sim_machine *m;
    struct lp2p_udp_cfg cfg;
    const struct lp2p_udp_events *events;
    void *ctx;
    struct udp_group groups[UDP_GROUPS];
    struct lp2p_list queue;
    size_t n_queue;
    struct lp2p_task task;
    bool *ret_closed; /* while a callback runs: tells it that the socket is gone */
};

/* ---- receiving ---- */

static void dgram_free(struct sim_dgram *d)
{
    lp2p_list_remove(&d->node);
    lp2p_timers_remove(&d->sim->timers, &d->timer);
    lp2p_free(d->sim->mem, d);
}

void sim_dgrams_free(struct lp2p_sim *sim)
{
    lp2p_list_each_safe (it, &sim->dgrams) {
        dgram_free(LP2P_CONTAINER(it, struct sim_dgram, node));
    }
}

static void udp_on_task(void *ctx, lp2p_ts now)
{
    (void)now;
    struct lp2p_udp *u = ctx;
    bool closed = false;
    u->ret_closed = &closed;
    for (struct lp2p_list *it = lp2p_list_first(&u->queue); !closed && it != NULL;
         it = closed ? NULL : lp2p_list_first(&u->queue)) {
        struct sim_dgram *d = LP2P_CONTAINER(it, struct sim_dgram, node);
        lp2p_list_remove(it);
        u->n_queue--;
        struct lp2p_endpoint to = d->to;
        to.port = 0;
        struct lp2p_mspan data = {.p = d->data, .n = d->n};
        u->events->on_dgram(u->ctx, data, &d->from, &to, d->ifindex);
        dgram_free(d);
    }
    if (!closed) {
        u->ret_closed = NULL;
    }
}

static bool udp_is_member(const struct lp2p_udp *u, const struct lp2p_endpoint *group,
                          uint32_t ifindex)
{
    for (size_t i = 0; i < UDP_GROUPS; i++) {
        if (u->groups[i].ifindex == ifindex && lp2p_endpoint_same_ip(&u->groups[i].ip, group)) {
            return true;
        }
    }
    return false;
}

static bool udp_takes(const struct lp2p_udp *u, const struct sim_dgram *d)
{
    return u->cfg.family == d->to.family && u->cfg.port == d->to.port &&
           (!lp2p_endpoint_is_multicast(&d->to) || udp_is_member(u, &d->to, d->ifindex));
}

/* One copy for one socket; false when it has no room. */
static struct sim_dgram *dgram_copy(const struct sim_dgram *d)
{
    struct sim_dgram *copy = lp2p_calloc(d->sim->mem, 1, sizeof(*copy) + d->n);
    if (copy == NULL) {
        return NULL;
    }
    memcpy(copy, d, sizeof(*copy) + d->n);
    copy->node = (struct lp2p_list){.next = NULL};
    if (sim_timer_init(d->sim, &copy->timer, d->timer.fn, copy) != 0) {
        lp2p_free(d->sim->mem, copy);
        return NULL;
    }
    return copy;
}

static void udp_queue(struct lp2p_udp *u, const struct sim_dgram *d)
{
    struct sim_dgram *copy = u->n_queue < UDP_QUEUE ? dgram_copy(d) : NULL;
    if (copy == NULL) {
        sim_trace(d->sim, SIM_TRACE_LOST, u->m->id, d->to.port);
        return;
    }
    lp2p_list_add_last(&u->queue, &copy->node);
    u->n_queue++;
    lp2p_timers_defer(&u->m->timers, &u->task);
}

/* It arrives: multicast at all members, else at the first socket with this port. */
static void dgram_on_arrival(void *ctx, lp2p_ts now)
{
    (void)now;
    struct sim_dgram *d = ctx;
    struct sim_machine *m = d->to_machine;
    bool cut = m != d->from_machine && sim_is_cut(d->from_machine, m);
    if (!cut && !m->gone) {
        sim_trace(d->sim, SIM_TRACE_DGRAM, m->id, d->to.port);
        sim_trace_bytes(d->sim, lp2p_span(d->data, d->n));
        lp2p_list_each (it, &m->udps) {
            struct lp2p_udp *u = LP2P_CONTAINER(it, struct lp2p_udp, node);
            if (udp_takes(u, d)) {
                udp_queue(u, d);
                if (!lp2p_endpoint_is_multicast(&d->to)) {
                    break;
                }
            }
        }
    }
    dgram_free(d);
}

/* ---- sending ---- */

struct udp_packet {
    struct lp2p_udp *u;
    const struct lp2p_endpoint *to;
    struct lp2p_endpoint from;
    struct lp2p_span data;
};

/* Puts one copy under way over `link` (NULL: inside the machine); best effort. */
static void udp_send_to(const struct udp_packet *p, const struct lp2p_sim_link *link,
                        struct sim_machine *m, uint32_t ifindex)
{
    struct lp2p_sim *sim = m->sim;
    struct sim_dgram *d = sim_is_lost(sim, link) ? NULL
                                                 : lp2p_calloc(sim->mem, 1, sizeof(*d) + p->data.n);
    if (d == NULL || sim_timer_init(sim, &d->timer, dgram_on_arrival, d) != 0) {
        sim_trace(sim, SIM_TRACE_LOST, m->id, p->to->port);
        lp2p_free(sim->mem, d);
        return;
    }
    d->sim = sim;
    d->to_machine = m;
    d->from_machine = p->u->m;
    d->from = p->from;
    d->to = *p->to;
    d->to.zone = 0;
    d->from.zone = lp2p_endpoint_is_link_local(&p->from) && p->from.family == LP2P_FAMILY_IP6
                       ? ifindex
                       : 0;
    d->ifindex = ifindex;
    d->n = p->data.n;
    memcpy(d->data, p->data.p, p->data.n);
    lp2p_list_add_last(&sim->dgrams, &d->node);
    lp2p_timers_set(&sim->timers, &d->timer, sim->now + sim_delay(sim, link));
}

/* To every interface on the link, and to ourselves (IP_MULTICAST_LOOP). */
static void udp_send_group(const struct udp_packet *p, const struct sim_iface *out)
{
    struct lp2p_sim *sim = p->u->m->sim;
    udp_send_to(p, NULL, p->u->m, out->index);
    for (size_t i = 0; i < sim->n_machines && !out->link->cfg.no_multicast; i++) {
        struct sim_machine *m = sim->machines[i];
        for (size_t k = 0; k < SIM_MAX_IFACES && m != p->u->m; k++) {
            if (m->ifaces[k].link == out->link && m->ifaces[k].addr.family == p->to->family) {
                udp_send_to(p, out->link, m, m->ifaces[k].index);
            }
        }
    }
}

/* The first interface that can carry the family. */
static const struct sim_iface *udp_any_iface(const struct sim_machine *m, enum lp2p_family family)
{
    for (size_t i = 0; i < SIM_MAX_IFACES; i++) {
        if (m->ifaces[i].link != NULL && m->ifaces[i].addr.family == family) {
            return &m->ifaces[i];
        }
    }
    return NULL;
}

static int udp_multicast(struct udp_packet *p, uint32_t ifindex, const struct lp2p_endpoint *src)
{
    struct sim_machine *m = p->u->m;
    if (ifindex == 1) {
        p->from = src != NULL ? *src : lp2p_endpoint_ip4(127, 0, 0, 1, 0);
        p->from.port = p->u->cfg.port;
        udp_send_to(p, NULL, m, 1);
        return 0;
    }
    const struct sim_iface *out = ifindex == 0 ? udp_any_iface(m, p->to->family)
                                               : sim_iface_at(m, ifindex);
    if (out == NULL || out->addr.family != p->to->family) {
        return ifindex == 0 ? -LP2P_E_UNREACHABLE : -LP2P_E_NO_NETWORK;
    }
    p->from = src != NULL ? *src : out->addr;
    p->from.port = p->u->cfg.port;
    udp_send_group(p, out);
    return 0;
}

static int udp_unicast(struct udp_packet *p, const struct lp2p_endpoint *src)
{
    struct sim_machine *m = p->u->m;
    if (sim_is_own(m, p->to)) {
        const struct sim_iface *own = sim_iface_find(m, p->to);
        p->from = src != NULL ? *src : *p->to;
        p->from.port = p->u->cfg.port;
        udp_send_to(p, NULL, m, own != NULL ? own->index : 1);
        return 0;
    }
    const struct sim_iface *out = sim_route(m, p->to, src);
    if (out == NULL) {
        return -LP2P_E_UNREACHABLE;
    }
    p->from = out->addr;
    p->from.port = p->u->cfg.port;
    struct sim_machine *to = sim_neighbour(m->sim, out->link, p->to);
    if (to != NULL) {
        struct lp2p_endpoint bare = *p->to;
        bare.zone = 0;
        udp_send_to(p, out->link, to, sim_iface_find(to, &bare)->index);
    }
    return 0;
}

int sim_udp_send(struct lp2p_udp *u, const struct lp2p_endpoint *to, uint32_t ifindex,
                 const struct lp2p_endpoint *src, struct lp2p_span data)
{
    if (to->family != u->cfg.family || (src != NULL && src->family != u->cfg.family)) {
        return -LP2P_E_INVAL;
    }
    if (data.n > LP2P_ENV_MAX_DGRAM) {
        return -LP2P_E_TOO_LONG;
    }
    if (src != NULL && !sim_is_own(u->m, src)) {
        return -LP2P_E_ADDR_NOT_AVAIL;
    }
    struct udp_packet p = {.u = u, .to = to, .data = data};
    return lp2p_endpoint_is_multicast(to) ? udp_multicast(&p, ifindex, src) : udp_unicast(&p, src);
}

/* ---- sockets ---- */

int sim_udp_open(struct lp2p_env *env, const struct lp2p_udp_cfg *cfg,
                 const struct lp2p_udp_events *events, void *ctx, struct lp2p_udp **ret)
{
    struct sim_machine *m = sim_machine(env);
    lp2p_list_each (it, &m->udps) {
        const struct lp2p_udp *other = LP2P_CONTAINER(it, struct lp2p_udp, node);
        if (cfg->port != 0 && other->cfg.family == cfg->family && other->cfg.port == cfg->port &&
            !(other->cfg.shared && cfg->shared)) {
            return -LP2P_E_ADDR_IN_USE;
        }
    }
    struct lp2p_udp *u = lp2p_calloc(m->sim->mem, 1, sizeof(*u));
    if (u == NULL) {
        return -LP2P_E_NOMEM;
    }
    u->m = m;
    u->cfg = *cfg;
    u->cfg.port = cfg->port != 0 ? cfg->port : sim_draw_port(m);
    u->events = events;
    u->ctx = ctx;
    u->task = (struct lp2p_task){.fn = udp_on_task, .ctx = u};
    lp2p_list_init(&u->queue);
    lp2p_list_add_last(&m->udps, &u->node);
    *ret = u;
    return 0;
}

uint16_t sim_udp_port(const struct lp2p_udp *u)
{
    return u->cfg.port;
}

void sim_udp_close(struct lp2p_udp *u)
{
    if (u->ret_closed != NULL) {
        *u->ret_closed = true;
    }
    lp2p_list_each_safe (it, &u->queue) {
        dgram_free(LP2P_CONTAINER(it, struct sim_dgram, node));
    }
    lp2p_list_remove(&u->task.node);
    lp2p_list_remove(&u->node);
    lp2p_free(u->m->sim->mem, u);
}

int sim_udp_join(struct lp2p_udp *u, const struct lp2p_endpoint *group, uint32_t ifindex)
{
    const struct sim_iface *f = sim_iface_at(u->m, ifindex);
    if (group->family != u->cfg.family) {
        return -LP2P_E_INVAL;
    }
    if (ifindex != 1 && f == NULL) {
        return -LP2P_E_IO;
    }
    if (udp_is_member(u, group, ifindex)) {
        return -LP2P_E_EXISTS;
    }
    for (size_t i = 0; i < UDP_GROUPS; i++) {
        if (u->groups[i].ifindex == 0) {
            u->groups[i] = (struct udp_group){.ip = *group, .ifindex = ifindex};
            return 0;
        }
    }
    return -LP2P_E_IO;
}

int sim_udp_leave(struct lp2p_udp *u, const struct lp2p_endpoint *group, uint32_t ifindex)
{
    for (size_t i = 0; i < UDP_GROUPS; i++) {
        if (u->groups[i].ifindex == ifindex && lp2p_endpoint_same_ip(&u->groups[i].ip, group)) {
            u->groups[i].ifindex = 0;
            return 0;
        }
    }
    return -LP2P_E_IO;
}
