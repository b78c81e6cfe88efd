/*
 * The assembled library behind lp2p/host.h: what a host owns, in order of construction.
 */
#ifndef LP2P_HOST_PRIV_H
#define LP2P_HOST_PRIV_H

#include "conn/upgrade/upgrade.h"
#include "lp2p/host.h"
#include "service/identify/identify.h"
#include "service/mdns/mdns.h"
#include "service/perf/perf.h"
#include "service/ping/ping.h"
#include "swarm/peerstore.h"
#include "swarm/swarm.h"
#include "transport/tcp/tcp.h"
#include "transport/wire.h"

/* Free read and output buffers that are kept for the next busy connection. */
#define HOST_BUFFERS_KEPT 2U

struct lp2p_host {
    struct lp2p_env *env;
    const struct lp2p_mem *mem;
    struct lp2p_limits limits;
    struct lp2p_crypto *crypto;
    struct lp2p_hash_key hash;
    struct lp2p_identity identity;
    uint8_t static_secret[LP2P_X25519_SIZE]; /* of the Noise key of this start */
    struct lp2p_upgrade_host upgrade;
    struct lp2p_wire_host wires;
    struct lp2p_swarm *swarm;
    struct lp2p_identify_service *identify;
    struct lp2p_ping_service *ping;
    struct lp2p_perf_service *perf; /* NULL until it is asked for */
    struct lp2p_mdns_service *mdns; /* NULL: off */
};

#endif
