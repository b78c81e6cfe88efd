/* What the tests of conn/upgrade share: the real crypto, a pair, and short words for it. */
#ifndef LP2P_TESTS_CONN_RIG_H
#define LP2P_TESTS_CONN_RIG_H

#include <stdlib.h>

#include "base/assert.h"
#include "base/mem.h"
#include "cmocka_all.h"
#include "pair.h"

/* One table an end: it has one sealed message open at a time. */
static struct lp2p_crypto *rig_crypto;
static struct lp2p_crypto *rig_crypto_b;

static inline int rig_setup(void **state)
{
    (void)state;
    const struct lp2p_mem *mem = lp2p_mem_default();
    assert_int_equal(lp2p_crypto_init(), 0);
    assert_int_equal(lp2p_crypto_new(mem, &rig_crypto), 0);
    assert_int_equal(lp2p_crypto_new(mem, &rig_crypto_b), 0);
    return 0;
}

static inline int rig_teardown(void **state)
{
    (void)state;
    lp2p_crypto_free(rig_crypto);
    lp2p_crypto_free(rig_crypto_b);
    return 0;
}

static inline struct lp2p_conn_stream *rig_open_stream(struct end *e)
{
    struct lp2p_conn_stream *s;
    assert_int_equal(e->c->ops->open(e->c, &s), 0);
    return s;
}

/* All of it at once. */
static inline void rig_write(struct end *e, struct lp2p_conn_stream *s, const void *p, size_t n)
{
    size_t done = 0;
    assert_int_equal(e->c->ops->write(e->c, e->now, s, lp2p_span(p, n), &done), 0);
    assert_int_equal(done, n);
}

/* The events so far must be these; they are forgotten. */
static inline void rig_expect(struct end *e, const char *events)
{
    engine_log_event(&e->log, ".");
    assert_string_equal(e->log.text, events);
    free(e->log.text);
    e->log = (struct engine_log){.text = NULL};
}

static inline void rig_forget(struct end *e)
{
    free(e->log.text);
    e->log = (struct engine_log){.text = NULL};
}

/* A pair that is up, all said and all blocks back. */
static inline struct pair *rig_up(void)
{
    struct pair *p = malloc(sizeof(*p));
    assert_non_null(p);
    pair_init(p, rig_crypto, rig_crypto_b);
    pair_open(p);
    pair_run(p);
    assert_true(p->a.up && p->b.up);
    rig_forget(&p->a);
    rig_forget(&p->b);
    return p;
}

static inline void rig_down(struct pair *p)
{
    pair_fini(p);
    free(p);
}

#endif
