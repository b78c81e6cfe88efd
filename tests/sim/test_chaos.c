/*
 * Users that do anything at any time, in callbacks, too: hosts connect, open, write, close, reset
 * and are cut off at random, and no callback comes for a stream that is over.
 */
#include "lab.h"

#include "base/assert.h"
#include "base/list.h"

#define NODES   3U
#define SLOTS   4096U
#define STEPS   1000U
#define CHANCES 16U

/* One stream of one side; never used twice, so that a late callback is seen. */
struct slot {
    struct lab_node *node;
    struct lp2p_stream *s;
    bool over;     /* closed by us or told so */
    size_t unread; /* given to on_data and not consumed */
};

static struct {
    struct lab_world w;
    struct slot slots[SLOTS];
    size_t n;
    uint64_t state;    /* of the random numbers */
    unsigned depth;    /* of callbacks that act */
    unsigned in_calls; /* actions inside callbacks, in all */
    uint64_t attempt;
    uint32_t scarce; /* one allocation in so many fails; 0: none */
    unsigned refused;
} chaos;

static uint32_t draw(uint32_t below)
{
    chaos.state = chaos.state * 6364136223846793005U + 1442695040888963407U;
    return (uint32_t)(chaos.state >> 33) % below;
}

/* ---- memory ---- */

static bool refuses(void)
{
    bool no = chaos.scarce != 0 && draw(chaos.scarce) == 0;
    chaos.refused += no;
    return no;
}

static void *scarce_alloc(void *ctx, size_t n)
{
    (void)ctx;
    const struct lp2p_mem *mem = lp2p_mem_default();
    return refuses() ? NULL : mem->alloc(mem->ctx, n);
}

static void *scarce_resize(void *ctx, void *p, size_t n)
{
    (void)ctx;
    const struct lp2p_mem *mem = lp2p_mem_default();
    return refuses() ? NULL : mem->resize(mem->ctx, p, n);
}

static void scarce_free(void *ctx, void *p)
{
    (void)ctx;
    const struct lp2p_mem *mem = lp2p_mem_default();
    mem->free(mem->ctx, p);
}

static const struct lp2p_mem scarce_mem = {
    .alloc = scarce_alloc, .resize = scarce_resize, .free = scarce_free};

/* ---- choices ---- */

static struct lab_node *some_node(void)
{
    return &chaos.w.nodes[draw(NODES)];
}

static struct slot *some_slot(void)
{
    for (unsigned i = 0; i < 20 && chaos.n > 0; i++) {
        struct slot *k = &chaos.slots[draw((uint32_t)chaos.n)];
        if (!k->over && k->s != NULL) {
            return k;
        }
    }
    return NULL;
}

static void act(void);

static void act_inside(void)
{
    if (chaos.depth == 0 && draw(3) == 0) {
        chaos.depth++;
        chaos.in_calls++;
        act();
        chaos.depth--;
    }
}

/* ---- callbacks ---- */

static struct slot *alive(void *ctx, struct lp2p_stream *s)
{
    struct slot *k = ctx;
    assert_in_range(k - chaos.slots, 0, SLOTS - 1);
    assert_false(k->over);
    assert_true(k->s == s || k->s == NULL);
    return k;
}

static void on_open(void *ctx, struct lp2p_stream *s, const char *protocol)
{
    assert_string_equal(protocol, "/chaos/1");
    alive(ctx, s);
    act_inside();
}

static void on_data(void *ctx, struct lp2p_stream *s, const uint8_t *p, size_t n)
{
    struct slot *k = alive(ctx, s);
    (void)p;
    k->unread += n;
    act_inside();
}

static void on_writable(void *ctx, struct lp2p_stream *s)
{
    alive(ctx, s);
    act_inside();
}

static void on_closed(void *ctx, struct lp2p_stream *s, const struct lp2p_failure *why)
{
    (void)why;
    alive(ctx, s)->over = true;
    act_inside();
}

static const struct lp2p_stream_ops ops = {
    .on_open = on_open,
    .on_data = on_data,
    .on_writable = on_writable,
    .on_eof = on_writable,
    .on_closed = on_closed,
};

static void on_incoming(void *ctx, struct lp2p_stream *s, const char *protocol)
{
    assert_string_equal(protocol, "/chaos/1");
    assert_true(chaos.n < SLOTS);
    struct slot *k = &chaos.slots[chaos.n++];
    *k = (struct slot){.node = ctx, .s = s};
    lp2p_stream_set_ctx(s, k);
    act_inside();
}

static const struct lp2p_stream_ops handler = {
    .on_open = on_incoming,
    .on_data = on_data,
    .on_writable = on_writable,
    .on_eof = on_writable,
    .on_closed = on_closed,
};

/* ---- actions ---- */

