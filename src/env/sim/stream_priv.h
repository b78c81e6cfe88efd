/*
 * A byte stream between two sockets of the simulator: what its kernel side (stream.c) and the
 * listeners (listen.c) share.
 *
 * A pair is both ends of one connection. Bytes wait in the sender's buffer until the receiver has
 * read them: first under way, then arrived. What the sender may write is its credit, which comes
 * back with the acknowledgements.
 *
 *     dialer:    SYN_SENT -SYN-ACK-> OPEN -reset, silence-> DEAD
 *                         -refused, no answer-> DEAD
 *     listener:  NONE -SYN-> ACCEPTING -on_accept-> OPEN -...-> DEAD
 */
#ifndef LP2P_ENV_SIM_STREAM_PRIV_H
#define LP2P_ENV_SIM_STREAM_PRIV_H

#include "base/buf.h"
#include "base/ring.h"
#include "env/sim/sim_priv.h"

enum sim_end_state {
    SIM_END_NONE,
    SIM_END_SYN_SENT,
    SIM_END_ACCEPTING,
    SIM_END_OPEN,
    SIM_END_DEAD
};

/* Bytes that arrive together. */
struct sim_chunk {
    size_t n;
    lp2p_ts due;
};

struct sim_end {
    struct lp2p_io io;
    struct lp2p_list node; /* in its listener's backlog */
    struct sim_pair *pair;
    struct sim_machine *m;
    struct lp2p_endpoint local;
    struct lp2p_endpoint remote;
    enum sim_end_state state;

    /* the owner's side */
    const struct lp2p_io_events *events;
    void *ctx;
    struct lp2p_task ready; /* on the machine: has the owner told */
    bool want_read;
    bool want_write;
    bool told;       /* of the outcome of connecting */
    bool closed;     /* nobody is told any more */
    int connect_err; /* outcome, when the state is DEAD before it was told */
    int err;         /* what reads and writes end with */

    /* to the other end */
    struct lp2p_buf buf;     /* arrived there and unread, then under way */
    size_t arrived;          /* of them */
    struct lp2p_ring chunks; /* those under way */
    size_t credit;           /* bytes that may be written */
    size_t unacked;          /* sent, not known to have arrived */
    bool shut;               /* our direction ends after what is under way */
    bool fin_arrived;
    lp2p_ts rto; /* until the next try */
    struct lp2p_timer deliver;
    struct lp2p_timer patience; /* unacked for too long */

    /* from the other end */
    size_t ack;   /* arrived, the sender does not know yet */
    size_t freed; /* read, the sender does not know yet */
    struct lp2p_timer acking;
    struct lp2p_timer reset; /* a reset from the other end arrives */
};

enum sim_handshake { SIM_SYN, SIM_SYN_ACK, SIM_ACK, SIM_REFUSE, SIM_NO_HOST, SIM_DONE };

struct sim_pair {
    struct lp2p_list node; /* in the world's list */
    struct lp2p_sim *sim;
    struct sim_end ends[2]; /* dialer, listener */
    enum sim_handshake stage;
    lp2p_ts began;
    lp2p_ts rto;
    struct lp2p_timer handshake;
    struct lp2p_timer reap; /* when both are through with it */
};

static inline struct sim_end *sim_other(struct sim_end *e)
{
    return e == &e->pair->ends[0] ? &e->pair->ends[1] : &e->pair->ends[0];
}

/* ---- stream.c ---- */

/* Has the owner told what he wants to know, if there is something. */
void sim_end_wake(struct sim_end *e);
/* The end of an end. `err` is what its owner reads. */
void sim_end_kill(struct sim_end *e, int err);
/* Sends a reset from `e` to the other end. */
void sim_end_send_reset(struct sim_end *e);
/* Frees the pair soon if nobody needs it. */
void sim_pair_settle(struct sim_pair *pair);
/* True when a packet from `from` reaches the other end now; `*ret_link` NULL: inside a machine. */
bool sim_end_reaches(const struct sim_end *from, const struct sim_end *to,
                     const struct lp2p_sim_link **ret_link);

/* ---- listen.c ---- */

void sim_pair_on_handshake(void *ctx, lp2p_ts now);

#endif
