/*
 * Addresses that failed, and when their turn comes again. Only attempts that nobody waits for care;
 * a user's attempt, a sighting and another network make it be forgotten.
 */
#ifndef LP2P_SWARM_BACKOFF_PRIV_H
#define LP2P_SWARM_BACKOFF_PRIV_H

#include "base/list.h"
#include "base/map.h"
#include "lp2p/host.h"

/* An address that failed is not dialed again before this, growing with every failure (SECURITY 3.2:
 * as go); attempts that a user waits for do not care. */
#define SWARM_BACKOFF_FIRST   LP2P_SEC(5)
#define SWARM_BACKOFF_LONGEST LP2P_SEC(300)
/* Addresses that are remembered to have failed: those of 64 peers with as many as are dialed. */
#define SWARM_MAX_BACKOFFS 1024U

struct lp2p_swarm;

struct swarm_backoff {
    struct lp2p_map by_key;
    struct lp2p_list order; /* of the last failure */
};

void swarm_backoff_init(struct lp2p_swarm *sw);
void swarm_backoff_fini(struct lp2p_swarm *sw);
void swarm_backoff_failed(struct lp2p_swarm *sw, const struct lp2p_peer_id *peer,
                          const struct lp2p_path *p);
void swarm_backoff_worked(struct lp2p_swarm *sw, const struct lp2p_peer_id *peer,
                          const struct lp2p_multiaddr *addr);
/* Forgets the failures of a peer: it was seen, or a user wants it. */
void swarm_backoff_forgive(struct lp2p_swarm *sw, const struct lp2p_peer_id *peer);
/* Forgets all: the network is another one. */
void swarm_backoff_reset(struct lp2p_swarm *sw);
/* When its turn comes, 0: nothing is against it. Sets error and where of the last failure. */
lp2p_ts swarm_backoff_until(const struct lp2p_swarm *sw, const struct lp2p_peer_id *peer,
                            struct lp2p_path *p);

#endif
