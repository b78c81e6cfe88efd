/*
 * Connections inside one process: /memory/<number>, 64 bits. For tests and for programs that embed
 * two hosts.
 *
 * /memory/0 listens on a number that is drawn. A dialer's own number is drawn too and cannot be
 * dialed.
 */
#ifndef LP2P_TRANSPORT_MEM_H
#define LP2P_TRANSPORT_MEM_H

#include "transport/wire.h"

/* The numbers of one process; the hosts that shall meet share it, all on one thread. It outlives
 * their transports and connections. */
struct lp2p_mem_hub;

/* -LP2P_E_NOMEM. */
int lp2p_mem_hub_new(const struct lp2p_mem *mem, struct lp2p_mem_hub **ret);
void lp2p_mem_hub_free(struct lp2p_mem_hub *hub);

/* -LP2P_E_NOMEM. */
int lp2p_mem_transport_new(struct lp2p_wire_host *host, struct lp2p_mem_hub *hub,
                           struct lp2p_transport **ret);

#endif
