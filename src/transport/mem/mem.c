#include "transport/mem/mem.h"

#include "base/assert.h"
#include "base/list.h"
#include "transport/mem/pipe_priv.h"

/* Connections that wait for their listener's turn, as env/uv asks of the kernel. */
#define MEM_BACKLOG 128U
/* Numbers drawn for dialers, and for listeners on /memory/0, begin here: nobody chooses such. */
#define MEM_FIRST_DRAWN (UINT64_C(1) << 63)

struct lp2p_mem_hub {
    const struct lp2p_mem *mem;
    struct lp2p_list listeners;
    uint64_t next; /* number to be drawn */
};

struct mem {
    struct lp2p_transport transport;
    struct lp2p_wire_host *host;
    struct lp2p_mem_hub *hub;
    size_t n_listeners;
};

struct lp2p_transport_listener {
    struct lp2p_list node; /* in the hub's list */
    struct mem *t;
    uint64_t number;
    const struct lp2p_transport_listener_events *events;
    void *ctx;
    struct lp2p_list backlog; /* struct mem_end */
    size_t n_backlog;
    struct lp2p_task task;
};

struct lp2p_incoming {
    struct mem *t;
    struct lp2p_io *io; /* NULL once it was accepted */
};

static struct mem *mem_of(const struct lp2p_transport *t)
{
    return LP2P_CONTAINER((uintptr_t)t, struct mem, transport);
}

/* ---- addresses ---- */

/* The number of /memory/<number>, with or without /p2p/ behind it. */
static bool mem_number(const struct lp2p_multiaddr *addr, uint64_t *ret)
{
    struct lp2p_multiaddr bare = *addr;
    struct lp2p_multiaddr_part part, more;
    size_t pos = 0;
    lp2p_multiaddr_without_peer_id(&bare);
    if (!lp2p_multiaddr_next(&bare, &pos, &part) || part.code != LP2P_MA_MEMORY ||
        lp2p_multiaddr_next(&bare, &pos, &more)) {
        return false;
    }
    uint64_t number = 0;
    for (size_t i = 0; i < part.value.n; i++) {
        number = number << 8 | part.value.p[i];
    }
    *ret = number;
    return true;
}

static void mem_addr(uint64_t number, struct lp2p_multiaddr *ret)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(number >> (56 - 8 * i));
    }
    ret->len = 0;
    int err = lp2p_multiaddr_append(ret, LP2P_MA_MEMORY, lp2p_span(bytes, sizeof(bytes)));
    LP2P_ASSERT(err == 0);
}

static bool mem_can_dial(const struct lp2p_transport *t, const struct lp2p_multiaddr *addr)
{
    (void)t;
    uint64_t number;
    return mem_number(addr, &number) && number != 0;
}

static bool mem_can_listen(const struct lp2p_transport *t, const struct lp2p_multiaddr *addr)
{
    (void)t;
    uint64_t number;
    return mem_number(addr, &number);
}

static void mem_carrier_addrs(const struct lp2p_carrier *c, struct lp2p_multiaddr *ret_local,
                              struct lp2p_multiaddr *ret_remote)
{
    const struct mem_end *e = LP2P_CONTAINER((uintptr_t)lp2p_wire_io(c), struct mem_end, io);
    const struct mem_end *other = &e->pipe->ends[e == &e->pipe->ends[0] ? 1 : 0];
    mem_addr(e->number, ret_local);
    mem_addr(other->number, ret_remote);
}

/* ---- listening ---- */

static struct lp2p_transport_listener *hub_find(const struct lp2p_mem_hub *hub, uint64_t number)
{
    lp2p_list_each (it, &hub->listeners) {
        struct lp2p_transport_listener *l = LP2P_CONTAINER(it, struct lp2p_transport_listener,
                                                           node);
        if (l->number == number) {
            return l;
        }
    }
    return NULL;
}

/* One a turn, so that the listener may be closed in its callback. */
static void listener_on_task(void *ctx, lp2p_ts now)
{
    (void)now;
    struct lp2p_transport_listener *l = ctx;
    struct lp2p_list *first = lp2p_list_first(&l->backlog);
    if (first == NULL) {
        return;
    }
    struct mem_end *e = LP2P_CONTAINER(first, struct mem_end, node);
    lp2p_list_remove(&e->node);
    l->n_backlog--;
    struct lp2p_env *env = l->t->host->env;
    if (l->n_backlog > 0) {
        env->ops->defer(env, &l->task);
    }
    struct lp2p_incoming in = {.t = l->t, .io = &e->io};
    struct lp2p_multiaddr local, remote;
    mem_addr(e->number, &local);
    mem_addr(e->pipe->ends[0].number, &remote);
    l->events->on_incoming(l->ctx, &in, &local, &remote);
    if (in.io != NULL) {
        in.io->ops->close(in.io, true);
    }
}

