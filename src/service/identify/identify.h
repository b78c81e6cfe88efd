/*
 * The identify service (specs identify/README.md; DIGEST 5, 14, 32): answers /ipfs/id/1.0.0, asks
 * on every new connection at once, before anything else is opened (DIGEST 1.7), takes what peers
 * push
 * (/ipfs/id/push/1.0.0), and pushes when our addresses or protocols change.
 *
 * We say the addresses that are of use at the other end of a connection, signed. What a peer says
 * is taken only when its key is the one it proved; of its addresses those that are signed count,
 * and replace what the peer store had from it. A push without a field leaves what was known.
 *
 * What peers say they see of us is collected (service/identify/observed.h).
 */
#ifndef LP2P_SERVICE_IDENTIFY_H
#define LP2P_SERVICE_IDENTIFY_H

#include "swarm/swarm.h"

/* Streams of one connection that are answered, and pushes that are taken, at once: a peer needs one
 * of each; js allows one (DIGEST C). */
#define LP2P_IDENTIFY_SERVED_MAX 2U
/* Pushes taken of one connection: so many at once, then one in so long. js pushes at most once a
 * second, go and we less often; each may cost us the check of a signature. */
#define LP2P_IDENTIFY_PUSH_TAKEN_BURST  10U
#define LP2P_IDENTIFY_PUSH_TAKEN_REFILL LP2P_SEC(1)
/* A change comes as a burst: interfaces, then listeners on them; peers are to have it in a second.
 */
#define LP2P_IDENTIFY_PUSH_MERGE LP2P_MSEC(200)
/* How often our addresses are looked at where changes of the network are not told. */
#define LP2P_IDENTIFY_LOOK_EVERY LP2P_SEC(5)
/* Pushes sent on one connection: so many at once, then one in so long. go resets the streams of
 * whoever is faster than one in 5 s after ten, and counts all peers of a /24 together. */
#define LP2P_IDENTIFY_PUSH_SENT_BURST  4U
#define LP2P_IDENTIFY_PUSH_SENT_REFILL LP2P_SEC(5)
/* Pushes under way at once, on all connections (js). */
#define LP2P_IDENTIFY_PUSHES_MAX 32U
/* Bytes of addresses in our signed record: with signature, key and ids it is half of a message, and
 * the other half is for those who do not read records. */
#define LP2P_IDENTIFY_RECORD_ADDRS_MAX 768U

struct lp2p_identify_service;

struct lp2p_identify_service_cfg {
    const char *agent;                /* copied */
    const struct lp2p_hash_key *hash; /* outlives the service */
};

/* Begins to serve and to watch. The swarm outlives the service. -LP2P_E_NOMEM, -LP2P_E_EXISTS. */
int lp2p_identify_service_new(struct lp2p_swarm *sw, const struct lp2p_identify_service_cfg *cfg,
                              struct lp2p_identify_service **ret);

/* Ends what runs. The swarm may not run its loop between this and its own end. Takes NULL. */
void lp2p_identify_service_free(struct lp2p_identify_service *svc);

/* An address under which peers see us, for whoever can find out whether it is true. */
struct lp2p_observed_info {
    struct lp2p_multiaddr addr;  /* with a port only if others may dial it: ours was a listener's */
    struct lp2p_multiaddr local; /* what it stands for, the same way */
    size_t observers;            /* independent ones, now or lately */
    size_t inbound;              /* of them those that had dialed us */
    bool activated;              /* enough of them */
    bool announced;              /* peers are told of it */
};

/* Walks them; start with *pos = 0. Do not run the loop between the steps of one walk. */
bool lp2p_identify_service_observed_next(const struct lp2p_identify_service *svc, size_t *pos,
                                         struct lp2p_observed_info *ret);

#endif
