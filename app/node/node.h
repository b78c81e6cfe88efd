/*
 * whtnxt-node: one lp2p host, and the conversation with main over a socket pair (ipc/node.h,
 * docs/ipc.md).
 *
 * The only process on the network. It opens no file and starts nothing; it learns its key and port
 * from main, and sends main its whole state whenever that is different. It ends when the socket
 * pair does.
 *
 *   main.c     what a process has to do before it reads a byte
 *   node.c     commands of main, and the host's callbacks
 *   pipe.c     lines over the socket pair, one state under way at a time
 *   ping.c     series of pings
 *   picture.c  the host's state as a message
 */
#ifndef WHTNXT_NODE_NODE_H
#define WHTNXT_NODE_NODE_H

#include "ipc/node.h"
#include "lp2p/host.h"

#include <uv.h>

/* Attempts of main that are followed: as many as a state holds. */
#define NODE_MAX_ATTEMPTS WHTNXT_STATE_ATTEMPTS
/* Peers that may not connect: main remembers as many (DESIGN 2). */
#define NODE_MAX_REFUSED 1024U
/* States that only merge (discovered peers, addresses): at most ten a second (DESIGN 2). */
#define NODE_MERGE_MS 100U
/* Bytes and latency while somebody looks (DESIGN 2). */
#define NODE_COUNTERS_MS 1000U
/* Goodbyes until exit: main waits 1 s (DESIGN 2). */
#define NODE_GRACE LP2P_MSEC(800)

/* An attempt of main and what it is in the host. */
struct node_attempt {
    uint64_t id;   /* main's; 0: free */
    uint64_t host; /* the host's; 0: it could not even begin, see `error` */
    int error;
};

/* A series of pings of main, and what the host has to come back to. */
struct node_ping {
    struct node *node;
    uint64_t count;
    struct whtnxt_ping_state state; /* id 0: free */
};

/* Lines to and from main. */
struct node_pipe {
    uv_pipe_t handle;
    uv_write_t write;
    struct lp2p_buf out;     /* lines that wait */
    struct lp2p_buf sending; /* lines that are under way */
    struct whtnxt_lines in;
    bool busy;
    bool open;
};

struct node {
    const struct lp2p_mem *mem;
    uv_loop_t *loop;
    struct lp2p_env *env;
    struct lp2p_host *host; /* NULL before start */
    struct node_pipe pipe;
    enum whtnxt_talk talk;
    uv_timer_t merge;
    uv_timer_t counters;
    bool dirty; /* a state is due as soon as the pipe is free */
    bool merging;
    uint64_t seq;
    uint64_t resumes; /* pauses of this process or machine so far */
    uint16_t port;
    const char *limits;
    struct node_attempt attempts[NODE_MAX_ATTEMPTS];
    struct lp2p_peer_id refused[NODE_MAX_REFUSED];
    size_t n_refused;
    struct node_ping pings[WHTNXT_STATE_PINGS];
    int status; /* of the process */
};

/* ---- node.c ---- */

/* Runs until main ends the conversation; returns the exit status. */
int node_run(const struct lp2p_mem *mem);
void node_line(struct node *n, struct lp2p_span line);
/* Main is gone, or wants us to go. */
void node_end(struct node *n);
/* Sends the state if one is due. */
void node_flush(struct node *n);
/* A state is due soon, with what else changes until then. */
void node_merge(struct node *n);

/* ---- pipe.c ---- */

int node_pipe_open(struct node *n, int fd);
void node_pipe_close(struct node *n);
/* Queues a message. -LP2P_E_LIMIT, -LP2P_E_NOMEM. */
int node_send(struct node *n, const struct whtnxt_node_msg *msg);
/* True when nothing is under way: a state would be the newest when it is read. */
bool node_pipe_is_free(const struct node *n);
/* A line for main's log. */
void node_log(struct node *n, enum whtnxt_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- ping.c ---- */

void node_ping(struct node *n, const struct whtnxt_ping *p);
void node_unping(struct node *n, uint64_t id);
void node_put_pings(const struct node *n, struct whtnxt_state *s);

/* ---- picture.c ---- */

/* Fills an initialised state. -LP2P_E_NOMEM. */
int node_picture(struct node *n, struct whtnxt_state *s);

#endif
