#include "proto/multistream/multistream.h"

#include "base/assert.h"
#include "harness/engine_mss.h"
#include "harness/failmem.h"

#include "cmocka_all.h"

#define HEADER "\x13/multistream/1.0.0\n"
#define NOISE  "\x07/noise\n"
#define TLS    "\x0b/tls/1.0.0\n"
#define YAMUX  "\x0d/yamux/1.0.0\n"
#define NA     "\x03na\n"
#define LS     "\x03ls\n"

static struct lp2p_span names[] = {
    {.p = (const uint8_t *)"/noise", .n = 6},
    {.p = (const uint8_t *)"/yamux/1.0.0", .n = 12},
};

/* A negotiation: what comes, and what must happen, at every way to cut it. */
struct row {
    const char *what;
    enum lp2p_mss_role role;
    size_t n; /* of `names` */
    struct lp2p_span in;
    const char *log;
    struct lp2p_span out;
};

#define BYTES(s)                                         \
    {                                                    \
        .p = (const uint8_t *)(s), .n = sizeof(s "") - 1 \
    }

static const struct row rows[] = {
    {"the echo selects, the rest is the next layer's", LP2P_MSS_DIALER, 1,
     BYTES(HEADER NOISE "rest"), "selected 0\nused 28\n", BYTES(HEADER NOISE)},
    {"nothing yet", LP2P_MSS_DIALER, 1, BYTES(""), "used 0\n", BYTES(HEADER NOISE)},
    {"na moves to the next proposal", LP2P_MSS_DIALER, 2, BYTES(HEADER NA YAMUX),
     "selected 1\nused 38\n", BYTES(HEADER NOISE YAMUX)},
    {"na to all", LP2P_MSS_DIALER, 2, BYTES(HEADER NA NA), "error NEGOTIATION\n",
     BYTES(HEADER NOISE YAMUX)},
    {"a repeated header is tolerated", LP2P_MSS_DIALER, 1, BYTES(HEADER HEADER NOISE),
     "selected 0\nused 48\n", BYTES(HEADER NOISE)},
    {"the echo of something else", LP2P_MSS_DIALER, 2, BYTES(HEADER YAMUX), "error PROTO\n",
     BYTES(HEADER NOISE)},
    {"an answer without a header", LP2P_MSS_DIALER, 1, BYTES(NOISE), "error PROTO\n",
     BYTES(HEADER NOISE)},
    {"another version", LP2P_MSS_DIALER, 1, BYTES("\x13/multistream/2.0.0\n"), "error PROTO\n",
     BYTES(HEADER NOISE)},

    {"a pipelined proposal", LP2P_MSS_LISTENER, 2, BYTES(HEADER YAMUX "\x01\x02"),
     "selected 1\nused 34\n", BYTES(HEADER YAMUX)},
    {"go proposes tls first", LP2P_MSS_LISTENER, 2, BYTES(HEADER TLS NOISE),
     "selected 0\nused 40\n", BYTES(HEADER NA NOISE)},
    {"na may follow na", LP2P_MSS_LISTENER, 2, BYTES(HEADER TLS TLS NOISE), "selected 0\nused 52\n",
     BYTES(HEADER NA NA NOISE)},
    {"ls is not served", LP2P_MSS_LISTENER, 2, BYTES(HEADER LS NOISE), "selected 0\nused 32\n",
     BYTES(HEADER NA NOISE)},
    {"a repeated header is answered, as js", LP2P_MSS_LISTENER, 2, BYTES(HEADER HEADER NOISE),
     "selected 0\nused 48\n", BYTES(HEADER HEADER NOISE)},
    {"the header alone is answered", LP2P_MSS_LISTENER, 2, BYTES(HEADER), "used 20\n",
     BYTES(HEADER)},
    {"no table", LP2P_MSS_LISTENER, 0, BYTES(HEADER NOISE), "used 28\n", BYTES(HEADER NA)},
    {"a proposal without a header", LP2P_MSS_LISTENER, 2, BYTES(NOISE), "error PROTO\n", BYTES("")},
    {"nothing but a prefix is no name", LP2P_MSS_LISTENER, 2, BYTES(HEADER "\x06/nois\n"),
     "used 27\n", BYTES(HEADER NA)},
    {"a prefix of a name and more", LP2P_MSS_LISTENER, 2, BYTES(HEADER "\x08/noise2\n"),
     "used 29\n", BYTES(HEADER NA)},
    {"a newline inside", LP2P_MSS_LISTENER, 2, BYTES(HEADER "\x08/noise\n\n"), "used 29\n",
     BYTES(HEADER NA)},
    {"no newline", LP2P_MSS_LISTENER, 2, BYTES(HEADER "\x06/noise"), "error PROTO\n",
     BYTES(HEADER)},
    {"length 0", LP2P_MSS_LISTENER, 2, BYTES(HEADER "\x00"), "error PROTO\n", BYTES(HEADER)},
    {"an empty line", LP2P_MSS_LISTENER, 2, BYTES(HEADER "\x01\n"), "used 22\n", BYTES(HEADER NA)},
    {"a length that is not minimal", LP2P_MSS_LISTENER, 2, BYTES(HEADER "\x87\x00/noise\n"),
     "error PROTO\n", BYTES(HEADER)},
    {"the longest line is read to its end", LP2P_MSS_LISTENER, 2, BYTES(HEADER "\x80\x08"),
     "used 22\n", BYTES(HEADER)},
    {"one more is too long, known from the length", LP2P_MSS_LISTENER, 2, BYTES(HEADER "\x81\x08"),
     "error LIMIT\n", BYTES(HEADER)},
    {"a length of three bytes", LP2P_MSS_LISTENER, 2, BYTES(HEADER "\x80\x80"), "error LIMIT\n",
     BYTES(HEADER)},
    {"the largest length", LP2P_MSS_LISTENER, 2, BYTES(HEADER "\xff\xff\xff\xff\x0f"),
     "error LIMIT\n", BYTES(HEADER)},
    {"a lazy dialer's data behind na is no attack", LP2P_MSS_LISTENER, 2,
     BYTES(HEADER TLS "\xff\xff\x01"), "error NEGOTIATION\n", BYTES(HEADER NA)},
};

