/*
 * The log on disk, and on standard error in the foreground: capped, rotated once (DESIGN 2).
 *
 * What a renderer shows comes from main's ring (app/model); this is what is left after an end.
 */
#ifndef WHTNXT_MAIN_LOGFILE_H
#define WHTNXT_MAIN_LOGFILE_H

#include "lp2p/error.h"

/* At this size the file becomes log.1, and an older log.1 is gone. */
#define WHTNXT_LOGFILE_MAX (1024U * 1024U)

struct whtnxt_logfile {
    char path[4096];
    int fd; /* -1: none could be opened; the program runs without */
    uint64_t size;
    bool foreground;
    bool journal; /* standard error is the journal: lines get a <N> in front */
};

/* Opens the file in `folder`, which is made if it is missing. */
void whtnxt_logfile_open(struct whtnxt_logfile *l, const char *folder, bool foreground);
void whtnxt_logfile_close(struct whtnxt_logfile *l);

/* Writes a line. `priority` as syslog's (3 error, 4 warning, 6 info); `wall_ms` Unix time. */
void whtnxt_logfile_write(struct whtnxt_logfile *l, uint64_t wall_ms, int priority,
                          const char *level, const char *text);

#endif
