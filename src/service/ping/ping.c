#include "service/ping/ping.h"

#include "base/assert.h"
#include "env/env.h"
#include "proto/ping/ping.h"

/* Pings of one stream that wait behind an echo the peer does not read: nobody has more than one in
 * flight, so this is abuse and resets the stream. */
#define BACKLOG_MAX (4U * LP2P_PING_SIZE)

struct lp2p_ping_service {
    struct lp2p_swarm *sw;
    const struct lp2p_mem *mem;
    struct lp2p_env *env;
    struct lp2p_list sessions;
};

/* One stream, in either role. */
struct session {
    struct lp2p_list node;
    struct lp2p_ping_service *svc;
    struct lp2p_stream *stream;
    struct lp2p_peer_id peer;
    struct lp2p_ping_stream engine;
    struct lp2p_timer timer;
    uint8_t backlog[BACKLOG_MAX]; /* responder: received and not taken yet */
    size_t n_backlog;
    struct lp2p_ping run; /* pinger: `count` still to go */
    lp2p_ts next;         /* pinger: when the next one goes */
};

static lp2p_ts now_of(const struct session *s)
{
    return s->svc->env->ops->now(s->svc->env);
}

static void session_free(struct session *s)
{
    lp2p_list_remove(&s->node);
    s->svc->env->ops->timer_fini(&s->timer);
    lp2p_ping_fini(&s->engine);
    lp2p_free(s->svc->mem, s);
}

static void session_arm(struct session *s)
{
    s->svc->env->ops->timer_set(&s->timer, LP2P_MIN(lp2p_ping_deadline(&s->engine), s->next));
}

/* Sends what fits. */
static int session_flush(struct session *s)
{
    struct lp2p_span out = lp2p_ping_out(&s->engine);
    if (out.n == 0) {
        return 0;
    }
    size_t n = 0;
    LP2P_TRY(lp2p_stream_write(s->stream, out.p, out.n, &n));
    lp2p_ping_out_done(&s->engine, now_of(s), n);
    return 0;
}

static void session_reset(struct session *s)
{
    lp2p_stream_reset(s->stream, 0);
    session_free(s);
}

/* ---- responder ---- */

/* Hands in what waits and sends what comes of it, until neither moves. */
static int responder_pump(struct session *s)
{
    size_t used = 0, took = 0;
    int err;
    do {
        err = lp2p_ping_recv(&s->engine, now_of(s), s->backlog + used, s->n_backlog - used, &took);
        used += took;
        if (err == 0) {
            err = session_flush(s);
        }
    } while (err == 0 && took > 0 && used < s->n_backlog);
    s->n_backlog -= used;
    memmove(s->backlog, s->backlog + used, s->n_backlog);
    lp2p_stream_consume(s->stream, used);
    return err;
}

/* The session may be gone when it returns. */
static void responder_settle(struct session *s, int err)
{
    struct lp2p_ping_event ev;
    if (err != 0) {
        session_reset(s);
    } else if (lp2p_ping_event(&s->engine, &ev)) {
        lp2p_stream_close(s->stream);
        session_free(s);
    } else {
        session_arm(s);
    }
}

static void responder_on_data(void *ctx, struct lp2p_stream *stream, const uint8_t *p, size_t n)
{
    (void)stream;
    struct session *s = ctx;
    int err = 0;
    while (err == 0 && n > 0) {
        size_t take = LP2P_MIN(n, sizeof(s->backlog) - s->n_backlog);
        memcpy(s->backlog + s->n_backlog, p, take);
        s->n_backlog += take;
        p += take;
        n -= take;
        err = take == 0 ? -LP2P_E_ABUSE : responder_pump(s);
    }
    responder_settle(s, err);
}

static void responder_on_writable(void *ctx, struct lp2p_stream *stream)
{
    (void)stream;
    struct session *s = ctx;
    int err = session_flush(s);
    responder_settle(s, err == 0 ? responder_pump(s) : err);
}

