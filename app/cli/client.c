#include "cli/cli.h"

#include "base/mem.h"
#include "lp2p/error.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* Between two tries to be served in a crowd. */
#define CROWD_MS 10U

/* A socket path longer than sun_path is reached through a descriptor of its folder. */
static int fill_address(const char *path, struct sockaddr_un *sun, int *ret_dir)
{
    *sun = (struct sockaddr_un){.sun_family = AF_UNIX};
    *ret_dir = -1;
    if (strlen(path) < sizeof(sun->sun_path)) {
        memcpy(sun->sun_path, path, strlen(path) + 1);
        return 0;
    }
    char copy[WHTNXT_PATH_SIZE];
    snprintf(copy, sizeof(copy), "%s", path);
    *ret_dir = open(dirname(copy), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (*ret_dir < 0) {
        return -LP2P_E_REFUSED;
    }
    snprintf(sun->sun_path, sizeof(sun->sun_path), "/proc/self/fd/%d/%s", *ret_dir,
             strrchr(path, '/') + 1);
    return 0;
}

/* Nobody but ourselves may answer for us: another user's socket in our place is refused. */
static bool is_ours(int fd)
{
    struct ucred cred;
    socklen_t n = sizeof(cred);
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) == 0 && cred.uid == getuid();
}

/* The queue of a main that is stopped may be full: connecting waits no longer than the answer. */
static int connect_within(int fd, const struct sockaddr_un *sun, uint64_t deadline)
{
    uint64_t now = cli_now_ms();
    uint64_t left = deadline > now ? deadline - now : 1;
    struct timeval tv = {.tv_sec = (time_t)(left / 1000),
                         .tv_usec = (suseconds_t)(left % 1000) * 1000};
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
    return connect(fd, (const struct sockaddr *)sun, sizeof(*sun));
}

static int open_error(int error)
{
    if (error == EAGAIN) {
        return -LP2P_E_TIMEOUT;
    }
    return error == EACCES || error == EPERM ? -LP2P_E_PERM : -LP2P_E_REFUSED;
}

static int open_socket(const char *path, uint64_t deadline, int *ret_fd)
{
    struct sockaddr_un sun;
    int dir;
    int err = fill_address(path, &sun, &dir);
    if (err != 0) {
        return err;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        err = -LP2P_E_NO_FDS;
    } else if (connect_within(fd, &sun, deadline) != 0) {
        err = open_error(errno);
    } else if (!is_ours(fd)) {
        err = -LP2P_E_PERM;
    }
    if (dir >= 0) {
        close(dir);
    }
    if (err != 0 && fd >= 0) {
        close(fd);
    }
    *ret_fd = err == 0 ? fd : -1;
    return err;
}

/* Waits for readiness; -LP2P_E_TIMEOUT at the deadline. A signal is waited through: the caller
 * polls its own flag. */
static int wait_ready(int fd, short events, uint64_t deadline)
{
    for (;;) {
        uint64_t now = cli_now_ms();
        if (now >= deadline) {
            return -LP2P_E_TIMEOUT;
        }
        struct pollfd p = {.fd = fd, .events = events};
        int n = poll(&p, 1, (int)(deadline - now));
        if (n > 0) {
            return 0;
        }
        if (n < 0 && errno != EINTR) {
            return -LP2P_E_IO;
        }
    }
}

static int send_all(int fd, struct lp2p_span bytes, uint64_t deadline)
{
    while (bytes.n > 0) {
        int err = wait_ready(fd, POLLOUT, deadline);
        if (err != 0) {
            return err;
        }
        ssize_t n = send(fd, bytes.p, bytes.n, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            return -LP2P_E_CLOSED;
        }
        size_t took = n > 0 ? (size_t)n : 0;
        bytes.p += took;
        bytes.n -= took;
    }
    return 0;
}

static int recv_line(int fd, struct whtnxt_lines *lines, uint64_t deadline, struct lp2p_span *ret)
{
    static uint8_t block[64 * 1024];
    int err = whtnxt_lines_next(lines, ret);
    while (err == -LP2P_E_AGAIN) {
        err = wait_ready(fd, POLLIN, deadline);
        if (err != 0) {
            return err;
        }
        ssize_t n = recv(fd, block, sizeof(block), 0);
        if (n <= 0) {
            return -LP2P_E_CLOSED;
        }
        err = whtnxt_lines_recv(lines, block, (size_t)n);
        if (err == 0) {
            err = whtnxt_lines_next(lines, ret);
        }
    }
    return err;
}

