/* Attempts: how they go, how they fail, and when. */
#include "sim/lab.h"

#include "base/assert.h"

#define DELAY LP2P_MSEC(10)
#define RTT   (2 * DELAY)

/* ---- by address ---- */

/* The stages that an attempt went through, with their times. */
struct course {
    uint64_t attempt;
    size_t n;
    enum lp2p_stage stages[8];
    lp2p_ts at[8];
    struct lab_ping ping; /* sent as soon as there is a connection */
    bool pinged;
    struct lab_node *to;
};

static void course_note(struct lab_node *n, unsigned changes)
{
    struct course *c = n->user;
    if ((changes & LP2P_CHANGE_ATTEMPTS) != 0 && c->attempt != 0) {
        struct lp2p_attempt_info info = lab_attempt(n, c->attempt);
        if (c->n == 0 || c->stages[c->n - 1] != info.stage) {
            assert_true(c->n < LP2P_COUNT(c->stages));
            c->stages[c->n] = info.stage;
            c->at[c->n++] = lab_time(n->w);
        }
    }
    if (!c->pinged && lab_is_connected(n, c->to)) {
        c->pinged = true;
        assert_int_equal(lab_ping_start(n, c->to, &c->ping), 0);
    }
}

static void expect_course(const struct course *c)
{
    static const enum lp2p_stage stages[] = {LP2P_STAGE_DIALING, LP2P_STAGE_SECURING,
                                             LP2P_STAGE_IDENTIFYING, LP2P_STAGE_CONNECTED};
    static const lp2p_ts at[] = {0, RTT, 2 * RTT, 3 * RTT};
    size_t first = c->stages[0] == LP2P_STAGE_LOOKING ? 1 : 0;
    assert_int_equal(c->n - first, LP2P_COUNT(stages));
    for (size_t i = 0; i < LP2P_COUNT(stages); i++) {
        assert_int_equal(c->stages[first + i], stages[i]);
        assert_int_equal(c->at[first + i], at[i]);
    }
}

static void run_by_address(uint64_t seed)
{
    struct lab_world w;
    lab_world_init(&w, seed, DELAY);
    struct lab_node *a = lab_node_new(&w, NULL), *b = lab_node_new(&w, NULL);
    struct course course = {.to = b};
    a->user = &course;
    a->on_change = course_note;
    course.attempt = lab_connect(a, b);
    lab_run(&w, LP2P_SEC(1));
    expect_course(&course);
    /* DESIGN 4.7: the first answered byte 3 round trips after the SYN. */
    assert_int_equal(course.ping.pongs, 1);
    assert_int_equal(course.ping.at, 3 * RTT);

    struct lp2p_conn_info c;
    struct lp2p_peer_info p;
    assert_int_equal(lab_conns(a, NULL, &c), 1);
    assert_true(c.outbound && c.identified && lp2p_peer_id_eq(&c.peer, &b->id));
    assert_true(lp2p_multiaddr_eq(&c.remote, &b->addr));
    assert_string_equal(c.agent, "node/2");
    assert_string_equal(c.transport, "tcp");
    assert_string_equal(c.security, "noise");
    assert_string_equal(c.muxer, "/yamux/1.0.0");
    assert_int_equal(lab_conns(b, NULL, &c), 1);
    assert_true(!c.outbound && c.identified && lp2p_peer_id_eq(&c.peer, &a->id));
    assert_true(lp2p_multiaddr_eq(&c.local, &b->addr));
    assert_string_equal(c.agent, "node/1");
    assert_int_equal(c.streams, 0);
    /* Identify told where a listens: b may dial back. */
    struct lp2p_multiaddr addr;
    size_t pos = 0;
    assert_true(lab_peer(b, &a->id, &p) && p.connected && p.n_protocols >= 2);
    assert_true(lp2p_host_peer_addr_next(b->host, &a->id, &pos, &addr));
    assert_true(lp2p_multiaddr_eq(&addr, &a->addr));
    lab_world_fini(&w);
}

