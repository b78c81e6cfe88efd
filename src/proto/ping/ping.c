#include "proto/ping/ping.h"

#include "base/assert.h"

static void set_state(struct lp2p_ping_stream *e, enum lp2p_ping_state to)
{
    LP2P_ASSERT(e->state == LP2P_PING_ST_OPEN || e->state == LP2P_PING_ST_WAITING);
    LP2P_ASSERT(to != LP2P_PING_ST_WAITING || e->role == LP2P_PING_PINGER);
    e->state = to;
    if (to == LP2P_PING_ST_DONE || to == LP2P_PING_ST_FAILED) {
        e->deadline = LP2P_TS_NEVER;
    }
}

static bool is_finished(const struct lp2p_ping_stream *e)
{
    return e->state == LP2P_PING_ST_DONE || e->state == LP2P_PING_ST_FAILED;
}

static int fail(struct lp2p_ping_stream *e, int code, enum lp2p_error_class class_)
{
    set_state(e, LP2P_PING_ST_FAILED);
    e->failure = (struct lp2p_failure){.code = code, .class_ = class_, .where = "ping"};
    e->out = 0;
    return code;
}

void lp2p_ping_init(struct lp2p_ping_stream *e, const struct lp2p_ping_cfg *cfg,
                    enum lp2p_ping_role role, lp2p_ts now)
{
    *e = (struct lp2p_ping_stream){
        .cfg = *cfg,
        .role = role,
        .deadline = role == LP2P_PING_RESPONDER ? now + LP2P_PING_TIMEOUT : LP2P_TS_NEVER,
    };
}

void lp2p_ping_fini(struct lp2p_ping_stream *e)
{
    *e = (struct lp2p_ping_stream){.state = LP2P_PING_ST_DONE};
}

/* Ends in order once the last echo is out. */
static void finish_when_sent(struct lp2p_ping_stream *e)
{
    if (e->out == 0) {
        set_state(e, LP2P_PING_ST_DONE);
        e->close_pending = true;
    }
}

static size_t responder_recv(struct lp2p_ping_stream *e, const uint8_t *bytes, size_t n)
{
    if (e->out > 0) {
        return 0; /* the peer reads its echo first */
    }
    size_t take = LP2P_MIN(n, (size_t)(LP2P_PING_SIZE - e->in));
    if (take > 0) {
        memcpy(e->data + e->in, bytes, take);
    }
    e->in = (uint8_t)(e->in + take);
    if (e->in == LP2P_PING_SIZE) {
        e->in = 0;
        e->out = LP2P_PING_SIZE;
    }
    return take;
}

static int pinger_recv(struct lp2p_ping_stream *e, lp2p_ts now, const uint8_t *bytes, size_t n)
{
    size_t owed = 0; /* an echo cannot be ahead of what was sent */
    if (e->state == LP2P_PING_ST_WAITING) {
        owed = LP2P_MIN(n, (size_t)LP2P_PING_SIZE - e->out - e->in);
    }
    if (owed > 0 && memcmp(e->data + e->in, bytes, owed) != 0) {
        return fail(e, -LP2P_E_PROTO, LP2P_CLASS_OURS);
    }
    e->in = (uint8_t)(e->in + owed);
    if (e->state == LP2P_PING_ST_WAITING && e->in == LP2P_PING_SIZE) {
        set_state(e, LP2P_PING_ST_OPEN);
        e->rtt = now - e->sent;
        e->pong_pending = true;
        e->deadline = LP2P_TS_NEVER;
    }
    return owed < n ? fail(e, -LP2P_E_PROTO, LP2P_CLASS_OURS) : 0;
}

int lp2p_ping_recv(struct lp2p_ping_stream *e, lp2p_ts now, const uint8_t *bytes, size_t n,
                   size_t *ret_used)
{
    if (is_finished(e)) {
        *ret_used = e->failure.code == 0 ? n : 0;
        return e->failure.code;
    }
    if (e->role == LP2P_PING_PINGER) {
        *ret_used = n;
        return pinger_recv(e, now, bytes, n);
    }
    *ret_used = responder_recv(e, bytes, n);
    return 0;
}

int lp2p_ping_recv_eof(struct lp2p_ping_stream *e, lp2p_ts now)
{
    (void)now;
    if (is_finished(e)) {
        return e->failure.code;
    }
    if (e->state == LP2P_PING_ST_WAITING) {
        return fail(e, -LP2P_E_EOF, LP2P_CLASS_THEIRS);
    }
    e->eof = true;
    finish_when_sent(e);
    return 0;
}

bool lp2p_ping_event(struct lp2p_ping_stream *e, struct lp2p_ping_event *ret)
{
    if (e->pong_pending) {
        e->pong_pending = false;
        *ret = (struct lp2p_ping_event){.type = LP2P_PING_EV_PONG, .rtt = e->rtt};
        return true;
    }
    if (e->close_pending) {
        e->close_pending = false;
        *ret = (struct lp2p_ping_event){.type = LP2P_PING_EV_CLOSE};
        return true;
    }
    return false;
}

struct lp2p_span lp2p_ping_out(struct lp2p_ping_stream *e)
{
    return lp2p_span(e->data + LP2P_PING_SIZE - e->out, e->out);
}

void lp2p_ping_out_done(struct lp2p_ping_stream *e, lp2p_ts now, size_t n)
{
    LP2P_ASSERT(n <= e->out);
    e->out = (uint8_t)(e->out - n);
    if (n == 0 || e->out > 0 || e->role == LP2P_PING_PINGER || is_finished(e)) {
        return;
    }
    e->deadline = now + LP2P_PING_TIMEOUT;
    if (e->eof) {
        finish_when_sent(e);
    }
}

int lp2p_ping_send(struct lp2p_ping_stream *e, lp2p_ts now)
{
    LP2P_ASSERT(e->role == LP2P_PING_PINGER);
    if (is_finished(e) || e->eof) {
        return -LP2P_E_STATE;
    }
    if (e->state == LP2P_PING_ST_WAITING || e->pong_pending) {
        return -LP2P_E_AGAIN;
    }
    lp2p_random_fill(e->cfg.random, e->data, LP2P_PING_SIZE);
    set_state(e, LP2P_PING_ST_WAITING);
    e->in = 0;
    e->out = LP2P_PING_SIZE;
    e->sent = now;
    e->deadline = now + LP2P_PING_TIMEOUT;
    return 0;
}

void lp2p_ping_close(struct lp2p_ping_stream *e)
{
    if (!is_finished(e)) {
        e->out = 0;
        finish_when_sent(e);
    }
}

lp2p_ts lp2p_ping_deadline(const struct lp2p_ping_stream *e)
{
    return e->deadline;
}

int lp2p_ping_tick(struct lp2p_ping_stream *e, lp2p_ts now)
{
    if (!is_finished(e) && now >= e->deadline) {
        return fail(e, -LP2P_E_TIMEOUT, LP2P_CLASS_LOCAL);
    }
    return e->failure.code;
}

const struct lp2p_failure *lp2p_ping_error(const struct lp2p_ping_stream *e)
{
    return &e->failure;
}
