/*
 * What the files of env/uv share. The sockets are ours, raw and non-blocking; libuv only says when
 * they are ready, so that what it has no call for (binding before connecting, packet information,
 * SO_REUSEPORT between bind and listen) is done here without asking it.
 */
#ifndef LP2P_ENV_UV_PRIV_H
#define LP2P_ENV_UV_PRIV_H

#include <sys/socket.h>

#include <uv.h>

#include "env/timers.h"

struct lp2p_env_uv {
    struct lp2p_env env;
    uv_loop_t *loop;
    uv_loop_t own; /* in use when loop points here */
    struct lp2p_timers timers;
    uv_timer_t wake;               /* the next of `timers` */
    uv_prepare_t prepare;          /* runs a turn before the loop sleeps */
    uv_idle_t idle;                /* active while a turn has work: the loop does not sleep */
    lp2p_ts armed;                 /* what `wake` is set to, LP2P_TS_NEVER: stopped */
    lp2p_ts expected;              /* when it should come: `armed`, but not before it was set */
    size_t handles;                /* of libuv, not yet closed */
    bool freeing;                  /* by us; the memory goes with the last handle */
    struct lp2p_list watches;      /* struct lp2p_env_watch */
    struct lp2p_uv_watch *netlink; /* the kernel's messages; NULL: nobody watches */
    struct lp2p_timer merge;       /* in use while `netlink` is: a burst of them ends */
    struct lp2p_uv_watch *clock;   /* woken when the machine was; NULL: nobody watches, or cannot */
    lp2p_ts asleep;                /* of the machine, all its sleeps together */
    bool late;                     /* the process stood still: told before a turn is made */
    struct lp2p_uv_resolver *resolver; /* NULL: no name is asked for */
    const char *dns_servers;           /* for tests: instead of the system's; valid while used */
    int spare_fd; /* given up to accept and close when there is no other left; -1: gone */
};

/* A descriptor that the loop watches. Embedded first in what uses it; freed by the loop. */
struct lp2p_uv_watch {
    struct lp2p_env_uv *env;
    uv_poll_t poll;
    int fd;
    int mask;    /* UV_READABLE | UV_WRITABLE that is asked for */
    bool closed; /* waits for the loop to let go of it */
    /* `ready` has also what was not asked for when the descriptor failed. */
    void (*on_ready)(struct lp2p_uv_watch *w, int ready);
};

/* ---- loop.c ---- */

static inline struct lp2p_env_uv *lp2p_env_uv(const struct lp2p_env *env)
{
    return (struct lp2p_env_uv *)(uintptr_t)env;
}

/*
 * `w` is allocated with the environment's memory and zeroed but for `on_ready`; it takes over `fd`
 * on success only. -LP2P_E_NOMEM, -LP2P_E_IO.
 */
int lp2p_uv_watch_init(struct lp2p_env_uv *env, struct lp2p_uv_watch *w, int fd);
void lp2p_uv_watch_want(struct lp2p_uv_watch *w, int mask);
/* Closes the descriptor now, frees `w` later. */
void lp2p_uv_watch_close(struct lp2p_uv_watch *w);
/* The same for a descriptor that somebody else closes, later. */
void lp2p_uv_watch_leave(struct lp2p_uv_watch *w);

/* ---- errno.c ---- */

/* The library's code for errno `e`, negative. */
int lp2p_uv_errno(int e);

/* ---- sockaddr.c ---- */

socklen_t lp2p_uv_sockaddr(const struct lp2p_endpoint *e, struct sockaddr_storage *ret);
struct lp2p_endpoint lp2p_uv_endpoint(const struct sockaddr_storage *sa);
int lp2p_uv_family(enum lp2p_family family);

/* ---- stream.c ---- */

/* A connected or connecting socket as a byte stream; takes over `fd` in any case. -LP2P_E_NOMEM,
 * -LP2P_E_IO. */
int lp2p_uv_stream_new(struct lp2p_env_uv *env, int fd, bool connecting,
                       const struct lp2p_endpoint *remote, struct lp2p_io **ret);

/* ---- tcp.c ---- */

int lp2p_uv_listen(struct lp2p_env *env, const struct lp2p_endpoint *at,
                   const struct lp2p_listener_events *events, void *ctx,
                   struct lp2p_listener **ret);
struct lp2p_endpoint lp2p_uv_listener_local(const struct lp2p_listener *l);
void lp2p_uv_listener_close(struct lp2p_listener *l);
int lp2p_uv_connect(struct lp2p_env *env, const struct lp2p_connect *how, struct lp2p_io **ret);

/* ---- udp.c ---- */

int lp2p_uv_udp_open(struct lp2p_env *env, const struct lp2p_udp_cfg *cfg,
                     const struct lp2p_udp_events *events, void *ctx, struct lp2p_udp **ret);
uint16_t lp2p_uv_udp_port(const struct lp2p_udp *u);
int lp2p_uv_udp_join(struct lp2p_udp *u, const struct lp2p_endpoint *group, uint32_t ifindex);
int lp2p_uv_udp_leave(struct lp2p_udp *u, const struct lp2p_endpoint *group, uint32_t ifindex);
int lp2p_uv_udp_send(struct lp2p_udp *u, const struct lp2p_endpoint *to, uint32_t ifindex,
                     const struct lp2p_endpoint *src, struct lp2p_span data);
void lp2p_uv_udp_close(struct lp2p_udp *u);

/* ---- resolve.c ---- */

int lp2p_uv_resolve(struct lp2p_env *env, struct lp2p_query *q, enum lp2p_query_type type,
                    const char *name);
void lp2p_uv_resolve_cancel(struct lp2p_query *q);

/* ---- ifaces.c ---- */

int lp2p_uv_interfaces(struct lp2p_env *env, struct lp2p_iface *ret, size_t max, size_t *ret_n);
int lp2p_uv_gateways(struct lp2p_env *env, struct lp2p_endpoint *ret, size_t max, size_t *ret_n);

/* ---- resume.c ---- */

/* Has sleeps of the machine told to the watches, where the kernel can. */
void lp2p_uv_clock_open(struct lp2p_env_uv *env);
void lp2p_uv_clock_close(struct lp2p_env_uv *env);

/* ---- changes.c ---- */

int lp2p_uv_watch_changes(struct lp2p_env *env, struct lp2p_env_watch *w);
void lp2p_uv_unwatch_changes(struct lp2p_env *env, struct lp2p_env_watch *w);

#endif
