#include "env/uv/uv_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "lp2p/env_uv.h"

/* ---- watched descriptors ---- */

static void env_free_memory(struct lp2p_env_uv *env)
{
    lp2p_free(env->env.mem, env);
}

static void handle_gone(struct lp2p_env_uv *env)
{
    LP2P_ASSERT(env->handles > 0);
    env->handles--;
    if (env->handles == 0 && env->freeing && env->loop != &env->own) {
        env_free_memory(env);
    }
}

/* Has the loop look again before it sleeps: it may not be inside uv_run now. */
static void env_touch(struct lp2p_env_uv *env);

static void watch_on_poll(uv_poll_t *poll, int status, int events)
{
    struct lp2p_uv_watch *w = poll->data;
    if (status < 0) {
        /* libuv stops a descriptor that failed; the next read or write tells what it was. */
        w->mask = 0;
        events = UV_READABLE | UV_WRITABLE;
    }
    w->on_ready(w, events);
}

int lp2p_uv_watch_init(struct lp2p_env_uv *env, struct lp2p_uv_watch *w, int fd)
{
    w->env = env;
    int err = uv_poll_init(env->loop, &w->poll, fd);
    if (err != 0) {
        return lp2p_uv_errno(-err);
    }
    w->fd = fd;
    w->poll.data = w;
    env->handles++;
    return 0;
}

void lp2p_uv_watch_want(struct lp2p_uv_watch *w, int mask)
{
    if (w->mask == mask) {
        return;
    }
    w->mask = mask;
    /* Fails only when the descriptor is watched by somebody else. */
    int err = mask == 0 ? uv_poll_stop(&w->poll) : uv_poll_start(&w->poll, mask, watch_on_poll);
    LP2P_ASSERT(err == 0);
    env_touch(w->env);
}

static void watch_on_closed(uv_handle_t *handle)
{
    struct lp2p_uv_watch *w = handle->data;
    struct lp2p_env_uv *env = w->env;
    lp2p_free(env->env.mem, w);
    handle_gone(env);
}

void lp2p_uv_watch_leave(struct lp2p_uv_watch *w)
{
    w->closed = true;
    uv_close((uv_handle_t *)&w->poll, watch_on_closed);
    env_touch(w->env);
}

void lp2p_uv_watch_close(struct lp2p_uv_watch *w)
{
    lp2p_uv_watch_leave(w);
    (void)close(w->fd);
}

/* ---- clock, timers, tasks ---- */

static lp2p_ts uv_now_ns(const struct lp2p_env *env)
{
    (void)env;
    return uv_hrtime();
}

