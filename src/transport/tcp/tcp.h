/*
 * TCP over IPv4 and IPv6 (DIGEST 12): /ip4|ip6/.../tcp/<port>.
 */
#ifndef LP2P_TRANSPORT_TCP_H
#define LP2P_TRANSPORT_TCP_H

#include "transport/wire.h"

/* `host` outlives the transport. -LP2P_E_NOMEM. */
int lp2p_tcp_transport_new(struct lp2p_wire_host *host, struct lp2p_transport **ret);

#endif
