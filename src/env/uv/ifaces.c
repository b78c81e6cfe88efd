#include "env/uv/uv_priv.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"

/* The kernel fills at most this much at once (NLMSG_GOODSIZE and the 32 KiB of newer kernels). */
#define NL_BUFFER 32768U
/* Links looked at: as many as rows of addresses. */
#define NL_MAX_LINKS LP2P_ENV_MAX_IFACES

/* One message of a dump; not const, as the macros of the kernel headers cast that away. */
typedef void nl_each(void *ctx, struct nlmsghdr *h);

struct nl_link {
    uint32_t index;
    uint32_t flags; /* IFF_* */
    char name[16];
};

struct nl_ifaces {
    struct lp2p_iface *rows;
    size_t max;
    size_t n;
    struct nl_link links[NL_MAX_LINKS];
    size_t n_links;
};

struct nl_gateways {
    struct lp2p_endpoint *rows;
    size_t max;
    size_t n;
};

/* ---- one dump ---- */

/* Goes through the messages of one datagram; 1: the dump is complete, 0: more follows. */
static int nl_walk(uint8_t *p, size_t n, nl_each *each, void *ctx)
{
    for (struct nlmsghdr *h = (void *)p; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
        if (h->nlmsg_type == NLMSG_DONE) {
            return 1;
        }
        if (h->nlmsg_type == NLMSG_ERROR) {
            return -LP2P_E_IO;
        }
        each(ctx, h);
    }
    return 0;
}

/* Reads until the end of the dump. The kernel writes a dump while it is being read, so there is
 * nothing to wait for. */
static int nl_read(int fd, uint8_t *buf, nl_each *each, void *ctx)
{
    for (;;) {
        ssize_t n = recv(fd, buf, NL_BUFFER, MSG_DONTWAIT);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return -LP2P_E_IO;
        }
        int done = nl_walk(buf, (size_t)n, each, ctx);
        if (done != 0) {
            return done < 0 ? done : 0;
        }
    }
}

static int nl_dump(int fd, uint8_t *buf, uint16_t type, nl_each *each, void *ctx)
{
    struct {
        struct nlmsghdr h;
        struct rtgenmsg g;
    } req = {
        .h =
            {
                .nlmsg_len = NLMSG_LENGTH(sizeof(struct rtgenmsg)),
                .nlmsg_type = type,
                .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
            },
        .g = {.rtgen_family = AF_UNSPEC},
    };
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    if (sendto(fd, &req, req.h.nlmsg_len, MSG_NOSIGNAL, (struct sockaddr *)&kernel,
               sizeof(kernel)) < 0) {
        return -LP2P_E_IO;
    }
    return nl_read(fd, buf, each, ctx);
}

static int nl_open(void)
{
    return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
}

/* ---- links and addresses ---- */

static void ifaces_on_link(void *ctx, struct nlmsghdr *h)
{
    struct nl_ifaces *f = ctx;
    if (h->nlmsg_type != RTM_NEWLINK || f->n_links == NL_MAX_LINKS) {
        return;
    }
    struct ifinfomsg *info = NLMSG_DATA(h);
    struct nl_link *link = &f->links[f->n_links++];
    *link = (struct nl_link){.index = (uint32_t)info->ifi_index, .flags = info->ifi_flags};
    size_t n = IFLA_PAYLOAD(h);
    for (struct rtattr *a = IFLA_RTA(info); RTA_OK(a, n); a = RTA_NEXT(a, n)) {
        if (a->rta_type == IFLA_IFNAME) {
            size_t len = LP2P_MIN(RTA_PAYLOAD(a), sizeof(link->name) - 1);
            memcpy(link->name, RTA_DATA(a), len);
        }
    }
}

static const struct nl_link *ifaces_link(const struct nl_ifaces *f, uint32_t index)
{
    for (size_t i = 0; i < f->n_links; i++) {
        if (f->links[i].index == index) {
            return &f->links[i];
        }
    }
    return NULL;
}

/* Our address: IFA_LOCAL where there is one, as IFA_ADDRESS of a point-to-point link is the other
 * side's. */
static bool ifaces_addr(struct nlmsghdr *h, struct lp2p_endpoint *ret)
{
    struct ifaddrmsg *info = NLMSG_DATA(h);
    size_t want = info->ifa_family == AF_INET ? 4 : 16;
    uint32_t flags = info->ifa_flags;
    struct rtattr *found = NULL;
    size_t n = IFA_PAYLOAD(h);
    for (struct rtattr *a = IFA_RTA(info); RTA_OK(a, n); a = RTA_NEXT(a, n)) {
        if (a->rta_type == IFA_LOCAL || (a->rta_type == IFA_ADDRESS && found == NULL)) {
            found = RTA_PAYLOAD(a) == want ? a : found;
        } else if (a->rta_type == IFA_FLAGS && RTA_PAYLOAD(a) == sizeof(flags)) {
            memcpy(&flags, RTA_DATA(a), sizeof(flags));
        }
    }
    /* An address that is not proved unique, or proved not to be, cannot be bound. */
    bool tentative = (flags & IFA_F_TENTATIVE) != 0 && (flags & IFA_F_OPTIMISTIC) == 0;
    if (found == NULL || tentative || (flags & IFA_F_DADFAILED) != 0) {
        return false;
    }
    *ret = (struct lp2p_endpoint){
        .family = want == 4 ? LP2P_FAMILY_IP4 : LP2P_FAMILY_IP6,
    };
    memcpy(ret->ip, RTA_DATA(found), want);
    if (want == 16 && lp2p_endpoint_is_link_local(ret)) {
        ret->zone = info->ifa_index;
    }
    return true;
}

