/*
 * Inside of proto/mdns: what packets say (packet.c), which peers are known (peers.c), what is due
 * on which link (links.c).
 */
#ifndef LP2P_PROTO_MDNS_PRIV_H
#define LP2P_PROTO_MDNS_PRIV_H

#include "proto/mdns/mdns.h"

/* Queries: the first at once, the next after a second, then half as often up to once a minute. */
#define MDNS_QUERY_FIRST LP2P_SEC(1)
#define MDNS_QUERY_LAST  LP2P_SEC(60)
/* Several that look at the same time are one query. */
#define MDNS_QUERY_GAP LP2P_MSEC(250)
/* RFC 6762, 6: answers of several responders must not collide, and none comes twice a second. */
#define MDNS_ANSWER_MIN LP2P_MSEC(20)
#define MDNS_ANSWER_MAX LP2P_MSEC(120)
#define MDNS_ANSWER_GAP LP2P_SEC(1)
/* RFC 6762, 8.3: announced twice. */
#define MDNS_ANNOUNCEMENTS 2U
/* The looped copy of our own query comes within this, or never. */
#define MDNS_ECHO_MAX LP2P_MSEC(250)
/* Responses judged in a second: parsing ids costs a curve point each (SECURITY C10). */
#define MDNS_RESPONSES_PER_SEC 256U
/* Strings looked at in one packet, good or bad. */
#define MDNS_PACKET_STRINGS 64U

/* Allows `burst` at once and one more each `interval` (GCRA). */
struct mdns_rate {
    lp2p_ts interval;
    lp2p_ts window; /* interval * burst */
    lp2p_ts next;   /* when all of the burst is there again */
};

struct mdns_rate mdns_rate(uint64_t burst, lp2p_ts per);
bool mdns_rate_allow(struct mdns_rate *r, lp2p_ts now);

/* ---- packet.c ---- */

/* What a response of ours says. */
struct mdns_answer {
    const char *tag;
    const char *name; /* label in front of the tag */
    const struct lp2p_peer_id *self;
    const char *note; /* "" for none */
    const struct lp2p_mdns_link *link;
    uint32_t ttl;
};

/* Write into LP2P_MDNS_SEND_MAX bytes and return the length; 0 when there is nothing to announce.
 */
size_t mdns_packet_query(const char *tag, uint8_t *buf);
size_t mdns_packet_answer(const struct mdns_answer *a, uint8_t *buf);

/* A peer as one packet names it. */
struct mdns_seen {
    struct lp2p_peer_id id;
    uint32_t ttl; /* seconds, of the longest of its records */
    bool note;
    uint64_t instance; /* hash of its name */
    size_t n_addrs;
    struct lp2p_span addrs[LP2P_MDNS_PEER_ADDRS_MAX]; /* text with /p2p/, in the datagram */
};

/* What is of interest in a packet. */
struct mdns_packet {
    bool response;
    uint8_t asked;   /* query: tags, one bit each */
    uint8_t unicast; /* query: tags with the QU bit */
    size_t n_seen;
    struct mdns_seen seen[LP2P_MDNS_PACKET_PEERS];
    /* Names whose pointer was withdrawn, also those without a record of their own. */
    size_t n_goodbyes;
    uint64_t goodbyes[LP2P_MDNS_PACKET_PEERS];
};

struct mdns_tags {
    size_t n;
    char name[LP2P_MDNS_TAGS_MAX][LP2P_MDNS_TAG_MAX + 1];
};

struct mdns_parse_cfg {
    const struct mdns_tags *tags;
    struct lp2p_hasher hasher;
    const char *note;
};

/* -LP2P_E_DECODE. Records that are of no use are skipped, a packet that is malformed is refused. */
int mdns_packet_parse(const struct mdns_parse_cfg *cfg, struct lp2p_span data,
                      struct mdns_packet *ret);

/* ---- peers.c ---- */

struct mdns_peer {
    struct lp2p_list node; /* in the order of when they were heard, or in `gone` */
    struct lp2p_peer_id id;
    uint64_t instance;
    lp2p_ts expires;
};

struct mdns_peers {
    const struct lp2p_mem *mem;
    size_t max;
    struct lp2p_map by_id;
    struct lp2p_list order; /* heard longest ago first */
    struct lp2p_list gone;  /* to be reported, in no other place */
    lp2p_ts expiry;         /* not after the first that expires */
    struct mdns_rate news;
    size_t n_expected;
    struct lp2p_peer_id expected[LP2P_MDNS_EXPECT_MAX];
};

