#include "lp2p/host.h"

#include "base/assert.h"
#include "host/host_priv.h"
#include "proto/noise/payload.h"

#include <string.h>

#define HOST_AGENT_DEFAULT "lp2p/" LP2P_VERSION

static int host_load_identity(struct lp2p_host *h, const struct lp2p_host_cfg *cfg)
{
    if (cfg->private_key != NULL) {
        return lp2p_identity_decode(h->crypto, lp2p_span(cfg->private_key, cfg->private_key_len),
                                    &h->identity);
    }
    if (cfg->seed != NULL) {
        return lp2p_identity_from_seed(h->crypto, cfg->seed, &h->identity);
    }
    uint8_t seed[32];
    lp2p_random_fill(&h->env->random, seed, sizeof(seed));
    int err = lp2p_identity_from_seed(h->crypto, seed, &h->identity);
    lp2p_wipe(seed, sizeof(seed));
    return err;
}

/* A fresh static key for each start, and the one signature over it (DESIGN 4.5). */
static int host_make_static_key(struct lp2p_host *h)
{
    lp2p_random_fill(&h->env->random, h->static_secret, sizeof(h->static_secret));
    LP2P_TRY(
        h->crypto->ops->x25519_public(h->crypto->ctx, h->static_secret, h->upgrade.static_public));
    return lp2p_noise_static_sign(h->crypto, &h->identity, h->upgrade.static_public,
                                  h->upgrade.static_sig);
}

static void host_init_shared(struct lp2p_host *h)
{
    const struct lp2p_limits *l = &h->limits;
    size_t most = (size_t)l->conns + l->pending_in;
    h->upgrade.mem = h->mem;
    h->upgrade.crypto = h->crypto;
    h->upgrade.random = &h->env->random;
    h->upgrade.hasher = lp2p_hasher(&h->hash);
    h->upgrade.identity_pb = lp2p_span(h->identity.public_pb, sizeof(h->identity.public_pb));
    h->upgrade.yamux = lp2p_upgrade_limits(l);
    h->upgrade.early_muxer = true;
    lp2p_pool_init(&h->upgrade.obufs, h->mem, LP2P_UPGRADE_OBUF_SMALL_SIZE, most,
                   HOST_BUFFERS_KEPT);
    lp2p_pool_init(&h->upgrade.large_obufs, h->mem, LP2P_UPGRADE_OBUF_SIZE, most,
                   HOST_BUFFERS_KEPT);
    h->wires.env = h->env;
    h->wires.upgrade = &h->upgrade;
    lp2p_pool_init(&h->wires.reads, h->mem, LP2P_WIRE_READ_SIZE, most, HOST_BUFFERS_KEPT);
}

static int host_make_swarm(struct lp2p_host *h, const struct lp2p_host_ops *ops, void *ctx)
{
    struct lp2p_swarm_cfg cfg = {
        .env = h->env,
        .mem = h->mem,
        .crypto = h->crypto,
        .identity = &h->identity,
        .hash = &h->hash,
        .static_secret = h->static_secret,
        .limits = h->limits,
        .ops = ops,
        .ctx = ctx,
    };
    LP2P_TRY(lp2p_swarm_new(&cfg, &h->swarm));
    struct lp2p_transport *tcp;
    LP2P_TRY(lp2p_tcp_transport_new(&h->wires, &tcp));
    int err = lp2p_swarm_add_transport(h->swarm, tcp);
    if (err != 0) {
        tcp->ops->free(tcp);
    }
    return err;
}

static int host_make_services(struct lp2p_host *h, const struct lp2p_host_cfg *cfg)
{
    const struct lp2p_identify_service_cfg identify = {
        .agent = cfg->agent != NULL ? cfg->agent : HOST_AGENT_DEFAULT, .hash = &h->hash};
    LP2P_TRY(lp2p_identify_service_new(h->swarm, &identify, &h->identify));
    LP2P_TRY(lp2p_ping_service_new(h->swarm, &h->ping));
    if (!cfg->mdns) {
        return 0;
    }
    struct lp2p_mdns_service_cfg mdns = {.note = cfg->mdns_note, .hash = &h->hash};
    return lp2p_mdns_service_new(h->swarm, &mdns, &h->mdns);
}

static int host_build(struct lp2p_host *h, const struct lp2p_host_cfg *cfg,
                      const struct lp2p_host_ops *ops, void *ctx)
{
    LP2P_TRY(lp2p_crypto_new(h->mem, &h->crypto));
    lp2p_hash_key_init(&h->hash, h->crypto, &h->env->random);
    LP2P_TRY(host_load_identity(h, cfg));
    host_init_shared(h);
    LP2P_TRY(host_make_static_key(h));
    LP2P_TRY(host_make_swarm(h, ops, ctx));
    return host_make_services(h, cfg);
}

