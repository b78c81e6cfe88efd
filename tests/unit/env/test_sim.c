#include "env/sim/sim.h"

#include "cmocka_all.h"

#include "base/assert.h"
#include "harness/failmem.h"

#define BULK (2U * 1024U * 1024U)

/* One end of a stream and what it saw. Sends bytes that count up, and checks those it gets. */
struct end {
    struct lp2p_io *io;
    struct lp2p_sim *sim;
    int connected; /* number of on_connect */
    int err;       /* of on_connect */
    lp2p_ts connected_at;
    int read_err;
    lp2p_ts read_err_at;
    size_t received;
    size_t sent;
    size_t to_send;
    bool shut;
    bool lazy; /* does not read */
};

static void end_want(struct end *e)
{
    bool write = e->sent < e->to_send;
    e->io->ops->want(e->io, !e->lazy && e->read_err == 0, write);
}

static void end_on_connect(void *ctx, int err)
{
    struct end *e = ctx;
    e->connected++;
    e->err = err;
    e->connected_at = lp2p_sim_now(e->sim);
    if (err == 0) {
        end_want(e);
    }
}

static void end_on_readable(void *ctx)
{
    struct end *e = ctx;
    static uint8_t buf[65536];
    size_t n = 0;
    int err = e->io->ops->read(e->io, buf, sizeof(buf), &n);
    for (size_t i = 0; err == 0 && i < n; i++) {
        assert_int_equal(buf[i], (uint8_t)(e->received++ % 251));
    }
    if (err != 0 && err != -LP2P_E_AGAIN) {
        e->read_err = err;
        e->read_err_at = lp2p_sim_now(e->sim);
        end_want(e);
    }
}

static void end_on_writable(void *ctx)
{
    struct end *e = ctx;
    static uint8_t buf[100000];
    size_t n = LP2P_MIN(e->to_send - e->sent, sizeof(buf));
    for (size_t i = 0; i < n; i++) {
        buf[i] = (uint8_t)((e->sent + i) % 251);
    }
    struct lp2p_span span = lp2p_span(buf, n);
    size_t put = 0;
    int err = e->io->ops->write(e->io, &span, 1, &put);
    e->sent += put;
    if (err != 0 && err != -LP2P_E_AGAIN) {
        e->read_err = err;
        e->read_err_at = lp2p_sim_now(e->sim);
        e->to_send = e->sent;
    }
    if (e->sent == e->to_send && e->shut) {
        e->io->ops->shutdown(e->io);
    }
    end_want(e);
}

static const struct lp2p_io_events end_events = {
    .on_connect = end_on_connect,
    .on_readable = end_on_readable,
    .on_writable = end_on_writable,
};

/* Two machines on a link; a listens, b dials. */
struct world {
    struct lp2p_sim *sim;
    struct lp2p_sim_link *link;
    struct lp2p_env *a, *b;
    uint32_t if_a, if_b;
    struct lp2p_listener *listener;
    struct lp2p_endpoint at;
    struct end server, client;
    int accepted;
    bool refuse;
};

static void on_accept(void *ctx, struct lp2p_io *io, const struct lp2p_endpoint *local,
                      const struct lp2p_endpoint *remote)
{
    struct world *w = ctx;
    w->accepted++;
    assert_int_equal(local->port, w->at.port);
    assert_true(remote->port != 0);
    if (w->refuse || w->server.io != NULL) {
        io->ops->close(io, true);
        return;
    }
    w->server.io = io;
    io->ops->start(io, &end_events, &w->server);
    end_want(&w->server);
}

static const struct lp2p_listener_events listener_events = {.on_accept = on_accept};

#define A_IP lp2p_endpoint_ip4(192, 168, 1, 1, 0)
#define B_IP lp2p_endpoint_ip4(192, 168, 1, 2, 0)

