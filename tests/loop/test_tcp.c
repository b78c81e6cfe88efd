/* Whole connections over real sockets on loopback. */
#include "base/assert.h"
#include "lp2p/env_uv.h"
#include "peer/peer.h"

#include "cmocka_all.h"

#define BULK (100U * 1024U * 1024U)

static void on_timeout(void *ctx, lp2p_ts now)
{
    (void)now;
    *(bool *)ctx = true;
}

/* 100 MiB up on one stream; the other side answers with their hash. */
static void a_hundred_mebibytes_arrive(const char *addr)
{
    struct lp2p_env *env;
    static struct peer a, b;
    assert_int_equal(lp2p_env_uv_new(NULL, NULL, &env), 0);
    assert_int_equal(peer_init(&a, env, lp2p_mem_default(), 1), 0);
    assert_int_equal(peer_init(&b, env, lp2p_mem_default(), 2), 0);
    struct lp2p_multiaddr at;
    assert_int_equal(peer_listen(&a, addr, &at), 0);
    uint8_t *bulk = lp2p_alloc(lp2p_mem_default(), BULK);
    assert_non_null(bulk);
    for (size_t i = 0; i < BULK; i++) {
        bulk[i] = (uint8_t)(i * 2654435761U >> 13);
    }
    bool timed_out = false;
    struct lp2p_timer timer;
    assert_int_equal(env->ops->timer_init(env, &timer, on_timeout, &timed_out), 0);
    lp2p_ts start = lp2p_env_now(env);
    env->ops->timer_set(&timer, start + LP2P_SEC(100));
    struct peer_conn *c;
    assert_int_equal(peer_dial(&b, &at, &a.identity.id, lp2p_span(bulk, BULK), &c), 0);
    while (!c->fin && b.closed == 0 && !timed_out) {
        (void)lp2p_env_uv_drive(env, true);
    }
    lp2p_ts took = lp2p_env_now(env) - start;
    assert_true(peer_conn_is_answered(c));
    print_message("# %s: 100 MiB in %u ms, %u Mbit/s in one thread\n", addr,
                  (unsigned)(took / 1000000), (unsigned)(BULK * 8ULL * 1000 / (took + 1)));
    peer_close(&b, LP2P_SEC(5));
    while ((a.closed == 0 || b.closed == 0) && !timed_out) {
        (void)lp2p_env_uv_drive(env, true);
    }
    assert_int_equal(b.why.code, 0);
    assert_int_equal(a.why.code, -LP2P_E_CLOSED);
    env->ops->timer_fini(&timer);
    lp2p_free(lp2p_mem_default(), bulk);
    peer_fini(&b);
    peer_fini(&a);
    lp2p_env_free(env);
}

static void bulk_over_ip4(void **state)
{
    (void)state;
    a_hundred_mebibytes_arrive("/ip4/127.0.0.1/tcp/0");
}

static void bulk_over_ip6(void **state)
{
    (void)state;
    a_hundred_mebibytes_arrive("/ip6/::1/tcp/0");
}

int main(void)
{
    if (lp2p_crypto_init() != 0) {
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bulk_over_ip4),
        cmocka_unit_test(bulk_over_ip6),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
