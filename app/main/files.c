#include "main/app.h"

#include "main/disk.h"
#include "main/store/file.h"

#include <stdio.h>

/* 1,024 peers with eight addresses of 128 bytes and names: about a mebibyte (DESIGN 2). */
#define FILES_MAX (4U * 1024U * 1024U)

static int file_path(char out[static WHTNXT_STORE_PATH_SIZE], const char *folder, const char *name)
{
    int n = snprintf(out, WHTNXT_STORE_PATH_SIZE, "%s/%s", folder, name);
    return n > 0 && (size_t)n < WHTNXT_STORE_PATH_SIZE ? 0 : -LP2P_E_TOO_LONG;
}

/* -LP2P_E_NOT_FOUND, -LP2P_E_DECODE, or what reading said. */
static int read_json(const char *path, json_t **ret)
{
    struct lp2p_mspan room = {.p = lp2p_alloc(lp2p_mem_default(), FILES_MAX), .n = FILES_MAX};
    struct whtnxt_file_info info = {.regular = false};
    size_t n = 0;
    if (room.p == NULL) {
        return -LP2P_E_NOMEM;
    }
    int err = whtnxt_file_read(whtnxt_disk_real(), path, room, &n, &info);
    if (err == 0) {
        while (n > 0 && (room.p[n - 1] == '\n' || room.p[n - 1] == ' ')) {
            n--;
        }
        err = whtnxt_json_decode(lp2p_span(room.p, n), ret);
    }
    lp2p_free(lp2p_mem_default(), room.p);
    return err;
}

static void complain(struct whtnxt_app *a, uint64_t now, const char *path, int err)
{
    char text[WHTNXT_CAUSE_TEXT_SIZE];
    const char *why = err == -LP2P_E_VERSION
                          ? "was written by a newer WhatNext; it is left as it is"
                      : err == -LP2P_E_DECODE      ? "is damaged"
                      : err == -LP2P_E_UNSUPPORTED ? "is not a plain file"
                                                   : lp2p_error_text(err);
    snprintf(text, sizeof(text), "%.300s: %s", path, why);
    whtnxt_model_log(a->model, now, WHTNXT_LOG_ERROR, WHTNXT_CAUSE_STORE_REFUSED, text);
}

/* How often a file can be put aside until somebody has to look. */
#define ASIDE_MAX 100U

/* What cannot be read is kept beside the new file, which would else take its place: nothing of the
 * user's is thrown away, and nothing that was put aside before. */
static int put_aside(struct whtnxt_app *a, uint64_t now, const char *path)
{
    char aside[WHTNXT_STORE_PATH_SIZE + sizeof(WHTNXT_STORE_ASIDE) + 8];
    char text[WHTNXT_CAUSE_TEXT_SIZE];
    const struct whtnxt_disk *disk = whtnxt_disk_real();
    int err = -LP2P_E_EXISTS;
    for (unsigned i = 1; err == -LP2P_E_EXISTS && i <= ASIDE_MAX; i++) {
        char number[8] = "";
        if (i > 1) {
            snprintf(number, sizeof(number), ".%u", i);
        }
        snprintf(aside, sizeof(aside), "%s%s%s", path, WHTNXT_STORE_ASIDE, number);
        err = disk->rename(disk->ctx, path, aside, true);
    }
    snprintf(text, sizeof(text), err == 0 ? "It is kept as %.300s" : "It cannot be put aside: %s",
             err == 0 ? aside : lp2p_error_text(err));
    whtnxt_model_log(a->model, now, err == 0 ? WHTNXT_LOG_INFO : WHTNXT_LOG_ERROR,
                     WHTNXT_CAUSE_NONE, text);
    return err;
}

/* A file that is wrong, not a moment in which it cannot be read. */
static bool is_damage(int err)
{
    return err == -LP2P_E_DECODE || err == -LP2P_E_TOO_LONG || err == -LP2P_E_UNSUPPORTED;
}

struct stored {
    const char *name;
    int (*take)(struct whtnxt_model *m, const json_t *o);
    void (*lock)(struct whtnxt_model *m);
};

static void load(struct whtnxt_app *a, uint64_t now, const char *folder, const struct stored *f)
{
    char path[WHTNXT_STORE_PATH_SIZE];
    json_t *o = NULL;
    int err = file_path(path, folder, f->name);
    if (err == 0) {
        err = read_json(path, &o);
    }
    if (err == 0 || err == -LP2P_E_NOT_FOUND) {
        err = f->take(a->model, o);
    }
    json_decref(o);
    if (err == 0) {
        return;
    }
    complain(a, now, path, err);
    if (is_damage(err) && put_aside(a, now, path) == 0) {
        (void)f->take(a->model, NULL);
    } else {
        /* What is there is more than what we have. */
        f->lock(a->model);
    }
}

void whtnxt_files_load(struct whtnxt_app *a, uint64_t now)
{
    static const struct stored settings = {"settings.json", whtnxt_model_load_settings,
                                           whtnxt_model_lock_settings};
    static const struct stored peers = {"peers.json", whtnxt_model_load_peers,
                                        whtnxt_model_lock_peers};
    load(a, now, a->cfg->paths->config, &settings);
    load(a, now, a->cfg->paths->state, &peers);
}

static void save(struct whtnxt_app *a, uint64_t now, const char *folder, const char *name,
                 json_t *o)
{
    char path[WHTNXT_STORE_PATH_SIZE];
    const struct whtnxt_disk *disk = whtnxt_disk_real();
    struct lp2p_buf out;
    lp2p_buf_init(&out, lp2p_mem_default(), FILES_MAX);
    int err = file_path(path, folder, name);
    if (err == 0) {
        err = whtnxt_json_encode(&out, o);
    }
    if (err == 0) {
        err = disk->make_folder(disk->ctx, folder);
    }
    if (err == 0) {
        err = whtnxt_file_save(disk, path, lp2p_buf_span(&out).p, out.len, false);
    }
    if (err != 0) {
        complain(a, now, path, err);
    }
    lp2p_buf_fini(&out);
    json_decref(o);
}

void whtnxt_files_save_peers(struct whtnxt_app *a, uint64_t now)
{
    save(a, now, a->cfg->paths->state, "peers.json", whtnxt_model_peers(a->model));
}

void whtnxt_files_save_settings(struct whtnxt_app *a, uint64_t now)
{
    save(a, now, a->cfg->paths->config, "settings.json", whtnxt_model_settings(a->model));
}
