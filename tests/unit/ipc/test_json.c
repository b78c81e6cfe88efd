/* Lines and values: limits of length, depth and count, UTF-8, duplicates; cleaned text. */
#include "ipc/json.h"

#include "cmocka_all.h"
#include "ipc/state.h"
#include "lp2p/error.h"

static int decode(const char *line)
{
    json_t *v = NULL;
    int r = whtnxt_json_decode(lp2p_span_str(line), &v);
    json_decref(v);
    return r;
}

static void good_lines(void **state)
{
    (void)state;
    assert_int_equal(decode("{}"), 0);
    assert_int_equal(decode(" {\"a\":[1,\"x\",null,true,{\"b\":-1}]} "), 0);
    assert_int_equal(decode("{\"a\":\"\\u00e4\\\"[{,\"}"), 0);
}

static void bad_lines(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        " ",
        "null",
        "1",
        "[]",
        "\"a\"",
        "{",
        "}",
        "{\"a\":1",
        "{\"a\":1}}",
        "{\"a\":1} x",
        "{\"a\":1,\"a\":2}", /* a key twice */
        "{\"a\":{\"b\":1,\"b\":1}}",
        "{\"a\":\"\xff\"}",         /* no UTF-8 */
        "{\"a\":\"\xc0\x80\"}",     /* overlong */
        "{\"a\":\"\xed\xa0\x80\"}", /* surrogate */
        "{\"a\":\"\\ud800\"}",
        "{\"a\":\"\\u0000\"}", /* NUL */
        "{\"\\u0000\":1}",
        "{\"a\":99999999999999999999999}",
        "{\"a\":1e999}",
        "{\"a\":01}",
        "{'a':1}",
        "{\"a\":\"\n\"}",
        "{\"a\":\"\\",
        "{\"a\":1}\xef\xbb\xbf",
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(decode(rows[i]), -LP2P_E_DECODE);
    }
}

static void nul_byte_in_a_line(void **state)
{
    (void)state;
    json_t *v = NULL;
    assert_int_equal(whtnxt_json_decode(lp2p_span("{\"a\":1\0}", 8), &v), -LP2P_E_DECODE);
}

/* n levels: the outermost is an object. */
static int decode_deep(size_t n)
{
    char line[256] = "{\"a\":";
    size_t at = strlen(line);
    memset(line + at, '[', n - 1);
    memset(line + at + n - 1, ']', n - 1);
    line[at + 2 * (n - 1)] = '}';
    line[at + 2 * (n - 1) + 1] = '\0';
    return decode(line);
}

static void depth(void **state)
{
    (void)state;
    assert_int_equal(decode_deep(WHTNXT_JSON_DEPTH), 0);
    assert_int_equal(decode_deep(WHTNXT_JSON_DEPTH + 1), -LP2P_E_DECODE);
    assert_int_equal(decode_deep(100), -LP2P_E_DECODE);
}

/* {"a":[X,X,...]} of `n` elements; what small values cost is bounded before they are made. */
static int decode_many(const char *elem, size_t n)
{
    size_t len = strlen(elem) + 1;
    char *line = malloc(8 + n * len + 2);
    assert_non_null(line);
    memcpy(line, "{\"a\":[", 6);
    for (size_t i = 0; i < n; i++) {
        memcpy(line + 6 + i * len, elem, len - 1);
        line[6 + i * len + len - 1] = ',';
    }
    memcpy(line + 6 + n * len - 1, "]}", 3);
    int r = decode(line);
    free(line);
    return r;
}

static void count(void **state)
{
    (void)state;
    assert_int_equal(decode_many("1", 131072), 0);
    assert_int_equal(decode_many("1", 131074), -LP2P_E_DECODE);
    assert_int_equal(decode_many("{}", 16382), 0);
    assert_int_equal(decode_many("{}", 16383), -LP2P_E_DECODE);
}

