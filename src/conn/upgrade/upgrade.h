/*
 * A connection over a byte stream: multistream-select, Noise, the muxer inside the handshake or by
 * multistream, yamux (DIGEST 6). Implements struct lp2p_conn by composing the engines of proto/; no
 * protocol is spoken here.
 *
 *     NEGOTIATING -mss-> SECURING -noise-> [MUXING -mss->] UP -> CLOSED
 *
 * The dialer's multistream header, proposal and Noise message 1 leave in one flight; three round
 * trips from SYN to the first answered byte (DESIGN 4.7). Output of all layers goes to one obuf,
 * sealed as it is written (FASTPATH). An idle connection holds no buffer.
 */
#ifndef LP2P_CONN_UPGRADE_H
#define LP2P_CONN_UPGRADE_H

#include "conn/conn.h"
#include "lp2p/limits.h"
#include "proto/noise/noise.h"
#include "proto/yamux/yamux.h"

/* Output of eight Noise records, for who sends much: FASTPATH, "Batch". */
#define LP2P_UPGRADE_OBUF_SIZE (8U * (2U + LP2P_NOISE_RECORD_MAX))
/* Any flight of a handshake, and an identify message. */
#define LP2P_UPGRADE_OBUF_SMALL_SIZE 8192U

/* What all connections of a host share. The caller owns it; it outlives them. */
struct lp2p_upgrade_host {
    const struct lp2p_mem *mem;
    const struct lp2p_crypto *crypto;
    const struct lp2p_random *random;
    struct lp2p_hasher hasher;
    uint8_t static_public[32];    /* X25519, one per node start; the secret half answers NEED_DH */
    struct lp2p_span identity_pb; /* our PublicKey message */
    uint8_t static_sig[64];       /* identity over "noise-libp2p-static-key:" and static_public */
    struct lp2p_noise_sealer sealer;
    struct lp2p_pool obufs;       /* blocks of LP2P_UPGRADE_OBUF_SMALL_SIZE */
    struct lp2p_pool large_obufs; /* blocks of LP2P_UPGRADE_OBUF_SIZE; size 0: there are none */
    struct lp2p_yamux_limits yamux;
    bool early_muxer; /* offer /yamux/1.0.0 inside the handshake; off only to test the other way */
};

/* What the muxer of a connection takes of a host's limits. */
struct lp2p_yamux_limits lp2p_upgrade_limits(const struct lp2p_limits *l);

/*
 * A connection that starts to negotiate. `expected` (copied; NULL: any) is enforced by the dialer.
 * `scope` is the connection's account and outlives it. Free with ops->free. -LP2P_E_NOMEM.
 */
int lp2p_upgrade_new(struct lp2p_upgrade_host *host, enum lp2p_conn_role role,
                     const struct lp2p_peer_id *expected, struct lp2p_scope *scope,
                     struct lp2p_conn **ret);

#endif
