#include "main/lock.h"

#include "main/disk.h"
#include "main/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

int whtnxt_lock_take(const char *folder, int *ret_fd)
{
    char path[4200];
    const struct whtnxt_disk *disk = whtnxt_disk_real();
    int err = disk->make_folder(disk->ctx, folder);
    if (err != 0) {
        return err;
    }
    snprintf(path, sizeof(path), "%s/lock", folder);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return errno == EACCES || errno == EPERM ? -LP2P_E_PERM : -LP2P_E_IO;
    }
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(fd, F_OFD_SETLK, &lock) != 0) {
        err = errno == EAGAIN || errno == EACCES ? -LP2P_E_EXISTS : -LP2P_E_IO;
        close(fd);
        return err;
    }
    *ret_fd = fd;
    return 0;
}

void whtnxt_lock_note(int fd, const char *socket)
{
    bool done = ftruncate(fd, 0) == 0 && dprintf(fd, "%ld\n%s\n", (long)getpid(), socket) > 0;
    if (!done) {
        (void)!ftruncate(fd, 0);
    }
}

/* Between two looks at a lock that is about to be given up. */
#define LOCK_LOOK_MS 20

int whtnxt_lock_wait(const char *folder, const char *socket, int *ret_fd)
{
    int err = whtnxt_lock_take(folder, ret_fd);
    for (int waited = 0; err == -LP2P_E_EXISTS && waited < WHTNXT_LOCK_PATIENCE_MS &&
                         !whtnxt_socket_answers(socket);
         waited += LOCK_LOOK_MS) {
        poll(NULL, 0, LOCK_LOOK_MS);
        err = whtnxt_lock_take(folder, ret_fd);
    }
    return err;
}
