/* The simulator's name servers. */
#include "env/sim/sim.h"

#include "cmocka_all.h"

#include "base/assert.h"

struct asker {
    struct lp2p_query q;
    unsigned told;
    int err;
    size_t n;
    char text[16];
};

static void asker_done(void *ctx, int err, const struct lp2p_answer *answers, size_t n)
{
    struct asker *a = ctx;
    a->told++;
    a->err = err;
    a->n = n;
    if (n > 0 && answers[0].text.n > 0) {
        memcpy(a->text, answers[0].text.p, LP2P_MIN(answers[0].text.n, sizeof(a->text) - 1));
    }
}

static void ask(struct lp2p_env *env, struct asker *a, enum lp2p_query_type type, const char *name)
{
    *a = (struct asker){.q = {.done = asker_done, .ctx = a}};
    assert_int_equal(env->ops->resolve(env, &a->q, type, name), 0);
}

static void names_are_answered_from_a_table(void **state)
{
    (void)state;
    struct lp2p_sim *sim;
    struct lp2p_env *env;
    assert_int_equal(lp2p_sim_new(lp2p_mem_default(), 1, &sim), 0);
    assert_int_equal(lp2p_sim_machine(sim, "a", &env), 0);
    struct lp2p_sim_record rows[] = {
        {.name = "x.test", .type = LP2P_QUERY_A, .addr = lp2p_endpoint_ip4(10, 0, 0, 1, 0)},
        {.name = "x.test", .type = LP2P_QUERY_A, .delay = LP2P_MSEC(500)},
        {.name = "x.test", .type = LP2P_QUERY_TXT, .text = "hello"},
        {.name = "down.test", .type = LP2P_QUERY_A, .err = -LP2P_E_IO},
        {.name = "late.test", .type = LP2P_QUERY_A, .delay = LP2P_SEC(4)},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(lp2p_sim_record(sim, &rows[i]), 0);
    }
    struct asker a, b, c, d, e, f;
    ask(env, &a, LP2P_QUERY_A, "X.test.");
    ask(env, &b, LP2P_QUERY_TXT, "x.test");
    ask(env, &c, LP2P_QUERY_A, "down.test");
    ask(env, &d, LP2P_QUERY_A, "late.test");
    ask(env, &e, LP2P_QUERY_AAAA, "x.test");
    ask(env, &f, LP2P_QUERY_A, "x.test");
    env->ops->resolve_cancel(&f.q);
    env->ops->resolve_cancel(&f.q);
    assert_int_equal(lp2p_sim_questions(sim), 6);
    lp2p_sim_run(sim, lp2p_sim_now(sim) + LP2P_MSEC(100));
    assert_true(a.told == 0 && b.told == 1 && b.err == 0 && c.err == -LP2P_E_IO);
    assert_string_equal(b.text, "hello");
    assert_int_equal(e.err, -LP2P_E_NOT_FOUND);
    lp2p_sim_run(sim, lp2p_sim_now(sim) + LP2P_SEC(1));
    assert_true(a.told == 1 && a.err == 0 && a.n == 2 && d.told == 0);
    lp2p_sim_run(sim, lp2p_sim_now(sim) + LP2P_SEC(3));
    assert_true(d.told == 1 && d.err == -LP2P_E_TIMEOUT && f.told == 0);
    assert_int_equal(env->ops->resolve(env, &f.q, LP2P_QUERY_A, "a..b"), -LP2P_E_NOT_FOUND);
    lp2p_env_free(env);
    lp2p_sim_free(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_answered_from_a_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
