#include "env/sim/sim_priv.h"

#include <string.h>
#include <strings.h>

struct sim_record {
    struct lp2p_list node;
    enum lp2p_query_type type;
    struct lp2p_endpoint addr;
    int err;
    lp2p_ts delay;
    size_t text_len;
    const char *text; /* behind the name */
    char name[];
};

/* A question of a machine's. What is answered is what the table says when the answer is due. */
struct sim_lookup {
    struct lp2p_list node;
    struct sim_machine *m;
    struct lp2p_query *query;
    enum lp2p_query_type type;
    bool late;
    struct lp2p_timer due;
    char name[LP2P_ENV_MAX_NAME + 2];
};

static struct sim_record *record_of(struct lp2p_list *node)
{
    return LP2P_CONTAINER(node, struct sim_record, node);
}

int lp2p_sim_record(struct lp2p_sim *sim, const struct lp2p_sim_record *record)
{
    size_t name = strlen(record->name) + 1;
    size_t text = record->text == NULL ? 0 : strlen(record->text);
    struct sim_record *r = lp2p_calloc(sim->mem, 1, sizeof(*r) + name + text + 1);
    if (r == NULL) {
        return -LP2P_E_NOMEM;
    }
    r->type = record->type;
    r->addr = record->addr;
    r->err = record->err;
    r->delay = record->delay;
    r->text_len = text;
    r->text = r->name + name;
    memcpy(r->name, record->name, name);
    memcpy(r->name + name, record->text != NULL ? record->text : "", text + 1);
    lp2p_list_add_last(&sim->records, &r->node);
    return 0;
}

void sim_records_free(struct lp2p_sim *sim)
{
    lp2p_list_each_safe (it, &sim->records) {
        lp2p_list_remove(it);
        lp2p_free(sim->mem, record_of(it));
    }
}

uint64_t lp2p_sim_questions(const struct lp2p_sim *sim)
{
    return sim->questions;
}

/* Case is nothing in a name, and neither is the dot that ends it. */
static bool lookup_asks_for(const struct sim_lookup *l, const struct sim_record *r)
{
    size_t n = strlen(l->name);
    n -= n > 0 && l->name[n - 1] == '.';
    return l->type == r->type && strlen(r->name) == n && strncasecmp(l->name, r->name, n) == 0;
}

static lp2p_ts lookup_delay(const struct sim_lookup *l)
{
    lp2p_ts delay = LP2P_SIM_DNS_DELAY;
    lp2p_list_each (it, &l->m->sim->records) {
        if (lookup_asks_for(l, record_of(it))) {
            delay = LP2P_MAX(delay, record_of(it)->delay);
        }
    }
    return delay;
}

static int lookup_answers(const struct sim_lookup *l, struct lp2p_answer *ret, size_t *ret_n)
{
    *ret_n = 0;
    if (l->late) {
        return -LP2P_E_TIMEOUT;
    }
    lp2p_list_each (it, &l->m->sim->records) {
        const struct sim_record *r = record_of(it);
        if (!lookup_asks_for(l, r)) {
            continue;
        }
        if (r->err != 0) {
            return r->err;
        }
        if (*ret_n < LP2P_ENV_MAX_ANSWERS && r->text_len <= LP2P_ENV_MAX_TXT) {
            ret[(*ret_n)++] = (struct lp2p_answer){.addr = r->addr,
                                                   .text = lp2p_span(r->text, r->text_len)};
        }
    }
    return *ret_n == 0 ? -LP2P_E_NOT_FOUND : 0;
}

static void lookup_free(struct sim_lookup *l)
{
    lp2p_list_remove(&l->node);
    l->query->env = NULL;
    l->m->env.ops->timer_fini(&l->due);
    lp2p_free(l->m->sim->mem, l);
}

static void lookup_on_due(void *ctx, lp2p_ts now)
{
    (void)now;
    struct sim_lookup *l = ctx;
    struct lp2p_query *q = l->query;
    struct lp2p_answer answers[LP2P_ENV_MAX_ANSWERS];
    size_t n;
    int err = lookup_answers(l, answers, &n);
    lookup_free(l);
    q->done(q->ctx, err, answers, err == 0 ? n : 0);
}

int sim_resolve(struct lp2p_env *env, struct lp2p_query *q, enum lp2p_query_type type,
                const char *name)
{
    struct sim_machine *m = sim_machine(env);
    if (!lp2p_env_is_name(name)) {
        return -LP2P_E_NOT_FOUND;
    }
    struct sim_lookup *l = lp2p_calloc(m->sim->mem, 1, sizeof(*l));
    if (l == NULL) {
        return -LP2P_E_NOMEM;
    }
    int err = env->ops->timer_init(env, &l->due, lookup_on_due, l);
    if (err != 0) {
        lp2p_free(m->sim->mem, l);
        return err;
    }
    l->m = m;
    l->query = q;
    l->type = type;
    memcpy(l->name, name, strlen(name));
    lp2p_ts delay = lookup_delay(l);
    l->late = delay > LP2P_ENV_RESOLVE_TIMEOUT;
    q->env = env;
    q->below = l;
    m->sim->questions++;
    sim_trace(m->sim, SIM_TRACE_QUESTION, m->id, (uint64_t)type);
    lp2p_list_add_last(&m->lookups, &l->node);
    env->ops->timer_set(&l->due, m->sim->now + LP2P_MIN(delay, LP2P_ENV_RESOLVE_TIMEOUT));
    return 0;
}

void sim_resolve_cancel(struct lp2p_query *q)
{
    if (q->env != NULL) {
        lookup_free(q->below);
    }
}
