/* What the files about the key share: reading a key message, and saying what is wrong with a file.
 */
#ifndef WHTNXT_STORE_KEY_PRIV_H
#define WHTNXT_STORE_KEY_PRIV_H

#include "main/store/file.h"
#include "main/store/key.h"

/* Longer than any key message we read: a file of this size is no key. */
#define KEY_FILE_MAX 256U

/* Writes "PATH WHAT" and returns `err`. */
int key_refuse(char reason[LP2P_SIZE(WHTNXT_KEY_REASON_SIZE)], int err, const char *path,
               const char *what);
/* The path of identity.key. -LP2P_E_TOO_LONG. */
int key_path(const struct whtnxt_key_cfg *cfg, char path[LP2P_SIZE(WHTNXT_STORE_PATH_SIZE)],
             char reason[LP2P_SIZE(WHTNXT_KEY_REASON_SIZE)]);
/* A key message, to the bit. -LP2P_E_UNSUPPORTED (a kind we do not use), -LP2P_E_DECODE, ... */
int key_decode(const struct lp2p_crypto *crypto, struct lp2p_span pb, struct lp2p_identity *ret);

#endif
