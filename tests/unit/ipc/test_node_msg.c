/* Main and node: every message both ways, in every state, with every member missing or wrong. */
#include "ipc/node.h"

#include "cmocka_all.h"
#include "lp2p/error.h"

#define ID "12D3KooWEyopopk8KaJGvC5P5uAkTSVnMX7yBh6yUVXAhkWnYYYu"

static void fill_ping(struct whtnxt_state *s)
{
    s->n_pings = 1;
    s->pings[0] = (struct whtnxt_ping_state){
        .id = 3,
        .ended = true,
        .error = -LP2P_E_TIMEOUT,
        .sent = 3,
        .received = 2,
        .min_us = 100,
        .max_us = 300,
        .sum_us = 400,
        .n_pongs = 2,
        .pongs_us = {100, 300},
    };
}

static void fill_state(struct whtnxt_state *s)
{
    whtnxt_state_init(s, lp2p_mem_default());
    assert_int_equal(whtnxt_state_alloc(s, 1, 1, 1, 1), 0);
    s->seq = 9;
    s->port = 20123;
    s->online = true;
    s->resumes = 2;
    s->more_discovered = 3;
    strncpy(s->limits, "desktop", sizeof(s->limits) - 1);
    strncpy(s->addrs[0], "/ip4/192.0.2.7/tcp/20123", WHTNXT_TEXT_SIZE - 1);
    s->conns[0] = (struct whtnxt_conn_state){
        .id = 4,
        .peer = ID,
        .outbound = true,
        .route = WHTNXT_ROUTE_DIRECT,
        .addr = "/ip4/192.0.2.8/tcp/1",
        .transport = "tcp",
        .security = "noise",
        .muxer = "/yamux/1.0.0",
        .agent = "whtnxt/0.1.0",
        .latency_us = 1500,
        .streams = 2,
        .bytes_in = 10,
        .bytes_out = 20,
        .since_ms = 1000,
    };
    s->attempts[0] = (struct whtnxt_attempt_state){
        .id = 7,
        .stage = WHTNXT_STAGE_FAILED,
        .error = -LP2P_E_TIMEOUT,
        .where = "noise",
        .skipped = 1,
        .n_paths = 1,
        .paths = {{.addr = "/ip4/192.0.2.8/tcp/1",
                   .source = WHTNXT_ADDR_PASTED,
                   .stage = WHTNXT_STAGE_FAILED,
                   .error = -LP2P_E_REFUSED,
                   .where = "dial",
                   .started_ms = 5,
                   .ended_ms = 6}},
    };
    fill_ping(s);
    s->discovered[0] = (struct whtnxt_peer_state){
        .id = ID,
        .app = -1,
        .source = "mdns",
        .agent = "",
        .first_ms = 1,
        .last_ms = 2,
        .n_addrs = 1,
        .n_protocols = 1,
        .more_addrs = 4,
        .more_protocols = 5,
        .addrs = {"/ip4/192.0.2.8/tcp/1"},
        .protocols = {"/ipfs/ping/1.0.0"},
    };
}