static void two_hosts_connect_by_address(void **state)
{
    (void)state;
    lab_each_seed(run_by_address);
}

static void run_again(uint64_t seed)
{
    struct lab_world w;
    lab_world_init(&w, seed, DELAY);
    struct lab_node *a = lab_node_new(&w, NULL), *b = lab_node_new(&w, NULL);
    struct lp2p_connect_opts none = {.n = 0};
    uint64_t first = lab_connect(a, b), same, again;
    /* A running attempt is answered... */
    assert_int_equal(lp2p_host_connect(a->host, &b->id, &none, &same), 0);
    assert_int_equal(first, same);
    assert_int_equal(lab_attempt_end(a, first, LP2P_SEC(1)).stage, LP2P_STAGE_CONNECTED);
    /* ... and a connected peer is one that ends at once, without an address, from both sides. */
    assert_int_equal(lp2p_host_connect(a->host, &b->id, &none, &again), 0);
    assert_int_not_equal(first, again);
    assert_int_equal(lab_attempt_end(a, again, 0).stage, LP2P_STAGE_CONNECTED);
    lab_run(&w, LP2P_SEC(1));
    assert_int_equal(lp2p_host_connect(b->host, &a->id, &none, &again), 0);
    assert_int_equal(lab_attempt_end(b, again, 0).stage, LP2P_STAGE_CONNECTED);
    assert_int_equal(lab_conns(a, NULL, NULL), 1);
    lab_world_fini(&w);
}

static void a_peer_is_connected_once(void **state)
{
    (void)state;
    lab_each_seed(run_again);
}

/* Both dial at once, or the second up to two round trips later: both ends can be used. */
static void run_simultaneous(uint64_t seed)
{
    for (lp2p_ts later = 0; later <= 2 * RTT; later += DELAY / 2) {
        struct lab_world w;
        const struct lp2p_sim_link_cfg lan = {.delay = DELAY, .jitter = DELAY / 2};
        assert_int_equal(lab_world_try(&w, NULL, seed, &lan), 0);
        struct lab_node *a = lab_node_new(&w, NULL), *b = lab_node_new(&w, NULL);
        uint64_t from_a = lab_connect(a, b);
        lab_run(&w, later);
        uint64_t from_b = lab_connect(b, a);
        assert_int_equal(lab_attempt_end(a, from_a, LP2P_SEC(1)).stage, LP2P_STAGE_CONNECTED);
        assert_int_equal(lab_attempt_end(b, from_b, LP2P_SEC(1)).stage, LP2P_STAGE_CONNECTED);
        lab_run(&w, LP2P_SEC(1));
        assert_true(lab_is_identified(a, b) && lab_is_identified(b, a));
        assert_true(lab_ping(a, b, LP2P_SEC(1)) && lab_ping(b, a, LP2P_SEC(1)));
        assert_int_equal(lab_conns(a, NULL, NULL), lab_conns(b, NULL, NULL));
        lab_world_fini(&w);
    }
}

static void both_may_dial_at_once(void **state)
{
    (void)state;
    lab_each_seed(run_simultaneous);
}

static void ignore_closed(void *ctx, struct lp2p_stream *s, const struct lp2p_failure *why)
{
    (void)s;
    *(int *)ctx = why->code;
}

