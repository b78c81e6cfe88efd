#include "env/sim/stream_priv.h"

#include <string.h>

/* Bytes that wait between two sockets, both buffers together: as Linux begins. */
#define STREAM_BUFFER (256U * 1024U)
/* A socket polls writable when this much is free: Linux wants a third. */
#define STREAM_WRITABLE (STREAM_BUFFER / 4U)
/* Bytes that have one fate on the wire. */
#define STREAM_CHUNK (64U * 1024U)
/* Chunks under way with a time of their own; further ones arrive with the last. */
#define STREAM_MAX_CHUNKS 1024U
/* TCP_USER_TIMEOUT, as env/uv sets it. */
#define STREAM_PATIENCE LP2P_SEC(10)

static struct sim_end *end_of(const struct lp2p_io *io)
{
    return LP2P_CONTAINER((uintptr_t)io, struct sim_end, io);
}

static void end_timer(struct sim_end *e, struct lp2p_timer *t, lp2p_ts at)
{
    lp2p_timers_set(&e->pair->sim->timers, t, at);
}

/* ---- the owner is told ---- */

static bool end_is_readable(struct sim_end *e)
{
    const struct sim_end *other = sim_other(e);
    return other->arrived > 0 || other->fin_arrived || e->err != 0;
}

static bool end_is_writable(const struct sim_end *e)
{
    return e->err != 0 || e->credit >= STREAM_WRITABLE;
}

static bool end_has_news(struct sim_end *e)
{
    if (e->closed || e->events == NULL || e->state == SIM_END_SYN_SENT) {
        return false;
    }
    return !e->told || (e->want_read && end_is_readable(e)) ||
           (e->want_write && end_is_writable(e));
}

void sim_end_wake(struct sim_end *e)
{
    if (end_has_news(e)) {
        lp2p_timers_defer(&e->m->timers, &e->ready);
    }
}

static void end_on_ready(void *ctx, lp2p_ts now)
{
    (void)now;
    struct sim_end *e = ctx;
    if (!e->told) {
        e->told = true;
        e->events->on_connect(e->ctx, e->connect_err);
    } else {
        if (e->want_read && end_is_readable(e)) {
            e->events->on_readable(e->ctx);
        }
        if (!e->closed && e->want_write && end_is_writable(e)) {
            e->events->on_writable(e->ctx);
        }
    }
    sim_end_wake(e);
}

/* ---- packets ---- */

bool sim_end_reaches(const struct sim_end *from, const struct sim_end *to,
                     const struct lp2p_sim_link **ret_link)
{
    if (from->m == to->m) {
        *ret_link = NULL;
        return sim_is_own(from->m, &from->local) && sim_is_own(to->m, &to->local);
    }
    const struct sim_iface *f = sim_iface_find(from->m, &from->local);
    const struct sim_iface *t = sim_iface_find(to->m, &to->local);
    if (f == NULL || t == NULL || f->link != t->link || sim_is_cut(from->m, to->m)) {
        return false;
    }
    *ret_link = f->link;
    return true;
}

/* When a packet that leaves now arrives at the other end; one that is lost comes again after the
 * retransmission time-out. What cannot arrive at all is found out then. */
static lp2p_ts end_arrival(struct sim_end *e)
{
    struct lp2p_sim *sim = e->pair->sim;
    const struct lp2p_sim_link *link = NULL;
    (void)sim_end_reaches(e, sim_other(e), &link);
    lp2p_ts at = sim->now + sim_delay(sim, link);
    return sim_is_lost(sim, link) ? at + SIM_RTO : at;
}

void sim_end_send_reset(struct sim_end *e)
{
    struct sim_end *other = sim_other(e);
    bool under_way = other->reset.node.index != 0;
    if (other->state != SIM_END_NONE && other->state != SIM_END_DEAD && !under_way) {
        end_timer(other, &other->reset, end_arrival(e));
    }
}

static void end_on_reset(void *ctx, lp2p_ts now)
{
    (void)now;
    struct sim_end *e = ctx;
    const struct lp2p_sim_link *link;
    if (e->state != SIM_END_DEAD && sim_end_reaches(sim_other(e), e, &link)) {
        sim_trace(e->pair->sim, SIM_TRACE_RESET, e->m->id, e->local.port);
        sim_end_kill(e, -LP2P_E_RESET);
    }
}

void sim_end_kill(struct sim_end *e, int err)
{
    e->state = SIM_END_DEAD;
    e->err = err;
    lp2p_ring_clear(&e->chunks);
    end_timer(e, &e->deliver, LP2P_TS_NEVER);
    end_timer(e, &e->patience, LP2P_TS_NEVER);
    sim_end_wake(e);
    sim_pair_settle(e->pair);
}

