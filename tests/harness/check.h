/*
 * A check of the harness itself, for code that runs in unit tests and in fuzz targets: it says what
 * is wrong and aborts, so both see it.
 */
#ifndef LP2P_HARNESS_CHECK_H
#define LP2P_HARNESS_CHECK_H

#include <stdio.h>
#include <stdlib.h>

#define HARNESS_FAIL(...)                               \
    do {                                                \
        fprintf(stderr, "%s:%d: ", __FILE__, __LINE__); \
        fprintf(stderr, __VA_ARGS__);                   \
        fputc('\n', stderr);                            \
        abort();                                        \
    } while (0)

#define HARNESS_CHECK(x, ...)          \
    do {                               \
        if (!(x)) {                    \
            HARNESS_FAIL(__VA_ARGS__); \
        }                              \
    } while (0)

#endif
