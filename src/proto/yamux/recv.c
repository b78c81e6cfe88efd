#include "base/assert.h"
#include "proto/yamux/yamux_priv.h"

/* libp2p error codes, streams: resource limit exceeded. */
#define CODE_RESOURCE_LIMIT 0x1002U

static void event_push(struct lp2p_yamux *e, struct lp2p_yamux_event ev)
{
    LP2P_ASSERT(e->n_events < LP2P_YAMUX_EVENTS_MAX);
    e->events[(e->first_event + e->n_events) % LP2P_YAMUX_EVENTS_MAX] = ev;
    e->n_events++;
}

bool lp2p_yamux_event(struct lp2p_yamux *e, struct lp2p_yamux_event *ret)
{
    if (e->n_events > 0) {
        *ret = e->events[e->first_event];
        e->first_event = (uint8_t)((e->first_event + 1U) % LP2P_YAMUX_EVENTS_MAX);
        e->n_events--;
        return true;
    }
    struct lp2p_yamux_turner *t = e->failure.code == 0 ? lp2p_yamux_turns_next(&e->turns) : NULL;
    if (t == NULL) {
        return false;
    }
    *ret = (struct lp2p_yamux_event){
        .type = LP2P_YAMUX_EV_WRITABLE,
        .stream = LP2P_CONTAINER(t, struct lp2p_yamux_stream, turn),
    };
    return true;
}

void lp2p_yamux_drop_events(struct lp2p_yamux *e, const struct lp2p_yamux_stream *s)
{
    for (uint8_t n = e->n_events; n > 0; n--) {
        struct lp2p_yamux_event ev = e->events[e->first_event];
        e->first_event = (uint8_t)((e->first_event + 1U) % LP2P_YAMUX_EVENTS_MAX);
        e->n_events--;
        if (ev.stream != s) {
            event_push(e, ev);
        }
    }
}

static int recv_proto(struct lp2p_yamux *e)
{
    return lp2p_yamux_fail(e, -LP2P_E_PROTO, LP2P_YAMUX_PROTOCOL_ERROR);
}

/* A useless frame. */
static int recv_charge(struct lp2p_yamux *e, lp2p_ts now)
{
    if (lp2p_bucket_take(&e->abuse, now)) {
        return 0;
    }
    return lp2p_yamux_fail(e, -LP2P_E_ABUSE, LP2P_YAMUX_PROTOCOL_ERROR);
}

/* A frame for a stream that is gone, or never was: ignored (nim-libp2p#1645), charged unless it may
 * have been under way when we ended the stream. */
static int recv_late(struct lp2p_yamux *e, lp2p_ts now, const struct lp2p_yamux_frame *f)
{
    if (f->type == LP2P_YAMUX_DATA && f->length > e->cfg.limits.window_max) {
        /* No stream ever had such a window. */
        return recv_proto(e);
    }
    if (f->type == LP2P_YAMUX_DATA && f->length > 0 && f->length <= e->late_bytes) {
        e->late_bytes -= f->length;
        return 0;
    }
    if ((f->type == LP2P_YAMUX_WINDOW || f->length == 0) && e->late_frames > 0) {
        e->late_frames--;
        return 0;
    }
    return recv_charge(e, now);
}

/* Answers a SYN that cannot be accepted; it costs what a SYN and RST of the peer cost. What the
 * peer sends before it knows (go: its request and a FIN, in one flight with the SYN) is free. */
static int recv_refuse(struct lp2p_yamux *e, lp2p_ts now, uint32_t id)
{
    struct lp2p_yamux_refusal r = {.id = id, .code = CODE_RESOURCE_LIMIT};
    if (lp2p_ring_push(&e->refusals, &r) != 0) {
        return lp2p_yamux_fail(e, -LP2P_E_NOMEM, LP2P_YAMUX_INTERNAL_ERROR);
    }
    lp2p_yamux_expect_late(e, LP2P_YAMUX_WINDOW_START, LP2P_YAMUX_LATE_FRAMES);
    return recv_charge(e, now);
}

/* What a new stream of the peer must satisfy before anything is made for it (CVE-2026-32314). */
static bool syn_is_valid(const struct lp2p_yamux *e, const struct lp2p_yamux_frame *f, bool live)
{
    bool theirs = (f->id % 2 == 1) == (e->role == LP2P_YAMUX_SERVER);
    if (live || !theirs) {
        return false;
    }
    if (f->type == LP2P_YAMUX_DATA) {
        return f->length <= LP2P_YAMUX_WINDOW_START;
    }
    return (f->flags & LP2P_YAMUX_RST) != 0 || f->length <= UINT32_MAX - LP2P_YAMUX_WINDOW_START;
}

