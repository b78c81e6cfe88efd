/*
 * What the files of the byte stream carrier share: wire.c (life, turns, commands), wire_read.c,
 * wire_write.c, wire_upgrade.c (the engine it drives in the library; tests hand in their own).
 *
 * All work is done in turns from the top of the loop. Callbacks of the owner may command the engine
 * and the carrier, `abort` included: then the engine and the io are gone at once and the struct
 * itself at the end of the turn.
 */
#ifndef LP2P_TRANSPORT_WIRE_PRIV_H
#define LP2P_TRANSPORT_WIRE_PRIV_H

#include "transport/wire.h"

/* Makes the engine: lp2p_upgrade_new, or a test's. */
struct lp2p_wire_maker {
    int (*make)(void *ctx, enum lp2p_conn_role role, const struct lp2p_peer_id *expected,
                struct lp2p_scope *scope, struct lp2p_conn **ret);
    void *ctx;
};

struct wire_start {
    struct lp2p_io *io;
    const struct lp2p_dial *how; /* NULL: accepted */
    const struct lp2p_carrier_cfg *cfg;
    struct lp2p_wire_maker maker;
};

enum wire_state {
    WIRE_CONNECTING,
    WIRE_RUNNING,
    WIRE_CLOSING,  /* output is being flushed, input dropped */
    WIRE_DRAINING, /* our direction is ended; waits for the peer's */
    WIRE_ENDED,    /* on_closed comes at the end of the turn */
};

/* Input that the engine has not used. */
struct wire_in {
    uint8_t *p; /* NULL: none */
    size_t n;
    size_t cap;  /* of the block */
    bool pooled; /* from the host's pool, else exact and reserved in the scope */
};

struct wire {
    struct lp2p_carrier carrier;
    struct lp2p_wire_host *host;
    struct lp2p_carrier_cfg cfg;
    struct lp2p_wire_maker maker;
    struct lp2p_peer_id expected; /* len 0: any */
    enum lp2p_conn_role role;
    enum wire_state state;
    struct lp2p_io *io;     /* NULL when closed */
    struct lp2p_conn *conn; /* NULL before it is connected and after the end */
    struct lp2p_timer timer;
    struct lp2p_task task;
    struct wire_in in;
    struct lp2p_failure failure; /* what on_closed will say */
    lp2p_ts timer_at;            /* what `timer` is set to */
    lp2p_ts write_deadline;      /* while blocked */
    uint64_t write_goal;         /* bytes_out that puts it off */
    lp2p_ts close_deadline;      /* while CLOSING and DRAINING */
    uint64_t bytes_in;
    uint64_t bytes_out;
    size_t turn_out; /* bytes written in this turn */
    bool busy;       /* inside a turn */
    bool again;      /* the turn has to look once more */
    bool aborted;    /* free at the end of the turn, without a word */
    bool stuck;      /* the engine takes no input for now */
    bool blocked;    /* the io takes no output for now */
    bool eof;        /* the peer ended its direction */
    bool wants_read; /* what the io was told */
    bool wants_write;
};

/* ---- wire.c ---- */

/* lp2p_wire_new, with any engine. */
int lp2p_wire_make(struct lp2p_wire_host *host, const struct wire_start *start,
                   struct lp2p_carrier **ret);

/* Ends the connection with this failure, unless it was ending already. */
void wire_fail(struct wire *w, int code, enum lp2p_error_class class_, const char *where);

/* The io failed with `err`. */
void wire_io_failed(struct wire *w, int err);

/* Hands up events until there are none; true if there was one. */
bool wire_pull(struct wire *w);

lp2p_ts wire_now(const struct wire *w);

/* ---- wire_read.c ---- */

/* Reads and feeds until the stream has no more, the quota is used up or the engine is stuck. */
void wire_read(struct wire *w);
/* Offers the engine again what it did not take. */
void wire_feed(struct wire *w);
/* Reads and drops, so that the peer's FIN is seen and our last words are not lost to a reset. */
void wire_discard(struct wire *w);
/* At the end of a turn: nobody holds a pooled block, and no more than the record needs. */
void wire_in_settle(struct wire *w);
/* Gives the account back what the input holds; the bytes stay until `wire_in_free`. */
void wire_in_unreserve(struct wire *w);
void wire_in_free(struct wire *w);

/* ---- wire_write.c ---- */

/* Writes what the engine has; true if something left. */
bool wire_flush(struct wire *w);

#endif
