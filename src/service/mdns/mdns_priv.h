/*
 * Inside of service/mdns: which links there are and what is announced on them (links.c).
 */
#ifndef LP2P_SERVICE_MDNS_PRIV_H
#define LP2P_SERVICE_MDNS_PRIV_H

#include "env/env.h"
#include "proto/mdns/mdns.h"
#include "service/mdns/mdns.h"

/* Listeners that are looked at: one a family and a few of the user's. */
#define MDNS_LISTENERS_MAX 16U

struct mdns_listeners {
    size_t n;
    struct lp2p_endpoint at[MDNS_LISTENERS_MAX]; /* as bound, unspecified ones too */
};

/*
 * Makes the links of a machine from its interfaces: each that is up and does multicast, once a
 * family; IPv4 loopback when there is no other. Interfaces beyond LP2P_MDNS_LINKS_MAX are left out.
 */
size_t mdns_links_make(const struct lp2p_iface *ifaces, size_t n_ifaces,
                       const struct mdns_listeners *listeners,
                       struct lp2p_mdns_link ret[LP2P_SIZE(LP2P_MDNS_LINKS_MAX)]);

#endif
