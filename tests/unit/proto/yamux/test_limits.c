/*
 * What a peer can make us hold, and the answers at the limits: the yamux rows of SECURITY 2.2 and
 * 3.2, classes C2, C4, C5 and C6.
 */
#include "peer.h"

#define SYN LP2P_YAMUX_SYN
#define ACK LP2P_YAMUX_ACK
#define FIN LP2P_YAMUX_FIN
#define RST LP2P_YAMUX_RST

/* `n` frames of one kind in one block, their ids counting up by `step`. */
static uint8_t *flood(size_t n, struct lp2p_yamux_frame f, uint32_t step)
{
    uint8_t *p = malloc(n * LP2P_YAMUX_HEADER_SIZE);
    assert_non_null(p);
    for (size_t i = 0; i < n; i++) {
        lp2p_yamux_frame_encode(&f, p + i * LP2P_YAMUX_HEADER_SIZE);
        f.id += step;
    }
    return p;
}

static int feed_flood(struct rig *r, size_t n, struct lp2p_yamux_frame f, uint32_t step, bool drain)
{
    uint8_t *p = flood(n, f, step);
    int err = rig_feed_cut(r, p, n * LP2P_YAMUX_HEADER_SIZE, 0, drain);
    free(p);
    return err;
}

/* CVE-2024-32984: the peer asks and does not read. */
static void pings_to_a_closed_window_stop_the_input(void **state)
{
    (void)state;
    struct rig *r = rig_new(LP2P_YAMUX_SERVER);
    rig_settle(r);
    size_t before = r->allocated;
    struct lp2p_yamux_frame ping = {.type = LP2P_YAMUX_PING, .flags = SYN, .length = 5};
    uint8_t *p = flood(100000, ping, 0);
    size_t used;
    for (unsigned second = 0; second < 60; second++) {
        r->now += LP2P_SEC(1);
        assert_int_equal(lp2p_yamux_recv(r->e, r->now, p, 100000 * LP2P_YAMUX_HEADER_SIZE, &used),
                         0);
        assert_int_equal(used, second == 0 ? LP2P_YAMUX_PONGS_MAX * LP2P_YAMUX_HEADER_SIZE : 0);
        assert_true(lp2p_yamux_control_size(r->e) <= 64 * LP2P_YAMUX_HEADER_SIZE);
    }
    free(p);
    assert_int_equal(r->allocated, before);
    rig_free(r);
}

static void a_flood_of_pings_spends_the_budget(void **state)
{
    (void)state;
    struct rig *r = rig_new(LP2P_YAMUX_SERVER);
    rig_settle(r);
    struct lp2p_yamux_frame ping = {.type = LP2P_YAMUX_PING, .flags = SYN, .length = 5};
    r->out_len = 0;
    assert_int_equal(feed_flood(r, 1002, ping, 0, true), 0);
    r->out_len = 0;
    assert_int_equal(feed_flood(r, 1, ping, 0, true), -LP2P_E_ABUSE);
    assert_int_equal(lp2p_yamux_error(r->e)->class_, LP2P_CLASS_OURS);
    r->out_len = 0;
    rig_expect_out(r, "3.0.0.1");
    rig_free(r);
}

/* A stream ends once. */
static void a_flood_of_ends_spends_the_budget(void **state)
{
    (void)state;
    struct rig *r = rig_new(LP2P_YAMUX_SERVER);
    rig_settle(r);
    struct lp2p_yamux_frame fin = {.type = LP2P_YAMUX_WINDOW, .flags = FIN, .id = 1};
    assert_int_equal(rig_frame(r, LP2P_YAMUX_WINDOW, SYN, 1, 0), 0);
    assert_int_equal(feed_flood(r, 1001, fin, 0, true), 0);
    rig_expect(r, "stream:1:0 fin:1:0");
    assert_int_equal(feed_flood(r, 1, fin, 0, true), -LP2P_E_ABUSE);
    rig_free(r);
}

static void two_pings_a_second_are_free(void **state)
{
    (void)state;
    struct rig *r = rig_new(LP2P_YAMUX_SERVER);
    rig_settle(r);
    for (unsigned i = 0; i < 10000; i++) {
        r->now += LP2P_MSEC(500);
        assert_int_equal(rig_frame(r, LP2P_YAMUX_PING, SYN, 0, i), 0);
        rig_drain(r);
        r->out_len = 0;
    }
    assert_int_equal(r->e->abuse.tokens, 1000);
    rig_free(r);
}

