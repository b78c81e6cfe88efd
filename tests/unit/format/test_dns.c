#include "format/dns.h"

#include "cmocka_all.h"
#include "lp2p/error.h"

static struct lp2p_dns_name name(const char *text)
{
    struct lp2p_dns_name n = {.len = 0};
    assert_int_equal(lp2p_dns_name_parse(text, &n), 0);
    return n;
}

static void names_of_text(void **state)
{
    (void)state;
    struct lp2p_dns_name a = name("_p2p._udp.local"), b = name("_P2P._UDP.Local");
    struct lp2p_dns_name c = name("x._p2p._udp.local"), d = name("y.x._p2p._udp.local");
    assert_int_equal(a.len, 17);
    assert_memory_equal(a.wire, "\4_p2p\4_udp\5local", 17);
    assert_true(lp2p_dns_name_eq(&a, &b));
    assert_false(lp2p_dns_name_eq(&a, &c));
    assert_true(lp2p_dns_name_is_child(&c, &b));
    assert_false(lp2p_dns_name_is_child(&d, &a));
    assert_false(lp2p_dns_name_is_child(&a, &a));
    char text[300];
    memset(text, 'a', sizeof(text));
    text[64] = '\0';
    assert_int_equal(lp2p_dns_name_parse(text, &a), -LP2P_E_DECODE);
    assert_int_equal(lp2p_dns_name_parse(text + 1, &a), 0);
    text[64] = 'a';
    for (size_t i = 49; i < 299; i += 50) {
        text[i] = '.';
    }
    text[253] = '\0';
    assert_int_equal(lp2p_dns_name_parse(text, &a), 0);
    assert_int_equal(a.len, 255);
    text[253] = 'a';
    text[254] = '\0';
    assert_int_equal(lp2p_dns_name_parse(text, &a), -LP2P_E_TOO_LONG);
    assert_int_equal(lp2p_dns_name_parse("", &a), -LP2P_E_DECODE);
    assert_int_equal(lp2p_dns_name_parse("a.", &a), -LP2P_E_DECODE);
}

/* Header for one question, then its name. */
static bool reads_question(const void *after, size_t n)
{
    uint8_t msg[512] = {0, 0, 0, 0, 0, 1};
    memcpy(msg + 12, after, n);
    struct lp2p_dns_reader r;
    struct lp2p_dns_question q;
    assert_int_equal(lp2p_dns_reader_init(&r, lp2p_span(msg, 12 + n)), 0);
    bool ok = lp2p_dns_next_question(&r, &q);
    assert_int_equal(lp2p_dns_end(&r), ok ? 0 : -LP2P_E_DECODE);
    assert_false(lp2p_dns_next_question(&r, &q));
    return ok;
}

static void pointers_lead_backwards_only(void **state)
{
    (void)state;
    assert_true(reads_question("\1a\0\0\1\0\1", 7));
    assert_false(reads_question("\xc0\x0c\0\1\0\1", 6));    /* to itself */
    assert_false(reads_question("\1a\xc0\x0c\0\1\0\1", 8)); /* to its beginning: a loop */
    assert_false(reads_question("\xc0\x0e\0\0\1\0\1", 7));  /* forwards */
    assert_false(reads_question("\xc0\xff\0\1\0\1", 6));    /* out of the message */
    assert_false(reads_question("\xc0", 1));                /* cut */
    assert_false(reads_question("\x40"
                                "a\0\0\1\0\1",
                                7)); /* reserved label types */
    assert_false(reads_question("\x80"
                                "a\0\0\1\0\1",
                                7));
    assert_false(reads_question("\5ab", 3));
    assert_false(reads_question("\1a\0\0\1\0", 6));
    assert_true(
        reads_question("\xc0\x00\0\1\0\1", 6)); /* into the header: six zero bytes are a root */
}

/* A chain of pointers as long as the message allows. */
static void hops_are_limited(void **state)
{
    (void)state;
    uint8_t msg[12 + 2000] = {0, 0, 0, 0, 0, 1};
    for (size_t hops = 1; hops < 400; hops++) {
        struct lp2p_dns_reader r;
        struct lp2p_dns_question q;
        assert_int_equal(lp2p_dns_reader_init(&r, lp2p_span(msg, sizeof(msg))), 0);
        msg[12] = 0;
        for (size_t i = 0; i < hops; i++) {
            size_t to = i == 0 ? 12 : 12 + 2 * i;
            msg[14 + 2 * i] = (uint8_t)(0xc0 | to >> 8);
            msg[15 + 2 * i] = (uint8_t)to;
        }
        r.pos = 12 + 2 * hops;
        assert_int_equal(lp2p_dns_next_question(&r, &q), hops <= LP2P_DNS_HOPS_MAX);
    }
}

