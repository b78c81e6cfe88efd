/*
 * The identity key: libp2p's PrivateKey message in identity.key, mode 0600. Kept for ever: a file
 * that is there and cannot be used is refused with the reason, never replaced; a missing one beside
 * a peers.json is a loss, not a first start (SECURITY 4.2).
 */
#ifndef WHTNXT_STORE_KEY_H
#define WHTNXT_STORE_KEY_H

#include "crypto/crypto.h"
#include "identity/key.h"
#include "main/store/disk.h"

/* The reason and what to do, with its NUL. */
#define WHTNXT_KEY_REASON_SIZE 512U

struct whtnxt_key_cfg {
    const struct whtnxt_disk *disk;
    const struct lp2p_crypto *crypto;
    struct lp2p_random random;
    const char *folder;     /* of identity.key; is made if it is missing */
    const char *peers_path; /* peers.json: it, or it put aside, says that there was a key */
};

/*
 * Loads the key or, on a first start, makes one. On failure `reason` says in a sentence what is
 * wrong and what to do. -LP2P_E_NOT_FOUND (lost), -LP2P_E_PERM (mode, owner, links),
 * -LP2P_E_DECODE, -LP2P_E_AUTH, -LP2P_E_IO, ...
 */
int whtnxt_key_load(const struct whtnxt_key_cfg *cfg, struct lp2p_identity *ret,
                    char reason[LP2P_SIZE(WHTNXT_KEY_REASON_SIZE)]);

#endif
