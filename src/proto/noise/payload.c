#include "proto/noise/payload.h"

#include "base/assert.h"
#include "format/protobuf.h"
#include "lp2p/error.h"
#include "proto/noise/noise.h"

/* What the identity key signs is this and the static public key. */
#define STATIC_PREFIX   "noise-libp2p-static-key:"
#define STATIC_MSG_SIZE (sizeof(STATIC_PREFIX) - 1 + LP2P_X25519_SIZE)

#define FIELD_IDENTITY_KEY 1U
#define FIELD_IDENTITY_SIG 2U
#define FIELD_EXTENSIONS   4U /* 3 was the old `data` */
#define FIELD_EXT_MUXERS   2U /* 1 has the certificate hashes */

static size_t extensions_size(const struct lp2p_noise_payload *p)
{
    size_t n = 0;
    for (size_t i = 0; i < p->n_muxers; i++) {
        n += lp2p_pb_size_bytes(FIELD_EXT_MUXERS, p->muxers[i].n);
    }
    return n;
}

size_t lp2p_noise_payload_size(const struct lp2p_noise_payload *p)
{
    size_t n = lp2p_pb_size_bytes(FIELD_IDENTITY_KEY, p->identity_key.n) +
               lp2p_pb_size_bytes(FIELD_IDENTITY_SIG, p->identity_sig.n);
    return p->n_muxers == 0 ? n : n + lp2p_pb_size_bytes(FIELD_EXTENSIONS, extensions_size(p));
}

void lp2p_noise_payload_encode(const struct lp2p_noise_payload *p, uint8_t *out)
{
    size_t size = lp2p_noise_payload_size(p);
    struct lp2p_pb_writer w = lp2p_pb_writer_fixed(out, size);
    lp2p_pb_put_bytes(&w, FIELD_IDENTITY_KEY, p->identity_key);
    lp2p_pb_put_bytes(&w, FIELD_IDENTITY_SIG, p->identity_sig);
    if (p->n_muxers > 0) {
        struct lp2p_pb_mark mark = lp2p_pb_begin(&w, FIELD_EXTENSIONS, extensions_size(p));
        for (size_t i = 0; i < p->n_muxers; i++) {
            lp2p_pb_put_bytes(&w, FIELD_EXT_MUXERS, p->muxers[i]);
        }
        lp2p_pb_end_message(&w, mark);
    }
    size_t len = 0;
    int err = lp2p_pb_finish(&w, &len);
    LP2P_ASSERT(err == 0 && len == size);
}

/* Adds to what is there: a message that comes twice is merged. */
static int decode_extensions(struct lp2p_span pb, struct lp2p_span *muxers, size_t *n)
{
    struct lp2p_pb_reader r = lp2p_pb_reader(pb);
    struct lp2p_pb_field f;
    while (lp2p_pb_next(&r, &f)) {
        if (f.num != FIELD_EXT_MUXERS) {
            continue;
        }
        struct lp2p_span name;
        LP2P_TRY(lp2p_pb_field_bytes(&f, &name));
        if (*n < LP2P_NOISE_MUXERS_MAX) {
            muxers[*n] = name;
        }
        (*n)++;
    }
    return lp2p_pb_end(&r);
}

static int decode_field(const struct lp2p_pb_field *f, struct lp2p_span *muxers,
                        struct lp2p_noise_payload *p)
{
    struct lp2p_span ext;
    switch (f->num) {
    case FIELD_IDENTITY_KEY:
        return lp2p_pb_field_bytes(f, &p->identity_key);
    case FIELD_IDENTITY_SIG:
        return lp2p_pb_field_bytes(f, &p->identity_sig);
    case FIELD_EXTENSIONS:
        LP2P_TRY(lp2p_pb_field_bytes(f, &ext));
        return decode_extensions(ext, muxers, &p->n_muxers);
    default:
        return 0;
    }
}

int lp2p_noise_payload_decode(struct lp2p_span pb, struct lp2p_span *muxers,
                              struct lp2p_noise_payload *ret)
{
    struct lp2p_noise_payload p = {.muxers = muxers};
    struct lp2p_pb_reader r = lp2p_pb_reader(pb);
    struct lp2p_pb_field f;
    while (lp2p_pb_next(&r, &f)) {
        LP2P_TRY(decode_field(&f, muxers, &p));
    }
    LP2P_TRY(lp2p_pb_end(&r));
    if (p.n_muxers > LP2P_NOISE_MUXERS_MAX) {
        p.n_muxers = 0;
    }
    *ret = p;
    return 0;
}

static void static_message(const uint8_t s_public[LP2P_SIZE(32)],
                           uint8_t msg[LP2P_SIZE(STATIC_MSG_SIZE)])
{
    memcpy(msg, STATIC_PREFIX, sizeof(STATIC_PREFIX) - 1);
    memcpy(msg + sizeof(STATIC_PREFIX) - 1, s_public, LP2P_X25519_SIZE);
}

int lp2p_noise_static_sign(const struct lp2p_crypto *crypto, const struct lp2p_identity *id,
                           const uint8_t s_public[LP2P_SIZE(32)], uint8_t ret_sig[LP2P_SIZE(64)])
{
    uint8_t msg[STATIC_MSG_SIZE];
    static_message(s_public, msg);
    return lp2p_identity_sign(crypto, id, lp2p_span(msg, sizeof(msg)), ret_sig);
}

int lp2p_noise_payload_verify(const struct lp2p_noise_payload *p, const struct lp2p_crypto *crypto,
                              const uint8_t rs[LP2P_SIZE(32)], struct lp2p_peer_id *ret_peer)
{
    uint8_t msg[STATIC_MSG_SIZE];
    static_message(rs, msg);
    struct lp2p_public_key key;
    LP2P_TRY(lp2p_public_key_decode(p->identity_key, &key));
    LP2P_TRY(lp2p_public_key_verify(crypto, &key, lp2p_span(msg, sizeof(msg)), p->identity_sig));
    return lp2p_public_key_peer_id(crypto, &key, ret_peer);
}
