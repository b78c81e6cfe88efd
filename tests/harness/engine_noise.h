/*
 * proto/noise for the engine harness, and one end of a connection with everything it needs: keys,
 * seeded random, output buffer. Whoever makes two ends with the same numbers gets the same bytes.
 */
#ifndef LP2P_HARNESS_ENGINE_NOISE_H
#define LP2P_HARNESS_ENGINE_NOISE_H

#include "harness/check.h"
#include "harness/engine.h"

#include "base/mem.h"
#include "lp2p/error.h"
#include "proto/noise/noise.h"
#include "proto/noise/payload.h"

#define NOISE_OBUF_SIZE (4U * 65537U)

struct noise_end {
    const struct lp2p_crypto *crypto;
    const struct lp2p_mem *mem;
    enum lp2p_noise_role role;
    uint64_t number; /* makes the keys and the ephemeral */
    uint64_t seed;   /* of the random seam, reset by make */
    struct lp2p_random random;
    struct lp2p_identity id;
    uint8_t s_secret[32];
    uint8_t s_public[32];
    uint8_t sig[64];
    struct lp2p_pool pool;
    struct lp2p_obuf obuf;
    struct lp2p_noise_sealer own_sealer;
    struct lp2p_noise_cfg cfg; /* change it before make */
    struct lp2p_noise e;
    uint8_t remote[32]; /* what NEED_DH asked about */
};

static inline void noise_fill(void *ctx, uint8_t *p, size_t n)
{
    uint64_t *seed = ctx;
    for (size_t i = 0; i < n; i++) {
        p[i] = (uint8_t)engine_random(seed);
    }
}

/* Offers /yamux/1.0.0, expects anybody. */
static inline void noise_end_init(struct noise_end *n, const struct lp2p_crypto *c,
                                  enum lp2p_noise_role role, uint64_t number)
{
    static const struct lp2p_span muxers[] = {{.p = (const uint8_t *)"/yamux/1.0.0", .n = 12}};
    *n = (struct noise_end){.crypto = c, .mem = lp2p_mem_default(), .role = role, .number = number};
    uint64_t seed = number;
    uint8_t identity_seed[32];
    noise_fill(&seed, identity_seed, sizeof(identity_seed));
    noise_fill(&seed, n->s_secret, sizeof(n->s_secret));
    HARNESS_CHECK(lp2p_identity_from_seed(c, identity_seed, &n->id) == 0, "identity");
    HARNESS_CHECK(c->ops->x25519_public(c->ctx, n->s_secret, n->s_public) == 0, "static key");
    HARNESS_CHECK(lp2p_noise_static_sign(c, &n->id, n->s_public, n->sig) == 0, "sign");
    n->random = (struct lp2p_random){.ctx = &n->seed, .fill = noise_fill};
    n->cfg = (struct lp2p_noise_cfg){
        .crypto = c,
        .random = &n->random,
        .obuf = &n->obuf,
        .sealer = &n->own_sealer,
        .static_public = n->s_public,
        .identity_pb = lp2p_span(n->id.public_pb, sizeof(n->id.public_pb)),
        .static_sig = lp2p_span(n->sig, sizeof(n->sig)),
        .muxers = muxers,
        .n_muxers = 1,
    };
}

static inline int noise_make(void *ctx, void **ret)
{
    struct noise_end *n = ctx;
    n->seed = n->number ^ 0x5eed;
    n->cfg.mem = n->mem;
    lp2p_pool_init(&n->pool, n->mem, NOISE_OBUF_SIZE, 1, 0);
    lp2p_obuf_init(&n->obuf, &n->pool);
    *ret = n;
    int err = lp2p_noise_init(&n->e, &n->cfg, n->role);
    if (err != 0) {
        lp2p_obuf_fini(&n->obuf);
    }
    return err;
}

static inline void noise_drop(void *ctx, void *e)
{
    (void)ctx;
    struct noise_end *n = e;
    lp2p_noise_fini(&n->e);
    lp2p_obuf_fini(&n->obuf);
    lp2p_pool_fini(&n->pool);
}

static inline int noise_recv(void *e, lp2p_ts now, uint8_t *bytes, size_t n, size_t *ret_used)
{
    return lp2p_noise_recv(&((struct noise_end *)e)->e, now, bytes, n, ret_used);
}

/* The other end of the seam: the owner of the static key. */
static inline int noise_answer(void *e)
{
    struct noise_end *n = e;
    uint8_t shared[32];
    int err = n->crypto->ops->x25519_shared(n->crypto->ctx, n->s_secret, n->remote, shared);
    HARNESS_CHECK(err == 0, "the engine asked for a secret that cannot be");
    return lp2p_noise_give_dh(&n->e, shared);
}

static inline void noise_log_hex(struct engine_log *log, const char *what, const uint8_t *p,
                                 size_t n)
{
    char hex[2 * 64 + 1] = "";
    for (size_t i = 0; i < n && i < 64; i++) {
        snprintf(hex + 2 * i, 3, "%02x", p[i]);
    }
    engine_log_event(log, "%s %s", what, hex);
}

/* Says something as soon as it can, so that output after the handshake is compared too. */
static inline void noise_secured(struct noise_end *n, const struct lp2p_noise_event *ev,
                                 struct engine_log *log)
{
    noise_log_hex(log, "secured", ev->peer->bytes, ev->peer->len);
    engine_log_event(log, "muxer %d", ev->muxer);
    HARNESS_CHECK(lp2p_noise_is_open(&n->e), "secured, and not open");
    int err = lp2p_noise_seal(&n->e, (const uint8_t *)"first", 5);
    HARNESS_CHECK(err == 0 || err == -LP2P_E_NOMEM || n->e.failure.code != 0, "seal");
}

static inline enum engine_pull noise_event(void *e, struct engine_log *log)
{
    struct noise_end *n = e;
    struct lp2p_noise_event ev;
    if (!lp2p_noise_event(&n->e, &ev)) {
        return ENGINE_NONE;
    }
    switch (ev.type) {
    case LP2P_NOISE_EV_NEED_DH:
        memcpy(n->remote, ev.remote, sizeof(n->remote));
        noise_log_hex(log, "need_dh", ev.remote, 32);
        return ENGINE_NEED;
    case LP2P_NOISE_EV_SECURED:
        noise_secured(n, &ev, log);
        return ENGINE_LOGGED;
    case LP2P_NOISE_EV_DATA:
        engine_log_data(log, 0, ev.data.p, ev.data.n);
        return ENGINE_LOGGED;
    case LP2P_NOISE_EV_NONE:
        break;
    }
    HARNESS_FAIL("an event without a type");
}

static inline struct lp2p_span noise_out(void *e)
{
    struct noise_end *n = e;
    (void)lp2p_noise_flush(&n->e);
    return lp2p_obuf_span(&n->obuf);
}

static inline void noise_out_done(void *e, size_t n)
{
    lp2p_obuf_consume(&((struct noise_end *)e)->obuf, n);
}

static inline int noise_error(const void *e)
{
    return lp2p_noise_error(&((const struct noise_end *)e)->e)->code;
}

static inline size_t noise_want(const void *e, const uint8_t *bytes, size_t n)
{
    return lp2p_noise_want(&((const struct noise_end *)e)->e, bytes, n);
}

static const struct engine_ops noise_ops = {
    .make = noise_make,
    .drop = noise_drop,
    .recv = noise_recv,
    .event = noise_event,
    .out = noise_out,
    .out_done = noise_out_done,
    .error = noise_error,
    .answer = noise_answer,
    .want = noise_want,
};

#endif
