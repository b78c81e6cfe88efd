#include "cli/cli.h"

#include <stdio.h>
#include <time.h>

uint64_t cli_now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

uint64_t cli_wall_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

void cli_sleep_ms(unsigned ms)
{
    /* A signal ends the sleep early: Ctrl+C is answered at once. */
    struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    nanosleep(&ts, NULL);
}

void cli_format_time(uint64_t wall_ms, char out[static 16])
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm tm;
    if (localtime_r(&seconds, &tm) == NULL || strftime(out, 16, "%H:%M:%S", &tm) == 0) {
        snprintf(out, 16, "-");
    }
}
