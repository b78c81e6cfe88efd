#include "env/uv/uv_priv.h"

#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

/* When the timer below would run out by itself: never, in a life. */
#define CLOCK_FAR (INT64_C(1) << 40)

static lp2p_ts clock_ns(clockid_t id)
{
    struct timespec ts;
    if (clock_gettime(id, &ts) != 0) {
        return 0;
    }
    return (lp2p_ts)ts.tv_sec * 1000000000 + (lp2p_ts)ts.tv_nsec;
}

/* The monotonic clock stands while the machine sleeps, the other one goes on. */
static lp2p_ts clock_asleep(void)
{
    lp2p_ts monotonic = clock_ns(CLOCK_MONOTONIC);
    lp2p_ts boot = clock_ns(CLOCK_BOOTTIME);
    return boot > monotonic ? boot - monotonic : 0;
}

/* A timer that the kernel cancels when the wall clock is set, and when the machine wakes up:
 * nothing has to look at the clocks meanwhile (timerfd_create(2)). */
static int clock_arm(int fd)
{
    struct itimerspec far = {.it_value = {.tv_sec = CLOCK_FAR}};
    return timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &far, NULL);
}

static void clock_on_ready(struct lp2p_uv_watch *w, int ready)
{
    (void)ready;
    struct lp2p_env_uv *env = w->env;
    uint64_t expirations;
    (void)!read(w->fd, &expirations, sizeof(expirations)); /* ECANCELED: it has to be set again */
    if (clock_arm(w->fd) == 0) {
        lp2p_uv_watch_want(w, UV_READABLE);
    }
    lp2p_ts asleep = clock_asleep();
    bool slept = asleep > env->asleep && asleep - env->asleep >= LP2P_ENV_SLEEP;
    env->asleep = asleep;
    if (slept) {
        lp2p_env_tell_resume(&env->watches);
    }
}

/* A system without such timers leaves the loop's own lateness to tell of pauses. */
void lp2p_uv_clock_open(struct lp2p_env_uv *env)
{
    int fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    if (fd < 0) {
        return;
    }
    struct lp2p_uv_watch *w = lp2p_calloc(env->env.mem, 1, sizeof(*w));
    if (w == NULL || clock_arm(fd) != 0) {
        goto fail;
    }
    w->on_ready = clock_on_ready;
    if (lp2p_uv_watch_init(env, w, fd) != 0) {
        goto fail;
    }
    uv_unref((uv_handle_t *)&w->poll);
    lp2p_uv_watch_want(w, UV_READABLE);
    env->asleep = clock_asleep();
    env->clock = w;
    return;
fail:
    lp2p_free(env->env.mem, w);
    (void)close(fd);
}

void lp2p_uv_clock_close(struct lp2p_env_uv *env)
{
    if (env->clock != NULL) {
        lp2p_uv_watch_close(env->clock);
        env->clock = NULL;
    }
}
