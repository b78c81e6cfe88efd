#include "cmocka_all.h"

#include "base/random.h"
#include "base/scope.h"
#include "lp2p/error.h"

static void all_levels_or_none(void **state)
{
    (void)state;
    struct lp2p_scope system;
    struct lp2p_scope peer;
    struct lp2p_scope conn;
    lp2p_scope_init(&system, NULL);
    lp2p_scope_init(&peer, &system);
    lp2p_scope_init(&conn, &peer);
    system.max[LP2P_SCOPE_MEM] = 100;
    peer.max[LP2P_SCOPE_MEM] = 60;
    assert_int_equal(lp2p_scope_reserve(&conn, LP2P_SCOPE_MEM, 50), 0);
    assert_int_equal(lp2p_scope_reserve(&conn, LP2P_SCOPE_MEM, 11), -LP2P_E_LIMIT);
    assert_int_equal(system.used[LP2P_SCOPE_MEM], 50);
    assert_int_equal(lp2p_scope_room(&conn, LP2P_SCOPE_MEM), 10);
    assert_int_equal(lp2p_scope_room(&system, LP2P_SCOPE_MEM), 50);
    assert_int_equal(lp2p_scope_reserve(&conn, LP2P_SCOPE_MEM, UINT64_MAX), -LP2P_E_LIMIT);
    /* A limit that was lowered below what is used has no room, not much of it. */
    peer.max[LP2P_SCOPE_MEM] = 20;
    assert_int_equal(lp2p_scope_room(&conn, LP2P_SCOPE_MEM), 0);
    lp2p_scope_release(&conn, LP2P_SCOPE_MEM, 50);
    lp2p_scope_fini(&conn);
    lp2p_scope_fini(&peer);
    lp2p_scope_fini(&system);
}

static void a_scope_moves_with_what_it_holds(void **state)
{
    (void)state;
    struct lp2p_scope system;
    struct lp2p_scope pending;
    struct lp2p_scope peer;
    struct lp2p_scope conn;
    lp2p_scope_init(&system, NULL);
    lp2p_scope_init(&pending, &system);
    lp2p_scope_init(&peer, &system);
    lp2p_scope_init(&conn, &pending);
    peer.max[LP2P_SCOPE_CONNS] = 1;
    assert_int_equal(lp2p_scope_reserve(&conn, LP2P_SCOPE_CONNS, 1), 0);
    assert_int_equal(lp2p_scope_move(&conn, &peer), 0);
    assert_int_equal(pending.used[LP2P_SCOPE_CONNS], 0);
    assert_int_equal(peer.used[LP2P_SCOPE_CONNS], 1);
    assert_int_equal(system.used[LP2P_SCOPE_CONNS], 1);
    struct lp2p_scope second;
    lp2p_scope_init(&second, &pending);
    assert_int_equal(lp2p_scope_reserve(&second, LP2P_SCOPE_CONNS, 1), 0);
    assert_int_equal(lp2p_scope_move(&second, &peer), -LP2P_E_LIMIT);
    assert_int_equal(pending.used[LP2P_SCOPE_CONNS], 1);
    assert_int_equal(system.used[LP2P_SCOPE_CONNS], 2);
    lp2p_scope_release(&second, LP2P_SCOPE_CONNS, 1);
    lp2p_scope_release(&conn, LP2P_SCOPE_CONNS, 1);
    lp2p_scope_fini(&second);
    lp2p_scope_fini(&conn);
    lp2p_scope_fini(&peer);
    lp2p_scope_fini(&pending);
    lp2p_scope_fini(&system);
}

static void what_can_be_spared_leaves_half_of_every_account(void **state)
{
    (void)state;
    struct lp2p_scope system;
    struct lp2p_scope conn;
    lp2p_scope_init(&system, NULL);
    lp2p_scope_init(&conn, &system);
    assert_true(lp2p_scope_can_spare(&conn, LP2P_SCOPE_MEM, UINT64_MAX / 2));
    system.max[LP2P_SCOPE_MEM] = 100;
    conn.max[LP2P_SCOPE_MEM] = 61;
    assert_true(lp2p_scope_can_spare(&conn, LP2P_SCOPE_MEM, 30));
    assert_false(lp2p_scope_can_spare(&conn, LP2P_SCOPE_MEM, 31));
    assert_int_equal(lp2p_scope_reserve(&conn, LP2P_SCOPE_MEM, 20), 0);
    assert_true(lp2p_scope_can_spare(&conn, LP2P_SCOPE_MEM, 10));
    assert_false(lp2p_scope_can_spare(&conn, LP2P_SCOPE_MEM, 11));
    assert_int_equal(lp2p_scope_reserve(&system, LP2P_SCOPE_MEM, 25), 0);
    assert_true(lp2p_scope_can_spare(&conn, LP2P_SCOPE_MEM, 5));
    assert_false(lp2p_scope_can_spare(&conn, LP2P_SCOPE_MEM, 6));
    assert_false(lp2p_scope_can_spare(&conn, LP2P_SCOPE_MEM, UINT64_MAX));
    assert_int_equal(lp2p_scope_reserve(&system, LP2P_SCOPE_MEM, 50), 0);
    assert_false(lp2p_scope_can_spare(&conn, LP2P_SCOPE_MEM, 0));
    lp2p_scope_release(&system, LP2P_SCOPE_MEM, 75);
    lp2p_scope_release(&conn, LP2P_SCOPE_MEM, 20);
    lp2p_scope_fini(&conn);
    lp2p_scope_fini(&system);
}

static void count_up(void *ctx, uint8_t *p, size_t n)
{
    uint8_t *next = ctx;
    memset(p, *next, n);
    *next = (uint8_t)(*next + 37);
}

static void random_below_stays_below(void **state)
{
    (void)state;
    uint8_t next = 255;
    struct lp2p_random r = {.ctx = &next, .fill = count_up};
    for (uint64_t bound = 1; bound < 300; bound++) {
        assert_true(lp2p_random_below(&r, bound) < bound);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_levels_or_none),
        cmocka_unit_test(a_scope_moves_with_what_it_holds),
        cmocka_unit_test(what_can_be_spared_leaves_half_of_every_account),
        cmocka_unit_test(random_below_stays_below),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
