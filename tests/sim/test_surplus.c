/* Two connections to one peer, and the end of the one that is too many (DESIGN 7). */
#include "sim/lab.h"

#include "base/assert.h"

#include <string.h>

#define DELAY LP2P_MSEC(10)
/* Both dial within this of each other: each has its own connection before it sees the other's. */
#define AT_ONCE (DELAY / 2)

#define HOLD "/test/hold"

struct hold {
    unsigned opened;
    unsigned got;
    bool closed;
};

static void hold_on_open(void *ctx, struct lp2p_stream *s, const char *protocol)
{
    (void)s;
    (void)protocol;
    struct hold *h = ctx;
    h->opened++;
}

static void hold_on_data(void *ctx, struct lp2p_stream *s, const uint8_t *p, size_t n)
{
    (void)p;
    struct hold *h = ctx;
    h->got += (unsigned)n;
    lp2p_stream_consume(s, n);
}

static void hold_on_writable(void *ctx, struct lp2p_stream *s)
{
    (void)ctx;
    (void)s;
}

static void hold_on_eof(void *ctx, struct lp2p_stream *s)
{
    (void)ctx;
    lp2p_stream_close(s);
}

static void hold_on_closed(void *ctx, struct lp2p_stream *s, const struct lp2p_failure *why)
{
    (void)s;
    (void)why;
    struct hold *h = ctx;
    h->closed = true;
}

static const struct lp2p_stream_ops hold_ops = {
    .on_open = hold_on_open,
    .on_data = hold_on_data,
    .on_writable = hold_on_writable,
    .on_eof = hold_on_eof,
    .on_closed = hold_on_closed,
};

static const char *const hold_names[] = {HOLD};

struct pair {
    struct lab_world w;
    struct lab_node *low, *high; /* by peer id */
    uint64_t from_low, from_high;
    struct hold held; /* by `high` */
};

static void pair_init(struct pair *p, uint64_t seed)
{
    *p = (struct pair){.from_low = 0};
    lab_world_init(&p->w, seed, DELAY);
    struct lab_node *a = lab_node_new(&p->w, NULL), *b = lab_node_new(&p->w, NULL);
    bool ordered = memcmp(a->id.bytes, b->id.bytes, a->id.len) < 0;
    p->low = ordered ? a : b;
    p->high = ordered ? b : a;
    assert_int_equal(lp2p_host_handle(p->high->host, HOLD, &hold_ops, &p->held), 0);
}

/* `low_later` says who begins. */
static void pair_dial(struct pair *p, bool low_later, lp2p_ts later)
{
    uint64_t first = low_later ? lab_connect(p->high, p->low) : lab_connect(p->low, p->high);
    lab_run(&p->w, later);
    uint64_t second = low_later ? lab_connect(p->low, p->high) : lab_connect(p->high, p->low);
    p->from_low = low_later ? second : first;
    p->from_high = low_later ? first : second;
}

static void pair_expect_two(struct pair *p)
{
    assert_int_equal(lab_conns(p->low, &p->high->id, NULL), 2);
    assert_int_equal(lab_conns(p->high, &p->low->id, NULL), 2);
}

/* What is left is the higher one's. */
static void pair_expect_one(struct pair *p)
{
    struct lp2p_conn_info at_low, at_high;
    assert_int_equal(lab_conns(p->low, &p->high->id, &at_low), 1);
    assert_int_equal(lab_conns(p->high, &p->low->id, &at_high), 1);
    assert_false(at_low.outbound);
    assert_true(at_high.outbound);
    assert_true(lab_ping(p->low, p->high, LP2P_SEC(1)) && lab_ping(p->high, p->low, LP2P_SEC(1)));
}

static void surplus_ends(uint64_t seed, bool low_later, lp2p_ts later)
{
    struct pair p;
    pair_init(&p, seed);
    pair_dial(&p, low_later, later);
    (void)lab_attempt_end(p.low, p.from_low, LP2P_SEC(1));
    (void)lab_attempt_end(p.high, p.from_high, LP2P_SEC(1));
    lab_run(&p.w, LP2P_SEC(1));
    pair_expect_two(&p);
    lab_run(&p.w, LP2P_SEC(27));
    pair_expect_two(&p);
    lab_run(&p.w, LP2P_SEC(4));
    pair_expect_one(&p);
    /* And nothing ends it. */
    lab_run(&p.w, LP2P_SEC(300));
    pair_expect_one(&p);
    lab_world_fini(&p.w);
}

static void run_ends(uint64_t seed)
{
    for (lp2p_ts later = 0; later <= AT_ONCE; later += AT_ONCE / 4) {
        surplus_ends(seed, false, later);
        surplus_ends(seed, true, later);
    }
}

static bool low_is_connected(void *ctx)
{
    struct pair *p = ctx;
    return lab_is_connected(p->low, p->high);
}

/* A stream on it, from before there were two, keeps it as long as it lasts; a ping on the best one
 * does not. */
static void run_streams_stay(uint64_t seed)
{
    struct pair p;
    struct hold own = {.opened = 0};
    struct lp2p_stream *s = NULL;
    struct lp2p_open open = {.protocols = hold_names, .n = 1, .ops = &hold_ops, .ctx = &own};
    pair_init(&p, seed);
    pair_dial(&p, false, AT_ONCE / 4);
    assert_true(lab_run_until(&p.w, low_is_connected, &p, LP2P_SEC(1)));
    assert_int_equal(lab_conns(p.low, NULL, NULL), 1);
    assert_int_equal(lp2p_host_open(p.low->host, &p.high->id, &open, &s), 0);
    lab_run(&p.w, LP2P_SEC(1));
    pair_expect_two(&p);
    assert_int_equal(p.held.opened, 1);
    for (unsigned i = 1; i <= 6; i++) {
        size_t n = 0;
        lab_run(&p.w, LP2P_SEC(20));
        pair_expect_two(&p);
        assert_int_equal(lp2p_stream_write(s, (const uint8_t *)"x", 1, &n), 0);
        assert_true(lab_ping(p.high, p.low, LP2P_SEC(1)));
        lab_run(&p.w, LP2P_SEC(1));
        assert_int_equal(p.held.got, i);
    }
    assert_false(own.closed);
    lp2p_stream_close(s);
    lab_run(&p.w, LP2P_SEC(29));
    pair_expect_two(&p);
    lab_run(&p.w, LP2P_SEC(13));
    pair_expect_one(&p);
    lab_world_fini(&p.w);
}

static void the_surplus_one_ends_when_idle(void **state)
{
    (void)state;
    lab_each_seed(run_ends);
}

static void streams_are_not_lost(void **state)
{
    (void)state;
    lab_each_seed(run_streams_stay);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        lab_test(the_surplus_one_ends_when_idle),
        lab_test(streams_are_not_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
