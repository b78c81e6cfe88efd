#include "peer/peer.h"

#include <string.h>

#include "base/assert.h"
#include "lp2p/limits.h"
#include "proto/noise/payload.h"

/* ---- streams ---- */

static int conn_store(struct peer_conn *c, struct lp2p_mspan data)
{
    if (c->n_received + data.n > c->cap) {
        size_t cap = LP2P_MAX(c->cap * 2, c->n_received + data.n);
        uint8_t *p = lp2p_resize(c->peer->mem, c->received, cap, 1);
        if (p == NULL) {
            return -LP2P_E_NOMEM;
        }
        c->received = p;
        c->cap = cap;
    }
    memcpy(c->received + c->n_received, data.p, data.n);
    c->n_received += data.n;
    return 0;
}

static void conn_pump(struct peer_conn *c)
{
    struct lp2p_conn *e = c->carrier->ops->conn(c->carrier);
    int err = 0;
    while (err == 0 && c->sent < c->n_to_send) {
        size_t n = 0;
        struct lp2p_span rest = lp2p_span(c->to_send + c->sent, c->n_to_send - c->sent);
        err = e->ops->write(e, lp2p_env_now(c->peer->env), c->stream, rest, &n);
        c->sent += err == 0 ? n : 0;
        if (err == 0 && n < rest.n) {
            return; /* WRITABLE follows */
        }
    }
    if (err == 0) {
        (void)e->ops->close_write(e, c->stream);
    } else if (err != -LP2P_E_AGAIN) {
        c->carrier->ops->close(c->carrier, 2, lp2p_env_now(c->peer->env));
    }
}

/* The dialer's stream ends with the answer, the other one is answered. */
static void conn_on_fin(struct peer_conn *c)
{
    struct peer *p = c->peer;
    c->fin = true;
    if (c->n_to_send != 0) {
        return;
    }
    struct lp2p_span all = lp2p_span(c->received, c->n_received);
    int err = p->crypto->ops->sha256(p->crypto->ctx, &all, 1, c->hash);
    LP2P_ASSERT(err == 0);
    c->to_send = c->hash;
    c->n_to_send = sizeof(c->hash);
    conn_pump(c);
}

static void conn_on_data(struct peer_conn *c, const struct lp2p_conn_event *ev)
{
    struct lp2p_conn *e = c->carrier->ops->conn(c->carrier);
    lp2p_ts now = lp2p_env_now(c->peer->env);
    if (conn_store(c, ev->data) != 0) {
        c->carrier->ops->close(c->carrier, 2, now);
        return;
    }
    e->ops->consume(e, now, c->stream, ev->data.n);
}

static void conn_on_up(struct peer_conn *c)
{
    struct lp2p_conn *e = c->carrier->ops->conn(c->carrier);
    c->peer->up++;
    c->is_up = true;
    if (c->n_to_send == 0) {
        return;
    }
    if (e->ops->open(e, &c->stream) != 0) {
        c->carrier->ops->close(c->carrier, 2, lp2p_env_now(c->peer->env));
        return;
    }
    conn_pump(c);
}

/* ---- connections ---- */

static void conn_need_dh(struct peer_conn *c, const uint8_t *remote)
{
    struct peer *p = c->peer;
    uint8_t shared[32];
    struct lp2p_conn *e = c->carrier->ops->conn(c->carrier);
    int err = p->crypto->ops->x25519_shared(p->crypto->ctx, p->static_secret, remote, shared);
    LP2P_ASSERT(err == 0);
    (void)e->ops->give_dh(e, lp2p_env_now(p->env), shared);
}

static void on_event(void *ctx, const struct lp2p_conn_event *ev)
{
    struct peer_conn *c = ctx;
    switch (ev->type) {
    case LP2P_CONN_EV_NEED_DH:
        conn_need_dh(c, ev->remote);
        break;
    case LP2P_CONN_EV_SECURED:
        c->remote = *ev->peer;
        break;
    case LP2P_CONN_EV_UP:
        conn_on_up(c);
        break;
    case LP2P_CONN_EV_STREAM:
        c->stream = ev->stream;
        break;
    case LP2P_CONN_EV_DATA:
        conn_on_data(c, ev);
        break;
    case LP2P_CONN_EV_FIN:
        conn_on_fin(c);
        break;
    case LP2P_CONN_EV_WRITABLE:
        conn_pump(c);
        break;
    case LP2P_CONN_EV_NONE:
    case LP2P_CONN_EV_ACK:
    case LP2P_CONN_EV_RESET:
    case LP2P_CONN_EV_RTT:
    case LP2P_CONN_EV_GOAWAY:
        break;
    }
    c->carrier->ops->kick(c->carrier);
}

static void on_connected(void *ctx)
{
    (void)ctx;
}

static void on_closed(void *ctx, const struct lp2p_failure *why)
{
    struct peer_conn *c = ctx;
    c->carrier = NULL;
    c->stream = NULL;
    c->peer->closed++;
    c->peer->why = *why;
    lp2p_scope_fini(&c->scope);
}

static const struct lp2p_carrier_events carrier_events = {
    .on_connected = on_connected,
    .on_event = on_event,
    .on_closed = on_closed,
};

static struct peer_conn *conn_new(struct peer *p)
{
    struct peer_conn *c = lp2p_calloc(p->mem, 1, sizeof(*c));
    if (c != NULL) {
        c->peer = p;
        lp2p_scope_init(&c->scope, &p->scope);
        lp2p_list_add_last(&p->conns, &c->node);
    }
    return c;
}

static void conn_free(struct peer_conn *c)
{
    if (c->carrier != NULL) {
        c->carrier->ops->abort(c->carrier);
    }
    lp2p_list_remove(&c->node);
    lp2p_free(c->peer->mem, c->received);
    lp2p_free(c->peer->mem, c);
}

