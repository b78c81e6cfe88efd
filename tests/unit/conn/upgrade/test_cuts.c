/*
 * The split rule for a whole connection, both roles; and bytes that are missing or wrong at every
 * place of the handshake: always an error, never UP, never silence.
 */
#include "engine_conn.h"
#include "rig.h"

static size_t talk_size; /* of the payload */

/* What both ends do as soon as they can, so that there is something behind the handshake. */
static void talk(struct end *e, const struct lp2p_conn_event *ev)
{
    static uint8_t payload[100000];
    const struct lp2p_conn_ops *ops = e->c->ops;
    if (ev->type == LP2P_CONN_EV_UP) {
        memset(payload, 7, sizeof(payload));
        struct lp2p_conn_stream *s = rig_open_stream(e);
        rig_write(e, s, payload, talk_size);
        rig_write(e, rig_open_stream(e), "second", 6);
        assert_int_equal(ops->close_write(e->c, s), 0);
    } else if (ev->type == LP2P_CONN_EV_STREAM) {
        rig_write(e, ev->stream, "answer", 6);
    } else if (ev->type == LP2P_CONN_EV_FIN) {
        ops->reset(e->c, ev->stream, 5);
    } else if (ev->type == LP2P_CONN_EV_RESET) {
        ops->release(e->c, ev->stream);
    }
}

/* All that each end sends in one life, and the keys that open it. */
struct record {
    struct pair_wire from[2]; /* by the role of the sender */
    uint8_t key[2][32];
    size_t handshake[2]; /* bytes that the other one needs to be up */
    struct lp2p_peer_id id[2];
    bool early;
};

static void record_init(struct record *r, bool early, size_t size)
{
    struct pair p;
    talk_size = size;
    *r = (struct record){.early = early};
    pair_init(&p, rig_crypto, rig_crypto_b);
    struct end *ends[2] = {&p.a, &p.b};
    p.a.host.early_muxer = p.b.host.early_muxer = early;
    p.a.on_event = p.b.on_event = talk;
    pair_open(&p);
    for (bool moved = true; moved;) {
        moved = false;
        for (unsigned i = 0; i < 2; i++) {
            struct end *to = ends[1 - i];
            size_t before = to->in.n;
            size_t n = end_send(ends[i], to, SIZE_MAX);
            pair_wire_add(&r->from[i], to->in.p + before, n);
            moved = n > 0 || moved;
            moved = end_take_all(to) || moved;
        }
    }
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(end_error(ends[i]), 0);
        assert_true(ends[i]->bytes_got > size);
        memcpy(r->key[i], end_upgrade(ends[i])->noise.send_key, 32);
        r->id[i] = ends[i]->id.id;
    }
    pair_fini(&p);
}

static void record_fini(struct record *r)
{
    free(r->from[0].p);
    free(r->from[1].p);
}

static struct conn_case record_case(const struct record *r, enum lp2p_conn_role role)
{
    bool dials = role == LP2P_CONN_DIALER;
    return (struct conn_case){
        .crypto = rig_crypto,
        .role = role,
        .number = dials ? 1 : 2,
        .no_early_muxer = !r->early,
        .expected = dials ? &r->id[1] : NULL,
        .on_event = talk,
        .out_key = r->key[role],
    };
}

static struct lp2p_span record_input(const struct record *r, enum lp2p_conn_role role)
{
    return lp2p_span(r->from[1 - role].p, r->from[1 - role].n);
}

static void any_cut_gives_the_same(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        enum lp2p_conn_role role = (i & 1) != 0 ? LP2P_CONN_DIALER : LP2P_CONN_LISTENER;
        struct record r;
        struct engine_result whole;
        record_init(&r, (i & 2) != 0, 100000);
        struct conn_case c = record_case(&r, role);
        engine_check_splits(&conn_ops, &c, record_input(&r, role), 1000 * i, &whole);
        assert_int_equal(whole.err, 0);
        assert_int_equal(whole.used, record_input(&r, role).n);
        assert_non_null(strstr(whole.log.text, "reset"));
        /* Output: lines, handshake, Ping, and 100 KiB. */
        assert_true(whole.out_len > 100000);
        engine_result_fini(&whole);
        record_fini(&r);
    }
}

/* An end that got the first `n` bytes of the other; with one of them flipped if `flip` < n. */
static struct conn_case *cut_short(const struct record *r, enum lp2p_conn_role role, size_t n,
                                   size_t flip)
{
    static struct conn_case c;
    void *e;
    c = record_case(r, role);
    assert_int_equal(conn_make(&c, &e), 0);
    c.end.late = false;
    pair_wire_add(&c.end.in, record_input(r, role).p, n);
    if (flip < n) {
        c.end.in.p[flip] ^= 0x21;
    }
    end_take_all(&c.end);
    return &c;
}