/* 0 or -LP2P_E_NOMEM; `w` can be given to world_fini in any case. */
static int world_try(struct world *w, const struct lp2p_mem *mem, uint64_t seed)
{
    const struct lp2p_sim_link_cfg cfg = {.delay = LP2P_MSEC(10), .jitter = LP2P_MSEC(2)};
    *w = (struct world){.sim = NULL};
    LP2P_TRY(lp2p_sim_new(mem, seed, &w->sim));
    LP2P_TRY(lp2p_sim_link_new(w->sim, &cfg, &w->link));
    LP2P_TRY(lp2p_sim_machine(w->sim, "a", &w->a));
    LP2P_TRY(lp2p_sim_machine(w->sim, "b", &w->b));
    struct lp2p_endpoint a = A_IP, b = B_IP;
    LP2P_TRY(lp2p_sim_plug(w->a, w->link, &a, 24, &w->if_a));
    LP2P_TRY(lp2p_sim_plug(w->b, w->link, &b, 24, &w->if_b));
    LP2P_TRY(w->a->ops->listen(w->a, &a, &listener_events, w, &w->listener));
    w->at = w->a->ops->listener_local(w->listener);
    w->client.sim = w->sim;
    w->server.sim = w->sim;
    return 0;
}

static void world_init(struct world *w)
{
    assert_int_equal(world_try(w, NULL, 1), 0);
}

static int world_dial(struct world *w)
{
    struct lp2p_connect how = {.remote = w->at};
    LP2P_TRY(w->b->ops->connect(w->b, &how, &w->client.io));
    w->client.io->ops->start(w->client.io, &end_events, &w->client);
    return 0;
}

static void end_close(struct end *e, bool abort)
{
    if (e->io != NULL) {
        e->io->ops->close(e->io, abort);
        e->io = NULL;
    }
}

static void world_fini(struct world *w)
{
    end_close(&w->client, false);
    end_close(&w->server, false);
    if (w->listener != NULL) {
        w->a->ops->listener_close(w->listener);
    }
    lp2p_env_free(w->a);
    lp2p_env_free(w->b);
    lp2p_sim_free(w->sim);
}

static void run_for(struct world *w, lp2p_ts time)
{
    lp2p_sim_run(w->sim, lp2p_sim_now(w->sim) + time);
}

/* ---- streams ---- */

static void connecting_takes_a_round_trip(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    lp2p_ts start = lp2p_sim_now(w.sim);
    assert_int_equal(world_dial(&w), 0);
    assert_int_equal(w.client.connected, 0);
    run_for(&w, LP2P_SEC(1));
    assert_int_equal(w.client.connected, 1);
    assert_int_equal(w.client.err, 0);
    assert_in_range(w.client.connected_at - start, LP2P_MSEC(20), LP2P_MSEC(24));
    assert_int_equal(w.accepted, 1);
    struct lp2p_endpoint local, remote, seen_local, seen_remote;
    w.client.io->ops->addrs(w.client.io, &local, &remote);
    w.server.io->ops->addrs(w.server.io, &seen_local, &seen_remote);
    assert_true(lp2p_endpoint_eq(&local, &seen_remote));
    assert_true(lp2p_endpoint_eq(&remote, &seen_local));
    world_fini(&w);
}

static void bytes_go_both_ways_in_order(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    w.client.to_send = BULK;
    w.server.to_send = BULK / 2;
    w.client.shut = true;
    w.server.shut = true;
    assert_int_equal(world_dial(&w), 0);
    run_for(&w, LP2P_SEC(60));
    assert_int_equal(w.server.received, BULK);
    assert_int_equal(w.client.received, BULK / 2);
    assert_int_equal(w.server.read_err, -LP2P_E_EOF);
    assert_int_equal(w.client.read_err, -LP2P_E_EOF);
    world_fini(&w);
}

static void a_reader_that_stands_still_stops_the_writer(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    w.client.to_send = BULK;
    w.server.lazy = true;
    assert_int_equal(world_dial(&w), 0);
    run_for(&w, LP2P_SEC(60));
    assert_in_range(w.client.sent, 1, 512U * 1024U);
    assert_int_equal(w.client.read_err, 0);
    w.server.lazy = false;
    end_want(&w.server);
    run_for(&w, LP2P_SEC(60));
    assert_int_equal(w.server.received, BULK);
    world_fini(&w);
}

static void nobody_listening_is_refused_after_a_round_trip(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    w.a->ops->listener_close(w.listener);
    w.listener = NULL;
    lp2p_ts start = lp2p_sim_now(w.sim);
    assert_int_equal(world_dial(&w), 0);
    run_for(&w, LP2P_SEC(1));
    assert_int_equal(w.client.err, -LP2P_E_REFUSED);
    assert_in_range(w.client.connected_at - start, LP2P_MSEC(20), LP2P_MSEC(24));
    world_fini(&w);
}

