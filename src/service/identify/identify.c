#include "service/identify/identify.h"

#include "base/assert.h"
#include "env/env.h"
#include "service/identify/identify_priv.h"
#include "swarm/peerstore.h"

/* What a peer told of itself is forgotten so long after it left (SECURITY 3.2). */
#define ADDRS_LIFE_AFTER LP2P_SEC(15 * 60)

struct lp2p_identify_service {
    struct lp2p_swarm *sw;
    const struct lp2p_mem *mem;
    struct lp2p_env *env;
    char *agent;
    struct lp2p_swarm_watch watch;
    struct lp2p_list sessions;
};

/* One stream, in either role. */
struct session {
    struct lp2p_list node;
    struct lp2p_identify_service *svc;
    struct lp2p_swarm_conn *conn; /* receiver: NULL when it is down or was told the result */
    struct lp2p_stream *stream;   /* NULL when it is closed */
    struct lp2p_peer_id peer;
    enum lp2p_identify_role role;
    struct lp2p_identify engine;
    struct lp2p_timer timer;
    size_t held; /* bytes received and not given back: they account for what the engine holds */
};

static void session_free(struct session *s)
{
    lp2p_list_remove(&s->node);
    s->svc->env->ops->timer_fini(&s->timer);
    lp2p_identify_fini(&s->engine);
    lp2p_free(s->svc->mem, s);
}

static void session_arm(struct session *s)
{
    s->svc->env->ops->timer_set(&s->timer, lp2p_identify_deadline(&s->engine));
}

/* ---- what a peer said ---- */

/* -LP2P_E_PEER_ID when the key is not the one the connection proved. */
static int check_key(const struct session *s, const struct lp2p_identify_msg *msg)
{
    if (msg->public_key.n == 0) {
        return 0; /* optional; the connection has proved it already */
    }
    struct lp2p_public_key key;
    struct lp2p_peer_id id;
    LP2P_TRY(lp2p_public_key_decode(msg->public_key, &key));
    LP2P_TRY(lp2p_public_key_peer_id(lp2p_swarm_crypto(s->svc->sw), &key, &id));
    return lp2p_peer_id_eq(&id, &s->peer) ? 0 : -LP2P_E_PEER_ID;
}

/* An address of the message as it may be stored; false when it is to be skipped. */
static bool usable_addr(const struct session *s, struct lp2p_span bytes, struct lp2p_multiaddr *ret)
{
    if (lp2p_multiaddr_decode(bytes.p, bytes.n, ret) != 0) {
        return false;
    }
    struct lp2p_peer_id id;
    if (lp2p_multiaddr_peer_id(ret, &id) == 0) {
        if (!lp2p_peer_id_eq(&id, &s->peer)) {
            return false;
        }
        lp2p_multiaddr_without_peer_id(ret);
    }
    return ret->len > 0 && identify_is_shared(ret, lp2p_swarm_conn_remote(s->conn));
}

static int store(const struct session *s, const struct lp2p_identify_msg *msg)
{
    struct lp2p_peerstore *ps = lp2p_swarm_peerstore(s->svc->sw);
    lp2p_ts now = s->svc->env->ops->now(s->svc->env);
    struct lp2p_peer *p;
    LP2P_TRY(lp2p_peerstore_get(ps, &s->peer, now, &p));
    LP2P_TRY(lp2p_peer_set_identity(ps, p, msg->agent_version, msg->protocols, msg->n_protocols));
    p->last_seen = now;
    lp2p_peer_drop_addrs(ps, p, LP2P_ADDR_PEER);
    struct lp2p_peer_addr how = {.source = LP2P_ADDR_PEER, .expires = LP2P_TS_NEVER};
    for (size_t i = 0; i < msg->n_addrs; i++) {
        struct lp2p_multiaddr addr;
        if (usable_addr(s, msg->addrs[i], &addr)) {
            LP2P_TRY(lp2p_peer_add_addr(ps, p, &addr, &how));
        }
    }
    return 0;
}

