/*
 * Inside of service/identify: which addresses are told and believed (addrs.c).
 */
#ifndef LP2P_SERVICE_IDENTIFY_PRIV_H
#define LP2P_SERVICE_IDENTIFY_PRIV_H

#include "proto/identify/identify.h"
#include "service/identify/identify.h"

/* How far an address or a connection reaches; later ones see earlier ones' addresses only as noise.
 */
enum identify_reach {
    IDENTIFY_REACH_NONE = 0, /* unspecified, multicast, link-local IPv6 (its zone cannot be told) */
    IDENTIFY_REACH_HOST,     /* loopback */
    IDENTIFY_REACH_SITE,     /* private, link-local IPv4 */
    IDENTIFY_REACH_WORLD,    /* public, names, everything else */
};

enum identify_reach identify_reach(const struct lp2p_multiaddr *addr);

/* True when an address of that reach is of use to the peer at the other end of `conn`, in either
 * direction (DIGEST 14). */
bool identify_is_shared(const struct lp2p_multiaddr *addr, const struct lp2p_multiaddr *conn);

/* Addresses to announce, most useful first: of far reach first, IPv4 before IPv6 (js dials one at a
 * time, DIGEST C). */
struct identify_addrs {
    size_t n;
    uint8_t rank[LP2P_IDENTIFY_SEND_ADDRS_MAX];
    struct lp2p_multiaddr addrs[LP2P_IDENTIFY_SEND_ADDRS_MAX];
};

/* Keeps `addr` when it is new and there is room or it is more useful than the last one. */
void identify_addrs_add(struct identify_addrs *a, const struct lp2p_multiaddr *addr);

#endif