/* SYN: `*ret` is the new stream, or NULL when it was refused and the frame is to be ignored. */
static int recv_syn(struct lp2p_yamux *e, lp2p_ts now, const struct lp2p_yamux_frame *f,
                    struct lp2p_yamux_stream **ret)
{
    struct lp2p_yamux_stream *live = *ret;
    *ret = NULL;
    if (!syn_is_valid(e, f, live != NULL)) {
        return recv_proto(e);
    }
    if ((f->flags & LP2P_YAMUX_RST) != 0) {
        return recv_charge(e, now);
    }
    if (e->goaway_sent || e->goaway_seen || e->n_in >= e->cfg.limits.streams_in ||
        lp2p_scope_reserve(e->cfg.scope, LP2P_SCOPE_STREAMS_IN, 1) != 0) {
        return recv_refuse(e, now, f->id);
    }
    if (lp2p_yamux_stream_new(e, f->id, false, ret) != 0) {
        lp2p_scope_release(e->cfg.scope, LP2P_SCOPE_STREAMS_IN, 1);
        return lp2p_yamux_fail(e, -LP2P_E_NOMEM, LP2P_YAMUX_INTERNAL_ERROR);
    }
    lp2p_yamux_owe(e, *ret, LP2P_YAMUX_OWE_ACK);
    event_push(e, (struct lp2p_yamux_event){.type = LP2P_YAMUX_EV_STREAM, .stream = *ret});
    return 0;
}

static int recv_ack(struct lp2p_yamux *e, lp2p_ts now, struct lp2p_yamux_stream *s)
{
    if (!s->outbound || s->acked || (s->owed & LP2P_YAMUX_OWE_SYN) != 0) {
        return recv_charge(e, now);
    }
    s->acked = true;
    e->unacked--;
    event_push(e, (struct lp2p_yamux_event){.type = LP2P_YAMUX_EV_ACK, .stream = s});
    return 0;
}

static int recv_rst(struct lp2p_yamux *e, lp2p_ts now, struct lp2p_yamux_stream *s, uint32_t code)
{
    bool useless = !s->outbound && !s->had_data;
    lp2p_yamux_kill(e, s);
    event_push(e,
               (struct lp2p_yamux_event){.type = LP2P_YAMUX_EV_RESET, .stream = s, .code = code});
    lp2p_yamux_settle(e, s);
    return useless ? recv_charge(e, now) : 0;
}

static int recv_fin(struct lp2p_yamux *e, lp2p_ts now, struct lp2p_yamux_stream *s)
{
    if (!lp2p_yamux_stream_can_recv(s)) {
        return recv_charge(e, now);
    }
    lp2p_yamux_stream_end_remote(s);
    lp2p_yamux_owe_less(s, LP2P_YAMUX_OWE_WINDOW);
    event_push(e, (struct lp2p_yamux_event){.type = LP2P_YAMUX_EV_FIN, .stream = s});
    lp2p_yamux_settle(e, s);
    return 0;
}

/* The last byte of a data frame is in. */
static int recv_body_end(struct lp2p_yamux *e, lp2p_ts now)
{
    struct lp2p_yamux_stream *s = e->body;
    e->body = NULL;
    if (s == NULL) {
        return 0;
    }
    if (e->body_fin) {
        return recv_fin(e, now, s);
    }
    lp2p_yamux_owe_window(e, s);
    return 0;
}

static int data_on_stream(struct lp2p_yamux *e, lp2p_ts now, const struct lp2p_yamux_frame *f,
                          struct lp2p_yamux_stream *s)
{
    if (f->length > s->recv.credit) {
        return recv_proto(e);
    }
    /* The peer cannot know our stream before its SYN is out. */
    if ((s->owed & LP2P_YAMUX_OWE_SYN) != 0) {
        return recv_charge(e, now);
    }
    if ((f->flags & LP2P_YAMUX_ACK) != 0) {
        LP2P_TRY(recv_ack(e, now, s));
    }
    if ((f->flags & LP2P_YAMUX_RST) != 0) {
        return recv_rst(e, now, s, 0);
    }
    s->recv.credit -= f->length;
    if (!lp2p_yamux_stream_can_recv(s) ||
        (f->length == 0 && (f->flags & (LP2P_YAMUX_SYN | LP2P_YAMUX_ACK | LP2P_YAMUX_FIN)) == 0)) {
        return recv_charge(e, now);
    }
    s->had_data = s->had_data || f->length > 0;
    e->body = s;
    e->body_fin = (f->flags & LP2P_YAMUX_FIN) != 0;
    return f->length == 0 ? recv_body_end(e, now) : 0;
}

