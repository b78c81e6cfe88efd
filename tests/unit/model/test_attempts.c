/* Attempts, links, peers, reconnecting and the log. */
#include "renderer.h"

static char link_text[256];

static const char *link_to(const char *id)
{
    snprintf(link_text, sizeof(link_text), "whtnxt://connect/%s", id);
    return link_text;
}

static void queued_until_there_is_a_node(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    whtnxt_model_start(r.m, r.now, &r.id, NULL);
    rig_act(&r);
    uint64_t id = rig_connect(&r, link_to(r.peers[0]), "user", NULL);
    assert_true(id > 0);
    rig_expect_attempt(&r, id, "queued", "NODE_STARTING");
    assert_int_equal(r.n_connects, 0);
    rig_hello(&r, WHTNXT_NODE_PROTOCOL);
    assert_int_equal(r.n_connects, 1);
    assert_string_equal(r.connect.peer, r.peers[0]);
    rig_state(&r, NULL, r.connect.id, WHTNXT_STAGE_DIALING, FINE);
    rig_expect_attempt(&r, id, "dialing", "");
    rig_state(&r, r.peers[0], r.connect.id, WHTNXT_STAGE_CONNECTED, FINE);
    rig_expect_attempt(&r, id, "connected", "");
    assert_int_equal(r.saves, 1);
    /* Kept a minute. */
    rig_run(&r, 59000);
    rig_expect_attempt(&r, id, "connected", "");
    rig_run(&r, 2000);
    assert_null(rig_attempt(&r, id));
    rig_close(&r);
}

static void same_link_is_one_attempt(void **state)
{
    (void)state;
    struct rig r;
    char more[512];
    rig_open(&r);
    rig_start(&r);
    uint64_t a = rig_connect(&r, link_to(r.peers[0]), "user", NULL);
    uint64_t b = rig_connect(&r, link_to(r.peers[0]), "user", NULL);
    assert_int_equal(a, b);
    assert_int_equal(r.n_connects, 1);
    uint64_t try = r.connect.id;
    snprintf(more, sizeof(more), "%s?addr=/ip4/192.0.2.9/tcp/7", link_to(r.peers[0]));
    assert_int_equal(rig_connect(&r, more, "user", NULL), a);
    assert_int_equal(r.n_connects, 2);
    assert_int_equal(r.connect.id, try);
    assert_int_equal(r.connect.n_addrs, 1);
    assert_string_equal(r.connect.addrs[0].addr, "/ip4/192.0.2.9/tcp/7");
    assert_int_equal(r.connect.addrs[0].source, WHTNXT_ADDR_PASTED);
    rig_close(&r);
}

static void recognised_before_dialling(void **state)
{
    (void)state;
    struct rig r;
    char code[64];
    rig_open(&r);
    rig_start(&r);
    assert_int_equal(rig_connect(&r, link_to(r.own), "user", code), 0);
    assert_string_equal(code, "LINK_OWN");
    rig_state(&r, r.peers[0], 0, WHTNXT_STAGE_LOOKING, FINE);
    uint64_t id = rig_connect(&r, link_to(r.peers[0]), "user", NULL);
    rig_expect_attempt(&r, id, "connected", "ALREADY_CONNECTED");
    assert_int_equal(r.n_connects, 0);
    rig_close(&r);
}

