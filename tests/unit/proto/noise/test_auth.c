/* Class C1: the identity is bound to the connection, in both directions, or there is none. */
#include "proto/noise/handshake.h"

#include "format/protobuf.h"

#include "pair.h"

/* The attacker has keys of its own, and says what the row tells it to. */
struct attacker {
    struct noise_end keys;
    struct lp2p_noise_handshake hs;
    uint8_t payload[512];
    size_t n;
};

static void put(struct attacker *a, struct lp2p_span key, struct lp2p_span sig)
{
    struct lp2p_pb_writer w = lp2p_pb_writer_fixed(a->payload, sizeof(a->payload));
    if (key.n > 0) {
        lp2p_pb_put_bytes(&w, 1, key);
    }
    if (sig.n > 0) {
        lp2p_pb_put_bytes(&w, 2, sig);
    }
    assert_int_equal(lp2p_pb_finish(&w, &a->n), 0);
}

static struct lp2p_span own_key(struct attacker *a)
{
    return lp2p_span(a->keys.id.public_pb, sizeof(a->keys.id.public_pb));
}

static void honest(struct attacker *a)
{
    put(a, own_key(a), lp2p_span(a->keys.sig, 64));
}

static void first_bit(struct attacker *a)
{
    a->keys.sig[0] ^= 1;
    honest(a);
}

static void last_bit(struct attacker *a)
{
    a->keys.sig[63] ^= 1;
    honest(a);
}

static void zero_sig(struct attacker *a)
{
    memset(a->keys.sig, 0, 64);
    honest(a);
}

static void short_sig(struct attacker *a)
{
    put(a, own_key(a), lp2p_span(a->keys.sig, 63));
}

static void long_sig(struct attacker *a)
{
    uint8_t sig[65] = {0};
    memcpy(sig, a->keys.sig, 64);
    put(a, own_key(a), lp2p_span(sig, 65));
}

static void no_sig(struct attacker *a)
{
    put(a, own_key(a), lp2p_span(NULL, 0));
}

static void no_key(struct attacker *a)
{
    put(a, lp2p_span(NULL, 0), lp2p_span(a->keys.sig, 64));
}

static void nothing(struct attacker *a)
{
    a->n = 0;
}

static void garbage(struct attacker *a)
{
    memset(a->payload, 0xff, 100);
    a->n = 100;
}

static void cut_off(struct attacker *a)
{
    honest(a);
    a->n--;
}

/* Somebody else's key with the attacker's signature: what a man in the middle would send. */
static void other_key(struct attacker *a)
{
    struct noise_end other;
    noise_end_init(&other, crypto, LP2P_NOISE_RESPONDER, 99);
    put(a, lp2p_span(other.id.public_pb, sizeof(other.id.public_pb)), lp2p_span(a->keys.sig, 64));
}

/* A true signature of somebody else, over that one's static key: replayed. */
static void replayed(struct attacker *a)
{
    struct noise_end other;
    noise_end_init(&other, crypto, LP2P_NOISE_RESPONDER, 99);
    put(a, lp2p_span(other.id.public_pb, sizeof(other.id.public_pb)), lp2p_span(other.sig, 64));
}

static void no_prefix(struct attacker *a)
{
    assert_int_equal(
        lp2p_identity_sign(crypto, &a->keys.id, lp2p_span(a->keys.s_public, 32), a->keys.sig), 0);
    honest(a);
}

static void small_order(struct attacker *a)
{
    uint8_t key[36] = {8, 1, 18, 32, 1};
    uint8_t sig[64] = {1};
    put(a, lp2p_span(key, 36), lp2p_span(sig, 64));
}

static void unknown_type(struct attacker *a)
{
    uint8_t key[36];
    memcpy(key, a->keys.id.public_pb, 36);
    key[1] = 9;
    put(a, lp2p_span(key, 36), lp2p_span(a->keys.sig, 64));
}

/* secp256k1, well formed, with a signature of the wrong kind. */
static void other_type(struct attacker *a)
{
    uint8_t key[37] = {8, 2, 18, 33, 2, 7};
    put(a, lp2p_span(key, 37), lp2p_span(a->keys.sig, 64));
}

static const struct row {
    const char *what;
    void (*make)(struct attacker *a);
    int err;
} rows[] = {
    {"honest", honest, 0},
    {"first bit of the signature", first_bit, -LP2P_E_AUTH},
    {"last bit of the signature", last_bit, -LP2P_E_AUTH},
    {"signature of zeros", zero_sig, -LP2P_E_AUTH},
    {"63 bytes", short_sig, -LP2P_E_AUTH},
    {"65 bytes", long_sig, -LP2P_E_AUTH},
    {"no signature", no_sig, -LP2P_E_AUTH},
    {"no key", no_key, -LP2P_E_DECODE},
    {"empty payload", nothing, -LP2P_E_DECODE},
    {"garbage", garbage, -LP2P_E_DECODE},
    {"payload cut off", cut_off, -LP2P_E_DECODE},
    {"another one's key", other_key, -LP2P_E_AUTH},
    {"another one's key and signature", replayed, -LP2P_E_AUTH},
    {"signature without the prefix", no_prefix, -LP2P_E_AUTH},
    {"key of small order", small_order, -LP2P_E_AUTH},
    {"unknown key type", unknown_type, -LP2P_E_UNSUPPORTED},
    {"signature of another key type", other_type, -LP2P_E_AUTH},
};

