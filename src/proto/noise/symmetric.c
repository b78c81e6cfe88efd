#include "proto/noise/symmetric.h"

#include "base/assert.h"
#include "base/cursor.h"
#include "lp2p/error.h"

void lp2p_noise_nonce(uint64_t n, uint8_t nonce[LP2P_SIZE(12)])
{
    memset(nonce, 0, 4);
    lp2p_put_le64(nonce + 4, n);
}

/* H(h || data); `out` may be s->h. */
static int next_hash(const struct lp2p_noise_symmetric *s, struct lp2p_span data,
                     uint8_t out[LP2P_SIZE(32)])
{
    const struct lp2p_span parts[] = {lp2p_span(s->h, sizeof(s->h)), data};
    return s->crypto->ops->sha256(s->crypto->ctx, parts, LP2P_COUNT(parts), out);
}

int lp2p_noise_mix_hash(struct lp2p_noise_symmetric *s, struct lp2p_span data)
{
    return next_hash(s, data, s->h);
}

int lp2p_noise_sym_init(struct lp2p_noise_symmetric *s, const struct lp2p_crypto *crypto,
                        const char name[LP2P_SIZE(32)], struct lp2p_span prologue)
{
    *s = (struct lp2p_noise_symmetric){.crypto = crypto};
    memcpy(s->h, name, sizeof(s->h));
    memcpy(s->ck, s->h, sizeof(s->ck));
    return lp2p_noise_mix_hash(s, prologue);
}

int lp2p_noise_mix_key(struct lp2p_noise_symmetric *s, const uint8_t secret[LP2P_SIZE(32)])
{
    uint8_t out[2][32];
    int err = lp2p_hkdf(s->crypto, s->ck, lp2p_span(secret, LP2P_X25519_SIZE), out, 2);
    if (err == 0) {
        memcpy(s->ck, out[0], sizeof(s->ck));
        memcpy(s->k, out[1], sizeof(s->k));
        s->n = 0;
        s->has_key = true;
    }
    lp2p_wipe(out, sizeof(out));
    return err;
}

size_t lp2p_noise_sym_overhead(const struct lp2p_noise_symmetric *s)
{
    return s->has_key ? LP2P_AEAD_TAG_SIZE : 0;
}

static int seal(const struct lp2p_noise_symmetric *s, struct lp2p_span in, uint8_t *out)
{
    const struct lp2p_crypto *c = s->crypto;
    uint8_t nonce[LP2P_AEAD_NONCE_SIZE];
    lp2p_noise_nonce(s->n, nonce);
    LP2P_TRY(c->ops->seal_begin(c->ctx, s->k, nonce, lp2p_span(s->h, sizeof(s->h))));
    int err = c->ops->seal_more(c->ctx, out, in.p, in.n);
    int end = c->ops->seal_end(c->ctx,
                               out + in.n); /* also after a failure: it closes the message */
    return err != 0 ? err : end;
}

int lp2p_noise_encrypt_and_hash(struct lp2p_noise_symmetric *s, struct lp2p_span in, uint8_t *out)
{
    if (!s->has_key) {
        if (in.n > 0) {
            memmove(out, in.p, in.n);
        }
        return lp2p_noise_mix_hash(s, lp2p_span(out, in.n));
    }
    if (s->n == LP2P_NOISE_NONCE_END) {
        return -LP2P_E_LIMIT;
    }
    LP2P_TRY(seal(s, in, out));
    LP2P_TRY(lp2p_noise_mix_hash(s, lp2p_span(out, in.n + LP2P_AEAD_TAG_SIZE)));
    s->n++;
    return 0;
}

int lp2p_noise_decrypt_and_hash(struct lp2p_noise_symmetric *s, struct lp2p_mspan data,
                                struct lp2p_span *ret)
{
    uint8_t h[LP2P_HASH_SIZE]; /* over the ciphertext, which decryption overwrites */
    LP2P_TRY(next_hash(s, lp2p_span(data.p, data.n), h));
    size_t overhead = lp2p_noise_sym_overhead(s);
    if (s->has_key) {
        if (s->n == LP2P_NOISE_NONCE_END) {
            return -LP2P_E_LIMIT;
        }
        uint8_t nonce[LP2P_AEAD_NONCE_SIZE];
        lp2p_noise_nonce(s->n, nonce);
        LP2P_TRY(
            s->crypto->ops->open(s->crypto->ctx, s->k, nonce, lp2p_span(s->h, sizeof(s->h)), data));
        s->n++;
    }
    memcpy(s->h, h, sizeof(s->h));
    *ret = lp2p_span(data.p, data.n - overhead);
    return 0;
}

int lp2p_noise_split(const struct lp2p_noise_symmetric *s, uint8_t k1[LP2P_SIZE(32)],
                     uint8_t k2[LP2P_SIZE(32)])
{
    uint8_t out[2][32];
    int err = lp2p_hkdf(s->crypto, s->ck, lp2p_span(NULL, 0), out, 2);
    if (err == 0) {
        memcpy(k1, out[0], sizeof(out[0]));
        memcpy(k2, out[1], sizeof(out[1]));
    }
    lp2p_wipe(out, sizeof(out));
    return err;
}
