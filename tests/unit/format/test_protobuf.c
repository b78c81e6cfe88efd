#include "format/protobuf.h"

#include "harness/lengths.h"
#include "harness/vectors.h"
#include "lp2p/error.h"

static int read_all(const uint8_t *p, size_t n, size_t *ret_fields)
{
    struct lp2p_pb_reader r = lp2p_pb_reader(lp2p_span(p, n));
    struct lp2p_pb_field f;
    *ret_fields = 0;
    while (lp2p_pb_next(&r, &f)) {
        *ret_fields += 1;
    }
    assert_false(lp2p_pb_next(&r, &f)); /* the end stays the end */
    return lp2p_pb_end(&r);
}

static void reads_each_kind(void **state)
{
    (void)state;
    const uint8_t msg[] = {0x08, 0x96, 0x01, 0x12, 0x03, 'a',  'b', 'c', 0x19, 1,    2,    3,
                           4,    5,    6,    7,    8,    0x25, 1,   2,   0xff, 0xff, 0x12, 0x00};
    struct lp2p_pb_reader r = lp2p_pb_reader(lp2p_span(msg, sizeof(msg)));
    struct lp2p_pb_field f;
    assert_true(lp2p_pb_next(&r, &f));
    assert_int_equal(f.num, 1);
    assert_int_equal(f.wire, LP2P_PB_VARINT);
    assert_int_equal(f.value, 150);
    assert_true(lp2p_pb_next(&r, &f));
    assert_int_equal(f.num, 2);
    assert_true(lp2p_span_eq_str(f.bytes, "abc"));
    assert_true(lp2p_pb_next(&r, &f));
    assert_int_equal(f.wire, LP2P_PB_FIXED64);
    assert_true(f.value == UINT64_C(0x0807060504030201));
    assert_true(lp2p_pb_next(&r, &f));
    assert_int_equal(f.wire, LP2P_PB_FIXED32);
    assert_int_equal(f.value, 0xffff0201);
    assert_true(lp2p_pb_next(&r, &f));
    assert_int_equal(f.bytes.n, 0);
    assert_false(lp2p_pb_next(&r, &f));
    assert_int_equal(lp2p_pb_end(&r), 0);
}

static void an_empty_message_is_fine(void **state)
{
    (void)state;
    size_t fields;
    assert_int_equal(read_all(NULL, 0, &fields), 0);
    assert_int_equal(fields, 0);
}

static void malformed_messages_are_refused(void **state)
{
    (void)state;
    struct vectors v;
    vectors_open(&v, "protobuf_bad.txt");
    while (vectors_next(&v, 2)) {
        uint8_t bytes[64];
        size_t n = vectors_hex(v.col[0], bytes, sizeof(bytes));
        size_t fields;
        if (read_all(bytes, n, &fields) != -LP2P_E_DECODE) {
            fail_msg("taken: %s (%s)", v.col[0], v.col[1]);
        }
    }
    vectors_close(&v, 15);
}

/* Cut anywhere, a message ends cleanly only between two fields. */
static void truncation_is_seen(void **state)
{
    (void)state;
    const uint8_t msg[] = {0x08, 0x96, 0x01, 0x12, 0x03, 'a', 'b', 'c', 0x25, 1, 2, 3, 4};
    for (size_t n = 0; n <= sizeof(msg); n++) {
        size_t fields;
        bool whole = n == 0 || n == 3 || n == 8 || n == sizeof(msg);
        assert_int_equal(read_all(msg, n, &fields), whole ? 0 : -LP2P_E_DECODE);
    }
}

static void no_length_is_taken_on_trust(void **state)
{
    (void)state;
    for (size_t i = 0; i < lengths_count; i++) {
        uint8_t msg[1 + 10 + 16] = {0x12};
        size_t head = 1 + lengths_put(msg + 1, lengths[i]);
        memset(msg + head, 0x08, 16); /* when not swallowed: eight fields of value 8 */
        size_t fields;
        int err = read_all(msg, head + 16, &fields);
        /* 0 leaves eight whole fields, 16 swallows all; 1 and 15 cut a field in two */
        assert_int_equal(err, lengths[i] == 0 || lengths[i] == 16 ? 0 : -LP2P_E_DECODE);
    }
}