static void bad_links_are_refused_and_logged(void **state)
{
    (void)state;
    static const struct {
        const char *link;
        const char *code;
        const char *text;
    } rows[] = {
        {"http://x", "LINK_NOT_FOUND",
         "Invalid URL: must start with whtnxt:// (8 bytes were given)"},
        {"whtnxt://connect/", "LINK_NO_ID", "Invalid URL: missing peer ID: whtnxt://connect/"},
        {"whtnxt://dance/x", "LINK_NEWER", NULL},
        {"whtnxt://connect/12D3KooW", "LINK_BAD_ID",
         "This link looks cut off: whtnxt://connect/12D3KooW"},
        {"a\nb\x1b[31m", "LINK_NOT_FOUND",
         "Invalid URL: must start with whtnxt:// (8 bytes were given)"},
        {"whtnxt://connect/a\x1b[31m", "LINK_BAD_ID", NULL},
    };
    struct rig r;
    rig_open(&r);
    rig_start(&r);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char code[64];
        json_t *s = rig_status(&r);
        json_int_t before = json_integer_value(json_object_get(s, "logLast"));
        json_decref(s);
        assert_int_equal(rig_connect(&r, rows[i].link, i == 1 ? "os" : "user", code), 0);
        assert_string_equal(code, rows[i].code);
        struct whtnxt_answer a = rig_ask(&r, WHTNXT_METHOD_GET_LOG,
                                         json_pack("{s:I}", "after", before));
        const json_t *lines = json_object_get(a.result, "lines");
        assert_int_equal(json_array_size(lines), 1);
        assert_string_equal(text_of(json_array_get(lines, 0), "code"), rows[i].code);
        if (rows[i].text != NULL) {
            assert_string_equal(text_of(json_array_get(lines, 0), "text"), rows[i].text);
        }
        whtnxt_answer_fini(&a);
    }
    assert_int_equal(r.n_connects, 0);
    rig_close(&r);
}

static void long_input_is_cut_in_the_log(void **state)
{
    (void)state;
    struct rig r;
    char in[300] = "whtnxt://connect/";
    memset(in + 17, 'x', sizeof(in) - 18);
    in[sizeof(in) - 1] = '\0';
    rig_open(&r);
    rig_start(&r);
    assert_int_equal(rig_connect(&r, in, "user", NULL), 0);
    struct whtnxt_answer a = rig_ask(&r, WHTNXT_METHOD_GET_LOG, NULL);
    const json_t *lines = json_object_get(a.result, "lines");
    const char *text = text_of(json_array_get(lines, json_array_size(lines) - 1), "text");
    assert_int_equal(strlen(strrchr(text, ' ')), 1 + 64 + 3);
    whtnxt_answer_fini(&a);
    rig_close(&r);
}

struct failure {
    int error;
    const char *where;
    const char *code;
};

static void fails(struct rig *r, const struct failure *f)
{
    uint64_t id = rig_connect(r, link_to(r->peers[0]), "user", NULL);
    rig_state(r, NULL, r->connect.id, WHTNXT_STAGE_FAILED, WHY(f->error, f->where));
    rig_expect_attempt(r, id, "failed", f->code);
}

static void failures_have_causes(void **state)
{
    (void)state;
    static const struct failure rows[] = {
        {-LP2P_E_NO_ADDRESS, "look", "NOT_ON_LAN_NO_RELAY"},
        {-LP2P_E_PEER_ID, "noise", "PEER_ID_MISMATCH"},
        {-LP2P_E_REFUSED, "dial", "PEER_UNREACHABLE"},
        {-LP2P_E_TIMEOUT, "noise", "HANDSHAKE_TIMEOUT"},
        {-LP2P_E_DECLINED, "identify", "DECLINED"},
        {-LP2P_E_TIMEOUT, "", "TIMED_OUT"},
    };
    struct rig r;
    rig_open(&r);
    rig_start(&r);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        fails(&r, &rows[i]);
    }
    rig_close(&r);
}

static void a_name_that_is_not_found_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        int error;
        const char *text;
    } rows[] = {
        {"/dns4/host.example/tcp/4001", -LP2P_E_NOT_FOUND,
         "The name host.example in this link cannot be found."},
        {"/dnsaddr/relay.example", -LP2P_E_TIMEOUT,
         "The name relay.example in this link cannot be found."},
        {"/ip4/192.0.2.1/tcp/1", -LP2P_E_NO_ADDRESS,
         "The name of a computer in this link cannot be found."},
        {"/dns", -LP2P_E_DECODE, "The name of a computer in this link cannot be found."},
        {"", -LP2P_E_IO, "The name of a computer in this link cannot be found."},
    };
    struct rig r;
    rig_open(&r);
    rig_start(&r);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t id = rig_connect(&r, link_to(r.peers[0]), "user", NULL);
        rig_state(&r, NULL, r.connect.id, WHTNXT_STAGE_FAILED,
                  WHY_AT(rows[i].error, "dns", rows[i].path));
        rig_expect_attempt(&r, id, "failed", "DNS_FAILED");
        json_t *a = rig_attempt(&r, id);
        assert_string_equal(text_of(a, "text"), rows[i].text);
        json_decref(a);
    }
    rig_close(&r);
}

