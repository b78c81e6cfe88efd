/*
 * Complete hosts on one simulated LAN, and what scenarios ask of them.
 *
 * Every scenario runs with several seeds: the one in LP2P_SIM_SEED alone, else LP2P_SIM_SEEDS of
 * them (default LAB_SEEDS). A failure says the seed:
 *
 *     static void run_scenario(uint64_t seed) { ... assert ... }
 *     static void scenario(void **state) { (void)state; lab_each_seed(run_scenario); }
 *     ... lab_test(scenario) ...
 */
#ifndef LP2P_TESTS_SIM_LAB_H
#define LP2P_TESTS_SIM_LAB_H

#include "env/sim/sim.h"
#include "lp2p/host.h"

#include "cmocka_all.h"

/* A test program of a dozen scenarios stays within seconds. */
#define LAB_SEEDS 3U
#define LAB_NODES 48U
#define LAB_PORT  4001U

struct lab_world;

struct lab_node {
    struct lab_world *w;
    struct lp2p_env *env;
    struct lp2p_host *host; /* NULL: not there (any more) */
    struct lp2p_endpoint ip;
    uint32_t ifindex;
    struct lp2p_multiaddr addr; /* where it listens, without /p2p/ */
    struct lp2p_peer_id id;
    bool refuses; /* may_connect says no */
    struct lp2p_env_ops blind_ops;
    unsigned changes;                                        /* all that on_change told */
    void (*on_change)(struct lab_node *n, unsigned changes); /* may be NULL */
    void *user;                                              /* of the scenario */
};

struct lab_world {
    struct lp2p_sim *sim;
    struct lp2p_sim_link *lan;
    const struct lp2p_mem *mem; /* of everything */
    uint64_t seed;
    lp2p_ts began;
    struct lab_node nodes[LAB_NODES];
    size_t n;
    lp2p_ts done_at; /* of the scenario */
};

struct lab_node_cfg {
    const char *ip; /* NULL: 10.0.0.<number of the node, from 1> */
    bool mdns;
    bool deaf;                 /* does not listen */
    bool bare;                 /* a machine without a host */
    bool blind;                /* changes of the network are not told to the host */
    const struct lab_node *as; /* has the identity and the address of this one, which is gone */
    const struct lp2p_limits *limits;
};

/* ---- seeds ---- */

void lab_each_seed(void (*scenario)(uint64_t seed));
/* With the first seed only, for what is long enough. */
void lab_one_seed(void (*scenario)(uint64_t seed));
/* Says the seed when the scenario did not come to its end. */
int lab_tell_seed(void **state);
#define lab_test(fn) cmocka_unit_test_setup_teardown(fn, NULL, lab_tell_seed)

/* ---- the world ---- */

/* 0 or -LP2P_E_NOMEM; lab_world_fini in any case. `mem` NULL: the C library's. */
int lab_world_try(struct lab_world *w, const struct lp2p_mem *mem, uint64_t seed,
                  const struct lp2p_sim_link_cfg *lan);
/* A LAN with this delay one way. */
void lab_world_init(struct lab_world *w, uint64_t seed, lp2p_ts delay);
void lab_world_fini(struct lab_world *w);

/* A machine with a running host; `cfg` may be NULL. */
int lab_node_try(struct lab_world *w, const struct lab_node_cfg *cfg, struct lab_node **ret);
struct lab_node *lab_node_new(struct lab_world *w, const struct lab_node_cfg *cfg);
/* Cuts the host off and ends its process; the machine stays. */
void lab_node_end(struct lab_node *n);

void lab_run(struct lab_world *w, lp2p_ts time);
/* Runs until it is so, at most `time`; false when it did not come. */
bool lab_run_until(struct lab_world *w, bool (*done)(void *ctx), void *ctx, lp2p_ts time);
/* Since the beginning of the world. */
lp2p_ts lab_time(const struct lab_world *w);
/* Both ways. */
void lab_cut(struct lab_node *a, struct lab_node *b, bool cut);

/* ---- attempts and connections ---- */

struct lp2p_multiaddr lab_addr(const char *text);
/* Tries to connect to `peer` at `addrs` (n of them, typed). */
uint64_t lab_connect_at(struct lab_node *n, const struct lp2p_peer_id *peer,
                        const struct lp2p_multiaddr *addrs, size_t count);
uint64_t lab_connect(struct lab_node *n, const struct lab_node *to);
/* Copy of what is known of an attempt; fails the test when it is forgotten. */
struct lp2p_attempt_info lab_attempt(struct lab_node *n, uint64_t attempt);
/* Runs until the attempt has ended, which it does within `time`. */
struct lp2p_attempt_info lab_attempt_end(struct lab_node *n, uint64_t attempt, lp2p_ts time);
/* Connects, and both sides have identified each other. */
void lab_join(struct lab_node *a, struct lab_node *b);

/* Connections of `n` to `peer` (NULL: to anybody); `ret` (may be NULL) gets the first. */
size_t lab_conns(struct lab_node *n, const struct lp2p_peer_id *peer, struct lp2p_conn_info *ret);
bool lab_is_connected(struct lab_node *a, struct lab_node *b);
bool lab_is_identified(struct lab_node *a, struct lab_node *b);
/* What the peer store has; false: nothing. */
bool lab_peer(struct lab_node *n, const struct lp2p_peer_id *id, struct lp2p_peer_info *ret);

/* ---- pings ---- */

struct lab_ping {
    struct lab_world *w;
    unsigned pongs;
    int err; /* of the end of the series, 0: none */
    lp2p_ts rtt;
    lp2p_ts at; /* lab_time of the last pong */
};

/* Starts one ping. */
int lab_ping_start(struct lab_node *n, const struct lab_node *to, struct lab_ping *ret);
/* True when a ping comes back within `time`. */
bool lab_ping(struct lab_node *n, const struct lab_node *to, lp2p_ts time);

#endif
