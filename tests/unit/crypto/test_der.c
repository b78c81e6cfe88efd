#include "crypto/der.h"

#include "base/assert.h"
#include "cmocka_all.h"
#include "lp2p/error.h"

/* A length is written in one way: with content of `len` bytes there is room for all. */
static void a_length_has_one_form(void **state)
{
    (void)state;
    static const struct {
        uint8_t head[6];
        size_t n_head;
        size_t len; /* of the content */
        bool good;
    } rows[] = {
        {{0x30, 0x00}, 2, 0, true},
        {{0x30, 0x01}, 2, 1, true},
        {{0x30, 0x7f}, 2, 127, true},
        {{0x30, 0x81, 0x80}, 3, 128, true},
        {{0x30, 0x81, 0xff}, 3, 255, true},
        {{0x30, 0x82, 0x01, 0x00}, 4, 256, true},
        {{0x30, 0x82, 0xff, 0xff}, 4, 65535, true},
        {{0x30, 0x80}, 2, 0, false},                         /* indefinite */
        {{0x30, 0x81, 0x7f}, 3, 127, false},                 /* not minimal */
        {{0x30, 0x81, 0x00}, 3, 0, false},                   /* not minimal */
        {{0x30, 0x82, 0x00, 0xff}, 4, 255, false},           /* not minimal */
        {{0x30, 0x83, 0x01, 0x00, 0x00}, 5, 65536, false},   /* three bytes */
        {{0x30, 0x84, 0x00, 0x00, 0x00, 0x01}, 6, 1, false}, /* four bytes */
        {{0x30, 0xff}, 2, 1, false},                         /* reserved */
        {{0x31, 0x01}, 2, 1, false},                         /* another tag */
        {{0x3f, 0x10, 0x01}, 3, 1, false},                   /* a tag of two bytes */
    };
    static uint8_t bytes[6 + 65537];
    for (size_t i = 0; i < LP2P_COUNT(rows); i++) {
        size_t n = rows[i].n_head + rows[i].len;
        memcpy(bytes, rows[i].head, rows[i].n_head);
        struct lp2p_cursor c = lp2p_cursor(bytes, n + 1); /* one more than it needs */
        struct lp2p_span got = {.n = 77};
        int err = lp2p_der_get(&c, LP2P_DER_SEQUENCE, &got);
        assert_int_equal(err, rows[i].good ? 0 : -LP2P_E_DECODE);
        assert_int_equal(got.n, rows[i].good ? rows[i].len : 77);
        assert_int_equal(lp2p_cursor_left(&c), rows[i].good ? 1 : n + 1);
    }
}

/* Every element that is cut anywhere is refused, and nothing of it is consumed. */
static void what_is_cut_is_refused(void **state)
{
    (void)state;
    static const uint8_t heads[][4] = {{0x30, 0x05}, {0x30, 0x81, 0x80}, {0x30, 0x82, 0x01, 0x2c}};
    static const size_t sizes[] = {2 + 5, 3 + 128, 4 + 300};
    uint8_t bytes[400] = {0};
    for (size_t i = 0; i < LP2P_COUNT(heads); i++) {
        memcpy(bytes, heads[i], sizeof(heads[i]));
        for (size_t n = 0; n < sizes[i]; n++) {
            struct lp2p_cursor c = lp2p_cursor(bytes, n);
            struct lp2p_span got;
            assert_int_equal(lp2p_der_get(&c, LP2P_DER_SEQUENCE, &got), -LP2P_E_DECODE);
            assert_int_equal(lp2p_cursor_left(&c), n);
        }
        assert_true(lp2p_der_is_sequence(lp2p_span(bytes, sizes[i])));
        assert_false(lp2p_der_is_sequence(lp2p_span(bytes, sizes[i] + 1)));
    }
    assert_false(lp2p_der_is_sequence(lp2p_span("\x30", 2))); /* empty */
}

static void numbers_are_positive_and_minimal(void **state)
{
    (void)state;
    static const struct {
        const char *der;
        size_t n;
        const char *number; /* NULL: refused */
        size_t n_number;
    } rows[] = {
        {"\x02\x01\x01", 3, "\x01", 1},         {"\x02\x01\x7f", 3, "\x7f", 1},
        {"\x02\x02\x00\x80", 4, "\x80", 1},     {"\x02\x03\x00\x80\x00", 5, "\x80\x00", 2},
        {"\x02\x02\x01\x00", 4, "\x01\x00", 2}, {"\x02\x00", 2, NULL, 0},
        {"\x02\x01\x00", 3, NULL, 0},           {"\x02\x02\x00\x00", 4, NULL, 0},
        {"\x02\x02\x00\x7f", 4, NULL, 0},       {"\x02\x03\x00\x00\x80", 5, NULL, 0},
        {"\x02\x01\x80", 3, NULL, 0},           {"\x02\x02\xff\x7f", 4, NULL, 0},
        {"\x03\x01\x01", 3, NULL, 0},
    };
    for (size_t i = 0; i < LP2P_COUNT(rows); i++) {
        struct lp2p_cursor c = lp2p_cursor(rows[i].der, rows[i].n);
        struct lp2p_span got = {.n = 77};
        int err = lp2p_der_get_positive(&c, &got);
        assert_int_equal(err, rows[i].number != NULL ? 0 : -LP2P_E_DECODE);
        assert_int_equal(lp2p_cursor_left(&c), err == 0 ? 0 : rows[i].n);
        if (err == 0) {
            assert_int_equal(got.n, rows[i].n_number);
            assert_memory_equal(got.p, rows[i].number, got.n);
        } else {
            assert_int_equal(got.n, 77);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_length_has_one_form),
        cmocka_unit_test(what_is_cut_is_refused),
        cmocka_unit_test(numbers_are_positive_and_minimal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