static void nobody_there_is_unreachable(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    w.at = lp2p_endpoint_ip4(192, 168, 1, 77, 4001);
    assert_int_equal(world_dial(&w), 0);
    run_for(&w, LP2P_SEC(5));
    assert_int_equal(w.client.err, -LP2P_E_UNREACHABLE);
    end_close(&w.client, false);
    w.at = lp2p_endpoint_ip4(10, 0, 0, 1, 4001); /* no route */
    assert_int_equal(world_dial(&w), -LP2P_E_UNREACHABLE);
    world_fini(&w);
}

static void a_cut_is_silent_and_heals(void **state)
{
    (void)state;
    struct world w;
    for (int way = 0; way < 2; way++) {
        world_init(&w);
        lp2p_sim_cut(way ? w.a : w.b, way ? w.b : w.a, true);
        assert_int_equal(world_dial(&w), 0);
        run_for(&w, LP2P_SEC(30));
        assert_int_equal(w.client.connected, 0);
        lp2p_sim_cut(way ? w.a : w.b, way ? w.b : w.a, false);
        run_for(&w, LP2P_SEC(60));
        assert_int_equal(w.client.connected, 1);
        assert_int_equal(w.client.err, 0);
        world_fini(&w);
    }
}

static void bytes_wait_for_a_short_cut_and_give_up_on_a_long_one(void **state)
{
    (void)state;
    struct world w;
    for (int lengthy = 0; lengthy < 2; lengthy++) {
        world_init(&w);
        assert_int_equal(world_dial(&w), 0);
        run_for(&w, LP2P_SEC(1));
        lp2p_sim_cut(w.b, w.a, true);
        w.client.to_send = 1000;
        end_want(&w.client);
        run_for(&w, LP2P_SEC(lengthy ? 11 : 5));
        assert_int_equal(w.server.received, 0);
        assert_int_equal(w.client.read_err, lengthy ? -LP2P_E_TIMEOUT : 0);
        lp2p_sim_cut(w.b, w.a, false);
        run_for(&w, LP2P_SEC(6));
        assert_int_equal(w.server.received, lengthy ? 0 : 1000);
        world_fini(&w);
    }
}

static void an_abort_and_a_close_with_unread_bytes_are_resets(void **state)
{
    (void)state;
    struct world w;
    for (int unread = 0; unread < 2; unread++) {
        world_init(&w);
        w.server.lazy = true;
        assert_int_equal(world_dial(&w), 0);
        run_for(&w, LP2P_SEC(1));
        w.client.to_send = unread ? 10 : 0;
        end_want(&w.client);
        run_for(&w, LP2P_SEC(1));
        end_close(&w.server, !unread);
        run_for(&w, LP2P_SEC(1));
        assert_int_equal(w.client.read_err, -LP2P_E_RESET);
        world_fini(&w);
    }
}

static void bytes_for_a_closed_socket_come_back_as_a_reset(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    assert_int_equal(world_dial(&w), 0);
    run_for(&w, LP2P_SEC(1));
    end_close(&w.server, false);
    run_for(&w, LP2P_SEC(1));
    assert_int_equal(w.client.read_err, -LP2P_E_EOF);
    w.client.read_err = 0;
    w.client.to_send = 10;
    end_want(&w.client);
    run_for(&w, LP2P_SEC(1));
    w.client.to_send = 20;
    end_want(&w.client);
    run_for(&w, LP2P_SEC(1));
    assert_int_equal(w.client.read_err, -LP2P_E_RESET);
    world_fini(&w);
}

static void a_frozen_machine_neither_reads_nor_fires(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    w.client.to_send = BULK;
    lp2p_sim_freeze(w.a, true);
    assert_int_equal(world_dial(&w), 0);
    run_for(&w, LP2P_SEC(8));
    assert_int_equal(w.client.err, 0); /* its kernel takes the connection */
    assert_int_equal(w.client.connected, 1);
    assert_int_equal(w.accepted, 0);
    assert_in_range(w.client.sent, 1, 512U * 1024U);
    lp2p_sim_freeze(w.a, false);
    run_for(&w, LP2P_SEC(60));
    assert_int_equal(w.server.received, BULK);
    world_fini(&w);
}

