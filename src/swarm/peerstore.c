#include "swarm/peerstore.h"

#include <string.h>

#include "base/assert.h"
#include "base/text.h"

/* When a peer's list is full each sender of mDNS packets keeps its share of it. */
#define PEER_SHARES 4U

void lp2p_peerstore_init(struct lp2p_peerstore *ps, const struct lp2p_mem *mem,
                         struct lp2p_hasher hasher, const struct lp2p_limits *limits)
{
    *ps = (struct lp2p_peerstore){.mem = mem, .limits = *limits};
    lp2p_map_init(&ps->by_id, mem, hasher, limits->peers);
    lp2p_list_init(&ps->order);
    lp2p_list_init(&ps->strangers);
    lp2p_series_init(&ps->walk);
}

static struct lp2p_peer_addr *addr_of(struct lp2p_list *node)
{
    return LP2P_CONTAINER(node, struct lp2p_peer_addr, node);
}

static struct lp2p_peer *peer_of(struct lp2p_list *node)
{
    return LP2P_CONTAINER(node, struct lp2p_peer, node);
}

static struct lp2p_span peer_key(const struct lp2p_peer_id *id)
{
    return lp2p_span(id->bytes, id->len);
}

static void peer_drop_addr(struct lp2p_peerstore *ps, struct lp2p_peer *p, struct lp2p_peer_addr *a)
{
    lp2p_list_remove(&a->node);
    p->n_addrs--;
    lp2p_free(ps->mem, a);
}

static void free_strings(const struct lp2p_mem *mem, char **strings, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        lp2p_free(mem, strings[i]);
    }
    lp2p_free(mem, strings);
}

static void peer_free(struct lp2p_peerstore *ps, struct lp2p_peer *p)
{
    lp2p_list_each_safe (it, &p->addrs) {
        peer_drop_addr(ps, p, addr_of(it));
    }
    free_strings(ps->mem, p->protocols, p->n_protocols);
    lp2p_list_remove(&p->node);
    lp2p_list_remove(&p->stranger);
    lp2p_series_remove(&ps->walk, &p->walk);
    lp2p_map_remove(&ps->by_id, peer_key(&p->id));
    lp2p_free(ps->mem, p);
}

void lp2p_peerstore_fini(struct lp2p_peerstore *ps)
{
    lp2p_list_each_safe (it, &ps->order) {
        peer_free(ps, peer_of(it));
    }
    lp2p_map_fini(&ps->by_id);
}

struct lp2p_peer *lp2p_peerstore_find(const struct lp2p_peerstore *ps,
                                      const struct lp2p_peer_id *id)
{
    return lp2p_map_find(&ps->by_id, peer_key(id));
}

static bool peer_is_idle(const struct lp2p_peer *p)
{
    return p->conns == 0 && !p->pinned;
}

/* Makes room: strangers that were only heard of go first, then whoever was not used for longest. */
static bool peerstore_evict(struct lp2p_peerstore *ps)
{
    lp2p_list_each (it, &ps->strangers) {
        struct lp2p_peer *p = LP2P_CONTAINER(it, struct lp2p_peer, stranger);
        if (peer_is_idle(p)) {
            peer_free(ps, p);
            return true;
        }
    }
    lp2p_list_each (it, &ps->order) {
        if (peer_is_idle(peer_of(it))) {
            peer_free(ps, peer_of(it));
            return true;
        }
    }
    return false;
}

static void peer_renew(struct lp2p_peerstore *ps, struct lp2p_peer *p)
{
    lp2p_list_remove(&p->node);
    lp2p_list_add_last(&ps->order, &p->node);
    if (!p->identified) {
        lp2p_list_remove(&p->stranger);
        lp2p_list_add_last(&ps->strangers, &p->stranger);
    }
}