static int mem_accept(struct lp2p_incoming *in, const struct lp2p_carrier_cfg *cfg,
                      struct lp2p_carrier **ret)
{
    LP2P_ASSERT(in->io != NULL);
    struct lp2p_io *io = in->io;
    in->io = NULL;
    return lp2p_wire_new(in->t->host, io, NULL, cfg, ret);
}

static int mem_listen(struct lp2p_transport *t, const struct lp2p_multiaddr *addr,
                      const struct lp2p_transport_listener_events *events, void *ctx,
                      struct lp2p_transport_listener **ret)
{
    struct mem *m = mem_of(t);
    uint64_t number;
    if (!mem_number(addr, &number)) {
        return -LP2P_E_UNSUPPORTED;
    }
    if (number != 0 && hub_find(m->hub, number) != NULL) {
        return -LP2P_E_ADDR_IN_USE;
    }
    struct lp2p_transport_listener *l = lp2p_calloc(m->host->env->mem, 1, sizeof(*l));
    if (l == NULL) {
        return -LP2P_E_NOMEM;
    }
    l->t = m;
    l->number = number != 0 ? number : m->hub->next++;
    l->events = events;
    l->ctx = ctx;
    l->task = (struct lp2p_task){.fn = listener_on_task, .ctx = l};
    lp2p_list_init(&l->backlog);
    lp2p_list_add_last(&m->hub->listeners, &l->node);
    m->n_listeners++;
    *ret = l;
    return 0;
}

static void mem_listener_addr(const struct lp2p_transport_listener *l, struct lp2p_multiaddr *ret)
{
    mem_addr(l->number, ret);
}

static void mem_listener_close(struct lp2p_transport_listener *l)
{
    lp2p_list_each_safe (it, &l->backlog) {
        struct mem_end *e = LP2P_CONTAINER(it, struct mem_end, node);
        e->io.ops->close(&e->io, true);
    }
    lp2p_list_remove(&l->task.node);
    lp2p_list_remove(&l->node);
    l->t->n_listeners--;
    lp2p_free(l->t->host->env->mem, l);
}

/* ---- dialing ---- */

static void dial_join(struct mem_end *e, struct lp2p_transport_listener *l)
{
    struct lp2p_env *env = l->t->host->env;
    struct mem_end *theirs = mem_pipe_join(e, env);
    theirs->number = l->number;
    lp2p_list_add_last(&l->backlog, &theirs->node);
    l->n_backlog++;
    env->ops->defer(env, &l->task);
}

static int mem_dial(struct lp2p_transport *t, const struct lp2p_dial *how,
                    const struct lp2p_carrier_cfg *cfg, struct lp2p_carrier **ret)
{
    struct mem *m = mem_of(t);
    uint64_t number;
    struct mem_end *e;
    if (!mem_number(how->addr, &number) || number == 0) {
        return -LP2P_E_UNSUPPORTED;
    }
    LP2P_TRY(mem_pipe_new(m->hub->mem, m->host->env, &e));
    e->number = m->hub->next++;
    struct lp2p_transport_listener *l = hub_find(m->hub, number);
    if (l != NULL && l->n_backlog < MEM_BACKLOG) {
        dial_join(e, l);
    } else {
        mem_pipe_refuse(e);
    }
    return lp2p_wire_new(m->host, &e->io, how, cfg, ret);
}

/* ---- life ---- */

static void mem_free(struct lp2p_transport *t)
{
    struct mem *m = mem_of(t);
    LP2P_ASSERT(m->n_listeners == 0);
    lp2p_free(m->host->env->mem, m);
}

static const struct lp2p_transport_ops mem_ops = {
    .name = "memory",
    .free = mem_free,
    .can_dial = mem_can_dial,
    .can_listen = mem_can_listen,
    .listen = mem_listen,
    .listener_addr = mem_listener_addr,
    .listener_close = mem_listener_close,
    .accept = mem_accept,
    .dial = mem_dial,
    .carrier_addrs = mem_carrier_addrs,
};

int lp2p_mem_transport_new(struct lp2p_wire_host *host, struct lp2p_mem_hub *hub,
                           struct lp2p_transport **ret)
{
    struct mem *m = lp2p_calloc(host->env->mem, 1, sizeof(*m));
    if (m == NULL) {
        return -LP2P_E_NOMEM;
    }
    m->transport.ops = &mem_ops;
    m->host = host;
    m->hub = hub;
    *ret = &m->transport;
    return 0;
}

int lp2p_mem_hub_new(const struct lp2p_mem *mem, struct lp2p_mem_hub **ret)
{
    struct lp2p_mem_hub *hub = lp2p_calloc(mem, 1, sizeof(*hub));
    if (hub == NULL) {
        return -LP2P_E_NOMEM;
    }
    hub->mem = mem;
    hub->next = MEM_FIRST_DRAWN;
    lp2p_list_init(&hub->listeners);
    *ret = hub;
    return 0;
}

void lp2p_mem_hub_free(struct lp2p_mem_hub *hub)
{
    if (hub == NULL) {
        return;
    }
    LP2P_ASSERT(lp2p_list_is_empty(&hub->listeners));
    lp2p_free(hub->mem, hub);
}
