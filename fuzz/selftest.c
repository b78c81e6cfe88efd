/* The target that fuzz/test_replay.sh replays: an input that begins with "boom" ends it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    if (n >= 4 && memcmp(p, "boom", 4) == 0) {
        abort();
    }
    return 0;
}
