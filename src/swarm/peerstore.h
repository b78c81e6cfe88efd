/*
 * What is known of peers: addresses with their source and life, protocols, agent, when they were
 * seen. Bounded in every dimension (SECURITY C4); unauthenticated entries (mDNS) are hints and give
 * way first.
 *
 * Not persistent: what outlives the process is main's (peers.json).
 */
#ifndef LP2P_SWARM_PEERSTORE_H
#define LP2P_SWARM_PEERSTORE_H

#include "base/endpoint.h"
#include "base/list.h"
#include "base/map.h"
#include "base/series.h"
#include "lp2p/host.h"

/* Longest agent version and protocol id that are kept (SECURITY: strings of peers are cut). */
#define LP2P_PEER_AGENT_MAX    128U
#define LP2P_PEER_PROTOCOL_MAX 128U

/* One address of a peer. */
struct lp2p_peer_addr {
    struct lp2p_list node;
    enum lp2p_addr_source source;
    uint32_t ifindex;          /* mDNS: interface the packet came in on */
    bool own_source;           /* mDNS: it is the packet's own source address */
    bool on_loopback;          /* mDNS: the packet came in on lo */
    struct lp2p_endpoint from; /* mDNS: who sent the packet; anybody on the network may */
    lp2p_ts expires;           /* LP2P_TS_NEVER: with the peer */
    uint16_t len;
    uint8_t bytes[]; /* multiaddr without /p2p/ */
};

struct lp2p_peer {
    struct lp2p_list node;     /* in order of last use, oldest first */
    struct lp2p_list stranger; /* the same, while not identified */
    struct lp2p_series_node walk;
    struct lp2p_peer_id id;
    struct lp2p_list addrs;
    uint32_t n_addrs;
    char **protocols; /* n_protocols, each NUL-terminated */
    uint32_t n_protocols;
    char agent[LP2P_PEER_AGENT_MAX + 1];
    bool identified; /* agent and protocols come from an authenticated peer */
    bool discovered; /* by mDNS and not gone */
    bool app_note;   /* its mDNS record has our note */
    uint32_t conns;  /* open connections: not evicted while > 0 */
    bool pinned;     /* an attempt runs: not evicted */
    lp2p_ts first_seen;
    lp2p_ts last_seen;
    lp2p_ts discovery_expires;
    /* Sequence number of the signed record its LP2P_ADDR_PEER addresses are from; guards them as
     * long as there are some. 0: none came. */
    uint64_t record_seq;
};

struct lp2p_peerstore {
    const struct lp2p_mem *mem;
    struct lp2p_limits limits;
    struct lp2p_map by_id;
    struct lp2p_list order;
    struct lp2p_list strangers;
    struct lp2p_series walk; /* all, as users walk them */
};

void lp2p_peerstore_init(struct lp2p_peerstore *ps, const struct lp2p_mem *mem,
                         struct lp2p_hasher hasher, const struct lp2p_limits *limits);
void lp2p_peerstore_fini(struct lp2p_peerstore *ps);

struct lp2p_peer *lp2p_peerstore_find(const struct lp2p_peerstore *ps,
                                      const struct lp2p_peer_id *id);

/* Finds or makes the entry; a full store evicts the oldest idle one, discovered strangers first.
 * -LP2P_E_LIMIT, -LP2P_E_NOMEM. */
int lp2p_peerstore_get(struct lp2p_peerstore *ps, const struct lp2p_peer_id *id, lp2p_ts now,
                       struct lp2p_peer **ret);

/* `how` without node, len and bytes. Renews an address that is there. A full list drops one of the
 * sender whose packets told most, when that is more than a share; else the one that expires first,
 * of several one that did not work yet. -LP2P_E_NOMEM. */
int lp2p_peer_add_addr(struct lp2p_peerstore *ps, struct lp2p_peer *p,
                       const struct lp2p_multiaddr *addr, const struct lp2p_peer_addr *how);

/* Drops the addresses of one source (a new identify message or mDNS record replaces, never
 * appends). */
void lp2p_peer_drop_addrs(struct lp2p_peerstore *ps, struct lp2p_peer *p,
                          enum lp2p_addr_source source);

/* True when it has addresses of that source. */
bool lp2p_peer_has_addrs(const struct lp2p_peer *p, enum lp2p_addr_source source);

/* Sets the life of all addresses of that source. */
void lp2p_peer_renew_addrs(struct lp2p_peer *p, enum lp2p_addr_source source, lp2p_ts expires);

/* Replaces what identify told; strings are cleaned (UTF-8, no controls) and cut. -LP2P_E_NOMEM and
 * nothing changed. */
int lp2p_peer_set_identity(struct lp2p_peerstore *ps, struct lp2p_peer *p, struct lp2p_span agent,
                           const struct lp2p_span *protocols, size_t n);

/* Ends the life of what expired; true when a discovered peer is gone. */
bool lp2p_peerstore_expire(struct lp2p_peerstore *ps, lp2p_ts now);

/* The next moment `expire` has something to do. */
lp2p_ts lp2p_peerstore_deadline(const struct lp2p_peerstore *ps);

#endif
