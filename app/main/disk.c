#include "main/disk.h"

#include "base/assert.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Longest path of a folder, with its NUL: PATH_MAX of Linux. */
#define FOLDER_PATH_SIZE 4096U

static int from_errno(int e)
{
    switch (e) {
    case ENOENT:
        return -LP2P_E_NOT_FOUND;
    case EEXIST:
        return -LP2P_E_EXISTS;
    case EACCES:
    case EPERM:
        return -LP2P_E_PERM;
    case ELOOP:
    case ENXIO: /* a socket, or a device that is not there */
        return -LP2P_E_UNSUPPORTED;
    case EMFILE:
    case ENFILE:
        return -LP2P_E_NO_FDS;
    default:
        return -LP2P_E_IO;
    }
}

const char *whtnxt_disk_why(int err)
{
    bool vague = err == -LP2P_E_IO || err == -LP2P_E_PERM;
    return vague && errno != 0 ? strerror(errno) : lp2p_error_text(err);
}

static int real_open_read(void *ctx, const char *path, int *ret_file)
{
    (void)ctx;
    /* Not blocking: a FIFO at the path must not hold us. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        return from_errno(errno);
    }
    *ret_file = fd;
    return 0;
}

static int real_info(void *ctx, int file, struct whtnxt_file_info *ret)
{
    (void)ctx;
    struct stat st;
    if (fstat(file, &st) != 0) {
        return from_errno(errno);
    }
    *ret = (struct whtnxt_file_info){
        .regular = S_ISREG(st.st_mode),
        .ours = st.st_uid == geteuid(),
        .alone = st.st_nlink == 1,
        .mode = st.st_mode & 07777U,
        .size = (uint64_t)st.st_size,
    };
    return 0;
}

static int real_read(void *ctx, int file, uint8_t *p, size_t n, size_t *ret_n)
{
    (void)ctx;
    size_t done = 0;
    while (done < n) {
        ssize_t got = read(file, p + done, n - done);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return from_errno(errno);
        }
        if (got == 0) {
            break;
        }
        done += (size_t)got;
    }
    *ret_n = done;
    return 0;
}

static int real_create(void *ctx, const char *path, int *ret_file)
{
    (void)ctx;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return from_errno(errno);
    }
    *ret_file = fd;
    return 0;
}

static int real_write(void *ctx, int file, const uint8_t *p, size_t n)
{
    (void)ctx;
    while (n > 0) {
        ssize_t put = write(file, p, n);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            return put < 0 ? from_errno(errno) : -LP2P_E_IO;
        }
        p += put;
        n -= (size_t)put;
    }
    return 0;
}

static int real_sync(void *ctx, int file)
{
    (void)ctx;
    return fsync(file) == 0 ? 0 : from_errno(errno);
}

static void real_close(void *ctx, int file)
{
    (void)ctx;
    close(file);
}

static int real_rename(void *ctx, const char *from, const char *to, bool keep)
{
    (void)ctx;
    int done = renameat2(AT_FDCWD, from, AT_FDCWD, to, keep ? RENAME_NOREPLACE : 0);
    if (done != 0 && keep && errno == EINVAL) {
        /* A file system without RENAME_NOREPLACE (NFS): a link fails on an existing name, too. */
        done = link(from, to);
        if (done == 0) {
            done = unlink(from);
        }
    }
    return done == 0 ? 0 : from_errno(errno);
}

static int real_remove(void *ctx, const char *path)
{
    (void)ctx;
    return unlink(path) == 0 ? 0 : from_errno(errno);
}

static int real_sync_folder(void *ctx, const char *path)
{
    (void)ctx;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return from_errno(errno);
    }
    int err = fsync(fd) == 0 ? 0 : from_errno(errno);
    close(fd);
    return err;
}

/* The folder a path is in; false for the root and for a name alone. */
static bool folder_of(const char *path, char ret[static FOLDER_PATH_SIZE])
{
    int n = snprintf(ret, FOLDER_PATH_SIZE, "%s", path);
    char *slash = n > 0 && (size_t)n < FOLDER_PATH_SIZE ? strrchr(ret, '/') : NULL;
    if (slash == NULL || slash[1] == '\0') {
        return false;
    }
    slash[slash == ret ? 1 : 0] = '\0';
    return true;
}

/* One folder. What is put into it lasts only if it does itself. */
static int make_one_folder(const char *path)
{
    char parent[FOLDER_PATH_SIZE];
    if (mkdir(path, 0700) != 0) {
        return errno == EEXIST ? 0 : from_errno(errno);
    }
    return folder_of(path, parent) ? real_sync_folder(NULL, parent) : 0;
}

static int real_make_folder(void *ctx, const char *path)
{
    (void)ctx;
    char part[FOLDER_PATH_SIZE];
    int n = snprintf(part, sizeof(part), "%s", path);
    if (n <= 0 || (size_t)n >= sizeof(part)) {
        return -LP2P_E_IO;
    }
    for (char *slash = strchr(part + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        LP2P_TRY(make_one_folder(part));
        *slash = '/';
    }
    return make_one_folder(part);
}

const struct whtnxt_disk *whtnxt_disk_real(void)
{
    static const struct whtnxt_disk disk = {
        .open_read = real_open_read,
        .info = real_info,
        .read = real_read,
        .create = real_create,
        .write = real_write,
        .sync = real_sync,
        .close = real_close,
        .rename = real_rename,
        .remove = real_remove,
        .sync_folder = real_sync_folder,
        .make_folder = real_make_folder,
    };
    return &disk;
}
