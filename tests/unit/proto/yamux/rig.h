/*
 * One yamux engine with everything it needs, a peer that speaks frames, and a log of the events as
 * text, so that a test reads as a conversation. Allocations are counted and can fail.
 */
#ifndef LP2P_TESTS_YAMUX_RIG_H
#define LP2P_TESTS_YAMUX_RIG_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/mem.h"
#include "cmocka_all.h"
#include "proto/yamux/yamux_priv.h"

#define RIG_STREAMS 1024U

struct rig {
    struct lp2p_mem mem;
    size_t live;      /* blocks out */
    size_t allocated; /* bytes in all */
    long fail_at;     /* the allocation that fails, counted down; negative: none */
    bool fail_on;     /* and all behind it */
    struct lp2p_scope system;
    struct lp2p_scope scope;
    struct lp2p_random random;
    uint64_t seed;
    struct lp2p_yamux_cfg cfg;
    struct lp2p_yamux *e;
    lp2p_ts now;
    bool hold;         /* data is not consumed */
    bool quiet;        /* no log */
    char log[1 << 16]; /* events as text, joined by spaces */
    size_t log_len;
    struct lp2p_yamux_stream *streams[RIG_STREAMS]; /* that the peer opened */
    size_t n_streams;
    uint8_t out[1 << 18]; /* drained output */
    size_t out_len;
    struct lp2p_yamux_stream *data_stream; /* of the last DATA, to join pieces */
    size_t data_len;
};

static inline bool rig_fails(struct rig *r)
{
    if (r->fail_at < 0) {
        return false;
    }
    if (r->fail_at == 0) {
        r->fail_at = r->fail_on ? 0 : -1;
        return true;
    }
    r->fail_at--;
    return false;
}

static inline void *rig_alloc(void *ctx, size_t n)
{
    struct rig *r = ctx;
    if (rig_fails(r)) {
        return NULL;
    }
    r->live++;
    r->allocated += n;
    return malloc(n);
}

static inline void *rig_resize(void *ctx, void *p, size_t n)
{
    struct rig *r = ctx;
    if (rig_fails(r)) {
        return NULL;
    }
    r->live += p == NULL ? 1 : 0;
    r->allocated += n;
    return realloc(p, n);
}

static inline void rig_release(void *ctx, void *p)
{
    struct rig *r = ctx;
    r->live -= p == NULL ? 0 : 1;
    free(p);
}

