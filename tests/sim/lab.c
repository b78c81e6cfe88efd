#include "sim/lab.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"

/* ---- seeds ---- */

/* The seed that runs; 0 between scenarios. The one global: a failed assertion jumps out. */
static uint64_t running;

static void tell(void)
{
    if (running != 0) {
        fprintf(stderr, "# failed with seed %llu: repeat with LP2P_SIM_SEED=%llu\n",
                (unsigned long long)running, (unsigned long long)running);
    }
}

/* Assertions of the library abort. */
static void on_abort(int sig)
{
    (void)sig;
    tell();
}

static uint64_t number_of(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text == NULL ? otherwise : strtoull(text, NULL, 10);
}

static void run_seed(void (*scenario)(uint64_t seed), uint64_t seed)
{
    running = seed;
    scenario(seed);
    running = 0;
}

void lab_each_seed(void (*scenario)(uint64_t seed))
{
    signal(SIGABRT, on_abort);
    uint64_t one = number_of("LP2P_SIM_SEED", 0);
    uint64_t n = number_of("LP2P_SIM_SEEDS", LAB_SEEDS);
    if (one != 0) {
        run_seed(scenario, one);
        return;
    }
    assert_true(n > 0);
    for (uint64_t seed = 1; seed <= n; seed++) {
        run_seed(scenario, seed);
    }
}

void lab_one_seed(void (*scenario)(uint64_t seed))
{
    signal(SIGABRT, on_abort);
    run_seed(scenario, number_of("LP2P_SIM_SEED", 1));
}

int lab_tell_seed(void **state)
{
    (void)state;
    tell();
    running = 0;
    return 0;
}

/* ---- the world ---- */

int lab_world_try(struct lab_world *w, const struct lp2p_mem *mem, uint64_t seed,
                  const struct lp2p_sim_link_cfg *lan)
{
    *w = (struct lab_world){.seed = seed, .mem = mem != NULL ? mem : lp2p_mem_default()};
    LP2P_TRY(lp2p_sim_new(w->mem, seed, &w->sim));
    w->began = lp2p_sim_now(w->sim);
    return lp2p_sim_link_new(w->sim, lan, &w->lan);
}

void lab_world_init(struct lab_world *w, uint64_t seed, lp2p_ts delay)
{
    const struct lp2p_sim_link_cfg lan = {.delay = delay};
    assert_int_equal(lab_world_try(w, NULL, seed, &lan), 0);
}

void lab_world_fini(struct lab_world *w)
{
    for (size_t i = 0; i < w->n; i++) {
        lab_node_end(&w->nodes[i]);
    }
    lp2p_sim_free(w->sim);
}

static void node_on_change(void *ctx, unsigned changes)
{
    struct lab_node *n = ctx;
    n->changes |= changes;
    if (n->on_change != NULL) {
        n->on_change(n, changes);
    }
}

static bool node_may_connect(void *ctx, const struct lp2p_peer_id *peer, bool outbound)
{
    (void)peer;
    (void)outbound;
    const struct lab_node *n = ctx;
    return !n->refuses;
}

static struct lp2p_endpoint ip_of(const char *text)
{
    struct lp2p_multiaddr ma = lab_addr(text);
    struct lp2p_multiaddr_part part;
    size_t pos = 0;
    assert_true(lp2p_multiaddr_next(&ma, &pos, &part));
    if (part.value.n == 16) {
        uint8_t ip[16];
        memcpy(ip, part.value.p, sizeof(ip));
        return lp2p_endpoint_ip6(ip, 0);
    }
    return lp2p_endpoint_ip4(part.value.p[0], part.value.p[1], part.value.p[2], part.value.p[3], 0);
}

static int node_plug(struct lab_node *n, const struct lab_node_cfg *cfg, size_t number)
{
    char text[64];
    if (cfg->ip != NULL) {
        snprintf(text, sizeof(text), "%s", cfg->ip);
    } else {
        snprintf(text, sizeof(text), "/ip4/10.0.0.%zu", number);
    }
    n->ip = ip_of(text);
    size_t used = strlen(text);
    snprintf(text + used, sizeof(text) - used, "/tcp/%u", LAB_PORT);
    n->addr = lab_addr(text);
    uint8_t prefix = n->ip.family == LP2P_FAMILY_IP6 ? 64 : 8;
    return lp2p_sim_plug(n->env, n->w->lan, &n->ip, prefix, &n->ifindex);
}