static int recv_data(struct lp2p_yamux *e, lp2p_ts now, const struct lp2p_yamux_frame *f)
{
    if (f->id == 0) {
        return recv_proto(e);
    }
    struct lp2p_yamux_stream *s = lp2p_yamux_find(e, f->id);
    if ((f->flags & LP2P_YAMUX_SYN) != 0) {
        LP2P_TRY(recv_syn(e, now, f, &s));
    } else if (s == NULL) {
        LP2P_TRY(recv_late(e, now, f));
    }
    e->body_left = f->length;
    return s == NULL ? 0 : data_on_stream(e, now, f, s);
}

/*
 * Credit for what we send. js sends an update after each data frame of ours, and grows its window
 * as soon as it can, so a stream of 64 bytes gets 256 KiB more: updates are judged by their number,
 * not their size. One a data frame is free, and those that double a window to its maximum.
 */
static int window_add(struct lp2p_yamux *e, lp2p_ts now, const struct lp2p_yamux_frame *f,
                      struct lp2p_yamux_stream *s)
{
    bool answers = s->unupdated > 0;
    bool grows = !answers && s->growths < LP2P_YAMUX_GROWTHS_MAX;
    s->unupdated -= answers ? 1 : 0;
    if (grows && f->length > 0) {
        s->growths++;
    }
    s->send_window += f->length;
    if (s->want_window && f->length > 0) {
        s->want_window = false;
        lp2p_yamux_turns_wait(&e->turns, &s->turn);
    }
    bool idle = f->length == 0 &&
                (f->flags & (LP2P_YAMUX_SYN | LP2P_YAMUX_ACK | LP2P_YAMUX_FIN)) == 0;
    bool surplus = f->length > 0 && !answers && !grows;
    return idle || surplus ? recv_charge(e, now) : 0;
}

static int recv_window(struct lp2p_yamux *e, lp2p_ts now, const struct lp2p_yamux_frame *f)
{
    if (f->id == 0) {
        return recv_proto(e);
    }
    struct lp2p_yamux_stream *s = lp2p_yamux_find(e, f->id);
    bool rst = (f->flags & LP2P_YAMUX_RST) != 0;
    if ((f->flags & LP2P_YAMUX_SYN) != 0) {
        LP2P_TRY(recv_syn(e, now, f, &s));
    } else if (s == NULL) {
        return recv_late(e, now, f);
    }
    if (s == NULL) {
        return 0;
    }
    /* The length of a RST is an error code (specs#622). */
    if (!rst && f->length > UINT32_MAX - s->send_window) {
        return recv_proto(e);
    }
    if ((s->owed & LP2P_YAMUX_OWE_SYN) != 0) {
        return recv_charge(e, now);
    }
    if ((f->flags & LP2P_YAMUX_ACK) != 0) {
        LP2P_TRY(recv_ack(e, now, s));
    }
    if (rst) {
        return recv_rst(e, now, s, f->length);
    }
    LP2P_TRY(window_add(e, now, f, s));
    return (f->flags & LP2P_YAMUX_FIN) != 0 ? recv_fin(e, now, s) : 0;
}

static int recv_ping(struct lp2p_yamux *e, lp2p_ts now, const struct lp2p_yamux_frame *f)
{
    if (f->id != 0) {
        return recv_proto(e);
    }
    if (f->flags == LP2P_YAMUX_SYN) {
        e->pongs[e->n_pongs++] = f->length;
        return lp2p_bucket_take(&e->pings, now) ? 0 : recv_charge(e, now);
    }
    /* js and rust close on a Pong nobody asked for; ours may be late or doubled, so it only costs.
     */
    if (f->flags != LP2P_YAMUX_ACK || !e->ping_waiting || e->ping_owed ||
        f->length != e->ping_value) {
        return recv_charge(e, now);
    }
    e->ping_waiting = false;
    /* 0 means unknown; a simulated link may have no delay at all. */
    e->rtt = LP2P_MAX(now - e->ping_at, 1U);
    /* A peer that waits and a queue of our own only make it longer. Where the way itself became
     * longer this follows by an eighth a Ping. */
    bool shorter = e->rtt_base == 0 || e->rtt < e->rtt_base;
    e->rtt_base = shorter ? e->rtt : e->rtt_base + (e->rtt - e->rtt_base) / 8;
    lp2p_ts every = e->cfg.limits.keepalive;
    e->ping_next = now > LP2P_TS_NEVER - every ? LP2P_TS_NEVER : now + every;
    event_push(e, (struct lp2p_yamux_event){.type = LP2P_YAMUX_EV_RTT, .rtt = e->rtt});
    return 0;
}

