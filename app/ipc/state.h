/*
 * The node's whole state, as it travels to main: plain structs of bounded size, and their JSON.
 *
 * The node fills one and encodes it; main decodes it, and everything in it is checked on the way:
 * counts, lengths, UTF-8, peer ids' alphabet, enum words. What does not fit the bounds is left out
 * by the node and counted. Times are milliseconds of the system's monotonic clock, which both
 * processes share; main turns them into wall time when it shows them.
 *
 * What a renderer sees (p2p:get-status) is built from this by app/model and described in
 * docs/ipc.md.
 */
#ifndef WHTNXT_IPC_STATE_H
#define WHTNXT_IPC_STATE_H

#include "ipc/json.h"

/* Longest state line (DESIGN 2). */
#define WHTNXT_STATE_MAX (2U * 1024U * 1024U)

/* A base58 peer id with its NUL, as LP2P_PEER_ID_TEXT_SIZE. */
#define WHTNXT_ID_SIZE 64U
/* An address, a protocol, an agent: 128 bytes and a NUL. */
#define WHTNXT_TEXT_SIZE 129U
/* A word of the library: an error's name, an engine, a transport. */
#define WHTNXT_WORD_SIZE  33U
#define WHTNXT_STATE_LIST 8U /* addresses and protocols kept of a peer; the rest is counted */

#define WHTNXT_STATE_ADDRS      32U  /* our own */
#define WHTNXT_STATE_DISCOVERED 512U /* DESIGN 2 */
#define WHTNXT_STATE_CONNS      256U /* above the desktop profile's limit of connections */
#define WHTNXT_STATE_ATTEMPTS   64U  /* running ones and those just ended */
#define WHTNXT_STATE_PATHS      16U  /* LP2P_ATTEMPT_MAX_PATHS */

#define WHTNXT_STATE_PINGS 8U /* series, running and just ended */
/* Pongs of a series: main sees a state at least every second while it waits for them, and ten a
 * second come at most. */
#define WHTNXT_STATE_PONGS 32U

enum whtnxt_stage {
    WHTNXT_STAGE_QUEUED = 0, /* main's: the node is not ready */
    WHTNXT_STAGE_LOOKING,
    WHTNXT_STAGE_DIALING,
    WHTNXT_STAGE_SECURING,
    WHTNXT_STAGE_IDENTIFYING,
    WHTNXT_STAGE_CONNECTED,
    WHTNXT_STAGE_WAITING, /* main's: a try failed, the next one is due later */
    WHTNXT_STAGE_FAILED,
    WHTNXT_STAGE_CANCELLED,
    WHTNXT_STAGES
};

/* Where an address came from; the same words and order as enum lp2p_addr_source. */
enum whtnxt_addr_source {
    WHTNXT_ADDR_TYPED = 0,
    WHTNXT_ADDR_PASTED,
    WHTNXT_ADDR_LINK,
    WHTNXT_ADDR_MDNS,
    WHTNXT_ADDR_PEER,
    WHTNXT_ADDR_REMEMBERED,
    WHTNXT_ADDR_SOURCES
};

enum whtnxt_route { WHTNXT_ROUTE_LAN = 0, WHTNXT_ROUTE_DIRECT, WHTNXT_ROUTE_RELAY, WHTNXT_ROUTES };

struct whtnxt_conn_state {
    uint64_t id;
    char peer[WHTNXT_ID_SIZE];
    bool outbound;
    bool identified;
    enum whtnxt_route route;
    char relay[WHTNXT_ID_SIZE];  /* peer id of the relay, "" when there is none */
    char addr[WHTNXT_TEXT_SIZE]; /* the peer's, without /p2p/ */
    char transport[WHTNXT_WORD_SIZE];
    char security[WHTNXT_WORD_SIZE];
    char muxer[WHTNXT_WORD_SIZE];
    char agent[WHTNXT_TEXT_SIZE]; /* cleaned; "" unknown */
    uint64_t latency_us;          /* 0: unknown */
    uint64_t streams;
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint64_t since_ms;
};

struct whtnxt_path_state {
    char addr[WHTNXT_TEXT_SIZE];
    enum whtnxt_addr_source source;
    enum whtnxt_stage stage;      /* LOOKING (its turn has not come), DIALING ... FAILED */
    int error;                    /* 0 or -LP2P_E_... */
    char where[WHTNXT_WORD_SIZE]; /* engine or stage of the error, "" */
    uint64_t started_ms;
    uint64_t ended_ms; /* 0 while it runs */
};

