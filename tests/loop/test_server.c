/* The control socket's clients: half-closed ones, slow ones, too many of them. */
#include "main/server.h"

#include "base/assert.h"
#include "temp.h"

#include "cmocka_all.h"
#include "lp2p/error.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Milliseconds of patience; what waits longer than this is stuck. */
#define PATIENCE 300U
#define STUCK    5000U
#define WATCH    50U

#define ASK "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"p2p:get-status\"}\n"

struct rig {
    struct temp t;
    uv_loop_t loop;
    struct whtnxt_server *server;
    size_t answer; /* bytes of an answer */
    size_t asked;
    size_t last; /* bytes of the last line */
    size_t gone; /* times that the socket was */
    int gone_err;
};

static int answer(void *ctx, struct lp2p_span line, struct lp2p_buf *out)
{
    struct rig *r = ctx;
    r->asked++;
    r->last = line.n;
    for (size_t i = 0; i + 1 < r->answer; i++) {
        assert_int_equal(lp2p_buf_append(out, "x", 1), 0);
    }
    return lp2p_buf_append(out, "\n", 1);
}

static void gone(void *ctx, int err)
{
    struct rig *r = ctx;
    r->gone++;
    r->gone_err = err;
}

static void rig_open(struct rig *r, size_t size)
{
    *r = (struct rig){.answer = size};
    temp_init(&r->t);
    assert_int_equal(mkdir(temp_path(&r->t, "run"), 0700), 0);
    assert_int_equal(uv_loop_init(&r->loop), 0);
    struct whtnxt_server_cfg cfg = {.folder = temp_path(&r->t, "run"),
                                    .path = temp_path(&r->t, "run/control.sock"),
                                    .fn = answer,
                                    .ctx = r,
                                    .on_gone = gone,
                                    .patience_ms = PATIENCE,
                                    .watch_ms = WATCH};
    assert_int_equal(whtnxt_server_open(&r->loop, &cfg, &r->server), 0);
}

static void rig_close(struct rig *r)
{
    whtnxt_server_close(r->server);
    uv_run(&r->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&r->loop), 0);
    temp_fini(&r->t);
}

static int client(struct rig *r)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", temp_path(&r->t, "run/control.sock"));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    uv_run(&r->loop, UV_RUN_NOWAIT);
    uv_run(&r->loop, UV_RUN_NOWAIT);
    return fd;
}

static bool put(int fd, const char *text)
{
    return send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text);
}

/* Runs the loop until the server has something for us; bytes, 0 at its end, -1 when `ms` are over.
 */
static ssize_t take(struct rig *r, int fd, char *buf, size_t n, uint64_t ms)
{
    uint64_t end = uv_hrtime() / 1000000U + ms;
    for (;;) {
        ssize_t got = recv(fd, buf, n, 0);
        if (got >= 0 || errno == ECONNRESET) {
            return got < 0 ? 0 : got;
        }
        if (uv_hrtime() / 1000000U >= end) {
            return -1;
        }
        uv_run(&r->loop, UV_RUN_NOWAIT);
        poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 5);
    }
}

/* All bytes to the end of the connection. */
static size_t take_all(struct rig *r, int fd)
{
    static char block[65536];
    size_t n = 0;
    for (;;) {
        ssize_t got = take(r, fd, block, sizeof(block), STUCK);
        assert_true(got >= 0);
        if (got == 0) {
            return n;
        }
        n += (size_t)got;
    }
}

static void run_for(struct rig *r, unsigned ms)
{
    for (unsigned i = 0; i < ms; i += 5) {
        uv_run(&r->loop, UV_RUN_NOWAIT);
        poll(NULL, 0, 5);
    }
}

/* `nc -U -q1` closes its half as soon as its input ends: its answers are not lost. */
static void a_half_closed_client_gets_its_answers(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, 2U * 1024U * 1024U);
    int fd = client(&r);
    assert_true(put(fd, "one\ntwo\nhalf"));
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    assert_int_equal(take_all(&r, fd), 2 * r.answer);
    assert_int_equal(r.asked, 2);
    close(fd);
    rig_close(&r);
}

