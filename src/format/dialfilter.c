#include "format/dialfilter.h"

#include "base/assert.h"
#include "base/cursor.h"
#include "format/addr.h"
#include "lp2p/error.h"

/* https://fetch.spec.whatwg.org/#port-blocking, ascending. */
static const uint16_t bad_ports[] = {
    0,    1,    7,    9,    11,   13,   15,   17,   19,   20,   21,   22,   23,    25,
    37,   42,   43,   53,   69,   77,   79,   87,   95,   101,  102,  103,  104,   109,
    110,  111,  113,  115,  117,  119,  123,  135,  137,  139,  143,  161,  179,   389,
    427,  465,  512,  513,  514,  515,  526,  530,  531,  532,  540,  548,  554,   556,
    563,  587,  601,  636,  989,  990,  993,  995,  1719, 1720, 1723, 2049, 3659,  4045,
    4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
};

bool lp2p_dial_port_is_bad(uint16_t port)
{
    for (size_t i = 0; i < LP2P_COUNT(bad_ports); i++) {
        if (bad_ports[i] == port) {
            return true;
        }
    }
    return false;
}

/*
 * The IPv4 address that a packet to this IPv6 address would reach: IPv4-mapped (RFC 4291) and the
 * well-known NAT64 prefix (RFC 6052). Without this, ::ffff:192.168.0.1 is no private address.
 */
static struct lp2p_endpoint filter_plain(const struct lp2p_endpoint *e)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    static const uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b};
    if (e->family == LP2P_FAMILY_IP6 &&
        (memcmp(e->ip, mapped, 12) == 0 || memcmp(e->ip, nat64, 12) == 0)) {
        return lp2p_endpoint_ip4(e->ip[12], e->ip[13], e->ip[14], e->ip[15], e->port);
    }
    return *e;
}

static bool filter_is_gateway(const struct lp2p_endpoint *e, const struct lp2p_dial_network *net)
{
    for (size_t i = 0; i < net->n_gateways; i++) {
        if (lp2p_endpoint_same_ip(e, &net->gateways[i])) {
            return true;
        }
    }
    return false;
}

static bool filter_is_near(const struct lp2p_endpoint *e, const struct lp2p_dial_network *net)
{
    for (size_t i = 0; i < net->n_subnets; i++) {
        if (lp2p_endpoint_in_prefix(e, &net->subnets[i].addr, net->subnets[i].prefix)) {
            return true;
        }
    }
    return false;
}

/* True for an mDNS packet's own source address, on the interface it came in on. */
static bool filter_is_sender(const struct lp2p_endpoint *e, const struct lp2p_dial_origin *origin)
{
    return origin->source == LP2P_ADDR_MDNS && origin->own_source &&
           (e->zone == 0 || e->zone == origin->ifindex);
}

int lp2p_dial_filter(const struct lp2p_endpoint *e, const struct lp2p_dial_origin *origin,
                     const struct lp2p_dial_network *net)
{
    struct lp2p_endpoint p = filter_plain(e);
    bool pasted = origin->source == LP2P_ADDR_PASTED;
    bool ok = true;
    if (origin->source == LP2P_ADDR_TYPED) {
        return 0;
    }
    if (p.family == LP2P_FAMILY_NONE || lp2p_endpoint_is_unspecified(&p) ||
        lp2p_endpoint_is_multicast(&p) || lp2p_dial_port_is_bad(p.port)) {
        ok = false;
    } else if (lp2p_endpoint_is_loopback(&p)) {
        ok = origin->source == LP2P_ADDR_MDNS && origin->on_loopback;
    } else if (lp2p_endpoint_is_link_local(&p)) {
        /* an IPv6 one without its interface cannot be dialed anyway */
        ok = filter_is_sender(&p, origin) && (p.family == LP2P_FAMILY_IP4 || p.zone != 0);
    } else if (filter_is_gateway(&p, net)) {
        ok = pasted || filter_is_sender(&p, origin);
    } else if (lp2p_endpoint_is_private(&p)) {
        ok = pasted || filter_is_near(&p, net);
    }
    return ok ? 0 : -LP2P_E_FILTERED;
}

/* The port behind a DNS name. */
static int filter_dns(const struct lp2p_multiaddr *ma, const struct lp2p_dial_origin *origin)
{
    struct lp2p_multiaddr_part part;
    size_t pos = 0;
    if (!lp2p_multiaddr_next(ma, &pos, &part) || part.code < LP2P_MA_DNS ||
        part.code > LP2P_MA_DNSADDR) {
        return -LP2P_E_UNSUPPORTED;
    }
    if (part.code == LP2P_MA_DNSADDR || origin->source == LP2P_ADDR_TYPED) {
        return 0; /* it stands for whole addresses, which are judged when they are known */
    }
    if (!lp2p_multiaddr_next(ma, &pos, &part) ||
        (part.code != LP2P_MA_TCP && part.code != LP2P_MA_UDP)) {
        return -LP2P_E_UNSUPPORTED;
    }
    return lp2p_dial_port_is_bad(lp2p_get_be16(part.value.p)) ? -LP2P_E_FILTERED : 0;
}

int lp2p_dial_filter_addr(const struct lp2p_multiaddr *ma, const struct lp2p_dial_origin *origin,
                          const struct lp2p_dial_network *net)
{
    struct lp2p_endpoint e;
    uint32_t code;
    size_t used;
    if (lp2p_addr_to_endpoint(ma, &e, &code, &used) == 0) {
        return lp2p_dial_filter(&e, origin, net);
    }
    return filter_dns(ma, origin);
}