/* CVE-2026-31814. */
static void credit_cannot_overflow(void **state)
{
    (void)state;
    struct rig *r = rig_new(LP2P_YAMUX_CLIENT);
    rig_settle(r);
    struct lp2p_yamux_stream *s = rig_stream(r);
    rig_drain(r);
    assert_int_equal(rig_frame(r, LP2P_YAMUX_WINDOW, 0, 1, UINT32_MAX - 262144), 0);
    assert_int_equal(s->send_window, UINT32_MAX);
    assert_int_equal(rig_frame(r, LP2P_YAMUX_WINDOW, 0, 1, 1), -LP2P_E_PROTO);
    assert_int_equal(s->send_window, UINT32_MAX);
    rig_free(r);
    r = rig_new(LP2P_YAMUX_CLIENT);
    rig_settle(r);
    (void)rig_stream(r);
    rig_drain(r);
    assert_int_equal(rig_frame(r, LP2P_YAMUX_WINDOW, 0, 1, 0xffff0000U), -LP2P_E_PROTO);
    rig_free(r);
}

/* CVE-2026-32314. */
static void a_syn_with_too_much_data_makes_no_stream(void **state)
{
    (void)state;
    struct rig *r = rig_new(LP2P_YAMUX_SERVER);
    rig_settle(r);
    size_t live = r->live;
    assert_int_equal(rig_frame(r, LP2P_YAMUX_DATA, SYN, 1, 262145), -LP2P_E_PROTO);
    assert_int_equal(r->live, live);
    assert_int_equal(lp2p_yamux_streams(r->e), 0);
    assert_int_equal(r->scope.used[LP2P_SCOPE_STREAMS_IN], 0);
    rig_free(r);
}

/* C2: nothing is allocated for a length, only for a stream. */
static void lengths_are_not_believed(void **state)
{
    (void)state;
    static const uint32_t lengths[] = {0,      1,          65535,      262144,
                                       262145, 0x7fffffff, 0x80000000, UINT32_MAX};
    for (size_t i = 0; i < LP2P_COUNT(lengths); i++) {
        for (unsigned flags = 0; flags < 16; flags++) {
            struct rig *r = rig_new(LP2P_YAMUX_SERVER);
            rig_settle(r);
            size_t before = r->allocated;
            uint8_t body[16] = {0};
            int err = rig_frame(r, LP2P_YAMUX_DATA, flags, 1, lengths[i]);
            if (err == 0) {
                rig_feed(r, body, LP2P_MIN(sizeof(body), lengths[i]));
            }
            assert_true(r->allocated - before < 4096);
            rig_free(r);
        }
    }
}

static void surplus_streams_are_refused(void **state)
{
    (void)state;
    struct rig *r = rig_new(LP2P_YAMUX_SERVER);
    rig_settle(r);
    struct lp2p_yamux_frame syn = {.type = LP2P_YAMUX_WINDOW, .flags = SYN, .id = 1};
    assert_int_equal(feed_flood(r, 256, syn, 2, true), 0);
    assert_int_equal(lp2p_yamux_streams(r->e), 256);
    rig_drain(r);
    r->out_len = 0;
    assert_int_equal(rig_data(r, SYN, 1001, 1000), 0);
    rig_expect_out(r, "1.8.1001.4098");
    assert_int_equal(lp2p_yamux_streams(r->e), 256);
    /* A place that becomes free can be used. */
    lp2p_yamux_release(r->e, r->streams[7]);
    rig_drain(r);
    r->out_len = 0;
    assert_int_equal(rig_frame(r, LP2P_YAMUX_WINDOW, SYN, 1003, 0), 0);
    rig_expect_out(r, "1.2.1003.0");
    rig_free(r);
}

