/*
 * Two engines against each other under random schedules with small rooms: every byte arrives once,
 * in order, on its stream; half closes and resets are seen; nothing is left behind. The seed of a
 * failing run is printed.
 */
#include "rig.h"

#define SLOTS      16U
#define PIPE       4096U
#define SEEDS      40U
#define STREAM_MAX 600000U
#define KEYS       512U

/* What one end does with one stream. */
struct plan {
    struct lp2p_yamux_stream *s; /* NULL: free */
    size_t to_send;              /* in all */
    size_t sent;
    size_t got;
    size_t unread;
    uint32_t key; /* of the bytes: id and direction */
    bool stuck;   /* was refused; waits for WRITABLE */
    bool fin_sent;
    bool fin_got;
    bool reset;
};

struct end {
    struct rig rig;
    bool client;
    struct plan plans[SLOTS * 2];
    uint8_t pipe[PIPE]; /* bytes on the way to the other end */
    size_t piped;
    unsigned opened;
    uint64_t bytes_got;
    unsigned fins_got;
    unsigned resets_got;
};

struct world {
    uint64_t seed;
    struct end ends[2];
    unsigned to_open;
    size_t total[KEYS]; /* bytes before the FIN, by key */
};

static uint64_t pick(struct world *w, uint64_t below)
{
    return rig_next(&w->seed) % below;
}

static uint8_t byte_at(uint32_t key, size_t at)
{
    return (uint8_t)((at * 131U + at / 251U + key * 17U) & 0xffU);
}

static struct plan *plan_of(struct end *e, const struct lp2p_yamux_stream *s)
{
    for (size_t i = 0; i < LP2P_COUNT(e->plans); i++) {
        if (e->plans[i].s == s) {
            return &e->plans[i];
        }
    }
    return NULL;
}

static struct plan *plan_new(struct world *w, struct end *e, struct lp2p_yamux_stream *s)
{
    struct plan *p = plan_of(e, NULL);
    if (p == NULL) {
        return NULL;
    }
    *p = (struct plan){.s = s, .key = lp2p_yamux_id(s) * 2 + (e->client ? 1U : 0U)};
    p->to_send = pick(w, 4) == 0 ? pick(w, STREAM_MAX) : pick(w, 3000);
    lp2p_yamux_set_user(s, p);
    return p;
}

static uint32_t key_of_peer(const struct end *e, const struct plan *p)
{
    return lp2p_yamux_id(p->s) * 2 + (e->client ? 0U : 1U);
}

static void on_data(struct end *e, struct plan *p, struct lp2p_mspan data)
{
    assert_non_null(p);
    assert_false(p->fin_got || p->reset);
    uint32_t key = key_of_peer(e, p);
    for (size_t i = 0; i < data.n; i++) {
        assert_int_equal(data.p[i], byte_at(key, p->got + i));
    }
    p->got += data.n;
    p->unread += data.n;
    e->bytes_got += data.n;
}

static void pull(struct world *w, struct end *e)
{
    struct lp2p_yamux_event ev;
    while (lp2p_yamux_event(e->rig.e, &ev)) {
        struct plan *p = ev.stream == NULL ? NULL : lp2p_yamux_user(ev.stream);
        switch (ev.type) {
        case LP2P_YAMUX_EV_STREAM:
            if (plan_new(w, e, ev.stream) == NULL) {
                lp2p_yamux_release(e->rig.e, ev.stream);
            }
            break;
        case LP2P_YAMUX_EV_DATA:
            on_data(e, p, ev.data);
            break;
        case LP2P_YAMUX_EV_FIN:
            assert_false(p->fin_got);
            assert_int_equal(p->got, w->total[key_of_peer(e, p)]);
            p->fin_got = true;
            e->fins_got++;
            break;
        case LP2P_YAMUX_EV_RESET:
            p->reset = true;
            e->resets_got++;
            break;
        case LP2P_YAMUX_EV_WRITABLE:
            p->stuck = false;
            break;
        case LP2P_YAMUX_EV_ACK:
        case LP2P_YAMUX_EV_RTT:
        case LP2P_YAMUX_EV_GOAWAY:
        case LP2P_YAMUX_EV_NONE:
            break;
        }
    }
}

/* Moves output into the pipe as far as it goes. */
static void flush(struct end *e)
{
    for (struct lp2p_span s; (s = lp2p_yamux_out(e->rig.e)).n > 0 && e->piped < PIPE;) {
        size_t k = LP2P_MIN(s.n, PIPE - e->piped);
        memcpy(e->pipe + e->piped, s.p, k);
        e->piped += k;
        lp2p_yamux_out_done(e->rig.e, k);
    }
}

static void act_write(struct world *w, struct end *e, struct plan *p)
{
    if (p->stuck || p->fin_sent || p->reset) {
        return;
    }
    if (p->sent == p->to_send) {
        assert_int_equal(lp2p_yamux_close_write(e->rig.e, p->s), 0);
        p->fin_sent = true;
        w->total[p->key] = p->sent;
        return;
    }
    uint8_t bytes[5000];
    size_t some = 1 + pick(w, sizeof(bytes));
    size_t n = LP2P_MIN(p->to_send - p->sent, some);
    for (size_t i = 0; i < n; i++) {
        bytes[i] = byte_at(p->key, p->sent + i);
    }
    flush(e);
    size_t took = 0;
    int err = lp2p_yamux_write(e->rig.e, p->s, lp2p_span(bytes, n), PIPE - e->piped, &took);
    assert_true(err == 0 || err == -LP2P_E_AGAIN);
    p->stuck = err != 0;
    p->sent += took;
    size_t before = e->piped;
    flush(e);
    assert_true(e->piped - before >= took);
}

