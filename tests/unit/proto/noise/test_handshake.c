#include "proto/noise/handshake.h"

#include "base/assert.h"
#include "lp2p/error.h"
#include "harness/vectors.h"

#include "cmocka_all.h"

/* Hands out one given key: the ephemeral of the vector. */
static void given_key(void *ctx, uint8_t *p, size_t n)
{
    assert_int_equal(n, 32);
    memcpy(p, ctx, n);
}

struct end {
    uint8_t s_secret[32];
    uint8_t e_secret[32];
    struct lp2p_random random;
    struct lp2p_noise_handshake hs;
};

struct message {
    uint8_t payload[64];
    size_t payload_len;
    uint8_t cipher[256];
    size_t cipher_len;
};

struct vector {
    uint8_t prologue[64];
    size_t prologue_len;
    uint8_t hash[32];
    struct end init;
    struct end resp;
    struct message msg[6];
};

static size_t value(struct vectors *v, const char *name, uint8_t *ret, size_t size)
{
    assert_true(vectors_next(v, 2));
    assert_string_equal(v->col[0], name);
    return vectors_hex(v->col[1], ret, size);
}

static void read_vector(struct vector *vec)
{
    struct vectors v;
    vectors_open(&v, "noise_xx.txt");
    vec->prologue_len = value(&v, "prologue", vec->prologue, sizeof(vec->prologue));
    value(&v, "init_static", vec->init.s_secret, 32);
    value(&v, "init_ephemeral", vec->init.e_secret, 32);
    value(&v, "resp_static", vec->resp.s_secret, 32);
    value(&v, "resp_ephemeral", vec->resp.e_secret, 32);
    assert_int_equal(value(&v, "handshake_hash", vec->hash, 32), 32);
    for (size_t i = 0; i < LP2P_COUNT(vec->msg); i++) {
        struct message *m = &vec->msg[i];
        m->payload_len = value(&v, "payload", m->payload, sizeof(m->payload));
        m->cipher_len = value(&v, "ciphertext", m->cipher, sizeof(m->cipher));
    }
    vectors_close(&v, 18);
}

static struct lp2p_crypto *crypto;

static void start(struct end *e, const struct vector *vec)
{
    uint8_t s_public[32];
    e->random = (struct lp2p_random){.ctx = e->e_secret, .fill = given_key};
    assert_int_equal(crypto->ops->x25519_public(crypto->ctx, e->s_secret, s_public), 0);
    assert_int_equal(lp2p_noise_hs_init(&e->hs, crypto, &e->random, s_public,
                                        lp2p_span(vec->prologue, vec->prologue_len)),
                     0);
}

/* What the owner of the static key answers. */
static void static_dh(const struct end *e, uint8_t shared[32])
{
    assert_int_equal(crypto->ops->x25519_shared(crypto->ctx, e->s_secret, e->hs.re, shared), 0);
}

static void check_payload(struct lp2p_span got, const struct message *m)
{
    assert_true(lp2p_span_eq(got, lp2p_span(m->payload, m->payload_len)));
}

static struct lp2p_span payload_of(const struct message *m)
{
    return lp2p_span(m->payload, m->payload_len);
}

static void shake_hands(struct vector *vec)
{
    struct lp2p_noise_handshake *i = &vec->init.hs;
    struct lp2p_noise_handshake *r = &vec->resp.hs;
    struct message *m = vec->msg;
    struct lp2p_span got;
    uint8_t out[256];
    uint8_t dh[32];
    assert_int_equal(lp2p_noise_write_1(i, payload_of(&m[0]), out), 0);
    assert_memory_equal(out, m[0].cipher, m[0].cipher_len);
    assert_int_equal(lp2p_noise_read_1(r, (struct lp2p_mspan){out, m[0].cipher_len}, &got), 0);
    check_payload(got, &m[0]);

    assert_int_equal(lp2p_noise_begin_2(r), 0);
    static_dh(&vec->resp, dh);
    assert_int_equal(lp2p_noise_write_2(r, dh, payload_of(&m[1]), out), 0);
    assert_memory_equal(out, m[1].cipher, m[1].cipher_len);
    assert_int_equal(lp2p_noise_read_2(i, (struct lp2p_mspan){out, m[1].cipher_len}, &got), 0);
    check_payload(got, &m[1]);
    assert_memory_equal(i->rs, r->s_public, 32);

    static_dh(&vec->init, dh);
    assert_int_equal(lp2p_noise_write_3(i, dh, payload_of(&m[2]), out), 0);
    assert_memory_equal(out, m[2].cipher, m[2].cipher_len);
    assert_int_equal(lp2p_noise_read_3(r, (struct lp2p_mspan){out, m[2].cipher_len}, &got), 0);
    check_payload(got, &m[2]);
    assert_memory_equal(r->rs, i->s_public, 32);
}

