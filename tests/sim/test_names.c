/* Addresses with names: what they become, when, and what a bad name server can make us do. */
#include "sim/lab.h"

#include "base/assert.h"
#include "harness/failmem.h"

#include <arpa/inet.h>
#include <stdio.h>

#define DELAY LP2P_MSEC(5)
/* The texts of these records are made for the peer of the scene. */
#define TEXT_MAX 400U

struct scene {
    struct lab_world w;
    struct lab_node *a, *b;
    char id[LP2P_PEER_ID_TEXT_SIZE]; /* of b */
    uint64_t attempt;
};

static void scene_init(struct scene *s, uint64_t seed)
{
    *s = (struct scene){.a = NULL};
    lab_world_init(&s->w, seed, DELAY);
    s->a = lab_node_new(&s->w, NULL);
    s->b = lab_node_new(&s->w, NULL);
    (void)lp2p_peer_id_format(&s->b->id, s->id);
}

/* ---- records ---- */

static int record_try(struct scene *s, struct lp2p_sim_record r)
{
    return lp2p_sim_record(s->w.sim, &r);
}

static void record(struct scene *s, struct lp2p_sim_record r)
{
    assert_int_equal(record_try(s, r), 0);
}

static struct lp2p_endpoint ip(const char *text)
{
    uint8_t bytes[16];
    if (inet_pton(AF_INET, text, bytes) == 1) {
        return lp2p_endpoint_ip4(bytes[0], bytes[1], bytes[2], bytes[3], 0);
    }
    assert_int_equal(inet_pton(AF_INET6, text, bytes), 1);
    return lp2p_endpoint_ip6(bytes, 0);
}

static void has_ip(struct scene *s, const char *name, const char *text, lp2p_ts delay)
{
    struct lp2p_sim_record r = {.name = name, .addr = ip(text), .delay = delay};
    r.type = r.addr.family == LP2P_FAMILY_IP4 ? LP2P_QUERY_A : LP2P_QUERY_AAAA;
    record(s, r);
}

/* dnsaddr=<addr>/p2p/<id of b> */
static void has_text(struct scene *s, const char *name, const char *addr)
{
    char text[TEXT_MAX], host[TEXT_MAX];
    (void)snprintf(text, sizeof(text), "dnsaddr=%s/p2p/%s", addr, s->id);
    (void)snprintf(host, sizeof(host), "_dnsaddr.%s", name);
    record(s, (struct lp2p_sim_record){.name = host, .type = LP2P_QUERY_TXT, .text = text});
}

/* ---- attempts ---- */

static uint64_t begin_with(struct scene *s, const char *text, struct lp2p_connect_opts opts)
{
    struct lp2p_multiaddr addr = lab_addr(text);
    opts.addrs = &addr;
    opts.n = 1;
    assert_int_equal(lp2p_host_connect(s->a->host, &s->b->id, &opts, &s->attempt), 0);
    return s->attempt;
}

static uint64_t begin(struct scene *s, const char *text)
{
    return begin_with(s, text, (struct lp2p_connect_opts){.source = LP2P_ADDR_TYPED});
}

static struct lp2p_attempt_info end_of(struct scene *s, lp2p_ts time)
{
    return lab_attempt_end(s->a, s->attempt, time);
}

static void expect_failed(struct scene *s, const char *text, int error, lp2p_ts time)
{
    (void)begin(s, text);
    struct lp2p_attempt_info at = end_of(s, time);
    assert_int_equal(at.stage, LP2P_STAGE_FAILED);
    assert_int_equal(at.error, error);
    assert_string_equal(at.where, "dns");
    assert_int_equal(at.n_paths, 1);
    assert_int_equal(at.paths[0].stage, LP2P_STAGE_FAILED);
    assert_int_equal(at.paths[0].error, error);
    assert_string_equal(at.paths[0].where, "dns");
}

static void expect_won(const struct lp2p_attempt_info *at, const char *text)
{
    struct lp2p_multiaddr addr = lab_addr(text);
    size_t i = 0;
    while (i < at->n_paths && !lp2p_multiaddr_eq(&at->paths[i].addr, &addr)) {
        i++;
    }
    assert_true(i < at->n_paths);
    assert_int_equal(at->paths[i].stage, LP2P_STAGE_CONNECTED);
}