static void refusals_to_a_closed_window_stop_the_input(void **state)
{
    (void)state;
    struct rig *r = rig_new(LP2P_YAMUX_SERVER);
    r->cfg.limits.streams_in = 0;
    lp2p_yamux_free(r->e);
    rig_open(r, LP2P_YAMUX_SERVER);
    rig_settle(r);
    size_t before = r->allocated;
    struct lp2p_yamux_frame syn = {.type = LP2P_YAMUX_WINDOW, .flags = SYN, .id = 1};
    assert_int_equal(feed_flood(r, 900, syn, 2, false), 0);
    assert_int_equal(r->e->refusals.len, LP2P_YAMUX_REFUSE_MAX);
    assert_true(lp2p_yamux_control_size(r->e) <= 64 * LP2P_YAMUX_HEADER_SIZE);
    assert_true(r->allocated - before < 4096);
    assert_int_equal(feed_flood(r, 2000, syn, 2, true), -LP2P_E_ABUSE);
    rig_free(r);
}

/* C4 and "rapid reset": a million streams, none of them stays. */
static void opening_and_resetting_spends_the_budget(void **state)
{
    (void)state;
    struct rig *r = rig_new(LP2P_YAMUX_SERVER);
    rig_settle(r);
    r->quiet = true;
    unsigned pairs = 0;
    int err = 0;
    for (uint32_t id = 1; err == 0 && pairs < 1000000; id += 2) {
        err = rig_frame(r, LP2P_YAMUX_WINDOW, SYN, id, 0);
        err = err == 0 ? rig_frame(r, LP2P_YAMUX_WINDOW, RST, id, 0) : err;
        for (; r->n_streams > 0; r->n_streams--) {
            lp2p_yamux_release(r->e, r->streams[r->n_streams - 1]);
        }
        assert_int_equal(lp2p_yamux_streams(r->e), 0);
        r->out_len = 0;
        pairs++;
    }
    assert_int_equal(err, -LP2P_E_ABUSE);
    assert_int_equal(pairs, 1001);
    rig_free(r);
}

static void useless_frames_are_charged(void **state)
{
    (void)state;
    static const struct lp2p_yamux_frame useless[] = {
        {.type = LP2P_YAMUX_DATA, .id = 1},                        /* empty, no flag */
        {.type = LP2P_YAMUX_WINDOW, .id = 1},                      /* grants nothing */
        {.type = LP2P_YAMUX_WINDOW, .id = 1, .length = 1},         /* nothing sent */
        {.type = LP2P_YAMUX_WINDOW, .flags = ACK, .id = 1},        /* its own stream */
        {.type = LP2P_YAMUX_WINDOW, .id = 99, .length = 1},        /* unknown */
        {.type = LP2P_YAMUX_DATA, .flags = ACK | FIN, .id = 98},   /* unknown */
        {.type = LP2P_YAMUX_WINDOW, .flags = SYN | RST, .id = 97}, /* SYN and RST */
        {.type = LP2P_YAMUX_PING, .flags = ACK, .length = 1},      /* unasked */
        {.type = LP2P_YAMUX_PING, .flags = 0x10, .length = 1},     /* unknown flag */
    };
    for (size_t i = 0; i < LP2P_COUNT(useless); i++) {
        struct rig *r = rig_new(LP2P_YAMUX_SERVER);
        rig_settle(r);
        assert_int_equal(rig_frame(r, LP2P_YAMUX_WINDOW, SYN, 1, 0), 0);
        rig_drain(r);
        if (useless[i].type == LP2P_YAMUX_WINDOW && useless[i].id == 1 && useless[i].length > 0) {
            /* A window that grows by itself is js's habit; only so far. */
            assert_int_equal(feed_flood(r, LP2P_YAMUX_GROWTHS_MAX, useless[i], 0, true), 0);
            assert_int_equal(r->e->abuse.tokens, 1000);
        }
        assert_int_equal(feed_flood(r, 1000, useless[i], 0, true), 0);
        assert_int_equal(r->e->abuse.tokens, 0);
        assert_int_equal(feed_flood(r, 1, useless[i], 0, true), -LP2P_E_ABUSE);
        rig_free(r);
    }
}

