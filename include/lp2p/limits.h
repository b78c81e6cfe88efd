/*
 * The active limits of a host: everything a peer can make us hold, wait for or compute has its
 * number here. docs/limits.md says what each one stops and what the answer at the limit is.
 */
#ifndef LP2P_LIMITS_H
#define LP2P_LIMITS_H

#include "lp2p/types.h"

LP2P_BEGIN_DECLS

struct lp2p_limits {
    const char *profile; /* "desktop", "relay", "bench"; a static string */

    /* connections */
    uint32_t conns_in; /* authenticated, that peers opened */
    uint32_t conns;    /* both directions */
    uint32_t conns_per_peer;
    uint32_t conns_known_slots;   /* inbound slots kept for peers that are known */
    uint32_t pending_in;          /* unauthenticated inbound, in all */
    uint32_t pending_per_ip;      /* ... from one public IPv4 address or IPv6 /56 */
    uint32_t pending_per_ip_near; /* ... from one private, link-local or loopback address */
    uint32_t rate_burst;          /* new inbound connections from one public address at once */
    uint32_t rate_refill_mhz;     /* ... and afterwards, in thousandths a second */
    uint32_t rate_burst_near;     /* the same for private, link-local and loopback addresses */
    uint32_t rate_refill_near_mhz;

    /* deadlines */
    lp2p_ts upgrade_timeout;   /* accept or connect to peer id and muxer, in all */
    lp2p_ts connect_timeout;   /* TCP connect of one address */
    lp2p_ts dial_timeout;      /* one address, upgrade included */
    lp2p_ts dial_peer_timeout; /* all addresses of a peer */
    lp2p_ts negotiate_timeout; /* protocol of one stream */
    lp2p_ts linger_timeout;    /* a stream we closed, until the peer has ended its side too */
    lp2p_ts identify_timeout;
    lp2p_ts close_timeout; /* goodbye until the connection is cut */

    /* dialing */
    uint32_t dial_parallel;    /* addresses of one peer at once */
    uint32_t dial_addrs;       /* addresses of one peer that are tried */
    lp2p_ts dial_stagger;      /* between two public addresses (happy eyeballs) */
    lp2p_ts dial_stagger_near; /* between two private ones */

    /* streams and memory */
    uint32_t streams_in; /* per connection */
    uint32_t streams_out;
    uint32_t ack_backlog;
    uint32_t window_max;       /* receive window of one stream, bytes */
    uint64_t windows_per_conn; /* beyond the start windows, bytes; and never more than half of each
                                  account of memory, so that what arrives finds room */
    uint64_t memory_per_conn;  /* bytes received and not consumed, records, tables */
    uint64_t memory_per_peer;
    uint64_t memory_pending; /* of all unauthenticated connections */
    uint64_t memory;         /* of the host */
    lp2p_ts keepalive;
    lp2p_ts ping_timeout;
    uint32_t abuse_burst;  /* useless frames at once */
    uint32_t abuse_refill; /* ... a second */

    /* what peers tell us */
    uint32_t peers; /* in the peer store */
    uint32_t addrs_per_peer;
    uint32_t protocols_per_peer;
    uint32_t discovered;         /* by mDNS, listed */
    uint32_t discovered_per_min; /* new ones a minute */
};

/* "desktop" (the default), "relay" or "bench"; NULL for another name. Lives for ever. */
LP2P_API const struct lp2p_limits *lp2p_limits_profile(const char *name);

LP2P_END_DECLS

#endif
