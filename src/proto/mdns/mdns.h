/*
 * Peer discovery by multicast DNS (specs discovery/mdns.md; RFC 6762, RFC 6763; DIGEST 20): finds
 * peers on the local network and is found by them. Names are hints: nothing found here is
 * authenticated, and nothing here dials.
 *
 * A datagram engine (STYLE, "The engine contract") for all links of a machine; a link is one
 * interface in one address family. The layer above says which links there are and what to announce
 * on each, hands in datagrams, and sends what comes out. Our response is the one layout that go,
 * rust and js all accept: a single PTR answer, then one TXT, SRV, A and AAAA as additionals.
 *
 * Cooperative, not exclusive: port 5353 is shared with other responders of the machine; there is no
 * probing for the name (it is random) and no known-answer list.
 */
#ifndef LP2P_PROTO_MDNS_H
#define LP2P_PROTO_MDNS_H

#include "base/endpoint.h"
#include "base/list.h"
#include "base/map.h"
#include "base/random.h"
#include "lp2p/error.h"
#include "lp2p/multiaddr.h"

#define LP2P_MDNS_PORT 5353U
/* Larger packets lose fragments (go-libp2p#3415, js-libp2p#2012). */
#define LP2P_MDNS_SEND_MAX 1400U
/* RFC 6762, 17: jumbo frames. */
#define LP2P_MDNS_RECV_MAX 9000U
/* Seconds our records live: js has no announcements, so two queries must fit (DIGEST 20). */
#define LP2P_MDNS_TTL 120U
/* What a peer's record may live at most: remote durations are clamped (SECURITY C6). */
#define LP2P_MDNS_TTL_MAX 3600U

/* Interfaces times families; hosts with hundreds of bridges exist, but need no discovery on all. */
#define LP2P_MDNS_LINKS_MAX 64U
/* Networks of one link, and addresses announced on it. */
#define LP2P_MDNS_LINK_ADDRS_MAX 8U
/* Service names we answer and ask for. */
#define LP2P_MDNS_TAGS_MAX 4U
#define LP2P_MDNS_TAG_MAX  64U
/* Addresses taken of one peer, and peers taken of one packet (real ones carry one). */
#define LP2P_MDNS_PEER_ADDRS_MAX 16U
#define LP2P_MDNS_PACKET_PEERS   4U
/* Ids that are let in above the rate (peers of running attempts). */
#define LP2P_MDNS_EXPECT_MAX 64U
/* Unicast answers that wait, in all; more are dropped, the multicast answer reaches the asker. */
#define LP2P_MDNS_UNICAST_MAX 8U
/* Our note, as one TXT string. */
#define LP2P_MDNS_NOTE_MAX 64U

/* Our name is random, of lower-case letters and digits; the specification says 32 to 63. */
#define LP2P_MDNS_NAME_SIZE 40U

/* One address of an interface. */
struct lp2p_mdns_addr {
    struct lp2p_endpoint at; /* port: our TCP listener's, or 0: not announced */
    uint8_t prefix;          /* its network: what comes from elsewhere is not on this link */
};

/* One interface in one family. */
struct lp2p_mdns_link {
    uint32_t ifindex;
    enum lp2p_family family; /* of the packets */
    bool loopback;
    size_t n_addrs;
    struct lp2p_mdns_addr addrs[LP2P_MDNS_LINK_ADDRS_MAX]; /* both families, most useful first */
};

struct lp2p_mdns_cfg {
    const struct lp2p_mem *mem;
    const struct lp2p_random *random; /* outlives the engine */
    struct lp2p_hasher hasher;        /* keyed, for the table of peers */
    struct lp2p_peer_id self;
    const char *note;        /* one more TXT string after the addresses, or NULL; copied */
    const char *const *tags; /* service names without a final dot; copied */
    size_t n_tags;
    uint32_t peers_max;   /* peers remembered */
    uint32_t new_per_min; /* unknown peers let in a minute */
};

