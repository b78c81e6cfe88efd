/*
 * ping 1.0.0 (specs ping/ping.md; DIGEST 13): 32 random bytes and back, any number of times on one
 * stream.
 *
 * An engine (STYLE, "The engine contract") for one stream. The responder echoes each 32 bytes as a
 * whole and takes no more input while an echo waits to be sent, so a peer that does not read gets
 * nothing queued (GHSA-3999-5ffv-wp2r). The pinger has one ping in flight and measures the round
 * trip from the command to the last byte of the echo.
 *
 *     responder: OPEN -> DONE (end of the peer's data) | FAILED
 *     pinger:    OPEN <-> WAITING -> DONE (_close) | FAILED
 */
#ifndef LP2P_PROTO_PING_H
#define LP2P_PROTO_PING_H

#include "base/random.h"
#include "base/span.h"
#include "lp2p/error.h"

#define LP2P_PING_SIZE 32U
/* Responder: without a whole ping; pinger: without the echo. As go and js (DIGEST 13). */
#define LP2P_PING_TIMEOUT LP2P_SEC(10)

#define LP2P_PING_PROTOCOL "/ipfs/ping/1.0.0"

enum lp2p_ping_role { LP2P_PING_RESPONDER, LP2P_PING_PINGER };

enum lp2p_ping_state {
    LP2P_PING_ST_OPEN,    /* responder: wants a ping; pinger: idle */
    LP2P_PING_ST_WAITING, /* pinger: a ping is in flight */
    LP2P_PING_ST_DONE,
    LP2P_PING_ST_FAILED,
};

struct lp2p_ping_cfg {
    const struct lp2p_random *random; /* pinger; outlives the engine */
};

enum lp2p_ping_event_type {
    LP2P_PING_EV_NONE = 0,
    LP2P_PING_EV_PONG,  /* pinger: `rtt` */
    LP2P_PING_EV_CLOSE, /* end our direction; all output is sent */
};

struct lp2p_ping_event {
    enum lp2p_ping_event_type type;
    lp2p_ts rtt;
};

struct lp2p_ping_stream {
    struct lp2p_ping_cfg cfg;
    enum lp2p_ping_role role;
    enum lp2p_ping_state state;
    struct lp2p_failure failure;
    uint8_t data[LP2P_PING_SIZE]; /* responder: the ping that comes or goes back; pinger: the ping
                                     in flight */
    uint8_t in;                   /* bytes of it received */
    uint8_t out;                  /* bytes of it still to send */
    lp2p_ts sent;                 /* pinger */
    lp2p_ts rtt;                  /* pinger: of the PONG that was not pulled */
    lp2p_ts deadline;
    bool eof; /* the peer sends no more */
    bool pong_pending;
    bool close_pending;
};

void lp2p_ping_init(struct lp2p_ping_stream *e, const struct lp2p_ping_cfg *cfg,
                    enum lp2p_ping_role role, lp2p_ts now);
void lp2p_ping_fini(struct lp2p_ping_stream *e);

/* Takes input. Sticky: -LP2P_E_PROTO (the pinger got other bytes than it sent, or too many). */
int lp2p_ping_recv(struct lp2p_ping_stream *e, lp2p_ts now, const uint8_t *bytes, size_t n,
                   size_t *ret_used);

/* The peer sends no more. -LP2P_E_EOF when the pinger waits for an echo. */
int lp2p_ping_recv_eof(struct lp2p_ping_stream *e, lp2p_ts now);

bool lp2p_ping_event(struct lp2p_ping_stream *e, struct lp2p_ping_event *ret);
struct lp2p_span lp2p_ping_out(struct lp2p_ping_stream *e);
void lp2p_ping_out_done(struct lp2p_ping_stream *e, lp2p_ts now, size_t n);

/* Pinger: sends one. -LP2P_E_AGAIN while one is in flight or its PONG was not pulled, -LP2P_E_STATE
 * after the end. */
int lp2p_ping_send(struct lp2p_ping_stream *e, lp2p_ts now);

/* Pinger: no more pings; CLOSE follows. */
void lp2p_ping_close(struct lp2p_ping_stream *e);

lp2p_ts lp2p_ping_deadline(const struct lp2p_ping_stream *e);
/* Sticky: -LP2P_E_TIMEOUT. */
int lp2p_ping_tick(struct lp2p_ping_stream *e, lp2p_ts now);
const struct lp2p_failure *lp2p_ping_error(const struct lp2p_ping_stream *e);

#endif
