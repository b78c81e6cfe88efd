/*
 * A libp2p host: one identity, its listeners, connections and streams.
 *
 * A host belongs to the thread that drives its environment; every call is made there. Callbacks
 * come from the top of the loop, never from inside the call that caused them; after lp2p_host_free
 * none comes. State is pulled: `on_change` only says that something is different, the `_next`
 * functions walk what is true now.
 *
 * Specifications: github.com/libp2p/specs (connections, noise, yamux, identify, ping, perf,
 * discovery/mdns).
 */
#ifndef LP2P_HOST_H
#define LP2P_HOST_H

#include "lp2p/env.h"
#include "lp2p/error.h"
#include "lp2p/limits.h"
#include "lp2p/multiaddr.h"
#include "lp2p/stream.h"

LP2P_BEGIN_DECLS

struct lp2p_host;

/* What changed, for `on_change`; several bits may be set. */
enum lp2p_change {
    LP2P_CHANGE_CONNS = 1 << 0,      /* a connection came, went, was identified, or pushed news */
    LP2P_CHANGE_ATTEMPTS = 1 << 1,   /* an attempt moved on */
    LP2P_CHANGE_DISCOVERED = 1 << 2, /* peers found or gone */
    LP2P_CHANGE_ADDRS = 1 << 3,      /* our own addresses */
    LP2P_CHANGE_RESUMED = 1 << 4,    /* this process or machine had stood still for seconds: peers
                                        may be gone, connections are being probed */
};

struct lp2p_host_ops {
    void (*on_change)(void *ctx, unsigned changes); /* may be NULL */
    /* False refuses an authenticated peer: GoAway 0x1007, no identify. NULL: everybody is welcome.
     */
    bool (*may_connect)(void *ctx, const struct lp2p_peer_id *peer, bool outbound);
};

struct lp2p_host_cfg {
    struct lp2p_env *env;       /* outlives the host */
    const struct lp2p_mem *mem; /* NULL: the C library's; outlives the host */
    const uint8_t *private_key; /* PrivateKey message (Ed25519), copied; or NULL */
    size_t private_key_len;
    const uint8_t
        *seed; /* without private_key: 32 bytes of Ed25519 seed, copied; NULL: a fresh key */
    const struct lp2p_limits *limits; /* copied; NULL: desktop */
    const char *agent; /* agent version for identify, copied; NULL: "lp2p/<version>" */
    bool mdns;         /* find and be found on the local network */
    const char
        *mdns_note; /* one more TXT string of our mDNS record ("app=whatnext"), copied; or NULL */
};

/* `ops` (not NULL) and `ctx` outlive the host. -LP2P_E_NOMEM, -LP2P_E_INVAL (note),
 * -LP2P_E_DECODE, -LP2P_E_UNSUPPORTED or -LP2P_E_AUTH (key), -LP2P_E_CRYPTO. */
LP2P_API int lp2p_host_new(const struct lp2p_host_cfg *cfg, const struct lp2p_host_ops *ops,
                           void *ctx, struct lp2p_host **ret);

/* Says goodbye to all peers and withdraws our mDNS record; `done` is called at most `grace` later.
 * The host is only good for free then. */
LP2P_API void lp2p_host_shutdown(struct lp2p_host *host, lp2p_ts grace, void (*done)(void *ctx),
                                 void *ctx);

/* Cuts what is left and frees. Takes NULL. Of the callbacks only shutdown's `done` may call it.
 * Streams that were open are over without a callback: what
 * belongs to them is the user's to free. */
LP2P_API void lp2p_host_free(struct lp2p_host *host);

/* Ours; valid as long as the host. */
LP2P_API const struct lp2p_peer_id *lp2p_host_peer_id(const struct lp2p_host *host);

/* Listens, e.g. on /ip4/0.0.0.0/tcp/0. -LP2P_E_UNSUPPORTED, -LP2P_E_ADDR_IN_USE,
 * -LP2P_E_ADDR_NOT_AVAIL, -LP2P_E_PERM, -LP2P_E_NOMEM. */
LP2P_API int lp2p_host_listen(struct lp2p_host *host, const struct lp2p_multiaddr *addr);

/* Our addresses as others can dial them (unspecified ones expanded, with /p2p/). Start with *pos =
 * 0; false at the end. */
