#include "transport/wire_priv.h"

#include "base/assert.h"

static struct wire *wire_of(const struct lp2p_carrier *c)
{
    return LP2P_CONTAINER((uintptr_t)c, struct wire, carrier);
}

lp2p_ts wire_now(const struct wire *w)
{
    return lp2p_env_now(w->host->env);
}

static void wire_set_state(struct wire *w, enum wire_state state)
{
    LP2P_ASSERT(state > w->state);
    w->state = state;
}

void wire_fail(struct wire *w, int code, enum lp2p_error_class class_, const char *where)
{
    if (w->state == WIRE_ENDED) {
        return;
    }
    if (w->failure.code == 0) {
        w->failure = (struct lp2p_failure){.code = code, .class_ = class_, .where = where};
    }
    wire_set_state(w, WIRE_ENDED);
}

void wire_io_failed(struct wire *w, int err)
{
    if (w->state == WIRE_DRAINING) {
        /* We have said all: how the peer ends is its own affair. */
        wire_set_state(w, WIRE_ENDED);
        return;
    }
    wire_fail(w, err, err == -LP2P_E_RESET ? LP2P_CLASS_THEIRS : LP2P_CLASS_LOCAL, "transport");
}

bool wire_pull(struct wire *w)
{
    struct lp2p_conn_event ev;
    bool any = false;
    while (w->state == WIRE_RUNNING && w->conn->ops->event(w->conn, wire_now(w), &ev)) {
        any = true;
        w->cfg.events->on_event(w->cfg.ctx, &ev);
    }
    return any;
}

/* ---- the end ---- */

/* Gives back all but the struct and the input bytes, which a callback further up may still look at.
 */
static void wire_release(struct wire *w)
{
    w->host->env->ops->timer_fini(&w->timer);
    lp2p_list_remove(&w->task.node);
    /* A reset when neither side has said why. */
    bool reset = w->aborted || w->failure.class_ == LP2P_CLASS_LOCAL;
    w->io->ops->close(w->io, reset);
    w->io = NULL;
    if (w->conn != NULL) {
        w->conn->ops->free(w->conn);
        w->conn = NULL;
    }
    wire_in_unreserve(w);
}

static void wire_free(struct wire *w)
{
    wire_in_free(w);
    lp2p_free(w->host->env->mem, w);
}

static void wire_end(struct wire *w)
{
    if (w->aborted) {
        wire_free(w);
        return;
    }
    if (!w->eof && w->failure.class_ == LP2P_CLASS_OURS) {
        wire_discard(w);
    }
    wire_release(w);
    w->cfg.events->on_closed(w->cfg.ctx, &w->failure);
    wire_free(w);
}

/* ---- a turn ---- */

/* The engine's failure is told by its goodbye, if it has one. */
static void wire_check_engine(struct wire *w)
{
    const struct lp2p_failure *failure = w->conn->ops->error(w->conn);
    if (w->state != WIRE_RUNNING || failure->code == 0) {
        return;
    }
    w->failure = *failure;
    w->close_deadline = wire_now(w) + LP2P_WIRE_LINGER;
    wire_set_state(w, WIRE_CLOSING);
}

static void wire_run(struct wire *w)
{
    do {
        w->again = false;
        (void)wire_pull(w);
        if (w->state == WIRE_RUNNING && w->stuck) {
            wire_feed(w);
        }
        /* What left made room: for a writer that waits, for input that was refused. */
        if (w->state == WIRE_RUNNING && wire_flush(w)) {
            w->again = true;
        }
        if (w->state == WIRE_RUNNING) {
            wire_check_engine(w);
        }
    } while (w->state == WIRE_RUNNING && w->again && w->turn_out < LP2P_WIRE_TURN_QUOTA);
    if (w->state == WIRE_RUNNING && w->again) {
        w->host->env->ops->defer(w->host->env, &w->task);
    }
}

static bool wire_has_output(struct wire *w)
{
    return w->blocked || w->conn->ops->out(w->conn).n > 0;
}

static void wire_run_closing(struct wire *w)
{
    (void)wire_flush(w);
    if (w->state != WIRE_CLOSING) {
        return;
    }
    if (wire_has_output(w)) {
        if (!w->blocked) {
            w->host->env->ops->defer(w->host->env, &w->task); /* the quota is used up */
        }
        return;
    }
    if (w->failure.code != 0 || w->eof) {
        wire_set_state(w, WIRE_ENDED);
        return;
    }
    w->io->ops->shutdown(w->io);
    wire_set_state(w, WIRE_DRAINING);
}

