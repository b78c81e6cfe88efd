/*
 * yamux (specs yamux/README.md; DIGEST 10; limits SECURITY 3.2): many streams over one secure
 * connection, each with its own flow control and half close.
 *
 * An engine (STYLE, "The engine contract"). Frames may be cut anywhere; payload is handed out as it
 * comes, as spans into the input. Received bytes are reserved in `scope` until `_consume`; the
 * window is granted at 1/8 (FASTPATH), decided at the end of a frame, doubled when it is used up
 * within four round trips, and grows past 256 KiB only against a reservation. Output: control
 * frames first (Ping replies before everything), then the data frame of the last `_write`, whose
 * bytes are lent only until the composer has pulled `_out`, which it does before it returns.
 *
 *     stream: OPEN -FIN out-> HALF_LOCAL  -FIN in--> CLOSED
 *             OPEN -FIN in--> HALF_REMOTE -FIN out-> CLOSED
 *             any but CLOSED -RST-> RESET
 *
 * A stream is freed when it is closed or reset, what it owes the peer is out, and `_release` was
 * called by its user; the events that wait for it are dropped then. Frames for streams that are
 * gone are ignored. Useless frames are charged to a budget.
 */
#ifndef LP2P_PROTO_YAMUX_H
#define LP2P_PROTO_YAMUX_H

#include "base/list.h"
#include "base/map.h"
#include "base/random.h"
#include "base/ring.h"
#include "base/scope.h"
#include "lp2p/error.h"

#define LP2P_YAMUX_HEADER_SIZE 12U
/* The specification's start window, both directions. */
#define LP2P_YAMUX_WINDOW_START (256U * 1024U)
/* A data frame of ours: 64 KiB while one stream has data, 16 KiB while several compete (rust
 * refuses above 1 MiB). */
#define LP2P_YAMUX_FRAME_MAX   (64U * 1024U)
#define LP2P_YAMUX_FRAME_SHARE (16U * 1024U)

enum lp2p_yamux_role { LP2P_YAMUX_CLIENT, LP2P_YAMUX_SERVER };

/* GoAway and reset codes we use. */
enum lp2p_yamux_code {
    LP2P_YAMUX_NORMAL = 0,
    LP2P_YAMUX_PROTOCOL_ERROR = 1,
    LP2P_YAMUX_INTERNAL_ERROR = 2,
    LP2P_YAMUX_DECLINED = 0x1007, /* connection gated (libp2p error codes) */
};

struct lp2p_yamux_limits {
    uint32_t streams_in;    /* 256: rust closes at 512 in all */
    uint32_t streams_out;   /* 256 */
    uint32_t ack_backlog;   /* 256 opened and not acknowledged */
    uint32_t window_max;    /* 16 MiB, the largest receive window of a stream */
    uint64_t windows_total; /* 24 MiB, sum of the windows granted beyond the start window on this
                               connection */
    lp2p_ts keepalive;      /* 20 s between Pings */
    lp2p_ts ping_timeout;   /* 10 s without an answer or other input: the connection is dead */
    uint32_t abuse_burst;   /* 1,000 useless frames at once ... */
    uint32_t abuse_refill;  /* ... and 33 a second (SECURITY 3.2 says which are charged) */
};

struct lp2p_yamux_cfg {
    const struct lp2p_mem *mem;
    struct lp2p_scope *scope;         /* of the connection */
    const struct lp2p_random *random; /* Ping values */
    struct lp2p_hasher hasher;        /* keyed, for the stream table */
    struct lp2p_yamux_limits limits;
};

struct lp2p_yamux_stream; /* yamux_priv.h */

enum lp2p_yamux_event_type {
    LP2P_YAMUX_EV_NONE = 0,
    LP2P_YAMUX_EV_STREAM,   /* the peer opened `stream` */
    LP2P_YAMUX_EV_ACK,      /* the peer acknowledged our `stream` */
    LP2P_YAMUX_EV_DATA,     /* `data` on `stream`; give it back with _consume */
    LP2P_YAMUX_EV_FIN,      /* no more data on `stream` */
    LP2P_YAMUX_EV_RESET,    /* `stream` is dead, `code` if the peer gave one */
    LP2P_YAMUX_EV_WRITABLE, /* a _write on `stream` that was refused or cut would take bytes now */
    LP2P_YAMUX_EV_RTT,      /* a Ping was answered: `rtt` */
    LP2P_YAMUX_EV_GOAWAY,   /* the peer opens and takes no new streams: `code` */
};

