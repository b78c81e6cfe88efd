/*
 * Small files of the user's, read whole and saved in one step: after a crash at any moment there is
 * the old content or the new, never neither (SECURITY 4.2).
 */
#ifndef WHTNXT_STORE_FILE_H
#define WHTNXT_STORE_FILE_H

#include "base/span.h"
#include "main/store/disk.h"

/* Longest path, with the suffix of the temporary file. */
#define WHTNXT_STORE_PATH_SIZE 4128U
/* At the end of the path of a file that could not be read and was put aside. */
#define WHTNXT_STORE_ASIDE ".damaged"

/*
 * Reads a file of at most `room` bytes. `ret_info` is set whenever the file could be opened.
 * -LP2P_E_NOT_FOUND, -LP2P_E_UNSUPPORTED (a link, or no regular file), -LP2P_E_TOO_LONG,
 * -LP2P_E_PERM, -LP2P_E_IO.
 */
int whtnxt_file_read(const struct whtnxt_disk *disk, const char *path, struct lp2p_mspan room,
                     size_t *ret_n, struct whtnxt_file_info *ret_info);

/*
 * Writes and syncs a file that is not there yet, mode 0600; what could not be written whole is
 * removed. Its name lasts after whtnxt_file_sync_folder. -LP2P_E_EXISTS, ...
 */
int whtnxt_file_create(const struct whtnxt_disk *disk, const char *path, const uint8_t *p,
                       size_t n);
/* Makes the names in the folder of `path` last. */
int whtnxt_file_sync_folder(const struct whtnxt_disk *disk, const char *path);

/*
 * Saves `n` bytes: a new file beside it, synced, renamed over the old one, the folder synced. With
 * `keep` an existing file is left alone and -LP2P_E_EXISTS returned. On failure the old content is
 * still there.
 */
int whtnxt_file_save(const struct whtnxt_disk *disk, const char *path, const uint8_t *p, size_t n,
                     bool keep);

/*
 * Removes what a crash in the middle of a save left beside the file. Saving does it by itself; the
 * lock on the data folder makes us the only writer.
 */
int whtnxt_file_remove_left(const struct whtnxt_disk *disk, const char *path);

#endif
