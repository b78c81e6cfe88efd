#include "temp.h"

#include "cmocka_all.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TEMP_PATHS 8
#define TEMP_PATH  512

void temp_init(struct temp *t)
{
    const char *base = getenv("TMPDIR");
    base = base != NULL && strlen(base) < 32 ? base : "/tmp";
    snprintf(t->folder, sizeof(t->folder), "%s/lp2p-test-XXXXXX", base);
    assert_non_null(mkdtemp(t->folder));
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st;
    (void)type;
    (void)where;
    return remove(path);
}

void temp_fini(struct temp *t)
{
    assert_int_equal(nftw(t->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

const char *temp_path(const struct temp *t, const char *name)
{
    static char paths[TEMP_PATHS][TEMP_PATH];
    static unsigned turn;
    char *path = paths[turn++ % TEMP_PATHS];
    int n = snprintf(path, TEMP_PATH, "%s/%s", t->folder, name);
    assert_in_range(n, 1, TEMP_PATH - 1);
    return path;
}

void temp_write(const struct temp *t, const char *name, const void *p, unsigned n)
{
    int fd = open(temp_path(t, name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, p, n), n);
    close(fd);
}
