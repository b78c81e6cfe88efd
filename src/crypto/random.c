/* The operating system's generator. */
#include "crypto/crypto.h"

#include <sodium.h>

static void random_fill(void *ctx, uint8_t *p, size_t n)
{
    (void)ctx;
    randombytes_buf(p, n);
}

struct lp2p_random lp2p_crypto_random(void)
{
    return (struct lp2p_random){.ctx = NULL, .fill = random_fill};
}
