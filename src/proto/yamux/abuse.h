/*
 * Token buckets: a peer may send so many useless frames at once and so many a second, then the
 * connection ends (SECURITY 3.2, "frame-abuse budget"). recv.c says which frames are charged.
 */
#ifndef LP2P_PROTO_YAMUX_ABUSE_H
#define LP2P_PROTO_YAMUX_ABUSE_H

#include "lp2p/types.h"

struct lp2p_yamux_bucket {
    uint32_t burst;  /* most tokens it holds */
    uint32_t refill; /* tokens a second */
    uint32_t tokens; /* now */
    lp2p_ts since;   /* up to when the refill was counted */
};

void lp2p_yamux_bucket_init(struct lp2p_yamux_bucket *b, uint32_t burst, uint32_t refill,
                            lp2p_ts now);

/* Takes one token; false when there is none. */
bool lp2p_yamux_bucket_take(struct lp2p_yamux_bucket *b, lp2p_ts now);

#endif
