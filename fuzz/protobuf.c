/* Fields lie inside the message, one behind the other, and the reader ends. */
#include "format/protobuf.h"

#include "base/assert.h"
#include "lp2p/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* Writes the field again; never longer than it was read. */
static void check_rewrite(const struct lp2p_pb_field *f, size_t taken)
{
    if (f->wire == LP2P_PB_VARINT) {
        LP2P_ASSERT(lp2p_pb_size_u64(f->num, f->value) <= taken);
    } else if (f->wire == LP2P_PB_BYTES) {
        LP2P_ASSERT(lp2p_pb_size_bytes(f->num, f->bytes.n) <= taken);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct lp2p_pb_reader r = lp2p_pb_reader(lp2p_span(p, n));
    struct lp2p_pb_field f;
    size_t before = n;
    while (lp2p_pb_next(&r, &f)) {
        size_t left = lp2p_cursor_left(&r.c);
        LP2P_ASSERT(left + 2 <= before);
        LP2P_ASSERT(f.num >= 1 && f.num <= LP2P_PB_MAX_FIELD);
        if (f.wire == LP2P_PB_BYTES) {
            LP2P_ASSERT(f.bytes.p >= p && f.bytes.p + f.bytes.n == p + n - left);
        }
        check_rewrite(&f, before - left);
        before = left;
    }
    int err = lp2p_pb_end(&r);
    LP2P_ASSERT(err == 0 ? before == 0 : err == -LP2P_E_DECODE);
    return 0;
}
