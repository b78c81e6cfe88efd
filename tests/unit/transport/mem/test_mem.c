/* Whole connections inside one process. */
#include "transport/mem/mem.h"

#include "base/assert.h"
#include "env/sim/sim.h"
#include "harness/failmem.h"
#include "peer/peer.h"
#include "transport/mem/pipe_priv.h"

#include "cmocka_all.h"

/* Two environments on one thread, as two hosts in one program. */
struct world {
    struct lp2p_sim *sim;
    struct lp2p_env *env_a, *env_b;
    struct lp2p_mem_hub *hub;
    struct peer a, b; /* a listens */
    bool has_a, has_b;
    struct lp2p_multiaddr at;
};

static int use_memory(struct peer *p, struct lp2p_mem_hub *hub)
{
    p->transport->ops->free(p->transport);
    p->transport = NULL;
    return lp2p_mem_transport_new(&p->wires, hub, &p->transport);
}

/* 0 or an error; `world_fini` in any case. */
static int world_init(struct world *w, const struct lp2p_mem *mem, const char *at)
{
    memset(w, 0, sizeof(*w));
    LP2P_TRY(lp2p_sim_new(mem, 1, &w->sim));
    LP2P_TRY(lp2p_sim_machine(w->sim, "a", &w->env_a));
    LP2P_TRY(lp2p_sim_machine(w->sim, "b", &w->env_b));
    LP2P_TRY(lp2p_mem_hub_new(mem, &w->hub));
    w->has_a = true;
    LP2P_TRY(peer_init(&w->a, w->env_a, mem, 1));
    LP2P_TRY(use_memory(&w->a, w->hub));
    w->has_b = true;
    LP2P_TRY(peer_init(&w->b, w->env_b, mem, 2));
    LP2P_TRY(use_memory(&w->b, w->hub));
    return peer_listen(&w->a, at, &w->at);
}

static void world_fini(struct world *w)
{
    if (w->has_b) {
        peer_fini(&w->b);
    }
    if (w->has_a) {
        peer_fini(&w->a);
    }
    lp2p_mem_hub_free(w->hub);
    lp2p_env_free(w->env_a);
    lp2p_env_free(w->env_b);
    lp2p_sim_free(w->sim);
}

static void run_for(struct world *w, lp2p_ts time)
{
    lp2p_sim_run(w->sim, lp2p_sim_now(w->sim) + time);
}

static struct lp2p_multiaddr addr_of(const char *text)
{
    struct lp2p_multiaddr ma;
    assert_int_equal(lp2p_multiaddr_parse(text, strlen(text), &ma), 0);
    return ma;
}

/* ---- addresses ---- */

static void only_memory_addresses_are_taken(void **state)
{
    (void)state;
    static struct world w;
    assert_int_equal(world_init(&w, lp2p_mem_default(), "/memory/7"), 0);
    const struct lp2p_transport *t = w.a.transport;
    struct lp2p_multiaddr seven = addr_of("/memory/7"), zero = addr_of("/memory/0");
    struct lp2p_multiaddr tcp = addr_of("/ip4/1.2.3.4/tcp/7"), two = addr_of("/memory/7/memory/8");
    struct lp2p_multiaddr whose = seven;
    assert_int_equal(lp2p_multiaddr_with_peer_id(&whose, &w.a.identity.id), 0);
    assert_true(t->ops->can_dial(t, &seven) && t->ops->can_listen(t, &seven));
    assert_true(t->ops->can_dial(t, &whose));
    assert_true(!t->ops->can_dial(t, &zero) && t->ops->can_listen(t, &zero));
    assert_true(!t->ops->can_dial(t, &tcp) && !t->ops->can_listen(t, &tcp));
    assert_true(!t->ops->can_dial(t, &two) && !t->ops->can_listen(t, &two));
    assert_true(lp2p_multiaddr_eq(&w.at, &seven));
    world_fini(&w);
}

static void a_number_has_one_listener(void **state)
{
    (void)state;
    static struct world w;
    struct lp2p_multiaddr first, second;
    assert_int_equal(world_init(&w, lp2p_mem_default(), "/memory/7"), 0);
    assert_int_equal(peer_listen(&w.b, "/memory/7", &first), -LP2P_E_ADDR_IN_USE);
    /* 0 draws one. */
    assert_int_equal(peer_listen(&w.b, "/memory/0", &first), 0);
    w.b.transport->ops->listener_close(w.b.listener);
    assert_int_equal(peer_listen(&w.b, "/memory/0", &second), 0);
    assert_false(lp2p_multiaddr_eq(&first, &second) || lp2p_multiaddr_eq(&first, &w.at));
    w.a.transport->ops->listener_close(w.a.listener);
    assert_int_equal(peer_listen(&w.a, "/memory/7", &first), 0);
    world_fini(&w);
}

/* ---- connections ---- */

static const uint8_t bulk[3U * 1024U * 1024U + 77U] = {1, 2, 3};

