#include "ipc/state.h"

#include <string.h>

#include "base/assert.h"
#include "base/text.h"
#include "ipc/fields_priv.h"
#include "lp2p/error.h"

static const char *const stage_words[WHTNXT_STAGES] = {
    "queued",    "looking", "dialing", "securing",  "identifying",
    "connected", "waiting", "failed",  "cancelled",
};
const char *const fields_source_words[WHTNXT_ADDR_SOURCES] = {
    "typed", "pasted", "link", "mdns", "peer", "remembered",
};
static const char *const route_words[WHTNXT_ROUTES] = {"lan", "direct", "relay"};

const char *whtnxt_stage_word(enum whtnxt_stage stage)
{
    LP2P_ASSERT((unsigned)stage < WHTNXT_STAGES);
    return stage_words[stage];
}

const char *whtnxt_addr_source_word(enum whtnxt_addr_source source)
{
    LP2P_ASSERT((unsigned)source < WHTNXT_ADDR_SOURCES);
    return fields_source_words[source];
}

const char *whtnxt_route_word(enum whtnxt_route route)
{
    LP2P_ASSERT((unsigned)route < WHTNXT_ROUTES);
    return route_words[route];
}

bool whtnxt_stage_has_ended(enum whtnxt_stage stage)
{
    return stage == WHTNXT_STAGE_CONNECTED || stage == WHTNXT_STAGE_FAILED ||
           stage == WHTNXT_STAGE_CANCELLED;
}

/* ---- memory ---- */

void whtnxt_state_init(struct whtnxt_state *s, const struct lp2p_mem *mem)
{
    *s = (struct whtnxt_state){.mem = mem};
}

void whtnxt_state_fini(struct whtnxt_state *s)
{
    lp2p_free(s->mem, s->addrs);
    lp2p_free(s->mem, s->conns);
    lp2p_free(s->mem, s->attempts);
    lp2p_free(s->mem, s->discovered);
    whtnxt_state_init(s, s->mem);
}

static int state_list(const struct lp2p_mem *mem, size_t n, size_t size, void **ret)
{
    if (n == 0) {
        return 0;
    }
    *ret = lp2p_calloc(mem, n, size);
    return *ret == NULL ? -LP2P_E_NOMEM : 0;
}

int whtnxt_state_alloc(struct whtnxt_state *s, size_t addrs, size_t conns, size_t attempts,
                       size_t discovered)
{
    if (addrs > WHTNXT_STATE_ADDRS || conns > WHTNXT_STATE_CONNS ||
        attempts > WHTNXT_STATE_ATTEMPTS || discovered > WHTNXT_STATE_DISCOVERED) {
        return -LP2P_E_LIMIT;
    }
    void *p[4] = {NULL, NULL, NULL, NULL};
    int r = state_list(s->mem, addrs, sizeof(*s->addrs), &p[0]);
    r = r != 0 ? r : state_list(s->mem, conns, sizeof(*s->conns), &p[1]);
    r = r != 0 ? r : state_list(s->mem, attempts, sizeof(*s->attempts), &p[2]);
    r = r != 0 ? r : state_list(s->mem, discovered, sizeof(*s->discovered), &p[3]);
    if (r != 0) {
        for (size_t i = 0; i < LP2P_COUNT(p); i++) {
            lp2p_free(s->mem, p[i]);
        }
        return r;
    }
    s->n_addrs = addrs;
    s->addrs = p[0];
    s->n_conns = conns;
    s->conns = p[1];
    s->n_attempts = attempts;
    s->attempts = p[2];
    s->n_discovered = discovered;
    s->discovered = p[3];
    return 0;
}

/* ---- members ---- */

#define CONN(kind, member, key)       FIELD(struct whtnxt_conn_state, kind, member, key)
#define CONN_CHARS(kind, member, key) FIELD_CHARS(struct whtnxt_conn_state, kind, member, key)

