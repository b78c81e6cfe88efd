#include "link/link.h"

#include "crypto/crypto.h"
#include "harness/vectors.h"
#include "lp2p/error.h"

static int setup(void **state)
{
    (void)state;
    return lp2p_crypto_init();
}

/* `\n`, `\r`, `\t`, `\\` and `\xNN`, in place; returns the length. */
static size_t unescape(char *s)
{
    size_t n = 0;
    for (size_t i = 0; s[i] != '\0'; i++) {
        if (s[i] != '\\') {
            s[n++] = s[i];
            continue;
        }
        i++;
        switch (s[i]) {
        case 'n':
            s[n++] = '\n';
            break;
        case 'r':
            s[n++] = '\r';
            break;
        case 't':
            s[n++] = '\t';
            break;
        case 'x':
            s[n++] = (char)(vectors_hex_digit(s[i + 1]) << 4 | vectors_hex_digit(s[i + 2]));
            i += 2;
            break;
        default:
            s[n++] = s[i];
            break;
        }
    }
    return n;
}

struct answer {
    int err;
    struct whtnxt_link link;
    enum whtnxt_link_kind kind;
    struct whtnxt_link_fault fault;
};

static void ask(const char *how, const char *text, size_t n, struct answer *a)
{
    memset(a, 0, sizeof(*a));
    if (strcmp(how, "strict") == 0) {
        a->err = whtnxt_link_parse(text, n, &a->link, &a->fault);
    } else if (strcmp(how, "find") == 0) {
        a->err = whtnxt_link_find(text, n, &a->link, &a->fault);
    } else {
        assert_string_equal(how, "read");
        a->err = whtnxt_link_read(text, n, &a->link, &a->kind, &a->fault);
    }
}

/* What the table has in its third and fourth column. */
static void describe(const struct answer *a, char result[32], char detail[WHTNXT_LINK_MAX + 1])
{
    static const char *const kinds[] = {"OK", "ID", "ADDR"};
    size_t len = 0;
    detail[0] = '\0';
    if (a->err == 0) {
        snprintf(result, 32, "%s", kinds[a->kind]);
        assert_int_equal(a->fault.error, WHTNXT_LINK_OK);
        assert_int_equal(whtnxt_link_format(&a->link, detail, &len), 0);
        return;
    }
    assert_int_equal(a->err, -LP2P_E_DECODE);
    snprintf(result, 32, "%s", whtnxt_link_error_code(a->fault.error));
    if (a->fault.error == WHTNXT_LINK_BAD_CHAR) {
        snprintf(detail, 32, "char %zu", a->fault.position);
    } else {
        assert_int_equal(a->fault.position, 0);
        snprintf(detail, 32, "%s",
                 a->fault.error == WHTNXT_LINK_CUT        ? "cut"
                 : a->fault.error == WHTNXT_LINK_DAMAGED  ? "damaged"
                 : a->fault.error == WHTNXT_LINK_LOWERED  ? "lowered"
                 : a->fault.error == WHTNXT_LINK_MISSPELT ? "misspelt"
                 : a->fault.error == WHTNXT_LINK_NO_PEER  ? "address"
                                                          : "");
    }
}

static void the_table(void **state)
{
    (void)state;
    static struct answer a;
    struct vectors v;
    unsigned failed = 0;
    vectors_open(&v, "link.txt");
    while (vectors_next(&v, 5)) {
        size_t n = unescape(v.col[1]);
        char result[32];
        char detail[WHTNXT_LINK_MAX + 1];
        char counts[64] = "";
        ask(v.col[0], v.col[1], n, &a);
        describe(&a, result, detail);
        if (a.err == 0) {
            snprintf(counts, sizeof(counts), "%zu/%zu/%zu/%zu", a.link.n_relays, a.link.n_addrs,
                     a.link.bad_relays, a.link.bad_addrs);
        }
        if (strcmp(result, v.col[2]) != 0 || strcmp(detail, v.col[3]) != 0 ||
            strcmp(counts, v.col[4]) != 0) {
            print_error("link.txt:%u: %s, %s, %s\n", v.line, result, detail, counts);
            failed++;
        }
    }
    vectors_close(&v, 300);
    assert_int_equal(failed, 0);
}