/* Tells the io and the timer what is waited for. */
static void wire_settle(struct wire *w)
{
    bool read = w->state != WIRE_CONNECTING && !w->eof && !(w->state == WIRE_RUNNING && w->stuck);
    if (read != w->wants_read || w->blocked != w->wants_write) {
        w->wants_read = read;
        w->wants_write = w->blocked;
        w->io->ops->want(w->io, read, w->blocked);
    }
    lp2p_ts at = w->blocked ? w->write_deadline : LP2P_TS_NEVER;
    if (w->state == WIRE_RUNNING) {
        at = LP2P_MIN(at, w->conn->ops->deadline(w->conn));
    } else if (w->state == WIRE_CLOSING || w->state == WIRE_DRAINING) {
        at = LP2P_MIN(at, w->close_deadline);
    }
    if (at != w->timer_at) {
        w->timer_at = at;
        w->host->env->ops->timer_set(&w->timer, at);
    }
}

static void wire_begin(struct wire *w)
{
    LP2P_ASSERT(!w->busy);
    w->busy = true;
    w->turn_out = 0;
}

/* Does what the state asks for, then ends the turn; `w` may be gone afterwards. */
static void wire_finish(struct wire *w)
{
    if (w->state == WIRE_RUNNING) {
        wire_run(w);
    }
    wire_in_settle(w);
    if (w->state == WIRE_CLOSING) {
        wire_run_closing(w);
    }
    if (w->state == WIRE_ENDED) {
        wire_end(w);
        return;
    }
    wire_settle(w);
    w->busy = false;
}

/* ---- what starts a turn ---- */

static int wire_make_conn(struct wire *w)
{
    const struct lp2p_peer_id *expected = w->expected.len != 0 ? &w->expected : NULL;
    return w->maker.make(w->maker.ctx, w->role, expected, w->cfg.scope, &w->conn);
}

static void wire_on_connect(void *ctx, int err)
{
    struct wire *w = ctx;
    wire_begin(w);
    if (w->state == WIRE_CONNECTING) {
        if (err == 0) {
            err = wire_make_conn(w);
        }
        if (err != 0) {
            wire_fail(w, err, LP2P_CLASS_LOCAL, "connect");
        } else {
            wire_set_state(w, WIRE_RUNNING);
            w->cfg.events->on_connected(w->cfg.ctx);
        }
    }
    wire_finish(w);
}

static void wire_on_readable(void *ctx)
{
    struct wire *w = ctx;
    wire_begin(w);
    /* Commands since the last turn may have made events that point into the input. */
    (void)wire_pull(w);
    if (w->state == WIRE_RUNNING) {
        wire_read(w);
    } else if (w->state != WIRE_ENDED) {
        wire_discard(w);
    }
    if (w->state == WIRE_DRAINING && w->eof) {
        wire_set_state(w, WIRE_ENDED);
    }
    wire_finish(w);
}

static void wire_on_writable(void *ctx)
{
    struct wire *w = ctx;
    wire_begin(w);
    w->blocked = false;
    wire_finish(w);
}

static void wire_on_task(void *ctx, lp2p_ts now)
{
    (void)now;
    struct wire *w = ctx;
    wire_begin(w);
    wire_finish(w);
}

static void wire_on_timer(void *ctx, lp2p_ts now)
{
    struct wire *w = ctx;
    wire_begin(w);
    w->timer_at = LP2P_TS_NEVER;
    if (w->blocked && now >= w->write_deadline) {
        wire_fail(w, -LP2P_E_TIMEOUT, LP2P_CLASS_LOCAL, "transport");
    } else if (w->state == WIRE_RUNNING && now >= w->conn->ops->deadline(w->conn)) {
        (void)w->conn->ops->tick(w->conn, now); /* its error is sticky */
    } else if (w->state == WIRE_CLOSING && now >= w->close_deadline) {
        wire_fail(w, -LP2P_E_TIMEOUT, LP2P_CLASS_LOCAL, "transport");
    } else if (w->state == WIRE_DRAINING && now >= w->close_deadline) {
        wire_set_state(w, WIRE_ENDED); /* all was said; the peer just does not hang up */
    }
    wire_finish(w);
}