/* Without a network nobody else is to blame. */
static void offline_is_ours(void **state)
{
    (void)state;
    static const struct failure rows[] = {
        {-LP2P_E_NO_ADDRESS, "look", "NO_NETWORK"}, {-LP2P_E_UNREACHABLE, "dial", "NO_NETWORK"},
        {-LP2P_E_TIMEOUT, "dial", "NO_NETWORK"},    {-LP2P_E_TIMEOUT, "dns", "NO_NETWORK"},
        {-LP2P_E_TIMEOUT, "", "NO_NETWORK"},        {-LP2P_E_PEER_ID, "noise", "PEER_ID_MISMATCH"},
    };
    struct rig r;
    rig_open(&r);
    rig_start(&r);
    r.offline = true;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        fails(&r, &rows[i]);
    }
    rig_close(&r);
}

/* Nobody looks for a peer whose address was typed: that it is not found is no explanation. */
static void typed_addresses_are_not_looked_for(void **state)
{
    (void)state;
    struct rig r;
    char addr[200];
    rig_open(&r);
    rig_start(&r);
    snprintf(addr, sizeof(addr), "/dns4/localhost/tcp/4001/p2p/%s", r.peers[0]);
    struct whtnxt_answer a = rig_ask(&r, WHTNXT_METHOD_CONNECT,
                                     json_pack("{s:s,s:s}", "multiaddr", addr, "source", "user"));
    assert_non_null(a.result);
    uint64_t id = (uint64_t)json_integer_value(json_object_get(a.result, "attempt"));
    whtnxt_answer_fini(&a);
    assert_int_equal(r.connect.look_ms, 0);
    rig_state(&r, NULL, r.connect.id, WHTNXT_STAGE_FAILED, WHY(-LP2P_E_NO_ADDRESS, "dial"));
    rig_expect_attempt(&r, id, "failed", "PEER_UNREACHABLE");
    rig_close(&r);
}

static void main_has_a_clock_too(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    rig_start(&r);
    uint64_t id = rig_connect(&r, link_to(r.peers[0]), "user", NULL);
    uint64_t try = r.connect.id;
    rig_run(&r, 16900);
    rig_expect_attempt(&r, id, "looking", "");
    rig_run(&r, 200);
    rig_expect_attempt(&r, id, "failed", "TIMED_OUT");
    assert_int_equal(r.cancelled, try);
    rig_close(&r);
}

static void cancelling(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    rig_start(&r);
    uint64_t id = rig_connect(&r, link_to(r.peers[0]), "user", NULL);
    uint64_t try = r.connect.id;
    struct whtnxt_answer a = rig_ask(&r, WHTNXT_METHOD_CANCEL,
                                     json_pack("{s:I}", "attempt", (json_int_t)id));
    assert_non_null(a.result);
    whtnxt_answer_fini(&a);
    assert_int_equal(r.cancelled, try);
    rig_expect_attempt(&r, id, "cancelled", "CANCELLED");
    a = rig_ask(&r, WHTNXT_METHOD_CANCEL, json_pack("{s:I}", "attempt", (json_int_t)id));
    assert_string_equal(a.code, "ATTEMPT_UNKNOWN");
    whtnxt_answer_fini(&a);
    /* What the node still says of it changes nothing. */
    rig_state(&r, NULL, try, WHTNXT_STAGE_FAILED, WHY(-LP2P_E_CANCELLED, ""));
    rig_expect_attempt(&r, id, "cancelled", "CANCELLED");
    rig_close(&r);
}