static void an_unplugged_address_is_dead_and_comes_back(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    assert_int_equal(world_dial(&w), 0);
    run_for(&w, LP2P_SEC(1));
    lp2p_sim_unplug(w.a, w.if_a);
    w.client.to_send = 1000;
    end_want(&w.client);
    run_for(&w, LP2P_SEC(3));
    assert_int_equal(w.server.received, 0);
    struct lp2p_endpoint a = A_IP;
    assert_int_equal(lp2p_sim_plug(w.a, w.link, &a, 24, &w.if_a), 0);
    run_for(&w, LP2P_SEC(6));
    assert_int_equal(w.server.received, 1000);
    world_fini(&w);
}

static void ports_are_kept_apart(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct lp2p_listener *second;
    struct lp2p_endpoint any = {.family = LP2P_FAMILY_IP4, .port = w.at.port};
    int err = w.a->ops->listen(w.a, &any, &listener_events, &w, &second);
    assert_int_equal(err, -LP2P_E_ADDR_IN_USE);
    struct lp2p_endpoint foreign = B_IP;
    err = w.a->ops->listen(w.a, &foreign, &listener_events, &w, &second);
    assert_int_equal(err, -LP2P_E_ADDR_NOT_AVAIL);
    struct lp2p_endpoint local = lp2p_endpoint_ip4(0, 0, 0, 0, 4001);
    struct lp2p_connect how = {.remote = w.at, .local = &local};
    assert_int_equal(w.b->ops->connect(w.b, &how, &w.client.io), 0);
    struct lp2p_io *again;
    assert_int_equal(w.b->ops->connect(w.b, &how, &again), -LP2P_E_ADDR_NOT_AVAIL);
    struct lp2p_endpoint got, remote;
    w.client.io->ops->addrs(w.client.io, &got, &remote);
    assert_int_equal(got.port, 4001);
    world_fini(&w);
}

static void loopback_stays_inside_a_machine(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    w.a->ops->listener_close(w.listener);
    w.listener = NULL;
    struct lp2p_endpoint lo = lp2p_endpoint_ip4(127, 0, 0, 1, 4001);
    assert_int_equal(w.a->ops->listen(w.a, &lo, &listener_events, &w, &w.listener), 0);
    w.at = lo;
    assert_int_equal(world_dial(&w), 0); /* from the other machine: its own loopback */
    run_for(&w, LP2P_SEC(1));
    assert_int_equal(w.client.err, -LP2P_E_REFUSED);
    end_close(&w.client, false);
    struct lp2p_connect how = {.remote = lo};
    assert_int_equal(w.a->ops->connect(w.a, &how, &w.client.io), 0);
    w.client.to_send = 1000;
    w.client.io->ops->start(w.client.io, &end_events, &w.client);
    run_for(&w, LP2P_SEC(1));
    assert_int_equal(w.server.received, 1000);
    world_fini(&w);
}

static void two_hundred_connections(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    static struct end ends[200];
    w.refuse = true;
    for (size_t i = 0; i < LP2P_COUNT(ends); i++) {
        struct lp2p_connect how = {.remote = w.at};
        ends[i] = (struct end){.sim = w.sim};
        assert_int_equal(w.b->ops->connect(w.b, &how, &ends[i].io), 0);
        ends[i].io->ops->start(ends[i].io, &end_events, &ends[i]);
    }
    run_for(&w, LP2P_SEC(30));
    assert_int_equal(w.accepted, 200);
    for (size_t i = 0; i < LP2P_COUNT(ends); i++) {
        assert_int_equal(ends[i].connected, 1);
        assert_int_equal(ends[i].read_err, -LP2P_E_RESET);
        end_close(&ends[i], false);
    }
    world_fini(&w);
}

/* ---- datagrams ---- */

struct dgrams {
    int n;
    struct lp2p_endpoint from, to;
    uint32_t ifindex;
};

static void on_dgram(void *ctx, struct lp2p_mspan data, const struct lp2p_endpoint *from,
                     const struct lp2p_endpoint *to, uint32_t ifindex)
{
    struct dgrams *d = ctx;
    assert_memory_equal(data.p, "ping", 4);
    d->n++;
    d->from = *from;
    d->to = *to;
    d->ifindex = ifindex;
}

