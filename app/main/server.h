/*
 * The control socket: renderers connect, send request lines, get an answer line each (docs/ipc.md).
 *
 * Only our own user is let in (folder 0700, socket 0600, and SO_PEERCRED on each accept). Bounded
 * in clients, bytes and time; a client that does not read its answer or does not finish its line is
 * hung up on (SECURITY 4.6).
 */
#ifndef WHTNXT_MAIN_SERVER_H
#define WHTNXT_MAIN_SERVER_H

#include "ipc/ipc.h"

#include <uv.h>

/* Renderers at once: a window, some scripts (SECURITY 4.6). */
#define WHTNXT_SERVER_CLIENTS 16U
/* A line that has begun must end, an answer must be read within this. */
#define WHTNXT_SERVER_PATIENCE_MS 5000U

struct whtnxt_server;

/* Answers one request line: appends a line to `out`. What is not 0 hangs up on the client. */
typedef int whtnxt_server_fn(void *ctx, struct lp2p_span line, struct lp2p_buf *out);

struct whtnxt_server_cfg {
    const char *folder; /* of the socket */
    const char *path;   /* of the socket, in `folder` */
    whtnxt_server_fn *fn;
    void *ctx;
};

/*
 * Binds and listens. The caller holds the profile's lock, so a socket that nobody answers is stale
 * and replaced; anything else at the path is left alone. -LP2P_E_EXISTS (not a socket, or not
 * ours), -LP2P_E_ADDR_IN_USE (somebody answers), -LP2P_E_PERM (folder), -LP2P_E_NOMEM, -LP2P_E_IO.
 * `reason` gets a sentence.
 */
int whtnxt_server_open(uv_loop_t *loop, const struct whtnxt_server_cfg *cfg,
                       struct whtnxt_server **ret);

/* Hangs up on all, removes the socket. The memory goes when the loop has closed the handles. */
void whtnxt_server_close(struct whtnxt_server *s);

#endif
