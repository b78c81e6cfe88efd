#include "conn/upgrade/upgrade.h"

#include "base/assert.h"
#include "conn/upgrade/upgrade_priv.h"

/* Output that found no memory is tried again so much later: long before a peer misses the answer to
 * its Ping (10 s, DIGEST 10). */
#define STARVED_RETRY LP2P_MSEC(100)

static const char *const stage_names[] = {
    [LP2P_UPGRADE_ST_NEGOTIATING] = "multistream",
    [LP2P_UPGRADE_ST_SECURING] = "noise",
    [LP2P_UPGRADE_ST_MUXING] = "muxer",
    [LP2P_UPGRADE_ST_UP] = "connection",
};

int lp2p_upgrade_fail(struct lp2p_upgrade *u, int code, const struct lp2p_failure *why)
{
    if (u->failure.code != 0) {
        return u->failure.code;
    }
    if (why != NULL && why->code == code) {
        u->failure = *why;
    } else {
        u->failure = (struct lp2p_failure){
            .code = code, .class_ = LP2P_CLASS_LOCAL, .where = stage_names[u->stage]};
    }
    return code;
}

static void conn_free(struct lp2p_conn *c)
{
    struct lp2p_upgrade *u = lp2p_upgrade_of(c);
    if (u == NULL) {
        return;
    }
    lp2p_yamux_free(u->yamux);
    lp2p_upgrade_drop_mss(u);
    if (u->has_noise) {
        lp2p_noise_fini(&u->noise);
    }
    lp2p_upgrade_drop_kept(u);
    lp2p_obuf_fini(&u->obuf);
    lp2p_free(u->host->mem, u);
}

static lp2p_ts conn_deadline(const struct lp2p_conn *c)
{
    const struct lp2p_upgrade *u = lp2p_upgrade_of_const(c);
    if (u->yamux == NULL || u->failure.code != 0) {
        return LP2P_TS_NEVER;
    }
    lp2p_ts at = lp2p_yamux_deadline(u->yamux);
    bool starved = u->starved || u->writer_starved;
    return starved ? LP2P_MIN(at, u->seen + STARVED_RETRY) : at;
}

static int conn_tick(struct lp2p_conn *c, lp2p_ts now)
{
    struct lp2p_upgrade *u = lp2p_upgrade_of(c);
    LP2P_TRY(u->failure.code);
    if (u->writer_starved && now >= u->seen + STARVED_RETRY) {
        u->writer_starved = false;
        lp2p_yamux_wake(u->yamux);
    }
    int err = u->yamux == NULL ? 0 : lp2p_yamux_tick(u->yamux, now);
    return err == 0 ? 0 : lp2p_upgrade_fail(u, err, lp2p_yamux_error(u->yamux));
}

static const struct lp2p_failure *conn_error(const struct lp2p_conn *c)
{
    return &lp2p_upgrade_of_const(c)->failure;
}

static struct lp2p_yamux_stream *stream_of(struct lp2p_conn_stream *s)
{
    return (struct lp2p_yamux_stream *)(void *)s;
}

static int conn_open(struct lp2p_conn *c, struct lp2p_conn_stream **ret)
{
    struct lp2p_upgrade *u = lp2p_upgrade_of(c);
    LP2P_TRY(u->failure.code);
    if (u->yamux == NULL) {
        return -LP2P_E_STATE;
    }
    struct lp2p_yamux_stream *s;
    LP2P_TRY(lp2p_yamux_open(u->yamux, &s));
    *ret = (struct lp2p_conn_stream *)(void *)s;
    return 0;
}

static void stream_set_user(struct lp2p_conn_stream *s, void *user)
{
    lp2p_yamux_set_user(stream_of(s), user);
}

static void *stream_user(const struct lp2p_conn_stream *s)
{
    return lp2p_yamux_user((const struct lp2p_yamux_stream *)(const void *)s);
}

static void stream_consume(struct lp2p_conn *c, lp2p_ts now, struct lp2p_conn_stream *s, size_t n)
{
    lp2p_yamux_consume(lp2p_upgrade_of(c)->yamux, now, stream_of(s), n);
}