static void check_row(const struct row *row)
{
    struct mss_case c = {
        .mem = lp2p_mem_default(), .role = row->role, .protocols = names, .n = row->n};
    struct engine_result r;
    print_message("# %s\n", row->what);
    engine_check_splits(&mss_ops, &c, row->in, 7, &r);
    assert_string_equal(r.log.text, row->log);
    assert_int_equal(r.out_len, row->out.n);
    assert_true(lp2p_span_eq(lp2p_span(r.out, r.out_len), row->out));
    engine_result_fini(&r);
}

static void every_row_at_every_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < LP2P_COUNT(rows); i++) {
        check_row(&rows[i]);
    }
}

static void names_that_cannot_be_proposed_are_refused(void **state)
{
    (void)state;
    char longest[LP2P_MSS_LINE_MAX + 1];
    memset(longest, 'x', sizeof(longest));
    longest[0] = '/';
    const struct lp2p_span bad[] = {lp2p_span_str(""), lp2p_span_str("noise"),
                                    lp2p_span_str("/a\nb"), lp2p_span(longest, LP2P_MSS_LINE_MAX)};
    struct lp2p_mss e;
    for (size_t i = 0; i < LP2P_COUNT(bad); i++) {
        const struct lp2p_mss_cfg cfg = {.mem = lp2p_mem_default(), .protocols = &bad[i], .n = 1};
        assert_int_equal(lp2p_mss_init(&e, &cfg, LP2P_MSS_DIALER), -LP2P_E_INVAL);
        assert_int_equal(lp2p_mss_init(&e, &cfg, LP2P_MSS_LISTENER), -LP2P_E_INVAL);
    }
    const struct lp2p_mss_cfg none = {.mem = lp2p_mem_default()};
    assert_int_equal(lp2p_mss_init(&e, &none, LP2P_MSS_DIALER), -LP2P_E_INVAL);
}

/* Both roles against each other, with the longest name: a prefix of two bytes. */
static void the_longest_name_is_agreed_on(void **state)
{
    (void)state;
    char longest[LP2P_MSS_LINE_MAX - 1];
    memset(longest, 'x', sizeof(longest));
    longest[0] = '/';
    const struct lp2p_span name = lp2p_span(longest, sizeof(longest));
    const struct lp2p_mss_cfg cfg = {.mem = lp2p_mem_default(), .protocols = &name, .n = 1};
    struct lp2p_mss d;
    struct lp2p_mss l;
    assert_int_equal(lp2p_mss_init(&d, &cfg, LP2P_MSS_DIALER), 0);
    assert_int_equal(lp2p_mss_init(&l, &cfg, LP2P_MSS_LISTENER), 0);
    size_t used;
    struct lp2p_span out = lp2p_mss_out(&d);
    assert_int_equal(out.n, 20 + 2 + LP2P_MSS_LINE_MAX);
    assert_int_equal(lp2p_mss_recv(&l, 0, out.p, out.n, &used), 0);
    assert_int_equal(used, out.n);
    out = lp2p_mss_out(&l);
    assert_true(lp2p_mss_is_lazy(&d));
    assert_int_equal(lp2p_mss_recv(&d, 0, out.p, out.n, &used), 0);
    assert_false(lp2p_mss_is_lazy(&d));
    assert_int_equal(d.state, LP2P_MSS_ST_DONE);
    assert_int_equal(l.state, LP2P_MSS_ST_DONE);
    lp2p_mss_fini(&d);
    lp2p_mss_fini(&l);
}

