/*
 * Profiles, and where the files of one are (DESIGN 2): the same rules for main, the command line
 * and the window.
 *
 * Pure: the environment is handed in, nothing is opened or made.
 */
#ifndef WHTNXT_IPC_PATHS_H
#define WHTNXT_IPC_PATHS_H

#include "lp2p/types.h"

#define WHTNXT_PROFILE_DEFAULT "default"
/* 32 characters and a NUL. */
#define WHTNXT_PROFILE_SIZE 33U
/* Longest path we make, with its NUL. */
#define WHTNXT_PATH_SIZE 4096U

struct whtnxt_paths {
    char profile[WHTNXT_PROFILE_SIZE];
    char run[WHTNXT_PATH_SIZE];    /* folder of the socket, 0700 */
    char socket[WHTNXT_PATH_SIZE]; /* control.sock */
    char data[WHTNXT_PATH_SIZE];   /* identity.key, lock */
    char state[WHTNXT_PATH_SIZE];  /* peers.json, log */
    char config[WHTNXT_PATH_SIZE]; /* settings.json */
};

/* As getenv(3); `ctx` is handed through. */
typedef const char *whtnxt_env_fn(void *ctx, const char *name);

/* [a-z0-9][a-z0-9_-]{0,31}: names become paths. */
bool whtnxt_profile_is_valid(const char *name);

/* The profile to use: `option` (may be NULL), else WHTNXT_PROFILE, else "default". -LP2P_E_INVAL
 * when it is no valid name: exit status 2. */
int whtnxt_profile_choose(const char *option, whtnxt_env_fn *env, void *ctx, const char **ret);

/*
 * Fills in all paths of a valid profile. XDG variables that are not absolute are ignored, as the
 * specification wants; `home` is used where one is missing. -LP2P_E_INVAL: no home, or not
 * absolute; -LP2P_E_TOO_LONG.
 */
int whtnxt_paths_init(struct whtnxt_paths *p, const char *profile, const char *home,
                      whtnxt_env_fn *env, void *ctx);

#endif
