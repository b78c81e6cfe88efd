/* Where the control socket is put, and what is not put away for it (SECURITY 4.1, "stale"). */
#include "main/socket.h"

#include "temp.h"

#include "cmocka_all.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define NOBODY 65534

static int listen_at(const struct temp *t, const char *folder, int *ret_fd)
{
    char name[300];
    snprintf(name, sizeof(name), "%s/control.sock", folder);
    return whtnxt_socket_listen(temp_path(t, folder), temp_path(t, name), ret_fd);
}

static unsigned mode_of(const char *path)
{
    struct stat st;
    assert_int_equal(lstat(path, &st), 0);
    return st.st_mode & 07777U;
}

static ino_t inode_of(const char *path)
{
    struct stat st;
    assert_int_equal(lstat(path, &st), 0);
    return st.st_ino;
}

/* Connects through the folder's descriptor, so that any length of path will do. */
static int connect_to(const char *folder)
{
    int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(dir >= 0);
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    snprintf(sun.sun_path, sizeof(sun.sun_path), "/proc/self/fd/%d/control.sock", dir);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    int done = connect(fd, (struct sockaddr *)&sun, sizeof(sun));
    close(dir);
    if (done != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* ---- what is there before ---- */

static void a_new_socket_is_for_us_alone(void **state)
{
    (void)state;
    struct temp t;
    int fd = -1;
    temp_init(&t);
    mode_t before = umask(0);
    assert_int_equal(mkdir(temp_path(&t, "run"), 0777), 0);
    assert_int_equal(listen_at(&t, "run", &fd), 0);
    assert_int_equal(umask(before), 0); /* it is what it was */
    assert_int_equal(mode_of(temp_path(&t, "run")), 0700);
    assert_int_equal(mode_of(temp_path(&t, "run/control.sock")), 0600);
    assert_true((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    int client = connect_to(temp_path(&t, "run"));
    assert_true(client >= 0);
    int served = accept(fd, NULL, NULL);
    assert_true(served >= 0);
    assert_true(whtnxt_socket_peer_is_us(served));
    close(served);
    close(client);
    close(fd);
    temp_fini(&t);
}

static void a_stale_socket_is_replaced(void **state)
{
    (void)state;
    struct temp t;
    int first = -1;
    int second = -1;
    temp_init(&t);
    assert_int_equal(mkdir(temp_path(&t, "run"), 0700), 0);
    assert_int_equal(listen_at(&t, "run", &first), 0);
    close(first); /* as a main that was killed */
    assert_int_equal(connect_to(temp_path(&t, "run")), -1);
    assert_int_equal(listen_at(&t, "run", &second), 0);
    int client = connect_to(temp_path(&t, "run"));
    assert_true(client >= 0);
    close(client);
    close(second);
    temp_fini(&t);
}

static void a_socket_that_answers_is_left(void **state)
{
    (void)state;
    struct temp t;
    int first = -1;
    int second = -1;
    temp_init(&t);
    assert_int_equal(mkdir(temp_path(&t, "run"), 0700), 0);
    assert_int_equal(listen_at(&t, "run", &first), 0);
    ino_t inode = inode_of(temp_path(&t, "run/control.sock"));
    /* Also when its backlog is full: it is alive all the same. */
    for (int i = 0; i < 40; i++) {
        assert_int_equal(listen_at(&t, "run", &second), -LP2P_E_ADDR_IN_USE);
    }
    assert_int_equal(second, -1);
    assert_int_equal(inode_of(temp_path(&t, "run/control.sock")), inode);
    close(first);
    temp_fini(&t);
}

static void make_file(const struct temp *t)
{
    temp_write(t, "run/control.sock", "mine", 4);
}

static void make_symlink(const struct temp *t)
{
    temp_write(t, "target", "mine", 4);
    assert_int_equal(symlink("../target", temp_path(t, "run/control.sock")), 0);
}

static void make_dangling(const struct temp *t)
{
    assert_int_equal(symlink("../nothing", temp_path(t, "run/control.sock")), 0);
}

static void make_folder(const struct temp *t)
{
    assert_int_equal(mkdir(temp_path(t, "run/control.sock"), 0700), 0);
}

static void make_fifo(const struct temp *t)
{
    assert_int_equal(mkfifo(temp_path(t, "run/control.sock"), 0600), 0);
}

static void whatever_else_is_there_is_left_alone(void **state)
{
    (void)state;
    static void (*const make[])(const struct temp *t) = {
        make_file, make_symlink, make_dangling, make_folder, make_fifo,
    };
    for (size_t i = 0; i < sizeof(make) / sizeof(make[0]); i++) {
        struct temp t;
        int fd = -1;
        temp_init(&t);
        assert_int_equal(mkdir(temp_path(&t, "run"), 0700), 0);
        make[i](&t);
        ino_t inode = inode_of(temp_path(&t, "run/control.sock"));
        assert_int_equal(listen_at(&t, "run", &fd), -LP2P_E_EXISTS);
        assert_int_equal(fd, -1);
        assert_int_equal(inode_of(temp_path(&t, "run/control.sock")), inode);
        assert_int_equal(access(temp_path(&t, "nothing"), F_OK), -1);
        temp_fini(&t);
    }
}

static void a_socket_of_another_user_is_left_alone(void **state)
{
    (void)state;
    struct temp t;
    int fd = -1;
    if (geteuid() != 0) {
        skip(); /* only root can give a file away */
    }
    temp_init(&t);
    assert_int_equal(mkdir(temp_path(&t, "run"), 0700), 0);
    assert_int_equal(listen_at(&t, "run", &fd), 0);
    close(fd);
    assert_int_equal(lchown(temp_path(&t, "run/control.sock"), NOBODY, NOBODY), 0);
    ino_t inode = inode_of(temp_path(&t, "run/control.sock"));
    assert_int_equal(listen_at(&t, "run", &fd), -LP2P_E_EXISTS);
    assert_int_equal(inode_of(temp_path(&t, "run/control.sock")), inode);
    temp_fini(&t);
}

/* ---- the folder ---- */

static void a_folder_that_is_none_or_not_ours_is_refused(void **state)
{
    (void)state;
    struct temp t;
    int fd = -1;
    temp_init(&t);
    assert_int_equal(listen_at(&t, "missing", &fd), -LP2P_E_PERM);
    temp_write(&t, "file", "x", 1);
    assert_int_equal(listen_at(&t, "file", &fd), -LP2P_E_PERM);
    assert_int_equal(mkdir(temp_path(&t, "real"), 0700), 0);
    assert_int_equal(symlink("real", temp_path(&t, "link")), 0);
    assert_int_equal(listen_at(&t, "link", &fd), -LP2P_E_PERM);
    assert_int_equal(access(temp_path(&t, "real/control.sock"), F_OK), -1);
    if (geteuid() == 0) {
        assert_int_equal(chown(temp_path(&t, "real"), NOBODY, NOBODY), 0);
        assert_int_equal(listen_at(&t, "real", &fd), -LP2P_E_PERM);
        assert_int_equal(mode_of(temp_path(&t, "real")), 0700);
    }
    assert_int_equal(fd, -1);
    temp_fini(&t);
}

static void paths_of_any_length_work(void **state)
{
    (void)state;
    static const size_t lengths[] = {105, 106, 107, 108, 109, 200, 300};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        struct temp t;
        char folder[300];
        int fd = -1;
        int again = -1;
        temp_init(&t);
        /* In two parts: one name may have 255 bytes. */
        size_t n = lengths[i] - strlen(t.folder) - 1 - strlen("/control.sock");
        memset(folder, 'x', n);
        folder[n] = '\0';
        folder[n / 2] = '\0';
        assert_int_equal(mkdir(temp_path(&t, folder), 0700), 0);
        folder[n / 2] = '/';
        assert_int_equal(mkdir(temp_path(&t, folder), 0700), 0);
        assert_int_equal(listen_at(&t, folder, &fd), 0);
        char path[400];
        snprintf(path, sizeof(path), "%s/%s/control.sock", t.folder, folder);
        assert_int_equal(strlen(path), lengths[i]);
        assert_int_equal(mode_of(path), 0600);
        int client = connect_to(temp_path(&t, folder));
        assert_true(client >= 0);
        close(client);
        /* Alive and stale are told apart there, too. */
        assert_int_equal(listen_at(&t, folder, &again), -LP2P_E_ADDR_IN_USE);
        close(fd);
        assert_int_equal(listen_at(&t, folder, &again), 0);
        close(again);
        temp_fini(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_socket_is_for_us_alone),
        cmocka_unit_test(a_stale_socket_is_replaced),
        cmocka_unit_test(a_socket_that_answers_is_left),
        cmocka_unit_test(whatever_else_is_there_is_left_alone),
        cmocka_unit_test(a_socket_of_another_user_is_left_alone),
        cmocka_unit_test(a_folder_that_is_none_or_not_ours_is_refused),
        cmocka_unit_test(paths_of_any_length_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
