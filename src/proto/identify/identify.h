/*
 * identify and identify/push 1.0.0 (specs identify/README.md; DIGEST 14; limits SECURITY 3.2): what
 * a peer says about itself right after the connection is up, and when it changes. Both have the
 * same message; of identify the one who opened the stream reads, of push it writes.
 *
 * An engine (STYLE, "The engine contract") for one stream. The sender writes one message of at most
 * 2 KiB and ends its direction; what the other side sends is dropped. The receiver takes up to ten
 * messages (go-libp2p#3483) until the end of the stream and merges them as protobuf says: repeated
 * fields append, of the others the last wins. Everything received is unauthenticated text: the
 * engine checks shape and counts; that the key is the connection's, that addresses parse and that
 * strings are clean is for the layer above.
 *
 *     sender:   SENDING -> DONE | FAILED          receiver: PREFIX <-> BODY -> DONE | FAILED
 */
#ifndef LP2P_PROTO_IDENTIFY_H
#define LP2P_PROTO_IDENTIFY_H

#include "base/buf.h"
#include "lp2p/error.h"
#include "lp2p/multiaddr.h"

/* What go and js read of one message, and how many. */
#define LP2P_IDENTIFY_MESSAGE_MAX  8192U
#define LP2P_IDENTIFY_MESSAGES_MAX 10U
/* What we send: rust refuses more than 4,096, js 4.0.7 takes one message only (DIGEST 1.10). */
#define LP2P_IDENTIFY_SEND_MAX       2048U
#define LP2P_IDENTIFY_SEND_ADDRS_MAX 20U
/* As much of our agent version as we keep of a peer's, where there is too little room. */
#define LP2P_IDENTIFY_SEND_AGENT_MAX 128U
/* What is kept of a merged message: more is counted and dropped (go-libp2p#3501, SECURITY 2.2). */
#define LP2P_IDENTIFY_ADDRS_MAX     64U
#define LP2P_IDENTIFY_PROTOCOLS_MAX 128U
/* In all, for either direction. */
#define LP2P_IDENTIFY_TIMEOUT LP2P_SEC(5)

#define LP2P_IDENTIFY_PROTOCOL         "/ipfs/id/1.0.0"
#define LP2P_IDENTIFY_PUSH_PROTOCOL    "/ipfs/id/push/1.0.0"
#define LP2P_IDENTIFY_PROTOCOL_VERSION "ipfs/0.1.0"

/* The message; an absent field is an empty span. Spans point into the bytes it was decoded from. */
struct lp2p_identify_msg {
    struct lp2p_span public_key;         /* PublicKey message */
    struct lp2p_span observed_addr;      /* binary multiaddr of the reader as the writer sees it */
    struct lp2p_span protocol_version;   /* untrusted text */
    struct lp2p_span agent_version;      /* untrusted text */
    struct lp2p_span signed_peer_record; /* Envelope, not opened here */
    struct lp2p_span addrs[LP2P_IDENTIFY_ADDRS_MAX]; /* binary multiaddrs, may be malformed */
    size_t n_addrs;
    struct lp2p_span protocols[LP2P_IDENTIFY_PROTOCOLS_MAX]; /* untrusted text */
    size_t n_protocols;
    size_t dropped; /* addresses and protocols beyond the limits */
};

/* Reads one message, or several that were joined. Empty addresses and protocols are left out.
 * -LP2P_E_DECODE. */
int lp2p_identify_decode(struct lp2p_span pb, struct lp2p_identify_msg *ret);

/*
 * Appends the message to `buf` without a length prefix, at most LP2P_IDENTIFY_SEND_MAX bytes.
 * Addresses that not every implementation parses are left out, `observed_addr` too. When the
 * message is too long addresses go first, the last ones before the first ones, so the caller sorts
 * them by use; then the record, which not everybody reads, and then the last protocols, so that a
 * host with many is still known by the others. -LP2P_E_LIMIT when it is too long with none of them,
 * -LP2P_E_NOMEM.
 */
