#include "env/timers.h"

#include "base/assert.h"

void lp2p_timers_init(struct lp2p_timers *t, const struct lp2p_mem *mem)
{
    *t = (struct lp2p_timers){.count = 0};
    lp2p_heap_init(&t->heap, mem);
    lp2p_list_init(&t->tasks);
}

void lp2p_timers_fini(struct lp2p_timers *t)
{
    LP2P_ASSERT(t->count == 0);
    lp2p_list_each_safe (node, &t->tasks) {
        lp2p_list_remove(node);
    }
    lp2p_heap_fini(&t->heap);
}

int lp2p_timers_add(struct lp2p_timers *t)
{
    LP2P_TRY(lp2p_heap_reserve(&t->heap, t->count + 1 - t->heap.len));
    t->count++;
    return 0;
}

void lp2p_timers_remove(struct lp2p_timers *t, struct lp2p_timer *timer)
{
    LP2P_ASSERT(t->count > 0);
    lp2p_heap_remove(&t->heap, &timer->node);
    t->count--;
}

void lp2p_timers_set(struct lp2p_timers *t, struct lp2p_timer *timer, lp2p_ts at)
{
    lp2p_heap_remove(&t->heap, &timer->node);
    if (at == LP2P_TS_NEVER) {
        return;
    }
    /* Not before those that are due in this turn: then the number of insertion tells old from new.
     */
    int err = lp2p_heap_add(&t->heap, &timer->node, LP2P_MAX(at, t->turn));
    LP2P_ASSERT(err == 0);
}

void lp2p_timers_defer(struct lp2p_timers *t, struct lp2p_task *task)
{
    if (!lp2p_list_is_linked(&task->node)) {
        lp2p_list_add_last(&t->tasks, &task->node);
    }
}

lp2p_ts lp2p_timers_next(const struct lp2p_timers *t)
{
    if (!lp2p_list_is_empty(&t->tasks)) {
        return 0;
    }
    const struct lp2p_heap_node *first = lp2p_heap_first(&t->heap);
    return first == NULL ? LP2P_TS_NEVER : first->at;
}

static void timers_run_tasks(struct lp2p_timers *t, lp2p_ts now)
{
    /* A mark behind the last task of this turn. */
    struct lp2p_list mark = {.next = NULL};
    lp2p_list_add_last(&t->tasks, &mark);
    for (struct lp2p_list *node = t->tasks.next; node != &mark; node = t->tasks.next) {
        struct lp2p_task *task = LP2P_CONTAINER(node, struct lp2p_task, node);
        lp2p_list_remove(node);
        task->fn(task->ctx, now);
    }
    lp2p_list_remove(&mark);
}

static void timers_run_due(struct lp2p_timers *t, lp2p_ts now, uint64_t limit)
{
    struct lp2p_heap_node *node = lp2p_heap_first(&t->heap);
    while (node != NULL && node->at <= now && node->order < limit) {
        struct lp2p_timer *timer = LP2P_CONTAINER(node, struct lp2p_timer, node);
        lp2p_heap_remove(&t->heap, node);
        timer->fn(timer->ctx, now);
        node = lp2p_heap_first(&t->heap);
    }
}

void lp2p_timers_run(struct lp2p_timers *t, lp2p_ts now)
{
    LP2P_ASSERT(t->turn == 0);
    t->turn = now;
    uint64_t limit = t->heap.order;
    timers_run_tasks(t, now);
    timers_run_due(t, now, limit);
    t->turn = 0;
}