static int node_start(struct lab_node *n, const struct lab_node_cfg *cfg, size_t number)
{
    static const struct lp2p_host_ops ops = {.on_change = node_on_change,
                                             .may_connect = node_may_connect};
    char agent[16];
    uint8_t seed[32] = {(uint8_t)number, (uint8_t)n->w->seed, (uint8_t)(n->w->seed >> 8)};
    snprintf(agent, sizeof(agent), "node/%zu", number);
    struct lp2p_host_cfg host = {
        .env = n->env,
        .mem = n->w->mem,
        .seed = seed,
        .limits = cfg->limits,
        .agent = agent,
        .mdns = cfg->mdns,
        .mdns_note = cfg->mdns ? "app=whatnext" : NULL,
    };
    LP2P_TRY(lp2p_host_new(&host, &ops, n, &n->host));
    n->id = *lp2p_host_peer_id(n->host);
    return cfg->deaf ? 0 : lp2p_host_listen(n->host, &n->addr);
}

static int no_watch(struct lp2p_env *env, struct lp2p_env_watch *watch)
{
    (void)env;
    (void)watch;
    return -LP2P_E_IO;
}

static void node_blind(struct lab_node *n)
{
    n->blind_ops = *n->env->ops;
    n->blind_ops.watch = no_watch;
    n->env->ops = &n->blind_ops;
}

int lab_node_try(struct lab_world *w, const struct lab_node_cfg *cfg, struct lab_node **ret)
{
    static const struct lab_node_cfg plain = {.ip = NULL};
    assert_true(w->n < LAB_NODES);
    cfg = cfg != NULL ? cfg : &plain;
    size_t number = cfg->as != NULL ? (size_t)(cfg->as - w->nodes) + 1 : w->n + 1;
    struct lab_node *n = &w->nodes[w->n];
    n->w = w;
    LP2P_TRY(lp2p_sim_machine(w->sim, "node", &n->env));
    w->n++;
    if (cfg->blind) {
        node_blind(n);
    }
    LP2P_TRY(node_plug(n, cfg, number));
    if (!cfg->bare) {
        LP2P_TRY(node_start(n, cfg, number));
    }
    *ret = n;
    return 0;
}

struct lab_node *lab_node_new(struct lab_world *w, const struct lab_node_cfg *cfg)
{
    struct lab_node *n = NULL;
    assert_int_equal(lab_node_try(w, cfg, &n), 0);
    return n;
}

void lab_node_end(struct lab_node *n)
{
    lp2p_host_free(n->host);
    n->host = NULL;
    if (n->env != NULL) {
        lp2p_env_free(n->env);
    }
    n->env = NULL;
}

void lab_run(struct lab_world *w, lp2p_ts time)
{
    lp2p_sim_run(w->sim, lp2p_sim_now(w->sim) + time);
}

bool lab_run_until(struct lab_world *w, bool (*done)(void *ctx), void *ctx, lp2p_ts time)
{
    return lp2p_sim_run_until(w->sim, done, ctx, lp2p_sim_now(w->sim) + time);
}

lp2p_ts lab_time(const struct lab_world *w)
{
    return lp2p_sim_now(w->sim) - w->began;
}

void lab_cut(struct lab_node *a, struct lab_node *b, bool cut)
{
    lp2p_sim_cut(a->env, b->env, cut);
    lp2p_sim_cut(b->env, a->env, cut);
}

/* ---- attempts and connections ---- */

struct lp2p_multiaddr lab_addr(const char *text)
{
    struct lp2p_multiaddr ma;
    assert_int_equal(lp2p_multiaddr_parse(text, strlen(text), &ma), 0);
    return ma;
}

uint64_t lab_connect_at(struct lab_node *n, const struct lp2p_peer_id *peer,
                        const struct lp2p_multiaddr *addrs, size_t count)
{
    struct lp2p_connect_opts opts = {.addrs = addrs, .n = count, .source = LP2P_ADDR_TYPED};
    uint64_t attempt = 0;
    assert_int_equal(lp2p_host_connect(n->host, peer, &opts, &attempt), 0);
    assert_true(attempt != 0);
    return attempt;
}

