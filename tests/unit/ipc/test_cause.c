/* The catalogue of causes: codes, exit statuses, sentences, and the map from the library's errors.
 */
#include "ipc/cause.h"

#include <stdio.h>

#include "base/text.h"
#include "cmocka_all.h"
#include "lp2p/error.h"

static void every_error_has_a_cause(void **state)
{
    (void)state;
    for (int e = 1; e < LP2P_E_COUNT; e++) {
        for (unsigned at = 0; at < WHTNXT_AT_STAGES; at++) {
            enum whtnxt_cause c = whtnxt_cause_of(-e, (enum whtnxt_cause_stage)at);
            assert_int_not_equal(c, WHTNXT_CAUSE_NONE);
            assert_int_equal(c, whtnxt_cause_of(e, (enum whtnxt_cause_stage)at));
            /* A failure is never a note, and never success. */
            assert_int_not_equal(whtnxt_cause_exit(c), WHTNXT_EXIT_NONE);
            assert_int_not_equal(whtnxt_cause_exit(c), 0);
        }
    }
    assert_int_equal(whtnxt_cause_of(0, WHTNXT_AT_DIAL), WHTNXT_CAUSE_NONE);
}

static void same_error_another_stage(void **state)
{
    (void)state;
    static const struct {
        int err;
        const char *where;
        enum whtnxt_cause cause;
    } rows[] = {
        {-LP2P_E_TIMEOUT, NULL, WHTNXT_CAUSE_TIMED_OUT},
        {-LP2P_E_TIMEOUT, "look", WHTNXT_CAUSE_NOT_ON_LAN_NO_RELAY},
        {-LP2P_E_TIMEOUT, "dns", WHTNXT_CAUSE_DNS_FAILED},
        {-LP2P_E_TIMEOUT, "dial", WHTNXT_CAUSE_PEER_UNREACHABLE},
        {-LP2P_E_TIMEOUT, "noise", WHTNXT_CAUSE_HANDSHAKE_TIMEOUT},
        {-LP2P_E_TIMEOUT, "identify", WHTNXT_CAUSE_HANDSHAKE_TIMEOUT},
        {-LP2P_E_REFUSED, "tcp", WHTNXT_CAUSE_PEER_UNREACHABLE},
        {-LP2P_E_PEER_ID, "noise", WHTNXT_CAUSE_PEER_ID_MISMATCH},
        {-LP2P_E_NEGOTIATION, "multistream", WHTNXT_CAUSE_INCOMPATIBLE},
        {-LP2P_E_DECLINED, "yamux", WHTNXT_CAUSE_DECLINED},
        {-LP2P_E_NO_ADDRESS, "look", WHTNXT_CAUSE_NOT_ON_LAN_NO_RELAY},
        {-LP2P_E_NO_ADDRESS, "resolve", WHTNXT_CAUSE_DNS_FAILED},
        {-LP2P_E_INTERNAL, "noise", WHTNXT_CAUSE_INTERNAL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(whtnxt_cause_of(rows[i].err, whtnxt_cause_stage_of(rows[i].where)),
                         rows[i].cause);
    }
    assert_int_equal(whtnxt_cause_of(-LP2P_E_REFUSED, WHTNXT_AT_DIAL_LAN),
                     WHTNXT_CAUSE_LAN_FIREWALL);
    assert_int_equal(whtnxt_cause_stage_of("never heard of"), WHTNXT_AT_ATTEMPT);
}

static void exit_statuses(void **state)
{
    (void)state;
    /* DESIGN 4, decision 10. */
    static const struct {
        const char *code;
        int status;
    } rows[] = {
        {"ALREADY_CONNECTED", 0}, {"LINK_NOT_FOUND", 2},     {"LINK_BAD_ID", 2},
        {"LINK_OWN", 2},          {"LINK_NEWER", 2},         {"MAIN_DOWN", 3},
        {"NODE_STARTING", 3},     {"NODE_DOWN", 3},          {"NODE_VERSION", 3},
        {"NODE_UNSTABLE", 3},     {"PEER_OFFLINE", 4},       {"NOT_ON_LAN_NO_RELAY", 4},
        {"DNS_FAILED", 4},        {"TIMED_OUT", 5},          {"HANDSHAKE_TIMEOUT", 5},
        {"PEER_ID_MISMATCH", 1},  {"PEER_UNREACHABLE", 1},   {"DECLINED", 1},
        {"LAN_FIREWALL", 1},      {"LINK_ADDR_SKIPPED", -1}, {"LINK_BAD_RELAY", -1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        enum whtnxt_cause c = whtnxt_cause_find(rows[i].code);
        assert_int_not_equal(c, WHTNXT_CAUSE_NONE);
        assert_int_equal(whtnxt_cause_exit(c), rows[i].status);
        assert_int_equal(whtnxt_cause_is_note(c), rows[i].status == -1);
    }
    assert_int_equal(whtnxt_cause_find("NO_SUCH_CODE"), WHTNXT_CAUSE_NONE);
}

static void sentence(const char *want, enum whtnxt_cause cause,
                     const struct whtnxt_cause_args *args)
{
    char text[WHTNXT_CAUSE_TEXT_SIZE];
    assert_int_equal(whtnxt_cause_text(cause, args, text), strlen(want));
    assert_string_equal(text, want);
}

static void sentences(void **state)
{
    (void)state;
    struct whtnxt_cause_args a = {.name = "Ann", .n = 15, .port = 20123};
    sentence("You are already connected to Ann.", WHTNXT_CAUSE_ALREADY_CONNECTED, &a);
    sentence("Ann is on this network but a firewall blocks it (port 20123).",
             WHTNXT_CAUSE_LAN_FIREWALL, &a);
    sentence("No connection within 15 seconds.", WHTNXT_CAUSE_TIMED_OUT, &a);
    a.n = 1;
    a.detail = "Ann declined.";
    sentence("No connection within 1 second. Ann declined.", WHTNXT_CAUSE_TIMED_OUT, &a);
    sentence("The other side declined.", WHTNXT_CAUSE_DECLINED, NULL);
    sentence("Character 31 of this link cannot be right.", WHTNXT_CAUSE_LINK_BAD_CHAR,
             &(struct whtnxt_cause_args){.n = 31});
}

static void every_sentence_is_whole(void **state)
{
    (void)state;
    char text[WHTNXT_CAUSE_TEXT_SIZE];
    for (unsigned c = 1; c < WHTNXT_CAUSE_COUNT; c++) {
        size_t n = whtnxt_cause_text((enum whtnxt_cause)c, NULL, text);
        assert_true(n > 5 && strchr(text, '{') == NULL && strchr(text, '}') == NULL);
        assert_true(strlen(whtnxt_cause_code((enum whtnxt_cause)c)) > 3);
    }
}

static void long_names_are_cut_at_a_character(void **state)
{
    (void)state;
    char name[1200];
    char text[WHTNXT_CAUSE_TEXT_SIZE];
    /* Three bytes each, at each of the three ways to end in the middle. */
    for (size_t shift = 0; shift < 3; shift++) {
        memset(name, 'a', shift);
        for (size_t i = shift; i + 3 < sizeof(name); i += 3) {
            memcpy(name + i, "\xe2\x82\xac", 4);
        }
        size_t n = whtnxt_cause_text(WHTNXT_CAUSE_DECLINED,
                                     &(struct whtnxt_cause_args){.name = name}, text);
        assert_true(n < WHTNXT_CAUSE_TEXT_SIZE && n > WHTNXT_CAUSE_TEXT_SIZE - 5);
        assert_true(lp2p_text_is_utf8(lp2p_span_str(text)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_error_has_a_cause),
        cmocka_unit_test(same_error_another_stage),
        cmocka_unit_test(exit_statuses),
        cmocka_unit_test(sentences),
        cmocka_unit_test(every_sentence_is_whole),
        cmocka_unit_test(long_names_are_cut_at_a_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
