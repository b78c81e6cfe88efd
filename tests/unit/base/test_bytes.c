/* cursor, buf, obuf, pool: bytes in and out, and their limits. */
#include "cmocka_all.h"

#include "base/buf.h"
#include "base/cursor.h"
#include "base/obuf.h"
#include "lp2p/error.h"

static void cursor_reads_big_endian_and_stops_at_the_end(void **state)
{
    (void)state;
    const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    struct lp2p_cursor c = lp2p_cursor(bytes, sizeof(bytes));
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;
    assert_int_equal(lp2p_cursor_get_u8(&c, &u8), 0);
    assert_int_equal(u8, 1);
    assert_int_equal(lp2p_cursor_get_u16(&c, &u16), 0);
    assert_int_equal(u16, 0x0203);
    assert_int_equal(lp2p_cursor_get_u32(&c, &u32), 0);
    assert_int_equal(u32, 0x04050607);
    assert_int_equal(lp2p_cursor_get_u64(&c, &u64), -LP2P_E_TRUNCATED);
    assert_int_equal(lp2p_cursor_left(&c), 2);
    assert_int_equal(lp2p_cursor_get_u32(&c, &u32), -LP2P_E_TRUNCATED);
    struct lp2p_span s;
    assert_int_equal(lp2p_cursor_get_span(&c, SIZE_MAX, &s), -LP2P_E_TRUNCATED);
    assert_int_equal(lp2p_cursor_get_span(&c, 2, &s), 0);
    assert_int_equal(s.p[1], 9);
    assert_int_equal(lp2p_cursor_skip(&c, 1), -LP2P_E_TRUNCATED);
    assert_int_equal(lp2p_cursor_get_u8(&c, &u8), -LP2P_E_TRUNCATED);
}

static void stores_and_loads_agree(void **state)
{
    (void)state;
    uint8_t p[8];
    lp2p_put_be64(p, 0x0102030405060708ULL);
    assert_int_equal(p[0], 1);
    assert_true(lp2p_get_be64(p) == 0x0102030405060708ULL);
    assert_int_equal(lp2p_get_be32(p), 0x01020304);
    assert_int_equal(lp2p_get_be16(p), 0x0102);
    lp2p_put_le64(p, 0x0102030405060708ULL);
    assert_int_equal(p[0], 8);
}

static void buf_never_holds_more_than_its_maximum(void **state)
{
    (void)state;
    struct lp2p_buf b;
    uint8_t block[100];
    memset(block, 7, sizeof(block));
    lp2p_buf_init(&b, lp2p_mem_default(), 250);
    assert_int_equal(lp2p_buf_append(&b, block, 100), 0);
    assert_int_equal(lp2p_buf_append(&b, block, 100), 0);
    assert_int_equal(lp2p_buf_append(&b, block, 51), -LP2P_E_LIMIT);
    assert_int_equal(b.len, 200);
    lp2p_buf_consume(&b, 150);
    assert_int_equal(lp2p_buf_append(&b, block, 100), 0);
    assert_int_equal(lp2p_buf_append(&b, block, 100), 0);
    assert_int_equal(b.len, 250);
    assert_int_equal(b.cap, 250);
    uint8_t *room;
    assert_int_equal(lp2p_buf_reserve(&b, SIZE_MAX, &room), -LP2P_E_LIMIT);
    lp2p_buf_consume(&b, 250);
    lp2p_buf_trim(&b);
    assert_null(b.p);
    lp2p_buf_fini(&b);
}

static void buf_keeps_its_bytes_through_moves(void **state)
{
    (void)state;
    struct lp2p_buf b;
    lp2p_buf_init(&b, lp2p_mem_default(), 1000);
    uint8_t in = 0;
    uint8_t out = 0;
    uint32_t seed = 5;
    for (int step = 0; step < 5000; step++) {
        seed = seed * 1664525U + 1013904223U;
        if ((seed >> 30) != 0) {
            if (lp2p_buf_append_u8(&b, in) == 0) {
                in++;
            }
        } else {
            size_t n = (seed >> 8) % (b.len + 1);
            struct lp2p_span s = lp2p_buf_span(&b);
            for (size_t i = 0; i < n; i++) {
                assert_int_equal(s.p[i], out++);
            }
            lp2p_buf_consume(&b, n);
        }
    }
    lp2p_buf_wipe(&b);
}

