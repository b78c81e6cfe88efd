#include "env/timers.h"

#include "cmocka_all.h"

/* What ran, in order. */
struct log {
    char text[32];
    size_t n;
    struct lp2p_timers *timers;
    struct lp2p_task *again;  /* deferred by every task */
    struct lp2p_timer *reset; /* set to `reset_at` by every call */
    lp2p_ts reset_at;
    struct lp2p_task *cancel; /* taken out by every task */
};

struct entry {
    struct log *log;
    char name;
    struct lp2p_timer timer;
    struct lp2p_task task;
};

static void entry_ran(void *ctx, lp2p_ts now)
{
    (void)now;
    struct entry *e = ctx;
    struct log *log = e->log;
    assert_true(log->n + 1 < sizeof(log->text));
    log->text[log->n++] = e->name;
    if (log->again != NULL) {
        lp2p_timers_defer(log->timers, log->again);
    }
    if (log->cancel != NULL) {
        lp2p_list_remove(&log->cancel->node);
    }
    if (log->reset != NULL) {
        lp2p_timers_set(log->timers, log->reset, log->reset_at);
    }
}

static void entry_init(struct entry *e, struct log *log, char name)
{
    *e = (struct entry){.log = log, .name = name};
    e->timer = (struct lp2p_timer){.fn = entry_ran, .ctx = e};
    e->task = (struct lp2p_task){.fn = entry_ran, .ctx = e};
    assert_int_equal(lp2p_timers_add(log->timers), 0);
}

struct fixture {
    struct lp2p_timers timers;
    struct log log;
    struct entry a, b, c;
};

static int setup(void **state)
{
    static struct fixture f;
    f = (struct fixture){.log = {.n = 0}};
    lp2p_timers_init(&f.timers, lp2p_mem_default());
    f.log.timers = &f.timers;
    entry_init(&f.a, &f.log, 'a');
    entry_init(&f.b, &f.log, 'b');
    entry_init(&f.c, &f.log, 'c');
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    lp2p_timers_remove(&f->timers, &f->a.timer);
    lp2p_timers_remove(&f->timers, &f->b.timer);
    lp2p_timers_remove(&f->timers, &f->c.timer);
    lp2p_timers_fini(&f->timers);
    return 0;
}

static void timers_fire_in_order_of_their_deadline(void **state)
{
    struct fixture *f = *state;
    lp2p_timers_set(&f->timers, &f->a.timer, 30);
    lp2p_timers_set(&f->timers, &f->b.timer, 10);
    lp2p_timers_set(&f->timers, &f->c.timer, 10);
    assert_int_equal(lp2p_timers_next(&f->timers), 10);
    lp2p_timers_run(&f->timers, 9);
    assert_string_equal(f->log.text, "");
    lp2p_timers_run(&f->timers, 30);
    assert_string_equal(f->log.text, "bca");
    assert_int_equal(lp2p_timers_next(&f->timers), LP2P_TS_NEVER);
}

static void a_timer_is_one_shot_can_be_moved_and_stopped(void **state)
{
    struct fixture *f = *state;
    lp2p_timers_set(&f->timers, &f->a.timer, 10);
    lp2p_timers_set(&f->timers, &f->a.timer, 20);
    lp2p_timers_set(&f->timers, &f->b.timer, 5);
    lp2p_timers_set(&f->timers, &f->b.timer, LP2P_TS_NEVER);
    lp2p_timers_run(&f->timers, 19);
    assert_string_equal(f->log.text, "");
    lp2p_timers_run(&f->timers, 20);
    lp2p_timers_run(&f->timers, 1000);
    assert_string_equal(f->log.text, "a");
}

static void what_a_turn_sets_waits_for_the_next(void **state)
{
    struct fixture *f = *state;
    f->log.reset = &f->a.timer;
    f->log.reset_at = 1; /* long past */
    lp2p_timers_set(&f->timers, &f->a.timer, 10);
    lp2p_timers_set(&f->timers, &f->b.timer, 50);
    lp2p_timers_run(&f->timers, 50);
    assert_string_equal(f->log.text, "ab"); /* the past one did not push itself before b */
    lp2p_timers_run(&f->timers, 50);
    assert_string_equal(f->log.text, "aba");
}

static void tasks_run_once_in_order_and_before_timers(void **state)
{
    struct fixture *f = *state;
    lp2p_timers_set(&f->timers, &f->c.timer, 1);
    lp2p_timers_defer(&f->timers, &f->b.task);
    lp2p_timers_defer(&f->timers, &f->a.task);
    lp2p_timers_defer(&f->timers, &f->b.task);
    assert_int_equal(lp2p_timers_next(&f->timers), 0);
    lp2p_timers_run(&f->timers, 1);
    assert_string_equal(f->log.text, "bac");
    lp2p_timers_run(&f->timers, 1);
    assert_string_equal(f->log.text, "bac");
}

static void a_task_that_defers_itself_does_not_keep_the_loop(void **state)
{
    struct fixture *f = *state;
    f->log.again = &f->a.task;
    lp2p_timers_defer(&f->timers, &f->a.task);
    lp2p_timers_run(&f->timers, 1);
    assert_string_equal(f->log.text, "a");
    assert_int_equal(lp2p_timers_next(&f->timers), 0);
    lp2p_timers_run(&f->timers, 1);
    assert_string_equal(f->log.text, "aa");
}

static void a_task_can_be_cancelled_by_one_before_it(void **state)
{
    struct fixture *f = *state;
    f->log.cancel = &f->b.task;
    lp2p_timers_defer(&f->timers, &f->a.task);
    lp2p_timers_defer(&f->timers, &f->b.task);
    lp2p_timers_defer(&f->timers, &f->c.task);
    lp2p_timers_run(&f->timers, 1);
    assert_string_equal(f->log.text, "ac");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(timers_fire_in_order_of_their_deadline, setup, teardown),
        cmocka_unit_test_setup_teardown(a_timer_is_one_shot_can_be_moved_and_stopped, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_a_turn_sets_waits_for_the_next, setup, teardown),
        cmocka_unit_test_setup_teardown(tasks_run_once_in_order_and_before_timers, setup, teardown),
        cmocka_unit_test_setup_teardown(a_task_that_defers_itself_does_not_keep_the_loop, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_task_can_be_cancelled_by_one_before_it, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