static void members(void **state)
{
    (void)state;
    json_t *o = NULL;
    const char *s = "before";
    char buf[4] = "bef";
    uint64_t u = 7;
    bool b = true;
    const json_t *list = NULL;
    assert_int_equal(
        whtnxt_json_decode(lp2p_span_str("{\"s\":\"abcd\",\"n\":5,\"m\":-1,\"r\":1.0,\"b\":false,"
                                         "\"l\":[1,2]}"),
                           &o),
        0);
    assert_int_equal(whtnxt_json_get_str(o, "s", 3, &s), -LP2P_E_DECODE);
    assert_int_equal(whtnxt_json_get_str(o, "n", 3, &s), -LP2P_E_DECODE);
    assert_int_equal(whtnxt_json_get_str(o, "none", 3, &s), -LP2P_E_DECODE);
    assert_string_equal(s, "before");
    assert_int_equal(whtnxt_json_get_str(o, "s", 4, &s), 0);
    assert_string_equal(s, "abcd");
    assert_int_equal(whtnxt_json_copy_str(o, "s", buf, sizeof(buf)), -LP2P_E_DECODE);
    assert_string_equal(buf, "bef");
    assert_int_equal(whtnxt_json_get_u64(o, "n", 4, &u), -LP2P_E_DECODE);
    assert_int_equal(whtnxt_json_get_u64(o, "m", 4, &u), -LP2P_E_DECODE);
    assert_int_equal(whtnxt_json_get_u64(o, "r", 4, &u), -LP2P_E_DECODE);
    assert_int_equal(u, 7);
    assert_int_equal(whtnxt_json_get_u64(o, "n", 5, &u), 0);
    assert_int_equal(u, 5);
    assert_int_equal(whtnxt_json_get_bool(o, "n", &b), -LP2P_E_DECODE);
    assert_int_equal(whtnxt_json_get_bool(o, "b", &b), 0);
    assert_false(b);
    assert_int_equal(whtnxt_json_get_array(o, "l", 1, &list), -LP2P_E_DECODE);
    assert_int_equal(whtnxt_json_get_array(o, "l", 2, &list), 0);
    json_decref(o);
}

static void encode_is_all_or_nothing(void **state)
{
    (void)state;
    struct lp2p_buf out;
    lp2p_buf_init(&out, lp2p_mem_default(), 16);
    json_t *o = json_pack("{s:s}", "a", "0123456789");
    assert_int_equal(lp2p_buf_append(&out, "x", 1), 0);
    assert_int_equal(whtnxt_json_encode(&out, o), -LP2P_E_LIMIT);
    assert_int_equal(out.len, 1);
    assert_int_equal(whtnxt_json_encode(&out, NULL), -LP2P_E_NOMEM);
    lp2p_buf_fini(&out);
    lp2p_buf_init(&out, lp2p_mem_default(), 64);
    assert_int_equal(whtnxt_json_encode(&out, o), 0);
    assert_true(lp2p_span_eq_str(lp2p_buf_span(&out), "{\"a\":\"0123456789\"}\n"));
    lp2p_buf_fini(&out);
    json_decref(o);
}

/* ---- lines ---- */

static void milliseconds_have_three_digits(void **state)
{
    (void)state;
    struct lp2p_buf out;
    lp2p_buf_init(&out, lp2p_mem_default(), 100);
    json_t *o = json_pack("[f,f]", 1376 / 1000.0, 123456789001 / 1000.0);
    assert_int_equal(whtnxt_json_encode(&out, o), 0);
    assert_int_equal(lp2p_buf_append(&out, "", 1), 0);
    assert_string_equal((const char *)out.p, "[1.376,123456789.001]\n");
    json_decref(o);
    lp2p_buf_fini(&out);
}

