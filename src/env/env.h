/*
 * The environment interface (DESIGN 4, "six seams"): clock, timers, random, network. env/uv
 * implements it on libuv, env/sim in virtual time. Only code below src/transport, src/swarm and
 * src/service sees the world through it.
 *
 * Two rules, libuv's: a callback never runs inside the call that caused it, and memory given to an
 * object belongs to it until its close has returned. After a close call no callback of that object
 * runs any more. All calls and callbacks are on one thread.
 */
#ifndef LP2P_ENV_ENV_H
#define LP2P_ENV_ENV_H

#include "base/endpoint.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/random.h"
#include "base/span.h"
#include "lp2p/env.h"
#include "lp2p/error.h"

/* Most interface addresses that are looked at: hosts with hundreds of container bridges exist, more
 * do not. */
#define LP2P_ENV_MAX_IFACES 256U
/* Longest datagram taken, in and out: what mDNS permits (RFC 6762, section 17); longer ones are
 * dropped. */
#define LP2P_ENV_MAX_DGRAM 9000U
/* One change of the network comes as a burst (link, addresses, routes): told so long after its
 * first part, a small piece of the second in which everything has to follow. */
#define LP2P_ENV_CHANGE_MERGE LP2P_MSEC(50)
/* Longest name that is asked for (RFC 1035, 2.3.4: 255 bytes on the wire), and of one label. */
#define LP2P_ENV_MAX_NAME  253U
#define LP2P_ENV_MAX_LABEL 63U
/* Records of one answer that are looked at: the public bootstrap names have 16. */
#define LP2P_ENV_MAX_ANSWERS 64U
/* Longest text of a TXT record, its strings joined: a multiaddr of the longest kind in use has 300
 * bytes. Longer ones are left out. */
#define LP2P_ENV_MAX_TXT 1024U
/* A question without an answer ends after this (SECURITY 3.2). */
#define LP2P_ENV_RESOLVE_TIMEOUT LP2P_SEC(3)
/* Questions under way at once: four for each attempt that may run. */
#define LP2P_ENV_MAX_QUERIES 256U

/* A process that stood still so long (stopped, or given no CPU), and a machine that slept so long,
 * has missed what others waited for (SECURITY 4.3). A few seconds of standing still happen under
 * load; sleep is told by the clocks and is never an accident. */
#define LP2P_ENV_PAUSE LP2P_SEC(3)
#define LP2P_ENV_SLEEP LP2P_SEC(1)

/* A timer of the caller's; one shot. Its slot is reserved by `timer_init`, so setting it cannot
 * fail. */
struct lp2p_timer {
    struct lp2p_heap_node node;
    void (*fn)(void *ctx, lp2p_ts now);
    void *ctx;
    struct lp2p_env *env;
};

/* Work for the top of the loop: runs once, after the current callback returned, in order of
 * deferral. */
struct lp2p_task {
    struct lp2p_list node;
    void (*fn)(void *ctx, lp2p_ts now);
    void *ctx;
};

/* A byte stream: TCP, the simulator's, or a memory pipe. Readiness, not completion: no buffer is
 * held while it is idle. */
struct lp2p_io {
    const struct lp2p_io_ops *ops;
};

struct lp2p_io_events {
    /* Only for streams made by `connect`: 0 or the error; then the stream is of no more use but to
     * close it. */
    void (*on_connect)(void *ctx, int err);
    /* Bytes, the end or an error can be read. Comes again as long as it is so and reading is
     * wanted. */
    void (*on_readable)(void *ctx);
    /* Bytes can be written. Comes again as long as it is so and writing is wanted. */
    void (*on_writable)(void *ctx);
};

struct lp2p_io_ops {
    /* Sets who is told. Until then nothing is delivered. */
    void (*start)(struct lp2p_io *io, const struct lp2p_io_events *events, void *ctx);
    /* What the owner wants to be told; both false at start. */
    void (*want)(struct lp2p_io *io, bool read, bool write);
    /* -LP2P_E_AGAIN, -LP2P_E_EOF (orderly end), -LP2P_E_RESET, -LP2P_E_TIMEOUT,
     * -LP2P_E_UNREACHABLE, -LP2P_E_IO. */
    int (*read)(struct lp2p_io *io, uint8_t *p, size_t n, size_t *ret_n);
    /* Takes what fits. -LP2P_E_AGAIN and the errors of `read`. */
    int (*write)(struct lp2p_io *io, const struct lp2p_span *spans, size_t n, size_t *ret_n);
    /* Ends our direction. */
    void (*shutdown)(struct lp2p_io *io);
    /* Closes at once and frees. `abort`: with a reset instead of an orderly end. */
    void (*close)(struct lp2p_io *io, bool abort);
    /* Both ends, as far as they are known; family NONE else. */
    void (*addrs)(const struct lp2p_io *io, struct lp2p_endpoint *ret_local,
                  struct lp2p_endpoint *ret_remote);
};

