#include "env/env.h"

#include <string.h>

#include "base/assert.h"

lp2p_ts lp2p_env_now(const struct lp2p_env *env)
{
    return env->ops->now(env);
}

void lp2p_env_free(struct lp2p_env *env)
{
    if (env != NULL) {
        env->ops->free(env);
    }
}

void lp2p_env_tell_change(const struct lp2p_list *watches)
{
    lp2p_list_each_safe (it, watches) {
        struct lp2p_env_watch *w = LP2P_CONTAINER(it, struct lp2p_env_watch, node);
        w->on_change(w->ctx);
    }
}

void lp2p_env_tell_resume(const struct lp2p_list *watches)
{
    lp2p_list_each_safe (it, watches) {
        struct lp2p_env_watch *w = LP2P_CONTAINER(it, struct lp2p_env_watch, node);
        if (w->on_resume != NULL) {
            w->on_resume(w->ctx);
        }
    }
}

/* A backslash would begin an escape where names are written as text (RFC 1035, 5.1). */
static bool is_name_char(char c)
{
    return (unsigned char)c > 0x20 && c != 0x7f && c != '\\';
}

bool lp2p_env_is_name(const char *name)
{
    size_t label = 0;
    size_t n = 0;
    for (; name[n] != '\0'; n++) {
        bool dot = name[n] == '.';
        label = dot ? label : label + 1;
        if (n > LP2P_ENV_MAX_NAME || label > LP2P_ENV_MAX_LABEL || (dot && label == 0) ||
            !is_name_char(name[n])) {
            return false;
        }
        label = dot ? 0 : label;
    }
    /* One dot may end it: the name is complete. */
    return n > 0 && n <= LP2P_ENV_MAX_NAME + (name[n - 1] == '.');
}

bool lp2p_iface_is_far(const struct lp2p_iface *iface)
{
    static const char *const names[] = {
        "docker", "br-",     "veth", "virbr", "vboxnet",   "vmnet",  "lxc",
        "lxd",    "incusbr", "cni",  "cali",  "flannel",   "podman", "kube",
        "tun",    "tap",     "wg",   "ppp",   "tailscale", "zt",     "nordlynx",
    };
    if (iface->loopback) {
        return false;
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strncmp(iface->name, names[i], strlen(names[i])) == 0) {
            return true;
        }
    }
    return iface->point_to_point;
}
