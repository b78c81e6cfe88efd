#include "identity/key.h"

#include "base/assert.h"
#include "crypto/der.h"
#include "format/multihash.h"
#include "format/protobuf.h"
#include "lp2p/error.h"

#define KEY_FIELD_TYPE 1U
#define KEY_FIELD_DATA 2U

#define ED25519_SIZE 32U

_Static_assert(LP2P_PUBLIC_KEY_ED25519_PB_SIZE == 4 + ED25519_SIZE, "PublicKey message");
_Static_assert(LP2P_PRIVATE_KEY_ED25519_PB_SIZE == 4 + 2 * ED25519_SIZE, "PrivateKey message");

/* PublicKey and PrivateKey are the same message: type and data, both required. */
static int key_read(struct lp2p_span pb, uint64_t *ret_type, struct lp2p_span *ret_data)
{
    struct lp2p_pb_reader r = lp2p_pb_reader(pb);
    struct lp2p_pb_field f;
    bool has_type = false;
    bool has_data = false;
    while (lp2p_pb_next(&r, &f)) {
        if (f.num == KEY_FIELD_TYPE) {
            LP2P_TRY(lp2p_pb_field_u64(&f, ret_type));
            has_type = true;
        } else if (f.num == KEY_FIELD_DATA) {
            LP2P_TRY(lp2p_pb_field_bytes(&f, ret_data));
            has_data = true;
        }
    }
    LP2P_TRY(lp2p_pb_end(&r));
    return has_type && has_data ? 0 : -LP2P_E_DECODE;
}

/* What is inside the DER is judged when a signature is verified. */
static bool key_data_fits(enum lp2p_key_type type, struct lp2p_span data)
{
    switch (type) {
    case LP2P_KEY_ED25519:
        return data.n == ED25519_SIZE;
    case LP2P_KEY_SECP256K1:
        return data.n == LP2P_SECP256K1_SIZE && (data.p[0] == 2 || data.p[0] == 3);
    case LP2P_KEY_RSA:
    case LP2P_KEY_ECDSA:
        return data.n <= LP2P_KEY_DATA_MAX && lp2p_der_is_sequence(data);
    }
    return false;
}

int lp2p_public_key_decode(struct lp2p_span pb, struct lp2p_public_key *ret)
{
    uint64_t type;
    struct lp2p_span data;
    LP2P_TRY(key_read(pb, &type, &data));
    if (type > LP2P_KEY_ECDSA) {
        return -LP2P_E_UNSUPPORTED;
    }
    if (!key_data_fits((enum lp2p_key_type)type, data)) {
        return -LP2P_E_DECODE;
    }
    ret->type = (enum lp2p_key_type)type;
    ret->len = (uint16_t)data.n;
    memcpy(ret->data, data.p, data.n);
    return 0;
}

/* Type (also RSA's 0: the field is required) and data; the room was made for it. */
static size_t key_write(uint64_t type, struct lp2p_span data, uint8_t *pb, size_t size)
{
    struct lp2p_pb_writer w = lp2p_pb_writer_fixed(pb, size);
    lp2p_pb_put_u64(&w, KEY_FIELD_TYPE, type);
    lp2p_pb_put_bytes(&w, KEY_FIELD_DATA, data);
    size_t len = 0;
    int err = lp2p_pb_finish(&w, &len);
    LP2P_ASSERT(err == 0);
    return len;
}

size_t lp2p_public_key_encode(const struct lp2p_public_key *key,
                              uint8_t pb[static LP2P_PUBLIC_KEY_PB_MAX])
{
    return key_write(key->type, lp2p_span(key->data, key->len), pb, LP2P_PUBLIC_KEY_PB_MAX);
}

/* The id of an encoded key: the key itself up to 42 bytes, else its SHA-256. */
static int key_pb_peer_id(const struct lp2p_crypto *crypto, struct lp2p_span pb,
                          struct lp2p_peer_id *ret)
{
    uint8_t hash[LP2P_HASH_SIZE];
    struct lp2p_multihash mh = {.code = LP2P_MULTIHASH_IDENTITY, .digest = pb};
    if (pb.n > LP2P_MULTIHASH_MAX_INLINE) {
        LP2P_TRY(crypto->ops->sha256(crypto->ctx, &pb, 1, hash));
        mh.code = LP2P_MULTIHASH_SHA2_256;
        mh.digest = lp2p_span(hash, sizeof(hash));
    }
    struct lp2p_peer_id id = {.len = 0};
    size_t len = 0;
    struct lp2p_mspan room = {.p = id.bytes, .n = sizeof(id.bytes)};
    int err = lp2p_multihash_encode(&mh, room, &len);
    LP2P_ASSERT(err == 0);
    id.len = (uint8_t)len;
    *ret = id;
    return 0;
}

