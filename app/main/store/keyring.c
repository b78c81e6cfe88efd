#include "main/store/keyring.h"

#include "base/assert.h"
#include "base/mem.h"
#include "ipc/base64.h"
#include "main/store/key_priv.h"

#include <stdio.h>
#include <string.h>

/* Backups of one key, and of damaged files: a name that is taken gives way to the next number. */
#define BACKUPS_MAX 100U

#define BASE64_MAX (2U * LP2P_PRIVATE_KEY_ED25519_PB_SIZE)

/* ---- keeping the old key ---- */

static bool holds(const struct whtnxt_disk *disk, const char *path, struct lp2p_span content)
{
    uint8_t there[KEY_FILE_MAX];
    size_t n = 0;
    struct whtnxt_file_info info;
    struct lp2p_mspan room = {.p = there, .n = sizeof(there)};
    bool same = whtnxt_file_read(disk, path, room, &n, &info) == 0 &&
                lp2p_span_eq(lp2p_span(there, n), content);
    lp2p_wipe(there, sizeof(there));
    return same;
}

/* "identity.key.AbCd-uvwxyz.bak": the parts of the id that are shown of it. */
static int backup_name(const char *path, const struct lp2p_peer_id *id, unsigned number,
                       char out[static WHTNXT_STORE_PATH_SIZE])
{
    char text[LP2P_PEER_ID_TEXT_SIZE];
    char count[16] = "";
    lp2p_peer_id_format(id, text);
    size_t len = strlen(text);
    if (number > 1) {
        snprintf(count, sizeof(count), "-%u", number);
    }
    int n = snprintf(out, WHTNXT_STORE_PATH_SIZE, "%s.%.4s-%s%s.bak", path, text + 8,
                     text + len - 6, count);
    return n > 0 && (size_t)n < WHTNXT_STORE_PATH_SIZE ? 0 : -LP2P_E_TOO_LONG;
}

/* A copy, so that identity.key is there all the time. */
static int keep_copy(const struct whtnxt_disk *disk, const char *path, struct lp2p_span pb,
                     const struct lp2p_peer_id *id, char kept[static WHTNXT_STORE_PATH_SIZE])
{
    int err = -LP2P_E_EXISTS;
    for (unsigned i = 1; err == -LP2P_E_EXISTS && i <= BACKUPS_MAX; i++) {
        LP2P_TRY(backup_name(path, id, i, kept));
        err = whtnxt_file_save(disk, kept, pb.p, pb.n, true);
        if (err == -LP2P_E_EXISTS && holds(disk, kept, pb)) {
            return 0;
        }
    }
    return err;
}

/* What is no key cannot be copied: it is moved, whatever it is. */
static int keep_damaged(const struct whtnxt_key_cfg *cfg, const char *path,
                        char kept[static WHTNXT_STORE_PATH_SIZE])
{
    int err = -LP2P_E_EXISTS;
    for (unsigned i = 1; err == -LP2P_E_EXISTS && i <= BACKUPS_MAX; i++) {
        int n = snprintf(kept, WHTNXT_STORE_PATH_SIZE, "%s.damaged-%u", path, i);
        if (n <= 0 || (size_t)n >= WHTNXT_STORE_PATH_SIZE) {
            return -LP2P_E_TOO_LONG;
        }
        err = cfg->disk->rename(cfg->disk->ctx, path, kept, true);
    }
    return err != 0 ? err : cfg->disk->sync_folder(cfg->disk->ctx, cfg->folder);
}

struct old_key {
    uint8_t pb[KEY_FILE_MAX];
    size_t n;  /* 0: there was none, or nothing that is a key */
    bool good; /* it may stay if it is the same key */
};

/* Reads what is there and makes it safe. */
static int keep_old(const struct whtnxt_key_cfg *cfg, const char *path, struct old_key *old,
                    struct whtnxt_keyring *ret)
{
    struct whtnxt_file_info info;
    struct lp2p_identity was;
    struct lp2p_mspan room = {.p = old->pb, .n = sizeof(old->pb)};
    int err = whtnxt_file_read(cfg->disk, path, room, &old->n, &info);
    if (err == -LP2P_E_NOT_FOUND) {
        return 0;
    }
    if (err == 0 && key_decode(cfg->crypto, lp2p_span(old->pb, old->n), &was) == 0) {
        ret->changed = !lp2p_peer_id_eq(&was.id, &ret->identity.id);
        old->good = info.ours && info.alone && (info.mode & 077U) == 0;
        if (ret->changed) {
            err = keep_copy(cfg->disk, path, lp2p_span(old->pb, old->n), &was.id, ret->kept);
        }
        lp2p_identity_wipe(&was);
        return err;
    }
    old->n = 0;
    return keep_damaged(cfg, path, ret->kept);
}