/* What is asked of `connect`. */
struct lp2p_connect {
    struct lp2p_endpoint remote;
    const struct lp2p_endpoint
        *local; /* bind to it (port reuse with the listener), or NULL: any port */
};

struct lp2p_listener; /* of the environment */

struct lp2p_listener_events {
    /* Takes over `io`. */
    void (*on_accept)(void *ctx, struct lp2p_io *io, const struct lp2p_endpoint *local,
                      const struct lp2p_endpoint *remote);
};

struct lp2p_udp; /* of the environment */

struct lp2p_udp_events {
    /* `data` is valid during the call; `ifindex` is where it came in, `to` the address it was sent
     * to (port 0). */
    void (*on_dgram)(void *ctx, struct lp2p_mspan data, const struct lp2p_endpoint *from,
                     const struct lp2p_endpoint *to, uint32_t ifindex);
};

struct lp2p_udp_cfg {
    enum lp2p_family family;
    uint16_t port; /* 0: any */
    bool
        shared; /* SO_REUSEADDR and SO_REUSEPORT: mDNS shares its port with others on the machine */
};

/* One address of one interface. */
struct lp2p_iface {
    uint32_t index;
    char name[16];
    struct lp2p_endpoint addr; /* port 0; zone set for link-local IPv6 */
    uint8_t prefix;            /* length of the network part, bits */
    bool up;                   /* administratively up and running */
    bool loopback;
    bool multicast;
    bool point_to_point; /* VPN, PPP */
};

/* Who wants to know that the network changed. The owner keeps the struct while it watches. */
struct lp2p_env_watch {
    struct lp2p_list node;
    /* `interfaces` or `gateways` may answer differently now. It may end its own watch. */
    void (*on_change)(void *ctx);
    /* The process stood still for LP2P_ENV_PAUSE or the machine slept for LP2P_ENV_SLEEP, at least;
     * told before the timers that came due meanwhile. May be NULL. */
    void (*on_resume)(void *ctx);
    void *ctx;
};

enum lp2p_query_type { LP2P_QUERY_A, LP2P_QUERY_AAAA, LP2P_QUERY_TXT };

/* One record of an answer. */
struct lp2p_answer {
    struct lp2p_endpoint addr; /* A, AAAA: port 0 */
    struct lp2p_span text;     /* TXT: its strings joined */
};

/* A question to the name service. The asker sets `done` and `ctx`, and keeps the struct until that
 * was called or the query cancelled. */
struct lp2p_query {
    /*
     * Comes once; the answers, at most LP2P_ENV_MAX_ANSWERS and none on failure, are valid during
     * the call. -LP2P_E_NOT_FOUND: there is no such name, or it has no such record;
     * -LP2P_E_TIMEOUT, -LP2P_E_IO (no server answered, or none would), -LP2P_E_DECODE (what came is
     * no answer), -LP2P_E_NOMEM.
     */
    void (*done)(void *ctx, int err, const struct lp2p_answer *answers, size_t n);
    void *ctx;
    struct lp2p_env *env; /* set while it is under way */
    void *below;          /* the environment's */
};

/* False for what no name server can know: too long, an empty label, bytes that a name has not. */
bool lp2p_env_is_name(const char *name);

/* Tell each of a list of watches, any of which may end its own. For implementations. */
void lp2p_env_tell_change(const struct lp2p_list *watches);
void lp2p_env_tell_resume(const struct lp2p_list *watches);

/*
 * True for what a peer can hardly reach: point-to-point links, and by their name the bridges and
 * tunnels of containers, virtual machines and VPNs (DESIGN 7: not announced, dialed last). A name
 * is all the system tells; a wrong guess costs an address, not a connection, because everything is
 * announced where nothing better is up.
 */
bool lp2p_iface_is_far(const struct lp2p_iface *iface);

struct lp2p_env_ops {
    void (*free)(struct lp2p_env *env);
    lp2p_ts (*now)(const struct lp2p_env *env);
    /* Wall clock, Unix milliseconds: for records and displayed times only. */
    uint64_t (*wall_ms)(const struct lp2p_env *env);

