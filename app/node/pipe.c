#include "node/node.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Lines that may wait: one state, and answers and log lines beside it. */
#define PIPE_OUT_MAX ((size_t)WHTNXT_STATE_MAX + 256U * 1024U)

static void pipe_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
    /* One loop, one reader: the block is free again before the next read. */
    static char block[64 * 1024];
    (void)handle;
    (void)suggested;
    *ret = uv_buf_init(block, sizeof(block));
}

static void pipe_read(uv_stream_t *stream, ssize_t nread, const uv_buf_t *buf)
{
    struct node *n = stream->data;
    if (nread == 0) {
        return;
    }
    if (nread < 0 || whtnxt_lines_recv(&n->pipe.in, buf->base, (size_t)nread) != 0) {
        node_end(n);
        return;
    }
    struct lp2p_span line;
    int err = whtnxt_lines_next(&n->pipe.in, &line);
    while (err == 0) {
        node_line(n, line);
        err = whtnxt_lines_next(&n->pipe.in, &line);
    }
    if (err != -LP2P_E_AGAIN) {
        node_end(n);
    }
    lp2p_wipe(buf->base, (size_t)nread);
}

int node_pipe_open(struct node *n, int fd)
{
    struct node_pipe *p = &n->pipe;
    lp2p_buf_init(&p->out, n->mem, PIPE_OUT_MAX);
    lp2p_buf_init(&p->sending, n->mem, PIPE_OUT_MAX);
    whtnxt_lines_init(&p->in, n->mem, WHTNXT_COMMAND_MAX);
    if (uv_pipe_init(n->loop, &p->handle, 0) != 0 || uv_pipe_open(&p->handle, fd) != 0) {
        return -LP2P_E_IO;
    }
    p->handle.data = n;
    p->open = true;
    return uv_read_start((uv_stream_t *)&p->handle, pipe_alloc, pipe_read) == 0 ? 0 : -LP2P_E_IO;
}

static void pipe_write(struct node *n);

static void pipe_written(uv_write_t *req, int status)
{
    struct node *n = req->data;
    n->pipe.busy = false;
    lp2p_buf_fini(&n->pipe.sending);
    if (status != 0) {
        node_end(n);
        return;
    }
    pipe_write(n);
    node_flush(n);
}

static void pipe_write(struct node *n)
{
    struct node_pipe *p = &n->pipe;
    if (p->busy || !p->open || p->out.len == 0) {
        return;
    }
    struct lp2p_buf empty = p->sending;
    p->sending = p->out;
    p->out = empty;
    struct lp2p_span bytes = lp2p_buf_span(&p->sending);
    uv_buf_t buf = {.base = (char *)(uintptr_t)bytes.p, .len = bytes.n};
    p->write.data = n;
    p->busy = true;
    if (uv_write(&p->write, (uv_stream_t *)&p->handle, &buf, 1, pipe_written) != 0) {
        p->busy = false;
        node_end(n);
    }
}

int node_send(struct node *n, const struct whtnxt_node_msg *msg)
{
    if (!n->pipe.open) {
        return -LP2P_E_CLOSED;
    }
    int err = whtnxt_node_msg_encode(&n->pipe.out, msg);
    if (err == 0) {
        pipe_write(n);
    }
    return err;
}

bool node_pipe_is_free(const struct node *n)
{
    return n->pipe.open && !n->pipe.busy && n->pipe.out.len == 0;
}

void node_log(struct node *n, enum whtnxt_log_level level, const char *format, ...)
{
    struct whtnxt_node_msg msg = {.type = WHTNXT_MSG_LOG};
    msg.log.level = level;
    va_list args;
    va_start(args, format);
    vsnprintf(msg.log.text, sizeof(msg.log.text), format, args);
    va_end(args);
    /* A log line that cannot be sent has nowhere to be told. */
    (void)node_send(n, &msg);
}

void node_pipe_close(struct node *n)
{
    struct node_pipe *p = &n->pipe;
    if (p->open) {
        p->open = false;
        uv_close((uv_handle_t *)&p->handle, NULL);
    }
}
