/* What is known of peers stays within its limits, and the right ones give way (SECURITY C4). */
#include "swarm/peerstore.h"

#include "base/assert.h"
#include "base/mem.h"
#include "base/text.h"
#include "crypto/crypto.h"
#include "harness/failmem.h"

#include "cmocka_all.h"

#include <stdio.h>

/* A million; a sanitizer makes each allocation ten times as slow and needs no more to see. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MANY 100000U
#endif
#endif
#ifndef MANY
#define MANY 1000000U
#endif

struct world {
    struct failmem mem;
    struct lp2p_crypto *crypto;
    struct lp2p_hash_key key;
    struct lp2p_limits limits;
    struct lp2p_peerstore ps;
};

static void start_on(struct world *w, const struct lp2p_mem *mem)
{
    assert_int_equal(lp2p_crypto_new(lp2p_mem_default(), &w->crypto), 0);
    w->key = (struct lp2p_hash_key){.crypto = w->crypto, .key = {7}};
    w->limits = *lp2p_limits_profile("desktop");
    lp2p_peerstore_init(&w->ps, mem, lp2p_hasher(&w->key), &w->limits);
}

static void start(struct world *w)
{
    failmem_init(&w->mem, 0, false);
    start_on(w, &w->mem.mem);
}

static void end(struct world *w)
{
    lp2p_peerstore_fini(&w->ps);
    lp2p_crypto_free(w->crypto);
    failmem_check_empty(&w->mem, "peer store");
}

static struct lp2p_peer_id id_of(uint32_t n)
{
    struct lp2p_peer_id id = {.len = 38};
    memcpy(id.bytes, &n, sizeof(n));
    return id;
}

static struct lp2p_multiaddr addr_of(uint32_t n)
{
    char text[64];
    struct lp2p_multiaddr addr;
    int len = snprintf(text, sizeof(text), "/ip4/10.%u.%u.%u/tcp/4001", n >> 16 & 255U,
                       n >> 8 & 255U, n & 255U);
    assert_int_equal(lp2p_multiaddr_parse(text, (size_t)len, &addr), 0);
    return addr;
}

static struct lp2p_peer *get(struct world *w, uint32_t n)
{
    struct lp2p_peer_id id = id_of(n);
    struct lp2p_peer *p = NULL;
    assert_int_equal(lp2p_peerstore_get(&w->ps, &id, n, &p), 0);
    assert_true(lp2p_peer_id_eq(&p->id, &id));
    return p;
}

static bool has(struct world *w, uint32_t n)
{
    struct lp2p_peer_id id = id_of(n);
    return lp2p_peerstore_find(&w->ps, &id) != NULL;
}

static void add(struct world *w, struct lp2p_peer *p, uint32_t n, enum lp2p_addr_source source,
                lp2p_ts expires)
{
    struct lp2p_multiaddr addr = addr_of(n);
    struct lp2p_peer_addr how = {.source = source, .expires = expires};
    assert_int_equal(lp2p_peer_add_addr(&w->ps, p, &addr, &how), 0);
}

static bool has_addr(const struct lp2p_peer *p, uint32_t n)
{
    struct lp2p_multiaddr addr = addr_of(n);
    lp2p_list_each (it, &p->addrs) {
        const struct lp2p_peer_addr *a = LP2P_CONTAINER(it, struct lp2p_peer_addr, node);
        if (a->len == addr.len && memcmp(a->bytes, addr.bytes, a->len) == 0) {
            return true;
        }
    }
    return false;
}

static struct lp2p_span text(const char *s)
{
    return lp2p_span((const uint8_t *)s, strlen(s));
}

static void identify(struct world *w, struct lp2p_peer *p)
{
    struct lp2p_span protocols[] = {text("/ipfs/id/1.0.0"), text("/ipfs/ping/1.0.0")};
    assert_int_equal(lp2p_peer_set_identity(&w->ps, p, text("agent/1"), protocols, 2), 0);
}

/* ---- who fills a list ---- */

static void tell(struct world *w, struct lp2p_peer *p, uint32_t n, uint8_t from)
{
    struct lp2p_multiaddr addr = addr_of(n);
    struct lp2p_peer_addr how = {.source = LP2P_ADDR_MDNS,
                                 .ifindex = 1,
                                 .from = lp2p_endpoint_ip4(10, 0, 0, from, 5353),
                                 .expires = 1000 + n};
    assert_int_equal(lp2p_peer_add_addr(&w->ps, p, &addr, &how), 0);
}