/* The next of what is under way, the end of our direction behind it. */
static void end_schedule(struct sim_end *e)
{
    lp2p_ts now = e->pair->sim->now;
    if (e->chunks.len > 0) {
        const struct sim_chunk *head = lp2p_ring_at(&e->chunks, 0);
        end_timer(e, &e->deliver, LP2P_MAX(head->due, now));
    } else if (e->shut && !e->fin_arrived) {
        end_timer(e, &e->deliver, end_arrival(e));
    }
}

/* The receiver acknowledges what came and tells what was read. */
static void end_send_ack(struct sim_end *e)
{
    if (e->acking.node.index == 0) {
        end_timer(e, &e->acking, end_arrival(e));
    }
}

static void end_on_ack(void *ctx, lp2p_ts now)
{
    struct sim_end *e = ctx;
    struct sim_end *sender = sim_other(e);
    const struct lp2p_sim_link *link;
    if (!sim_end_reaches(e, sender, &link)) {
        end_timer(e, &e->acking, now + SIM_RTO);
        return;
    }
    sender->credit += e->freed;
    sender->unacked -= e->ack;
    if (e->ack > 0 && sender->state != SIM_END_DEAD) {
        end_timer(sender, &sender->patience,
                  sender->unacked > 0 ? now + STREAM_PATIENCE : LP2P_TS_NEVER);
    }
    e->freed = 0;
    e->ack = 0;
    sim_end_wake(sender);
}

static void end_arrive(struct sim_end *e, struct sim_end *to)
{
    struct lp2p_sim *sim = e->pair->sim;
    struct sim_chunk chunk;
    if (!lp2p_ring_pop(&e->chunks, &chunk)) {
        sim_trace(sim, SIM_TRACE_FIN, to->m->id, to->local.port);
        e->fin_arrived = true;
        to->ack++;
        return;
    }
    sim_trace(sim, SIM_TRACE_DATA, to->m->id, to->local.port);
    sim_trace_bytes(sim, lp2p_span(e->buf.p + e->buf.off + e->arrived, chunk.n));
    e->arrived += chunk.n;
    to->ack += chunk.n;
}

static void end_on_deliver(void *ctx, lp2p_ts now)
{
    struct sim_end *e = ctx;
    struct sim_end *to = sim_other(e);
    const struct lp2p_sim_link *link;
    if (!sim_end_reaches(e, to, &link)) {
        end_timer(e, &e->deliver, now + e->rto);
        e->rto = LP2P_MIN(e->rto * 2, SIM_RTO_MAX);
        return;
    }
    e->rto = SIM_RTO;
    if (to->state == SIM_END_DEAD || (to->closed && e->chunks.len > 0)) {
        /* Nobody reads it any more. */
        lp2p_ring_clear(&e->chunks);
        sim_end_send_reset(to);
        return;
    }
    end_arrive(e, to);
    end_send_ack(to);
    end_schedule(e);
    sim_end_wake(to);
    sim_pair_settle(e->pair);
}

static void end_on_patience(void *ctx, lp2p_ts now)
{
    (void)now;
    sim_end_kill(ctx, -LP2P_E_TIMEOUT);
}

/* ---- the owner's calls ---- */

static void end_start(struct lp2p_io *io, const struct lp2p_io_events *events, void *ctx)
{
    struct sim_end *e = end_of(io);
    e->events = events;
    e->ctx = ctx;
    sim_end_wake(e);
}

static void end_want(struct lp2p_io *io, bool read, bool write)
{
    struct sim_end *e = end_of(io);
    e->want_read = read;
    e->want_write = write;
    sim_end_wake(e);
}

static int end_read(struct lp2p_io *io, uint8_t *p, size_t n, size_t *ret_n)
{
    struct sim_end *e = end_of(io);
    struct sim_end *from = sim_other(e);
    if (from->arrived == 0) {
        return from->fin_arrived ? -LP2P_E_EOF : e->err != 0 ? e->err : -LP2P_E_AGAIN;
    }
    n = LP2P_MIN(n, from->arrived);
    memcpy(p, lp2p_buf_span(&from->buf).p, n);
    lp2p_buf_consume(&from->buf, n);
    from->arrived -= n;
    e->freed += n;
    end_send_ack(e);
    *ret_n = n;
    return 0;
}

/* Puts `n` bytes of the buffer's end under way. */
static int end_send_chunk(struct sim_end *e, size_t n)
{
    struct sim_chunk *last = e->chunks.len > 0 ? lp2p_ring_at(&e->chunks, e->chunks.len - 1) : NULL;
    struct sim_chunk chunk = {.n = n, .due = end_arrival(e)};
    if (last != NULL) {
        chunk.due = LP2P_MAX(chunk.due, last->due);
        if (chunk.due == last->due || e->chunks.len == STREAM_MAX_CHUNKS) {
            last->n += n;
            return 0;
        }
    }
    return lp2p_ring_push(&e->chunks, &chunk);
}