static struct whtnxt_node_msg sample(enum whtnxt_msg type)
{
    struct whtnxt_node_msg m = {.type = type};
    switch (type) {
    case WHTNXT_MSG_MAIN_HELLO:
    case WHTNXT_MSG_NODE_HELLO:
        m.hello = (struct whtnxt_hello){.protocol = WHTNXT_NODE_PROTOCOL, .version = "0.1.0"};
        break;
    case WHTNXT_MSG_START:
        m.start = (struct whtnxt_start){.port = 20001, .mdns = true, .limits = "desktop"};
        memset(m.start.seed, 0xa5, sizeof(m.start.seed));
        break;
    case WHTNXT_MSG_CONNECT:
        m.connect = (struct whtnxt_connect){
            .id = 1,
            .peer = ID,
            .timeout_ms = 15000,
            .look_ms = 10000,
            .background = true,
            .n_addrs = 1,
            .addrs = {{.addr = "/ip4/192.0.2.8/tcp/1", .source = WHTNXT_ADDR_REMEMBERED}}};
        break;
    case WHTNXT_MSG_CANCEL:
        m.cancel = 5;
        break;
    case WHTNXT_MSG_DISCONNECT:
        memcpy(m.disconnect, ID, sizeof(ID));
        break;
    case WHTNXT_MSG_REFUSE:
        m.refuse = (struct whtnxt_refuse){.peer = ID, .on = true};
        break;
    case WHTNXT_MSG_PING:
        m.ping = (struct whtnxt_ping){.id = 3, .peer = ID, .count = 4, .interval_ms = 1000};
        break;
    case WHTNXT_MSG_UNPING:
        m.unping = 3;
        break;
    case WHTNXT_MSG_ASK:
        m.ask = (struct whtnxt_ask){.n = 3, .counters = true};
        break;
    case WHTNXT_MSG_ALIVE:
        m.alive = 3;
        break;
    case WHTNXT_MSG_FATAL:
        m.fatal = (struct whtnxt_fatal){.error = -LP2P_E_PERM, .where = "listen", .text = "no"};
        break;
    case WHTNXT_MSG_LOG:
        m.log = (struct whtnxt_log_line){.level = WHTNXT_LOG_WARNING, .text = "hm"};
        break;
    case WHTNXT_MSG_STATE:
        fill_state(&m.state);
        break;
    case WHTNXT_MSG_QUIT:
    case WHTNXT_MSGS:
        break;
    }
    return m;
}

static enum whtnxt_talk first_allowed(enum whtnxt_msg type)
{
    unsigned talk = 0;
    while (!whtnxt_msg_is_allowed(type, (enum whtnxt_talk)talk)) {
        talk++;
    }
    return (enum whtnxt_talk)talk;
}

static int decode(struct lp2p_span line, enum whtnxt_msg type, struct whtnxt_node_msg *ret)
{
    return whtnxt_node_msg_decode(line, whtnxt_msg_row(type)->dir, first_allowed(type),
                                  lp2p_mem_default(), ret);
}

/* The sample's line without the newline; the buffer keeps it. */
static struct lp2p_span encode(struct lp2p_buf *b, enum whtnxt_msg type)
{
    struct whtnxt_node_msg m = sample(type);
    lp2p_buf_init(b, lp2p_mem_default(), WHTNXT_STATE_MAX);
    assert_int_equal(whtnxt_node_msg_encode(b, &m), 0);
    whtnxt_node_msg_fini(&m);
    struct lp2p_span s = lp2p_buf_span(b);
    return lp2p_span(s.p, s.n - 1);
}

static void there_and_back(void **state)
{
    (void)state;
    for (unsigned t = 0; t < WHTNXT_MSGS; t++) {
        struct lp2p_buf a;
        struct lp2p_buf b;
        struct whtnxt_node_msg m;
        struct lp2p_span line = encode(&a, (enum whtnxt_msg)t);
        assert_int_equal(decode(line, (enum whtnxt_msg)t, &m), 0);
        assert_int_equal(m.type, t);
        lp2p_buf_init(&b, lp2p_mem_default(), WHTNXT_STATE_MAX);
        assert_int_equal(whtnxt_node_msg_encode(&b, &m), 0);
        /* What is read and written again is the same line: no member was lost. */
        assert_true(lp2p_span_eq(lp2p_buf_span(&a), lp2p_buf_span(&b)));
        whtnxt_node_msg_fini(&m);
        lp2p_buf_fini(&a);
        lp2p_buf_fini(&b);
    }
}

