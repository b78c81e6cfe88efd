/* What peers may take of a host with the shipped limits, and that others do not suffer. */
#include "sim/lab.h"

#include <stdio.h>

#include "base/assert.h"
#include "peer/peer.h"

#define DELAY LP2P_MSEC(1)

static const struct lp2p_limits *desktop(void)
{
    return lp2p_limits_profile("desktop");
}

/* ---- knocking: connections that never say a word ---- */

struct knock {
    struct lp2p_io *io;
    bool connected;
    int err; /* 0: it is still there */
    size_t received;
};

static void knock_on_connect(void *ctx, int err)
{
    struct knock *k = ctx;
    k->connected = err == 0;
    k->err = err;
    k->io->ops->want(k->io, err == 0, false);
}

static void knock_on_readable(void *ctx)
{
    struct knock *k = ctx;
    uint8_t buf[512];
    size_t n = 0;
    int err = k->io->ops->read(k->io, buf, sizeof(buf), &n);
    if (err == 0) {
        k->received += n;
    } else if (err != -LP2P_E_AGAIN) {
        k->err = err;
        k->io->ops->want(k->io, false, false);
    }
}

static void knock_on_writable(void *ctx)
{
    (void)ctx;
}

static void knock_start(struct knock *k, struct lab_node *from, const struct lab_node *to)
{
    static const struct lp2p_io_events events = {.on_connect = knock_on_connect,
                                                 .on_readable = knock_on_readable,
                                                 .on_writable = knock_on_writable};
    struct lp2p_connect how = {.remote = to->ip};
    how.remote.port = LAB_PORT;
    *k = (struct knock){.err = 0};
    assert_int_equal(from->env->ops->connect(from->env, &how, &k->io), 0);
    k->io->ops->start(k->io, &events, k);
}

static void knock_end(struct knock *k)
{
    k->io->ops->close(k->io, true);
}

static size_t knocks_alive(const struct knock *k, size_t n)
{
    size_t alive = 0;
    for (size_t i = 0; i < n; i++) {
        alive += k[i].connected && k[i].err == 0;
    }
    return alive;
}

/* A net of public addresses, and a private one. */
static const char *ip_text(bool near, unsigned last)
{
    static char text[2][32];
    static unsigned turn;
    char *at = text[turn++ % 2];
    snprintf(at, sizeof(text[0]), near ? "/ip4/10.0.0.%u" : "/ip4/198.51.100.%u", last);
    return at;
}

/* ---- pending connections ---- */

/* One source has its few; they are gone after the time for an upgrade, and nobody else waits. */
static void pending_of_one_source(uint64_t seed, bool near)
{
    const uint32_t most = near ? desktop()->pending_per_ip_near : desktop()->pending_per_ip;
    struct knock knocks[24];
    struct lab_world w;
    lab_world_init(&w, seed, DELAY);
    struct lab_node *host = lab_node_new(&w, &(struct lab_node_cfg){.ip = ip_text(near, 1)});
    struct lab_node *bad = lab_node_new(
        &w, &(struct lab_node_cfg){.ip = ip_text(near, 2), .bare = true});
    struct lab_node *good = lab_node_new(&w, &(struct lab_node_cfg){.ip = ip_text(near, 3)});
    size_t n = LP2P_MIN(most + 6U, LP2P_COUNT(knocks));
    for (size_t i = 0; i < n; i++) {
        knock_start(&knocks[i], bad, host);
    }
    lab_run(&w, 6 * DELAY);
    assert_int_equal(knocks_alive(knocks, n), most);
    lp2p_ts began = lab_time(&w);
    lab_join(good, host);
    assert_true(lab_time(&w) - began <= 8 * DELAY);
    lab_run(&w, desktop()->upgrade_timeout);
    assert_int_equal(knocks_alive(knocks, n), 0);
    struct knock again;
    knock_start(&again, bad, host);
    lab_run(&w, 6 * DELAY);
    assert_int_equal(knocks_alive(&again, 1), 1);
    knock_end(&again);
    for (size_t i = 0; i < n; i++) {
        knock_end(&knocks[i]);
    }
    assert_true(lab_ping(good, host, LP2P_SEC(1)));
    lab_world_fini(&w);
}

static void run_pending(uint64_t seed)
{
    pending_of_one_source(seed, true);
    pending_of_one_source(seed, false);
}

