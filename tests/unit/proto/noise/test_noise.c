#include "proto/noise/noise.h"

#include "base/assert.h"
#include "base/cursor.h"
#include "harness/engine_noise.h"
#include "harness/failmem.h"

#include "cmocka_all.h"

static struct lp2p_crypto *crypto;

/* Bytes on their way; grows as tests like. */
struct wire {
    uint8_t p[256 * 1024];
    size_t n;
};

static void collect(struct noise_end *from, struct wire *w)
{
    struct lp2p_span out = noise_out(from);
    assert_true(w->n + out.n <= sizeof(w->p));
    if (out.n > 0) {
        memcpy(w->p + w->n, out.p, out.n);
    }
    w->n += out.n;
    noise_out_done(from, out.n);
}

/* Answers and reports everything; returns the last error. */
static int deliver(struct noise_end *to, uint8_t *p, size_t n, struct engine_log *log)
{
    size_t at = 0;
    int err = 0;
    for (bool more = true; more && err == 0;) {
        size_t used = 0;
        err = lp2p_noise_recv(&to->e, 0, p + at, n - at, &used);
        at += used;
        more = used > 0;
        enum engine_pull pull;
        while ((pull = noise_event(to, log)) != ENGINE_NONE) {
            more = true;
            if (pull == ENGINE_NEED && err == 0) {
                err = noise_answer(to);
            }
        }
    }
    return err;
}

struct pair {
    struct noise_end i;
    struct noise_end r;
    struct engine_log log_i;
    struct engine_log log_r;
    struct wire to_i; /* everything that was sent to it */
    struct wire to_r;
    int err_i;
    int err_r;
};

/* Whole messages to and fro until nobody says anything. */
static void converse(struct pair *p)
{
    static struct wire w;
    for (int turn = 0; turn < 6; turn++) {
        bool to_r = turn % 2 == 0;
        struct noise_end *to = to_r ? &p->r : &p->i;
        struct wire *all = to_r ? &p->to_r : &p->to_i;
        w.n = 0;
        collect(to_r ? &p->i : &p->r, &w);
        memcpy(all->p + all->n, w.p, w.n);
        all->n += w.n;
        int *err = to_r ? &p->err_r : &p->err_i;
        if (*err == 0) {
            *err = deliver(to, w.p, w.n, to_r ? &p->log_r : &p->log_i);
        }
    }
}

static struct pair *pair_new(void)
{
    struct pair *p = calloc(1, sizeof(*p));
    assert_non_null(p);
    noise_end_init(&p->i, crypto, LP2P_NOISE_INITIATOR, 1);
    noise_end_init(&p->r, crypto, LP2P_NOISE_RESPONDER, 2);
    return p;
}

static void pair_start(struct pair *p)
{
    void *e;
    assert_int_equal(noise_make(&p->i, &e), 0);
    assert_int_equal(noise_make(&p->r, &e), 0);
}

static void pair_free(struct pair *p)
{
    noise_drop(&p->i, &p->i);
    noise_drop(&p->r, &p->r);
    free(p->log_i.text);
    free(p->log_r.text);
    free(p);
}

static struct pair *pair_open(void)
{
    struct pair *p = pair_new();
    pair_start(p);
    converse(p);
    assert_int_equal(p->err_i, 0);
    assert_int_equal(p->err_r, 0);
    return p;
}

static void both_roles_agree(void **state)
{
    (void)state;
    struct pair *p = pair_open();
    assert_true(lp2p_noise_is_open(&p->i.e));
    assert_true(lp2p_noise_is_open(&p->r.e));
    assert_true(lp2p_peer_id_eq(&p->i.e.peer, &p->r.id.id));
    assert_true(lp2p_peer_id_eq(&p->r.e.peer, &p->i.id.id));
    assert_memory_equal(p->i.e.send_key, p->r.e.recv_key, 32);
    assert_memory_equal(p->i.e.recv_key, p->r.e.send_key, 32);
    assert_memory_not_equal(p->i.e.recv_key, p->i.e.send_key, 32);
    assert_non_null(strstr(p->log_i.text, "muxer 0\ndata 0 6669727374"));
    assert_non_null(strstr(p->log_r.text, "muxer 0\ndata 0 6669727374"));
    assert_null(p->i.e.hs);
    assert_null(p->r.e.hs);
    pair_free(p);
}

