/*
 * whtnxt-node <pid of main>: started by main with the socket pair as descriptor 3; of no use to a
 * person.
 */
#include "ipc/std.h"
#include "node/node.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* Dies with main, whatever main dies of; a main that is gone already is noticed by its pid (DESIGN
 * 2). */
static int die_with_main(const char *text)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) {
        return -1;
    }
    char *end;
    errno = 0;
    long pid = strtol(text, &end, 10);
    return errno == 0 && *end == '\0' && end != text && pid == (long)getppid() ? 0 : -1;
}

/* A key is in our memory: no core, no debugger; and nothing we start could gain rights. */
static int lock_down(void)
{
    const struct rlimit no_core = {.rlim_cur = 0, .rlim_max = 0};
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

int main(int argc, char **argv)
{
    if (whtnxt_std_open() != 0) {
        return 1;
    }
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        printf("whtnxt-node %s\n", LP2P_VERSION);
        return 0;
    }
    struct stat st;
    if (argc != 2 || fstat(WHTNXT_NODE_FD, &st) != 0 || !S_ISSOCK(st.st_mode)) {
        fputs("whtnxt-node is started by whtnxtd. To use WhatNext run: whtnxt\n", stderr);
        return 2;
    }
    if (die_with_main(argv[1]) != 0 || lock_down() != 0) {
        fputs("whtnxt-node: cannot tie its life to whtnxtd\n", stderr);
        return 1;
    }
    /* Anything open beside the socket pair and the standard streams came by mistake. */
    close_range(WHTNXT_NODE_FD + 1, ~0U, 0);
    signal(SIGPIPE, SIG_IGN);
    whtnxt_json_init();
    return node_run(lp2p_mem_default());
}
