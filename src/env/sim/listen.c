#include "env/sim/stream_priv.h"

/* Connections that wait to be accepted, as env/uv asks for. */
#define LISTEN_BACKLOG 128U
/* A neighbour that does not answer: as long as Linux asks for its hardware address. */
#define LISTEN_NO_HOST LP2P_SEC(3)
/* How long a SYN is repeated: Linux's six tries. */
#define LISTEN_GIVE_UP LP2P_SEC(127)

struct lp2p_listener {
    struct lp2p_list node;
    struct sim_machine *m;
    struct lp2p_endpoint at;
    const struct lp2p_listener_events *events;
    void *ctx;
    struct lp2p_list backlog;
    size_t n_backlog;
    struct lp2p_task task;
};

/* ---- listeners ---- */

static bool listener_overlaps(const struct lp2p_listener *l, const struct lp2p_endpoint *at)
{
    return l->at.family == at->family && l->at.port == at->port &&
           (lp2p_endpoint_is_unspecified(&l->at) || lp2p_endpoint_is_unspecified(at) ||
            lp2p_endpoint_same_ip(&l->at, at));
}

static struct lp2p_listener *listener_find(const struct sim_machine *m,
                                           const struct lp2p_endpoint *at)
{
    lp2p_list_each (it, &m->listeners) {
        struct lp2p_listener *l = LP2P_CONTAINER(it, struct lp2p_listener, node);
        if (listener_overlaps(l, at)) {
            return l;
        }
    }
    return NULL;
}

static void listener_on_task(void *ctx, lp2p_ts now)
{
    (void)now;
    struct lp2p_listener *l = ctx;
    struct lp2p_list *first = lp2p_list_first(&l->backlog);
    if (first == NULL) {
        return;
    }
    struct sim_end *e = LP2P_CONTAINER(first, struct sim_end, node);
    lp2p_list_remove(first);
    l->n_backlog--;
    if (l->n_backlog > 0) {
        lp2p_timers_defer(&l->m->timers, &l->task);
    }
    if (e->state == SIM_END_ACCEPTING) {
        e->state = SIM_END_OPEN;
    }
    l->events->on_accept(l->ctx, &e->io, &e->local, &e->remote);
}

int sim_listen(struct lp2p_env *env, const struct lp2p_endpoint *at,
               const struct lp2p_listener_events *events, void *ctx, struct lp2p_listener **ret)
{
    struct sim_machine *m = sim_machine(env);
    struct lp2p_endpoint bound = *at;
    if (!lp2p_endpoint_is_unspecified(at) && !sim_is_own(m, at)) {
        return -LP2P_E_ADDR_NOT_AVAIL;
    }
    bound.port = at->port != 0 ? at->port : sim_draw_port(m);
    if (listener_find(m, &bound) != NULL) {
        return -LP2P_E_ADDR_IN_USE;
    }
    struct lp2p_listener *l = lp2p_calloc(m->sim->mem, 1, sizeof(*l));
    if (l == NULL) {
        return -LP2P_E_NOMEM;
    }
    l->m = m;
    l->at = bound;
    l->events = events;
    l->ctx = ctx;
    l->task = (struct lp2p_task){.fn = listener_on_task, .ctx = l};
    lp2p_list_init(&l->backlog);
    lp2p_list_add_last(&m->listeners, &l->node);
    *ret = l;
    return 0;
}

struct lp2p_endpoint sim_listener_local(const struct lp2p_listener *l)
{
    return l->at;
}

/* An end that its owner never saw. */
static void end_drop(struct sim_end *e)
{
    e->closed = true;
    sim_end_send_reset(e);
    sim_end_kill(e, -LP2P_E_CLOSED);
}

void sim_listener_close(struct lp2p_listener *l)
{
    lp2p_list_each_safe (it, &l->backlog) {
        lp2p_list_remove(it);
        end_drop(LP2P_CONTAINER(it, struct sim_end, node));
    }
    lp2p_list_remove(&l->task.node);
    lp2p_list_remove(&l->node);
    lp2p_free(l->m->sim->mem, l);
}

/* ---- the three packets ---- */

static void pair_next(struct sim_pair *pair, enum sim_handshake stage, lp2p_ts wait)
{
    pair->stage = stage;
    lp2p_timers_set(&pair->sim->timers, &pair->handshake, pair->sim->now + wait);
}

static void pair_refuse(struct sim_pair *pair, int err)
{
    struct sim_end *e = &pair->ends[0];
    pair->stage = SIM_DONE;
    e->connect_err = err;
    sim_end_kill(e, err);
}

/* The packet did not get through: the same again later, for some time. */
static void pair_retry(struct sim_pair *pair, enum sim_handshake stage)
{
    if (pair->sim->now - pair->began > LISTEN_GIVE_UP) {
        if (stage == SIM_ACK) {
            pair->stage = SIM_DONE;
            end_drop(&pair->ends[1]);
            return;
        }
        pair_refuse(pair, -LP2P_E_TIMEOUT);
        return;
    }
    pair_next(pair, stage, pair->rto);
    pair->rto *= 2;
}

