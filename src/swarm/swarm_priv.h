/*
 * What the files of the swarm share: the tables and who may touch them.
 *
 *   swarm.c   tables, transports, listeners, our addresses, watches
 *   gate.c    who may come in: pending connections and rates by source, before any cryptography
 *   conn.c    one connection from socket to end: accounts, identity, deadlines
 *   surplus.c which of several connections to a peer stays
 *   stream.c  one stream: protocol negotiation, then the user's bytes
 *   network.c interfaces and gateways, and what follows when they change
 *   backoff.c addresses that failed, and when their turn comes again
 *   dialer.c  attempts: candidates, staggered and parallel
 *   rank.c    which of an attempt's paths is next
 *   resolve.c names in addresses: what they stand for becomes candidates
 *
 * Freeing rule: a callback of a carrier or a user may end any connection or stream, so nothing that
 * a caller up the stack still holds is freed inside one. Connections end in their carrier's
 * on_closed or in the reaper task; streams are freed when no callback of theirs is running.
 */
#ifndef LP2P_SWARM_PRIV_H
#define LP2P_SWARM_PRIV_H

#include "base/assert.h"
#include "base/series.h"
#include "proto/multistream/multistream.h"
#include "swarm/attempt_priv.h"
#include "swarm/backoff_priv.h"
#include "swarm/gate_priv.h"
#include "swarm/peerstore.h"
#include "swarm/swarm.h"

/* Protocols a host serves, services included. */
#define SWARM_MAX_HANDLERS 64U
/* A connection that is one too many is closed by its dialer after so long a rest (DESIGN 7). */
#define SWARM_SURPLUS_IDLE LP2P_SEC(30)
/* Both sides dialed at once when their connections began within this: a dial takes no longer. */
#define SWARM_SURPLUS_AT_ONCE LP2P_SEC(10)
/* Default gateways that are looked at. */
#define SWARM_MAX_GATEWAYS 16U

struct swarm_transport {
    struct lp2p_list node;
    struct lp2p_transport *t;
};

struct swarm_listener {
    struct lp2p_list node;
    struct lp2p_swarm *sw;
    struct lp2p_transport *t;
    struct lp2p_transport_listener *l;
    struct lp2p_multiaddr addr;
};

struct swarm_handler {
    char *protocol;
    const struct lp2p_stream_ops *ops;
    void *ctx;
};

/* A peer with at least one authenticated connection. */
struct swarm_peer {
    struct lp2p_peer_id id;
    struct lp2p_scope scope;
    struct lp2p_list conns; /* oldest first */
    uint32_t n_conns;
};

enum swarm_conn_state {
    SWARM_CONN_CONNECTING, /* the transport is not there yet */
    SWARM_CONN_UPGRADING,  /* negotiating, securing */
    SWARM_CONN_UP,
    SWARM_CONN_CLOSING, /* goodbye is under way */
    SWARM_CONN_DOOMED,  /* the reaper aborts it */
};

struct swarm_attempt;

struct lp2p_swarm_conn {
    struct lp2p_series_node node; /* swarm.conns */
    struct lp2p_list peer_node;   /* swarm_peer.conns, once authenticated */
    struct lp2p_swarm *sw;
    struct lp2p_scope scope;
    struct lp2p_transport *transport;
    struct lp2p_carrier *carrier;
    struct swarm_peer *peer;       /* NULL until authenticated */
    struct swarm_source *source;   /* inbound and unauthenticated: who pays at the gate */
    struct swarm_attempt *attempt; /* outbound: whose path it is, until that is decided */
    size_t path;                   /* index in the attempt */
    enum swarm_conn_state state;
    bool outbound;
    bool identified; /* the peer answered identify */
    bool settled;    /* identify answered, refused, or late: attempts wait no longer */
    bool refused;    /* may_connect said no: goodbye as soon as streams could be opened */
    bool goaway;     /* the peer takes no new streams */
    bool anchored;   /* scratch of network.c: an interface had our end's address */
    uint64_t id;
    struct lp2p_multiaddr remote;
    struct lp2p_multiaddr local;
    struct lp2p_timer timer; /* connect, upgrade and identify deadlines, surplus, in turn */
    lp2p_ts began;
    lp2p_ts since;
    lp2p_ts idle_since; /* without streams */
    lp2p_ts rtt;
    struct lp2p_list streams;
    uint32_t n_streams;
    struct lp2p_failure failure; /* ours, when we end it */
};

struct lp2p_stream {
    struct lp2p_list node; /* conn.streams */
    struct lp2p_swarm_conn *conn;
    struct lp2p_conn_stream *raw; /* NULL once the wire side is over */
    const struct lp2p_stream_ops *ops;
    void *ctx;
    struct lp2p_mss *mss;       /* only while negotiating */
    struct lp2p_span *proposed; /* dialer: what mss points to; one block with the names behind */
    const char *protocol;       /* agreed; inside `proposed` or a handler */
    struct lp2p_timer timer;    /* negotiation, later the drain after close */
    bool outbound;
    bool attached; /* the user wants callbacks */
    bool opened;   /* on_open was given */
    bool want_fin; /* close_write came before the protocol was agreed */
    bool fin_sent;
    bool eof; /* the peer's FIN came */
    bool eof_given;
    bool want_write; /* the user waits for on_writable */
    uint32_t busy;   /* callbacks running */
    bool dead;       /* free when busy falls to 0 */
};

