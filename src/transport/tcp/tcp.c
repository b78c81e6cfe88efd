#include "transport/tcp/tcp.h"

#include "base/assert.h"
#include "format/addr.h"

struct lp2p_transport_listener {
    struct lp2p_list node; /* in the transport's list */
    struct tcp *t;
    struct lp2p_listener *below;
    const struct lp2p_transport_listener_events *events;
    void *ctx;
};

struct tcp {
    struct lp2p_transport transport;
    struct lp2p_wire_host *host;
    struct lp2p_list listeners;
};

struct lp2p_incoming {
    struct tcp *t;
    struct lp2p_io *io; /* NULL once it was accepted */
};

static struct tcp *tcp_of(const struct lp2p_transport *t)
{
    return LP2P_CONTAINER((uintptr_t)t, struct tcp, transport);
}

/* ---- addresses ---- */

/* Where to listen or dial; -LP2P_E_UNSUPPORTED when it is no plain TCP address. */
static int tcp_endpoint(const struct lp2p_multiaddr *addr, struct lp2p_endpoint *ret)
{
    uint32_t code;
    size_t used;
    if (!lp2p_addr_is_plain_tcp(addr)) {
        return -LP2P_E_UNSUPPORTED;
    }
    return lp2p_addr_to_endpoint(addr, ret, &code, &used);
}

static bool tcp_can_dial(const struct lp2p_transport *t, const struct lp2p_multiaddr *addr)
{
    (void)t;
    struct lp2p_endpoint e;
    return tcp_endpoint(addr, &e) == 0 && e.port != 0 && !lp2p_endpoint_is_unspecified(&e) &&
           !lp2p_endpoint_is_multicast(&e);
}

static bool tcp_can_listen(const struct lp2p_transport *t, const struct lp2p_multiaddr *addr)
{
    (void)t;
    struct lp2p_endpoint e;
    return tcp_endpoint(addr, &e) == 0 && !lp2p_endpoint_is_multicast(&e);
}

static void tcp_carrier_addrs(const struct lp2p_carrier *c, struct lp2p_multiaddr *ret_local,
                              struct lp2p_multiaddr *ret_remote)
{
    const struct lp2p_io *io = lp2p_wire_io(c);
    struct lp2p_endpoint local, remote;
    io->ops->addrs(io, &local, &remote);
    lp2p_addr_from_endpoint(&local, LP2P_MA_TCP, ret_local);
    lp2p_addr_from_endpoint(&remote, LP2P_MA_TCP, ret_remote);
}

/* ---- listening ---- */

static void tcp_on_accept(void *ctx, struct lp2p_io *io, const struct lp2p_endpoint *local,
                          const struct lp2p_endpoint *remote)
{
    struct lp2p_transport_listener *l = ctx;
    struct lp2p_incoming in = {.t = l->t, .io = io};
    struct lp2p_multiaddr from, to;
    lp2p_addr_from_endpoint(local, LP2P_MA_TCP, &to);
    lp2p_addr_from_endpoint(remote, LP2P_MA_TCP, &from);
    l->events->on_incoming(l->ctx, &in, &to, &from);
    if (in.io != NULL) {
        in.io->ops->close(in.io, true);
    }
}

static int tcp_accept(struct lp2p_incoming *in, const struct lp2p_carrier_cfg *cfg,
                      struct lp2p_carrier **ret)
{
    LP2P_ASSERT(in->io != NULL);
    struct lp2p_io *io = in->io;
    in->io = NULL;
    return lp2p_wire_new(in->t->host, io, NULL, cfg, ret);
}

static int tcp_listen(struct lp2p_transport *t, const struct lp2p_multiaddr *addr,
                      const struct lp2p_transport_listener_events *events, void *ctx,
                      struct lp2p_transport_listener **ret)
{
    static const struct lp2p_listener_events below = {.on_accept = tcp_on_accept};
    struct tcp *tcp = tcp_of(t);
    struct lp2p_env *env = tcp->host->env;
    struct lp2p_endpoint at;
    LP2P_TRY(tcp_endpoint(addr, &at));
    struct lp2p_transport_listener *l = lp2p_calloc(env->mem, 1, sizeof(*l));
    if (l == NULL) {
        return -LP2P_E_NOMEM;
    }
    l->t = tcp;
    l->events = events;
    l->ctx = ctx;
    int err = env->ops->listen(env, &at, &below, l, &l->below);
    if (err != 0) {
        lp2p_free(env->mem, l);
        return err;
    }
    lp2p_list_add_last(&tcp->listeners, &l->node);
    *ret = l;
    return 0;
}

