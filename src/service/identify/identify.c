#include "service/identify/identify.h"

#include "base/assert.h"
#include "format/addr.h"
#include "service/identify/identify_priv.h"

/* What a peer told of itself is forgotten so long after it left (SECURITY 3.2). */
#define ADDRS_LIFE_AFTER LP2P_SEC(15 * 60)

/* ---- connections ---- */

static struct lp2p_span conn_key(struct lp2p_swarm_conn *const *conn)
{
    return lp2p_span((const uint8_t *)conn, sizeof(*conn));
}

struct identify_conn *identify_find(const struct lp2p_identify_service *svc,
                                    struct lp2p_swarm_conn *conn)
{
    return lp2p_map_find(&svc->by_conn, conn_key(&conn));
}

static int conn_new(struct lp2p_identify_service *svc, struct lp2p_swarm_conn *conn,
                    struct identify_conn **ret)
{
    lp2p_ts now = identify_now(svc);
    LP2P_TRY(identify_views_refresh(svc));
    struct identify_conn *c = lp2p_calloc(svc->mem, 1, sizeof(*c));
    if (c == NULL) {
        return -LP2P_E_NOMEM;
    }
    c->conn = conn;
    c->reach = identify_conn_reach(lp2p_swarm_conn_remote(conn));
    c->told = svc->views[c->reach].content;
    lp2p_bucket_init(&c->sent, LP2P_IDENTIFY_PUSH_SENT_BURST, LP2P_IDENTIFY_PUSH_SENT_REFILL, now);
    lp2p_bucket_init(&c->taken, LP2P_IDENTIFY_PUSH_TAKEN_BURST, LP2P_IDENTIFY_PUSH_TAKEN_REFILL,
                     now);
    int err = lp2p_map_add(&svc->by_conn, conn_key(&c->conn), c);
    if (err != 0) {
        lp2p_free(svc->mem, c);
        return err;
    }
    lp2p_list_add_last(&svc->conns, &c->node);
    *ret = c;
    return 0;
}

static void conn_free(struct lp2p_identify_service *svc, struct identify_conn *c)
{
    lp2p_list_remove(&c->node);
    lp2p_list_remove(&c->due);
    lp2p_map_remove(&svc->by_conn, conn_key(&c->conn));
    lp2p_free(svc->mem, c);
}

static void on_up(void *ctx, struct lp2p_swarm_conn *conn)
{
    struct lp2p_identify_service *svc = ctx;
    struct identify_conn *c;
    int err = conn_new(svc, conn, &c);
    if (err != 0) {
        lp2p_swarm_conn_identified(conn, err);
        return;
    }
    identify_ask(svc, c);
}

/* The addresses of a peer that left are kept for a while only. */
static void age_addrs(struct lp2p_identify_service *svc, const struct lp2p_peer_id *id)
{
    struct lp2p_peer *p = lp2p_peerstore_find(lp2p_swarm_peerstore(svc->sw), id);
    if (p == NULL || p->conns > 1) {
        return;
    }
    lp2p_peer_renew_addrs(p, LP2P_ADDR_PEER, identify_now(svc) + ADDRS_LIFE_AFTER);
    lp2p_swarm_expire(svc->sw);
}

static void on_down(void *ctx, struct lp2p_swarm_conn *conn)
{
    struct lp2p_identify_service *svc = ctx;
    struct identify_conn *c = identify_find(svc, conn);
    if (c != NULL) {
        identify_sessions_orphan(svc, c);
        if (c->has_word) {
            lp2p_observed_release(&svc->observed, &c->word, identify_now(svc));
        }
        conn_free(svc, c);
        identify_arm(svc);
    }
    age_addrs(svc, lp2p_swarm_conn_peer(conn));
}

/* ---- our addresses and protocols ---- */

bool identify_is_listener(const struct lp2p_identify_service *svc, const struct lp2p_endpoint *at)
{
    struct lp2p_multiaddr addr;
    struct lp2p_endpoint e;
    uint32_t code;
    size_t used;
    for (size_t pos = 0; lp2p_swarm_addr_next(svc->sw, true, &pos, &addr);) {
        if (lp2p_addr_to_endpoint(&addr, &e, &code, &used) == 0 && e.family == at->family &&
            e.port == at->port &&
            (lp2p_endpoint_is_unspecified(&e) || lp2p_endpoint_same_ip(&e, at))) {
            return true;
        }
    }
    return false;
}

