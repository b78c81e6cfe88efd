#include "pair.h"

#include "base/assert.h"
#include "base/mem.h"
#include "harness/check.h"
#include "proto/noise/payload.h"

/* ---- wires ---- */

void pair_wire_add(struct pair_wire *w, const uint8_t *p, size_t n)
{
    if (w->n + n > w->cap) {
        w->cap = 2 * (w->n + n);
        w->p = realloc(w->p, w->cap);
        HARNESS_CHECK(w->p != NULL, "out of memory");
    }
    if (n > 0) {
        memcpy(w->p + w->n, p, n);
    }
    w->n += n;
}

void pair_wire_drop(struct pair_wire *w, size_t n)
{
    HARNESS_CHECK(n <= w->n, "more dropped than there is");
    w->n -= n;
    if (w->n > 0 && n > 0) {
        memmove(w->p, w->p + n, w->n);
    }
}

/* ---- one end ---- */

static void end_fill(void *ctx, uint8_t *p, size_t n)
{
    struct end *e = ctx;
    for (size_t i = 0; i < n; i++) {
        p[i] = (uint8_t)engine_random(&e->seed);
    }
}

static void end_make_keys(struct end *e)
{
    const struct lp2p_crypto *c = e->crypto;
    uint8_t seed[32];
    end_fill(e, seed, sizeof(seed));
    end_fill(e, e->static_secret, sizeof(e->static_secret));
    HARNESS_CHECK(lp2p_identity_from_seed(c, seed, &e->id) == 0, "identity");
    HARNESS_CHECK(c->ops->x25519_public(c->ctx, e->static_secret, e->host.static_public) == 0,
                  "static key");
    HARNESS_CHECK(lp2p_noise_static_sign(c, &e->id, e->host.static_public, e->host.static_sig) == 0,
                  "signature");
}

/* The shipped limits (yamux.h). */
static struct lp2p_yamux_limits end_limits(void)
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

void end_init(struct end *e, const struct lp2p_crypto *crypto, uint64_t number)
{
    *e = (struct end){
        .mem = lp2p_mem_default(),
        .crypto = crypto,
        .number = number,
        .seed = number,
        .now = LP2P_SEC(1),
    };
    e->random = (struct lp2p_random){.ctx = e, .fill = end_fill};
    end_make_keys(e);
    lp2p_hash_key_init(&e->hash, crypto, &e->random);
    e->host.crypto = crypto;
    e->host.random = &e->random;
    e->host.hasher = lp2p_hasher(&e->hash);
    e->host.identity_pb = lp2p_span(e->id.public_pb, sizeof(e->id.public_pb));
    e->host.yamux = end_limits();
    e->host.early_muxer = true;
    lp2p_scope_init(&e->scope, NULL);
}

/* As a host's, or, where a size is given, blocks of that size which never grow. */
static void end_init_pools(struct end *e, size_t obuf_size)
{
    size_t first = obuf_size == 0 ? LP2P_UPGRADE_OBUF_SMALL_SIZE : obuf_size;
    lp2p_pool_init(&e->host.obufs, e->mem, first, 8, 1);
    e->host.large_obufs = (struct lp2p_pool){.size = 0};
    if (obuf_size == 0) {
        lp2p_pool_init(&e->host.large_obufs, e->mem, LP2P_UPGRADE_OBUF_SIZE, 8, 1);
    }
}

static void end_fini_pools(struct end *e)
{
    lp2p_pool_fini(&e->host.obufs);
    lp2p_pool_fini(&e->host.large_obufs);
}

int end_open(struct end *e, enum lp2p_conn_role role, const struct lp2p_peer_id *expected,
             size_t obuf_size)
{
    e->seed = e->number ^ 0x5eed;
    e->host.mem = e->mem;
    end_init_pools(e, obuf_size);
    int err = lp2p_upgrade_new(&e->host, role, expected, &e->scope, &e->c);
    if (err != 0) {
        e->c = NULL;
        end_fini_pools(e);
    }
    return err;
}

void end_close(struct end *e)
{
    if (e->c != NULL) {
        e->c->ops->free(e->c);
        e->c = NULL;
        end_fini_pools(e);
    }
}

void end_fini(struct end *e)
{
    end_close(e);
    lp2p_scope_fini(&e->scope);
    HARNESS_CHECK(e->host.sealer.owner == NULL, "a record is open, and its connection gone");
    free(e->log.text);
    free(e->in.p);
}

struct lp2p_upgrade *end_upgrade(struct end *e)
{
    return lp2p_upgrade_of(e->c);
}

int end_error(const struct end *e)
{
    return e->c->ops->error(e->c)->code;
}

int end_answer(struct end *e)
{
    HARNESS_CHECK(e->need, "nobody asked");
    uint8_t shared[32];
    int err = e->crypto->ops->x25519_shared(e->crypto->ctx, e->static_secret, e->remote, shared);
    HARNESS_CHECK(err == 0, "asked for a secret that cannot be");
    e->need = false;
    return e->c->ops->give_dh(e->c, e->now, shared);
}

/* ---- events ---- */

static unsigned stream_id(const struct lp2p_conn_stream *s)
{
    return lp2p_yamux_id((const struct lp2p_yamux_stream *)(const void *)s);
}

