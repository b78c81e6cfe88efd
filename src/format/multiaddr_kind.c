#include "base/assert.h"
#include "base/cursor.h"
#include "base/text.h"
#include "format/bitcode_priv.h"
#include "format/ip_text.h"
#include "format/multiaddr_priv.h"
#include "format/multibase.h"
#include "format/multihash.h"
#include "format/number.h"
#include "format/peer_text.h"
#include "lp2p/error.h"

/* Copies text that is its own binary form. */
static int copy_parse(const char *text, size_t n, struct lp2p_mspan out, size_t *ret_len)
{
    if (n > out.n) {
        return -LP2P_E_TOO_LONG;
    }
    memcpy(out.p, text, n);
    *ret_len = n;
    return 0;
}

static size_t copy_format(struct lp2p_span value, char *text, size_t size)
{
    LP2P_ASSERT(value.n <= size);
    memcpy(text, value.p, value.n);
    return value.n;
}

/* -- IP addresses and numbers ------------------------------------------------------------------ */

static int ip4_parse(const char *text, size_t n, struct lp2p_mspan out, size_t *ret_len)
{
    LP2P_ASSERT(out.n >= 4);
    *ret_len = 4;
    return lp2p_ip4_parse(text, n, out.p);
}

static size_t ip4_format(struct lp2p_span value, char *text, size_t size)
{
    LP2P_ASSERT(size >= LP2P_IP4_TEXT_SIZE);
    return lp2p_ip4_format(value.p, text);
}

static int ip6_parse(const char *text, size_t n, struct lp2p_mspan out, size_t *ret_len)
{
    LP2P_ASSERT(out.n >= 16);
    *ret_len = 16;
    return lp2p_ip6_parse(text, n, out.p);
}

static size_t ip6_format(struct lp2p_span value, char *text, size_t size)
{
    LP2P_ASSERT(size >= LP2P_IP6_TEXT_SIZE);
    return lp2p_ip6_format(value.p, text);
}

/* `out` has exactly the protocol's size: 1, 2 or 8 bytes. */
static int number_parse(const char *text, size_t n, struct lp2p_mspan out, size_t *ret_len)
{
    uint64_t max = UINT64_MAX >> (64 - 8 * out.n);
    uint64_t v;
    LP2P_TRY(lp2p_number_parse(text, n, max, &v));
    for (size_t i = 0; i < out.n; i++) {
        out.p[i] = (uint8_t)(v >> (8 * (out.n - 1 - i)));
    }
    *ret_len = out.n;
    return 0;
}

static size_t number_format(struct lp2p_span value, char *text, size_t size)
{
    LP2P_ASSERT(size >= LP2P_NUMBER_TEXT_SIZE);
    uint64_t v = 0;
    for (size_t i = 0; i < value.n; i++) {
        v = v << 8 | value.p[i];
    }
    return lp2p_number_format(v, text);
}

const struct lp2p_ma_kind lp2p_ma_ip4 = {NULL, ip4_parse, ip4_format};
const struct lp2p_ma_kind lp2p_ma_ip6 = {NULL, ip6_parse, ip6_format};
const struct lp2p_ma_kind lp2p_ma_number = {NULL, number_parse, number_format};

/* -- names and paths --------------------------------------------------------------------------- */

/* Host and interface names: what would break the text or hide in it is refused. */
static bool name_check(struct lp2p_span value)
{
    for (size_t i = 0; i < value.n; i++) {
        if (value.p[i] <= 0x20 || value.p[i] == 0x7f || value.p[i] == '/') {
            return false;
        }
    }
    return value.n > 0 && lp2p_text_is_utf8(value);
}

/* A path begins with a slash (go-multiaddr); one that also ends with it would not survive being
 * printed and read again. */
static bool unix_check(struct lp2p_span value)
{
    return value.n >= 2 && value.p[0] == '/' && value.p[value.n - 1] != '/' &&
           memchr(value.p, '\0', value.n) == NULL;
}

static bool http_path_check(struct lp2p_span value)
{
    return value.n > 0;
}

/* RFC 3986, 2.3. */
static bool is_unreserved(uint8_t c)
{
    return lp2p_text_is_alnum(c) || (c != '\0' && strchr("-._~", c) != NULL);
}

/* `+` is a plus: of the three implementations only go reads it as a space. */
static int http_path_parse(const char *text, size_t n, struct lp2p_mspan out, size_t *ret_len)
{
    size_t len = 0;
    for (size_t i = 0; i < n; i++) {
        if (len == out.n) {
            return -LP2P_E_TOO_LONG;
        }
        if (text[i] != '%') {
            out.p[len++] = (uint8_t)text[i];
            continue;
        }
        int byte = lp2p_text_percent(lp2p_span(text + i, n - i));
        if (byte < 0) {
            return -LP2P_E_DECODE;
        }
        out.p[len++] = (uint8_t)byte;
        i += 2;
    }
    *ret_len = len;
    return 0;
}

static size_t http_path_format(struct lp2p_span value, char *text, size_t size)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t n = 0;
    LP2P_ASSERT(3 * value.n <= size);
    for (size_t i = 0; i < value.n; i++) {
        uint8_t c = value.p[i];
        if (is_unreserved(c)) {
            text[n++] = (char)c;
            continue;
        }
        text[n++] = '%';
        text[n++] = digits[c >> 4];
        text[n++] = digits[c & 0xf];
    }
    return n;
}

