#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

void lp2p_assert_fail(const char *what, const char *file, int line)
{
    /* exception: the process ends here, and must say why; nothing else in the library prints */
    fprintf(stderr, "lp2p: assertion failed: %s (%s:%d)\n", what, file, line);
    abort();
}
