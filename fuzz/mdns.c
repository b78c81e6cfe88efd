/* Any datagram is taken or dropped; what is found is bounded and parses again. */
#include "proto/mdns/mdns.h"

#include "base/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void fill(void *ctx, uint8_t *p, size_t n)
{
    (void)ctx;
    memset(p, 5, n);
}

static uint64_t hash(const void *ctx, struct lp2p_span key)
{
    (void)ctx;
    uint64_t h = 7;
    for (size_t i = 0; i < key.n; i++) {
        h = h * 31 + key.p[i];
    }
    return h;
}

static void pull(struct lp2p_mdns *e, lp2p_ts now)
{
    struct lp2p_mdns_event ev;
    struct lp2p_mdns_dgram_out out;
    while (lp2p_mdns_event(e, &ev)) {
        LP2P_ASSERT(ev.n_addrs <= LP2P_MDNS_PEER_ADDRS_MAX);
        for (size_t i = 0; i < ev.n_addrs; i++) {
            struct lp2p_multiaddr ma;
            bool own;
            lp2p_mdns_event_addr(&ev, i, &ma, &own);
        }
    }
    while (lp2p_mdns_out_dgram(e, now, &out)) {
        LP2P_ASSERT(out.data.n > 0 && out.data.n <= LP2P_MDNS_SEND_MAX);
        lp2p_mdns_out_dgram_done(e);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    static const char *const tags[] = {"_p2p._udp.local", "_whatnext._udp.local"};
    static const struct lp2p_random random = {.fill = fill};
    struct lp2p_mdns_cfg cfg = {
        .mem = lp2p_mem_default(),
        .random = &random,
        .hasher = {.hash = hash},
        .self = {.len = 34, .bytes = {0x12, 32}},
        .note = "app=whatnext",
        .tags = tags,
        .n_tags = LP2P_COUNT(tags),
        .peers_max = 8,
        .new_per_min = 8,
    };
    struct lp2p_mdns_link link = {
        .ifindex = 1,
        .family = LP2P_FAMILY_IP4,
        .n_addrs = 1,
        .addrs = {{.at = lp2p_endpoint_ip4(10, 0, 0, 1, 7), .prefix = 8}},
    };
    struct lp2p_mdns_dgram_in in = {
        .ifindex = 1,
        .from = lp2p_endpoint_ip4(10, 0, 0, 2, 5353),
        .to = lp2p_mdns_group(LP2P_FAMILY_IP4),
        .data = lp2p_span(p, n),
    };
    struct lp2p_mdns *e;
    LP2P_ASSERT(lp2p_mdns_new(&cfg, &e) == 0);
    lp2p_mdns_set_links(e, 0, &link, 1);
    for (lp2p_ts now = 0; now < LP2P_SEC(3); now += LP2P_SEC(1)) {
        lp2p_mdns_tick(e, now);
        pull(e, now);
        lp2p_mdns_recv_dgram(e, now, &in);
        pull(e, now);
    }
    LP2P_ASSERT(lp2p_mdns_peers(e) <= cfg.peers_max);
    lp2p_mdns_goodbye(e);
    pull(e, LP2P_SEC(3));
    lp2p_mdns_free(e);
    return 0;
}
