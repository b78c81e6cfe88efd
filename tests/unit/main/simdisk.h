/*
 * A disk in a box behind the seam of main/store/disk.h. It keeps apart what a program sees and what
 * would be left after a loss of power: bytes last when the file was synced, names when the folder
 * was. It can die after any step, and it can fail any one call.
 */
#ifndef TESTS_MAIN_SIMDISK_H
#define TESTS_MAIN_SIMDISK_H

#include "main/store/disk.h"

#define SIMDISK_FILES   16
#define SIMDISK_NAMES   16
#define SIMDISK_FOLDERS 8
#define SIMDISK_PENDING 16
#define SIMDISK_OPEN    8
#define SIMDISK_PATH    64
#define SIMDISK_SIZE    1024

/* What is at a path, for open_read and info. */
enum simdisk_kind { SIMDISK_FILE, SIMDISK_SYMLINK, SIMDISK_OTHER };

struct simdisk_file {
    bool used;
    enum simdisk_kind kind;
    bool foreign;
    unsigned mode;
    uint8_t seen[SIMDISK_SIZE];
    size_t n_seen;
    uint8_t safe[SIMDISK_SIZE];
    size_t n_safe;
};

struct simdisk_name {
    char path[SIMDISK_PATH];
    int file; /* -1: no such name */
};

/* One step of a folder: it lasts as a whole or not at all. */
struct simdisk_change {
    struct simdisk_name set[2];
    int n;
};

struct simdisk {
    struct whtnxt_disk disk; /* hand this in */
    struct simdisk_file files[SIMDISK_FILES];
    struct simdisk_name seen[SIMDISK_NAMES];
    struct simdisk_name safe[SIMDISK_NAMES];
    struct simdisk_change pending[SIMDISK_PENDING];
    int n_pending;
    char folders[SIMDISK_FOLDERS][SIMDISK_PATH];
    int n_folders;
    int open[SIMDISK_OPEN]; /* file or -1 */
    bool read_only[SIMDISK_OPEN];
    int steps;   /* calls that change something, so far */
    int die_at;  /* dead after so many of them; -1: never */
    int calls;   /* all calls but close */
    int fail_at; /* the call of this number fails, from 1; 0: none */
    int fail_err;
    bool lies;      /* sync does nothing: for the test of the tests */
    bool no_atomic; /* rename that keeps is a link and an unlink, as on NFS */
};

/* What becomes of bytes that were not synced. */
enum simdisk_loss { SIMDISK_KEPT, SIMDISK_LOST, SIMDISK_CUT, SIMDISK_ZEROED, SIMDISK_LOSSES };

void simdisk_init(struct simdisk *d);

/* Puts a lasting file there. Returns its number. */
int simdisk_put(struct simdisk *d, const char *path, const void *p, size_t n);
/* A second lasting name. */
void simdisk_link(struct simdisk *d, const char *path, int file);
/* NULL: nothing there. */
struct simdisk_file *simdisk_at(struct simdisk *d, const char *path);

/* A program ended, its files are closed; the disk lives on. */
void simdisk_restart(struct simdisk *d);
/* Power went and came back; `names` has a bit for each pending change of a folder that lasted. */
void simdisk_power_loss(struct simdisk *d, enum simdisk_loss loss, unsigned names);

int simdisk_open_files(const struct simdisk *d);

#endif