static const struct field conn_fields[] = {
    CONN(NUM, id, "id"),
    CONN(ID, peer, "peer"),
    CONN(BOOL, outbound, "outbound"),
    CONN(BOOL, identified, "identified"),
    FIELD_WORDS(struct whtnxt_conn_state, route, "route", route_words, WHTNXT_ROUTES),
    CONN(OPT_ID, relay, "relay"),
    CONN_CHARS(EXACT, addr, "addr"),
    CONN_CHARS(EXACT, transport, "transport"),
    CONN_CHARS(EXACT, security, "security"),
    CONN_CHARS(EXACT, muxer, "muxer"),
    CONN_CHARS(TEXT, agent, "agent"),
    CONN(NUM, latency_us, "latencyUs"),
    CONN(NUM, streams, "streams"),
    CONN(NUM, bytes_in, "bytesIn"),
    CONN(NUM, bytes_out, "bytesOut"),
    CONN(NUM, since_ms, "sinceMs"),
};

#define PATH(kind, member, key)       FIELD(struct whtnxt_path_state, kind, member, key)
#define PATH_CHARS(kind, member, key) FIELD_CHARS(struct whtnxt_path_state, kind, member, key)

static const struct field path_fields[] = {
    PATH_CHARS(EXACT, addr, "addr"),
    FIELD_WORDS(struct whtnxt_path_state, source, "source", fields_source_words,
                WHTNXT_ADDR_SOURCES),
    FIELD_WORDS(struct whtnxt_path_state, stage, "stage", stage_words, WHTNXT_STAGES),
    PATH(ERROR, error, "error"),
    PATH_CHARS(EXACT, where, "where"),
    PATH(NUM, started_ms, "startedMs"),
    PATH(NUM, ended_ms, "endedMs"),
};

#define ATTEMPT(kind, member, key) FIELD(struct whtnxt_attempt_state, kind, member, key)

static const struct field attempt_fields[] = {
    ATTEMPT(NUM, id, "id"),
    FIELD_WORDS(struct whtnxt_attempt_state, stage, "stage", stage_words, WHTNXT_STAGES),
    ATTEMPT(ERROR, error, "error"),
    FIELD_CHARS(struct whtnxt_attempt_state, EXACT, where, "where"),
    ATTEMPT(NUM, skipped, "skipped"),
};

#define PEER(kind, member, key)       FIELD(struct whtnxt_peer_state, kind, member, key)
#define PEER_CHARS(kind, member, key) FIELD_CHARS(struct whtnxt_peer_state, kind, member, key)

static const struct field peer_fields[] = {
    PEER(ID, id, "id"),
    PEER(MAYBE, app, "app"),
    PEER_CHARS(EXACT, source, "source"),
    PEER_CHARS(TEXT, agent, "agent"),
    PEER(NUM, first_ms, "firstMs"),
    PEER(NUM, last_ms, "lastMs"),
    PEER(NUM, more_addrs, "moreAddrs"),
    PEER(NUM, more_protocols, "moreProtocols"),
};

#define PING(kind, member, key) FIELD(struct whtnxt_ping_state, kind, member, key)

static const struct field ping_fields[] = {
    PING(NUM, id, "id"),        PING(BOOL, ended, "ended"),      PING(ERROR, error, "error"),
    PING(NUM, sent, "sent"),    PING(NUM, received, "received"), PING(NUM, min_us, "minUs"),
    PING(NUM, max_us, "maxUs"), PING(NUM, sum_us, "sumUs"),
};

#define STATE(kind, member, key) FIELD(struct whtnxt_state, kind, member, key)

static const struct field state_fields[] = {
    STATE(NUM, seq, "seq"),
    STATE(PORT, port, "port"),
    STATE(BOOL, online, "online"),
    STATE(NUM, resumes, "resumes"),
    FIELD_CHARS(struct whtnxt_state, EXACT, limits, "limits"),
    STATE(NUM, more_discovered, "moreDiscovered"),
};

/* ---- encode ---- */

typedef char state_text[WHTNXT_TEXT_SIZE];

static json_t *encode_texts(const state_text *texts, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        whtnxt_json_add(&list, json_string(texts[i]));
    }
    return list;
}

/* One object for each of `n` structs. */
static json_t *encode_list(const struct field *f, size_t n_fields, const void *p, size_t n,
                           size_t size)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        json_t *o = json_object();
        fields_encode(&o, f, n_fields, (const uint8_t *)p + i * size);
        whtnxt_json_add(&list, o);
    }
    return list;
}

