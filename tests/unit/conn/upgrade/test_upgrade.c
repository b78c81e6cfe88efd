/* From the first byte to a stream: both roles, the muxer inside the handshake and by multistream.
 */
#include "rig.h"

/* 13 "/multistream/1.0.0\n" 07 "/noise\n", then Noise message 1 with its length. */
#define LINES   (20U + 8U)
#define FLIGHT1 (LINES + 2U + 32U)

static void dialer_up(struct end *e, const struct lp2p_conn_event *ev)
{
    if (ev->type == LP2P_CONN_EV_UP) {
        rig_write(e, rig_open_stream(e), "hello", 5);
    }
}

static void check_up(bool a_early, bool b_early)
{
    struct pair p;
    pair_init(&p, rig_crypto, rig_crypto_b);
    p.a.host.early_muxer = a_early;
    p.b.host.early_muxer = b_early;
    p.a.on_event = dialer_up;
    pair_open(&p);
    pair_run(&p);
    rig_expect(&p.a, "need_dh 0\nsecured 0\nup 0\nrtt 0\nack 1 0\n.\n");
    rig_expect(&p.b, "need_dh 0\nsecured 0\nup 0\nstream 1 0\ndata 1 68656c6c6f\nrtt 0\n.\n");
    assert_true(lp2p_peer_id_eq(&p.a.peer, &p.b.id.id));
    assert_true(lp2p_peer_id_eq(&p.b.peer, &p.a.id.id));
    assert_string_equal(p.a.c->ops->security(p.a.c), "noise");
    assert_string_equal(p.a.c->ops->muxer(p.a.c), "/yamux/1.0.0");

    rig_write(&p.b, p.b.stream, "world", 5);
    assert_int_equal(p.b.c->ops->close_write(p.b.c, p.b.stream), 0);
    pair_run(&p);
    rig_expect(&p.a, "data 1 776f726c64\nfin 1 0\n.\n");
    assert_int_equal(end_error(&p.a), 0);
    assert_int_equal(end_error(&p.b), 0);
    pair_fini(&p);
}

static void up_with_the_muxer_inside_the_handshake(void **state)
{
    (void)state;
    check_up(true, true);
}

static void up_with_the_muxer_by_multistream(void **state)
{
    (void)state;
    check_up(false, false);
    check_up(true, false);
    check_up(false, true);
}

/* ---- flights ---- */

/* Takes the Noise length at `p`. */
static size_t record_size(const struct pair_wire *w, size_t at)
{
    assert_true(w->n >= at + 2);
    return 2U + (size_t)(w->p[at] << 8 | w->p[at + 1]);
}

/* Two outputs of the dialer bring its first request to the listener: with TCP's own, three round
 * trips to the answer (DESIGN 4.7). */
static void check_flights(bool early)
{
    struct pair p;
    pair_init(&p, rig_crypto, rig_crypto_b);
    p.a.host.early_muxer = early;
    p.a.on_event = dialer_up;
    pair_open(&p);

    assert_int_equal(end_send(&p.a, &p.b, SIZE_MAX), FLIGHT1);
    assert_memory_equal(p.b.in.p, "\x13/multistream/1.0.0\n\x07/noise\n\x00\x20", LINES + 2);
    assert_int_equal(end_send(&p.a, &p.b, SIZE_MAX), 0);
    assert_int_equal(p.a.host.obufs.used, 0);

    end_take_all(&p.b);
    size_t answer = end_send(&p.b, &p.a, SIZE_MAX);
    assert_memory_equal(p.a.in.p, "\x13/multistream/1.0.0\n\x07/noise\n", LINES);
    assert_int_equal(answer, LINES + record_size(&p.a.in, LINES));

    end_take_all(&p.a);
    size_t flight2 = end_send(&p.a, &p.b, SIZE_MAX);
    size_t message3 = record_size(&p.b.in, 0);
    assert_int_equal(flight2, message3 + record_size(&p.b.in, message3));
    /* Ping and the data frame with SYN; before them, perhaps, two lines. */
    size_t plain = 12 + 12 + 5 + (early ? 0 : 20 + 14);
    assert_int_equal(flight2 - message3, 2 + plain + 16);
    assert_int_equal(end_send(&p.a, &p.b, SIZE_MAX), 0);

    end_take_all(&p.b);
    assert_non_null(p.b.stream);
    assert_int_equal(p.b.bytes_got, 5);
    rig_write(&p.b, p.b.stream, "world", 5);
    assert_true(end_send(&p.b, &p.a, SIZE_MAX) > 0);
    end_take_all(&p.a);
    assert_int_equal(p.a.bytes_got, 5);
    assert_int_equal(p.a.flights, 2);
    assert_int_equal(p.b.flights, 2);
    pair_fini(&p);
}