/* Whatever others say of a peer, what it said itself stays: it is the smaller part. */
static void no_sender_fills_a_list_alone(void **state)
{
    (void)state;
    static struct world w;
    start(&w);
    struct lp2p_peer *p = get(&w, 1);
    tell(&w, p, 1, 7);
    tell(&w, p, 2, 7);
    tell(&w, p, 3, 7);
    tell(&w, p, 4, 7);
    for (uint32_t n = 100; n < 1000; n++) {
        tell(&w, p, n, n % 3 == 0 ? 8 : 9);
    }
    assert_int_equal(p->n_addrs, w.limits.addrs_per_peer);
    for (uint32_t n = 1; n <= 4; n++) {
        assert_true(has_addr(p, n));
    }
    /* Alone it may fill it. */
    struct lp2p_peer *alone = get(&w, 2);
    for (uint32_t n = 1; n <= w.limits.addrs_per_peer; n++) {
        tell(&w, alone, n, 7);
    }
    assert_int_equal(alone->n_addrs, w.limits.addrs_per_peer);
    end(&w);
}

/* ---- a million ---- */

static void a_million_strangers_stay_at_the_cap_and_push_out_no_one_else(void **state)
{
    (void)state;
    static struct world w;
    start(&w);
    for (uint32_t n = 0; n < 30; n++) {
        struct lp2p_peer *p = get(&w, n);
        p->conns = n < 10;
        p->pinned = n >= 10 && n < 20;
        if (n >= 20) {
            identify(&w, p);
        }
    }
    size_t most = 0;
    for (uint32_t n = 30; n < MANY; n++) {
        add(&w, get(&w, n), n, LP2P_ADDR_MDNS, LP2P_SEC(n));
        assert_true(w.ps.by_id.len <= w.limits.peers);
        most = n == 2 * w.limits.peers ? w.mem.bytes : most;
    }
    assert_int_equal(w.ps.by_id.len, w.limits.peers);
    /* What the cap costs is reached at once and is all. */
    assert_true(w.mem.bytes <= most);
    for (uint32_t n = 0; n < 30; n++) {
        assert_true(has(&w, n));
    }
    assert_true(has(&w, MANY - 1));
    assert_true(has(&w, MANY - (w.limits.peers - 30)));
    assert_false(has(&w, MANY - (w.limits.peers - 30) - 1));
    end(&w);
}

static void a_million_identified_peers_push_out_the_one_not_used_for_longest(void **state)
{
    (void)state;
    static struct world w;
    start(&w);
    for (uint32_t n = 0; n < 20; n++) {
        struct lp2p_peer *p = get(&w, n);
        identify(&w, p);
        p->conns = n < 10;
        p->pinned = n >= 10;
    }
    for (uint32_t n = 20; n < MANY; n++) {
        identify(&w, get(&w, n));
    }
    assert_int_equal(w.ps.by_id.len, w.limits.peers);
    for (uint32_t n = 0; n < 20; n++) {
        assert_true(has(&w, n));
    }
    uint32_t oldest = MANY - (w.limits.peers - 20);
    assert_true(has(&w, oldest));
    assert_false(has(&w, oldest - 1));
    /* Being asked for is being used. */
    get(&w, oldest);
    get(&w, MANY);
    assert_true(has(&w, oldest));
    assert_false(has(&w, oldest + 1));
    end(&w);
}

static void when_nobody_can_give_way_the_new_one_is_not_taken(void **state)
{
    (void)state;
    static struct world w;
    start(&w);
    for (uint32_t n = 0; n < w.limits.peers; n++) {
        struct lp2p_peer *p = get(&w, n);
        p->conns = n % 2;
        p->pinned = n % 2 == 0;
    }
    struct lp2p_peer_id id = id_of(MANY);
    struct lp2p_peer *p = NULL;
    size_t bytes = w.mem.bytes;
    assert_int_equal(lp2p_peerstore_get(&w.ps, &id, 0, &p), -LP2P_E_LIMIT);
    assert_null(p);
    assert_int_equal(w.mem.bytes, bytes);
    get(&w, 500)->pinned = false;
    assert_int_equal(lp2p_peerstore_get(&w.ps, &id, 0, &p), 0);
    assert_false(has(&w, 500));
    end(&w);
}

/* ---- addresses ---- */

