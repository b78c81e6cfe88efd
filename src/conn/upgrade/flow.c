#include "base/assert.h"
#include "conn/upgrade/upgrade_priv.h"

/* Writers are called when this part of the output buffer is free: fewer and larger writes
 * (FASTPATH, "Batch"). */
#define WAKE_PART 2U
/* With less room than this a large write waits: a frame of a few bytes costs more than it moves. */
#define ROOM_MIN 4096U

void lp2p_upgrade_drop_kept(struct lp2p_upgrade *u)
{
    if (u->kept != NULL) {
        lp2p_free(u->host->mem, u->kept);
        lp2p_scope_release(u->scope, LP2P_SCOPE_MEM, u->kept_size);
        u->kept = NULL;
        u->plain.n = 0;
    }
}

/*
 * Plaintext that yamux does not take because its answers do not fit into the output moves out of
 * the caller's buffer: at most one record, and nothing is read while it is here.
 */
static int plain_keep(struct lp2p_upgrade *u)
{
    if (u->kept != NULL) {
        return 0;
    }
    LP2P_TRY(lp2p_scope_reserve(u->scope, LP2P_SCOPE_MEM, u->plain.n));
    u->kept = lp2p_alloc(u->host->mem, u->plain.n);
    if (u->kept == NULL) {
        lp2p_scope_release(u->scope, LP2P_SCOPE_MEM, u->plain.n);
        return -LP2P_E_NOMEM;
    }
    u->kept_size = u->plain.n;
    memcpy(u->kept, u->plain.p, u->plain.n);
    u->plain.p = u->kept;
    return 0;
}

/* An event is waiting, or input that came before. */
static bool recv_must_wait(const struct lp2p_upgrade *u)
{
    return u->need_dh != NULL || u->secured != NULL || u->up || u->plain.n > 0;
}

static int recv_feed(struct lp2p_upgrade *u, lp2p_ts now, uint8_t *bytes, size_t n,
                     size_t *ret_used)
{
    if (u->stage == LP2P_UPGRADE_ST_NEGOTIATING) {
        int err = lp2p_upgrade_feed_mss(u, now, lp2p_span(bytes, n), ret_used);
        return err == 0 ? 0 : lp2p_upgrade_fail(u, err, lp2p_mss_error(u->mss));
    }
    int err = lp2p_noise_recv(&u->noise, now, bytes, n, ret_used);
    return err == 0 ? 0 : lp2p_upgrade_fail(u, err, lp2p_noise_error(&u->noise));
}

int lp2p_upgrade_recv(struct lp2p_conn *c, lp2p_ts now, uint8_t *bytes, size_t n, size_t *ret_used)
{
    struct lp2p_upgrade *u = lp2p_upgrade_of(c);
    LP2P_TRY(lp2p_upgrade_pump(u, now));
    if (u->plain.n == 0) {
        lp2p_upgrade_drop_kept(u);
    }
    size_t used = 0;
    while (used < n && !recv_must_wait(u)) {
        size_t k = 0;
        LP2P_TRY(recv_feed(u, now, bytes + used, n - used, &k));
        LP2P_TRY(lp2p_upgrade_pump(u, now));
        used += k;
        if (k == 0) {
            break;
        }
    }
    *ret_used = used;
    return 0;
}

size_t lp2p_upgrade_want(const struct lp2p_conn *c, const uint8_t *bytes, size_t n)
{
    const struct lp2p_upgrade *u = lp2p_upgrade_of_const(c);
    /* Whole or not, the record waits for something else than its rest. */
    if (u->stage == LP2P_UPGRADE_ST_NEGOTIATING || u->failure.code != 0 || recv_must_wait(u)) {
        return 1;
    }
    size_t want = lp2p_noise_want(&u->noise, bytes, n);
    return LP2P_MAX(want, 1U);
}

void lp2p_upgrade_recv_eof(struct lp2p_conn *c, lp2p_ts now)
{
    (void)now;
    struct lp2p_upgrade *u = lp2p_upgrade_of(c);
    if (!u->goaway_seen) {
        (void)lp2p_upgrade_fail(u, -LP2P_E_EOF, NULL);
        return;
    }
    bool declined = u->goaway_code == LP2P_YAMUX_DECLINED;
    const struct lp2p_failure why = {
        .code = declined ? -LP2P_E_DECLINED : -LP2P_E_CLOSED,
        .class_ = LP2P_CLASS_THEIRS,
        .wire = u->goaway_code,
        .where = "yamux",
    };
    (void)lp2p_upgrade_fail(u, why.code, &why);
}

