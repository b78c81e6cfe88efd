#include "fake.h"

#include "cmocka_all.h"

#include "base/assert.h"
#include "harness/failmem.h"

/* Every kind of record, and what must come of it: "onetwothree" and 200 bytes and 300 bytes out. */
#define TALK      "\4done\2o\2\4dtwo\1n\6dthree\2o\3\1g"
#define TALK_SIZE (sizeof(TALK) - 1)
#define TALK_DATA "onetwothree"

static void talk_is_whole(const struct fake *f)
{
    assert_int_equal(f->data_n, strlen(TALK_DATA));
    assert_memory_equal(f->data, TALK_DATA, strlen(TALK_DATA));
}

static void start(struct fake *f)
{
    fake_init(f, lp2p_mem_default());
    f->answer_at_once = true;
    assert_int_equal(fake_start(f, false), 0);
    assert_int_equal(f->events, 0);
}

/* ---- reading ---- */

static void any_cut_of_the_input_gives_the_same_events(void **state)
{
    (void)state;
    static struct fake f;
    for (size_t chunk = 0; chunk < TALK_SIZE; chunk++) {
        start(&f);
        f.io.chunk = chunk;
        fake_feed(&f, TALK, TALK_SIZE, -LP2P_E_EOF);
        fake_run(&f);
        talk_is_whole(&f);
        assert_int_equal(f.events, 5);
        assert_int_equal(f.io.out_n, 500);
        assert_int_equal(f.closed, 1);
        assert_int_equal(f.why.code, 0); /* GoAway came before the end */
        assert_false(f.io.aborted);
        fake_fini(&f);
    }
}

static void an_end_at_each_byte_is_a_clean_error(void **state)
{
    (void)state;
    static struct fake f;
    static const int ends[] = {-LP2P_E_EOF, -LP2P_E_RESET, -LP2P_E_TIMEOUT, -LP2P_E_IO};
    for (size_t n = 0; n < TALK_SIZE; n++) {
        for (size_t i = 0; i < LP2P_COUNT(ends); i++) {
            start(&f);
            fake_feed(&f, TALK, n, ends[i]);
            fake_run(&f);
            assert_int_equal(f.closed, 1);
            assert_int_equal(f.why.code, ends[i]);
            assert_memory_equal(f.data, TALK_DATA, f.data_n);
            bool theirs = ends[i] == -LP2P_E_EOF || ends[i] == -LP2P_E_RESET;
            assert_int_equal(f.why.class_, theirs ? LP2P_CLASS_THEIRS : LP2P_CLASS_LOCAL);
            fake_fini(&f);
        }
    }
}

static void an_end_inside_a_record_is_an_error_even_after_goaway(void **state)
{
    (void)state;
    static struct fake f;
    start(&f);
    fake_feed(&f, "\1g\5dxy", 5, -LP2P_E_EOF);
    fake_run(&f);
    assert_int_equal(f.closed, 1);
    assert_int_equal(f.why.code, -LP2P_E_EOF);
    fake_fini(&f);
}

static void an_incomplete_record_is_kept_in_an_exact_reserved_block(void **state)
{
    (void)state;
    static struct fake f;
    start(&f);
    fake_feed(&f, "\4done\5dtw", 9, -LP2P_E_AGAIN);
    fake_run(&f);
    assert_int_equal(f.scope.used[LP2P_SCOPE_MEM], 6);
    fake_feed(&f, "o!\3", 3, -LP2P_E_AGAIN);
    fake_run(&f);
    assert_int_equal(f.scope.used[LP2P_SCOPE_MEM], 4);
    fake_feed(&f, "dxx", 3, -LP2P_E_AGAIN);
    fake_run(&f);
    assert_int_equal(f.scope.used[LP2P_SCOPE_MEM], 0);
    assert_memory_equal(f.data, "onetwo!xx", 9);
    assert_int_equal(f.carrier->ops->bytes_in(f.carrier), 15);
    fake_fini(&f);
}