/* Somebody who has not met b. */
static void scene_renew(struct scene *s)
{
    lab_node_end(s->a);
    lab_run(&s->w, LP2P_SEC(1));
    s->a = lab_node_new(&s->w, NULL);
}

/* Connects, by `name` and over `addr`. */
static struct lp2p_attempt_info expect_connected(struct scene *s, const char *name,
                                                 const char *addr)
{
    (void)begin(s, name);
    struct lp2p_attempt_info at = end_of(s, LP2P_SEC(6));
    assert_int_equal(at.stage, LP2P_STAGE_CONNECTED);
    expect_won(&at, addr);
    assert_int_equal(at.paths[0].stage, LP2P_STAGE_CONNECTED); /* the name */
    scene_renew(s);
    return at;
}

/* ---- names of hosts ---- */

static void run_hosts(uint64_t seed)
{
    struct scene s;
    scene_init(&s, seed);
    has_ip(&s, "b.test", "10.0.0.2", 0);
    struct lp2p_attempt_info at = expect_connected(&s, "/dns4/b.test/tcp/4001",
                                                   "/ip4/10.0.0.2/tcp/4001");
    assert_int_equal(at.n_paths, 2);
    assert_int_equal(at.paths[1].source, LP2P_ADDR_TYPED);
    uint64_t asked = lp2p_sim_questions(s.w.sim);
    assert_int_equal(asked, 1);
    (void)expect_connected(&s, "/dns/b.test/tcp/4001", "/ip4/10.0.0.2/tcp/4001");
    assert_int_equal(lp2p_sim_questions(s.w.sim), asked + 2);
    expect_failed(&s, "/dns6/b.test/tcp/4001", -LP2P_E_NOT_FOUND, LP2P_SEC(1));
    expect_failed(&s, "/dns4/nobody.test/tcp/4001", -LP2P_E_NOT_FOUND, LP2P_SEC(1));
    expect_failed(&s, "/dns/nobody.test/tcp/4001", -LP2P_E_NOT_FOUND, LP2P_SEC(1));
    expect_failed(&s, "/dns/a..b/tcp/4001", -LP2P_E_NOT_FOUND, LP2P_SEC(1));
    /* Nothing here dials that. */
    asked = lp2p_sim_questions(s.w.sim);
    (void)begin(&s, "/dns4/b.test/udp/4001/quic-v1");
    assert_int_equal(end_of(&s, LP2P_SEC(1)).error, -LP2P_E_NO_ADDRESS);
    assert_int_equal(lp2p_sim_questions(s.w.sim), asked);
    lab_world_fini(&s.w);
}

static void run_failures(uint64_t seed)
{
    struct scene s;
    scene_init(&s, seed);
    record(&s, (struct lp2p_sim_record){.name = "io.test", .err = -LP2P_E_IO});
    has_ip(&s, "late.test", "10.0.0.2", LP2P_SEC(10));
    expect_failed(&s, "/dns4/io.test/tcp/4001", -LP2P_E_IO, LP2P_SEC(1));
    expect_failed(&s, "/dns/io.test/tcp/4001", -LP2P_E_IO, LP2P_SEC(1));
    expect_failed(&s, "/dns/late.test/tcp/4001", -LP2P_E_TIMEOUT, LP2P_MSEC(3100));
    /* What is there but refuses tells more than a name that is not. */
    has_ip(&s, "b.test", "10.0.0.2", 0);
    struct lp2p_multiaddr addrs[] = {lab_addr("/dns4/nobody.test/tcp/4001"),
                                     lab_addr("/dns4/b.test/tcp/4002")};
    s.attempt = lab_connect_at(s.a, &s.b->id, addrs, 2);
    struct lp2p_attempt_info at = end_of(&s, LP2P_SEC(1));
    assert_int_equal(at.error, -LP2P_E_REFUSED);
    assert_string_equal(at.where, "dial");
    assert_int_equal(at.paths[0].error, -LP2P_E_NOT_FOUND);
    assert_int_equal(at.paths[1].error, -LP2P_E_REFUSED); /* the name, as its only address */
    assert_int_equal(at.paths[1].stage, LP2P_STAGE_FAILED);
    assert_int_equal(at.paths[2].error, -LP2P_E_REFUSED);
    lab_world_fini(&s.w);
}

