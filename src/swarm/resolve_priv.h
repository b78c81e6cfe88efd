/*
 * Names in addresses (DIGEST 26): a path that begins with /dns, /dns4, /dns6 or /dnsaddr is not
 * dialed. It is asked for, and what the answers say becomes further paths of the attempt as they
 * come, each filtered again with the source of the name.
 *
 *     LOOKING -its turn-> LOOKING (asked) -an address-> DIALING -one connects-> CONNECTED
 *                                  |                        |-all failed-> FAILED, as the deepest
 *                                  `-no address-> FAILED at "dns"
 *
 * dnsaddr: of the TXT records only those of the wanted peer count; they may be names again.
 */
#ifndef LP2P_SWARM_RESOLVE_PRIV_H
#define LP2P_SWARM_RESOLVE_PRIV_H

#include "base/list.h"
#include "lp2p/host.h"

/* Questions of one attempt (SECURITY 3.2). */
#define SWARM_MAX_LOOKUPS 16U
/* Of one dnsaddr name's texts that are the peer's (SECURITY 3.2). */
#define SWARM_DNSADDR_MAX_TEXTS 8U
/* dnsaddr names that lead to each other (DIGEST 26: as go). */
#define SWARM_DNSADDR_MAX_DEPTH 4U

struct lp2p_swarm;
struct swarm_attempt;

/* What an attempt knows of a path that is a name. */
struct swarm_name {
    bool is_name;
    bool resolved;   /* gave an address that is tried */
    uint32_t asking; /* lookups under way */
    int error;       /* what speaks most against it, while it is not resolved */
};

bool swarm_is_name(const struct lp2p_multiaddr *addr);
/* True when its addresses can be dialed, as far as that is to be seen. */
bool swarm_name_can_dial(struct lp2p_swarm *sw, const struct lp2p_multiaddr *addr);

/* Asks for the names whose turn it is. */
void swarm_names_start(struct swarm_attempt *at);
/* Forgets what was asked for; the paths stay as they are. */
void swarm_names_cancel(struct swarm_attempt *at);
bool swarm_names_are_asked(const struct swarm_attempt *at);

#endif
