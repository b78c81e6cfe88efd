/* A multihash that was taken encodes to the same bytes. */
#include "format/multihash.h"

#include "base/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct lp2p_multihash mh;
    bool taken = lp2p_multihash_decode(lp2p_span(p, n), &mh) == 0;
    LP2P_ASSERT(taken || !lp2p_multihash_is_peer(lp2p_span(p, n)));
    if (!taken || n > 256) {
        return 0;
    }
    uint8_t out[256];
    size_t len;
    struct lp2p_mspan room = {.p = out, .n = sizeof(out)};
    LP2P_ASSERT(lp2p_multihash_encode(&mh, room, &len) == 0);
    LP2P_ASSERT(len == n && memcmp(out, p, n) == 0);
    return 0;
}
