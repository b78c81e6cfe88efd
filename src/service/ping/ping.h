/*
 * The ping service (specs ping/ping.md; DESIGN 7): always answers /ipfs/ping/1.0.0, and pings only
 * when it is told to. Liveness of connections is yamux's business.
 */
#ifndef LP2P_SERVICE_PING_H
#define LP2P_SERVICE_PING_H

#include "swarm/swarm.h"

/* Streams of one peer that are answered, as go (DIGEST 13); more are reset. */
#define LP2P_PING_SERVED_PER_PEER 2U

struct lp2p_ping_service;

/* Begins to serve. The swarm outlives the service. -LP2P_E_NOMEM, -LP2P_E_EXISTS. */
int lp2p_ping_service_new(struct lp2p_swarm *sw, struct lp2p_ping_service **ret);

/* Ends what runs; `done` callbacks do not come any more. The swarm may not run its loop between
 * this and its own end. Takes NULL. */
void lp2p_ping_service_free(struct lp2p_ping_service *svc);

/*
 * Pings a connected peer (struct lp2p_ping, lp2p/host.h; copied): `done` comes `count` times, or
 * fewer with an error as the last. Fails as lp2p_swarm_open.
 */
int lp2p_ping_service_ping(struct lp2p_ping_service *svc, const struct lp2p_peer_id *peer,
                           const struct lp2p_ping *ping);

/* Ends the series that was given this `ctx`; its `done` does not come any more. */
void lp2p_ping_service_stop(struct lp2p_ping_service *svc, const void *ctx);

#endif
