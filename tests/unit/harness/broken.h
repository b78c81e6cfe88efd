/*
 * Runs something that must abort, in a process of its own: a harness that cannot fail proves
 * nothing.
 */
#ifndef LP2P_UNIT_HARNESS_BROKEN_H
#define LP2P_UNIT_HARNESS_BROKEN_H

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmocka_all.h"

static inline void assert_aborts(void (*f)(void *), void *ctx)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        /* What it says about the broken thing is no output of this test. */
        int null = open("/dev/null", O_WRONLY);
        dup2(null, STDERR_FILENO);
        f(ctx);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

#endif
