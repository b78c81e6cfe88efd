#include "env/sim/sim_priv.h"

#include <string.h>

/* Index of `lo`, as on Linux; the others follow. */
#define SIM_LO_INDEX 1U
/* The wall clock at the world's beginning: any time after 2001 that fits 13 digits. */
#define SIM_WALL_MS 1700000000000U

/* ---- interfaces and routes ---- */

static struct lp2p_endpoint loopback_ip(enum lp2p_family family)
{
    static const uint8_t one[16] = {[15] = 1};
    return family == LP2P_FAMILY_IP4 ? lp2p_endpoint_ip4(127, 0, 0, 1, 0)
                                     : lp2p_endpoint_ip6(one, 0);
}

const struct sim_iface *sim_iface_find(const struct sim_machine *m, const struct lp2p_endpoint *ip)
{
    for (size_t i = 0; i < SIM_MAX_IFACES; i++) {
        if (m->ifaces[i].link != NULL && lp2p_endpoint_same_ip(&m->ifaces[i].addr, ip)) {
            return &m->ifaces[i];
        }
    }
    return NULL;
}

const struct sim_iface *sim_iface_at(const struct sim_machine *m, uint32_t index)
{
    for (size_t i = 0; i < SIM_MAX_IFACES; i++) {
        if (m->ifaces[i].link != NULL && m->ifaces[i].index == index) {
            return &m->ifaces[i];
        }
    }
    return NULL;
}

bool sim_is_own(const struct sim_machine *m, const struct lp2p_endpoint *ip)
{
    return lp2p_endpoint_is_loopback(ip) || sim_iface_find(m, ip) != NULL;
}

const struct sim_iface *sim_route(const struct sim_machine *m, const struct lp2p_endpoint *to,
                                  const struct lp2p_endpoint *src)
{
    bool any = src == NULL || lp2p_endpoint_is_unspecified(src);
    for (size_t i = 0; i < SIM_MAX_IFACES; i++) {
        const struct sim_iface *f = &m->ifaces[i];
        if (f->link != NULL && lp2p_endpoint_in_prefix(to, &f->addr, f->prefix) &&
            (to->zone == 0 || to->zone == f->index) &&
            (any || lp2p_endpoint_same_ip(&f->addr, src))) {
            return f;
        }
    }
    return NULL;
}

struct sim_machine *sim_neighbour(struct lp2p_sim *sim, const struct lp2p_sim_link *link,
                                  const struct lp2p_endpoint *ip)
{
    struct lp2p_endpoint bare = *ip;
    bare.zone = 0; /* a zone is one machine's own number */
    for (size_t i = 0; i < sim->n_machines; i++) {
        const struct sim_iface *f = sim_iface_find(sim->machines[i], &bare);
        if (f != NULL && f->link == link) {
            return sim->machines[i];
        }
    }
    return NULL;
}

bool sim_is_cut(const struct sim_machine *from, const struct sim_machine *to)
{
    return (from->cut[to->id / 8] >> (to->id % 8) & 1U) != 0;
}

lp2p_ts sim_delay(struct lp2p_sim *sim, const struct lp2p_sim_link *link)
{
    if (link == NULL) {
        return SIM_LOCAL_DELAY;
    }
    lp2p_ts jitter = link->cfg.jitter == 0 ? 0 : sim_below(sim, link->cfg.jitter + 1);
    return link->cfg.delay + jitter;
}

bool sim_is_lost(struct lp2p_sim *sim, const struct lp2p_sim_link *link)
{
    return link != NULL && link->cfg.loss_ppm != 0 && sim_below(sim, 1000000) < link->cfg.loss_ppm;
}

uint16_t sim_draw_port(struct sim_machine *m)
{
    uint16_t port = m->next_port;
    m->next_port = port == UINT16_MAX ? SIM_PORT_FIRST : (uint16_t)(port + 1);
    return port;
}

/* The kernel tells its process, which hears it when it runs. */
static void machine_network_changed(struct sim_machine *m)
{
    if (!lp2p_list_is_empty(&m->watches) && m->merge.node.index == 0) {
        lp2p_timers_set(&m->timers, &m->merge, m->sim->now + LP2P_ENV_CHANGE_MERGE);
    }
}