static void act_open(struct lab_node *from, const struct lab_node *to)
{
    static const char *const protocols[] = {"/chaos/0", "/chaos/1"};
    bool lazy = draw(2) == 0;
    assert_true(chaos.n < SLOTS);
    struct slot *k = &chaos.slots[chaos.n++];
    *k = (struct slot){.node = from, .over = true};
    struct lp2p_open open = {
        .protocols = lazy ? protocols + 1 : protocols,
        .n = lazy ? 1 : 2,
        .ops = &ops,
        .ctx = k,
    };
    if (lp2p_host_open(from->host, &to->id, &open, &k->s) == 0) {
        k->over = false;
    }
}

static void act_connect(struct lab_node *from, const struct lab_node *to)
{
    struct lp2p_connect_opts opts = {.addrs = &to->addr, .n = 1, .source = LP2P_ADDR_TYPED};
    int err = lp2p_host_connect(from->host, &to->id, &opts, &chaos.attempt);
    assert_true(err == 0 || (err == -LP2P_E_SELF && from == to) ||
                (err == -LP2P_E_NOMEM && chaos.scarce != 0));
}

static void act_on_stream(struct slot *k, uint32_t what)
{
    static const uint8_t bytes[100000];
    size_t n;
    switch (what) {
    case 0:
    case 1:
    case 2:
        (void)lp2p_stream_write(k->s, bytes, draw(sizeof(bytes)), &n);
        break;
    case 3:
        n = draw((uint32_t)k->unread + 1);
        k->unread -= n;
        lp2p_stream_consume(k->s, n);
        break;
    case 4:
        (void)lp2p_stream_close_write(k->s);
        break;
    case 5:
        k->over = true;
        lp2p_stream_close(k->s);
        break;
    default:
        k->over = true;
        lp2p_stream_reset(k->s, draw(9));
        break;
    }
}

static void act(void)
{
    struct lab_node *from = some_node();
    struct lab_node *to = some_node();
    struct slot *k = some_slot();
    uint32_t what = draw(CHANCES);
    if (what < 8 && k != NULL) {
        act_on_stream(k, draw(7));
    } else if (what < 11) {
        act_open(from, to);
    } else if (what < 13) {
        act_connect(from, to);
    } else if (what == 13) {
        (void)lp2p_host_disconnect(from->host, &to->id);
    } else if (what == 14) {
        (void)lp2p_host_cancel(from->host, chaos.attempt);
    } else if (chaos.depth == 0 && from != to) {
        lab_cut(from, to, draw(4) == 0);
    }
}

static void heal(void)
{
    for (unsigned i = 0; i < NODES; i++) {
        for (unsigned j = 0; j < i; j++) {
            lab_cut(&chaos.w.nodes[i], &chaos.w.nodes[j], false);
        }
    }
}

static void run(uint64_t seed, uint32_t scarce)
{
    static const struct lp2p_sim_link_cfg lan = {.delay = LP2P_MSEC(3)};
    memset(&chaos, 0, sizeof(chaos));
    chaos.state = seed;
    assert_int_equal(lab_world_try(&chaos.w, &scarce_mem, seed, &lan), 0);
    for (unsigned i = 0; i < NODES; i++) {
        struct lab_node *n = lab_node_new(&chaos.w, NULL);
        assert_int_equal(lp2p_host_handle(n->host, "/chaos/1", &handler, n), 0);
    }
    chaos.scarce = scarce;
    for (unsigned i = 0; i < STEPS; i++) {
        act();
        lab_run(&chaos.w, draw(4) == 0 ? LP2P_MSEC(draw(3000)) : LP2P_MSEC(draw(10)));
    }
    assert_true(chaos.in_calls > 0);
    assert_int_equal(chaos.refused > 0, scarce > 0);
    chaos.scarce = 0;
    /* After all that they still find each other. */
    heal();
    chaos.depth = 1;
    lab_run(&chaos.w, LP2P_SEC(120));
    act_connect(&chaos.w.nodes[0], &chaos.w.nodes[1]);
    struct lp2p_attempt_info at = lab_attempt_end(&chaos.w.nodes[0], chaos.attempt, LP2P_SEC(60));
    assert_int_equal(at.stage, LP2P_STAGE_CONNECTED);
    assert_true(lab_ping(&chaos.w.nodes[0], &chaos.w.nodes[1], LP2P_SEC(10)));
    lab_world_fini(&chaos.w);
}

static void run_chaos(uint64_t seed)
{
    run(seed, 0);
}

static void run_scarce(uint64_t seed)
{
    run(seed, 50);
}

static void and_without_memory_they_may_too(void **state)
{
    (void)state;
    lab_each_seed(run_scarce);
}

static void users_may_do_anything_at_any_time(void **state)
{
    (void)state;
    lab_each_seed(run_chaos);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        lab_test(users_may_do_anything_at_any_time),
        lab_test(and_without_memory_they_may_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