static const struct lp2p_udp_events udp_events = {.on_dgram = on_dgram};

struct pair {
    struct world w;
    struct lp2p_udp *a, *b;
    struct dgrams at_a, at_b;
    struct lp2p_endpoint group;
};

static void pair_init(struct pair *p)
{
    memset(p, 0, sizeof(*p));
    world_init(&p->w);
    struct lp2p_udp_cfg cfg = {.family = LP2P_FAMILY_IP4, .port = 5353, .shared = true};
    p->group = lp2p_endpoint_ip4(224, 0, 0, 251, 5353);
    struct lp2p_env *a = p->w.a, *b = p->w.b;
    assert_int_equal(a->ops->udp_open(a, &cfg, &udp_events, &p->at_a, &p->a), 0);
    assert_int_equal(b->ops->udp_open(b, &cfg, &udp_events, &p->at_b, &p->b), 0);
    assert_int_equal(a->ops->udp_join(p->a, &p->group, p->w.if_a), 0);
    assert_int_equal(a->ops->udp_join(p->a, &p->group, p->w.if_a), -LP2P_E_EXISTS);
}

static void pair_fini(struct pair *p)
{
    p->w.a->ops->udp_close(p->a);
    p->w.b->ops->udp_close(p->b);
    world_fini(&p->w);
}

static void send_ping(struct pair *p, bool from_a, const struct lp2p_endpoint *to, uint32_t ifindex)
{
    struct lp2p_env *env = from_a ? p->w.a : p->w.b;
    struct lp2p_udp *u = from_a ? p->a : p->b;
    assert_int_equal(env->ops->udp_send(u, to, ifindex, NULL, lp2p_span_str("ping")), 0);
    run_for(&p->w, LP2P_SEC(1));
}

static void multicast_reaches_members_and_ourselves(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p);
    struct lp2p_endpoint b = B_IP;
    send_ping(&p, false, &p.group, p.w.if_b);
    assert_int_equal(p.at_a.n, 1);
    assert_int_equal(p.at_b.n, 0); /* not a member */
    assert_true(lp2p_endpoint_same_ip(&p.at_a.from, &b));
    assert_int_equal(p.at_a.from.port, 5353);
    assert_int_equal(p.at_a.ifindex, p.w.if_a);
    assert_true(lp2p_endpoint_same_ip(&p.at_a.to, &p.group));
    assert_int_equal(p.w.b->ops->udp_join(p.b, &p.group, p.w.if_b), 0);
    send_ping(&p, false, &p.group, 0);
    assert_int_equal(p.at_a.n, 2);
    assert_int_equal(p.at_b.n, 1);
    assert_int_equal(p.w.a->ops->udp_leave(p.a, &p.group, p.w.if_a), 0);
    send_ping(&p, false, &p.group, p.w.if_b);
    assert_int_equal(p.at_a.n, 2);
    pair_fini(&p);
}

static void multicast_on_loopback_stays_there(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p);
    assert_int_equal(p.w.b->ops->udp_join(p.b, &p.group, 1), 0);
    send_ping(&p, false, &p.group, 1);
    assert_int_equal(p.at_a.n, 0);
    assert_int_equal(p.at_b.n, 1);
    assert_int_equal(p.at_b.ifindex, 1);
    assert_true(lp2p_endpoint_is_loopback(&p.at_b.from));
    pair_fini(&p);
}

static void an_access_point_can_hide_multicast(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p);
    const struct lp2p_sim_link_cfg cfg = {.no_multicast = true};
    struct lp2p_sim_link *link;
    uint32_t a2, b2;
    struct lp2p_endpoint a = lp2p_endpoint_ip4(10, 0, 0, 1, 0),
                         b = lp2p_endpoint_ip4(10, 0, 0, 2, 0);
    assert_int_equal(lp2p_sim_link_new(p.w.sim, &cfg, &link), 0);
    assert_int_equal(lp2p_sim_plug(p.w.a, link, &a, 8, &a2), 0);
    assert_int_equal(lp2p_sim_plug(p.w.b, link, &b, 8, &b2), 0);
    assert_int_equal(p.w.a->ops->udp_join(p.a, &p.group, a2), 0);
    send_ping(&p, false, &p.group, b2);
    assert_int_equal(p.at_a.n, 0);
    a.port = 5353;
    send_ping(&p, false, &a, 0); /* unicast passes */
    assert_int_equal(p.at_a.n, 1);
    assert_int_equal(p.at_a.ifindex, a2);
    pair_fini(&p);
}

