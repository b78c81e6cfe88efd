/*
 * One stream: its state, its windows and the control frames it owes the peer. Knows nothing of the
 * other streams; the session (yamux.c, recv.c, out.c, command.c) owns it.
 */
#ifndef LP2P_PROTO_YAMUX_STREAM_H
#define LP2P_PROTO_YAMUX_STREAM_H

#include "proto/yamux/turn.h"
#include "proto/yamux/window.h"

/* The drawing is in yamux.h. A side that asked for FIN counts as closed, before the frame is out.
 */
enum lp2p_yamux_state {
    LP2P_YAMUX_ST_OPEN,
    LP2P_YAMUX_ST_HALF_LOCAL,  /* we send no more */
    LP2P_YAMUX_ST_HALF_REMOTE, /* the peer sends no more */
    LP2P_YAMUX_ST_CLOSED,
    LP2P_YAMUX_ST_RESET,
};
#define LP2P_YAMUX_STATES 5U

/* Control frames owed to the peer. The first three travel in one frame. */
enum lp2p_yamux_owed {
    LP2P_YAMUX_OWE_SYN = 1,
    LP2P_YAMUX_OWE_ACK = 2,
    LP2P_YAMUX_OWE_WINDOW = 4,
    LP2P_YAMUX_OWE_FIN = 8,
    LP2P_YAMUX_OWE_RST = 16, /* alone: it drops the others */
};

struct lp2p_yamux_stream {
    struct lp2p_list all;          /* in the session's list of streams */
    struct lp2p_list owing;        /* in the session's list while `owed` is not 0 */
    struct lp2p_yamux_turner turn; /* wants to write */
    void *user;
    uint32_t id; /* key in the session's map */
    enum lp2p_yamux_state state;
    uint8_t owed; /* set of enum lp2p_yamux_owed */
    bool outbound;
    bool acked;       /* outbound: the peer acknowledged it */
    bool mapped;      /* frames find it */
    bool want_window; /* a write waits for credit */
    bool had_data;    /* a Data frame with payload came */
    bool released;    /* its user forgot it */
    uint32_t reset_code;
    uint32_t send_window;
    uint8_t growths;    /* WindowUpdates that answered no data frame */
    uint32_t unupdated; /* data frames sent and not answered by a WindowUpdate */
    struct lp2p_yamux_window recv;
};

/* Asserts that the step is legal. */
void lp2p_yamux_stream_set_state(struct lp2p_yamux_stream *s, enum lp2p_yamux_state to);

/* The state after FIN of either side; only legal while that side is open. */
void lp2p_yamux_stream_end_local(struct lp2p_yamux_stream *s);
void lp2p_yamux_stream_end_remote(struct lp2p_yamux_stream *s);

static inline bool lp2p_yamux_stream_can_send(const struct lp2p_yamux_stream *s)
{
    return s->state == LP2P_YAMUX_ST_OPEN || s->state == LP2P_YAMUX_ST_HALF_REMOTE;
}

static inline bool lp2p_yamux_stream_can_recv(const struct lp2p_yamux_stream *s)
{
    return s->state == LP2P_YAMUX_ST_OPEN || s->state == LP2P_YAMUX_ST_HALF_LOCAL;
}

static inline bool lp2p_yamux_stream_is_over(const struct lp2p_yamux_stream *s)
{
    return s->state == LP2P_YAMUX_ST_CLOSED || s->state == LP2P_YAMUX_ST_RESET;
}

/* Frames that `owed` makes. */
size_t lp2p_yamux_stream_frames(const struct lp2p_yamux_stream *s);

#endif