static void members_arrive(void **state)
{
    (void)state;
    struct lp2p_buf b;
    struct whtnxt_node_msg m;
    assert_int_equal(decode(encode(&b, WHTNXT_MSG_START), WHTNXT_MSG_START, &m), 0);
    assert_int_equal(m.start.seed[31], 0xa5);
    assert_int_equal(m.start.port, 20001);
    whtnxt_node_msg_fini(&m);
    assert_int_equal(m.start.seed[31], 0);
    lp2p_buf_wipe(&b);
    assert_int_equal(decode(encode(&b, WHTNXT_MSG_STATE), WHTNXT_MSG_STATE, &m), 0);
    assert_string_equal(m.state.conns[0].peer, ID);
    assert_int_equal(m.state.conns[0].route, WHTNXT_ROUTE_DIRECT);
    assert_int_equal(m.state.attempts[0].paths[0].error, -LP2P_E_REFUSED);
    assert_int_equal(m.state.discovered[0].app, -1);
    assert_string_equal(m.state.discovered[0].protocols[0], "/ipfs/ping/1.0.0");
    whtnxt_node_msg_fini(&m);
    lp2p_buf_fini(&b);
}

/* All states against all messages, in both directions. */
static void table(void **state)
{
    (void)state;
    for (unsigned t = 0; t < WHTNXT_MSGS; t++) {
        struct lp2p_buf b;
        struct lp2p_span line = encode(&b, (enum whtnxt_msg)t);
        const struct whtnxt_msg_row *row = whtnxt_msg_row((enum whtnxt_msg)t);
        for (unsigned talk = 0; talk < WHTNXT_TALKS; talk++) {
            struct whtnxt_node_msg m;
            int r = whtnxt_node_msg_decode(line, row->dir, (enum whtnxt_talk)talk,
                                           lp2p_mem_default(), &m);
            assert_int_equal(r, (row->allowed & (1U << talk)) != 0 ? 0 : -LP2P_E_STATE);
            if (r == 0) {
                whtnxt_node_msg_fini(&m);
            }
        }
        enum whtnxt_dir other = row->dir == WHTNXT_TO_NODE ? WHTNXT_TO_MAIN : WHTNXT_TO_NODE;
        if (strcmp(row->name, "hello") != 0) {
            struct whtnxt_node_msg m;
            assert_int_equal(
                whtnxt_node_msg_decode(line, other, WHTNXT_TALK_RUNNING, lp2p_mem_default(), &m),
                -LP2P_E_UNSUPPORTED);
        }
        lp2p_buf_fini(&b);
    }
    /* The first message is a hello, whatever comes: nothing else is allowed but a last word. */
    for (unsigned t = 0; t < WHTNXT_MSGS; t++) {
        bool allowed = whtnxt_msg_is_allowed((enum whtnxt_msg)t, WHTNXT_TALK_NEW);
        assert_int_equal(allowed, t == WHTNXT_MSG_MAIN_HELLO || t == WHTNXT_MSG_NODE_HELLO ||
                                      t == WHTNXT_MSG_FATAL);
    }
}

static int decode_json(const json_t *o, enum whtnxt_msg type)
{
    struct lp2p_buf b;
    struct whtnxt_node_msg m;
    lp2p_buf_init(&b, lp2p_mem_default(), WHTNXT_STATE_MAX);
    assert_int_equal(whtnxt_json_encode(&b, o), 0);
    int r = decode(lp2p_span(lp2p_buf_span(&b).p, lp2p_buf_span(&b).n - 1), type, &m);
    if (r == 0) {
        whtnxt_node_msg_fini(&m);
    }
    lp2p_buf_fini(&b);
    return r;
}

/* Values of another kind, and too large ones of the same, instead of `good`. */
static void break_member(json_t *o, const char *name, const json_t *good, const json_t *top,
                         enum whtnxt_msg type)
{
    json_object_set_new(o, name, json_is_object(good) ? json_array() : json_object());
    assert_int_not_equal(decode_json(top, type), 0);
    json_object_set_new(o, name, json_real(0.5));
    assert_int_not_equal(decode_json(top, type), 0);
    if (json_is_integer(good)) {
        json_object_set_new(o, name, json_integer(-1));
        assert_int_not_equal(decode_json(top, type), 0);
    }
    if (json_is_string(good)) {
        /* Longer than anything that is allowed. */
        char *longer = calloc(1, 4097);
        assert_non_null(longer);
        memset(longer, 'a', 4096);
        json_object_set_new(o, name, json_string(longer));
        assert_int_not_equal(decode_json(top, type), 0);
        free(longer);
    }
}

