/*
 * Base-N text where N is no power of two (base58btc, base36): the bytes are one big number, each
 * leading zero byte is one leading zero digit. Quadratic, therefore bounded.
 */
#ifndef LP2P_FORMAT_RADIX_PRIV_H
#define LP2P_FORMAT_RADIX_PRIV_H

#include "base/span.h"

/* Longest text and bytes: a CIDv1 of an inlined key has 46 bytes; quadratic work stays small. */
#define LP2P_RADIX_MAX_TEXT  128U
#define LP2P_RADIX_MAX_BYTES 96U

struct lp2p_radix {
    const char *digits; /* `base` characters */
    uint8_t base;
};

/* Index of the first character that is no digit; `n` when there is none. */
size_t lp2p_radix_bad_char(const struct lp2p_radix *r, const char *text, size_t n);

/* -LP2P_E_DECODE (character), -LP2P_E_TOO_LONG (text or result). */
int lp2p_radix_decode(const struct lp2p_radix *r, const char *text, size_t n, struct lp2p_mspan out,
                      size_t *ret_len);

/* Writes the text with a NUL into `size` bytes. -LP2P_E_TOO_LONG. */
int lp2p_radix_encode(const struct lp2p_radix *r, struct lp2p_span in, char *text, size_t size,
                      size_t *ret_len);

#endif
