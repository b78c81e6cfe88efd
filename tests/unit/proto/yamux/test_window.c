#include "proto/yamux/window.h"

#include "cmocka_all.h"

#define START LP2P_YAMUX_WINDOW_START

struct fixture {
    struct lp2p_scope scope;
    struct lp2p_yamux_budget budget;
    struct lp2p_yamux_window w;
};

static void fixture_init(struct fixture *f)
{
    lp2p_scope_init(&f->scope, NULL);
    f->budget = (struct lp2p_yamux_budget){
        .scope = &f->scope, .grown_max = 32U << 20, .window_max = 16U << 20};
    lp2p_yamux_window_init(&f->w);
}

static void fixture_fini(struct fixture *f)
{
    lp2p_yamux_window_fini(&f->w, &f->budget);
    assert_int_equal(f->budget.grown, 0);
    lp2p_scope_fini(&f->scope);
}

/* The peer announces and sends `n`, the user reads it. */
static void pass(struct fixture *f, lp2p_ts now, lp2p_ts rtt, uint32_t n)
{
    assert_true(n <= f->w.credit);
    f->w.credit -= n;
    assert_int_equal(lp2p_yamux_window_arrive(&f->w, &f->budget, now, n), 0);
    lp2p_yamux_window_consume(&f->w, &f->budget, now, rtt, n);
    assert_int_equal(f->w.credit + f->w.unread + f->w.ungranted, f->w.max);
}

static void grants_at_an_eighth(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    pass(&f, 1, 0, START / 8 - 1);
    assert_false(lp2p_yamux_window_is_due(&f.w));
    pass(&f, 1, 0, 1);
    assert_true(lp2p_yamux_window_is_due(&f.w));
    assert_int_equal(lp2p_yamux_window_grant(&f.w), START / 8);
    assert_int_equal(f.w.credit, START);
    assert_false(lp2p_yamux_window_is_due(&f.w));
    fixture_fini(&f);
}

static void doubles_when_used_up_within_four_round_trips(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    lp2p_ts rtt = LP2P_MSEC(10);
    pass(&f, LP2P_MSEC(0), rtt, START / 2);
    pass(&f, LP2P_MSEC(40), rtt, START / 2);
    assert_int_equal(f.w.max, START);
    lp2p_yamux_window_grant(&f.w);
    pass(&f, LP2P_MSEC(79), rtt, START);
    assert_int_equal(f.w.max, 2 * START);
    assert_int_equal(lp2p_yamux_window_grant(&f.w), 2 * START);
    assert_int_equal(f.scope.used[LP2P_SCOPE_MEM], START);
    for (uint32_t max = 2 * START; max < 16U << 20; max *= 2) {
        pass(&f, LP2P_MSEC(79), rtt, max);
        assert_int_equal(f.w.max, 2 * max);
        lp2p_yamux_window_grant(&f.w);
    }
    pass(&f, LP2P_MSEC(79), rtt, 16U << 20);
    assert_int_equal(f.w.max, 16U << 20);
    fixture_fini(&f);
}

static void does_not_grow_without_a_round_trip_time(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    pass(&f, 1, 0, START);
    assert_int_equal(f.w.max, START);
    fixture_fini(&f);
}

static void pieces_and_wholes_agree(void **state)
{
    (void)state;
    struct fixture whole, pieces;
    fixture_init(&whole);
    fixture_init(&pieces);
    lp2p_ts now = 0;
    uint32_t frame = 60001;
    for (unsigned i = 0; i < 500; i++) {
        now += LP2P_MSEC(1);
        pass(&whole, now, LP2P_MSEC(3), frame);
        for (uint32_t left = frame; left > 0;) {
            uint32_t k = left < 7001 ? left : 7001;
            pass(&pieces, now, LP2P_MSEC(3), k);
            left -= k;
        }
        assert_int_equal(whole.w.max, pieces.w.max);
        assert_int_equal(lp2p_yamux_window_grant(&whole.w), lp2p_yamux_window_grant(&pieces.w));
    }
    assert_true(whole.w.max > START);
    fixture_fini(&whole);
    fixture_fini(&pieces);
}

static void grows_only_against_a_reservation(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    f.scope.max[LP2P_SCOPE_MEM] = 6 * START - 1;
    pass(&f, 1, 1, START);
    assert_int_equal(f.w.max, 2 * START);
    lp2p_yamux_window_grant(&f.w);
    pass(&f, 1, 1, 2 * START);
    assert_int_equal(f.w.max, 2 * START);
    assert_int_equal(f.scope.used[LP2P_SCOPE_MEM], START);
    f.scope.max[LP2P_SCOPE_MEM] = UINT64_MAX;
    f.budget.grown_max = 3 * START - 1;
    lp2p_yamux_window_grant(&f.w);
    pass(&f, 1, 1, 2 * START);
    assert_int_equal(f.w.max, 2 * START);
    fixture_fini(&f);
}

static void unread_bytes_are_reserved(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    f.scope.max[LP2P_SCOPE_MEM] = 1000;
    assert_int_equal(lp2p_yamux_window_arrive(&f.w, &f.budget, 1, 600), 0);
    assert_int_equal(lp2p_yamux_window_arrive(&f.w, &f.budget, 1, 401), -LP2P_E_LIMIT);
    assert_int_equal(f.w.unread, 600);
    assert_int_equal(f.scope.used[LP2P_SCOPE_MEM], 600);
    lp2p_yamux_window_consume(&f.w, &f.budget, 1, 0, 200);
    assert_int_equal(f.scope.used[LP2P_SCOPE_MEM], 400);
    assert_int_equal(lp2p_yamux_window_arrive(&f.w, &f.budget, 1, 600), 0);
    fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grants_at_an_eighth),
        cmocka_unit_test(doubles_when_used_up_within_four_round_trips),
        cmocka_unit_test(does_not_grow_without_a_round_trip_time),
        cmocka_unit_test(pieces_and_wholes_agree),
        cmocka_unit_test(grows_only_against_a_reservation),
        cmocka_unit_test(unread_bytes_are_reserved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
