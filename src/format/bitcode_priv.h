/*
 * Text in which each character carries a fixed number of bits (RFC 4648): base16, base32, base64.
 * Strict: unused bits of the last character are zero, no character is superfluous, so each byte
 * string has one text. Padding is the caller's.
 */
#ifndef LP2P_FORMAT_BITCODE_PRIV_H
#define LP2P_FORMAT_BITCODE_PRIV_H

#include "base/span.h"

struct lp2p_bitcode {
    const char *digits; /* 1 << bits characters */
    uint8_t bits;       /* a character carries: 4, 5 or 6 */
    bool host;          /* host names: input in any case, unused bits are not looked at */
};

extern const struct lp2p_bitcode lp2p_base16;
extern const struct lp2p_bitcode lp2p_base32;
extern const struct lp2p_bitcode lp2p_base32_upper;
extern const struct lp2p_bitcode lp2p_base32_host; /* onion and garlic */
extern const struct lp2p_bitcode lp2p_base64_url;
extern const struct lp2p_bitcode lp2p_base64_i2p; /* `-` and `~` instead of `+` and `/` */

/* -LP2P_E_DECODE (character, length or unused bits), -LP2P_E_TOO_LONG (more than `out` holds). */
int lp2p_bitcode_decode(const struct lp2p_bitcode *b, const char *text, size_t n,
                        struct lp2p_mspan out, size_t *ret_len);

/* Writes the text with a NUL into `size` bytes. -LP2P_E_TOO_LONG. */
int lp2p_bitcode_encode(const struct lp2p_bitcode *b, struct lp2p_span in, char *text, size_t size,
                        size_t *ret_len);

#endif
