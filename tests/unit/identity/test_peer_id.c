#include "lp2p/peer_id.h"

#include "crypto/crypto.h"
#include "harness/vectors.h"
#include "lp2p/error.h"

static int setup(void **state)
{
    (void)state;
    return lp2p_crypto_init();
}

static void good_texts_are_taken(void **state)
{
    (void)state;
    struct vectors v;
    vectors_open(&v, "peer_ids.txt");
    while (vectors_next(&v, 2)) {
        struct lp2p_peer_id id;
        if (lp2p_peer_id_parse(v.col[0], strlen(v.col[0]), &id) != 0) {
            fail_msg("refused: %s", v.col[0]);
        }
        char text[LP2P_PEER_ID_TEXT_SIZE];
        assert_int_equal(lp2p_peer_id_format(&id, text), strlen(v.col[1]));
        assert_string_equal(text, v.col[1]);
        struct lp2p_peer_id again;
        assert_int_equal(lp2p_peer_id_decode(id.bytes, id.len, &again), 0);
        assert_true(lp2p_peer_id_eq(&id, &again));
        assert_memory_equal(&id, &again, sizeof(id)); /* the rest is zero */
    }
    vectors_close(&v, 40);
}

static void bad_texts_are_refused(void **state)
{
    (void)state;
    struct vectors v;
    vectors_open(&v, "peer_ids_bad.txt");
    while (vectors_next(&v, 2)) {
        struct lp2p_peer_id id = {.len = 77};
        if (lp2p_peer_id_parse(v.col[0], strlen(v.col[0]), &id) != -LP2P_E_DECODE) {
            fail_msg("taken: %s (%s)", v.col[0], v.col[1]);
        }
        assert_int_equal(id.len, 77);
    }
    vectors_close(&v, 35);
}

static void long_texts_are_not_looked_at(void **state)
{
    (void)state;
    char text[1000];
    memset(text, '1', sizeof(text));
    struct lp2p_peer_id id;
    assert_int_equal(lp2p_peer_id_parse(text, 128, &id), -LP2P_E_DECODE);
    assert_int_equal(lp2p_peer_id_parse(text, 129, &id), -LP2P_E_TOO_LONG);
    assert_int_equal(lp2p_peer_id_parse(text, sizeof(text), &id), -LP2P_E_TOO_LONG);
}

static void ids_of_different_length_differ(void **state)
{
    (void)state;
    struct lp2p_peer_id a = {.len = 34, .bytes = {0x12, 0x20}};
    struct lp2p_peer_id b = {.len = 38, .bytes = {0x12, 0x20}};
    assert_false(lp2p_peer_id_eq(&a, &b));
    b.len = 34;
    assert_true(lp2p_peer_id_eq(&a, &b));
    b.bytes[33] = 1;
    assert_false(lp2p_peer_id_eq(&a, &b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_texts_are_taken),
        cmocka_unit_test(bad_texts_are_refused),
        cmocka_unit_test(long_texts_are_not_looked_at),
        cmocka_unit_test(ids_of_different_length_differ),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
