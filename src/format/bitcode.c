#include "format/bitcode_priv.h"

#include "lp2p/error.h"

#define BASE32_LOWER "abcdefghijklmnopqrstuvwxyz234567"
#define BASE64_FIRST "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

const struct lp2p_bitcode lp2p_base16 = {.digits = "0123456789abcdef", .bits = 4};
const struct lp2p_bitcode lp2p_base32 = {.digits = BASE32_LOWER, .bits = 5};
const struct lp2p_bitcode lp2p_base32_upper = {
    .digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
    .bits = 5,
};
const struct lp2p_bitcode lp2p_base32_host = {
    .digits = BASE32_LOWER,
    .bits = 5,
    .host = true,
};
const struct lp2p_bitcode lp2p_base64_url = {.digits = BASE64_FIRST "-_", .bits = 6};
const struct lp2p_bitcode lp2p_base64_i2p = {.digits = BASE64_FIRST "-~", .bits = 6};

/* Value of a character, or -1. */
static int bitcode_digit(const struct lp2p_bitcode *b, char c)
{
    if (b->host && c >= 'A' && c <= 'Z') {
        c = (char)(c - 'A' + 'a');
    }
    const char *at = c == '\0' ? NULL : strchr(b->digits, c);
    return at == NULL ? -1 : (int)(at - b->digits);
}

int lp2p_bitcode_decode(const struct lp2p_bitcode *b, const char *text, size_t n,
                        struct lp2p_mspan out, size_t *ret_len)
{
    if (n > 8 * (out.n + 1)) { /* even one bit a character would not fit; keeps the product small */
        return -LP2P_E_TOO_LONG;
    }
    if (n * b->bits % 8 >= b->bits) {
        return -LP2P_E_DECODE; /* the last character carries nothing */
    }
    if (n * b->bits / 8 > out.n) {
        return -LP2P_E_TOO_LONG;
    }
    uint32_t acc = 0;
    unsigned have = 0;
    size_t len = 0;
    for (size_t i = 0; i < n; i++) {
        int v = bitcode_digit(b, text[i]);
        if (v < 0) {
            return -LP2P_E_DECODE;
        }
        acc = (acc << b->bits | (uint32_t)v) & 0xffff;
        have += b->bits;
        if (have >= 8) {
            have -= 8;
            out.p[len++] = (uint8_t)(acc >> have);
        }
    }
    if (!b->host && (acc & ((1U << have) - 1)) != 0) {
        return -LP2P_E_DECODE;
    }
    *ret_len = len;
    return 0;
}

int lp2p_bitcode_encode(const struct lp2p_bitcode *b, struct lp2p_span in, char *text, size_t size,
                        size_t *ret_len)
{
    size_t need = in.n * 8 / b->bits + (in.n * 8 % b->bits != 0 ? 1 : 0);
    if (need + 1 > size) {
        return -LP2P_E_TOO_LONG;
    }
    uint32_t acc = 0;
    unsigned have = 0;
    size_t len = 0;
    uint32_t mask = (1U << b->bits) - 1;
    for (size_t i = 0; i < in.n; i++) {
        acc = (acc << 8 | in.p[i]) & 0xffff;
        have += 8;
        while (have >= b->bits) {
            have -= b->bits;
            text[len++] = b->digits[(acc >> have) & mask];
        }
    }
    if (have > 0) {
        text[len++] = b->digits[(acc << (b->bits - have)) & mask];
    }
    text[len] = '\0';
    *ret_len = len;
    return 0;
}