/* Every member of `o`, and of what is inside: missing, then of another kind. `top` is what is
 * decoded. Returns how many were tried. */
static size_t break_members(json_t *o, const json_t *top, enum whtnxt_msg type)
{
    size_t tried = 0;
    char names[32][32];
    size_t n = 0;
    const char *key;
    json_t *v;
    /* A member that is put back goes to the end: walk a copy. */
    json_object_foreach(o, key, v)
    {
        assert_true(n < 32 && strlen(key) < 32);
        strncpy(names[n], key, 31);
        names[n++][31] = '\0';
    }
    for (size_t i = 0; i < n; i++) {
        json_t *good = json_incref(json_object_get(o, names[i]));
        json_object_del(o, names[i]);
        assert_int_not_equal(decode_json(top, type), 0);
        break_member(o, names[i], good, top, type);
        json_object_set(o, names[i], good);
        tried++;
        if (json_is_object(good)) {
            tried += break_members(good, top, type);
        }
        if (json_is_array(good) && json_is_object(json_array_get(good, 0))) {
            tried += break_members(json_array_get(good, 0), top, type);
        }
        json_decref(good);
        assert_int_equal(decode_json(top, type), 0);
    }
    return tried;
}

static void every_member_missing_or_wrong(void **state)
{
    (void)state;
    size_t tried = 0;
    for (unsigned t = 0; t < WHTNXT_MSGS; t++) {
        struct lp2p_buf b;
        json_t *o = NULL;
        assert_int_equal(whtnxt_json_decode(encode(&b, (enum whtnxt_msg)t), &o), 0);
        tried += break_members(o, o, (enum whtnxt_msg)t);
        json_decref(o);
        lp2p_buf_fini(&b);
    }
    assert_true(tried > 80);
}

#define ZEROS "00000000000000000000000000000000000000000000000000"

