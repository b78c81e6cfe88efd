/* Each byte string has one text per base: what is decoded encodes to the same text. */
#include "format/multibase.h"

#include "base/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    uint8_t bytes[96];
    size_t len;
    struct lp2p_mspan room = {.p = bytes, .n = sizeof(bytes)};
    if (lp2p_multibase_decode((const char *)p, n, room, &len) != 0) {
        return 0;
    }
    LP2P_ASSERT(len <= sizeof(bytes));
    char text[256];
    size_t text_len;
    LP2P_ASSERT(lp2p_multibase_encode((enum lp2p_multibase)p[0], lp2p_span(bytes, len), text,
                                      sizeof(text), &text_len) == 0);
    LP2P_ASSERT(text_len == n && memcmp(text, p, n) == 0);
    return 0;
}
