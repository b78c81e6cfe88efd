#include "env/env.h"

#include <string.h>

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