/* js sends an update after every data frame, go opens with an empty one: neither is abuse. */
static void what_peers_do_is_not_charged(void **state)
{
    (void)state;
    struct rig *r = rig_new(LP2P_YAMUX_CLIENT);
    rig_settle(r);
    uint32_t tokens = r->e->abuse.tokens;
    assert_int_equal(rig_frame(r, LP2P_YAMUX_WINDOW, SYN, 2, 0), 0);
    struct lp2p_yamux_stream *s = rig_stream(r);
    for (unsigned i = 0; i < 5000; i++) {
        size_t n;
        assert_int_equal(rig_write_room(r, s, 1000, 100000, &n), 0);
        rig_drain(r);
        r->out_len = 0;
        assert_int_equal(rig_frame(r, LP2P_YAMUX_WINDOW, i == 0 ? ACK : 0, 1, 1000), 0);
    }
    assert_int_equal(r->e->abuse.tokens, tokens);
    rig_free(r);
}

/* The updates a js peer has under way when a stream ends are not charged. */
static void late_updates_are_free(void **state)
{
    (void)state;
    struct rig *r = rig_new(LP2P_YAMUX_CLIENT);
    rig_settle(r);
    uint32_t tokens = r->e->abuse.tokens;
    struct lp2p_yamux_stream *s = rig_stream(r);
    size_t n;
    for (unsigned i = 0; i < 200; i++) {
        assert_int_equal(rig_write_room(r, s, 1000, 100000, &n), 0);
        rig_drain(r);
        r->out_len = 0;
    }
    assert_int_equal(lp2p_yamux_close_write(r->e, s), 0);
    rig_drain(r);
    assert_int_equal(rig_frame(r, LP2P_YAMUX_WINDOW, ACK | FIN, 1, 0), 0);
    lp2p_yamux_release(r->e, s);
    for (unsigned i = 0; i < 199; i++) {
        assert_int_equal(rig_frame(r, LP2P_YAMUX_WINDOW, 0, 1, 1000), 0);
    }
    assert_int_equal(r->e->abuse.tokens, tokens);
    rig_free(r);
}

static void our_own_streams_are_limited(void **state)
{
    (void)state;
    struct rig *r = rig_new(LP2P_YAMUX_CLIENT);
    rig_settle(r);
    struct lp2p_yamux_stream *s = NULL;
    for (unsigned i = 0; i < 256; i++) {
        s = rig_stream(r);
    }
    assert_int_equal(lp2p_yamux_open(r->e, &s), -LP2P_E_AGAIN);
    rig_free(r);

    r = rig_new(LP2P_YAMUX_CLIENT);
    r->cfg.limits.ack_backlog = 2;
    lp2p_yamux_free(r->e);
    rig_open(r, LP2P_YAMUX_CLIENT);
    rig_settle(r);
    struct lp2p_yamux_stream *first = rig_stream(r);
    (void)rig_stream(r);
    assert_int_equal(lp2p_yamux_open(r->e, &s), -LP2P_E_AGAIN);
    rig_drain(r);
    assert_int_equal(rig_frame(r, LP2P_YAMUX_WINDOW, ACK, first->id, 0), 0);
    (void)rig_stream(r);
    assert_int_equal(lp2p_yamux_open(r->e, &s), -LP2P_E_AGAIN);
    /* A stream that dies unacknowledged makes room too. */
    assert_int_equal(rig_frame(r, LP2P_YAMUX_WINDOW, RST, 3, 0), 0);
    (void)rig_stream(r);
    rig_free(r);

    r = rig_new(LP2P_YAMUX_CLIENT);
    rig_settle(r);
    r->system.max[LP2P_SCOPE_STREAMS_OUT] = 1;
    (void)rig_stream(r);
    assert_int_equal(lp2p_yamux_open(r->e, &s), -LP2P_E_AGAIN);
    r->system.max[LP2P_SCOPE_STREAMS_IN] = 0;
    rig_drain(r);
    r->out_len = 0;
    assert_int_equal(rig_frame(r, LP2P_YAMUX_WINDOW, SYN, 2, 0), 0);
    rig_expect_out(r, "1.8.2.4098");
    r->e->next_id = UINT32_MAX;
    assert_int_equal(lp2p_yamux_open(r->e, &s), -LP2P_E_LIMIT);
    rig_free(r);
}

