/* A host's life with allocations that fail, and how many streams a connection has. */
#include "lp2p/host.h"

#include "base/assert.h"
#include "env/sim/sim.h"
#include "harness/failmem.h"

#include "cmocka_all.h"

#define MOST 512U

struct node;

/* One stream that `from` opened, or that came in at `to`. */
struct held {
    struct lp2p_stream *s;
    struct node *node;
    bool outbound;
    bool open;
    int closed_by; /* code of on_closed; 1: not closed */
};

struct node {
    struct lp2p_env *env;
    struct lp2p_host *host;
    struct lp2p_multiaddr addr;
    struct held held[MOST];
    unsigned n, opened, closed;
};

struct world {
    struct lp2p_sim *sim;
    struct lp2p_sim_link *lan;
    struct node a, b;
};

static struct lp2p_multiaddr parse(const char *text)
{
    struct lp2p_multiaddr addr;
    assert_int_equal(lp2p_multiaddr_parse(text, strlen(text), &addr), 0);
    return addr;
}

static void machine(struct world *w, struct node *n, uint8_t last)
{
    struct lp2p_endpoint ip = lp2p_endpoint_ip4(10, 0, 0, last, 0);
    uint32_t ifindex;
    *n = (struct node){
        .addr = parse(last == 1 ? "/ip4/10.0.0.1/tcp/4001" : "/ip4/10.0.0.2/tcp/4001")};
    assert_int_equal(lp2p_sim_machine(w->sim, last == 1 ? "a" : "b", &n->env), 0);
    assert_int_equal(lp2p_sim_plug(n->env, w->lan, &ip, 24, &ifindex), 0);
}

static void world_init(struct world *w)
{
    static const struct lp2p_sim_link_cfg lan = {.delay = LP2P_MSEC(5)};
    assert_int_equal(lp2p_sim_new(lp2p_mem_default(), 1, &w->sim), 0);
    assert_int_equal(lp2p_sim_link_new(w->sim, &lan, &w->lan), 0);
    machine(w, &w->a, 1);
    machine(w, &w->b, 2);
}

static void world_fini(struct world *w)
{
    lp2p_host_free(w->a.host);
    lp2p_host_free(w->b.host);
    lp2p_env_free(w->a.env);
    lp2p_env_free(w->b.env);
    lp2p_sim_free(w->sim);
}

static void run(struct world *w, lp2p_ts time)
{
    lp2p_sim_run(w->sim, lp2p_sim_now(w->sim) + time);
}

static const struct lp2p_host_ops host_ops = {.on_change = NULL};

/* ---- streams ---- */

static void on_open(void *ctx, struct lp2p_stream *s, const char *protocol)
{
    struct held *h = ctx;
    assert_string_equal(protocol, "/x/1");
    assert_true(h->outbound);
    assert_ptr_equal(h->s, s);
    h->open = true;
    h->node->opened++;
}

static void on_data(void *ctx, struct lp2p_stream *s, const uint8_t *p, size_t n)
{
    (void)ctx;
    (void)p;
    lp2p_stream_consume(s, n);
}

static void on_closed(void *ctx, struct lp2p_stream *s, const struct lp2p_failure *why)
{
    struct held *h = ctx;
    assert_ptr_equal(h->s, s);
    h->s = NULL;
    h->closed_by = why->code;
    h->node->closed++;
}

static void on_eof(void *ctx, struct lp2p_stream *s)
{
    struct held *h = ctx;
    h->s = NULL;
    lp2p_stream_close(s);
}

static const struct lp2p_stream_ops stream_ops = {
    .on_open = on_open, .on_data = on_data, .on_eof = on_eof, .on_closed = on_closed};

static void on_incoming(void *ctx, struct lp2p_stream *s, const char *protocol)
{
    struct node *n = ctx;
    (void)protocol;
    assert_true(n->n < MOST);
    struct held *h = &n->held[n->n++];
    *h = (struct held){.s = s, .node = n, .open = true, .closed_by = 1};
    lp2p_stream_set_ctx(s, h);
    n->opened++;
}

static const struct lp2p_stream_ops handler_ops = {
    .on_open = on_incoming, .on_data = on_data, .on_eof = on_eof, .on_closed = on_closed};

static void host_start(struct node *n, const struct lp2p_limits *limits)
{
    struct lp2p_host_cfg cfg = {.env = n->env, .limits = limits};
    assert_int_equal(lp2p_host_new(&cfg, &host_ops, n, &n->host), 0);
    assert_int_equal(lp2p_host_listen(n->host, &n->addr), 0);
    assert_int_equal(lp2p_host_handle(n->host, "/x/1", &handler_ops, n), 0);
}

static void join(struct world *w)
{
    uint64_t attempt;
    struct lp2p_connect_opts opts = {.addrs = &w->b.addr, .n = 1, .source = LP2P_ADDR_TYPED};
    const struct lp2p_peer_id *peer = lp2p_host_peer_id(w->b.host);
    assert_int_equal(lp2p_host_connect(w->a.host, peer, &opts, &attempt), 0);
    run(w, LP2P_SEC(5)); /* identify is over, too */
}

