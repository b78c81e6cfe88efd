/* Who may come in: rates, places for each source, and what a million sources cost. */
#include "swarm/swarm_priv.h"

#include "base/mem.h"
#include "env/timers.h"
#include "format/addr.h"
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
    struct lp2p_env env;
    struct lp2p_timers timers;
    lp2p_ts now;
    struct failmem mem;
    struct lp2p_crypto *crypto;
    struct lp2p_hash_key key;
    struct lp2p_swarm sw;
    struct lp2p_swarm_conn conns[128];
    size_t n_conns;
};

static struct world *world_of(const struct lp2p_env *env)
{
    return LP2P_CONTAINER((struct lp2p_env *)(uintptr_t)env, struct world, env);
}

static lp2p_ts env_now(const struct lp2p_env *env)
{
    return world_of(env)->now;
}

static void env_defer(struct lp2p_env *env, struct lp2p_task *task)
{
    lp2p_timers_defer(&world_of(env)->timers, task);
}

/* All the gate knows of the world. */
static const struct lp2p_env_ops env_ops = {.now = env_now, .defer = env_defer};

static void start_on(struct world *w, const struct lp2p_mem *mem)
{
    memset(&w->sw, 0, sizeof(w->sw));
    w->env.ops = &env_ops;
    w->now = LP2P_SEC(1000);
    w->n_conns = 0;
    lp2p_timers_init(&w->timers, lp2p_mem_default());
    assert_int_equal(lp2p_crypto_new(lp2p_mem_default(), &w->crypto), 0);
    w->key = (struct lp2p_hash_key){.crypto = w->crypto, .key = {7}};
    w->sw.cfg = (struct lp2p_swarm_cfg){
        .env = &w->env,
        .mem = mem,
        .hash = &w->key,
        .limits = *lp2p_limits_profile("desktop"),
    };
    lp2p_series_init(&w->sw.conns);
    swarm_gate_init(&w->sw);
}

static void start(struct world *w)
{
    failmem_init(&w->mem, 0, false);
    start_on(w, &w->mem.mem);
}

static void end(struct world *w)
{
    swarm_gate_fini(&w->sw);
    lp2p_timers_fini(&w->timers);
    lp2p_crypto_free(w->crypto);
    failmem_check_empty(&w->mem, "gate");
}

static struct lp2p_multiaddr ip4(uint32_t n)
{
    struct lp2p_endpoint e = lp2p_endpoint_ip4((uint8_t)(n >> 24), (uint8_t)(n >> 16),
                                               (uint8_t)(n >> 8), (uint8_t)n, 4001);
    struct lp2p_multiaddr addr;
    lp2p_addr_from_endpoint(&e, LP2P_MA_TCP, &addr);
    return addr;
}

static struct lp2p_multiaddr parse(const char *text)
{
    struct lp2p_multiaddr addr;
    assert_int_equal(lp2p_multiaddr_parse(text, strlen(text), &addr), 0);
    return addr;
}

static int enter(struct world *w, const char *text, struct swarm_source **ret)
{
    struct lp2p_multiaddr addr = parse(text);
    return swarm_gate_enter(&w->sw, &addr, ret);
}

/* How many of `tries` come in when each is gone again at once, unauthenticated. */
static unsigned visits(struct world *w, const char *text, unsigned tries)
{
    unsigned in = 0;
    for (unsigned i = 0; i < tries; i++) {
        struct swarm_source *src;
        int err = enter(w, text, &src);
        if (err == 0) {
            swarm_gate_leave(&w->sw, src, false);
            in++;
        } else {
            assert_int_equal(err, -LP2P_E_LIMIT);
        }
    }
    return in;
}

/* One that stays: as an unauthenticated connection of the swarm. */
static int stay(struct world *w, const char *text, struct lp2p_swarm_conn **ret)
{
    struct swarm_source *src;
    LP2P_TRY(enter(w, text, &src));
    struct lp2p_swarm_conn *c = &w->conns[w->n_conns++];
    *c = (struct lp2p_swarm_conn){.sw = &w->sw, .state = SWARM_CONN_UPGRADING, .source = src};
    lp2p_series_add(&w->sw.conns, &c->node);
    *ret = c;
    return 0;
}

