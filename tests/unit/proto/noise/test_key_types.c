/*
 * Peers whose keys are not Ed25519, in both roles. The owner of such a key is elsewhere, as always
 * (DESIGN 4.5): the signatures for its static key were made with openssl.
 */
#include "pair.h"

#include "harness/vectors.h"

struct identity {
    uint8_t pb[LP2P_PUBLIC_KEY_PB_MAX];
    size_t n_pb;
    uint8_t sig[1100];
    size_t n_sig;
    struct lp2p_peer_id id;
};

static bool next_identity(struct vectors *v, struct identity *ret)
{
    if (!vectors_next(v, 4)) {
        return false;
    }
    ret->n_pb = vectors_hex(v->col[0], ret->pb, sizeof(ret->pb));
    ret->n_sig = vectors_hex(v->col[1], ret->sig, sizeof(ret->sig));
    assert_int_equal(lp2p_peer_id_parse(v->col[2], strlen(v->col[2]), &ret->id), 0);
    return true;
}

/* `number` 2 owns the static key that was signed. */
static struct pair *pair_with(const struct identity *own, bool dials, uint64_t number)
{
    struct pair *p = pair_new();
    struct noise_end *end = dials ? &p->i : &p->r;
    noise_end_init(dials ? &p->r : &p->i, crypto,
                   dials ? LP2P_NOISE_RESPONDER : LP2P_NOISE_INITIATOR, 1);
    noise_end_init(end, crypto, end->role, number);
    end->cfg.identity_pb = lp2p_span(own->pb, own->n_pb);
    end->cfg.static_sig = lp2p_span(own->sig, own->n_sig);
    return p;
}

static void they_prove_their_id_in_both_roles(void **state)
{
    (void)state;
    struct vectors v;
    struct identity own;
    vectors_open(&v, "noise_identities.txt");
    while (next_identity(&v, &own)) {
        for (int dials = 0; dials < 2; dials++) {
            struct pair *p = pair_with(&own, dials, 2);
            struct noise_end *other = dials ? &p->r : &p->i;
            p->i.cfg.expected = dials ? &p->r.id.id : &own.id;
            pair_start(p);
            converse(p);
            assert_int_equal(p->err_i, 0);
            assert_int_equal(p->err_r, 0);
            assert_true(lp2p_noise_is_open(&p->i.e) && lp2p_noise_is_open(&p->r.e));
            assert_true(lp2p_peer_id_eq(&other->e.peer, &own.id));
            pair_free(p);
        }
    }
    vectors_close(&v, 5);
}

static void assert_refused(struct pair *p, bool dials, int want)
{
    struct noise_end *other = dials ? &p->r : &p->i;
    pair_start(p);
    converse(p);
    assert_int_equal(dials ? p->err_r : p->err_i, want);
    assert_false(lp2p_noise_is_open(&other->e));
    if (!dials) {
        assert_int_equal(p->to_r.n, 34); /* message 3 did not leave */
    }
    pair_free(p);
}

/* Class C1. */
static void nobody_else_proves_it(void **state)
{
    (void)state;
    struct vectors v;
    struct identity own;
    vectors_open(&v, "noise_identities.txt");
    while (next_identity(&v, &own)) {
        for (int dials = 0; dials < 2; dials++) {
            /* the signature of another one's static key, played again */
            assert_refused(pair_with(&own, dials, 3), dials, -LP2P_E_AUTH);
            size_t n = own.n_sig;
            own.n_sig = 0;
            assert_refused(pair_with(&own, dials, 2), dials, -LP2P_E_AUTH);
            own.n_sig = n - 1;
            assert_refused(pair_with(&own, dials, 2), dials, -LP2P_E_AUTH);
            own.n_sig = n;
            own.sig[n - 1] ^= 1;
            assert_refused(pair_with(&own, dials, 2), dials, -LP2P_E_AUTH);
            own.sig[n - 1] ^= 1;
        }
        /* the right key, and another one was dialed */
        struct pair *p = pair_with(&own, false, 2);
        p->i.cfg.expected = &p->r.id.id;
        assert_refused(p, false, -LP2P_E_PEER_ID);
    }
    vectors_close(&v, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_prove_their_id_in_both_roles),
        cmocka_unit_test(nobody_else_proves_it),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