static void the_dialer_needs_two_flights(void **state)
{
    (void)state;
    check_flights(true);
    check_flights(false);
}

/* js sends its header alone and waits for ours: there is output before Noise exists. */
static void the_listener_answers_a_header_alone(void **state)
{
    (void)state;
    struct end b;
    end_init(&b, rig_crypto, 2);
    assert_int_equal(end_open(&b, LP2P_CONN_LISTENER, NULL, 0), 0);
    static const uint8_t header[] = "\x13/multistream/1.0.0\n";
    pair_wire_add(&b.in, header, 20);
    assert_int_equal(end_take(&b, 20), 20);
    assert_false(end_upgrade(&b)->has_noise);
    struct lp2p_span out = b.c->ops->out(b.c);
    assert_int_equal(out.n, 20);
    assert_memory_equal(out.p, header, 20);
    b.c->ops->out_done(b.c, b.now, 20);
    assert_int_equal(b.host.obufs.used, 0);
    assert_int_equal(b.c->ops->deadline(b.c), LP2P_TS_NEVER);
    pair_wire_add(&b.in, (const uint8_t *)"\x07/noise\n", 8);
    assert_int_equal(end_take(&b, 8), 8);
    out = b.c->ops->out(b.c);
    assert_int_equal(out.n, 8);
    assert_memory_equal(out.p, "\x07/noise\n", 8);
    end_fini(&b);
}

/* ---- who it is ---- */

static void nobody_but_the_expected_peer(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p, rig_crypto, rig_crypto_b);
    assert_int_equal(end_open(&p.a, LP2P_CONN_DIALER, &p.a.id.id, 0), 0);
    assert_int_equal(end_open(&p.b, LP2P_CONN_LISTENER, NULL, 0), 0);
    pair_run(&p);
    assert_int_equal(end_error(&p.a), -LP2P_E_PEER_ID);
    assert_string_equal(p.a.c->ops->error(p.a.c)->where, "noise");
    assert_null(p.a.log.text); /* not even asked for the static key */
    assert_int_equal(p.a.bytes_out, FLIGHT1);
    rig_expect(&p.b, "need_dh 0\n.\n");
    assert_int_equal(p.a.host.obufs.used, 0);
    pair_fini(&p);
}

/* A listener that signs with another key than it shows, and one with a signature over another
 * static key (GHSA-rch7-f4h5-x9rj, CVE-2022-24759): both roles see it. */
static void check_forged(bool dialer, bool key)
{
    struct pair p;
    pair_init(&p, rig_crypto, rig_crypto_b);
    struct end *liar = dialer ? &p.a : &p.b;
    struct end *judge = dialer ? &p.b : &p.a;
    struct end other;
    end_init(&other, rig_crypto, 3);
    if (key) {
        liar->host.identity_pb = other.host.identity_pb;
    } else {
        memcpy(liar->host.static_sig, other.host.static_sig, 64);
    }
    assert_int_equal(end_open(&p.a, LP2P_CONN_DIALER, NULL, 0), 0);
    assert_int_equal(end_open(&p.b, LP2P_CONN_LISTENER, NULL, 0), 0);
    pair_run(&p);
    assert_int_equal(end_error(judge), -LP2P_E_AUTH);
    assert_false(judge->secured);
    assert_false(judge->up);
    assert_int_equal(p.a.flights, dialer ? 2 : 1);
    end_fini(&other);
    pair_fini(&p);
}

