#include "cli/cli.h"

#include <signal.h>

static volatile sig_atomic_t interrupted;
static volatile sig_atomic_t resized;

static void on_interrupt(int signum)
{
    (void)signum;
    interrupted = 1;
}

static void on_resize(int signum)
{
    (void)signum;
    resized = 1;
}

void cli_catch_resize(void)
{
    /* What is being typed is read on; a sleep or a poll ends. */
    struct sigaction resize = {.sa_handler = on_resize, .sa_flags = SA_RESTART};
    sigaction(SIGWINCH, &resize, NULL);
}

void cli_catch_interrupts(void)
{
    struct sigaction interrupt = {.sa_handler = on_interrupt};
    sigaction(SIGINT, &interrupt, NULL);
    sigaction(SIGTERM, &interrupt, NULL);
    cli_catch_resize();
}

bool cli_is_interrupted(void)
{
    return interrupted != 0;
}

bool cli_take_resize(void)
{
    bool was = resized != 0;
    resized = 0;
    return was;
}