/* ---- rates ---- */

static void a_public_address_has_a_burst_and_a_trickle(void **state)
{
    (void)state;
    static struct world w;
    start(&w);
    assert_int_equal(visits(&w, "/ip4/8.8.8.8/tcp/1", 100), 16);
    assert_int_equal(visits(&w, "/ip4/8.8.8.8/tcp/2", 100), 0); /* the port is no new source */
    assert_int_equal(visits(&w, "/ip4/8.8.8.9/tcp/1", 100), 16);
    w.now += LP2P_SEC(5) - LP2P_MSEC(1);
    assert_int_equal(visits(&w, "/ip4/8.8.8.8/tcp/1", 100), 0);
    w.now += LP2P_MSEC(1);
    assert_int_equal(visits(&w, "/ip4/8.8.8.8/tcp/1", 100), 1);
    w.now += LP2P_SEC(50);
    assert_int_equal(visits(&w, "/ip4/8.8.8.8/tcp/1", 100), 10);
    /* However long it was quiet, there is one burst. */
    w.now += LP2P_SEC(86400) * 365;
    assert_int_equal(visits(&w, "/ip4/8.8.8.8/tcp/1", 100), 16);
    assert_int_equal(visits(&w, "/ip4/8.8.8.8/tcp/1", 100), 0);
    end(&w);
}

static void near_addresses_have_more(void **state)
{
    (void)state;
    static struct world w;
    static const char *const near[] = {
        "/ip4/192.168.1.2/tcp/1", "/ip4/10.1.2.3/tcp/1", "/ip4/127.0.0.1/tcp/1",
        "/ip4/169.254.9.9/tcp/1", "/ip6/::1/tcp/1",      "/ip6/fe80::1/tcp/1",
        "/ip6/fd00::1/tcp/1",     "/memory/1",
    };
    start(&w);
    for (size_t i = 0; i < LP2P_COUNT(near); i++) {
        assert_int_equal(visits(&w, near[i], 100), 64);
    }
    w.now += LP2P_MSEC(100);
    assert_int_equal(visits(&w, near[0], 100), 1);
    w.now += LP2P_SEC(1);
    assert_int_equal(visits(&w, near[0], 100), 10);
    end(&w);
}

static void asking_often_does_not_stop_the_trickle(void **state)
{
    (void)state;
    static struct world w;
    start(&w);
    assert_int_equal(visits(&w, "/ip4/8.8.8.8/tcp/1", 16), 16);
    unsigned in = 0;
    for (unsigned ms = 0; ms < 100000; ms++) {
        w.now += LP2P_MSEC(1);
        in += visits(&w, "/ip4/8.8.8.8/tcp/1", 1);
    }
    assert_int_equal(in, 20);
    end(&w);
}

static void who_authenticates_gets_the_token_back(void **state)
{
    (void)state;
    static struct world w;
    start(&w);
    for (unsigned i = 0; i < 10000; i++) {
        struct swarm_source *src;
        assert_int_equal(enter(&w, "/ip4/8.8.8.8/tcp/1", &src), 0);
        swarm_gate_leave(&w.sw, src, true);
    }
    /* And not more than that. */
    assert_int_equal(visits(&w, "/ip4/8.8.8.8/tcp/1", 100), 16);
    end(&w);
}

static void ip6_is_judged_by_household(void **state)
{
    (void)state;
    static struct world w;
    start(&w);
    assert_int_equal(visits(&w, "/ip6/2a00:1:2:3400::1/tcp/1", 10), 10);
    assert_int_equal(visits(&w, "/ip6/2a00:1:2:34ff:9::1/tcp/1", 10), 6);
    assert_int_equal(visits(&w, "/ip6/2a00:1:2:3500::1/tcp/1", 20), 16);
    /* Neighbours are no household. */
    assert_int_equal(visits(&w, "/ip6/fe80::1/tcp/1", 100), 64);
    assert_int_equal(visits(&w, "/ip6/fe80::2/tcp/1", 100), 64);
    assert_int_equal(visits(&w, "/ip6/fd00::1/tcp/1", 100), 64);
    assert_int_equal(visits(&w, "/ip6/fd00::2/tcp/1", 100), 64);
    end(&w);
}

