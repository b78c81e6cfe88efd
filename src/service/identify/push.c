#include "base/assert.h"
#include "service/identify/identify_priv.h"

static void look_at(struct lp2p_identify_service *svc, lp2p_ts at)
{
    svc->push_at = LP2P_MIN(svc->push_at, at);
    identify_arm(svc);
}

void identify_arm(struct lp2p_identify_service *svc)
{
    bool may_push = !lp2p_list_is_empty(&svc->due) && svc->pushes < LP2P_IDENTIFY_PUSHES_MAX;
    lp2p_ts at = LP2P_MIN(svc->push_at, lp2p_observed_deadline(&svc->observed));
    svc->env->ops->timer_set(&svc->timer, may_push ? identify_now(svc) : at);
}

void identify_push_soon(struct lp2p_identify_service *svc)
{
    svc->stale = true;
    look_at(svc, identify_now(svc) + LP2P_IDENTIFY_PUSH_MERGE);
}

static void queue_if_behind(struct lp2p_identify_service *svc, struct identify_conn *c)
{
    bool behind = c->takes_push && !c->pushing &&
                  !identify_content_eq(&c->told, &svc->views[c->reach].content);
    if (behind && !lp2p_list_is_linked(&c->due)) {
        lp2p_list_add_last(&svc->due, &c->due);
    }
}

void identify_push_check(struct lp2p_identify_service *svc, struct identify_conn *c)
{
    queue_if_behind(svc, c);
    identify_arm(svc);
}

/* Begins one, if its rate allows; what does not succeed is tried by a later look. */
static void push_one(struct lp2p_identify_service *svc, struct identify_conn *c, lp2p_ts now)
{
    if (identify_content_eq(&c->told, &svc->views[c->reach].content)) {
        return; /* it has asked meanwhile */
    }
    if (!lp2p_bucket_take(&c->sent, now) || identify_push(svc, c) != 0) {
        look_at(svc, c->sent.since + LP2P_IDENTIFY_PUSH_SENT_REFILL);
    }
}

static void push_due(struct lp2p_identify_service *svc, lp2p_ts now)
{
    struct lp2p_list *node;
    while (svc->pushes < LP2P_IDENTIFY_PUSHES_MAX && (node = lp2p_list_first(&svc->due)) != NULL) {
        lp2p_list_remove(node);
        push_one(svc, LP2P_CONTAINER(node, struct identify_conn, due), now);
    }
}

static void look(struct lp2p_identify_service *svc, lp2p_ts now)
{
    bool follows = lp2p_swarm_follows_network(svc->sw);
    svc->push_at = follows ? LP2P_TS_NEVER : now + LP2P_IDENTIFY_LOOK_EVERY;
    if (identify_views_refresh(svc) != 0) {
        look_at(svc, now + LP2P_IDENTIFY_PUSH_MERGE); /* no memory: perhaps then */
        return;
    }
    lp2p_list_each (it, &svc->conns) {
        queue_if_behind(svc, LP2P_CONTAINER(it, struct identify_conn, node));
    }
}

void identify_on_timer(void *ctx, lp2p_ts now)
{
    struct lp2p_identify_service *svc = ctx;
    if (lp2p_observed_expire(&svc->observed, now)) {
        identify_push_soon(svc);
    }
    if (svc->push_at <= now) {
        look(svc, now);
    }
    push_due(svc, now);
    identify_arm(svc);
}