const struct lp2p_ma_kind lp2p_ma_name = {name_check, copy_parse, copy_format};
const struct lp2p_ma_kind lp2p_ma_unix = {unix_check, copy_parse, copy_format};
const struct lp2p_ma_kind lp2p_ma_http_path = {http_path_check, http_path_parse, http_path_format};

/* -- hashes ------------------------------------------------------------------------------------ */

static int peer_parse(const char *text, size_t n, struct lp2p_mspan out, size_t *ret_len)
{
    uint8_t id[LP2P_PEER_ID_MAX];
    size_t len;
    LP2P_TRY(lp2p_peer_text_parse(text, n, id, &len));
    return copy_parse((const char *)id, len, out, ret_len);
}

static size_t peer_format(struct lp2p_span value, char *text, size_t size)
{
    LP2P_ASSERT(size >= LP2P_PEER_ID_TEXT_SIZE);
    return lp2p_peer_text_format(value, text);
}

static bool certhash_check(struct lp2p_span value)
{
    struct lp2p_multihash mh;
    return lp2p_multihash_decode(value, &mh) == 0;
}

static int certhash_parse(const char *text, size_t n, struct lp2p_mspan out, size_t *ret_len)
{
    int err = lp2p_multibase_decode(text, n, out, ret_len);
    return err == -LP2P_E_UNSUPPORTED ? -LP2P_E_DECODE : err;
}

static size_t certhash_format(struct lp2p_span value, char *text, size_t size)
{
    size_t len = 0;
    int err = lp2p_multibase_encode(LP2P_MULTIBASE_64_URL, value, text, size, &len);
    LP2P_ASSERT(err == 0);
    return len;
}

const struct lp2p_ma_kind lp2p_ma_peer = {lp2p_multihash_is_peer, peer_parse, peer_format};
const struct lp2p_ma_kind lp2p_ma_certhash = {certhash_check, certhash_parse, certhash_format};

/* -- onion and garlic -------------------------------------------------------------------------- */

/* The room is enough by construction (LP2P_MULTIADDR_TEXT_SIZE). */
static size_t bits_format(const struct lp2p_bitcode *code, struct lp2p_span in, char *text,
                          size_t size)
{
    size_t len = 0;
    int err = lp2p_bitcode_encode(code, in, text, size, &len);
    LP2P_ASSERT(err == 0);
    return len;
}

static bool onion_check(struct lp2p_span value)
{
    return lp2p_get_be16(value.p + value.n - 2) != 0;
}

/* `host:port`; `out` has exactly the protocol's size: the host and two bytes. */
static int onion_parse(const char *text, size_t n, struct lp2p_mspan out, size_t *ret_len)
{
    const char *colon = memchr(text, ':', n);
    if (colon == NULL) {
        return -LP2P_E_DECODE;
    }
    size_t host = (size_t)(colon - text);
    struct lp2p_mspan room = {.p = out.p, .n = out.n - 2};
    size_t len;
    if (lp2p_bitcode_decode(&lp2p_base32_host, text, host, room, &len) != 0 || len != room.n) {
        return -LP2P_E_DECODE;
    }
    uint64_t port;
    LP2P_TRY(lp2p_number_parse(colon + 1, n - host - 1, UINT16_MAX, &port));
    lp2p_put_be16(out.p + room.n, (uint16_t)port);
    *ret_len = out.n;
    return 0;
}

static size_t onion_format(struct lp2p_span value, char *text, size_t size)
{
    struct lp2p_span host = lp2p_span(value.p, value.n - 2);
    size_t len = bits_format(&lp2p_base32, host, text, size);
    text[len++] = ':';
    return len + number_format(lp2p_span(value.p + host.n, 2), text + len, size - len);
}

/* I2P: the SHA-256 of a destination, or a longer encrypted one. */
static bool garlic32_check(struct lp2p_span value)
{
    return value.n == 32 || value.n >= 35;
}

static int garlic32_parse(const char *text, size_t n, struct lp2p_mspan out, size_t *ret_len)
{
    return lp2p_bitcode_decode(&lp2p_base32_host, text, n, out, ret_len);
}

static size_t garlic32_format(struct lp2p_span value, char *text, size_t size)
{
    return bits_format(&lp2p_base32, value, text, size);
}

/* A whole I2P destination. */
static bool garlic64_check(struct lp2p_span value)
{
    return value.n >= 386;
}

/* Padded, as I2P writes it. */
static int garlic64_parse(const char *text, size_t n, struct lp2p_mspan out, size_t *ret_len)
{
    if (n % 4 != 0) {
        return -LP2P_E_DECODE;
    }
    for (int pad = 0; pad < 2 && n > 0 && text[n - 1] == '='; pad++) {
        n--;
    }
    return lp2p_bitcode_decode(&lp2p_base64_i2p, text, n, out, ret_len);
}

static size_t garlic64_format(struct lp2p_span value, char *text, size_t size)
{
    size_t len = bits_format(&lp2p_base64_i2p, value, text, size - 2);
    while (len % 4 != 0) {
        text[len++] = '=';
    }
    return len;
}

const struct lp2p_ma_kind lp2p_ma_onion = {onion_check, onion_parse, onion_format};
const struct lp2p_ma_kind lp2p_ma_garlic32 = {garlic32_check, garlic32_parse, garlic32_format};
const struct lp2p_ma_kind lp2p_ma_garlic64 = {garlic64_check, garlic64_parse, garlic64_format};