/* Puts back what was there: what is said to have failed must not count after the next start. */
static void undo(const struct whtnxt_key_cfg *cfg, const char *path, const struct old_key *old,
                 const char *kept)
{
    if (old->n > 0) {
        if (!holds(cfg->disk, path, lp2p_span(old->pb, old->n))) {
            (void)whtnxt_file_save(cfg->disk, path, old->pb, old->n, false);
        }
    } else {
        (void)cfg->disk->remove(cfg->disk->ctx, path);
        if (*kept != '\0') {
            (void)cfg->disk->rename(cfg->disk->ctx, kept, path, true);
        }
        (void)cfg->disk->sync_folder(cfg->disk->ctx, cfg->folder);
    }
}

/* Saves ret->identity as identity.key. */
static int replace(const struct whtnxt_key_cfg *cfg, struct whtnxt_keyring *ret,
                   char reason[static WHTNXT_KEY_REASON_SIZE])
{
    char path[WHTNXT_STORE_PATH_SIZE];
    uint8_t pb[LP2P_PRIVATE_KEY_ED25519_PB_SIZE];
    struct old_key old = {.n = 0};
    ret->changed = true;
    ret->kept[0] = '\0';
    int err = key_path(cfg, path, reason);
    if (err != 0) {
        return err;
    }
    err = cfg->disk->make_folder(cfg->disk->ctx, cfg->folder);
    if (err == 0) {
        err = keep_old(cfg, path, &old, ret);
    }
    if (err == 0 && (ret->changed || !old.good)) {
        lp2p_identity_encode(&ret->identity, pb);
        err = whtnxt_file_save(cfg->disk, path, pb, sizeof(pb), false);
        lp2p_wipe(pb, sizeof(pb));
        if (err != 0) {
            undo(cfg, path, &old, ret->kept);
        }
    }
    lp2p_wipe(&old, sizeof(old));
    if (err != 0) {
        lp2p_identity_wipe(&ret->identity);
        return key_refuse(reason, err, path, "cannot be replaced. Is the disk full or read-only?");
    }
    return 0;
}

int whtnxt_keyring_renew(const struct whtnxt_key_cfg *cfg, struct whtnxt_keyring *ret,
                         char reason[static WHTNXT_KEY_REASON_SIZE])
{
    uint8_t seed[32];
    lp2p_random_fill(&cfg->random, seed, sizeof(seed));
    int err = lp2p_identity_from_seed(cfg->crypto, seed, &ret->identity);
    lp2p_wipe(seed, sizeof(seed));
    ret->exposed = false;
    if (err != 0) {
        return key_refuse(reason, err, cfg->folder, "gets no new key: it cannot be made.");
    }
    return replace(cfg, ret, reason);
}

/* ---- from a file ---- */

static int refuse_file(char reason[static WHTNXT_KEY_REASON_SIZE], int err, const char *path)
{
    static const struct {
        int err;
        const char *what;
    } rows[] = {
        {LP2P_E_NOT_FOUND, "does not exist."},
        {LP2P_E_UNSUPPORTED, "is not a plain file."},
        {LP2P_E_TOO_LONG, "is too long to be a key."},
        {LP2P_E_PERM, "may not be read."},
    };
    for (size_t i = 0; i < LP2P_COUNT(rows); i++) {
        if (rows[i].err == -err) {
            return key_refuse(reason, err, path, rows[i].what);
        }
    }
    return key_refuse(reason, err, path, "cannot be read.");
}

static int decode_any(const struct lp2p_crypto *crypto, struct lp2p_span in,
                      struct lp2p_identity *ret)
{
    uint8_t pb[KEY_FILE_MAX];
    size_t n = 0;
    /* A key message begins with field 1, which is no character of base64. */
    if (in.n > 0 && in.p[0] == 0x08) {
        return key_decode(crypto, in, ret);
    }
    int err = whtnxt_base64_decode(in, (struct lp2p_mspan){pb, sizeof(pb)}, &n);
    if (err == 0) {
        err = key_decode(crypto, lp2p_span(pb, n), ret);
    }
    lp2p_wipe(pb, sizeof(pb));
    return err;
}

