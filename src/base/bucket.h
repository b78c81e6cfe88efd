/*
 * Token buckets: so much at once, and then one in a while (SECURITY 3.2: the frame-abuse budget,
 * the rate of pushes).
 */
#ifndef LP2P_BASE_BUCKET_H
#define LP2P_BASE_BUCKET_H

#include "lp2p/types.h"

struct lp2p_bucket {
    uint32_t burst;  /* most tokens it holds */
    uint32_t tokens; /* now */
    lp2p_ts every;   /* one more in this time; 0: never */
    lp2p_ts since;   /* up to when that was counted */
};

/* Full. */
void lp2p_bucket_init(struct lp2p_bucket *b, uint32_t burst, lp2p_ts every, lp2p_ts now);

/* Takes one token; false when there is none. */
bool lp2p_bucket_take(struct lp2p_bucket *b, lp2p_ts now);

#endif