    /* -LP2P_E_NOMEM. */
    int (*timer_init)(struct lp2p_env *env, struct lp2p_timer *t,
                      void (*fn)(void *ctx, lp2p_ts now), void *ctx);
    /* (Re)starts it; LP2P_TS_NEVER stops it. A time in the past fires at the top of the loop. */
    void (*timer_set)(struct lp2p_timer *t, lp2p_ts at);
    void (*timer_fini)(struct lp2p_timer *t);
    /* Queues `task`, whose fn and ctx are set; does nothing if it is queued. Cancel with
     * lp2p_list_remove(&task->node). */
    void (*defer)(struct lp2p_env *env, struct lp2p_task *task);

    /* -LP2P_E_ADDR_IN_USE, -LP2P_E_ADDR_NOT_AVAIL, -LP2P_E_PERM, -LP2P_E_NO_FDS, -LP2P_E_NOMEM. */
    int (*listen)(struct lp2p_env *env, const struct lp2p_endpoint *at,
                  const struct lp2p_listener_events *events, void *ctx, struct lp2p_listener **ret);
    /* The bound address with its real port. */
    struct lp2p_endpoint (*listener_local)(const struct lp2p_listener *l);
    void (*listener_close)(struct lp2p_listener *l);

    /*
     * Starts to connect; the result comes by on_connect: -LP2P_E_REFUSED, -LP2P_E_TIMEOUT,
     * -LP2P_E_UNREACHABLE, -LP2P_E_NO_NETWORK, -LP2P_E_ADDR_NOT_AVAIL, -LP2P_E_IO. Fails at once
     * with -LP2P_E_NO_FDS, -LP2P_E_NOMEM, -LP2P_E_ADDR_NOT_AVAIL (local), -LP2P_E_UNREACHABLE.
     */
    int (*connect)(struct lp2p_env *env, const struct lp2p_connect *how, struct lp2p_io **ret);

    int (*udp_open)(struct lp2p_env *env, const struct lp2p_udp_cfg *cfg,
                    const struct lp2p_udp_events *events, void *ctx, struct lp2p_udp **ret);
    uint16_t (*udp_port)(const struct lp2p_udp *u);
    /* Joins or leaves a group on an interface. -LP2P_E_EXISTS, -LP2P_E_IO. */
    int (*udp_join)(struct lp2p_udp *u, const struct lp2p_endpoint *group, uint32_t ifindex);
    int (*udp_leave)(struct lp2p_udp *u, const struct lp2p_endpoint *group, uint32_t ifindex);
    /* Sends from interface `ifindex` (0: as routed) and, if not NULL, from the address `src`. Best
     * effort. */
    int (*udp_send)(struct lp2p_udp *u, const struct lp2p_endpoint *to, uint32_t ifindex,
                    const struct lp2p_endpoint *src, struct lp2p_span data);
    void (*udp_close)(struct lp2p_udp *u);

    /*
     * Asks for the records of one type of `name` (a host's, NUL-terminated, not kept); addresses
     * also come from the machine's own table of hosts. Fails at once with -LP2P_E_NOT_FOUND (not
     * lp2p_env_is_name), -LP2P_E_LIMIT, -LP2P_E_NO_FDS, -LP2P_E_NOMEM, -LP2P_E_IO.
     */
    int (*resolve)(struct lp2p_env *env, struct lp2p_query *q, enum lp2p_query_type type,
                   const char *name);
    /* `done` does not come any more. Does nothing when it is not under way. */
    void (*resolve_cancel)(struct lp2p_query *q);

    /* At most LP2P_ENV_MAX_IFACES; an interface with several addresses has several rows.
     * -LP2P_E_IO. */
    int (*interfaces)(struct lp2p_env *env, struct lp2p_iface *ret, size_t max, size_t *ret_n);
    /* Default gateways. */
    int (*gateways)(struct lp2p_env *env, struct lp2p_endpoint *ret, size_t max, size_t *ret_n);
    /*
     * Tells `w` from the top of the loop whenever interfaces, addresses or routes changed, a burst
     * of changes once (LP2P_ENV_CHANGE_MERGE), and of pauses. What was lost on the way is told as a
     * change. Fails with -LP2P_E_IO, -LP2P_E_NO_FDS, -LP2P_E_NOMEM: then only asking again tells.
     */
    int (*watch)(struct lp2p_env *env, struct lp2p_env_watch *w);
    void (*unwatch)(struct lp2p_env *env, struct lp2p_env_watch *w);
};

/* First member of every implementation. */
struct lp2p_env {
    const struct lp2p_env_ops *ops;
    const struct lp2p_mem *mem;
    struct lp2p_random random;
};

#endif