/* Many sources: all places are taken, and an honest peer still comes in at once. */
static void run_pending_all(uint64_t seed)
{
    enum { SOURCES = 20, EACH = 4 };
    static struct knock knocks[SOURCES * EACH];
    struct lab_world w;
    lab_world_init(&w, seed, DELAY);
    struct lab_node *host = lab_node_new(&w, &(struct lab_node_cfg){.ip = ip_text(false, 1)});
    struct lab_node *good = lab_node_new(&w, &(struct lab_node_cfg){.ip = ip_text(false, 2)});
    for (unsigned s = 0; s < SOURCES; s++) {
        struct lab_node_cfg cfg = {.ip = ip_text(false, 10 + s), .bare = true};
        struct lab_node *bad = lab_node_new(&w, &cfg);
        for (size_t i = 0; i < EACH; i++) {
            knock_start(&knocks[s * EACH + i], bad, host);
        }
    }
    lab_run(&w, 6 * DELAY);
    assert_int_equal(knocks_alive(knocks, LP2P_COUNT(knocks)), desktop()->pending_in);
    lp2p_ts began = lab_time(&w);
    lab_join(good, host);
    assert_true(lab_time(&w) - began <= 8 * DELAY);
    assert_int_equal(knocks_alive(knocks, LP2P_COUNT(knocks)), desktop()->pending_in - 1);
    lab_run(&w, desktop()->upgrade_timeout);
    assert_int_equal(knocks_alive(knocks, LP2P_COUNT(knocks)), 0);
    for (size_t i = 0; i < LP2P_COUNT(knocks); i++) {
        knock_end(&knocks[i]);
    }
    lab_world_fini(&w);
}

static void who_says_nothing_takes_no_place_from_others(void **state)
{
    (void)state;
    lab_each_seed(run_pending);
    lab_each_seed(run_pending_all);
}

/* ---- rates ---- */

static bool is_let_in(struct lab_node *from, struct lab_node *host)
{
    struct knock k;
    knock_start(&k, from, host);
    lab_run(from->w, 4 * DELAY);
    bool in = knocks_alive(&k, 1) == 1;
    knock_end(&k);
    lab_run(from->w, DELAY);
    return in;
}

static size_t let_in(struct lab_node *from, struct lab_node *host, size_t tries)
{
    size_t in = 0;
    for (size_t i = 0; i < tries; i++) {
        in += is_let_in(from, host);
    }
    return in;
}

static void rate_of_one_source(uint64_t seed, bool near)
{
    const uint32_t burst = near ? desktop()->rate_burst_near : desktop()->rate_burst;
    const uint64_t mhz = near ? desktop()->rate_refill_near_mhz : desktop()->rate_refill_mhz;
    struct lab_world w;
    lab_world_init(&w, seed, DELAY);
    struct lab_node *host = lab_node_new(&w, &(struct lab_node_cfg){.ip = ip_text(near, 1)});
    struct lab_node *bad = lab_node_new(
        &w, &(struct lab_node_cfg){.ip = ip_text(near, 2), .bare = true});
    struct lab_node *good = lab_node_new(&w, &(struct lab_node_cfg){.ip = ip_text(near, 3)});
    size_t in = let_in(bad, host, burst + 40);
    size_t gained = (size_t)(lab_time(&w) / LP2P_MSEC(1) * mhz / 1000000);
    assert_in_range(in, burst, burst + gained);
    lab_run(&w, LP2P_SEC(10));
    size_t more = let_in(bad, host, burst + 40);
    size_t refilled = LP2P_MIN(burst, (size_t)(10 * mhz / 1000));
    assert_in_range(more, refilled, refilled + gained + 1);
    /* Somebody else is not held up. */
    lab_join(good, host);
    lab_world_fini(&w);
}

static void run_rates(uint64_t seed)
{
    rate_of_one_source(seed, true);
    rate_of_one_source(seed, false);
}

/* Who authenticates gets the token back. */
static void run_token_back(uint64_t seed)
{
    struct lab_world w;
    lab_world_init(&w, seed, DELAY);
    struct lab_node *host = lab_node_new(&w, &(struct lab_node_cfg){.ip = ip_text(false, 1)});
    struct lab_node *good = lab_node_new(&w, &(struct lab_node_cfg){.ip = ip_text(false, 2)});
    for (uint32_t i = 0; i < 3 * desktop()->rate_burst; i++) {
        lab_join(good, host);
        assert_int_equal(lp2p_host_disconnect(good->host, &host->id), 0);
        lab_run(&w, 10 * DELAY);
    }
    lab_world_fini(&w);
}

