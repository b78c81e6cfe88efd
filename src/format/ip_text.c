#include "format/ip_text.h"

#include <string.h>

#include "base/assert.h"
#include "base/text.h"
#include "format/number.h"
#include "lp2p/error.h"

int lp2p_ip4_parse(const char *text, size_t n, uint8_t ret[static 4])
{
    uint8_t ip[4];
    size_t at = 0;
    for (size_t i = 0; i < 4; i++) {
        size_t end = at;
        while (end < n && text[end] != '.') {
            end++;
        }
        uint64_t v;
        LP2P_TRY(lp2p_number_parse(text + at, end - at, 255, &v));
        ip[i] = (uint8_t)v;
        if ((end == n) != (i == 3)) {
            return -LP2P_E_DECODE; /* too few or too many parts */
        }
        at = end + 1;
    }
    memcpy(ret, ip, 4);
    return 0;
}

/* One group of one to four digits at `*at`. */
static int ip6_group(const char *text, size_t n, size_t *at, uint16_t *ret)
{
    unsigned v = 0;
    size_t digits = 0;
    for (; *at < n && lp2p_text_hex_digit((uint8_t)text[*at]) >= 0; *at += 1, digits++) {
        if (digits == 4) {
            return -LP2P_E_DECODE;
        }
        v = v << 4 | (unsigned)lp2p_text_hex_digit((uint8_t)text[*at]);
    }
    if (digits == 0) {
        return -LP2P_E_DECODE;
    }
    *ret = (uint16_t)v;
    return 0;
}

/* Bytes left and right of `::`. */
struct ip6_text {
    uint8_t b[16];
    size_t len;
    size_t gap; /* where `::` stands, 17: nowhere */
};

/* One element: a group, or the dotted quad that may end the address. */
static int ip6_element(const char *text, size_t n, size_t *at, struct ip6_text *ip)
{
    size_t start = *at;
    uint16_t group;
    if (ip->len + 2 > 16) {
        return -LP2P_E_DECODE;
    }
    LP2P_TRY(ip6_group(text, n, at, &group));
    if (*at < n && text[*at] == '.') {
        if (ip->len + 4 > 16) {
            return -LP2P_E_DECODE;
        }
        LP2P_TRY(lp2p_ip4_parse(text + start, n - start, ip->b + ip->len));
        ip->len += 4;
        *at = n;
        return 0;
    }
    ip->b[ip->len++] = (uint8_t)(group >> 8);
    ip->b[ip->len++] = (uint8_t)group;
    return 0;
}

/* All elements; the colons between them are taken here. */
static int ip6_elements(const char *text, size_t n, struct ip6_text *ip)
{
    size_t at = 0;
    if (n >= 2 && text[0] == ':' && text[1] == ':') {
        ip->gap = 0;
        at = 2;
    }
    while (at < n) {
        LP2P_TRY(ip6_element(text, n, &at, ip));
        if (at == n) {
            break;
        }
        if (text[at] != ':') {
            return -LP2P_E_DECODE;
        }
        at++;
        if (at < n && text[at] == ':') {
            if (ip->gap <= 16) {
                return -LP2P_E_DECODE; /* `::` twice */
            }
            ip->gap = ip->len;
            at++;
        } else if (at == n) {
            return -LP2P_E_DECODE; /* ends with a single colon */
        }
    }
    return 0;
}

int lp2p_ip6_parse(const char *text, size_t n, uint8_t ret[static 16])
{
    struct ip6_text ip = {.gap = 17};
    LP2P_TRY(ip6_elements(text, n, &ip));
    if (ip.gap > 16) {
        if (ip.len != 16) {
            return -LP2P_E_DECODE;
        }
        memcpy(ret, ip.b, 16);
        return 0;
    }
    if (ip.len > 14) {
        return -LP2P_E_DECODE; /* `::` stands for at least one group */
    }
    memset(ret, 0, 16);
    memcpy(ret, ip.b, ip.gap);
    memcpy(ret + 16 - (ip.len - ip.gap), ip.b + ip.gap, ip.len - ip.gap);
    return 0;
}

size_t lp2p_ip4_format(const uint8_t ip[static 4], char text[static LP2P_IP4_TEXT_SIZE])
{
    size_t n = 0;
    for (size_t i = 0; i < 4; i++) {
        char part[LP2P_NUMBER_TEXT_SIZE];
        size_t len = lp2p_number_format(ip[i], part);
        if (i > 0) {
            text[n++] = '.';
        }
        memcpy(text + n, part, len);
        n += len;
    }
    text[n] = '\0';
    return n;
}

/* The longest run of at least two zero groups; the first of equals (RFC 5952, 4.2). */
static size_t ip6_longest_run(const uint16_t g[static 8], size_t *ret_start)
{
    size_t best = 0;
    for (size_t i = 0; i < 8; i++) {
        size_t len = 0;
        while (i + len < 8 && g[i + len] == 0) {
            len++;
        }
        if (len > best) {
            best = len;
            *ret_start = i;
        }
    }
    return best >= 2 ? best : 0;
}

static size_t hex_format(uint16_t v, char *text)
{
    static const char digits[] = "0123456789abcdef";
    size_t n = 0;
    for (unsigned shift = 16; shift > 0; shift -= 4) {
        unsigned d = (v >> (shift - 4)) & 0xf;
        if (d != 0 || n > 0 || shift == 4) {
            text[n++] = digits[d];
        }
    }
    return n;
}

size_t lp2p_ip6_format(const uint8_t ip[static 16], char text[static LP2P_IP6_TEXT_SIZE])
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (memcmp(ip, mapped, sizeof(mapped)) == 0) {
        memcpy(text, "::ffff:", 7);
        return 7 + lp2p_ip4_format(ip + 12, text + 7);
    }
    uint16_t g[8];
    for (size_t i = 0; i < 8; i++) {
        g[i] = (uint16_t)(ip[2 * i] << 8 | ip[2 * i + 1]);
    }
    size_t start = 0;
    size_t run = ip6_longest_run(g, &start);
    size_t n = 0;
    for (size_t i = 0; i < 8;) {
        if (run > 0 && i == start) {
            text[n++] = ':';
            text[n++] = ':';
            i += run;
            continue;
        }
        if (i > 0 && text[n - 1] != ':') {
            text[n++] = ':';
        }
        n += hex_format(g[i++], text + n);
    }
    text[n] = '\0';
    return n;
}