/* What the other end heard, at every way to cut it, with the first transport record behind. */
static void check_splits(struct pair *p, struct noise_end *end, const struct wire *heard,
                         const char *log)
{
    struct noise_end again;
    struct engine_result r;
    noise_end_init(&again, crypto, end->role, end->number);
    engine_check_splits(&noise_ops, &again, lp2p_span(heard->p, heard->n), 11, &r);
    assert_int_equal(strncmp(r.log.text, log, strlen(log)), 0);
    const struct wire *said = end == &p->i ? &p->to_r : &p->to_i;
    assert_true(lp2p_span_eq(lp2p_span(r.out, r.out_len), lp2p_span(said->p, said->n)));
    engine_result_fini(&r);
}

static void any_cut_gives_the_same(void **state)
{
    (void)state;
    struct pair *p = pair_open();
    check_splits(p, &p->i, &p->to_i, p->log_i.text);
    check_splits(p, &p->r, &p->to_r, p->log_r.text);
    pair_free(p);
}

#define NAME(s)                                       \
    {                                                 \
        .p = (const uint8_t *)(s), .n = sizeof(s) - 1 \
    }

static void the_first_muxer_of_the_initiator_counts(void **state)
{
    (void)state;
    static const struct lp2p_span abc[] = {NAME("/a"), NAME("/b"), NAME("/c")};
    static const struct lp2p_span cb[] = {NAME("/c"), NAME("/b")};
    static const struct lp2p_span x[] = {NAME("/x"), NAME("/b/")};
    static const struct {
        const struct lp2p_span *i, *r;
        size_t n_i, n_r;
        int err, muxer_i, muxer_r;
    } rows[] = {
        {abc, cb, 3, 2, 0, 1, 1},
        {cb, abc, 2, 3, 0, 0, 2},
        {abc, abc, 3, 3, 0, 0, 0},
        {abc, NULL, 3, 0, 0, -1, -1},
        {NULL, abc, 0, 3, 0, -1, -1},
        {NULL, NULL, 0, 0, 0, -1, -1},
        {abc, x, 3, 2, -LP2P_E_NEGOTIATION, 0, 0},
    };
    for (size_t k = 0; k < LP2P_COUNT(rows); k++) {
        struct pair *p = pair_new();
        p->i.cfg.muxers = rows[k].i;
        p->i.cfg.n_muxers = rows[k].n_i;
        p->r.cfg.muxers = rows[k].r;
        p->r.cfg.n_muxers = rows[k].n_r;
        pair_start(p);
        converse(p);
        assert_int_equal(p->err_i, rows[k].err);
        if (rows[k].err == 0) {
            assert_int_equal(p->i.e.muxer, rows[k].muxer_i);
            assert_int_equal(p->r.e.muxer, rows[k].muxer_r);
        } else {
            assert_false(lp2p_noise_is_open(&p->r.e));
        }
        pair_free(p);
    }
}

static void the_dialed_id_is_enforced(void **state)
{
    (void)state;
    struct pair *p = pair_new();
    p->i.cfg.expected = &p->r.id.id;
    p->r.cfg.expected = &p->i.id.id;
    pair_start(p);
    converse(p);
    assert_true(lp2p_noise_is_open(&p->i.e) && lp2p_noise_is_open(&p->r.e));
    pair_free(p);
    p = pair_new();
    p->i.cfg.expected = &p->i.id.id;
    pair_start(p);
    converse(p);
    assert_int_equal(p->err_i, -LP2P_E_PEER_ID);
    assert_int_equal(p->i.obuf.len, 0);
    assert_int_equal(p->to_r.n, 34); /* message 1 and nothing more */
    pair_free(p);
}

static int set_up(void **state)
{
    (void)state;
    return lp2p_crypto_init() + lp2p_crypto_new(lp2p_mem_default(), &crypto);
}

static int tear_down(void **state)
{
    (void)state;
    lp2p_crypto_free(crypto);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_roles_agree),
        cmocka_unit_test(any_cut_gives_the_same),
        cmocka_unit_test(the_first_muxer_of_the_initiator_counts),
        cmocka_unit_test(the_dialed_id_is_enforced),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
