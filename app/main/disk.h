/*
 * The real disk behind the seam of main/store/disk.h.
 */
#ifndef WHTNXT_MAIN_DISK_H
#define WHTNXT_MAIN_DISK_H

#include "main/store/disk.h"

/* Needs no context; lives for ever. */
const struct whtnxt_disk *whtnxt_disk_real(void);

/* What to say of an error of disk or socket: where ours is vague, the system's own words, by errno
 * as the failed call left it. Valid until the next call. */
const char *whtnxt_disk_why(int err);

#endif