/* ---- places ---- */

static void a_source_has_its_places_and_no_more(void **state)
{
    (void)state;
    static struct world w;
    struct swarm_source *src[32];
    start(&w);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(enter(&w, "/ip4/8.8.8.8/tcp/1", &src[i]), 0);
    }
    assert_int_equal(enter(&w, "/ip4/8.8.8.8/tcp/1", &src[4]), -LP2P_E_LIMIT);
    for (unsigned i = 4; i < 20; i++) {
        assert_int_equal(enter(&w, "/ip4/10.0.0.1/tcp/1", &src[i]), 0);
    }
    assert_int_equal(enter(&w, "/ip4/10.0.0.1/tcp/1", &src[20]), -LP2P_E_LIMIT);
    /* Being refused costs no token, and a place that is free again is free. */
    swarm_gate_leave(&w.sw, src[0], false);
    assert_int_equal(enter(&w, "/ip4/8.8.8.8/tcp/1", &src[0]), 0);
    assert_int_equal(w.sw.gate.pending, 20);
    for (unsigned i = 0; i < 20; i++) {
        swarm_gate_leave(&w.sw, src[i], i % 2 == 0);
    }
    assert_int_equal(w.sw.gate.pending, 0);
    end(&w);
}

static void when_it_is_full_the_oldest_of_the_busiest_gives_way(void **state)
{
    (void)state;
    static struct world w;
    struct lp2p_swarm_conn *c, *quiet, *busy[4];
    char text[64];
    start(&w);
    assert_int_equal(stay(&w, "/ip4/9.9.9.9/tcp/1", &quiet), 0); /* older than all */
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(stay(&w, "/ip4/8.8.8.8/tcp/1", &busy[i]), 0);
    }
    for (unsigned i = 0; i < 59; i++) {
        snprintf(text, sizeof(text), "/ip4/7.7.7.%u/tcp/1", i);
        assert_int_equal(stay(&w, text, &c), 0);
    }
    assert_int_equal(w.sw.gate.pending, w.sw.cfg.limits.pending_in);
    for (unsigned i = 0; i < 3; i++) {
        snprintf(text, sizeof(text), "/ip4/6.6.6.%u/tcp/1", i);
        assert_int_equal(stay(&w, text, &c), 0);
        assert_int_equal(w.sw.gate.pending, w.sw.cfg.limits.pending_in);
        assert_int_equal(busy[i]->state, SWARM_CONN_DOOMED);
        assert_int_equal(busy[i]->failure.code, -LP2P_E_LIMIT);
        assert_null(busy[i]->source);
        assert_int_equal(busy[i + 1]->state, SWARM_CONN_UPGRADING);
        assert_int_equal(quiet->state, SWARM_CONN_UPGRADING);
    }
    /* 64 addresses with one each: still somebody makes room, and it is not the newcomer. */
    assert_int_equal(stay(&w, "/ip4/5.5.5.5/tcp/1", &c), 0);
    assert_int_equal(c->state, SWARM_CONN_UPGRADING);
    assert_int_equal(w.sw.gate.pending, w.sw.cfg.limits.pending_in);
    for (size_t i = 0; i < w.n_conns; i++) {
        if (w.conns[i].source != NULL) {
            swarm_gate_leave(&w.sw, w.conns[i].source, false);
        }
    }
    assert_int_equal(w.sw.gate.pending, 0);
    end(&w);
}

/* ---- a million sources ---- */

