/*
 * Two ends of a connection (conn/upgrade) in memory, with everything they need: keys, seeded
 * random, output pool, account. Bytes go from one to the other only when the test says so, and each
 * feed is a block of exactly its size, so ASan sees a read past it and a span kept too long.
 *
 * Who makes two ends with the same numbers gets the same bytes.
 */
#ifndef LP2P_TESTS_PAIR_H
#define LP2P_TESTS_PAIR_H

#include "conn/upgrade/upgrade_priv.h"
#include "harness/engine.h"
#include "identity/key.h"

/* Bytes on their way to an end. */
struct pair_wire {
    uint8_t *p;
    size_t n;
    size_t cap;
};

struct end {
    /* Set these between end_init and end_open, or later where a test plays with them. */
    const struct lp2p_mem *mem;
    bool late;  /* NEED_DH waits for end_answer */
    bool hold;  /* data is not consumed */
    bool quiet; /* events are not logged */
    void (*on_event)(struct end *e, const struct lp2p_conn_event *ev); /* may be NULL */
    void *ctx;

    const struct lp2p_crypto *crypto;
    uint64_t number; /* makes the keys and the random numbers */
    uint64_t seed;
    struct lp2p_random random;
    struct lp2p_identity id;
    uint8_t static_secret[32];
    struct lp2p_hash_key hash;
    struct lp2p_upgrade_host host;
    struct lp2p_scope scope;
    struct lp2p_conn *c;
    lp2p_ts now;

    /* What happened. */
    struct engine_log log;
    struct pair_wire in; /* sent by the other end, not taken yet */
    bool need;           /* NEED_DH is not answered */
    uint8_t remote[32];  /* what it asked about */
    bool secured;
    bool up;
    struct lp2p_peer_id peer;
    struct lp2p_conn_stream *stream; /* the last one the peer opened */
    unsigned flights;                /* outputs that were not empty */
    uint64_t bytes_out;
    uint64_t bytes_got; /* payload */
};

struct pair {
    struct end a; /* dials */
    struct end b; /* listens */
};

/* Limits as shipped, /yamux/1.0.0 offered inside the handshake, any peer expected. */
void end_init(struct end *e, const struct lp2p_crypto *crypto, uint64_t number);
/* Frees the connection; asserts that the account is empty and no block is out. */
void end_fini(struct end *e);

/* `obuf_size` 0: as shipped. */
int end_open(struct end *e, enum lp2p_conn_role role, const struct lp2p_peer_id *expected,
             size_t obuf_size);
void end_close(struct end *e);

/* Pulls one event; false when there was none. */
bool end_pull_one(struct end *e);
/* Pulls all events; true when there were some. */
bool end_pull(struct end *e);
int end_answer(struct end *e);
int end_error(const struct end *e);

/* Moves at most `max` bytes of one output to the other end; says how many. */
size_t end_send(struct end *e, struct end *to, size_t max);

/* Offers the first `n` bytes that came, pulls the events; says how many were used. */
size_t end_take(struct end *e, size_t n);

/* As end_take with all that came, as long as something moves. */
bool end_take_all(struct end *e);

/* Seals bytes of the test instead of what yamux would say: the end plays a hostile peer. */
void end_inject(struct end *e, const void *p, size_t n);

struct lp2p_upgrade *end_upgrade(struct end *e);

/* Both ends; the dialer expects the listener. */
void pair_init(struct pair *p, const struct lp2p_crypto *a, const struct lp2p_crypto *b);
void pair_open(struct pair *p);
void pair_fini(struct pair *p);

/* Sends and takes both ways until nothing moves. */
void pair_run(struct pair *p);

void pair_wire_add(struct pair_wire *w, const uint8_t *p, size_t n);
void pair_wire_drop(struct pair_wire *w, size_t n);

#endif
