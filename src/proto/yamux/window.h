/*
 * Flow control of one stream (specs yamux/README.md, "Flow Control"; FASTPATH, "Levers"). The
 * receive window grants at 1/8 and doubles when it is used up within four round trips; the send
 * window is a saturating counter.
 *
 * Always: credit + bytes of the frame under way + unread + ungranted = max. What is unread is
 * reserved in the scope as it arrives, what `max` exceeds the start window by is reserved when it
 * grows, and then only where every account keeps half for what arrives; both share one reservation,
 * the larger of the two.
 */
#ifndef LP2P_PROTO_YAMUX_WINDOW_H
#define LP2P_PROTO_YAMUX_WINDOW_H

#include "proto/yamux/yamux.h"

/* Grants are sent when this part of the window was consumed. */
#define LP2P_YAMUX_GRANT_PART 8U
/* A window used up within so many round trips limits the speed, and doubles. */
#define LP2P_YAMUX_TUNE_ROUNDS 4U

/* What the streams of a connection share. */
struct lp2p_yamux_budget {
    struct lp2p_scope *scope;
    uint64_t grown;      /* sum of what windows exceed the start window by */
    uint64_t grown_max;  /* limits.windows_total */
    uint32_t window_max; /* limits.window_max */
};

struct lp2p_yamux_window {
    uint32_t credit;    /* bytes the peer may still announce */
    uint32_t max;       /* size of the window */
    uint32_t unread;    /* handed out and not consumed */
    uint32_t ungranted; /* consumed, or grown by, and not granted yet */
    uint32_t reserved;  /* in the scope */
    uint32_t used;      /* consumed since `epoch` */
    lp2p_ts epoch;      /* LP2P_TS_NEVER before the first byte */
};

void lp2p_yamux_window_init(struct lp2p_yamux_window *w);

/* Gives every reservation back; unread bytes are forgotten. */
void lp2p_yamux_window_fini(struct lp2p_yamux_window *w, struct lp2p_yamux_budget *b);

/* `n` bytes of payload arrive that were announced within the credit. -LP2P_E_LIMIT: the scope is
 * full, nothing changed. */
int lp2p_yamux_window_arrive(struct lp2p_yamux_window *w, struct lp2p_yamux_budget *b, lp2p_ts now,
                             uint32_t n);

/* The user is done with `n` <= unread bytes. Grows the window if it limits the speed; `rtt` 0:
 * unknown. */
void lp2p_yamux_window_consume(struct lp2p_yamux_window *w, struct lp2p_yamux_budget *b,
                               lp2p_ts now, lp2p_ts rtt, uint32_t n);

/* True when a grant is worth a frame. */
bool lp2p_yamux_window_is_due(const struct lp2p_yamux_window *w);

/* Everything there is to grant, which counts as granted now. */
uint32_t lp2p_yamux_window_grant(struct lp2p_yamux_window *w);

#endif
