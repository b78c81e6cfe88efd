#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

void lp2p_assert_fail(const char *what, const char *file, int line)
{
    /* The one place in the library that prints: the process ends here. */
    fprintf(stderr, "lp2p: assertion failed: %s (%s:%d)\n", what, file, line);
    abort();
}
