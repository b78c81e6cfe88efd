#include "swarm/swarm_priv.h"

#include "format/addr.h"

/* In a network that we and the peer may well share: not one of containers or a VPN. */
static bool is_near(const struct lp2p_swarm *sw, const struct lp2p_endpoint *e)
{
    for (size_t i = 0; i < sw->n_ifaces; i++) {
        const struct lp2p_iface *f = &sw->ifaces[i];
        if (f->up && !lp2p_iface_is_far(f) && lp2p_endpoint_in_prefix(e, &f->addr, f->prefix)) {
            return true;
        }
    }
    return false;
}

int swarm_path_rank(const struct swarm_attempt *at, const struct lp2p_path *p)
{
    struct lp2p_endpoint e;
    uint32_t code;
    size_t used;
    if (lp2p_addr_to_endpoint(&p->addr, &e, &code, &used) != 0) {
        return 4;
    }
    if (lp2p_endpoint_is_link_local(&e)) {
        return 2;
    }
    if (lp2p_endpoint_is_public(&e)) {
        return 1;
    }
    return lp2p_endpoint_is_loopback(&e) || is_near(at->sw, &e) ? 0 : 3;
}

lp2p_ts swarm_attempt_next_turn(const struct swarm_attempt *at, lp2p_ts now)
{
    lp2p_ts next = LP2P_TS_NEVER;
    for (size_t i = 0; i < at->info.n_paths; i++) {
        lp2p_ts turn = at->paths[i].not_before;
        if (at->info.paths[i].stage == LP2P_STAGE_LOOKING && turn > now) {
            next = LP2P_MIN(next, turn);
        }
    }
    return next;
}

size_t swarm_attempt_next_path(const struct swarm_attempt *at)
{
    lp2p_ts now = swarm_now(at->sw);
    size_t best = LP2P_ATTEMPT_MAX_PATHS;
    for (size_t i = 0; i < at->info.n_paths; i++) {
        const struct lp2p_path *p = &at->info.paths[i];
        if (p->stage == LP2P_STAGE_LOOKING && at->paths[i].not_before <= now &&
            !at->paths[i].name.is_name &&
            (best == LP2P_ATTEMPT_MAX_PATHS ||
             swarm_path_rank(at, p) < swarm_path_rank(at, &at->info.paths[best]))) {
            best = i;
        }
    }
    return best;
}
