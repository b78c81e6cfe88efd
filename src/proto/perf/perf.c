#include "proto/perf/perf.h"

#include <string.h>

#include "base/assert.h"

static bool is_finished(const struct lp2p_perf_stream *e)
{
    return e->state == LP2P_PERF_ST_DONE || e->state == LP2P_PERF_ST_FAILED;
}

static void set_state(struct lp2p_perf_stream *e, enum lp2p_perf_state to)
{
    LP2P_ASSERT(!is_finished(e));
    if (to == LP2P_PERF_ST_RECEIVING) {
        LP2P_ASSERT(e->role == LP2P_PERF_CLIENT);
    } else if (to == LP2P_PERF_ST_SENDING) {
        LP2P_ASSERT(e->role == LP2P_PERF_SERVER);
    }
    e->state = to;
    if (is_finished(e)) {
        e->deadline = LP2P_TS_NEVER;
    }
}

static int fail(struct lp2p_perf_stream *e, int code, enum lp2p_error_class class_)
{
    set_state(e, LP2P_PERF_ST_FAILED);
    e->failure = (struct lp2p_failure){.code = code, .class_ = class_, .where = "perf"};
    e->close_pending = false;
    return code;
}

static void put_count(uint8_t *p, uint64_t n)
{
    for (size_t i = LP2P_PERF_HEAD_SIZE; i > 0; i--) {
        p[i - 1] = (uint8_t)n;
        n >>= 8;
    }
}

static uint64_t get_count(const uint8_t *p)
{
    uint64_t n = 0;
    for (size_t i = 0; i < LP2P_PERF_HEAD_SIZE; i++) {
        n = (n << 8) | p[i];
    }
    return n;
}

void lp2p_perf_init(struct lp2p_perf_stream *e, const struct lp2p_perf_cfg *cfg,
                    enum lp2p_perf_role role, lp2p_ts now)
{
    LP2P_ASSERT(cfg->block.n > 0);
    *e = (struct lp2p_perf_stream){
        .cfg = *cfg,
        .role = role,
        .state = role == LP2P_PERF_CLIENT ? LP2P_PERF_ST_SENDING : LP2P_PERF_ST_RECEIVING,
        .head_left = LP2P_PERF_HEAD_SIZE,
        .out_left = role == LP2P_PERF_CLIENT ? cfg->upload : 0,
        .deadline = now + LP2P_PERF_TIMEOUT,
    };
    if (role == LP2P_PERF_CLIENT) {
        put_count(e->head, cfg->download);
    }
}

void lp2p_perf_fini(struct lp2p_perf_stream *e)
{
    *e = (struct lp2p_perf_stream){.state = LP2P_PERF_ST_DONE, .deadline = LP2P_TS_NEVER};
}

/* The server's request comes first. */
static size_t take_head(struct lp2p_perf_stream *e, const uint8_t *bytes, size_t n)
{
    size_t take = e->role == LP2P_PERF_SERVER ? LP2P_MIN(n, (size_t)e->head_left) : 0;
    if (take > 0) {
        memcpy(e->head + LP2P_PERF_HEAD_SIZE - e->head_left, bytes, take);
        e->head_left = (uint8_t)(e->head_left - take);
    }
    return take;
}

int lp2p_perf_recv(struct lp2p_perf_stream *e, lp2p_ts now, const uint8_t *bytes, size_t n,
                   size_t *ret_used)
{
    if (is_finished(e)) {
        *ret_used = e->failure.code == 0 ? n : 0;
        return e->failure.code;
    }
    *ret_used = n;
    if (n == 0) {
        return 0;
    }
    size_t payload = n - take_head(e, bytes, n);
    /* Nothing comes behind the end of a direction, and no answer before that of the question. */
    if (e->state != LP2P_PERF_ST_RECEIVING ||
        (e->role == LP2P_PERF_CLIENT && payload > e->cfg.download - e->in)) {
        return fail(e, -LP2P_E_PROTO, LP2P_CLASS_OURS);
    }
    e->in += payload;
    e->deadline = now + LP2P_PERF_TIMEOUT;
    return 0;
}

