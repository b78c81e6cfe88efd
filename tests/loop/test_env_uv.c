/* env/uv over loopback: real sockets on ports the kernel draws. */
#include "env/env.h"
#include "lp2p/env_uv.h"

#include "cmocka_all.h"

#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/assert.h"

#define BULK (8U * 1024U * 1024U)

/* One end of a stream and what it saw. */
struct end {
    struct lp2p_io *io;
    int connected; /* number of on_connect */
    int err;       /* of on_connect */
    int read_err;  /* what ended reading */
    size_t received;
    uint8_t first;  /* of the bytes received */
    size_t to_send; /* bytes still to be written */
    bool shut;      /* shut down when all is written */
};

struct world {
    struct lp2p_env *env;
    struct lp2p_listener *listener;
    struct lp2p_endpoint at;
    struct end a, b; /* dialed, accepted */
    int accepted;
    bool refuse; /* close what is accepted */
    bool timed_out;
    struct lp2p_timer timer;
};

static void end_on_connect(void *ctx, int err)
{
    struct end *e = ctx;
    e->connected++;
    e->err = err;
    if (err == 0) {
        e->io->ops->want(e->io, true, e->to_send > 0);
    }
}

static void end_on_readable(void *ctx)
{
    struct end *e = ctx;
    static uint8_t buf[65536];
    size_t n = 0;
    int err = e->io->ops->read(e->io, buf, sizeof(buf), &n);
    if (err == 0) {
        e->first = e->received == 0 && n > 0 ? buf[0] : e->first;
        e->received += n;
    } else if (err != -LP2P_E_AGAIN) {
        e->read_err = err;
        e->io->ops->want(e->io, false, e->to_send > 0);
    }
}

static void end_on_writable(void *ctx)
{
    struct end *e = ctx;
    static uint8_t buf[262144] = {7};
    size_t n = 0;
    struct lp2p_span spans[2] = {lp2p_span(buf, LP2P_MIN(e->to_send, (size_t)1)),
                                 lp2p_span(buf, LP2P_MIN(e->to_send - 1, sizeof(buf)))};
    if (e->io->ops->write(e->io, spans, 2, &n) == 0) {
        e->to_send -= n;
    }
    if (e->to_send == 0) {
        e->io->ops->want(e->io, e->read_err == 0, false);
        if (e->shut) {
            e->io->ops->shutdown(e->io);
        }
    }
}

static const struct lp2p_io_events end_events = {
    .on_connect = end_on_connect,
    .on_readable = end_on_readable,
    .on_writable = end_on_writable,
};

static void on_accept(void *ctx, struct lp2p_io *io, const struct lp2p_endpoint *local,
                      const struct lp2p_endpoint *remote)
{
    struct world *w = ctx;
    w->accepted++;
    assert_true(lp2p_endpoint_is_loopback(local));
    assert_true(lp2p_endpoint_is_loopback(remote));
    assert_int_equal(local->port, w->at.port);
    if (w->refuse || w->b.io != NULL) {
        io->ops->close(io, true);
        return;
    }
    w->b.io = io;
    io->ops->start(io, &end_events, &w->b);
    io->ops->want(io, true, w->b.to_send > 0);
}

static const struct lp2p_listener_events listener_events = {.on_accept = on_accept};

static void on_timeout(void *ctx, lp2p_ts now)
{
    (void)now;
    ((struct world *)ctx)->timed_out = true;
}

static struct lp2p_endpoint loopback(enum lp2p_family family, uint16_t port)
{
    static const uint8_t one[16] = {[15] = 1};
    return family == LP2P_FAMILY_IP4 ? lp2p_endpoint_ip4(127, 0, 0, 1, port)
                                     : lp2p_endpoint_ip6(one, port);
}