static json_t *encode_attempts(const struct whtnxt_attempt_state *a, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        json_t *o = json_object();
        fields_encode(&o, attempt_fields, LP2P_COUNT(attempt_fields), &a[i]);
        whtnxt_json_put(&o, "paths",
                        encode_list(path_fields, LP2P_COUNT(path_fields), a[i].paths, a[i].n_paths,
                                    sizeof(a[i].paths[0])));
        whtnxt_json_add(&list, o);
    }
    return list;
}

static json_t *encode_peers(const struct whtnxt_peer_state *p, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        json_t *o = json_object();
        fields_encode(&o, peer_fields, LP2P_COUNT(peer_fields), &p[i]);
        whtnxt_json_put(&o, "addrs", encode_texts(p[i].addrs, p[i].n_addrs));
        whtnxt_json_put(&o, "protocols", encode_texts(p[i].protocols, p[i].n_protocols));
        whtnxt_json_add(&list, o);
    }
    return list;
}

static json_t *encode_pings(const struct whtnxt_ping_state *p, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        json_t *o = json_object();
        json_t *pongs = json_array();
        fields_encode(&o, ping_fields, LP2P_COUNT(ping_fields), &p[i]);
        for (size_t k = 0; k < p[i].n_pongs; k++) {
            whtnxt_json_add(&pongs, json_integer((json_int_t)p[i].pongs_us[k]));
        }
        whtnxt_json_put(&o, "pongsUs", pongs);
        whtnxt_json_add(&list, o);
    }
    return list;
}

json_t *whtnxt_state_encode(const struct whtnxt_state *s)
{
    json_t *o = json_object();
    fields_encode(&o, state_fields, LP2P_COUNT(state_fields), s);
    whtnxt_json_put(&o, "addrs", encode_texts((const state_text *)s->addrs, s->n_addrs));
    whtnxt_json_put(&o, "conns",
                    encode_list(conn_fields, LP2P_COUNT(conn_fields), s->conns, s->n_conns,
                                sizeof(s->conns[0])));
    whtnxt_json_put(&o, "attempts", encode_attempts(s->attempts, s->n_attempts));
    whtnxt_json_put(&o, "discovered", encode_peers(s->discovered, s->n_discovered));
    whtnxt_json_put(&o, "pings", encode_pings(s->pings, s->n_pings));
    return o;
}

/* ---- decode ---- */

static int decode_texts(const json_t *list, state_text *texts)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *v = json_array_get(list, i);
        if (!json_is_string(v) || json_string_length(v) >= WHTNXT_TEXT_SIZE) {
            return -LP2P_E_DECODE;
        }
        lp2p_text_clean(lp2p_span_str(json_string_value(v)), texts[i], WHTNXT_TEXT_SIZE);
    }
    return 0;
}

static int decode_list(const json_t *list, const struct field *f, size_t n_fields, void *p,
                       size_t size)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        LP2P_TRY(fields_decode(json_array_get(list, i), f, n_fields, (uint8_t *)p + i * size));
    }
    return 0;
}

/* Stages that only main gives. */
static bool is_main_stage(enum whtnxt_stage stage)
{
    return stage == WHTNXT_STAGE_QUEUED || stage == WHTNXT_STAGE_WAITING;
}

static int decode_attempt(const json_t *o, struct whtnxt_attempt_state *a)
{
    const json_t *paths;
    LP2P_TRY(fields_decode(o, attempt_fields, LP2P_COUNT(attempt_fields), a));
    LP2P_TRY(whtnxt_json_get_array(o, "paths", WHTNXT_STATE_PATHS, &paths));
    LP2P_TRY(
        decode_list(paths, path_fields, LP2P_COUNT(path_fields), a->paths, sizeof(a->paths[0])));
    a->n_paths = json_array_size(paths);
    for (size_t i = 0; i < a->n_paths; i++) {
        if (is_main_stage(a->paths[i].stage)) {
            return -LP2P_E_DECODE;
        }
    }
    return is_main_stage(a->stage) || a->id == 0 ? -LP2P_E_DECODE : 0;
}

