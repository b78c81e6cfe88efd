#include "base/assert.h"
#include "proto/yamux/yamux_priv.h"

int lp2p_yamux_open(struct lp2p_yamux *e, struct lp2p_yamux_stream **ret)
{
    const struct lp2p_yamux_limits *l = &e->cfg.limits;
    LP2P_TRY(e->failure.code);
    if (e->goaway_seen || e->goaway_sent) {
        return -LP2P_E_GOAWAY;
    }
    if (e->next_id > UINT32_MAX - 2) {
        return -LP2P_E_LIMIT;
    }
    if (e->n_out >= l->streams_out || e->unacked >= l->ack_backlog ||
        lp2p_scope_reserve(e->cfg.scope, LP2P_SCOPE_STREAMS_OUT, 1) != 0) {
        return -LP2P_E_AGAIN;
    }
    struct lp2p_yamux_stream *s;
    int err = lp2p_yamux_stream_new(e, e->next_id, true, &s);
    if (err != 0) {
        lp2p_scope_release(e->cfg.scope, LP2P_SCOPE_STREAMS_OUT, 1);
        return err;
    }
    e->next_id += 2;
    lp2p_yamux_owe(e, s, LP2P_YAMUX_OWE_SYN);
    *ret = s;
    return 0;
}

void lp2p_yamux_set_user(struct lp2p_yamux_stream *s, void *user)
{
    s->user = user;
}

void *lp2p_yamux_user(const struct lp2p_yamux_stream *s)
{
    return s->user;
}

uint32_t lp2p_yamux_id(const struct lp2p_yamux_stream *s)
{
    return s->id;
}

/* What of `bytes` goes into one frame; 0: no room. */
static size_t write_size(const struct lp2p_yamux *e, const struct lp2p_yamux_stream *s, size_t n,
                         size_t room)
{
    size_t head = lp2p_yamux_control_size(e) + LP2P_YAMUX_HEADER_SIZE;
    if (room <= head) {
        return 0;
    }
    size_t most = lp2p_yamux_turns_compete(&e->turns, &s->turn) ? LP2P_YAMUX_FRAME_SHARE
                                                                : LP2P_YAMUX_FRAME_MAX;
    n = LP2P_MIN(n, LP2P_MIN(most, room - head));
    return LP2P_MIN(n, s->send_window);
}

/* Queues the data frame; what the stream owes to open or accept goes with it. */
static void write_lend(struct lp2p_yamux *e, struct lp2p_yamux_stream *s, struct lp2p_span bytes)
{
    unsigned flags = ((s->owed & LP2P_YAMUX_OWE_SYN) != 0 ? LP2P_YAMUX_SYN : 0U) |
                     ((s->owed & LP2P_YAMUX_OWE_ACK) != 0 ? LP2P_YAMUX_ACK : 0U);
    lp2p_yamux_owe_less(s, LP2P_YAMUX_OWE_SYN | LP2P_YAMUX_OWE_ACK);
    e->lent = true;
    e->lent_bytes = bytes;
    e->lent_frame = (struct lp2p_yamux_frame){
        .type = LP2P_YAMUX_DATA,
        .flags = (uint16_t)flags,
        .id = s->id,
        .length = (uint32_t)bytes.n,
    };
    s->send_window -= (uint32_t)bytes.n;
    s->unupdated += s->unupdated < LP2P_YAMUX_LATE_FRAMES_MAX ? 1 : 0;
}

/* Where the stream stands after a write that left `left` bytes. */
static void write_queue(struct lp2p_yamux *e, struct lp2p_yamux_stream *s, size_t left,
                        bool room_bound)
{
    lp2p_yamux_turns_leave(&s->turn);
    if (left == 0) {
        return;
    }
    if (s->send_window == 0) {
        s->want_window = true;
        return;
    }
    if (room_bound) {
        e->turns.awake = false;
    }
    lp2p_yamux_turns_wait(&e->turns, &s->turn);
}

