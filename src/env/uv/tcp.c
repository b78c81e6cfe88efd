#include "env/uv/uv_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "base/assert.h"

/* Data that is not acknowledged for this long ends the connection (SECURITY 4.5: a dead peer is
 * noticed within 10 s of writing). */
#define TCP_UNACKED_MAX_MS 10000U
/* Connections the kernel holds for us until we accept. */
#define TCP_BACKLOG 128
/* Accepted in one go, before others have their turn. */
#define TCP_ACCEPT_QUOTA 32U
/* Pause after the descriptors or the memory ran out; what waits stays in the backlog. */
#define TCP_ACCEPT_PAUSE LP2P_MSEC(100)

struct lp2p_listener {
    struct lp2p_uv_watch watch; /* first */
    const struct lp2p_listener_events *events;
    void *ctx;
    struct lp2p_endpoint local;
    struct lp2p_timer resume; /* set while accepting pauses */
};

static int tcp_set(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof(value)) == 0 ? 0 : lp2p_uv_errno(errno);
}

/* A socket with what accepted ones inherit from their listener and dialed ones need too. */
static int tcp_socket(enum lp2p_family family, int *ret_fd)
{
    int fd = socket(lp2p_uv_family(family), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return lp2p_uv_errno(errno);
    }
    int err = tcp_set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (err == 0) {
        err = tcp_set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, TCP_UNACKED_MAX_MS);
    }
    if (err == 0 && family == LP2P_FAMILY_IP6) {
        err = tcp_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    }
    if (err != 0) {
        (void)close(fd);
        return err;
    }
    *ret_fd = fd;
    return 0;
}

static int tcp_bind(int fd, const struct lp2p_endpoint *at)
{
    struct sockaddr_storage sa;
    socklen_t len = lp2p_uv_sockaddr(at, &sa);
    return bind(fd, (struct sockaddr *)&sa, len) == 0 ? 0 : lp2p_uv_errno(errno);
}

/* ---- listening ---- */

/* Nothing can be accepted for want of a descriptor: gives the spare one up for a moment to turn the
 * first in the queue away, who would else make the loop spin. False when that did not work. */
static bool listener_shed(struct lp2p_listener *l)
{
    struct lp2p_env_uv *env = l->watch.env;
    if (env->spare_fd < 0) {
        return false;
    }
    (void)close(env->spare_fd);
    int fd = accept4(l->watch.fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0) {
        (void)close(fd);
    }
    env->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return fd >= 0;
}

static void listener_pause(struct lp2p_listener *l)
{
    struct lp2p_env *env = &l->watch.env->env;
    lp2p_uv_watch_want(&l->watch, 0);
    env->ops->timer_set(&l->resume, env->ops->now(env) + TCP_ACCEPT_PAUSE);
}

static void listener_on_resume(void *ctx, lp2p_ts now)
{
    (void)now;
    struct lp2p_listener *l = ctx;
    lp2p_uv_watch_want(&l->watch, UV_READABLE);
}

static void listener_take(struct lp2p_listener *l, int fd, const struct sockaddr_storage *from)
{
    struct lp2p_endpoint remote = lp2p_uv_endpoint(from);
    struct lp2p_io *io;
    if (lp2p_uv_stream_new(l->watch.env, fd, false, &remote, &io) != 0) {
        listener_pause(l); /* the socket is closed already */
        return;
    }
    struct lp2p_endpoint local;
    io->ops->addrs(io, &local, &remote);
    l->events->on_accept(l->ctx, io, &local, &remote);
}