int lp2p_identify_encode(const struct lp2p_identify_msg *msg, struct lp2p_buf *buf);

/* True for a well-formed address whose codes go, rust and js all know, old versions included
 * (DIGEST 1.10). */
bool lp2p_identify_addr_is_plain(struct lp2p_span addr);

enum lp2p_identify_role { LP2P_IDENTIFY_SENDER, LP2P_IDENTIFY_RECEIVER };

enum lp2p_identify_state {
    LP2P_IDENTIFY_ST_SENDING, /* sender: output waits */
    LP2P_IDENTIFY_ST_PREFIX,  /* receiver: between messages or in a length prefix */
    LP2P_IDENTIFY_ST_BODY,    /* receiver: in a message */
    LP2P_IDENTIFY_ST_DONE,
    LP2P_IDENTIFY_ST_FAILED,
};

struct lp2p_identify_cfg {
    const struct lp2p_mem *mem;
    const struct lp2p_identify_msg *msg; /* sender: what to say; not kept */
    lp2p_ts timeout;                     /* LP2P_IDENTIFY_TIMEOUT */
};

enum lp2p_identify_event_type {
    LP2P_IDENTIFY_EV_NONE = 0,
    LP2P_IDENTIFY_EV_MESSAGE, /* receiver: `msg`, the merged message; comes once */
    LP2P_IDENTIFY_EV_CLOSE,   /* sender: all is sent, end our direction */
};

struct lp2p_identify_event {
    enum lp2p_identify_event_type type;
    struct lp2p_identify_msg msg; /* its spans are valid until `_fini` */
};

struct lp2p_identify {
    struct lp2p_identify_cfg cfg;
    enum lp2p_identify_role role;
    enum lp2p_identify_state state;
    struct lp2p_failure failure;
    struct lp2p_buf bytes; /* sender: output; receiver: messages without their prefixes */
    uint8_t prefix[2];     /* 8,192 needs two bytes: a longer prefix is a refused length */
    uint8_t prefix_len;
    uint32_t messages; /* begun */
    size_t body_left;  /* of the open message */
    size_t body_start; /* where it begins in `bytes` */
    lp2p_ts deadline;
    bool event_pending;
};

/* A sender's message is encoded here. Fails as lp2p_identify_encode. */
int lp2p_identify_init(struct lp2p_identify *e, const struct lp2p_identify_cfg *cfg,
                       enum lp2p_identify_role role, lp2p_ts now);
void lp2p_identify_fini(struct lp2p_identify *e);

/* Takes input; an engine that is done takes and drops it. Sticky: -LP2P_E_DECODE, -LP2P_E_TOO_LONG,
 * -LP2P_E_LIMIT (an eleventh message), -LP2P_E_NOMEM. */
int lp2p_identify_recv(struct lp2p_identify *e, lp2p_ts now, const uint8_t *bytes, size_t n,
                       size_t *ret_used);

/* The peer sends no more: the receiver's message is whole. -LP2P_E_TRUNCATED inside a message,
 * -LP2P_E_EOF without one. */
int lp2p_identify_recv_eof(struct lp2p_identify *e, lp2p_ts now);

bool lp2p_identify_event(struct lp2p_identify *e, struct lp2p_identify_event *ret);
struct lp2p_span lp2p_identify_out(struct lp2p_identify *e);
void lp2p_identify_out_done(struct lp2p_identify *e, size_t n);

lp2p_ts lp2p_identify_deadline(const struct lp2p_identify *e);

/*
 * -LP2P_E_TIMEOUT. A receiver that has whole messages then and no half one is done instead: old
 * peers do not end their direction.
 */
int lp2p_identify_tick(struct lp2p_identify *e, lp2p_ts now);

/* Sticky; code 0 while nothing failed. */
const struct lp2p_failure *lp2p_identify_error(const struct lp2p_identify *e);

#endif
