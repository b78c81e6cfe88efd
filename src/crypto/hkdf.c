/* HKDF-SHA256 (RFC 5869) with empty info, as the Noise specification 4.3 writes it. */
#include "crypto/crypto.h"

#include "base/assert.h"

static int expand(const struct lp2p_crypto *c, const uint8_t temp[LP2P_SIZE(32)],
                  uint8_t (*out)[32], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint8_t count = (uint8_t)(i + 1);
        const struct lp2p_span parts[] = {
            lp2p_span(i == 0 ? NULL : out[i - 1], i == 0 ? 0 : LP2P_HASH_SIZE),
            lp2p_span(&count, 1),
        };
        LP2P_TRY(c->ops->hmac_sha256(c->ctx, lp2p_span(temp, LP2P_HASH_SIZE), parts,
                                     LP2P_COUNT(parts), out[i]));
    }
    return 0;
}

int lp2p_hkdf(const struct lp2p_crypto *c, const uint8_t ck[LP2P_SIZE(32)], struct lp2p_span ikm,
              uint8_t (*out)[32], size_t n)
{
    LP2P_ASSERT(n > 0 && n <= LP2P_HKDF_MAX);
    uint8_t temp[LP2P_HASH_SIZE];
    uint8_t result[LP2P_HKDF_MAX][32];
    int err = c->ops->hmac_sha256(c->ctx, lp2p_span(ck, LP2P_HASH_SIZE), &ikm, 1, temp);
    if (err == 0) {
        err = expand(c, temp, result, n);
    }
    if (err == 0) {
        memcpy(out, result, n * sizeof(result[0])); /* `ck` may be one of them */
    }
    lp2p_wipe(temp, sizeof(temp));
    lp2p_wipe(result, sizeof(result));
    return err;
}
