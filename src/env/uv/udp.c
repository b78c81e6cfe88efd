#include "env/uv/uv_priv.h"

#include <errno.h>
#include <netinet/in.h>
#include <unistd.h>

#include "base/assert.h"

/* Datagrams taken in one go, before others have their turn. */
#define UDP_QUOTA 64U
/* RFC 6762, section 11: responses are sent with this hop limit. */
#define UDP_TTL 255
/* <linux/in6.h> has it, the C library of Debian 12 does not. */
#ifndef IPV6_MULTICAST_ALL
#define IPV6_MULTICAST_ALL 29
#endif

struct lp2p_udp {
    struct lp2p_uv_watch watch; /* first */
    const struct lp2p_udp_events *events;
    void *ctx;
    enum lp2p_family family;
    uint16_t port;
    uint8_t data[LP2P_ENV_MAX_DGRAM];
};

/* Room for one packet information of either family. */
union udp_control {
    struct cmsghdr align;
    uint8_t p[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

static int udp_set(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof(value)) == 0 ? 0 : lp2p_uv_errno(errno);
}

/* ---- receiving ---- */

/* Where it was sent to and where it came in. */
static void udp_info(struct msghdr *msg, struct lp2p_endpoint *ret_to, uint32_t *ret_ifindex)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof(info));
            ret_to->family = LP2P_FAMILY_IP4;
            memcpy(ret_to->ip, &info.ipi_addr, 4);
            *ret_ifindex = (uint32_t)info.ipi_ifindex;
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof(info));
            ret_to->family = LP2P_FAMILY_IP6;
            memcpy(ret_to->ip, &info.ipi6_addr, 16);
            *ret_ifindex = info.ipi6_ifindex;
        }
    }
}

/* Takes one datagram; false when there is none. */
static bool udp_recv(struct lp2p_udp *u)
{
    struct sockaddr_storage from = {.ss_family = AF_UNSPEC};
    union udp_control control = {.p = {0}};
    struct iovec iov = {.iov_base = u->data, .iov_len = sizeof(u->data)};
    struct msghdr msg = {
        .msg_name = &from,
        .msg_namelen = sizeof(from),
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof(control),
    };
    ssize_t n = recvmsg(u->watch.fd, &msg, 0);
    if (n < 0) {
        return errno != EAGAIN; /* anything else is about one datagram, not about the socket */
    }
    if ((msg.msg_flags & MSG_TRUNC) != 0) {
        return true; /* longer than anybody may send us */
    }
    struct lp2p_endpoint sender = lp2p_uv_endpoint(&from);
    struct lp2p_endpoint to = {.family = LP2P_FAMILY_NONE};
    uint32_t ifindex = 0;
    udp_info(&msg, &to, &ifindex);
    struct lp2p_mspan data = {.p = u->data, .n = (size_t)n};
    u->events->on_dgram(u->ctx, data, &sender, &to, ifindex);
    return true;
}

static void udp_on_ready(struct lp2p_uv_watch *w, int ready)
{
    (void)ready;
    struct lp2p_udp *u = (struct lp2p_udp *)w;
    bool more = true;
    for (unsigned i = 0; i < UDP_QUOTA && more && !w->closed; i++) {
        more = udp_recv(u);
    }
    if (!w->closed) {
        lp2p_uv_watch_want(w, UV_READABLE);
    }
}

/* ---- opening ---- */

static int udp_options_ip4(int fd)
{
    LP2P_TRY(udp_set(fd, IPPROTO_IP, IP_PKTINFO, 1));
    LP2P_TRY(udp_set(fd, IPPROTO_IP, IP_MULTICAST_LOOP, 1));
    LP2P_TRY(udp_set(fd, IPPROTO_IP, IP_MULTICAST_TTL, UDP_TTL));
    LP2P_TRY(udp_set(fd, IPPROTO_IP, IP_TTL, UDP_TTL));
    /* Groups that others on this machine joined are not ours. */
    return udp_set(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0);
}

static int udp_options_ip6(int fd)
{
    LP2P_TRY(udp_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1));
    LP2P_TRY(udp_set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1));
    LP2P_TRY(udp_set(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 1));
    LP2P_TRY(udp_set(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, UDP_TTL));
    LP2P_TRY(udp_set(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, UDP_TTL));
    return udp_set(fd, IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0);
}

static int udp_setup(int fd, const struct lp2p_udp_cfg *cfg)
{
    if (cfg->shared) {
        LP2P_TRY(udp_set(fd, SOL_SOCKET, SO_REUSEADDR, 1));
        LP2P_TRY(udp_set(fd, SOL_SOCKET, SO_REUSEPORT, 1));
    }
    LP2P_TRY(cfg->family == LP2P_FAMILY_IP4 ? udp_options_ip4(fd) : udp_options_ip6(fd));
    struct lp2p_endpoint any = {.family = cfg->family, .port = cfg->port};
    struct sockaddr_storage sa;
    socklen_t len = lp2p_uv_sockaddr(&any, &sa);
    return bind(fd, (struct sockaddr *)&sa, len) == 0 ? 0 : lp2p_uv_errno(errno);
}

static int udp_socket(const struct lp2p_udp_cfg *cfg, int *ret_fd, uint16_t *ret_port)
{
    int fd = socket(lp2p_uv_family(cfg->family), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return lp2p_uv_errno(errno);
    }
    struct sockaddr_storage sa = {.ss_family = AF_UNSPEC};
    socklen_t len = sizeof(sa);
    int err = udp_setup(fd, cfg);
    if (err == 0 && getsockname(fd, (struct sockaddr *)&sa, &len) != 0) {
        err = lp2p_uv_errno(errno);
    }
    if (err != 0) {
        (void)close(fd);
        return err;
    }
    *ret_fd = fd;
    *ret_port = lp2p_uv_endpoint(&sa).port;
    return 0;
}