static int decode_peer(const json_t *o, struct whtnxt_peer_state *p)
{
    const json_t *addrs;
    const json_t *protocols;
    LP2P_TRY(fields_decode(o, peer_fields, LP2P_COUNT(peer_fields), p));
    LP2P_TRY(whtnxt_json_get_array(o, "addrs", WHTNXT_STATE_LIST, &addrs));
    LP2P_TRY(whtnxt_json_get_array(o, "protocols", WHTNXT_STATE_LIST, &protocols));
    p->n_addrs = json_array_size(addrs);
    p->n_protocols = json_array_size(protocols);
    LP2P_TRY(decode_texts(addrs, p->addrs));
    return decode_texts(protocols, p->protocols);
}

static int decode_ping(const json_t *o, struct whtnxt_ping_state *p)
{
    const json_t *pongs;
    LP2P_TRY(fields_decode(o, ping_fields, LP2P_COUNT(ping_fields), p));
    LP2P_TRY(whtnxt_json_get_array(o, "pongsUs", WHTNXT_STATE_PONGS, &pongs));
    p->n_pongs = json_array_size(pongs);
    for (size_t i = 0; i < p->n_pongs; i++) {
        const json_t *v = json_array_get(pongs, i);
        if (!json_is_integer(v) || json_integer_value(v) < 0) {
            return -LP2P_E_DECODE;
        }
        p->pongs_us[i] = (uint64_t)json_integer_value(v);
    }
    bool counts = p->n_pongs <= p->received && p->received <= p->sent;
    return counts && p->id != 0 ? 0 : -LP2P_E_DECODE;
}

static int decode_pings(const json_t *o, struct whtnxt_state *s)
{
    const json_t *list;
    LP2P_TRY(whtnxt_json_get_array(o, "pings", WHTNXT_STATE_PINGS, &list));
    s->n_pings = json_array_size(list);
    for (size_t i = 0; i < s->n_pings; i++) {
        LP2P_TRY(decode_ping(json_array_get(list, i), &s->pings[i]));
    }
    return 0;
}

/* Everything into a state that has the room. */
static int decode_lists(const json_t *const lists[static 4], struct whtnxt_state *s)
{
    LP2P_TRY(decode_texts(lists[0], s->addrs));
    LP2P_TRY(
        decode_list(lists[1], conn_fields, LP2P_COUNT(conn_fields), s->conns, sizeof(s->conns[0])));
    for (size_t i = 0; i < s->n_attempts; i++) {
        LP2P_TRY(decode_attempt(json_array_get(lists[2], i), &s->attempts[i]));
    }
    for (size_t i = 0; i < s->n_discovered; i++) {
        LP2P_TRY(decode_peer(json_array_get(lists[3], i), &s->discovered[i]));
    }
    return 0;
}

int whtnxt_state_decode(const json_t *o, struct whtnxt_state *s)
{
    const json_t *lists[4];
    struct whtnxt_state t;
    whtnxt_state_init(&t, s->mem);
    LP2P_TRY(fields_decode(o, state_fields, LP2P_COUNT(state_fields), &t));
    LP2P_TRY(decode_pings(o, &t));
    LP2P_TRY(whtnxt_json_get_array(o, "addrs", WHTNXT_STATE_ADDRS, &lists[0]));
    LP2P_TRY(whtnxt_json_get_array(o, "conns", WHTNXT_STATE_CONNS, &lists[1]));
    LP2P_TRY(whtnxt_json_get_array(o, "attempts", WHTNXT_STATE_ATTEMPTS, &lists[2]));
    LP2P_TRY(whtnxt_json_get_array(o, "discovered", WHTNXT_STATE_DISCOVERED, &lists[3]));
    LP2P_TRY(whtnxt_state_alloc(&t, json_array_size(lists[0]), json_array_size(lists[1]),
                                json_array_size(lists[2]), json_array_size(lists[3])));
    int r = decode_lists(lists, &t);
    if (r != 0) {
        whtnxt_state_fini(&t);
        return r;
    }
    *s = t;
    return 0;
}