struct whtnxt_attempt_state {
    uint64_t id; /* main's, from the connect command */
    enum whtnxt_stage stage;
    int error; /* the deepest known */
    char where[WHTNXT_WORD_SIZE];
    uint64_t skipped; /* addresses the filter refused */
    size_t n_paths;
    struct whtnxt_path_state paths[WHTNXT_STATE_PATHS];
};

struct whtnxt_peer_state {
    char id[WHTNXT_ID_SIZE];
    int app;                       /* runs WhatNext: 1 yes, 0 no, -1 unknown */
    char source[WHTNXT_WORD_SIZE]; /* "mdns" */
    char agent[WHTNXT_TEXT_SIZE];
    uint64_t first_ms; /* discovered */
    uint64_t last_ms;  /* last seen */
    size_t n_addrs;
    size_t n_protocols;
    uint64_t more_addrs; /* not in the lists */
    uint64_t more_protocols;
    char addrs[WHTNXT_STATE_LIST][WHTNXT_TEXT_SIZE]; /* without /p2p/ */
    char protocols[WHTNXT_STATE_LIST][WHTNXT_TEXT_SIZE];
};

/* A series of pings. */
struct whtnxt_ping_state {
    uint64_t id; /* main's, from the ping command */
    bool ended;
    int error;     /* why it ended early: 0 or -LP2P_E_... */
    uint64_t sent; /* those that were answered, or found to be lost */
    uint64_t received;
    uint64_t min_us; /* of all pongs */
    uint64_t max_us;
    uint64_t sum_us;
    size_t n_pongs;
    uint64_t pongs_us[WHTNXT_STATE_PONGS]; /* the newest, oldest first; the last is `received` */
};

struct whtnxt_state {
    const struct lp2p_mem *mem;
    uint64_t seq;                  /* grows with each state of one node process */
    uint16_t port;                 /* we listen on it; 0: on none */
    bool online;                   /* an interface besides loopback is up */
    uint64_t resumes;              /* times the node or the machine had stood still for seconds */
    char limits[WHTNXT_WORD_SIZE]; /* the active profile */
    size_t n_addrs;
    char (*addrs)[WHTNXT_TEXT_SIZE]; /* where we listen, without /p2p/ */
    size_t n_conns;
    struct whtnxt_conn_state *conns;
    size_t n_attempts;
    struct whtnxt_attempt_state *attempts;
    size_t n_discovered;
    struct whtnxt_peer_state *discovered;
    uint64_t more_discovered; /* not in the list */
    size_t n_pings;
    struct whtnxt_ping_state pings[WHTNXT_STATE_PINGS];
};

/* Empty; allocates nothing. */
void whtnxt_state_init(struct whtnxt_state *s, const struct lp2p_mem *mem);
void whtnxt_state_fini(struct whtnxt_state *s);

/* Makes room for what the node is about to fill (each within its maximum) and zeroes it; the counts
 * are set. -LP2P_E_LIMIT, -LP2P_E_NOMEM. */
int whtnxt_state_alloc(struct whtnxt_state *s, size_t addrs, size_t conns, size_t attempts,
                       size_t discovered);

/* The "state" member of the message. NULL when there is no memory. */
json_t *whtnxt_state_encode(const struct whtnxt_state *s);
/* Fills an initialised state; on failure it stays empty. -LP2P_E_DECODE, -LP2P_E_LIMIT,
 * -LP2P_E_NOMEM. */
int whtnxt_state_decode(const json_t *o, struct whtnxt_state *s);

/* The words used in JSON; static. */
const char *whtnxt_stage_word(enum whtnxt_stage stage);
const char *whtnxt_addr_source_word(enum whtnxt_addr_source source);
const char *whtnxt_route_word(enum whtnxt_route route);
/* True when the stage is connected, failed or cancelled. */
bool whtnxt_stage_has_ended(enum whtnxt_stage stage);

/* True for text in the base58 alphabet of a peer id's length: cheap, no key is decoded. */
bool whtnxt_is_id_text(const char *text);

/* Room for a short id: four characters, an ellipsis (three bytes), six characters, NUL. */
#define WHTNXT_SHORT_ID_SIZE 14U

/* What is shown of an id without a name: characters 9 to 12, an ellipsis, the last six (every
 * Ed25519 id begins with the same eight). A text too short for that is copied as far as it fits. */
void whtnxt_short_id(const char *id, char buf[LP2P_SIZE(WHTNXT_SHORT_ID_SIZE)]);

#endif
