#include "transport/wire_priv.h"

static int upgrade_make(void *ctx, enum lp2p_conn_role role, const struct lp2p_peer_id *expected,
                        struct lp2p_scope *scope, struct lp2p_conn **ret)
{
    struct lp2p_wire_host *host = ctx;
    return lp2p_upgrade_new(host->upgrade, role, expected, scope, ret);
}

int lp2p_wire_new(struct lp2p_wire_host *host, struct lp2p_io *io, const struct lp2p_dial *how,
                  const struct lp2p_carrier_cfg *cfg, struct lp2p_carrier **ret)
{
    const struct wire_start start = {
        .io = io,
        .how = how,
        .cfg = cfg,
        .maker = {.make = upgrade_make, .ctx = host},
    };
    return lp2p_wire_make(host, &start, ret);
}
