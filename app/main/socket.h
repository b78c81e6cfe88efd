/*
 * Making the control socket's file: who may have put what where.
 */
#ifndef WHTNXT_MAIN_SOCKET_H
#define WHTNXT_MAIN_SOCKET_H

#include "lp2p/error.h"

/*
 * A listening, non-blocking socket at `path` in `folder`, both of this user alone. A stale socket
 * of ours is replaced. -LP2P_E_EXISTS, -LP2P_E_ADDR_IN_USE, -LP2P_E_PERM, -LP2P_E_IO.
 */
int whtnxt_socket_listen(const char *folder, const char *path, int *ret_fd);

/* True when somebody accepts at `path`. */
bool whtnxt_socket_answers(const char *path);

/* True when the other end of a connected socket runs as this user. */
bool whtnxt_socket_peer_is_us(int fd);

#endif
