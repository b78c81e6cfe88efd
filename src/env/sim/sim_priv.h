/*
 * What the files of the simulator share: sim.c (the world and its clock), machine.c (environments,
 * interfaces, routes), stream.c (byte streams and listeners), udp.c (datagrams), resolve.c (names).
 *
 * Two kinds of time run here. The world's timers are the wires and the machines' kernels: packets
 * that arrive, retransmissions. A machine's timers are its process: whatever the environment tells
 * its owner is a task there, so a frozen machine's kernel goes on while its process stands still.
 */
#ifndef LP2P_ENV_SIM_PRIV_H
#define LP2P_ENV_SIM_PRIV_H

#include "base/assert.h"
#include "env/sim/sim.h"
#include "env/timers.h"

/* Machines of one world: one bit each in the table of cuts. */
#define SIM_MAX_MACHINES 256U
/* Interfaces of one machine, `lo` not counted. */
#define SIM_MAX_IFACES 16U
/* From one socket to another on the same machine. */
#define SIM_LOCAL_DELAY LP2P_USEC(10)
/* First retransmission, as TCP on a LAN. */
#define SIM_RTO LP2P_MSEC(200)
/* Between two retransmissions at most; not TCP's two minutes, so that healing shows soon. */
#define SIM_RTO_MAX LP2P_SEC(5)
/* Ports drawn for those who do not ask for one: IANA's. */
#define SIM_PORT_FIRST 49152U

struct sim_machine;

struct lp2p_sim_link {
    struct lp2p_list node;
    struct lp2p_sim_link_cfg cfg;
};

struct lp2p_sim {
    const struct lp2p_mem *mem;
    struct lp2p_timers timers; /* the wires */
    lp2p_ts now;
    uint64_t random; /* state of the generator */
    uint64_t trace;
    struct sim_machine *machines[SIM_MAX_MACHINES];
    size_t n_machines;
    struct lp2p_list links;
    struct lp2p_list pairs;   /* struct sim_pair */
    struct lp2p_list dgrams;  /* struct sim_dgram under way */
    struct lp2p_list records; /* struct sim_record */
    uint64_t questions;
};

struct sim_iface {
    struct lp2p_sim_link *link; /* NULL: slot is free */
    uint32_t index;
    struct lp2p_endpoint addr;
    uint8_t prefix;
};

struct sim_machine {
    struct lp2p_env env;
    struct lp2p_sim *sim;
    char name[16];
    uint32_t id;
    struct lp2p_timers timers; /* its process */
    uint64_t random;
    struct sim_iface ifaces[SIM_MAX_IFACES];
    uint32_t next_ifindex;
    uint16_t next_port;
    uint8_t cut[SIM_MAX_MACHINES / 8]; /* machines that hear nothing of us */
    struct lp2p_list listeners;
    struct lp2p_list udps;
    struct lp2p_list lookups; /* struct sim_lookup */
    struct lp2p_list watches; /* struct lp2p_env_watch */
    struct lp2p_timer merge;  /* in use while `watches` has some: a burst of changes ends */
    struct lp2p_task resume;  /* it was frozen for long */
    lp2p_ts frozen_at;
    bool frozen;
    bool gone; /* its process ended; the kernel answers for it */
};

/* What is traced. */
enum sim_trace_kind {
    SIM_TRACE_MACHINE,
    SIM_TRACE_PLUG,
    SIM_TRACE_UNPLUG,
    SIM_TRACE_CUT,
    SIM_TRACE_FREEZE,
    SIM_TRACE_TURN,
    SIM_TRACE_CONNECT,
    SIM_TRACE_ACCEPT,
    SIM_TRACE_DATA,
    SIM_TRACE_FIN,
    SIM_TRACE_RESET,
    SIM_TRACE_DGRAM,
    SIM_TRACE_LOST,
    SIM_TRACE_QUESTION,
};

/* ---- sim.c ---- */

uint64_t sim_random(uint64_t *state);
/* Uniform in [0, bound), from the world's generator; `bound` > 0. */
uint64_t sim_below(struct lp2p_sim *sim, uint64_t bound);
void sim_trace(struct lp2p_sim *sim, enum sim_trace_kind kind, uint64_t a, uint64_t b);
void sim_trace_bytes(struct lp2p_sim *sim, struct lp2p_span bytes);

/* A timer of the world's. */
int sim_timer_init(struct lp2p_sim *sim, struct lp2p_timer *t, void (*fn)(void *ctx, lp2p_ts now),
                   void *ctx);

/* ---- machine.c ---- */

static inline struct sim_machine *sim_machine(const struct lp2p_env *env)
{
    return (struct sim_machine *)(uintptr_t)env;
}

/* The interface that holds this address, or NULL. */
const struct sim_iface *sim_iface_find(const struct sim_machine *m, const struct lp2p_endpoint *ip);
const struct sim_iface *sim_iface_at(const struct sim_machine *m, uint32_t index);
/* True for loopback addresses and those of the interfaces. */
bool sim_is_own(const struct sim_machine *m, const struct lp2p_endpoint *ip);
/* The interface by which `to` is reached directly, from `src` if that names an address; or NULL. */
const struct sim_iface *sim_route(const struct sim_machine *m, const struct lp2p_endpoint *to,
                                  const struct lp2p_endpoint *src);
/* The machine on `link` that has this address, or NULL. */
struct sim_machine *sim_neighbour(struct lp2p_sim *sim, const struct lp2p_sim_link *link,
                                  const struct lp2p_endpoint *ip);
bool sim_is_cut(const struct sim_machine *from, const struct sim_machine *to);
/* One way over `link` now, NULL: inside a machine. */
lp2p_ts sim_delay(struct lp2p_sim *sim, const struct lp2p_sim_link *link);
/* Draws whether one packet over `link` is lost. */
bool sim_is_lost(struct lp2p_sim *sim, const struct lp2p_sim_link *link);
uint16_t sim_draw_port(struct sim_machine *m);

/* ---- stream.c ---- */

int sim_listen(struct lp2p_env *env, const struct lp2p_endpoint *at,
               const struct lp2p_listener_events *events, void *ctx, struct lp2p_listener **ret);
struct lp2p_endpoint sim_listener_local(const struct lp2p_listener *l);
void sim_listener_close(struct lp2p_listener *l);
int sim_connect(struct lp2p_env *env, const struct lp2p_connect *how, struct lp2p_io **ret);
/* All that are left, when the world ends. */
void sim_pairs_free(struct lp2p_sim *sim);

/* ---- udp.c ---- */

int sim_udp_open(struct lp2p_env *env, const struct lp2p_udp_cfg *cfg,
                 const struct lp2p_udp_events *events, void *ctx, struct lp2p_udp **ret);
uint16_t sim_udp_port(const struct lp2p_udp *u);
int sim_udp_join(struct lp2p_udp *u, const struct lp2p_endpoint *group, uint32_t ifindex);
int sim_udp_leave(struct lp2p_udp *u, const struct lp2p_endpoint *group, uint32_t ifindex);
int sim_udp_send(struct lp2p_udp *u, const struct lp2p_endpoint *to, uint32_t ifindex,
                 const struct lp2p_endpoint *src, struct lp2p_span data);
void sim_udp_close(struct lp2p_udp *u);
void sim_dgrams_free(struct lp2p_sim *sim);

/* ---- resolve.c ---- */

int sim_resolve(struct lp2p_env *env, struct lp2p_query *q, enum lp2p_query_type type,
                const char *name);
void sim_resolve_cancel(struct lp2p_query *q);
void sim_records_free(struct lp2p_sim *sim);

#endif
