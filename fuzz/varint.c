/* A varint that was taken, written again, is the same bytes (unsigned) or no longer (protobuf). */
#include "format/varint.h"

#include "base/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct lp2p_cursor c = lp2p_cursor(p, n);
    uint8_t out[LP2P_PB_VARINT_SIZE];
    uint64_t v;
    if (lp2p_uvarint_get(&c, &v) == 0) {
        size_t used = n - lp2p_cursor_left(&c);
        LP2P_ASSERT(v <= LP2P_UVARINT_MAX);
        LP2P_ASSERT(lp2p_uvarint_put(out, v) == used && memcmp(out, p, used) == 0);
        struct lp2p_cursor again = lp2p_cursor(p, n);
        uint64_t w;
        LP2P_ASSERT(lp2p_pb_varint_get(&again, &w) == 0 && w == v);
    }
    c = lp2p_cursor(p, n);
    if (lp2p_pb_varint_get(&c, &v) == 0) {
        size_t used = n - lp2p_cursor_left(&c);
        LP2P_ASSERT(lp2p_pb_varint_put(out, v) <= used && used <= LP2P_PB_VARINT_SIZE);
    }
    return 0;
}