/* DESIGN 7: new streams on the best; a surplus one is closed by its dialer after 30 s idle. */
static void run_surplus(uint64_t seed)
{
    static const struct lp2p_stream_ops ops = {.on_closed = ignore_closed};
    static const char *const protocols[] = {"/test/busy/1"};
    struct lab_world w;
    struct lp2p_conn_info on_a, on_b;
    struct lp2p_stream *s;
    int ended = 0, closed = 1;
    lab_world_init(&w, seed, DELAY);
    struct lab_node *a = lab_node_new(&w, NULL), *b = lab_node_new(&w, NULL);
    bool a_is_lower = memcmp(a->id.bytes, b->id.bytes, a->id.len) < 0;
    assert_int_equal(lp2p_host_handle(b->host, protocols[0], &ops, &ended), 0);
    (void)lab_connect(a, b);
    (void)lab_connect(b, a);
    lab_run(&w, LP2P_SEC(29));
    assert_int_equal(lab_conns(a, NULL, NULL), 2);
    assert_int_equal(lab_conns(b, NULL, NULL), 2);
    /* A stream on the one that stays does not save the other. */
    struct lp2p_open open = {.protocols = protocols, .n = 1, .ops = &ops, .ctx = &closed};
    assert_int_equal(lp2p_host_open(a->host, &b->id, &open, &s), 0);
    lab_run(&w, LP2P_SEC(3));
    assert_int_equal(lab_conns(a, NULL, &on_a), 1);
    assert_int_equal(lab_conns(b, NULL, &on_b), 1);
    assert_true(on_a.outbound == !a_is_lower && on_b.outbound == a_is_lower);
    assert_int_equal(on_a.streams, 1);
    assert_int_equal(closed, 1);
    lab_run(&w, LP2P_SEC(120));
    assert_int_equal(lab_conns(a, NULL, NULL), 1);
    assert_true(lab_ping(a, b, LP2P_SEC(1)) && lab_ping(b, a, LP2P_SEC(1)));
    lab_world_fini(&w);
}

static void a_surplus_connection_goes_when_it_rests(void **state)
{
    (void)state;
    lab_each_seed(run_surplus);
}

/* ---- failures ---- */

struct expected {
    int error;
    const char *where;
    lp2p_ts after; /* the attempt ends exactly then */
};

static void expect_failure(struct lab_node *n, uint64_t attempt, const struct expected *want)
{
    lp2p_ts began = lab_time(n->w);
    struct lp2p_attempt_info at = lab_attempt_end(n, attempt, LP2P_SEC(40));
    assert_int_equal(at.stage, LP2P_STAGE_FAILED);
    assert_string_equal(lp2p_error_name(at.error), lp2p_error_name(want->error));
    assert_string_equal(at.where, want->where);
    assert_int_equal(lab_time(n->w) - began, want->after);
    lab_run(n->w, LP2P_SEC(2));
    assert_int_equal(lab_conns(n, NULL, NULL), 0);
}

/* The process stands still; its kernel still takes connections. */
static void run_silent(uint64_t seed)
{
    struct lab_world w;
    lab_world_init(&w, seed, DELAY);
    struct lab_node *a = lab_node_new(&w, NULL), *b = lab_node_new(&w, NULL);
    lp2p_sim_freeze(b->env, true);
    expect_failure(a, lab_connect(a, b),
                   &(struct expected){-LP2P_E_TIMEOUT, "upgrade", LP2P_SEC(10)});
    lp2p_sim_freeze(b->env, false);
    assert_int_equal(lab_attempt_end(a, lab_connect(a, b), LP2P_SEC(1)).stage,
                     LP2P_STAGE_CONNECTED);
    lab_world_fini(&w);
}

/* Packets get lost on the way there. */
static void run_unanswered(uint64_t seed)
{
    struct lab_world w;
    lab_world_init(&w, seed, DELAY);
    struct lab_node *a = lab_node_new(&w, NULL), *b = lab_node_new(&w, NULL);
    lp2p_sim_cut(a->env, b->env, true);
    expect_failure(a, lab_connect(a, b), &(struct expected){-LP2P_E_TIMEOUT, "dial", LP2P_SEC(5)});
    lab_world_fini(&w);
}

static void run_refused(uint64_t seed)
{
    static const struct lab_node_cfg deaf = {.deaf = true};
    struct lab_world w;
    lab_world_init(&w, seed, DELAY);
    struct lab_node *a = lab_node_new(&w, NULL), *b = lab_node_new(&w, &deaf);
    expect_failure(a, lab_connect(a, b), &(struct expected){-LP2P_E_REFUSED, "dial", RTT});
    lab_world_fini(&w);
}

