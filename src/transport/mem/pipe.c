#include "transport/mem/pipe_priv.h"

#include <string.h>

#include "base/assert.h"

static struct mem_end *end_of(const struct lp2p_io *io)
{
    return LP2P_CONTAINER((uintptr_t)io, struct mem_end, io);
}

static struct mem_end *end_other(const struct mem_end *e)
{
    return &e->pipe->ends[e == &e->pipe->ends[0] ? 1 : 0];
}

/* ---- the owner is told ---- */

static bool end_is_readable(const struct mem_end *e)
{
    return e->in.len > 0 || e->err != 0 || end_other(e)->shut;
}

static bool end_is_writable(const struct mem_end *e)
{
    return e->err != 0 || MEM_PIPE_MAX - end_other(e)->in.len >= MEM_PIPE_WRITABLE;
}

static bool end_has_news(const struct mem_end *e)
{
    return e->events != NULL && (e->connecting || (e->want_read && end_is_readable(e)) ||
                                 (e->want_write && end_is_writable(e)));
}

static void end_wake(struct mem_end *e)
{
    if (end_has_news(e)) {
        e->env->ops->defer(e->env, &e->ready);
    }
}

static void pipe_settle(struct mem_pipe *p)
{
    if (p->busy > 0 || !p->ends[0].closed || !p->ends[1].closed) {
        return;
    }
    lp2p_buf_fini(&p->ends[0].in);
    lp2p_buf_fini(&p->ends[1].in);
    lp2p_free(p->mem, p);
}

static void end_on_ready(void *ctx, lp2p_ts now)
{
    (void)now;
    struct mem_end *e = ctx;
    struct mem_pipe *p = e->pipe;
    p->busy++;
    if (e->connecting) {
        e->connecting = false;
        e->events->on_connect(e->ctx, e->connect_err);
    } else {
        if (e->want_read && end_is_readable(e)) {
            e->events->on_readable(e->ctx);
        }
        if (!e->closed && e->want_write && end_is_writable(e)) {
            e->events->on_writable(e->ctx);
        }
    }
    end_wake(e);
    p->busy--;
    pipe_settle(p);
}

/* ---- the stream ---- */

static void end_start(struct lp2p_io *io, const struct lp2p_io_events *events, void *ctx)
{
    struct mem_end *e = end_of(io);
    e->events = events;
    e->ctx = ctx;
    end_wake(e);
}

static void end_want(struct lp2p_io *io, bool read, bool write)
{
    struct mem_end *e = end_of(io);
    e->want_read = read;
    e->want_write = write;
    end_wake(e);
}

static int end_read(struct lp2p_io *io, uint8_t *p, size_t n, size_t *ret_n)
{
    struct mem_end *e = end_of(io);
    LP2P_TRY(e->err);
    if (e->in.len == 0) {
        return end_other(e)->shut ? -LP2P_E_EOF : -LP2P_E_AGAIN;
    }
    n = LP2P_MIN(n, e->in.len);
    memcpy(p, lp2p_buf_span(&e->in).p, n);
    lp2p_buf_consume(&e->in, n);
    lp2p_buf_trim(&e->in);
    end_wake(end_other(e));
    *ret_n = n;
    return 0;
}

static int end_write(struct lp2p_io *io, const struct lp2p_span *spans, size_t n, size_t *ret_n)
{
    struct mem_end *e = end_of(io);
    struct mem_end *to = end_other(e);
    size_t done = 0;
    LP2P_ASSERT(!e->shut);
    LP2P_TRY(e->err);
    if (to->closed) {
        return -LP2P_E_RESET;
    }
    if (to->in.len == MEM_PIPE_MAX) {
        return -LP2P_E_AGAIN;
    }
    for (size_t i = 0; i < n; i++) {
        size_t take = LP2P_MIN(spans[i].n, MEM_PIPE_MAX - to->in.len);
        int err = lp2p_buf_append(&to->in, spans[i].p, take);
        if (err != 0 && done == 0) {
            return err;
        }
        if (err != 0 || take < spans[i].n) {
            done += err == 0 ? take : 0;
            break;
        }
        done += take;
    }
    end_wake(to);
    *ret_n = done;
    return 0;
}

static void end_shutdown(struct lp2p_io *io)
{
    struct mem_end *e = end_of(io);
    e->shut = true;
    end_wake(end_other(e));
}

static void end_close(struct lp2p_io *io, bool abort)
{
    struct mem_end *e = end_of(io);
    struct mem_end *other = end_other(e);
    LP2P_ASSERT(!e->closed);
    /* Unread bytes turn the end into a reset, as TCP does. */
    if (!other->closed && (abort || e->in.len > 0)) {
        other->err = -LP2P_E_RESET;
        lp2p_buf_fini(&other->in);
    }
    e->closed = true;
    e->shut = true;
    e->events = NULL;
    lp2p_list_remove(&e->ready.node);
    lp2p_list_remove(&e->node);
    lp2p_buf_fini(&e->in);
    end_wake(other);
    pipe_settle(e->pipe);
}

/* No IP addresses here; the transport tells the numbers. */
static void end_addrs(const struct lp2p_io *io, struct lp2p_endpoint *ret_local,
                      struct lp2p_endpoint *ret_remote)
{
    (void)io;
    *ret_local = (struct lp2p_endpoint){.family = LP2P_FAMILY_NONE};
    *ret_remote = *ret_local;
}

static const struct lp2p_io_ops end_ops = {
    .start = end_start,
    .want = end_want,
    .read = end_read,
    .write = end_write,
    .shutdown = end_shutdown,
    .close = end_close,
    .addrs = end_addrs,
};

/* ---- life ---- */

static void end_init(struct mem_end *e, struct mem_pipe *p)
{
    e->io.ops = &end_ops;
    e->pipe = p;
    e->ready = (struct lp2p_task){.fn = end_on_ready, .ctx = e};
    lp2p_buf_init(&e->in, p->mem, MEM_PIPE_MAX);
}

int mem_pipe_new(const struct lp2p_mem *mem, struct lp2p_env *dialer, struct mem_end **ret)
{
    struct mem_pipe *p = lp2p_calloc(mem, 1, sizeof(*p));
    if (p == NULL) {
        return -LP2P_E_NOMEM;
    }
    p->mem = mem;
    end_init(&p->ends[0], p);
    end_init(&p->ends[1], p);
    p->ends[0].env = dialer;
    p->ends[0].connecting = true;
    p->ends[1].closed = true;
    *ret = &p->ends[0];
    return 0;
}

struct mem_end *mem_pipe_join(struct mem_end *dialer, struct lp2p_env *listener)
{
    struct mem_end *e = end_other(dialer);
    e->env = listener;
    e->closed = false;
    return e;
}

void mem_pipe_refuse(struct mem_end *dialer)
{
    dialer->connect_err = -LP2P_E_REFUSED;
    dialer->err = -LP2P_E_REFUSED;
}