int lp2p_sim_plug(struct lp2p_env *env, struct lp2p_sim_link *link,
                  const struct lp2p_endpoint *addr, uint8_t prefix, uint32_t *ret_ifindex)
{
    struct sim_machine *m = sim_machine(env);
    struct sim_iface *f = NULL;
    for (size_t i = 0; i < SIM_MAX_IFACES && f == NULL; i++) {
        f = m->ifaces[i].link == NULL ? &m->ifaces[i] : NULL;
    }
    if (f == NULL) {
        return -LP2P_E_LIMIT;
    }
    *f = (struct sim_iface){
        .link = link, .index = m->next_ifindex++, .addr = *addr, .prefix = prefix};
    f->addr.port = 0;
    f->addr.zone = lp2p_endpoint_is_link_local(addr) && addr->family == LP2P_FAMILY_IP6 ? f->index
                                                                                        : 0;
    sim_trace(m->sim, SIM_TRACE_PLUG, m->id, f->index);
    machine_network_changed(m);
    *ret_ifindex = f->index;
    return 0;
}

void lp2p_sim_unplug(struct lp2p_env *env, uint32_t ifindex)
{
    struct sim_machine *m = sim_machine(env);
    for (size_t i = 0; i < SIM_MAX_IFACES; i++) {
        if (m->ifaces[i].index == ifindex) {
            m->ifaces[i] = (struct sim_iface){.link = NULL};
        }
    }
    sim_trace(m->sim, SIM_TRACE_UNPLUG, m->id, ifindex);
    machine_network_changed(m);
}

void lp2p_sim_cut(struct lp2p_env *from, struct lp2p_env *to, bool cut)
{
    struct sim_machine *a = sim_machine(from);
    uint32_t id = sim_machine(to)->id;
    uint8_t bit = (uint8_t)(1U << (id % 8));
    a->cut[id / 8] = (uint8_t)(cut ? a->cut[id / 8] | bit : a->cut[id / 8] & ~bit);
    sim_trace(a->sim, SIM_TRACE_CUT, a->id, (uint64_t)id << 1 | (cut ? 1 : 0));
}

void lp2p_sim_freeze(struct lp2p_env *env, bool frozen)
{
    struct sim_machine *m = sim_machine(env);
    if (frozen && !m->frozen) {
        m->frozen_at = m->sim->now;
    } else if (m->frozen && !frozen && m->sim->now - m->frozen_at >= LP2P_ENV_PAUSE) {
        lp2p_timers_defer(&m->timers, &m->resume);
    }
    m->frozen = frozen;
    sim_trace(m->sim, SIM_TRACE_FREEZE, m->id, frozen ? 1 : 0);
}

/* ---- the environment ---- */

static lp2p_ts machine_now(const struct lp2p_env *env)
{
    return sim_machine(env)->sim->now;
}

static uint64_t machine_wall_ms(const struct lp2p_env *env)
{
    return SIM_WALL_MS + machine_now(env) / 1000000;
}

static int machine_timer_init(struct lp2p_env *env, struct lp2p_timer *t,
                              void (*fn)(void *ctx, lp2p_ts now), void *ctx)
{
    LP2P_TRY(lp2p_timers_add(&sim_machine(env)->timers));
    *t = (struct lp2p_timer){.fn = fn, .ctx = ctx, .env = env};
    return 0;
}

static void machine_timer_set(struct lp2p_timer *t, lp2p_ts at)
{
    lp2p_timers_set(&sim_machine(t->env)->timers, t, at);
}

static void machine_timer_fini(struct lp2p_timer *t)
{
    lp2p_timers_remove(&sim_machine(t->env)->timers, t);
}

static void machine_defer(struct lp2p_env *env, struct lp2p_task *task)
{
    lp2p_timers_defer(&sim_machine(env)->timers, task);
}

static void machine_random(void *ctx, uint8_t *p, size_t n)
{
    struct sim_machine *m = ctx;
    while (n > 0) {
        uint64_t word = sim_random(&m->random);
        size_t take = LP2P_MIN(n, sizeof(word));
        memcpy(p, &word, take);
        p += take;
        n -= take;
    }
}

static struct lp2p_iface machine_row(const struct sim_iface *f, size_t slot)
{
    struct lp2p_iface row = {
        .index = f->index,
        .name = "eth",
        .addr = f->addr,
        .prefix = f->prefix,
        .up = true,
        .multicast = true,
    };
    row.name[3] = (char)('a' + slot);
    return row;
}

static int machine_interfaces(struct lp2p_env *env, struct lp2p_iface *ret, size_t max,
                              size_t *ret_n)
{
    const struct sim_machine *m = sim_machine(env);
    struct lp2p_iface lo = {
        .index = SIM_LO_INDEX,
        .name = "lo",
        .addr = loopback_ip(LP2P_FAMILY_IP4),
        .prefix = 8,
        .up = true,
        .loopback = true,
    };
    size_t n = 0;
    if (n < max) {
        ret[n++] = lo;
    }
    if (n < max) {
        lo.addr = loopback_ip(LP2P_FAMILY_IP6);
        lo.prefix = 128;
        ret[n++] = lo;
    }
    for (size_t i = 0; i < SIM_MAX_IFACES && n < max; i++) {
        if (m->ifaces[i].link != NULL) {
            ret[n++] = machine_row(&m->ifaces[i], i);
        }
    }
    *ret_n = n;
    return 0;
}

