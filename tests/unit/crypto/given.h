/* One real table for a test program. */
#ifndef LP2P_UNIT_CRYPTO_GIVEN_H
#define LP2P_UNIT_CRYPTO_GIVEN_H

#include "base/mem.h"
#include "crypto/crypto.h"

static struct lp2p_crypto *c;

static int set_up(void **state)
{
    (void)state;
    return lp2p_crypto_init() + lp2p_crypto_new(lp2p_mem_default(), &c);
}

static int tear_down(void **state)
{
    (void)state;
    lp2p_crypto_free(c);
    return 0;
}

#endif