static inline uint64_t rig_next(uint64_t *seed)
{
    /* splitmix64 */
    uint64_t z = (*seed += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

static inline void rig_fill(void *ctx, uint8_t *p, size_t n)
{
    struct rig *r = ctx;
    for (size_t i = 0; i < n; i++) {
        p[i] = (uint8_t)rig_next(&r->seed);
    }
}

static inline uint64_t rig_hash(const void *ctx, struct lp2p_span key)
{
    (void)ctx;
    uint64_t h = 1469598103934665603U;
    for (size_t i = 0; i < key.n; i++) {
        h = (h ^ key.p[i]) * 1099511628211U;
    }
    return h;
}

/* The shipped limits (yamux.h). */
static inline struct lp2p_yamux_limits rig_limits(void)
{
    return (struct lp2p_yamux_limits){
        .streams_in = 256,
        .streams_out = 256,
        .ack_backlog = 256,
        .window_max = 16U << 20,
        .windows_total = 24U << 20,
        .keepalive = LP2P_SEC(20),
        .ping_timeout = LP2P_SEC(10),
        .abuse_burst = 1000,
        .abuse_refill = 33,
    };
}

static inline void rig_init(struct rig *r)
{
    memset(r, 0, sizeof(*r));
    r->mem = (struct lp2p_mem){
        .ctx = r, .alloc = rig_alloc, .resize = rig_resize, .free = rig_release};
    r->fail_at = -1;
    r->seed = 1;
    r->random = (struct lp2p_random){.ctx = r, .fill = rig_fill};
    r->now = LP2P_SEC(100);
    lp2p_scope_init(&r->system, NULL);
    lp2p_scope_init(&r->scope, &r->system);
    r->cfg = (struct lp2p_yamux_cfg){
        .mem = &r->mem,
        .scope = &r->scope,
        .random = &r->random,
        .hasher = {.hash = rig_hash},
        .limits = rig_limits(),
    };
}

static inline void rig_open(struct rig *r, enum lp2p_yamux_role role)
{
    assert_int_equal(lp2p_yamux_new(&r->cfg, role, r->now, &r->e), 0);
}

static inline struct rig *rig_new(enum lp2p_yamux_role role)
{
    struct rig *r = malloc(sizeof(*r));
    assert_non_null(r);
    rig_init(r);
    rig_open(r, role);
    return r;
}

static inline void rig_free(struct rig *r)
{
    lp2p_yamux_free(r->e);
    assert_int_equal(r->live, 0);
    lp2p_scope_fini(&r->scope);
    lp2p_scope_fini(&r->system);
    free(r);
}

static inline void rig_say(struct rig *r, const char *what, uint64_t a, uint64_t b)
{
    if (r->quiet) {
        return;
    }
    int n = snprintf(r->log + r->log_len, sizeof(r->log) - r->log_len, "%s%s:%" PRIu64 ":%" PRIu64,
                     r->log_len == 0 ? "" : " ", what, a, b);
    assert_true(n > 0 && (size_t)n < sizeof(r->log) - r->log_len);
    r->log_len += (size_t)n;
}

static inline void rig_flush_data(struct rig *r)
{
    if (r->data_len > 0) {
        rig_say(r, "data", r->data_stream->id, r->data_len);
        r->data_len = 0;
    }
}

static inline void rig_event(struct rig *r, const struct lp2p_yamux_event *ev)
{
    static const char *const names[] = {
        [LP2P_YAMUX_EV_STREAM] = "stream",     [LP2P_YAMUX_EV_ACK] = "ack",
        [LP2P_YAMUX_EV_FIN] = "fin",           [LP2P_YAMUX_EV_RESET] = "reset",
        [LP2P_YAMUX_EV_WRITABLE] = "writable", [LP2P_YAMUX_EV_RTT] = "rtt",
        [LP2P_YAMUX_EV_GOAWAY] = "goaway",     [LP2P_YAMUX_EV_DATA] = "data",
    };
    if (ev->type == LP2P_YAMUX_EV_DATA) {
        if (r->data_len > 0 && r->data_stream != ev->stream) {
            rig_flush_data(r);
        }
        r->data_stream = ev->stream;
        r->data_len += ev->data.n;
        if (!r->hold) {
            lp2p_yamux_consume(r->e, r->now, ev->stream, ev->data.n);
        }
        return;
    }
    rig_flush_data(r);
    if (ev->type == LP2P_YAMUX_EV_STREAM && r->n_streams < RIG_STREAMS) {
        r->streams[r->n_streams++] = ev->stream;
    }
    rig_say(r, names[ev->type], ev->stream == NULL ? 0 : ev->stream->id, ev->code);
}

/* Pulls all events; true if there were some. */
static inline bool rig_pull(struct rig *r)
{
    struct lp2p_yamux_event ev;
    bool any = false;
    while (lp2p_yamux_event(r->e, &ev)) {
        rig_event(r, &ev);
        any = true;
    }
    return any;
}

/* Pulls all output into `out`. */
static inline void rig_drain(struct rig *r)
{
    for (struct lp2p_span s; (s = lp2p_yamux_out(r->e)).n > 0;) {
        size_t k = LP2P_MIN(s.n, sizeof(r->out) - r->out_len);
        assert_true(k > 0);
        memcpy(r->out + r->out_len, s.p, k);
        r->out_len += k;
        lp2p_yamux_out_done(r->e, k);
    }
}

#endif