static void one_that_does_not_read_is_hung_up_on(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, 2U * 1024U * 1024U);
    int fd = client(&r);
    assert_true(put(fd, "one\n"));
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    run_for(&r, 3 * PATIENCE);
    assert_true(take_all(&r, fd) < r.answer);
    close(fd);
    rig_close(&r);
}

/* A line that drips has no more time than one that stands still. */
static void a_line_that_drips_has_an_end(void **state)
{
    (void)state;
    struct rig r;
    char c;
    rig_open(&r, 2);
    int fd = client(&r);
    uint64_t begin = uv_hrtime() / 1000000U;
    while (put(fd, "x") && take(&r, fd, &c, 1, 10) < 0) {
        assert_true(uv_hrtime() / 1000000U - begin < STUCK);
    }
    uint64_t took = uv_hrtime() / 1000000U - begin;
    assert_in_range(took, PATIENCE, 4 * PATIENCE);
    close(fd);
    rig_close(&r);
}

/* Lines that end have each their own time. */
static void a_slow_talker_is_listened_to(void **state)
{
    (void)state;
    struct rig r;
    char c[2];
    rig_open(&r, 2);
    int fd = client(&r);
    for (unsigned ms = 0; ms < 3 * PATIENCE; ms += PATIENCE / 3) {
        assert_true(put(fd, "a line\nhal"));
        assert_int_equal(take(&r, fd, c, 2, STUCK), 2);
        assert_int_equal(take(&r, fd, c, 2, PATIENCE / 3), -1);
        assert_true(put(fd, "f\n"));
        assert_int_equal(take(&r, fd, c, 2, STUCK), 2);
    }
    close(fd);
    rig_close(&r);
}

/* Time in which the server's process was stopped is not the client's. */
static void our_own_stop_is_forgiven(void **state)
{
    (void)state;
    struct rig r;
    char c[2];
    rig_open(&r, 2);
    int fd = client(&r);
    assert_true(put(fd, "half"));
    assert_int_equal(take(&r, fd, c, 1, PATIENCE / 4), -1);
    poll(NULL, 0, 2 * (int)PATIENCE);
    assert_int_equal(take(&r, fd, c, 1, PATIENCE / 4), -1);
    assert_true(put(fd, " whole\n"));
    assert_int_equal(take(&r, fd, c, 2, STUCK), 2);
    assert_int_equal(r.last, 10);
    close(fd);
    rig_close(&r);
}

/* ---- the socket's file ---- */

static void expect_answer(struct rig *r)
{
    char c[2];
    int fd = client(r);
    assert_true(put(fd, ASK));
    assert_int_equal(take(r, fd, c, 2, STUCK), 2);
    close(fd);
}

/* A log-out removes the run-time folder while main goes on. */
static void a_removed_socket_comes_back(void **state)
{
    (void)state;
    struct rig r;
    char c[2];
    rig_open(&r, 2);
    int fd = client(&r);
    assert_int_equal(unlink(temp_path(&r.t, "run/control.sock")), 0);
    assert_int_equal(rmdir(temp_path(&r.t, "run")), 0);
    run_for(&r, 2 * WATCH);
    assert_int_equal(r.gone, 1);
    assert_int_equal(r.gone_err, 0);
    expect_answer(&r);
    /* Who was connected still is. */
    assert_true(put(fd, ASK));
    assert_int_equal(take(&r, fd, c, 2, STUCK), 2);
    close(fd);
    rig_close(&r);
}

static void what_is_in_its_place_is_left_alone(void **state)
{
    (void)state;
    struct rig r;
    struct stat st;
    rig_open(&r, 2);
    assert_int_equal(unlink(temp_path(&r.t, "run/control.sock")), 0);
    temp_write(&r.t, "run/control.sock", "mine", 4);
    run_for(&r, 5 * WATCH);
    assert_int_equal(r.gone, 1);
    assert_int_equal(r.gone_err, -LP2P_E_EXISTS);
    whtnxt_server_close(r.server);
    r.server = NULL;
    assert_int_equal(stat(temp_path(&r.t, "run/control.sock"), &st), 0);
    assert_int_equal(st.st_size, 4);
    rig_close(&r);
}

/* ---- too many ---- */