static void bad_values(void **state)
{
    (void)state;
    static const struct {
        enum whtnxt_msg type;
        const char *line;
    } rows[] = {
        {WHTNXT_MSG_CANCEL, "{\"t\":\"cancel\",\"id\":9223372036854775808}"},
        {WHTNXT_MSG_DISCONNECT, "{\"t\":\"disconnect\",\"peer\":\"12D3KooW0\"}"},
        {WHTNXT_MSG_DISCONNECT, "{\"t\":\"disconnect\",\"peer\":\"\"}"},
        {WHTNXT_MSG_LOG, "{\"t\":\"log\",\"level\":\"loud\",\"text\":\"x\"}"},
        {WHTNXT_MSG_FATAL, "{\"t\":\"fatal\",\"error\":\"EVIL\",\"where\":\"x\",\"text\":\"\"}"},
        {WHTNXT_MSG_FATAL, "{\"t\":\"fatal\",\"error\":null,\"where\":\"a\\u001b\",\"text\":\"\"}"},
        {WHTNXT_MSG_START, "{\"t\":\"start\",\"port\":65536,\"mdns\":true,\"limits\":\"x\","
                           "\"seed\":\"00\"}"},
        {WHTNXT_MSG_START, "{\"t\":\"start\",\"port\":1,\"mdns\":true,\"limits\":\"x\","
                           "\"seed\":\"00\"}"},
        {WHTNXT_MSG_START, "{\"t\":\"start\",\"port\":1,\"mdns\":true,\"limits\":\"x\",\"seed\":"
                           "\"" ZEROS "0000000000000g\"}"},
        {WHTNXT_MSG_START, "{\"t\":\"start\",\"port\":1,\"mdns\":true,\"limits\":\"x\",\"seed\":"
                           "\"" ZEROS "000000000000:0\"}"},
        {WHTNXT_MSG_CONNECT, "{\"t\":\"connect\",\"id\":0,\"peer\":\"" ID "\",\"timeoutMs\":1,"
                             "\"lookMs\":1,\"background\":false,\"addrs\":[]}"},
        {WHTNXT_MSG_PING,
         "{\"t\":\"ping\",\"id\":0,\"peer\":\"" ID "\",\"count\":1,\"intervalMs\":1}"},
        {WHTNXT_MSG_PING,
         "{\"t\":\"ping\",\"id\":1,\"peer\":\"" ID "\",\"count\":0,\"intervalMs\":1}"},
        {WHTNXT_MSG_PING,
         "{\"t\":\"ping\",\"id\":1,\"peer\":\"" ID "\",\"count\":31622401,\"intervalMs\":1}"},
        {WHTNXT_MSG_STATE, "{\"t\":\"state\",\"state\":[]}"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct whtnxt_node_msg m;
        assert_int_equal(decode(lp2p_span_str(rows[i].line), rows[i].type, &m), -LP2P_E_DECODE);
    }
}

/* The place in the sample's state that `path` names (members, and the first of each list). */
static json_t *state_place(json_t *o, const char *const *path)
{
    json_t *at = json_object_get(o, "state");
    for (; path[1] != NULL; path++) {
        at = json_object_get(at, path[0]);
        at = json_is_array(at) ? json_array_get(at, 0) : at;
    }
    return at;
}

/* What the members' kinds allow and the node never says. */
static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *path[4];
        const char *value;
    } rows[] = {
        {{"attempts", "stage"}, "\"queued\""},
        {{"attempts", "stage"}, "\"waiting\""},
        {{"attempts", "id"}, "0"},
        {{"attempts", "paths", "stage"}, "\"queued\""},
        {{"attempts", "paths", "stage"}, "\"waiting\""},
        {{"addrs"}, "[1]"},
        {{"addrs"}, "[\"" ZEROS ZEROS ZEROS "\"]"},
        {{"discovered", "addrs"}, "[null]"},
        {{"discovered", "protocols"}, "[{}]"},
        {{"pings", "id"}, "0"},
        {{"pings", "pongsUs"}, "[-1]"},
        {{"pings", "pongsUs"}, "[\"1\"]"},
        {{"pings", "pongsUs"}, "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]"},
        {{"pings", "received"}, "1000"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct lp2p_buf b;
        json_t *o = NULL;
        const char *const *last = rows[i].path;
        assert_int_equal(whtnxt_json_decode(encode(&b, WHTNXT_MSG_STATE), &o), 0);
        json_t *place = state_place(o, rows[i].path);
        while (last[1] != NULL) {
            last++;
        }
        assert_non_null(json_object_get(place, *last));
        json_object_set_new(place, *last, json_loads(rows[i].value, JSON_DECODE_ANY, NULL));
        assert_int_equal(decode_json(o, WHTNXT_MSG_STATE), -LP2P_E_DECODE);
        json_decref(o);
        lp2p_buf_fini(&b);
    }
}

static void more_than_a_state_holds_is_not_begun(void **state)
{
    (void)state;
    struct whtnxt_state s;
    whtnxt_state_init(&s, lp2p_mem_default());
    assert_int_equal(whtnxt_state_alloc(&s, WHTNXT_STATE_ADDRS + 1, 0, 0, 0), -LP2P_E_LIMIT);
    assert_int_equal(whtnxt_state_alloc(&s, 0, WHTNXT_STATE_CONNS + 1, 0, 0), -LP2P_E_LIMIT);
    assert_int_equal(whtnxt_state_alloc(&s, 0, 0, WHTNXT_STATE_ATTEMPTS + 1, 0), -LP2P_E_LIMIT);
    assert_int_equal(whtnxt_state_alloc(&s, 0, 0, 0, WHTNXT_STATE_DISCOVERED + 1), -LP2P_E_LIMIT);
    assert_int_equal(s.n_addrs + s.n_conns + s.n_attempts + s.n_discovered, 0);
    whtnxt_state_fini(&s);
}