static void lazy_only_with_one_candidate_left(void **state)
{
    (void)state;
    const struct lp2p_mss_cfg cfg = {.mem = lp2p_mem_default(), .protocols = names, .n = 2};
    struct lp2p_mss d;
    size_t used;
    assert_int_equal(lp2p_mss_init(&d, &cfg, LP2P_MSS_DIALER), 0);
    assert_false(lp2p_mss_is_lazy(&d));
    const char answer[] = HEADER NA;
    assert_int_equal(lp2p_mss_recv(&d, 0, (const uint8_t *)answer, sizeof(answer) - 1, &used), 0);
    assert_true(lp2p_mss_is_lazy(&d));
    lp2p_mss_fini(&d);
    assert_int_equal(lp2p_mss_init(&d, &cfg, LP2P_MSS_LISTENER), 0);
    assert_false(lp2p_mss_is_lazy(&d));
    lp2p_mss_fini(&d);
}

/* Feeds a listener the header and then `line` again and again; returns the number that it took. */
static size_t flood(struct lp2p_span line, size_t times, size_t *ret_held, int *ret_err)
{
    struct failmem f;
    failmem_init(&f, 0, false);
    const struct lp2p_mss_cfg cfg = {.mem = &f.mem, .protocols = names, .n = 2};
    struct lp2p_mss l;
    size_t used;
    size_t taken = 0;
    assert_int_equal(lp2p_mss_init(&l, &cfg, LP2P_MSS_LISTENER), 0);
    *ret_err = lp2p_mss_recv(&l, 0, (const uint8_t *)HEADER, 20, &used);
    while (*ret_err == 0 && taken < times) {
        *ret_err = lp2p_mss_recv(&l, 0, line.p, line.n, &used);
        taken += *ret_err == 0;
    }
    *ret_held = f.peak;
    lp2p_mss_fini(&l);
    failmem_check_empty(&f, "flood");
    return taken;
}

static void lines_and_bytes_are_limited(void **state)
{
    (void)state;
    size_t held;
    int err;
    assert_int_equal(flood(lp2p_span_str(TLS), 1000, &held, &err), LP2P_MSS_LINES_MAX - 1);
    assert_int_equal(err, -LP2P_E_LIMIT);
    assert_true(held < 4096);
    uint8_t line[2 + LP2P_MSS_LINE_MAX];
    memset(line, 'x', sizeof(line));
    line[0] = 0x80;
    line[1] = LP2P_MSS_LINE_MAX >> 7;
    line[sizeof(line) - 1] = '\n';
    assert_int_equal(flood(lp2p_span(line, sizeof(line)), 1000, &held, &err),
                     (LP2P_MSS_BYTES_MAX - 20) / sizeof(line));
    assert_int_equal(err, -LP2P_E_LIMIT);
    assert_true(held < 4096);
}

/* A lying length costs nothing before the bytes are there (class C2). */
static void a_length_alone_allocates_next_to_nothing(void **state)
{
    (void)state;
    struct failmem f;
    failmem_init(&f, 0, false);
    struct mss_case c = {.mem = &f.mem, .role = LP2P_MSS_LISTENER, .protocols = names, .n = 2};
    struct engine_result r;
    engine_run(&mss_ops, &c, lp2p_span_str(HEADER "\x80\x08"),
               (struct engine_way){.cut = ENGINE_BYTES}, &r);
    assert_true(f.peak <= 512);
    engine_result_fini(&r);
    failmem_check_empty(&f, "length");
}

static void the_idle_engine_holds_no_memory(void **state)
{
    (void)state;
    struct failmem f;
    failmem_init(&f, 0, false);
    const struct lp2p_mss_cfg cfg = {.mem = &f.mem, .protocols = names, .n = 2};
    struct lp2p_mss l;
    size_t used;
    assert_int_equal(lp2p_mss_init(&l, &cfg, LP2P_MSS_LISTENER), 0);
    for (const char *c = HEADER NOISE; *c != '\0'; c++) {
        assert_int_equal(lp2p_mss_recv(&l, 0, (const uint8_t *)c, 1, &used), 0);
    }
    lp2p_mss_out_done(&l, lp2p_mss_out(&l).n);
    assert_int_equal(f.blocks, 0);
    lp2p_mss_fini(&l);
}

static int negotiate(const struct lp2p_mem *mem, void *ctx)
{
    const struct row *row = ctx;
    struct mss_case c = {.mem = mem, .role = row->role, .protocols = names, .n = row->n};
    struct engine_result r;
    engine_run(&mss_ops, &c, row->in, (struct engine_way){.cut = ENGINE_BYTES}, &r);
    int err = r.err;
    engine_result_fini(&r);
    return err;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    struct row dialer = rows[2];
    struct row listener = rows[9];
    assert_int_equal(dialer.role, LP2P_MSS_DIALER);
    assert_int_equal(listener.role, LP2P_MSS_LISTENER);
    failmem_each(negotiate, &dialer);
    failmem_each(negotiate, &listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_at_every_cut),
        cmocka_unit_test(names_that_cannot_be_proposed_are_refused),
        cmocka_unit_test(the_longest_name_is_agreed_on),
        cmocka_unit_test(lazy_only_with_one_candidate_left),
        cmocka_unit_test(lines_and_bytes_are_limited),
        cmocka_unit_test(a_length_alone_allocates_next_to_nothing),
        cmocka_unit_test(the_idle_engine_holds_no_memory),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
