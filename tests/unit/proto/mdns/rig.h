/* An engine with its seams, and what it sends. */
#ifndef LP2P_TESTS_MDNS_RIG_H
#define LP2P_TESTS_MDNS_RIG_H

#include "proto/mdns/mdns_priv.h"

#include <stdio.h>
#include <stdlib.h>

#include "cmocka_all.h"
#include "format/dns.h"
#include "harness/failmem.h"
#include "harness/vectors.h"

#define P2P      "_p2p._udp.local"
#define WHATNEXT "_whatnext._udp.local"

static const char *const rig_tags[] = {P2P, WHATNEXT};

struct rig {
    struct lp2p_mdns *e;
    uint64_t seed;
    struct lp2p_random random;
    lp2p_ts now;
    unsigned queries, answers, goodbyes, unicasts; /* sent so far */
    uint8_t last[LP2P_MDNS_SEND_MAX];
    size_t last_len;
};

static inline void rig_fill(void *ctx, uint8_t *p, size_t n)
{
    struct rig *r = ctx;
    for (size_t i = 0; i < n; i++) {
        r->seed = r->seed * UINT64_C(6364136223846793005) + 1442695040888963407U;
        p[i] = (uint8_t)(r->seed >> 56);
    }
}

static inline uint64_t rig_hash(const void *ctx, struct lp2p_span key)
{
    (void)ctx;
    uint64_t h = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < key.n; i++) {
        h = (h ^ key.p[i]) * UINT64_C(1099511628211);
    }
    return h;
}

/* An id that needs no curve point: a SHA-256 multihash. */
static inline struct lp2p_peer_id rig_peer(uint32_t number)
{
    struct lp2p_peer_id id = {.len = 34, .bytes = {0x12, 32}};
    memcpy(id.bytes + 2, &number, sizeof(number));
    return id;
}

static inline struct lp2p_mdns_cfg rig_cfg(struct rig *r, const struct lp2p_mem *mem)
{
    r->random = (struct lp2p_random){.ctx = r, .fill = rig_fill};
    return (struct lp2p_mdns_cfg){
        .mem = mem,
        .random = &r->random,
        .hasher = {.hash = rig_hash},
        .self = rig_peer(0),
        .note = "app=whatnext",
        .tags = rig_tags,
        .n_tags = 2,
        .peers_max = 512,
        .new_per_min = 32,
    };
}

static inline struct lp2p_mdns_link rig_link(void)
{
    static const uint8_t ll[16] = {0xfe, 0x80, [15] = 7};
    return (struct lp2p_mdns_link){
        .ifindex = 2,
        .family = LP2P_FAMILY_IP4,
        .n_addrs = 2,
        .addrs = {{.at = lp2p_endpoint_ip4(192, 168, 1, 7, 4001), .prefix = 24},
                  {.at = lp2p_endpoint_ip6(ll, 4001), .prefix = 64}},
    };
}

static inline void rig_init(struct rig *r)
{
    *r = (struct rig){.seed = 1, .now = LP2P_SEC(100)};
    struct lp2p_mdns_cfg cfg = rig_cfg(r, lp2p_mem_default());
    assert_int_equal(lp2p_mdns_new(&cfg, &r->e), 0);
}

/* Sends all that is due now. */
static inline void rig_send(struct rig *r)
{
    struct lp2p_mdns_dgram_out out;
    lp2p_mdns_tick(r->e, r->now);
    for (unsigned n = 0; lp2p_mdns_out_dgram(r->e, r->now, &out); n++) {
        assert_true(n < 64 && out.data.n > 12 && out.data.n <= LP2P_MDNS_SEND_MAX);
        struct lp2p_dns_reader reader;
        struct lp2p_dns_record rr = {.ttl = 1};
        assert_int_equal(lp2p_dns_reader_init(&reader, out.data), 0);
        bool query = (reader.flags & LP2P_DNS_FLAG_RESPONSE) == 0;
        if (!query) {
            assert_true(lp2p_dns_next_record(&reader, &rr));
        }
        r->queries += query;
        r->goodbyes += !query && rr.ttl == 0;
        r->answers += !query && rr.ttl > 0 && lp2p_endpoint_is_multicast(&out.to);
        r->unicasts += !query && rr.ttl > 0 && !lp2p_endpoint_is_multicast(&out.to);
        memcpy(r->last, out.data.p, out.data.n);
        r->last_len = out.data.n;
        lp2p_mdns_out_dgram_done(r->e);
    }
}

