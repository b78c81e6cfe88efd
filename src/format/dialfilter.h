/*
 * Which addresses may be dialed (DESIGN 6, "A link must not make us a port scanner"). Links, peers
 * and mDNS packets are other people's words; what they name is judged here before a dial, and again
 * after each DNS answer.
 *
 * Pure: the caller brings what it knows of our network. What a user typed as an address is the
 * user's own business and passes.
 */
#ifndef LP2P_FORMAT_DIALFILTER_H
#define LP2P_FORMAT_DIALFILTER_H

#include "base/endpoint.h"
#include "lp2p/host.h"

/* Where an address comes from. */
struct lp2p_dial_origin {
    enum lp2p_addr_source source;
    bool on_loopback; /* mDNS: the packet came in on `lo` */
    bool own_source;  /* mDNS: it is the packet's own source address */
    uint32_t ifindex; /* mDNS: interface the packet came in on */
};

/* A network we are in: an interface's address and prefix length. */
struct lp2p_dial_subnet {
    struct lp2p_endpoint addr; /* port not looked at */
    uint8_t prefix;
};

struct lp2p_dial_network {
    const struct lp2p_dial_subnet *subnets; /* of interfaces that are up, without loopback */
    size_t n_subnets;
    const struct lp2p_endpoint *gateways; /* default gateways */
    size_t n_gateways;
};

/* 0 or -LP2P_E_FILTERED. */
int lp2p_dial_filter(const struct lp2p_endpoint *e, const struct lp2p_dial_origin *origin,
                     const struct lp2p_dial_network *net);

/*
 * The same for a multiaddr: its leading IP address and port; of a DNS name the port alone, because
 * the address is not known yet. -LP2P_E_FILTERED, -LP2P_E_UNSUPPORTED when it begins otherwise.
 */
int lp2p_dial_filter_addr(const struct lp2p_multiaddr *ma, const struct lp2p_dial_origin *origin,
                          const struct lp2p_dial_network *net);

/* Ports that browsers do not talk to (WHATWG Fetch, "bad port"): services that would take our
 * bytes for commands. */
bool lp2p_dial_port_is_bad(uint16_t port);

#endif
