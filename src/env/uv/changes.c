#include "env/uv/uv_priv.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <unistd.h>

#include "base/assert.h"

/* What a change is announced by: links, addresses and routes of both families. */
#define CHANGE_GROUPS \
    (RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE)
/* Messages taken in one turn; the rest is there in the next one. */
#define CHANGE_BATCH 64

/* The messages are not looked into: whoever is told asks for everything again, so that a message
 * that was lost (ENOBUFS) or cut costs nothing. */
static void changes_on_ready(struct lp2p_uv_watch *w, int ready)
{
    (void)ready;
    struct lp2p_env_uv *env = w->env;
    bool any = false;
    for (int i = 0; i < CHANGE_BATCH; i++) {
        uint8_t head[sizeof(struct nlmsghdr)];
        ssize_t n = recv(w->fd, head, sizeof(head), MSG_DONTWAIT);
        int err = n < 0 ? errno : 0;
        if (n == 0 || (err != 0 && err != ENOBUFS && err != EINTR)) {
            break;
        }
        any = any || err != EINTR;
    }
    lp2p_uv_watch_want(w, UV_READABLE);
    if (any && env->merge.node.index == 0) {
        env->env.ops->timer_set(&env->merge, uv_hrtime() + LP2P_ENV_CHANGE_MERGE);
    }
}

static void changes_on_merged(void *ctx, lp2p_ts now)
{
    (void)now;
    struct lp2p_env_uv *env = ctx;
    lp2p_env_tell_change(&env->watches);
}

static int changes_socket(int *ret)
{
    struct sockaddr_nl at = {.nl_family = AF_NETLINK, .nl_groups = CHANGE_GROUPS};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
    if (fd < 0) {
        return lp2p_uv_errno(errno);
    }
    if (bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0) {
        int err = lp2p_uv_errno(errno);
        (void)close(fd);
        return err;
    }
    *ret = fd;
    return 0;
}

static int changes_open(struct lp2p_env_uv *env)
{
    int fd = -1;
    struct lp2p_uv_watch *w = lp2p_calloc(env->env.mem, 1, sizeof(*w));
    int err = w == NULL ? -LP2P_E_NOMEM : changes_socket(&fd);
    if (err == 0) {
        w->on_ready = changes_on_ready;
        err = lp2p_uv_watch_init(env, w, fd);
    }
    if (err != 0) {
        if (fd >= 0) {
            (void)close(fd);
        }
        lp2p_free(env->env.mem, w);
        return err;
    }
    /* Waiting for the network to change is no reason for a program to go on. */
    uv_unref((uv_handle_t *)&w->poll);
    lp2p_uv_watch_want(w, UV_READABLE);
    env->netlink = w;
    return 0;
}

int lp2p_uv_watch_changes(struct lp2p_env *base, struct lp2p_env_watch *w)
{
    struct lp2p_env_uv *env = lp2p_env_uv(base);
    if (env->netlink == NULL) {
        LP2P_TRY(base->ops->timer_init(base, &env->merge, changes_on_merged, env));
        int err = changes_open(env);
        if (err != 0) {
            base->ops->timer_fini(&env->merge);
            return err;
        }
        lp2p_uv_clock_open(env);
    }
    lp2p_list_add_last(&env->watches, &w->node);
    return 0;
}

void lp2p_uv_unwatch_changes(struct lp2p_env *base, struct lp2p_env_watch *w)
{
    struct lp2p_env_uv *env = lp2p_env_uv(base);
    lp2p_list_remove(&w->node);
    if (lp2p_list_is_empty(&env->watches)) {
        base->ops->timer_fini(&env->merge);
        lp2p_uv_watch_close(env->netlink);
        env->netlink = NULL;
        lp2p_uv_clock_close(env);
    }
}