uint64_t lab_connect(struct lab_node *n, const struct lab_node *to)
{
    return lab_connect_at(n, &to->id, &to->addr, 1);
}

struct lp2p_attempt_info lab_attempt(struct lab_node *n, uint64_t attempt)
{
    const struct lp2p_attempt_info *info;
    for (size_t pos = 0; lp2p_host_attempt_next(n->host, &pos, &info);) {
        if (info->id == attempt) {
            return *info;
        }
    }
    fail_msg("attempt %llu is not known", (unsigned long long)attempt);
    return (struct lp2p_attempt_info){.id = 0};
}

struct attempt_wait {
    struct lab_node *n;
    uint64_t attempt;
};

static bool attempt_is_over(void *ctx)
{
    const struct attempt_wait *wait = ctx;
    return lab_attempt(wait->n, wait->attempt).ended != 0;
}

struct lp2p_attempt_info lab_attempt_end(struct lab_node *n, uint64_t attempt, lp2p_ts time)
{
    struct attempt_wait wait = {.n = n, .attempt = attempt};
    assert_true(lab_run_until(n->w, attempt_is_over, &wait, time));
    return lab_attempt(n, attempt);
}

struct pair_wait {
    struct lab_node *a, *b;
};

static bool pair_is_identified(void *ctx)
{
    const struct pair_wait *wait = ctx;
    return lab_is_identified(wait->a, wait->b) && lab_is_identified(wait->b, wait->a);
}

void lab_join(struct lab_node *a, struct lab_node *b)
{
    struct pair_wait wait = {.a = a, .b = b};
    lab_connect(a, b);
    assert_true(lab_run_until(a->w, pair_is_identified, &wait, LP2P_SEC(5)));
}

size_t lab_conns(struct lab_node *n, const struct lp2p_peer_id *peer, struct lp2p_conn_info *ret)
{
    struct lp2p_conn_info c;
    size_t found = 0;
    for (size_t pos = 0; lp2p_host_conn_next(n->host, &pos, &c);) {
        if (peer != NULL && !lp2p_peer_id_eq(&c.peer, peer)) {
            continue;
        }
        if (found == 0 && ret != NULL) {
            *ret = c;
        }
        found++;
    }
    return found;
}

bool lab_is_connected(struct lab_node *a, struct lab_node *b)
{
    return lab_conns(a, &b->id, NULL) > 0;
}

bool lab_is_identified(struct lab_node *a, struct lab_node *b)
{
    struct lp2p_conn_info c;
    return lab_conns(a, &b->id, &c) > 0 && c.identified;
}

bool lab_peer(struct lab_node *n, const struct lp2p_peer_id *id, struct lp2p_peer_info *ret)
{
    for (size_t pos = 0; lp2p_host_peer_next(n->host, &pos, ret);) {
        if (lp2p_peer_id_eq(&ret->id, id)) {
            return true;
        }
    }
    return false;
}

/* ---- pings ---- */

static void ping_done(void *ctx, int err, lp2p_ts rtt)
{
    struct lab_ping *p = ctx;
    if (err != 0) {
        p->err = err;
        return;
    }
    p->pongs++;
    p->rtt = rtt;
    p->at = lab_time(p->w);
}

int lab_ping_start(struct lab_node *n, const struct lab_node *to, struct lab_ping *ret)
{
    *ret = (struct lab_ping){.w = n->w};
    struct lp2p_ping ping = {.count = 1, .interval = LP2P_SEC(1), .done = ping_done, .ctx = ret};
    return lp2p_host_ping(n->host, &to->id, &ping);
}

static bool ping_is_over(void *ctx)
{
    const struct lab_ping *p = ctx;
    return p->pongs > 0 || p->err != 0;
}

bool lab_ping(struct lab_node *n, const struct lab_node *to, lp2p_ts time)
{
    struct lab_ping p;
    assert_int_equal(lab_ping_start(n, to, &p), 0);
    assert_true(lab_run_until(n->w, ping_is_over, &p, time));
    return p.pongs == 1;
}
