#include "format/addr.h"

#include "base/assert.h"
#include "base/cursor.h"
#include "format/number.h"
#include "lp2p/error.h"

/* The interface index in a zone. */
static int addr_zone(const struct lp2p_multiaddr_part *part, uint32_t *ret)
{
    uint64_t v;
    if (lp2p_number_parse((const char *)part->value.p, part->value.n, UINT32_MAX, &v) != 0 ||
        v == 0) {
        return -LP2P_E_UNSUPPORTED;
    }
    *ret = (uint32_t)v;
    return 0;
}

static int addr_ip(const struct lp2p_multiaddr *ma, size_t *pos, struct lp2p_endpoint *ret)
{
    struct lp2p_multiaddr_part part;
    struct lp2p_endpoint e = {.family = LP2P_FAMILY_NONE};
    if (!lp2p_multiaddr_next(ma, pos, &part)) {
        return -LP2P_E_UNSUPPORTED;
    }
    if (part.code == LP2P_MA_IP6ZONE) {
        LP2P_TRY(addr_zone(&part, &e.zone));
        if (!lp2p_multiaddr_next(ma, pos, &part) || part.code != LP2P_MA_IP6) {
            return -LP2P_E_UNSUPPORTED;
        }
    }
    if (part.code == LP2P_MA_IP4) {
        e.family = LP2P_FAMILY_IP4;
    } else if (part.code == LP2P_MA_IP6) {
        e.family = LP2P_FAMILY_IP6;
    } else {
        return -LP2P_E_UNSUPPORTED;
    }
    memcpy(e.ip, part.value.p, part.value.n);
    *ret = e;
    return 0;
}

int lp2p_addr_to_endpoint(const struct lp2p_multiaddr *ma, struct lp2p_endpoint *ret,
                          uint32_t *ret_transport_code, size_t *ret_used)
{
    size_t pos = 0;
    struct lp2p_endpoint e;
    struct lp2p_multiaddr_part part;
    LP2P_TRY(addr_ip(ma, &pos, &e));
    if (!lp2p_multiaddr_next(ma, &pos, &part) ||
        (part.code != LP2P_MA_TCP && part.code != LP2P_MA_UDP)) {
        return -LP2P_E_UNSUPPORTED;
    }
    e.port = lp2p_get_be16(part.value.p);
    *ret = e;
    *ret_transport_code = part.code;
    *ret_used = pos;
    return 0;
}

static void addr_append(struct lp2p_multiaddr *ma, uint32_t code, const uint8_t *p, size_t n)
{
    int err = lp2p_multiaddr_append(ma, code, lp2p_span(p, n));
    LP2P_ASSERT(err == 0);
}

void lp2p_addr_from_ip(const struct lp2p_endpoint *e, struct lp2p_multiaddr *ret)
{
    LP2P_ASSERT(e->family != LP2P_FAMILY_NONE);
    uint32_t code = e->family == LP2P_FAMILY_IP4 ? LP2P_MA_IP4 : LP2P_MA_IP6;
    ret->len = 0;
    addr_append(ret, code, e->ip, lp2p_endpoint_ip_len(e));
}

void lp2p_addr_from_endpoint(const struct lp2p_endpoint *e, uint32_t code,
                             struct lp2p_multiaddr *ret)
{
    LP2P_ASSERT(code == LP2P_MA_TCP || code == LP2P_MA_UDP);
    uint8_t port[2];
    lp2p_put_be16(port, e->port);
    lp2p_addr_from_ip(e, ret);
    addr_append(ret, code, port, sizeof(port));
}

int lp2p_addr_set_zone(struct lp2p_multiaddr *ma, uint32_t index)
{
    struct lp2p_multiaddr_part part;
    size_t ip = 0;
    size_t pos = 0;
    if (lp2p_multiaddr_next(ma, &pos, &part) && part.code == LP2P_MA_IP6ZONE) {
        ip = pos;
        (void)lp2p_multiaddr_next(ma, &pos, &part);
    }
    if (pos == 0 || part.code != LP2P_MA_IP6) {
        return -LP2P_E_UNSUPPORTED;
    }
    char zone[LP2P_NUMBER_TEXT_SIZE];
    size_t n = lp2p_number_format(index, zone);
    struct lp2p_multiaddr zoned = {.len = 0};
    addr_append(&zoned, LP2P_MA_IP6ZONE, (const uint8_t *)zone, n);
    size_t rest = ma->len - ip;
    if (zoned.len + rest > LP2P_MULTIADDR_MAX) {
        return -LP2P_E_TOO_LONG;
    }
    memcpy(zoned.bytes + zoned.len, ma->bytes + ip, rest);
    zoned.len = (uint16_t)(zoned.len + rest);
    *ma = zoned;
    return 0;
}

bool lp2p_addr_is_plain_tcp(const struct lp2p_multiaddr *ma)
{
    struct lp2p_multiaddr_part part;
    size_t pos = 0;
    if (!lp2p_multiaddr_next(ma, &pos, &part)) {
        return false;
    }
    bool zone = part.code == LP2P_MA_IP6ZONE;
    if (zone && !lp2p_multiaddr_next(ma, &pos, &part)) {
        return false;
    }
    if (part.code != LP2P_MA_IP6 && (zone || part.code != LP2P_MA_IP4)) {
        return false;
    }
    if (!lp2p_multiaddr_next(ma, &pos, &part) || part.code != LP2P_MA_TCP) {
        return false;
    }
    if (!lp2p_multiaddr_next(ma, &pos, &part)) {
        return true;
    }
    return part.code == LP2P_MA_P2P && !lp2p_multiaddr_next(ma, &pos, &part);
}