static uint32_t plug(struct lab_node *n, const char *text, struct lp2p_sim_link *lan)
{
    struct lp2p_endpoint at = ip(text);
    uint32_t ifindex = 0;
    uint8_t prefix = at.family == LP2P_FAMILY_IP4 ? 24 : 64;
    assert_int_equal(lp2p_sim_plug(n->env, lan, &at, prefix, &ifindex), 0);
    lab_run(n->w, 2 * LP2P_ENV_CHANGE_MERGE); /* it is told */
    return ifindex;
}

/* Each kind of address is dialed when it is known. */
static void run_race(uint64_t seed)
{
    struct scene s;
    scene_init(&s, seed);
    struct lp2p_multiaddr on6 = lab_addr("/ip6/::/tcp/4001");
    assert_int_equal(lp2p_host_listen(s.b->host, &on6), 0);
    (void)plug(s.a, "fd00::1", s.w.lan);
    (void)plug(s.b, "fd00::2", s.w.lan);
    has_ip(&s, "six.test", "fd00::2", LP2P_MSEC(50));
    has_ip(&s, "six.test", "10.0.0.2", LP2P_SEC(2));
    lp2p_ts began = lab_time(&s.w);
    struct lp2p_attempt_info at = expect_connected(&s, "/dns/six.test/tcp/4001",
                                                   "/ip6/fd00::2/tcp/4001");
    assert_int_equal(at.n_paths, 2);
    assert_true(at.ended - at.started < LP2P_MSEC(500));
    (void)plug(s.a, "fd00::3", s.w.lan);
    /* The other one is the late one, and the first leads nowhere. */
    has_ip(&s, "four.test", "fd00::7", LP2P_MSEC(50));
    has_ip(&s, "four.test", "10.0.0.2", LP2P_SEC(2));
    at = expect_connected(&s, "/dns/four.test/tcp/4001", "/ip4/10.0.0.2/tcp/4001");
    assert_int_equal(at.n_paths, 3);
    assert_in_range(at.ended - at.started, LP2P_SEC(2), LP2P_MSEC(2500));
    /* An address that is known is not waited with. */
    struct lp2p_multiaddr both[] = {lab_addr("/dns4/four.test/tcp/4001"), s.b->addr};
    s.attempt = lab_connect_at(s.a, &s.b->id, both, 2);
    at = end_of(&s, LP2P_MSEC(500));
    assert_int_equal(at.stage, LP2P_STAGE_CONNECTED);
    assert_int_equal(at.paths[0].error, -LP2P_E_CANCELLED);
    assert_string_equal(at.paths[0].where, "dns");
    assert_true(lab_time(&s.w) > began);
    lab_world_fini(&s.w);
}

/* A name for an address that was given as well is that path, not a second one. */
static void run_same(uint64_t seed)
{
    struct scene s;
    scene_init(&s, seed);
    has_ip(&s, "b.test", "10.0.0.2", 0);
    lab_node_end(s.b);
    struct lp2p_multiaddr both[] = {lab_addr("/dns4/b.test/tcp/4001"), s.b->addr};
    s.attempt = lab_connect_at(s.a, &s.b->id, both, 2);
    struct lp2p_attempt_info at = end_of(&s, LP2P_SEC(1));
    assert_int_equal(at.n_paths, 2);
    assert_int_equal(at.paths[0].error, -LP2P_E_REFUSED);
    assert_int_equal(at.paths[1].error, -LP2P_E_REFUSED);
    lab_world_fini(&s.w);
}

/* ---- dnsaddr ---- */