static void count_timers(uv_handle_t *handle, void *ctx)
{
    unsigned *n = ctx;
    *n += handle->type == UV_TIMER && uv_is_active(handle) != 0;
}

/* Without clients nothing wakes main but the look after its socket. */
static void nobody_to_be_patient_with(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, 1);
    for (unsigned i = 0; i < 2; i++) {
        unsigned timers = 0;
        uv_walk(&r.loop, count_timers, &timers);
        assert_int_equal(timers, 1);
        int fd = client(&r);
        timers = 0;
        uv_walk(&r.loop, count_timers, &timers);
        assert_int_equal(timers, 2);
        close(fd);
        run_for(&r, 20);
    }
    rig_close(&r);
}

static void the_longest_idle_makes_room(void **state)
{
    (void)state;
    struct rig r;
    int fds[WHTNXT_SERVER_CLIENTS + 1];
    char c[2];
    rig_open(&r, 2);
    for (unsigned i = 0; i < WHTNXT_SERVER_CLIENTS; i++) {
        fds[i] = client(&r);
    }
    poll(NULL, 0, 2);
    /* The first has asked since. */
    assert_true(put(fds[0], ASK));
    assert_int_equal(take(&r, fds[0], c, 2, STUCK), 2);
    fds[WHTNXT_SERVER_CLIENTS] = client(&r);
    assert_int_equal(take(&r, fds[1], c, 2, STUCK), 0);
    assert_true(put(fds[WHTNXT_SERVER_CLIENTS], ASK));
    assert_int_equal(take(&r, fds[WHTNXT_SERVER_CLIENTS], c, 2, STUCK), 2);
    assert_true(put(fds[0], ASK));
    assert_int_equal(take(&r, fds[0], c, 2, STUCK), 2);
    for (unsigned i = 0; i <= WHTNXT_SERVER_CLIENTS; i++) {
        close(fds[i]);
    }
    rig_close(&r);
}

static void without_an_idle_one_it_is_said(void **state)
{
    (void)state;
    struct rig r;
    int fds[WHTNXT_SERVER_CLIENTS + WHTNXT_SERVER_SURPLUS + 1];
    struct whtnxt_answer a;
    char line[1024];
    rig_open(&r, 2);
    for (unsigned i = 0; i < WHTNXT_SERVER_CLIENTS; i++) {
        fds[i] = client(&r);
        assert_true(put(fds[i], "half"));
        uv_run(&r.loop, UV_RUN_NOWAIT);
    }
    for (unsigned i = WHTNXT_SERVER_CLIENTS; i < LP2P_COUNT(fds); i++) {
        fds[i] = client(&r);
    }
    int last = fds[LP2P_COUNT(fds) - 1];
    assert_int_equal(take(&r, last, line, sizeof(line), STUCK), 0);
    assert_true(put(fds[WHTNXT_SERVER_CLIENTS], ASK));
    ssize_t n = take(&r, fds[WHTNXT_SERVER_CLIENTS], line, sizeof(line), STUCK);
    assert_true(n > 1);
    assert_int_equal(whtnxt_answer_decode(lp2p_span(line, (size_t)n - 1), 7, &a), 0);
    assert_string_equal(a.code, "LIMIT_REACHED");
    assert_string_equal(a.message, "Too many programs at once (16).");
    whtnxt_answer_fini(&a);
    assert_int_equal(take_all(&r, fds[WHTNXT_SERVER_CLIENTS]), 0);
    assert_int_equal(r.asked, 0);
    for (unsigned i = 0; i < LP2P_COUNT(fds); i++) {
        close(fds[i]);
    }
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_half_closed_client_gets_its_answers),
        cmocka_unit_test(one_that_does_not_read_is_hung_up_on),
        cmocka_unit_test(a_line_that_drips_has_an_end),
        cmocka_unit_test(a_slow_talker_is_listened_to),
        cmocka_unit_test(our_own_stop_is_forgiven),
        cmocka_unit_test(a_removed_socket_comes_back),
        cmocka_unit_test(what_is_in_its_place_is_left_alone),
        cmocka_unit_test(nobody_to_be_patient_with),
        cmocka_unit_test(the_longest_idle_makes_room),
        cmocka_unit_test(without_an_idle_one_it_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