static void survives_the_node(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    rig_start(&r);
    uint64_t id = rig_connect(&r, link_to(r.peers[0]), "user", NULL);
    uint64_t try = r.connect.id;
    rig_state(&r, NULL, try, WHTNXT_STAGE_DIALING, FINE);
    rig_exit(&r, SIGKILL);
    rig_expect_attempt(&r, id, "queued", "NODE_STARTING");
    rig_again(&r);
    assert_int_equal(r.n_connects, 2);
    assert_int_not_equal(r.connect.id, try);
    rig_close(&r);
}

/* A node that will not run is what the user reads, at once, and not that time was up. */
static void no_node_is_said_at_once(void **state)
{
    (void)state;
    struct rig r;
    char code[64];
    rig_open(&r);
    rig_start(&r);
    uint64_t id = rig_connect(&r, link_to(r.peers[0]), "user", NULL);
    whtnxt_model_exited(r.m, r.now, 0, "not found");
    rig_act(&r);
    json_t *a = rig_attempt(&r, id);
    assert_string_equal(text_of(a, "code"), "NODE_MISSING");
    assert_string_equal(text_of(a, "stage"), "failed");
    assert_string_equal(text_of(a, "text"),
                        "The network part (whtnxt-node) cannot be started. not found");
    json_decref(a);
    assert_int_equal(rig_connect(&r, link_to(r.peers[1]), "user", code), 0);
    assert_string_equal(code, "NODE_MISSING");
    /* Found again. */
    rig_run(&r, 1000);
    assert_true(rig_connect(&r, link_to(r.peers[1]), "user", code) > 0);
    rig_again(&r);
    assert_int_equal(r.n_connects, 2);
    id = rig_connect(&r, link_to(r.peers[0]), "user", NULL);
    for (int i = 0; i < 5; i++) {
        rig_exit(&r, SIGSEGV);
        rig_run(&r, 3300);
    }
    rig_expect_node(&r, "unstable");
    rig_expect_attempt(&r, id, "failed", "NODE_UNSTABLE");
    rig_close(&r);
}

static void silence_has_its_own_sentence(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    rig_start(&r);
    r.answers = false;
    json_decref(rig_status(&r));
    rig_run(&r, 2500);
    json_t *s = rig_status(&r);
    const json_t *error = json_object_get(json_object_get(s, "node"), "error");
    assert_string_equal(text_of(error, "text"), "The network part does not answer.");
    assert_string_equal(text_of(error, "code"), "NODE_DOWN");
    json_decref(s);
    rig_close(&r);
}

static void expect_lan_link(struct rig *r, const char *code)
{
    struct whtnxt_answer a = rig_ask(r, WHTNXT_METHOD_GET_LINK, json_pack("{s:b}", "lan", 1));
    assert_string_equal(a.code, code);
    assert_int_equal(a.result != NULL && strstr(text_of(a.result, "url"), "addr=") != NULL,
                     *code == '\0');
    whtnxt_answer_fini(&a);
}

/* A link with our addresses is not given without them. */
static void a_lan_link_has_addresses(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    whtnxt_model_start(r.m, r.now, &r.id, NULL);
    rig_act(&r);
    expect_lan_link(&r, "NODE_STARTING");
    rig_again(&r);
    expect_lan_link(&r, "");
    rig_exit(&r, SIGKILL);
    expect_lan_link(&r, "NODE_STARTING");
    rig_again(&r);
    r.alone = true;
    rig_idle(&r);
    expect_lan_link(&r, "NO_NETWORK");
    rig_close(&r);
}

static void too_many_attempts(void **state)
{
    (void)state;
    struct rig r;
    char code[64] = "";
    rig_open(&r);
    rig_start(&r);
    for (unsigned i = 0; i <= WHTNXT_MODEL_RUNNING; i++) {
        struct lp2p_peer_id id;
        char text[LP2P_PEER_ID_TEXT_SIZE];
        rig_id(&r, (uint8_t)(100 + i), &id);
        lp2p_peer_id_format(&id, text);
        uint64_t a = rig_connect(&r, link_to(text), "user", code);
        assert_int_equal(a != 0, i < WHTNXT_MODEL_RUNNING);
    }
    assert_string_equal(code, "LIMIT_REACHED");
    rig_close(&r);
}