static void attacker_init(struct attacker *a, const struct row *row)
{
    noise_end_init(&a->keys, crypto, LP2P_NOISE_RESPONDER, 66);
    a->n = 0;
    row->make(a);
    assert_int_equal(
        lp2p_noise_hs_init(&a->hs, crypto, &a->keys.random, a->keys.s_public, lp2p_span(NULL, 0)),
        0);
}

static void static_dh(struct attacker *a, uint8_t ret[32])
{
    assert_int_equal(crypto->ops->x25519_shared(crypto->ctx, a->keys.s_secret, a->hs.re, ret), 0);
}

static int send_to(struct noise_end *victim, uint8_t *msg, size_t n)
{
    size_t used;
    lp2p_put_be16(msg, (uint16_t)n);
    return lp2p_noise_recv(&victim->e, 0, msg, 2 + n, &used);
}

static struct lp2p_mspan take_message(struct noise_end *victim, uint8_t *buf)
{
    struct lp2p_span out = noise_out(victim);
    memcpy(buf, out.p, out.n);
    noise_out_done(victim, out.n);
    return (struct lp2p_mspan){buf + 2, out.n - 2};
}

static void check_refused(struct noise_end *victim, const struct row *row, int err)
{
    struct lp2p_noise_event ev;
    print_message("# %s: %s\n", row->what, lp2p_error_name(err));
    assert_int_equal(err, row->err);
    if (row->err == 0) {
        return;
    }
    assert_false(lp2p_noise_is_open(&victim->e));
    assert_false(lp2p_noise_event(&victim->e, &ev));
    assert_int_equal(victim->obuf.len, 0);
    assert_int_equal(lp2p_noise_give_dh(&victim->e, victim->s_secret), row->err);
    assert_int_equal(lp2p_noise_seal(&victim->e, victim->s_secret, 1), row->err);
}

/* The dialer is attacked: message 3 must not leave. */
static void attack_initiator(const struct row *row)
{
    struct noise_end victim;
    struct attacker a;
    struct lp2p_span got;
    uint8_t msg[1024];
    uint8_t dh[32];
    void *e;
    noise_end_init(&victim, crypto, LP2P_NOISE_INITIATOR, 7);
    assert_int_equal(noise_make(&victim, &e), 0);
    attacker_init(&a, row);
    assert_int_equal(lp2p_noise_read_1(&a.hs, take_message(&victim, msg), &got), 0);
    assert_int_equal(lp2p_noise_begin_2(&a.hs), 0);
    static_dh(&a, dh);
    assert_int_equal(lp2p_noise_write_2(&a.hs, dh, lp2p_span(a.payload, a.n), msg + 2), 0);
    check_refused(&victim, row, send_to(&victim, msg, LP2P_NOISE_MSG2_SIZE + a.n));
    noise_drop(&victim, &victim);
}

static void attack_responder(const struct row *row)
{
    struct noise_end victim;
    struct attacker a;
    struct lp2p_span got;
    struct engine_log log = {.text = NULL};
    uint8_t msg[1024];
    uint8_t dh[32];
    void *e;
    noise_end_init(&victim, crypto, LP2P_NOISE_RESPONDER, 7);
    assert_int_equal(noise_make(&victim, &e), 0);
    attacker_init(&a, row);
    assert_int_equal(lp2p_noise_write_1(&a.hs, lp2p_span(NULL, 0), msg + 2), 0);
    assert_int_equal(send_to(&victim, msg, LP2P_NOISE_MSG1_SIZE), 0);
    assert_int_equal(noise_event(&victim, &log), ENGINE_NEED);
    assert_int_equal(noise_answer(&victim), 0);
    assert_int_equal(lp2p_noise_read_2(&a.hs, take_message(&victim, msg), &got), 0);
    static_dh(&a, dh);
    assert_int_equal(lp2p_noise_write_3(&a.hs, dh, lp2p_span(a.payload, a.n), msg + 2), 0);
    check_refused(&victim, row, send_to(&victim, msg, LP2P_NOISE_MSG3_SIZE + a.n));
    noise_drop(&victim, &victim);
    free(log.text);
}

static void no_false_identity_is_accepted(void **state)
{
    (void)state;
    for (size_t i = 0; i < LP2P_COUNT(rows); i++) {
        attack_initiator(&rows[i]);
        attack_responder(&rows[i]);
    }
}

/* Every byte of messages 2 and 3 is covered. */
static void no_changed_byte_is_accepted(void **state)
{
    (void)state;
    struct pair *p = pair_open();
    for (int role = 0; role < 2; role++) {
        struct noise_end *like = role == 0 ? &p->i : &p->r;
        struct wire *heard = role == 0 ? &p->to_i : &p->to_r;
        size_t from = role == 0 ? 2 : 34 + 2;
        size_t end = from + lp2p_get_be16(heard->p + from - 2);
        for (size_t at = from; at < end; at++) {
            struct noise_end again;
            struct engine_result r;
            heard->p[at] ^= 1;
            noise_end_init(&again, crypto, like->role, like->number);
            engine_run(&noise_ops, &again, lp2p_span(heard->p, end),
                       (struct engine_way){.cut = ENGINE_WHOLE}, &r);
            assert_int_equal(r.err, -LP2P_E_AUTH);
            assert_null(strstr(r.log.text, "secured"));
            engine_result_fini(&r);
            heard->p[at] ^= 1;
        }
    }
    pair_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_false_identity_is_accepted),
        cmocka_unit_test(no_changed_byte_is_accepted),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
