#include "base/assert.h"
#include "service/mdns/mdns_priv.h"

/* Our port on an address of our own, or 0 when nothing listens there. */
static uint16_t port_on(const struct mdns_listeners *listeners, const struct lp2p_endpoint *addr)
{
    for (size_t i = 0; i < listeners->n; i++) {
        const struct lp2p_endpoint *l = &listeners->at[i];
        if (l->family == addr->family &&
            (lp2p_endpoint_is_unspecified(l) || lp2p_endpoint_same_ip(l, addr))) {
            return l->port;
        }
    }
    return 0;
}

/* A link-local IPv6 address means something only to who sees it as the packet's source. */
static bool may_announce(const struct lp2p_endpoint *addr, enum lp2p_family packets)
{
    return addr->family == LP2P_FAMILY_IP4 || packets == LP2P_FAMILY_IP6 ||
           !lp2p_endpoint_is_link_local(addr);
}

static unsigned addr_rank(const struct lp2p_endpoint *addr)
{
    return (addr->family == LP2P_FAMILY_IP6 ? 2U : 0U) +
           (lp2p_endpoint_is_link_local(addr) ? 1U : 0U);
}

/* Keeps the list in the order of use: IPv4 first, which all peers can dial (DIGEST C), link-local
 * last. */
static void link_add(struct lp2p_mdns_link *link, const struct lp2p_mdns_addr *addr)
{
    size_t at = link->n_addrs;
    while (at > 0 && addr_rank(&link->addrs[at - 1].at) > addr_rank(&addr->at)) {
        at--;
    }
    if (at == LP2P_MDNS_LINK_ADDRS_MAX) {
        return;
    }
    if (link->n_addrs < LP2P_MDNS_LINK_ADDRS_MAX) {
        link->n_addrs++;
    }
    size_t behind = link->n_addrs - 1 - at;
    memmove(&link->addrs[at + 1], &link->addrs[at], behind * sizeof(link->addrs[0]));
    link->addrs[at] = *addr;
}

static void link_fill(struct lp2p_mdns_link *link, const struct lp2p_iface *ifaces, size_t n,
                      const struct mdns_listeners *listeners)
{
    for (size_t i = 0; i < n; i++) {
        const struct lp2p_iface *f = &ifaces[i];
        if (f->index != link->ifindex || (link->loopback && f->addr.family != LP2P_FAMILY_IP4)) {
            continue;
        }
        struct lp2p_mdns_addr addr = {.at = f->addr, .prefix = f->prefix};
        addr.at.port = may_announce(&f->addr, link->family) ? port_on(listeners, &f->addr) : 0;
        link_add(link, &addr);
    }
}

static bool is_made(const struct lp2p_mdns_link *links, size_t n, const struct lp2p_iface *f)
{
    for (size_t i = 0; i < n; i++) {
        if (links[i].ifindex == f->index && links[i].family == f->addr.family) {
            return true;
        }
    }
    return false;
}

static size_t make(const struct lp2p_iface *ifaces, size_t n_ifaces, bool loopback,
                   const struct mdns_listeners *listeners, struct lp2p_mdns_link *ret)
{
    size_t n = 0;
    for (size_t i = 0; i < n_ifaces && n < LP2P_MDNS_LINKS_MAX; i++) {
        const struct lp2p_iface *f = &ifaces[i];
        bool usable = loopback ? f->addr.family == LP2P_FAMILY_IP4 : f->multicast;
        if (!f->up || f->index == 0 || f->loopback != loopback || !usable || is_made(ret, n, f)) {
            continue;
        }
        ret[n] = (struct lp2p_mdns_link){
            .ifindex = f->index, .family = f->addr.family, .loopback = loopback};
        link_fill(&ret[n++], ifaces, n_ifaces, listeners);
    }
    return n;
}

size_t mdns_links_make(const struct lp2p_iface *ifaces, size_t n_ifaces,
                       const struct mdns_listeners *listeners,
                       struct lp2p_mdns_link ret[LP2P_SIZE(LP2P_MDNS_LINKS_MAX)])
{
    size_t n = make(ifaces, n_ifaces, false, listeners, ret);
    return n > 0 ? n : make(ifaces, n_ifaces, true, listeners, ret);
}
