#include "swarm/swarm_priv.h"

#include <string.h>

static struct lp2p_conn *stream_engine(const struct lp2p_stream *s)
{
    return s->conn->carrier->ops->conn(s->conn->carrier);
}

static void stream_kick(const struct lp2p_stream *s)
{
    s->conn->carrier->ops->kick(s->conn->carrier);
}

static lp2p_ts stream_now(const struct lp2p_stream *s)
{
    return swarm_now(s->conn->sw);
}

static void stream_drop_mss(struct lp2p_stream *s)
{
    if (s->mss != NULL) {
        lp2p_mss_fini(s->mss);
        lp2p_free(s->conn->sw->cfg.mem, s->mss);
        s->mss = NULL;
    }
}

static void stream_free(struct lp2p_stream *s)
{
    struct lp2p_swarm *sw = s->conn->sw;
    stream_drop_mss(s);
    sw->cfg.env->ops->timer_fini(&s->timer);
    lp2p_free(sw->cfg.mem, s->proposed);
    lp2p_free(sw->cfg.mem, s);
}

/* Nothing may touch the stream any more but the callbacks that are running. */
static void stream_die(struct lp2p_stream *s)
{
    struct lp2p_swarm_conn *c = s->conn;
    if (s->dead) {
        return;
    }
    s->dead = true;
    s->attached = false;
    if (s->raw != NULL && c->carrier != NULL) {
        struct lp2p_conn *engine = stream_engine(s);
        engine->ops->set_user(s->raw, NULL);
        engine->ops->release(engine, s->raw);
        stream_kick(s);
    }
    s->raw = NULL;
    lp2p_list_remove(&s->node);
    c->n_streams--;
    if (c->n_streams == 0) {
        swarm_conn_rest(c);
    }
    if (s->busy == 0) {
        stream_free(s);
    }
}

/* Callbacks run between enter and leave; whatever they do, the struct lives until leave. */
static void stream_enter(struct lp2p_stream *s)
{
    s->busy++;
}

static void stream_leave(struct lp2p_stream *s)
{
    s->busy--;
    if (s->dead && s->busy == 0) {
        stream_free(s);
    }
}

/* The last callback. Outbound streams whose protocol was never agreed are told too; inbound ones
 * have no user yet. */
static void stream_end(struct lp2p_stream *s, const struct lp2p_failure *why)
{
    bool tell = s->attached && (s->opened || s->outbound);
    s->attached = false;
    stream_enter(s);
    if (tell) {
        s->ops->on_closed(s->ctx, s, why);
    }
    stream_die(s);
    stream_leave(s);
}

static void stream_fail(struct lp2p_stream *s, int code, const char *where)
{
    struct lp2p_failure why = {.code = code, .class_ = LP2P_CLASS_LOCAL, .where = where};
    if (s->raw != NULL && s->conn->carrier != NULL) {
        struct lp2p_conn *engine = stream_engine(s);
        engine->ops->reset(engine, s->raw, 0);
        stream_kick(s);
    }
    stream_end(s, &why);
}

void swarm_streams_fail(struct lp2p_swarm_conn *c, const struct lp2p_failure *why)
{
    struct lp2p_failure failure = *why;
    if (failure.code == 0) {
        /* The connection ended in order, the stream did not. */
        failure = (struct lp2p_failure){
            .code = -LP2P_E_CLOSED, .class_ = LP2P_CLASS_LOCAL, .where = "connection"};
    }
    /* All at once: a user told of one stream may use another. */
    lp2p_list_each (it, &c->streams) {
        LP2P_CONTAINER(it, struct lp2p_stream, node)->raw = NULL;
    }
    for (struct lp2p_list *it = lp2p_list_first(&c->streams); it != NULL;
         it = lp2p_list_first(&c->streams)) {
        stream_end(LP2P_CONTAINER(it, struct lp2p_stream, node), &failure);
    }
}

void swarm_streams_detach(struct lp2p_swarm_conn *c)
{
    lp2p_list_each (it, &c->streams) {
        LP2P_CONTAINER(it, struct lp2p_stream, node)->attached = false;
    }
}

static void stream_on_timer(void *ctx, lp2p_ts now)
{
    static const struct lp2p_failure in_order = {.code = 0};
    (void)now;
    struct lp2p_stream *s = ctx;
    if (s->eof_given && s->fin_sent) {
        stream_end(s, &in_order);
        return;
    }
    stream_fail(s, -LP2P_E_TIMEOUT, s->mss != NULL ? "multistream" : "close");
}

