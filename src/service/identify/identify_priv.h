/*
 * Inside of service/identify:
 *
 *     addrs.c     which addresses are told and believed
 *     self.c      what we say, and its signature
 *     learn.c     what a peer said
 *     observed.c  what peers see of us (observed.h)
 *     session.c   one stream, in each of its four kinds
 *     push.c      who is to be told of a change, and when
 *     identify.c  connections, and the service's life
 */
#ifndef LP2P_SERVICE_IDENTIFY_PRIV_H
#define LP2P_SERVICE_IDENTIFY_PRIV_H

#include "base/bucket.h"
#include "base/buf.h"
#include "base/map.h"
#include "env/env.h"
#include "proto/identify/identify.h"
#include "service/identify/identify.h"
#include "service/identify/observed.h"
#include "swarm/peerstore.h"

/* ---- addrs.c ---- */

/* How far an address or a connection reaches; later ones see earlier ones' addresses only as noise.
 */
enum identify_reach {
    IDENTIFY_REACH_NONE = 0, /* unspecified, multicast, link-local IPv6 (its zone cannot be told) */
    IDENTIFY_REACH_HOST,     /* loopback */
    IDENTIFY_REACH_SITE,     /* private, link-local IPv4 */
    IDENTIFY_REACH_WORLD,    /* public, names, everything else */
};
#define IDENTIFY_REACHES 4U

enum identify_reach identify_reach(const struct lp2p_multiaddr *addr);

/* The reach of a connection, by the other end's address: never NONE. */
enum identify_reach identify_conn_reach(const struct lp2p_multiaddr *conn);

/* True when an address is of use to the peer at the other end of a connection of that reach, in
 * either direction (DIGEST 14). */
bool identify_is_shared(const struct lp2p_multiaddr *addr, enum identify_reach conn);

/* Addresses to announce, most useful first: of far reach first, IPv4 before IPv6 (js dials one at a
 * time, DIGEST C). */
struct identify_addrs {
    size_t n;
    uint8_t rank[LP2P_IDENTIFY_SEND_ADDRS_MAX];
    struct lp2p_multiaddr addrs[LP2P_IDENTIFY_SEND_ADDRS_MAX];
};

/* Keeps `addr` when it is new and there is room or it is more useful than the last one. */
void identify_addrs_add(struct identify_addrs *a, const struct lp2p_multiaddr *addr);

/* ---- shared state ---- */

/* Digests of what is said: equal ones say the same. */
struct identify_content {
    uint8_t addrs[16];
    uint8_t protocols[16];
};

/* What connections of one reach are told. */
struct identify_view {
    struct identify_content content;
    uint64_t seq;           /* of the record, 0: the view was never made */
    struct lp2p_buf record; /* the signed one; empty until it is asked for */
};

/* A connection that is up. */
struct identify_conn {
    struct lp2p_list node;
    struct lp2p_list due; /* a push waits for its turn */
    struct lp2p_swarm_conn *conn;
    enum identify_reach reach;
    struct identify_content told; /* last; what it would have been told when it came up else */
    bool takes_push;              /* by its own word */
    bool pushing;
    uint32_t answering; /* streams of ours that it opened */
    uint32_t taking;
    struct lp2p_bucket sent;
    struct lp2p_bucket taken;
    bool has_word; /* what it says it sees of us is in the table */
    struct lp2p_observation word;
};

struct lp2p_identify_service {
    struct lp2p_swarm *sw;
    const struct lp2p_mem *mem;
    struct lp2p_env *env;
    char *agent;
    struct lp2p_swarm_watch watch;
    struct lp2p_list conns; /* struct identify_conn */
    struct lp2p_map by_conn;
    struct lp2p_list sessions;
    struct identify_view views[IDENTIFY_REACHES];
    bool stale; /* the views: something changed since */
    uint64_t last_seq;
    struct lp2p_list due; /* struct identify_conn */
    uint32_t pushes;      /* under way */
    lp2p_ts push_at;      /* the next look at who is to be told something */
    struct lp2p_timer timer;
    struct lp2p_observed observed;
};

static inline lp2p_ts identify_now(const struct lp2p_identify_service *svc)
{
    return svc->env->ops->now(svc->env);
}

static inline bool identify_content_eq(const struct identify_content *a,
                                       const struct identify_content *b)
{
    return memcmp(a->addrs, b->addrs, sizeof(a->addrs)) == 0 &&
           memcmp(a->protocols, b->protocols, sizeof(a->protocols)) == 0;
}

/* ---- self.c ---- */

void identify_views_init(struct lp2p_identify_service *svc);
void identify_views_fini(struct lp2p_identify_service *svc);

/* Brings the views up to date, if they are not. -LP2P_E_NOMEM, -LP2P_E_CRYPTO, and the ones not
 * reached are as they were. */
int identify_views_refresh(struct lp2p_identify_service *svc);

/* Begins a sender's engine with what this connection is to be told; notes it as told. Fails as
 * `refresh`. */
int identify_say(struct lp2p_identify_service *svc, struct identify_conn *c,
                 struct lp2p_identify *engine);

/* ---- learn.c ---- */

/* Takes what the peer said, and tells the dialer. -LP2P_E_PEER_ID or an error of its key and
 * nothing is changed, -LP2P_E_NOMEM, -LP2P_E_LIMIT. */
int identify_learn(struct lp2p_identify_service *svc, struct identify_conn *c,
                   const struct lp2p_identify_msg *msg, bool pushed);

/* ---- session.c ---- */

/* For the two protocols we serve; their context is the service. */
extern const struct lp2p_stream_ops identify_answer_ops;
extern const struct lp2p_stream_ops identify_take_ops;

/* Asks the peer; its answer, or that there is none, is told to the swarm. */
void identify_ask(struct lp2p_identify_service *svc, struct identify_conn *c);
/* Begins to push. Fails as lp2p_swarm_conn_open or `identify_say`, and nothing counts as told. */
int identify_push(struct lp2p_identify_service *svc, struct identify_conn *c);
/* The connection is gone: its streams say nothing to anybody any more. */
void identify_sessions_orphan(struct lp2p_identify_service *svc, const struct identify_conn *c);
void identify_sessions_free(struct lp2p_identify_service *svc);

/* ---- identify.c ---- */

/* NULL when there was no memory for it. */
struct identify_conn *identify_find(const struct lp2p_identify_service *svc,
                                    struct lp2p_swarm_conn *conn);
/* True when we listen on this endpoint, by its own address or an unspecified one. */
bool identify_is_listener(const struct lp2p_identify_service *svc, const struct lp2p_endpoint *at);

/* ---- push.c ---- */

/* What we say may have changed: peers are told after PUSH_MERGE. */
void identify_push_soon(struct lp2p_identify_service *svc);
/* The peer was identified, or a push to it ended: if it is behind it is told at once. */
void identify_push_check(struct lp2p_identify_service *svc, struct identify_conn *c);
void identify_on_timer(void *ctx, lp2p_ts now);
void identify_arm(struct lp2p_identify_service *svc);

#endif
