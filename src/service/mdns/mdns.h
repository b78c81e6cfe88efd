/*
 * Discovery on the local network (specs discovery/mdns.md; DESIGN 7): proto/mdns on the sockets and
 * interfaces of the environment. Fills the peer store; never dials.
 *
 * One socket a family on port 5353, shared with other responders; joined on every interface that is
 * up and does multicast, on IPv4 loopback when there is no other. On each interface only its own
 * addresses are announced, with the ports of the swarm's listeners.
 */
#ifndef LP2P_SERVICE_MDNS_H
#define LP2P_SERVICE_MDNS_H

#include "swarm/swarm.h"

/* How often interfaces are read again where changes are not told, and while a socket or a
 * membership could not be had. */
#define LP2P_MDNS_IFACES_EVERY LP2P_SEC(5)

struct lp2p_mdns_service;

struct lp2p_mdns_service_cfg {
    const char *note;                 /* one more TXT string of our record, or NULL; copied */
    const struct lp2p_hash_key *hash; /* outlives the service */
};

/* Begins at once. The swarm outlives the service. -LP2P_E_NOMEM; a socket that cannot be had is not
 * an error, it is tried again with the interfaces. */
int lp2p_mdns_service_new(struct lp2p_swarm *sw, const struct lp2p_mdns_service_cfg *cfg,
                          struct lp2p_mdns_service **ret);

/* Withdraws our record and closes. Takes NULL. */
void lp2p_mdns_service_free(struct lp2p_mdns_service *svc);

/* An attempt began to look for a peer: asks at once, and lets the ids of all running attempts in.
 */
void lp2p_mdns_service_look(struct lp2p_mdns_service *svc);

#endif
