#include "main/store/file.h"

#include "base/assert.h"

#include <stdio.h>
#include <string.h>

int whtnxt_file_read(const struct whtnxt_disk *disk, const char *path, struct lp2p_mspan room,
                     size_t *ret_n, struct whtnxt_file_info *ret_info)
{
    int file;
    int err = disk->open_read(disk->ctx, path, &file);
    if (err != 0) {
        return err;
    }
    size_t n = 0;
    err = disk->info(disk->ctx, file, ret_info);
    if (err == 0 && !ret_info->regular) {
        err = -LP2P_E_UNSUPPORTED;
    }
    if (err == 0 && ret_info->size > room.n) {
        err = -LP2P_E_TOO_LONG;
    }
    if (err == 0) {
        err = disk->read(disk->ctx, file, room.p, room.n, &n);
    }
    disk->close(disk->ctx, file);
    if (err == 0) {
        *ret_n = n;
    }
    return err;
}

int whtnxt_file_create(const struct whtnxt_disk *disk, const char *path, const uint8_t *p, size_t n)
{
    int file;
    LP2P_TRY(disk->create(disk->ctx, path, &file));
    int err = disk->write(disk->ctx, file, p, n);
    if (err == 0) {
        err = disk->sync(disk->ctx, file);
    }
    disk->close(disk->ctx, file);
    if (err != 0) {
        (void)disk->remove(disk->ctx, path);
    }
    return err;
}

int whtnxt_file_sync_folder(const struct whtnxt_disk *disk, const char *path)
{
    char folder[WHTNXT_STORE_PATH_SIZE];
    int n = snprintf(folder, sizeof(folder), "%s", path);
    char *slash = n > 0 && (size_t)n < sizeof(folder) ? strrchr(folder, '/') : NULL;
    if (slash == NULL) {
        return -LP2P_E_INVAL;
    }
    *slash = '\0';
    return disk->sync_folder(disk->ctx, folder);
}

static int temporary_of(const char *path, char ret[static WHTNXT_STORE_PATH_SIZE])
{
    int len = snprintf(ret, WHTNXT_STORE_PATH_SIZE, "%s.new", path);
    return len > 0 && (size_t)len < WHTNXT_STORE_PATH_SIZE ? 0 : -LP2P_E_TOO_LONG;
}

int whtnxt_file_remove_left(const struct whtnxt_disk *disk, const char *path)
{
    char temporary[WHTNXT_STORE_PATH_SIZE];
    LP2P_TRY(temporary_of(path, temporary));
    int err = disk->remove(disk->ctx, temporary);
    return err == -LP2P_E_NOT_FOUND ? 0 : err;
}

int whtnxt_file_save(const struct whtnxt_disk *disk, const char *path, const uint8_t *p, size_t n,
                     bool keep)
{
    char temporary[WHTNXT_STORE_PATH_SIZE];
    LP2P_TRY(temporary_of(path, temporary));
    LP2P_TRY(whtnxt_file_remove_left(disk, path));
    LP2P_TRY(whtnxt_file_create(disk, temporary, p, n));
    int err = disk->rename(disk->ctx, temporary, path, keep);
    if (err != 0) {
        (void)disk->remove(disk->ctx, temporary);
        return err;
    }
    return whtnxt_file_sync_folder(disk, path);
}
