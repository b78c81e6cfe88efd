#include "main/store/key.h"

#include "base/mem.h"
#include "main/store/file.h"

#include <stdio.h>
#include <string.h>

/* Longer than any key message we read: a file of this size is no key. */
#define KEY_FILE_MAX 256U

static int refuse(char reason[static WHTNXT_KEY_REASON_SIZE], int err, const char *path,
                  const char *what)
{
    snprintf(reason, WHTNXT_KEY_REASON_SIZE, "%.200s %.300s", path, what);
    return err;
}

static bool exists(const struct whtnxt_disk *disk, const char *path)
{
    int file;
    int err = disk->open_read(disk->ctx, path, &file);
    if (err == 0) {
        disk->close(disk->ctx, file);
    }
    /* Whatever is there and cannot be opened is there. */
    return err != -LP2P_E_NOT_FOUND;
}

static int check_info(const struct whtnxt_file_info *info, const char *path,
                      char reason[static WHTNXT_KEY_REASON_SIZE])
{
    if (!info->ours) {
        return refuse(reason, -LP2P_E_PERM, path,
                      "belongs to another user. Make it yours or restore it.");
    }
    if ((info->mode & 077U) != 0) {
        return refuse(reason, -LP2P_E_PERM, path,
                      "can be read by others. If nobody did: chmod 600 on it.");
    }
    if (!info->alone) {
        return refuse(reason, -LP2P_E_PERM, path,
                      "has a second name (a hard link). Remove the other one.");
    }
    return 0;
}

static int decode(const struct whtnxt_key_cfg *cfg, struct lp2p_span pb, const char *path,
                  struct lp2p_identity *ret, char reason[static WHTNXT_KEY_REASON_SIZE])
{
    uint8_t again[LP2P_PRIVATE_KEY_ED25519_PB_SIZE];
    int err = lp2p_identity_decode(cfg->crypto, pb, ret);
    if (err == -LP2P_E_UNSUPPORTED) {
        return refuse(reason, err, path,
                      "is a key of a kind that WhatNext does not use. Restore yours.");
    }
    if (err != 0) {
        return refuse(reason, err, path,
                      "is damaged. Restore it from a backup, or move it away to start anew.");
    }
    /* Not one bit may differ from what we would write: the file has no checksum of its own. */
    lp2p_identity_encode(ret, again);
    bool same = lp2p_span_eq(pb, lp2p_span(again, sizeof(again))) || pb.n > sizeof(again);
    lp2p_wipe(again, sizeof(again));
    if (!same) {
        lp2p_identity_wipe(ret);
        return refuse(reason, -LP2P_E_DECODE, path,
                      "is damaged. Restore it from a backup, or move it away to start anew.");
    }
    return 0;
}

static int load(const struct whtnxt_key_cfg *cfg, const char *path, struct lp2p_identity *ret,
                char reason[static WHTNXT_KEY_REASON_SIZE])
{
    uint8_t pb[KEY_FILE_MAX];
    size_t n = 0;
    struct whtnxt_file_info info = {.regular = false};
    int err = whtnxt_file_read(cfg->disk, path, (struct lp2p_mspan){pb, sizeof(pb)}, &n, &info);
    if (err == -LP2P_E_NOT_FOUND) {
        return err;
    }
    if (err == -LP2P_E_UNSUPPORTED) {
        err = refuse(reason, -LP2P_E_PERM, path, "is not a plain file. Put the key itself there.");
    } else if (err == -LP2P_E_TOO_LONG) {
        err = refuse(reason, -LP2P_E_DECODE, path,
                     "is damaged. Restore it from a backup, or move it away to start anew.");
    } else if (err != 0) {
        err = refuse(reason, err, path, "cannot be read.");
    } else {
        err = check_info(&info, path, reason);
    }
    if (err == 0) {
        err = decode(cfg, lp2p_span(pb, n), path, ret, reason);
    }
    lp2p_wipe(pb, sizeof(pb));
    return err;
}

static int make(const struct whtnxt_key_cfg *cfg, const char *path, struct lp2p_identity *ret,
                char reason[static WHTNXT_KEY_REASON_SIZE])
{
    uint8_t seed[32];
    uint8_t pb[LP2P_PRIVATE_KEY_ED25519_PB_SIZE];
    lp2p_random_fill(&cfg->random, seed, sizeof(seed));
    int err = lp2p_identity_from_seed(cfg->crypto, seed, ret);
    lp2p_wipe(seed, sizeof(seed));
    if (err == 0) {
        lp2p_identity_encode(ret, pb);
        err = cfg->disk->make_folder(cfg->disk->ctx, cfg->folder);
    }
    if (err == 0) {
        err = whtnxt_file_save(cfg->disk, path, pb, sizeof(pb), true);
    }
    lp2p_wipe(pb, sizeof(pb));
    if (err != 0) {
        lp2p_identity_wipe(ret);
        return refuse(reason, err, path, "cannot be written. Is the disk full or read-only?");
    }
    return 0;
}

int whtnxt_key_load(const struct whtnxt_key_cfg *cfg, struct lp2p_identity *ret,
                    char reason[static WHTNXT_KEY_REASON_SIZE])
{
    char path[WHTNXT_STORE_PATH_SIZE];
    int len = snprintf(path, sizeof(path), "%s/identity.key", cfg->folder);
    if (len <= 0 || (size_t)len >= sizeof(path)) {
        return refuse(reason, -LP2P_E_TOO_LONG, cfg->folder, "is too long a path.");
    }
    int err = load(cfg, path, ret, reason);
    if (err != -LP2P_E_NOT_FOUND) {
        return err;
    }
    if (exists(cfg->disk, cfg->peers_path)) {
        char text[300];
        snprintf(text, sizeof(text),
                 "is missing, but %.200s is there. Restore the key, or move that file away to "
                 "start anew.",
                 cfg->peers_path);
        return refuse(reason, -LP2P_E_NOT_FOUND, path, text);
    }
    return make(cfg, path, ret, reason);
}
