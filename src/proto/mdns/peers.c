#include "proto/mdns/mdns_priv.h"

#include "base/assert.h"

struct mdns_rate mdns_rate(uint64_t burst, lp2p_ts per)
{
    LP2P_ASSERT(burst > 0);
    return (struct mdns_rate){.interval = per / burst, .window = per};
}

bool mdns_rate_allow(struct mdns_rate *r, lp2p_ts now)
{
    lp2p_ts next = LP2P_MAX(r->next, now) + r->interval;
    if (next - now > r->window) {
        return false;
    }
    r->next = next;
    return true;
}

static struct lp2p_span key(const struct lp2p_peer_id *id)
{
    return lp2p_span(id->bytes, id->len);
}

static struct mdns_peer *peer_at(struct lp2p_list *node)
{
    return LP2P_CONTAINER(node, struct mdns_peer, node);
}

void mdns_peers_init(struct mdns_peers *p, const struct lp2p_mdns_cfg *cfg)
{
    *p = (struct mdns_peers){
        .mem = cfg->mem,
        .max = cfg->peers_max,
        .expiry = LP2P_TS_NEVER,
        .news = mdns_rate(cfg->new_per_min, LP2P_SEC(60)),
    };
    lp2p_map_init(&p->by_id, cfg->mem, cfg->hasher, cfg->peers_max);
    lp2p_list_init(&p->order);
    lp2p_list_init(&p->gone);
}

static void free_all(struct mdns_peers *p, struct lp2p_list *head)
{
    lp2p_list_each_safe (it, head) {
        lp2p_list_remove(it);
        lp2p_free(p->mem, peer_at(it));
    }
}

void mdns_peers_fini(struct mdns_peers *p)
{
    free_all(p, &p->order);
    free_all(p, &p->gone);
    lp2p_map_fini(&p->by_id);
}

static bool is_expected(const struct mdns_peers *p, const struct lp2p_peer_id *id)
{
    for (size_t i = 0; i < p->n_expected; i++) {
        if (lp2p_peer_id_eq(&p->expected[i], id)) {
            return true;
        }
    }
    return false;
}

static void peer_leaves(struct mdns_peers *p, struct mdns_peer *peer)
{
    lp2p_map_remove(&p->by_id, key(&peer->id));
    lp2p_list_remove(&peer->node);
    lp2p_list_add_last(&p->gone, &peer->node);
}

/* Room for one more: whoever was silent for longest gives way, but nobody who is looked for. */
static bool make_room(struct mdns_peers *p)
{
    if (p->by_id.len < p->max) {
        return true;
    }
    lp2p_list_each (it, &p->order) {
        if (!is_expected(p, &peer_at(it)->id)) {
            peer_leaves(p, peer_at(it));
            return true;
        }
    }
    return false;
}

static int let_in(struct mdns_peers *p, lp2p_ts now, const struct lp2p_peer_id *id,
                  struct mdns_peer **ret)
{
    if (!is_expected(p, id) && !mdns_rate_allow(&p->news, now)) {
        return -LP2P_E_LIMIT;
    }
    struct mdns_peer *peer = lp2p_calloc(p->mem, 1, sizeof(*peer));
    if (peer == NULL) {
        return -LP2P_E_NOMEM;
    }
    peer->id = *id;
    int err = make_room(p) ? lp2p_map_add(&p->by_id, key(&peer->id), peer) : -LP2P_E_LIMIT;
    if (err != 0) {
        lp2p_free(p->mem, peer);
        return err;
    }
    lp2p_list_add_last(&p->order, &peer->node);
    *ret = peer;
    return 0;
}

int mdns_peers_hear(struct mdns_peers *p, lp2p_ts now, const struct mdns_seen *seen, lp2p_ts *ret)
{
    struct mdns_peer *peer = lp2p_map_find(&p->by_id, key(&seen->id));
    if (peer == NULL) {
        LP2P_TRY(let_in(p, now, &seen->id, &peer));
    }
    peer->instance = seen->instance;
    peer->expires = now + LP2P_SEC(LP2P_MIN(seen->ttl, LP2P_MDNS_TTL_MAX));
    p->expiry = LP2P_MIN(p->expiry, peer->expires);
    lp2p_list_remove(&peer->node);
    lp2p_list_add_last(&p->order, &peer->node);
    *ret = peer->expires;
    return 0;
}

void mdns_peers_goodbye(struct mdns_peers *p, const struct lp2p_peer_id *id)
{
    struct mdns_peer *peer = lp2p_map_find(&p->by_id, key(id));
    if (peer != NULL) {
        peer_leaves(p, peer);
    }
}

void mdns_peers_goodbye_name(struct mdns_peers *p, uint64_t instance)
{
    lp2p_list_each (it, &p->order) {
        if (peer_at(it)->instance == instance) {
            peer_leaves(p, peer_at(it));
            return;
        }
    }
}

void mdns_peers_expire(struct mdns_peers *p, lp2p_ts now)
{
    if (now < p->expiry) {
        return;
    }
    p->expiry = LP2P_TS_NEVER;
    lp2p_list_each_safe (it, &p->order) {
        if (peer_at(it)->expires <= now) {
            peer_leaves(p, peer_at(it));
        } else {
            p->expiry = LP2P_MIN(p->expiry, peer_at(it)->expires);
        }
    }
}

bool mdns_peers_take_gone(struct mdns_peers *p, struct lp2p_peer_id *ret)
{
    struct lp2p_list *first = lp2p_list_first(&p->gone);
    if (first == NULL) {
        return false;
    }
    *ret = peer_at(first)->id;
    lp2p_list_remove(first);
    lp2p_free(p->mem, peer_at(first));
    return true;
}