static void remote_text_is_cleaned(void **state)
{
    (void)state;
    struct whtnxt_node_msg m;
    assert_int_equal(decode(lp2p_span_str("{\"t\":\"log\",\"level\":\"info\",\"text\":\"a\\n\\u202e"
                                          "b\"}"),
                            WHTNXT_MSG_LOG, &m),
                     0);
    assert_string_equal(m.log.text, "a??b");
    whtnxt_node_msg_fini(&m);
}

/* One address that is none does not cost the others their try, and not the node its life. */
static void an_odd_address_is_cleaned(void **state)
{
    (void)state;
    struct whtnxt_node_msg m;
    static const char line[] =
        "{\"t\":\"connect\",\"id\":1,\"peer\":\"11111111\",\"timeoutMs\":1,\"lookMs\":1,"
        "\"background\":false,\"addrs\":[{\"addr\":\"/tcp/1\\u0007\",\"source\":\"link\"}]}";
    assert_int_equal(decode(lp2p_span_str(line), WHTNXT_MSG_CONNECT, &m), 0);
    assert_string_equal(m.connect.addrs[0].addr, "/tcp/1?");
    whtnxt_node_msg_fini(&m);
}

static void too_many_of_each_list(void **state)
{
    (void)state;
    static const struct {
        const char *list;
        size_t max;
    } rows[] = {{"addrs", WHTNXT_STATE_ADDRS},
                {"conns", WHTNXT_STATE_CONNS},
                {"attempts", WHTNXT_STATE_ATTEMPTS},
                {"discovered", WHTNXT_STATE_DISCOVERED},
                {"pings", WHTNXT_STATE_PINGS}};
    struct lp2p_buf b;
    json_t *o = NULL;
    assert_int_equal(whtnxt_json_decode(encode(&b, WHTNXT_MSG_STATE), &o), 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_t *list = json_object_get(json_object_get(o, "state"), rows[i].list);
        while (json_array_size(list) < rows[i].max) {
            json_array_append(list, json_array_get(list, 0));
        }
        assert_int_equal(decode_json(o, WHTNXT_MSG_STATE), 0);
        json_array_append(list, json_array_get(list, 0));
        assert_int_equal(decode_json(o, WHTNXT_MSG_STATE), -LP2P_E_DECODE);
        json_array_remove(list, json_array_size(list) - 1);
    }
    json_decref(o);
    lp2p_buf_fini(&b);
}

