#include "base/assert.h"
#include "cmocka_all.h"
#include "proto/yamux/turn.h"

static void nobody_starves_with_room_for_one(void **state)
{
    (void)state;
    struct lp2p_yamux_turns t;
    struct lp2p_yamux_turner s[5];
    unsigned served[5] = {0};
    memset(s, 0, sizeof(s));
    lp2p_yamux_turns_init(&t);
    for (unsigned i = 0; i < 5; i++) {
        lp2p_yamux_turns_wait(&t, &s[i]);
    }
    for (unsigned turn = 0; turn < 100; turn++) {
        lp2p_yamux_turns_wake(&t);
        struct lp2p_yamux_turner *granted[5];
        unsigned n = 0;
        while (n < 5 && (granted[n] = lp2p_yamux_turns_next(&t)) != NULL) {
            n++;
        }
        assert_int_equal(n, 5);
        served[granted[0] - s]++;
        lp2p_yamux_turns_leave(granted[0]);
        lp2p_yamux_turns_wait(&t, granted[0]);
        for (unsigned i = 1; i < n; i++) {
            lp2p_yamux_turns_miss(&t, granted[i]);
        }
        assert_null(lp2p_yamux_turns_next(&t));
    }
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(served[i], 20);
    }
}

static void slow_users_keep_their_place_once(void **state)
{
    (void)state;
    struct lp2p_yamux_turns t;
    struct lp2p_yamux_turner s[2];
    memset(s, 0, sizeof(s));
    lp2p_yamux_turns_init(&t);
    lp2p_yamux_turns_wait(&t, &s[0]);
    lp2p_yamux_turns_wait(&t, &s[1]);
    assert_ptr_equal(lp2p_yamux_turns_next(&t), &s[0]);
    lp2p_yamux_turns_wake(&t);
    assert_ptr_equal(lp2p_yamux_turns_next(&t), &s[0]);
    assert_ptr_equal(lp2p_yamux_turns_next(&t), &s[1]);
    assert_null(lp2p_yamux_turns_next(&t));
    assert_true(lp2p_yamux_turns_compete(&t, &s[1]));
    lp2p_yamux_turns_wake(&t);
    assert_int_equal(s[0].turn, LP2P_YAMUX_TURN_NONE);
    assert_ptr_equal(lp2p_yamux_turns_next(&t), &s[1]);
    assert_false(lp2p_yamux_turns_compete(&t, &s[1]));
    lp2p_yamux_turns_wake(&t);
    assert_null(lp2p_yamux_turns_next(&t));
}

static void newcomers_wait_behind_the_line(void **state)
{
    (void)state;
    struct lp2p_yamux_turns t;
    struct lp2p_yamux_turner s[2];
    memset(s, 0, sizeof(s));
    lp2p_yamux_turns_init(&t);
    assert_true(lp2p_yamux_turns_may(&t, &s[0]));
    lp2p_yamux_turns_miss(&t, &s[0]);
    assert_true(lp2p_yamux_turns_may(&t, &s[0]));
    assert_false(lp2p_yamux_turns_may(&t, &s[1]));
    assert_null(lp2p_yamux_turns_next(&t));
    lp2p_yamux_turns_leave(&s[0]);
    assert_true(lp2p_yamux_turns_may(&t, &s[1]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_starves_with_room_for_one),
        cmocka_unit_test(slow_users_keep_their_place_once),
        cmocka_unit_test(newcomers_wait_behind_the_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
