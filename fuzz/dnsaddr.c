/*
 * A TXT record of a dnsaddr name: the input is the text, behind one byte that says how much of its
 * end is asked for as the suffix. What is taken is an address that reads back the same, and it was
 * the peer's.
 */
#include "swarm/dnsaddr.h"

#include "base/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* Whole components from the end; none when the text is no address. */
static struct lp2p_span some_suffix(const struct lp2p_multiaddr *ma, uint8_t skip)
{
    struct lp2p_multiaddr_part part;
    size_t pos = 0;
    for (uint8_t i = 0; i < skip && lp2p_multiaddr_next(ma, &pos, &part); i++) {
    }
    return lp2p_span(ma->bytes + pos, ma->len - pos);
}

static void check_taken(const struct lp2p_multiaddr *got, const struct lp2p_peer_id *peer,
                        struct lp2p_span suffix)
{
    char text[LP2P_MULTIADDR_TEXT_SIZE + 8] = "dnsaddr=";
    struct lp2p_multiaddr again = *got;
    LP2P_ASSERT(got->len > 0 && got->len >= suffix.n);
    LP2P_ASSERT(lp2p_span_eq(lp2p_span(got->bytes + got->len - suffix.n, suffix.n), suffix));
    if (lp2p_multiaddr_with_peer_id(&again, peer) != 0) {
        return; /* too long with its id in the canonical form */
    }
    size_t n = lp2p_multiaddr_format(&again, text + 8);
    LP2P_ASSERT(swarm_dnsaddr_decode(lp2p_span(text, n + 8), peer, suffix, &again) == 0);
    LP2P_ASSERT(lp2p_multiaddr_eq(&again, got));
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    static const char id[] = "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq";
    struct lp2p_peer_id peer;
    struct lp2p_multiaddr got, whole;
    struct lp2p_span none = lp2p_span(NULL, 0);
    LP2P_ASSERT(lp2p_peer_id_parse(id, sizeof(id) - 1, &peer) == 0);
    if (n == 0) {
        return 0;
    }
    struct lp2p_span text = lp2p_span(p + 1, n - 1);
    if (swarm_dnsaddr_decode(text, &peer, none, &whole) != 0) {
        return 0;
    }
    check_taken(&whole, &peer, none);
    struct lp2p_span suffix = some_suffix(&whole, p[0]);
    LP2P_ASSERT(swarm_dnsaddr_decode(text, &peer, suffix, &got) == 0);
    check_taken(&got, &peer, suffix);
    return 0;
}