/* The fullest state a node can send fits the line. */
static void fullest_state_fits(void **state)
{
    (void)state;
    struct whtnxt_state s;
    struct whtnxt_state one;
    struct lp2p_buf b;
    fill_state(&one);
    memset(one.conns[0].agent, 'a', WHTNXT_TEXT_SIZE - 1);
    memset(one.conns[0].addr, 'a', WHTNXT_TEXT_SIZE - 1);
    one.attempts[0].n_paths = WHTNXT_STATE_PATHS;
    for (size_t i = 0; i < WHTNXT_STATE_PATHS; i++) {
        one.attempts[0].paths[i] = one.attempts[0].paths[0];
        memset(one.attempts[0].paths[i].addr, 'a', WHTNXT_TEXT_SIZE - 1);
    }
    one.discovered[0].n_addrs = WHTNXT_STATE_LIST;
    one.discovered[0].n_protocols = WHTNXT_STATE_LIST;
    for (size_t i = 0; i < WHTNXT_STATE_LIST; i++) {
        memset(one.discovered[0].addrs[i], 'a', WHTNXT_TEXT_SIZE - 1);
        memset(one.discovered[0].protocols[i], 'a', WHTNXT_TEXT_SIZE - 1);
    }
    whtnxt_state_init(&s, lp2p_mem_default());
    assert_int_equal(whtnxt_state_alloc(&s, WHTNXT_STATE_ADDRS, WHTNXT_STATE_CONNS,
                                        WHTNXT_STATE_ATTEMPTS, WHTNXT_STATE_DISCOVERED),
                     0);
    for (size_t i = 0; i < s.n_conns; i++) {
        s.conns[i] = one.conns[0];
    }
    for (size_t i = 0; i < s.n_attempts; i++) {
        s.attempts[i] = one.attempts[0];
    }
    for (size_t i = 0; i < s.n_discovered; i++) {
        s.discovered[i] = one.discovered[0];
    }
    s.n_pings = WHTNXT_STATE_PINGS;
    for (size_t i = 0; i < s.n_pings; i++) {
        s.pings[i] = one.pings[0];
        s.pings[i].received = s.pings[i].sent = INT64_MAX;
        s.pings[i].n_pongs = WHTNXT_STATE_PONGS;
        memset(s.pings[i].pongs_us, 0x7f, sizeof(s.pings[i].pongs_us));
    }
    struct whtnxt_node_msg m = {.type = WHTNXT_MSG_STATE, .state = s};
    lp2p_buf_init(&b, lp2p_mem_default(), WHTNXT_STATE_MAX + 1);
    assert_int_equal(whtnxt_node_msg_encode(&b, &m), 0);
    lp2p_buf_fini(&b);
    whtnxt_node_msg_fini(&m);
    whtnxt_state_fini(&one);
}

/* ---- memory ---- */

static long countdown;

static void *failing_alloc(size_t n)
{
    return countdown-- > 0 ? malloc(n) : NULL;
}

static void *mem_alloc(void *ctx, size_t n)
{
    (void)ctx;
    return failing_alloc(n);
}

static void *mem_resize(void *ctx, void *p, size_t n)
{
    (void)ctx;
    return countdown-- > 0 ? realloc(p, n) : NULL;
}

static void mem_free(void *ctx, void *p)
{
    (void)ctx;
    free(p);
}

static void out_of_memory(void **state)
{
    (void)state;
    static const struct lp2p_mem mem = {.alloc = mem_alloc, .resize = mem_resize, .free = mem_free};
    struct lp2p_buf good;
    struct lp2p_span line = encode(&good, WHTNXT_MSG_STATE);
    json_set_alloc_funcs(failing_alloc, free);
    int r = -1;
    long n = 0;
    for (; r != 0 && n < 5000; n++) {
        struct whtnxt_node_msg m = {.type = WHTNXT_MSGS};
        struct lp2p_buf b;
        countdown = n;
        lp2p_buf_init(&b, &mem, WHTNXT_STATE_MAX);
        r = whtnxt_node_msg_decode(line, WHTNXT_TO_MAIN, WHTNXT_TALK_RUNNING, &mem, &m);
        r = r != 0 ? r : whtnxt_node_msg_encode(&b, &m);
        whtnxt_node_msg_fini(&m);
        lp2p_buf_fini(&b);
        /* jansson does not always say that it was the memory. */
        assert_true(r == 0 || r == -LP2P_E_NOMEM || r == -LP2P_E_DECODE);
    }
    assert_true(r == 0 && n > 100);
    whtnxt_json_init();
    lp2p_buf_fini(&good);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(members_arrive),
        cmocka_unit_test(table),
        cmocka_unit_test(every_member_missing_or_wrong),
        cmocka_unit_test(bad_values),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(more_than_a_state_holds_is_not_begun),
        cmocka_unit_test(remote_text_is_cleaned),
        cmocka_unit_test(an_odd_address_is_cleaned),
        cmocka_unit_test(too_many_of_each_list),
        cmocka_unit_test(fullest_state_fits),
        cmocka_unit_test(out_of_memory),
    };
    whtnxt_json_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