static int recv_goaway(struct lp2p_yamux *e, lp2p_ts now, const struct lp2p_yamux_frame *f)
{
    if (f->id != 0) {
        return recv_proto(e);
    }
    if (e->goaway_seen) {
        return recv_charge(e, now);
    }
    e->goaway_seen = true;
    event_push(e, (struct lp2p_yamux_event){.type = LP2P_YAMUX_EV_GOAWAY, .code = f->length});
    return 0;
}

typedef int (*recv_fn)(struct lp2p_yamux *e, lp2p_ts now, const struct lp2p_yamux_frame *f);

static const recv_fn recv_frames[LP2P_YAMUX_TYPES] = {
    [LP2P_YAMUX_DATA] = recv_data,
    [LP2P_YAMUX_WINDOW] = recv_window,
    [LP2P_YAMUX_PING] = recv_ping,
    [LP2P_YAMUX_GOAWAY] = recv_goaway,
};

/* A piece of a header; the frame is judged when it is whole. */
static int recv_head(struct lp2p_yamux *e, lp2p_ts now, const uint8_t *p, size_t n,
                     size_t *ret_used)
{
    size_t k = LP2P_MIN(n, (size_t)LP2P_YAMUX_HEADER_SIZE - e->head_len);
    memcpy(e->head + e->head_len, p, k);
    e->head_len = (uint8_t)(e->head_len + k);
    *ret_used = k;
    if (e->head_len < LP2P_YAMUX_HEADER_SIZE) {
        return 0;
    }
    e->head_len = 0;
    struct lp2p_yamux_frame f;
    if (lp2p_yamux_frame_decode(e->head, &f) != 0) {
        return recv_proto(e);
    }
    return recv_frames[f.type](e, now, &f);
}

/* The scope is full: the stream that holds most unread data is reset, the connection goes on
 * (DESIGN 4.4). */
static void recv_shed(struct lp2p_yamux *e)
{
    struct lp2p_yamux_stream *worst = e->body;
    lp2p_list_each (it, &e->streams) {
        struct lp2p_yamux_stream *s = LP2P_CONTAINER(it, struct lp2p_yamux_stream, all);
        if (s->mapped && s->recv.unread > worst->recv.unread) {
            worst = s;
        }
    }
    lp2p_yamux_reset(e, worst, CODE_RESOURCE_LIMIT);
    event_push(e, (struct lp2p_yamux_event){
                      .type = LP2P_YAMUX_EV_RESET, .stream = worst, .code = CODE_RESOURCE_LIMIT});
}

/* A piece of payload, handed out where it lies. */
static int recv_body(struct lp2p_yamux *e, lp2p_ts now, uint8_t *p, size_t n, size_t *ret_used)
{
    uint32_t k = (uint32_t)LP2P_MIN(n, e->body_left);
    struct lp2p_yamux_stream *s = e->body;
    if (s != NULL && lp2p_yamux_window_arrive(&s->recv, &e->budget, now, k) != 0) {
        recv_shed(e);
        *ret_used = 0;
        return 0;
    }
    if (s != NULL) {
        event_push(e, (struct lp2p_yamux_event){
                          .type = LP2P_YAMUX_EV_DATA, .stream = s, .data = {.p = p, .n = k}});
    }
    e->body_left -= k;
    *ret_used = k;
    return e->body_left == 0 ? recv_body_end(e, now) : 0;
}

/* An answer to the next frame might not fit: the peer has to read first (CVE-2024-32984). */
static bool recv_is_stuck(const struct lp2p_yamux *e)
{
    return e->n_pongs == LP2P_YAMUX_PONGS_MAX || e->refusals.len == LP2P_YAMUX_REFUSE_MAX;
}

int lp2p_yamux_recv(struct lp2p_yamux *e, lp2p_ts now, uint8_t *bytes, size_t n, size_t *ret_used)
{
    LP2P_TRY(e->failure.code);
    if (n > 0) {
        e->last_recv = now;
    }
    size_t used = 0;
    while (used < n && e->n_events == 0 && !recv_is_stuck(e)) {
        size_t k = 0;
        LP2P_TRY(e->body_left > 0 ? recv_body(e, now, bytes + used, n - used, &k)
                                  : recv_head(e, now, bytes + used, n - used, &k));
        used += k;
    }
    *ret_used = used;
    return 0;
}