static void a_million_addresses_of_a_peer_stay_at_the_cap(void **state)
{
    (void)state;
    static struct world w;
    start(&w);
    struct lp2p_peer *p = get(&w, 1);
    size_t most = 0;
    for (uint32_t n = 0; n < MANY; n++) {
        add(&w, p, n, LP2P_ADDR_MDNS, LP2P_SEC(100) + n);
        assert_true(p->n_addrs <= w.limits.addrs_per_peer);
        most = n == 100 ? w.mem.bytes : most;
    }
    assert_true(w.mem.bytes <= most);
    for (uint32_t n = 0; n < w.limits.addrs_per_peer; n++) {
        assert_true(has_addr(p, MANY - 1 - n));
    }
    end(&w);
}

static void an_address_that_comes_again_is_renewed_not_doubled(void **state)
{
    (void)state;
    static struct world w;
    start(&w);
    struct lp2p_peer *p = get(&w, 1);
    for (uint32_t n = 0; n < 100; n++) {
        add(&w, p, 5, LP2P_ADDR_MDNS, LP2P_SEC(n + 1));
    }
    assert_int_equal(p->n_addrs, 1);
    assert_int_equal(lp2p_peerstore_deadline(&w.ps), LP2P_SEC(100));
    /* From another source it is another hint: each has its own life and rules. */
    add(&w, p, 5, LP2P_ADDR_PEER, LP2P_TS_NEVER);
    assert_int_equal(p->n_addrs, 2);
    lp2p_peer_drop_addrs(&w.ps, p, LP2P_ADDR_MDNS);
    assert_int_equal(p->n_addrs, 1);
    assert_true(has_addr(p, 5));
    lp2p_peer_drop_addrs(&w.ps, p, LP2P_ADDR_PEER);
    assert_int_equal(p->n_addrs, 0);
    end(&w);
}

static void a_full_list_drops_what_expires_first(void **state)
{
    (void)state;
    static struct world w;
    start(&w);
    struct lp2p_peer *p = get(&w, 1);
    for (uint32_t n = 0; n < w.limits.addrs_per_peer; n++) {
        add(&w, p, n, LP2P_ADDR_MDNS, LP2P_SEC(n == 7 ? 1 : 50 + n));
    }
    add(&w, p, 100, LP2P_ADDR_MDNS, LP2P_SEC(200));
    assert_false(has_addr(p, 7));
    assert_true(has_addr(p, 0));
    assert_true(has_addr(p, 100));
    end(&w);
}

static void what_a_peer_claims_does_not_push_out_what_worked(void **state)
{
    (void)state;
    static struct world w;
    start(&w);
    struct lp2p_peer *p = get(&w, 1);
    add(&w, p, 1000, LP2P_ADDR_REMEMBERED, LP2P_TS_NEVER);
    for (uint32_t n = 0; n < 64; n++) {
        add(&w, p, n, LP2P_ADDR_PEER, LP2P_TS_NEVER);
        add(&w, p, 100 + n, LP2P_ADDR_MDNS, LP2P_SEC(100));
    }
    assert_int_equal(p->n_addrs, w.limits.addrs_per_peer);
    assert_true(has_addr(p, 1000));
    /* Among those that worked the oldest goes. */
    for (uint32_t n = 0; n < w.limits.addrs_per_peer; n++) {
        add(&w, p, 2000 + n, LP2P_ADDR_REMEMBERED, LP2P_TS_NEVER);
    }
    assert_false(has_addr(p, 1000));
    assert_true(has_addr(p, 2000));
    end(&w);
}

static void a_source_is_renewed_as_a_whole(void **state)
{
    (void)state;
    static struct world w;
    start(&w);
    struct lp2p_peer *p = get(&w, 1);
    struct lp2p_multiaddr one = addr_of(1), two = addr_of(2);
    struct lp2p_peer_addr told = {.source = LP2P_ADDR_PEER, .expires = LP2P_TS_NEVER};
    struct lp2p_peer_addr worked = {.source = LP2P_ADDR_REMEMBERED, .expires = LP2P_TS_NEVER};
    assert_false(lp2p_peer_has_addrs(p, LP2P_ADDR_PEER));
    assert_int_equal(lp2p_peer_add_addr(&w.ps, p, &one, &worked), 0);
    assert_false(lp2p_peer_has_addrs(p, LP2P_ADDR_PEER));
    assert_int_equal(lp2p_peer_add_addr(&w.ps, p, &two, &told), 0);
    assert_true(lp2p_peer_has_addrs(p, LP2P_ADDR_PEER));
    lp2p_peer_renew_addrs(p, LP2P_ADDR_PEER, 50);
    assert_int_equal(lp2p_peerstore_deadline(&w.ps), 50);
    lp2p_peerstore_expire(&w.ps, 50);
    assert_false(lp2p_peer_has_addrs(p, LP2P_ADDR_PEER));
    assert_true(lp2p_peer_has_addrs(p, LP2P_ADDR_REMEMBERED));
    end(&w);
}