static void on_incoming(void *ctx, struct lp2p_incoming *in, const struct lp2p_multiaddr *local,
                        const struct lp2p_multiaddr *remote)
{
    struct peer *p = ctx;
    LP2P_ASSERT(local->len > 0 && remote->len > 0);
    struct peer_conn *c = conn_new(p);
    if (c == NULL) {
        return;
    }
    const struct lp2p_carrier_cfg cfg = {.scope = &c->scope, .events = &carrier_events, .ctx = c};
    if (p->transport->ops->accept(in, &cfg, &c->carrier) != 0) {
        conn_free(c);
    }
}

static const struct lp2p_transport_listener_events listener_events = {.on_incoming = on_incoming};

int peer_listen(struct peer *p, const char *addr, struct lp2p_multiaddr *ret)
{
    struct lp2p_multiaddr at;
    LP2P_TRY(lp2p_multiaddr_parse(addr, strlen(addr), &at));
    LP2P_TRY(p->transport->ops->listen(p->transport, &at, &listener_events, p, &p->listener));
    p->transport->ops->listener_addr(p->listener, ret);
    return 0;
}

int peer_dial(struct peer *p, const struct lp2p_multiaddr *addr,
              const struct lp2p_peer_id *expected, struct lp2p_span bytes, struct peer_conn **ret)
{
    struct peer_conn *c = conn_new(p);
    if (c == NULL) {
        return -LP2P_E_NOMEM;
    }
    c->to_send = bytes.p;
    c->n_to_send = bytes.n;
    const struct lp2p_carrier_cfg cfg = {.scope = &c->scope, .events = &carrier_events, .ctx = c};
    const struct lp2p_dial how = {.addr = addr, .expected = expected};
    int err = p->transport->ops->dial(p->transport, &how, &cfg, &c->carrier);
    if (err != 0) {
        conn_free(c);
        return err;
    }
    *ret = c;
    return 0;
}

void peer_close(struct peer *p, lp2p_ts grace)
{
    lp2p_list_each (it, &p->conns) {
        struct peer_conn *c = LP2P_CONTAINER(it, struct peer_conn, node);
        if (c->carrier != NULL) {
            c->carrier->ops->close(c->carrier, 0, lp2p_env_now(p->env) + grace);
        }
    }
}

bool peer_conn_is_answered(const struct peer_conn *c)
{
    uint8_t hash[32];
    struct lp2p_span all = lp2p_span(c->to_send, c->n_to_send);
    const struct lp2p_crypto *crypto = c->peer->crypto;
    return c->fin && c->n_received == sizeof(hash) &&
           crypto->ops->sha256(crypto->ctx, &all, 1, hash) == 0 &&
           lp2p_span_eq(lp2p_span(hash, sizeof(hash)), lp2p_span(c->received, sizeof(hash)));
}

/* ---- life ---- */

static int peer_make_keys(struct peer *p, uint8_t seed)
{
    uint8_t id_seed[32] = {seed};
    LP2P_TRY(lp2p_identity_from_seed(p->crypto, id_seed, &p->identity));
    lp2p_random_fill(&p->env->random, p->static_secret, sizeof(p->static_secret));
    LP2P_TRY(
        p->crypto->ops->x25519_public(p->crypto->ctx, p->static_secret, p->upgrade.static_public));
    return lp2p_noise_static_sign(p->crypto, &p->identity, p->upgrade.static_public,
                                  p->upgrade.static_sig);
}

int peer_init(struct peer *p, struct lp2p_env *env, const struct lp2p_mem *mem, uint8_t seed)
{
    memset(p, 0, sizeof(*p));
    p->env = env;
    p->mem = mem;
    lp2p_list_init(&p->conns);
    lp2p_scope_init(&p->scope, NULL);
    lp2p_pool_init(&p->upgrade.obufs, mem, LP2P_UPGRADE_OBUF_SMALL_SIZE, 1024, 2);
    lp2p_pool_init(&p->upgrade.large_obufs, mem, LP2P_UPGRADE_OBUF_SIZE, 1024, 2);
    lp2p_pool_init(&p->wires.reads, mem, LP2P_WIRE_READ_SIZE, 1024, 2);
    LP2P_TRY(lp2p_crypto_new(mem, &p->crypto));
    lp2p_hash_key_init(&p->hash, p->crypto, &env->random);
    LP2P_TRY(peer_make_keys(p, seed));
    p->upgrade.mem = mem;
    p->upgrade.crypto = p->crypto;
    p->upgrade.random = &env->random;
    p->upgrade.hasher = lp2p_hasher(&p->hash);
    p->upgrade.identity_pb = lp2p_span(p->identity.public_pb, sizeof(p->identity.public_pb));
    p->upgrade.yamux = lp2p_upgrade_limits(lp2p_limits_profile("desktop"));
    p->upgrade.early_muxer = true;
    p->wires.env = env;
    p->wires.upgrade = &p->upgrade;
    return lp2p_tcp_transport_new(&p->wires, &p->transport);
}

void peer_fini(struct peer *p)
{
    lp2p_list_each_safe (it, &p->conns) {
        conn_free(LP2P_CONTAINER(it, struct peer_conn, node));
    }
    if (p->listener != NULL) {
        p->transport->ops->listener_close(p->listener);
    }
    if (p->transport != NULL) {
        p->transport->ops->free(p->transport);
    }
    lp2p_pool_fini(&p->upgrade.obufs);
    lp2p_pool_fini(&p->upgrade.large_obufs);
    lp2p_pool_fini(&p->wires.reads);
    lp2p_scope_fini(&p->scope);
    lp2p_crypto_free(p->crypto);
    lp2p_identity_wipe(&p->identity);
}