/* ---- commands ---- */

static struct lp2p_conn *wire_conn(struct lp2p_carrier *c)
{
    return wire_of(c)->conn;
}

static void wire_kick(struct lp2p_carrier *c)
{
    struct wire *w = wire_of(c);
    if (w->busy) {
        w->again = true;
    } else {
        w->host->env->ops->defer(w->host->env, &w->task);
    }
}

static void wire_close(struct lp2p_carrier *c, uint32_t code, lp2p_ts deadline)
{
    struct wire *w = wire_of(c);
    if (w->state == WIRE_CONNECTING) {
        wire_fail(w, -LP2P_E_CANCELLED, LP2P_CLASS_LOCAL, "connect");
    } else if (w->state == WIRE_RUNNING) {
        w->conn->ops->goaway(w->conn, code);
        w->failure = (struct lp2p_failure){.class_ = LP2P_CLASS_OURS, .wire = code};
        w->close_deadline = deadline;
        wire_set_state(w, WIRE_CLOSING);
    } else {
        w->close_deadline = LP2P_MIN(w->close_deadline, deadline);
    }
    wire_kick(c);
}

static void wire_abort(struct lp2p_carrier *c)
{
    struct wire *w = wire_of(c);
    LP2P_ASSERT(w->io != NULL); /* not from on_closed */
    w->aborted = true;
    w->state = WIRE_ENDED;
    wire_release(w);
    if (!w->busy) {
        wire_free(w);
    }
}

static uint64_t wire_bytes_in(const struct lp2p_carrier *c)
{
    return wire_of(c)->bytes_in;
}

static uint64_t wire_bytes_out(const struct lp2p_carrier *c)
{
    return wire_of(c)->bytes_out;
}

/* ---- making one ---- */

static const struct lp2p_carrier_ops wire_ops = {
    .conn = wire_conn,
    .kick = wire_kick,
    .close = wire_close,
    .abort = wire_abort,
    .bytes_in = wire_bytes_in,
    .bytes_out = wire_bytes_out,
};

static const struct lp2p_io_events wire_io_events = {
    .on_connect = wire_on_connect,
    .on_readable = wire_on_readable,
    .on_writable = wire_on_writable,
};

static void wire_fill(struct wire *w, struct lp2p_wire_host *host, const struct wire_start *start)
{
    const struct lp2p_dial *how = start->how;
    w->carrier.ops = &wire_ops;
    w->host = host;
    w->cfg = *start->cfg;
    w->maker = start->maker;
    w->io = start->io;
    w->role = how == NULL ? LP2P_CONN_LISTENER : LP2P_CONN_DIALER;
    w->state = how == NULL ? WIRE_RUNNING : WIRE_CONNECTING;
    if (how != NULL && how->expected != NULL) {
        w->expected = *how->expected;
    }
    w->timer_at = LP2P_TS_NEVER;
    w->write_deadline = LP2P_TS_NEVER;
    w->close_deadline = LP2P_TS_NEVER;
    w->task = (struct lp2p_task){.fn = wire_on_task, .ctx = w};
}

int lp2p_wire_make(struct lp2p_wire_host *host, const struct wire_start *start,
                   struct lp2p_carrier **ret)
{
    struct lp2p_env *env = host->env;
    struct wire *w = lp2p_calloc(env->mem, 1, sizeof(*w));
    int err = w == NULL ? -LP2P_E_NOMEM : env->ops->timer_init(env, &w->timer, wire_on_timer, w);
    if (err != 0) {
        lp2p_free(env->mem, w);
        start->io->ops->close(start->io, true);
        return err;
    }
    wire_fill(w, host, start);
    err = start->how == NULL ? wire_make_conn(w) : 0;
    if (err != 0) {
        wire_abort(&w->carrier);
        return err;
    }
    w->io->ops->start(w->io, &wire_io_events, w);
    env->ops->defer(env, &w->task); /* the first turn: deadlines, and what the engine has to say */
    *ret = &w->carrier;
    return 0;
}

const struct lp2p_io *lp2p_wire_io(const struct lp2p_carrier *c)
{
    return wire_of(c)->io;
}
