/*
 * The disk seam: the few steps a file is saved and read by. The real one is app/main/disk.c; tests
 * have one that loses power after any step, with what was not synced kept, lost or cut.
 *
 * Paths are absolute. All functions return 0 or -LP2P_E_NOT_FOUND, -LP2P_E_EXISTS, -LP2P_E_PERM,
 * -LP2P_E_IO (disk full, read-only and the rest), -LP2P_E_NO_FDS, -LP2P_E_UNSUPPORTED (a symbolic
 * link or a socket where a file must be).
 */
#ifndef WHTNXT_STORE_DISK_H
#define WHTNXT_STORE_DISK_H

#include "lp2p/error.h"

/* What is said of an open file. */
struct whtnxt_file_info {
    bool regular;
    bool ours;     /* owned by the user we run as */
    bool alone;    /* no other hard link */
    unsigned mode; /* permission bits */
    uint64_t size;
};

struct whtnxt_disk {
    void *ctx;
    /* Opens for reading, never through a symbolic link at the end of the path. */
    int (*open_read)(void *ctx, const char *path, int *ret_file);
    int (*info)(void *ctx, int file, struct whtnxt_file_info *ret);
    /* Reads until `n` bytes or the end. */
    int (*read)(void *ctx, int file, uint8_t *p, size_t n, size_t *ret_n);
    /* Creates a file that is not there, mode 0600. */
    int (*create)(void *ctx, const char *path, int *ret_file);
    int (*write)(void *ctx, int file, const uint8_t *p, size_t n);
    int (*sync)(void *ctx, int file);
    void (*close)(void *ctx, int file);
    /* Replaces `to` in one step; with `keep` it fails when `to` exists. */
    int (*rename)(void *ctx, const char *from, const char *to, bool keep);
    int (*remove)(void *ctx, const char *path);
    /* Makes renames in the folder last. */
    int (*sync_folder)(void *ctx, const char *path);
    /* Makes a folder and its parents, mode 0700, and makes them last; one that exists is fine. */
    int (*make_folder)(void *ctx, const char *path);
};

#endif