int lp2p_peerstore_get(struct lp2p_peerstore *ps, const struct lp2p_peer_id *id, lp2p_ts now,
                       struct lp2p_peer **ret)
{
    struct lp2p_peer *p = lp2p_peerstore_find(ps, id);
    if (p != NULL) {
        peer_renew(ps, p);
        *ret = p;
        return 0;
    }
    if (ps->by_id.len >= ps->limits.peers && !peerstore_evict(ps)) {
        return -LP2P_E_LIMIT;
    }
    p = lp2p_calloc(ps->mem, 1, sizeof(*p));
    if (p == NULL) {
        return -LP2P_E_NOMEM;
    }
    p->id = *id;
    p->first_seen = now;
    p->last_seen = now;
    p->discovery_expires = LP2P_TS_NEVER;
    lp2p_list_init(&p->addrs);
    int err = lp2p_map_add(&ps->by_id, peer_key(&p->id), p);
    if (err != 0) {
        lp2p_free(ps->mem, p);
        return err;
    }
    lp2p_series_add(&ps->walk, &p->walk);
    peer_renew(ps, p);
    *ret = p;
    return 0;
}

static struct lp2p_peer_addr *peer_find_addr(struct lp2p_peer *p, const struct lp2p_multiaddr *addr,
                                             enum lp2p_addr_source source)
{
    lp2p_list_each (it, &p->addrs) {
        struct lp2p_peer_addr *a = addr_of(it);
        if (a->source == source && a->len == addr->len &&
            memcmp(a->bytes, addr->bytes, a->len) == 0) {
            return a;
        }
    }
    return NULL;
}

/* An address that worked outlives what was only claimed. */
static bool addr_gives_way(const struct lp2p_peer_addr *a, const struct lp2p_peer_addr *b)
{
    if (a->expires != b->expires) {
        return a->expires < b->expires;
    }
    return a->source != LP2P_ADDR_REMEMBERED && b->source == LP2P_ADDR_REMEMBERED;
}

/* Told by mDNS, and by the same sender as `of`. */
static bool addr_is_of(const struct lp2p_peer_addr *a, const struct lp2p_peer_addr *of)
{
    return a->source == LP2P_ADDR_MDNS && of->source == LP2P_ADDR_MDNS &&
           a->ifindex == of->ifindex && lp2p_endpoint_same_ip(&a->from, &of->from);
}

static uint32_t peer_told_by(const struct lp2p_peer *p, const struct lp2p_peer_addr *of)
{
    uint32_t n = 0;
    lp2p_list_each (it, &p->addrs) {
        n += addr_is_of(addr_of(it), of);
    }
    return n;
}

/* Who gives way to `how`: nobody can be believed on the local network, so nobody there may fill the
 * list alone while others are heard. */
static struct lp2p_peer_addr *peer_victim(const struct lp2p_peerstore *ps, struct lp2p_peer *p,
                                          const struct lp2p_peer_addr *how)
{
    struct lp2p_peer_addr *victim = NULL;
    struct lp2p_peer_addr *soonest = NULL;
    uint32_t most = ps->limits.addrs_per_peer / PEER_SHARES;
    lp2p_list_each (it, &p->addrs) {
        struct lp2p_peer_addr *a = addr_of(it);
        uint32_t n = peer_told_by(p, a) + addr_is_of(a, how);
        if (n > most || (n == most && victim != NULL && addr_gives_way(a, victim))) {
            victim = a;
            most = n;
        }
        if (soonest == NULL || addr_gives_way(a, soonest)) {
            soonest = a;
        }
    }
    LP2P_ASSERT(soonest != NULL);
    return victim != NULL ? victim : soonest;
}

int lp2p_peer_add_addr(struct lp2p_peerstore *ps, struct lp2p_peer *p,
                       const struct lp2p_multiaddr *addr, const struct lp2p_peer_addr *how)
{
    struct lp2p_peer_addr *a = peer_find_addr(p, addr, how->source);
    if (a != NULL) {
        a->expires = how->expires;
        a->ifindex = how->ifindex;
        a->own_source = how->own_source;
        a->from = how->from;
        a->on_loopback = how->on_loopback;
        return 0;
    }
    a = lp2p_alloc(ps->mem, sizeof(*a) + addr->len);
    if (a == NULL) {
        return -LP2P_E_NOMEM;
    }
    *a = *how;
    a->len = addr->len;
    memcpy(a->bytes, addr->bytes, addr->len);
    if (p->n_addrs >= ps->limits.addrs_per_peer) {
        peer_drop_addr(ps, p, peer_victim(ps, p, how));
    }
    a->node = (struct lp2p_list){.next = NULL};
    lp2p_list_add_last(&p->addrs, &a->node);
    p->n_addrs++;
    return 0;
}

