/*
 * The session: what its source files share. yamux.c: life, streams, time; recv.c: input;
 * out.c: output; command.c: wishes of the layer above.
 */
#ifndef LP2P_PROTO_YAMUX_PRIV_H
#define LP2P_PROTO_YAMUX_PRIV_H

#include "base/bucket.h"
#include "proto/yamux/frame.h"
#include "proto/yamux/stream.h"

/* Events of one step of input; recv stops at the first step that has some. A frame makes at most
 * three: its stream, its data, its end. */
#define LP2P_YAMUX_EVENTS_MAX 4U
/* Answers that wait for output: more Pings (SECURITY 3.2) or refused streams than these, and no
 * input is taken until some are out (CVE-2024-32984). */
#define LP2P_YAMUX_PONGS_MAX  8U
#define LP2P_YAMUX_REFUSE_MAX 48U
/* Pings a second that are free of charge (SECURITY 3.2); js and go send one in 30 s. */
#define LP2P_YAMUX_FREE_PINGS 2U
/* WindowUpdates of a stream that answer no data frame and cost nothing: doubling 256 KiB to 16 MiB
 * takes six. */
#define LP2P_YAMUX_GROWTHS_MAX 8U
/* A Ping without an answer ends the connection after so many time-outs even if other input comes.
 */
#define LP2P_YAMUX_PING_PATIENCE 6U
/* Most frames, and bytes, that may still arrive for streams that are gone and are free of charge: a
 * peer cannot know of a reset before a round trip. */
#define LP2P_YAMUX_LATE_FRAMES_MAX 4096U
/* Of one stream: its end, its acknowledgement, and what crosses ours. */
#define LP2P_YAMUX_LATE_FRAMES    4U
#define LP2P_YAMUX_LATE_BYTES_MAX (64U * 1024U * 1024U)

/* Answers a stream that gets no struct. */
struct lp2p_yamux_refusal {
    uint32_t id;
    uint32_t code;
};

struct lp2p_yamux {
    struct lp2p_yamux_cfg cfg;
    enum lp2p_yamux_role role;
    struct lp2p_failure failure;

    /* Streams. */
    struct lp2p_map map;      /* by id, those that frames find */
    struct lp2p_list streams; /* all */
    struct lp2p_list owing;   /* those with control frames, in the order they asked */
    struct lp2p_yamux_turns turns;
    struct lp2p_yamux_budget budget;
    uint32_t next_id;
    uint32_t n_in;
    uint32_t n_out;
    uint32_t unacked; /* opened by us and not acknowledged */

    /* Input. */
    uint8_t head[LP2P_YAMUX_HEADER_SIZE];
    uint8_t head_len;
    bool body_fin;                  /* the frame under way ends its stream */
    uint32_t body_left;             /* payload of the frame under way that has not come */
    struct lp2p_yamux_stream *body; /* whose payload it is, NULL: nobody's */
    struct lp2p_yamux_event events[LP2P_YAMUX_EVENTS_MAX];
    uint8_t n_events;
    uint8_t first_event;
    struct lp2p_bucket abuse;
    struct lp2p_bucket pings;
    uint32_t late_frames;
    uint32_t late_bytes;
    lp2p_ts last_recv;

    /* Output. */
    uint8_t frame[LP2P_YAMUX_HEADER_SIZE];
    uint8_t frame_left; /* of `frame`, not acknowledged */
    bool lent;          /* `lent_frame` and `lent_bytes` wait behind the control frames */
    struct lp2p_yamux_frame lent_frame;
    struct lp2p_span lent_bytes; /* when not `lent`: payload of the frame that is being sent */
    uint32_t pongs[LP2P_YAMUX_PONGS_MAX];
    uint8_t n_pongs;
    struct lp2p_ring refusals; /* struct lp2p_yamux_refusal */

    /* Ping of ours. */
    bool ping_owed;    /* not sent yet */
    bool ping_waiting; /* owed or sent, and not answered */
    uint32_t ping_value;
    lp2p_ts ping_at;       /* when it was asked for */
    lp2p_ts ping_patience; /* silence after that which ends the connection */
    lp2p_ts ping_next;
    lp2p_ts rtt;      /* the last one */
    lp2p_ts rtt_base; /* the shortest of late, by which windows grow */

    bool goaway_owed;
    bool goaway_sent; /* or owed */
    bool goaway_seen;
    uint32_t goaway_code; /* ours */
};

/* yamux.c */

/* Makes the error sticky, queues GoAway `wire` when the peer is told (class OURS or no memory), and
 * returns `code`. */
int lp2p_yamux_fail(struct lp2p_yamux *e, int code, uint32_t wire);

struct lp2p_yamux_stream *lp2p_yamux_find(const struct lp2p_yamux *e, uint32_t id);

/* A stream in state OPEN that frames find. -LP2P_E_NOMEM. Its place in the scope is reserved before
 * and given back with it. */
int lp2p_yamux_stream_new(struct lp2p_yamux *e, uint32_t id, bool outbound,
                          struct lp2p_yamux_stream **ret);

void lp2p_yamux_owe(struct lp2p_yamux *e, struct lp2p_yamux_stream *s, unsigned what);

/* `what` is sent, or is not owed any more. */
void lp2p_yamux_owe_less(struct lp2p_yamux_stream *s, unsigned what);

/* Owes a grant when one is due. */
void lp2p_yamux_owe_window(struct lp2p_yamux *e, struct lp2p_yamux_stream *s);

/* The stream is reset: nothing of it is kept but what its user holds. */
void lp2p_yamux_kill(struct lp2p_yamux *e, struct lp2p_yamux_stream *s);

/* A stream is gone that the peer may still send to: so many bytes of data, and so many frames
 * without, cost nothing. */
void lp2p_yamux_expect_late(struct lp2p_yamux *e, uint32_t bytes, uint32_t frames);

/* Takes a stream that is over out of the map and frees it once nobody needs it; call it after every
 * step that may end it, and do not touch the stream behind it. */
void lp2p_yamux_settle(struct lp2p_yamux *e, struct lp2p_yamux_stream *s);

/* recv.c */

/* Drops what is queued for a stream whose user wants nothing any more. */
void lp2p_yamux_drop_events(struct lp2p_yamux *e, const struct lp2p_yamux_stream *s);

/* out.c */

/* Bytes of control frames that come before a data frame. */
size_t lp2p_yamux_control_size(const struct lp2p_yamux *e);

#endif