static void world_init(struct world *w, enum lp2p_family family)
{
    *w = (struct world){.timed_out = false};
    assert_int_equal(lp2p_env_uv_new(NULL, NULL, &w->env), 0);
    struct lp2p_endpoint at = loopback(family, 0);
    int err = w->env->ops->listen(w->env, &at, &listener_events, w, &w->listener);
    assert_int_equal(err, 0);
    w->at = w->env->ops->listener_local(w->listener);
    assert_true(w->at.port != 0);
    assert_int_equal(w->env->ops->timer_init(w->env, &w->timer, on_timeout, w), 0);
    w->env->ops->timer_set(&w->timer, lp2p_env_now(w->env) + LP2P_SEC(20));
}

static void world_dial(struct world *w)
{
    struct lp2p_connect how = {.remote = w->at};
    assert_int_equal(w->env->ops->connect(w->env, &how, &w->a.io), 0);
    assert_int_equal(w->a.connected, 0);
    w->a.io->ops->start(w->a.io, &end_events, &w->a);
}

static void world_fini(struct world *w)
{
    if (w->a.io != NULL) {
        w->a.io->ops->close(w->a.io, false);
    }
    if (w->b.io != NULL) {
        w->b.io->ops->close(w->b.io, false);
    }
    if (w->listener != NULL) {
        w->env->ops->listener_close(w->listener);
    }
    w->env->ops->timer_fini(&w->timer);
    lp2p_env_free(w->env);
}

#define RUN_UNTIL(w, condition)                  \
    while (!(condition) && !(w)->timed_out) {    \
        (void)lp2p_env_uv_drive((w)->env, true); \
    }                                            \
    assert_true(condition)

static void bytes_go_both_ways(enum lp2p_family family)
{
    struct world w;
    world_init(&w, family);
    w.a.to_send = BULK;
    w.b.to_send = BULK / 2;
    w.a.shut = true;
    w.b.shut = true;
    world_dial(&w);
    RUN_UNTIL(&w, w.a.read_err != 0 && w.b.read_err != 0);
    assert_int_equal(w.a.connected, 1);
    assert_int_equal(w.a.err, 0);
    assert_int_equal(w.a.read_err, -LP2P_E_EOF);
    assert_int_equal(w.b.read_err, -LP2P_E_EOF);
    assert_int_equal(w.a.received, BULK / 2);
    assert_int_equal(w.b.received, BULK);
    assert_int_equal(w.b.first, 7);
    struct lp2p_endpoint local, remote;
    w.a.io->ops->addrs(w.a.io, &local, &remote);
    assert_true(lp2p_endpoint_eq(&remote, &w.at));
    assert_true(lp2p_endpoint_is_loopback(&local) && local.port != 0);
    world_fini(&w);
}

static void ip4_carries_bytes_both_ways(void **state)
{
    (void)state;
    bytes_go_both_ways(LP2P_FAMILY_IP4);
}

static void ip6_carries_bytes_both_ways(void **state)
{
    (void)state;
    bytes_go_both_ways(LP2P_FAMILY_IP6);
}

static void nobody_listening_is_refused(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, LP2P_FAMILY_IP4);
    w.env->ops->listener_close(w.listener);
    w.listener = NULL;
    world_dial(&w);
    RUN_UNTIL(&w, w.a.connected > 0);
    assert_int_equal(w.a.err, -LP2P_E_REFUSED);
    world_fini(&w);
}

static void an_abort_is_a_reset(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, LP2P_FAMILY_IP4);
    w.refuse = true;
    world_dial(&w);
    /* It may come before we hear that we are connected. */
    RUN_UNTIL(&w, w.a.read_err != 0 || w.a.err != 0);
    assert_int_equal(w.a.err != 0 ? w.a.err : w.a.read_err, -LP2P_E_RESET);
    /* Writing to it is an error too, not a signal. */
    uint8_t byte = 0;
    struct lp2p_span span = lp2p_span(&byte, 1);
    size_t n = 0;
    assert_int_equal(w.a.io->ops->write(w.a.io, &span, 1, &n), -LP2P_E_RESET);
    world_fini(&w);
}