static int end_send(struct sim_end *e, const uint8_t *p, size_t n)
{
    uint8_t *room;
    LP2P_TRY(lp2p_buf_reserve(&e->buf, n, &room));
    LP2P_TRY(end_send_chunk(e, n));
    memcpy(room, p, n);
    lp2p_buf_commit(&e->buf, n);
    if (e->unacked == 0) {
        end_timer(e, &e->patience, e->pair->sim->now + STREAM_PATIENCE);
    }
    e->credit -= n;
    e->unacked += n;
    return 0;
}

static int end_write(struct lp2p_io *io, const struct lp2p_span *spans, size_t n, size_t *ret_n)
{
    struct sim_end *e = end_of(io);
    if (e->err != 0 || e->shut || e->state != SIM_END_OPEN) {
        return e->err != 0 ? e->err : -LP2P_E_RESET;
    }
    if (e->credit == 0) {
        return -LP2P_E_AGAIN;
    }
    size_t put = 0;
    for (size_t i = 0; i < n; i++) {
        for (size_t off = 0; off < spans[i].n && e->credit > 0;) {
            size_t take = LP2P_MIN(LP2P_MIN(spans[i].n - off, e->credit), STREAM_CHUNK);
            LP2P_TRY(end_send(e, spans[i].p + off, take));
            off += take;
            put += take;
        }
    }
    end_schedule(e);
    *ret_n = put;
    return 0;
}

static void end_shutdown(struct lp2p_io *io)
{
    struct sim_end *e = end_of(io);
    if (e->shut || e->state != SIM_END_OPEN) {
        return;
    }
    e->shut = true;
    if (e->unacked == 0) {
        end_timer(e, &e->patience, e->pair->sim->now + STREAM_PATIENCE);
    }
    e->unacked++; /* the FIN has a number of its own */
    end_schedule(e);
}

static void end_close(struct lp2p_io *io, bool abort)
{
    struct sim_end *e = end_of(io);
    LP2P_ASSERT(!e->closed);
    e->closed = true;
    e->events = NULL;
    lp2p_list_remove(&e->ready.node);
    if (e->state == SIM_END_SYN_SENT || (e->state == SIM_END_OPEN && abort) ||
        (e->state == SIM_END_OPEN && sim_other(e)->arrived > 0)) {
        /* Unread bytes turn the end into a reset, as TCP does. */
        sim_end_send_reset(e);
        sim_end_kill(e, -LP2P_E_CLOSED);
    } else {
        end_shutdown(io);
    }
    sim_pair_settle(e->pair);
}

