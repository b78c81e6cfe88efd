#include "swarm/dnsaddr.h"

#include "base/assert.h"
#include "lp2p/error.h"

/* Whole components only: bytes in the middle of one may look like others. */
static bool addr_ends_with(const struct lp2p_multiaddr *ma, struct lp2p_span suffix)
{
    struct lp2p_multiaddr_part part;
    size_t pos = 0;
    do {
        if (lp2p_span_eq(lp2p_span(ma->bytes + pos, ma->len - pos), suffix)) {
            return true;
        }
    } while (lp2p_multiaddr_next(ma, &pos, &part));
    return false;
}

int swarm_dnsaddr_decode(struct lp2p_span text, const struct lp2p_peer_id *peer,
                         struct lp2p_span suffix, struct lp2p_multiaddr *ret)
{
    static const char mark[] = "dnsaddr=";
    size_t n = sizeof(mark) - 1;
    struct lp2p_multiaddr ma;
    struct lp2p_peer_id id;
    if (text.n < n || memcmp(text.p, mark, n) != 0) {
        return -LP2P_E_NOT_FOUND;
    }
    LP2P_TRY(lp2p_multiaddr_parse((const char *)text.p + n, text.n - n, &ma));
    LP2P_TRY(lp2p_multiaddr_peer_id(&ma, &id));
    lp2p_multiaddr_without_peer_id(&ma);
    if (!lp2p_peer_id_eq(&id, peer) || ma.len == 0 || !addr_ends_with(&ma, suffix)) {
        return -LP2P_E_NOT_FOUND;
    }
    *ret = ma;
    return 0;
}