static void run_dnsaddr(uint64_t seed)
{
    struct scene s;
    scene_init(&s, seed);
    record(&s, (struct lp2p_sim_record){
                   .name = "_dnsaddr.one.test", .type = LP2P_QUERY_TXT, .text = "v=spf1 -all"});
    record(&s, (struct lp2p_sim_record){
                   .name = "_dnsaddr.one.test",
                   .type = LP2P_QUERY_TXT,
                   .text = "dnsaddr=/ip4/10.0.0.1/tcp/4001/p2p/"
                           "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq"});
    record(&s, (struct lp2p_sim_record){.name = "_dnsaddr.one.test",
                                        .type = LP2P_QUERY_TXT,
                                        .text = "dnsaddr=/ip4/10.0.0.9/tcp/4001"});
    /* No id of the peer's: nothing is tried. */
    expect_failed(&s, "/dnsaddr/one.test", -LP2P_E_NO_ADDRESS, LP2P_SEC(1));
    has_text(&s, "one.test", "/dnsaddr/two.test");
    has_text(&s, "two.test", "/dns4/b.test/tcp/4001");
    has_text(&s, "two.test", "/ip4/10.0.0.7/udp/4001/quic-v1"); /* not ours */
    has_ip(&s, "b.test", "10.0.0.2", 0);
    uint64_t asked = lp2p_sim_questions(s.w.sim);
    struct lp2p_attempt_info at = expect_connected(&s, "/dnsaddr/one.test",
                                                   "/ip4/10.0.0.2/tcp/4001");
    assert_int_equal(at.n_paths, 2);
    assert_int_equal(lp2p_sim_questions(s.w.sim), asked + 3);
    /* Direct addresses, and what follows the name has to fit. */
    has_text(&s, "three.test", "/ip4/10.0.0.2/tcp/4001");
    (void)expect_connected(&s, "/dnsaddr/three.test", "/ip4/10.0.0.2/tcp/4001");
    (void)expect_connected(&s, "/dnsaddr/three.test/tcp/4001", "/ip4/10.0.0.2/tcp/4001");
    expect_failed(&s, "/dnsaddr/three.test/tcp/4002", -LP2P_E_NO_ADDRESS, LP2P_SEC(1));
    lab_world_fini(&s.w);
}

/* Names that lead to themselves, too deep, or everywhere. */
static void run_traps(uint64_t seed)
{
    struct scene s;
    char name[TEXT_MAX], addr[TEXT_MAX];
    scene_init(&s, seed);
    has_text(&s, "loop.test", "/dnsaddr/loop.test");
    expect_failed(&s, "/dnsaddr/loop.test", -LP2P_E_NO_ADDRESS, LP2P_SEC(1));
    assert_int_equal(lp2p_sim_questions(s.w.sim), 4);
    for (unsigned i = 1; i < 6; i++) {
        (void)snprintf(name, sizeof(name), "deep%u.test", i);
        (void)snprintf(addr, sizeof(addr), "/dnsaddr/deep%u.test", i + 1);
        has_text(&s, name, addr);
    }
    has_text(&s, "deep6.test", "/ip4/10.0.0.2/tcp/4001");
    expect_failed(&s, "/dnsaddr/deep2.test", -LP2P_E_NO_ADDRESS, LP2P_SEC(1));
    (void)expect_connected(&s, "/dnsaddr/deep3.test", "/ip4/10.0.0.2/tcp/4001");
    /* Every name twenty more. */
    for (unsigned i = 0; i < 20; i++) {
        (void)snprintf(addr, sizeof(addr), "/dns/far%u.test/tcp/4001", i);
        has_text(&s, "wide.test", addr);
        has_text(&s, "wider.test", "/dnsaddr/wider.test");
    }
    uint64_t asked = lp2p_sim_questions(s.w.sim);
    expect_failed(&s, "/dnsaddr/wide.test", -LP2P_E_NO_ADDRESS, LP2P_SEC(1));
    assert_int_equal(lp2p_sim_questions(s.w.sim), asked + 16);
    expect_failed(&s, "/dnsaddr/wider.test", -LP2P_E_NO_ADDRESS, LP2P_SEC(1));
    assert_int_equal(lp2p_sim_questions(s.w.sim), asked + 32);
    /* Of texts that fit eight are looked at. */
    for (unsigned i = 0; i < 12; i++) {
        (void)snprintf(addr, sizeof(addr), "/ip4/10.0.0.%u/tcp/4001", 100 + i);
        has_text(&s, "texts.test", addr);
    }
    (void)begin(&s, "/dnsaddr/texts.test");
    struct lp2p_attempt_info at = end_of(&s, LP2P_SEC(31));
    assert_int_equal(at.n_paths, 1 + 8);
    assert_int_equal(at.error, -LP2P_E_UNREACHABLE);
    /* Of addresses as many as an attempt has paths. */
    for (unsigned i = 0; i < 40; i++) {
        (void)snprintf(addr, sizeof(addr), "10.0.1.%u", i);
        has_ip(&s, "many.test", addr, 0);
    }
    (void)begin(&s, "/dns4/many.test/tcp/4001");
    at = end_of(&s, LP2P_SEC(31));
    assert_int_equal(at.n_paths, LP2P_ATTEMPT_MAX_PATHS);
    lab_world_fini(&s.w);
}

