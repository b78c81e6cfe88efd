#include "lp2p/multiaddr.h"

#include "base/assert.h"
#include "format/multiaddr_priv.h"
#include "format/varint.h"
#include "lp2p/error.h"

static bool ma_value_fits(const struct lp2p_ma_proto *proto, struct lp2p_span value)
{
    if (proto->size != LP2P_MA_VARIABLE && value.n != proto->size) {
        return false;
    }
    return proto->kind == NULL || proto->kind->check == NULL || proto->kind->check(value);
}

/* Takes one component off the cursor; checks it. */
static int ma_get_part(struct lp2p_cursor *c, const struct lp2p_ma_proto **ret_proto,
                       struct lp2p_span *ret_value)
{
    uint64_t code;
    if (lp2p_uvarint_get(c, &code) != 0) {
        return -LP2P_E_DECODE;
    }
    const struct lp2p_ma_proto *proto = lp2p_ma_proto_find(code);
    if (proto == NULL) {
        return -LP2P_E_DECODE;
    }
    uint64_t len = proto->size;
    if (proto->size == LP2P_MA_VARIABLE && lp2p_uvarint_get(c, &len) != 0) {
        return -LP2P_E_DECODE;
    }
    if (len > lp2p_cursor_left(c)) {
        return -LP2P_E_DECODE;
    }
    struct lp2p_span value;
    LP2P_TRY(lp2p_cursor_get_span(c, (size_t)len, &value));
    if (!ma_value_fits(proto, value)) {
        return -LP2P_E_DECODE;
    }
    *ret_proto = proto;
    *ret_value = value;
    return 0;
}

int lp2p_multiaddr_decode(const uint8_t *bytes, size_t n, struct lp2p_multiaddr *ret)
{
    if (n > LP2P_MULTIADDR_MAX) {
        return -LP2P_E_TOO_LONG;
    }
    if (n == 0) {
        return -LP2P_E_DECODE;
    }
    struct lp2p_cursor c = lp2p_cursor(bytes, n);
    unsigned parts = 0;
    while (lp2p_cursor_left(&c) > 0) {
        const struct lp2p_ma_proto *proto;
        struct lp2p_span value;
        LP2P_TRY(ma_get_part(&c, &proto, &value));
        if (++parts > LP2P_MULTIADDR_MAX_PARTS) {
            return -LP2P_E_TOO_LONG;
        }
        if (proto->path && lp2p_cursor_left(&c) > 0) {
            return -LP2P_E_DECODE; /* in text the rest would be part of the path */
        }
    }
    memcpy(ret->bytes, bytes, n);
    ret->len = (uint16_t)n;
    return 0;
}

bool lp2p_multiaddr_eq(const struct lp2p_multiaddr *a, const struct lp2p_multiaddr *b)
{
    return lp2p_span_eq(lp2p_span(a->bytes, a->len), lp2p_span(b->bytes, b->len));
}

bool lp2p_multiaddr_next(const struct lp2p_multiaddr *ma, size_t *pos,
                         struct lp2p_multiaddr_part *ret)
{
    LP2P_ASSERT(*pos <= ma->len);
    if (*pos == ma->len) {
        return false;
    }
    struct lp2p_cursor c = lp2p_cursor(ma->bytes + *pos, ma->len - *pos);
    const struct lp2p_ma_proto *proto;
    struct lp2p_span value;
    int err = ma_get_part(&c, &proto, &value);
    LP2P_ASSERT(err == 0); /* a value of this type is always valid */
    *ret = (struct lp2p_multiaddr_part){.code = proto->code, .value = value};
    *pos = ma->len - lp2p_cursor_left(&c);
    return true;
}

bool lp2p_multiaddr_find(const struct lp2p_multiaddr *ma, uint32_t code,
                         struct lp2p_multiaddr_part *ret)
{
    struct lp2p_multiaddr_part part;
    for (size_t pos = 0; lp2p_multiaddr_next(ma, &pos, &part);) {
        if (part.code == code) {
            *ret = part;
            return true;
        }
    }
    return false;
}

/* True when one more component may follow. */
static bool ma_is_open(const struct lp2p_multiaddr *ma, unsigned *ret_parts)
{
    struct lp2p_multiaddr_part part;
    bool path = false;
    *ret_parts = 0;
    for (size_t pos = 0; lp2p_multiaddr_next(ma, &pos, &part);) {
        path = lp2p_ma_proto_find(part.code)->path;
        *ret_parts += 1;
    }
    return !path;
}

int lp2p_multiaddr_append(struct lp2p_multiaddr *ma, uint32_t code, struct lp2p_span value)
{
    const struct lp2p_ma_proto *proto = lp2p_ma_proto_find(code);
    unsigned parts;
    if (proto == NULL || !ma_value_fits(proto, value) || !ma_is_open(ma, &parts)) {
        return -LP2P_E_DECODE;
    }
    uint8_t head[2 * LP2P_UVARINT_SIZE];
    size_t n = lp2p_uvarint_put(head, code);
    if (proto->size == LP2P_MA_VARIABLE) {
        n += lp2p_uvarint_put(head + n, value.n);
    }
    if (parts == LP2P_MULTIADDR_MAX_PARTS || value.n > LP2P_MULTIADDR_MAX ||
        n + value.n > (size_t)(LP2P_MULTIADDR_MAX - ma->len)) {
        return -LP2P_E_TOO_LONG;
    }
    memcpy(ma->bytes + ma->len, head, n);
    if (value.n > 0) {
        memcpy(ma->bytes + ma->len + n, value.p, value.n);
    }
    ma->len = (uint16_t)(ma->len + n + value.n);
    return 0;
}
