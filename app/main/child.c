#include "main/child.h"

#include "lp2p/error.h"

#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* States wait for us to read them; a line longer than a state is no line. */
#define CHILD_READ_SIZE (64U * 1024U)

struct whtnxt_child {
    uv_process_t process;
    uv_pipe_t pipe;
    uv_write_t write;
    const struct whtnxt_child_ops *ops;
    void *ctx;
    struct whtnxt_lines in;
    struct lp2p_buf out;
    struct lp2p_buf sending;
    unsigned handles; /* not closed yet */
    bool busy;
    bool hung_up;
    bool exited;
    bool taken; /* the owner knows */
};

static void child_handle_closed(uv_handle_t *handle)
{
    struct whtnxt_child *c = handle->data;
    c->handles--;
    if (c->handles > 0) {
        return;
    }
    whtnxt_lines_fini(&c->in);
    lp2p_buf_wipe(&c->out);
    lp2p_buf_wipe(&c->sending);
    lp2p_free(lp2p_mem_default(), c);
}

void whtnxt_child_hang_up(struct whtnxt_child *c)
{
    if (!c->hung_up) {
        c->hung_up = true;
        uv_close((uv_handle_t *)&c->pipe, child_handle_closed);
    }
}

static void child_exited(uv_process_t *process, int64_t status, int sig)
{
    struct whtnxt_child *c = process->data;
    c->exited = true;
    whtnxt_child_hang_up(c);
    uv_close((uv_handle_t *)process, child_handle_closed);
    if (!c->taken) {
        c->ops->on_exit(c->ctx, status, sig);
    }
}

static void child_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
    static char block[CHILD_READ_SIZE];
    (void)handle;
    (void)suggested;
    *ret = uv_buf_init(block, sizeof(block));
}

/* What it sends that is no line ends it: a node that lost its mind is started anew. */
static void child_read(uv_stream_t *stream, ssize_t nread, const uv_buf_t *buf)
{
    struct whtnxt_child *c = stream->data;
    if (nread == 0 || c->hung_up) {
        return;
    }
    if (nread < 0) {
        whtnxt_child_hang_up(c);
        return;
    }
    struct lp2p_span line;
    int err = whtnxt_lines_recv(&c->in, buf->base, (size_t)nread);
    if (err == 0) {
        err = whtnxt_lines_next(&c->in, &line);
    }
    while (err == 0 && !c->hung_up) {
        c->ops->on_line(c->ctx, line);
        err = c->hung_up ? 0 : whtnxt_lines_next(&c->in, &line);
    }
    if (err != 0 && err != -LP2P_E_AGAIN) {
        whtnxt_child_signal(c, SIGKILL);
    }
}

/* What a dead process has left in the pipe. */
static void child_drain(struct whtnxt_child *c)
{
    uv_os_fd_t fd;
    uv_buf_t buf;
    ssize_t n = 1;
    child_alloc((uv_handle_t *)&c->pipe, 0, &buf);
    while (n > 0 && !c->hung_up && uv_fileno((uv_handle_t *)&c->pipe, &fd) == 0) {
        n = read(fd, buf.base, buf.len);
        if (n > 0) {
            child_read((uv_stream_t *)&c->pipe, n, &buf);
        }
    }
}