/* ---- the filter ---- */

static struct lp2p_attempt_info by_source(struct scene *s, const char *name,
                                          enum lp2p_addr_source source)
{
    (void)begin_with(s, name, (struct lp2p_connect_opts){.source = source});
    return end_of(s, LP2P_SEC(31));
}

static void run_filter(uint64_t seed)
{
    static const char *const bad[] = {"127.0.0.1",     "0.0.0.0", "224.0.0.251", "169.254.1.1",
                                      "192.168.7.7",   "::1",     "fe80::1",     "ff02::fb",
                                      "::ffff:7f00:1", "fd12::1"};
    struct scene s;
    scene_init(&s, seed);
    for (size_t i = 0; i < LP2P_COUNT(bad); i++) {
        has_ip(&s, "bad.test", bad[i], 0);
    }
    has_text(&s, "text.test", "/ip4/127.0.0.1/tcp/4001");
    has_text(&s, "text.test", "/dns/bad.test/tcp/4001");
    static const char *const names[] = {"/dns/bad.test/tcp/4001", "/dnsaddr/text.test"};
    for (size_t i = 0; i < LP2P_COUNT(names); i++) {
        struct lp2p_attempt_info at = by_source(&s, names[i], LP2P_ADDR_LINK);
        assert_int_equal(at.error, -LP2P_E_FILTERED);
        assert_string_equal(at.where, "dns");
        assert_int_equal(at.n_paths, 1);
        /* Three of them are no addresses to dial at all. */
        assert_int_equal(at.n_skipped, LP2P_COUNT(bad) - 3 + i);
    }
    /* A good one beside them is dialed. */
    has_ip(&s, "bad.test", "10.0.0.2", 0);
    struct lp2p_attempt_info at = by_source(&s, names[0], LP2P_ADDR_LINK);
    assert_int_equal(at.stage, LP2P_STAGE_CONNECTED);
    assert_int_equal(at.n_paths, 2);
    assert_int_equal(at.paths[1].source, LP2P_ADDR_LINK);
    scene_renew(&s);
    /* The port is known before the address: nothing is asked. */
    uint64_t asked = lp2p_sim_questions(s.w.sim);
    at = by_source(&s, "/dns4/bad.test/tcp/25", LP2P_ADDR_PASTED);
    assert_int_equal(at.n_skipped, 1);
    assert_int_equal(lp2p_sim_questions(s.w.sim), asked);
    /* What the user types is the user's own business. */
    has_ip(&s, "lo.test", "127.0.0.1", 0);
    at = by_source(&s, "/dns4/lo.test/tcp/4001", LP2P_ADDR_TYPED);
    assert_int_equal(at.n_paths, 2);
    assert_int_equal(at.n_skipped, 0);
    lab_world_fini(&s.w);
}

/* ---- ends ---- */

static void run_cancel(uint64_t seed)
{
    struct scene s;
    scene_init(&s, seed);
    has_ip(&s, "late.test", "10.0.0.2", LP2P_SEC(2));
    (void)begin(&s, "/dns/late.test/tcp/4001");
    lab_run(&s.w, LP2P_SEC(1));
    struct lp2p_attempt_info at = lab_attempt(s.a, s.attempt);
    assert_int_equal(at.ended, 0);
    assert_int_equal(at.stage, LP2P_STAGE_LOOKING);
    assert_int_equal(at.paths[0].stage, LP2P_STAGE_LOOKING);
    assert_true(at.paths[0].started != 0);
    assert_int_equal(lp2p_host_cancel(s.a->host, s.attempt), 0);
    at = lab_attempt(s.a, s.attempt);
    assert_int_equal(at.stage, LP2P_STAGE_CANCELLED);
    assert_int_equal(at.paths[0].error, -LP2P_E_CANCELLED);
    lab_run(&s.w, LP2P_SEC(5));
    assert_int_equal(lab_attempt(s.a, s.attempt).n_paths, 1);
    /* The attempt's time is the names' time. */
    (void)begin_with(&s, "/dns/late.test/tcp/4001",
                     (struct lp2p_connect_opts){.timeout = LP2P_SEC(1)});
    at = end_of(&s, LP2P_MSEC(1001));
    assert_int_equal(at.error, -LP2P_E_TIMEOUT);
    assert_string_equal(at.where, "dns");
    /* The peer came by itself. */
    (void)begin(&s, "/dns/late.test/tcp/4001");
    lab_run(&s.w, LP2P_MSEC(100));
    (void)lab_connect(s.b, s.a);
    at = end_of(&s, LP2P_SEC(1));
    assert_int_equal(at.stage, LP2P_STAGE_CONNECTED);
    /* A host that goes while it asks. */
    struct lp2p_connect_opts opts = {.n = 1};
    struct lp2p_multiaddr addr = lab_addr("/dns/late.test/tcp/4001");
    opts.addrs = &addr;
    uint64_t id;
    struct lab_node *c = lab_node_new(&s.w, NULL);
    assert_int_equal(lp2p_host_connect(c->host, &s.b->id, &opts, &id), 0);
    lab_run(&s.w, LP2P_MSEC(100));
    lab_node_end(c);
    lab_world_fini(&s.w);
}