int whtnxt_keyring_import(const struct whtnxt_key_cfg *cfg, const char *path,
                          struct whtnxt_keyring *ret, char reason[static WHTNXT_KEY_REASON_SIZE])
{
    uint8_t content[WHTNXT_KEYRING_FILE_MAX];
    size_t n = 0;
    struct whtnxt_file_info info;
    struct lp2p_mspan room = {.p = content, .n = sizeof(content)};
    int err = whtnxt_file_read(cfg->disk, path, room, &n, &info);
    if (err != 0) {
        return refuse_file(reason, err, path);
    }
    if (!info.ours) {
        lp2p_wipe(content, sizeof(content));
        return key_refuse(reason, -LP2P_E_PERM, path, "belongs to another user.");
    }
    ret->exposed = (info.mode & 077U) != 0;
    err = decode_any(cfg->crypto, lp2p_span(content, n), &ret->identity);
    lp2p_wipe(content, sizeof(content));
    if (err == -LP2P_E_UNSUPPORTED) {
        return key_refuse(reason, err, path, "is a key, but not of Ed25519.");
    }
    if (err != 0) {
        return key_refuse(reason, err, path, "is not a key, or is damaged.");
    }
    return replace(cfg, ret, reason);
}

/* ---- to a file ---- */

/* Nothing that is no plain file of our own gives way. */
static int check_replaceable(const struct whtnxt_disk *disk, const char *path)
{
    int file;
    struct whtnxt_file_info info;
    LP2P_TRY(disk->open_read(disk->ctx, path, &file));
    int err = disk->info(disk->ctx, file, &info);
    disk->close(disk->ctx, file);
    if (err == 0 && !info.regular) {
        err = -LP2P_E_UNSUPPORTED;
    }
    return err == 0 && !info.ours ? -LP2P_E_PERM : err;
}

static int write_over(const struct whtnxt_disk *disk, const char *path, const uint8_t *p, size_t n)
{
    char temporary[WHTNXT_STORE_PATH_SIZE];
    int len = snprintf(temporary, sizeof(temporary), "%s.whtnxt-new", path);
    if (len <= 0 || (size_t)len >= sizeof(temporary)) {
        return -LP2P_E_TOO_LONG;
    }
    LP2P_TRY(check_replaceable(disk, path));
    LP2P_TRY(whtnxt_file_create(disk, temporary, p, n));
    int err = disk->rename(disk->ctx, temporary, path, false);
    if (err != 0) {
        (void)disk->remove(disk->ctx, temporary);
    }
    return err;
}

int whtnxt_keyring_export(const struct whtnxt_key_cfg *cfg, const struct lp2p_identity *identity,
                          const struct whtnxt_keyring_copy *copy,
                          char reason[static WHTNXT_KEY_REASON_SIZE])
{
    uint8_t pb[LP2P_PRIVATE_KEY_ED25519_PB_SIZE];
    uint8_t text[BASE64_MAX];
    const uint8_t *p = pb;
    size_t n = sizeof(pb);
    int err = 0;
    lp2p_identity_encode(identity, pb);
    if (copy->base64) {
        struct lp2p_mspan room = {.p = text, .n = sizeof(text) - 1};
        err = whtnxt_base64_encode(lp2p_span(pb, sizeof(pb)), room, &n);
        p = text;
        if (err == 0) {
            text[n++] = '\n';
        }
    }
    if (err == 0) {
        err = whtnxt_file_create(cfg->disk, copy->path, p, n);
    }
    if (err == -LP2P_E_EXISTS && copy->force) {
        err = write_over(cfg->disk, copy->path, p, n);
    }
    if (err == 0) {
        err = whtnxt_file_sync_folder(cfg->disk, copy->path);
    }
    lp2p_wipe(pb, sizeof(pb));
    lp2p_wipe(text, sizeof(text));
    if (err == -LP2P_E_EXISTS) {
        return key_refuse(reason, err, copy->path, "is there already.");
    }
    if (err != 0) {
        return key_refuse(reason, err, copy->path, "cannot be written.");
    }
    return 0;
}
