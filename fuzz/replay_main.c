/*
 * Runs every file of a folder through a fuzz target once, so that a corpus is a normal test.
 *
 *     replay-NAME fuzz/corpus/NAME
 *
 * Prints TAP. Each input's name is printed before it runs, so the last one printed is the one that
 * crashed. A folder that is missing or empty fails: a corpus that was forgotten must not look
 * green.
 */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As libFuzzer's own limit for inputs that it makes is 4 KiB, one that is larger was a mistake. */
#define REPLAY_MAX_INPUT (4U * 1024U * 1024U)

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* Into a block of exactly the input's size, so that reading past it is seen by ASan. */
static int run_file(const char *folder, const char *name)
{
    char path[4096];
    if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, name) >= sizeof path) {
        return -ENAMETOOLONG;
    }
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        return -errno;
    }
    uint8_t *all = malloc(REPLAY_MAX_INPUT + 1);
    size_t n = all == NULL ? 0 : fread(all, 1, REPLAY_MAX_INPUT + 1, f);
    uint8_t *exact = n == 0 ? all : realloc(all, n);
    int err = exact == NULL || ferror(f) != 0 ? -EIO : n > REPLAY_MAX_INPUT ? -EFBIG : 0;
    fclose(f);
    if (err == 0) {
        printf("# %s\n", name);
        fflush(stdout);
        LLVMFuzzerTestOneInput(exact, n);
    }
    free(exact != NULL ? exact : all);
    return err;
}

static int is_input(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

static int run_folder(const char *folder, int *ret_count)
{
    struct dirent **names = NULL;
    int n = scandir(folder, &names, is_input, alphasort);
    if (n < 0) {
        return -errno;
    }
    int err = 0;
    for (int i = 0; i < n; i++) {
        if (err == 0) {
            err = run_file(folder, names[i]->d_name);
        }
        free(names[i]);
    }
    free(names);
    *ret_count = n;
    return err;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    int count = 0;
    printf("1..1\n");
    int err = run_folder(argv[1], &count);
    bool good = err == 0 && count > 0;
    printf("%s 1 - %d inputs of %s\n", good ? "ok" : "not ok", count, argv[1]);
    if (err != 0) {
        printf("# %s\n", strerror(-err));
    }
    return good ? 0 : 1;
}
