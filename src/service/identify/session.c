#include "base/assert.h"
#include "service/identify/identify_priv.h"

/*
 *               opened by   we are     ends
 *     ANSWER    the peer    sender     when all is written
 *     ASK       us          receiver   with the message
 *     PUSH      us          sender     when the peer has ended its side too: it was read
 *     TAKE      the peer    receiver   with the message
 */
enum kind { KIND_ANSWER, KIND_ASK, KIND_PUSH, KIND_TAKE };

/* One stream. */
struct session {
    struct lp2p_list node;
    struct lp2p_identify_service *svc;
    struct identify_conn *c;    /* NULL when it is down, or was told the result */
    struct lp2p_stream *stream; /* NULL when it is closed */
    enum kind kind;
    struct lp2p_identify engine;
    struct lp2p_timer timer;
    lp2p_ts deadline; /* PUSH: of everything */
    size_t held; /* bytes received and not given back: they account for what the engine holds */
};

static bool is_receiver(enum kind kind)
{
    return kind == KIND_ASK || kind == KIND_TAKE;
}

/* ---- life ---- */

/* Counts a stream in (+1) or out (-1). */
static void session_count(struct session *s, bool in)
{
    uint32_t step = in ? 1 : UINT32_MAX; /* wraps: minus one */
    switch (s->kind) {
    case KIND_ANSWER:
        s->c->answering += step;
        break;
    case KIND_TAKE:
        s->c->taking += step;
        break;
    case KIND_PUSH:
        s->c->pushing = in;
        break;
    case KIND_ASK:
        break;
    }
}

static int session_engine(struct session *s)
{
    struct lp2p_identify_service *svc = s->svc;
    if (!is_receiver(s->kind)) {
        return identify_say(svc, s->c, &s->engine);
    }
    struct lp2p_identify_cfg cfg = {.mem = svc->mem,
                                    .timeout = lp2p_swarm_limits(svc->sw)->identify_timeout};
    return lp2p_identify_init(&s->engine, &cfg, LP2P_IDENTIFY_RECEIVER, identify_now(svc));
}

static void session_on_timer(void *ctx, lp2p_ts now);

static int session_new(struct lp2p_identify_service *svc, struct identify_conn *c, enum kind kind,
                       struct session **ret)
{
    struct session *s = lp2p_calloc(svc->mem, 1, sizeof(*s));
    if (s == NULL) {
        return -LP2P_E_NOMEM;
    }
    *s = (struct session){
        .svc = svc, .c = c, .kind = kind, .deadline = identify_now(svc) + LP2P_IDENTIFY_TIMEOUT};
    int err = svc->env->ops->timer_init(svc->env, &s->timer, session_on_timer, s);
    if (err != 0) {
        lp2p_free(svc->mem, s);
        return err;
    }
    err = session_engine(s);
    if (err != 0) {
        svc->env->ops->timer_fini(&s->timer);
        lp2p_free(svc->mem, s);
        return err;
    }
    lp2p_list_add_last(&svc->sessions, &s->node);
    session_count(s, true);
    svc->pushes += kind == KIND_PUSH;
    *ret = s;
    return 0;
}

static void session_free(struct session *s)
{
    struct lp2p_identify_service *svc = s->svc;
    lp2p_list_remove(&s->node);
    svc->env->ops->timer_fini(&s->timer);
    lp2p_identify_fini(&s->engine);
    svc->pushes -= s->kind == KIND_PUSH;
    if (s->c != NULL) {
        session_count(s, false);
    }
    lp2p_free(svc->mem, s);
}

static void session_arm(struct session *s)
{
    lp2p_ts at = s->kind == KIND_PUSH ? s->deadline : lp2p_identify_deadline(&s->engine);
    s->svc->env->ops->timer_set(&s->timer, at);
}

static void session_end_stream(struct session *s, int err)
{
    if (s->stream == NULL) {
        return;
    }
    lp2p_stream_consume(s->stream, s->held);
    if (err == 0) {
        lp2p_stream_close(s->stream);
    } else {
        lp2p_stream_reset(s->stream, 0);
    }
}

