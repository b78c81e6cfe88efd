#include "base/random.h"

#include "base/assert.h"

uint64_t lp2p_random_below(const struct lp2p_random *r, uint64_t bound)
{
    LP2P_ASSERT(bound > 0);
    /* Values below `skip` would make the small results more likely. */
    uint64_t skip = (UINT64_MAX - bound + 1) % bound;
    for (;;) {
        uint64_t v;
        lp2p_random_fill(r, (uint8_t *)&v, sizeof(v));
        if (v >= skip) {
            return v % bound;
        }
    }
}
