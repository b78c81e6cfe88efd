/*
 * A peer in a test: an identity and the tcp transport on some environment, without a swarm. It
 * takes what comes; for each stream it is sent it answers with the SHA-256 of the bytes, and it can
 * send bytes the same way and compare the answer.
 */
#ifndef LP2P_TESTS_PEER_H
#define LP2P_TESTS_PEER_H

#include "base/list.h"
#include "crypto/crypto.h"
#include "identity/key.h"
#include "transport/tcp/tcp.h"

struct peer {
    struct lp2p_env *env;
    const struct lp2p_mem *mem;
    struct lp2p_crypto *crypto;
    struct lp2p_hash_key hash;
    struct lp2p_identity identity;
    uint8_t static_secret[32];
    struct lp2p_upgrade_host upgrade;
    struct lp2p_wire_host wires;
    struct lp2p_transport *transport;
    struct lp2p_transport_listener *listener;
    struct lp2p_scope scope;
    struct lp2p_list conns;  /* struct peer_conn */
    size_t up;               /* connections whose muxer is agreed, in all */
    size_t closed;           /* connections that ended, in all */
    struct lp2p_failure why; /* of the last one that ended */
};

/* One connection; the test frees none, the peer does. */
struct peer_conn {
    struct lp2p_list node;
    struct peer *peer;
    struct lp2p_carrier *carrier; /* NULL when it ended */
    bool is_up;
    struct lp2p_peer_id remote; /* proved */
    struct lp2p_scope scope;
    struct lp2p_conn_stream *stream; /* the one stream of this connection */
    uint8_t *received;               /* what came on it */
    size_t n_received;
    size_t cap;
    const uint8_t *to_send;
    size_t n_to_send;
    size_t sent;
    uint8_t hash[32]; /* what is answered */
    bool fin;         /* the other side said all */
};

/* 0 or an error; `peer_fini` in any case. */
int peer_init(struct peer *p, struct lp2p_env *env, const struct lp2p_mem *mem, uint8_t seed);
void peer_fini(struct peer *p);

int peer_listen(struct peer *p, const char *addr, struct lp2p_multiaddr *ret);
/* Dials; sends `bytes` (kept) on a stream when it is up. */
int peer_dial(struct peer *p, const struct lp2p_multiaddr *addr,
              const struct lp2p_peer_id *expected, struct lp2p_span bytes, struct peer_conn **ret);
/* Says goodbye on all connections. */
void peer_close(struct peer *p, lp2p_ts grace);

/* True when the other side answered with the hash of what was sent. */
bool peer_conn_is_answered(const struct peer_conn *c);

#endif
