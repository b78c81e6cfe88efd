/* The node's process: its end is known as soon as it is true, whatever the loop hears first. */
#include "main/child.h"

#include "temp.h"

#include "cmocka_all.h"

#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct fixture {
    struct temp temp;
    uv_loop_t loop;
    struct whtnxt_child *child;
    char lines[64];
    unsigned exits;
    int sig;
};

static void on_line(void *ctx, struct lp2p_span line)
{
    struct fixture *f = ctx;
    size_t had = strlen(f->lines);
    assert_true(had + line.n + 1 < sizeof(f->lines));
    memcpy(f->lines + had, line.p, line.n);
}

static void on_exit_(void *ctx, int64_t status, int sig)
{
    struct fixture *f = ctx;
    (void)status;
    f->exits++;
    f->sig = sig;
}

/* Starts a shell script in the node's place. */
static void start(struct fixture *f, const char *script)
{
    static const struct whtnxt_child_ops ops = {.on_line = on_line, .on_exit = on_exit_};
    *f = (struct fixture){.sig = -1};
    temp_init(&f->temp);
    int fd = open(temp_path(&f->temp, "node"), O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, script, strlen(script)), strlen(script));
    assert_int_equal(close(fd), 0);
    assert_int_equal(uv_loop_init(&f->loop), 0);
    assert_int_equal(whtnxt_child_start(&f->loop, temp_path(&f->temp, "node"), &ops, f, &f->child),
                     0);
}

/* Until it is dead, without the loop: it is not reaped. */
static void await_death(const struct fixture *f)
{
    siginfo_t info;
    id_t pid = (id_t)whtnxt_child_pid(f->child);
    assert_int_equal(waitid(P_PID, pid, &info, WEXITED | WNOWAIT), 0);
}

static void end(struct fixture *f)
{
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    temp_fini(&f->temp);
}

static void a_live_one_is_not_taken(void **state)
{
    (void)state;
    struct fixture f;
    int sig = -1;
    start(&f, "#!/bin/sh\nread x <&3\n");
    assert_false(whtnxt_child_take_exit(f.child, &sig));
    assert_int_equal(sig, -1);
    whtnxt_child_signal(f.child, SIGSTOP);
    assert_false(whtnxt_child_take_exit(f.child, &sig));
    whtnxt_child_signal(f.child, SIGKILL);
    end(&f);
    assert_int_equal(f.exits, 1);
    assert_int_equal(f.sig, SIGKILL);
}

static void a_dead_one_is_taken_before_the_loop_hears_of_it(void **state)
{
    (void)state;
    struct fixture f;
    int sig = -1;
    start(&f, "#!/bin/sh\necho last >&3\necho words >&3\nkill -9 $$\n");
    await_death(&f);
    assert_true(whtnxt_child_take_exit(f.child, &sig));
    assert_int_equal(sig, SIGKILL);
    assert_string_equal(f.lines, "lastwords");
    end(&f);
    assert_int_equal(f.exits, 0);
}

static void an_exit_is_no_signal(void **state)
{
    (void)state;
    struct fixture f;
    int sig = -1;
    start(&f, "#!/bin/sh\nexit 7\n");
    await_death(&f);
    assert_true(whtnxt_child_take_exit(f.child, &sig));
    assert_int_equal(sig, 0);
    end(&f);
    assert_int_equal(f.exits, 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_live_one_is_not_taken),
        cmocka_unit_test(a_dead_one_is_taken_before_the_loop_hears_of_it),
        cmocka_unit_test(an_exit_is_no_signal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
