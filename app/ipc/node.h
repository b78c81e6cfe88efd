/*
 * Main and node: the messages over the socket pair, one JSON object a line (docs/ipc.md, table.h).
 *
 * Main starts the node as `whtnxt-node <pid of main>` with the socket pair's other end as
 * descriptor 3 (0 is /dev/null, 1 and 2 are main's). Both send their hello at once. The node sets
 * PR_SET_PDEATHSIG first thing, then compares getppid() with the number it was given. End of file
 * means quit: goodbyes, exit within 1 s.
 *
 *   main                                   node
 *    | -- hello {v, version} -----------------> |
 *    | <------------- hello {v, version} ------ |   a version that differs is NODE_VERSION
 *    | -- start {seed, port, ...} ------------> |
 *    | -- refuse, connect, ... ---------------> |
 *    | <--------------- state {seq, ...} ------ |   whole, merged, at most ten a second
 *    | -- ask {n, counters} ------------------> |
 *    | <--------------------- alive {n} ------- |
 *    | -- quit -------------------------------> |
 */
#ifndef WHTNXT_IPC_NODE_H
#define WHTNXT_IPC_NODE_H

#include "ipc/state.h"
#include "ipc/table.h"

/* The node's end of the socket pair. */
#define WHTNXT_NODE_FD 3

/* Longest line to the node without newline; the other way it is WHTNXT_STATE_MAX. */
#define WHTNXT_COMMAND_MAX (64U * 1024U)

#define WHTNXT_VERSION_SIZE 33U
/* A link has four addresses; twice that from what is remembered. */
#define WHTNXT_CONNECT_ADDRS 16U
/* Pings of one series: a year of one a second. */
#define WHTNXT_PING_COUNT_MAX (366U * 24 * 3600)
/* A log line of the node, with its NUL. */
#define WHTNXT_LOG_TEXT_SIZE 512U

enum whtnxt_log_level {
    WHTNXT_LOG_ERROR = 0,
    WHTNXT_LOG_WARNING,
    WHTNXT_LOG_INFO,
    WHTNXT_LOG_LEVELS
};

/* "error", "warning", "info"; static. */
const char *whtnxt_log_word(enum whtnxt_log_level level);

struct whtnxt_hello {
    uint64_t protocol; /* WHTNXT_NODE_PROTOCOL */
    char version[WHTNXT_VERSION_SIZE];
};

struct whtnxt_start {
    uint8_t seed[32]; /* Ed25519; wipe it */
    uint16_t port;    /* to listen on, TCP, IPv4 and IPv6; taken: any other for this run */
    bool mdns;
    char limits[WHTNXT_WORD_SIZE]; /* "desktop", "relay", "bench" */
};

struct whtnxt_connect_addr {
    char addr[WHTNXT_TEXT_SIZE];
    enum whtnxt_addr_source source; /* TYPED, PASTED, LINK or REMEMBERED */
};

/* Try to connect. The same id again adds addresses to the attempt; a new id for a peer that is
 * being tried follows the running try. */
struct whtnxt_connect {
    uint64_t id; /* attempt, main's number; the state speaks of it */
    char peer[WHTNXT_ID_SIZE];
    uint64_t timeout_ms; /* for everything */
    uint64_t look_ms;    /* how long to wait for discovery when no address answers */
    bool background;     /* no user waits: addresses that failed lately wait for their turn */
    size_t n_addrs;
    struct whtnxt_connect_addr addrs[WHTNXT_CONNECT_ADDRS];
};

struct whtnxt_refuse {
    char peer[WHTNXT_ID_SIZE];
    bool on; /* false: welcome again */
};

struct whtnxt_ping {
    uint64_t id; /* main's number; the state speaks of it */
    char peer[WHTNXT_ID_SIZE];
    uint64_t count;       /* at least 1, at most WHTNXT_PING_COUNT_MAX */
    uint64_t interval_ms; /* between a pong and the next ping */
};

struct whtnxt_ask {
    uint64_t n;    /* alive answers with it */
    bool counters; /* somebody looks: bytes and latency once a second; holds until the next ask */
};

struct whtnxt_fatal {
    int error;                       /* -LP2P_E_... */
    char where[WHTNXT_WORD_SIZE];    /* "listen", "start" */
    char text[WHTNXT_LOG_TEXT_SIZE]; /* for the log, cleaned */
};

struct whtnxt_log_line {
    enum whtnxt_log_level level;
    char text[WHTNXT_LOG_TEXT_SIZE];
};

/* A message; `type` says which member counts. */
struct whtnxt_node_msg {
    enum whtnxt_msg type;
    union {
        struct whtnxt_hello hello; /* both */
        struct whtnxt_start start;
        struct whtnxt_connect connect;
        uint64_t cancel; /* attempt */
        char disconnect[WHTNXT_ID_SIZE];
        struct whtnxt_refuse refuse;
        struct whtnxt_ping ping;
        uint64_t unping; /* ping */
        struct whtnxt_ask ask;
        uint64_t alive; /* n of the ask */
        struct whtnxt_fatal fatal;
        struct whtnxt_log_line log;
        struct whtnxt_state state; /* decode allocates; give it back with _fini, or take it over */
    };
};

/* Appends the line; a message with a key goes into a buffer that is wiped. -LP2P_E_INVAL (text that
 * is no UTF-8), -LP2P_E_LIMIT, -LP2P_E_NOMEM. */
int whtnxt_node_msg_encode(struct lp2p_buf *out, const struct whtnxt_node_msg *msg);

/*
 * Reads a line that came in this direction in this state of the conversation. The caller moves the
 * state on. -LP2P_E_DECODE, -LP2P_E_UNSUPPORTED (no such message), -LP2P_E_STATE (not allowed now),
 * -LP2P_E_LIMIT, -LP2P_E_NOMEM. A hello is read whatever its version is: compare `protocol`.
 */
int whtnxt_node_msg_decode(struct lp2p_span line, enum whtnxt_dir dir, enum whtnxt_talk talk,
                           const struct lp2p_mem *mem, struct whtnxt_node_msg *ret);
/* Frees a state, wipes a key. */
void whtnxt_node_msg_fini(struct whtnxt_node_msg *msg);

#endif
