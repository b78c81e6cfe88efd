/*
 * Judging the peer id of a link: what can be said about a wrong one without guessing the right one.
 */
#ifndef WHTNXT_LINK_ID_PRIV_H
#define WHTNXT_LINK_ID_PRIV_H

#include "base/span.h"
#include "link/link.h"

/* -LP2P_E_DECODE; `*ret_fault` then has NO_ID (empty), BAD_CHAR (position in `text`, from 1), CUT
 * or DAMAGED. */
int whtnxt_link_id_parse(struct lp2p_span text, struct lp2p_peer_id *ret,
                         struct whtnxt_link_fault *ret_fault);

#endif
