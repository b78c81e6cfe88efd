/*
 * An IP address with a port and, for link-local IPv6, the index of the interface. No text and no
 * sockets here: multiaddrs print and parse it (format/multiaddr), env/uv turns it into a sockaddr.
 */
#ifndef LP2P_BASE_ENDPOINT_H
#define LP2P_BASE_ENDPOINT_H

#include "lp2p/types.h"

enum lp2p_family {
    LP2P_FAMILY_NONE = 0,
    LP2P_FAMILY_IP4 = 4,
    LP2P_FAMILY_IP6 = 6,
};

struct lp2p_endpoint {
    enum lp2p_family family;
    uint8_t ip[16]; /* network order; the first 4 bytes for IPv4, the rest 0 */
    uint16_t port;  /* 0: any */
    uint32_t zone;  /* interface index for link-local IPv6, else 0 */
};

struct lp2p_endpoint lp2p_endpoint_ip4(uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint16_t port);
struct lp2p_endpoint lp2p_endpoint_ip6(const uint8_t ip[LP2P_SIZE(16)], uint16_t port);

/* Length of the address in bytes: 4, 16 or 0. */
size_t lp2p_endpoint_ip_len(const struct lp2p_endpoint *e);

/* Same address, port not compared. The zone counts for link-local addresses when both name one. */
bool lp2p_endpoint_same_ip(const struct lp2p_endpoint *a, const struct lp2p_endpoint *b);
bool lp2p_endpoint_eq(const struct lp2p_endpoint *a, const struct lp2p_endpoint *b);

/* IPv4-mapped IPv6 addresses are judged as the IPv4 address they are. */
bool lp2p_endpoint_is_unspecified(const struct lp2p_endpoint *e);
bool lp2p_endpoint_is_loopback(const struct lp2p_endpoint *e);
bool lp2p_endpoint_is_multicast(const struct lp2p_endpoint *e);  /* also 255.255.255.255 */
bool lp2p_endpoint_is_link_local(const struct lp2p_endpoint *e); /* 169.254/16, fe80::/10 */
bool lp2p_endpoint_is_private(const struct lp2p_endpoint *e);    /* RFC 1918, RFC 6598, fc00::/7 */
/* None of the above. */
bool lp2p_endpoint_is_public(const struct lp2p_endpoint *e);

/* True when `e` lies in the network `net`/`prefix` bits. */
bool lp2p_endpoint_in_prefix(const struct lp2p_endpoint *e, const struct lp2p_endpoint *net,
                             unsigned prefix);

#endif
