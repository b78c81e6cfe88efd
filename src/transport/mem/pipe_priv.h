/*
 * A byte stream inside one process: two ends, each with the bytes that are on their way to it, and
 * each told by the loop of its own environment.
 *
 * It behaves as TCP does as far as a struct lp2p_io can tell: an end that closes with bytes unread,
 * or with `abort`, resets the other.
 */
#ifndef LP2P_TRANSPORT_MEM_PIPE_PRIV_H
#define LP2P_TRANSPORT_MEM_PIPE_PRIV_H

#include "base/buf.h"
#include "env/env.h"

/* Bytes on the way to one end: a wire's batch (FASTPATH). */
#define MEM_PIPE_MAX (256U * 1024U)
/* An end is writable when so much has room: waking for a few bytes costs more than it brings. */
#define MEM_PIPE_WRITABLE (MEM_PIPE_MAX / 4U)

struct mem_pipe;

struct mem_end {
    struct lp2p_io io;
    struct lp2p_list node; /* of the listener's backlog */
    struct mem_pipe *pipe;
    struct lp2p_env *env;
    const struct lp2p_io_events *events; /* NULL until start and after close */
    void *ctx;
    struct lp2p_task ready;
    struct lp2p_buf in; /* on the way to this end */
    uint64_t number;    /* of /memory/ */
    int connect_err;    /* what on_connect will say */
    int err;            /* sticky: the other end was closed with a reset */
    bool connecting;    /* on_connect was not called yet */
    bool want_read;
    bool want_write;
    bool shut;   /* sends no more */
    bool closed; /* its owner is done with it, or it never had one */
};

struct mem_pipe {
    const struct lp2p_mem *mem;
    struct mem_end ends[2]; /* the dialer's, the listener's */
    unsigned busy;          /* callbacks that run: not freed before they return */
};

/* The dialer's end; the other has no owner until `join`. -LP2P_E_NOMEM. */
int mem_pipe_new(const struct lp2p_mem *mem, struct lp2p_env *dialer, struct mem_end **ret);
/* Somebody listens: his end. */
struct mem_end *mem_pipe_join(struct mem_end *dialer, struct lp2p_env *listener);
/* Nobody does: the dialer will hear so. */
void mem_pipe_refuse(struct mem_end *dialer);

#endif