static struct lp2p_stream *stream_new(struct lp2p_swarm_conn *c, bool outbound)
{
    struct lp2p_swarm *sw = c->sw;
    struct lp2p_stream *s = lp2p_calloc(sw->cfg.mem, 1, sizeof(*s));
    if (s == NULL) {
        return NULL;
    }
    if (sw->cfg.env->ops->timer_init(sw->cfg.env, &s->timer, stream_on_timer, s) != 0) {
        lp2p_free(sw->cfg.mem, s);
        return NULL;
    }
    s->conn = c;
    s->outbound = outbound;
    /* The muxer has the account of streams; here every one has one of its. */
    s->mss = lp2p_calloc(sw->cfg.mem, 1, sizeof(*s->mss));
    if (s->mss == NULL) {
        stream_free(s);
        return NULL;
    }
    lp2p_list_add_last(&c->streams, &s->node);
    c->n_streams++;
    sw->cfg.env->ops->timer_set(&s->timer, swarm_now(sw) + sw->cfg.limits.negotiate_timeout);
    return s;
}

/* Starts multistream; frees its memory on failure, so that `stream_die` may follow. */
static int stream_start_mss(struct lp2p_stream *s, const struct lp2p_span *names, size_t n)
{
    struct lp2p_mss_cfg cfg = {.mem = s->conn->sw->cfg.mem, .protocols = names, .n = n};
    int err = lp2p_mss_init(s->mss, &cfg, s->outbound ? LP2P_MSS_DIALER : LP2P_MSS_LISTENER);
    if (err != 0) {
        lp2p_free(s->conn->sw->cfg.mem, s->mss);
        s->mss = NULL;
    }
    return err;
}

/* Sends what multistream has; the rest follows on WRITABLE. True when nothing is left. */
static bool stream_flush_mss(struct lp2p_stream *s)
{
    struct lp2p_conn *engine = stream_engine(s);
    for (struct lp2p_span out = lp2p_mss_out(s->mss); out.n > 0; out = lp2p_mss_out(s->mss)) {
        size_t n = 0;
        /* Errors come as events; a peer that stopped reading its answer still gets its request
         * handled (DIGEST 7). */
        if (engine->ops->write(engine, stream_now(s), s->raw, out, &n) != 0 || n == 0) {
            break;
        }
        lp2p_mss_out_done(s->mss, n);
    }
    stream_kick(s);
    return lp2p_mss_out(s->mss).n == 0;
}

static void stream_send_fin(struct lp2p_stream *s)
{
    s->want_fin = false;
    if (s->fin_sent || s->raw == NULL) {
        return;
    }
    s->fin_sent = true;
    struct lp2p_conn *engine = stream_engine(s);
    (void)engine->ops->close_write(engine, s->raw);
    stream_kick(s);
}

/* Both directions are over: the stream ends in order. */
static void stream_check_end(struct lp2p_stream *s)
{
    static const struct lp2p_failure in_order = {.code = 0};
    if (!s->dead && s->eof && s->fin_sent && s->mss == NULL) {
        stream_end(s, &in_order);
    }
}

static void stream_give_eof(struct lp2p_stream *s)
{
    if (!s->eof || s->eof_given || s->mss != NULL || s->dead) {
        return;
    }
    s->eof_given = true;
    if (s->attached && s->ops->on_eof != NULL) {
        s->ops->on_eof(s->ctx, s);
    }
    stream_check_end(s);
}

static void stream_tell_writable(struct lp2p_stream *s)
{
    if (!s->dead && s->want_write && s->attached && !s->fin_sent) {
        s->want_write = false;
        if (s->ops->on_writable != NULL) {
            s->ops->on_writable(s->ctx, s);
        }
    }
}

static void stream_agreed(struct lp2p_stream *s, size_t index)
{
    struct lp2p_swarm *sw = s->conn->sw;
    if (s->outbound) {
        s->protocol = (const char *)s->proposed[index].p;
    } else {
        const struct swarm_handler *h = &sw->handlers[index];
        s->protocol = h->protocol;
        s->ops = h->ops;
        s->ctx = h->ctx;
        s->attached = true;
    }
    /* What multistream still has to say is its answer; it goes out before anything of the user's.
     */
    if (stream_flush_mss(s)) {
        stream_drop_mss(s);
    }
    s->opened = true;
    sw->cfg.env->ops->timer_set(
        &s->timer, s->attached ? LP2P_TS_NEVER : swarm_now(sw) + sw->cfg.limits.linger_timeout);
    if (s->attached && s->ops->on_open != NULL) {
        s->ops->on_open(s->ctx, s, s->protocol);
    }
    if (s->dead || s->mss != NULL) {
        return;
    }
    if (s->want_fin) {
        stream_send_fin(s);
    }
    stream_tell_writable(s);
}