static int open_one(struct world *w)
{
    static const char *const protocols[] = {"/x/1"};
    struct node *n = &w->a;
    assert_true(n->n < MOST);
    struct held *h = &n->held[n->n];
    *h = (struct held){.node = n, .outbound = true, .closed_by = 1};
    struct lp2p_open open = {.protocols = protocols, .n = 1, .ops = &stream_ops, .ctx = h};
    LP2P_TRY(lp2p_host_open(n->host, lp2p_host_peer_id(w->b.host), &open, &h->s));
    n->n++;
    return 0;
}

static void close_all(struct node *n)
{
    for (unsigned i = 0; i < n->n; i++) {
        if (n->held[i].s != NULL) {
            lp2p_stream_close(n->held[i].s);
        }
    }
    n->n = n->opened = n->closed = 0;
}

static void a_connection_has_as_many_streams_as_the_limits_say(void **state)
{
    (void)state;
    static struct world w;
    const struct lp2p_limits *l = lp2p_limits_profile("desktop");
    world_init(&w);
    host_start(&w.a, l);
    host_start(&w.b, l);
    join(&w);
    /* The second time shows that nothing of the first is still counted. */
    for (int round = 0; round < 2; round++) {
        for (unsigned i = 0; i < l->streams_out; i++) {
            assert_int_equal(open_one(&w), 0);
        }
        assert_int_equal(open_one(&w), -LP2P_E_AGAIN);
        run(&w, LP2P_SEC(2));
        assert_int_equal(open_one(&w), -LP2P_E_AGAIN);
        assert_int_equal(w.a.opened, l->streams_out);
        assert_int_equal(w.b.opened, l->streams_in);
        assert_int_equal(w.a.closed + w.b.closed, 0);
        close_all(&w.a);
        run(&w, LP2P_SEC(2));
        close_all(&w.b);
        run(&w, LP2P_SEC(2));
    }
    world_fini(&w);
}

static void a_stream_above_the_limit_is_reset_and_the_others_go_on(void **state)
{
    (void)state;
    static struct world w;
    struct lp2p_limits more = *lp2p_limits_profile("desktop");
    const struct lp2p_limits *l = lp2p_limits_profile("desktop");
    more.streams_out = more.ack_backlog = 300;
    world_init(&w);
    host_start(&w.a, &more);
    host_start(&w.b, l);
    join(&w);
    for (unsigned i = 0; i < 300; i++) {
        assert_int_equal(open_one(&w), 0);
    }
    run(&w, LP2P_SEC(2));
    assert_int_equal(w.b.opened, l->streams_in);
    assert_int_equal(w.a.opened, l->streams_in);
    assert_int_equal(w.a.closed, 300 - l->streams_in);
    for (unsigned i = 0; i < 300; i++) {
        bool in = i < l->streams_in;
        assert_int_equal(w.a.held[i].open, in);
        assert_int_equal(w.a.held[i].closed_by, in ? 1 : -LP2P_E_RESET);
    }
    world_fini(&w);
}

/* ---- what users do in callbacks ---- */

/* Says goodbye to its neighbour and tries again at once, as a proxy does. */
static void on_closed_busy(void *ctx, struct lp2p_stream *s, const struct lp2p_failure *why)
{
    static const char *const protocols[] = {"/x/1"};
    struct held *h = ctx;
    struct world *w = LP2P_CONTAINER(h->node, struct world, a);
    struct lp2p_open open = {.protocols = protocols, .n = 1, .ops = &stream_ops, .ctx = h};
    struct lp2p_stream *again = NULL;
    on_closed(ctx, s, why);
    int err = lp2p_host_open(h->node->host, lp2p_host_peer_id(w->b.host), &open, &again);
    assert_true(err == -LP2P_E_NOT_FOUND || err == -LP2P_E_CLOSED);
    for (unsigned i = 0; i < h->node->n; i++) {
        struct lp2p_stream *other = h->node->held[i].s;
        size_t n;
        if (other == NULL) {
            continue;
        }
        assert_int_equal(lp2p_stream_write(other, (const uint8_t *)"x", 1, &n), -LP2P_E_CLOSED);
        lp2p_stream_consume(other, 1);
        if (i % 2 == 0) {
            lp2p_stream_close(other);
        } else {
            lp2p_stream_reset(other, 7);
        }
        h->node->held[i].s = NULL;
    }
}

static const struct lp2p_stream_ops busy_ops = {
    .on_open = on_open, .on_data = on_data, .on_closed = on_closed_busy};

