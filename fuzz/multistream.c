/* multistream-select, both roles: the first byte cuts, the second chooses role and table. */
#include "fuzz_engine.h"
#include "harness/engine_mss.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    static const struct lp2p_span names[] = {
        {.p = (const uint8_t *)"/noise", .n = 6},
        {.p = (const uint8_t *)"/yamux/1.0.0", .n = 12},
        {.p = (const uint8_t *)"/a", .n = 2},
    };
    if (n < 2) {
        return 0;
    }
    struct mss_case c = {
        .mem = lp2p_mem_default(),
        .role = (p[1] & 1) != 0 ? LP2P_MSS_LISTENER : LP2P_MSS_DIALER,
        .protocols = names,
        .n = 1 + (p[1] >> 1) % 3,
    };
    struct engine_way way = fuzz_way(p[0], false);
    fuzz_engine_way(&mss_ops, &c, lp2p_span(p + 2, n - 2), way);
    return 0;
}
