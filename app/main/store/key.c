#include "main/store/key.h"

#include "base/assert.h"
#include "base/mem.h"
#include "base/text.h"
#include "main/store/key_priv.h"

#include <stdio.h>
#include <string.h>

/* Room for the end of a path: two of them and the longest sentence fit into a reason. */
#define KEY_PATH_SHOWN 180U

/* The end of a path, fit to be shown. */
static void show_path(const char *path, char shown[static KEY_PATH_SHOWN])
{
    size_t n = strlen(path);
    size_t skip = n < KEY_PATH_SHOWN ? 0 : n - KEY_PATH_SHOWN + 1;
    lp2p_text_clean(lp2p_span((const uint8_t *)path + skip, n - skip), shown, KEY_PATH_SHOWN);
}

int key_refuse(char reason[static WHTNXT_KEY_REASON_SIZE], int err, const char *path,
               const char *what)
{
    char shown[KEY_PATH_SHOWN];
    show_path(path, shown);
    snprintf(reason, WHTNXT_KEY_REASON_SIZE, "%s %s", shown, what);
    return err;
}

static int refuse_lost(char reason[static WHTNXT_KEY_REASON_SIZE], const char *path,
                       const char *peers_path)
{
    char shown[KEY_PATH_SHOWN];
    char peers[KEY_PATH_SHOWN];
    show_path(path, shown);
    show_path(peers_path, peers);
    snprintf(reason, WHTNXT_KEY_REASON_SIZE,
             "%s is missing, but %s is there. Restore the key, or move that file away to start "
             "anew.",
             shown, peers);
    return -LP2P_E_NOT_FOUND;
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

/*
 * Settles what a crash left open: a second name under which a new key was written, and a name in
 * the folder that a loss of power would take back after the key was given out.
 */
static void settle(const struct whtnxt_key_cfg *cfg, const char *path)
{
    /* On a read-only disk neither works, and neither is needed. */
    (void)whtnxt_file_remove_left(cfg->disk, path);
    (void)cfg->disk->sync_folder(cfg->disk->ctx, cfg->folder);
}

static int check_info(const struct whtnxt_file_info *info, const char *path,
                      char reason[static WHTNXT_KEY_REASON_SIZE])
{
    if (!info->ours) {
        return key_refuse(reason, -LP2P_E_PERM, path,
                          "belongs to another user. Make it yours or restore it.");
    }
    if ((info->mode & 077U) != 0) {
        return key_refuse(reason, -LP2P_E_PERM, path,
                          "can be read by others. If nobody did: chmod 600 on it.");
    }
    if (!info->alone) {
        return key_refuse(reason, -LP2P_E_PERM, path,
                          "has a second name (a hard link). Remove the other one.");
    }
    return 0;
}

/* The form with the public half twice; the halves were compared when it was decoded. */
static bool is_older_form(struct lp2p_span pb)
{
    static const uint8_t head[] = {0x08, 0x01, 0x12, 0x60};
    return pb.n == sizeof(head) + 0x60 && memcmp(pb.p, head, sizeof(head)) == 0;
}

int key_decode(const struct lp2p_crypto *crypto, struct lp2p_span pb, struct lp2p_identity *ret)
{
    uint8_t again[LP2P_PRIVATE_KEY_ED25519_PB_SIZE];
    LP2P_TRY(lp2p_identity_decode(crypto, pb, ret));
    /* Not one bit may differ from what is written: the file has no checksum of its own. */
    lp2p_identity_encode(ret, again);
    bool same = lp2p_span_eq(pb, lp2p_span(again, sizeof(again))) || is_older_form(pb);
    lp2p_wipe(again, sizeof(again));
    if (!same) {
        lp2p_identity_wipe(ret);
        return -LP2P_E_DECODE;
    }
    return 0;
}

static int decode(const struct whtnxt_key_cfg *cfg, struct lp2p_span pb, const char *path,
                  struct lp2p_identity *ret, char reason[static WHTNXT_KEY_REASON_SIZE])
{
    int err = key_decode(cfg->crypto, pb, ret);
    if (err == -LP2P_E_UNSUPPORTED) {
        return key_refuse(reason, err, path,
                          "is a key of a kind that WhatNext does not use. Restore yours.");
    }
    if (err != 0) {
        return key_refuse(reason, err, path,
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
        err = key_refuse(reason, -LP2P_E_PERM, path,
                         "is not a plain file. Put the key itself there.");
    } else if (err == -LP2P_E_TOO_LONG) {
        err = key_refuse(reason, -LP2P_E_DECODE, path,
                         "is damaged. Restore it from a backup, or move it away to start anew.");
    } else if (err != 0) {
        err = key_refuse(
            reason, err, path,
            "cannot be read. Check the disk, and who may read the file and its folder.");
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
        return key_refuse(reason, err, path, "cannot be written. Is the disk full or read-only?");
    }
    return 0;
}

int key_path(const struct whtnxt_key_cfg *cfg, char path[static WHTNXT_STORE_PATH_SIZE],
             char reason[static WHTNXT_KEY_REASON_SIZE])
{
    int len = snprintf(path, WHTNXT_STORE_PATH_SIZE, "%s/identity.key", cfg->folder);
    if (len <= 0 || (size_t)len >= WHTNXT_STORE_PATH_SIZE) {
        return key_refuse(reason, -LP2P_E_TOO_LONG, cfg->folder,
                          "is too long a path. Choose a shorter one.");
    }
    return 0;
}

int whtnxt_key_load(const struct whtnxt_key_cfg *cfg, struct lp2p_identity *ret,
                    char reason[static WHTNXT_KEY_REASON_SIZE])
{
    char path[WHTNXT_STORE_PATH_SIZE];
    int err = key_path(cfg, path, reason);
    if (err != 0) {
        return err;
    }
    settle(cfg, path);
    err = load(cfg, path, ret, reason);
    if (err != -LP2P_E_NOT_FOUND) {
        return err;
    }
    /* One that was put aside proves as much. */
    char aside[WHTNXT_STORE_PATH_SIZE + sizeof(WHTNXT_STORE_ASIDE)];
    snprintf(aside, sizeof(aside), "%s%s", cfg->peers_path, WHTNXT_STORE_ASIDE);
    const char *peers[] = {cfg->peers_path, aside};
    for (size_t i = 0; i < LP2P_COUNT(peers); i++) {
        if (exists(cfg->disk, peers[i])) {
            return refuse_lost(reason, path, peers[i]);
        }
    }
    return make(cfg, path, ret, reason);
}