static void listener_on_ready(struct lp2p_uv_watch *w, int ready)
{
    (void)ready;
    struct lp2p_listener *l = (struct lp2p_listener *)w;
    for (unsigned i = 0; i < TCP_ACCEPT_QUOTA && !w->closed; i++) {
        struct sockaddr_storage from = {.ss_family = AF_UNSPEC};
        socklen_t len = sizeof(from);
        int fd = accept4(w->fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        int e = errno;
        if (fd >= 0) {
            listener_take(l, fd, &from);
        } else if (e == EAGAIN) {
            break;
        } else if (e == EMFILE || e == ENFILE || e == ENOMEM || e == ENOBUFS) {
            if ((e == EMFILE || e == ENFILE) && listener_shed(l)) {
                continue;
            }
            listener_pause(l);
            break;
        }
        /* Else the connection died while it waited, or its network has a pending error
         * (accept(2)): the next one. */
    }
    if (!w->closed && w->mask == 0 && l->resume.node.index == 0) {
        lp2p_uv_watch_want(w, UV_READABLE);
    }
}

/* SO_REUSEPORT between bind and listen: a second node cannot take the port, dialing from it works
 * (DIGEST 12). */
static int listener_socket(const struct lp2p_endpoint *at, int *ret_fd)
{
    int fd;
    LP2P_TRY(tcp_socket(at->family, &fd));
    int err = tcp_set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (err == 0) {
        err = tcp_bind(fd, at);
    }
    if (err == 0) {
        err = tcp_set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    }
    if (err == 0 && listen(fd, TCP_BACKLOG) != 0) {
        err = lp2p_uv_errno(errno);
    }
    if (err != 0) {
        (void)close(fd);
        return err;
    }
    *ret_fd = fd;
    return 0;
}

static struct lp2p_endpoint fd_local(int fd)
{
    struct sockaddr_storage sa = {.ss_family = AF_UNSPEC};
    socklen_t len = sizeof(sa);
    (void)getsockname(fd, (struct sockaddr *)&sa, &len);
    return lp2p_uv_endpoint(&sa);
}

int lp2p_uv_listen(struct lp2p_env *env, const struct lp2p_endpoint *at,
                   const struct lp2p_listener_events *events, void *ctx, struct lp2p_listener **ret)
{
    int fd;
    LP2P_TRY(listener_socket(at, &fd));
    struct lp2p_listener *l = lp2p_calloc(env->mem, 1, sizeof(*l));
    int err = l == NULL ? -LP2P_E_NOMEM
                        : env->ops->timer_init(env, &l->resume, listener_on_resume, l);
    if (err == 0) {
        err = lp2p_uv_watch_init(lp2p_env_uv(env), &l->watch, fd);
        if (err != 0) {
            env->ops->timer_fini(&l->resume);
        }
    }
    if (err != 0) {
        lp2p_free(env->mem, l);
        (void)close(fd);
        return err;
    }
    l->watch.on_ready = listener_on_ready;
    l->events = events;
    l->ctx = ctx;
    l->local = fd_local(fd);
    lp2p_uv_watch_want(&l->watch, UV_READABLE);
    *ret = l;
    return 0;
}

struct lp2p_endpoint lp2p_uv_listener_local(const struct lp2p_listener *l)
{
    return l->local;
}

void lp2p_uv_listener_close(struct lp2p_listener *l)
{
    l->watch.env->env.ops->timer_fini(&l->resume);
    lp2p_uv_watch_close(&l->watch);
}

/* ---- connecting ---- */

static int connect_bind(int fd, const struct lp2p_endpoint *local)
{
    LP2P_TRY(tcp_set(fd, SOL_SOCKET, SO_REUSEADDR, 1));
    LP2P_TRY(tcp_set(fd, SOL_SOCKET, SO_REUSEPORT, 1));
    return tcp_bind(fd, local);
}

int lp2p_uv_connect(struct lp2p_env *env, const struct lp2p_connect *how, struct lp2p_io **ret)
{
    int fd;
    LP2P_TRY(tcp_socket(how->remote.family, &fd));
    int err = how->local == NULL ? 0 : connect_bind(fd, how->local);
    struct sockaddr_storage sa;
    socklen_t len = lp2p_uv_sockaddr(&how->remote, &sa);
    /* EINTR goes on in the background like EINPROGRESS (connect(2)). */
    if (err == 0 && connect(fd, (struct sockaddr *)&sa, len) != 0 && errno != EINPROGRESS &&
        errno != EINTR) {
        err = lp2p_uv_errno(errno);
    }
    if (err != 0) {
        (void)close(fd);
        return err;
    }
    return lp2p_uv_stream_new(lp2p_env_uv(env), fd, true, &how->remote, ret);
}
