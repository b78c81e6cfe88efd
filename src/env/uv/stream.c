#include "env/uv/uv_priv.h"

#include <errno.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/assert.h"

/* Spans of one write: the output of a connection is one or two. */
#define STREAM_MAX_SPANS 8U

struct lp2p_uv_stream {
    struct lp2p_uv_watch watch; /* first */
    struct lp2p_io io;
    const struct lp2p_io_events *events; /* NULL until started */
    void *ctx;
    struct lp2p_endpoint remote;
    bool connecting;
    bool want_read;
    bool want_write;
};

static struct lp2p_uv_stream *stream_of(const struct lp2p_io *io)
{
    return LP2P_CONTAINER((uintptr_t)io, struct lp2p_uv_stream, io);
}

static void stream_update(struct lp2p_uv_stream *s)
{
    if (s->events == NULL) {
        return;
    }
    int mask = s->connecting ? UV_WRITABLE
                             : (s->want_read ? UV_READABLE : 0) | (s->want_write ? UV_WRITABLE : 0);
    lp2p_uv_watch_want(&s->watch, mask);
}

static void stream_connected(struct lp2p_uv_stream *s)
{
    int e = 0;
    socklen_t len = sizeof(e);
    if (getsockopt(s->watch.fd, SOL_SOCKET, SO_ERROR, &e, &len) != 0) {
        e = errno;
    }
    s->connecting = false;
    stream_update(s);
    s->events->on_connect(s->ctx, e == 0 ? 0 : lp2p_uv_errno(e));
}

static void stream_on_ready(struct lp2p_uv_watch *w, int ready)
{
    struct lp2p_uv_stream *s = (struct lp2p_uv_stream *)w;
    if (s->connecting) {
        stream_connected(s);
        return;
    }
    if ((ready & UV_READABLE) != 0 && s->want_read) {
        s->events->on_readable(s->ctx);
    }
    if ((ready & UV_WRITABLE) != 0 && !w->closed && s->want_write) {
        s->events->on_writable(s->ctx);
    }
    if (!w->closed) {
        stream_update(s);
    }
}

static void stream_start(struct lp2p_io *io, const struct lp2p_io_events *events, void *ctx)
{
    struct lp2p_uv_stream *s = stream_of(io);
    s->events = events;
    s->ctx = ctx;
    stream_update(s);
}

static void stream_want(struct lp2p_io *io, bool read, bool write)
{
    struct lp2p_uv_stream *s = stream_of(io);
    s->want_read = read;
    s->want_write = write;
    stream_update(s);
}

static int stream_read(struct lp2p_io *io, uint8_t *p, size_t n, size_t *ret_n)
{
    ssize_t got;
    do {
        got = recv(stream_of(io)->watch.fd, p, n, 0);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        return lp2p_uv_errno(errno);
    }
    if (got == 0 && n > 0) {
        return -LP2P_E_EOF;
    }
    *ret_n = (size_t)got;
    return 0;
}

static int stream_write(struct lp2p_io *io, const struct lp2p_span *spans, size_t n, size_t *ret_n)
{
    struct iovec iov[STREAM_MAX_SPANS];
    n = LP2P_MIN(n, STREAM_MAX_SPANS);
    for (size_t i = 0; i < n; i++) {
        iov[i].iov_base = (void *)(uintptr_t)spans[i].p;
        iov[i].iov_len = spans[i].n;
    }
    struct msghdr msg = {.msg_iov = iov, .msg_iovlen = n};
    ssize_t put;
    do {
        put = sendmsg(stream_of(io)->watch.fd, &msg, MSG_NOSIGNAL);
    } while (put < 0 && errno == EINTR);
    if (put < 0) {
        /* The kernel being short of memory for a moment is no reason to lose a connection: the
         * descriptor polls writable when there is some again. */
        return errno == ENOBUFS || errno == ENOMEM ? -LP2P_E_AGAIN : lp2p_uv_errno(errno);
    }
    *ret_n = (size_t)put;
    return 0;
}

static void stream_shutdown(struct lp2p_io *io)
{
    (void)shutdown(stream_of(io)->watch.fd, SHUT_WR);
}

static void stream_close(struct lp2p_io *io, bool abort)
{
    struct lp2p_uv_stream *s = stream_of(io);
    if (abort) {
        struct linger linger = {.l_onoff = 1, .l_linger = 0};
        (void)setsockopt(s->watch.fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    }
    lp2p_uv_watch_close(&s->watch);
}

static void stream_addrs(const struct lp2p_io *io, struct lp2p_endpoint *ret_local,
                         struct lp2p_endpoint *ret_remote)
{
    const struct lp2p_uv_stream *s = stream_of(io);
    struct sockaddr_storage sa = {.ss_family = AF_UNSPEC};
    socklen_t len = sizeof(sa);
    (void)getsockname(s->watch.fd, (struct sockaddr *)&sa, &len);
    *ret_local = lp2p_uv_endpoint(&sa);
    *ret_remote = s->remote;
}

static const struct lp2p_io_ops stream_ops = {
    .start = stream_start,
    .want = stream_want,
    .read = stream_read,
    .write = stream_write,
    .shutdown = stream_shutdown,
    .close = stream_close,
    .addrs = stream_addrs,
};

int lp2p_uv_stream_new(struct lp2p_env_uv *env, int fd, bool connecting,
                       const struct lp2p_endpoint *remote, struct lp2p_io **ret)
{
    struct lp2p_uv_stream *s = lp2p_calloc(env->env.mem, 1, sizeof(*s));
    int err = s == NULL ? -LP2P_E_NOMEM : lp2p_uv_watch_init(env, &s->watch, fd);
    if (err != 0) {
        lp2p_free(env->env.mem, s);
        (void)close(fd);
        return err;
    }
    s->watch.on_ready = stream_on_ready;
    s->io.ops = &stream_ops;
    s->connecting = connecting;
    s->remote = *remote;
    *ret = &s->io;
    return 0;
}
