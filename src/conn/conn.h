/*
 * What a secured, multiplexed connection offers, whatever it is made of: conn/upgrade (multistream,
 * Noise, yamux over a byte stream) implements it, QUIC and WebRTC will. Still an engine: no socket,
 * no clock; transport/wire drives it.
 *
 * Stages: NEGOTIATING -> SECURING -> OPEN -> CLOSED. After SECURED the peer id is proved; after UP
 * streams can be opened. Every call may end in the sticky error (`error`); then `event` says no
 * more, the streams are dead without events of their own, and `out` may still hold a goodbye.
 */
#ifndef LP2P_CONN_CONN_H
#define LP2P_CONN_CONN_H

#include "base/scope.h"
#include "base/span.h"
#include "lp2p/error.h"
#include "lp2p/peer_id.h"

enum lp2p_conn_role { LP2P_CONN_DIALER, LP2P_CONN_LISTENER };

struct lp2p_conn_stream; /* belongs to the connection */

enum lp2p_conn_event_type {
    LP2P_CONN_EV_NONE = 0,
    LP2P_CONN_EV_NEED_DH,  /* `remote`: answer with ops->give_dh */
    LP2P_CONN_EV_SECURED,  /* `peer` is proved */
    LP2P_CONN_EV_UP,       /* muxer agreed: streams may be opened */
    LP2P_CONN_EV_STREAM,   /* the peer opened `stream` */
    LP2P_CONN_EV_ACK,      /* the peer acknowledged our `stream` */
    LP2P_CONN_EV_DATA,     /* `data` on `stream`, valid until the next event is pulled */
    LP2P_CONN_EV_FIN,      /* the peer sends no more on `stream` */
    LP2P_CONN_EV_RESET,    /* `stream` is dead; `code` */
    LP2P_CONN_EV_WRITABLE, /* `stream` takes bytes again */
    LP2P_CONN_EV_RTT,      /* `rtt` was measured */
    LP2P_CONN_EV_GOAWAY,   /* the peer takes no new streams; `code` */
};

struct lp2p_conn_event {
    enum lp2p_conn_event_type type;
    struct lp2p_conn_stream *stream;
    struct lp2p_mspan data;
    const uint8_t *remote;           /* NEED_DH: 32 bytes */
    const struct lp2p_peer_id *peer; /* SECURED: valid as long as the connection */
    uint32_t code;
    lp2p_ts rtt;
};

struct lp2p_conn {
    const struct lp2p_conn_ops *ops;
};

/* The engine contract (STYLE) and the commands of a multiplexed connection. All take the connection
 * first. */
struct lp2p_conn_ops {
    void (*free)(struct lp2p_conn *c);

    /* Mutable input; uses less than given only while events wait, when the tail is an incomplete
     * record, while NEED_DH is not answered, or while the peer has to take output first. Never call
     * it with events not pulled: they point into the bytes given before. */
    int (*recv)(struct lp2p_conn *c, lp2p_ts now, uint8_t *bytes, size_t n, size_t *ret_used);
    /* Bytes that the incomplete record at the front of `bytes` needs in all; at least 1. */
    size_t (*want)(const struct lp2p_conn *c, const uint8_t *bytes, size_t n);
    /* The peer ended the byte stream: -LP2P_E_EOF becomes the error; when a GoAway came before it
     * is -LP2P_E_CLOSED, or -LP2P_E_DECLINED, with its code. */
    void (*recv_eof)(struct lp2p_conn *c, lp2p_ts now);
    bool (*event)(struct lp2p_conn *c, lp2p_ts now, struct lp2p_conn_event *ret);
    struct lp2p_span (*out)(struct lp2p_conn *c);
    void (*out_done)(struct lp2p_conn *c, lp2p_ts now, size_t n);
    lp2p_ts (*deadline)(const struct lp2p_conn *c);
    int (*tick)(struct lp2p_conn *c, lp2p_ts now);
    const struct lp2p_failure *(*error)(const struct lp2p_conn *c);

    int (*give_dh)(struct lp2p_conn *c, lp2p_ts now, const uint8_t shared[LP2P_SIZE(32)]);

    /* -LP2P_E_STATE before UP, -LP2P_E_AGAIN at a limit, -LP2P_E_GOAWAY. */
    int (*open)(struct lp2p_conn *c, struct lp2p_conn_stream **ret);
    void (*set_user)(struct lp2p_conn_stream *s, void *user);
    void *(*user)(const struct lp2p_conn_stream *s);
    /* Takes what fits and says how much; when that is not all, WRITABLE follows. -LP2P_E_AGAIN
     * (nothing fits, or there is no memory for the output now), -LP2P_E_STATE, -LP2P_E_RESET. */
    int (*write)(struct lp2p_conn *c, lp2p_ts now, struct lp2p_conn_stream *s,
                 struct lp2p_span bytes, size_t *ret_n);
    void (*consume)(struct lp2p_conn *c, lp2p_ts now, struct lp2p_conn_stream *s, size_t n);
    int (*close_write)(struct lp2p_conn *c, struct lp2p_conn_stream *s);
    void (*reset)(struct lp2p_conn *c, struct lp2p_conn_stream *s, uint32_t code);
    /* The user forgets the stream; resets it if it is still open. */
    void (*release)(struct lp2p_conn *c, struct lp2p_conn_stream *s);
    /* Says goodbye: no new streams. The output must be sent before the transport is closed. */
    void (*goaway)(struct lp2p_conn *c, uint32_t code);
    void (*ping)(struct lp2p_conn *c, lp2p_ts now);
    /* As ping; and a peer that stays silent for `patience` is dead: -LP2P_E_TIMEOUT. */
    void (*probe)(struct lp2p_conn *c, lp2p_ts now, lp2p_ts patience);

    /* Names for the status: "noise", "/yamux/1.0.0". Static strings. */
    const char *(*security)(const struct lp2p_conn *c);
    const char *(*muxer)(const struct lp2p_conn *c);
};

#endif
