#include "conn/upgrade/upgrade_priv.h"

#include "base/assert.h"

#define SECURITY "/noise"
#define MUXER    "/yamux/1.0.0"

static const struct lp2p_span upgrade_security[] = {
    {.p = (const uint8_t *)SECURITY, .n = sizeof(SECURITY) - 1},
};
static const struct lp2p_span upgrade_muxers[] = {
    {.p = (const uint8_t *)MUXER, .n = sizeof(MUXER) - 1},
};

static int mss_start(struct lp2p_upgrade *u, const struct lp2p_span *protocols)
{
    LP2P_ASSERT(u->mss == NULL);
    u->mss = lp2p_calloc(u->host->mem, 1, sizeof(*u->mss));
    if (u->mss == NULL) {
        return -LP2P_E_NOMEM;
    }
    struct lp2p_mss_cfg cfg = {.mem = u->host->mem, .protocols = protocols, .n = 1};
    int err = lp2p_mss_init(u->mss, &cfg,
                            u->role == LP2P_CONN_DIALER ? LP2P_MSS_DIALER : LP2P_MSS_LISTENER);
    if (err != 0) {
        lp2p_free(u->host->mem, u->mss);
        u->mss = NULL;
    }
    return err;
}

void lp2p_upgrade_drop_mss(struct lp2p_upgrade *u)
{
    if (u->mss != NULL) {
        lp2p_mss_fini(u->mss);
        lp2p_free(u->host->mem, u->mss);
        u->mss = NULL;
    }
}

static int noise_start(struct lp2p_upgrade *u)
{
    struct lp2p_upgrade_host *h = u->host;
    struct lp2p_noise_cfg cfg = {
        .mem = h->mem,
        .crypto = h->crypto,
        .random = h->random,
        .obuf = &u->obuf,
        .sealer = &h->sealer,
        .static_public = h->static_public,
        .identity_pb = h->identity_pb,
        .static_sig = lp2p_span(h->static_sig, sizeof(h->static_sig)),
        .muxers = upgrade_muxers,
        .n_muxers = h->early_muxer ? 1 : 0,
        .expected = u->expected.len > 0 ? &u->expected : NULL,
    };
    LP2P_TRY(
        lp2p_noise_init(&u->noise, &cfg,
                        u->role == LP2P_CONN_DIALER ? LP2P_NOISE_INITIATOR : LP2P_NOISE_RESPONDER));
    u->has_noise = true;
    return 0;
}

/* Where multistream's bytes go: plain before Noise is open, sealed behind it. */
static int mss_send(struct lp2p_upgrade *u, struct lp2p_span s)
{
    if (u->stage == LP2P_UPGRADE_ST_NEGOTIATING) {
        return lp2p_obuf_append(&u->obuf, s.p, s.n);
    }
    return lp2p_noise_seal(&u->noise, s.p, s.n);
}

/* Negotiations are a few lines, the output buffer holds them all: no room is an error here. */
static int mss_flush(struct lp2p_upgrade *u)
{
    for (struct lp2p_span s; (s = lp2p_mss_out(u->mss)).n > 0;) {
        LP2P_TRY(mss_send(u, s));
        lp2p_mss_out_done(u->mss, s.n);
    }
    return 0;
}

int lp2p_upgrade_feed_mss(struct lp2p_upgrade *u, lp2p_ts now, struct lp2p_span in,
                          size_t *ret_used)
{
    int err = lp2p_mss_recv(u->mss, now, in.p, in.n, ret_used);
    /* Lines that were right are answered, whatever came behind them. */
    int sent = mss_flush(u);
    return err != 0 ? err : sent;
}

int lp2p_upgrade_start(struct lp2p_upgrade *u)
{
    LP2P_TRY(mss_start(u, upgrade_security));
    if (u->role == LP2P_CONN_LISTENER) {
        return 0;
    }
    LP2P_TRY(mss_flush(u));
    /* One candidate: Noise message 1 leaves in the same flight (DESIGN 4.7). */
    LP2P_ASSERT(lp2p_mss_is_lazy(u->mss));
    return noise_start(u);
}