/* ---- receiving ---- */

/* Tells the swarm once, and the session is over. */
static void receiver_end(struct session *s, int err)
{
    struct lp2p_identify_service *svc = s->svc;
    struct identify_conn *c = s->c;
    enum kind kind = s->kind;
    session_end_stream(s, err);
    session_free(s);
    if (c == NULL) {
        return;
    }
    if (kind == KIND_ASK) {
        lp2p_swarm_conn_identified(c->conn, err);
    } else if (err == 0) {
        lp2p_swarm_changed(svc->sw, LP2P_CHANGE_CONNS);
    }
    if (err == 0) {
        identify_push_check(svc, c);
    }
}

/* After everything that changes the engine; the session may be gone when it returns. */
static void receiver_step(struct session *s)
{
    struct lp2p_identify_event ev;
    int err = lp2p_identify_error(&s->engine)->code;
    if (err == 0 && lp2p_identify_event(&s->engine, &ev)) {
        err = s->c == NULL ? 0 : identify_learn(s->svc, s->c, &ev.msg, s->kind == KIND_TAKE);
        receiver_end(s, err);
    } else if (err != 0) {
        receiver_end(s, err);
    } else {
        session_arm(s);
    }
}

static void receiver_on_data(void *ctx, struct lp2p_stream *stream, const uint8_t *p, size_t n)
{
    (void)stream;
    struct session *s = ctx;
    size_t used;
    s->held += n;
    (void)lp2p_identify_recv(&s->engine, identify_now(s->svc), p, n, &used);
    receiver_step(s);
}

