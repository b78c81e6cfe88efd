#include "proto/noise/handshake.h"

#include "base/assert.h"
#include "base/mem.h"

static const char protocol_name[] = "Noise_XX_25519_ChaChaPoly_SHA256";
_Static_assert(sizeof(protocol_name) - 1 == 32, "longer names are hashed");

int lp2p_noise_hs_init(struct lp2p_noise_handshake *hs, const struct lp2p_crypto *crypto,
                       const struct lp2p_random *random, const uint8_t s_public[LP2P_SIZE(32)],
                       struct lp2p_span prologue)
{
    *hs = (struct lp2p_noise_handshake){.random = random};
    memcpy(hs->s_public, s_public, sizeof(hs->s_public));
    return lp2p_noise_sym_init(&hs->sym, crypto, protocol_name, prologue);
}

/* Token e, written: a fresh key. */
static int make_e(struct lp2p_noise_handshake *hs)
{
    const struct lp2p_crypto *c = hs->sym.crypto;
    lp2p_random_fill(hs->random, hs->e_secret, sizeof(hs->e_secret));
    LP2P_TRY(c->ops->x25519_public(c->ctx, hs->e_secret, hs->e_public));
    return lp2p_noise_mix_hash(&hs->sym, lp2p_span(hs->e_public, sizeof(hs->e_public)));
}

/* Token e, read. */
static int take_e(struct lp2p_noise_handshake *hs, const uint8_t *e)
{
    memcpy(hs->re, e, sizeof(hs->re));
    return lp2p_noise_mix_hash(&hs->sym, lp2p_span(hs->re, sizeof(hs->re)));
}

/* Token s, read. */
static int take_s(struct lp2p_noise_handshake *hs, uint8_t *sealed)
{
    struct lp2p_span s;
    struct lp2p_mspan in = {.p = sealed, .n = LP2P_NOISE_S_SIZE};
    LP2P_TRY(lp2p_noise_decrypt_and_hash(&hs->sym, in, &s));
    memcpy(hs->rs, s.p, sizeof(hs->rs));
    return 0;
}

/* The tokens that need our ephemeral secret: ee with `re`, es or se with `rs`. */
static int mix_dh(struct lp2p_noise_handshake *hs, const uint8_t peer[LP2P_SIZE(32)])
{
    const struct lp2p_crypto *c = hs->sym.crypto;
    uint8_t shared[LP2P_X25519_SIZE];
    LP2P_TRY(c->ops->x25519_shared(c->ctx, hs->e_secret, peer, shared));
    int err = lp2p_noise_mix_key(&hs->sym, shared);
    lp2p_wipe(shared, sizeof(shared));
    return err;
}

static struct lp2p_mspan behind(struct lp2p_mspan msg, size_t n)
{
    return (struct lp2p_mspan){.p = msg.p + n, .n = msg.n - n};
}

int lp2p_noise_write_1(struct lp2p_noise_handshake *hs, struct lp2p_span payload, uint8_t *out)
{
    LP2P_TRY(make_e(hs));
    memcpy(out, hs->e_public, sizeof(hs->e_public));
    return lp2p_noise_encrypt_and_hash(&hs->sym, payload, out + LP2P_NOISE_E_SIZE);
}

int lp2p_noise_read_1(struct lp2p_noise_handshake *hs, struct lp2p_mspan msg,
                      struct lp2p_span *ret_payload)
{
    LP2P_ASSERT(msg.n >= LP2P_NOISE_MSG1_SIZE);
    LP2P_TRY(take_e(hs, msg.p));
    return lp2p_noise_decrypt_and_hash(&hs->sym, behind(msg, LP2P_NOISE_E_SIZE), ret_payload);
}

int lp2p_noise_begin_2(struct lp2p_noise_handshake *hs)
{
    LP2P_TRY(make_e(hs));
    LP2P_TRY(mix_dh(hs, hs->re));
    return lp2p_noise_encrypt_and_hash(&hs->sym, lp2p_span(hs->s_public, sizeof(hs->s_public)),
                                       hs->sealed_s);
}

int lp2p_noise_write_2(struct lp2p_noise_handshake *hs, const uint8_t es[LP2P_SIZE(32)],
                       struct lp2p_span payload, uint8_t *out)
{
    LP2P_TRY(lp2p_noise_mix_key(&hs->sym, es));
    /* The payload first: it may lie in `out`, behind the rest. */
    LP2P_TRY(lp2p_noise_encrypt_and_hash(&hs->sym, payload,
                                         out + LP2P_NOISE_E_SIZE + LP2P_NOISE_S_SIZE));
    memcpy(out, hs->e_public, sizeof(hs->e_public));
    memcpy(out + LP2P_NOISE_E_SIZE, hs->sealed_s, sizeof(hs->sealed_s));
    return 0;
}

int lp2p_noise_read_2(struct lp2p_noise_handshake *hs, struct lp2p_mspan msg,
                      struct lp2p_span *ret_payload)
{
    LP2P_ASSERT(msg.n >= LP2P_NOISE_MSG2_SIZE);
    LP2P_TRY(take_e(hs, msg.p));
    LP2P_TRY(mix_dh(hs, hs->re));
    LP2P_TRY(take_s(hs, msg.p + LP2P_NOISE_E_SIZE));
    LP2P_TRY(mix_dh(hs, hs->rs));
    return lp2p_noise_decrypt_and_hash(&hs->sym, behind(msg, LP2P_NOISE_E_SIZE + LP2P_NOISE_S_SIZE),
                                       ret_payload);
}

int lp2p_noise_write_3(struct lp2p_noise_handshake *hs, const uint8_t se[LP2P_SIZE(32)],
                       struct lp2p_span payload, uint8_t *out)
{
    LP2P_TRY(
        lp2p_noise_encrypt_and_hash(&hs->sym, lp2p_span(hs->s_public, sizeof(hs->s_public)), out));
    LP2P_TRY(lp2p_noise_mix_key(&hs->sym, se));
    return lp2p_noise_encrypt_and_hash(&hs->sym, payload, out + LP2P_NOISE_S_SIZE);
}

int lp2p_noise_read_3(struct lp2p_noise_handshake *hs, struct lp2p_mspan msg,
                      struct lp2p_span *ret_payload)
{
    LP2P_ASSERT(msg.n >= LP2P_NOISE_MSG3_SIZE);
    LP2P_TRY(take_s(hs, msg.p));
    LP2P_TRY(mix_dh(hs, hs->rs));
    return lp2p_noise_decrypt_and_hash(&hs->sym, behind(msg, LP2P_NOISE_S_SIZE), ret_payload);
}