/* DESIGN 4.4: at a limit the stream holding most unread data is reset, the connection goes on. */
static void the_greediest_stream_makes_room(void **state)
{
    (void)state;
    struct rig *r = rig_new(LP2P_YAMUX_SERVER);
    rig_settle(r);
    r->hold = true;
    r->system.max[LP2P_SCOPE_MEM] = 100000;
    assert_int_equal(rig_data(r, SYN, 1, 20000), 0);
    assert_int_equal(rig_data(r, SYN, 3, 60000), 0);
    assert_int_equal(rig_data(r, SYN, 5, 10000), 0);
    rig_expect(r, "stream:1:0 data:1:20000 stream:3:0 data:3:60000 stream:5:0 data:5:10000");
    rig_drain(r);
    r->out_len = 0;
    assert_int_equal(rig_data(r, 0, 1, 30000), 0);
    rig_expect(r, "reset:3:4098 data:1:30000");
    rig_expect_out(r, "1.8.3.4098");
    assert_int_equal(r->scope.used[LP2P_SCOPE_MEM], 60000);
    /* Its user may still give bytes back, and forgets it in the end. */
    lp2p_yamux_consume(r->e, r->now, r->streams[1], 60000);
    lp2p_yamux_release(r->e, r->streams[1]);
    assert_int_equal(lp2p_yamux_streams(r->e), 2);
    /* The one that asks is the greediest. */
    assert_int_equal(rig_data(r, 0, 1, 60000), 0);
    rig_expect(r, "reset:1:4098");
    assert_int_equal(rig_data(r, 0, 5, 80000), 0);
    rig_expect(r, "data:5:80000");
    rig_free(r);
}

static void a_peer_that_overruns_its_window_is_cut_off(void **state)
{
    (void)state;
    struct rig *r = rig_new(LP2P_YAMUX_SERVER);
    rig_settle(r);
    r->hold = true;
    assert_int_equal(rig_data(r, SYN, 1, 262143), 0);
    assert_int_equal(rig_data(r, 0, 1, 1), 0);
    assert_int_equal(rig_frame(r, LP2P_YAMUX_DATA, 0, 1, 1), -LP2P_E_PROTO);
    rig_free(r);
}

/* go sends SYN, request and FIN in one flight: a stream too many costs its SYN alone. */
static void streams_too_many_cost_one_each(void **state)
{
    (void)state;
    struct rig *r = rig_new(LP2P_YAMUX_SERVER);
    rig_settle(r);
    for (uint32_t i = 0; i < 256; i++) {
        assert_int_equal(rig_frame(r, LP2P_YAMUX_WINDOW, SYN, 1 + 2 * i, 0), 0);
    }
    r->quiet = true;
    for (uint32_t i = 0; i < 1001; i++) {
        uint32_t id = 1001 + 2 * i;
        int err = rig_frame(r, LP2P_YAMUX_WINDOW, SYN, id, 0);
        assert_int_equal(err, i < 1000 ? 0 : -LP2P_E_ABUSE);
        if (err == 0) {
            assert_int_equal(rig_data(r, 0, id, 40), 0);
            assert_int_equal(rig_frame(r, LP2P_YAMUX_WINDOW, FIN, id, 0), 0);
        }
        rig_drain(r);
        r->out_len = 0;
    }
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams_too_many_cost_one_each),
        cmocka_unit_test(pings_to_a_closed_window_stop_the_input),
        cmocka_unit_test(a_flood_of_pings_spends_the_budget),
        cmocka_unit_test(a_flood_of_ends_spends_the_budget),
        cmocka_unit_test(two_pings_a_second_are_free),
        cmocka_unit_test(credit_cannot_overflow),
        cmocka_unit_test(a_syn_with_too_much_data_makes_no_stream),
        cmocka_unit_test(lengths_are_not_believed),
        cmocka_unit_test(surplus_streams_are_refused),
        cmocka_unit_test(refusals_to_a_closed_window_stop_the_input),
        cmocka_unit_test(opening_and_resetting_spends_the_budget),
        cmocka_unit_test(useless_frames_are_charged),
        cmocka_unit_test(what_peers_do_is_not_charged),
        cmocka_unit_test(late_updates_are_free),
        cmocka_unit_test(our_own_streams_are_limited),
        cmocka_unit_test(the_greediest_stream_makes_room),
        cmocka_unit_test(a_peer_that_overruns_its_window_is_cut_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
