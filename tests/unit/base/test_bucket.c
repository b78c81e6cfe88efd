#include "cmocka_all.h"
#include "base/bucket.h"

static void spends_its_burst_then_refills(void **state)
{
    (void)state;
    struct lp2p_bucket b;
    lp2p_ts now = LP2P_SEC(1000);
    lp2p_bucket_init(&b, 1000, LP2P_SEC(1) / 33, now);
    for (unsigned i = 0; i < 1000; i++) {
        assert_true(lp2p_bucket_take(&b, now));
    }
    assert_false(lp2p_bucket_take(&b, now));
    unsigned got = 0;
    for (unsigned ms = 0; ms < 10000; ms++) {
        now += LP2P_MSEC(1);
        got += lp2p_bucket_take(&b, now) ? 1 : 0;
    }
    assert_int_equal(got, 330);
    now += LP2P_SEC(3600);
    assert_true(lp2p_bucket_take(&b, now));
    assert_int_equal(b.tokens, 999);
}

static void time_that_jumps_does_not_overflow(void **state)
{
    (void)state;
    struct lp2p_bucket b;
    lp2p_bucket_init(&b, 1, LP2P_SEC(1), 0);
    assert_true(lp2p_bucket_take(&b, 0));
    assert_false(lp2p_bucket_take(&b, 0));
    assert_true(lp2p_bucket_take(&b, UINT64_MAX));
    assert_int_equal(b.tokens, 0);
    assert_false(lp2p_bucket_take(&b, 1));
    lp2p_bucket_init(&b, 0, 0, 0);
    assert_false(lp2p_bucket_take(&b, UINT64_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spends_its_burst_then_refills),
        cmocka_unit_test(time_that_jumps_does_not_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
