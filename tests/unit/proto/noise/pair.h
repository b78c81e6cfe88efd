/* Two ends of a connection, and the table they share. */
#ifndef LP2P_UNIT_NOISE_PAIR_H
#define LP2P_UNIT_NOISE_PAIR_H

#include "base/assert.h"
#include "base/cursor.h"
#include "harness/engine_noise.h"

#include "cmocka_all.h"

static struct lp2p_crypto *crypto;

/* Bytes on their way; grows as tests like. */
struct wire {
    uint8_t p[256 * 1024];
    size_t n;
};

static inline void collect(struct noise_end *from, struct wire *w)
{
    struct lp2p_span out = noise_out(from);
    assert_true(w->n + out.n <= sizeof(w->p));
    if (out.n > 0) {
        memcpy(w->p + w->n, out.p, out.n);
    }
    w->n += out.n;
    noise_out_done(from, out.n);
}

/* Answers and reports everything; returns the last error. */
static inline int deliver(struct noise_end *to, uint8_t *p, size_t n, struct engine_log *log)
{
    size_t at = 0;
    int err = 0;
    for (bool more = true; more && err == 0;) {
        size_t used = 0;
        err = lp2p_noise_recv(&to->e, 0, p + at, n - at, &used);
        at += used;
        more = used > 0;
        enum engine_pull pull;
        while ((pull = noise_event(to, log)) != ENGINE_NONE) {
            more = true;
            if (pull == ENGINE_NEED && err == 0) {
                err = noise_answer(to);
            }
        }
    }
    return err;
}

struct pair {
    struct noise_end i;
    struct noise_end r;
    struct engine_log log_i;
    struct engine_log log_r;
    struct wire to_i; /* everything that was sent to it */
    struct wire to_r;
    int err_i;
    int err_r;
};

/* Whole messages to and fro until nobody says anything. */
static inline void converse(struct pair *p)
{
    static struct wire w;
    for (int turn = 0; turn < 6; turn++) {
        bool to_r = turn % 2 == 0;
        struct noise_end *to = to_r ? &p->r : &p->i;
        struct wire *all = to_r ? &p->to_r : &p->to_i;
        w.n = 0;
        collect(to_r ? &p->i : &p->r, &w);
        memcpy(all->p + all->n, w.p, w.n);
        all->n += w.n;
        int *err = to_r ? &p->err_r : &p->err_i;
        if (*err == 0) {
            *err = deliver(to, w.p, w.n, to_r ? &p->log_r : &p->log_i);
        }
    }
}

static inline struct pair *pair_new(void)
{
    struct pair *p = calloc(1, sizeof(*p));
    assert_non_null(p);
    noise_end_init(&p->i, crypto, LP2P_NOISE_INITIATOR, 1);
    noise_end_init(&p->r, crypto, LP2P_NOISE_RESPONDER, 2);
    return p;
}

static inline void pair_start(struct pair *p)
{
    void *e;
    assert_int_equal(noise_make(&p->i, &e), 0);
    assert_int_equal(noise_make(&p->r, &e), 0);
}

static inline void pair_free(struct pair *p)
{
    noise_drop(&p->i, &p->i);
    noise_drop(&p->r, &p->r);
    free(p->log_i.text);
    free(p->log_r.text);
    free(p);
}

static inline struct pair *pair_open(void)
{
    struct pair *p = pair_new();
    pair_start(p);
    converse(p);
    assert_int_equal(p->err_i, 0);
    assert_int_equal(p->err_r, 0);
    return p;
}

static inline int set_up(void **state)
{
    (void)state;
    return lp2p_crypto_init() + lp2p_crypto_new(lp2p_mem_default(), &crypto);
}

static inline int tear_down(void **state)
{
    (void)state;
    lp2p_crypto_free(crypto);
    return 0;
}

#endif
