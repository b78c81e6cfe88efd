#include "ipc/std.h"
#include "main/app.h"
#include "main/disk.h"
#include "main/lock.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static const char help[] =
    "usage: whtnxtd [--profile NAME] [--foreground]\n\n"
    "  The main process of WhatNext: starts and watches the network part, keeps the last state,\n"
    "  answers the command line and the window. `whtnxt up` starts it.\n\n"
    "  --profile NAME   another identity on this computer (or WHTNXT_PROFILE)\n"
    "  --foreground     show the log on standard error\n"
    "  --help, --version\n\n"
    "Exit codes: 0 ended in order, or another one runs already; 1 failed; 2 wrong use\n";

static const char *read_env(void *ctx, const char *name)
{
    (void)ctx;
    return getenv(name);
}

/* A key is in our memory: no core, no debugger; nothing we start may gain rights; files are ours
 * alone. */
static int lock_down(void)
{
    const struct rlimit no_core = {.rlim_cur = 0, .rlim_max = 0};
    umask(077);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || setrlimit(RLIMIT_CORE, &no_core) != 0) {
        return -1;
    }
#if defined(__SANITIZE_ADDRESS__)
    /* The leak checker attaches to the process. */
    return 0;
#else
    return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

enum { OPT_PROFILE = 1, OPT_FOREGROUND, OPT_HELP, OPT_VERSION };

struct options {
    const char *profile;
    bool foreground;
};

/* -1: go on; else exit with this. */
static int parse_options(int argc, char **argv, struct options *ret)
{
    static const struct option table[] = {
        {"profile", required_argument, NULL, OPT_PROFILE},
        {"foreground", no_argument, NULL, OPT_FOREGROUND},
        {"help", no_argument, NULL, OPT_HELP},
        {"version", no_argument, NULL, OPT_VERSION},
        {NULL, 0, NULL, 0},
    };
    for (int o = getopt_long(argc, argv, "", table, NULL); o != -1;
         o = getopt_long(argc, argv, "", table, NULL)) {
        if (o == OPT_HELP) {
            fputs(help, stdout);
            return 0;
        }
        if (o == OPT_VERSION) {
            printf("whtnxtd %s\n", LP2P_VERSION);
            return 0;
        }
        if (o == '?') {
            fputs(help, stderr);
            return 2;
        }
        ret->profile = o == OPT_PROFILE ? optarg : ret->profile;
        ret->foreground |= o == OPT_FOREGROUND;
    }
    if (optind != argc) {
        fputs(help, stderr);
        return 2;
    }
    return -1;
}

static int choose_paths(const char *option, struct whtnxt_paths *ret)
{
    const char *profile;
    const char *home = getenv("HOME");
    if (whtnxt_profile_choose(option, read_env, NULL, &profile) != 0) {
        fputs("whtnxtd: that is no profile name: a-z, 0-9, - and _, at most 32 characters\n",
              stderr);
        return 2;
    }
    if (whtnxt_paths_init(ret, profile, home != NULL ? home : "", read_env, NULL) != 0) {
        fputs("whtnxtd: there is no home folder: set HOME\n", stderr);
        return 1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct options options = {.profile = NULL};
    struct whtnxt_paths paths;
    if (whtnxt_std_open() != 0) {
        return 1;
    }
    int status = parse_options(argc, argv, &options);
    if (status >= 0) {
        return status;
    }
    status = choose_paths(options.profile, &paths);
    if (status != 0) {
        return status;
    }
    if (lock_down() != 0) {
        fputs("whtnxtd: the process cannot be locked down\n", stderr);
        return 1;
    }
    close_range(3, ~0U, 0);
    signal(SIGPIPE, SIG_IGN);
    whtnxt_json_init();
    int lock;
    errno = 0;
    int err = whtnxt_lock_wait(paths.data, paths.socket, &lock);
    if (err == -LP2P_E_EXISTS) {
        /* The other one answers for this profile. */
        if (options.foreground) {
            fputs("whtnxtd: WhatNext is running already\n", stderr);
        }
        return 0;
    }
    if (err != 0) {
        fprintf(stderr, "whtnxtd: %s cannot be used: %s\n", paths.data, whtnxt_disk_why(err));
        return 1;
    }
    whtnxt_lock_note(lock, paths.socket);
    struct whtnxt_app_cfg cfg = {.paths = &paths, .foreground = options.foreground, .argv = argv};
    return whtnxt_app_run(&cfg);
}
