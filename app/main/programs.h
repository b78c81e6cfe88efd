/*
 * Where our programs are, and whether an upgrade replaced them while we run. Looked at when
 * somebody asks for a picture, at most once a second: two calls of stat.
 */
#ifndef WHTNXT_MAIN_PROGRAMS_H
#define WHTNXT_MAIN_PROGRAMS_H

#include "ipc/paths.h"

#include <sys/stat.h>

struct whtnxt_programs {
    char self[WHTNXT_PATH_SIZE]; /* "" when it could not be found out */
    char node[WHTNXT_PATH_SIZE];
    struct stat self_was; /* the file that runs as us */
    struct stat node_was; /* the one that was there when we began */
    uint64_t looked;      /* ms */
    bool changed;         /* what was found then */
};

/* The node's program is beside us, or in libexec of the same prefix. */
void whtnxt_programs_init(struct whtnxt_programs *p);
/* A file that is missing is an upgrade under way: not changed yet. */
bool whtnxt_programs_changed(struct whtnxt_programs *p, uint64_t now_ms);
/* Becomes the whtnxtd that is installed now; returns an exit status when that failed. */
int whtnxt_programs_become(const struct whtnxt_programs *p, char **argv);

#endif
