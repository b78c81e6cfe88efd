/*
 * Multiaddrs and endpoints: /ip4|ip6[zone]/tcp|udp/<port> to a struct lp2p_endpoint and back.
 */
#ifndef LP2P_FORMAT_ADDR_H
#define LP2P_FORMAT_ADDR_H

#include "base/endpoint.h"
#include "lp2p/multiaddr.h"

/*
 * Reads the leading [ip6zone] ip and tcp or udp port; `*ret_used` is where the rest begins. Zones
 * are given as interface index in decimal only (names belong to env). -LP2P_E_UNSUPPORTED when the
 * address begins otherwise.
 */
int lp2p_addr_to_endpoint(const struct lp2p_multiaddr *ma, struct lp2p_endpoint *ret,
                          uint32_t *ret_transport_code, size_t *ret_used);

/* Makes /ip4|ip6/<address>/<code>/<port>; `code` is LP2P_MA_TCP or LP2P_MA_UDP. The zone is left
 * out. */
void lp2p_addr_from_endpoint(const struct lp2p_endpoint *e, uint32_t code,
                             struct lp2p_multiaddr *ret);

/* Makes /ip4|ip6/<address> alone. */
void lp2p_addr_from_ip(const struct lp2p_endpoint *e, struct lp2p_multiaddr *ret);

/* Puts /ip6zone/<index> in front of an IPv6 address, or in place of the zone that is there.
 * -LP2P_E_UNSUPPORTED when it begins otherwise, -LP2P_E_TOO_LONG. */
int lp2p_addr_set_zone(struct lp2p_multiaddr *ma, uint32_t index);

/* True for exactly [ip6zone]ip/tcp[/p2p/X]. */
bool lp2p_addr_is_plain_tcp(const struct lp2p_multiaddr *ma);

#endif
