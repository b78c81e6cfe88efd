/*
 * base58btc: the text of peer ids. Alphabet without 0, O, I and l; one leading `1` for each leading
 * zero byte. Text of at most 128 characters, 96 bytes: the work is quadratic.
 */
#ifndef LP2P_FORMAT_BASE58_H
#define LP2P_FORMAT_BASE58_H

#include "base/span.h"

/* -LP2P_E_DECODE (a character base58 does not have), -LP2P_E_TOO_LONG (text, or more than `out`
 * holds). */
int lp2p_base58_decode(const char *text, size_t n, struct lp2p_mspan out, size_t *ret_len);

/* Writes the text with a NUL into `size` bytes; `*ret_len` is without it. -LP2P_E_TOO_LONG. */
int lp2p_base58_encode(struct lp2p_span in, char *text, size_t size, size_t *ret_len);

/* Index of the first character that base58 does not have; `n` when there is none. */
size_t lp2p_base58_bad_char(const char *text, size_t n);

#endif
