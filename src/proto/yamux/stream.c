#include "proto/yamux/stream.h"

#include "base/assert.h"

/* Bit set of the states a state may be left for. */
static const uint8_t stream_steps[LP2P_YAMUX_STATES] = {
    [LP2P_YAMUX_ST_OPEN] = 1U << LP2P_YAMUX_ST_HALF_LOCAL | 1U << LP2P_YAMUX_ST_HALF_REMOTE |
                           1U << LP2P_YAMUX_ST_RESET,
    [LP2P_YAMUX_ST_HALF_LOCAL] = 1U << LP2P_YAMUX_ST_CLOSED | 1U << LP2P_YAMUX_ST_RESET,
    [LP2P_YAMUX_ST_HALF_REMOTE] = 1U << LP2P_YAMUX_ST_CLOSED | 1U << LP2P_YAMUX_ST_RESET,
    [LP2P_YAMUX_ST_CLOSED] = 0,
    [LP2P_YAMUX_ST_RESET] = 0,
};

void lp2p_yamux_stream_set_state(struct lp2p_yamux_stream *s, enum lp2p_yamux_state to)
{
    LP2P_ASSERT((stream_steps[s->state] & (1U << to)) != 0);
    s->state = to;
}

void lp2p_yamux_stream_end_local(struct lp2p_yamux_stream *s)
{
    lp2p_yamux_stream_set_state(s, s->state == LP2P_YAMUX_ST_OPEN ? LP2P_YAMUX_ST_HALF_LOCAL
                                                                  : LP2P_YAMUX_ST_CLOSED);
}

void lp2p_yamux_stream_end_remote(struct lp2p_yamux_stream *s)
{
    lp2p_yamux_stream_set_state(s, s->state == LP2P_YAMUX_ST_OPEN ? LP2P_YAMUX_ST_HALF_REMOTE
                                                                  : LP2P_YAMUX_ST_CLOSED);
}

size_t lp2p_yamux_stream_frames(const struct lp2p_yamux_stream *s)
{
    const unsigned update = LP2P_YAMUX_OWE_SYN | LP2P_YAMUX_OWE_ACK | LP2P_YAMUX_OWE_WINDOW;
    return ((s->owed & update) != 0 ? 1U : 0U) + ((s->owed & LP2P_YAMUX_OWE_FIN) != 0 ? 1U : 0U) +
           ((s->owed & LP2P_YAMUX_OWE_RST) != 0 ? 1U : 0U);
}
