/*
 * Text that came from outside, made fit to be shown: valid UTF-8 without control and direction
 * characters, cut to a length. And what its characters are.
 *
 * Peers choose these strings (agent versions, protocol names, names in links); they end in
 * terminals, logs and windows.
 */
#ifndef LP2P_BASE_TEXT_H
#define LP2P_BASE_TEXT_H

#include "base/span.h"

/*
 * Copies what may be shown of `in` to `out` (`cap` >= 1 bytes with the NUL) and returns the length.
 * Malformed bytes, C0 and C1 controls, line and paragraph separators, bidirectional controls and
 * zero-width characters become one `?` each; the cut never splits a character.
 */
size_t lp2p_text_clean(struct lp2p_span in, char *out, size_t cap);

/* Decodes one character at the start of `in`; 0 when it is malformed, else its length in bytes. */
size_t lp2p_text_decode(struct lp2p_span in, uint32_t *ret_char);

/* True when the whole is well-formed UTF-8. */
bool lp2p_text_is_utf8(struct lp2p_span in);

/* Letters and digits of ASCII, whatever the locale. */
bool lp2p_text_is_alnum(uint8_t c);
/* Value of a hexadecimal digit in either case, -1 for anything else. */
int lp2p_text_hex_digit(uint8_t c);
/* Value of the `%XX` that `in` begins with, -1 when it begins with something else (RFC 3986, 2.1).
 */
int lp2p_text_percent(struct lp2p_span in);

#endif
