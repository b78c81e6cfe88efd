/* The functions of lp2p/multiaddr.h that know what a peer id is. */
#include "lp2p/multiaddr.h"

#include "base/assert.h"
#include "base/span.h"
#include "lp2p/error.h"

/* The last component and where it begins; false for the empty address. */
static bool addr_last(const struct lp2p_multiaddr *ma, struct lp2p_multiaddr_part *ret,
                      size_t *ret_at)
{
    size_t pos = 0;
    size_t at = 0;
    bool any = false;
    while (lp2p_multiaddr_next(ma, &pos, ret)) {
        *ret_at = at;
        at = pos;
        any = true;
    }
    return any;
}

int lp2p_multiaddr_peer_id(const struct lp2p_multiaddr *ma, struct lp2p_peer_id *ret)
{
    struct lp2p_multiaddr_part part;
    size_t at;
    if (!addr_last(ma, &part, &at) || part.code != LP2P_MA_P2P) {
        return -LP2P_E_NOT_FOUND;
    }
    return lp2p_peer_id_decode(part.value.p, part.value.n, ret);
}

int lp2p_multiaddr_with_peer_id(struct lp2p_multiaddr *ma, const struct lp2p_peer_id *id)
{
    struct lp2p_multiaddr_part part;
    size_t at;
    struct lp2p_span want = lp2p_span(id->bytes, id->len);
    if (addr_last(ma, &part, &at) && part.code == LP2P_MA_P2P) {
        return lp2p_span_eq(part.value, want) ? 0 : -LP2P_E_EXISTS;
    }
    return lp2p_multiaddr_append(ma, LP2P_MA_P2P, want);
}

void lp2p_multiaddr_without_peer_id(struct lp2p_multiaddr *ma)
{
    struct lp2p_multiaddr_part part;
    size_t at;
    /* go and rust have both produced /p2p/R/p2p/R */
    while (addr_last(ma, &part, &at) && part.code == LP2P_MA_P2P) {
        ma->len = (uint16_t)at;
    }
}
