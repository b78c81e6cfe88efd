#include "base/endpoint.h"

#include <string.h>

#include "base/assert.h"

struct lp2p_endpoint lp2p_endpoint_ip4(uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint16_t port)
{
    return (struct lp2p_endpoint){
        .family = LP2P_FAMILY_IP4,
        .ip = {a, b, c, d},
        .port = port,
    };
}

struct lp2p_endpoint lp2p_endpoint_ip6(const uint8_t ip[static 16], uint16_t port)
{
    struct lp2p_endpoint e = {.family = LP2P_FAMILY_IP6, .port = port};
    memcpy(e.ip, ip, 16);
    return e;
}

size_t lp2p_endpoint_ip_len(const struct lp2p_endpoint *e)
{
    return e->family == LP2P_FAMILY_IP4 ? 4 : e->family == LP2P_FAMILY_IP6 ? 16 : 0;
}

bool lp2p_endpoint_same_ip(const struct lp2p_endpoint *a, const struct lp2p_endpoint *b)
{
    if (a->family != b->family || memcmp(a->ip, b->ip, lp2p_endpoint_ip_len(a)) != 0) {
        return false;
    }
    return a->zone == b->zone || a->zone == 0 || b->zone == 0;
}

bool lp2p_endpoint_eq(const struct lp2p_endpoint *a, const struct lp2p_endpoint *b)
{
    return a->port == b->port && lp2p_endpoint_same_ip(a, b);
}

/* The IPv4 bytes of an IPv4 or IPv4-mapped address, else NULL. */
static const uint8_t *endpoint_ip4(const struct lp2p_endpoint *e)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (e->family == LP2P_FAMILY_IP4) {
        return e->ip;
    }
    if (e->family == LP2P_FAMILY_IP6 && memcmp(e->ip, mapped, sizeof(mapped)) == 0) {
        return e->ip + 12;
    }
    return NULL;
}

bool lp2p_endpoint_is_unspecified(const struct lp2p_endpoint *e)
{
    static const uint8_t zero[16];
    const uint8_t *v4 = endpoint_ip4(e);
    /* 0.0.0.0/8 is "this network": Linux routes all of it to itself. */
    return v4 != NULL ? v4[0] == 0 : memcmp(e->ip, zero, 16) == 0;
}

bool lp2p_endpoint_is_loopback(const struct lp2p_endpoint *e)
{
    static const uint8_t one[16] = {[15] = 1};
    const uint8_t *v4 = endpoint_ip4(e);
    return v4 != NULL ? v4[0] == 127 : e->family == LP2P_FAMILY_IP6 && memcmp(e->ip, one, 16) == 0;
}

bool lp2p_endpoint_is_multicast(const struct lp2p_endpoint *e)
{
    static const uint8_t broadcast[4] = {255, 255, 255, 255};
    const uint8_t *v4 = endpoint_ip4(e);
    if (v4 != NULL) {
        return (v4[0] & 0xf0) == 0xe0 || memcmp(v4, broadcast, 4) == 0;
    }
    return e->family == LP2P_FAMILY_IP6 && e->ip[0] == 0xff;
}

bool lp2p_endpoint_is_link_local(const struct lp2p_endpoint *e)
{
    const uint8_t *v4 = endpoint_ip4(e);
    if (v4 != NULL) {
        return v4[0] == 169 && v4[1] == 254;
    }
    return e->family == LP2P_FAMILY_IP6 && e->ip[0] == 0xfe && (e->ip[1] & 0xc0) == 0x80;
}

bool lp2p_endpoint_is_private(const struct lp2p_endpoint *e)
{
    const uint8_t *v4 = endpoint_ip4(e);
    if (v4 != NULL) {
        return v4[0] == 10 || (v4[0] == 172 && (v4[1] & 0xf0) == 16) ||
               (v4[0] == 192 && v4[1] == 168) || (v4[0] == 100 && (v4[1] & 0xc0) == 64);
    }
    return e->family == LP2P_FAMILY_IP6 && (e->ip[0] & 0xfe) == 0xfc;
}

bool lp2p_endpoint_is_public(const struct lp2p_endpoint *e)
{
    return e->family != LP2P_FAMILY_NONE && !lp2p_endpoint_is_unspecified(e) &&
           !lp2p_endpoint_is_loopback(e) && !lp2p_endpoint_is_multicast(e) &&
           !lp2p_endpoint_is_link_local(e) && !lp2p_endpoint_is_private(e);
}

bool lp2p_endpoint_in_prefix(const struct lp2p_endpoint *e, const struct lp2p_endpoint *net,
                             unsigned prefix)
{
    if (e->family != net->family || prefix > 8 * lp2p_endpoint_ip_len(e)) {
        return false;
    }
    size_t whole = prefix / 8;
    if (memcmp(e->ip, net->ip, whole) != 0) {
        return false;
    }
    unsigned rest = prefix % 8;
    if (rest == 0) {
        return true;
    }
    uint8_t mask = (uint8_t)(0xff << (8 - rest));
    return (e->ip[whole] & mask) == (net->ip[whole] & mask);
}