bool whtnxt_child_take_exit(struct whtnxt_child *c, int *ret_sig)
{
    siginfo_t info = {.si_pid = 0};
    /* It stays to be reaped: the loop does that. */
    if (waitid(P_PID, (id_t)c->process.pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
        info.si_pid == 0) {
        return false;
    }
    child_drain(c);
    c->taken = true;
    whtnxt_child_hang_up(c);
    *ret_sig = info.si_code == CLD_EXITED ? 0 : info.si_status;
    return true;
}

static void child_pump(struct whtnxt_child *c);

static void child_written(uv_write_t *req, int status)
{
    struct whtnxt_child *c = req->data;
    c->busy = false;
    lp2p_buf_wipe(&c->sending);
    if (status == 0 && !c->hung_up) {
        child_pump(c);
    }
}

static void child_pump(struct whtnxt_child *c)
{
    if (c->busy || c->hung_up || c->out.len == 0) {
        return;
    }
    struct lp2p_buf empty = c->sending;
    c->sending = c->out;
    c->out = empty;
    struct lp2p_span bytes = lp2p_buf_span(&c->sending);
    uv_buf_t buf = {.base = (char *)(uintptr_t)bytes.p, .len = bytes.n};
    c->busy = uv_write(&c->write, (uv_stream_t *)&c->pipe, &buf, 1, child_written) == 0;
}

int whtnxt_child_send(struct whtnxt_child *c, const struct whtnxt_node_msg *msg)
{
    if (c->hung_up) {
        return -LP2P_E_CLOSED;
    }
    int err = whtnxt_node_msg_encode(&c->out, msg);
    if (err == 0) {
        child_pump(c);
    }
    return err;
}

void whtnxt_child_signal(struct whtnxt_child *c, int sig)
{
    if (!c->exited) {
        (void)uv_process_kill(&c->process, sig);
    }
}

int whtnxt_child_pid(const struct whtnxt_child *c)
{
    return c->process.pid;
}

static int child_spawn(struct whtnxt_child *c, uv_loop_t *loop, const char *path)
{
    char pid[24];
    char *args[3] = {(char *)(uintptr_t)path, pid, NULL};
    snprintf(pid, sizeof(pid), "%ld", (long)getpid());
    /* Nothing of the user's environment is the node's business. */
    char *env[1] = {NULL};
    uv_stdio_container_t stdio[WHTNXT_NODE_FD + 1] = {
        {.flags = UV_IGNORE},
        {.flags = UV_INHERIT_FD, .data.fd = STDOUT_FILENO},
        {.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO},
        {.flags = UV_CREATE_PIPE | UV_READABLE_PIPE | UV_WRITABLE_PIPE,
         .data.stream = (uv_stream_t *)&c->pipe},
    };
    uv_process_options_t options = {
        .exit_cb = child_exited,
        .file = path,
        .args = args,
        .env = env,
        .stdio_count = WHTNXT_NODE_FD + 1,
        .stdio = stdio,
    };
    return uv_spawn(loop, &c->process, &options);
}

int whtnxt_child_start(uv_loop_t *loop, const char *path, const struct whtnxt_child_ops *ops,
                       void *ctx, struct whtnxt_child **ret)
{
    struct whtnxt_child *c = lp2p_calloc(lp2p_mem_default(), 1, sizeof(*c));
    if (c == NULL) {
        return -LP2P_E_NOMEM;
    }
    c->ops = ops;
    c->ctx = ctx;
    whtnxt_lines_init(&c->in, lp2p_mem_default(), WHTNXT_STATE_MAX);
    lp2p_buf_init(&c->out, lp2p_mem_default(), WHTNXT_CHILD_OUT_MAX);
    lp2p_buf_init(&c->sending, lp2p_mem_default(), WHTNXT_CHILD_OUT_MAX);
    uv_pipe_init(loop, &c->pipe, 0);
    c->pipe.data = c;
    c->process.data = c;
    c->write.data = c;
    c->handles = 2;
    int failed = child_spawn(c, loop, path);
    if (failed != 0) {
        c->exited = true;
        whtnxt_child_hang_up(c);
        uv_close((uv_handle_t *)&c->process, child_handle_closed);
        return failed == UV_ENOENT || failed == UV_EACCES ? -LP2P_E_NOT_FOUND : -LP2P_E_IO;
    }
    if (uv_read_start((uv_stream_t *)&c->pipe, child_alloc, child_read) != 0) {
        whtnxt_child_signal(c, SIGKILL);
    }
    *ret = c;
    return 0;
}
