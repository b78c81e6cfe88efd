#include "base/text.h"

/* Length and first bits of a sequence by its first byte; 0 for one that cannot begin a character.
 */
static size_t text_lead(uint8_t b, uint32_t *ret_bits)
{
    if (b < 0x80) {
        *ret_bits = b;
        return 1;
    }
    if (b >= 0xc2 && b <= 0xdf) {
        *ret_bits = b & 0x1fU;
        return 2;
    }
    if (b >= 0xe0 && b <= 0xef) {
        *ret_bits = b & 0x0fU;
        return 3;
    }
    if (b >= 0xf0 && b <= 0xf4) {
        *ret_bits = b & 0x07U;
        return 4;
    }
    return 0;
}

size_t lp2p_text_decode(struct lp2p_span in, uint32_t *ret_char)
{
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    uint32_t c = 0;
    size_t n = in.n == 0 ? 0 : text_lead(in.p[0], &c);
    if (n == 0 || n > in.n) {
        return 0;
    }
    for (size_t i = 1; i < n; i++) {
        if ((in.p[i] & 0xc0) != 0x80) {
            return 0;
        }
        c = (c << 6) | (in.p[i] & 0x3fU);
    }
    bool surrogate = c >= 0xd800 && c <= 0xdfff;
    if (c < least[n] || c > 0x10ffff || surrogate) {
        return 0;
    }
    *ret_char = c;
    return n;
}

bool lp2p_text_is_utf8(struct lp2p_span in)
{
    while (in.n > 0) {
        uint32_t c;
        size_t n = lp2p_text_decode(in, &c);
        if (n == 0) {
            return false;
        }
        in = lp2p_span(in.p + n, in.n - n);
    }
    return true;
}

static bool text_is_shown(uint32_t c)
{
    bool control = c < 0x20 || (c >= 0x7f && c < 0xa0);
    bool separator = c == 0x2028 || c == 0x2029;
    bool zero_width = (c >= 0x200b && c <= 0x200f) || c == 0xfeff || c == 0x2060;
    bool direction = (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0x061c;
    return !control && !separator && !zero_width && !direction;
}

size_t lp2p_text_clean(struct lp2p_span in, char *out, size_t cap)
{
    size_t len = 0;
    while (in.n > 0) {
        uint32_t c;
        size_t n = lp2p_text_decode(in, &c);
        bool shown = n > 0 && text_is_shown(c);
        size_t take = shown ? n : 1;
        if (len + take >= cap) {
            break;
        }
        if (shown) {
            memcpy(out + len, in.p, n);
        } else {
            out[len] = '?';
        }
        len += take;
        size_t used = n == 0 ? 1 : n;
        in = lp2p_span(in.p + used, in.n - used);
    }
    out[len] = '\0';
    return len;
}

bool lp2p_text_is_alnum(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

int lp2p_text_hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int lp2p_text_percent(struct lp2p_span in)
{
    if (in.n < 3 || in.p[0] != '%') {
        return -1;
    }
    int high = lp2p_text_hex_digit(in.p[1]);
    int low = lp2p_text_hex_digit(in.p[2]);
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}
