#include "identity/envelope.h"

#include "base/assert.h"
#include "format/protobuf.h"
#include "format/varint.h"
#include "lp2p/error.h"

/* Fields of the Envelope message; 4 is not in use. */
enum {
    FIELD_KEY = 1,
    FIELD_TYPE = 2,
    FIELD_PAYLOAD = 3,
    FIELD_SIG = 5,
};

/* Fields of PeerRecord, and of the AddressInfo inside it. */
enum {
    FIELD_PEER_ID = 1,
    FIELD_SEQ = 2,
    FIELD_ADDRESSES = 3,
    FIELD_MULTIADDR = 1,
};

int lp2p_envelope_decode(struct lp2p_span pb, struct lp2p_envelope *ret)
{
    if (pb.n > LP2P_ENVELOPE_MAX) {
        return -LP2P_E_TOO_LONG;
    }
    struct lp2p_span part[FIELD_SIG + 1] = {{.n = 0}};
    struct lp2p_pb_reader r = lp2p_pb_reader(pb);
    struct lp2p_pb_field f;
    while (lp2p_pb_next(&r, &f)) {
        if (f.num <= FIELD_SIG && f.num != 4) {
            LP2P_TRY(lp2p_pb_field_bytes(&f, &part[f.num]));
        }
    }
    LP2P_TRY(lp2p_pb_end(&r));
    if (part[FIELD_TYPE].n == 0) {
        return -LP2P_E_DECODE;
    }
    LP2P_TRY(lp2p_public_key_decode(part[FIELD_KEY], &ret->key));
    ret->payload_type = part[FIELD_TYPE];
    ret->payload = part[FIELD_PAYLOAD];
    ret->sig = part[FIELD_SIG];
    return 0;
}

/* The bytes that are signed: domain, type and payload, each behind its length. */
static int append_signed(struct lp2p_buf *b, const struct lp2p_envelope_content *c)
{
    const struct lp2p_span parts[] = {c->domain, c->payload_type, c->payload};
    for (size_t i = 0; i < LP2P_COUNT(parts); i++) {
        uint8_t len[LP2P_UVARINT_SIZE];
        size_t n = lp2p_uvarint_put(len, parts[i].n);
        LP2P_TRY(lp2p_buf_append(b, len, n));
        LP2P_TRY(lp2p_buf_append(b, parts[i].p, parts[i].n));
    }
    return 0;
}

/* Room for what is signed in an envelope of the greatest length: a domain more. */
#define SIGNED_MAX (2U * LP2P_ENVELOPE_MAX)

int lp2p_envelope_verify(const struct lp2p_mem *mem, const struct lp2p_crypto *crypto,
                         const struct lp2p_envelope *env, struct lp2p_span domain)
{
    const struct lp2p_envelope_content content = {
        .domain = domain, .payload_type = env->payload_type, .payload = env->payload};
    struct lp2p_buf msg;
    lp2p_buf_init(&msg, mem, SIGNED_MAX);
    int err = append_signed(&msg, &content);
    if (err == 0) {
        err = lp2p_public_key_verify(crypto, &env->key, lp2p_buf_span(&msg), env->sig);
    }
    lp2p_buf_fini(&msg);
    return err;
}

static int write_envelope(const struct lp2p_identity *id,
                          const struct lp2p_envelope_content *content, struct lp2p_span sig,
                          struct lp2p_buf *out)
{
    struct lp2p_pb_writer w = lp2p_pb_writer_buf(out);
    lp2p_pb_put_bytes(&w, FIELD_KEY, lp2p_span(id->public_pb, sizeof(id->public_pb)));
    lp2p_pb_put_bytes(&w, FIELD_TYPE, content->payload_type);
    lp2p_pb_put_bytes(&w, FIELD_PAYLOAD, content->payload);
    lp2p_pb_put_bytes(&w, FIELD_SIG, sig);
    size_t len;
    return lp2p_pb_finish(&w, &len);
}