/* Tells the swarm once, and the session is over. */
static void receiver_end(struct session *s, int err)
{
    struct lp2p_swarm_conn *conn = s->conn;
    s->conn = NULL;
    if (s->stream != NULL) {
        lp2p_stream_consume(s->stream, s->held);
        if (err == 0) {
            lp2p_stream_close(s->stream);
        } else {
            lp2p_stream_reset(s->stream, 0);
        }
    }
    session_free(s);
    if (conn != NULL) {
        lp2p_swarm_conn_identified(conn, err);
    }
}

/* After everything that changes the engine; the session may be gone when it returns. */
static void receiver_step(struct session *s)
{
    struct lp2p_identify_event ev;
    int err = lp2p_identify_error(&s->engine)->code;
    if (err == 0 && lp2p_identify_event(&s->engine, &ev)) {
        err = s->conn == NULL ? 0 : check_key(s, &ev.msg);
        if (err == 0 && s->conn != NULL) {
            err = store(s, &ev.msg);
            lp2p_swarm_found(s->svc->sw, &s->peer);
        }
        receiver_end(s, err);
    } else if (err != 0) {
        receiver_end(s, err);
    } else {
        session_arm(s);
    }
}

/* ---- what we say ---- */

static void collect_addrs(const struct session *s, struct identify_addrs *ret)
{
    const struct lp2p_multiaddr *remote = lp2p_swarm_conn_remote(s->conn);
    struct lp2p_multiaddr addr;
    for (size_t pos = 0; lp2p_swarm_addr_next(s->svc->sw, false, &pos, &addr);) {
        if (identify_is_shared(&addr, remote)) {
            identify_addrs_add(ret, &addr);
        }
    }
}

static void collect_protocols(const struct lp2p_swarm *sw, struct lp2p_identify_msg *msg)
{
    size_t pos = 0;
    while (msg->n_protocols < LP2P_IDENTIFY_PROTOCOLS_MAX) {
        const char *name = lp2p_swarm_protocol_next(sw, &pos);
        if (name == NULL) {
            return;
        }
        msg->protocols[msg->n_protocols++] = lp2p_span_str(name);
    }
}

static int sender_init(struct session *s)
{
    struct lp2p_identify_service *svc = s->svc;
    struct identify_addrs *addrs = lp2p_calloc(svc->mem, 1, sizeof(*addrs));
    if (addrs == NULL) {
        return -LP2P_E_NOMEM;
    }
    collect_addrs(s, addrs);
    const struct lp2p_identity *identity = lp2p_swarm_identity(svc->sw);
    const struct lp2p_multiaddr *remote = lp2p_swarm_conn_remote(s->conn);
    struct lp2p_identify_msg msg = {
        .public_key = lp2p_span(identity->public_pb, sizeof(identity->public_pb)),
        .observed_addr = lp2p_span(remote->bytes, remote->len),
        .protocol_version = lp2p_span_str(LP2P_IDENTIFY_PROTOCOL_VERSION),
        .agent_version = lp2p_span_str(svc->agent),
        .n_addrs = addrs->n,
    };
    for (size_t i = 0; i < addrs->n; i++) {
        msg.addrs[i] = lp2p_span(addrs->addrs[i].bytes, addrs->addrs[i].len);
    }
    collect_protocols(svc->sw, &msg);
    struct lp2p_identify_cfg cfg = {.mem = svc->mem, .msg = &msg, .timeout = LP2P_IDENTIFY_TIMEOUT};
    int err = lp2p_identify_init(&s->engine, &cfg, LP2P_IDENTIFY_SENDER,
                                 svc->env->ops->now(svc->env));
    lp2p_free(svc->mem, addrs);
    return err;
}

/* Sends what fits; the session may be gone when it returns. */
static void sender_step(struct session *s)
{
    struct lp2p_span out = lp2p_identify_out(&s->engine);
    size_t n = 0;
    int err = lp2p_identify_error(&s->engine)->code;
    if (err == 0 && out.n > 0) {
        err = lp2p_stream_write(s->stream, out.p, out.n, &n);
        lp2p_identify_out_done(&s->engine, n);
    }
    struct lp2p_identify_event ev;
    if (err != 0) {
        lp2p_stream_reset(s->stream, 0);
        session_free(s);
    } else if (lp2p_identify_event(&s->engine, &ev)) {
        lp2p_stream_close(s->stream);
        session_free(s);
    } else {
        session_arm(s);
    }
}

