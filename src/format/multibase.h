/*
 * Multibase: text whose first character names its alphabet (multiformats/multibase). The six that
 * peer ids, CIDs and certificate hashes use; each byte string has one text per base.
 */
#ifndef LP2P_FORMAT_MULTIBASE_H
#define LP2P_FORMAT_MULTIBASE_H

#include "base/span.h"

enum lp2p_multibase {
    LP2P_MULTIBASE_16 = 'f',       /* lower case */
    LP2P_MULTIBASE_32 = 'b',       /* RFC 4648 lower case, no padding */
    LP2P_MULTIBASE_32_UPPER = 'B', /* upper case, no padding */
    LP2P_MULTIBASE_36 = 'k',       /* lower case */
    LP2P_MULTIBASE_58 = 'z',       /* base58btc */
    LP2P_MULTIBASE_64_URL = 'u',   /* no padding */
};

/*
 * Takes prefix and text. -LP2P_E_UNSUPPORTED for another prefix, -LP2P_E_DECODE (also for no text
 * at all), -LP2P_E_TOO_LONG: more than `out` holds or, in base36 and base58, more than 128
 * characters.
 */
int lp2p_multibase_decode(const char *text, size_t n, struct lp2p_mspan out, size_t *ret_len);

/* Writes prefix, text and a NUL into `size` bytes. -LP2P_E_TOO_LONG. */
int lp2p_multibase_encode(enum lp2p_multibase base, struct lp2p_span in, char *text, size_t size,
                          size_t *ret_len);

#endif
