#include "base/bucket.h"

void lp2p_bucket_init(struct lp2p_bucket *b, uint32_t burst, lp2p_ts every, lp2p_ts now)
{
    *b = (struct lp2p_bucket){.burst = burst, .tokens = burst, .every = every, .since = now};
}

static void bucket_fill(struct lp2p_bucket *b, lp2p_ts now)
{
    if (now <= b->since || b->every == 0) {
        return;
    }
    lp2p_ts gained = (now - b->since) / b->every;
    if (gained >= b->burst - b->tokens) {
        b->tokens = b->burst;
        b->since = now;
        return;
    }
    /* The rest of a token stays in the time that has not been counted. */
    b->tokens += (uint32_t)gained;
    b->since += gained * b->every;
}

bool lp2p_bucket_take(struct lp2p_bucket *b, lp2p_ts now)
{
    bucket_fill(b, now);
    if (b->tokens == 0) {
        return false;
    }
    b->tokens--;
    return true;
}