static int exchange(int fd, struct lp2p_span request, uint64_t deadline, struct whtnxt_answer *ret)
{
    struct whtnxt_lines lines;
    struct lp2p_span line;
    whtnxt_lines_init(&lines, lp2p_mem_default(), WHTNXT_ANSWER_MAX);
    int err = send_all(fd, request, deadline);
    if (err == 0) {
        err = recv_line(fd, &lines, deadline, &line);
    }
    if (err == 0) {
        err = whtnxt_answer_decode(line, 1, ret);
    }
    whtnxt_lines_fini(&lines);
    return err;
}

static int call_once(struct cli *c, struct lp2p_span request, uint64_t deadline,
                     struct whtnxt_answer *ret)
{
    int fd;
    int err = open_socket(c->paths.socket, deadline, &fd);
    if (err == 0) {
        err = exchange(fd, request, deadline, ret);
        close(fd);
    }
    return err;
}

int cli_call(struct cli *c, enum whtnxt_method method, json_t *params, unsigned deadline_ms,
             struct whtnxt_answer *ret)
{
    uint64_t deadline = cli_now_ms() + deadline_ms;
    struct lp2p_buf request;
    lp2p_buf_init(&request, lp2p_mem_default(), WHTNXT_REQUEST_MAX + 1);
    int err = whtnxt_request_encode(&request, 1, method, params);
    json_decref(params);
    if (err == 0) {
        err = call_once(c, lp2p_buf_span(&request), deadline, ret);
    }
    /* It hung up without an answer: it serves as many as it may, or it has just ended. */
    while (err == -LP2P_E_CLOSED && cli_now_ms() < deadline) {
        cli_sleep_ms(CROWD_MS);
        err = call_once(c, lp2p_buf_span(&request), deadline, ret);
    }
    lp2p_buf_fini(&request);
    return err;
}

int cli_watch_main(struct cli *c)
{
    struct ucred cred;
    socklen_t n = sizeof(cred);
    int fd;
    if (open_socket(c->paths.socket, cli_now_ms() + CLI_POLL_DEADLINE_MS, &fd) != 0) {
        return -1;
    }
    int pidfd = -1;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) == 0) {
        pidfd = (int)syscall(SYS_pidfd_open, cred.pid, 0);
    }
    close(fd);
    return pidfd;
}

bool cli_wait_gone(int pidfd, unsigned deadline_ms)
{
    return wait_ready(pidfd, POLLIN, cli_now_ms() + deadline_ms) == 0;
}

int cli_complain_call(struct cli *c, int err)
{
    if (err == -LP2P_E_REFUSED && cli_complain_holder(c)) {
        return CLI_DOWN;
    }
    if (err == -LP2P_E_REFUSED) {
        return cli_complain_cause(c, WHTNXT_CAUSE_MAIN_DOWN);
    }
    if (err == -LP2P_E_TIMEOUT || err == -LP2P_E_CLOSED) {
        cli_complain(c, "WhatNext does not answer.", "If it stays so: whtnxt down, then whtnxt up");
        return CLI_DOWN;
    }
    char text[160];
    snprintf(text, sizeof(text), "Cannot talk to WhatNext: %s.", lp2p_error_text(err));
    cli_complain(c, text, "");
    return err == -LP2P_E_LIMIT ? CLI_USAGE : CLI_DOWN;
}

/* Main writes a key and waits for the disk. */
static bool is_slow(enum whtnxt_method method)
{
    return method == WHTNXT_METHOD_IDENTITY_NEW || method == WHTNXT_METHOD_IDENTITY_IMPORT ||
           method == WHTNXT_METHOD_IDENTITY_EXPORT;
}

json_t *cli_ask(struct cli *c, enum whtnxt_method method, json_t *params, int *ret_exit)
{
    struct whtnxt_answer a = {.result = NULL};
    int err = cli_call(c, method, params,
                       is_slow(method) ? CLI_DISK_DEADLINE_MS : CLI_POLL_DEADLINE_MS, &a);
    if (err != 0) {
        *ret_exit = cli_complain_call(c, err);
        return NULL;
    }
    json_t *result = a.result;
    if (result == NULL && a.rpc_error == WHTNXT_RPC_PARAMS) {
        /* What we send is right but for what was typed. */
        cli_complain(c, "One of the arguments is too long, or is no text (UTF-8).", "");
        *ret_exit = CLI_USAGE;
    } else if (result == NULL) {
        cli_complain(c, a.message, whtnxt_cause_action(a.cause));
        *ret_exit = a.cause != WHTNXT_CAUSE_NONE ? whtnxt_cause_exit(a.cause) : CLI_FAILED;
    } else {
        json_incref(result);
        *ret_exit = CLI_OK;
    }
    whtnxt_answer_fini(&a);
    return result;
}