static void responder_on_eof(void *ctx, struct lp2p_stream *stream)
{
    (void)stream;
    struct session *s = ctx;
    responder_settle(s, lp2p_ping_recv_eof(&s->engine, now_of(s)));
}

static void responder_on_closed(void *ctx, struct lp2p_stream *stream,
                                const struct lp2p_failure *why)
{
    (void)stream;
    (void)why;
    session_free(ctx);
}

/* ---- pinger ---- */

/* Ends the series: nothing of the session is left when the user is told. */
static void pinger_fail(struct session *s, int err)
{
    struct lp2p_ping run = s->run;
    if (s->stream != NULL) {
        lp2p_stream_reset(s->stream, 0);
    }
    session_free(s);
    run.done(run.ctx, err, 0);
}

/* An echo came back. */
static void pinger_pong(struct session *s, lp2p_ts rtt)
{
    struct lp2p_ping run = s->run;
    if (--s->run.count == 0) {
        lp2p_stream_close(s->stream);
        session_free(s);
    } else {
        s->next = now_of(s) + run.interval;
        session_arm(s);
    }
    run.done(run.ctx, 0, rtt);
}

/* The session may be gone when it returns. */
static void pinger_settle(struct session *s, int err)
{
    struct lp2p_ping_event ev;
    bool any = lp2p_ping_event(&s->engine, &ev);
    if (any && ev.type == LP2P_PING_EV_PONG && (err == 0 || s->run.count == 1)) {
        pinger_pong(s, ev.rtt);
    } else if (err != 0 || any) {
        pinger_fail(s, err != 0 ? err : -LP2P_E_CLOSED);
    } else {
        session_arm(s);
    }
}

static int pinger_send(struct session *s)
{
    s->next = LP2P_TS_NEVER;
    LP2P_TRY(lp2p_ping_send(&s->engine, now_of(s)));
    return session_flush(s);
}

static void pinger_on_data(void *ctx, struct lp2p_stream *stream, const uint8_t *p, size_t n)
{
    struct session *s = ctx;
    size_t used;
    lp2p_stream_consume(stream, n);
    pinger_settle(s, lp2p_ping_recv(&s->engine, now_of(s), p, n, &used));
}

static void pinger_on_writable(void *ctx, struct lp2p_stream *stream)
{
    (void)stream;
    struct session *s = ctx;
    pinger_settle(s, session_flush(s));
}

static void pinger_on_eof(void *ctx, struct lp2p_stream *stream)
{
    (void)stream;
    struct session *s = ctx;
    pinger_settle(s, lp2p_ping_recv_eof(&s->engine, now_of(s)));
}

static void pinger_on_closed(void *ctx, struct lp2p_stream *stream, const struct lp2p_failure *why)
{
    (void)stream;
    struct session *s = ctx;
    s->stream = NULL;
    pinger_fail(s, why->code == 0 ? -LP2P_E_CLOSED : why->code);
}

static const struct lp2p_stream_ops PINGER_OPS = {
    .on_data = pinger_on_data,
    .on_writable = pinger_on_writable,
    .on_eof = pinger_on_eof,
    .on_closed = pinger_on_closed,
};

/* ---- both ---- */

static void session_on_timer(void *ctx, lp2p_ts now)
{
    struct session *s = ctx;
    int err = lp2p_ping_tick(&s->engine, now);
    if (s->engine.role == LP2P_PING_RESPONDER) {
        responder_settle(s, err);
    } else if (err == 0 && s->next <= now) {
        pinger_settle(s, pinger_send(s));
    } else {
        pinger_settle(s, err);
    }
}

static struct session *session_new(struct lp2p_ping_service *svc, const struct lp2p_peer_id *peer,
                                   enum lp2p_ping_role role)
{
    struct session *s = lp2p_calloc(svc->mem, 1, sizeof(*s));
    if (s == NULL) {
        return NULL;
    }
    if (svc->env->ops->timer_init(svc->env, &s->timer, session_on_timer, s) != 0) {
        lp2p_free(svc->mem, s);
        return NULL;
    }
    s->svc = svc;
    s->peer = *peer;
    s->next = LP2P_TS_NEVER;
    struct lp2p_ping_cfg cfg = {.random = &svc->env->random};
    lp2p_ping_init(&s->engine, &cfg, role, now_of(s));
    lp2p_list_add_last(&svc->sessions, &s->node);
    return s;
}