/* A refused link leaves the caller's as it was. */
static void refusals_leave_the_result_alone(void **state)
{
    (void)state;
    static struct whtnxt_link link;
    struct whtnxt_link_fault fault;
    enum whtnxt_link_kind kind = WHTNXT_LINK_KIND_MULTIADDR;
    link.n_relays = 77;
    static const char text[] = "whtnxt://connect/12D3KooW";
    assert_int_not_equal(whtnxt_link_parse(text, strlen(text), &link, &fault), 0);
    assert_int_not_equal(whtnxt_link_find(text, strlen(text), &link, &fault), 0);
    assert_int_not_equal(whtnxt_link_read(text, strlen(text), &link, &kind, &fault), 0);
    assert_int_equal(link.n_relays, 77);
    assert_int_equal(kind, WHTNXT_LINK_KIND_MULTIADDR);
}

#define ID   "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq"
#define LINK "whtnxt://connect/" ID

/* Much text is searched up to the limit and not beyond. */
static void long_text_is_searched_up_to_its_limit(void **state)
{
    (void)state;
    static char text[WHTNXT_LINK_MAX_PASTE + 200];
    static struct whtnxt_link link;
    struct whtnxt_link_fault fault;
    for (size_t i = 0; i < sizeof(text); i++) {
        text[i] = i % 60 == 59 ? '\n' : 'a';
    }
    size_t fits = WHTNXT_LINK_MAX_PASTE - strlen(LINK);
    text[fits - 1] = ' ';
    memcpy(text + fits, LINK, strlen(LINK));
    text[WHTNXT_LINK_MAX_PASTE] = ' ';
    assert_int_equal(whtnxt_link_find(text, sizeof(text), &link, &fault), 0);
    memmove(text + fits + 100, text + fits, strlen(LINK));
    memset(text + fits, 'a', 100);
    assert_int_not_equal(whtnxt_link_find(text, sizeof(text), &link, &fault), 0);
}

/* Worst case of the search: starts and line breaks everywhere. Ends, and soon. */
static void a_text_of_nothing_but_starts(void **state)
{
    (void)state;
    static char text[WHTNXT_LINK_MAX_PASTE];
    static struct whtnxt_link link;
    struct whtnxt_link_fault fault;
    for (size_t i = 0; i + 8 <= sizeof(text); i += 8) {
        memcpy(text + i, i % 16 == 0 ? "whtnxt:\n" : "whtnxt:/", 8);
    }
    assert_int_not_equal(whtnxt_link_find(text, sizeof(text), &link, &fault), 0);
}

static void a_link_that_would_be_too_long(void **state)
{
    (void)state;
    static struct whtnxt_link link;
    char out[WHTNXT_LINK_MAX + 1];
    size_t len = 77;
    assert_int_equal(lp2p_peer_id_parse(ID, strlen(ID), &link.id), 0);
    char text[1100];
    memset(text, 'a', sizeof(text));
    memcpy(text, "/dns/", 5);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(lp2p_multiaddr_parse(text, 1000, &link.relays[i]), 0);
    }
    link.n_relays = 1;
    assert_int_equal(whtnxt_link_format(&link, out, &len), 0);
    assert_int_equal(len, strlen(LINK "?relay=") + 1000);
    link.n_relays = 2;
    assert_int_equal(whtnxt_link_format(&link, out, &len), -LP2P_E_TOO_LONG);
}

/* QR codes are computed for these lengths (JOURNEY R7). */
static void the_short_forms_are_short(void **state)
{
    (void)state;
    static struct whtnxt_link link;
    char out[WHTNXT_LINK_MAX + 1];
    size_t len = 0;
    assert_int_equal(lp2p_peer_id_parse(ID, strlen(ID), &link.id), 0);
    assert_int_equal(whtnxt_link_format(&link, out, &len), 0);
    assert_string_equal(out, LINK);
    assert_int_equal(len, 69);
}

static void every_error_has_its_code(void **state)
{
    (void)state;
    assert_string_equal(whtnxt_link_error_code(WHTNXT_LINK_NOT_FOUND), "LINK_NOT_FOUND");
    assert_string_equal(whtnxt_link_error_code(WHTNXT_LINK_CUT), "LINK_BAD_ID");
    assert_string_equal(whtnxt_link_error_code(WHTNXT_LINK_OK), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table),
        cmocka_unit_test(refusals_leave_the_result_alone),
        cmocka_unit_test(long_text_is_searched_up_to_its_limit),
        cmocka_unit_test(a_text_of_nothing_but_starts),
        cmocka_unit_test(a_link_that_would_be_too_long),
        cmocka_unit_test(the_short_forms_are_short),
        cmocka_unit_test(every_error_has_its_code),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
