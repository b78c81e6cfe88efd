#include "format/multibase.h"

#include "base/assert.h"
#include "format/base58.h"
#include "format/bitcode_priv.h"
#include "format/radix_priv.h"
#include "lp2p/error.h"

static const struct lp2p_radix base36 = {
    .digits = "0123456789abcdefghijklmnopqrstuvwxyz",
    .base = 36,
};

/* The codec of a prefix; NULL for the two that are no bit codes, and for unknown ones. */
static const struct lp2p_bitcode *multibase_bitcode(char prefix)
{
    switch (prefix) {
    case LP2P_MULTIBASE_16:
        return &lp2p_base16;
    case LP2P_MULTIBASE_32:
        return &lp2p_base32;
    case LP2P_MULTIBASE_32_UPPER:
        return &lp2p_base32_upper;
    case LP2P_MULTIBASE_64_URL:
        return &lp2p_base64_url;
    default:
        return NULL;
    }
}

int lp2p_multibase_decode(const char *text, size_t n, struct lp2p_mspan out, size_t *ret_len)
{
    if (n < 1) {
        return -LP2P_E_DECODE;
    }
    const struct lp2p_bitcode *bits = multibase_bitcode(text[0]);
    if (bits != NULL) {
        return lp2p_bitcode_decode(bits, text + 1, n - 1, out, ret_len);
    }
    if (text[0] == LP2P_MULTIBASE_58) {
        return lp2p_base58_decode(text + 1, n - 1, out, ret_len);
    }
    if (text[0] == LP2P_MULTIBASE_36) {
        return lp2p_radix_decode(&base36, text + 1, n - 1, out, ret_len);
    }
    return -LP2P_E_UNSUPPORTED;
}

int lp2p_multibase_encode(enum lp2p_multibase base, struct lp2p_span in, char *text, size_t size,
                          size_t *ret_len)
{
    if (size < 2) {
        return -LP2P_E_TOO_LONG;
    }
    size_t len;
    const struct lp2p_bitcode *bits = multibase_bitcode((char)base);
    if (bits != NULL) {
        LP2P_TRY(lp2p_bitcode_encode(bits, in, text + 1, size - 1, &len));
    } else if (base == LP2P_MULTIBASE_58) {
        LP2P_TRY(lp2p_base58_encode(in, text + 1, size - 1, &len));
    } else {
        LP2P_ASSERT(base == LP2P_MULTIBASE_36);
        LP2P_TRY(lp2p_radix_encode(&base36, in, text + 1, size - 1, &len));
    }
    text[0] = (char)base;
    *ret_len = len + 1;
    return 0;
}
