/*
 * The texts of a dnsaddr name (multiformats, DNSADDR.md): TXT records of `_dnsaddr.<name>`, each
 * `dnsaddr=<multiaddr>`. Pure.
 */
#ifndef LP2P_SWARM_DNSADDR_H
#define LP2P_SWARM_DNSADDR_H

#include "base/span.h"
#include "lp2p/multiaddr.h"

/*
 * Reads one text. The address has to end with `suffix`, the whole components that followed the
 * name, and then with the id of `peer`, which is cut. -LP2P_E_NOT_FOUND: it is another's, or says
 * something else; -LP2P_E_DECODE.
 */
int swarm_dnsaddr_decode(struct lp2p_span text, const struct lp2p_peer_id *peer,
                         struct lp2p_span suffix, struct lp2p_multiaddr *ret);

#endif