static void obuf_takes_a_block_and_gives_it_back(void **state)
{
    (void)state;
    struct lp2p_pool pool;
    struct lp2p_obuf o;
    struct lp2p_obuf other;
    lp2p_pool_init(&pool, lp2p_mem_default(), 64, 1, 1);
    lp2p_obuf_init(&o, &pool);
    lp2p_obuf_init(&other, &pool);
    assert_int_equal(lp2p_obuf_append(&o, "0123456789", 10), 0);
    assert_int_equal(lp2p_obuf_append(&other, "x", 1), -LP2P_E_NOMEM);
    uint8_t *room;
    assert_int_equal(lp2p_obuf_reserve(&o, 55, &room), -LP2P_E_AGAIN);
    lp2p_obuf_consume(&o, 8);
    assert_int_equal(lp2p_obuf_reserve(&o, 62, &room), 0);
    assert_memory_equal(lp2p_obuf_tail(&o, 2), "89", 2);
    lp2p_obuf_commit(&o, 62);
    assert_int_equal(lp2p_obuf_room(&o), 0);
    lp2p_obuf_consume(&o, 64);
    assert_null(o.p);
    assert_int_equal(pool.used, 0);
    assert_int_equal(pool.kept, 1);
    assert_int_equal(lp2p_obuf_append(&other, "xyz", 3), 0);
    lp2p_obuf_cut(&other, 2);
    assert_int_equal(lp2p_obuf_span(&other).n, 1);
    assert_int_equal(lp2p_obuf_room(&other), 63);
    lp2p_obuf_cut(&other, 1);
    assert_null(other.p);
    assert_int_equal(pool.used, 0);
    lp2p_pool_fini(&pool);
}

static void obuf_grows_when_it_is_paid_for(void **state)
{
    (void)state;
    struct lp2p_pool small;
    struct lp2p_pool large;
    struct lp2p_scope scope;
    struct lp2p_obuf o;
    lp2p_pool_init(&small, lp2p_mem_default(), 64, 1, 0);
    lp2p_pool_init(&large, lp2p_mem_default(), 256, 1, 0);
    lp2p_scope_init(&scope, NULL);
    lp2p_obuf_init(&o, &small);
    assert_int_equal(lp2p_obuf_grow(&o), -LP2P_E_AGAIN);
    lp2p_obuf_set_large(&o, &large, &scope);
    assert_int_equal(lp2p_obuf_append(&o, "0123456789", 10), 0);
    lp2p_obuf_consume(&o, 3);
    scope.max[LP2P_SCOPE_MEM] = 255;
    assert_int_equal(lp2p_obuf_grow(&o), -LP2P_E_LIMIT);
    scope.max[LP2P_SCOPE_MEM] = 256;
    large.max = 0;
    assert_int_equal(lp2p_obuf_grow(&o), -LP2P_E_NOMEM);
    assert_int_equal(scope.used[LP2P_SCOPE_MEM], 0);
    assert_int_equal(lp2p_obuf_room(&o), 57);
    large.max = 1;
    assert_int_equal(lp2p_obuf_grow(&o), 0);
    assert_int_equal(lp2p_obuf_grow(&o), 0);
    assert_int_equal(small.used, 0);
    assert_int_equal(scope.used[LP2P_SCOPE_MEM], 256);
    assert_int_equal(lp2p_obuf_room(&o), 249);
    assert_memory_equal(lp2p_obuf_span(&o).p, "3456789", 7);
    lp2p_obuf_consume(&o, 7);
    assert_int_equal(large.used, 0);
    assert_int_equal(scope.used[LP2P_SCOPE_MEM], 0);
    assert_int_equal(lp2p_obuf_size(&o), 64);
    /* Straight to a large one. */
    assert_int_equal(lp2p_obuf_grow(&o), 0);
    assert_int_equal(lp2p_obuf_append(&o, "x", 1), 0);
    lp2p_obuf_fini(&o);
    assert_int_equal(scope.used[LP2P_SCOPE_MEM], 0);
    lp2p_pool_fini(&small);
    lp2p_pool_fini(&large);
    lp2p_scope_fini(&scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cursor_reads_big_endian_and_stops_at_the_end),
        cmocka_unit_test(stores_and_loads_agree),
        cmocka_unit_test(buf_never_holds_more_than_its_maximum),
        cmocka_unit_test(buf_keeps_its_bytes_through_moves),
        cmocka_unit_test(obuf_takes_a_block_and_gives_it_back),
        cmocka_unit_test(obuf_grows_when_it_is_paid_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
