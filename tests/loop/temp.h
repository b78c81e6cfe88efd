/*
 * A folder of the test's own, removed with everything in it. Names are relative to it in `temp`
 * calls and made into paths that stay valid for the next eight.
 */
#ifndef TESTS_LOOP_TEMP_H
#define TESTS_LOOP_TEMP_H

struct temp {
    char folder[64];
};

void temp_init(struct temp *t);
void temp_fini(struct temp *t);

const char *temp_path(const struct temp *t, const char *name);
void temp_write(const struct temp *t, const char *name, const void *p, unsigned n);

#endif
