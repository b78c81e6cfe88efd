#include "main/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Clients that wait to be accepted. */
#define SOCKET_BACKLOG 16

/* The folder is a real one, ours, and closed to others. */
static int open_folder(const char *folder, int *ret_fd)
{
    struct stat st;
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        return -LP2P_E_PERM;
    }
    if (fstat(fd, &st) != 0 || st.st_uid != geteuid() || fchmod(fd, 0700) != 0) {
        close(fd);
        return -LP2P_E_PERM;
    }
    *ret_fd = fd;
    return 0;
}

/* A path that is too long for sun_path is reached through the folder's descriptor. */
static void fill_address(int folder, const char *path, struct sockaddr_un *sun)
{
    const char *name = strrchr(path, '/') + 1;
    *sun = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) < sizeof(sun->sun_path)) {
        memcpy(sun->sun_path, path, strlen(path) + 1);
    } else {
        snprintf(sun->sun_path, sizeof(sun->sun_path), "/proc/self/fd/%d/%s", folder, name);
    }
}

static bool answers(const struct sockaddr_un *sun)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return true;
    }
    int done = connect(fd, (const struct sockaddr *)sun, sizeof(*sun));
    bool alive = done == 0 || errno == EAGAIN || errno == EINPROGRESS;
    close(fd);
    return alive;
}

/* Removes what a dead main left; never anything that is not a socket of ours. */
static int remove_stale(int folder, const char *path, const struct sockaddr_un *sun)
{
    const char *name = strrchr(path, '/') + 1;
    struct stat st;
    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        return errno == ENOENT ? 0 : -LP2P_E_IO;
    }
    if (!S_ISSOCK(st.st_mode) || st.st_uid != geteuid()) {
        return -LP2P_E_EXISTS;
    }
    if (answers(sun)) {
        return -LP2P_E_ADDR_IN_USE;
    }
    return unlinkat(folder, name, 0) == 0 ? 0 : -LP2P_E_IO;
}

static int bind_and_listen(int fd, const struct sockaddr_un *sun)
{
    /* The file is 0600 from its first moment on. */
    mode_t before = umask(0177);
    int done = bind(fd, (const struct sockaddr *)sun, sizeof(*sun));
    umask(before);
    return done == 0 && listen(fd, SOCKET_BACKLOG) == 0 ? 0 : -LP2P_E_IO;
}

int whtnxt_socket_listen(const char *folder, const char *path, int *ret_fd)
{
    struct sockaddr_un sun;
    int dir;
    int err = open_folder(folder, &dir);
    if (err != 0) {
        return err;
    }
    fill_address(dir, path, &sun);
    err = remove_stale(dir, path, &sun);
    int fd = -1;
    if (err == 0) {
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        err = fd < 0 ? -LP2P_E_NO_FDS : bind_and_listen(fd, &sun);
    }
    close(dir);
    if (err != 0 && fd >= 0) {
        close(fd);
    }
    if (err == 0) {
        *ret_fd = fd;
    }
    return err;
}

bool whtnxt_socket_answers(const char *path)
{
    struct sockaddr_un sun;
    char folder[4096];
    int n = snprintf(folder, sizeof(folder), "%s", path);
    char *slash = n > 0 && (size_t)n < sizeof(folder) ? strrchr(folder, '/') : NULL;
    if (slash == NULL) {
        return false;
    }
    *slash = '\0';
    int dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0) {
        return false;
    }
    fill_address(dir, path, &sun);
    bool alive = answers(&sun);
    close(dir);
    return alive;
}

bool whtnxt_socket_peer_is_us(int fd)
{
    struct ucred cred;
    socklen_t n = sizeof(cred);
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) == 0 && cred.uid == geteuid();
}
