#include "proto/yamux/yamux_priv.h"

#include "base/assert.h"

int lp2p_yamux_new(const struct lp2p_yamux_cfg *cfg, enum lp2p_yamux_role role, lp2p_ts now,
                   struct lp2p_yamux **ret)
{
    const struct lp2p_yamux_limits *l = &cfg->limits;
    struct lp2p_yamux *e = lp2p_calloc(cfg->mem, 1, sizeof(*e));
    if (e == NULL) {
        return -LP2P_E_NOMEM;
    }
    e->cfg = *cfg;
    e->role = role;
    /* Streams that are over leave the map before they leave the count: both limits fit. */
    lp2p_map_init(&e->map, cfg->mem, cfg->hasher, (size_t)l->streams_in + l->streams_out + 1);
    lp2p_list_init(&e->streams);
    lp2p_list_init(&e->owing);
    lp2p_yamux_turns_init(&e->turns);
    e->budget = (struct lp2p_yamux_budget){
        .scope = cfg->scope, .grown_max = l->windows_total, .window_max = l->window_max};
    e->next_id = role == LP2P_YAMUX_CLIENT ? 1 : 2;
    lp2p_ts every = l->abuse_refill == 0 ? 0 : LP2P_SEC(1) / l->abuse_refill;
    lp2p_bucket_init(&e->abuse, l->abuse_burst, every, now);
    lp2p_bucket_init(&e->pings, LP2P_YAMUX_FREE_PINGS, LP2P_SEC(1) / LP2P_YAMUX_FREE_PINGS, now);
    lp2p_ring_init(&e->refusals, cfg->mem, sizeof(struct lp2p_yamux_refusal),
                   LP2P_YAMUX_REFUSE_MAX);
    e->last_recv = now;
    lp2p_yamux_ping(e, now);
    *ret = e;
    return 0;
}

static void stream_free(struct lp2p_yamux *e, struct lp2p_yamux_stream *s)
{
    LP2P_ASSERT(!s->mapped);
    lp2p_yamux_window_fini(&s->recv, &e->budget);
    lp2p_list_remove(&s->all);
    lp2p_list_remove(&s->owing);
    lp2p_yamux_turns_leave(&s->turn);
    *(s->outbound ? &e->n_out : &e->n_in) -= 1;
    lp2p_scope_release(e->cfg.scope, s->outbound ? LP2P_SCOPE_STREAMS_OUT : LP2P_SCOPE_STREAMS_IN,
                       1);
    lp2p_free(e->cfg.mem, s);
}

void lp2p_yamux_free(struct lp2p_yamux *e)
{
    if (e == NULL) {
        return;
    }
    lp2p_list_each_safe (it, &e->streams) {
        struct lp2p_yamux_stream *s = LP2P_CONTAINER(it, struct lp2p_yamux_stream, all);
        s->mapped = false;
        stream_free(e, s);
    }
    lp2p_map_fini(&e->map);
    lp2p_ring_fini(&e->refusals);
    lp2p_free(e->cfg.mem, e);
}

int lp2p_yamux_fail(struct lp2p_yamux *e, int code, uint32_t wire)
{
    bool ours = code == -LP2P_E_PROTO || code == -LP2P_E_ABUSE || code == -LP2P_E_LIMIT;
    e->failure = (struct lp2p_failure){
        .code = code,
        .class_ = ours ? LP2P_CLASS_OURS : LP2P_CLASS_LOCAL,
        .wire = wire,
        .where = "yamux",
    };
    e->goaway_code = wire;
    /* A peer that does not answer is told nothing. */
    e->goaway_owed = code != -LP2P_E_TIMEOUT;
    e->goaway_sent = true;
    return code;
}

const struct lp2p_failure *lp2p_yamux_error(const struct lp2p_yamux *e)
{
    return &e->failure;
}

struct lp2p_yamux_stream *lp2p_yamux_find(const struct lp2p_yamux *e, uint32_t id)
{
    return lp2p_map_find(&e->map, lp2p_span(&id, sizeof(id)));
}

int lp2p_yamux_stream_new(struct lp2p_yamux *e, uint32_t id, bool outbound,
                          struct lp2p_yamux_stream **ret)
{
    struct lp2p_yamux_stream *s = lp2p_calloc(e->cfg.mem, 1, sizeof(*s));
    if (s == NULL) {
        return -LP2P_E_NOMEM;
    }
    s->id = id;
    s->outbound = outbound;
    s->state = LP2P_YAMUX_ST_OPEN;
    s->send_window = LP2P_YAMUX_WINDOW_START;
    lp2p_yamux_window_init(&s->recv);
    if (lp2p_map_add(&e->map, lp2p_span(&s->id, sizeof(s->id)), s) != 0) {
        lp2p_free(e->cfg.mem, s);
        return -LP2P_E_NOMEM;
    }
    s->mapped = true;
    lp2p_list_add_last(&e->streams, &s->all);
    *(outbound ? &e->n_out : &e->n_in) += 1;
    e->unacked += outbound ? 1 : 0;
    *ret = s;
    return 0;
}

