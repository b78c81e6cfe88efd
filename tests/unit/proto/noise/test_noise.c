#include "proto/noise/noise.h"

#include "harness/failmem.h"

#include "pair.h"

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

/* A whole handshake with one end's memory failing; the other end's bytes are known. */
static int handshake_again(const struct lp2p_mem *mem, void *ctx)
{
    struct pair *p = ctx;
    int last = 0;
    for (int role = 0; role < 2; role++) {
        struct noise_end *like = role == 0 ? &p->i : &p->r;
        struct wire *heard = role == 0 ? &p->to_i : &p->to_r;
        struct noise_end end;
        struct engine_result r;
        noise_end_init(&end, crypto, like->role, like->number);
        end.mem = mem;
        engine_run(&noise_ops, &end, lp2p_span(heard->p, heard->n),
                   (struct engine_way){.cut = ENGINE_WHOLE, .eager_out = true}, &r);
        last = r.err != 0 ? r.err : last;
        engine_result_fini(&r);
    }
    return last;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    struct pair *p = pair_open();
    assert_true(failmem_each(handshake_again, p) >= 4);
    pair_free(p);
}

/* Class C2: told by the length, before any of it is there. */
static void lengths_are_judged_before_the_bytes_come(void **state)
{
    (void)state;
    static const struct {
        enum lp2p_noise_role role;
        uint16_t len;
        int err;
    } rows[] = {
        {LP2P_NOISE_RESPONDER, 0, -LP2P_E_DECODE},
        {LP2P_NOISE_RESPONDER, 31, -LP2P_E_DECODE},
        {LP2P_NOISE_RESPONDER, 32, 0},
        {LP2P_NOISE_RESPONDER, 33, -LP2P_E_DECODE},
        {LP2P_NOISE_RESPONDER, 8193, -LP2P_E_LIMIT},
        {LP2P_NOISE_RESPONDER, 65535, -LP2P_E_LIMIT},
        {LP2P_NOISE_INITIATOR, 0, -LP2P_E_DECODE},
        {LP2P_NOISE_INITIATOR, 95, -LP2P_E_DECODE},
        {LP2P_NOISE_INITIATOR, 96, 0},
        {LP2P_NOISE_INITIATOR, 8192, 0},
        {LP2P_NOISE_INITIATOR, 8193, -LP2P_E_LIMIT},
        {LP2P_NOISE_INITIATOR, 65535, -LP2P_E_LIMIT},
    };
    for (size_t i = 0; i < LP2P_COUNT(rows); i++) {
        struct noise_end end;
        void *e;
        uint8_t head[2];
        size_t used;
        noise_end_init(&end, crypto, rows[i].role, 5);
        assert_int_equal(noise_make(&end, &e), 0);
        lp2p_put_be16(head, rows[i].len);
        assert_int_equal(lp2p_noise_recv(&end.e, 0, head, 2, &used), rows[i].err);
        assert_int_equal(used, 0);
        if (rows[i].err == 0) {
            assert_int_equal(lp2p_noise_want(&end.e, head, 2), 2 + rows[i].len);
        }
        noise_drop(&end, &end);
    }
}

/* An answer that is not the product of the keys: nobody believes it. */
static void a_wrong_shared_secret_opens_nothing(void **state)
{
    (void)state;
    for (int liar = 0; liar < 2; liar++) {
        struct pair *p = pair_new();
        pair_start(p);
        (liar == 0 ? &p->i : &p->r)->s_secret[0] ^= 64;
        converse(p);
        assert_int_equal(liar == 0 ? p->err_r : p->err_i, -LP2P_E_AUTH);
        assert_false(lp2p_noise_is_open(liar == 0 ? &p->r.e : &p->i.e));
        pair_free(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_roles_agree),
        cmocka_unit_test(any_cut_gives_the_same),
        cmocka_unit_test(the_first_muxer_of_the_initiator_counts),
        cmocka_unit_test(the_dialed_id_is_enforced),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(lengths_are_judged_before_the_bytes_come),
        cmocka_unit_test(a_wrong_shared_secret_opens_nothing),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
