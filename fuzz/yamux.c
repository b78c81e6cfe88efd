/*
 * yamux under a script of both sides: what the peer sends (raw bytes, frames, payload) and what the
 * layer above wishes. The first byte chooses the role and the limits; each step is a command byte
 * and four bytes of arguments. Everything that is said and sent is checked.
 */
#include <stdlib.h>

#include "base/assert.h"
#include "base/mem.h"
#include "proto/yamux/yamux_priv.h"

#define SLOTS 32U

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

struct slot {
    struct lp2p_yamux_stream *s; /* NULL: free */
    size_t unread;
    bool fin;
    bool reset;
};

struct script {
    struct lp2p_yamux *e;
    struct lp2p_scope scope;
    struct slot slots[SLOTS];
    lp2p_ts now;
    uint8_t head[LP2P_YAMUX_HEADER_SIZE]; /* of the frame that is being sent */
    size_t head_len;
    size_t body_left; /* of it */
};

static const uint8_t zeros[1 << 16];

static void fill(void *ctx, uint8_t *p, size_t n)
{
    (void)ctx;
    memset(p, 1, n);
}

static uint64_t hash(const void *ctx, struct lp2p_span key)
{
    (void)ctx;
    return key.n == 0 ? 0 : key.p[0] * 31U + key.p[key.n - 1];
}

/* ---- what it says ---- */

static void add(struct script *t, struct lp2p_yamux_stream *s)
{
    for (size_t i = 0; i < SLOTS; i++) {
        if (t->slots[i].s == NULL) {
            t->slots[i] = (struct slot){.s = s};
            lp2p_yamux_set_user(s, &t->slots[i]);
            return;
        }
    }
    lp2p_yamux_release(t->e, s);
}

static void on_event(struct script *t, const struct lp2p_yamux_event *ev)
{
    if (ev->type == LP2P_YAMUX_EV_STREAM) {
        add(t, ev->stream);
        return;
    }
    if (ev->stream == NULL) {
        LP2P_ASSERT(ev->type == LP2P_YAMUX_EV_RTT || ev->type == LP2P_YAMUX_EV_GOAWAY);
        return;
    }
    struct slot *slot = lp2p_yamux_user(ev->stream);
    LP2P_ASSERT(slot != NULL && slot->s == ev->stream && !slot->reset);
    if (ev->type == LP2P_YAMUX_EV_DATA) {
        LP2P_ASSERT(ev->data.n > 0 && !slot->fin);
        slot->unread += ev->data.n;
        LP2P_ASSERT(slot->unread <= t->e->cfg.limits.window_max);
    } else if (ev->type == LP2P_YAMUX_EV_FIN) {
        LP2P_ASSERT(!slot->fin);
        slot->fin = true;
    } else if (ev->type == LP2P_YAMUX_EV_RESET) {
        slot->reset = true;
    }
}

static void pull(struct script *t)
{
    struct lp2p_yamux_event ev;
    for (unsigned i = 0; lp2p_yamux_event(t->e, &ev); i++) {
        LP2P_ASSERT(i < 1000);
        on_event(t, &ev);
    }
}

/* ---- what it sends ---- */

static void check_frame(struct script *t)
{
    struct lp2p_yamux_frame f;
    int err = lp2p_yamux_frame_decode(t->head, &f);
    LP2P_ASSERT(err == 0);
    bool session = f.type == LP2P_YAMUX_PING || f.type == LP2P_YAMUX_GOAWAY;
    LP2P_ASSERT(session == (f.id == 0));
    LP2P_ASSERT(f.type != LP2P_YAMUX_DATA || (f.length > 0 && f.length <= LP2P_YAMUX_FRAME_MAX));
    bool ours = (f.id % 2 == 1) == (t->e->role == LP2P_YAMUX_CLIENT);
    LP2P_ASSERT(session || (f.flags & LP2P_YAMUX_SYN) == 0 || ours);
    LP2P_ASSERT(session || (f.flags & LP2P_YAMUX_ACK) == 0 || !ours);
    t->body_left = f.type == LP2P_YAMUX_DATA ? f.length : 0;
    t->head_len = 0;
}