/* How a datagram came. */
struct lp2p_mdns_dgram_in {
    uint32_t ifindex;
    struct lp2p_endpoint from;
    struct lp2p_endpoint to;
    struct lp2p_span data;
};

/* How one has to go. */
struct lp2p_mdns_dgram_out {
    uint32_t ifindex;
    struct lp2p_endpoint to;
    struct lp2p_span data;
};

enum lp2p_mdns_event_type {
    LP2P_MDNS_EV_NONE = 0,
    LP2P_MDNS_EV_FOUND, /* `peer` said where it is; also when it only said so again */
    LP2P_MDNS_EV_GONE,  /* `peer` said goodbye, was not heard of for too long, or gave way */
};

struct lp2p_mdns_event {
    enum lp2p_mdns_event_type type;
    struct lp2p_peer_id peer;
    /* FOUND only: */
    lp2p_ts expires;
    uint32_t ifindex;
    bool loopback; /* it came in on the loopback interface */
    bool note;     /* the record has our note */
    struct lp2p_endpoint from;
    size_t n_addrs;
    struct lp2p_span addrs[LP2P_MDNS_PEER_ADDRS_MAX]; /* text of multiaddrs that end in the peer's
                                                         id, in the datagram */
};

/* Gives an address of a FOUND event without /p2p/; `*ret_own_source`: it is the address the packet
 * came from. */
void lp2p_mdns_event_addr(const struct lp2p_mdns_event *ev, size_t i, struct lp2p_multiaddr *ret,
                          bool *ret_own_source);

/* Where the packets of a family go: 224.0.0.251 or ff02::fb, port 5353. */
struct lp2p_endpoint lp2p_mdns_group(enum lp2p_family family);

struct lp2p_mdns; /* mdns_priv.h */

/* -LP2P_E_INVAL (tag, note), -LP2P_E_NOMEM. Silent until it has links. */
int lp2p_mdns_new(const struct lp2p_mdns_cfg *cfg, struct lp2p_mdns **ret);
void lp2p_mdns_free(struct lp2p_mdns *e);

/*
 * Says which links there are now; copied. On links that are new or announce other addresses than
 * before we ask and announce at once. More than LP2P_MDNS_LINKS_MAX are ignored.
 */
void lp2p_mdns_set_links(struct lp2p_mdns *e, lp2p_ts now, const struct lp2p_mdns_link *links,
                         size_t n);

/*
 * Takes a datagram; never fails, what is malformed, not from this link or above a limit is dropped
 * and counted. `data` must stay until `_event` has said none.
 */
void lp2p_mdns_recv_dgram(struct lp2p_mdns *e, lp2p_ts now, const struct lp2p_mdns_dgram_in *in);

bool lp2p_mdns_event(struct lp2p_mdns *e, struct lp2p_mdns_event *ret);

/* The datagram that is due, valid until `_out_dgram_done`; false when there is none. */
bool lp2p_mdns_out_dgram(struct lp2p_mdns *e, lp2p_ts now, struct lp2p_mdns_dgram_out *ret);
void lp2p_mdns_out_dgram_done(struct lp2p_mdns *e);

/* Asks on all links at once and starts the schedule anew: somebody is looked for. */
void lp2p_mdns_look(struct lp2p_mdns *e, lp2p_ts now);

/* Replaces the ids that the rate does not hold back; copied, at most LP2P_MDNS_EXPECT_MAX. */
void lp2p_mdns_expect(struct lp2p_mdns *e, const struct lp2p_peer_id *peers, size_t n);

/* Withdraws our records: goodbyes are the last output. */
void lp2p_mdns_goodbye(struct lp2p_mdns *e);

lp2p_ts lp2p_mdns_deadline(const struct lp2p_mdns *e);
void lp2p_mdns_tick(struct lp2p_mdns *e, lp2p_ts now);

/* Peers remembered, and datagrams dropped so far. */
size_t lp2p_mdns_peers(const struct lp2p_mdns *e);
uint64_t lp2p_mdns_dropped(const struct lp2p_mdns *e);

#endif
