/*
 * The node's process: started over a socket pair, spoken to in lines, watched until it is gone
 * (DESIGN 2).
 */
#ifndef WHTNXT_MAIN_CHILD_H
#define WHTNXT_MAIN_CHILD_H

#include "ipc/node.h"

#include <uv.h>

/* Commands that may wait for a node that does not read. */
#define WHTNXT_CHILD_OUT_MAX (1024U * 1024U)

struct whtnxt_child;

struct whtnxt_child_ops {
    void (*on_line)(void *ctx, struct lp2p_span line);
    /* The process is gone; the child is freed when this returns. `sig` 0: it exited with `status`.
     */
    void (*on_exit)(void *ctx, int64_t status, int sig);
};

/* Starts the program `path`. -LP2P_E_NOT_FOUND, -LP2P_E_NOMEM, -LP2P_E_IO. */
int whtnxt_child_start(uv_loop_t *loop, const char *path, const struct whtnxt_child_ops *ops,
                       void *ctx, struct whtnxt_child **ret);
int whtnxt_child_pid(const struct whtnxt_child *c);
/* Queues a message. -LP2P_E_LIMIT, -LP2P_E_NOMEM, -LP2P_E_CLOSED. */
int whtnxt_child_send(struct whtnxt_child *c, const struct whtnxt_node_msg *msg);
void whtnxt_child_signal(struct whtnxt_child *c, int sig);
/* True when the process is dead, even if the loop has not heard of it yet: signals come last there,
 * after requests that were sent later. What it said before is handed to on_line first; on_exit does
 * not follow, and the child is not to be used any more. */
bool whtnxt_child_take_exit(struct whtnxt_child *c, int *ret_sig);
/* Ends the conversation: end of file is the orderly stop. on_exit follows. */
void whtnxt_child_hang_up(struct whtnxt_child *c);

#endif