/* ---- links of the operating system ---- */

static void one_question_for_many_links(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    rig_start(&r);
    assert_true(rig_connect(&r, link_to(r.peers[0]), "os", NULL) > 0);
    assert_int_equal(rig_connect(&r, link_to(r.peers[1]), "os", NULL), 0);
    assert_int_equal(rig_connect(&r, link_to(r.peers[2]), "os", NULL), 0);
    assert_int_equal(rig_connect(&r, link_to(r.peers[2]), "os", NULL), 0);
    assert_int_equal(r.n_connects, 1);
    /* The same id, and what is pasted, is not held back. */
    assert_true(rig_connect(&r, link_to(r.peers[0]), "os", NULL) > 0);
    assert_true(rig_connect(&r, link_to(r.peers[3]), "user", NULL) > 0);
    assert_int_equal(r.n_connects, 2);
    json_t *s = rig_status(&r);
    const json_t *links = json_object_get(s, "links");
    assert_int_equal(json_array_size(links), 1);
    const json_t *q = json_array_get(links, 0);
    assert_int_equal(json_array_size(json_object_get(q, "peers")), 2);
    json_int_t id = json_integer_value(json_object_get(q, "id"));
    json_decref(s);
    struct whtnxt_answer a = rig_ask(
        &r, WHTNXT_METHOD_ANSWER_LINK,
        json_pack("{s:I,s:b,s:s}", "id", id, "connect", 1, "peerId", r.peers[2]));
    assert_int_equal(json_array_size(json_object_get(a.result, "attempts")), 1);
    whtnxt_answer_fini(&a);
    assert_int_equal(r.n_connects, 3);
    assert_string_equal(r.connect.peer, r.peers[2]);
    a = rig_ask(&r, WHTNXT_METHOD_ANSWER_LINK, json_pack("{s:I,s:b}", "id", id, "connect", 1));
    assert_string_equal(a.code, "QUESTION_UNKNOWN");
    whtnxt_answer_fini(&a);
    rig_close(&r);
}

static void ten_seconds_later_it_is_the_first_again(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    rig_start(&r);
    assert_true(rig_connect(&r, link_to(r.peers[0]), "os", NULL) > 0);
    rig_run(&r, 9900);
    assert_int_equal(rig_connect(&r, link_to(r.peers[1]), "os", NULL), 0);
    rig_run(&r, 200);
    assert_true(rig_connect(&r, link_to(r.peers[1]), "os", NULL) > 0);
    rig_close(&r);
}

static void confirm_setting(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    rig_start(&r);
    struct whtnxt_answer a = rig_ask(&r, WHTNXT_METHOD_SETTINGS_SET,
                                     json_pack("{s:s,s:s}", "key", "links.confirm", "value", "x"));
    assert_string_equal(a.code, "SETTING_REFUSED");
    whtnxt_answer_fini(&a);
    a = rig_ask(&r, WHTNXT_METHOD_SETTINGS_SET,
                json_pack("{s:s,s:s}", "key", "links.confirm", "value", "always"));
    assert_non_null(a.result);
    whtnxt_answer_fini(&a);
    assert_int_equal(rig_connect(&r, link_to(r.peers[0]), "os", NULL), 0);
    assert_true(rig_connect(&r, link_to(r.peers[0]), "user", NULL) > 0);
    rig_close(&r);
}

/* ---- peers ---- */

static void connect_and_lose(struct rig *r)
{
    rig_start(r);
    rig_connect(r, link_to(r->peers[0]), "user", NULL);
    assert_false(r->connect.background);
    rig_state(r, r->peers[0], r->connect.id, WHTNXT_STAGE_CONNECTED, FINE);
    r->n_connects = 0;
}

