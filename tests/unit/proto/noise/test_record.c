#include "proto/noise/noise.h"

#include "pair.h"

static uint8_t record[2 + LP2P_NOISE_RECORD_MAX];

/* Seals as the peer of `to` would, with the nonce that is next. */
static size_t seal_one(struct noise_end *to, const uint8_t *text, size_t n)
{
    const struct lp2p_crypto_ops *ops = crypto->ops;
    uint8_t nonce[12] = {0};
    lp2p_put_le64(nonce + 4, to->e.recv_nonce);
    assert_int_equal(ops->seal_begin(crypto->ctx, to->e.recv_key, nonce, lp2p_span(NULL, 0)), 0);
    assert_int_equal(ops->seal_more(crypto->ctx, record + 2, text, n), 0);
    assert_int_equal(ops->seal_end(crypto->ctx, record + 2 + n), 0);
    lp2p_put_be16(record, (uint16_t)(n + 16));
    return 2 + n + 16;
}

static int recv_record(struct noise_end *to, size_t n, struct lp2p_noise_event *ev)
{
    size_t used;
    int err = lp2p_noise_recv(&to->e, 0, record, n, &used);
    assert_int_equal(used, err == 0 ? n : 0);
    lp2p_noise_event(&to->e, ev);
    return err;
}

static void an_empty_record_is_taken_and_says_nothing(void **state)
{
    (void)state;
    struct pair *p = pair_open();
    struct lp2p_noise_event ev;
    assert_int_equal(recv_record(&p->i, seal_one(&p->i, record, 0), &ev), 0);
    assert_int_equal(ev.type, LP2P_NOISE_EV_NONE);
    assert_int_equal(recv_record(&p->i, seal_one(&p->i, (const uint8_t *)"x", 1), &ev), 0);
    assert_int_equal(ev.type, LP2P_NOISE_EV_DATA);
    assert_int_equal(lp2p_noise_seal(&p->i.e, record, 0), 0);
    assert_int_equal(noise_out(&p->i).n, 0); /* and we never send one */
    pair_free(p);
}

static void the_longest_record_is_taken(void **state)
{
    (void)state;
    static const uint8_t zeros[LP2P_NOISE_PLAINTEXT_MAX];
    struct pair *p = pair_open();
    struct lp2p_noise_event ev;
    assert_int_equal(recv_record(&p->r, seal_one(&p->r, zeros, sizeof(zeros)), &ev), 0);
    assert_int_equal(ev.data.n, sizeof(zeros));
    assert_memory_equal(ev.data.p, zeros, sizeof(zeros));
    pair_free(p);
}

static void a_record_counts_once(void **state)
{
    (void)state;
    struct pair *p = pair_open();
    struct lp2p_noise_event ev;
    uint8_t copy[64];
    size_t n = seal_one(&p->r, (const uint8_t *)"pay", 3);
    memcpy(copy, record, n);
    assert_int_equal(recv_record(&p->r, n, &ev), 0);
    memcpy(record, copy, n);
    assert_int_equal(recv_record(&p->r, n, &ev), -LP2P_E_AUTH);
    pair_free(p);
}

/* Class C9. */
static void a_forged_record_moves_no_nonce_and_ends_it(void **state)
{
    (void)state;
    struct pair *p = pair_open();
    struct lp2p_noise_event ev;
    uint64_t recv_nonce = p->i.e.recv_nonce;
    uint64_t send_nonce = p->i.e.send_nonce;
    size_t n = seal_one(&p->i, (const uint8_t *)"pay", 3);
    record[n - 1] ^= 1;
    assert_int_equal(recv_record(&p->i, n, &ev), -LP2P_E_AUTH);
    assert_int_equal(p->i.e.recv_nonce, recv_nonce);
    assert_int_equal(p->i.e.send_nonce, send_nonce);
    record[n - 1] ^= 1;
    assert_int_equal(recv_record(&p->i, n, &ev), -LP2P_E_AUTH);
    assert_int_equal(lp2p_noise_error(&p->i.e)->code, -LP2P_E_AUTH);
    assert_int_equal(lp2p_noise_seal(&p->i.e, record, 1), -LP2P_E_AUTH);
    const uint8_t zeros[32] = {0};
    assert_memory_equal(p->i.e.send_key, zeros, 32);
    assert_memory_equal(p->i.e.recv_key, zeros, 32);
    pair_free(p);
}

static void a_record_without_room_for_its_tag_is_refused(void **state)
{
    (void)state;
    for (uint16_t len = 0; len < 16; len++) {
        struct pair *p = pair_open();
        struct lp2p_noise_event ev;
        lp2p_put_be16(record, len);
        assert_int_equal(recv_record(&p->r, 2 + (size_t)len, &ev), -LP2P_E_DECODE);
        pair_free(p);
    }
}

static void the_last_nonce_is_never_used(void **state)
{
    (void)state;
    struct pair *p = pair_open();
    struct lp2p_noise_event ev;
    p->i.e.send_nonce = p->r.e.recv_nonce = UINT64_MAX - 1;
    assert_int_equal(lp2p_noise_seal(&p->i.e, (const uint8_t *)"end", 3), 0);
    struct lp2p_span out = noise_out(&p->i);
    memcpy(record, out.p, out.n);
    assert_int_equal(recv_record(&p->r, out.n, &ev), 0);
    noise_out_done(&p->i, out.n);
    assert_int_equal(lp2p_noise_seal(&p->i.e, (const uint8_t *)"x", 1), -LP2P_E_LIMIT);
    assert_int_equal(p->i.obuf.len, 0);
    memset(record, 0, 34);
    lp2p_put_be16(record, 32);
    assert_int_equal(recv_record(&p->r, 34, &ev), -LP2P_E_LIMIT);
    pair_free(p);
}