/* Messages 4 and 6 go from the responder in the vector's order, 5 from the initiator. */
static void check_transport(const struct message *m, const uint8_t key[32], uint64_t n)
{
    uint8_t nonce[12];
    uint8_t data[256];
    memcpy(data, m->cipher, m->cipher_len);
    lp2p_noise_nonce(n, nonce);
    assert_int_equal(crypto->ops->open(crypto->ctx, key, nonce, lp2p_span(NULL, 0),
                                       (struct lp2p_mspan){data, m->cipher_len}),
                     0);
    assert_memory_equal(data, m->payload, m->payload_len);
}

static void the_public_vector(void **state)
{
    (void)state;
    struct vector vec;
    uint8_t k1[32];
    uint8_t k2[32];
    uint8_t same1[32];
    uint8_t same2[32];
    memset(&vec, 0, sizeof(vec));
    read_vector(&vec);
    start(&vec.init, &vec);
    start(&vec.resp, &vec);
    shake_hands(&vec);
    assert_memory_equal(vec.init.hs.sym.h, vec.hash, 32);
    assert_memory_equal(vec.resp.hs.sym.h, vec.hash, 32);
    assert_int_equal(lp2p_noise_split(&vec.init.hs.sym, k1, k2), 0);
    assert_int_equal(lp2p_noise_split(&vec.resp.hs.sym, same1, same2), 0);
    assert_memory_equal(k1, same1, 32);
    assert_memory_equal(k2, same2, 32);
    check_transport(&vec.msg[3], k2, 0);
    check_transport(&vec.msg[4], k1, 0);
    check_transport(&vec.msg[5], k2, 1);
}

/* Class C9: nothing of the state may move when a decryption fails. */
static void a_failed_decryption_changes_nothing(void **state)
{
    (void)state;
    struct vector vec;
    memset(&vec, 0, sizeof(vec));
    read_vector(&vec);
    start(&vec.init, &vec);
    start(&vec.resp, &vec);
    shake_hands(&vec);
    struct lp2p_noise_symmetric *s = &vec.init.hs.sym;
    struct lp2p_noise_symmetric before = *s;
    struct lp2p_span got;
    uint8_t forged[48] = {1, 2, 3};
    for (size_t n = 0; n <= sizeof(forged); n++) {
        assert_int_equal(lp2p_noise_decrypt_and_hash(s, (struct lp2p_mspan){forged, n}, &got),
                         -LP2P_E_AUTH);
        assert_memory_equal(s, &before, sizeof(*s));
    }
}

static void the_last_nonce_is_refused(void **state)
{
    (void)state;
    struct vector vec;
    memset(&vec, 0, sizeof(vec));
    read_vector(&vec);
    start(&vec.init, &vec);
    start(&vec.resp, &vec);
    shake_hands(&vec);
    struct lp2p_noise_symmetric *a = &vec.init.hs.sym;
    struct lp2p_noise_symmetric *b = &vec.resp.hs.sym;
    struct lp2p_span got;
    uint8_t out[2 + 16];
    a->n = b->n = UINT64_MAX - 1;
    assert_int_equal(lp2p_noise_encrypt_and_hash(a, lp2p_span("hi", 2), out), 0);
    assert_int_equal(lp2p_noise_decrypt_and_hash(b, (struct lp2p_mspan){out, sizeof(out)}, &got),
                     0);
    assert_true(lp2p_span_eq_str(got, "hi"));
    assert_int_equal(lp2p_noise_encrypt_and_hash(a, lp2p_span("hi", 2), out), -LP2P_E_LIMIT);
    assert_int_equal(lp2p_noise_decrypt_and_hash(b, (struct lp2p_mspan){out, sizeof(out)}, &got),
                     -LP2P_E_LIMIT);
}

static int set_up(void **state)
{
    (void)state;
    return lp2p_crypto_init() + lp2p_crypto_new(lp2p_mem_default(), &crypto);
}

static int tear_down(void **state)
{
    (void)state;
    lp2p_crypto_free(crypto);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_public_vector),
        cmocka_unit_test(a_failed_decryption_changes_nothing),
        cmocka_unit_test(the_last_nonce_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