static void a_cut_drops_datagrams(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p);
    lp2p_sim_cut(p.w.b, p.w.a, true);
    send_ping(&p, false, &p.group, p.w.if_b);
    assert_int_equal(p.at_a.n, 0);
    struct lp2p_endpoint b = B_IP;
    b.port = 5353;
    send_ping(&p, true, &b, 0); /* the other way is open */
    assert_int_equal(p.at_b.n, 1);
    pair_fini(&p);
}

static void interfaces_are_listed(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct lp2p_iface rows[8];
    size_t n = 0;
    assert_int_equal(w.a->ops->interfaces(w.a, rows, 8, &n), 0);
    assert_int_equal(n, 3);
    struct lp2p_endpoint a = A_IP;
    assert_true(rows[0].loopback && rows[1].loopback && !rows[2].loopback);
    assert_true(lp2p_endpoint_same_ip(&rows[2].addr, &a));
    assert_int_equal(rows[2].index, w.if_a);
    assert_int_equal(rows[2].prefix, 24);
    lp2p_sim_unplug(w.a, w.if_a);
    assert_int_equal(w.a->ops->interfaces(w.a, rows, 8, &n), 0);
    assert_int_equal(n, 2);
    world_fini(&w);
}

/* ---- the world ---- */

static uint64_t trace_of(uint64_t seed)
{
    struct world w;
    assert_int_equal(world_try(&w, NULL, seed), 0);
    w.client.to_send = BULK;
    w.client.shut = true;
    assert_int_equal(world_dial(&w), 0);
    run_for(&w, LP2P_SEC(60));
    assert_int_equal(w.server.received, BULK);
    uint8_t random[16];
    lp2p_random_fill(&w.a->random, random, sizeof(random));
    uint64_t trace = lp2p_sim_trace(w.sim) ^ random[0];
    world_fini(&w);
    return trace;
}

static void the_same_seed_gives_the_same_trace(void **state)
{
    (void)state;
    assert_int_equal(trace_of(7), trace_of(7));
    assert_int_not_equal(trace_of(7), trace_of(8));
}

static void the_clock_stops_where_it_was_told(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    lp2p_ts at = lp2p_sim_now(w.sim) + 12345;
    lp2p_sim_run(w.sim, at);
    assert_int_equal(lp2p_sim_now(w.sim), at);
    assert_int_equal(lp2p_env_now(w.a), at);
    lp2p_sim_run(w.sim, LP2P_TS_NEVER); /* nothing is left to do */
    assert_int_equal(lp2p_sim_now(w.sim), at);
    world_fini(&w);
}

static int talk(const struct lp2p_mem *mem, void *ctx)
{
    (void)ctx;
    struct world w;
    int err = world_try(&w, mem, 3);
    w.client.to_send = 100000;
    w.client.shut = true;
    if (err == 0) {
        err = world_dial(&w);
    }
    if (err == 0) {
        lp2p_sim_run(w.sim, lp2p_sim_now(w.sim) + LP2P_SEC(60));
        err = w.server.received == 100000 ? 0 : w.client.read_err;
    }
    world_fini(&w);
    return err;
}

static void every_failed_allocation_is_an_error_and_leaks_nothing(void **state)
{
    (void)state;
    assert_true(failmem_each(talk, NULL) > 5);
}

/* ---- changes ---- */

static void count_change(void *ctx)
{
    unsigned *n = ctx;
    (*n)++;
}