struct lp2p_swarm {
    struct lp2p_swarm_cfg cfg;
    struct lp2p_scope system;
    struct lp2p_scope pending; /* unauthenticated connections */
    struct lp2p_list transports;
    struct lp2p_list listeners;
    struct lp2p_series conns;
    struct lp2p_series attempts;
    struct lp2p_list watches;
    struct lp2p_map peers; /* struct swarm_peer by id */
    struct lp2p_peerstore store;
    struct swarm_gate gate;
    struct swarm_backoff backoff;
    struct swarm_handler handlers[SWARM_MAX_HANDLERS];
    size_t n_handlers;
    struct lp2p_span served[SWARM_MAX_HANDLERS]; /* the names, for mss */
    uint64_t next_id;
    unsigned changes;
    struct lp2p_task change_task;
    struct lp2p_task reaper;
    struct lp2p_timer expiry; /* of the peer store and of ended attempts */
    struct lp2p_timer shutdown_timer;
    void (*shutdown_done)(void *ctx);
    void *shutdown_ctx;
    bool shutting_down;
    struct lp2p_iface ifaces[LP2P_ENV_MAX_IFACES];
    size_t n_ifaces;
    struct lp2p_endpoint gateways[SWARM_MAX_GATEWAYS];
    size_t n_gateways;
    lp2p_ts ifaces_read; /* both lists; 0: never */
    struct lp2p_env_watch network;
    bool follows; /* `network` is told of changes: the lists stay true by themselves */
};

static inline lp2p_ts swarm_now(const struct lp2p_swarm *sw)
{
    return sw->cfg.env->ops->now(sw->cfg.env);
}

/* ---- swarm.c ---- */

/* True when we listen on exactly this address and port. */
bool swarm_is_own_addr(struct lp2p_swarm *sw, const struct lp2p_multiaddr *addr);
/* True for an IP address of the open internet. */
bool swarm_is_public(const struct lp2p_multiaddr *addr);
/* May this address be dialed (DESIGN 6)? 0 or -LP2P_E_FILTERED. */
int swarm_filter(struct lp2p_swarm *sw, const struct lp2p_multiaddr *addr,
                 const struct lp2p_peer_addr *how);
struct lp2p_transport *swarm_transport_for(struct lp2p_swarm *sw,
                                           const struct lp2p_multiaddr *addr);
struct swarm_peer *swarm_find_peer(const struct lp2p_swarm *sw, const struct lp2p_peer_id *id);
/* Sets the expiry timer to the next thing that ends. */
void swarm_arm_expiry(struct lp2p_swarm *sw);
/* A connection is gone; a shutdown may be complete. */
void swarm_check_shutdown(struct lp2p_swarm *sw);

/* ---- network.c ---- */

/* Begins to follow the network; before the first change is told. */
void swarm_network_init(struct lp2p_swarm *sw);
void swarm_network_fini(struct lp2p_swarm *sw);
/* An interface's name in an /ip6zone becomes its index. -LP2P_E_ADDR_NOT_AVAIL: there is no such
 * interface. */
int swarm_fix_zone(struct lp2p_swarm *sw, struct lp2p_multiaddr *addr);
/* Has interfaces and gateways as they are: followed, or read at most once in SWARM_IFACES_LIFE. */
void swarm_read_ifaces(struct lp2p_swarm *sw);
/* True when an interface has this address, as last read. */
bool swarm_has_ip(const struct lp2p_swarm *sw, const struct lp2p_endpoint *ip);
/* Our own addresses are different: services and the user are told. */
void swarm_tell_addrs(struct lp2p_swarm *sw);

/* ---- conn.c ---- */

void swarm_conn_incoming(void *listener, struct lp2p_incoming *in,
                         const struct lp2p_multiaddr *local, const struct lp2p_multiaddr *remote);
/* Starts to dial a path of an attempt. Errors of transport dial, -LP2P_E_LIMIT. */
int swarm_conn_dial(struct swarm_attempt *at, size_t path, struct lp2p_swarm_conn **ret);
/* Goodbye in order; on_closed follows. */
void swarm_conn_close(struct lp2p_swarm_conn *c, uint32_t code, struct lp2p_failure why);
/* The reaper aborts it at the top of the loop. */
void swarm_conn_doom(struct lp2p_swarm_conn *c, struct lp2p_failure why);
void swarm_conn_reap(void *sw, lp2p_ts now);
/* Aborts at once; only from the top of the loop or from lp2p_swarm_free. */
void swarm_conn_abort(struct lp2p_swarm_conn *c);

/* ---- surplus.c ---- */

/* The connection for new streams, or NULL: the newest; of those that both dialed at once the one of
 * the higher id, so that both sides use the same. */
struct lp2p_swarm_conn *swarm_best_conn(const struct swarm_peer *p);
/* The peer has connected again, perhaps because the others are dead, which nobody told us: they are
 * pinged, so that it shows within the time for a ping and not of a keepalive. */
void swarm_peer_probe(const struct lp2p_swarm_conn *newer);
/* It has no streams any more: if there is a better one its time runs. */
void swarm_conn_rest(struct lp2p_swarm_conn *c);
/* The same for all of a peer: there is a new one, or one was identified. */
void swarm_peer_rest(const struct swarm_peer *p);
/* Its time is over: closes it if it still is surplus and idle. */
void swarm_conn_drop_surplus(struct lp2p_swarm_conn *c);

/* ---- stream.c ---- */

void swarm_stream_incoming(struct lp2p_swarm_conn *c, struct lp2p_conn_stream *raw);
void swarm_stream_event(struct lp2p_stream *s, const struct lp2p_conn_event *ev);
/* The connection is over: the users of all streams are told. */
void swarm_streams_fail(struct lp2p_swarm_conn *c, const struct lp2p_failure *why);
/* Their users are told nothing any more. */
void swarm_streams_detach(struct lp2p_swarm_conn *c);

#endif