static void sent(struct script *t, struct lp2p_span s)
{
    while (s.n > 0) {
        size_t k = LP2P_MIN(s.n, t->body_left);
        t->body_left -= k;
        if (k == 0) {
            t->head[t->head_len++] = s.p[0];
            k = 1;
            if (t->head_len == sizeof(t->head)) {
                check_frame(t);
            }
        }
        s = lp2p_span(s.p + k, s.n - k);
    }
}

/* At most `max` bytes; says how many. */
static size_t drain(struct script *t, size_t max)
{
    size_t total = 0;
    for (struct lp2p_span s; total < max && (s = lp2p_yamux_out(t->e)).n > 0;) {
        size_t k = LP2P_MIN(s.n, max - total);
        sent(t, lp2p_span(s.p, k));
        lp2p_yamux_out_done(t->e, k);
        total += k;
    }
    return total;
}

/* ---- what comes ---- */

static void feed(struct script *t, const uint8_t *p, size_t n)
{
    uint8_t *block = malloc(n == 0 ? 1 : n);
    LP2P_ASSERT(block != NULL);
    if (n > 0) {
        memcpy(block, p, n);
    }
    int err = 0;
    for (size_t done = 0; done < n && err == 0;) {
        size_t used = 0;
        err = lp2p_yamux_recv(t->e, t->now, block + done, n - done, &used);
        LP2P_ASSERT(used <= n - done && err == lp2p_yamux_error(t->e)->code);
        done += err == 0 ? used : 0;
        bool waited = t->e->n_events > 0;
        pull(t);
        if (err == 0 && used == 0 && !waited) {
            LP2P_ASSERT(drain(t, SIZE_MAX) > 0);
        }
    }
    free(block);
}

static void feed_frame(struct script *t, const uint8_t a[4])
{
    static const uint32_t lengths[] = {
        0,
        1,
        5,
        32768,
        65536,
        262144,
        262145,
        262143,
        1U << 20,
        1U << 24,
        0x01010101,
        0x7fffffff,
        0x80000000,
        UINT32_MAX,
        UINT32_MAX - 262144,
        UINT32_MAX - 262143,
    };
    struct lp2p_yamux_frame f = {
        .type = (enum lp2p_yamux_type)(a[0] % LP2P_YAMUX_TYPES),
        .flags = a[1] & 31U,
        .id = a[2] < 250 ? a[2] : UINT32_MAX - (255U - a[2]),
        .length = lengths[a[3] % LP2P_COUNT(lengths)],
    };
    uint8_t head[LP2P_YAMUX_HEADER_SIZE];
    lp2p_yamux_frame_encode(&f, head);
    feed(t, head, sizeof(head));
}

/* ---- what is wished ---- */

static void do_write(struct script *t, struct slot *slot, size_t n, size_t room)
{
    size_t done = 0;
    (void)drain(t, t->e->frame_left); /* the composer never leaves half a frame behind */
    int err = lp2p_yamux_write(t->e, slot->s, lp2p_span(zeros, n), room, &done);
    if (err != 0) {
        return;
    }
    LP2P_ASSERT(done <= n);
    (void)drain(t, room);
    LP2P_ASSERT(!t->e->lent && t->e->lent_bytes.n == 0);
}

static void do_consume(struct script *t, struct slot *slot, size_t n)
{
    n = LP2P_MIN(n, slot->unread);
    slot->unread -= n;
    lp2p_yamux_consume(t->e, t->now, slot->s, n);
}

static void do_stream(struct script *t, uint8_t what, const uint8_t a[4])
{
    struct slot *slot = &t->slots[a[0] % SLOTS];
    size_t n = (size_t)a[1] << 8 | a[2];
    if (slot->s == NULL) {
        return;
    }
    switch (what) {
    case 0:
        do_write(t, slot, n, (size_t)a[3] * 300);
        break;
    case 1:
        do_consume(t, slot, n);
        break;
    case 2:
        (void)lp2p_yamux_close_write(t->e, slot->s);
        break;
    case 3:
        lp2p_yamux_reset(t->e, slot->s, n & 255);
        slot->reset = true;
        break;
    default: {
        struct lp2p_yamux_stream *s = slot->s;
        slot->s = NULL;
        lp2p_yamux_release(t->e, s);
    }
    }
}

