/*
 * perf 1.0.0 (specs perf/perf.md; DIGEST 15): measures one stream. The client says in 8 bytes, big
 * endian, how many bytes it wants back, sends as many as it likes and ends its direction; the
 * server drops them, then sends what was asked for and ends its own.
 *
 * An engine (STYLE, "The engine contract") for one stream. Payload is never held: input is counted,
 * output is the same block of `cfg` over and over, and there is no allocation.
 *
 *     client: SENDING -> RECEIVING -> DONE | FAILED
 *     server: RECEIVING -> SENDING -> DONE | FAILED
 *
 * The end of our direction is the user's to send: CLOSE comes when all output is acknowledged.
 */
#ifndef LP2P_PROTO_PERF_H
#define LP2P_PROTO_PERF_H

#include "base/span.h"
#include "lp2p/error.h"

#define LP2P_PERF_PROTOCOL "/perf/1.0.0"

#define LP2P_PERF_HEAD_SIZE 8U
/* Without a byte in either direction; as long as a write may be stuck in the transport. */
#define LP2P_PERF_TIMEOUT LP2P_SEC(10)

enum lp2p_perf_role { LP2P_PERF_SERVER, LP2P_PERF_CLIENT };

enum lp2p_perf_state {
    LP2P_PERF_ST_SENDING,
    LP2P_PERF_ST_RECEIVING,
    LP2P_PERF_ST_DONE,
    LP2P_PERF_ST_FAILED,
};

struct lp2p_perf_cfg {
    struct lp2p_span block; /* what payload is made of, not empty; outlives the engine */
    uint64_t upload;        /* client: bytes to send */
    uint64_t download;      /* client: bytes to ask for */
};

enum lp2p_perf_event_type {
    LP2P_PERF_EV_NONE = 0,
    LP2P_PERF_EV_CLOSE, /* end our direction; all output is sent */
    LP2P_PERF_EV_DONE,  /* both directions are over as agreed */
};

struct lp2p_perf_event {
    enum lp2p_perf_event_type type;
};

struct lp2p_perf_stream {
    struct lp2p_perf_cfg cfg;
    enum lp2p_perf_role role;
    enum lp2p_perf_state state;
    struct lp2p_failure failure;
    uint8_t head[LP2P_PERF_HEAD_SIZE];
    uint8_t head_left; /* of it still to come (server) or to send (client) */
    uint64_t out_left; /* payload still to send */
    uint64_t in;       /* payload received */
    uint64_t out;      /* payload sent */
    lp2p_ts deadline;
    bool close_pending;
    bool done_pending;
};

void lp2p_perf_init(struct lp2p_perf_stream *e, const struct lp2p_perf_cfg *cfg,
                    enum lp2p_perf_role role, lp2p_ts now);
void lp2p_perf_fini(struct lp2p_perf_stream *e);

/* Takes input, all of it. Sticky: -LP2P_E_PROTO (client: bytes before its end is out, or more than
 * it asked for). */
int lp2p_perf_recv(struct lp2p_perf_stream *e, lp2p_ts now, const uint8_t *bytes, size_t n,
                   size_t *ret_used);

/* The peer sends no more. Sticky: -LP2P_E_EOF when it owed something. */
int lp2p_perf_recv_eof(struct lp2p_perf_stream *e, lp2p_ts now);

bool lp2p_perf_event(struct lp2p_perf_stream *e, struct lp2p_perf_event *ret);
struct lp2p_span lp2p_perf_out(struct lp2p_perf_stream *e);
void lp2p_perf_out_done(struct lp2p_perf_stream *e, lp2p_ts now, size_t n);

lp2p_ts lp2p_perf_deadline(const struct lp2p_perf_stream *e);
/* Sticky: -LP2P_E_TIMEOUT. */
int lp2p_perf_tick(struct lp2p_perf_stream *e, lp2p_ts now);
const struct lp2p_failure *lp2p_perf_error(const struct lp2p_perf_stream *e);

#endif