static void wanted_peers_come_back(void **state)
{
    (void)state;
    struct rig r;
    static const uint64_t least[] = {750, 1500, 3750, 7500, 22500, 45000, 45000};
    static const uint64_t most[] = {1000, 2000, 5000, 10000, 30000, 60000, 60000};
    rig_open(&r);
    connect_and_lose(&r);
    rig_idle(&r);
    assert_int_equal(r.n_connects, 1); /* at once */
    assert_int_equal(r.connect.n_addrs, 1);
    assert_int_equal(r.connect.addrs[0].source, WHTNXT_ADDR_REMEMBERED);
    assert_int_equal(r.connect.look_ms, 0);
    assert_true(r.connect.background);
    for (size_t i = 0; i < 7; i++) {
        uint64_t failed = r.now;
        size_t before = r.n_connects;
        rig_state(&r, NULL, r.connect.id, WHTNXT_STAGE_FAILED, WHY(-LP2P_E_REFUSED, "dial"));
        while (r.n_connects == before) {
            rig_run(&r, 50);
        }
        assert_in_range(r.now - failed, least[i], most[i] + 50);
    }
    /* A paste ignores the back-off. */
    rig_state(&r, NULL, r.connect.id, WHTNXT_STAGE_FAILED, WHY(-LP2P_E_REFUSED, "dial"));
    size_t before = r.n_connects;
    assert_true(rig_connect(&r, link_to(r.peers[0]), "user", NULL) > 0);
    assert_int_equal(r.n_connects, before + 1);
    rig_close(&r);
}

/* The schedule begins anew in another network and after a sleep, and with nothing else. */
static void begins_anew(unsigned *what, struct rig *r)
{
    connect_and_lose(r);
    rig_idle(r);
    for (size_t i = 0; i < 6; i++) {
        size_t before = r->n_connects;
        rig_state(r, NULL, r->connect.id, WHTNXT_STAGE_FAILED, WHY(-LP2P_E_REFUSED, "dial"));
        while (i < 5 && r->n_connects == before) {
            rig_run(r, 50);
        }
    }
    size_t before = r->n_connects;
    rig_run(r, 1000);
    rig_idle(r);
    rig_run(r, 1000);
    assert_int_equal(r->n_connects, before);
    ++*what;
    rig_idle(r);
    rig_run(r, 50);
    assert_int_equal(r->n_connects, before + 1);
    /* From its beginning. */
    rig_state(r, NULL, r->connect.id, WHTNXT_STAGE_FAILED, WHY(-LP2P_E_REFUSED, "dial"));
    rig_run(r, 1050);
    assert_int_equal(r->n_connects, before + 2);
    rig_close(r);
}

static void another_network_is_another_chance(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    begins_anew(&r.network, &r);
}

static void waking_up_is_another_chance(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    begins_anew(&r.resumes, &r);
}

static void wanted_peers_survive_a_new_main(void **state)
{
    (void)state;
    struct rig r;
    struct rig again;
    rig_open(&r);
    connect_and_lose(&r);
    json_t *saved = whtnxt_model_peers(r.m);
    rig_close(&r);
    rig_open(&again);
    assert_int_equal(whtnxt_model_load_peers(again.m, saved), 0);
    rig_start(&again);
    assert_int_equal(again.n_connects, 1);
    assert_string_equal(again.connect.peer, again.peers[0]);
    rig_close(&again);
    json_decref(saved);
}

static void disconnecting_is_meant(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    connect_and_lose(&r);
    struct whtnxt_answer a = rig_ask(&r, WHTNXT_METHOD_DISCONNECT,
                                     json_pack("{s:s}", "peerId", r.peers[0]));
    assert_non_null(a.result);
    whtnxt_answer_fini(&a);
    assert_string_equal(r.disconnected, r.peers[0]);
    assert_string_equal(r.refused, r.peers[0]);
    assert_true(r.refused_on);
    rig_idle(&r);
    rig_run(&r, 120000);
    assert_int_equal(r.n_connects, 0);
    /* A new node hears of it too. */
    r.refused[0] = '\0';
    rig_exit(&r, SIGKILL);
    rig_again(&r);
    assert_string_equal(r.refused, r.peers[0]);
    /* Connecting again is welcome again. */
    assert_true(rig_connect(&r, link_to(r.peers[0]), "user", NULL) > 0);
    assert_false(r.refused_on);
    a = rig_ask(&r, WHTNXT_METHOD_DISCONNECT, json_pack("{s:s}", "peerId", r.peers[1]));
    assert_string_equal(a.code, "NOT_CONNECTED");
    whtnxt_answer_fini(&a);
    rig_close(&r);
}