int lp2p_public_key_peer_id(const struct lp2p_crypto *crypto, const struct lp2p_public_key *key,
                            struct lp2p_peer_id *ret)
{
    uint8_t pb[LP2P_PUBLIC_KEY_PB_MAX];
    size_t n = lp2p_public_key_encode(key, pb);
    return key_pb_peer_id(crypto, lp2p_span(pb, n), ret);
}

int lp2p_public_key_of_peer_id(const struct lp2p_peer_id *id, struct lp2p_public_key *ret)
{
    struct lp2p_multihash mh;
    if (lp2p_multihash_decode(lp2p_span(id->bytes, id->len), &mh) != 0 ||
        mh.code != LP2P_MULTIHASH_IDENTITY) {
        return -LP2P_E_NOT_FOUND;
    }
    return lp2p_public_key_decode(mh.digest, ret) == 0 ? 0 : -LP2P_E_NOT_FOUND;
}

int lp2p_public_key_verify(const struct lp2p_crypto *crypto, const struct lp2p_public_key *key,
                           struct lp2p_span msg, struct lp2p_span sig)
{
    const struct lp2p_crypto_ops *ops = crypto->ops;
    switch (key->type) {
    case LP2P_KEY_ED25519:
        return ops->ed25519_verify(crypto->ctx, key->data, msg, sig);
    case LP2P_KEY_SECP256K1:
        return ops->secp256k1_verify(crypto->ctx, key->data, msg, sig);
    case LP2P_KEY_RSA:
        return ops->rsa_verify(crypto->ctx, lp2p_span(key->data, key->len), msg, sig);
    case LP2P_KEY_ECDSA:
        return ops->p256_verify(crypto->ctx, lp2p_span(key->data, key->len), msg, sig);
    }
    return -LP2P_E_UNSUPPORTED;
}

int lp2p_identity_from_seed(const struct lp2p_crypto *crypto, const uint8_t seed[static 32],
                            struct lp2p_identity *ret)
{
    struct lp2p_identity id;
    LP2P_TRY(crypto->ops->ed25519_public(crypto->ctx, seed, id.public_key));
    key_write(LP2P_KEY_ED25519, lp2p_span(id.public_key, ED25519_SIZE), id.public_pb,
              sizeof(id.public_pb));
    LP2P_TRY(key_pb_peer_id(crypto, lp2p_span(id.public_pb, sizeof(id.public_pb)), &id.id));
    *ret = id;
    memcpy(ret->seed, seed, sizeof(ret->seed));
    return 0;
}

int lp2p_identity_decode(const struct lp2p_crypto *crypto, struct lp2p_span pb,
                         struct lp2p_identity *ret)
{
    uint64_t type;
    struct lp2p_span data;
    LP2P_TRY(key_read(pb, &type, &data));
    if (type != LP2P_KEY_ED25519) {
        return -LP2P_E_UNSUPPORTED;
    }
    if (data.n != 2 * ED25519_SIZE && data.n != 3 * ED25519_SIZE) {
        return -LP2P_E_DECODE;
    }
    struct lp2p_identity id;
    int err = lp2p_identity_from_seed(crypto, data.p, &id);
    for (size_t at = ED25519_SIZE; err == 0 && at < data.n; at += ED25519_SIZE) {
        err = memcmp(data.p + at, id.public_key, ED25519_SIZE) == 0 ? 0 : -LP2P_E_AUTH;
    }
    if (err == 0) {
        *ret = id;
    }
    lp2p_identity_wipe(&id);
    return err;
}

void lp2p_identity_encode(const struct lp2p_identity *id,
                          uint8_t pb[static LP2P_PRIVATE_KEY_ED25519_PB_SIZE])
{
    uint8_t data[2 * ED25519_SIZE];
    memcpy(data, id->seed, ED25519_SIZE);
    memcpy(data + ED25519_SIZE, id->public_key, ED25519_SIZE);
    size_t n = key_write(LP2P_KEY_ED25519, lp2p_span(data, sizeof(data)), pb,
                         LP2P_PRIVATE_KEY_ED25519_PB_SIZE);
    LP2P_ASSERT(n == LP2P_PRIVATE_KEY_ED25519_PB_SIZE);
    lp2p_wipe(data, sizeof(data));
}

int lp2p_identity_sign(const struct lp2p_crypto *crypto, const struct lp2p_identity *id,
                       struct lp2p_span msg, uint8_t sig[static 64])
{
    return crypto->ops->ed25519_sign(crypto->ctx, id->seed, msg, sig);
}

void lp2p_identity_wipe(struct lp2p_identity *id)
{
    lp2p_wipe(id, sizeof(*id));
}