json_t *cli_status(struct cli *c, int *ret_exit)
{
    return cli_ask(c, WHTNXT_METHOD_GET_STATUS, NULL, ret_exit);
}

/* ---- starting main ---- */

/* whtnxtd is beside us, or in libexec of the same prefix. */
static bool find_main(char path[static WHTNXT_PATH_SIZE])
{
    char self[WHTNXT_PATH_SIZE];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (n <= 0) {
        return false;
    }
    self[n] = '\0';
    char *slash = strrchr(self, '/');
    if (slash == NULL) {
        return false;
    }
    *slash = '\0';
    for (int i = 0; i < 2; i++) {
        int len = i == 0 ? snprintf(path, WHTNXT_PATH_SIZE, "%s/whtnxtd", self)
                         : snprintf(path, WHTNXT_PATH_SIZE, "%s/../libexec/whtnxt/whtnxtd", self);
        if (len > 0 && (size_t)len < WHTNXT_PATH_SIZE && access(path, X_OK) == 0) {
            return true;
        }
    }
    return false;
}

/* Runs in the child: away from our terminal and from whatever we inherited. What it says before it
 * answers goes to `said`; nobody reads that later, and it has nothing more to say. */
_Noreturn static void become_daemon(const char *path, const char *profile, int said)
{
    setsid();
    int null = open("/dev/null", O_RDWR);
    if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(said, 2) < 0) {
        _exit(127);
    }
    close_range(3, ~0U, 0);
    execl(path, path, "--profile", profile, (char *)NULL);
    _exit(127);
}

static bool main_answers(struct cli *c)
{
    struct whtnxt_answer a = {.result = NULL};
    if (cli_call(c, WHTNXT_METHOD_GET_VERSION, NULL, CLI_POLL_DEADLINE_MS, &a) != 0) {
        return false;
    }
    whtnxt_answer_fini(&a);
    return true;
}

int cli_become_main(struct cli *c)
{
    char path[WHTNXT_PATH_SIZE];
    if (!find_main(path)) {
        cli_complain(c, "whtnxtd is missing.", "Install WhatNext again.");
        return CLI_DOWN;
    }
    execl(path, path, "--profile", c->paths.profile, "--foreground", (char *)NULL);
    cli_complain(c, "whtnxtd cannot be started.", "Install WhatNext again.");
    return CLI_DOWN;
}

/* Main ended: its own words, or what to do when it had none. */
static int complain_start(struct cli *c, int said, int status)
{
    static const char name[] = "whtnxtd: ";
    char text[512];
    ssize_t n = read(said, text, sizeof(text) - 1);
    text[n > 0 ? n : 0] = '\0';
    text[strcspn(text, "\n")] = '\0';
    const char *own = strncmp(text, name, sizeof(name) - 1) == 0 ? text + sizeof(name) - 1 : text;
    cli_complain(c, *own != '\0' ? own : "WhatNext could not be started.",
                 *own != '\0' ? "" : "See: whtnxt up --foreground");
    return WIFEXITED(status) && WEXITSTATUS(status) != 127 ? WEXITSTATUS(status) : CLI_DOWN;
}

static int wait_for_main(struct cli *c, pid_t child, int said)
{
    uint64_t deadline = cli_now_ms() + CLI_START_DEADLINE_MS;
    while (cli_now_ms() < deadline) {
        if (main_answers(c)) {
            return CLI_OK;
        }
        /* One that lost the race for the lock exits 0: the other one will answer. */
        int status;
        if (child > 0 && waitpid(child, &status, WNOHANG) == child) {
            child = -1;
            if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
                return complain_start(c, said, status);
            }
        }
        cli_sleep_ms(5);
    }
    cli_complain(c, "WhatNext did not start within 5 seconds.", "See: whtnxt up --foreground");
    return CLI_DOWN;
}

int cli_start_main(struct cli *c, bool *ret_started)
{
    *ret_started = false;
    if (main_answers(c)) {
        return CLI_OK;
    }
    if (cli_complain_holder(c)) {
        return CLI_DOWN;
    }
    char path[WHTNXT_PATH_SIZE];
    if (!find_main(path)) {
        cli_complain(c, "whtnxtd is missing.", "Install WhatNext again.");
        return CLI_DOWN;
    }
    int said[2];
    pid_t child = pipe2(said, O_CLOEXEC) == 0 ? fork() : -1;
    if (child < 0) {
        cli_complain(c, "No process could be started.", "");
        return CLI_FAILED;
    }
    if (child == 0) {
        become_daemon(path, c->paths.profile, said[1]);
    }
    close(said[1]);
    *ret_started = true;
    int exit_code = wait_for_main(c, child, said[0]);
    close(said[0]);
    return exit_code;
}