LP2P_API bool lp2p_host_addr_next(struct lp2p_host *host, size_t *pos, struct lp2p_multiaddr *ret);

/* ---- attempts ---- */

enum lp2p_stage {
    LP2P_STAGE_LOOKING = 0, /* no address yet, waiting for discovery */
    LP2P_STAGE_DIALING,
    LP2P_STAGE_SECURING,
    LP2P_STAGE_IDENTIFYING,
    LP2P_STAGE_CONNECTED,
    LP2P_STAGE_FAILED,
    LP2P_STAGE_CANCELLED,
};

/* Where an address came from; decides what may be dialed (DESIGN 6). */
enum lp2p_addr_source {
    LP2P_ADDR_TYPED = 0, /* a multiaddr the user typed: no filter */
    LP2P_ADDR_PASTED,    /* in a link the user pasted */
    LP2P_ADDR_LINK,      /* in a link from elsewhere (the operating system) */
    LP2P_ADDR_MDNS,
    LP2P_ADDR_PEER,       /* the peer's identify message */
    LP2P_ADDR_REMEMBERED, /* it worked before */
};

#define LP2P_ATTEMPT_MAX_PATHS 16U

struct lp2p_path {
    struct lp2p_multiaddr addr;
    enum lp2p_addr_source source;
    /* DIALING, SECURING, CONNECTED or FAILED; LOOKING: its turn has not come, or its name is asked
     * for. The addresses of a name are paths of their own, and it ends as they do. */
    enum lp2p_stage stage;
    int error;         /* 0 or -LP2P_E_... */
    const char *where; /* engine or stage the error came from, static; "dns": the name has none */
    lp2p_ts started;
    lp2p_ts ended;
};

struct lp2p_attempt_info {
    uint64_t id; /* never 0, unique in the host's life */
    struct lp2p_peer_id peer;
    enum lp2p_stage stage;
    lp2p_ts started;
    lp2p_ts ended; /* 0 while it runs */
    int error;     /* 0 or the deepest known cause */
    const char *where;
    size_t n_paths;
    size_t n_skipped; /* addresses that were typed, pasted or in a link, and must not be dialed */
    struct lp2p_path paths[LP2P_ATTEMPT_MAX_PATHS];
};

struct lp2p_connect_opts {
    const struct lp2p_multiaddr *addrs; /* n of them, copied; /p2p/ at the end is ignored */
    size_t n;
    enum lp2p_addr_source source; /* of all of them */
    lp2p_ts timeout;              /* for everything; 0: limits.dial_peer_timeout */
    lp2p_ts look; /* how long to wait for discovery when no address answers; 0: not at all */
    /* Nobody waits for it: an address that failed waits for its turn (5 s, growing to 5 min). Else
     * the peer's failures are forgotten, also for a running attempt. */
    bool background;
};

/*
 * Connects to a peer over every address that is given, known or found meanwhile. A running attempt
 * to the same peer takes the new addresses and is answered; a connected peer is an attempt that
 * ends at once. -LP2P_E_SELF, -LP2P_E_LIMIT, -LP2P_E_NOMEM.
 */
LP2P_API int lp2p_host_connect(struct lp2p_host *host, const struct lp2p_peer_id *peer,
                               const struct lp2p_connect_opts *opts, uint64_t *ret_attempt);

/* Stops trying. A connection that the attempt has dialed goes with it, one that the peer opened
 * stays. -LP2P_E_NOT_FOUND, -LP2P_E_STATE when it has ended. */
LP2P_API int lp2p_host_cancel(struct lp2p_host *host, uint64_t attempt);

/* Walks attempts, ended ones included until they are forgotten (60 s, the newest 32); `*ret` is
 * valid until the loop runs again or another attempt begins. Start a walk with *pos = 0, here and
 * below; it may go on whatever happens meanwhile, and meets what came. */
LP2P_API bool lp2p_host_attempt_next(struct lp2p_host *host, size_t *pos,
                                     const struct lp2p_attempt_info **ret);

/* Closes all connections to the peer in order. -LP2P_E_NOT_FOUND. */
LP2P_API int lp2p_host_disconnect(struct lp2p_host *host, const struct lp2p_peer_id *peer);