static void do_open(struct script *t)
{
    struct lp2p_yamux_stream *s;
    if (lp2p_yamux_open(t->e, &s) == 0) {
        add(t, s);
    }
}

static void step(struct script *t, uint8_t what, const uint8_t a[4])
{
    size_t n = (size_t)a[1] << 8 | a[2];
    switch (what % 14) {
    case 0:
    case 1:
    case 2:
        feed_frame(t, a);
        break;
    case 3:
        feed(t, zeros, n);
        break;
    case 4:
        do_open(t);
        break;
    case 5:
        t->now += LP2P_MSEC(10) * n;
        (void)lp2p_yamux_tick(t->e, t->now);
        break;
    case 6:
        (void)drain(t, n);
        break;
    case 7:
        lp2p_yamux_wake(t->e);
        break;
    case 8:
        if (a[0] == 255) {
            lp2p_yamux_goaway(t->e, a[1]);
        } else if (a[0] == 254) {
            lp2p_yamux_probe(t->e, t->now, LP2P_MSEC(100) * a[1]);
        } else {
            lp2p_yamux_ping(t->e, t->now);
        }
        break;
    default:
        do_stream(t, what % 14 - 9, a);
    }
}

/* ---- a run ---- */

static void check(const struct script *t)
{
    LP2P_ASSERT(lp2p_yamux_control_size(t->e) <= 1000 * LP2P_YAMUX_HEADER_SIZE);
    lp2p_list_each (it, &t->e->streams) {
        const struct lp2p_yamux_stream *s = LP2P_CONTAINER(it, struct lp2p_yamux_stream, all);
        const struct lp2p_yamux_window *w = &s->recv;
        LP2P_ASSERT(s->state == LP2P_YAMUX_ST_RESET ||
                    w->credit + w->unread + w->ungranted +
                            (t->e->body == s ? t->e->body_left : 0) <=
                        w->max);
        LP2P_ASSERT(w->max <= t->e->cfg.limits.window_max);
    }
    LP2P_ASSERT(t->e->n_in <= t->e->cfg.limits.streams_in);
    LP2P_ASSERT(t->e->n_out <= t->e->cfg.limits.streams_out);
}

static void start(struct script *t, uint8_t how)
{
    static const struct lp2p_random random = {.fill = fill};
    bool small = (how & 2) != 0;
    const struct lp2p_yamux_cfg cfg = {
        .mem = lp2p_mem_default(),
        .scope = &t->scope,
        .random = &random,
        .hasher = {.hash = hash},
        .limits = {.streams_in = small ? 3 : 256,
                   .streams_out = small ? 3 : 256,
                   .ack_backlog = small ? 2 : 256,
                   .window_max = small ? 512U << 10 : 16U << 20,
                   .windows_total = small ? 512U << 10 : 32U << 20,
                   .keepalive = LP2P_SEC(20),
                   .ping_timeout = LP2P_SEC(10),
                   .abuse_burst = 1000,
                   .abuse_refill = 33},
    };
    *t = (struct script){.now = LP2P_SEC(1)};
    lp2p_scope_init(&t->scope, NULL);
    if ((how & 4) != 0) {
        t->scope.max[LP2P_SCOPE_MEM] = 100000;
    }
    int err = lp2p_yamux_new(&cfg, (how & 1) != 0 ? LP2P_YAMUX_CLIENT : LP2P_YAMUX_SERVER, t->now,
                             &t->e);
    LP2P_ASSERT(err == 0);
}

/* Steps, or with bit 3 of the first byte the bytes of a recorded connection. */
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    static struct script t;
    if (n == 0) {
        return 0;
    }
    start(&t, p[0]);
    if ((p[0] & 8) != 0) {
        (void)drain(&t, SIZE_MAX);
        feed(&t, p + 1, n - 1);
    } else {
        for (size_t at = 1; n - at >= 5; at += 5) {
            step(&t, p[at], p + at + 1);
            pull(&t);
            check(&t);
        }
    }
    pull(&t);
    check(&t);
    (void)drain(&t, SIZE_MAX);
    lp2p_yamux_free(t.e);
    lp2p_scope_fini(&t.scope);
    return 0;
}
