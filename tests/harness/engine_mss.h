/* proto/multistream for the engine harness. */
#ifndef LP2P_HARNESS_ENGINE_MSS_H
#define LP2P_HARNESS_ENGINE_MSS_H

#include "harness/engine.h"

#include "base/mem.h"
#include "proto/multistream/multistream.h"

struct mss_case {
    const struct lp2p_mem *mem;
    enum lp2p_mss_role role;
    const struct lp2p_span *protocols;
    size_t n;
    struct lp2p_mss engine;
};

static inline int mss_make(void *ctx, void **ret)
{
    struct mss_case *c = ctx;
    const struct lp2p_mss_cfg cfg = {.mem = c->mem, .protocols = c->protocols, .n = c->n};
    *ret = &c->engine;
    return lp2p_mss_init(&c->engine, &cfg, c->role);
}

static inline void mss_drop(void *ctx, void *e)
{
    (void)ctx;
    lp2p_mss_fini(e);
}

static inline int mss_recv(void *e, lp2p_ts now, uint8_t *bytes, size_t n, size_t *ret_used)
{
    return lp2p_mss_recv(e, now, bytes, n, ret_used);
}

static inline enum engine_pull mss_event(void *e, struct engine_log *log)
{
    struct lp2p_mss_event ev;
    if (!lp2p_mss_event(e, &ev)) {
        return ENGINE_NONE;
    }
    engine_log_event(log, "selected %zu", ev.index);
    return ENGINE_LOGGED;
}

static inline struct lp2p_span mss_out(void *e)
{
    return lp2p_mss_out(e);
}

static inline void mss_out_done(void *e, size_t n)
{
    lp2p_mss_out_done(e, n);
}

static inline int mss_error(const void *e)
{
    return lp2p_mss_error(e)->code;
}

static inline bool mss_is_done(const void *e)
{
    return ((const struct lp2p_mss *)e)->state == LP2P_MSS_ST_DONE;
}

static const struct engine_ops mss_ops = {
    .make = mss_make,
    .drop = mss_drop,
    .recv = mss_recv,
    .event = mss_event,
    .out = mss_out,
    .out_done = mss_out_done,
    .error = mss_error,
    .is_done = mss_is_done,
};

#endif
