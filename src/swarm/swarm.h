/*
 * The swarm: connections to peers, the streams on them, the dialer, the accounts, and what is known
 * of peers.
 *
 * It uses transports for carriers (transport/transport.h) and proto/multistream for streams;
 * services stand on it and meet here: they watch connections (struct lp2p_swarm_watch), serve
 * protocols (lp2p_swarm_handle), open streams on a connection, and put what they learn into the
 * peer store (swarm/peerstore.h). Callbacks come from the top of the loop.
 */
#ifndef LP2P_SWARM_SWARM_H
#define LP2P_SWARM_SWARM_H

#include "identity/key.h"
#include "lp2p/host.h"
#include "transport/transport.h"

struct lp2p_swarm;
struct lp2p_swarm_conn; /* an authenticated connection */
struct lp2p_peerstore;

struct lp2p_swarm_cfg {
    struct lp2p_env *env;
    const struct lp2p_mem *mem;
    const struct lp2p_crypto *crypto;
    const struct lp2p_identity *identity;
    const struct lp2p_hash_key *hash;
    const uint8_t *static_secret; /* 32 bytes, X25519: answers NEED_DH; outlives the swarm */
    struct lp2p_limits limits;
    const struct lp2p_host_ops *ops;
    void *ctx;
};

/* -LP2P_E_NOMEM. What `cfg` points to outlives the swarm. */
int lp2p_swarm_new(const struct lp2p_swarm_cfg *cfg, struct lp2p_swarm **ret);
void lp2p_swarm_shutdown(struct lp2p_swarm *sw, lp2p_ts grace, void (*done)(void *ctx), void *ctx);
void lp2p_swarm_free(struct lp2p_swarm *sw);

/* Takes over the transport. -LP2P_E_NOMEM. */
int lp2p_swarm_add_transport(struct lp2p_swarm *sw, struct lp2p_transport *t);

int lp2p_swarm_listen(struct lp2p_swarm *sw, const struct lp2p_multiaddr *addr);
/* As lp2p_host_addr_next, without /p2p/; `bound` true: the listeners' own addresses, unspecified
 * ones not expanded. */
bool lp2p_swarm_addr_next(struct lp2p_swarm *sw, bool bound, size_t *pos,
                          struct lp2p_multiaddr *ret);

int lp2p_swarm_connect(struct lp2p_swarm *sw, const struct lp2p_peer_id *peer,
                       const struct lp2p_connect_opts *opts, uint64_t *ret_attempt);
int lp2p_swarm_cancel(struct lp2p_swarm *sw, uint64_t attempt);
bool lp2p_swarm_attempt_next(struct lp2p_swarm *sw, size_t *pos,
                             const struct lp2p_attempt_info **ret);
int lp2p_swarm_disconnect(struct lp2p_swarm *sw, const struct lp2p_peer_id *peer);

/* ---- for services ---- */

struct lp2p_env *lp2p_swarm_env(const struct lp2p_swarm *sw);
const struct lp2p_mem *lp2p_swarm_mem(const struct lp2p_swarm *sw);
const struct lp2p_crypto *lp2p_swarm_crypto(const struct lp2p_swarm *sw);
const struct lp2p_identity *lp2p_swarm_identity(const struct lp2p_swarm *sw);
const struct lp2p_limits *lp2p_swarm_limits(const struct lp2p_swarm *sw);
struct lp2p_peerstore *lp2p_swarm_peerstore(struct lp2p_swarm *sw);
/* True when changes of the network come by `on_addrs`: nobody needs to look for them. */
bool lp2p_swarm_follows_network(const struct lp2p_swarm *sw);

/* Watches connections. The owner keeps the struct until the swarm is freed. */
struct lp2p_swarm_watch {
    struct lp2p_list node;
    /* Authenticated, muxer agreed, welcome (`may_connect`). */
    void (*on_up)(void *ctx, struct lp2p_swarm_conn *c);
    void (*on_down)(void *ctx, struct lp2p_swarm_conn *c); /* it is gone after this */
    void (*on_addrs)(void *ctx);     /* our addresses or interfaces changed; may be NULL */
    void (*on_protocols)(void *ctx); /* we serve one more protocol; may be NULL */
    void (*on_resume)(void *ctx);    /* this process or machine had stood still; may be NULL */
    void *ctx;
};
void lp2p_swarm_watch(struct lp2p_swarm *sw, struct lp2p_swarm_watch *w);

/* Serves a protocol; the watches are told from inside this call. */
int lp2p_swarm_handle(struct lp2p_swarm *sw, const char *protocol,
                      const struct lp2p_stream_ops *ops, void *ctx);
/* The protocols we serve, in order of registration; NULL at the end. */
const char *lp2p_swarm_protocol_next(const struct lp2p_swarm *sw, size_t *pos);

int lp2p_swarm_open(struct lp2p_swarm *sw, const struct lp2p_peer_id *peer,
                    const struct lp2p_open *open, struct lp2p_stream **ret);
/* On this very connection. */
int lp2p_swarm_conn_open(struct lp2p_swarm_conn *c, const struct lp2p_open *open,
                         struct lp2p_stream **ret);
struct lp2p_swarm_conn *lp2p_stream_conn(const struct lp2p_stream *s);

const struct lp2p_peer_id *lp2p_swarm_conn_peer(const struct lp2p_swarm_conn *c);
/* The peer's address as we see it (no /p2p/), and ours that it reached. */
const struct lp2p_multiaddr *lp2p_swarm_conn_remote(const struct lp2p_swarm_conn *c);
const struct lp2p_multiaddr *lp2p_swarm_conn_local(const struct lp2p_swarm_conn *c);
bool lp2p_swarm_conn_outbound(const struct lp2p_swarm_conn *c);

/*
 * Identify has an answer for this connection (agent and protocols are in the peer store), the peer
 * does not speak it
 * (`err` -LP2P_E_NEGOTIATION), or it did not come in time: attempts waiting for it are connected
 * (DESIGN 7).
 */
void lp2p_swarm_conn_identified(struct lp2p_swarm_conn *c, int err);

bool lp2p_swarm_conn_next(struct lp2p_swarm *sw, size_t *pos, struct lp2p_conn_info *ret);

/* Tells the host's user at the top of the loop (merged). */
void lp2p_swarm_changed(struct lp2p_swarm *sw, unsigned changes);

/* Something in the peer store ends earlier than before. */
void lp2p_swarm_expire(struct lp2p_swarm *sw);

/* New addresses of a peer are in the store: a running attempt takes them (discovery never dials by
 * itself). */
void lp2p_swarm_found(struct lp2p_swarm *sw, const struct lp2p_peer_id *peer);

#endif