/* ---- again ---- */

static void run_again(uint64_t seed)
{
    struct scene s;
    scene_init(&s, seed);
    struct lp2p_connect_opts background = {
        .source = LP2P_ADDR_REMEMBERED, .timeout = LP2P_SEC(30), .background = true};
    /* Nobody waits: a name that failed has its turn like an address. */
    (void)begin_with(&s, "/dns4/later.test/tcp/4001", background);
    assert_int_equal(end_of(&s, LP2P_SEC(1)).error, -LP2P_E_NOT_FOUND);
    uint64_t asked = lp2p_sim_questions(s.w.sim);
    (void)begin_with(&s, "/dns4/later.test/tcp/4001", background);
    lab_run(&s.w, LP2P_SEC(2));
    assert_int_equal(lp2p_sim_questions(s.w.sim), asked);
    has_ip(&s, "later.test", "10.0.0.2", 0);
    assert_int_equal(end_of(&s, LP2P_SEC(5)).stage, LP2P_STAGE_CONNECTED);
    assert_int_equal(lp2p_sim_questions(s.w.sim), asked + 1);
    scene_renew(&s);
    /* Another network asks its own servers, also for what is under way. */
    has_ip(&s, "net.test", "10.0.0.9", LP2P_SEC(2));
    (void)begin(&s, "/dns4/net.test/tcp/4001");
    lab_run(&s.w, LP2P_SEC(1));
    asked = lp2p_sim_questions(s.w.sim);
    (void)plug(s.a, "10.9.9.9", s.w.lan);
    has_ip(&s, "net.test", "10.0.0.2", 0);
    lab_run(&s.w, LP2P_MSEC(500));
    assert_int_equal(lp2p_sim_questions(s.w.sim), asked + 1);
    assert_int_equal(end_of(&s, LP2P_SEC(6)).stage, LP2P_STAGE_CONNECTED);
    lab_world_fini(&s.w);
}

/* ---- out of memory ---- */

static int out_of_memory(const struct lp2p_mem *mem, void *ctx)
{
    const struct failmem *f = mem->ctx;
    const struct lp2p_sim_link_cfg lan = {.delay = DELAY};
    struct scene s = {.a = NULL};
    struct lp2p_endpoint at = ip("10.0.0.2");
    struct lp2p_sim_record host = {.name = "b.test", .type = LP2P_QUERY_A, .addr = at};
    char text[TEXT_MAX];
    int err = lab_world_try(&s.w, mem, *(const uint64_t *)ctx, &lan);
    err = err != 0 ? err : lab_node_try(&s.w, NULL, &s.a);
    err = err != 0 ? err : lab_node_try(&s.w, NULL, &s.b);
    err = err != 0 ? err : record_try(&s, host);
    if (err == 0) {
        (void)lp2p_peer_id_format(&s.b->id, s.id);
        (void)snprintf(text, sizeof(text), "dnsaddr=/dns/b.test/tcp/4001/p2p/%s", s.id);
        err = record_try(&s, (struct lp2p_sim_record){
                                 .name = "_dnsaddr.t.test", .type = LP2P_QUERY_TXT, .text = text});
    }
    struct lp2p_multiaddr addr = lab_addr("/dnsaddr/t.test");
    struct lp2p_connect_opts opts = {.addrs = &addr, .n = 1};
    if (err == 0) {
        err = lp2p_host_connect(s.a->host, &s.b->id, &opts, &s.attempt);
    }
    if (err == 0) {
        struct lp2p_attempt_info info = end_of(&s, LP2P_SEC(31));
        assert_true(info.stage == LP2P_STAGE_CONNECTED || f->failed > 0);
    }
    lab_world_fini(&s.w);
    return err;
}

