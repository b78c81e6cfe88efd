/*
 * Changing the identity: a new key, one from a file, a copy for safe keeping. A key that is
 * replaced is kept beside the new one; after a crash at any moment identity.key holds the old key
 * or the new one, and whenever it is the new one the old is in its backup.
 */
#ifndef WHTNXT_STORE_KEYRING_H
#define WHTNXT_STORE_KEYRING_H

#include "main/store/file.h"
#include "main/store/key.h"

/* Largest file that is read as a key: a message of 100 bytes in base64 with line breaks. */
#define WHTNXT_KEYRING_FILE_MAX 512U

/* What became of a change. */
struct whtnxt_keyring {
    struct lp2p_identity identity;     /* the key that counts now; wipe it */
    bool changed;                      /* false: it was this one before */
    bool exposed;                      /* others could read the file it came from */
    char kept[WHTNXT_STORE_PATH_SIZE]; /* where the old one is, "" when there was none */
};

/* Puts a new random key in place of the old one, whatever state that is in. On failure the old one
 * still counts, and `reason` is a sentence. */
int whtnxt_keyring_renew(const struct whtnxt_key_cfg *cfg, struct whtnxt_keyring *ret,
                         char reason[LP2P_SIZE(WHTNXT_KEY_REASON_SIZE)]);

/* The same with the key in a file: libp2p's PrivateKey message, raw or in base64, a plain file of
 * our own. */
int whtnxt_keyring_import(const struct whtnxt_key_cfg *cfg, const char *path,
                          struct whtnxt_keyring *ret,
                          char reason[LP2P_SIZE(WHTNXT_KEY_REASON_SIZE)]);

struct whtnxt_keyring_copy {
    const char *path; /* absolute */
    bool force;       /* replace a plain file of our own that is there */
    bool base64;
};

/* Writes a copy, mode 0600. -LP2P_E_EXISTS when something is there. */
int whtnxt_keyring_export(const struct whtnxt_key_cfg *cfg, const struct lp2p_identity *identity,
                          const struct whtnxt_keyring_copy *copy,
                          char reason[LP2P_SIZE(WHTNXT_KEY_REASON_SIZE)]);

#endif
