/*
 * The split rule (STYLE): however the same input is cut, the events and the output are the same.
 * And failed allocations: each one in turn, and all from one on.
 */
#include "peer.h"

#define SYN LP2P_YAMUX_SYN
#define ACK LP2P_YAMUX_ACK
#define FIN LP2P_YAMUX_FIN
#define RST LP2P_YAMUX_RST

struct script {
    uint8_t p[1 << 20];
    size_t n;
};

static void say(struct script *s, enum lp2p_yamux_type type, unsigned flags, uint32_t id,
                uint32_t length)
{
    struct lp2p_yamux_frame f = {
        .type = type, .flags = (uint16_t)flags, .id = id, .length = length};
    assert_true(s->n + LP2P_YAMUX_HEADER_SIZE <= sizeof(s->p));
    lp2p_yamux_frame_encode(&f, s->p + s->n);
    s->n += LP2P_YAMUX_HEADER_SIZE;
    if (type == LP2P_YAMUX_DATA) {
        assert_true(s->n + length <= sizeof(s->p));
        memset(s->p + s->n, (int)id, length);
        s->n += length;
    }
}

/* A bit of everything a peer may do; ends with what only closes the connection if `bad`. */
static void script_fill(struct script *s, bool bad)
{
    s->n = 0;
    say(s, LP2P_YAMUX_PING, SYN, 0, 7);
    say(s, LP2P_YAMUX_WINDOW, SYN, 1, 0);
    say(s, LP2P_YAMUX_DATA, 0, 1, 32760);
    say(s, LP2P_YAMUX_DATA, 0, 1, 10);
    say(s, LP2P_YAMUX_DATA, SYN, 3, 100000);
    say(s, LP2P_YAMUX_DATA, SYN | FIN, 5, 17);
    say(s, LP2P_YAMUX_DATA, 0, 1, 60000);
    say(s, LP2P_YAMUX_WINDOW, 0, 3, 5000);
    say(s, LP2P_YAMUX_DATA, 0, 99, 333);
    say(s, LP2P_YAMUX_DATA, FIN, 1, 0);
    say(s, LP2P_YAMUX_WINDOW, RST, 3, 12);
    say(s, LP2P_YAMUX_DATA, 0, 3, 100);
    say(s, LP2P_YAMUX_PING, SYN, 0, 8);
    say(s, LP2P_YAMUX_WINDOW, SYN | RST, 7, 0);
    say(s, LP2P_YAMUX_DATA, SYN | RST, 9, 5);
    say(s, LP2P_YAMUX_DATA, SYN, 11, 262144);
    say(s, LP2P_YAMUX_GOAWAY, 0, 0, 0);
    say(s, LP2P_YAMUX_WINDOW, SYN, 13, 0);
    if (bad) {
        say(s, LP2P_YAMUX_DATA, 0, 11, 262145 - 1);
        say(s, LP2P_YAMUX_WINDOW, SYN, 2, 0);
        say(s, LP2P_YAMUX_PING, SYN, 0, 9);
    }
}

/* Feeds the script in pieces of `cut` bytes, 0: at once, SIZE_MAX: at random. */
static struct rig *play(const struct script *s, size_t cut, uint64_t seed, int *ret_err)
{
    struct rig *r = rig_new(LP2P_YAMUX_SERVER);
    int err = 0;
    for (size_t at = 0; at < s->n && err == 0;) {
        size_t k = cut == 0 ? s->n : cut;
        if (cut == SIZE_MAX) {
            k = 1 + rig_next(&seed) % (rig_next(&seed) % 2 == 0 ? 16 : 70000);
        }
        k = LP2P_MIN(k, s->n - at);
        uint8_t *copy = malloc(k);
        assert_non_null(copy);
        memcpy(copy, s->p + at, k);
        for (size_t done = 0; done < k && err == 0;) {
            size_t used = 0;
            err = lp2p_yamux_recv(r->e, r->now, copy + done, k - done, &used);
            done += used;
            rig_pull(r);
        }
        at += k;
        free(copy);
    }
    rig_flush_data(r);
    rig_drain(r);
    *ret_err = err;
    return r;
}

static void assert_same(const struct rig *a, const struct rig *b)
{
    assert_int_equal(a->log_len, b->log_len);
    assert_memory_equal(a->log, b->log, a->log_len);
    assert_int_equal(a->out_len, b->out_len);
    assert_memory_equal(a->out, b->out, a->out_len);
    assert_int_equal(a->e->abuse.tokens, b->e->abuse.tokens);
}

static void any_cut_gives_the_same(void **state)
{
    (void)state;
    static struct script s;
    for (unsigned bad = 0; bad < 2; bad++) {
        script_fill(&s, bad != 0);
        int whole_err, err;
        struct rig *whole = play(&s, 0, 0, &whole_err);
        assert_int_equal(whole_err, bad != 0 ? -LP2P_E_PROTO : 0);
        assert_true(whole->log_len > 100 && whole->out_len >= 12);
        static const size_t cuts[] = {1, 2, 5, 11, 12, 13, 1000, 65536};
        for (size_t i = 0; i < LP2P_COUNT(cuts); i++) {
            struct rig *r = play(&s, cuts[i], 0, &err);
            assert_int_equal(err, whole_err);
            assert_same(whole, r);
            rig_free(r);
        }
        for (uint64_t seed = 1; seed <= 200; seed++) {
            struct rig *r = play(&s, SIZE_MAX, seed, &err);
            assert_int_equal(err, whole_err);
            assert_same(whole, r);
            rig_free(r);
        }
        rig_free(whole);
    }
}

/* One life of a connection in which every allocation happens; -LP2P_E_NOMEM is the only error. */
static int live(struct rig *r)
{
    int err = lp2p_yamux_new(&r->cfg, LP2P_YAMUX_SERVER, r->now, &r->e);
    if (err != 0) {
        r->e = NULL;
        return err;
    }
    rig_drain(r);
    r->e->cfg.limits.streams_in = 20;
    for (uint32_t id = 1; id < 81 && err == 0; id += 2) {
        err = rig_frame(r, LP2P_YAMUX_WINDOW, SYN, id, 0);
    }
    struct lp2p_yamux_stream *s;
    err = err == 0 ? lp2p_yamux_open(r->e, &s) : err;
    if (err == 0) {
        lp2p_yamux_release(r->e, s);
        err = rig_frame(r, LP2P_YAMUX_PING, SYN, 0, 1);
    }
    rig_drain(r);
    return err;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    for (unsigned on = 0; on < 2; on++) {
        bool failed = true;
        long n = 0;
        for (; failed; n++) {
            struct rig *r = malloc(sizeof(*r));
            assert_non_null(r);
            rig_init(r);
            r->fail_at = n;
            r->fail_on = on != 0;
            int err = live(r);
            failed = err != 0;
            assert_true(err == 0 || err == -LP2P_E_NOMEM);
            rig_free(r);
        }
        /* The session, its map twice or more, twenty streams, the refusals and our stream. */
        assert_true(n > 20);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_cut_gives_the_same),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
