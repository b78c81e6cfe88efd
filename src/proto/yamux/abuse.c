#include "proto/yamux/abuse.h"

void lp2p_yamux_bucket_init(struct lp2p_yamux_bucket *b, uint32_t burst, uint32_t refill,
                            lp2p_ts now)
{
    *b = (struct lp2p_yamux_bucket){
        .burst = burst, .refill = refill, .tokens = burst, .since = now};
}

static void bucket_fill(struct lp2p_yamux_bucket *b, lp2p_ts now)
{
    if (now <= b->since || b->refill == 0) {
        return;
    }
    lp2p_ts each = LP2P_SEC(1) / b->refill;
    lp2p_ts gained = (now - b->since) / each;
    if (gained >= b->burst - b->tokens) {
        b->tokens = b->burst;
        b->since = now;
        return;
    }
    /* The rest of a token stays in the time that has not been counted. */
    b->tokens += (uint32_t)gained;
    b->since += gained * each;
}

bool lp2p_yamux_bucket_take(struct lp2p_yamux_bucket *b, lp2p_ts now)
{
    bucket_fill(b, now);
    if (b->tokens == 0) {
        return false;
    }
    b->tokens--;
    return true;
}
