/*
 * A world in virtual time: any number of machines with interfaces on links, each machine an
 * environment (env/env.h), all in one process and one thread. Same seed, same trace.
 *
 * Links have a delay, random loss for datagrams (byte streams see loss as a pause), and can be cut
 * in one or both directions. Nothing here reads a real clock or opens a socket.
 */
#ifndef LP2P_ENV_SIM_H
#define LP2P_ENV_SIM_H

#include "env/env.h"

struct lp2p_sim;
struct lp2p_sim_link; /* a broadcast domain: a LAN */

struct lp2p_sim_link_cfg {
    lp2p_ts delay;     /* one way */
    lp2p_ts jitter;    /* up to this much more, uniform */
    uint32_t loss_ppm; /* datagrams lost in a million */
    bool no_multicast; /* the access point hides machines from each other */
};

/* -LP2P_E_NOMEM. */
int lp2p_sim_new(const struct lp2p_mem *mem, uint64_t seed, struct lp2p_sim **ret);
/* All environments must be freed. */
void lp2p_sim_free(struct lp2p_sim *sim);

int lp2p_sim_link_new(struct lp2p_sim *sim, const struct lp2p_sim_link_cfg *cfg,
                      struct lp2p_sim_link **ret);

/* A machine: an environment with `lo` (127.0.0.1, ::1). Free with lp2p_env_free. */
int lp2p_sim_machine(struct lp2p_sim *sim, const char *name, struct lp2p_env **ret);

/* Plugs an interface with one address into a link; several calls give several. Returns the
 * interface's index. */
int lp2p_sim_plug(struct lp2p_env *env, struct lp2p_sim_link *link,
                  const struct lp2p_endpoint *addr, uint8_t prefix, uint32_t *ret_ifindex);
void lp2p_sim_unplug(struct lp2p_env *env, uint32_t ifindex);

/* Cuts or heals the way from one machine to another, on all links; both directions need two calls.
 */
void lp2p_sim_cut(struct lp2p_env *from, struct lp2p_env *to, bool cut);

/* Freezes a machine (as SIGSTOP) or lets it go on. */
void lp2p_sim_freeze(struct lp2p_env *env, bool frozen);

/* What the name servers, one for the whole world, say about a name. */
struct lp2p_sim_record {
    const char *name;
    enum lp2p_query_type type;
    struct lp2p_endpoint addr; /* A, AAAA: port 0 */
    const char *text;          /* TXT */
    int err;                   /* instead of a record: what asking for it ends with */
    lp2p_ts delay;             /* until the answer is there; of a name's records the longest */
};

/* Adds a record, whose texts are copied. A name that has none of a type is not found, after
 * LP2P_SIM_DNS_DELAY. -LP2P_E_NOMEM. */
int lp2p_sim_record(struct lp2p_sim *sim, const struct lp2p_sim_record *record);
#define LP2P_SIM_DNS_DELAY LP2P_MSEC(20)

/* Questions that were asked so far. */
uint64_t lp2p_sim_questions(const struct lp2p_sim *sim);

lp2p_ts lp2p_sim_now(const struct lp2p_sim *sim);

/* Runs until nothing is left to do or `until`, whichever comes first; the clock is at `until`
 * afterwards. */
void lp2p_sim_run(struct lp2p_sim *sim, lp2p_ts until);

/* Runs until `done(ctx)` or `until`; true when it was done. */
bool lp2p_sim_run_until(struct lp2p_sim *sim, bool (*done)(void *ctx), void *ctx, lp2p_ts until);

/* Hash of everything that happened so far: equal for equal seeds. */
uint64_t lp2p_sim_trace(const struct lp2p_sim *sim);

#endif