/* ---- identity ---- */

static void a_new_identity_replaces_the_old_one(void **state)
{
    (void)state;
    static struct world w;
    static struct lp2p_span many[1000];
    start(&w);
    struct lp2p_peer *p = get(&w, 1);
    for (size_t i = 0; i < LP2P_COUNT(many); i++) {
        many[i] = text("/x/1");
    }
    size_t bytes = 0;
    for (int i = 0; i < 100; i++) {
        assert_int_equal(lp2p_peer_set_identity(&w.ps, p, text("a"), many, 1000), 0);
        bytes = i == 0 ? w.mem.bytes : bytes;
        assert_int_equal(w.mem.bytes, bytes);
        assert_int_equal(p->n_protocols, w.limits.protocols_per_peer);
    }
    identify(&w, p);
    assert_int_equal(p->n_protocols, 2);
    assert_string_equal(p->agent, "agent/1");
    assert_string_equal(p->protocols[1], "/ipfs/ping/1.0.0");
    assert_int_equal(lp2p_peer_set_identity(&w.ps, p, text(""), NULL, 0), 0);
    assert_int_equal(p->n_protocols, 0);
    assert_string_equal(p->agent, "");
    end(&w);
}

static void strings_are_cleaned_and_cut(void **state)
{
    (void)state;
    static struct world w;
    static uint8_t bytes[4][300];
    start(&w);
    struct lp2p_peer *p = get(&w, 1);
    memset(bytes[0], 'x', sizeof(bytes[0]));
    memcpy(bytes[1], "a\x1b[2Jb\r\n\0c\xff\xe2\x80\xae", 14); /* escape, NUL, malformed, RLO */
    for (size_t i = 1; i + 2 <= sizeof(bytes[2]); i += 2) {
        memcpy(bytes[2] + i, "\xc3\xa9", 2); /* 128 falls into a character */
    }
    bytes[2][0] = 'x';
    memset(bytes[3], 0x80, sizeof(bytes[3]));
    struct lp2p_span protocols[] = {
        lp2p_span(bytes[0], sizeof(bytes[0])),
        lp2p_span(bytes[1], 14),
        lp2p_span(bytes[2], 299),
        lp2p_span(bytes[3], sizeof(bytes[3])),
    };
    for (size_t i = 0; i < LP2P_COUNT(protocols); i++) {
        assert_int_equal(lp2p_peer_set_identity(&w.ps, p, protocols[i], protocols, 4), 0);
        assert_string_equal(p->agent, p->protocols[i]);
        assert_true(strlen(p->agent) <= LP2P_PEER_AGENT_MAX);
        assert_true(lp2p_text_is_utf8(text(p->agent)));
        for (const char *c = p->agent; *c != '\0'; c++) {
            assert_true((unsigned char)*c >= 0x20 && *c != 0x7f);
        }
    }
    assert_int_equal(strlen(p->protocols[0]), LP2P_PEER_PROTOCOL_MAX);
    assert_string_equal(p->protocols[1], "a?[2Jb???c??");
    assert_int_equal(strlen(p->protocols[2]), 127);
    end(&w);
}

/* ---- expiry ---- */

static void what_expired_goes_and_what_matters_stays(void **state)
{
    (void)state;
    static struct world w;
    start(&w);
    assert_int_equal(lp2p_peerstore_deadline(&w.ps), LP2P_TS_NEVER);
    for (uint32_t n = 0; n < 4; n++) {
        struct lp2p_peer *p = get(&w, n);
        p->discovered = true;
        p->discovery_expires = LP2P_SEC(20);
        add(&w, p, n, LP2P_ADDR_MDNS, LP2P_SEC(10));
    }
    get(&w, 1)->conns = 1;
    get(&w, 2)->pinned = true;
    identify(&w, get(&w, 3));
    assert_int_equal(lp2p_peerstore_deadline(&w.ps), LP2P_SEC(10));
    assert_false(lp2p_peerstore_expire(&w.ps, LP2P_SEC(10) - 1));
    assert_int_equal(get(&w, 0)->n_addrs, 1);
    assert_false(lp2p_peerstore_expire(&w.ps, LP2P_SEC(10)));
    for (uint32_t n = 0; n < 4; n++) {
        assert_int_equal(get(&w, n)->n_addrs, 0);
        assert_true(get(&w, n)->discovered);
    }
    assert_int_equal(lp2p_peerstore_deadline(&w.ps), LP2P_SEC(20));
    assert_true(lp2p_peerstore_expire(&w.ps, LP2P_SEC(20)));
    assert_false(has(&w, 0));
    for (uint32_t n = 1; n < 4; n++) {
        assert_true(has(&w, n));
        assert_false(get(&w, n)->discovered);
    }
    assert_int_equal(lp2p_peerstore_deadline(&w.ps), LP2P_TS_NEVER);
    assert_false(lp2p_peerstore_expire(&w.ps, LP2P_SEC(20)));
    /* The last reason is gone. */
    get(&w, 1)->conns = 0;
    get(&w, 2)->pinned = false;
    assert_false(lp2p_peerstore_expire(&w.ps, LP2P_SEC(21)));
    assert_false(has(&w, 1));
    assert_false(has(&w, 2));
    assert_true(has(&w, 3));
    end(&w);
}

