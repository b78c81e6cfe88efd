/*
 * Connections inside one process: /memory/<number>, 64 bits. For tests and for programs that embed
 * two hosts.
 */
#ifndef LP2P_TRANSPORT_MEM_H
#define LP2P_TRANSPORT_MEM_H

#include "transport/wire.h"

/* The numbers of one process; the hosts that shall meet share it. It outlives their transports. */
struct lp2p_mem_hub;

int lp2p_mem_hub_new(const struct lp2p_mem *mem, struct lp2p_mem_hub **ret);
void lp2p_mem_hub_free(struct lp2p_mem_hub *hub);

/* -LP2P_E_NOMEM. */
int lp2p_mem_transport_new(struct lp2p_wire_host *host, struct lp2p_mem_hub *hub,
                           struct lp2p_transport **ret);

#endif
