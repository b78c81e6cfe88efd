#include "env/sim/sim_priv.h"

#include <string.h>

/* When a world begins: not at 0, which would hide mistakes with times that were never set. */
#define SIM_START LP2P_SEC(1000)
/* Turns without the clock getting on: somebody defers for ever. */
#define SIM_MAX_STANDSTILL 1000000U

/* ---- random and trace ---- */

/* splitmix64 (Steele, Lea, Flood 2014). */
uint64_t sim_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

uint64_t sim_below(struct lp2p_sim *sim, uint64_t bound)
{
    return sim_random(&sim->random) % bound; /* the bias does not matter here */
}

static void trace_word(struct lp2p_sim *sim, uint64_t word)
{
    uint64_t state = sim->trace ^ word;
    sim->trace = sim_random(&state);
}

void sim_trace(struct lp2p_sim *sim, enum sim_trace_kind kind, uint64_t a, uint64_t b)
{
    trace_word(sim, (uint64_t)kind);
    trace_word(sim, sim->now);
    trace_word(sim, a);
    trace_word(sim, b);
}

void sim_trace_bytes(struct lp2p_sim *sim, struct lp2p_span bytes)
{
    trace_word(sim, bytes.n);
    for (size_t i = 0; i < bytes.n; i += 8) {
        uint64_t word = 0;
        memcpy(&word, bytes.p + i, LP2P_MIN(bytes.n - i, sizeof(word)));
        trace_word(sim, word);
    }
}

uint64_t lp2p_sim_trace(const struct lp2p_sim *sim)
{
    return sim->trace;
}

/* ---- life ---- */

int lp2p_sim_new(const struct lp2p_mem *mem, uint64_t seed, struct lp2p_sim **ret)
{
    mem = mem != NULL ? mem : lp2p_mem_default();
    struct lp2p_sim *sim = lp2p_calloc(mem, 1, sizeof(*sim));
    if (sim == NULL) {
        return -LP2P_E_NOMEM;
    }
    sim->mem = mem;
    sim->now = SIM_START;
    sim->random = seed;
    lp2p_timers_init(&sim->timers, mem);
    lp2p_list_init(&sim->links);
    lp2p_list_init(&sim->pairs);
    lp2p_list_init(&sim->dgrams);
    lp2p_list_init(&sim->records);
    *ret = sim;
    return 0;
}

void lp2p_sim_free(struct lp2p_sim *sim)
{
    if (sim == NULL) {
        return;
    }
    sim_pairs_free(sim);
    sim_dgrams_free(sim);
    sim_records_free(sim);
    for (size_t i = 0; i < sim->n_machines; i++) {
        LP2P_ASSERT(sim->machines[i]->gone);
        lp2p_free(sim->mem, sim->machines[i]);
    }
    lp2p_list_each_safe (it, &sim->links) {
        lp2p_free(sim->mem, LP2P_CONTAINER(it, struct lp2p_sim_link, node));
    }
    lp2p_timers_fini(&sim->timers);
    lp2p_free(sim->mem, sim);
}

int lp2p_sim_link_new(struct lp2p_sim *sim, const struct lp2p_sim_link_cfg *cfg,
                      struct lp2p_sim_link **ret)
{
    struct lp2p_sim_link *link = lp2p_calloc(sim->mem, 1, sizeof(*link));
    if (link == NULL) {
        return -LP2P_E_NOMEM;
    }
    link->cfg = *cfg;
    lp2p_list_add_last(&sim->links, &link->node);
    *ret = link;
    return 0;
}

int sim_timer_init(struct lp2p_sim *sim, struct lp2p_timer *t, void (*fn)(void *ctx, lp2p_ts now),
                   void *ctx)
{
    LP2P_TRY(lp2p_timers_add(&sim->timers));
    *t = (struct lp2p_timer){.fn = fn, .ctx = ctx};
    return 0;
}

/* ---- running ---- */

lp2p_ts lp2p_sim_now(const struct lp2p_sim *sim)
{
    return sim->now;
}

static bool machine_runs(const struct sim_machine *m)
{
    return !m->gone && !m->frozen;
}

/* When something happens next, LP2P_TS_NEVER: nothing does. */
static lp2p_ts sim_next(const struct lp2p_sim *sim)
{
    lp2p_ts next = lp2p_timers_next(&sim->timers);
    for (size_t i = 0; i < sim->n_machines; i++) {
        if (machine_runs(sim->machines[i])) {
            next = LP2P_MIN(next, lp2p_timers_next(&sim->machines[i]->timers));
        }
    }
    return next;
}

/* The wires first, then the machines in order of their making. */
static void sim_step(struct lp2p_sim *sim)
{
    if (lp2p_timers_next(&sim->timers) <= sim->now) {
        lp2p_timers_run(&sim->timers, sim->now);
    }
    for (size_t i = 0; i < sim->n_machines; i++) {
        struct sim_machine *m = sim->machines[i];
        if (machine_runs(m) && lp2p_timers_next(&m->timers) <= sim->now) {
            sim_trace(sim, SIM_TRACE_TURN, m->id, 0);
            lp2p_timers_run(&m->timers, sim->now);
        }
    }
}

bool lp2p_sim_run_until(struct lp2p_sim *sim, bool (*done)(void *ctx), void *ctx, lp2p_ts until)
{
    unsigned still = 0;
    while (done == NULL || !done(ctx)) {
        lp2p_ts next = sim_next(sim);
        if (next == LP2P_TS_NEVER || next > until) {
            sim->now = until == LP2P_TS_NEVER ? sim->now : LP2P_MAX(sim->now, until);
            return false;
        }
        still = next > sim->now ? 0 : still + 1;
        LP2P_ASSERT(still < SIM_MAX_STANDSTILL);
        sim->now = LP2P_MAX(sim->now, next);
        sim_step(sim);
    }
    return true;
}

void lp2p_sim_run(struct lp2p_sim *sim, lp2p_ts until)
{
    (void)lp2p_sim_run_until(sim, NULL, NULL, until);
}
