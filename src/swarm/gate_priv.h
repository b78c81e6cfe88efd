/*
 * Who may come in: places and rates of sources, before any cryptography (SECURITY C4, 3.2).
 */
#ifndef LP2P_SWARM_GATE_PRIV_H
#define LP2P_SWARM_GATE_PRIV_H

#include "base/list.h"
#include "base/map.h"
#include "lp2p/multiaddr.h"

struct lp2p_swarm;

/* Sources of inbound connections with an account (SECURITY C4). */
#define SWARM_MAX_SOURCES 1024U
#define SWARM_SOURCE_KEY  17U

/* A source of inbound connections: an IPv4 address, a public IPv6 /56, or an IPv6 address that is
 * near. */
struct swarm_source {
    struct lp2p_list node;         /* least recently used first */
    uint8_t key[SWARM_SOURCE_KEY]; /* family and the bytes that count */
    uint32_t pending;
    uint64_t tokens; /* thousandths of a connection */
    lp2p_ts refilled;
    bool near; /* private, link-local or loopback */
};

struct swarm_gate {
    struct lp2p_map by_key;
    struct lp2p_list lru;
    uint32_t pending; /* unauthenticated inbound connections, all sources */
};

void swarm_gate_init(struct lp2p_swarm *sw);
void swarm_gate_fini(struct lp2p_swarm *sw);
/* May this address open one more connection now? Takes a token. -LP2P_E_LIMIT, -LP2P_E_NOMEM. */
int swarm_gate_enter(struct lp2p_swarm *sw, const struct lp2p_multiaddr *remote,
                     struct swarm_source **ret);
/* It is no longer pending; an authenticated one gets its token back. */
void swarm_gate_leave(struct lp2p_swarm *sw, struct swarm_source *src, bool authenticated);

#endif