static void an_account_that_is_full_ends_the_connection(void **state)
{
    (void)state;
    static struct fake f;
    start(&f);
    f.scope.max[LP2P_SCOPE_MEM] = 5;
    fake_feed(&f, "\5dtw", 4, -LP2P_E_AGAIN);
    fake_run(&f);
    assert_int_equal(f.closed, 1);
    assert_int_equal(f.why.code, -LP2P_E_LIMIT);
    assert_int_equal(f.why.class_, LP2P_CLASS_LOCAL);
    fake_fini(&f);
}

static void a_late_answer_stops_reading_until_it_comes(void **state)
{
    (void)state;
    static struct fake f;
    static const uint8_t shared[32];
    start(&f);
    f.answer_at_once = false;
    fake_feed(&f, TALK, TALK_SIZE, -LP2P_E_AGAIN);
    fake_run(&f);
    assert_memory_equal(f.data, "onetwo", 6);
    assert_int_equal(f.data_n, 6);
    assert_false(f.io.want_read);
    assert_true(f.scope.used[LP2P_SCOPE_MEM] > 0);
    f.conn.conn.ops->give_dh(&f.conn.conn, f.env.now, shared);
    fake_run(&f);
    assert_int_equal(f.data_n, 6); /* nobody kicked */
    f.carrier->ops->kick(f.carrier);
    assert_int_equal(f.data_n, 6); /* never inside the call */
    fake_run(&f);
    talk_is_whole(&f);
    assert_true(f.io.want_read);
    assert_int_equal(f.scope.used[LP2P_SCOPE_MEM], 0);
    fake_fini(&f);
}

static void one_turn_reads_no_more_than_its_quota(void **state)
{
    (void)state;
    static struct fake f;
    static uint8_t input[2 * LP2P_WIRE_TURN_QUOTA];
    for (size_t i = 0; i < sizeof(input); i += 256) {
        input[i] = 255;
        input[i + 1] = 'o'; /* no output */
    }
    start(&f);
    fake_feed(&f, input, sizeof(input), -LP2P_E_AGAIN);
    lp2p_timers_run(&f.env.timers, f.env.now);
    f.io.events->on_readable(f.io.ctx);
    assert_int_equal(f.io.in_off, LP2P_WIRE_TURN_QUOTA);
    fake_run(&f);
    assert_int_equal(f.io.in_off, sizeof(input));
    fake_fini(&f);
}

/* ---- writing ---- */

static void output_of_a_turn_leaves_in_one_write(void **state)
{
    (void)state;
    static struct fake f;
    start(&f);
    fake_feed(&f, "\2o\1\2o\2\2o\3", 9, -LP2P_E_AGAIN);
    fake_run(&f);
    assert_int_equal(f.io.writes, 1);
    assert_int_equal(f.io.out_n, 600);
    assert_int_equal(f.carrier->ops->bytes_out(f.carrier), 600);
    fake_fini(&f);
}

static void short_writes_go_on_when_there_is_room(void **state)
{
    (void)state;
    static struct fake f;
    start(&f);
    f.io.out_room = 0;
    fake_feed(&f, "\2o\5", 3, -LP2P_E_AGAIN);
    fake_run(&f);
    assert_true(f.io.want_write);
    for (size_t i = 0; i < 500; i++) {
        assert_int_equal(f.io.out_n, i);
        fake_pass(&f, LP2P_WIRE_WRITE_TIMEOUT / 501);
        f.io.out_room = 1;
        fake_run(&f);
    }
    assert_int_equal(f.closed, 0);
    assert_int_equal(f.io.out_n, 500);
    assert_false(f.io.want_write);
    fake_pass(&f, LP2P_SEC(1000));
    assert_int_equal(f.closed, 0);
    fake_fini(&f);
}

