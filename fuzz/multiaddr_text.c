/* A text that was taken prints as text that reads back to the same address. */
#include "base/assert.h"
#include "lp2p/multiaddr.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct lp2p_multiaddr ma;
    if (lp2p_multiaddr_parse((const char *)p, n, &ma) != 0) {
        return 0;
    }
    char text[LP2P_MULTIADDR_TEXT_SIZE];
    size_t len = lp2p_multiaddr_format(&ma, text);
    struct lp2p_multiaddr again;
    LP2P_ASSERT(lp2p_multiaddr_parse(text, len, &again) == 0);
    LP2P_ASSERT(lp2p_multiaddr_eq(&ma, &again));
    LP2P_ASSERT(lp2p_multiaddr_decode(ma.bytes, ma.len, &again) == 0);
    return 0;
}
