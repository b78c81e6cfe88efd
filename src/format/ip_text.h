/*
 * The text of IP addresses: dotted quads without leading zeros, and RFC 4291 section 2.2 read,
 * RFC 5952 written (lower case, the longest run of zeros as `::`, IPv4-mapped addresses with a
 * dotted quad). No zones here.
 *
 * Own code: the C library's is in a header of input and output, and takes more than it should.
 */
#ifndef LP2P_FORMAT_IP_TEXT_H
#define LP2P_FORMAT_IP_TEXT_H

#include "lp2p/types.h"

#define LP2P_IP4_TEXT_SIZE 16U
#define LP2P_IP6_TEXT_SIZE 46U

/* -LP2P_E_DECODE; `text` needs no NUL. */
int lp2p_ip4_parse(const char *text, size_t n, uint8_t ret[LP2P_SIZE(4)]);
int lp2p_ip6_parse(const char *text, size_t n, uint8_t ret[LP2P_SIZE(16)]);

/* Print with a NUL; return the length. */
size_t lp2p_ip4_format(const uint8_t ip[LP2P_SIZE(4)], char text[LP2P_SIZE(LP2P_IP4_TEXT_SIZE)]);
size_t lp2p_ip6_format(const uint8_t ip[LP2P_SIZE(16)], char text[LP2P_SIZE(LP2P_IP6_TEXT_SIZE)]);

#endif