struct lp2p_yamux_event {
    enum lp2p_yamux_event_type type;
    struct lp2p_yamux_stream *stream;
    struct lp2p_mspan data;
    uint32_t code;
    lp2p_ts rtt;
};

struct lp2p_yamux; /* yamux_priv.h; on the heap, as it is large and conn/upgrade makes it late */

/* -LP2P_E_NOMEM. The first Ping is queued at once (round trip for window tuning). */
int lp2p_yamux_new(const struct lp2p_yamux_cfg *cfg, enum lp2p_yamux_role role, lp2p_ts now,
                   struct lp2p_yamux **ret);
/* Frees all streams; their users must have forgotten them. */
void lp2p_yamux_free(struct lp2p_yamux *e);

/* Takes input. Errors are sticky and a GoAway is in the output: -LP2P_E_PROTO, -LP2P_E_ABUSE,
 * -LP2P_E_LIMIT, -LP2P_E_NOMEM. */
int lp2p_yamux_recv(struct lp2p_yamux *e, lp2p_ts now, uint8_t *bytes, size_t n, size_t *ret_used);
bool lp2p_yamux_event(struct lp2p_yamux *e, struct lp2p_yamux_event *ret);
struct lp2p_span lp2p_yamux_out(struct lp2p_yamux *e);
void lp2p_yamux_out_done(struct lp2p_yamux *e, size_t n);

/* Opens a stream; its SYN travels with the first frame (a WindowUpdate when nothing is written
 * before the next _out). -LP2P_E_AGAIN at a limit, -LP2P_E_GOAWAY, -LP2P_E_LIMIT when the ids are
 * used up, -LP2P_E_NOMEM. */
int lp2p_yamux_open(struct lp2p_yamux *e, struct lp2p_yamux_stream **ret);

/* The user's pointer and the wire id of a stream. */
void lp2p_yamux_set_user(struct lp2p_yamux_stream *s, void *user);
void *lp2p_yamux_user(const struct lp2p_yamux_stream *s);
uint32_t lp2p_yamux_id(const struct lp2p_yamux_stream *s);

/*
 * Lends bytes for one data frame, at most `room` with its header; takes what window and frame size
 * allow. The composer pulls _out before it returns. -LP2P_E_AGAIN: WRITABLE follows; -LP2P_E_STATE
 * after close_write; -LP2P_E_RESET.
 */
int lp2p_yamux_write(struct lp2p_yamux *e, struct lp2p_yamux_stream *s, struct lp2p_span bytes,
                     size_t room, size_t *ret_n);

/* The layer below has room again after it refused: turns waiting writers into WRITABLE events, in
 * turn. */
void lp2p_yamux_wake(struct lp2p_yamux *e);

/* The user is done with `n` received bytes: grants window. */
void lp2p_yamux_consume(struct lp2p_yamux *e, lp2p_ts now, struct lp2p_yamux_stream *s, size_t n);

/* FIN, on a frame without payload. */
int lp2p_yamux_close_write(struct lp2p_yamux *e, struct lp2p_yamux_stream *s);

/* RST; nothing comes for this stream any more. */
void lp2p_yamux_reset(struct lp2p_yamux *e, struct lp2p_yamux_stream *s, uint32_t code);

/* The user forgets the stream; it is freed as soon as the wire allows. Resets it if it was still
 * open. */
void lp2p_yamux_release(struct lp2p_yamux *e, struct lp2p_yamux_stream *s);

/* Queues a GoAway: no new streams in either direction. */
void lp2p_yamux_goaway(struct lp2p_yamux *e, uint32_t code);

/* Queues a Ping now (RTT follows); does nothing while one is under way. */
void lp2p_yamux_ping(struct lp2p_yamux *e, lp2p_ts now);

/* Queues a new Ping after a pause in which nothing was heard: when the peer stays silent for
 * `patience` (at most the limits' `ping_timeout` counts) the connection is dead. An answer to an
 * older Ping counts no more. */
void lp2p_yamux_probe(struct lp2p_yamux *e, lp2p_ts now, lp2p_ts patience);

/* Streams alive, both directions. */
uint32_t lp2p_yamux_streams(const struct lp2p_yamux *e);
/* The last round trip, 0: unknown. */
lp2p_ts lp2p_yamux_rtt(const struct lp2p_yamux *e);

lp2p_ts lp2p_yamux_deadline(const struct lp2p_yamux *e);
/* -LP2P_E_TIMEOUT when a Ping was not answered in time; sticky. */
int lp2p_yamux_tick(struct lp2p_yamux *e, lp2p_ts now);
const struct lp2p_failure *lp2p_yamux_error(const struct lp2p_yamux *e);

#endif
