/*
 * One main a profile: an open-file-description lock on a file in the data folder. It ends with the
 * process, whatever ends that.
 */
#ifndef WHTNXT_MAIN_LOCK_H
#define WHTNXT_MAIN_LOCK_H

#include "lp2p/error.h"

/* One that is on its way out gives the lock up within this: goodbyes of the node, then the end. */
#define WHTNXT_LOCK_PATIENCE_MS 3000

/*
 * As take, and waits for a main that holds the lock but answers no more: it is ending.
 * -LP2P_E_EXISTS: another main runs.
 */
int whtnxt_lock_wait(const char *folder, const char *socket, int *ret_fd);

/*
 * Writes into the lock's file who holds it: "PID\nSOCKET\n". The command line reads it when nobody
 * answers where it looks. One that cannot be written is empty.
 */
void whtnxt_lock_note(int fd, const char *socket);

/* -LP2P_E_EXISTS: another main runs. -LP2P_E_PERM, -LP2P_E_IO. The descriptor is kept open for the
 * lock's life. */
int whtnxt_lock_take(const char *folder, int *ret_fd);

#endif