/* ---- streams ---- */

static void session_step(struct session *s)
{
    if (s->role == LP2P_IDENTIFY_SENDER) {
        sender_step(s);
    } else {
        receiver_step(s);
    }
}

static void session_on_timer(void *ctx, lp2p_ts now)
{
    struct session *s = ctx;
    (void)lp2p_identify_tick(&s->engine, now);
    session_step(s);
}

static struct session *session_new(struct lp2p_identify_service *svc, struct lp2p_swarm_conn *conn,
                                   enum lp2p_identify_role role)
{
    struct session *s = lp2p_calloc(svc->mem, 1, sizeof(*s));
    if (s == NULL) {
        return NULL;
    }
    *s = (struct session){
        .svc = svc, .conn = conn, .role = role, .peer = *lp2p_swarm_conn_peer(conn)};
    if (svc->env->ops->timer_init(svc->env, &s->timer, session_on_timer, s) != 0) {
        lp2p_free(svc->mem, s);
        return NULL;
    }
    int err;
    if (role == LP2P_IDENTIFY_SENDER) {
        err = sender_init(s);
    } else {
        struct lp2p_identify_cfg cfg = {.mem = svc->mem,
                                        .timeout = lp2p_swarm_limits(svc->sw)->identify_timeout};
        err = lp2p_identify_init(&s->engine, &cfg, role, svc->env->ops->now(svc->env));
    }
    if (err != 0) {
        svc->env->ops->timer_fini(&s->timer);
        lp2p_free(svc->mem, s);
        return NULL;
    }
    lp2p_list_add_last(&svc->sessions, &s->node);
    return s;
}

static size_t served(const struct lp2p_identify_service *svc, const struct lp2p_peer_id *peer)
{
    size_t n = 0;
    lp2p_list_each (it, &svc->sessions) {
        const struct session *s = LP2P_CONTAINER(it, struct session, node);
        n += s->role == LP2P_IDENTIFY_SENDER && lp2p_peer_id_eq(&s->peer, peer);
    }
    return n;
}

static void sender_on_open(void *ctx, struct lp2p_stream *stream, const char *protocol)
{
    (void)protocol;
    struct lp2p_identify_service *svc = ctx;
    struct session *s = NULL;
    if (served(svc, lp2p_stream_peer(stream)) < LP2P_IDENTIFY_SERVED_PER_PEER) {
        s = session_new(svc, lp2p_stream_conn(stream), LP2P_IDENTIFY_SENDER);
    }
    if (s == NULL) {
        lp2p_stream_reset(stream, 0);
        return;
    }
    s->stream = stream;
    lp2p_stream_set_ctx(stream, s);
    sender_step(s);
}

static void sender_on_data(void *ctx, struct lp2p_stream *stream, const uint8_t *p, size_t n)
{
    (void)ctx;
    (void)p;
    lp2p_stream_consume(stream, n); /* there is nothing to say to us */
}

static void sender_on_writable(void *ctx, struct lp2p_stream *stream)
{
    (void)stream;
    sender_step(ctx);
}

static void sender_on_closed(void *ctx, struct lp2p_stream *stream, const struct lp2p_failure *why)
{
    (void)stream;
    (void)why;
    session_free(ctx);
}

static void receiver_on_data(void *ctx, struct lp2p_stream *stream, const uint8_t *p, size_t n)
{
    (void)stream;
    struct session *s = ctx;
    size_t used;
    s->held += n;
    (void)lp2p_identify_recv(&s->engine, s->svc->env->ops->now(s->svc->env), p, n, &used);
    receiver_step(s);
}

static void receiver_on_eof(void *ctx, struct lp2p_stream *stream)
{
    (void)stream;
    struct session *s = ctx;
    (void)lp2p_identify_recv_eof(&s->engine, s->svc->env->ops->now(s->svc->env));
    receiver_step(s);
}

static void receiver_on_closed(void *ctx, struct lp2p_stream *stream,
                               const struct lp2p_failure *why)
{
    (void)stream;
    struct session *s = ctx;
    s->stream = NULL;
    receiver_end(s, why->code == 0 ? -LP2P_E_EOF : why->code);
}

