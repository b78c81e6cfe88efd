/* Remembered peers: what a file may hold. */
#include "renderer.h"

static json_t *saved_peer(const char *id, const char *addr, const char *addr2)
{
    return json_pack("{s:s,s:s,s:b,s:b,s:b,s:i,s:[s,s]}", "id", id, "alias", "", "wanted", 1,
                     "blocked", 0, "refused", 0, "lastConnected", 0, "addrs", addr, addr2);
}

/* A file that was edited, or damaged by a disk, must not keep the node from running. */
static void a_bad_word_costs_only_itself(void **state)
{
    (void)state;
    static const char fine[] = "/ip4/10.0.0.2/tcp/2";
    struct rig r;
    char longest[300] = "/dns4/";
    rig_open(&r);
    memset(longest + 6, 'a', 250);
    snprintf(longest + 256, 20, "/tcp/1");
    json_t *o = json_pack("{s:i,s:[o,o,o,o]}", "version", 1, "peers",
                          saved_peer(r.peers[0], "/ip4/10.0.0.1/tcp/1\x07", fine),
                          saved_peer("11111111", fine, fine),
                          saved_peer(r.peers[1], longest, "/dns4/a\xe2\x80\xae/tcp/1"),
                          saved_peer(r.peers[0], fine, fine));
    assert_int_equal(whtnxt_model_load_peers(r.m, o), 0);
    json_decref(o);
    rig_start(&r);
    /* Both are tried; the last one has no address that is left. */
    assert_int_equal(r.n_connects, 2);
    assert_int_equal(r.connect.n_addrs, 0);
    json_t *back = whtnxt_model_peers(r.m);
    const json_t *peers = json_object_get(back, "peers");
    assert_int_equal(json_array_size(peers), 2);
    const json_t *addrs = json_object_get(json_array_get(peers, 0), "addrs");
    assert_int_equal(json_array_size(addrs), 1);
    assert_string_equal(json_string_value(json_array_get(addrs, 0)), fine);
    json_decref(back);
    struct whtnxt_answer a = rig_ask(&r, WHTNXT_METHOD_GET_LOG, NULL);
    const json_t *line = json_array_get(json_object_get(a.result, "lines"), 0);
    assert_string_equal(text_of(line, "code"), "STORE_REFUSED");
    assert_non_null(strstr(text_of(line, "text"), " 5 ids or addresses "));
    whtnxt_answer_fini(&a);
    rig_close(&r);
}

/* Whatever the address of a link is, the node reads the line it is in (rig_reads). */
static void an_odd_address_does_not_end_the_node(void **state)
{
    (void)state;
    static const char *const odd[] = {"/dns4/a%07b/tcp/1", "/dns4/a%e2%80%aeb/tcp/1",
                                      "/dns4/%ff/tcp/1"};
    struct rig r;
    char link[300];
    rig_open(&r);
    rig_start(&r);
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        snprintf(link, sizeof(link), "whtnxt://connect/%s?addr=%s", r.peers[i], odd[i]);
        (void)rig_connect(&r, link, "user", NULL);
    }
    assert_true(r.n_connects > 0);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bad_word_costs_only_itself),
        cmocka_unit_test(an_odd_address_does_not_end_the_node),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
