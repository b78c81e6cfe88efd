#include "format/radix_priv.h"

#include "lp2p/error.h"

/* Value of a digit, or `base`. */
static unsigned radix_digit(const struct lp2p_radix *r, char c)
{
    const char *at = c == '\0' ? NULL : strchr(r->digits, c);
    return at == NULL ? r->base : (unsigned)(at - r->digits);
}

size_t lp2p_radix_bad_char(const struct lp2p_radix *r, const char *text, size_t n)
{
    size_t i = 0;
    while (i < n && radix_digit(r, text[i]) < r->base) {
        i++;
    }
    return i;
}

/* num = num * mul + add, for a big number of `*len` bytes, least significant first. */
static int radix_mul_add(uint8_t num[static LP2P_RADIX_MAX_BYTES], size_t *len, unsigned mul,
                         unsigned add)
{
    unsigned carry = add;
    for (size_t i = 0; i < *len; i++) {
        carry += num[i] * mul;
        num[i] = (uint8_t)carry;
        carry >>= 8;
    }
    if (carry == 0) {
        return 0;
    }
    if (*len == LP2P_RADIX_MAX_BYTES) {
        return -LP2P_E_TOO_LONG;
    }
    num[(*len)++] = (uint8_t)carry; /* mul and add are below 256, so is the carry */
    return 0;
}

int lp2p_radix_decode(const struct lp2p_radix *r, const char *text, size_t n, struct lp2p_mspan out,
                      size_t *ret_len)
{
    if (n > LP2P_RADIX_MAX_TEXT) {
        return -LP2P_E_TOO_LONG;
    }
    if (lp2p_radix_bad_char(r, text, n) < n) {
        return -LP2P_E_DECODE;
    }
    size_t zeros = 0;
    while (zeros < n && text[zeros] == r->digits[0]) {
        zeros++;
    }
    uint8_t num[LP2P_RADIX_MAX_BYTES];
    size_t len = 0;
    for (size_t i = zeros; i < n; i++) {
        int err = radix_mul_add(num, &len, r->base, radix_digit(r, text[i]));
        if (err != 0) {
            return err;
        }
    }
    if (len + zeros > out.n) {
        return -LP2P_E_TOO_LONG;
    }
    for (size_t i = 0; i < zeros; i++) {
        out.p[i] = 0;
    }
    for (size_t i = 0; i < len; i++) {
        out.p[zeros + i] = num[len - 1 - i];
    }
    *ret_len = zeros + len;
    return 0;
}

/* num = num / div, most significant byte first; returns the remainder. */
static unsigned radix_div(uint8_t *num, size_t n, unsigned div)
{
    unsigned rest = 0;
    for (size_t i = 0; i < n; i++) {
        rest = (rest << 8) | num[i];
        num[i] = (uint8_t)(rest / div);
        rest %= div;
    }
    return rest;
}

int lp2p_radix_encode(const struct lp2p_radix *r, struct lp2p_span in, char *text, size_t size,
                      size_t *ret_len)
{
    if (in.n > LP2P_RADIX_MAX_BYTES) {
        return -LP2P_E_TOO_LONG;
    }
    size_t zeros = 0;
    while (zeros < in.n && in.p[zeros] == 0) {
        zeros++;
    }
    uint8_t num[LP2P_RADIX_MAX_BYTES];
    size_t n = in.n - zeros;
    if (n > 0) {
        memcpy(num, in.p + zeros, n);
    }
    char rev[2 * LP2P_RADIX_MAX_BYTES]; /* log2(36) > 5: at most 1.6 digits a byte */
    size_t len = 0;
    for (size_t first = 0; first < n;) {
        rev[len++] = r->digits[radix_div(num + first, n - first, r->base)];
        while (first < n && num[first] == 0) {
            first++;
        }
    }
    if (zeros + len + 1 > size) {
        return -LP2P_E_TOO_LONG;
    }
    memset(text, r->digits[0], zeros);
    for (size_t i = 0; i < len; i++) {
        text[zeros + i] = rev[len - 1 - i];
    }
    text[zeros + len] = '\0';
    *ret_len = zeros + len;
    return 0;
}
