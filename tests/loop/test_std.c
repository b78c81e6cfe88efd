/* Programs that are started with closed standard descriptors. */
#include "ipc/std.h"

#include "cmocka_all.h"

#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* In a child: closes what `mask` says, and reports what is there afterwards; 0 is right. */
static int child_of(unsigned mask)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct stat null;
        struct stat st;
        int wrong = stat("/dev/null", &null);
        for (int fd = 0; fd < 3; fd++) {
            (void)((mask & (1U << fd)) != 0 && close(fd));
        }
        wrong |= whtnxt_std_open() != 0;
        for (int fd = 0; fd < 3; fd++) {
            bool closed = (mask & (1U << fd)) != 0;
            wrong |= fstat(fd, &st) != 0 || (closed && st.st_rdev != null.st_rdev);
        }
        /* Nothing more was left open. */
        wrong |= mask != 0 && open("/dev/null", O_RDONLY) < 3;
        _exit(wrong != 0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void closed_ones_are_null(void **state)
{
    (void)state;
    for (unsigned mask = 0; mask < 8; mask++) {
        assert_int_equal(child_of(mask), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(closed_ones_are_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