static void bytes_arrive_whole_and_are_answered(void **state)
{
    (void)state;
    static struct world w;
    struct peer_conn *c;
    assert_int_equal(world_init(&w, lp2p_mem_default(), "/memory/0"), 0);
    int err = peer_dial(&w.b, &w.at, &w.a.identity.id, lp2p_span(bulk, sizeof(bulk)), &c);
    assert_int_equal(err, 0);
    run_for(&w, LP2P_SEC(1));
    assert_true(peer_conn_is_answered(c));
    struct lp2p_multiaddr local, remote, local_a, remote_a;
    w.b.transport->ops->carrier_addrs(c->carrier, &local, &remote);
    assert_true(lp2p_multiaddr_eq(&remote, &w.at));
    struct peer_conn *in = LP2P_CONTAINER(w.a.conns.next, struct peer_conn, node);
    w.a.transport->ops->carrier_addrs(in->carrier, &local_a, &remote_a);
    assert_true(lp2p_multiaddr_eq(&local_a, &w.at));
    assert_true(lp2p_multiaddr_eq(&remote_a, &local));
    /* What was drawn for a dialer is no place to dial. */
    assert_int_equal(peer_dial(&w.a, &local, NULL, lp2p_span(bulk, 5), &in), 0);
    run_for(&w, LP2P_SEC(1));
    assert_int_equal(w.a.why.code, -LP2P_E_REFUSED);
    world_fini(&w);
}

static void nobody_there_is_refused(void **state)
{
    (void)state;
    static struct world w;
    struct peer_conn *c;
    struct lp2p_multiaddr other = addr_of("/memory/8");
    assert_int_equal(world_init(&w, lp2p_mem_default(), "/memory/7"), 0);
    assert_int_equal(peer_dial(&w.b, &other, NULL, lp2p_span(bulk, 5), &c), 0);
    assert_int_equal(w.b.closed, 0); /* not from inside the call */
    run_for(&w, 0);
    assert_int_equal(w.b.closed, 1);
    assert_int_equal(w.b.why.code, -LP2P_E_REFUSED);
    world_fini(&w);
}

static void a_goodbye_ends_both_sides_in_order(void **state)
{
    (void)state;
    static struct world w;
    struct peer_conn *c;
    assert_int_equal(world_init(&w, lp2p_mem_default(), "/memory/7"), 0);
    assert_int_equal(peer_dial(&w.b, &w.at, NULL, lp2p_span(bulk, 5), &c), 0);
    run_for(&w, LP2P_SEC(1));
    peer_close(&w.b, LP2P_SEC(1));
    run_for(&w, LP2P_MSEC(10));
    assert_int_equal(w.a.closed, 1);
    assert_int_equal(w.b.closed, 1);
    assert_int_equal(w.b.why.code, 0);
    assert_int_equal(w.a.why.code, -LP2P_E_CLOSED);
    world_fini(&w);
}

static void an_abort_resets_the_other_side(void **state)
{
    (void)state;
    static struct world w;
    struct peer_conn *c;
    assert_int_equal(world_init(&w, lp2p_mem_default(), "/memory/7"), 0);
    assert_int_equal(peer_dial(&w.b, &w.at, NULL, lp2p_span(bulk, 5), &c), 0);
    run_for(&w, LP2P_SEC(1));
    c->carrier->ops->abort(c->carrier);
    c->carrier = NULL;
    lp2p_scope_fini(&c->scope);
    run_for(&w, LP2P_MSEC(10));
    assert_int_equal(w.a.closed, 1);
    assert_int_equal(w.a.why.code, -LP2P_E_RESET);
    world_fini(&w);
}

/* Those that wait for a listener that goes are reset; those that are too many are refused. */
static void a_listener_that_stands_still_has_a_backlog(void **state)
{
    (void)state;
    static struct world w;
    struct peer_conn *c;
    assert_int_equal(world_init(&w, lp2p_mem_default(), "/memory/7"), 0);
    lp2p_sim_freeze(w.env_a, true);
    for (size_t i = 0; i < 140; i++) {
        assert_int_equal(peer_dial(&w.b, &w.at, NULL, lp2p_span(bulk, 5), &c), 0);
    }
    run_for(&w, LP2P_MSEC(10));
    assert_int_equal(w.b.closed, 140 - 128);
    assert_int_equal(w.b.why.code, -LP2P_E_REFUSED);
    w.a.transport->ops->listener_close(w.a.listener);
    w.a.listener = NULL;
    run_for(&w, LP2P_MSEC(10));
    assert_int_equal(w.b.closed, 140);
    assert_int_equal(w.b.why.code, -LP2P_E_RESET);
    world_fini(&w);
}

/* ---- the pipe alone ---- */

struct reader {
    struct mem_end *e;
    unsigned readable, writable, connected;
};

static void reader_on_connect(void *ctx, int err)
{
    ((struct reader *)ctx)->connected += err == 0;
}

static void reader_on_readable(void *ctx)
{
    struct reader *r = ctx;
    r->readable++;
    r->e->io.ops->want(&r->e->io, false, false);
}