void mdns_peers_init(struct mdns_peers *p, const struct lp2p_mdns_cfg *cfg);
void mdns_peers_fini(struct mdns_peers *p);
/* Lets the peer in or renews it; `*ret` is when it expires. -LP2P_E_LIMIT, -LP2P_E_NOMEM. */
int mdns_peers_hear(struct mdns_peers *p, lp2p_ts now, const struct mdns_seen *seen, lp2p_ts *ret);
void mdns_peers_goodbye(struct mdns_peers *p, const struct lp2p_peer_id *id);
void mdns_peers_goodbye_name(struct mdns_peers *p, uint64_t instance);
void mdns_peers_expire(struct mdns_peers *p, lp2p_ts now);
/* The next that is gone; false when there is none. */
bool mdns_peers_take_gone(struct mdns_peers *p, struct lp2p_peer_id *ret);

/* ---- links.c ---- */

struct mdns_link {
    struct lp2p_mdns_link cfg;
    lp2p_ts query_at;
    lp2p_ts query_interval; /* to the one after */
    lp2p_ts queried;        /* the last one; 0: none */
    uint8_t query_due;      /* tags whose query goes out now, one bit each */
    uint8_t told;           /* tags we have answered for: they need a goodbye */
    uint8_t goodbye_due;
    uint8_t announce[LP2P_MDNS_TAGS_MAX]; /* announcements to go */
    /* Queries of ours whose copy the system is about to loop back to us. */
    uint8_t echoes[LP2P_MDNS_TAGS_MAX];
    lp2p_ts echo_until[LP2P_MDNS_TAGS_MAX];
    lp2p_ts answer_at[LP2P_MDNS_TAGS_MAX];
    lp2p_ts answer_free[LP2P_MDNS_TAGS_MAX]; /* not before this */
};

struct mdns_unicast {
    uint32_t ifindex; /* 0: free */
    struct lp2p_endpoint to;
    uint8_t tag;
    lp2p_ts at;
};

enum mdns_out_kind { MDNS_OUT_NONE = 0, MDNS_OUT_QUERY, MDNS_OUT_ANSWER, MDNS_OUT_GOODBYE };

/* The datagram that was handed out. */
struct mdns_out {
    enum mdns_out_kind kind;
    struct mdns_link *link;
    struct mdns_unicast *unicast; /* an ANSWER to one */
    uint8_t tag;
    lp2p_ts now;
};

struct lp2p_mdns {
    const struct lp2p_mem *mem;
    const struct lp2p_random *random;
    struct lp2p_hasher hasher;
    struct lp2p_peer_id self;
    struct mdns_tags tags;
    char note[LP2P_MDNS_NOTE_MAX + 1];
    char name[LP2P_MDNS_NAME_SIZE + 1];
    struct mdns_peers peers;
    struct mdns_rate responses;
    size_t n_links;
    struct mdns_link links[LP2P_MDNS_LINKS_MAX];
    struct mdns_unicast unicasts[LP2P_MDNS_UNICAST_MAX];
    bool closing;
    uint64_t dropped;
    struct mdns_out out;
    uint8_t buf[LP2P_MDNS_SEND_MAX];
    /* The datagram whose peers are being told. */
    struct mdns_packet in;
    struct lp2p_mdns_dgram_in in_how;
    lp2p_ts in_expires[LP2P_MDNS_PACKET_PEERS];
    size_t in_pos; /* next of in.seen */
    bool in_loopback;
};

struct mdns_link *mdns_link_find(struct lp2p_mdns *e, uint32_t ifindex, enum lp2p_family family);
/* True when a packet from there can only have come from a machine on this link. */
bool mdns_link_is_near(const struct mdns_link *l, const struct lp2p_endpoint *from);
/* A query of ours went out; its copy is no question of somebody's. */
void mdns_link_expect_echo(struct mdns_link *l, lp2p_ts now, uint8_t tag);
/* True once for each copy of a query of ours that comes back. Another program on this machine has
 * the same address, so copies are counted, not recognised. */
bool mdns_link_is_echo(struct mdns_link *l, lp2p_ts now, const struct lp2p_endpoint *from,
                       uint8_t tag);
/* Somebody asks for the tag. */
void mdns_link_asked(struct lp2p_mdns *e, struct mdns_link *l, lp2p_ts now, uint8_t tag);
void mdns_unicast_asked(struct lp2p_mdns *e, const struct lp2p_mdns_dgram_in *in, lp2p_ts now,
                        uint8_t tag);
lp2p_ts mdns_links_deadline(const struct lp2p_mdns *e);
void mdns_links_tick(struct lp2p_mdns *e, lp2p_ts now);

#endif
