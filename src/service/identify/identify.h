/*
 * The identify service (specs identify/README.md; DIGEST 14): answers /ipfs/id/1.0.0, and asks on
 * every new connection at once, before anything else is opened (DIGEST 1.7).
 *
 * What a peer says is taken only when its key is the one it proved; addresses, protocols and agent
 * then replace what the peer store had from it. Push is not served yet.
 */
#ifndef LP2P_SERVICE_IDENTIFY_H
#define LP2P_SERVICE_IDENTIFY_H

#include "swarm/swarm.h"

/* Streams of one peer that are answered at once: it needs one; js allows one (DIGEST C). */
#define LP2P_IDENTIFY_SERVED_PER_PEER 2U

struct lp2p_identify_service;

/* Begins to serve and to watch. `agent` is copied. The swarm outlives the service. -LP2P_E_NOMEM,
 * -LP2P_E_EXISTS. */
int lp2p_identify_service_new(struct lp2p_swarm *sw, const char *agent,
                              struct lp2p_identify_service **ret);

/* Ends what runs. The swarm may not run its loop between this and its own end. Takes NULL. */
void lp2p_identify_service_free(struct lp2p_identify_service *svc);

#endif
