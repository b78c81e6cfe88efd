/*
 * Transports listen and dial; what they make is a carrier: the thing that drives a connection's
 * engine (conn/conn.h) over a socket and hands its events up. transport/wire is the carrier for
 * byte streams; tcp and mem make those.
 *
 * The swarm decides first and pays afterwards: an accepted socket is only announced, and becomes a
 * carrier when the swarm has reserved its account. Callbacks come from the top of the loop, never
 * from inside a call.
 */
#ifndef LP2P_TRANSPORT_TRANSPORT_H
#define LP2P_TRANSPORT_TRANSPORT_H

#include "conn/conn.h"
#include "env/env.h"
#include "lp2p/multiaddr.h"

struct lp2p_carrier {
    const struct lp2p_carrier_ops *ops;
};

struct lp2p_carrier_events {
    /* The transport below is there (TCP connected); not for accepted ones. */
    void (*on_connected)(void *ctx);
    /* An event of the engine; spans in it are valid during the call. NEED_DH included. */
    void (*on_event)(void *ctx, const struct lp2p_conn_event *ev);
    /* The last callback: the engine and all it reserved in the scope are gone already, the carrier
     * when it returns. `why->code` 0: orderly. */
    void (*on_closed)(void *ctx, const struct lp2p_failure *why);
};

struct lp2p_carrier_ops {
    /* The engine, for commands; NULL while still connecting. After commands call `kick`. */
    struct lp2p_conn *(*conn)(struct lp2p_carrier *c);
    /* Has the output sent and new events delivered at the top of the loop. */
    void (*kick)(struct lp2p_carrier *c);
    /* Goodbye: GoAway with `code`, output flushed, transport ended in order. What the peer still
     * sends is dropped: the next callback is on_closed, at `deadline` at the latest. */
    void (*close)(struct lp2p_carrier *c, uint32_t code, lp2p_ts deadline);
    /* Ends at once and frees, the engine and all it reserved in the scope included; no callback
     * comes any more. */
    void (*abort)(struct lp2p_carrier *c);
    uint64_t (*bytes_in)(const struct lp2p_carrier *c);
    uint64_t (*bytes_out)(const struct lp2p_carrier *c);
};

struct lp2p_transport {
    const struct lp2p_transport_ops *ops;
};

/* Who drives the connection and pays for it; what the transport needs to make a carrier. */
struct lp2p_carrier_cfg {
    struct lp2p_scope *scope; /* the connection's account; outlives the carrier */
    const struct lp2p_carrier_events *events;
    void *ctx;
};

struct lp2p_dial {
    const struct lp2p_multiaddr *addr;   /* /p2p/ at its end is not looked at */
    const struct lp2p_peer_id *expected; /* copied; NULL: any */
    bool from_listen_port;               /* DESIGN 7: public addresses leave from the listen port */
};

/* A socket that was accepted and not yet paid for. Valid during the callback. */
struct lp2p_incoming;

struct lp2p_transport_listener; /* of the transport */

struct lp2p_transport_listener_events {
    /*
     * Somebody connected. Call `accept` inside the callback to keep it, else it is closed with a
     * reset. `remote` is what we see of the peer (no /p2p/), `local` the address it reached.
     */
    void (*on_incoming)(void *ctx, struct lp2p_incoming *in, const struct lp2p_multiaddr *local,
                        const struct lp2p_multiaddr *remote);
};

struct lp2p_transport_ops {
    const char *name; /* "tcp", for the status */
    void (*free)(struct lp2p_transport *t);
    bool (*can_dial)(const struct lp2p_transport *t, const struct lp2p_multiaddr *addr);
    bool (*can_listen)(const struct lp2p_transport *t, const struct lp2p_multiaddr *addr);
    /* Errors of env listen. */
    int (*listen)(struct lp2p_transport *t, const struct lp2p_multiaddr *addr,
                  const struct lp2p_transport_listener_events *events, void *ctx,
                  struct lp2p_transport_listener **ret);
    /* The bound address with its real port (unspecified addresses stay unspecified). */
    void (*listener_addr)(const struct lp2p_transport_listener *l, struct lp2p_multiaddr *ret);
    void (*listener_close)(struct lp2p_transport_listener *l);
    /* Inside on_incoming only. -LP2P_E_NOMEM. */
    int (*accept)(struct lp2p_incoming *in, const struct lp2p_carrier_cfg *cfg,
                  struct lp2p_carrier **ret);
    /* Starts to dial; the outcome comes by on_connected and engine events, or on_closed. Fails at
     * once as env connect does. */
    int (*dial)(struct lp2p_transport *t, const struct lp2p_dial *how,
                const struct lp2p_carrier_cfg *cfg, struct lp2p_carrier **ret);
    /* Our end and the peer's as multiaddr, when connected. */
    void (*carrier_addrs)(const struct lp2p_carrier *c, struct lp2p_multiaddr *ret_local,
                          struct lp2p_multiaddr *ret_remote);
};

#endif
