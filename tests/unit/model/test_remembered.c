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

/* ---- many that are away ---- */

static void nth_id(struct rig *r, unsigned i, char text[static LP2P_PEER_ID_TEXT_SIZE])
{
    struct lp2p_peer_id id;
    rig_id(r, (uint8_t)(100 + i), &id);
    lp2p_peer_id_format(&id, text);
}

/* A running node, and `n` wanted peers that are offline. */
static void open_with(struct rig *r, unsigned n)
{
    char id[LP2P_PEER_ID_TEXT_SIZE];
    json_t *list = json_array();
    rig_open(r);
    for (unsigned i = 0; i < n; i++) {
        nth_id(r, i, id);
        json_array_append_new(list, saved_peer(id, "/ip4/10.0.0.2/tcp/2", "/ip4/10.0.0.3/tcp/3"));
    }
    json_t *o = json_pack("{s:i,s:o}", "version", 1, "peers", list);
    assert_int_equal(whtnxt_model_load_peers(r->m, o), 0);
    json_decref(o);
    rig_start(r);
}

static uint64_t paste(struct rig *r, unsigned i)
{
    char id[LP2P_PEER_ID_TEXT_SIZE];
    char link[200];
    nth_id(r, i, id);
    snprintf(link, sizeof(link), "whtnxt://connect/%s", id);
    uint64_t attempt = rig_connect(r, link, "user", NULL);
    assert_true(attempt > 0);
    assert_string_equal(r->connect.peer, id);
    return attempt;
}

static void discover(struct rig *r, const char *id)
{
    struct whtnxt_node_msg m = {.type = WHTNXT_MSG_STATE};
    whtnxt_state_init(&m.state, lp2p_mem_default());
    assert_int_equal(whtnxt_state_alloc(&m.state, 1, 0, 0, 1), 0);
    m.state.seq = ++r->node_seq;
    m.state.online = true;
    snprintf(m.state.limits, sizeof(m.state.limits), "desktop");
    snprintf(m.state.addrs[0], WHTNXT_TEXT_SIZE, "/ip4/192.0.2.7/tcp/20123");
    snprintf(m.state.discovered[0].id, WHTNXT_ID_SIZE, "%s", id);
    whtnxt_model_message(r->m, r->now, &m);
    whtnxt_node_msg_fini(&m);
    rig_act(r);
}

/* Those that cannot be reached do not keep the others from being tried. */
static void all_have_their_turn(void **state)
{
    (void)state;
    struct rig r;
    char last[LP2P_PEER_ID_TEXT_SIZE];
    open_with(&r, 60);
    nth_id(&r, 59, last);
    assert_int_equal(r.n_connects, 16);
    r.await = last;
    /* Sixty, sixteen at a time, each for 17 s at most. */
    rig_run(&r, 3 * 17000);
    assert_int_equal(r.awaited, 1);
    rig_run(&r, 4 * 17000);
    assert_int_equal(r.awaited, 2);
    rig_close(&r);
}

static void a_sighted_peer_is_dialled_at_once(void **state)
{
    (void)state;
    struct rig r;
    char id[LP2P_PEER_ID_TEXT_SIZE];
    open_with(&r, 60);
    nth_id(&r, 59, id);
    assert_string_not_equal(r.connect.peer, id);
    discover(&r, id);
    assert_int_equal(r.n_connects, 17);
    assert_string_equal(r.connect.peer, id);
    rig_close(&r);
}

static void a_user_is_never_behind_the_remembered(void **state)
{
    (void)state;
    struct rig r;
    open_with(&r, 60);
    rig_run(&r, 60000);
    for (unsigned i = 0; i < WHTNXT_MODEL_RUNNING; i++) {
        (void)paste(&r, 100 + i);
    }
    rig_close(&r);
}

/* Who pastes a link while its peer is tried in the background waits as long as for any other. */
static void a_paste_gets_its_own_patience(void **state)
{
    (void)state;
    struct rig r;
    open_with(&r, 1);
    uint64_t try = r.connect.id;
    assert_true(r.connect.background);
    rig_run(&r, 5000);
    (void)paste(&r, 0);
    assert_int_equal(r.n_connects, 2);
    assert_int_equal(r.connect.id, try);
    assert_false(r.connect.background);
    assert_int_equal(r.connect.look_ms, WHTNXT_MODEL_LOOK_MS);
    assert_int_equal(r.connect.timeout_ms, WHTNXT_MODEL_ATTEMPT_MS);
    rig_close(&r);
}

static void cancel(struct rig *r, uint64_t id)
{
    struct whtnxt_answer a = rig_ask(r, WHTNXT_METHOD_CANCEL,
                                     json_pack("{s:I}", "attempt", (json_int_t)id));
    assert_non_null(a.result);
    whtnxt_answer_fini(&a);
}

/* What is cancelled stays so; the next link is welcome again. */
static void cancelling_is_meant(void **state)
{
    (void)state;
    struct rig r;
    open_with(&r, 1);
    /* The user's own: pauses. */
    cancel(&r, paste(&r, 0));
    size_t before = r.n_connects;
    rig_run(&r, 40000);
    assert_int_equal(r.n_connects, before);
    rig_run(&r, 25000);
    assert_int_equal(r.n_connects, before + 1);
    /* A remembered one: for good. */
    json_t *s = rig_status(&r);
    const json_t *list = json_object_get(s, "attempts");
    const json_t *last = json_array_get(list, json_array_size(list) - 1);
    assert_string_equal(text_of(last, "source"), "remembered");
    size_t saves = r.saves;
    cancel(&r, (uint64_t)json_integer_value(json_object_get(last, "id")));
    json_decref(s);
    assert_int_equal(r.saves, saves + 1);
    rig_run(&r, 300000);
    assert_int_equal(r.n_connects, before + 1);
    s = rig_status(&r);
    assert_true(
        json_is_false(json_object_get(json_array_get(json_object_get(s, "peers"), 0), "wanted")));
    json_decref(s);
    (void)paste(&r, 0);
    assert_int_equal(r.n_connects, before + 2);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bad_word_costs_only_itself),
        cmocka_unit_test(an_odd_address_does_not_end_the_node),
        cmocka_unit_test(all_have_their_turn),
        cmocka_unit_test(a_sighted_peer_is_dialled_at_once),
        cmocka_unit_test(a_user_is_never_behind_the_remembered),
        cmocka_unit_test(a_paste_gets_its_own_patience),
        cmocka_unit_test(cancelling_is_meant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
