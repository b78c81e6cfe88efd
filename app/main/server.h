/*
 * The control socket: renderers connect, send request lines, get an answer line each (docs/ipc.md).
 *
 * Only our own user is let in (folder 0700, socket 0600, and SO_PEERCRED on each accept). Bounded
 * in clients, bytes and time; a client that does not read its answer or does not finish its line is
 * hung up on (SECURITY 4.6). One that has said all it had to say (end of file) gets its answers
 * first. When all places are taken, the client that has been idle longest makes room; when none is
 * idle, the new one reads LIMIT_REACHED.
 */
#ifndef WHTNXT_MAIN_SERVER_H
#define WHTNXT_MAIN_SERVER_H

#include "ipc/ipc.h"

#include <uv.h>

/* Renderers at once: a window, some scripts (SECURITY 4.6). */
#define WHTNXT_SERVER_CLIENTS 16U
/* Clients beyond them that are told so; more are hung up on. */
#define WHTNXT_SERVER_SURPLUS 16U
/* A line that has begun must end, an answer must be read within this. */
#define WHTNXT_SERVER_PATIENCE_MS 5000U

/* Its socket's path is looked at this often: log-outs and clean-ups remove run-time folders under
 * the programs that still use them. */
#define WHTNXT_SERVER_WATCH_MS 2000U

struct whtnxt_server;

/* Answers one request line: appends a line to `out`. What is not 0 hangs up on the client. */
typedef int whtnxt_server_fn(void *ctx, struct lp2p_span line, struct lp2p_buf *out);

struct whtnxt_server_cfg {
    const char *folder; /* of the socket */
    const char *path;   /* of the socket, in `folder` */
    whtnxt_server_fn *fn;
    void *ctx;
    /* Tells that the socket was gone: 0, it is there again, or why it cannot be made. */
    void (*on_gone)(void *ctx, int err);
    unsigned patience_ms; /* 0: WHTNXT_SERVER_PATIENCE_MS */
    unsigned watch_ms;    /* 0: WHTNXT_SERVER_WATCH_MS */
};

/*
 * Binds and listens. The caller holds the profile's lock, so a socket that nobody answers is stale
 * and replaced; anything else at the path is left alone. -LP2P_E_EXISTS (not a socket, or not
 * ours), -LP2P_E_ADDR_IN_USE (somebody answers), -LP2P_E_PERM (folder), -LP2P_E_NOMEM, -LP2P_E_IO.
 */
int whtnxt_server_open(uv_loop_t *loop, const struct whtnxt_server_cfg *cfg,
                       struct whtnxt_server **ret);

/* Hangs up on all, removes the socket. The memory goes when the loop has closed the handles. */
void whtnxt_server_close(struct whtnxt_server *s);

#endif