static void lines_however_they_are_cut(void **state)
{
    (void)state;
    static const char in[] = "one\n\r\ntwo\r\n\nthree";
    static const char *const want[] = {"one", "", "two", ""};
    for (size_t piece = 1; piece < sizeof(in); piece++) {
        struct whtnxt_lines l;
        struct lp2p_span s;
        size_t got = 0;
        whtnxt_lines_init(&l, lp2p_mem_default(), 8);
        for (size_t at = 0; at < sizeof(in) - 1; at += piece) {
            size_t n = sizeof(in) - 1 - at < piece ? sizeof(in) - 1 - at : piece;
            assert_int_equal(whtnxt_lines_recv(&l, in + at, n), 0);
            while (whtnxt_lines_next(&l, &s) == 0) {
                assert_true(got < 4 && lp2p_span_eq_str(s, want[got]));
                got++;
            }
        }
        assert_int_equal(got, 4);
        assert_true(whtnxt_lines_is_partial(&l));
        whtnxt_lines_fini(&l);
        assert_false(whtnxt_lines_is_partial(&l));
    }
}

static void line_too_long(void **state)
{
    (void)state;
    struct whtnxt_lines l;
    struct lp2p_span s;
    whtnxt_lines_init(&l, lp2p_mem_default(), 4);
    assert_int_equal(whtnxt_lines_recv(&l, "1234\n12345\n", 11), 0);
    assert_int_equal(whtnxt_lines_next(&l, &s), 0);
    assert_int_equal(whtnxt_lines_next(&l, &s), -LP2P_E_TOO_LONG);
    whtnxt_lines_fini(&l);
    /* Also without an end in sight. */
    assert_int_equal(whtnxt_lines_recv(&l, "12345", 5), 0);
    assert_int_equal(whtnxt_lines_next(&l, &s), -LP2P_E_AGAIN);
    assert_int_equal(whtnxt_lines_recv(&l, "6", 1), 0);
    assert_int_equal(whtnxt_lines_next(&l, &s), -LP2P_E_TOO_LONG);
    whtnxt_lines_fini(&l);
}

/* ---- text ---- */

static void cleaned(const char *want, const char *text, size_t chars)
{
    char buf[32];
    assert_int_equal(whtnxt_clean(buf, sizeof(buf), text, strlen(text), chars), strlen(want));
    assert_string_equal(buf, want);
}

static void cleaning(void **state)
{
    (void)state;
    cleaned("", "", 64);
    cleaned("abc", "abc", 3);
    cleaned("ab...", "abc", 2);
    cleaned("a?b?c",
            "a\nb\x1b"
            "c",
            64);
    cleaned("a?b",
            "a\xe2\x80\xae"
            "b",
            64); /* right-to-left override */
    cleaned("a?b",
            "a\xff"
            "b",
            64);
    cleaned("\xc3\xa4...", "\xc3\xa4\xc3\xa4", 1);
    cleaned("0123456789012345678901234567...", "01234567890123456789012345678901", 64);
}

static void short_ids(void **state)
{
    (void)state;
    char buf[WHTNXT_SHORT_ID_SIZE];
    whtnxt_short_id("12D3KooWEyopopk8KaJGvC5P5uAkTSVnMX7yBh6yUVXAhkWnYYYu", buf);
    assert_string_equal(buf, "Eyop\xe2\x80\xa6"
                             "WnYYYu");
    whtnxt_short_id("short", buf);
    assert_string_equal(buf, "short");
    assert_true(whtnxt_is_id_text("12D3KooWEyopopk8KaJGvC5P5uAkTSVnMX7yBh6yUVXAhkWnYYYu"));
    assert_false(whtnxt_is_id_text("12D3KooWEyopopk8KaJGvC5P5uAkTSVnMX7yBh6yUVXAhkWnYYY0"));
    assert_false(whtnxt_is_id_text(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_lines),
        cmocka_unit_test(bad_lines),
        cmocka_unit_test(nul_byte_in_a_line),
        cmocka_unit_test(depth),
        cmocka_unit_test(count),
        cmocka_unit_test(members),
        cmocka_unit_test(encode_is_all_or_nothing),
        cmocka_unit_test(milliseconds_have_three_digits),
        cmocka_unit_test(lines_however_they_are_cut),
        cmocka_unit_test(line_too_long),
        cmocka_unit_test(cleaning),
        cmocka_unit_test(short_ids),
    };
    whtnxt_json_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