static int stream_close_write(struct lp2p_conn *c, struct lp2p_conn_stream *s)
{
    struct lp2p_upgrade *u = lp2p_upgrade_of(c);
    LP2P_TRY(u->failure.code);
    return lp2p_yamux_close_write(u->yamux, stream_of(s));
}

static void stream_reset(struct lp2p_conn *c, struct lp2p_conn_stream *s, uint32_t code)
{
    lp2p_yamux_reset(lp2p_upgrade_of(c)->yamux, stream_of(s), code);
}

static void stream_release(struct lp2p_conn *c, struct lp2p_conn_stream *s)
{
    lp2p_yamux_release(lp2p_upgrade_of(c)->yamux, stream_of(s));
}

static void conn_goaway(struct lp2p_conn *c, uint32_t code)
{
    struct lp2p_upgrade *u = lp2p_upgrade_of(c);
    if (u->yamux != NULL) {
        lp2p_yamux_goaway(u->yamux, code);
    }
}

static void conn_ping(struct lp2p_conn *c, lp2p_ts now)
{
    struct lp2p_upgrade *u = lp2p_upgrade_of(c);
    if (u->yamux != NULL) {
        lp2p_yamux_ping(u->yamux, now);
    }
}

static void conn_probe(struct lp2p_conn *c, lp2p_ts now, lp2p_ts patience)
{
    struct lp2p_upgrade *u = lp2p_upgrade_of(c);
    if (u->yamux != NULL) {
        lp2p_yamux_probe(u->yamux, now, patience);
    }
}

static const char *conn_security(const struct lp2p_conn *c)
{
    (void)c;
    return "noise";
}

static const char *conn_muxer(const struct lp2p_conn *c)
{
    (void)c;
    return "/yamux/1.0.0";
}

static const struct lp2p_conn_ops upgrade_ops = {
    .free = conn_free,
    .recv = lp2p_upgrade_recv,
    .want = lp2p_upgrade_want,
    .recv_eof = lp2p_upgrade_recv_eof,
    .event = lp2p_upgrade_event,
    .out = lp2p_upgrade_out,
    .out_done = lp2p_upgrade_out_done,
    .deadline = conn_deadline,
    .tick = conn_tick,
    .error = conn_error,
    .give_dh = lp2p_upgrade_give_dh,
    .open = conn_open,
    .set_user = stream_set_user,
    .user = stream_user,
    .write = lp2p_upgrade_write,
    .consume = stream_consume,
    .close_write = stream_close_write,
    .reset = stream_reset,
    .release = stream_release,
    .goaway = conn_goaway,
    .ping = conn_ping,
    .probe = conn_probe,
    .security = conn_security,
    .muxer = conn_muxer,
};

struct lp2p_yamux_limits lp2p_upgrade_limits(const struct lp2p_limits *l)
{
    return (struct lp2p_yamux_limits){
        .streams_in = l->streams_in,
        .streams_out = l->streams_out,
        .ack_backlog = l->ack_backlog,
        .window_max = l->window_max,
        .windows_total = l->windows_per_conn,
        .keepalive = l->keepalive,
        .ping_timeout = l->ping_timeout,
        .abuse_burst = l->abuse_burst,
        .abuse_refill = l->abuse_refill,
    };
}

int lp2p_upgrade_new(struct lp2p_upgrade_host *host, enum lp2p_conn_role role,
                     const struct lp2p_peer_id *expected, struct lp2p_scope *scope,
                     struct lp2p_conn **ret)
{
    struct lp2p_upgrade *u = lp2p_calloc(host->mem, 1, sizeof(*u));
    if (u == NULL) {
        return -LP2P_E_NOMEM;
    }
    u->conn.ops = &upgrade_ops;
    u->host = host;
    u->role = role;
    u->scope = scope;
    if (expected != NULL) {
        u->expected = *expected;
    }
    lp2p_obuf_init(&u->obuf, &host->obufs);
    if (host->large_obufs.size > 0) {
        lp2p_obuf_set_large(&u->obuf, &host->large_obufs, scope);
    }
    int err = lp2p_upgrade_start(u);
    if (err != 0) {
        conn_free(&u->conn);
        return err;
    }
    *ret = &u->conn;
    return 0;
}