static void end_log(struct end *e, const struct lp2p_conn_event *ev)
{
    static const char *const names[] = {
        [LP2P_CONN_EV_NEED_DH] = "need_dh",
        [LP2P_CONN_EV_SECURED] = "secured",
        [LP2P_CONN_EV_UP] = "up",
        [LP2P_CONN_EV_STREAM] = "stream",
        [LP2P_CONN_EV_ACK] = "ack",
        [LP2P_CONN_EV_FIN] = "fin",
        [LP2P_CONN_EV_RESET] = "reset",
        [LP2P_CONN_EV_RTT] = "rtt",
        [LP2P_CONN_EV_WRITABLE] = "writable",
        [LP2P_CONN_EV_GOAWAY] = "goaway",
    };
    if (e->quiet) {
        return;
    }
    if (ev->type == LP2P_CONN_EV_DATA) {
        engine_log_data(&e->log, stream_id(ev->stream), ev->data.p, ev->data.n);
    } else if (ev->stream != NULL) {
        engine_log_event(&e->log, "%s %u %u", names[ev->type], stream_id(ev->stream), ev->code);
    } else {
        engine_log_event(&e->log, "%s %u", names[ev->type], ev->code);
    }
}

static void end_note(struct end *e, const struct lp2p_conn_event *ev)
{
    switch (ev->type) {
    case LP2P_CONN_EV_NEED_DH:
        HARNESS_CHECK(!e->need && !e->secured, "asked twice");
        e->need = true;
        memcpy(e->remote, ev->remote, sizeof(e->remote));
        break;
    case LP2P_CONN_EV_SECURED:
        HARNESS_CHECK(!e->secured && !e->up, "secured twice, or too late");
        e->secured = true;
        e->peer = *ev->peer;
        break;
    case LP2P_CONN_EV_UP:
        HARNESS_CHECK(e->secured && !e->up, "up before it is secured, or twice");
        e->up = true;
        break;
    case LP2P_CONN_EV_STREAM:
        e->stream = ev->stream;
        break;
    case LP2P_CONN_EV_DATA:
        HARNESS_CHECK(ev->data.n > 0, "an event without data");
        e->bytes_got += ev->data.n;
        break;
    case LP2P_CONN_EV_ACK:
    case LP2P_CONN_EV_FIN:
    case LP2P_CONN_EV_RESET:
    case LP2P_CONN_EV_WRITABLE:
    case LP2P_CONN_EV_RTT:
    case LP2P_CONN_EV_GOAWAY:
        break;
    case LP2P_CONN_EV_NONE:
        HARNESS_FAIL("an event without a type");
    }
}

bool end_pull_one(struct end *e)
{
    struct lp2p_conn_event ev;
    if (!e->c->ops->event(e->c, e->now, &ev)) {
        return false;
    }
    end_log(e, &ev);
    end_note(e, &ev);
    if (e->on_event != NULL) {
        e->on_event(e, &ev);
    }
    if (ev.type == LP2P_CONN_EV_DATA && !e->hold) {
        e->c->ops->consume(e->c, e->now, ev.stream, ev.data.n);
    }
    if (e->need && !e->late) {
        (void)end_answer(e); /* the error is sticky */
    }
    return true;
}

bool end_pull(struct end *e)
{
    bool any = false;
    while (end_pull_one(e)) {
        any = true;
    }
    return any;
}

/* ---- bytes ---- */

size_t end_send(struct end *e, struct end *to, size_t max)
{
    struct lp2p_span out = e->c->ops->out(e->c);
    size_t n = LP2P_MIN(out.n, max);
    if (n > 0) {
        pair_wire_add(&to->in, out.p, n);
        e->c->ops->out_done(e->c, e->now, n);
        e->flights++;
        e->bytes_out += n;
    }
    return n;
}

size_t end_take(struct end *e, size_t n)
{
    n = LP2P_MIN(n, e->in.n);
    uint8_t *block = malloc(n == 0 ? 1 : n);
    HARNESS_CHECK(block != NULL, "out of memory");
    if (n > 0) {
        memcpy(block, e->in.p, n);
    }
    size_t done = 0;
    bool more = true;
    while (more && end_error(e) == 0) {
        size_t used = 0;
        int err = e->c->ops->recv(e->c, e->now, block + done, n - done, &used);
        HARNESS_CHECK(used <= n - done && err == end_error(e), "used too much, or another error");
        done += used;
        more = end_pull(e) || used > 0;
        more = more && done < n;
    }
    /* Who keeps a span too long reads this. */
    lp2p_wipe(block, n);
    free(block);
    pair_wire_drop(&e->in, done);
    return done;
}

bool end_take_all(struct end *e)
{
    bool any = end_pull(e);
    return end_take(e, e->in.n) > 0 || any;
}

void end_inject(struct end *e, const void *p, size_t n)
{
    struct lp2p_upgrade *u = end_upgrade(e);
    HARNESS_CHECK(lp2p_noise_seal(&u->noise, p, n) == 0, "no room to inject");
}

/* ---- both ---- */

void pair_init(struct pair *p, const struct lp2p_crypto *a, const struct lp2p_crypto *b)
{
    end_init(&p->a, a, 1);
    end_init(&p->b, b, 2);
}

void pair_open(struct pair *p)
{
    HARNESS_CHECK(end_open(&p->a, LP2P_CONN_DIALER, &p->b.id.id, 0) == 0, "dialer");
    HARNESS_CHECK(end_open(&p->b, LP2P_CONN_LISTENER, NULL, 0) == 0, "listener");
}

void pair_fini(struct pair *p)
{
    end_fini(&p->a);
    end_fini(&p->b);
}

void pair_run(struct pair *p)
{
    for (bool moved = true; moved;) {
        moved = end_send(&p->a, &p->b, SIZE_MAX) > 0;
        moved = end_take_all(&p->b) || moved;
        moved = end_send(&p->b, &p->a, SIZE_MAX) > 0 || moved;
        moved = end_take_all(&p->a) || moved;
    }
}
