#include "format/addr.h"
#include "service/identify/identify_priv.h"

static bool endpoint_of(const struct lp2p_multiaddr *addr, struct lp2p_endpoint *ret)
{
    uint32_t code;
    size_t used;
    return lp2p_addr_to_endpoint(addr, ret, &code, &used) == 0;
}

enum identify_reach identify_reach(const struct lp2p_multiaddr *addr)
{
    struct lp2p_endpoint e;
    if (!endpoint_of(addr, &e)) {
        return IDENTIFY_REACH_WORLD;
    }
    if (lp2p_endpoint_is_unspecified(&e) || lp2p_endpoint_is_multicast(&e)) {
        return IDENTIFY_REACH_NONE;
    }
    if (lp2p_endpoint_is_loopback(&e)) {
        return IDENTIFY_REACH_HOST;
    }
    if (lp2p_endpoint_is_link_local(&e)) {
        return e.family == LP2P_FAMILY_IP4 ? IDENTIFY_REACH_SITE : IDENTIFY_REACH_NONE;
    }
    return lp2p_endpoint_is_private(&e) ? IDENTIFY_REACH_SITE : IDENTIFY_REACH_WORLD;
}

/* A link-local connection is as near as a private one, though its address cannot be told; of one
 * that cannot be placed nothing near is told. */
enum identify_reach identify_conn_reach(const struct lp2p_multiaddr *conn)
{
    struct lp2p_endpoint e;
    if (endpoint_of(conn, &e) && lp2p_endpoint_is_link_local(&e)) {
        return IDENTIFY_REACH_SITE;
    }
    enum identify_reach reach = identify_reach(conn);
    return reach == IDENTIFY_REACH_NONE ? IDENTIFY_REACH_WORLD : reach;
}

bool identify_is_shared(const struct lp2p_multiaddr *addr, enum identify_reach conn)
{
    enum identify_reach reach = identify_reach(addr);
    return reach != IDENTIFY_REACH_NONE && reach >= conn;
}

/* Smaller is more useful. */
static uint8_t rank_of(const struct lp2p_multiaddr *addr)
{
    static const uint8_t by_reach[] = {
        [IDENTIFY_REACH_WORLD] = 0,
        [IDENTIFY_REACH_SITE] = 2,
        [IDENTIFY_REACH_HOST] = 4,
        [IDENTIFY_REACH_NONE] = 6,
    };
    struct lp2p_endpoint e;
    bool ip6 = endpoint_of(addr, &e) && e.family == LP2P_FAMILY_IP6;
    return (uint8_t)(by_reach[identify_reach(addr)] + ip6);
}

void identify_addrs_add(struct identify_addrs *a, const struct lp2p_multiaddr *addr)
{
    uint8_t rank = rank_of(addr);
    size_t at = a->n;
    for (size_t i = 0; i < a->n; i++) {
        if (lp2p_multiaddr_eq(&a->addrs[i], addr)) {
            return;
        }
    }
    while (at > 0 && a->rank[at - 1] > rank) {
        at--;
    }
    if (at == LP2P_IDENTIFY_SEND_ADDRS_MAX) {
        return;
    }
    if (a->n < LP2P_IDENTIFY_SEND_ADDRS_MAX) {
        a->n++;
    }
    size_t behind = a->n - 1 - at;
    memmove(&a->addrs[at + 1], &a->addrs[at], behind * sizeof(a->addrs[0]));
    memmove(&a->rank[at + 1], &a->rank[at], behind);
    a->addrs[at] = *addr;
    a->rank[at] = rank;
}