static void a_million_sources_stay_at_the_cap(void **state)
{
    (void)state;
    static struct world w;
    struct lp2p_swarm_conn *held;
    start(&w);
    assert_int_equal(stay(&w, "/ip4/9.9.9.9/tcp/1", &held), 0);
    assert_int_equal(visits(&w, "/ip4/9.9.9.9/tcp/1", 100), 15);
    size_t most = 0;
    for (uint32_t n = 0; n < MANY; n++) {
        struct lp2p_multiaddr addr = ip4(0x20000000U + n);
        struct swarm_source *src;
        assert_int_equal(swarm_gate_enter(&w.sw, &addr, &src), 0);
        swarm_gate_leave(&w.sw, src, false);
        most = n == 2 * SWARM_MAX_SOURCES ? w.mem.bytes : most;
    }
    assert_int_equal(w.sw.gate.by_key.len, SWARM_MAX_SOURCES);
    assert_true(w.mem.bytes <= most);
    /* Whoever has a connection here keeps his account. */
    assert_int_equal(visits(&w, "/ip4/9.9.9.9/tcp/1", 100), 0);
    swarm_gate_leave(&w.sw, held->source, false);
    end(&w);
}

static void with_every_account_in_use_the_newcomer_is_refused(void **state)
{
    (void)state;
    static struct world w;
    static struct swarm_source *src[SWARM_MAX_SOURCES];
    start(&w);
    w.sw.cfg.limits.pending_in = 2 * SWARM_MAX_SOURCES;
    for (uint32_t n = 0; n < SWARM_MAX_SOURCES; n++) {
        struct lp2p_multiaddr addr = ip4(0x20000000U + n);
        assert_int_equal(swarm_gate_enter(&w.sw, &addr, &src[n]), 0);
    }
    struct swarm_source *none = NULL;
    assert_int_equal(enter(&w, "/ip4/9.9.9.9/tcp/1", &none), -LP2P_E_LIMIT);
    assert_null(none);
    assert_int_equal(w.sw.gate.pending, SWARM_MAX_SOURCES);
    for (uint32_t n = 0; n < SWARM_MAX_SOURCES; n++) {
        swarm_gate_leave(&w.sw, src[n], false);
    }
    assert_int_equal(visits(&w, "/ip4/9.9.9.9/tcp/1", 1), 1);
    end(&w);
}

static int scenario(const struct lp2p_mem *mem, void *ctx)
{
    struct world *w = ctx;
    int err = 0;
    start_on(w, mem);
    for (uint32_t n = 0; n < 40 && err == 0; n++) {
        struct lp2p_multiaddr addr = ip4(0x20000000U + n);
        struct swarm_source *src;
        err = swarm_gate_enter(&w->sw, &addr, &src);
        if (err == 0) {
            swarm_gate_leave(&w->sw, src, false);
        }
        assert_int_equal(w->sw.gate.pending, 0);
    }
    swarm_gate_fini(&w->sw);
    lp2p_timers_fini(&w->timers);
    lp2p_crypto_free(w->crypto);
    return err;
}

static void each_failed_allocation_is_a_refusal(void **state)
{
    (void)state;
    static struct world w;
    assert_true(failmem_each(scenario, &w) > 40);
}

static int init(void **state)
{
    (void)state;
    return lp2p_crypto_init();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_public_address_has_a_burst_and_a_trickle),
        cmocka_unit_test(near_addresses_have_more),
        cmocka_unit_test(asking_often_does_not_stop_the_trickle),
        cmocka_unit_test(who_authenticates_gets_the_token_back),
        cmocka_unit_test(ip6_is_judged_by_household),
        cmocka_unit_test(a_source_has_its_places_and_no_more),
        cmocka_unit_test(when_it_is_full_the_oldest_of_the_busiest_gives_way),
        cmocka_unit_test(a_million_sources_stay_at_the_cap),
        cmocka_unit_test(with_every_account_in_use_the_newcomer_is_refused),
        cmocka_unit_test(each_failed_allocation_is_a_refusal),
    };
    return cmocka_run_group_tests(tests, init, NULL);
}