static size_t served(const struct lp2p_ping_service *svc, const struct lp2p_peer_id *peer)
{
    size_t n = 0;
    lp2p_list_each (it, &svc->sessions) {
        const struct session *s = LP2P_CONTAINER(it, struct session, node);
        n += s->engine.role == LP2P_PING_RESPONDER && lp2p_peer_id_eq(&s->peer, peer);
    }
    return n;
}

static void serve_on_open(void *ctx, struct lp2p_stream *stream, const char *protocol)
{
    (void)protocol;
    struct lp2p_ping_service *svc = ctx;
    const struct lp2p_peer_id *peer = lp2p_stream_peer(stream);
    struct session *s = NULL;
    if (served(svc, peer) < LP2P_PING_SERVED_PER_PEER) {
        s = session_new(svc, peer, LP2P_PING_RESPONDER);
    }
    if (s == NULL) {
        lp2p_stream_reset(stream, 0);
        return;
    }
    s->stream = stream;
    lp2p_stream_set_ctx(stream, s);
    session_arm(s);
}

static const struct lp2p_stream_ops RESPONDER_OPS = {
    .on_open = serve_on_open,
    .on_data = responder_on_data,
    .on_writable = responder_on_writable,
    .on_eof = responder_on_eof,
    .on_closed = responder_on_closed,
};

int lp2p_ping_service_new(struct lp2p_swarm *sw, struct lp2p_ping_service **ret)
{
    const struct lp2p_mem *mem = lp2p_swarm_mem(sw);
    struct lp2p_ping_service *svc = lp2p_calloc(mem, 1, sizeof(*svc));
    if (svc == NULL) {
        return -LP2P_E_NOMEM;
    }
    *svc = (struct lp2p_ping_service){.sw = sw, .mem = mem, .env = lp2p_swarm_env(sw)};
    lp2p_list_init(&svc->sessions);
    int err = lp2p_swarm_handle(sw, LP2P_PING_PROTOCOL, &RESPONDER_OPS, svc);
    if (err != 0) {
        lp2p_free(mem, svc);
        return err;
    }
    *ret = svc;
    return 0;
}

void lp2p_ping_service_free(struct lp2p_ping_service *svc)
{
    if (svc == NULL) {
        return;
    }
    lp2p_list_each_safe (it, &svc->sessions) {
        session_reset(LP2P_CONTAINER(it, struct session, node));
    }
    lp2p_free(svc->mem, svc);
}

int lp2p_ping_service_ping(struct lp2p_ping_service *svc, const struct lp2p_peer_id *peer,
                           const struct lp2p_ping *ping)
{
    static const char *const protocols[] = {LP2P_PING_PROTOCOL};
    LP2P_ASSERT(ping->count > 0);
    struct session *s = session_new(svc, peer, LP2P_PING_PINGER);
    if (s == NULL) {
        return -LP2P_E_NOMEM;
    }
    s->run = *ping;
    struct lp2p_open open = {
        .protocols = protocols, .n = LP2P_COUNT(protocols), .ops = &PINGER_OPS, .ctx = s};
    int err = lp2p_swarm_open(svc->sw, peer, &open, &s->stream);
    if (err != 0) {
        session_free(s);
        return err;
    }
    /* The first ping travels with the negotiation: an answer one round trip later (DESIGN 4.7). */
    err = pinger_send(s);
    if (err != 0) {
        session_reset(s);
        return err;
    }
    session_arm(s);
    return 0;
}

void lp2p_ping_service_stop(struct lp2p_ping_service *svc, const void *ctx)
{
    lp2p_list_each_safe (it, &svc->sessions) {
        struct session *s = LP2P_CONTAINER(it, struct session, node);
        if (s->engine.role == LP2P_PING_PINGER && s->run.ctx == ctx) {
            session_reset(s);
        }
    }
}