/* Lets time go on, waking the engine when it wants to be. */
static inline void rig_run(struct rig *r, lp2p_ts time)
{
    lp2p_ts until = r->now + time;
    rig_send(r);
    for (unsigned n = 0; lp2p_mdns_deadline(r->e) <= until; n++) {
        assert_true(n < 10000);
        lp2p_ts at = lp2p_mdns_deadline(r->e);
        r->now = at > r->now ? at : r->now;
        rig_send(r);
    }
    r->now = until;
}

/* Starts on one link and lets the announcements pass. */
static inline void rig_start(struct rig *r)
{
    rig_init(r);
    struct lp2p_mdns_link link = rig_link();
    lp2p_mdns_set_links(r->e, r->now, &link, 1);
    rig_run(r, LP2P_SEC(5));
    r->queries = r->answers = 0;
}

static inline void rig_recv_from(struct rig *r, struct lp2p_endpoint from, struct lp2p_span data)
{
    struct lp2p_mdns_dgram_in in = {
        .ifindex = 2, .from = from, .to = lp2p_mdns_group(from.family), .data = data};
    lp2p_mdns_recv_dgram(r->e, r->now, &in);
}

static inline void rig_recv(struct rig *r, struct lp2p_span data)
{
    rig_recv_from(r, lp2p_endpoint_ip4(192, 168, 1, 9, 5353), data);
}

static inline size_t rig_question(uint8_t *buf, const char *name, uint16_t type, uint16_t class_)
{
    struct lp2p_dns_writer w;
    struct lp2p_dns_name n;
    size_t len;
    assert_int_equal(lp2p_dns_name_parse(name, &n), 0);
    lp2p_dns_writer_init(&w, buf, LP2P_MDNS_SEND_MAX, 0);
    lp2p_dns_put_question(&w, &n, type, class_);
    assert_int_equal(lp2p_dns_finish(&w, &len), 0);
    return len;
}

/* As another of ours would answer. */
static inline size_t rig_answer(uint8_t *buf, const struct lp2p_peer_id *self, uint32_t ttl)
{
    struct lp2p_mdns_link link = rig_link();
    link.addrs[0].at = lp2p_endpoint_ip4(192, 168, 1, 9, 4009);
    struct mdns_answer a = {
        .tag = P2P,
        .name = "abcdefghijklmnopqrstuvwxyz0123456789",
        .self = self,
        .note = "app=whatnext",
        .link = &link,
        .ttl = ttl,
    };
    size_t n = mdns_packet_answer(&a, buf);
    assert_true(n > 0);
    return n;
}

static inline bool rig_event(struct rig *r, struct lp2p_mdns_event *ret)
{
    return lp2p_mdns_event(r->e, ret);
}

static inline void rig_expect_gone(struct rig *r, const struct lp2p_peer_id *id)
{
    struct lp2p_mdns_event ev;
    assert_true(lp2p_mdns_event(r->e, &ev));
    assert_int_equal(ev.type, LP2P_MDNS_EV_GONE);
    assert_true(lp2p_peer_id_eq(&ev.peer, id));
}

static inline unsigned rig_drain(struct rig *r)
{
    struct lp2p_mdns_event ev;
    unsigned n = 0;
    while (lp2p_mdns_event(r->e, &ev)) {
        n += ev.type == LP2P_MDNS_EV_FOUND;
    }
    return n;
}

static inline void rig_fini(struct rig *r)
{
    lp2p_mdns_free(r->e);
}

#endif