int lp2p_envelope_seal(const struct lp2p_crypto *crypto, const struct lp2p_identity *id,
                       const struct lp2p_envelope_content *content, struct lp2p_buf *out)
{
    LP2P_ASSERT(content->domain.n > 0 && content->payload_type.n > 0);
    size_t size = lp2p_pb_size_bytes(FIELD_KEY, sizeof(id->public_pb)) +
                  lp2p_pb_size_bytes(FIELD_TYPE, content->payload_type.n) +
                  lp2p_pb_size_bytes(FIELD_PAYLOAD, content->payload.n) +
                  lp2p_pb_size_bytes(FIELD_SIG, LP2P_ED25519_SIG_SIZE);
    if (size > LP2P_ENVELOPE_MAX) {
        return -LP2P_E_TOO_LONG;
    }
    uint8_t sig[LP2P_ED25519_SIG_SIZE];
    struct lp2p_buf msg;
    lp2p_buf_init(&msg, out->mem, SIGNED_MAX);
    int err = append_signed(&msg, content);
    if (err == 0) {
        err = lp2p_identity_sign(crypto, id, lp2p_buf_span(&msg), sig);
    }
    lp2p_buf_fini(&msg);
    return err != 0 ? err : write_envelope(id, content, lp2p_span(sig, sizeof(sig)), out);
}

/* ---- peer record ---- */

/* The multiaddr of an AddressInfo. */
static int record_add_addr(struct lp2p_peer_record *rec, struct lp2p_span info)
{
    struct lp2p_span addr = {.n = 0};
    struct lp2p_pb_reader r = lp2p_pb_reader(info);
    struct lp2p_pb_field f;
    while (lp2p_pb_next(&r, &f)) {
        if (f.num == FIELD_MULTIADDR) {
            LP2P_TRY(lp2p_pb_field_bytes(&f, &addr));
        }
    }
    LP2P_TRY(lp2p_pb_end(&r));
    if (addr.n == 0) {
        return 0;
    }
    if (rec->n_addrs == LP2P_PEER_RECORD_ADDRS_MAX) {
        rec->dropped++;
        return 0;
    }
    rec->addrs[rec->n_addrs++] = addr;
    return 0;
}

/* `ret_id` gets the bytes of the id it speaks of; whether they are one shows when they are compared
 * with the signer's. */
static int record_decode(struct lp2p_span pb, struct lp2p_peer_record *rec,
                         struct lp2p_span *ret_id)
{
    struct lp2p_span id = {.n = 0};
    struct lp2p_span info;
    struct lp2p_pb_reader r = lp2p_pb_reader(pb);
    struct lp2p_pb_field f;
    while (lp2p_pb_next(&r, &f)) {
        if (f.num == FIELD_PEER_ID) {
            LP2P_TRY(lp2p_pb_field_bytes(&f, &id));
        } else if (f.num == FIELD_SEQ) {
            LP2P_TRY(lp2p_pb_field_u64(&f, &rec->seq));
        } else if (f.num == FIELD_ADDRESSES) {
            LP2P_TRY(lp2p_pb_field_bytes(&f, &info));
            LP2P_TRY(record_add_addr(rec, info));
        }
    }
    LP2P_TRY(lp2p_pb_end(&r));
    *ret_id = id;
    return 0;
}

/* The domain that goes with a type; empty when it is no peer record. */
static struct lp2p_span record_domain(struct lp2p_span type)
{
    if (lp2p_span_eq(type, lp2p_span_str(LP2P_PEER_RECORD_TYPE))) {
        return lp2p_span_str(LP2P_PEER_RECORD_DOMAIN);
    }
    if (lp2p_span_eq(type, lp2p_span_str(LP2P_PEER_RECORD_RFC_TYPE))) {
        return lp2p_span_str(LP2P_PEER_RECORD_RFC_DOMAIN);
    }
    return lp2p_span(NULL, 0);
}

