#include "format/base58.h"

#include "format/radix_priv.h"

static const struct lp2p_radix base58 = {
    .digits = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz",
    .base = 58,
};

int lp2p_base58_decode(const char *text, size_t n, struct lp2p_mspan out, size_t *ret_len)
{
    return lp2p_radix_decode(&base58, text, n, out, ret_len);
}

int lp2p_base58_encode(struct lp2p_span in, char *text, size_t size, size_t *ret_len)
{
    return lp2p_radix_encode(&base58, in, text, size, ret_len);
}

size_t lp2p_base58_bad_char(const char *text, size_t n)
{
    return lp2p_radix_bad_char(&base58, text, n);
}