static void a_port_is_ours_alone_and_dialing_from_it_works(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, LP2P_FAMILY_IP4);
    struct lp2p_listener *second = NULL;
    int err = w.env->ops->listen(w.env, &w.at, &listener_events, &w, &second);
    assert_int_equal(err, -LP2P_E_ADDR_IN_USE);

    /* Another listener to be dialed from the port of the first. */
    struct world other;
    world_init(&other, LP2P_FAMILY_IP4);
    struct lp2p_connect how = {.remote = other.at, .local = &w.at};
    assert_int_equal(w.env->ops->connect(w.env, &how, &w.a.io), 0);
    w.a.io->ops->start(w.a.io, &end_events, &w.a);
    RUN_UNTIL(&w, w.a.connected > 0);
    assert_int_equal(w.a.err, 0);
    struct lp2p_endpoint local, remote;
    w.a.io->ops->addrs(w.a.io, &local, &remote);
    assert_true(lp2p_endpoint_eq(&local, &w.at));

    /* The same four-tuple a second time is not available. */
    struct lp2p_io *again = NULL;
    assert_int_equal(w.env->ops->connect(w.env, &how, &again), -LP2P_E_ADDR_NOT_AVAIL);
    world_fini(&other);
    world_fini(&w);
}

static void without_descriptors_clients_are_turned_away_and_it_recovers(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, LP2P_FAMILY_IP4);
    world_dial(&w);
    struct rlimit old;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    struct rlimit low = {.rlim_cur = (rlim_t)dup(0), .rlim_max = old.rlim_max};
    assert_int_equal(close((int)low.rlim_cur), 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    struct lp2p_connect how = {.remote = w.at};
    struct lp2p_io *io = NULL;
    assert_int_equal(w.env->ops->connect(w.env, &how, &io), -LP2P_E_NO_FDS);
    RUN_UNTIL(&w, w.a.read_err != 0 || w.a.err != 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    assert_int_equal(w.accepted, 0);
    w.a.io->ops->close(w.a.io, false);

    w.a = (struct end){.to_send = 1};
    world_dial(&w);
    RUN_UNTIL(&w, w.b.received == 1);
    world_fini(&w);
}

/* ---- timers and tasks ---- */

struct calls {
    struct lp2p_env *env;
    int n;
    lp2p_ts at;
    struct lp2p_timer timer;
    struct lp2p_task task;
};

static void on_call(void *ctx, lp2p_ts now)
{
    struct calls *c = ctx;
    c->n++;
    c->at = now;
}

static void timers_and_tasks_run_in_the_loop(void **state)
{
    (void)state;
    struct lp2p_env *env;
    assert_int_equal(lp2p_env_uv_new(NULL, NULL, &env), 0);
    struct calls t = {.env = env};
    assert_int_equal(env->ops->timer_init(env, &t.timer, on_call, &t), 0);
    struct calls d = {.env = env, .task = {.fn = on_call, .ctx = &d}};
    lp2p_ts at = lp2p_env_now(env) + LP2P_SEC(1000);
    env->ops->timer_set(&t.timer, at);
    (void)lp2p_env_uv_drive(env, false); /* the loop's own descriptors */
    assert_in_range(lp2p_env_uv_timeout(env), 900000, 1000002);
    at = lp2p_env_now(env) + LP2P_MSEC(5);
    env->ops->timer_set(&t.timer, at);
    assert_in_range(lp2p_env_uv_timeout(env), 0, 7);
    env->ops->defer(env, &d.task);
    assert_int_equal(d.n, 0);
    assert_int_equal(lp2p_env_uv_timeout(env), 0);
    while (lp2p_env_uv_drive(env, true)) {
    }
    assert_int_equal(d.n, 1);
    assert_int_equal(t.n, 1);
    assert_true(t.at >= at);
    assert_false(lp2p_env_uv_drive(env, false));
    env->ops->timer_fini(&t.timer);
    lp2p_env_free(env);
}

/* ---- datagrams ---- */

struct dgrams {
    int n;
    struct lp2p_endpoint from, to;
    uint32_t ifindex;
    uint8_t data[16];
    size_t len;
};

static void on_dgram(void *ctx, struct lp2p_mspan data, const struct lp2p_endpoint *from,
                     const struct lp2p_endpoint *to, uint32_t ifindex)
{
    struct dgrams *d = ctx;
    d->n++;
    d->from = *from;
    d->to = *to;
    d->ifindex = ifindex;
    d->len = LP2P_MIN(data.n, sizeof(d->data));
    memcpy(d->data, data.p, d->len);
}

static const struct lp2p_udp_events udp_events = {.on_dgram = on_dgram};

static uint32_t loopback_index(struct lp2p_env *env)
{
    struct lp2p_iface rows[LP2P_ENV_MAX_IFACES];
    size_t n = 0;
    assert_int_equal(env->ops->interfaces(env, rows, LP2P_ENV_MAX_IFACES, &n), 0);
    for (size_t i = 0; i < n; i++) {
        if (rows[i].loopback && lp2p_endpoint_is_loopback(&rows[i].addr)) {
            assert_true(rows[i].up);
            assert_string_equal(rows[i].name, "lo");
            assert_int_equal(rows[i].addr.port, 0);
            return rows[i].index;
        }
    }
    fail_msg("no loopback interface among %zu", n);
    return 0;
}

static void datagrams_say_where_they_came_in(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, LP2P_FAMILY_IP4);
    uint32_t lo = loopback_index(w.env);
    struct dgrams got = {.n = 0};
    struct lp2p_udp_cfg cfg = {.family = LP2P_FAMILY_IP4};
    struct lp2p_udp *u, *sender;
    assert_int_equal(w.env->ops->udp_open(w.env, &cfg, &udp_events, &got, &u), 0);
    assert_int_equal(w.env->ops->udp_open(w.env, &cfg, &udp_events, &got, &sender), 0);
    struct lp2p_endpoint to = lp2p_endpoint_ip4(127, 0, 0, 1, w.env->ops->udp_port(u));
    struct lp2p_endpoint src = lp2p_endpoint_ip4(127, 0, 0, 9, 0);
    struct lp2p_span data = lp2p_span_str("hello");
    assert_int_equal(w.env->ops->udp_send(sender, &to, lo, &src, data), 0);
    RUN_UNTIL(&w, got.n == 1);
    assert_int_equal(got.ifindex, lo);
    assert_true(lp2p_endpoint_same_ip(&got.from, &src));
    assert_int_equal(got.from.port, w.env->ops->udp_port(sender));
    assert_true(lp2p_endpoint_same_ip(&got.to, &to));
    assert_memory_equal(got.data, "hello", 5);

    /* Too long for anybody: dropped, and the next one comes. */
    static const uint8_t big[LP2P_ENV_MAX_DGRAM + 1];
    assert_int_equal(w.env->ops->udp_send(sender, &to, 0, NULL, lp2p_span(big, sizeof(big))), 0);
    assert_int_equal(w.env->ops->udp_send(sender, &to, 0, NULL, lp2p_span_str("x")), 0);
    RUN_UNTIL(&w, got.n == 2);
    assert_int_equal(got.len, 1);
    w.env->ops->udp_close(u);
    w.env->ops->udp_close(sender);
    world_fini(&w);
}