/* Feeds negotiation; what it did not use is the user's. Returns how much was used. */
static size_t stream_negotiate(struct lp2p_stream *s, struct lp2p_mspan data)
{
    size_t used = 0;
    int err = lp2p_mss_recv(s->mss, stream_now(s), data.p, data.n, &used);
    struct lp2p_conn *engine = stream_engine(s);
    engine->ops->consume(engine, stream_now(s), s->raw, used);
    struct lp2p_mss_event ev;
    if (lp2p_mss_event(s->mss, &ev)) {
        stream_agreed(s, ev.index);
    } else if (err != 0) {
        stream_fail(s, err, "multistream");
    } else {
        stream_flush_mss(s);
    }
    return used;
}

/* True while bytes from the peer are multistream's. */
static bool stream_is_negotiating(const struct lp2p_stream *s)
{
    return s->mss != NULL && !s->opened;
}

static void stream_data(struct lp2p_stream *s, struct lp2p_mspan data)
{
    while (data.n > 0 && !s->dead && stream_is_negotiating(s)) {
        size_t used = stream_negotiate(s, data);
        data.p += used;
        data.n -= used;
        if (used == 0) {
            break;
        }
    }
    if (data.n == 0 || s->dead) {
        return;
    }
    if (s->attached) {
        s->ops->on_data(s->ctx, s, data.p, data.n);
    } else {
        /* Closed by its user: drained, so that the peer can finish. */
        lp2p_stream_consume(s, data.n);
    }
}

static void stream_writable(struct lp2p_stream *s)
{
    if (s->mss != NULL && stream_flush_mss(s) && s->opened) {
        stream_drop_mss(s);
        if (s->want_fin) {
            stream_send_fin(s);
        }
        stream_give_eof(s);
    }
    stream_tell_writable(s);
}

static void stream_eof(struct lp2p_stream *s)
{
    s->eof = true;
    if (stream_is_negotiating(s)) {
        stream_fail(s, -LP2P_E_EOF, "multistream");
    } else {
        stream_give_eof(s);
    }
}

void swarm_stream_event(struct lp2p_stream *s, const struct lp2p_conn_event *ev)
{
    stream_enter(s);
    if (ev->type == LP2P_CONN_EV_DATA) {
        stream_data(s, ev->data);
    } else if (ev->type == LP2P_CONN_EV_FIN) {
        stream_eof(s);
    } else if (ev->type == LP2P_CONN_EV_WRITABLE) {
        stream_writable(s);
    } else if (ev->type == LP2P_CONN_EV_RESET) {
        struct lp2p_failure why = {.code = -LP2P_E_RESET,
                                   .class_ = LP2P_CLASS_THEIRS,
                                   .wire = ev->code,
                                   .where = "stream"};
        stream_end(s, &why);
    }
    /* The user may have closed its side inside a callback. */
    if (s->eof_given) {
        stream_check_end(s);
    }
    stream_leave(s);
}

void swarm_stream_incoming(struct lp2p_swarm_conn *c, struct lp2p_conn_stream *raw)
{
    struct lp2p_conn *engine = c->carrier->ops->conn(c->carrier);
    struct lp2p_stream *s = c->state == SWARM_CONN_UP ? stream_new(c, false) : NULL;
    if (s == NULL) {
        engine->ops->reset(engine, raw, 0);
        engine->ops->release(engine, raw);
        c->carrier->ops->kick(c->carrier);
        return;
    }
    s->raw = raw;
    engine->ops->set_user(raw, s);
    if (stream_start_mss(s, c->sw->served, c->sw->n_handlers) != 0) {
        stream_fail(s, -LP2P_E_NOMEM, "multistream");
        return;
    }
    stream_flush_mss(s);
}

/* One block: the spans, then the names with a NUL each. */
static int stream_copy_names(struct lp2p_stream *s, const struct lp2p_open *open)
{
    size_t size = open->n * sizeof(struct lp2p_span);
    for (size_t i = 0; i < open->n; i++) {
        size += strlen(open->protocols[i]) + 1;
    }
    s->proposed = lp2p_alloc(s->conn->sw->cfg.mem, size);
    if (s->proposed == NULL) {
        return -LP2P_E_NOMEM;
    }
    char *at = (char *)(s->proposed + open->n);
    for (size_t i = 0; i < open->n; i++) {
        size_t n = strlen(open->protocols[i]);
        memcpy(at, open->protocols[i], n + 1);
        s->proposed[i] = lp2p_span(at, n);
        at += n + 1;
    }
    return 0;
}