static void run_nobody(uint64_t seed)
{
    struct lab_world w;
    lab_world_init(&w, seed, DELAY);
    struct lab_node *a = lab_node_new(&w, NULL), *b = lab_node_new(&w, NULL);
    struct lp2p_multiaddr addr = lab_addr("/ip4/10.0.0.99/tcp/4001");
    expect_failure(a, lab_connect_at(a, &b->id, &addr, 1),
                   &(struct expected){-LP2P_E_UNREACHABLE, "dial", LP2P_SEC(3)});
    expect_failure(a, lab_connect_at(a, &b->id, NULL, 0),
                   &(struct expected){-LP2P_E_NO_ADDRESS, "dial", 0});
    lab_world_fini(&w);
}

/* Somebody else answers; the deepest cause is told, whatever happens at other addresses. */
static void run_wrong_peer(uint64_t seed)
{
    struct lab_world w;
    lab_world_init(&w, seed, DELAY);
    struct lab_node *a = lab_node_new(&w, NULL), *b = lab_node_new(&w, NULL);
    struct lab_node *c = lab_node_new(&w, NULL);
    expect_failure(a, lab_connect_at(a, &b->id, &c->addr, 1),
                   &(struct expected){-LP2P_E_PEER_ID, "noise", 2 * RTT});
    assert_int_equal(lab_conns(c, NULL, NULL), 0);
    struct lp2p_multiaddr addrs[] = {c->addr, lab_addr("/ip4/10.0.0.99/tcp/4001")};
    expect_failure(a, lab_connect_at(a, &b->id, addrs, 2),
                   &(struct expected){-LP2P_E_PEER_ID, "noise",
                                      LP2P_SEC(3) + LP2P_MSEC(30) /* the other's stagger */});
    lab_world_fini(&w);
}

/* The peer goes between the handshake and its identify answer. */
static void run_lost(uint64_t seed)
{
    struct lab_world w;
    lab_world_init(&w, seed, DELAY);
    struct lab_node *a = lab_node_new(&w, NULL), *b = lab_node_new(&w, NULL);
    uint64_t attempt = lab_connect(a, b);
    lab_run(&w, 2 * RTT + DELAY / 2);
    assert_int_equal(lab_attempt(a, attempt).stage, LP2P_STAGE_IDENTIFYING);
    lab_node_end(b);
    expect_failure(a, attempt, &(struct expected){-LP2P_E_RESET, "transport", DELAY});
    lab_world_fini(&w);
}

static void each_failure_says_what_and_where_in_time(void **state)
{
    (void)state;
    lab_each_seed(run_silent);
    lab_each_seed(run_unanswered);
    lab_each_seed(run_refused);
    lab_each_seed(run_nobody);
    lab_each_seed(run_wrong_peer);
}

static void a_peer_lost_before_identify_is_no_success(void **state)
{
    (void)state;
    lab_each_seed(run_lost);
}

/* Our own id is no peer, and our own address no way to another. */
static void run_self(uint64_t seed)
{
    struct lab_world w;
    lab_world_init(&w, seed, DELAY);
    struct lab_node *a = lab_node_new(&w, NULL), *b = lab_node_new(&w, NULL);
    struct lp2p_connect_opts opts = {.addrs = &a->addr, .n = 1};
    uint64_t attempt;
    assert_int_equal(lp2p_host_connect(a->host, &a->id, &opts, &attempt), -LP2P_E_SELF);
    assert_int_equal(lp2p_host_connect(a->host, &b->id, &opts, &attempt), 0);
    struct lp2p_attempt_info at = lab_attempt_end(a, attempt, LP2P_SEC(1));
    assert_int_equal(at.stage, LP2P_STAGE_FAILED);
    assert_int_equal(at.n_skipped, 1);
    lab_world_fini(&w);
}

