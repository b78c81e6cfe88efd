/*
 * What peers say they see of us, and when it is believed (DIGEST 32; as go's ObservedAddrManager in
 * spirit): a bounded table of addresses by the local endpoint they belong to.
 *
 * One observer is one IPv4 address or one IPv6 /56 (what one household or one cheap server has),
 * and its word counts once for a local endpoint: the newest. An address that enough observers agree
 * on is *activated*; only of those that are public some are announced. Addresses that nobody sees
 * any more fade; what is activated is never put out by newcomers.
 *
 * Pure: no clock, no sockets. What connection a word came over is the caller's to know.
 */
#ifndef LP2P_SERVICE_IDENTIFY_OBSERVED_H
#define LP2P_SERVICE_IDENTIFY_OBSERVED_H

#include "base/endpoint.h"
#include "base/list.h"
#include "base/mem.h"

/* Observers that must agree (as go): one who lies needs four addresses. Fewer (DIGEST 32 would take
 * two in small networks) need somebody to dial back first, which is AutoNAT's. */
#define LP2P_OBSERVED_QUOTA 4U
/* Observers remembered of one address: more do not make it truer, and when half of them leave it is
 * still activated. */
#define LP2P_OBSERVED_BY_MAX 8U
/* Addresses remembered: ten of ours with three outside addresses each. */
#define LP2P_OBSERVED_MAX 32U
/* Activated addresses of one local endpoint that are announced, the oldest ones (go). */
#define LP2P_OBSERVED_ANNOUNCED_MAX 3U
/* How long an observer counts after its last connection ended: a NAT's mapping outlives a peer, but
 * not by much (go: 30 min). */
#define LP2P_OBSERVED_TTL LP2P_SEC(30 * 60)

/* One observer of one address. */
struct lp2p_observed_by {
    uint8_t group[8]; /* family, then the IPv4 address or the first 7 bytes of the IPv6 one */
    uint32_t conns;   /* open connections that say so */
    bool inbound;     /* it had dialed us */
    lp2p_ts until;    /* without connections: counts until then */
};

struct lp2p_observed_addr {
    struct lp2p_list node;      /* in order of first observation */
    struct lp2p_endpoint local; /* port 0: of connections from a port of no use to others */
    struct lp2p_endpoint seen;  /* port 0 when that of `local` is */
    uint64_t activated;         /* 0: not; else its number in the order of activation */
    struct lp2p_observed_by by[LP2P_OBSERVED_BY_MAX];
    size_t n_by;
};

struct lp2p_observed {
    const struct lp2p_mem *mem;
    struct lp2p_list addrs; /* struct lp2p_observed_addr */
    size_t n;
    uint64_t activations; /* so far */
};

/* One observer's word. */
struct lp2p_observation {
    struct lp2p_endpoint local;    /* our end of the connection; port 0: no listen port of ours */
    struct lp2p_endpoint observer; /* the other end */
    struct lp2p_endpoint seen;     /* what it says it sees */
    bool inbound;
};

void lp2p_observed_init(struct lp2p_observed *o, const struct lp2p_mem *mem);
void lp2p_observed_fini(struct lp2p_observed *o);

/* False for what is no news or cannot be: no address of another's view (loopback, link-local,
 * NAT64, our own end unchanged), or an address of another reach than the observer's. */
bool lp2p_observation_is_plausible(const struct lp2p_observation *w);

/*
 * Takes a plausible word that lasts until it is released. Words that find no room are dropped, for
 * want of memory too. True when an address was activated or is no longer. Each accepted call is
 * matched by one `release` with the same word.
 */
bool lp2p_observed_add(struct lp2p_observed *o, const struct lp2p_observation *w);

/* The connection it came over is gone, or says something else now. */
void lp2p_observed_release(struct lp2p_observed *o, const struct lp2p_observation *w, lp2p_ts now);

/* Drops what belongs to a local endpoint that is no more ours; port 0 is not asked for. */
bool lp2p_observed_keep(struct lp2p_observed *o,
                        bool (*is_ours)(void *ctx, const struct lp2p_endpoint *local), void *ctx);

/* Ends what is over. True as `add`. */
bool lp2p_observed_expire(struct lp2p_observed *o, lp2p_ts now);
lp2p_ts lp2p_observed_deadline(const struct lp2p_observed *o);

/* Walks all addresses; start with *pos = 0. */
const struct lp2p_observed_addr *lp2p_observed_next(const struct lp2p_observed *o, size_t *pos);

/* Observers of it that had dialed us: to them it was of use already. */
size_t lp2p_observed_inbound(const struct lp2p_observed_addr *a);

/* True when it may be announced: activated, public, dialable, and among the oldest of its local
 * endpoint. */
bool lp2p_observed_is_announced(const struct lp2p_observed *o, const struct lp2p_observed_addr *a);

#endif
