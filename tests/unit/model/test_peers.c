/* What a user says about a peer: alias, block, forget (DESIGN 7). */
#include "renderer.h"

static const json_t *peer_of(const json_t *status, const char *id)
{
    size_t i;
    const json_t *p;
    json_array_foreach(json_object_get(status, "peers"), i, p)
    {
        if (strcmp(text_of(p, "peerId"), id) == 0) {
            return p;
        }
    }
    return NULL;
}

static void expect(struct rig *r, enum whtnxt_method method, json_t *params, const char *code)
{
    struct whtnxt_answer a = rig_ask(r, method, params);
    assert_string_equal(a.code, code);
    assert_int_equal(a.result != NULL, *code == '\0');
    whtnxt_answer_fini(&a);
}

static void expect_alias(struct rig *r, const char *id, const char *alias, const char *code)
{
    expect(r, WHTNXT_METHOD_ALIAS, json_pack("{s:s,s:s}", "peerId", id, "alias", alias), code);
}

static void an_alias_is_kept_and_shown(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    rig_start(&r);
    /* One who is not remembered may have a name, but taking none away says that there is none. */
    expect_alias(&r, r.peers[0], "", "PEER_UNKNOWN");
    expect_alias(&r, r.peers[0], "Ann\x07", "");
    json_t *s = rig_status(&r);
    assert_string_equal(text_of(peer_of(s, r.peers[0]), "alias"), "Ann?");
    assert_string_equal(text_of(peer_of(s, r.peers[0]), "displayName"), "Ann?");
    json_decref(s);
    expect_alias(&r, r.peers[0], "", "");
    s = rig_status(&r);
    assert_string_equal(text_of(peer_of(s, r.peers[0]), "alias"), "");
    json_decref(s);
    rig_close(&r);
}

static void only_a_remembered_peer_is_unblocked_or_forgotten(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    rig_start(&r);
    const char *id = r.peers[1];
    expect(&r, WHTNXT_METHOD_BLOCK, json_pack("{s:s,s:b}", "peerId", id, "blocked", 0),
           "PEER_UNKNOWN");
    expect(&r, WHTNXT_METHOD_FORGET, json_pack("{s:s}", "peerId", id), "PEER_UNKNOWN");
    expect(&r, WHTNXT_METHOD_FORGET, json_pack("{s:s}", "peerId", "bogus"), "PEER_UNKNOWN");
    expect(&r, WHTNXT_METHOD_BLOCK, json_pack("{s:s}", "peerId", id), "");
    assert_true(r.refused_on);
    expect(&r, WHTNXT_METHOD_BLOCK, json_pack("{s:s,s:b}", "peerId", id, "blocked", 0), "");
    assert_false(r.refused_on);
    expect(&r, WHTNXT_METHOD_BLOCK, json_pack("{s:s}", "peerId", id), "");
    expect(&r, WHTNXT_METHOD_FORGET, json_pack("{s:s}", "peerId", id), "");
    /* Forgetting takes the block away, too. */
    assert_string_equal(r.refused, id);
    assert_false(r.refused_on);
    json_t *s = rig_status(&r);
    assert_null(peer_of(s, id));
    json_decref(s);
    rig_close(&r);
}

static void we_are_no_peer_of_ours(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    rig_start(&r);
    expect(&r, WHTNXT_METHOD_BLOCK, json_pack("{s:s}", "peerId", r.own), "PEER_UNKNOWN");
    expect_alias(&r, r.own, "Me", "PEER_UNKNOWN");
    json_t *s = rig_status(&r);
    assert_int_equal(json_array_size(json_object_get(s, "peers")), 0);
    json_decref(s);
    rig_close(&r);
}

static void a_full_memory_is_said(void **state)
{
    (void)state;
    struct rig r;
    struct lp2p_peer_id pid;
    char id[LP2P_PEER_ID_TEXT_SIZE];
    rig_open(&r);
    rig_start(&r);
    for (unsigned i = 0; i <= WHTNXT_MODEL_PEERS; i++) {
        uint8_t seed[32] = {(uint8_t)i, (uint8_t)(i >> 8), 99};
        struct lp2p_identity who;
        assert_int_equal(lp2p_identity_from_seed(r.crypto, seed, &who), 0);
        pid = who.id;
        lp2p_peer_id_format(&pid, id);
        expect_alias(&r, id, "x", i < WHTNXT_MODEL_PEERS ? "" : "LIMIT_REACHED");
    }
    rig_close(&r);
}

static void expect_called(struct rig *r, const char *name)
{
    json_t *s = rig_status(r);
    const json_t *conn = json_array_get(json_object_get(s, "connections"), 0);
    assert_string_equal(text_of(conn, "displayName"), name);
    json_decref(s);
}

/* The name of the link stays with the connection when its attempt is gone; an alias is better. */
static void the_name_of_a_link_is_shown(void **state)
{
    (void)state;
    char link[200];
    struct rig r;
    rig_open(&r);
    rig_start(&r);
    assert_int_equal(r.n_connects, 0);
    snprintf(link, sizeof(link), "whtnxt://connect/%s?name=Ann", r.peers[0]);
    uint64_t id = rig_connect(&r, link, "user", NULL);
    assert_int_not_equal(id, 0);
    rig_state(&r, r.peers[0], r.connect.id, WHTNXT_STAGE_CONNECTED, FINE);
    rig_run(&r, 2 * WHTNXT_MODEL_ENDED_MS);
    assert_null(rig_attempt(&r, id));
    rig_state(&r, r.peers[0], 0, WHTNXT_STAGE_CONNECTED, FINE);
    expect_called(&r, "\"Ann\"");
    expect_alias(&r, r.peers[0], "Bea", "");
    expect_called(&r, "Bea");
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_alias_is_kept_and_shown),
        cmocka_unit_test(the_name_of_a_link_is_shown),
        cmocka_unit_test(only_a_remembered_peer_is_unblocked_or_forgotten),
        cmocka_unit_test(we_are_no_peer_of_ours),
        cmocka_unit_test(a_full_memory_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