static void run_out_of_memory(uint64_t seed)
{
    assert_true(failmem_each(out_of_memory, &seed) > 50);
}

/* ---- zones ---- */

static void run_zones(uint64_t seed)
{
    struct scene s;
    scene_init(&s, seed);
    uint32_t ifindex = plug(s.a, "fe80::1", s.w.lan);
    (void)plug(s.b, "fe80::2", s.w.lan);
    struct lp2p_multiaddr on6 = lab_addr("/ip6/::/tcp/4001");
    assert_int_equal(lp2p_host_listen(s.b->host, &on6), 0);
    char by_index[64];
    (void)snprintf(by_index, sizeof(by_index), "/ip6zone/%u/ip6/fe80::2/tcp/4001", ifindex);
    /* The second interface of the simulator's machine is called so. */
    (void)expect_connected(&s, "/ip6zone/ethb/ip6/fe80::2/tcp/4001", by_index);
    assert_int_equal(plug(s.a, "fe80::3", s.w.lan), ifindex);
    (void)expect_connected(&s, by_index, by_index);
    assert_int_equal(plug(s.a, "fe80::4", s.w.lan), ifindex);
    static const char *const gone[] = {"/ip6zone/nope/ip6/fe80::2/tcp/4001",
                                       "/ip6zone/77/ip6/fe80::2/tcp/4001"};
    for (size_t i = 0; i < LP2P_COUNT(gone); i++) {
        (void)begin(&s, gone[i]);
        struct lp2p_attempt_info at = end_of(&s, LP2P_SEC(1));
        assert_int_equal(at.n_paths, 1);
        assert_int_equal(at.error, -LP2P_E_ADDR_NOT_AVAIL);
        assert_string_equal(at.where, "dial");
    }
    /* Only what was typed: nobody else knows our interfaces. */
    static const enum lp2p_addr_source sources[] = {LP2P_ADDR_LINK, LP2P_ADDR_PASTED};
    for (size_t i = 0; i < LP2P_COUNT(sources); i++) {
        struct lp2p_attempt_info at = by_source(&s, by_index, sources[i]);
        assert_int_equal(at.n_paths, 0);
        assert_int_equal(at.n_skipped, 1);
        assert_int_equal(by_source(&s, gone[0], sources[i]).n_paths, 0);
    }
    lab_world_fini(&s.w);
}

#define SCENARIO(name, run)        \
    static void name(void **state) \
    {                              \
        (void)state;               \
        lab_each_seed(run);        \
    }
SCENARIO(a_name_becomes_its_addresses, run_hosts)
SCENARIO(names_that_fail_say_so, run_failures)
SCENARIO(addresses_are_dialed_as_they_come, run_race)
SCENARIO(an_address_known_twice_is_one_path, run_same)
SCENARIO(dnsaddr_leads_to_the_peers_addresses, run_dnsaddr)
SCENARIO(traps_end, run_traps)
SCENARIO(answers_are_filtered_as_their_name_would_be, run_filter)
SCENARIO(who_ends_asks_no_more, run_cancel)
SCENARIO(a_name_is_asked_for_again_in_its_turn, run_again)
SCENARIO(a_zone_is_an_interface, run_zones)

static void every_allocation_may_fail(void **state)
{
    (void)state;
    lab_one_seed(run_out_of_memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        lab_test(a_name_becomes_its_addresses),
        lab_test(names_that_fail_say_so),
        lab_test(addresses_are_dialed_as_they_come),
        lab_test(an_address_known_twice_is_one_path),
        lab_test(dnsaddr_leads_to_the_peers_addresses),
        lab_test(traps_end),
        lab_test(answers_are_filtered_as_their_name_would_be),
        lab_test(who_ends_asks_no_more),
        lab_test(a_name_is_asked_for_again_in_its_turn),
        lab_test(a_zone_is_an_interface),
        lab_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
