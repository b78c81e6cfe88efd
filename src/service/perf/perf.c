#include "service/perf/perf.h"

#include "base/assert.h"
#include "env/env.h"
#include "proto/perf/perf.h"

/* One frame of yamux: more at once gains nothing and leaves the caches (FASTPATH, "Levers"). */
#define BLOCK_SIZE (64U * 1024U)

struct lp2p_perf_service {
    struct lp2p_swarm *sw;
    const struct lp2p_mem *mem;
    struct lp2p_env *env;
    struct lp2p_list sessions;
    size_t n_served;
    uint8_t block[BLOCK_SIZE];
};

/* One stream, in either role. */
struct session {
    struct lp2p_list node;
    struct lp2p_perf_service *svc;
    struct lp2p_stream *stream;
    struct lp2p_perf_stream engine;
    struct lp2p_timer timer;
    struct lp2p_perf run; /* client */
};

static lp2p_ts now_of(const struct session *s)
{
    return s->svc->env->ops->now(s->svc->env);
}

static bool is_client(const struct session *s)
{
    return s->engine.role == LP2P_PERF_CLIENT;
}

static void session_free(struct session *s)
{
    lp2p_list_remove(&s->node);
    s->svc->n_served -= is_client(s) ? 0 : 1;
    s->svc->env->ops->timer_fini(&s->timer);
    lp2p_perf_fini(&s->engine);
    lp2p_free(s->svc->mem, s);
}

/* Nothing of the session is left when its user is told. */
static void session_end(struct session *s, int err)
{
    struct lp2p_perf run = s->run;
    if (s->stream != NULL && err != 0) {
        lp2p_stream_reset(s->stream, 0);
    } else if (s->stream != NULL) {
        lp2p_stream_close(s->stream);
    }
    session_free(s);
    if (run.done != NULL) {
        run.done(run.ctx, err);
    }
}

static void session_tell(struct session *s)
{
    if (is_client(s) && s->run.progress != NULL) {
        s->run.progress(s->run.ctx, s->engine.out, s->engine.in);
    }
}

/* Sends what fits. */
static int session_flush(struct session *s)
{
    struct lp2p_span out = lp2p_perf_out(&s->engine);
    while (out.n > 0) {
        size_t n = 0;
        LP2P_TRY(lp2p_stream_write(s->stream, out.p, out.n, &n));
        lp2p_perf_out_done(&s->engine, now_of(s), n);
        if (n < out.n) {
            break;
        }
        out = lp2p_perf_out(&s->engine);
    }
    return 0;
}

/* What follows from input, output or time; the session may be gone when it returns. */
static void session_settle(struct session *s, int err)
{
    struct lp2p_perf_event ev;
    if (err == 0) {
        err = session_flush(s);
        session_tell(s);
    }
    while (err == 0 && lp2p_perf_event(&s->engine, &ev)) {
        if (ev.type == LP2P_PERF_EV_DONE) {
            session_end(s, 0);
            return;
        }
        err = lp2p_stream_close_write(s->stream);
    }
    if (err != 0) {
        session_end(s, err);
    }
}

/* ---- callbacks ---- */

static void session_on_data(void *ctx, struct lp2p_stream *stream, const uint8_t *p, size_t n)
{
    struct session *s = ctx;
    size_t used;
    int err = lp2p_perf_recv(&s->engine, now_of(s), p, n, &used);
    if (err != 0) {
        session_end(s, err);
        return;
    }
    lp2p_stream_consume(stream, n);
    session_tell(s);
}

static void session_on_writable(void *ctx, struct lp2p_stream *stream)
{
    (void)stream;
    session_settle(ctx, 0);
}

static void session_on_eof(void *ctx, struct lp2p_stream *stream)
{
    (void)stream;
    struct session *s = ctx;
    session_settle(s, lp2p_perf_recv_eof(&s->engine, now_of(s)));
}

static void session_on_closed(void *ctx, struct lp2p_stream *stream, const struct lp2p_failure *why)
{
    (void)stream;
    struct session *s = ctx;
    s->stream = NULL;
    session_end(s, why->code == 0 ? -LP2P_E_CLOSED : why->code);
}

/* The deadline moves with every byte, the timer only when it rings. */
static void session_on_timer(void *ctx, lp2p_ts now)
{
    struct session *s = ctx;
    int err = lp2p_perf_tick(&s->engine, now);
    if (err != 0) {
        session_end(s, err);
        return;
    }
    s->svc->env->ops->timer_set(&s->timer, lp2p_perf_deadline(&s->engine));
}

