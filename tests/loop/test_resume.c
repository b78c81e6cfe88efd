/* A real process that stands still for a while, and what its environment tells it afterwards. */
#include "env/env.h"
#include "lp2p/env_uv.h"

#include "cmocka_all.h"

#include <arpa/inet.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"

/* What happened in the child, in order. */
struct seen {
    unsigned n;
    unsigned resumed; /* 1: first of all; 0: not at all */
    unsigned heard;
    unsigned due;
    unsigned resumes;
};

static void on_change(void *ctx)
{
    (void)ctx;
}

static void on_resume(void *ctx)
{
    struct seen *s = ctx;
    s->resumes++;
    s->resumed = ++s->n;
}

static void on_dgram(void *ctx, struct lp2p_mspan data, const struct lp2p_endpoint *from,
                     const struct lp2p_endpoint *to, uint32_t ifindex)
{
    (void)data;
    (void)from;
    (void)to;
    (void)ifindex;
    struct seen *s = ctx;
    s->heard = ++s->n;
}

static void on_due(void *ctx, lp2p_ts now)
{
    (void)now;
    struct seen *s = ctx;
    s->due = ++s->n;
}

/* Says its port, stops, and goes on when it may. */
static int stopped_child(int say)
{
    static const struct lp2p_udp_events events = {.on_dgram = on_dgram};
    struct seen seen = {.n = 0};
    struct lp2p_env_watch watch = {.on_change = on_change, .on_resume = on_resume, .ctx = &seen};
    struct lp2p_udp_cfg cfg = {.family = LP2P_FAMILY_IP4};
    struct lp2p_env *env;
    struct lp2p_udp *u;
    struct lp2p_timer timer;
    LP2P_ASSERT(lp2p_env_uv_new(NULL, NULL, &env) == 0);
    LP2P_ASSERT(env->ops->watch(env, &watch) == 0);
    LP2P_ASSERT(env->ops->udp_open(env, &cfg, &events, &seen, &u) == 0);
    LP2P_ASSERT(env->ops->timer_init(env, &timer, on_due, &seen) == 0);
    /* Set for a time long gone is no pause. */
    env->ops->timer_set(&timer, 0);
    while (seen.due == 0) {
        lp2p_env_uv_drive(env, true);
    }
    LP2P_ASSERT(seen.resumes == 0);
    seen = (struct seen){.n = 0};
    uint16_t port = env->ops->udp_port(u);
    LP2P_ASSERT(write(say, &port, sizeof(port)) == (ssize_t)sizeof(port));
    env->ops->timer_set(&timer, lp2p_env_now(env) + LP2P_MSEC(1));
    (void)raise(SIGSTOP);
    while (seen.due == 0) {
        lp2p_env_uv_drive(env, true);
    }
    env->ops->timer_fini(&timer);
    env->ops->udp_close(u);
    env->ops->unwatch(env, &watch);
    lp2p_env_free(env);
    /* Told, then what came meanwhile, then what is overdue. */
    return seen.resumes == 1 && seen.resumed == 1 && seen.heard == 2 && seen.due == 3 ? 0 : 1;
}

static void tell(uint16_t port)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    assert_true(fd >= 0);
    assert_int_equal(sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)), 1);
    assert_int_equal(close(fd), 0);
}

static void a_stopped_process_hears_before_it_judges(void **state)
{
    (void)state;
    int say[2];
    uint16_t port = 0;
    assert_int_equal(pipe(say), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        _exit(stopped_child(say[1]));
    }
    /* Only a real pause is one: this test is as long as the shortest that counts. */
    const struct timespec pause = {.tv_sec = 3, .tv_nsec = 100000000};
    int status = 0;
    assert_int_equal(read(say[0], &port, sizeof(port)), sizeof(port));
    assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
    assert_true(WIFSTOPPED(status));
    assert_int_equal(nanosleep(&pause, NULL), 0);
    tell(port);
    assert_int_equal(kill(pid, SIGCONT), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    close(say[0]);
    close(say[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stopped_process_hears_before_it_judges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
