#include "proto/yamux/stream.h"

#include "cmocka_all.h"

static void each_side_ends_once(void **state)
{
    (void)state;
    struct lp2p_yamux_stream s = {.state = LP2P_YAMUX_ST_OPEN};
    assert_true(lp2p_yamux_stream_can_send(&s) && lp2p_yamux_stream_can_recv(&s));
    lp2p_yamux_stream_end_local(&s);
    assert_int_equal(s.state, LP2P_YAMUX_ST_HALF_LOCAL);
    assert_false(lp2p_yamux_stream_can_send(&s));
    assert_true(lp2p_yamux_stream_can_recv(&s));
    lp2p_yamux_stream_end_remote(&s);
    assert_int_equal(s.state, LP2P_YAMUX_ST_CLOSED);
    assert_true(lp2p_yamux_stream_is_over(&s));

    s.state = LP2P_YAMUX_ST_OPEN;
    lp2p_yamux_stream_end_remote(&s);
    assert_int_equal(s.state, LP2P_YAMUX_ST_HALF_REMOTE);
    assert_true(lp2p_yamux_stream_can_send(&s));
    assert_false(lp2p_yamux_stream_can_recv(&s));
    lp2p_yamux_stream_set_state(&s, LP2P_YAMUX_ST_RESET);
    assert_true(lp2p_yamux_stream_is_over(&s));
}

static void counts_the_frames_it_owes(void **state)
{
    (void)state;
    static const struct {
        unsigned owed;
        size_t frames;
    } cases[] = {
        {0, 0},
        {LP2P_YAMUX_OWE_SYN, 1},
        {LP2P_YAMUX_OWE_SYN | LP2P_YAMUX_OWE_WINDOW, 1},
        {LP2P_YAMUX_OWE_ACK | LP2P_YAMUX_OWE_FIN, 2},
        {LP2P_YAMUX_OWE_FIN, 1},
        {LP2P_YAMUX_OWE_RST, 1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lp2p_yamux_stream s = {.owed = (uint8_t)cases[i].owed};
        assert_int_equal(lp2p_yamux_stream_frames(&s), cases[i].frames);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_side_ends_once),
        cmocka_unit_test(counts_the_frames_it_owes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