static void a_source_has_its_rate(void **state)
{
    (void)state;
    lab_each_seed(run_rates);
    lab_each_seed(run_token_back);
}

/* ---- authenticated connections ---- */

static size_t peers_up(struct peer *p, size_t n)
{
    size_t up = 0;
    for (size_t i = 0; i < n; i++) {
        up += p[i].up - LP2P_MIN(p[i].closed, p[i].up);
    }
    return up;
}

static void run_per_peer(uint64_t seed)
{
    struct lab_world w;
    struct peer p;
    struct peer_conn *c[7];
    lab_world_init(&w, seed, DELAY);
    struct lab_node *host = lab_node_new(&w, NULL);
    struct lab_node *m = lab_node_new(&w, &(struct lab_node_cfg){.bare = true});
    assert_int_equal(peer_init(&p, m->env, w.mem, 77), 0);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(peer_dial(&p, &host->addr, &host->id, lp2p_span(NULL, 0), &c[i]), 0);
        lab_run(&w, 20 * DELAY);
    }
    assert_int_equal(lab_conns(host, &p.identity.id, NULL), desktop()->conns_per_peer);
    assert_int_equal(peers_up(&p, 1), desktop()->conns_per_peer);
    assert_int_equal(p.closed, 6 - desktop()->conns_per_peer);
    /* One goes, another may come. */
    c[0]->carrier->ops->close(c[0]->carrier, 0, lp2p_sim_now(w.sim) + LP2P_SEC(1));
    lab_run(&w, 20 * DELAY);
    assert_int_equal(lab_conns(host, NULL, NULL), desktop()->conns_per_peer - 1);
    assert_int_equal(peer_dial(&p, &host->addr, &host->id, lp2p_span(NULL, 0), &c[6]), 0);
    lab_run(&w, 20 * DELAY);
    assert_int_equal(lab_conns(host, NULL, NULL), desktop()->conns_per_peer);
    assert_int_equal(p.closed, 7 - desktop()->conns_per_peer);
    peer_fini(&p);
    lab_run(&w, 20 * DELAY);
    assert_int_equal(lab_conns(host, NULL, NULL), 0);
    lab_world_fini(&w);
}

static void a_peer_has_four_connections(void **state)
{
    (void)state;
    lab_each_seed(run_per_peer);
}

/* Strangers leave some places to those that were here before. */
static void run_strangers(uint64_t seed)
{
    enum { STRANGERS = 70 };
    static struct peer p[STRANGERS];
    struct peer_conn *c;
    struct lab_world w;
    const uint32_t places = desktop()->conns_in - desktop()->conns_known_slots;
    lab_world_init(&w, seed, DELAY);
    struct lab_node *host = lab_node_new(&w, NULL), *known = lab_node_new(&w, NULL);
    struct lab_node *m = lab_node_new(&w, &(struct lab_node_cfg){.bare = true});
    lab_join(known, host);
    assert_int_equal(lp2p_host_disconnect(known->host, &host->id), 0);
    for (size_t i = 0; i < STRANGERS; i++) {
        assert_int_equal(peer_init(&p[i], m->env, w.mem, (uint8_t)(100 + i)), 0);
        assert_int_equal(peer_dial(&p[i], &host->addr, &host->id, lp2p_span(NULL, 0), &c), 0);
        lab_run(&w, 20 * DELAY);
    }
    assert_int_equal(lab_conns(host, NULL, NULL), places);
    assert_int_equal(peers_up(p, STRANGERS), places);
    lab_join(known, host);
    for (size_t i = 0; i < STRANGERS; i++) {
        peer_fini(&p[i]);
    }
    lab_run(&w, 20 * DELAY);
    assert_int_equal(lab_conns(host, NULL, NULL), 1);
    lab_world_fini(&w);
}

static void strangers_leave_places_to_the_known(void **state)
{
    (void)state;
    lab_one_seed(run_strangers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        lab_test(who_says_nothing_takes_no_place_from_others),
        lab_test(a_source_has_its_rate),
        lab_test(a_peer_has_four_connections),
        lab_test(strangers_leave_places_to_the_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