int lp2p_yamux_write(struct lp2p_yamux *e, struct lp2p_yamux_stream *s, struct lp2p_span bytes,
                     size_t room, size_t *ret_n)
{
    LP2P_ASSERT(!e->lent && e->lent_bytes.n == 0);
    LP2P_TRY(e->failure.code);
    if (s->state == LP2P_YAMUX_ST_RESET) {
        return -LP2P_E_RESET;
    }
    if (!lp2p_yamux_stream_can_send(s)) {
        return -LP2P_E_STATE;
    }
    if (bytes.n == 0) {
        *ret_n = 0;
        return 0;
    }
    if (s->send_window == 0) {
        lp2p_yamux_turns_leave(&s->turn);
        s->want_window = true;
        return -LP2P_E_AGAIN;
    }
    if (!lp2p_yamux_turns_may(&e->turns, &s->turn)) {
        lp2p_yamux_turns_wait(&e->turns, &s->turn);
        return -LP2P_E_AGAIN;
    }
    size_t control = lp2p_yamux_control_size(e);
    size_t n = write_size(e, s, bytes.n, room);
    if (n == 0) {
        lp2p_yamux_turns_miss(&e->turns, &s->turn);
        return -LP2P_E_AGAIN;
    }
    write_lend(e, s, lp2p_span(bytes.p, n));
    write_queue(e, s, bytes.n - n, control + LP2P_YAMUX_HEADER_SIZE + n >= room);
    *ret_n = n;
    return 0;
}

void lp2p_yamux_wake(struct lp2p_yamux *e)
{
    lp2p_yamux_turns_wake(&e->turns);
}

void lp2p_yamux_consume(struct lp2p_yamux *e, lp2p_ts now, struct lp2p_yamux_stream *s, size_t n)
{
    /* A reset gave all of it back already. */
    if (s->state == LP2P_YAMUX_ST_RESET || n == 0) {
        return;
    }
    LP2P_ASSERT(n <= s->recv.unread);
    /* A window that nothing more comes through does not grow. */
    lp2p_ts rtt = lp2p_yamux_stream_can_recv(s) ? e->rtt_base : 0;
    lp2p_yamux_window_consume(&s->recv, &e->budget, now, rtt, (uint32_t)n);
    lp2p_yamux_owe_window(e, s);
}

int lp2p_yamux_close_write(struct lp2p_yamux *e, struct lp2p_yamux_stream *s)
{
    LP2P_TRY(e->failure.code);
    if (s->state == LP2P_YAMUX_ST_RESET) {
        return -LP2P_E_RESET;
    }
    if (!lp2p_yamux_stream_can_send(s)) {
        return -LP2P_E_STATE;
    }
    lp2p_yamux_stream_end_local(s);
    lp2p_yamux_turns_leave(&s->turn);
    s->want_window = false;
    lp2p_yamux_owe(e, s, LP2P_YAMUX_OWE_FIN);
    lp2p_yamux_settle(e, s);
    return 0;
}

void lp2p_yamux_reset(struct lp2p_yamux *e, struct lp2p_yamux_stream *s, uint32_t code)
{
    lp2p_yamux_drop_events(e, s);
    if (lp2p_yamux_stream_is_over(s)) {
        return;
    }
    bool known = (s->owed & LP2P_YAMUX_OWE_SYN) == 0;
    lp2p_yamux_expect_late(e, known ? s->recv.credit : 0, 0);
    lp2p_yamux_kill(e, s);
    if (known) {
        s->reset_code = code;
        lp2p_yamux_owe(e, s, LP2P_YAMUX_OWE_RST);
    }
    lp2p_yamux_settle(e, s);
}

void lp2p_yamux_release(struct lp2p_yamux *e, struct lp2p_yamux_stream *s)
{
    LP2P_ASSERT(!s->released);
    lp2p_yamux_reset(e, s, LP2P_YAMUX_NORMAL);
    s->released = true;
    s->user = NULL;
    lp2p_yamux_settle(e, s);
}

void lp2p_yamux_goaway(struct lp2p_yamux *e, uint32_t code)
{
    if (e->goaway_sent) {
        return;
    }
    e->goaway_sent = true;
    e->goaway_owed = true;
    e->goaway_code = code;
}