static bool is_our_addr(void *ctx, const struct lp2p_endpoint *local)
{
    const struct lp2p_identify_service *svc = ctx;
    struct lp2p_multiaddr addr, own;
    lp2p_addr_from_endpoint(local, LP2P_MA_TCP, &own);
    for (size_t pos = 0; lp2p_swarm_addr_next(svc->sw, false, &pos, &addr);) {
        if (lp2p_multiaddr_eq(&addr, &own)) {
            return true;
        }
    }
    return false;
}

static void on_addrs(void *ctx)
{
    struct lp2p_identify_service *svc = ctx;
    (void)lp2p_observed_keep(&svc->observed, is_our_addr, svc);
    identify_push_soon(svc);
}

static void on_protocols(void *ctx)
{
    identify_push_soon(ctx);
}

bool lp2p_identify_service_observed_next(const struct lp2p_identify_service *svc, size_t *pos,
                                         struct lp2p_observed_info *ret)
{
    const struct lp2p_observed_addr *a = lp2p_observed_next(&svc->observed, pos);
    if (a == NULL) {
        return false;
    }
    *ret = (struct lp2p_observed_info){
        .observers = a->n_by,
        .inbound = lp2p_observed_inbound(a),
        .activated = a->activated != 0,
        .announced = lp2p_observed_is_announced(&svc->observed, a),
    };
    if (a->seen.port == 0) {
        lp2p_addr_from_ip(&a->seen, &ret->addr);
        lp2p_addr_from_ip(&a->local, &ret->local);
    } else {
        lp2p_addr_from_endpoint(&a->seen, LP2P_MA_TCP, &ret->addr);
        lp2p_addr_from_endpoint(&a->local, LP2P_MA_TCP, &ret->local);
    }
    return true;
}

/* ---- life ---- */

static void service_init(struct lp2p_identify_service *svc, struct lp2p_swarm *sw,
                         const struct lp2p_hash_key *hash)
{
    *svc = (struct lp2p_identify_service){
        .sw = sw,
        .mem = lp2p_swarm_mem(sw),
        .env = lp2p_swarm_env(sw),
        .watch = {.on_up = on_up,
                  .on_down = on_down,
                  .on_addrs = on_addrs,
                  .on_protocols = on_protocols,
                  .ctx = svc},
        .push_at = LP2P_TS_NEVER,
    };
    lp2p_list_init(&svc->sessions);
    lp2p_list_init(&svc->conns);
    lp2p_list_init(&svc->due);
    lp2p_map_init(&svc->by_conn, svc->mem, lp2p_hasher(hash), lp2p_swarm_limits(sw)->conns);
    lp2p_observed_init(&svc->observed, svc->mem);
    identify_views_init(svc);
}

static int service_serve(struct lp2p_identify_service *svc)
{
    LP2P_TRY(lp2p_swarm_handle(svc->sw, LP2P_IDENTIFY_PROTOCOL, &identify_answer_ops, svc));
    return lp2p_swarm_handle(svc->sw, LP2P_IDENTIFY_PUSH_PROTOCOL, &identify_take_ops, svc);
}

int lp2p_identify_service_new(struct lp2p_swarm *sw, const struct lp2p_identify_service_cfg *cfg,
                              struct lp2p_identify_service **ret)
{
    const struct lp2p_mem *mem = lp2p_swarm_mem(sw);
    struct lp2p_identify_service *svc = lp2p_calloc(mem, 1, sizeof(*svc));
    if (svc == NULL) {
        return -LP2P_E_NOMEM;
    }
    service_init(svc, sw, cfg->hash);
    int err = svc->env->ops->timer_init(svc->env, &svc->timer, identify_on_timer, svc);
    if (err != 0) {
        lp2p_free(mem, svc);
        return err;
    }
    svc->agent = lp2p_strndup(mem, cfg->agent, strlen(cfg->agent));
    err = svc->agent == NULL ? -LP2P_E_NOMEM : service_serve(svc);
    if (err != 0) {
        lp2p_identify_service_free(svc);
        return err;
    }
    lp2p_swarm_watch(sw, &svc->watch);
    if (!lp2p_swarm_follows_network(sw)) {
        identify_push_soon(svc);
    }
    *ret = svc;
    return 0;
}

void lp2p_identify_service_free(struct lp2p_identify_service *svc)
{
    if (svc == NULL) {
        return;
    }
    lp2p_list_remove(&svc->watch.node);
    identify_sessions_free(svc);
    lp2p_list_each_safe (it, &svc->conns) {
        conn_free(svc, LP2P_CONTAINER(it, struct identify_conn, node));
    }
    lp2p_map_fini(&svc->by_conn);
    identify_views_fini(svc);
    lp2p_observed_fini(&svc->observed);
    svc->env->ops->timer_fini(&svc->timer);
    lp2p_free(svc->mem, svc->agent);
    lp2p_free(svc->mem, svc);
}
