#include "cli/cli.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The lock's file, when somebody holds the lock; -1. */
static int open_held(const struct cli *c)
{
    char path[WHTNXT_PATH_SIZE + 8];
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    snprintf(path, sizeof(path), "%s/lock", c->paths.data);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd >= 0 && (fcntl(fd, F_OFD_GETLK, &lock) != 0 || lock.l_type == F_UNLCK)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* A number that a file holds is only believed of a process that says that it is main. */
static bool is_main(long pid)
{
    char path[40];
    char name[16] = "";
    snprintf(path, sizeof(path), "/proc/%ld/comm", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    ssize_t n = read(fd, name, sizeof(name));
    close(fd);
    return n == 8 && memcmp(name, "whtnxtd\n", 8) == 0;
}

bool cli_find_holder(const struct cli *c, struct cli_holder *ret)
{
    char text[WHTNXT_PATH_SIZE + 32];
    int fd = open_held(c);
    if (fd < 0) {
        return false;
    }
    ssize_t n = read(fd, text, sizeof(text) - 1);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    char *end;
    ret->pid = strtol(text, &end, 10);
    size_t len = *end == '\n' ? strcspn(end + 1, "\n") : 0;
    if (ret->pid <= 1 || len == 0 || end[1 + len] != '\n' || !is_main(ret->pid)) {
        return false;
    }
    end[1 + len] = '\0';
    snprintf(ret->socket, sizeof(ret->socket), "%s", end + 1);
    return true;
}

bool cli_complain_holder(const struct cli *c)
{
    struct cli_holder h;
    char text[WHTNXT_PATH_SIZE + 128];
    if (!cli_find_holder(c, &h) || strcmp(h.socket, c->paths.socket) == 0) {
        return false;
    }
    snprintf(text, sizeof(text),
             "WhatNext runs as process %ld, but its control socket is elsewhere: %s", h.pid,
             h.socket);
    cli_complain(c, text, "Set XDG_RUNTIME_DIR as it was then, or stop it: whtnxt down");
    return true;
}

int cli_end_holder(const struct cli *c)
{
    struct cli_holder h;
    struct cli_holder again;
    int pidfd = cli_find_holder(c, &h) ? (int)syscall(SYS_pidfd_open, h.pid, 0) : -1;
    /* The same one still holds the lock: the descriptor is its, not that of a later process. */
    if (pidfd >= 0 && cli_find_holder(c, &again) && again.pid == h.pid &&
        syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, NULL, 0) == 0) {
        return pidfd;
    }
    if (pidfd >= 0) {
        close(pidfd);
    }
    return -1;
}