/* C3: the smallest legal fields in 64 KiB are read once each and keep nothing. */
static void many_tiny_fields(void **state)
{
    (void)state;
    static uint8_t msg[65536];
    for (size_t i = 0; i < sizeof(msg); i += 2) {
        msg[i] = 0x12;
        msg[i + 1] = 0;
    }
    size_t fields;
    assert_int_equal(read_all(msg, sizeof(msg), &fields), 0);
    assert_int_equal(fields, sizeof(msg) / 2);
}

static void a_field_of_another_kind_is_refused(void **state)
{
    (void)state;
    struct lp2p_pb_field num = {.num = 1, .wire = LP2P_PB_VARINT, .value = UINT64_C(1) << 32};
    struct lp2p_pb_field text = {.num = 1, .wire = LP2P_PB_BYTES};
    struct lp2p_pb_field fixed = {.num = 1, .wire = LP2P_PB_FIXED32};
    struct lp2p_span s;
    uint64_t v64 = 0;
    uint32_t v32 = 5;
    bool b = false;
    assert_int_equal(lp2p_pb_field_bytes(&num, &s), -LP2P_E_DECODE);
    assert_int_equal(lp2p_pb_field_u64(&text, &v64), -LP2P_E_DECODE);
    assert_int_equal(lp2p_pb_field_u64(&fixed, &v64), -LP2P_E_DECODE);
    assert_int_equal(lp2p_pb_field_bool(&text, &b), -LP2P_E_DECODE);
    assert_int_equal(lp2p_pb_field_u32(&text, &v32), -LP2P_E_DECODE);
    assert_int_equal(lp2p_pb_field_u32(&num, &v32), -LP2P_E_DECODE);
    assert_int_equal(v32, 5);
    assert_int_equal(lp2p_pb_field_u64(&num, &v64), 0);
    assert_true(v64 == UINT64_C(1) << 32);
    assert_int_equal(lp2p_pb_field_bool(&num, &b), 0);
    assert_true(b);
}

static void write_sample(struct lp2p_pb_writer *w)
{
    lp2p_pb_put_u64(w, 1, 150);
    size_t inner = lp2p_pb_size_u64(1, 0) + lp2p_pb_size_bytes(3, 2);
    struct lp2p_pb_mark mark = lp2p_pb_begin(w, 2, inner);
    lp2p_pb_put_u64(w, 1, 0);
    lp2p_pb_put_bytes(w, 3, lp2p_span_str("hi"));
    lp2p_pb_end_message(w, mark);
    lp2p_pb_put_bytes(w, 2, lp2p_span(NULL, 0));
    lp2p_pb_put_u64(w, 100000, UINT64_MAX);
}

static const uint8_t sample[] = {0x08, 0x96, 0x01, 0x12, 0x06, 0x08, 0x00, 0x1a, 0x02,
                                 'h',  'i',  0x12, 0x00, 0x80, 0xea, 0x30, 0xff, 0xff,
                                 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01};

static void writes_into_every_room(void **state)
{
    (void)state;
    for (size_t cap = 0; cap <= sizeof(sample) + 1; cap++) {
        uint8_t out[sizeof(sample) + 2];
        memset(out, 0xee, sizeof(out));
        struct lp2p_pb_writer w = lp2p_pb_writer_fixed(out, cap);
        write_sample(&w);
        size_t len = 999;
        int err = lp2p_pb_finish(&w, &len);
        assert_int_equal(err, cap < sizeof(sample) ? -LP2P_E_TOO_LONG : 0);
        assert_int_equal(len, cap < sizeof(sample) ? 999 : sizeof(sample));
        assert_int_equal(out[cap], 0xee);
        if (err == 0) {
            assert_memory_equal(out, sample, sizeof(sample));
        }
    }
}

/* An allocator that fails from the n-th call on. */
struct failing {
    const struct lp2p_mem *mem;
    unsigned calls;
    unsigned fail_at;
};

static void *failing_alloc(void *ctx, size_t n)
{
    struct failing *f = ctx;
    return f->calls++ >= f->fail_at ? NULL : f->mem->alloc(f->mem->ctx, n);
}