/* Writes until the room is used up, in pieces; all of it arrives. */
static void fill(struct pair *p, size_t piece)
{
    static uint8_t text[NOISE_OBUF_SIZE];
    struct engine_log log = {.text = NULL};
    size_t n = 0;
    for (size_t room = 1; room > 0; n += LP2P_MIN(piece, room)) {
        room = lp2p_noise_room(&p->i.e);
        if (room == 0) {
            break;
        }
        memset(text, (int)(n & 0xff), LP2P_MIN(piece, room));
        assert_int_equal(lp2p_noise_seal(&p->i.e, text, LP2P_MIN(piece, room)), 0);
    }
    assert_int_equal(lp2p_noise_room(&p->i.e), 0);
    assert_int_equal(lp2p_noise_seal(&p->i.e, text, 1), -LP2P_E_AGAIN);
    struct lp2p_span out = noise_out(&p->i);
    assert_true(out.n <= NOISE_OBUF_SIZE && out.n > NOISE_OBUF_SIZE - 19);
    uint8_t *copy = malloc(out.n);
    assert_non_null(copy);
    memcpy(copy, out.p, out.n);
    assert_int_equal(deliver(&p->r, copy, out.n, &log), 0);
    assert_int_equal(log.len, 2 * n + strlen("data 0 "));
    free(copy);
    free(log.text);
    noise_out_done(&p->i, out.n);
}

static void the_room_is_what_it_says(void **state)
{
    (void)state;
    static const size_t pieces[] = {1000, 65518, 65519, 65520, NOISE_OBUF_SIZE};
    for (size_t i = 0; i < LP2P_COUNT(pieces); i++) {
        struct pair *p = pair_open();
        fill(p, pieces[i]);
        fill(p, pieces[i]);
        pair_free(p);
    }
}

static void small_writes_share_a_record(void **state)
{
    (void)state;
    struct pair *p = pair_open();
    for (int i = 0; i < 100; i++) {
        assert_int_equal(lp2p_noise_seal(&p->i.e, (const uint8_t *)"0123456789", 10), 0);
    }
    assert_int_equal(noise_out(&p->i).n, 2 + 1000 + 16);
    pair_free(p);
}

/* Found by fuzzing: the start of a record stayed in the output, without length and tag. */
static void a_failure_leaves_no_half_record(void **state)
{
    (void)state;
    struct pair *p = pair_open();
    struct lp2p_noise_event ev;
    size_t n = seal_one(&p->i, (const uint8_t *)"pay", 3);
    record[n - 1] ^= 1;
    assert_int_equal(lp2p_noise_seal(&p->i.e, (const uint8_t *)"bye", 3), 0);
    assert_int_equal(recv_record(&p->i, n, &ev), -LP2P_E_AUTH);
    struct lp2p_span out = noise_out(&p->i);
    assert_int_equal(out.n, 2 + 3 + 16);
    memcpy(record, out.p, out.n);
    assert_int_equal(recv_record(&p->r, out.n, &ev), 0);
    assert_int_equal(ev.data.n, 3);
    pair_free(p);
}

/* Two connections take turns with the one streaming seal of the host. */
static void connections_share_the_sealer(void **state)
{
    (void)state;
    struct pair *a = pair_open();
    struct pair *b = pair_open();
    struct engine_log log_a = {.text = NULL};
    struct engine_log log_b = {.text = NULL};
    static struct wire w;
    a->i.e.cfg.sealer = b->i.e.cfg.sealer = &a->i.own_sealer;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(lp2p_noise_seal(&a->i.e, (const uint8_t *)"aa", 2), 0);
        assert_int_equal(lp2p_noise_seal(&b->i.e, (const uint8_t *)"b", 1), 0);
    }
    w.n = 0;
    collect(&a->i, &w);
    assert_int_equal(deliver(&a->r, w.p, w.n, &log_a), 0);
    w.n = 0;
    collect(&b->i, &w);
    assert_int_equal(deliver(&b->r, w.p, w.n, &log_b), 0);
    assert_int_equal(log_a.len, strlen("data 0 ") + 40);
    assert_int_equal(log_b.len, strlen("data 0 ") + 20);
    /* One goes away in the middle of a record; the other is not disturbed. */
    assert_int_equal(lp2p_noise_seal(&b->i.e, (const uint8_t *)"b", 1), 0);
    pair_free(b);
    assert_null(a->i.own_sealer.owner);
    assert_int_equal(lp2p_noise_seal(&a->i.e, (const uint8_t *)"aa", 2), 0);
    pair_free(a);
    free(log_a.text);
    free(log_b.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_record_is_taken_and_says_nothing),
        cmocka_unit_test(the_longest_record_is_taken),
        cmocka_unit_test(a_record_counts_once),
        cmocka_unit_test(a_forged_record_moves_no_nonce_and_ends_it),
        cmocka_unit_test(a_record_without_room_for_its_tag_is_refused),
        cmocka_unit_test(the_last_nonce_is_never_used),
        cmocka_unit_test(the_room_is_what_it_says),
        cmocka_unit_test(small_writes_share_a_record),
        cmocka_unit_test(a_failure_leaves_no_half_record),
        cmocka_unit_test(connections_share_the_sealer),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