int lp2p_swarm_conn_open(struct lp2p_swarm_conn *c, const struct lp2p_open *open,
                         struct lp2p_stream **ret)
{
    if (open->n == 0 || open->n > LP2P_MSS_LINES_MAX) {
        return -LP2P_E_INVAL;
    }
    if (c->state != SWARM_CONN_UP) {
        return -LP2P_E_CLOSED;
    }
    if (lp2p_scope_room(&c->scope, LP2P_SCOPE_STREAMS_OUT) == 0) {
        return -LP2P_E_AGAIN;
    }
    struct lp2p_stream *s = stream_new(c, true);
    if (s == NULL) {
        return -LP2P_E_NOMEM;
    }
    struct lp2p_conn *engine = c->carrier->ops->conn(c->carrier);
    int err = stream_copy_names(s, open);
    if (err == 0) {
        err = stream_start_mss(s, s->proposed, open->n);
    } else {
        lp2p_free(c->sw->cfg.mem, s->mss);
        s->mss = NULL;
    }
    if (err == 0) {
        err = engine->ops->open(engine, &s->raw);
    }
    if (err != 0) {
        stream_die(s);
        return err;
    }
    engine->ops->set_user(s->raw, s);
    s->ops = open->ops;
    s->ctx = open->ctx;
    s->attached = true;
    stream_flush_mss(s);
    *ret = s;
    return 0;
}

int lp2p_swarm_open(struct lp2p_swarm *sw, const struct lp2p_peer_id *peer,
                    const struct lp2p_open *open, struct lp2p_stream **ret)
{
    struct swarm_peer *p = swarm_find_peer(sw, peer);
    struct lp2p_swarm_conn *c = p == NULL ? NULL : swarm_best_conn(p);
    if (c == NULL) {
        return -LP2P_E_NOT_FOUND;
    }
    return lp2p_swarm_conn_open(c, open, ret);
}

/* May the user's bytes follow what multistream has sent? */
static bool stream_takes_bytes(const struct lp2p_stream *s)
{
    if (s->mss == NULL) {
        return true;
    }
    return lp2p_mss_out(s->mss).n == 0 && (s->opened || lp2p_mss_is_lazy(s->mss));
}

int lp2p_stream_write(struct lp2p_stream *s, const uint8_t *p, size_t n, size_t *ret_n)
{
    if (s->raw == NULL) {
        return -LP2P_E_CLOSED;
    }
    if (s->want_fin || s->fin_sent) {
        return -LP2P_E_STATE;
    }
    *ret_n = 0;
    size_t done = 0;
    struct lp2p_conn *engine = stream_engine(s);
    while (done < n && stream_takes_bytes(s)) {
        size_t took = 0;
        int err = engine->ops->write(engine, stream_now(s), s->raw, lp2p_span(p + done, n - done),
                                     &took);
        if (err != 0 && err != -LP2P_E_AGAIN) {
            return err;
        }
        if (err != 0 || took == 0) {
            break;
        }
        done += took;
    }
    s->want_write = done < n;
    *ret_n = done;
    stream_kick(s);
    return 0;
}

void lp2p_stream_consume(struct lp2p_stream *s, size_t n)
{
    if (s->raw != NULL && n > 0) {
        struct lp2p_conn *engine = stream_engine(s);
        engine->ops->consume(engine, stream_now(s), s->raw, n);
        stream_kick(s);
    }
}

/* A user's call: what ends the stream is told from the top of the loop, so only the FIN leaves
 * here. */
int lp2p_stream_close_write(struct lp2p_stream *s)
{
    if (s->raw == NULL) {
        return -LP2P_E_CLOSED;
    }
    /* The FIN waits for the echo of a lazily negotiated protocol (DESIGN 4.7; js resets otherwise).
     */
    if (s->mss != NULL) {
        s->want_fin = true;
    } else {
        stream_send_fin(s);
    }
    if (s->eof_given && s->busy == 0) {
        s->conn->sw->cfg.env->ops->timer_set(&s->timer, 0);
    }
    return 0;
}

void lp2p_stream_close(struct lp2p_stream *s)
{
    struct lp2p_swarm *sw = s->conn->sw;
    s->attached = false;
    if (s->raw == NULL) {
        return;
    }
    (void)lp2p_stream_close_write(s);
    if (s->eof && s->fin_sent && s->mss == NULL) {
        stream_die(s);
        return;
    }
    const struct lp2p_limits *l = &sw->cfg.limits;
    sw->cfg.env->ops->timer_set(
        &s->timer, swarm_now(sw) + (s->opened ? l->linger_timeout : l->negotiate_timeout));
}

void lp2p_stream_reset(struct lp2p_stream *s, uint32_t code)
{
    s->attached = false;
    if (s->raw == NULL) {
        return;
    }
    struct lp2p_conn *engine = stream_engine(s);
    engine->ops->reset(engine, s->raw, code);
    stream_die(s);
}

void lp2p_stream_set_ctx(struct lp2p_stream *s, void *ctx)
{
    s->ctx = ctx;
}

const struct lp2p_peer_id *lp2p_stream_peer(const struct lp2p_stream *s)
{
    return &s->conn->peer->id;
}

const char *lp2p_stream_protocol(const struct lp2p_stream *s)
{
    return s->protocol;
}

struct lp2p_swarm_conn *lp2p_stream_conn(const struct lp2p_stream *s)
{
    return s->conn;
}