static void nobody_dials_himself(void **state)
{
    (void)state;
    lab_each_seed(run_self);
}

/* Who gave an address that must not be dialed is told; what came by itself is nobody's mistake. */
static void run_skipped(uint64_t seed)
{
    static const struct {
        enum lp2p_addr_source source;
        size_t skipped;
    } rows[] = {
        {LP2P_ADDR_PASTED, 1}, {LP2P_ADDR_LINK, 1},       {LP2P_ADDR_MDNS, 0},
        {LP2P_ADDR_PEER, 0},   {LP2P_ADDR_REMEMBERED, 0},
    };
    for (size_t i = 0; i < LP2P_COUNT(rows); i++) {
        struct lab_world w;
        lab_world_init(&w, seed, DELAY);
        struct lab_node *a = lab_node_new(&w, NULL), *b = lab_node_new(&w, NULL);
        struct lp2p_multiaddr loopback = lab_addr("/ip4/127.0.0.1/tcp/4001");
        struct lp2p_connect_opts opts = {.addrs = &loopback, .n = 1, .source = rows[i].source};
        uint64_t attempt;
        assert_int_equal(lp2p_host_connect(a->host, &b->id, &opts, &attempt), 0);
        struct lp2p_attempt_info at = lab_attempt_end(a, attempt, LP2P_SEC(1));
        assert_int_equal(at.n_paths, 0);
        assert_int_equal(at.n_skipped, rows[i].skipped);
        lab_world_fini(&w);
    }
}

static void only_given_addresses_are_skipped(void **state)
{
    (void)state;
    lab_each_seed(run_skipped);
}

/* ---- cancelled, refused, ended ---- */

/* At any moment; when the peer had its connection already, it sees an orderly end. */
static void run_cancel(uint64_t seed)
{
    for (lp2p_ts after = 0; after < 3 * RTT; after += DELAY / 2) {
        struct lab_world w;
        lab_world_init(&w, seed, DELAY);
        struct lab_node *a = lab_node_new(&w, NULL), *b = lab_node_new(&w, NULL);
        uint64_t attempt = lab_connect(a, b);
        lab_run(&w, after);
        assert_int_equal(lp2p_host_cancel(a->host, attempt), 0);
        struct lp2p_attempt_info at = lab_attempt(a, attempt);
        assert_int_equal(at.stage, LP2P_STAGE_CANCELLED);
        assert_int_equal(at.error, -LP2P_E_CANCELLED);
        assert_int_equal(lp2p_host_cancel(a->host, attempt), -LP2P_E_STATE);
        lab_run(&w, LP2P_SEC(2));
        assert_int_equal(lab_conns(a, NULL, NULL) + lab_conns(b, NULL, NULL), 0);
        assert_int_equal(lab_attempt_end(a, lab_connect(a, b), LP2P_SEC(1)).stage,
                         LP2P_STAGE_CONNECTED);
        lab_world_fini(&w);
    }
}

static void an_attempt_may_be_cancelled_at_any_time(void **state)
{
    (void)state;
    lab_each_seed(run_cancel);
}

/* An ended attempt is remembered for a minute. */
static void run_forgotten(uint64_t seed)
{
    struct lab_world w;
    lab_world_init(&w, seed, DELAY);
    struct lab_node *a = lab_node_new(&w, NULL), *b = lab_node_new(&w, NULL);
    uint64_t attempt = lab_connect(a, b);
    (void)lab_attempt_end(a, attempt, LP2P_SEC(1));
    lab_run(&w, LP2P_SEC(59));
    (void)lab_attempt(a, attempt);
    lab_run(&w, LP2P_SEC(2));
    const struct lp2p_attempt_info *info;
    size_t pos = 0;
    assert_false(lp2p_host_attempt_next(a->host, &pos, &info));
    assert_int_equal(lp2p_host_cancel(a->host, attempt), -LP2P_E_NOT_FOUND);
    lab_world_fini(&w);
}

