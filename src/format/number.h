/*
 * Decimal numbers as addresses have them: digits only, no sign, no leading zero.
 */
#ifndef LP2P_FORMAT_NUMBER_H
#define LP2P_FORMAT_NUMBER_H

#include "lp2p/types.h"

/* Room for 2^64 - 1 with its NUL. */
#define LP2P_NUMBER_TEXT_SIZE 21U

/* -LP2P_E_DECODE when the text is no such number or above `max`. */
int lp2p_number_parse(const char *text, size_t n, uint64_t max, uint64_t *ret);

/* Prints with a NUL; returns the length. */
size_t lp2p_number_format(uint64_t v, char text[LP2P_SIZE(LP2P_NUMBER_TEXT_SIZE)]);

#endif