static void declined_clears_wanted(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    connect_and_lose(&r);
    rig_idle(&r);
    assert_int_equal(r.n_connects, 1);
    rig_state(&r, NULL, r.connect.id, WHTNXT_STAGE_FAILED, WHY(-LP2P_E_DECLINED, "identify"));
    rig_run(&r, 120000);
    assert_int_equal(r.n_connects, 1);
    rig_close(&r);
}

static void blocking(void **state)
{
    (void)state;
    struct rig r;
    char code[64];
    rig_open(&r);
    connect_and_lose(&r);
    struct whtnxt_answer a = rig_ask(&r, WHTNXT_METHOD_BLOCK,
                                     json_pack("{s:s}", "peerId", r.peers[0]));
    assert_non_null(a.result);
    whtnxt_answer_fini(&a);
    assert_true(r.refused_on);
    rig_idle(&r);
    assert_int_equal(r.n_connects, 0);
    assert_int_equal(rig_connect(&r, link_to(r.peers[0]), "user", code), 0);
    assert_string_equal(code, "PEER_BLOCKED");
    rig_close(&r);
}

static void files_that_are_not_ours_to_rewrite(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    json_t *newer = json_pack("{s:i,s:[]}", "version", 2, "peers");
    assert_int_equal(whtnxt_model_load_peers(r.m, newer), -LP2P_E_VERSION);
    json_decref(newer);
    connect_and_lose(&r);
    assert_int_equal(r.saves, 0);
    json_t *bad = json_pack("{s:i,s:[{s:s}]}", "version", 1, "peers", "id", "x");
    assert_int_equal(whtnxt_model_load_peers(r.m, bad), -LP2P_E_DECODE);
    json_decref(bad);
    newer = json_pack("{s:i}", "version", 9);
    assert_int_equal(whtnxt_model_load_settings(r.m, newer), -LP2P_E_VERSION);
    json_decref(newer);
    /* Half a file: nothing of it is taken. */
    json_t *before = whtnxt_model_settings(r.m);
    json_t *half = json_pack("{s:i,s:i,s:s}", "version", 1, "listen.port", 5555, "links.confirm",
                             "perhaps");
    assert_int_equal(whtnxt_model_load_settings(r.m, half), -LP2P_E_DECODE);
    json_t *after = whtnxt_model_settings(r.m);
    assert_true(json_equal(before, after));
    json_decref(before);
    json_decref(half);
    json_decref(after);
    assert_int_equal(whtnxt_model_load_peers(r.m, NULL), 0);
    size_t saves = r.saves;
    whtnxt_model_lock_peers(r.m);
    connect_and_lose(&r);
    assert_int_equal(r.saves, saves);
    rig_close(&r);
}

/* Always the full shape, in every state of the node. */
static void full_shape(void **state)
{
    (void)state;
    static const char *const keys[] = {
        "nodeStarted",    "peerId", "multiaddrs",   "discoveredPeers",
        "connectedPeers", "boot",   "seq",          "ageMs",
        "node",           "link",   "connections",  "attempts",
        "links",          "peers",  "reachability", "limits",
        "logLast",
    };
    struct rig r;
    rig_open(&r);
    for (int step = 0; step < 4; step++) {
        if (step == 1) {
            whtnxt_model_start(r.m, r.now, &r.id, NULL);
            rig_act(&r);
        } else if (step == 2) {
            rig_again(&r);
            rig_state(&r, r.peers[0], 0, WHTNXT_STAGE_LOOKING, FINE);
        } else if (step == 3) {
            rig_exit(&r, SIGSEGV);
        }
        json_t *s = rig_status(&r);
        for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
            assert_non_null(json_object_get(s, keys[i]));
        }
        if (step == 2) {
            char want[256];
            snprintf(want, sizeof(want), "/ip4/192.0.2.7/tcp/20123/p2p/%s", r.own);
            assert_string_equal(
                json_string_value(json_array_get(json_object_get(s, "multiaddrs"), 0)), want);
            snprintf(want, sizeof(want), "whtnxt://connect/%s", r.own);
            assert_string_equal(text_of(json_object_get(s, "link"), "url"), want);
        }
        json_decref(s);
    }
    rig_close(&r);
}

