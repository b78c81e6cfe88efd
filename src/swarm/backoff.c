#include "swarm/swarm_priv.h"

#include <string.h>

/* An address of a peer that could not be dialed. */
struct backoff {
    struct lp2p_list node; /* the one that failed longest ago first */
    unsigned failures;
    lp2p_ts until;
    int error;         /* of the last time */
    const char *where; /* static */
    size_t peer_len;
    size_t len;
    uint8_t who[]; /* peer id, then multiaddr */
};

/* Both: what a peer says of another's address must not keep us from that one. */
struct backoff_key {
    size_t len;
    uint8_t bytes[LP2P_PEER_ID_MAX + LP2P_MULTIADDR_MAX];
};

static void key_make(const struct lp2p_peer_id *peer, const struct lp2p_multiaddr *addr,
                     struct backoff_key *ret)
{
    memcpy(ret->bytes, peer->bytes, peer->len);
    memcpy(ret->bytes + peer->len, addr->bytes, addr->len);
    ret->len = (size_t)peer->len + addr->len;
}

void swarm_backoff_init(struct lp2p_swarm *sw)
{
    lp2p_map_init(&sw->backoff.by_key, sw->cfg.mem, lp2p_hasher(sw->cfg.hash), SWARM_MAX_BACKOFFS);
    lp2p_list_init(&sw->backoff.order);
}

static void backoff_forget(struct lp2p_swarm *sw, struct backoff *b)
{
    lp2p_map_remove(&sw->backoff.by_key, lp2p_span(b->who, b->len));
    lp2p_list_remove(&b->node);
    lp2p_free(sw->cfg.mem, b);
}

void swarm_backoff_reset(struct lp2p_swarm *sw)
{
    lp2p_list_each_safe (it, &sw->backoff.order) {
        backoff_forget(sw, LP2P_CONTAINER(it, struct backoff, node));
    }
}

void swarm_backoff_fini(struct lp2p_swarm *sw)
{
    swarm_backoff_reset(sw);
    lp2p_map_fini(&sw->backoff.by_key);
}

static struct backoff *backoff_find(const struct lp2p_swarm *sw, const struct backoff_key *key)
{
    return lp2p_map_find(&sw->backoff.by_key, lp2p_span(key->bytes, key->len));
}

/* NULL without memory: then the address is dialed sooner than it need be, no more. */
static struct backoff *backoff_new(struct lp2p_swarm *sw, const struct lp2p_peer_id *peer,
                                   const struct backoff_key *key)
{
    struct lp2p_list *oldest = lp2p_list_first(&sw->backoff.order);
    if (sw->backoff.by_key.len == SWARM_MAX_BACKOFFS && oldest != NULL) {
        backoff_forget(sw, LP2P_CONTAINER(oldest, struct backoff, node));
    }
    struct backoff *b = lp2p_calloc(sw->cfg.mem, 1, sizeof(*b) + key->len);
    if (b == NULL) {
        return NULL;
    }
    b->peer_len = peer->len;
    b->len = key->len;
    memcpy(b->who, key->bytes, key->len);
    if (lp2p_map_add(&sw->backoff.by_key, lp2p_span(b->who, b->len), b) != 0) {
        lp2p_free(sw->cfg.mem, b);
        return NULL;
    }
    lp2p_list_add_last(&sw->backoff.order, &b->node);
    return b;
}

/* Doubles from the first to the longest, less up to a quarter: many peers that one router kept from
 * us do not all come back at once. */
static lp2p_ts backoff_wait(const struct lp2p_swarm *sw, unsigned failures)
{
    lp2p_ts wait = SWARM_BACKOFF_FIRST;
    for (unsigned i = 1; i < failures && wait < SWARM_BACKOFF_LONGEST; i++) {
        wait *= 2;
    }
    wait = LP2P_MIN(wait, SWARM_BACKOFF_LONGEST);
    return wait - lp2p_random_below(&sw->cfg.env->random, wait / 4 + 1);
}

void swarm_backoff_failed(struct lp2p_swarm *sw, const struct lp2p_peer_id *peer,
                          const struct lp2p_path *p)
{
    struct backoff_key key;
    key_make(peer, &p->addr, &key);
    struct backoff *b = backoff_find(sw, &key);
    b = b != NULL ? b : backoff_new(sw, peer, &key);
    if (b == NULL) {
        return;
    }
    b->failures++;
    b->until = swarm_now(sw) + backoff_wait(sw, b->failures);
    b->error = p->error;
    b->where = p->where;
    lp2p_list_remove(&b->node);
    lp2p_list_add_last(&sw->backoff.order, &b->node);
}

void swarm_backoff_worked(struct lp2p_swarm *sw, const struct lp2p_peer_id *peer,
                          const struct lp2p_multiaddr *addr)
{
    struct backoff_key key;
    key_make(peer, addr, &key);
    struct backoff *b = backoff_find(sw, &key);
    if (b != NULL) {
        backoff_forget(sw, b);
    }
}

void swarm_backoff_forgive(struct lp2p_swarm *sw, const struct lp2p_peer_id *peer)
{
    lp2p_list_each_safe (it, &sw->backoff.order) {
        struct backoff *b = LP2P_CONTAINER(it, struct backoff, node);
        if (b->peer_len == peer->len && memcmp(b->who, peer->bytes, peer->len) == 0) {
            backoff_forget(sw, b);
        }
    }
}

lp2p_ts swarm_backoff_until(const struct lp2p_swarm *sw, const struct lp2p_peer_id *peer,
                            struct lp2p_path *p)
{
    struct backoff_key key;
    key_make(peer, &p->addr, &key);
    const struct backoff *b = backoff_find(sw, &key);
    if (b == NULL) {
        return 0;
    }
    p->error = b->error;
    p->where = b->where;
    return b->until;
}