static void nobody_with_a_forged_payload(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        check_forged((i & 1) != 0, (i & 2) != 0);
    }
}

/* ---- NEED_DH ---- */

static void the_answer_may_come_late(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p, rig_crypto, rig_crypto_b);
    p.a.late = p.b.late = true;
    p.a.on_event = dialer_up;
    pair_open(&p);
    uint8_t shared[32] = {1};
    assert_int_equal(p.b.c->ops->give_dh(p.b.c, 0, shared), -LP2P_E_STATE);
    pair_run(&p);
    assert_true(p.b.need && !p.a.need);
    /* More input waits outside meanwhile. */
    pair_wire_add(&p.b.in, (const uint8_t *)"\x00\x10", 2);
    assert_int_equal(end_take(&p.b, 2), 0);
    assert_int_equal(p.b.c->ops->want(p.b.c, p.b.in.p, 2), 1);
    pair_wire_drop(&p.b.in, 2);
    assert_int_equal(end_answer(&p.b), 0);
    pair_run(&p);
    assert_true(p.a.need && !p.a.secured);
    assert_int_equal(end_answer(&p.a), 0);
    assert_int_equal(p.a.c->ops->give_dh(p.a.c, 0, shared), -LP2P_E_STATE);
    pair_run(&p);
    assert_int_equal(end_error(&p.a), 0);
    assert_int_equal(end_error(&p.b), 0);
    assert_true(p.a.up && p.b.up);
    assert_int_equal(p.b.bytes_got, 5);
    pair_fini(&p);
}

/* ---- connections of one host ---- */

/* The second connection of `a`'s host; it hangs on an end of its own. */
static void open_second(struct end *second, struct end *a, struct end *to)
{
    end_init(second, a->crypto, 5);
    memcpy(second->static_secret, a->static_secret, sizeof(a->static_secret));
    assert_int_equal(
        lp2p_upgrade_new(&a->host, LP2P_CONN_DIALER, &to->id.id, &second->scope, &second->c), 0);
}

static void run_two(struct end *a, struct end *b)
{
    for (bool moved = true; moved;) {
        moved = end_send(a, b, SIZE_MAX) > 0;
        moved = end_take_all(b) || moved;
        moved = end_send(b, a, SIZE_MAX) > 0 || moved;
        moved = end_take_all(a) || moved;
    }
}

/* The crypto table has one open record at a time: whoever writes closes that of the other. */
static void connections_of_a_host_share_the_seal(void **state)
{
    (void)state;
    struct pair *p = rig_up();
    struct lp2p_crypto *crypto;
    struct end a2;
    struct end b2;
    assert_int_equal(lp2p_crypto_new(lp2p_mem_default(), &crypto), 0);
    end_init(&b2, crypto, 3);
    assert_int_equal(end_open(&b2, LP2P_CONN_LISTENER, NULL, 0), 0);
    open_second(&a2, &p->a, &b2);
    run_two(&a2, &b2);
    assert_true(a2.up && b2.up);
    struct lp2p_conn_stream *s1 = rig_open_stream(&p->a);
    struct lp2p_conn_stream *s2 = rig_open_stream(&a2);
    rig_forget(&b2);
    for (unsigned i = 0; i < 10; i++) {
        rig_write(&p->a, s1, "one", 3);
        rig_write(&a2, s2, "zwei", 4);
    }
    pair_run(p);
    run_two(&a2, &b2);
    assert_int_equal(p->b.bytes_got, 30);
    assert_int_equal(b2.bytes_got, 40);
    assert_int_equal(end_error(&p->b), 0);
    assert_int_equal(end_error(&b2), 0);

    /* One goes with its record open; the other does not notice. */
    rig_write(&a2, s2, "lost", 4);
    a2.c->ops->free(a2.c);
    a2.c = NULL;
    rig_write(&p->a, s1, "one", 3);
    pair_run(p);
    assert_int_equal(p->b.bytes_got, 33);
    end_fini(&a2);
    end_fini(&b2);
    lp2p_crypto_free(crypto);
    rig_down(p);
}

/* ---- rest ---- */