static void multicast_reaches_all_members_on_the_machine(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, LP2P_FAMILY_IP4);
    uint32_t lo = loopback_index(w.env);
    struct dgrams one = {.n = 0}, two = {.n = 0}, other = {.n = 0};
    struct lp2p_udp_cfg cfg = {.family = LP2P_FAMILY_IP4, .shared = true};
    struct lp2p_udp *u1, *u2, *u3;
    assert_int_equal(w.env->ops->udp_open(w.env, &cfg, &udp_events, &one, &u1), 0);
    cfg.port = w.env->ops->udp_port(u1);
    assert_int_equal(w.env->ops->udp_open(w.env, &cfg, &udp_events, &two, &u2), 0);
    assert_int_equal(w.env->ops->udp_open(w.env, &cfg, &udp_events, &other, &u3), 0);
    struct lp2p_endpoint group = lp2p_endpoint_ip4(224, 0, 0, 251, cfg.port);
    assert_int_equal(w.env->ops->udp_join(u1, &group, lo), 0);
    assert_int_equal(w.env->ops->udp_join(u1, &group, lo), -LP2P_E_EXISTS);
    assert_int_equal(w.env->ops->udp_join(u2, &group, lo), 0);
    struct lp2p_endpoint src = loopback(LP2P_FAMILY_IP4, 0);
    assert_int_equal(w.env->ops->udp_send(u1, &group, lo, &src, lp2p_span_str("q")), 0);
    RUN_UNTIL(&w, one.n == 1 && two.n == 1);
    assert_int_equal(other.n, 0); /* not a member */
    assert_int_equal(two.ifindex, lo);
    assert_true(lp2p_endpoint_same_ip(&two.to, &group));
    assert_true(lp2p_endpoint_same_ip(&two.from, &src));
    assert_int_equal(w.env->ops->udp_leave(u1, &group, lo), 0);
    assert_int_equal(w.env->ops->udp_leave(u1, &group, lo), -LP2P_E_IO);
    w.env->ops->udp_close(u1);
    w.env->ops->udp_close(u2);
    w.env->ops->udp_close(u3);
    world_fini(&w);
}

