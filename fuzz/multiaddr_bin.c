/* Bytes that were taken print as text that reads back to the same bytes, component by component. */
#include "base/assert.h"
#include "base/span.h"
#include "lp2p/multiaddr.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct lp2p_multiaddr ma;
    if (lp2p_multiaddr_decode(p, n, &ma) != 0) {
        return 0;
    }
    char text[LP2P_MULTIADDR_TEXT_SIZE];
    size_t len = lp2p_multiaddr_format(&ma, text);
    struct lp2p_multiaddr again;
    LP2P_ASSERT(lp2p_multiaddr_parse(text, len, &again) == 0);
    LP2P_ASSERT(again.len == n && memcmp(again.bytes, p, n) == 0);

    struct lp2p_multiaddr built = {.len = 0};
    struct lp2p_multiaddr_part part;
    for (size_t pos = 0; lp2p_multiaddr_next(&ma, &pos, &part);) {
        LP2P_ASSERT(lp2p_multiaddr_append(&built, part.code, part.value) == 0);
    }
    LP2P_ASSERT(lp2p_multiaddr_eq(&built, &ma));
    return 0;
}