void lp2p_peer_drop_addrs(struct lp2p_peerstore *ps, struct lp2p_peer *p,
                          enum lp2p_addr_source source)
{
    lp2p_list_each_safe (it, &p->addrs) {
        if (addr_of(it)->source == source) {
            peer_drop_addr(ps, p, addr_of(it));
        }
    }
}

bool lp2p_peer_has_addrs(const struct lp2p_peer *p, enum lp2p_addr_source source)
{
    lp2p_list_each (it, &p->addrs) {
        if (addr_of(it)->source == source) {
            return true;
        }
    }
    return false;
}

void lp2p_peer_renew_addrs(struct lp2p_peer *p, enum lp2p_addr_source source, lp2p_ts expires)
{
    lp2p_list_each (it, &p->addrs) {
        if (addr_of(it)->source == source) {
            addr_of(it)->expires = expires;
        }
    }
}

/* A cleaned copy of a peer's string. */
static char *clean_copy(const struct lp2p_mem *mem, struct lp2p_span s)
{
    char text[LP2P_PEER_PROTOCOL_MAX + 1];
    size_t n = lp2p_text_clean(s, text, sizeof(text));
    return lp2p_strndup(mem, text, n);
}

int lp2p_peer_set_identity(struct lp2p_peerstore *ps, struct lp2p_peer *p, struct lp2p_span agent,
                           const struct lp2p_span *protocols, size_t n)
{
    n = LP2P_MIN(n, (size_t)ps->limits.protocols_per_peer);
    char **copies = NULL;
    if (n > 0) {
        copies = lp2p_calloc(ps->mem, n, sizeof(*copies));
        if (copies == NULL) {
            return -LP2P_E_NOMEM;
        }
    }
    for (size_t i = 0; i < n; i++) {
        copies[i] = clean_copy(ps->mem, protocols[i]);
        if (copies[i] == NULL) {
            free_strings(ps->mem, copies, i);
            return -LP2P_E_NOMEM;
        }
    }
    free_strings(ps->mem, p->protocols, p->n_protocols);
    p->protocols = copies;
    p->n_protocols = (uint32_t)n;
    lp2p_text_clean(agent, p->agent, sizeof(p->agent));
    p->identified = true;
    lp2p_list_remove(&p->stranger);
    return 0;
}

static void peer_expire_addrs(struct lp2p_peerstore *ps, struct lp2p_peer *p, lp2p_ts now)
{
    lp2p_list_each_safe (it, &p->addrs) {
        if (addr_of(it)->expires <= now) {
            peer_drop_addr(ps, p, addr_of(it));
        }
    }
}

bool lp2p_peerstore_expire(struct lp2p_peerstore *ps, lp2p_ts now)
{
    bool gone = false;
    lp2p_list_each_safe (it, &ps->order) {
        struct lp2p_peer *p = peer_of(it);
        peer_expire_addrs(ps, p, now);
        if (p->discovered && p->discovery_expires <= now) {
            p->discovered = false;
            p->discovery_expires = LP2P_TS_NEVER;
            gone = true;
        }
        if (peer_is_idle(p) && !p->discovered && !p->identified && p->n_addrs == 0) {
            peer_free(ps, p);
        }
    }
    return gone;
}

lp2p_ts lp2p_peerstore_deadline(const struct lp2p_peerstore *ps)
{
    lp2p_ts first = LP2P_TS_NEVER;
    lp2p_list_each (it, &ps->order) {
        struct lp2p_peer *p = peer_of(it);
        first = LP2P_MIN(first, p->discovery_expires);
        lp2p_list_each (a, &p->addrs) {
            first = LP2P_MIN(first, addr_of(a)->expires);
        }
    }
    return first;
}
