/* Somebody on the local network who answers for others: mDNS has no keys, so this cannot be
 * prevented, and must not keep peers apart. */
#include "sim/lab.h"

#include "base/assert.h"
#include "proto/mdns/mdns.h"

#define DELAY       LP2P_MSEC(5)
#define FALSE_ADDRS 8U

/* Says where a peer is, and lies. */
struct liar {
    struct lab_node *n;
    struct lp2p_udp *u;
    const struct lp2p_peer_id *about;
};

static void ignore(void *ctx, struct lp2p_mspan data, const struct lp2p_endpoint *from,
                   const struct lp2p_endpoint *to, uint32_t ifindex)
{
    (void)ctx;
    (void)data;
    (void)from;
    (void)to;
    (void)ifindex;
}

static void liar_start(struct liar *l, struct lab_world *w, const struct lab_node *about)
{
    static const struct lp2p_udp_events events = {.on_dgram = ignore};
    struct lp2p_udp_cfg cfg = {.family = LP2P_FAMILY_IP4, .port = 5353, .shared = true};
    *l = (struct liar){.n = lab_node_new(w, &(struct lab_node_cfg){.bare = true}),
                       .about = &about->id};
    assert_int_equal(l->n->env->ops->udp_open(l->n->env, &cfg, &events, NULL, &l->u), 0);
}

static uint64_t first_bytes(const void *ctx, struct lp2p_span key)
{
    (void)ctx;
    uint64_t hash = 0;
    memcpy(&hash, key.p, LP2P_MIN(key.n, sizeof(hash)));
    return hash;
}

/* Announces addresses where nobody is, from 10.0.0.`first` on, as that peer would. */
static void liar_lie(const struct liar *l, uint8_t first)
{
    static const char *const tags[] = {"_p2p._udp.local"};
    struct lp2p_mdns_cfg cfg = {.mem = lp2p_mem_default(),
                                .random = &l->n->env->random,
                                .hasher = {.hash = first_bytes},
                                .self = *l->about,
                                .tags = tags,
                                .n_tags = 1,
                                .peers_max = 1,
                                .new_per_min = 1};
    struct lp2p_mdns_link link = {
        .ifindex = l->n->ifindex, .family = LP2P_FAMILY_IP4, .n_addrs = FALSE_ADDRS};
    for (uint8_t i = 0; i < FALSE_ADDRS; i++) {
        link.addrs[i].at = lp2p_endpoint_ip4(10, 0, 0, (uint8_t)(first + i), 4001);
    }
    struct lp2p_mdns *e;
    struct lp2p_mdns_dgram_out out;
    lp2p_ts now = lp2p_env_now(l->n->env);
    assert_int_equal(lp2p_mdns_new(&cfg, &e), 0);
    lp2p_mdns_set_links(e, now, &link, 1);
    while (lp2p_mdns_out_dgram(e, now, &out)) {
        (void)l->n->env->ops->udp_send(l->u, &out.to, out.ifindex, NULL, out.data);
        lp2p_mdns_out_dgram_done(e);
    }
    lp2p_mdns_free(e);
}

/* Packets all the time, before the attempt and while it runs, with ever other addresses. */
static void run_liar(uint64_t seed)
{
    struct lab_world w;
    struct liar l;
    lab_world_init(&w, seed, DELAY);
    struct lab_node *a = lab_node_new(&w, &(struct lab_node_cfg){.mdns = true});
    struct lab_node *b = lab_node_new(&w, &(struct lab_node_cfg){.mdns = true});
    liar_start(&l, &w, b);
    uint64_t attempt = 0;
    uint8_t lie = 0;
    for (unsigned i = 0; i < 400; i++, lie++) {
        if (i == 40) {
            struct lp2p_connect_opts opts = {.source = LP2P_ADDR_PASTED, .look = LP2P_SEC(10)};
            assert_int_equal(lp2p_host_connect(a->host, &b->id, &opts, &attempt), 0);
        }
        if (i > 40 && lab_attempt(a, attempt).ended != 0) {
            break;
        }
        liar_lie(&l, (uint8_t)(100 + lie % 16 * FALSE_ADDRS % 128));
        lab_run(&w, LP2P_MSEC(50));
    }
    struct lp2p_attempt_info at = lab_attempt(a, attempt);
    assert_int_equal(at.stage, LP2P_STAGE_CONNECTED);
    assert_true(at.ended - at.started < LP2P_SEC(2));
    l.n->env->ops->udp_close(l.u);
    lab_world_fini(&w);
}

static void who_lies_does_not_keep_peers_apart(void **state)
{
    (void)state;
    lab_each_seed(run_liar);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        lab_test(who_lies_does_not_keep_peers_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
