/*
 * conn/upgrade for the engine harness: one end, fed with the bytes of another. What the layer above
 * does in answer to UP, and what the other end's keys are, comes with the case.
 */
#ifndef LP2P_TESTS_ENGINE_CONN_H
#define LP2P_TESTS_ENGINE_CONN_H

#include "harness/check.h"
#include "pair.h"
#include "proto/noise/symmetric.h"

struct conn_case {
    const struct lp2p_crypto *crypto;
    const struct lp2p_mem *mem; /* NULL: the default one */
    enum lp2p_conn_role role;
    uint64_t number;
    bool no_early_muxer;
    const struct lp2p_peer_id *expected;
    void (*on_event)(struct end *e, const struct lp2p_conn_event *ev);
    const uint8_t *out_key; /* opens the output; NULL: records stay as they are */
    struct end end;
};

static inline int conn_make(void *ctx, void **ret)
{
    struct conn_case *c = ctx;
    end_init(&c->end, c->crypto, c->number);
    c->end.late = true; /* the harness answers */
    c->end.on_event = c->on_event;
    c->end.host.early_muxer = !c->no_early_muxer;
    if (c->mem != NULL) {
        c->end.mem = c->mem;
    }
    *ret = &c->end;
    int err = end_open(&c->end, c->role, c->expected, 0);
    if (err != 0) {
        end_fini(&c->end);
    }
    return err;
}

static inline void conn_drop(void *ctx, void *e)
{
    (void)ctx;
    end_fini(e);
}

/* What is owed goes out first: the peer answers only what it was asked. */
static inline int conn_recv(void *ctx, lp2p_ts now, uint8_t *bytes, size_t n, size_t *ret_used)
{
    struct end *e = ctx;
    e->now = now;
    (void)e->c->ops->out(e->c);
    return e->c->ops->recv(e->c, now, bytes, n, ret_used);
}

/* One event at a time, into the log of the harness. */
static inline enum engine_pull conn_event(void *ctx, struct engine_log *log)
{
    struct end *e = ctx;
    bool asked = e->need;
    HARNESS_CHECK(e->log.text == NULL, "events got lost");
    e->log = *log;
    bool any = end_pull_one(e);
    *log = e->log;
    e->log = (struct engine_log){.text = NULL};
    return !any ? ENGINE_NONE : e->need && !asked ? ENGINE_NEED : ENGINE_LOGGED;
}

static inline struct lp2p_span conn_out(void *ctx)
{
    struct end *e = ctx;
    return e->c->ops->out(e->c);
}

static inline void conn_out_done(void *ctx, size_t n)
{
    struct end *e = ctx;
    e->c->ops->out_done(e->c, e->now, n);
}

static inline int conn_error(const void *ctx)
{
    return end_error(ctx);
}

static inline int conn_answer(void *ctx)
{
    return end_answer(ctx);
}

static inline size_t conn_want(const void *ctx, const uint8_t *bytes, size_t n)
{
    const struct end *e = ctx;
    return e->c->ops->want(e->c, bytes, n);
}

/* Length of the multistream lines at the front: they are in the clear, their lengths are one byte.
 */
static inline size_t conn_lines(const uint8_t *p, size_t n)
{
    size_t at = 0;
    while (at < n && p[at] != 0) {
        at += 1U + p[at];
    }
    return at;
}

/* Opens the records behind the handshake message, where their borders may differ. */
static inline size_t conn_open_out(void *ctx, uint8_t *out, size_t n)
{
    struct conn_case *c = ctx;
    if (c->out_key == NULL) {
        return n;
    }
    size_t at = conn_lines(out, n);
    unsigned message = c->role == LP2P_CONN_DIALER ? 2 : 1; /* handshake messages in front */
    size_t to = at;
    uint64_t count = 0;
    while (n - at > 2) {
        size_t len = (size_t)(out[at] << 8 | out[at + 1]);
        HARNESS_CHECK(len <= n - at - 2, "a record that is not whole");
        struct lp2p_mspan rec = {.p = out + at + 2, .n = len};
        at += 2 + len;
        if (message > 0) {
            message--;
        } else {
            uint8_t nonce[LP2P_AEAD_NONCE_SIZE];
            lp2p_noise_nonce(count++, nonce);
            HARNESS_CHECK(c->crypto->ops->open(c->crypto->ctx, c->out_key, nonce,
                                               lp2p_span(NULL, 0), rec) == 0,
                          "a record that does not open");
            rec.n -= LP2P_AEAD_TAG_SIZE;
        }
        memmove(out + to, rec.p, rec.n);
        to += rec.n;
    }
    return to;
}

static const struct engine_ops conn_ops = {
    .make = conn_make,
    .drop = conn_drop,
    .recv = conn_recv,
    .event = conn_event,
    .out = conn_out,
    .out_done = conn_out_done,
    .error = conn_error,
    .answer = conn_answer,
    .want = conn_want,
    .open_out = conn_open_out,
};

#endif