/* Who is at the other end, and over which link; NULL: nobody, or the link is gone. */
static struct sim_machine *syn_target(struct sim_end *e, const struct lp2p_sim_link **ret_link)
{
    *ret_link = NULL;
    if (sim_is_own(e->m, &e->remote)) {
        return e->m;
    }
    const struct sim_iface *f = sim_iface_find(e->m, &e->local);
    if (f == NULL) {
        return NULL;
    }
    *ret_link = f->link;
    return sim_neighbour(e->m->sim, f->link, &e->remote);
}

/* The listener's end, as its machine sees the addresses. */
static void syn_accept(struct sim_pair *pair, struct sim_machine *m)
{
    struct sim_end *e = &pair->ends[1];
    const struct sim_end *dialer = &pair->ends[0];
    e->m = m;
    e->state = SIM_END_ACCEPTING;
    e->told = true;
    e->local = dialer->remote;
    e->remote = dialer->local;
    const struct sim_iface *f = sim_iface_find(m, &e->local);
    e->local.zone = f != NULL ? f->addr.zone : 0;
    e->remote.zone = e->remote.zone != 0 && f != NULL ? f->index : 0;
}

static void pair_on_syn(struct sim_pair *pair)
{
    struct sim_end *e = &pair->ends[0];
    const struct lp2p_sim_link *link;
    struct sim_machine *m = syn_target(e, &link);
    if (m == NULL) {
        lp2p_ts since = pair->sim->now - pair->began;
        pair_next(pair, SIM_NO_HOST, since < LISTEN_NO_HOST ? LISTEN_NO_HOST - since : 0);
        return;
    }
    if ((m != e->m && sim_is_cut(e->m, m)) || sim_is_lost(pair->sim, link)) {
        pair_retry(pair, SIM_SYN);
        return;
    }
    struct lp2p_endpoint at = e->remote;
    at.zone = 0;
    const struct lp2p_listener *l = listener_find(m, &at);
    if (l == NULL) {
        syn_accept(pair, m); /* for the way back only */
        pair->ends[1].state = SIM_END_NONE;
        pair_next(pair, SIM_REFUSE, sim_delay(pair->sim, link));
    } else if (l->n_backlog == LISTEN_BACKLOG) {
        pair_retry(pair, SIM_SYN);
    } else {
        syn_accept(pair, m);
        pair_next(pair, SIM_SYN_ACK, sim_delay(pair->sim, link));
    }
}

static void pair_on_syn_ack(struct sim_pair *pair)
{
    struct sim_end *e = &pair->ends[0];
    const struct lp2p_sim_link *link;
    if (!sim_end_reaches(&pair->ends[1], e, &link) || sim_is_lost(pair->sim, link)) {
        pair_retry(pair, SIM_SYN_ACK);
        return;
    }
    e->state = SIM_END_OPEN;
    pair_next(pair, SIM_ACK, sim_delay(pair->sim, link));
    sim_end_wake(e);
}

static void pair_on_ack(struct sim_pair *pair)
{
    struct sim_end *e = &pair->ends[1];
    const struct lp2p_sim_link *link;
    if (!sim_end_reaches(&pair->ends[0], e, &link)) {
        pair_retry(pair, SIM_ACK);
        return;
    }
    struct lp2p_endpoint at = e->local;
    at.zone = 0;
    struct lp2p_listener *l = listener_find(e->m, &at);
    if (l != NULL && l->n_backlog == LISTEN_BACKLOG) {
        pair_retry(pair, SIM_ACK); /* dropped, as Linux does */
        return;
    }
    pair->stage = SIM_DONE;
    if (e->state == SIM_END_DEAD) {
        e->closed = true; /* reset before anybody saw it */
        sim_pair_settle(pair);
        return;
    }
    if (l == NULL) {
        end_drop(e);
        return;
    }
    sim_trace(pair->sim, SIM_TRACE_ACCEPT, e->m->id, e->remote.port);
    lp2p_list_add_last(&l->backlog, &e->node);
    l->n_backlog++;
    lp2p_timers_defer(&l->m->timers, &l->task);
}

static void pair_on_refuse(struct sim_pair *pair)
{
    const struct lp2p_sim_link *link;
    if (sim_end_reaches(&pair->ends[1], &pair->ends[0], &link)) {
        pair_refuse(pair, -LP2P_E_REFUSED);
    } else {
        pair_retry(pair, SIM_SYN);
    }
}

/* The dialer gave up: nothing of this is of interest any more. */
static bool pair_is_orphan(const struct sim_pair *pair)
{
    return pair->ends[0].closed && pair->stage < SIM_ACK;
}

void sim_pair_on_handshake(void *ctx, lp2p_ts now)
{
    (void)now;
    struct sim_pair *pair = ctx;
    if (pair_is_orphan(pair)) {
        pair->ends[1].closed = true;
        pair->ends[1].state = SIM_END_NONE;
        sim_pair_settle(pair);
        return;
    }
    switch (pair->stage) {
    case SIM_SYN:
        pair_on_syn(pair);
        break;
    case SIM_SYN_ACK:
        pair_on_syn_ack(pair);
        break;
    case SIM_ACK:
        pair_on_ack(pair);
        break;
    case SIM_REFUSE:
        pair_on_refuse(pair);
        break;
    case SIM_NO_HOST:
        pair_refuse(pair, -LP2P_E_UNREACHABLE);
        break;
    case SIM_DONE:
        break;
    }
}
