#include "proto/yamux/frame.h"

#include <stdlib.h>

#include "harness/vectors.h"

static void frames_of_the_specification(void **state)
{
    (void)state;
    struct vectors v;
    vectors_open(&v, "yamux_frames.txt");
    while (vectors_next(&v, 5)) {
        uint8_t bytes[LP2P_YAMUX_HEADER_SIZE];
        assert_int_equal(vectors_hex(v.col[0], bytes, sizeof(bytes)), sizeof(bytes));
        struct lp2p_yamux_frame f;
        assert_int_equal(lp2p_yamux_frame_decode(bytes, &f), 0);
        assert_int_equal(f.type, strtoul(v.col[1], NULL, 10));
        assert_int_equal(f.flags, strtoul(v.col[2], NULL, 10));
        assert_int_equal(f.id, strtoul(v.col[3], NULL, 10));
        assert_int_equal(f.length, strtoul(v.col[4], NULL, 10));
        uint8_t again[LP2P_YAMUX_HEADER_SIZE];
        lp2p_yamux_frame_encode(&f, again);
        assert_memory_equal(again, bytes, sizeof(bytes));
    }
    vectors_close(&v, 11);
}

static void other_versions_and_types_are_refused(void **state)
{
    (void)state;
    struct vectors v;
    vectors_open(&v, "yamux_frames_bad.txt");
    while (vectors_next(&v, 2)) {
        uint8_t bytes[LP2P_YAMUX_HEADER_SIZE];
        assert_int_equal(vectors_hex(v.col[0], bytes, sizeof(bytes)), sizeof(bytes));
        struct lp2p_yamux_frame f = {.id = 99};
        assert_int_equal(lp2p_yamux_frame_decode(bytes, &f), -LP2P_E_PROTO);
        assert_int_equal(f.id, 99);
    }
    vectors_close(&v, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_of_the_specification),
        cmocka_unit_test(other_versions_and_types_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
