/*
 * Vectors as data files: tests/vectors/<name>, one case a line, columns separated by tabs; lines
 * that begin with `#` and empty lines are skipped. A column `-` is the empty string. Also bytes
 * written as hex.
 *
 * Everything here fails the running test when a file is not as it should be: a vector that is not
 * read is not tested.
 */
#ifndef LP2P_TESTS_HARNESS_VECTORS_H
#define LP2P_TESTS_HARNESS_VECTORS_H

#include <stdio.h>

#include "cmocka_all.h"

#define VECTOR_MAX_COLUMNS 8
#define VECTOR_MAX_LINE    16384

struct vectors {
    FILE *f;
    const char *name;
    unsigned line;
    unsigned cases;
    int n;                         /* columns of the current case */
    char *col[VECTOR_MAX_COLUMNS]; /* inside `text` */
    char text[VECTOR_MAX_LINE];
};

static inline void vectors_open(struct vectors *v, const char *name)
{
    char path[1024];
    snprintf(path, sizeof(path), "%s/%s", LP2P_VECTORS, name);
    *v = (struct vectors){.f = fopen(path, "r"), .name = name};
    if (v->f == NULL) {
        fail_msg("%s: cannot be opened", path);
    }
}

static inline void vectors_split(struct vectors *v)
{
    v->n = 0;
    char *at = v->text;
    for (;;) {
        assert_true(v->n < VECTOR_MAX_COLUMNS);
        v->col[v->n++] = at;
        char *tab = strchr(at, '\t');
        if (tab == NULL) {
            break;
        }
        *tab = '\0';
        at = tab + 1;
    }
    for (int i = 0; i < v->n; i++) {
        if (strcmp(v->col[i], "-") == 0) {
            v->col[i][0] = '\0';
        }
    }
}

/* The next case, which must have `columns` columns; false at the end of the file. */
static inline bool vectors_next(struct vectors *v, int columns)
{
    while (fgets(v->text, sizeof(v->text), v->f) != NULL) {
        v->line++;
        size_t n = strlen(v->text);
        if (n == 0 || v->text[n - 1] != '\n') {
            fail_msg("%s:%u: line too long or not ended", v->name, v->line);
        }
        v->text[n - 1] = '\0';
        if (v->text[0] == '#' || v->text[0] == '\0') {
            continue;
        }
        vectors_split(v);
        if (v->n != columns) {
            fail_msg("%s:%u: %d columns instead of %d", v->name, v->line, v->n, columns);
        }
        v->cases++;
        return true;
    }
    return false;
}

/* Closes the file; fails when it held fewer cases than the test counts on. */
static inline void vectors_close(struct vectors *v, unsigned at_least)
{
    fclose(v->f);
    if (v->cases < at_least) {
        fail_msg("%s: %u cases, at least %u expected", v->name, v->cases, at_least);
    }
}

static inline unsigned vectors_hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return (unsigned)(c - '0');
    }
    if (c >= 'a' && c <= 'f') {
        return (unsigned)(c - 'a' + 10);
    }
    fail_msg("'%c' is no hex digit", c);
    return 0;
}

/* Reads hex into at most `size` bytes; returns their number. */
static inline size_t vectors_hex(const char *hex, uint8_t *out, size_t size)
{
    size_t n = strlen(hex);
    assert_true(n % 2 == 0 && n / 2 <= size);
    for (size_t i = 0; i < n / 2; i++) {
        out[i] = (uint8_t)(vectors_hex_digit(hex[2 * i]) << 4 | vectors_hex_digit(hex[2 * i + 1]));
    }
    return n / 2;
}

#endif
