/*
 * The carrier for byte streams: reads a struct lp2p_io into a pooled buffer, feeds the connection's
 * engine, hands its events up, and writes its output (FASTPATH: read 256 KiB and more, one write
 * per fill, a quota per turn, a short read means stop).
 *
 * A read buffer is held only during a turn; at its end the tail moves into an exact block that is
 * reserved in the connection's account. Reading stops while the engine cannot take input (its
 * output is stuck, or an answer is outstanding): back pressure instead of buffers.
 *
 *     CONNECTING -> RUNNING -close-> CLOSING -all sent-> DRAINING -EOF-> ENDED
 *                           -engine failed-> CLOSING -all sent-> ENDED
 *                           -the stream failed or ended-> ENDED
 */
#ifndef LP2P_TRANSPORT_WIRE_H
#define LP2P_TRANSPORT_WIRE_H

#include "conn/upgrade/upgrade.h"
#include "transport/transport.h"

/* One read: FASTPATH, "Batch". */
#define LP2P_WIRE_READ_SIZE (256U * 1024U)
/* Bytes read from one connection before others have their turn. */
#define LP2P_WIRE_TURN_QUOTA (1024U * 1024U)
/* Output that cannot be written for this long ends the connection (SECURITY 3.2, write timeout). */
#define LP2P_WIRE_WRITE_TIMEOUT LP2P_SEC(10)
/* What must go out in that time, if there is as much: a peer that takes a byte now and then would
 * hold the buffer for hours. */
#define LP2P_WIRE_WRITE_LEAST 4096U

/* How long the last words of a connection that failed may take to leave. */
#define LP2P_WIRE_LINGER LP2P_SEC(1)

/* What the wires of a host share; outlives them. */
struct lp2p_wire_host {
    struct lp2p_env *env;
    struct lp2p_upgrade_host *upgrade;
    struct lp2p_pool reads; /* blocks of LP2P_WIRE_READ_SIZE */
};

/*
 * Takes over `io` and starts. `how` NULL: accepted, we are the listener; else `io` is connecting
 * and tells by on_connect. -LP2P_E_NOMEM, -LP2P_E_LIMIT, and then the io is closed.
 */
int lp2p_wire_new(struct lp2p_wire_host *host, struct lp2p_io *io, const struct lp2p_dial *how,
                  const struct lp2p_carrier_cfg *cfg, struct lp2p_carrier **ret);

/* The stream below a carrier of this kind, to ask for its ends. */
const struct lp2p_io *lp2p_wire_io(const struct lp2p_carrier *c);

#endif
