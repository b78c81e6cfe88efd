#include "format/varint.h"

#include <stdlib.h>

#include "harness/vectors.h"
#include "lp2p/error.h"

static void good_uvarints_read_and_write(void **state)
{
    (void)state;
    struct vectors v;
    vectors_open(&v, "uvarint.txt");
    while (vectors_next(&v, 2)) {
        uint64_t want = strtoull(v.col[0], NULL, 10);
        uint8_t bytes[16];
        size_t n = vectors_hex(v.col[1], bytes, sizeof(bytes));
        struct lp2p_cursor c = lp2p_cursor(bytes, n);
        uint64_t got = 0;
        assert_int_equal(lp2p_uvarint_get(&c, &got), 0);
        assert_int_equal(got, want);
        assert_int_equal(lp2p_cursor_left(&c), 0);
        uint8_t out[LP2P_UVARINT_SIZE];
        assert_int_equal(lp2p_uvarint_put(out, want), n);
        assert_memory_equal(out, bytes, n);
        assert_int_equal(lp2p_uvarint_size(want), n);
    }
    vectors_close(&v, 12);
}

static void check_bad(const char *file, int (*get)(struct lp2p_cursor *, uint64_t *))
{
    struct vectors v;
    vectors_open(&v, file);
    while (vectors_next(&v, 2)) {
        uint8_t bytes[16];
        size_t n = vectors_hex(v.col[0], bytes, sizeof(bytes));
        struct lp2p_cursor c = lp2p_cursor(bytes, n);
        uint64_t got = 77;
        int err = get(&c, &got);
        if (v.col[1][0] >= '0' && v.col[1][0] <= '9') {
            assert_int_equal(err, 0);
            assert_int_equal(got, strtoull(v.col[1], NULL, 10));
            assert_int_equal(lp2p_cursor_left(&c), 0);
            continue;
        }
        assert_string_equal(lp2p_error_name(err), v.col[1]);
        assert_int_equal(got, 77);
        assert_int_equal(lp2p_cursor_left(&c), n);
    }
    vectors_close(&v, 12);
}

static void bad_uvarints_are_refused(void **state)
{
    (void)state;
    check_bad("uvarint_bad.txt", lp2p_uvarint_get);
}

static void pb_varints_need_not_be_minimal(void **state)
{
    (void)state;
    check_bad("pb_varint.txt", lp2p_pb_varint_get);
}

static void every_power_of_two_survives(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 64; bit++) {
        for (uint64_t d = 0; d < 2; d++) {
            uint64_t want = (UINT64_C(1) << bit) - d;
            uint8_t p[LP2P_PB_VARINT_SIZE];
            size_t n = lp2p_pb_varint_put(p, want);
            assert_int_equal(n, lp2p_pb_varint_size(want));
            struct lp2p_cursor c = lp2p_cursor(p, n);
            uint64_t got = 0;
            assert_int_equal(lp2p_pb_varint_get(&c, &got), 0);
            assert_true(got == want);
        }
    }
}

static void bytes_behind_are_left_alone(void **state)
{
    (void)state;
    const uint8_t p[] = {0xac, 0x02, 0x80};
    struct lp2p_cursor c = lp2p_cursor(p, sizeof(p));
    uint64_t v = 0;
    assert_int_equal(lp2p_uvarint_get(&c, &v), 0);
    assert_int_equal(v, 300);
    assert_int_equal(lp2p_cursor_left(&c), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_uvarints_read_and_write),
        cmocka_unit_test(bad_uvarints_are_refused),
        cmocka_unit_test(pb_varints_need_not_be_minimal),
        cmocka_unit_test(every_power_of_two_survives),
        cmocka_unit_test(bytes_behind_are_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