void lp2p_yamux_owe(struct lp2p_yamux *e, struct lp2p_yamux_stream *s, unsigned what)
{
    s->owed = (uint8_t)(s->owed | what);
    if (!lp2p_list_is_linked(&s->owing)) {
        lp2p_list_add_last(&e->owing, &s->owing);
    }
}

void lp2p_yamux_owe_less(struct lp2p_yamux_stream *s, unsigned what)
{
    s->owed = (uint8_t)(s->owed & ~what);
    if (s->owed == 0) {
        lp2p_list_remove(&s->owing);
    }
}

void lp2p_yamux_owe_window(struct lp2p_yamux *e, struct lp2p_yamux_stream *s)
{
    /* Never in the middle of a frame: how the transport cut it must not show (STYLE, split rule).
     */
    if (e->body != s && lp2p_yamux_stream_can_recv(s) && lp2p_yamux_window_is_due(&s->recv)) {
        lp2p_yamux_owe(e, s, LP2P_YAMUX_OWE_WINDOW);
    }
}

void lp2p_yamux_kill(struct lp2p_yamux *e, struct lp2p_yamux_stream *s)
{
    lp2p_yamux_stream_set_state(s, LP2P_YAMUX_ST_RESET);
    lp2p_yamux_owe_less(s, UINT8_MAX);
    lp2p_yamux_window_fini(&s->recv, &e->budget);
    if (e->body == s) {
        e->body = NULL;
    }
}

void lp2p_yamux_expect_late(struct lp2p_yamux *e, uint32_t bytes, uint32_t frames)
{
    e->late_bytes = LP2P_MIN(e->late_bytes + bytes, LP2P_YAMUX_LATE_BYTES_MAX);
    e->late_frames = LP2P_MIN(e->late_frames + frames, LP2P_YAMUX_LATE_FRAMES_MAX);
}

/* Frames find the stream no more. Those that are under way are free of charge. */
static void stream_unmap(struct lp2p_yamux *e, struct lp2p_yamux_stream *s)
{
    lp2p_map_remove(&e->map, lp2p_span(&s->id, sizeof(s->id)));
    s->mapped = false;
    lp2p_yamux_turns_leave(&s->turn);
    if (s->outbound && !s->acked) {
        e->unacked--;
    }
    lp2p_yamux_expect_late(e, 0, LP2P_YAMUX_LATE_FRAMES + s->unupdated);
}

void lp2p_yamux_settle(struct lp2p_yamux *e, struct lp2p_yamux_stream *s)
{
    if (!lp2p_yamux_stream_is_over(s)) {
        return;
    }
    if (s->mapped) {
        stream_unmap(e, s);
    }
    if (s->released && s->owed == 0) {
        stream_free(e, s);
    }
}

uint32_t lp2p_yamux_streams(const struct lp2p_yamux *e)
{
    return e->n_in + e->n_out;
}

lp2p_ts lp2p_yamux_rtt(const struct lp2p_yamux *e)
{
    return e->rtt;
}

void lp2p_yamux_ping(struct lp2p_yamux *e, lp2p_ts now)
{
    if (e->ping_waiting || e->failure.code != 0) {
        return;
    }
    uint8_t value[sizeof(e->ping_value)];
    lp2p_random_fill(e->cfg.random, value, sizeof(value));
    memcpy(&e->ping_value, value, sizeof(value));
    e->ping_waiting = true;
    e->ping_owed = true;
    e->ping_at = now;
    e->ping_patience = e->cfg.limits.ping_timeout;
}

void lp2p_yamux_probe(struct lp2p_yamux *e, lp2p_ts now, lp2p_ts patience)
{
    /* The answer to an older Ping would tell a round trip with the pause in it. */
    e->ping_waiting = false;
    lp2p_yamux_ping(e, now);
    e->ping_patience = LP2P_MIN(patience, e->ping_patience);
}

/* When a Ping without an answer ends the connection. Other input proves that the peer lives: its
 * answer may be stuck behind megabytes on a slow link. */
static lp2p_ts ping_deadline(const struct lp2p_yamux *e)
{
    lp2p_ts timeout = e->cfg.limits.ping_timeout;
    lp2p_ts quiet = lp2p_ts_add(LP2P_MAX(e->ping_at, e->last_recv), e->ping_patience);
    lp2p_ts last = e->ping_at;
    for (unsigned i = 0; i < LP2P_YAMUX_PING_PATIENCE; i++) {
        last = lp2p_ts_add(last, timeout);
    }
    return LP2P_MIN(quiet, last);
}

lp2p_ts lp2p_yamux_deadline(const struct lp2p_yamux *e)
{
    if (e->failure.code != 0) {
        return LP2P_TS_NEVER;
    }
    return e->ping_waiting ? ping_deadline(e) : e->ping_next;
}

int lp2p_yamux_tick(struct lp2p_yamux *e, lp2p_ts now)
{
    if (e->failure.code != 0 || now < lp2p_yamux_deadline(e)) {
        return e->failure.code;
    }
    if (e->ping_waiting) {
        return lp2p_yamux_fail(e, -LP2P_E_TIMEOUT, LP2P_YAMUX_NORMAL);
    }
    lp2p_yamux_ping(e, now);
    return 0;
}