static void *failing_resize(void *ctx, void *p, size_t n)
{
    struct failing *f = ctx;
    return f->calls++ >= f->fail_at ? NULL : f->mem->resize(f->mem->ctx, p, n);
}

static void failing_free(void *ctx, void *p)
{
    struct failing *f = ctx;
    f->mem->free(f->mem->ctx, p);
}

/* A failed message leaves what the buffer held before, whatever failed. */
static void a_failed_message_leaves_no_trace(void **state)
{
    (void)state;
    char big[600];
    memset(big, 'x', sizeof(big));
    bool done = false;
    for (unsigned at = 0; !done; at++) {
        assert_true(at < 10);
        struct failing f = {.mem = lp2p_mem_default(), .fail_at = at};
        const struct lp2p_mem mem = {
            .ctx = &f, .alloc = failing_alloc, .resize = failing_resize, .free = failing_free};
        struct lp2p_buf buf;
        lp2p_buf_init(&buf, &mem, 4096);
        bool before = lp2p_buf_append(&buf, "before", 6) == 0;
        struct lp2p_pb_writer w = lp2p_pb_writer_buf(&buf);
        write_sample(&w);
        lp2p_pb_put_bytes(&w, 100001, lp2p_span(big, sizeof(big)));
        size_t len = 0;
        int err = lp2p_pb_finish(&w, &len);
        done = before && err == 0;
        if (err != 0) {
            assert_int_equal(err, -LP2P_E_NOMEM);
            assert_int_equal(buf.len, before ? 6 : 0);
        } else {
            assert_int_equal(buf.len, 6 + len);
            assert_memory_equal(lp2p_buf_span(&buf).p + 6, sample, sizeof(sample));
        }
        lp2p_buf_fini(&buf);
    }
}

static void a_full_buffer_is_a_limit(void **state)
{
    (void)state;
    struct lp2p_buf buf;
    lp2p_buf_init(&buf, lp2p_mem_default(), sizeof(sample) - 1);
    struct lp2p_pb_writer w = lp2p_pb_writer_buf(&buf);
    write_sample(&w);
    size_t len;
    assert_int_equal(lp2p_pb_finish(&w, &len), -LP2P_E_LIMIT);
    assert_int_equal(buf.len, 0);
    lp2p_buf_fini(&buf);
}

static void sizes_are_what_is_written(void **state)
{
    (void)state;
    const uint32_t nums[] = {1, 15, 16, 2047, 2048, LP2P_PB_MAX_FIELD};
    const uint64_t values[] = {0, 1, 127, 128, UINT32_MAX, UINT64_MAX};
    for (size_t i = 0; i < 6; i++) {
        for (size_t j = 0; j < 6; j++) {
            uint8_t out[32];
            size_t len = 0;
            struct lp2p_pb_writer w = lp2p_pb_writer_fixed(out, sizeof(out));
            lp2p_pb_put_u64(&w, nums[i], values[j]);
            assert_int_equal(lp2p_pb_finish(&w, &len), 0);
            assert_int_equal(len, lp2p_pb_size_u64(nums[i], values[j]));
            struct lp2p_pb_reader r = lp2p_pb_reader(lp2p_span(out, len));
            struct lp2p_pb_field f;
            assert_true(lp2p_pb_next(&r, &f));
            assert_int_equal(f.num, nums[i]);
            assert_true(f.value == values[j]);
        }
    }
    assert_int_equal(lp2p_pb_size_bytes(1, 127), 129);
    assert_int_equal(lp2p_pb_size_bytes(16, 128), 132);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_each_kind),
        cmocka_unit_test(an_empty_message_is_fine),
        cmocka_unit_test(malformed_messages_are_refused),
        cmocka_unit_test(truncation_is_seen),
        cmocka_unit_test(no_length_is_taken_on_trust),
        cmocka_unit_test(many_tiny_fields),
        cmocka_unit_test(a_field_of_another_kind_is_refused),
        cmocka_unit_test(writes_into_every_room),
        cmocka_unit_test(a_failed_message_leaves_no_trace),
        cmocka_unit_test(a_full_buffer_is_a_limit),
        cmocka_unit_test(sizes_are_what_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