static void reader_on_writable(void *ctx)
{
    struct reader *r = ctx;
    r->writable++;
    r->e->io.ops->want(&r->e->io, false, false);
}

static const struct lp2p_io_events reader_events = {.on_connect = reader_on_connect,
                                                    .on_readable = reader_on_readable,
                                                    .on_writable = reader_on_writable};

/* Full, drained, ended: what each call says, and who is woken. */
static void a_pipe_is_bounded_and_ends_as_tcp_does(void **state)
{
    (void)state;
    static struct world w;
    static uint8_t buf[MEM_PIPE_MAX];
    assert_int_equal(world_init(&w, lp2p_mem_default(), "/memory/7"), 0);
    struct mem_end *a, *b;
    assert_int_equal(mem_pipe_new(lp2p_mem_default(), w.env_a, &a), 0);
    b = mem_pipe_join(a, w.env_b);
    struct reader ra = {.e = a}, rb = {.e = b};
    a->io.ops->start(&a->io, &reader_events, &ra);
    b->io.ops->start(&b->io, &reader_events, &rb);
    run_for(&w, 1);
    assert_int_equal(ra.connected, 1);
    struct lp2p_span spans[] = {lp2p_span(bulk, 10), lp2p_span(bulk, MEM_PIPE_MAX)};
    size_t n = 0;
    assert_int_equal(a->io.ops->write(&a->io, spans, 2, &n), 0);
    assert_int_equal(n, MEM_PIPE_MAX);
    assert_int_equal(a->io.ops->write(&a->io, spans, 1, &n), -LP2P_E_AGAIN);
    b->io.ops->want(&b->io, true, true);
    a->io.ops->want(&a->io, false, true);
    run_for(&w, 1);
    assert_true(rb.readable == 1 && rb.writable == 0 && ra.writable == 0);
    /* A little room wakes nobody. */
    assert_int_equal(b->io.ops->read(&b->io, buf, 100, &n), 0);
    run_for(&w, 1);
    assert_int_equal(ra.writable, 0);
    assert_int_equal(b->io.ops->read(&b->io, buf, MEM_PIPE_WRITABLE, &n), 0);
    run_for(&w, 1);
    assert_int_equal(ra.writable, 1);
    /* An orderly end comes after the bytes; writing to who is gone is a reset. */
    a->io.ops->close(&a->io, false);
    assert_int_equal(b->io.ops->read(&b->io, buf, sizeof(buf), &n), 0);
    assert_int_equal(n, MEM_PIPE_MAX - MEM_PIPE_WRITABLE - 100);
    assert_int_equal(b->io.ops->read(&b->io, buf, sizeof(buf), &n), -LP2P_E_EOF);
    assert_int_equal(b->io.ops->write(&b->io, spans, 1, &n), -LP2P_E_RESET);
    b->io.ops->close(&b->io, false);

    /* Closed with bytes unread. */
    assert_int_equal(mem_pipe_new(lp2p_mem_default(), w.env_a, &a), 0);
    b = mem_pipe_join(a, w.env_b);
    assert_int_equal(a->io.ops->write(&a->io, spans, 1, &n), 0);
    b->io.ops->close(&b->io, false);
    assert_int_equal(a->io.ops->read(&a->io, buf, sizeof(buf), &n), -LP2P_E_RESET);
    a->io.ops->close(&a->io, false);
    world_fini(&w);
}

/* ---- out of memory ---- */

static int whole_run(const struct lp2p_mem *mem, void *ctx)
{
    (void)ctx;
    const struct failmem *f = mem->ctx;
    static struct world w;
    struct peer_conn *c = NULL;
    int err = world_init(&w, mem, "/memory/7");
    if (err == 0) {
        err = peer_dial(&w.b, &w.at, &w.a.identity.id, lp2p_span(bulk, 300000), &c);
    }
    if (err == 0) {
        run_for(&w, LP2P_SEC(60));
        assert_true(peer_conn_is_answered(c) || f->failed > 0);
        assert_true(f->failed > 0 || w.b.closed == 0);
        peer_close(&w.a, LP2P_SEC(1));
        peer_close(&w.b, LP2P_SEC(1));
        run_for(&w, LP2P_SEC(5));
    }
    world_fini(&w);
    return err;
}

static void any_allocation_may_fail(void **state)
{
    (void)state;
    assert_true(failmem_each(whole_run, NULL) > 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_memory_addresses_are_taken),
        cmocka_unit_test(a_number_has_one_listener),
        cmocka_unit_test(bytes_arrive_whole_and_are_answered),
        cmocka_unit_test(nobody_there_is_refused),
        cmocka_unit_test(a_goodbye_ends_both_sides_in_order),
        cmocka_unit_test(an_abort_resets_the_other_side),
        cmocka_unit_test(a_listener_that_stands_still_has_a_backlog),
        cmocka_unit_test(a_pipe_is_bounded_and_ends_as_tcp_does),
        cmocka_unit_test(any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