/* Everything but the signature. */
static int record_open(const struct lp2p_crypto *crypto, struct lp2p_span pb,
                       const struct lp2p_peer_id *expected, struct lp2p_envelope *env,
                       struct lp2p_peer_record *ret)
{
    struct lp2p_peer_record rec = {.seq = 0};
    struct lp2p_span id;
    LP2P_TRY(lp2p_envelope_decode(pb, env));
    if (record_domain(env->payload_type).n == 0) {
        return -LP2P_E_UNSUPPORTED;
    }
    LP2P_TRY(record_decode(env->payload, &rec, &id));
    LP2P_TRY(lp2p_public_key_peer_id(crypto, &env->key, &rec.id));
    if (!lp2p_span_eq(id, lp2p_span(rec.id.bytes, rec.id.len)) ||
        (expected != NULL && !lp2p_peer_id_eq(&rec.id, expected))) {
        return -LP2P_E_PEER_ID;
    }
    *ret = rec;
    return 0;
}

int lp2p_peer_record_read(const struct lp2p_crypto *crypto, struct lp2p_span pb,
                          const struct lp2p_peer_id *expected, struct lp2p_peer_record *ret)
{
    LP2P_ASSERT(expected != NULL);
    struct lp2p_envelope env;
    return record_open(crypto, pb, expected, &env, ret);
}

int lp2p_peer_record_open(const struct lp2p_mem *mem, const struct lp2p_crypto *crypto,
                          struct lp2p_span pb, const struct lp2p_peer_id *expected,
                          struct lp2p_peer_record *ret)
{
    struct lp2p_envelope env;
    struct lp2p_peer_record rec;
    LP2P_TRY(record_open(crypto, pb, expected, &env, &rec));
    LP2P_TRY(lp2p_envelope_verify(mem, crypto, &env, record_domain(env.payload_type)));
    *ret = rec;
    return 0;
}

static int record_write(const struct lp2p_identity *id, const struct lp2p_peer_record *rec,
                        struct lp2p_buf *out)
{
    struct lp2p_pb_writer w = lp2p_pb_writer_buf(out);
    lp2p_pb_put_bytes(&w, FIELD_PEER_ID, lp2p_span(id->id.bytes, id->id.len));
    lp2p_pb_put_u64(&w, FIELD_SEQ, rec->seq);
    for (size_t i = 0; i < rec->n_addrs; i++) {
        size_t size = lp2p_pb_size_bytes(FIELD_MULTIADDR, rec->addrs[i].n);
        struct lp2p_pb_mark mark = lp2p_pb_begin(&w, FIELD_ADDRESSES, size);
        lp2p_pb_put_bytes(&w, FIELD_MULTIADDR, rec->addrs[i]);
        lp2p_pb_end_message(&w, mark);
    }
    size_t len;
    return lp2p_pb_finish(&w, &len);
}

int lp2p_peer_record_seal(const struct lp2p_crypto *crypto, const struct lp2p_identity *id,
                          const struct lp2p_peer_record *record, struct lp2p_buf *out)
{
    LP2P_ASSERT(record->n_addrs <= LP2P_PEER_RECORD_ADDRS_MAX);
    struct lp2p_buf payload;
    lp2p_buf_init(&payload, out->mem, SIGNED_MAX);
    int err = record_write(id, record, &payload);
    if (err == 0) {
        const struct lp2p_envelope_content content = {
            .domain = lp2p_span_str(LP2P_PEER_RECORD_DOMAIN),
            .payload_type = lp2p_span_str(LP2P_PEER_RECORD_TYPE),
            .payload = lp2p_buf_span(&payload)};
        err = lp2p_envelope_seal(crypto, id, &content, out);
    }
    lp2p_buf_fini(&payload);
    return err == -LP2P_E_LIMIT ? -LP2P_E_TOO_LONG : err;
}