static void ifaces_on_addr(void *ctx, struct nlmsghdr *h)
{
    struct nl_ifaces *f = ctx;
    struct ifaddrmsg *info = NLMSG_DATA(h);
    if (h->nlmsg_type != RTM_NEWADDR || f->n == f->max ||
        (info->ifa_family != AF_INET && info->ifa_family != AF_INET6)) {
        return;
    }
    const struct nl_link *link = ifaces_link(f, info->ifa_index);
    struct lp2p_endpoint addr;
    if (link == NULL || !ifaces_addr(h, &addr)) {
        return;
    }
    struct lp2p_iface *row = &f->rows[f->n++];
    *row = (struct lp2p_iface){
        .index = info->ifa_index,
        .addr = addr,
        .prefix = info->ifa_prefixlen,
        .up = (link->flags & IFF_UP) != 0 && (link->flags & IFF_RUNNING) != 0,
        .loopback = (link->flags & IFF_LOOPBACK) != 0,
        .multicast = (link->flags & IFF_MULTICAST) != 0,
        .point_to_point = (link->flags & IFF_POINTOPOINT) != 0,
    };
    memcpy(row->name, link->name, sizeof(row->name));
}

int lp2p_uv_interfaces(struct lp2p_env *env, struct lp2p_iface *ret, size_t max, size_t *ret_n)
{
    struct nl_ifaces f = {.rows = ret, .max = LP2P_MIN(max, LP2P_ENV_MAX_IFACES)};
    uint8_t *buf = lp2p_alloc(env->mem, NL_BUFFER);
    int fd = buf == NULL ? -1 : nl_open();
    int err = fd < 0 ? -LP2P_E_IO : 0;
    if (err == 0) {
        err = nl_dump(fd, buf, RTM_GETLINK, ifaces_on_link, &f);
    }
    if (err == 0) {
        err = nl_dump(fd, buf, RTM_GETADDR, ifaces_on_addr, &f);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    lp2p_free(env->mem, buf);
    if (err == 0) {
        *ret_n = f.n;
    }
    return err;
}

/* ---- default gateways ---- */

static void gateways_on_route(void *ctx, struct nlmsghdr *h)
{
    struct nl_gateways *g = ctx;
    struct rtmsg *info = NLMSG_DATA(h);
    if (h->nlmsg_type != RTM_NEWROUTE || g->n == g->max || info->rtm_dst_len != 0 ||
        info->rtm_table != RT_TABLE_MAIN || info->rtm_type != RTN_UNICAST) {
        return;
    }
    struct lp2p_endpoint e = {
        .family = info->rtm_family == AF_INET    ? LP2P_FAMILY_IP4
                  : info->rtm_family == AF_INET6 ? LP2P_FAMILY_IP6
                                                 : LP2P_FAMILY_NONE,
    };
    size_t want = lp2p_endpoint_ip_len(&e);
    bool found = false;
    uint32_t oif = 0;
    size_t n = RTM_PAYLOAD(h);
    for (struct rtattr *a = RTM_RTA(info); RTA_OK(a, n); a = RTA_NEXT(a, n)) {
        if (a->rta_type == RTA_GATEWAY && want != 0 && RTA_PAYLOAD(a) == want) {
            memcpy(e.ip, RTA_DATA(a), want);
            found = true;
        } else if (a->rta_type == RTA_OIF && RTA_PAYLOAD(a) == sizeof(oif)) {
            memcpy(&oif, RTA_DATA(a), sizeof(oif));
        }
    }
    if (found) {
        e.zone = want == 16 && lp2p_endpoint_is_link_local(&e) ? oif : 0;
        g->rows[g->n++] = e;
    }
}

int lp2p_uv_gateways(struct lp2p_env *env, struct lp2p_endpoint *ret, size_t max, size_t *ret_n)
{
    struct nl_gateways g = {.rows = ret, .max = max};
    uint8_t *buf = lp2p_alloc(env->mem, NL_BUFFER);
    int fd = buf == NULL ? -1 : nl_open();
    int err = fd < 0 ? -LP2P_E_IO : nl_dump(fd, buf, RTM_GETROUTE, gateways_on_route, &g);
    if (fd >= 0) {
        (void)close(fd);
    }
    lp2p_free(env->mem, buf);
    if (err == 0) {
        *ret_n = g.n;
    }
    return err;
}