/* Counts and lengths that lie (C2). */
static void counts_are_not_believed(void **state)
{
    (void)state;
    uint8_t msg[12 + 11 + 16] = {0, 0, 0x84, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    struct lp2p_dns_reader r;
    struct lp2p_dns_record rr;
    for (unsigned n = 0; n < 65536; n += 1 + n / 8) {
        msg[21] = (uint8_t)(n >> 8);
        msg[22] = (uint8_t)n;
        assert_int_equal(lp2p_dns_reader_init(&r, lp2p_span(msg, sizeof(msg))), 0);
        assert_int_equal(lp2p_dns_next_record(&r, &rr), n <= 16);
        while (lp2p_dns_next_record(&r, &rr)) {
        }
        assert_int_equal(lp2p_dns_end(&r), -LP2P_E_DECODE);
    }
    for (size_t n = 0; n < 12; n++) {
        assert_int_equal(lp2p_dns_reader_init(&r, lp2p_span(msg, n)), -LP2P_E_DECODE);
    }
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    uint8_t buf[512];
    for (size_t cap = 0; cap <= sizeof(buf); cap++) {
        struct lp2p_dns_writer w;
        struct lp2p_dns_record rr = {.section = LP2P_DNS_ANSWER,
                                     .name = name("_p2p._udp.local"),
                                     .type = LP2P_DNS_PTR,
                                     .class_ = 1,
                                     .ttl = 0x01020304};
        struct lp2p_dns_name x = name("x._p2p._udp.local"), got;
        lp2p_dns_writer_init(&w, buf, cap, 0x8400);
        size_t at = lp2p_dns_begin_record(&w, &rr);
        lp2p_dns_put_name(&w, &x);
        lp2p_dns_end_record(&w, at);
        rr.section = LP2P_DNS_ADDITIONAL;
        rr.name = x;
        rr.type = LP2P_DNS_TXT;
        at = lp2p_dns_begin_record(&w, &rr);
        lp2p_dns_put_text(&w, lp2p_span("one", 3));
        lp2p_dns_put_text(&w, lp2p_span("", 0));
        lp2p_dns_put_text(&w, lp2p_span("three", 5));
        lp2p_dns_end_record(&w, at);
        size_t len = 0;
        int err = lp2p_dns_finish(&w, &len);
        /* header, name and fixed part, 2 + pointer, pointer and fixed part, strings */
        size_t want = 12 + (17 + 10) + (2 + 2) + (2 + 10) + (4 + 1 + 6);
        assert_int_equal(err, cap < want ? -LP2P_E_TOO_LONG : 0);
        if (err != 0) {
            continue;
        }
        assert_int_equal(len, want);
        struct lp2p_dns_reader r;
        assert_int_equal(lp2p_dns_reader_init(&r, lp2p_span(buf, len)), 0);
        assert_true(lp2p_dns_next_record(&r, &rr));
        assert_int_equal(rr.ttl, 0x01020304);
        assert_int_equal(lp2p_dns_record_name(&r, &rr, &got), 0);
        assert_true(lp2p_dns_name_eq(&got, &x));
        assert_true(lp2p_dns_next_record(&r, &rr));
        assert_int_equal(rr.section, LP2P_DNS_ADDITIONAL);
        assert_true(lp2p_dns_name_eq(&rr.name, &x));
        struct lp2p_span s;
        size_t pos = 0;
        assert_true(lp2p_dns_txt_next(&rr, &pos, &s) && lp2p_span_eq_str(s, "one"));
        assert_true(lp2p_dns_txt_next(&rr, &pos, &s) && s.n == 0);
        assert_true(lp2p_dns_txt_next(&rr, &pos, &s) && lp2p_span_eq_str(s, "three"));
        assert_false(lp2p_dns_txt_next(&rr, &pos, &s));
        assert_int_equal(lp2p_dns_end(&r), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_text),           cmocka_unit_test(pointers_lead_backwards_only),
        cmocka_unit_test(hops_are_limited),        cmocka_unit_test(counts_are_not_believed),
        cmocka_unit_test(what_is_written_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