static void output_that_does_not_move_ends_the_connection(void **state)
{
    (void)state;
    static struct fake f;
    start(&f);
    f.io.out_room = 10;
    fake_feed(&f, "\2o\5", 3, -LP2P_E_AGAIN);
    fake_pass(&f, LP2P_WIRE_WRITE_TIMEOUT - 1);
    assert_int_equal(f.closed, 0);
    fake_pass(&f, 1);
    assert_int_equal(f.closed, 1);
    assert_int_equal(f.why.code, -LP2P_E_TIMEOUT);
    assert_int_equal(f.why.class_, LP2P_CLASS_LOCAL);
    assert_true(f.io.aborted);
    fake_fini(&f);
}

/* A byte now and then is not enough: 4 KiB in the time, or what there is. */
static void output_that_only_drips_ends_the_connection(void **state)
{
    (void)state;
    static struct fake f;
    start(&f);
    f.io.out_room = 0;
    fake_feed(&f, "\2o\5", 3, -LP2P_E_AGAIN); /* 500 bytes */
    fake_run(&f);
    for (size_t i = 0; i < 10; i++) {
        assert_int_equal(f.closed, 0);
        f.io.out_room = 1;
        fake_pass(&f, LP2P_WIRE_WRITE_TIMEOUT / 10);
        fake_run(&f);
    }
    assert_int_equal(f.closed, 1);
    assert_int_equal(f.why.code, -LP2P_E_TIMEOUT);
    fake_fini(&f);
}

static void a_peer_that_does_not_read_is_not_read_from(void **state)
{
    (void)state;
    static struct fake f;
    static const uint8_t input[] = "\2o\377\2o\377\4dend";
    start(&f);
    f.conn.out_limit = 1000;
    f.io.out_room = 100;
    fake_feed(&f, input, sizeof(input) - 1, -LP2P_E_AGAIN);
    fake_run(&f);
    assert_false(f.io.want_read);
    assert_int_equal(f.data_n, 0);
    f.io.out_room = SIZE_MAX;
    fake_run(&f);
    assert_true(f.io.want_read);
    assert_int_equal(f.data_n, 3);
    assert_int_equal(f.io.out_n, 2 * 255 * 100);
    fake_fini(&f);
}

static void a_failing_write_ends_the_connection(void **state)
{
    (void)state;
    static struct fake f;
    start(&f);
    f.io.out_err = -LP2P_E_RESET;
    fake_feed(&f, "\2o\1", 3, -LP2P_E_AGAIN);
    fake_run(&f);
    assert_int_equal(f.closed, 1);
    assert_int_equal(f.why.code, -LP2P_E_RESET);
    assert_int_equal(f.why.class_, LP2P_CLASS_THEIRS);
    fake_fini(&f);
}

static void the_engines_deadline_is_kept(void **state)
{
    (void)state;
    static struct fake f;
    start(&f);
    f.conn.deadline = f.env.now + LP2P_SEC(20);
    fake_pass(&f, LP2P_SEC(20) - 1);
    assert_int_equal(f.conn.ticks, 0);
    fake_pass(&f, 1);
    assert_int_equal(f.conn.ticks, 1);
    assert_memory_equal(f.io.out, "tick", 4); /* what the tick had to say left at once */
    fake_fini(&f);
}

/* ---- ending ---- */

static void an_engine_that_fails_says_goodbye(void **state)
{
    (void)state;
    static struct fake f;
    start(&f);
    fake_feed(&f, "\4done\1x\4dtwo", 12, -LP2P_E_AGAIN);
    fake_run(&f);
    assert_int_equal(f.closed, 1);
    assert_int_equal(f.why.code, -LP2P_E_PROTO);
    assert_int_equal(f.why.wire, 1);
    assert_int_equal(f.data_n, 3); /* nothing after the failure */
    assert_memory_equal(f.io.out, "bye", 3);
    assert_false(f.io.aborted); /* a reset would overtake it */
    assert_int_equal(f.io.in_off, f.io.in_n);
    fake_fini(&f);
}

static void a_goodbye_waits_only_for_a_moment(void **state)
{
    (void)state;
    static struct fake f;
    start(&f);
    f.io.out_room = 1;
    fake_feed(&f, "\1x", 2, -LP2P_E_AGAIN);
    fake_run(&f);
    assert_int_equal(f.closed, 0);
    fake_pass(&f, LP2P_WIRE_LINGER);
    assert_int_equal(f.closed, 1);
    assert_int_equal(f.why.code, -LP2P_E_PROTO);
    fake_fini(&f);
}