static uint64_t uv_wall_ms(const struct lp2p_env *env)
{
    (void)env;
    struct timespec ts;
    if (clock_gettime(CLOCK_REALTIME, &ts) != 0 || ts.tv_sec < 0) {
        return 0;
    }
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void env_on_wake(uv_timer_t *timer);

/* Sets `wake` to the next deadline. libuv counts milliseconds of the same clock: rounded up, so
 * that it never comes early. */
static void env_arm(struct lp2p_env_uv *env)
{
    lp2p_ts next = lp2p_timers_next(&env->timers);
    if (next == env->armed) {
        return;
    }
    env->armed = next;
    if (next == LP2P_TS_NEVER) {
        (void)uv_timer_stop(&env->wake);
        return;
    }
    uint64_t due = next / 1000000 + (next % 1000000 != 0);
    uint64_t base = uv_now(env->loop);
    env->expected = LP2P_MAX(next, base * 1000000);
    (void)uv_timer_start(&env->wake, env_on_wake, due > base ? due - base : 0, 0);
}

static void env_on_idle(uv_idle_t *idle)
{
    (void)idle; /* it is there to keep the loop from sleeping */
}

static void env_touch(struct lp2p_env_uv *env)
{
    if (!env->freeing) {
        (void)uv_idle_start(&env->idle, env_on_idle);
    }
}

static void env_turn(struct lp2p_env_uv *env)
{
    lp2p_timers_run(&env->timers, uv_hrtime());
    if (lp2p_list_is_empty(&env->timers.tasks)) {
        (void)uv_idle_stop(&env->idle);
        env_arm(env);
    }
}

static void env_on_wake(uv_timer_t *timer)
{
    struct lp2p_env_uv *env = timer->data;
    lp2p_ts now = uv_hrtime();
    env->late = env->late || (now > env->expected && now - env->expected >= LP2P_ENV_PAUSE);
    env->armed = LP2P_TS_NEVER;
    env_touch(env); /* the turn runs in `prepare`, before the loop sleeps again */
}

static void env_on_prepare(uv_prepare_t *prepare)
{
    struct lp2p_env_uv *env = prepare->data;
    if (env->late) {
        /* What came meanwhile is read before the clock judges those who sent it. */
        env->late = false;
        lp2p_env_tell_resume(&env->watches);
        return;
    }
    env_turn(env);
}

static int uv_timer_slot(struct lp2p_env *env, struct lp2p_timer *t,
                         void (*fn)(void *ctx, lp2p_ts now), void *ctx)
{
    LP2P_TRY(lp2p_timers_add(&lp2p_env_uv(env)->timers));
    *t = (struct lp2p_timer){.fn = fn, .ctx = ctx, .env = env};
    return 0;
}

static void uv_timer_at(struct lp2p_timer *t, lp2p_ts at)
{
    struct lp2p_env_uv *env = lp2p_env_uv(t->env);
    lp2p_timers_set(&env->timers, t, at);
    if (env->timers.turn == 0 && at < env->armed) {
        env_arm(env);
    }
}

static void uv_timer_gone(struct lp2p_timer *t)
{
    lp2p_timers_remove(&lp2p_env_uv(t->env)->timers, t);
}

static void uv_defer(struct lp2p_env *env, struct lp2p_task *task)
{
    lp2p_timers_defer(&lp2p_env_uv(env)->timers, task);
    env_touch(lp2p_env_uv(env));
}

/* ---- random ---- */

/* The environment may not use src/crypto; the kernel's generator is the same source. */
static void uv_random_fill(void *ctx, uint8_t *p, size_t n)
{
    (void)ctx;
    while (n > 0) {
        ssize_t got = getrandom(p, n, 0);
        LP2P_ASSERT(got > 0 || (got < 0 && errno == EINTR));
        if (got > 0) {
            p += got;
            n -= (size_t)got;
        }
    }
}

/* ---- life ---- */

static void env_on_handle_closed(uv_handle_t *handle)
{
    handle_gone(handle->data);
}

static void uv_env_free(struct lp2p_env *base)
{
    struct lp2p_env_uv *env = lp2p_env_uv(base);
    LP2P_ASSERT(env->netlink == NULL && env->resolver == NULL);
    lp2p_timers_fini(&env->timers);
    env->freeing = true;
    if (env->spare_fd >= 0) {
        (void)close(env->spare_fd);
    }
    uv_close((uv_handle_t *)&env->wake, env_on_handle_closed);
    uv_close((uv_handle_t *)&env->prepare, env_on_handle_closed);
    uv_close((uv_handle_t *)&env->idle, env_on_handle_closed);
    if (env->loop != &env->own) {
        return; /* in the program's loop the memory goes with the last handle */
    }
    while (env->handles > 0) {
        (void)uv_run(env->loop, UV_RUN_NOWAIT);
    }
    int err = uv_loop_close(&env->own);
    LP2P_ASSERT(err == 0);
    env_free_memory(env);
}

static const struct lp2p_env_ops env_uv_ops = {
    .free = uv_env_free,
    .now = uv_now_ns,
    .wall_ms = uv_wall_ms,
    .timer_init = uv_timer_slot,
    .timer_set = uv_timer_at,
    .timer_fini = uv_timer_gone,
    .defer = uv_defer,
    .listen = lp2p_uv_listen,
    .listener_local = lp2p_uv_listener_local,
    .listener_close = lp2p_uv_listener_close,
    .connect = lp2p_uv_connect,
    .udp_open = lp2p_uv_udp_open,
    .udp_port = lp2p_uv_udp_port,
    .udp_join = lp2p_uv_udp_join,
    .udp_leave = lp2p_uv_udp_leave,
    .udp_send = lp2p_uv_udp_send,
    .udp_close = lp2p_uv_udp_close,
    .resolve = lp2p_uv_resolve,
    .resolve_cancel = lp2p_uv_resolve_cancel,
    .interfaces = lp2p_uv_interfaces,
    .gateways = lp2p_uv_gateways,
    .watch = lp2p_uv_watch_changes,
    .unwatch = lp2p_uv_unwatch_changes,
};

/* These cannot fail: they make no descriptor and ask for no memory. */
static void env_init_handles(struct lp2p_env_uv *env)
{
    (void)uv_timer_init(env->loop, &env->wake);
    (void)uv_prepare_init(env->loop, &env->prepare);
    (void)uv_idle_init(env->loop, &env->idle);
    env->wake.data = env;
    env->prepare.data = env;
    env->idle.data = env;
    env->handles = 3;
    (void)uv_prepare_start(&env->prepare, env_on_prepare);
    uv_unref((uv_handle_t *)&env->prepare);
}

int lp2p_env_uv_new(const struct lp2p_mem *mem, void *uv_loop, struct lp2p_env **ret)
{
    mem = mem != NULL ? mem : lp2p_mem_default();
    struct lp2p_env_uv *env = lp2p_calloc(mem, 1, sizeof(*env));
    if (env == NULL) {
        return -LP2P_E_NOMEM;
    }
    int err = uv_loop == NULL ? uv_loop_init(&env->own) : 0;
    if (err != 0) {
        lp2p_free(mem, env);
        return lp2p_uv_errno(-err);
    }
    env->env = (struct lp2p_env){
        .ops = &env_uv_ops,
        .mem = mem,
        .random = {.fill = uv_random_fill},
    };
    env->loop = uv_loop != NULL ? uv_loop : &env->own;
    env->armed = LP2P_TS_NEVER;
    env->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    lp2p_timers_init(&env->timers, mem);
    lp2p_list_init(&env->watches);
    env_init_handles(env);
    *ret = &env->env;
    return 0;
}

int lp2p_env_uv_fd(const struct lp2p_env *env)
{
    return uv_backend_fd(lp2p_env_uv(env)->loop);
}

int lp2p_env_uv_timeout(const struct lp2p_env *env)
{
    struct lp2p_env_uv *e = lp2p_env_uv(env);
    uv_update_time(e->loop);
    return uv_backend_timeout(e->loop);
}

bool lp2p_env_uv_drive(struct lp2p_env *env, bool wait)
{
    return uv_run(lp2p_env_uv(env)->loop, wait ? UV_RUN_ONCE : UV_RUN_NOWAIT) != 0;
}