int lp2p_uv_udp_open(struct lp2p_env *env, const struct lp2p_udp_cfg *cfg,
                     const struct lp2p_udp_events *events, void *ctx, struct lp2p_udp **ret)
{
    int fd;
    uint16_t port;
    LP2P_TRY(udp_socket(cfg, &fd, &port));
    struct lp2p_udp *u = lp2p_calloc(env->mem, 1, sizeof(*u));
    int err = u == NULL ? -LP2P_E_NOMEM : lp2p_uv_watch_init(lp2p_env_uv(env), &u->watch, fd);
    if (err != 0) {
        lp2p_free(env->mem, u);
        (void)close(fd);
        return err;
    }
    u->watch.on_ready = udp_on_ready;
    u->events = events;
    u->ctx = ctx;
    u->family = cfg->family;
    u->port = port;
    lp2p_uv_watch_want(&u->watch, UV_READABLE);
    *ret = u;
    return 0;
}

uint16_t lp2p_uv_udp_port(const struct lp2p_udp *u)
{
    return u->port;
}

void lp2p_uv_udp_close(struct lp2p_udp *u)
{
    lp2p_uv_watch_close(&u->watch);
}

/* ---- groups ---- */

static int udp_membership(struct lp2p_udp *u, const struct lp2p_endpoint *group, uint32_t ifindex,
                          bool join)
{
    int err;
    if (u->family == LP2P_FAMILY_IP4) {
        struct ip_mreqn req = {.imr_ifindex = (int)ifindex};
        memcpy(&req.imr_multiaddr, group->ip, 4);
        err = setsockopt(u->watch.fd, IPPROTO_IP, join ? IP_ADD_MEMBERSHIP : IP_DROP_MEMBERSHIP,
                         &req, sizeof(req));
    } else {
        struct ipv6_mreq req = {.ipv6mr_interface = ifindex};
        memcpy(&req.ipv6mr_multiaddr, group->ip, 16);
        err = setsockopt(u->watch.fd, IPPROTO_IPV6,
                         join ? IPV6_ADD_MEMBERSHIP : IPV6_DROP_MEMBERSHIP, &req, sizeof(req));
    }
    if (err == 0) {
        return 0;
    }
    /* EADDRINUSE: a member already; EADDRNOTAVAIL: no member or no such interface. */
    return errno == EADDRINUSE ? -LP2P_E_EXISTS : -LP2P_E_IO;
}

int lp2p_uv_udp_join(struct lp2p_udp *u, const struct lp2p_endpoint *group, uint32_t ifindex)
{
    return group->family != u->family ? -LP2P_E_INVAL : udp_membership(u, group, ifindex, true);
}

int lp2p_uv_udp_leave(struct lp2p_udp *u, const struct lp2p_endpoint *group, uint32_t ifindex)
{
    return group->family != u->family ? -LP2P_E_INVAL : udp_membership(u, group, ifindex, false);
}

/* ---- sending ---- */

/* Asks for an interface and a source address. */
static void udp_put_info(struct msghdr *msg, enum lp2p_family family, uint32_t ifindex,
                         const struct lp2p_endpoint *src)
{
    struct cmsghdr *c = CMSG_FIRSTHDR(msg);
    if (family == LP2P_FAMILY_IP4) {
        struct in_pktinfo info = {.ipi_ifindex = (int)ifindex};
        if (src != NULL) {
            memcpy(&info.ipi_spec_dst, src->ip, 4);
        }
        c->cmsg_level = IPPROTO_IP;
        c->cmsg_type = IP_PKTINFO;
        c->cmsg_len = CMSG_LEN(sizeof(info));
        memcpy(CMSG_DATA(c), &info, sizeof(info));
        msg->msg_controllen = CMSG_SPACE(sizeof(info));
        return;
    }
    struct in6_pktinfo info = {.ipi6_ifindex = ifindex};
    if (src != NULL) {
        memcpy(&info.ipi6_addr, src->ip, 16);
    }
    c->cmsg_level = IPPROTO_IPV6;
    c->cmsg_type = IPV6_PKTINFO;
    c->cmsg_len = CMSG_LEN(sizeof(info));
    memcpy(CMSG_DATA(c), &info, sizeof(info));
    msg->msg_controllen = CMSG_SPACE(sizeof(info));
}

int lp2p_uv_udp_send(struct lp2p_udp *u, const struct lp2p_endpoint *to, uint32_t ifindex,
                     const struct lp2p_endpoint *src, struct lp2p_span data)
{
    if (to->family != u->family || (src != NULL && src->family != u->family)) {
        return -LP2P_E_INVAL;
    }
    struct sockaddr_storage sa;
    socklen_t len = lp2p_uv_sockaddr(to, &sa);
    union udp_control control = {.p = {0}};
    struct iovec iov = {.iov_base = (void *)(uintptr_t)data.p, .iov_len = data.n};
    struct msghdr msg = {.msg_name = &sa, .msg_namelen = len, .msg_iov = &iov, .msg_iovlen = 1};
    if (ifindex != 0 || src != NULL) {
        msg.msg_control = &control;
        msg.msg_controllen = sizeof(control);
        udp_put_info(&msg, u->family, ifindex, src);
    }
    ssize_t put;
    do {
        put = sendmsg(u->watch.fd, &msg, MSG_NOSIGNAL);
    } while (put < 0 && errno == EINTR);
    return put < 0 ? lp2p_uv_errno(errno) : 0;
}