static void close_says_goaway_ends_and_waits_for_the_peer(void **state)
{
    (void)state;
    static struct fake f;
    start(&f);
    fake_run(&f);
    f.carrier->ops->close(f.carrier, 7, f.env.now + LP2P_SEC(5));
    assert_int_equal(f.conn.goaway, 7);
    assert_int_equal(f.io.out_n, 0);
    fake_feed(&f, "\4done", 5, -LP2P_E_AGAIN); /* still under way: dropped */
    fake_run(&f);
    assert_memory_equal(f.io.out, "goaway", 6);
    assert_true(f.io.shut);
    assert_int_equal(f.events, 0);
    assert_int_equal(f.closed, 0);
    fake_feed(&f, NULL, 0, -LP2P_E_EOF);
    fake_run(&f);
    assert_int_equal(f.closed, 1);
    assert_int_equal(f.why.code, 0);
    assert_int_equal(f.why.wire, 7);
    assert_false(f.io.aborted);
    fake_fini(&f);
}

static void close_comes_to_an_end_at_its_deadline(void **state)
{
    (void)state;
    static struct fake f;
    for (int full = 0; full < 2; full++) {
        start(&f);
        fake_run(&f);
        f.io.out_room = full ? 3 : SIZE_MAX;
        f.carrier->ops->close(f.carrier, 0, f.env.now + LP2P_SEC(5));
        fake_pass(&f, LP2P_SEC(5) - 1);
        assert_int_equal(f.closed, 0);
        fake_pass(&f, 1);
        assert_int_equal(f.closed, 1);
        assert_int_equal(f.why.code, full ? -LP2P_E_TIMEOUT : 0);
        assert_int_equal(f.io.aborted, full);
        fake_fini(&f);
    }
}

static void a_second_close_can_only_shorten_the_wait(void **state)
{
    (void)state;
    static struct fake f;
    start(&f);
    fake_run(&f);
    f.carrier->ops->close(f.carrier, 0, f.env.now + LP2P_SEC(5));
    f.carrier->ops->close(f.carrier, 0, f.env.now + LP2P_SEC(1));
    f.carrier->ops->close(f.carrier, 0, f.env.now + LP2P_SEC(9));
    fake_pass(&f, LP2P_SEC(1));
    assert_int_equal(f.closed, 1);
    fake_fini(&f);
}

static void abort_and_close_work_inside_every_callback(void **state)
{
    (void)state;
    static struct fake f;
    for (int n = 1; n <= 6; n++) {
        for (int close = 0; close < 2; close++) {
            fake_init(&f, lp2p_mem_default());
            f.answer_at_once = true;
            *(close ? &f.close_at : &f.abort_at) = n;
            fake_feed(&f, TALK, TALK_SIZE, -LP2P_E_AGAIN);
            assert_int_equal(fake_start(&f, true), 0);
            f.io.events->on_connect(f.io.ctx, 0);
            fake_pass(&f, LP2P_SEC(5));
            assert_int_equal(f.callbacks, n); /* none after it */
            assert_int_equal(f.closed, close);
            assert_true(f.io.closed);
            fake_fini(&f);
        }
    }
}

/* ---- connecting ---- */

static void a_dialer_gets_its_engine_when_it_is_connected(void **state)
{
    (void)state;
    static struct fake f;
    fake_init(&f, lp2p_mem_default());
    assert_int_equal(fake_start(&f, true), 0);
    fake_run(&f);
    assert_null(f.carrier->ops->conn(f.carrier));
    assert_int_equal(f.made, 0);
    f.io.events->on_connect(f.io.ctx, 0);
    assert_int_equal(f.connected, 1);
    assert_ptr_equal(f.carrier->ops->conn(f.carrier), &f.conn.conn);
    fake_run(&f);
    assert_true(f.io.want_read);
    fake_fini(&f);
}