static int yamux_start(struct lp2p_upgrade *u, lp2p_ts now)
{
    struct lp2p_yamux_cfg cfg = {
        .mem = u->host->mem,
        .scope = u->scope,
        .random = u->host->random,
        .hasher = u->host->hasher,
        .limits = u->host->yamux,
    };
    LP2P_TRY(lp2p_yamux_new(
        &cfg, u->role == LP2P_CONN_DIALER ? LP2P_YAMUX_CLIENT : LP2P_YAMUX_SERVER, now, &u->yamux));
    u->up = true;
    return 0;
}

/* The peer proved its id; the muxer was agreed inside the handshake, or is negotiated now. */
static int noise_secured(struct lp2p_upgrade *u, lp2p_ts now, const struct lp2p_noise_event *ev)
{
    u->secured = ev->peer;
    if (ev->muxer >= 0) {
        u->stage = LP2P_UPGRADE_ST_UP;
        return yamux_start(u, now);
    }
    u->stage = LP2P_UPGRADE_ST_MUXING;
    LP2P_TRY(mss_start(u, upgrade_muxers));
    LP2P_TRY(mss_flush(u));
    /* The first yamux frames leave right behind the only proposal, as rust does (DIGEST 7). */
    return lp2p_mss_is_lazy(u->mss) ? yamux_start(u, now) : 0;
}

static int mss_selected(struct lp2p_upgrade *u, lp2p_ts now)
{
    lp2p_upgrade_drop_mss(u);
    if (u->stage == LP2P_UPGRADE_ST_NEGOTIATING) {
        u->stage = LP2P_UPGRADE_ST_SECURING;
        return u->has_noise ? 0 : noise_start(u);
    }
    u->stage = LP2P_UPGRADE_ST_UP;
    return u->yamux == NULL ? yamux_start(u, now) : 0;
}

static int pump_mss(struct lp2p_upgrade *u, lp2p_ts now, bool *moved)
{
    if (u->stage == LP2P_UPGRADE_ST_MUXING && u->plain.n > 0) {
        size_t used;
        LP2P_TRY(lp2p_upgrade_feed_mss(u, now, lp2p_span(u->plain.p, u->plain.n), &used));
        u->plain = (struct lp2p_mspan){.p = u->plain.p + used, .n = u->plain.n - used};
        *moved = used > 0;
    }
    struct lp2p_mss_event ev;
    if (lp2p_mss_event(u->mss, &ev)) {
        *moved = true;
        return mss_selected(u, now);
    }
    return 0;
}

static int pump_noise(struct lp2p_upgrade *u, lp2p_ts now, bool *moved)
{
    struct lp2p_noise_event ev;
    if (u->plain.n > 0 || !lp2p_noise_event(&u->noise, &ev)) {
        return 0;
    }
    *moved = true;
    switch (ev.type) {
    case LP2P_NOISE_EV_NEED_DH:
        u->need_dh = ev.remote;
        return 0;
    case LP2P_NOISE_EV_SECURED:
        return noise_secured(u, now, &ev);
    case LP2P_NOISE_EV_DATA:
        u->plain = ev.data;
        return 0;
    case LP2P_NOISE_EV_NONE:
        break;
    }
    return 0;
}

/* Whose error it was, for the record. */
static const struct lp2p_failure *pump_culprit(const struct lp2p_upgrade *u)
{
    const struct lp2p_failure *why = u->mss == NULL ? NULL : lp2p_mss_error(u->mss);
    if ((why == NULL || why->code == 0) && u->has_noise) {
        why = lp2p_noise_error(&u->noise);
    }
    return why;
}

int lp2p_upgrade_pump(struct lp2p_upgrade *u, lp2p_ts now)
{
    LP2P_TRY(u->failure.code);
    for (bool moved = true; moved;) {
        moved = false;
        int err = u->mss != NULL ? pump_mss(u, now, &moved) : 0;
        if (err == 0 && u->has_noise && u->stage != LP2P_UPGRADE_ST_NEGOTIATING) {
            err = pump_noise(u, now, &moved);
        }
        if (err != 0) {
            return lp2p_upgrade_fail(u, err, pump_culprit(u));
        }
    }
    return 0;
}