static const enum lp2p_conn_event_type flow_types[] = {
    [LP2P_YAMUX_EV_NONE] = LP2P_CONN_EV_NONE,         [LP2P_YAMUX_EV_STREAM] = LP2P_CONN_EV_STREAM,
    [LP2P_YAMUX_EV_ACK] = LP2P_CONN_EV_ACK,           [LP2P_YAMUX_EV_DATA] = LP2P_CONN_EV_DATA,
    [LP2P_YAMUX_EV_FIN] = LP2P_CONN_EV_FIN,           [LP2P_YAMUX_EV_RESET] = LP2P_CONN_EV_RESET,
    [LP2P_YAMUX_EV_WRITABLE] = LP2P_CONN_EV_WRITABLE, [LP2P_YAMUX_EV_RTT] = LP2P_CONN_EV_RTT,
    [LP2P_YAMUX_EV_GOAWAY] = LP2P_CONN_EV_GOAWAY,
};

static bool event_of_yamux(struct lp2p_upgrade *u, struct lp2p_conn_event *ret)
{
    struct lp2p_yamux_event ev;
    if (!lp2p_yamux_event(u->yamux, &ev)) {
        return false;
    }
    if (ev.type == LP2P_YAMUX_EV_GOAWAY) {
        u->goaway_seen = true;
        u->goaway_code = ev.code;
    }
    *ret = (struct lp2p_conn_event){
        .type = flow_types[ev.type],
        .stream = (struct lp2p_conn_stream *)(void *)ev.stream,
        .data = ev.data,
        .code = ev.code,
        .rtt = ev.rtt,
    };
    return true;
}

/* The steps of the handshake, in their order. */
static bool event_of_stage(struct lp2p_upgrade *u, struct lp2p_conn_event *ret)
{
    *ret = (struct lp2p_conn_event){.type = LP2P_CONN_EV_NONE};
    if (u->need_dh != NULL) {
        ret->type = LP2P_CONN_EV_NEED_DH;
        ret->remote = u->need_dh;
        u->need_dh = NULL;
    } else if (u->secured != NULL) {
        ret->type = LP2P_CONN_EV_SECURED;
        ret->peer = u->secured;
        u->secured = NULL;
    } else if (u->up) {
        ret->type = LP2P_CONN_EV_UP;
        u->up = false;
    }
    return ret->type != LP2P_CONN_EV_NONE;
}

/* Seals what yamux has to say as far as the room goes; `*ret_any` tells whether some was sealed.
 * Without a block for the output it stays where it is, and `deadline` asks for another turn. */
static int flow_seal(struct lp2p_upgrade *u, bool *ret_any)
{
    *ret_any = false;
    u->starved = false;
    for (struct lp2p_span s; (s = lp2p_yamux_out(u->yamux)).n > 0;) {
        size_t k = LP2P_MIN(s.n, lp2p_noise_room(&u->noise));
        if (k == 0) {
            break;
        }
        int err = lp2p_noise_seal(&u->noise, s.p, k);
        if (err == -LP2P_E_NOMEM && u->obuf.p == NULL) {
            u->starved = true;
            break;
        }
        if (err != 0) {
            return lp2p_upgrade_fail(u, err, lp2p_noise_error(&u->noise));
        }
        lp2p_yamux_out_done(u->yamux, k);
        *ret_any = true;
    }
    return 0;
}

/* Gives plaintext to yamux; `*ret_used` 0: it takes none now. */
static int event_feed(struct lp2p_upgrade *u, lp2p_ts now, size_t *ret_used)
{
    int err = lp2p_yamux_recv(u->yamux, now, u->plain.p, u->plain.n, ret_used);
    if (err != 0) {
        return lp2p_upgrade_fail(u, err, lp2p_yamux_error(u->yamux));
    }
    u->plain = (struct lp2p_mspan){.p = u->plain.p + *ret_used, .n = u->plain.n - *ret_used};
    return 0;
}

/* yamux takes no plaintext before its answers are out. False when there is no room for them: the
 * plaintext has to wait. */
static bool event_make_room(struct lp2p_upgrade *u)
{
    bool any;
    int err = flow_seal(u, &any);
    if (err == 0 && any) {
        return true;
    }
    if (err == 0 && (err = plain_keep(u)) != 0) {
        (void)lp2p_upgrade_fail(u, err, NULL);
    }
    return false;
}

/* The next event of the plaintext. Before the muxer is agreed on it is multistream's. */
static bool event_of_plain(struct lp2p_upgrade *u, lp2p_ts now, struct lp2p_conn_event *ret)
{
    while (u->stage == LP2P_UPGRADE_ST_UP && u->plain.n > 0) {
        size_t used;
        if (event_feed(u, now, &used) != 0) {
            return false;
        }
        if (event_of_yamux(u, ret)) {
            return true;
        }
        if (used == 0 && !event_make_room(u)) {
            return false;
        }
    }
    return false;
}