static void tcp_listener_addr(const struct lp2p_transport_listener *l, struct lp2p_multiaddr *ret)
{
    struct lp2p_endpoint e = l->t->host->env->ops->listener_local(l->below);
    lp2p_addr_from_endpoint(&e, LP2P_MA_TCP, ret);
}

static void tcp_listener_close(struct lp2p_transport_listener *l)
{
    struct lp2p_env *env = l->t->host->env;
    env->ops->listener_close(l->below);
    lp2p_list_remove(&l->node);
    lp2p_free(env->mem, l);
}

/* ---- dialing ---- */

/* The address of a listener that `remote` can be dialed from, or false. */
static bool tcp_listen_port(const struct tcp *tcp, const struct lp2p_endpoint *remote,
                            struct lp2p_endpoint *ret)
{
    lp2p_list_each (it, &tcp->listeners) {
        struct lp2p_transport_listener *l = LP2P_CONTAINER(it, struct lp2p_transport_listener,
                                                           node);
        struct lp2p_endpoint e = tcp->host->env->ops->listener_local(l->below);
        bool same_side = lp2p_endpoint_is_loopback(&e) == lp2p_endpoint_is_loopback(remote);
        if (e.family == remote->family && (same_side || lp2p_endpoint_is_unspecified(&e))) {
            *ret = e;
            return true;
        }
    }
    return false;
}

static int tcp_connect(struct tcp *tcp, const struct lp2p_endpoint *remote, bool from_listen_port,
                       struct lp2p_io **ret)
{
    struct lp2p_env *env = tcp->host->env;
    struct lp2p_endpoint local;
    struct lp2p_connect how = {.remote = *remote};
    if (from_listen_port && tcp_listen_port(tcp, remote, &local)) {
        how.local = &local;
        int err = env->ops->connect(env, &how, ret);
        if (err != -LP2P_E_ADDR_NOT_AVAIL && err != -LP2P_E_ADDR_IN_USE) {
            return err;
        }
        /* These four numbers are in use: once more from any port (DIGEST 12). */
        how.local = NULL;
    }
    return env->ops->connect(env, &how, ret);
}

static int tcp_dial(struct lp2p_transport *t, const struct lp2p_dial *how,
                    const struct lp2p_carrier_cfg *cfg, struct lp2p_carrier **ret)
{
    struct tcp *tcp = tcp_of(t);
    if (!tcp_can_dial(t, how->addr)) {
        return -LP2P_E_UNSUPPORTED;
    }
    struct lp2p_endpoint remote;
    struct lp2p_io *io;
    LP2P_TRY(tcp_endpoint(how->addr, &remote));
    LP2P_TRY(tcp_connect(tcp, &remote, how->from_listen_port, &io));
    return lp2p_wire_new(tcp->host, io, how, cfg, ret);
}

/* ---- life ---- */

static void tcp_free(struct lp2p_transport *t)
{
    struct tcp *tcp = tcp_of(t);
    LP2P_ASSERT(lp2p_list_is_empty(&tcp->listeners));
    lp2p_free(tcp->host->env->mem, tcp);
}

static const struct lp2p_transport_ops tcp_ops = {
    .name = "tcp",
    .free = tcp_free,
    .can_dial = tcp_can_dial,
    .can_listen = tcp_can_listen,
    .listen = tcp_listen,
    .listener_addr = tcp_listener_addr,
    .listener_close = tcp_listener_close,
    .accept = tcp_accept,
    .dial = tcp_dial,
    .carrier_addrs = tcp_carrier_addrs,
};

int lp2p_tcp_transport_new(struct lp2p_wire_host *host, struct lp2p_transport **ret)
{
    struct tcp *tcp = lp2p_calloc(host->env->mem, 1, sizeof(*tcp));
    if (tcp == NULL) {
        return -LP2P_E_NOMEM;
    }
    tcp->transport.ops = &tcp_ops;
    tcp->host = host;
    lp2p_list_init(&tcp->listeners);
    *ret = &tcp->transport;
    return 0;
}