static void end_addrs(const struct lp2p_io *io, struct lp2p_endpoint *ret_local,
                      struct lp2p_endpoint *ret_remote)
{
    *ret_local = end_of(io)->local;
    *ret_remote = end_of(io)->remote;
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

/* ---- life of a pair ---- */

static bool end_is_idle(const struct sim_end *e)
{
    bool sent = e->chunks.len == 0 && (!e->shut || e->fin_arrived);
    return e->state == SIM_END_NONE || (e->closed && (e->state == SIM_END_DEAD || sent));
}

void sim_pair_settle(struct sim_pair *pair)
{
    if (end_is_idle(&pair->ends[0]) && end_is_idle(&pair->ends[1])) {
        lp2p_timers_set(&pair->sim->timers, &pair->reap, pair->sim->now);
    }
}

/* Its timers, in no order that matters. */
static struct lp2p_timer *pair_timer(struct sim_pair *pair, size_t i)
{
    struct sim_end *e = &pair->ends[i / 4 % 2];
    struct lp2p_timer *of_end[] = {&e->deliver, &e->patience, &e->acking, &e->reset};
    return i < 8 ? of_end[i % 4] : i == 8 ? &pair->handshake : i == 9 ? &pair->reap : NULL;
}

static void pair_free(struct sim_pair *pair)
{
    struct lp2p_sim *sim = pair->sim;
    struct lp2p_timer *t = pair_timer(pair, 0);
    for (size_t i = 0; t != NULL && t->fn != NULL; t = pair_timer(pair, ++i)) {
        lp2p_timers_remove(&sim->timers, t);
    }
    for (size_t i = 0; i < 2; i++) {
        lp2p_buf_fini(&pair->ends[i].buf);
        lp2p_ring_fini(&pair->ends[i].chunks);
        lp2p_list_remove(&pair->ends[i].node);
    }
    lp2p_list_remove(&pair->node);
    lp2p_free(sim->mem, pair);
}

static void pair_on_reap(void *ctx, lp2p_ts now)
{
    (void)now;
    pair_free(ctx);
}

void sim_pairs_free(struct lp2p_sim *sim)
{
    lp2p_list_each_safe (it, &sim->pairs) {
        pair_free(LP2P_CONTAINER(it, struct sim_pair, node));
    }
}

static void end_init(struct sim_pair *pair, struct sim_end *e)
{
    e->io.ops = &end_ops;
    e->pair = pair;
    e->credit = STREAM_BUFFER;
    e->rto = SIM_RTO;
    e->ready = (struct lp2p_task){.fn = end_on_ready, .ctx = e};
    lp2p_buf_init(&e->buf, pair->sim->mem, STREAM_BUFFER);
    lp2p_ring_init(&e->chunks, pair->sim->mem, sizeof(struct sim_chunk), STREAM_MAX_CHUNKS);
}

static int pair_init_timers(struct sim_pair *pair)
{
    static void (*const fns[])(void *ctx, lp2p_ts now) = {end_on_deliver, end_on_patience,
                                                          end_on_ack, end_on_reset};
    for (size_t i = 0; i < 8; i++) {
        struct lp2p_timer *t = pair_timer(pair, i);
        LP2P_TRY(sim_timer_init(pair->sim, t, fns[i % 4], &pair->ends[i / 4]));
    }
    LP2P_TRY(sim_timer_init(pair->sim, &pair->handshake, sim_pair_on_handshake, pair));
    return sim_timer_init(pair->sim, &pair->reap, pair_on_reap, pair);
}

static int pair_new(struct lp2p_sim *sim, struct sim_pair **ret)
{
    struct sim_pair *pair = lp2p_calloc(sim->mem, 1, sizeof(*pair));
    if (pair == NULL) {
        return -LP2P_E_NOMEM;
    }
    pair->sim = sim;
    lp2p_list_add_last(&sim->pairs, &pair->node);
    end_init(pair, &pair->ends[0]);
    end_init(pair, &pair->ends[1]);
    int err = pair_init_timers(pair);
    if (err != 0) {
        pair_free(pair);
        return err;
    }
    *ret = pair;
    return 0;
}

/* ---- connecting ---- */

/* Our address towards `remote`, without port. */
static int connect_source(const struct sim_machine *m, const struct lp2p_connect *how,
                          struct lp2p_endpoint *ret)
{
    bool any = how->local == NULL || lp2p_endpoint_is_unspecified(how->local);
    if (!any && !sim_is_own(m, how->local)) {
        return -LP2P_E_ADDR_NOT_AVAIL;
    }
    if (sim_is_own(m, &how->remote)) {
        *ret = any ? how->remote : *how->local;
        return 0;
    }
    const struct sim_iface *f = sim_route(m, &how->remote, how->local);
    if (f == NULL) {
        return -LP2P_E_UNREACHABLE;
    }
    *ret = f->addr;
    return 0;
}

/* Another connection has the same four numbers. */
static bool connect_is_taken(struct sim_machine *m, const struct lp2p_endpoint *local,
                             const struct lp2p_endpoint *remote)
{
    lp2p_list_each (it, &m->sim->pairs) {
        const struct sim_pair *pair = LP2P_CONTAINER(it, struct sim_pair, node);
        for (size_t i = 0; i < 2; i++) {
            const struct sim_end *e = &pair->ends[i];
            if (e->m == m && e->state != SIM_END_DEAD && lp2p_endpoint_eq(&e->local, local) &&
                lp2p_endpoint_eq(&e->remote, remote)) {
                return true;
            }
        }
    }
    return false;
}

int sim_connect(struct lp2p_env *env, const struct lp2p_connect *how, struct lp2p_io **ret)
{
    struct sim_machine *m = sim_machine(env);
    struct lp2p_endpoint local;
    struct sim_pair *pair;
    LP2P_TRY(connect_source(m, how, &local));
    local.port = how->local != NULL && how->local->port != 0 ? how->local->port : sim_draw_port(m);
    if (connect_is_taken(m, &local, &how->remote)) {
        return -LP2P_E_ADDR_NOT_AVAIL;
    }
    LP2P_TRY(pair_new(m->sim, &pair));
    struct sim_end *e = &pair->ends[0];
    e->m = m;
    e->state = SIM_END_SYN_SENT;
    e->local = local;
    e->remote = how->remote;
    pair->began = m->sim->now;
    pair->stage = SIM_SYN;
    pair->rto = LP2P_SEC(1);
    const struct sim_iface *f = sim_is_own(m, &how->remote) ? NULL : sim_iface_find(m, &local);
    lp2p_ts at = m->sim->now + sim_delay(m->sim, f != NULL ? f->link : NULL);
    lp2p_timers_set(&m->sim->timers, &pair->handshake, at);
    sim_trace(m->sim, SIM_TRACE_CONNECT, m->id, how->remote.port);
    *ret = &e->io;
    return 0;
}