static uint64_t connect_for(struct rig *r, const char *peer, json_int_t timeout_ms)
{
    json_t *params = json_pack("{s:s,s:I}", "peerId", peer, "timeoutMs", timeout_ms);
    struct whtnxt_answer a = rig_ask(r, WHTNXT_METHOD_CONNECT, params);
    const json_t *attempt = json_object_get(a.result, "attempt");
    assert_non_null(attempt);
    json_int_t id = json_integer_value(attempt);
    whtnxt_answer_fini(&a);
    return (uint64_t)id;
}

/* All of the time that was asked for may go by looking; a second wish only lengthens it. */
static void a_renderer_says_how_long(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    rig_start(&r);
    uint64_t id = connect_for(&r, r.peers[0], 40000);
    assert_int_equal(r.connect.look_ms, 40000);
    assert_true(r.connect.timeout_ms > 40000);
    size_t sent = r.n_connects;
    assert_int_equal(connect_for(&r, r.peers[0], 5000), id);
    assert_int_equal(r.n_connects, sent);
    assert_int_equal(connect_for(&r, r.peers[0], 60000), id);
    assert_int_equal(r.n_connects, sent + 1);
    assert_int_equal(r.connect.look_ms, 60000);
    rig_run(&r, 55000);
    rig_expect_attempt(&r, id, "looking", "");
    rig_run(&r, 10000);
    rig_expect_attempt(&r, id, "failed", "TIMED_OUT");
    json_t *a = rig_attempt(&r, id);
    assert_non_null(strstr(text_of(a, "text"), "within 60 seconds"));
    json_decref(a);
    /* Too short or too long is as short or as long as may be. */
    connect_for(&r, r.peers[1], 1);
    assert_int_equal(r.connect.look_ms, WHTNXT_MODEL_ATTEMPT_MIN_MS);
    connect_for(&r, r.peers[2], 10000000000);
    assert_int_equal(r.connect.look_ms, WHTNXT_MODEL_ATTEMPT_MAX_MS);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queued_until_there_is_a_node),
        cmocka_unit_test(same_link_is_one_attempt),
        cmocka_unit_test(recognised_before_dialling),
        cmocka_unit_test(bad_links_are_refused_and_logged),
        cmocka_unit_test(long_input_is_cut_in_the_log),
        cmocka_unit_test(failures_have_causes),
        cmocka_unit_test(a_name_that_is_not_found_is_named),
        cmocka_unit_test(offline_is_ours),
        cmocka_unit_test(typed_addresses_are_not_looked_for),
        cmocka_unit_test(main_has_a_clock_too),
        cmocka_unit_test(cancelling),
        cmocka_unit_test(survives_the_node),
        cmocka_unit_test(no_node_is_said_at_once),
        cmocka_unit_test(silence_has_its_own_sentence),
        cmocka_unit_test(a_lan_link_has_addresses),
        cmocka_unit_test(too_many_attempts),
        cmocka_unit_test(one_question_for_many_links),
        cmocka_unit_test(ten_seconds_later_it_is_the_first_again),
        cmocka_unit_test(confirm_setting),
        cmocka_unit_test(wanted_peers_come_back),
        cmocka_unit_test(another_network_is_another_chance),
        cmocka_unit_test(waking_up_is_another_chance),
        cmocka_unit_test(wanted_peers_survive_a_new_main),
        cmocka_unit_test(disconnecting_is_meant),
        cmocka_unit_test(declined_clears_wanted),
        cmocka_unit_test(a_renderer_says_how_long),
        cmocka_unit_test(blocking),
        cmocka_unit_test(files_that_are_not_ours_to_rewrite),
        cmocka_unit_test(full_shape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
