/*
 * The real disk behind the seam of main/store/disk.h.
 */
#ifndef WHTNXT_MAIN_DISK_H
#define WHTNXT_MAIN_DISK_H

#include "main/store/disk.h"

/* Needs no context; lives for ever. */
const struct whtnxt_disk *whtnxt_disk_real(void);

#endif