/* Linux has no route for IPv6 multicast on the loopback interface: membership and unicast only. */
static void ip6_datagrams_and_membership(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, LP2P_FAMILY_IP6);
    uint32_t lo = loopback_index(w.env);
    struct dgrams got = {.n = 0};
    struct lp2p_udp_cfg cfg = {.family = LP2P_FAMILY_IP6, .shared = true};
    struct lp2p_udp *u;
    assert_int_equal(w.env->ops->udp_open(w.env, &cfg, &udp_events, &got, &u), 0);
    static const uint8_t ip[16] = {0xff, 0x02, [15] = 0xfb};
    struct lp2p_endpoint group = lp2p_endpoint_ip6(ip, 0);
    assert_int_equal(w.env->ops->udp_join(u, &group, lo), 0);
    assert_int_equal(w.env->ops->udp_join(u, &group, lo), -LP2P_E_EXISTS);
    assert_int_equal(w.env->ops->udp_leave(u, &group, lo), 0);
    struct lp2p_endpoint to = loopback(LP2P_FAMILY_IP6, w.env->ops->udp_port(u));
    struct lp2p_endpoint src = loopback(LP2P_FAMILY_IP6, 0);
    struct lp2p_endpoint ip4 = loopback(LP2P_FAMILY_IP4, 1);
    assert_int_equal(w.env->ops->udp_send(u, &ip4, 0, NULL, lp2p_span_str("q")), -LP2P_E_INVAL);
    assert_int_equal(w.env->ops->udp_send(u, &to, lo, &src, lp2p_span_str("q")), 0);
    RUN_UNTIL(&w, got.n == 1);
    assert_int_equal(got.ifindex, lo);
    assert_true(lp2p_endpoint_same_ip(&got.to, &to));
    assert_true(lp2p_endpoint_eq(&got.from, &to));
    w.env->ops->udp_close(u);
    world_fini(&w);
}

static void gateways_can_be_asked_for(void **state)
{
    (void)state;
    struct lp2p_env *env;
    assert_int_equal(lp2p_env_uv_new(NULL, NULL, &env), 0);
    struct lp2p_endpoint rows[4];
    size_t n = 99;
    assert_int_equal(env->ops->gateways(env, rows, 4, &n), 0);
    assert_true(n <= 4);
    lp2p_env_free(env);
}

