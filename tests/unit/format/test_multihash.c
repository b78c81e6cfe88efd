#include "format/multihash.h"

#include <stdlib.h>

#include "harness/lengths.h"
#include "harness/vectors.h"
#include "lp2p/error.h"

static void vectors(void **state)
{
    (void)state;
    struct vectors v;
    vectors_open(&v, "multihash.txt");
    while (vectors_next(&v, 4)) {
        uint8_t bytes[80];
        size_t n = vectors_hex(v.col[0], bytes, sizeof(bytes));
        struct lp2p_multihash mh = {.code = 0};
        int err = lp2p_multihash_decode(lp2p_span(bytes, n), &mh);
        assert_int_equal(lp2p_multihash_is_peer(lp2p_span(bytes, n)), v.col[3][0] == 'y');
        if (strcmp(v.col[1], "DECODE") == 0) {
            assert_int_equal(err, -LP2P_E_DECODE);
            continue;
        }
        assert_int_equal(err, 0);
        assert_int_equal(mh.code, strtoull(v.col[1], NULL, 10));
        uint8_t digest[80];
        assert_int_equal(vectors_hex(v.col[2], digest, sizeof(digest)), mh.digest.n);
        assert_memory_equal(mh.digest.p, digest, mh.digest.n);
        uint8_t out[80];
        size_t len = 0;
        struct lp2p_mspan room = {.p = out, .n = n};
        assert_int_equal(lp2p_multihash_encode(&mh, room, &len), 0);
        assert_int_equal(len, n);
        assert_memory_equal(out, bytes, n);
        room.n = n - 1;
        assert_int_equal(lp2p_multihash_encode(&mh, room, &len), -LP2P_E_TOO_LONG);
    }
    vectors_close(&v, 18);
}

/* SECURITY 2.1, C2: every length that does not fit the 16 bytes behind it. */
static void no_length_is_taken_on_trust(void **state)
{
    (void)state;
    for (size_t i = 0; i < lengths_count; i++) {
        uint8_t bytes[1 + 10 + 16] = {0x12};
        size_t n = 1 + lengths_put(bytes + 1, lengths[i]) + 16;
        struct lp2p_multihash mh;
        int err = lp2p_multihash_decode(lp2p_span(bytes, n), &mh);
        assert_int_equal(err, lengths[i] == 16 ? 0 : -LP2P_E_DECODE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors),
        cmocka_unit_test(no_length_is_taken_on_trust),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