static void changes_of_interfaces_are_told_once_a_burst(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    unsigned n = 0;
    uint32_t more;
    struct lp2p_env_watch watch = {.on_change = count_change, .ctx = &n};
    struct lp2p_endpoint ip = lp2p_endpoint_ip4(10, 9, 0, 1, 0);
    assert_int_equal(w.a->ops->watch(w.a, &watch), 0);
    lp2p_sim_run(w.sim, lp2p_sim_now(w.sim) + LP2P_SEC(1));
    assert_int_equal(n, 0);
    assert_int_equal(lp2p_sim_plug(w.a, w.link, &ip, 24, &more), 0);
    lp2p_sim_unplug(w.a, w.if_a);
    assert_int_equal(n, 0);
    lp2p_sim_run(w.sim, lp2p_sim_now(w.sim) + LP2P_ENV_CHANGE_MERGE);
    assert_int_equal(n, 1);
    /* A process that stands still hears it afterwards. */
    lp2p_sim_freeze(w.a, true);
    lp2p_sim_unplug(w.a, more);
    lp2p_sim_run(w.sim, lp2p_sim_now(w.sim) + LP2P_SEC(1));
    assert_int_equal(n, 1);
    lp2p_sim_freeze(w.a, false);
    lp2p_sim_run(w.sim, lp2p_sim_now(w.sim) + LP2P_SEC(1));
    assert_int_equal(n, 2);
    w.a->ops->unwatch(w.a, &watch);
    assert_int_equal(lp2p_sim_plug(w.a, w.link, &ip, 24, &more), 0);
    lp2p_sim_run(w.sim, lp2p_sim_now(w.sim) + LP2P_SEC(1));
    assert_int_equal(n, 2);
    world_fini(&w);
}

static void pauses_are_told_when_they_are_over(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    unsigned changes = 0;
    struct lp2p_env_watch plain = {.on_change = count_change, .ctx = &changes};
    unsigned resumes = 0;
    struct lp2p_env_watch watch = {
        .on_change = count_change, .on_resume = count_change, .ctx = &resumes};
    assert_int_equal(w.a->ops->watch(w.a, &plain), 0);
    assert_int_equal(w.a->ops->watch(w.a, &watch), 0);
    static const lp2p_ts pauses[] = {LP2P_ENV_PAUSE - 1, LP2P_ENV_PAUSE, LP2P_SEC(100)};
    for (unsigned i = 0; i < LP2P_COUNT(pauses); i++) {
        lp2p_sim_freeze(w.a, true);
        lp2p_sim_run(w.sim, lp2p_sim_now(w.sim) + pauses[i]);
        lp2p_sim_freeze(w.a, true);
        lp2p_sim_freeze(w.a, false);
        lp2p_sim_freeze(w.a, false);
        lp2p_sim_run(w.sim, lp2p_sim_now(w.sim) + 1);
        assert_int_equal(resumes, i);
    }
    assert_int_equal(changes, 0);
    w.a->ops->unwatch(w.a, &watch);
    w.a->ops->unwatch(w.a, &plain);
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connecting_takes_a_round_trip),
        cmocka_unit_test(bytes_go_both_ways_in_order),
        cmocka_unit_test(a_reader_that_stands_still_stops_the_writer),
        cmocka_unit_test(nobody_listening_is_refused_after_a_round_trip),
        cmocka_unit_test(nobody_there_is_unreachable),
        cmocka_unit_test(a_cut_is_silent_and_heals),
        cmocka_unit_test(bytes_wait_for_a_short_cut_and_give_up_on_a_long_one),
        cmocka_unit_test(an_abort_and_a_close_with_unread_bytes_are_resets),
        cmocka_unit_test(bytes_for_a_closed_socket_come_back_as_a_reset),
        cmocka_unit_test(a_frozen_machine_neither_reads_nor_fires),
        cmocka_unit_test(an_unplugged_address_is_dead_and_comes_back),
        cmocka_unit_test(ports_are_kept_apart),
        cmocka_unit_test(loopback_stays_inside_a_machine),
        cmocka_unit_test(two_hundred_connections),
        cmocka_unit_test(multicast_reaches_members_and_ourselves),
        cmocka_unit_test(multicast_on_loopback_stays_there),
        cmocka_unit_test(an_access_point_can_hide_multicast),
        cmocka_unit_test(a_cut_drops_datagrams),
        cmocka_unit_test(interfaces_are_listed),
        cmocka_unit_test(changes_of_interfaces_are_told_once_a_burst),
        cmocka_unit_test(pauses_are_told_when_they_are_over),
        cmocka_unit_test(the_same_seed_gives_the_same_trace),
        cmocka_unit_test(the_clock_stops_where_it_was_told),
        cmocka_unit_test(every_failed_allocation_is_an_error_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