/* ---- connections ---- */

struct lp2p_conn_info {
    uint64_t id; /* unique in the host's life */
    struct lp2p_peer_id peer;
    bool outbound;
    bool identified;
    struct lp2p_multiaddr remote; /* without /p2p/ */
    struct lp2p_multiaddr local;
    const char *transport; /* "tcp" */
    const char *security;  /* "noise" */
    const char *muxer;     /* "/yamux/1.0.0" */
    const char *agent; /* from identify, cleaned; "" if unknown; valid until the loop runs again */
    lp2p_ts since;     /* authenticated */
    lp2p_ts rtt;       /* 0: unknown */
    uint32_t streams;
    uint64_t bytes_in;
    uint64_t bytes_out;
};

LP2P_API bool lp2p_host_conn_next(struct lp2p_host *host, size_t *pos, struct lp2p_conn_info *ret);

/* A series of pings on one stream (specs ping/ping.md). */
struct lp2p_ping {
    uint32_t count;   /* at least 1 */
    lp2p_ts interval; /* between an echo and the next ping */
    /* Each echo (`err` 0, `rtt`), or the end of the series with an error: -LP2P_E_TIMEOUT,
     * -LP2P_E_NEGOTIATION (the peer does not speak it), -LP2P_E_PROTO, -LP2P_E_RESET,
     * -LP2P_E_CLOSED. */
    void (*done)(void *ctx, int err, lp2p_ts rtt);
    void *ctx;
};

/* Pings a connected peer. -LP2P_E_NOT_FOUND, -LP2P_E_AGAIN, -LP2P_E_NOMEM. */
LP2P_API int lp2p_host_ping(struct lp2p_host *host, const struct lp2p_peer_id *peer,
                            const struct lp2p_ping *ping);
/* Ends the series with this `ctx`, if one runs; its `done` does not come any more. */
LP2P_API void lp2p_host_ping_stop(struct lp2p_host *host, const void *ctx);

/* Measures one stream (specs perf/perf.md): sends `upload` bytes, then receives `download`. */
struct lp2p_perf {
    uint64_t upload;
    uint64_t download;
    /* Payload moved so far; may be NULL. */
    void (*progress)(void *ctx, uint64_t sent, uint64_t received);
    /* Comes once: 0, or -LP2P_E_TIMEOUT (10 s without a byte), -LP2P_E_NEGOTIATION,
     * -LP2P_E_PROTO, -LP2P_E_EOF, -LP2P_E_RESET, -LP2P_E_CLOSED. */
    void (*done)(void *ctx, int err);
    void *ctx;
};

/* To a connected peer. -LP2P_E_NOT_FOUND, -LP2P_E_AGAIN, -LP2P_E_NOMEM. */
LP2P_API int lp2p_host_perf(struct lp2p_host *host, const struct lp2p_peer_id *peer,
                            const struct lp2p_perf *perf);

/* Serves perf to everybody, who may then have as many bytes as they like. -LP2P_E_EXISTS,
 * -LP2P_E_NOMEM. */
LP2P_API int lp2p_host_serve_perf(struct lp2p_host *host);

/* ---- peers that were found or told us about themselves ---- */

struct lp2p_peer_info {
    struct lp2p_peer_id id;
    bool discovered; /* by mDNS and not gone */
    bool connected;
    int app; /* runs the program of `mdns_note`: 1 yes, 0 no, -1 unknown */
    lp2p_ts first_seen;
    lp2p_ts last_seen;
    const char *agent; /* "" if unknown */
    size_t n_addrs;
    size_t n_protocols;
};

/* `agent` is valid until the loop runs again. */
LP2P_API bool lp2p_host_peer_next(struct lp2p_host *host, size_t *pos, struct lp2p_peer_info *ret);
LP2P_API bool lp2p_host_peer_addr_next(struct lp2p_host *host, const struct lp2p_peer_id *peer,
                                       size_t *pos, struct lp2p_multiaddr *ret);
/* Protocol ids the peer told by identify; NUL-terminated, valid until the loop runs again. */
LP2P_API bool lp2p_host_peer_protocol_next(struct lp2p_host *host, const struct lp2p_peer_id *peer,
                                           size_t *pos, const char **ret);

LP2P_END_DECLS

#endif