/* ---- both ---- */

static struct session *session_new(struct lp2p_perf_service *svc, enum lp2p_perf_role role,
                                   const struct lp2p_perf *run)
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
    s->run = *run;
    struct lp2p_perf_cfg cfg = {
        .block = lp2p_span(svc->block, sizeof(svc->block)),
        .upload = run->upload,
        .download = run->download,
    };
    lp2p_perf_init(&s->engine, &cfg, role, now_of(s));
    lp2p_list_add_last(&svc->sessions, &s->node);
    svc->n_served += is_client(s) ? 0 : 1;
    svc->env->ops->timer_set(&s->timer, lp2p_perf_deadline(&s->engine));
    return s;
}

static void serve_on_open(void *ctx, struct lp2p_stream *stream, const char *protocol)
{
    static const struct lp2p_perf nobody = {.done = NULL};
    (void)protocol;
    struct lp2p_perf_service *svc = ctx;
    struct session *s = NULL;
    if (svc->n_served < LP2P_PERF_SERVED_MAX) {
        s = session_new(svc, LP2P_PERF_SERVER, &nobody);
    }
    if (s == NULL) {
        lp2p_stream_reset(stream, 0);
        return;
    }
    s->stream = stream;
    lp2p_stream_set_ctx(stream, s);
}

static const struct lp2p_stream_ops SERVER_OPS = {
    .on_open = serve_on_open,
    .on_data = session_on_data,
    .on_writable = session_on_writable,
    .on_eof = session_on_eof,
    .on_closed = session_on_closed,
};

static const struct lp2p_stream_ops CLIENT_OPS = {
    .on_data = session_on_data,
    .on_writable = session_on_writable,
    .on_eof = session_on_eof,
    .on_closed = session_on_closed,
};

int lp2p_perf_service_new(struct lp2p_swarm *sw, struct lp2p_perf_service **ret)
{
    struct lp2p_perf_service *svc = lp2p_calloc(lp2p_swarm_mem(sw), 1, sizeof(*svc));
    if (svc == NULL) {
        return -LP2P_E_NOMEM;
    }
    svc->sw = sw;
    svc->mem = lp2p_swarm_mem(sw);
    svc->env = lp2p_swarm_env(sw);
    lp2p_list_init(&svc->sessions);
    *ret = svc;
    return 0;
}

void lp2p_perf_service_free(struct lp2p_perf_service *svc)
{
    if (svc == NULL) {
        return;
    }
    lp2p_list_each_safe (it, &svc->sessions) {
        struct session *s = LP2P_CONTAINER(it, struct session, node);
        lp2p_stream_reset(s->stream, 0);
        session_free(s);
    }
    lp2p_free(svc->mem, svc);
}

int lp2p_perf_service_serve(struct lp2p_perf_service *svc)
{
    return lp2p_swarm_handle(svc->sw, LP2P_PERF_PROTOCOL, &SERVER_OPS, svc);
}

/* The first bytes leave here; a user's call is answered by `done` from the loop, so an end that is
 * known at once is an error of the call. */
static int client_start(struct session *s)
{
    struct lp2p_perf_event ev;
    LP2P_TRY(session_flush(s));
    if (lp2p_perf_event(&s->engine, &ev)) {
        LP2P_ASSERT(ev.type == LP2P_PERF_EV_CLOSE);
        return lp2p_stream_close_write(s->stream);
    }
    return 0;
}

int lp2p_perf_service_run(struct lp2p_perf_service *svc, const struct lp2p_peer_id *peer,
                          const struct lp2p_perf *perf)
{
    static const char *const protocols[] = {LP2P_PERF_PROTOCOL};
    struct session *s = session_new(svc, LP2P_PERF_CLIENT, perf);
    if (s == NULL) {
        return -LP2P_E_NOMEM;
    }
    struct lp2p_open open = {
        .protocols = protocols, .n = LP2P_COUNT(protocols), .ops = &CLIENT_OPS, .ctx = s};
    int err = lp2p_swarm_open(svc->sw, peer, &open, &s->stream);
    if (err != 0) {
        session_free(s);
        return err;
    }
    err = client_start(s);
    if (err != 0) {
        lp2p_stream_reset(s->stream, 0);
        session_free(s);
    }
    return err;
}
