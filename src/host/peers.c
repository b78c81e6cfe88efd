#include "base/assert.h"
#include "host/host_priv.h"

#include <string.h>

static int peer_app(const struct lp2p_peer *p)
{
    if (p->app_note) {
        return 1;
    }
    return p->identified ? 0 : -1;
}

bool lp2p_host_peer_next(struct lp2p_host *h, size_t *pos, struct lp2p_peer_info *ret)
{
    struct lp2p_peerstore *ps = lp2p_swarm_peerstore(h->swarm);
    struct lp2p_series_node *n = lp2p_series_next(&ps->walk, pos);
    if (n == NULL) {
        return false;
    }
    const struct lp2p_peer *p = LP2P_CONTAINER(n, struct lp2p_peer, walk);
    *ret = (struct lp2p_peer_info){
        .id = p->id,
        .discovered = p->discovered,
        .connected = p->conns > 0,
        .app = peer_app(p),
        .first_seen = p->first_seen,
        .last_seen = p->last_seen,
        .agent = p->agent,
        .n_addrs = p->n_addrs,
        .n_protocols = p->n_protocols,
    };
    return true;
}

bool lp2p_host_peer_addr_next(struct lp2p_host *h, const struct lp2p_peer_id *peer, size_t *pos,
                              struct lp2p_multiaddr *ret)
{
    const struct lp2p_peer *p = lp2p_peerstore_find(lp2p_swarm_peerstore(h->swarm), peer);
    if (p == NULL) {
        return false;
    }
    size_t i = 0;
    lp2p_list_each (it, &p->addrs) {
        const struct lp2p_peer_addr *a = LP2P_CONTAINER(it, struct lp2p_peer_addr, node);
        if (i++ == *pos) {
            ret->len = a->len;
            memcpy(ret->bytes, a->bytes, a->len);
            (*pos)++;
            return true;
        }
    }
    return false;
}

bool lp2p_host_peer_protocol_next(struct lp2p_host *h, const struct lp2p_peer_id *peer, size_t *pos,
                                  const char **ret)
{
    const struct lp2p_peer *p = lp2p_peerstore_find(lp2p_swarm_peerstore(h->swarm), peer);
    if (p == NULL || *pos >= p->n_protocols) {
        return false;
    }
    *ret = p->protocols[(*pos)++];
    return true;
}