static void ended_attempts_are_forgotten(void **state)
{
    (void)state;
    lab_each_seed(run_forgotten);
}

/* DESIGN 7: GoAway 0x1007 after the handshake and no identify. */
static void run_declined(uint64_t seed)
{
    struct lab_world w;
    struct lp2p_peer_info p;
    lab_world_init(&w, seed, DELAY);
    struct lab_node *a = lab_node_new(&w, NULL), *b = lab_node_new(&w, NULL);
    b->refuses = true;
    expect_failure(a, lab_connect(a, b), &(struct expected){-LP2P_E_DECLINED, "yamux", 3 * RTT});
    assert_true(lab_peer(a, &b->id, &p));
    assert_string_equal(p.agent, "");
    assert_int_equal(p.n_protocols, 0);
    assert_int_equal(lab_conns(b, NULL, NULL), 0);
    assert_false(lab_peer(b, &a->id, &p) && p.n_protocols > 0);
    /* The one who refuses is the one who dials. */
    uint64_t attempt = lab_connect(b, a);
    struct lp2p_attempt_info at = lab_attempt_end(b, attempt, LP2P_SEC(3));
    assert_int_equal(at.error, -LP2P_E_BLOCKED);
    lab_run(&w, LP2P_SEC(2));
    assert_int_equal(lab_conns(a, NULL, NULL) + lab_conns(b, NULL, NULL), 0);
    b->refuses = false;
    lab_join(b, a);
    lab_world_fini(&w);
}

static void a_refused_peer_is_declined_without_identify(void **state)
{
    (void)state;
    lab_each_seed(run_declined);
}

static void run_disconnect(uint64_t seed)
{
    struct lab_world w;
    struct lp2p_peer_info p;
    lab_world_init(&w, seed, DELAY);
    struct lab_node *a = lab_node_new(&w, NULL), *b = lab_node_new(&w, NULL);
    lab_join(a, b);
    assert_int_equal(lp2p_host_disconnect(a->host, &b->id), 0);
    assert_int_equal(lab_conns(a, NULL, NULL), 0);
    lab_run(&w, RTT);
    assert_int_equal(lab_conns(b, NULL, NULL), 0);
    assert_true(lab_peer(b, &a->id, &p) && !p.connected);
    lab_run(&w, LP2P_SEC(2));
    assert_int_equal(lp2p_host_disconnect(a->host, &b->id), -LP2P_E_NOT_FOUND);
    lab_join(b, a);
    lab_world_fini(&w);
}

static void a_goodbye_is_heard_at_once(void **state)
{
    (void)state;
    lab_each_seed(run_disconnect);
}

/* ---- several addresses ---- */

/* A dead first address costs the stagger and no more (RFC 8305). */
static void run_stagger(uint64_t seed)
{
    static const struct lab_node_cfg public = {.ip = "/ip4/198.51.100.7"};
    struct lab_world w;
    lab_world_init(&w, seed, DELAY);
    struct lab_node *a = lab_node_new(&w, NULL), *b = lab_node_new(&w, NULL);
    struct lp2p_multiaddr near[] = {lab_addr("/ip4/10.0.0.99/tcp/4001"), b->addr};
    uint64_t attempt = lab_connect_at(a, &b->id, near, 2);
    struct lp2p_attempt_info at = lab_attempt_end(a, attempt, LP2P_SEC(1));
    assert_int_equal(at.stage, LP2P_STAGE_CONNECTED);
    assert_int_equal(lab_time(&w), LP2P_MSEC(30) + 3 * RTT);
    assert_int_equal(at.paths[0].stage, LP2P_STAGE_FAILED);
    assert_int_equal(at.paths[0].error, -LP2P_E_CANCELLED);
    assert_int_equal(at.paths[1].stage, LP2P_STAGE_CONNECTED);
    lab_world_fini(&w);

    lab_world_init(&w, seed, DELAY);
    a = lab_node_new(&w, &(struct lab_node_cfg){.ip = "/ip4/198.51.100.1"});
    b = lab_node_new(&w, &public);
    struct lp2p_multiaddr far[] = {lab_addr("/ip4/198.51.100.99/tcp/4001"), b->addr};
    attempt = lab_connect_at(a, &b->id, far, 2);
    at = lab_attempt_end(a, attempt, LP2P_SEC(1));
    assert_int_equal(at.stage, LP2P_STAGE_CONNECTED);
    lp2p_ts stagger = lp2p_limits_profile("desktop")->dial_stagger;
    assert_int_equal(lab_time(&w), stagger + 3 * RTT);
    lab_world_fini(&w);
}