static void receiver_on_eof(void *ctx, struct lp2p_stream *stream)
{
    (void)stream;
    struct session *s = ctx;
    (void)lp2p_identify_recv_eof(&s->engine, identify_now(s->svc));
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

/* ---- sending ---- */

static void sender_end(struct session *s, int err)
{
    struct lp2p_identify_service *svc = s->svc;
    struct identify_conn *c = s->c;
    bool push = s->kind == KIND_PUSH;
    session_end_stream(s, err);
    session_free(s);
    if (push && c != NULL) {
        c->takes_push = c->takes_push && err != -LP2P_E_NEGOTIATION;
        identify_push_check(svc, c);
    } else if (push) {
        identify_arm(svc); /* there is room for another's */
    }
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
    bool written = err == 0 && lp2p_identify_event(&s->engine, &ev);
    if (written && s->kind == KIND_PUSH) {
        err = lp2p_stream_close_write(s->stream);
    }
    if (err != 0 || (written && s->kind == KIND_ANSWER)) {
        sender_end(s, err);
    } else {
        session_arm(s);
    }
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

/* Who is pushed to ends its side when it has read everything; who asked may do so at any time. */
static void sender_on_eof(void *ctx, struct lp2p_stream *stream)
{
    (void)stream;
    struct session *s = ctx;
    if (s->kind == KIND_PUSH && lp2p_identify_out(&s->engine).n == 0) {
        sender_end(s, 0);
    }
}

static void sender_on_closed(void *ctx, struct lp2p_stream *stream, const struct lp2p_failure *why)
{
    (void)stream;
    struct session *s = ctx;
    s->stream = NULL;
    sender_end(s, why->code);
}

/* ---- streams of peers ---- */

/* The stream is the session's, or is reset. */
static void session_accept(struct lp2p_identify_service *svc, struct identify_conn *c,
                           struct lp2p_stream *stream, enum kind kind)
{
    struct session *s;
    if (c == NULL || session_new(svc, c, kind, &s) != 0) {
        lp2p_stream_reset(stream, 0);
        return;
    }
    s->stream = stream;
    lp2p_stream_set_ctx(stream, s);
    if (is_receiver(kind)) {
        session_arm(s);
    } else {
        sender_step(s);
    }
}

static void answer_on_open(void *ctx, struct lp2p_stream *stream, const char *protocol)
{
    (void)protocol;
    struct lp2p_identify_service *svc = ctx;
    struct identify_conn *c = identify_find(svc, lp2p_stream_conn(stream));
    bool may = c != NULL && c->answering < LP2P_IDENTIFY_SERVED_MAX;
    session_accept(svc, may ? c : NULL, stream, KIND_ANSWER);
}

static void take_on_open(void *ctx, struct lp2p_stream *stream, const char *protocol)
{
    (void)protocol;
    struct lp2p_identify_service *svc = ctx;
    struct identify_conn *c = identify_find(svc, lp2p_stream_conn(stream));
    bool may = c != NULL && c->taking < LP2P_IDENTIFY_SERVED_MAX &&
               lp2p_bucket_take(&c->taken, identify_now(svc));
    session_accept(svc, may ? c : NULL, stream, KIND_TAKE);
}

const struct lp2p_stream_ops identify_answer_ops = {
    .on_open = answer_on_open,
    .on_data = sender_on_data,
    .on_writable = sender_on_writable,
    .on_eof = sender_on_eof,
    .on_closed = sender_on_closed,
};

const struct lp2p_stream_ops identify_take_ops = {
    .on_open = take_on_open,
    .on_data = receiver_on_data,
    .on_eof = receiver_on_eof,
    .on_closed = receiver_on_closed,
};

/* ---- streams of ours ---- */

static const struct lp2p_stream_ops ASK_OPS = {
    .on_data = receiver_on_data,
    .on_eof = receiver_on_eof,
    .on_closed = receiver_on_closed,
};

static const struct lp2p_stream_ops PUSH_OPS = {
    .on_data = sender_on_data,
    .on_writable = sender_on_writable,
    .on_eof = sender_on_eof,
    .on_closed = sender_on_closed,
};

static int session_open(struct session *s)
{
    static const char *const ask[] = {LP2P_IDENTIFY_PROTOCOL};
    static const char *const push[] = {LP2P_IDENTIFY_PUSH_PROTOCOL};
    struct lp2p_open open = {.protocols = s->kind == KIND_ASK ? ask : push,
                             .n = 1,
                             .ops = s->kind == KIND_ASK ? &ASK_OPS : &PUSH_OPS,
                             .ctx = s};
    return lp2p_swarm_conn_open(s->c->conn, &open, &s->stream);
}

void identify_ask(struct lp2p_identify_service *svc, struct identify_conn *c)
{
    struct session *s;
    int err = session_new(svc, c, KIND_ASK, &s);
    if (err != 0) {
        lp2p_swarm_conn_identified(c->conn, err);
        return;
    }
    err = session_open(s);
    if (err != 0) {
        receiver_end(s, err);
        return;
    }
    session_arm(s);
}

int identify_push(struct lp2p_identify_service *svc, struct identify_conn *c)
{
    struct session *s;
    struct identify_content told = c->told;
    LP2P_TRY(session_new(svc, c, KIND_PUSH, &s));
    int err = session_open(s);
    if (err != 0) {
        c->told = told;
        session_free(s);
        return err;
    }
    sender_step(s);
    return 0;
}

/* ---- all of them ---- */

static void session_on_timer(void *ctx, lp2p_ts now)
{
    struct session *s = ctx;
    (void)lp2p_identify_tick(&s->engine, now);
    if (is_receiver(s->kind)) {
        receiver_step(s);
    } else if (s->kind == KIND_PUSH) {
        sender_end(s, -LP2P_E_TIMEOUT);
    } else {
        sender_step(s);
    }
}

void identify_sessions_orphan(struct lp2p_identify_service *svc, const struct identify_conn *c)
{
    lp2p_list_each (it, &svc->sessions) {
        struct session *s = LP2P_CONTAINER(it, struct session, node);
        if (s->c == c) {
            s->c = NULL; /* its stream's on_closed ends the session */
        }
    }
}

void identify_sessions_free(struct lp2p_identify_service *svc)
{
    lp2p_list_each_safe (it, &svc->sessions) {
        struct session *s = LP2P_CONTAINER(it, struct session, node);
        if (s->stream != NULL) {
            lp2p_stream_reset(s->stream, 0);
        }
        session_free(s);
    }
}
