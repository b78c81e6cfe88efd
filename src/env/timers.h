/*
 * The timers and deferred tasks of one environment: what env/uv and env/sim have in common. Pure:
 * the clock is the caller's.
 *
 * A turn runs the tasks that were queued before it and the timers that were due at its start; what
 * they queue or set waits for the next turn, so nobody can keep the loop to himself.
 */
#ifndef LP2P_ENV_TIMERS_H
#define LP2P_ENV_TIMERS_H

#include "env/env.h"

struct lp2p_timers {
    struct lp2p_heap heap;  /* those that are set */
    size_t count;           /* those that exist: the heap has room for all */
    struct lp2p_list tasks; /* in order of deferral */
    lp2p_ts turn;           /* now of the running turn; 0 outside */
};

void lp2p_timers_init(struct lp2p_timers *t, const struct lp2p_mem *mem);

/* All timers must be gone; tasks that never ran are forgotten. */
void lp2p_timers_fini(struct lp2p_timers *t);

/* Makes a slot for one timer. -LP2P_E_NOMEM. */
int lp2p_timers_add(struct lp2p_timers *t);
void lp2p_timers_remove(struct lp2p_timers *t, struct lp2p_timer *timer);

/* (Re)starts it; LP2P_TS_NEVER stops it. */
void lp2p_timers_set(struct lp2p_timers *t, struct lp2p_timer *timer, lp2p_ts at);

void lp2p_timers_defer(struct lp2p_timers *t, struct lp2p_task *task);

/* When the next turn has something to do: 0 (now) when a task waits, LP2P_TS_NEVER when nothing
 * does. */
lp2p_ts lp2p_timers_next(const struct lp2p_timers *t);

/* One turn. */
void lp2p_timers_run(struct lp2p_timers *t, lp2p_ts now);

#endif
