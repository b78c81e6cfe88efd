/*
 * multistream-select 1.0 (specs connections/README.md "Protocol negotiation"; DIGEST 7): two ends
 * agree on a protocol by name, for security and muxer while a connection is made and for each
 * stream after that.
 *
 * An engine (STYLE, "The engine contract"). The dialer pipelines: its header and first proposal are
 * output at once, and with one candidate the layer above may send behind them without waiting
 * (lazy). The listener answers `na` until a proposal is in its table. Input behind the line that
 * decides is never touched: it is the next layer's. The caller owns the struct and the tables of
 * names, which outlive the engine.
 *
 *     dialer:   HEADER -> ANSWER -> DONE | FAILED        (na: next proposal, stays in ANSWER)
 *     listener: HEADER -> PROPOSAL -> DONE | FAILED
 */
#ifndef LP2P_PROTO_MULTISTREAM_H
#define LP2P_PROTO_MULTISTREAM_H

#include "base/buf.h"
#include "lp2p/error.h"

/* Longest line with its newline, as go and js (DIGEST 7); two bytes of length prefix are enough for
 * it. */
#define LP2P_MSS_LINE_MAX 1024U
/* Most lines one negotiation may take: more is an attack (SECURITY 3.2). */
#define LP2P_MSS_LINES_MAX 64U
/* Most bytes one negotiation may take (SECURITY 3.2). */
#define LP2P_MSS_BYTES_MAX (16U * 1024U)

enum lp2p_mss_role { LP2P_MSS_DIALER, LP2P_MSS_LISTENER };

enum lp2p_mss_state {
    LP2P_MSS_ST_HEADER,   /* wants /multistream/1.0.0 */
    LP2P_MSS_ST_ANSWER,   /* dialer: wants the echo or na */
    LP2P_MSS_ST_PROPOSAL, /* listener: wants a name */
    LP2P_MSS_ST_DONE,
    LP2P_MSS_ST_FAILED,
};

struct lp2p_mss_cfg {
    const struct lp2p_mem *mem;
    const struct lp2p_span *protocols; /* dialer: proposals in order; listener: what it speaks */
    size_t n;                          /* dialer: at least 1 */
};

enum lp2p_mss_event_type {
    LP2P_MSS_EV_NONE = 0,
    LP2P_MSS_EV_SELECTED, /* `index` into the table */
};

struct lp2p_mss_event {
    enum lp2p_mss_event_type type;
    size_t index;
};

struct lp2p_mss {
    struct lp2p_mss_cfg cfg;
    enum lp2p_mss_role role;
    enum lp2p_mss_state state;
    struct lp2p_failure failure;
    struct lp2p_buf line; /* an incomplete line */
    struct lp2p_buf out;  /* header, proposals, answers */
    size_t proposal;      /* dialer: the one that waits for its answer */
    uint32_t lines;       /* received */
    uint32_t bytes;       /* received */
    bool header_sent;
    bool refused;          /* listener: said na; a lazy dialer's data may follow as lines */
    bool selected_pending; /* the event has not been pulled */
};

/* -LP2P_E_INVAL for a name that is empty, too long, has a newline or does not begin with '/';
 * -LP2P_E_NOMEM. */
int lp2p_mss_init(struct lp2p_mss *e, const struct lp2p_mss_cfg *cfg, enum lp2p_mss_role role);
void lp2p_mss_fini(struct lp2p_mss *e);

/*
 * Takes input; `*ret_used` ends at the line that decides. Errors are sticky: -LP2P_E_NEGOTIATION
 * (dialer: all proposals refused; listener: what follows a refusal is no line, because a lazy
 * dialer sent data behind its proposal: not an attack), -LP2P_E_PROTO, -LP2P_E_LIMIT (a line above
 * LP2P_MSS_LINE_MAX, too many lines or bytes), -LP2P_E_NOMEM.
 */
int lp2p_mss_recv(struct lp2p_mss *e, lp2p_ts now, const uint8_t *bytes, size_t n,
                  size_t *ret_used);

/* The next event; false when there is none. */
bool lp2p_mss_event(struct lp2p_mss *e, struct lp2p_mss_event *ret);

/* Bytes for the peer, stable until acknowledged; an empty span when there are none. */
struct lp2p_span lp2p_mss_out(struct lp2p_mss *e);
void lp2p_mss_out_done(struct lp2p_mss *e, size_t n);

/* True when one candidate is left and unanswered: the caller may send the next layer's bytes behind
 * the output. */
bool lp2p_mss_is_lazy(const struct lp2p_mss *e);

/* Sticky; code 0 while nothing failed. */
const struct lp2p_failure *lp2p_mss_error(const struct lp2p_mss *e);

#endif