/* One that is refused does not hold up the next at all. */
static void run_refused_first(uint64_t seed)
{
    struct lab_world w;
    lab_world_init(&w, seed, DELAY / 10);
    struct lab_node *a = lab_node_new(&w, NULL), *b = lab_node_new(&w, NULL);
    struct lp2p_multiaddr addrs[] = {lab_addr("/ip4/10.0.0.2/tcp/4002"), b->addr};
    uint64_t attempt = lab_connect_at(a, &b->id, addrs, 2);
    struct lp2p_attempt_info at = lab_attempt_end(a, attempt, LP2P_SEC(1));
    assert_int_equal(at.stage, LP2P_STAGE_CONNECTED);
    assert_int_equal(at.paths[0].error, -LP2P_E_REFUSED);
    assert_int_equal(lab_time(&w), RTT / 10 + 3 * RTT / 10);
    lab_world_fini(&w);
}

/* At most dial_parallel at once, and all get their turn. */
static void run_many(uint64_t seed)
{
    struct lab_world w;
    lab_world_init(&w, seed, DELAY);
    struct lab_node *a = lab_node_new(&w, NULL), *b = lab_node_new(&w, NULL);
    struct lp2p_multiaddr addrs[12];
    for (size_t i = 0; i < LP2P_COUNT(addrs) - 1; i++) {
        char text[] = "/ip4/10.0.0.100/tcp/4001";
        text[14] = (char)('0' + i % 10);
        text[13] = (char)('0' + i / 10);
        addrs[i] = lab_addr(text);
    }
    addrs[LP2P_COUNT(addrs) - 1] = b->addr;
    uint64_t attempt = lab_connect_at(a, &b->id, addrs, LP2P_COUNT(addrs));
    for (int i = 0; i < 300; i++) {
        struct lp2p_attempt_info at = lab_attempt(a, attempt);
        size_t running = 0;
        for (size_t k = 0; k < at.n_paths; k++) {
            running += at.paths[k].stage == LP2P_STAGE_DIALING;
        }
        assert_true(running <= lp2p_limits_profile("desktop")->dial_parallel);
        lab_run(&w, LP2P_MSEC(10));
    }
    assert_int_equal(lab_attempt_end(a, attempt, LP2P_SEC(10)).stage, LP2P_STAGE_CONNECTED);
    lab_world_fini(&w);
}

static void a_dead_address_costs_the_stagger(void **state)
{
    (void)state;
    lab_each_seed(run_stagger);
    lab_each_seed(run_refused_first);
    lab_each_seed(run_many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        lab_test(two_hosts_connect_by_address),
        lab_test(a_peer_is_connected_once),
        lab_test(both_may_dial_at_once),
        lab_test(a_surplus_connection_goes_when_it_rests),
        lab_test(each_failure_says_what_and_where_in_time),
        lab_test(a_peer_lost_before_identify_is_no_success),
        lab_test(nobody_dials_himself),
        lab_test(only_given_addresses_are_skipped),
        lab_test(an_attempt_may_be_cancelled_at_any_time),
        lab_test(ended_attempts_are_forgotten),
        lab_test(a_refused_peer_is_declined_without_identify),
        lab_test(a_goodbye_is_heard_at_once),
        lab_test(a_dead_address_costs_the_stagger),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