bool lp2p_upgrade_event(struct lp2p_conn *c, lp2p_ts now, struct lp2p_conn_event *ret)
{
    struct lp2p_upgrade *u = lp2p_upgrade_of(c);
    u->seen = now;
    if (lp2p_upgrade_pump(u, now) != 0) {
        return false;
    }
    if (event_of_stage(u, ret)) {
        return true;
    }
    if (u->yamux == NULL) {
        return false;
    }
    if (event_of_yamux(u, ret) || event_of_plain(u, now, ret)) {
        return true;
    }
    if (u->plain.n == 0) {
        lp2p_upgrade_drop_kept(u);
    }
    return false;
}

struct lp2p_span lp2p_upgrade_out(struct lp2p_conn *c)
{
    struct lp2p_upgrade *u = lp2p_upgrade_of(c);
    /* A goodbye is said only by the engine that failed. */
    bool talks = u->failure.code == 0 ||
                 (u->yamux != NULL && lp2p_yamux_error(u->yamux)->code != 0);
    if (u->has_noise && lp2p_noise_is_open(&u->noise)) {
        bool any;
        int err = u->yamux != NULL && talks ? flow_seal(u, &any) : 0;
        if (err == 0 && (err = lp2p_noise_flush(&u->noise)) != 0) {
            (void)lp2p_upgrade_fail(u, err, lp2p_noise_error(&u->noise));
        }
    }
    return lp2p_obuf_span(&u->obuf);
}

void lp2p_upgrade_out_done(struct lp2p_conn *c, lp2p_ts now, size_t n)
{
    (void)now;
    struct lp2p_upgrade *u = lp2p_upgrade_of(c);
    lp2p_obuf_consume(&u->obuf, n);
    if (u->yamux != NULL && lp2p_obuf_room(&u->obuf) >= lp2p_obuf_size(&u->obuf) / WAKE_PART) {
        u->writer_starved = false;
        lp2p_yamux_wake(u->yamux);
    }
}

int lp2p_upgrade_give_dh(struct lp2p_conn *c, lp2p_ts now, const uint8_t shared[LP2P_SIZE(32)])
{
    struct lp2p_upgrade *u = lp2p_upgrade_of(c);
    LP2P_TRY(u->failure.code);
    /* An answer nobody asked for is the caller's mistake, and not the end of the connection. */
    if (!u->has_noise || !u->noise.need_dh) {
        return -LP2P_E_STATE;
    }
    int err = lp2p_noise_give_dh(&u->noise, shared);
    if (err != 0) {
        return lp2p_upgrade_fail(u, err, lp2p_noise_error(&u->noise));
    }
    return lp2p_upgrade_pump(u, now);
}

/* Plaintext bytes that a write may make now. */
static size_t write_room(const struct lp2p_upgrade *u, size_t n)
{
    size_t room = lp2p_noise_room(&u->noise);
    size_t least = LP2P_MIN(n + LP2P_YAMUX_HEADER_SIZE, ROOM_MIN);
    return room < least && u->obuf.len > 0 ? 0 : room;
}

int lp2p_upgrade_write(struct lp2p_conn *c, lp2p_ts now, struct lp2p_conn_stream *s,
                       struct lp2p_span bytes, size_t *ret_n)
{
    (void)now;
    struct lp2p_upgrade *u = lp2p_upgrade_of(c);
    LP2P_TRY(u->failure.code);
    if (u->yamux == NULL) {
        return -LP2P_E_STATE;
    }
    /* Lent bytes must be sealed before this returns: the block is here before they are lent.
     * Without one the stream waits as if the output were full, and `tick` calls it. */
    uint8_t *block;
    if (bytes.n > lp2p_obuf_room(&u->obuf) / WAKE_PART) {
        (void)lp2p_obuf_grow(&u->obuf); /* without it the stream goes on in small steps */
    }
    if (u->obuf.p == NULL && lp2p_obuf_reserve(&u->obuf, 1, &block) != 0) {
        u->writer_starved = true;
        return lp2p_yamux_write(u->yamux, (struct lp2p_yamux_stream *)(void *)s, bytes, 0, ret_n);
    }
    int err = 0;
    size_t done = 0;
    while (err == 0 && done < bytes.n) {
        struct lp2p_span rest = lp2p_span(bytes.p + done, bytes.n - done);
        size_t k = 0;
        err = lp2p_yamux_write(u->yamux, (struct lp2p_yamux_stream *)(void *)s, rest,
                               write_room(u, rest.n), &k);
        bool any;
        err = err == 0 ? flow_seal(u, &any) : err;
        done += k;
    }
    if (u->obuf.len == 0) {
        lp2p_obuf_fini(&u->obuf);
    }
    LP2P_TRY(u->failure.code);
    if (done == 0 && err != 0) {
        return err;
    }
    *ret_n = done;
    return 0;
}