static void a_lost_connection_is_lost_for_all_its_streams_at_once(void **state)
{
    (void)state;
    static const char *const protocols[] = {"/x/1"};
    static struct world w;
    for (int how = 0; how < 3; how++) {
        world_init(&w);
        host_start(&w.a, NULL);
        host_start(&w.b, NULL);
        join(&w);
        for (unsigned i = 0; i < 4; i++) {
            struct held *h = &w.a.held[w.a.n++];
            *h = (struct held){.node = &w.a, .outbound = true, .closed_by = 1};
            struct lp2p_open open = {.protocols = protocols, .n = 1, .ops = &busy_ops, .ctx = h};
            const struct lp2p_peer_id *b = lp2p_host_peer_id(w.b.host);
            assert_int_equal(lp2p_host_open(w.a.host, b, &open, &h->s), 0);
        }
        run(&w, LP2P_SEC(1));
        if (how == 0) { /* a's own goodbye */
            assert_int_equal(lp2p_host_disconnect(w.a.host, lp2p_host_peer_id(w.b.host)), 0);
        } else if (how == 1) { /* the peer's */
            assert_int_equal(lp2p_host_disconnect(w.b.host, lp2p_host_peer_id(w.a.host)), 0);
        } else { /* silence */
            lp2p_sim_cut(w.a.env, w.b.env, true);
            lp2p_sim_cut(w.b.env, w.a.env, true);
        }
        run(&w, LP2P_SEC(60));
        assert_int_equal(w.a.closed, 1); /* the others were closed by it: no callback */
        world_fini(&w);
    }
}

static unsigned writable;

static void on_writable(void *ctx, struct lp2p_stream *s)
{
    size_t n = 0;
    (void)ctx;
    assert_int_equal(lp2p_stream_write(s, (const uint8_t *)"hello", 5, &n), 0);
    assert_int_equal(n, 5);
    writable++;
}

static const struct lp2p_stream_ops eager_ops = {
    .on_open = on_open, .on_data = on_data, .on_writable = on_writable, .on_closed = on_closed};

static void what_could_not_be_written_yet_can_be_when_it_is_told(void **state)
{
    (void)state;
    static const char *const protocols[] = {"/none/1", "/x/1"};
    static struct world w;
    world_init(&w);
    host_start(&w.a, NULL);
    host_start(&w.b, NULL);
    join(&w);
    struct held *h = &w.a.held[w.a.n++];
    *h = (struct held){.node = &w.a, .outbound = true, .closed_by = 1};
    struct lp2p_open open = {.protocols = protocols, .n = 2, .ops = &eager_ops, .ctx = h};
    size_t n = 7;
    assert_int_equal(lp2p_host_open(w.a.host, lp2p_host_peer_id(w.b.host), &open, &h->s), 0);
    /* Which of the two it will be is not known yet. */
    assert_int_equal(lp2p_stream_write(h->s, (const uint8_t *)"hello", 5, &n), 0);
    assert_int_equal(n, 0);
    writable = 0;
    run(&w, LP2P_SEC(2));
    assert_true(h->open);
    assert_int_equal(writable, 1);
    world_fini(&w);
}

/* ---- failed allocations ---- */

static void done(void *ctx)
{
    *(bool *)ctx = true;
}

/* A whole life: made, listening, serving, dialing nobody, saying goodbye. */
static int life(const struct lp2p_mem *mem, void *ctx)
{
    static struct world w;
    bool *was_done = ctx;
    world_init(&w);
    struct lp2p_host_cfg cfg = {
        .env = w.a.env, .mem = mem, .agent = "x/1", .mdns = true, .mdns_note = "app=x"};
    int err = lp2p_host_new(&cfg, &host_ops, NULL, &w.a.host);
    if (err != 0) {
        assert_null(w.a.host);
    }
    err = err != 0 ? err : lp2p_host_listen(w.a.host, &w.a.addr);
    err = err != 0 ? err : lp2p_host_handle(w.a.host, "/x/1", &handler_ops, &w.a);
    if (err == 0) {
        uint64_t attempt;
        struct lp2p_peer_id peer = *lp2p_host_peer_id(w.a.host);
        peer.bytes[peer.len - 1] ^= 1;
        struct lp2p_connect_opts opts = {.addrs = &w.b.addr, .n = 1, .source = LP2P_ADDR_TYPED};
        err = lp2p_host_connect(w.a.host, &peer, &opts, &attempt);
        run(&w, LP2P_SEC(3));
        *was_done = false;
        lp2p_host_shutdown(w.a.host, LP2P_SEC(1), done, was_done);
        run(&w, LP2P_SEC(2));
        assert_true(*was_done);
    }
    world_fini(&w);
    return err;
}

static void each_allocation_of_a_life_may_fail(void **state)
{
    (void)state;
    bool was_done;
    assert_true(failmem_each(life, &was_done) > 15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_has_as_many_streams_as_the_limits_say),
        cmocka_unit_test(a_stream_above_the_limit_is_reset_and_the_others_go_on),
        cmocka_unit_test(a_lost_connection_is_lost_for_all_its_streams_at_once),
        cmocka_unit_test(what_could_not_be_written_yet_can_be_when_it_is_told),
        cmocka_unit_test(each_allocation_of_a_life_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
