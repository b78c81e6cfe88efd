/* SipHash-2-4, and the keyed hasher of maps whose keys peers choose. */
#include "crypto/crypto_priv.h"

#include <sodium.h>

_Static_assert(crypto_shorthash_KEYBYTES == 16, "SipHash key");
_Static_assert(crypto_shorthash_BYTES == 8, "SipHash result");

uint64_t lp2p_real_siphash(const uint8_t key[LP2P_SIZE(16)], struct lp2p_span data)
{
    uint8_t out[crypto_shorthash_BYTES];
    (void)crypto_shorthash(out, data.p, data.n, key); /* cannot fail */
    uint64_t v = 0;
    for (size_t i = sizeof(out); i > 0; i--) {
        v = v << 8 | out[i - 1];
    }
    return v;
}

void lp2p_hash_key_init(struct lp2p_hash_key *k, const struct lp2p_crypto *c,
                        const struct lp2p_random *random)
{
    k->crypto = c;
    lp2p_random_fill(random, k->key, sizeof(k->key));
}

static uint64_t hash_of_key(const void *ctx, struct lp2p_span key)
{
    const struct lp2p_hash_key *k = ctx;
    return k->crypto->ops->siphash(k->key, key);
}

struct lp2p_hasher lp2p_hasher(const struct lp2p_hash_key *k)
{
    return (struct lp2p_hasher){.ctx = k, .hash = hash_of_key};
}
