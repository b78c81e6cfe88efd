#include "format/multihash.h"

#include "base/assert.h"
#include "format/varint.h"
#include "lp2p/error.h"

int lp2p_multihash_decode(struct lp2p_span bytes, struct lp2p_multihash *ret)
{
    struct lp2p_cursor c = lp2p_cursor(bytes.p, bytes.n);
    uint64_t code;
    uint64_t len;
    if (lp2p_uvarint_get(&c, &code) != 0 || lp2p_uvarint_get(&c, &len) != 0) {
        return -LP2P_E_DECODE;
    }
    if (len != lp2p_cursor_left(&c)) {
        return -LP2P_E_DECODE;
    }
    *ret = (struct lp2p_multihash){.code = code, .digest = lp2p_span(c.p, (size_t)len)};
    return 0;
}

int lp2p_multihash_encode(const struct lp2p_multihash *mh, struct lp2p_mspan out, size_t *ret_len)
{
    LP2P_ASSERT(mh->code <= LP2P_UVARINT_MAX);
    size_t head = lp2p_uvarint_size(mh->code) + lp2p_uvarint_size(mh->digest.n);
    if (head > out.n || mh->digest.n > out.n - head) {
        return -LP2P_E_TOO_LONG;
    }
    uint8_t tmp[2 * LP2P_UVARINT_SIZE];
    size_t n = lp2p_uvarint_put(tmp, mh->code);
    n += lp2p_uvarint_put(tmp + n, mh->digest.n);
    memcpy(out.p, tmp, n);
    if (mh->digest.n > 0) {
        memcpy(out.p + n, mh->digest.p, mh->digest.n);
    }
    *ret_len = n + mh->digest.n;
    return 0;
}

bool lp2p_multihash_is_peer(struct lp2p_span bytes)
{
    struct lp2p_multihash mh;
    if (lp2p_multihash_decode(bytes, &mh) != 0) {
        return false;
    }
    if (mh.code == LP2P_MULTIHASH_IDENTITY) {
        return mh.digest.n >= 1 && mh.digest.n <= LP2P_MULTIHASH_MAX_INLINE;
    }
    return mh.code == LP2P_MULTIHASH_SHA2_256 && mh.digest.n == 32;
}