static void an_idle_connection_holds_no_block(void **state)
{
    (void)state;
    struct pair *p = rig_up();
    assert_int_equal(p->a.host.obufs.used, 0);
    assert_int_equal(p->b.host.obufs.used, 0);
    assert_int_equal(p->a.scope.used[LP2P_SCOPE_MEM], 0);
    assert_int_equal(p->b.scope.used[LP2P_SCOPE_MEM], 0);
    assert_null(end_upgrade(&p->a)->mss);
    /* A refused write takes none either. */
    struct lp2p_conn_stream *s = rig_open_stream(&p->a);
    size_t n;
    assert_int_equal(p->a.c->ops->write(p->a.c, 0, s, lp2p_span("", 0), &n), 0);
    assert_int_equal(p->a.host.obufs.used, 0);
    rig_down(p);
}

static void commands_before_up_are_refused(void **state)
{
    (void)state;
    struct end a;
    end_init(&a, rig_crypto, 1);
    assert_int_equal(end_open(&a, LP2P_CONN_DIALER, NULL, 0), 0);
    struct lp2p_conn_stream *s;
    assert_int_equal(a.c->ops->open(a.c, &s), -LP2P_E_STATE);
    a.c->ops->goaway(a.c, 0);
    a.c->ops->ping(a.c, 0);
    assert_int_equal(a.c->ops->tick(a.c, LP2P_SEC(1000)), 0);
    assert_int_equal(end_send(&a, &a, SIZE_MAX), FLIGHT1);
    end_fini(&a);
}

static void a_goodbye_is_the_reason_of_the_end(void **state)
{
    (void)state;
    static const struct {
        uint32_t code;
        int err;
    } ends[] = {{0, -LP2P_E_CLOSED}, {2, -LP2P_E_CLOSED}, {0x1007, -LP2P_E_DECLINED}};
    for (size_t i = 0; i < LP2P_COUNT(ends); i++) {
        struct pair *p = rig_up();
        p->a.c->ops->goaway(p->a.c, ends[i].code);
        pair_run(p);
        p->b.c->ops->recv_eof(p->b.c, p->b.now);
        const struct lp2p_failure *why = p->b.c->ops->error(p->b.c);
        assert_int_equal(why->code, ends[i].err);
        assert_int_equal(why->class_, LP2P_CLASS_THEIRS);
        assert_int_equal(why->wire, ends[i].code);
        rig_down(p);
    }
}

static void a_silent_peer_is_given_up(void **state)
{
    (void)state;
    struct pair *p = rig_up();
    struct end *a = &p->a;
    a->now = a->c->ops->deadline(a->c);
    assert_int_equal(a->now, LP2P_SEC(21)); /* keep-alive behind the first answer */
    assert_int_equal(a->c->ops->tick(a->c, a->now), 0);
    assert_true(end_send(a, &p->b, SIZE_MAX) > 0);
    a->now = a->c->ops->deadline(a->c);
    assert_int_equal(a->now, LP2P_SEC(31));
    assert_int_equal(a->c->ops->tick(a->c, a->now), -LP2P_E_TIMEOUT);
    assert_int_equal(end_error(a), -LP2P_E_TIMEOUT);
    assert_int_equal(a->c->ops->deadline(a->c), LP2P_TS_NEVER);
    assert_int_equal(end_send(a, &p->b, SIZE_MAX), 0); /* who does not answer is told nothing */
    rig_down(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(up_with_the_muxer_inside_the_handshake),
        cmocka_unit_test(up_with_the_muxer_by_multistream),
        cmocka_unit_test(the_dialer_needs_two_flights),
        cmocka_unit_test(the_listener_answers_a_header_alone),
        cmocka_unit_test(nobody_but_the_expected_peer),
        cmocka_unit_test(nobody_with_a_forged_payload),
        cmocka_unit_test(the_answer_may_come_late),
        cmocka_unit_test(connections_of_a_host_share_the_seal),
        cmocka_unit_test(an_idle_connection_holds_no_block),
        cmocka_unit_test(commands_before_up_are_refused),
        cmocka_unit_test(a_goodbye_is_the_reason_of_the_end),
        cmocka_unit_test(a_silent_peer_is_given_up),
    };
    return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
