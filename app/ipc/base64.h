/*
 * Base64 with padding (RFC 4648, 4), as libp2p programs print private keys. Both directions wipe
 * what they held.
 */
#ifndef WHTNXT_IPC_BASE64_H
#define WHTNXT_IPC_BASE64_H

#include "base/span.h"

/* Longest text: a key file with line breaks is shorter. */
#define WHTNXT_BASE64_MAX 1024U

/* Takes text with or without padding and with blanks in it. -LP2P_E_DECODE, -LP2P_E_TOO_LONG. */
int whtnxt_base64_decode(struct lp2p_span text, struct lp2p_mspan out, size_t *ret_n);
/* Writes without a NUL. -LP2P_E_TOO_LONG. */
int whtnxt_base64_encode(struct lp2p_span in, struct lp2p_mspan out, size_t *ret_n);

#endif