/* A timer set to `deadline` never comes twice for the same thing. */
static void after_expiry_the_deadline_is_later(void **state)
{
    (void)state;
    static struct world w;
    start(&w);
    uint32_t x = 1;
    for (uint32_t n = 0; n < 2000; n++) {
        x = x * 1664525U + 1013904223U;
        struct lp2p_peer *p = get(&w, x >> 24);
        add(&w, p, x >> 8 & 31U, (enum lp2p_addr_source)(x >> 16 & 3U), LP2P_SEC(n + (x >> 27)));
        p->discovered = (x & 64U) != 0;
        p->discovery_expires = p->discovered ? LP2P_SEC(n + (x >> 26)) : LP2P_TS_NEVER;
        lp2p_ts now = lp2p_peerstore_deadline(&w.ps);
        lp2p_peerstore_expire(&w.ps, now);
        assert_true(lp2p_peerstore_deadline(&w.ps) > now);
    }
    end(&w);
}

/* ---- failed allocations ---- */

static int scenario(const struct lp2p_mem *mem, void *ctx)
{
    struct world *w = ctx;
    int err = 0;
    start_on(w, mem);
    w->limits.peers = w->ps.limits.peers = 3;
    for (uint32_t n = 0; n < 6 && err == 0; n++) {
        struct lp2p_peer_id id = id_of(n);
        struct lp2p_peer *p = NULL;
        struct lp2p_multiaddr addr = addr_of(n);
        struct lp2p_peer_addr how = {.source = LP2P_ADDR_MDNS, .expires = 5};
        struct lp2p_span protocols[] = {text("/a/1"), text("/b/1")};
        err = lp2p_peerstore_get(&w->ps, &id, n, &p);
        err = err != 0 ? err : lp2p_peer_add_addr(&w->ps, p, &addr, &how);
        err = err != 0 ? err : lp2p_peer_set_identity(&w->ps, p, text("x"), protocols, 1);
        if (err == 0) {
            err = lp2p_peer_set_identity(&w->ps, p, text("y"), protocols, 2);
            /* All of it or nothing. */
            assert_string_equal(p->agent, err == 0 ? "y" : "x");
            assert_int_equal(p->n_protocols, err == 0 ? 2 : 1);
        }
    }
    lp2p_peerstore_fini(&w->ps);
    lp2p_crypto_free(w->crypto);
    return err;
}

static void each_failed_allocation_leaves_it_whole(void **state)
{
    (void)state;
    static struct world w;
    assert_true(failmem_each(scenario, &w) > 20);
}

static int init(void **state)
{
    (void)state;
    return lp2p_crypto_init();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_sender_fills_a_list_alone),
        cmocka_unit_test(a_million_strangers_stay_at_the_cap_and_push_out_no_one_else),
        cmocka_unit_test(a_million_identified_peers_push_out_the_one_not_used_for_longest),
        cmocka_unit_test(when_nobody_can_give_way_the_new_one_is_not_taken),
        cmocka_unit_test(a_million_addresses_of_a_peer_stay_at_the_cap),
        cmocka_unit_test(an_address_that_comes_again_is_renewed_not_doubled),
        cmocka_unit_test(a_full_list_drops_what_expires_first),
        cmocka_unit_test(what_a_peer_claims_does_not_push_out_what_worked),
        cmocka_unit_test(a_source_is_renewed_as_a_whole),
        cmocka_unit_test(a_new_identity_replaces_the_old_one),
        cmocka_unit_test(strings_are_cleaned_and_cut),
        cmocka_unit_test(what_expired_goes_and_what_matters_stays),
        cmocka_unit_test(after_expiry_the_deadline_is_later),
        cmocka_unit_test(each_failed_allocation_leaves_it_whole),
    };
    return cmocka_run_group_tests(tests, init, NULL);
}
