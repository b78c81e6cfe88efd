#include "env/uv/uv_priv.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

int lp2p_uv_family(enum lp2p_family family)
{
    return family == LP2P_FAMILY_IP4 ? AF_INET : family == LP2P_FAMILY_IP6 ? AF_INET6 : AF_UNSPEC;
}

socklen_t lp2p_uv_sockaddr(const struct lp2p_endpoint *e, struct sockaddr_storage *ret)
{
    memset(ret, 0, sizeof(*ret));
    if (e->family == LP2P_FAMILY_IP4) {
        struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(e->port)};
        memcpy(&sin.sin_addr, e->ip, 4);
        memcpy(ret, &sin, sizeof(sin));
        return sizeof(sin);
    }
    struct sockaddr_in6 sin6 = {
        .sin6_family = AF_INET6,
        .sin6_port = htons(e->port),
        .sin6_scope_id = e->zone,
    };
    memcpy(&sin6.sin6_addr, e->ip, 16);
    memcpy(ret, &sin6, sizeof(sin6));
    return sizeof(sin6);
}

struct lp2p_endpoint lp2p_uv_endpoint(const struct sockaddr_storage *sa)
{
    struct lp2p_endpoint e = {.family = LP2P_FAMILY_NONE};
    if (sa->ss_family == AF_INET) {
        struct sockaddr_in sin;
        memcpy(&sin, sa, sizeof(sin));
        e.family = LP2P_FAMILY_IP4;
        e.port = ntohs(sin.sin_port);
        memcpy(e.ip, &sin.sin_addr, 4);
    } else if (sa->ss_family == AF_INET6) {
        struct sockaddr_in6 sin6;
        memcpy(&sin6, sa, sizeof(sin6));
        e.family = LP2P_FAMILY_IP6;
        e.port = ntohs(sin6.sin6_port);
        e.zone = sin6.sin6_scope_id;
        memcpy(e.ip, &sin6.sin6_addr, 16);
    }
    return e;
}