int lp2p_host_new(const struct lp2p_host_cfg *cfg, const struct lp2p_host_ops *ops, void *ctx,
                  struct lp2p_host **ret)
{
    LP2P_TRY(lp2p_crypto_init());
    const struct lp2p_mem *mem = cfg->mem != NULL ? cfg->mem : lp2p_mem_default();
    struct lp2p_host *h = lp2p_calloc(mem, 1, sizeof(*h));
    if (h == NULL) {
        return -LP2P_E_NOMEM;
    }
    h->env = cfg->env;
    h->mem = mem;
    h->limits = cfg->limits != NULL ? *cfg->limits : *lp2p_limits_profile("desktop");
    int err = host_build(h, cfg, ops, ctx);
    if (err != 0) {
        lp2p_host_free(h);
        return err;
    }
    *ret = h;
    return 0;
}

void lp2p_host_free(struct lp2p_host *h)
{
    if (h == NULL) {
        return;
    }
    lp2p_mdns_service_free(h->mdns);
    lp2p_perf_service_free(h->perf);
    lp2p_ping_service_free(h->ping);
    lp2p_identify_service_free(h->identify);
    lp2p_swarm_free(h->swarm);
    if (h->wires.env != NULL) {
        lp2p_pool_fini(&h->wires.reads);
        lp2p_pool_fini(&h->upgrade.obufs);
        lp2p_pool_fini(&h->upgrade.large_obufs);
    }
    lp2p_crypto_free(h->crypto);
    lp2p_identity_wipe(&h->identity);
    lp2p_wipe(h->static_secret, sizeof(h->static_secret));
    lp2p_free(h->mem, h);
}

void lp2p_host_shutdown(struct lp2p_host *h, lp2p_ts grace, void (*done)(void *ctx), void *ctx)
{
    lp2p_mdns_service_free(h->mdns);
    h->mdns = NULL;
    lp2p_swarm_shutdown(h->swarm, grace, done, ctx);
}

const struct lp2p_peer_id *lp2p_host_peer_id(const struct lp2p_host *h)
{
    return &h->identity.id;
}

int lp2p_host_listen(struct lp2p_host *h, const struct lp2p_multiaddr *addr)
{
    return lp2p_swarm_listen(h->swarm, addr);
}

bool lp2p_host_addr_next(struct lp2p_host *h, size_t *pos, struct lp2p_multiaddr *ret)
{
    return lp2p_swarm_addr_next(h->swarm, false, pos, ret) &&
           lp2p_multiaddr_with_peer_id(ret, &h->identity.id) == 0;
}

int lp2p_host_connect(struct lp2p_host *h, const struct lp2p_peer_id *peer,
                      const struct lp2p_connect_opts *opts, uint64_t *ret_attempt)
{
    LP2P_TRY(lp2p_swarm_connect(h->swarm, peer, opts, ret_attempt));
    if (h->mdns != NULL) {
        lp2p_mdns_service_look(h->mdns);
    }
    return 0;
}

int lp2p_host_cancel(struct lp2p_host *h, uint64_t attempt)
{
    return lp2p_swarm_cancel(h->swarm, attempt);
}

bool lp2p_host_attempt_next(struct lp2p_host *h, size_t *pos, const struct lp2p_attempt_info **ret)
{
    return lp2p_swarm_attempt_next(h->swarm, pos, ret);
}

int lp2p_host_disconnect(struct lp2p_host *h, const struct lp2p_peer_id *peer)
{
    return lp2p_swarm_disconnect(h->swarm, peer);
}

bool lp2p_host_conn_next(struct lp2p_host *h, size_t *pos, struct lp2p_conn_info *ret)
{
    return lp2p_swarm_conn_next(h->swarm, pos, ret);
}

int lp2p_host_handle(struct lp2p_host *h, const char *protocol, const struct lp2p_stream_ops *ops,
                     void *ctx)
{
    return lp2p_swarm_handle(h->swarm, protocol, ops, ctx);
}

int lp2p_host_open(struct lp2p_host *h, const struct lp2p_peer_id *peer,
                   const struct lp2p_open *open, struct lp2p_stream **ret)
{
    return lp2p_swarm_open(h->swarm, peer, open, ret);
}

int lp2p_host_ping(struct lp2p_host *h, const struct lp2p_peer_id *peer,
                   const struct lp2p_ping *ping)
{
    return lp2p_ping_service_ping(h->ping, peer, ping);
}

void lp2p_host_ping_stop(struct lp2p_host *h, const void *ctx)
{
    lp2p_ping_service_stop(h->ping, ctx);
}

/* Few hosts ever measure, so the service comes with its first use. */
static int host_want_perf(struct lp2p_host *h)
{
    return h->perf != NULL ? 0 : lp2p_perf_service_new(h->swarm, &h->perf);
}

int lp2p_host_serve_perf(struct lp2p_host *h)
{
    LP2P_TRY(host_want_perf(h));
    return lp2p_perf_service_serve(h->perf);
}

int lp2p_host_perf(struct lp2p_host *h, const struct lp2p_peer_id *peer,
                   const struct lp2p_perf *perf)
{
    LP2P_TRY(host_want_perf(h));
    return lp2p_perf_service_run(h->perf, peer, perf);
}