/* Ends our direction once nothing is left. */
static void finish_sending(struct lp2p_perf_stream *e)
{
    if (e->head_left > 0 || e->out_left > 0) {
        return; /* the server's head is complete by now */
    }
    e->close_pending = true;
    if (e->role == LP2P_PERF_CLIENT) {
        set_state(e, LP2P_PERF_ST_RECEIVING);
    } else {
        set_state(e, LP2P_PERF_ST_DONE);
        e->done_pending = true;
    }
}

int lp2p_perf_recv_eof(struct lp2p_perf_stream *e, lp2p_ts now)
{
    if (is_finished(e)) {
        return e->failure.code;
    }
    if (e->role == LP2P_PERF_CLIENT) {
        if (e->state != LP2P_PERF_ST_RECEIVING || e->in < e->cfg.download) {
            return fail(e, -LP2P_E_EOF, LP2P_CLASS_THEIRS);
        }
        set_state(e, LP2P_PERF_ST_DONE);
        e->done_pending = true;
        return 0;
    }
    if (e->state == LP2P_PERF_ST_RECEIVING) {
        if (e->head_left > 0) {
            return fail(e, -LP2P_E_EOF, LP2P_CLASS_THEIRS);
        }
        e->out_left = get_count(e->head);
        e->deadline = now + LP2P_PERF_TIMEOUT;
        set_state(e, LP2P_PERF_ST_SENDING);
        finish_sending(e);
    }
    return 0;
}

bool lp2p_perf_event(struct lp2p_perf_stream *e, struct lp2p_perf_event *ret)
{
    if (e->close_pending) {
        e->close_pending = false;
        *ret = (struct lp2p_perf_event){.type = LP2P_PERF_EV_CLOSE};
        return true;
    }
    if (e->done_pending) {
        e->done_pending = false;
        *ret = (struct lp2p_perf_event){.type = LP2P_PERF_EV_DONE};
        return true;
    }
    return false;
}

struct lp2p_span lp2p_perf_out(struct lp2p_perf_stream *e)
{
    if (e->state != LP2P_PERF_ST_SENDING) {
        return lp2p_span(NULL, 0);
    }
    if (e->role == LP2P_PERF_CLIENT && e->head_left > 0) {
        /* By itself: js reads the count from the first chunk only (DIGEST 15). */
        return lp2p_span(e->head + LP2P_PERF_HEAD_SIZE - e->head_left, e->head_left);
    }
    /* From its start again after a partial write: the peer counts and does not compare. */
    return lp2p_span(e->cfg.block.p, (size_t)LP2P_MIN(e->out_left, (uint64_t)e->cfg.block.n));
}

void lp2p_perf_out_done(struct lp2p_perf_stream *e, lp2p_ts now, size_t n)
{
    LP2P_ASSERT(n <= lp2p_perf_out(e).n);
    if (n == 0) {
        return;
    }
    if (e->role == LP2P_PERF_CLIENT && e->head_left > 0) {
        e->head_left = (uint8_t)(e->head_left - n);
    } else {
        e->out_left -= n;
        e->out += n;
    }
    e->deadline = now + LP2P_PERF_TIMEOUT;
    finish_sending(e);
}

lp2p_ts lp2p_perf_deadline(const struct lp2p_perf_stream *e)
{
    return e->deadline;
}

int lp2p_perf_tick(struct lp2p_perf_stream *e, lp2p_ts now)
{
    if (!is_finished(e) && now >= e->deadline) {
        return fail(e, -LP2P_E_TIMEOUT, LP2P_CLASS_LOCAL);
    }
    return e->failure.code;
}

const struct lp2p_failure *lp2p_perf_error(const struct lp2p_perf_stream *e)
{
    return &e->failure;
}