/* Bytes the end needs before it is up. */
static size_t needs(const struct record *r, enum lp2p_conn_role role)
{
    size_t n = 1;
    for (;; n++) {
        assert_true(n < record_input(r, role).n);
        struct conn_case *c = cut_short(r, role, n, SIZE_MAX);
        bool up = c->end.up;
        conn_drop(c, &c->end);
        if (up) {
            return n;
        }
    }
}

static void the_peer_may_hang_up_anywhere(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        enum lp2p_conn_role role = (i & 1) != 0 ? LP2P_CONN_DIALER : LP2P_CONN_LISTENER;
        struct record r;
        record_init(&r, (i & 2) != 0, 10);
        size_t handshake = needs(&r, role);
        assert_in_range(handshake, 100, 500);
        for (size_t n = 0; n < handshake; n++) {
            struct conn_case *c = cut_short(&r, role, n, SIZE_MAX);
            assert_int_equal(end_error(&c->end), 0);
            c->end.c->ops->recv_eof(c->end.c, c->end.now);
            assert_int_equal(end_error(&c->end), -LP2P_E_EOF);
            assert_int_equal(c->end.c->ops->deadline(c->end.c), LP2P_TS_NEVER);
            assert_false(end_pull(&c->end));
            assert_false(c->end.up);
            conn_drop(c, &c->end);
        }
        record_fini(&r);
    }
}

static void no_byte_of_the_handshake_may_change(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        enum lp2p_conn_role role = (i & 1) != 0 ? LP2P_CONN_DIALER : LP2P_CONN_LISTENER;
        struct record r;
        record_init(&r, (i & 2) != 0, 10);
        size_t handshake = needs(&r, role);
        for (size_t at = 0; at < handshake; at++) {
            struct conn_case *c = cut_short(&r, role, handshake, at);
            /* The dialer has chosen its muxer before it reads the answer to its proposal. */
            assert_false(c->end.up && (role == LP2P_CONN_LISTENER || r.early));
            /* A longer length waits for the rest, and the end comes instead. */
            c->end.c->ops->recv_eof(c->end.c, c->end.now);
            assert_int_not_equal(end_error(&c->end), 0);
            (void)end_pull(&c->end);
            assert_false(c->end.up && r.early);
            conn_drop(c, &c->end);
        }
        record_fini(&r);
    }
}

/* Lines in front of a bad one are answered, also when they come in one piece with it. */
static void a_bad_line_takes_no_answer_back(void **state)
{
    (void)state;
    static const uint8_t lines[] = "\x13/multistream/1.0.0\n\x05/tls\n\x00";
    struct conn_case c = {.crypto = rig_crypto, .role = LP2P_CONN_LISTENER, .number = 2};
    struct engine_result r;
    engine_check_splits(&conn_ops, &c, lp2p_span(lines, sizeof(lines) - 1), 1, &r);
    assert_int_not_equal(r.err, 0);
    assert_int_equal(r.out_len, 20 + 4);
    assert_memory_equal(r.out, "\x13/multistream/1.0.0\n\x03na\n", 24);
    engine_result_fini(&r);
}

/* A record that does not open ends the connection; what was ready for the peer is whole records. */
static void a_forged_record_leaves_no_half_record(void **state)
{
    (void)state;
    struct pair *p = rig_up();
    struct lp2p_conn_stream *s = rig_open_stream(&p->a);
    rig_write(&p->a, s, "half", 4); /* the record is open */
    pair_wire_add(&p->a.in, (const uint8_t *)"\x00\x11 this is not it.", 19);
    end_take_all(&p->a);
    assert_int_equal(end_error(&p->a), -LP2P_E_AUTH);
    end_send(&p->a, &p->b, SIZE_MAX);
    end_take_all(&p->b);
    assert_int_equal(end_error(&p->b), 0);
    assert_int_equal(p->b.in.n, 0);
    assert_int_equal(p->a.host.obufs.used, 0);
    rig_down(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_cut_gives_the_same),
        cmocka_unit_test(the_peer_may_hang_up_anywhere),
        cmocka_unit_test(no_byte_of_the_handshake_may_change),
        cmocka_unit_test(a_bad_line_takes_no_answer_back),
        cmocka_unit_test(a_forged_record_leaves_no_half_record),
    };
    return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