static const struct lp2p_stream_ops SENDER_OPS = {
    .on_open = sender_on_open,
    .on_data = sender_on_data,
    .on_writable = sender_on_writable,
    .on_closed = sender_on_closed,
};

static const struct lp2p_stream_ops RECEIVER_OPS = {
    .on_data = receiver_on_data,
    .on_eof = receiver_on_eof,
    .on_closed = receiver_on_closed,
};

/* ---- connections ---- */

static void on_up(void *ctx, struct lp2p_swarm_conn *c)
{
    static const char *const protocols[] = {LP2P_IDENTIFY_PROTOCOL};
    struct lp2p_identify_service *svc = ctx;
    struct session *s = session_new(svc, c, LP2P_IDENTIFY_RECEIVER);
    if (s == NULL) {
        lp2p_swarm_conn_identified(c, -LP2P_E_NOMEM);
        return;
    }
    struct lp2p_open open = {
        .protocols = protocols, .n = LP2P_COUNT(protocols), .ops = &RECEIVER_OPS, .ctx = s};
    int err = lp2p_swarm_conn_open(c, &open, &s->stream);
    if (err != 0) {
        receiver_end(s, err);
        return;
    }
    session_arm(s);
}

/* The addresses of a peer that left are kept for a while only. */
static void age_addrs(struct lp2p_identify_service *svc, const struct lp2p_peer_id *id)
{
    struct lp2p_peer *p = lp2p_peerstore_find(lp2p_swarm_peerstore(svc->sw), id);
    if (p == NULL || p->conns > 1) {
        return;
    }
    lp2p_ts until = svc->env->ops->now(svc->env) + ADDRS_LIFE_AFTER;
    lp2p_list_each (it, &p->addrs) {
        struct lp2p_peer_addr *a = LP2P_CONTAINER(it, struct lp2p_peer_addr, node);
        if (a->source == LP2P_ADDR_PEER) {
            a->expires = LP2P_MIN(a->expires, until);
        }
    }
    lp2p_swarm_expire(svc->sw);
}

static void on_down(void *ctx, struct lp2p_swarm_conn *c)
{
    struct lp2p_identify_service *svc = ctx;
    lp2p_list_each (it, &svc->sessions) {
        struct session *s = LP2P_CONTAINER(it, struct session, node);
        if (s->conn == c) {
            s->conn = NULL; /* its stream's on_closed ends the session */
        }
    }
    age_addrs(svc, lp2p_swarm_conn_peer(c));
}

int lp2p_identify_service_new(struct lp2p_swarm *sw, const char *agent,
                              struct lp2p_identify_service **ret)
{
    const struct lp2p_mem *mem = lp2p_swarm_mem(sw);
    struct lp2p_identify_service *svc = lp2p_calloc(mem, 1, sizeof(*svc));
    if (svc == NULL) {
        return -LP2P_E_NOMEM;
    }
    *svc = (struct lp2p_identify_service){
        .sw = sw,
        .mem = mem,
        .env = lp2p_swarm_env(sw),
        .agent = lp2p_strndup(mem, agent, strlen(agent)),
        .watch = {.on_up = on_up, .on_down = on_down, .ctx = svc},
    };
    lp2p_list_init(&svc->sessions);
    int err = svc->agent == NULL ? -LP2P_E_NOMEM
                                 : lp2p_swarm_handle(sw, LP2P_IDENTIFY_PROTOCOL, &SENDER_OPS, svc);
    if (err != 0) {
        lp2p_free(mem, svc->agent);
        lp2p_free(mem, svc);
        return err;
    }
    lp2p_swarm_watch(sw, &svc->watch);
    *ret = svc;
    return 0;
}

void lp2p_identify_service_free(struct lp2p_identify_service *svc)
{
    if (svc == NULL) {
        return;
    }
    lp2p_list_remove(&svc->watch.node);
    lp2p_list_each_safe (it, &svc->sessions) {
        struct session *s = LP2P_CONTAINER(it, struct session, node);
        if (s->stream != NULL) {
            lp2p_stream_reset(s->stream, 0);
        }
        session_free(s);
    }
    lp2p_free(svc->mem, svc->agent);
    lp2p_free(svc->mem, svc);
}