static void a_dial_that_fails_says_why(void **state)
{
    (void)state;
    static struct fake f;
    fake_init(&f, lp2p_mem_default());
    assert_int_equal(fake_start(&f, true), 0);
    f.io.events->on_connect(f.io.ctx, -LP2P_E_REFUSED);
    assert_int_equal(f.closed, 1);
    assert_int_equal(f.connected, 0);
    assert_int_equal(f.why.code, -LP2P_E_REFUSED);
    fake_fini(&f);

    fake_init(&f, lp2p_mem_default());
    f.make_err = -LP2P_E_NOMEM;
    assert_int_equal(fake_start(&f, true), 0);
    f.io.events->on_connect(f.io.ctx, 0);
    assert_int_equal(f.closed, 1);
    assert_int_equal(f.connected, 0);
    assert_int_equal(f.why.code, -LP2P_E_NOMEM);
    fake_fini(&f);
}

static void a_dial_can_be_closed_before_it_is_connected(void **state)
{
    (void)state;
    static struct fake f;
    fake_init(&f, lp2p_mem_default());
    assert_int_equal(fake_start(&f, true), 0);
    f.carrier->ops->close(f.carrier, 0, LP2P_TS_NEVER);
    assert_int_equal(f.closed, 0);
    fake_run(&f);
    assert_int_equal(f.closed, 1);
    assert_int_equal(f.why.code, -LP2P_E_CANCELLED);
    fake_fini(&f);
}

/* ---- memory ---- */

/* One talk in pieces. */
static int talk_with_mem(const struct lp2p_mem *mem, void *ctx)
{
    (void)ctx;
    static struct fake f;
    fake_init(&f, mem);
    f.answer_at_once = true;
    f.io.chunk = 3;
    fake_feed(&f, TALK, TALK_SIZE, -LP2P_E_EOF);
    int err = fake_start(&f, false);
    if (err == 0) {
        fake_run(&f);
        assert_int_equal(f.closed, 1);
        err = f.why.code;
    }
    fake_fini(&f);
    return err;
}

static void every_failed_allocation_ends_it_cleanly(void **state)
{
    (void)state;
    assert_true(failmem_each(talk_with_mem, NULL) > 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_cut_of_the_input_gives_the_same_events),
        cmocka_unit_test(an_end_at_each_byte_is_a_clean_error),
        cmocka_unit_test(an_end_inside_a_record_is_an_error_even_after_goaway),
        cmocka_unit_test(an_incomplete_record_is_kept_in_an_exact_reserved_block),
        cmocka_unit_test(an_account_that_is_full_ends_the_connection),
        cmocka_unit_test(a_late_answer_stops_reading_until_it_comes),
        cmocka_unit_test(one_turn_reads_no_more_than_its_quota),
        cmocka_unit_test(output_of_a_turn_leaves_in_one_write),
        cmocka_unit_test(short_writes_go_on_when_there_is_room),
        cmocka_unit_test(output_that_does_not_move_ends_the_connection),
        cmocka_unit_test(output_that_only_drips_ends_the_connection),
        cmocka_unit_test(a_peer_that_does_not_read_is_not_read_from),
        cmocka_unit_test(a_failing_write_ends_the_connection),
        cmocka_unit_test(the_engines_deadline_is_kept),
        cmocka_unit_test(an_engine_that_fails_says_goodbye),
        cmocka_unit_test(a_goodbye_waits_only_for_a_moment),
        cmocka_unit_test(close_says_goaway_ends_and_waits_for_the_peer),
        cmocka_unit_test(close_comes_to_an_end_at_its_deadline),
        cmocka_unit_test(a_second_close_can_only_shorten_the_wait),
        cmocka_unit_test(abort_and_close_work_inside_every_callback),
        cmocka_unit_test(a_dialer_gets_its_engine_when_it_is_connected),
        cmocka_unit_test(a_dial_that_fails_says_why),
        cmocka_unit_test(a_dial_can_be_closed_before_it_is_connected),
        cmocka_unit_test(every_failed_allocation_ends_it_cleanly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
