#include "base/assert.h"
#include "format/multiaddr_priv.h"
#include "lp2p/error.h"

/* Text up to the next slash. */
static struct lp2p_span text_word(const char *text, size_t n, size_t at)
{
    const char *slash = memchr(text + at, '/', n - at);
    return lp2p_span(text + at, slash == NULL ? n - at : (size_t)(slash - (text + at)));
}

/* Reads the value at `*at` (a slash, or the end when it is missing) and appends the component. */
static int text_value(const struct lp2p_ma_proto *proto, const char *text, size_t n, size_t *at,
                      struct lp2p_multiaddr *ma)
{
    if (*at == n) {
        return -LP2P_E_DECODE;
    }
    /* a path is the rest of the text, its first slash included */
    struct lp2p_span word = proto->path ? lp2p_span(text + *at, n - *at)
                                        : text_word(text, n, *at + 1);
    uint8_t value[LP2P_MULTIADDR_MAX];
    struct lp2p_mspan room = {
        .p = value,
        .n = proto->size == LP2P_MA_VARIABLE ? sizeof(value) : proto->size,
    };
    size_t len;
    LP2P_TRY(proto->kind->parse((const char *)word.p, word.n, room, &len));
    *at = (size_t)((const char *)word.p - text) + word.n;
    return lp2p_multiaddr_append(ma, proto->code, lp2p_span(value, len));
}

int lp2p_multiaddr_parse(const char *text, size_t n, struct lp2p_multiaddr *ret)
{
    if (n >= LP2P_MULTIADDR_TEXT_SIZE) {
        return -LP2P_E_TOO_LONG;
    }
    while (n > 0 && text[n - 1] == '/') {
        n--;
    }
    if (n == 0) {
        return -LP2P_E_DECODE;
    }
    struct lp2p_multiaddr ma = {.len = 0};
    for (size_t at = 0; at < n;) {
        if (text[at] != '/') {
            return -LP2P_E_DECODE;
        }
        struct lp2p_span name = text_word(text, n, at + 1);
        const struct lp2p_ma_proto *proto = lp2p_ma_proto_find_name(name);
        if (proto == NULL) {
            return -LP2P_E_DECODE;
        }
        at += 1 + name.n;
        if (proto->kind != NULL) {
            LP2P_TRY(text_value(proto, text, n, &at, &ma));
        } else {
            LP2P_TRY(lp2p_multiaddr_append(&ma, proto->code, lp2p_span(NULL, 0)));
        }
    }
    *ret = ma;
    return 0;
}

size_t lp2p_multiaddr_format(const struct lp2p_multiaddr *ma,
                             char text[static LP2P_MULTIADDR_TEXT_SIZE])
{
    struct lp2p_multiaddr_part part;
    size_t n = 0;
    for (size_t pos = 0; lp2p_multiaddr_next(ma, &pos, &part);) {
        const struct lp2p_ma_proto *proto = lp2p_ma_proto_find(part.code);
        size_t name = strlen(proto->name);
        LP2P_ASSERT(n + name + 2 < LP2P_MULTIADDR_TEXT_SIZE);
        text[n++] = '/';
        memcpy(text + n, proto->name, name);
        n += name;
        if (proto->kind == NULL) {
            continue;
        }
        if (!proto->path) { /* a path brings its slash along */
            text[n++] = '/';
        }
        n += proto->kind->format(part.value, text + n, LP2P_MULTIADDR_TEXT_SIZE - 1 - n);
    }
    text[n] = '\0';
    return n;
}