/* Links have no routers yet. */
static int machine_gateways(struct lp2p_env *env, struct lp2p_endpoint *ret, size_t max,
                            size_t *ret_n)
{
    (void)env;
    (void)ret;
    (void)max;
    *ret_n = 0;
    return 0;
}

static void machine_on_merged(void *ctx, lp2p_ts now)
{
    (void)now;
    struct sim_machine *m = ctx;
    lp2p_env_tell_change(&m->watches);
}

static void machine_on_resume(void *ctx, lp2p_ts now)
{
    (void)now;
    struct sim_machine *m = ctx;
    lp2p_env_tell_resume(&m->watches);
}

static int machine_watch(struct lp2p_env *env, struct lp2p_env_watch *w)
{
    struct sim_machine *m = sim_machine(env);
    if (lp2p_list_is_empty(&m->watches)) {
        LP2P_TRY(machine_timer_init(env, &m->merge, machine_on_merged, m));
    }
    lp2p_list_add_last(&m->watches, &w->node);
    return 0;
}

static void machine_unwatch(struct lp2p_env *env, struct lp2p_env_watch *w)
{
    struct sim_machine *m = sim_machine(env);
    lp2p_list_remove(&w->node);
    if (lp2p_list_is_empty(&m->watches)) {
        machine_timer_fini(&m->merge);
    }
}

/* The process ends; the machine stays in the world and its kernel refuses what comes. */
static void machine_free(struct lp2p_env *env)
{
    struct sim_machine *m = sim_machine(env);
    LP2P_ASSERT(lp2p_list_is_empty(&m->listeners));
    LP2P_ASSERT(lp2p_list_is_empty(&m->udps));
    LP2P_ASSERT(lp2p_list_is_empty(&m->watches));
    LP2P_ASSERT(lp2p_list_is_empty(&m->lookups));
    lp2p_timers_fini(&m->timers);
    m->gone = true;
}

static const struct lp2p_env_ops machine_ops = {
    .free = machine_free,
    .now = machine_now,
    .wall_ms = machine_wall_ms,
    .timer_init = machine_timer_init,
    .timer_set = machine_timer_set,
    .timer_fini = machine_timer_fini,
    .defer = machine_defer,
    .listen = sim_listen,
    .listener_local = sim_listener_local,
    .listener_close = sim_listener_close,
    .connect = sim_connect,
    .udp_open = sim_udp_open,
    .udp_port = sim_udp_port,
    .udp_join = sim_udp_join,
    .udp_leave = sim_udp_leave,
    .udp_send = sim_udp_send,
    .udp_close = sim_udp_close,
    .resolve = sim_resolve,
    .resolve_cancel = sim_resolve_cancel,
    .interfaces = machine_interfaces,
    .gateways = machine_gateways,
    .watch = machine_watch,
    .unwatch = machine_unwatch,
};

int lp2p_sim_machine(struct lp2p_sim *sim, const char *name, struct lp2p_env **ret)
{
    if (sim->n_machines == SIM_MAX_MACHINES) {
        return -LP2P_E_LIMIT;
    }
    struct sim_machine *m = lp2p_calloc(sim->mem, 1, sizeof(*m));
    if (m == NULL) {
        return -LP2P_E_NOMEM;
    }
    m->env = (struct lp2p_env){
        .ops = &machine_ops,
        .mem = sim->mem,
        .random = {.ctx = m, .fill = machine_random},
    };
    m->sim = sim;
    memcpy(m->name, name, LP2P_MIN(strlen(name), sizeof(m->name) - 1));
    m->resume = (struct lp2p_task){.fn = machine_on_resume, .ctx = m};
    m->id = (uint32_t)sim->n_machines;
    m->random = sim_random(&sim->random);
    m->next_ifindex = SIM_LO_INDEX + 1;
    m->next_port = SIM_PORT_FIRST;
    lp2p_timers_init(&m->timers, sim->mem);
    lp2p_list_init(&m->listeners);
    lp2p_list_init(&m->udps);
    lp2p_list_init(&m->watches);
    lp2p_list_init(&m->lookups);
    sim->machines[sim->n_machines++] = m;
    sim_trace(sim, SIM_TRACE_MACHINE, m->id, 0);
    *ret = &m->env;
    return 0;
}