static void act_read(struct world *w, struct end *e, struct plan *p)
{
    if (p->unread > 0) {
        size_t n = 1 + pick(w, p->unread);
        lp2p_yamux_consume(e->rig.e, e->rig.now, p->s, n);
        p->unread -= n;
    }
}

/* Ends the life of a stream that is over, or once in a while of one that is not. */
static void act_end(struct world *w, struct end *e, struct plan *p)
{
    bool over = p->reset || (p->fin_sent && p->fin_got && p->unread == 0);
    if (over || pick(w, 3000) == 0) {
        lp2p_yamux_release(e->rig.e, p->s);
        *p = (struct plan){.s = NULL};
    }
}

static void act_open(struct world *w, struct end *e)
{
    struct lp2p_yamux_stream *s;
    if (e->opened < w->to_open && plan_of(e, NULL) != NULL && lp2p_yamux_open(e->rig.e, &s) == 0) {
        e->opened++;
        assert_non_null(plan_new(w, e, s));
    }
}

/* Some bytes of the pipe reach the other end. */
static void deliver(struct world *w, struct end *from, struct end *to, bool all)
{
    if (from->piped == 0) {
        return;
    }
    size_t n = all ? from->piped : 1 + pick(w, from->piped);
    size_t used = 0;
    assert_int_equal(lp2p_yamux_recv(to->rig.e, to->rig.now, from->pipe, n, &used), 0);
    pull(w, to);
    memmove(from->pipe, from->pipe + used, from->piped - used);
    from->piped -= used;
    if (from->piped < PIPE / 2) {
        lp2p_yamux_wake(from->rig.e);
    }
}

static void step(struct world *w)
{
    struct end *e = &w->ends[pick(w, 2)];
    struct end *other = e == &w->ends[0] ? &w->ends[1] : &w->ends[0];
    struct plan *p = &e->plans[pick(w, LP2P_COUNT(e->plans))];
    e->rig.now += LP2P_USEC(pick(w, 100));
    other->rig.now = e->rig.now;
    switch (pick(w, 7)) {
    case 0:
        act_open(w, e);
        break;
    case 1:
        if (p->s != NULL) {
            act_read(w, e, p);
        }
        break;
    case 2:
        if (p->s != NULL) {
            act_end(w, e, p);
        }
        break;
    case 3:
    case 4:
        if (p->s != NULL) {
            act_write(w, e, p);
        }
        break;
    case 5:
        flush(e);
        pull(w, e);
        break;
    default:
        deliver(w, e, other, false);
        break;
    }
}

static bool is_quiet(const struct world *w)
{
    for (unsigned i = 0; i < 2; i++) {
        if (w->ends[i].opened < w->to_open || lp2p_yamux_streams(w->ends[i].rig.e) > 0) {
            return false;
        }
    }
    return true;
}

static void world_init(struct world *w, uint64_t seed)
{
    memset(w, 0, sizeof(*w));
    w->seed = seed;
    w->to_open = 30;
    for (unsigned i = 0; i < 2; i++) {
        struct end *e = &w->ends[i];
        rig_init(&e->rig);
        e->rig.seed = seed + i;
        e->client = i == 0;
        rig_open(&e->rig, i == 0 ? LP2P_YAMUX_CLIENT : LP2P_YAMUX_SERVER);
    }
}

static void world_fini(struct world *w)
{
    for (unsigned i = 0; i < 2; i++) {
        struct rig *r = &w->ends[i].rig;
        lp2p_yamux_free(r->e);
        assert_int_equal(r->live, 0);
        lp2p_scope_fini(&r->scope);
        lp2p_scope_fini(&r->system);
    }
}

static void random_schedules_lose_nothing(void **state)
{
    (void)state;
    static struct world w;
    uint64_t bytes = 0;
    unsigned fins = 0, resets = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        world_init(&w, seed);
        uint64_t steps = 0;
        while (!is_quiet(&w)) {
            step(&w);
            if (++steps > 3000000) {
                fail_msg("seed %u does not come to an end", (unsigned)seed);
            }
        }
        bytes += w.ends[0].bytes_got + w.ends[1].bytes_got;
        fins += w.ends[0].fins_got + w.ends[1].fins_got;
        resets += w.ends[0].resets_got + w.ends[1].resets_got;
        assert_int_equal(lp2p_yamux_error(w.ends[0].rig.e)->code, 0);
        world_fini(&w);
    }
    print_message("# %u seeds, %u MiB, %u ends, %u resets\n", SEEDS, (unsigned)(bytes >> 20), fins,
                  resets);
    assert_true(bytes > 1U << 20 && fins > SEEDS && resets > SEEDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_schedules_lose_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
