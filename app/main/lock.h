/*
 * One main a profile: an open-file-description lock on a file in the data folder. It ends with the
 * process, whatever ends that.
 */
#ifndef WHTNXT_MAIN_LOCK_H
#define WHTNXT_MAIN_LOCK_H

#include "lp2p/error.h"

/* -LP2P_E_EXISTS: another main runs. -LP2P_E_PERM, -LP2P_E_IO. The descriptor is kept open for the
 * lock's life. */
int whtnxt_lock_take(const char *folder, int *ret_fd);

#endif