/* ---- the network changes, in a namespace of a child's own ---- */

#define SKIPPED 77

struct changes {
    struct lp2p_env_watch watch;
    unsigned n;
    bool late;
    struct lp2p_env *env;
    struct lp2p_timer timer;
};

static void on_network(void *ctx)
{
    struct changes *c = ctx;
    c->n++;
}

static void on_late(void *ctx, lp2p_ts now)
{
    (void)now;
    struct changes *c = ctx;
    c->late = true;
}

static void set_loopback(int fd, bool up)
{
    struct ifreq req = {.ifr_name = "lo", .ifr_flags = up ? IFF_UP : 0};
    LP2P_ASSERT(ioctl(fd, SIOCSIFFLAGS, &req) == 0);
}

/* Runs for `time`, or until something was told. */
static void changes_run(struct changes *c, lp2p_ts time, bool until_told)
{
    c->late = false;
    c->env->ops->timer_set(&c->timer, lp2p_env_now(c->env) + time);
    while (!c->late && !(until_told && c->n > 0)) {
        lp2p_env_uv_drive(c->env, true);
    }
}

static void child_sees_changes(void)
{
    struct changes c = {.watch = {.on_change = on_network, .ctx = &c}};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    LP2P_ASSERT(fd >= 0 && lp2p_env_uv_new(NULL, NULL, &c.env) == 0);
    LP2P_ASSERT(c.env->ops->timer_init(c.env, &c.timer, on_late, &c) == 0);
    LP2P_ASSERT(c.env->ops->watch(c.env, &c.watch) == 0);
    changes_run(&c, LP2P_MSEC(200), false);
    LP2P_ASSERT(c.n == 0);
    /* Link, addresses and routes at once are one change, told in time. */
    set_loopback(fd, true);
    changes_run(&c, LP2P_MSEC(500), false);
    LP2P_ASSERT(c.n == 1);
    /* More of them than the socket holds: what is lost counts as one. */
    c.n = 0;
    for (int i = 0; i < 2000; i++) {
        set_loopback(fd, i % 2 != 0);
    }
    changes_run(&c, LP2P_SEC(5), true);
    LP2P_ASSERT(c.n == 1);
    /* And it goes on afterwards. */
    changes_run(&c, LP2P_MSEC(200), false);
    c.n = 0;
    set_loopback(fd, false);
    changes_run(&c, LP2P_SEC(5), true);
    LP2P_ASSERT(c.n == 1);
    /* Who does not watch any more is told nothing. */
    c.env->ops->unwatch(c.env, &c.watch);
    c.n = 0;
    set_loopback(fd, true);
    changes_run(&c, LP2P_MSEC(200), false);
    LP2P_ASSERT(c.n == 0);
    c.env->ops->timer_fini(&c.timer);
    lp2p_env_free(c.env);
    (void)close(fd);
}

static void changes_of_the_network_are_told(void **state)
{
    (void)state;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) {
            _exit(SKIPPED);
        }
        child_sees_changes();
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED) {
        skip(); /* no namespaces for us here */
    }
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ip4_carries_bytes_both_ways),
        cmocka_unit_test(ip6_carries_bytes_both_ways),
        cmocka_unit_test(nobody_listening_is_refused),
        cmocka_unit_test(an_abort_is_a_reset),
        cmocka_unit_test(a_port_is_ours_alone_and_dialing_from_it_works),
        cmocka_unit_test(without_descriptors_clients_are_turned_away_and_it_recovers),
        cmocka_unit_test(timers_and_tasks_run_in_the_loop),
        cmocka_unit_test(datagrams_say_where_they_came_in),
        cmocka_unit_test(multicast_reaches_all_members_on_the_machine),
        cmocka_unit_test(ip6_datagrams_and_membership),
        cmocka_unit_test(gateways_can_be_asked_for),
        cmocka_unit_test(changes_of_the_network_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
