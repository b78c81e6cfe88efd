#include "ipc/node.h"

#include <string.h>

#include "base/assert.h"
#include "base/text.h"
#include "ipc/fields_priv.h"
#include "lp2p/error.h"

static const char *const log_words[WHTNXT_LOG_LEVELS] = {"error", "warning", "info"};

const char *whtnxt_log_word(enum whtnxt_log_level level)
{
    LP2P_ASSERT((unsigned)level < WHTNXT_LOG_LEVELS);
    return log_words[level];
}

/* ---- members ---- */

#define MSG(kind, member, key)       FIELD(struct whtnxt_node_msg, kind, member, key)
#define MSG_CHARS(kind, member, key) FIELD_CHARS(struct whtnxt_node_msg, kind, member, key)

static const struct field hello_fields[] = {
    MSG(NUM, hello.protocol, "v"),
    MSG_CHARS(EXACT, hello.version, "version"),
};
static const struct field start_fields[] = {
    MSG(PORT, start.port, "port"),
    MSG(BOOL, start.mdns, "mdns"),
    MSG_CHARS(EXACT, start.limits, "limits"),
};
static const struct field connect_fields[] = {
    MSG(NUM, connect.id, "id"),
    MSG(ID, connect.peer, "peer"),
    MSG(NUM, connect.timeout_ms, "timeoutMs"),
    MSG(NUM, connect.look_ms, "lookMs"),
    MSG(BOOL, connect.background, "background"),
};
static const struct field connect_addr_fields[] = {
    /* Cleaned, not refused: one address that is none must not cost the others their try. */
    FIELD_CHARS(struct whtnxt_connect_addr, TEXT, addr, "addr"),
    FIELD_WORDS(struct whtnxt_connect_addr, source, "source", fields_source_words,
                WHTNXT_ADDR_SOURCES),
};
static const struct field cancel_fields[] = {MSG(NUM, cancel, "id")};
static const struct field disconnect_fields[] = {MSG(ID, disconnect, "peer")};
static const struct field refuse_fields[] = {
    MSG(ID, refuse.peer, "peer"),
    MSG(BOOL, refuse.on, "on"),
};
static const struct field ping_fields[] = {
    MSG(NUM, ping.id, "id"),
    MSG(ID, ping.peer, "peer"),
    MSG(NUM, ping.count, "count"),
    MSG(NUM, ping.interval_ms, "intervalMs"),
};
static const struct field unping_fields[] = {MSG(NUM, unping, "id")};
static const struct field ask_fields[] = {
    MSG(NUM, ask.n, "n"),
    MSG(BOOL, ask.counters, "counters"),
};
static const struct field alive_fields[] = {MSG(NUM, alive, "n")};
static const struct field fatal_fields[] = {
    MSG(ERROR, fatal.error, "error"),
    MSG_CHARS(EXACT, fatal.where, "where"),
    MSG_CHARS(TEXT, fatal.text, "text"),
};
static const struct field log_fields[] = {
    FIELD_WORDS(struct whtnxt_node_msg, log.level, "level", log_words, WHTNXT_LOG_LEVELS),
    MSG_CHARS(TEXT, log.text, "text"),
};

#define FIELDS(f)        \
    {                    \
        f, LP2P_COUNT(f) \
    }

static const struct {
    const struct field *f;
    size_t n;
} msg_fields[WHTNXT_MSGS] = {
    [WHTNXT_MSG_MAIN_HELLO] = FIELDS(hello_fields),
    [WHTNXT_MSG_START] = FIELDS(start_fields),
    [WHTNXT_MSG_CONNECT] = FIELDS(connect_fields),
    [WHTNXT_MSG_CANCEL] = FIELDS(cancel_fields),
    [WHTNXT_MSG_DISCONNECT] = FIELDS(disconnect_fields),
    [WHTNXT_MSG_REFUSE] = FIELDS(refuse_fields),
    [WHTNXT_MSG_PING] = FIELDS(ping_fields),
    [WHTNXT_MSG_UNPING] = FIELDS(unping_fields),
    [WHTNXT_MSG_ASK] = FIELDS(ask_fields),
    [WHTNXT_MSG_NODE_HELLO] = FIELDS(hello_fields),
    [WHTNXT_MSG_ALIVE] = FIELDS(alive_fields),
    [WHTNXT_MSG_FATAL] = FIELDS(fatal_fields),
    [WHTNXT_MSG_LOG] = FIELDS(log_fields),
};

/* ---- what does not fit a table: the key, the addresses, the state ---- */

#define SEED_TEXT (2 * sizeof(((struct whtnxt_start *)0)->seed))

static json_t *encode_seed(const uint8_t seed[static 32])
{
    static const char digits[] = "0123456789abcdef";
    char text[SEED_TEXT];
    for (size_t i = 0; i < 32; i++) {
        text[2 * i] = digits[seed[i] >> 4];
        text[2 * i + 1] = digits[seed[i] & 15U];
    }
    json_t *v = json_stringn(text, sizeof(text));
    lp2p_wipe(text, sizeof(text));
    return v;
}

static int decode_seed(const json_t *o, uint8_t seed[static 32])
{
    const char *s;
    LP2P_TRY(whtnxt_json_get_str(o, "seed", SEED_TEXT, &s));
    if (strlen(s) != SEED_TEXT) {
        return -LP2P_E_DECODE;
    }
    for (size_t i = 0; i < 32; i++) {
        int high = lp2p_text_hex_digit((uint8_t)s[2 * i]);
        int low = lp2p_text_hex_digit((uint8_t)s[2 * i + 1]);
        if (high < 0 || low < 0) {
            return -LP2P_E_DECODE;
        }
        seed[i] = (uint8_t)(high << 4 | low);
    }
    return 0;
}

static json_t *encode_addrs(const struct whtnxt_connect *c)
{
    json_t *list = json_array();
    LP2P_ASSERT(c->n_addrs <= WHTNXT_CONNECT_ADDRS);
    for (size_t i = 0; i < c->n_addrs; i++) {
        json_t *o = json_object();
        fields_encode(&o, connect_addr_fields, LP2P_COUNT(connect_addr_fields), &c->addrs[i]);
        whtnxt_json_add(&list, o);
    }
    return list;
}

static int decode_addrs(const json_t *o, struct whtnxt_connect *c)
{
    const json_t *list;
    LP2P_TRY(whtnxt_json_get_array(o, "addrs", WHTNXT_CONNECT_ADDRS, &list));
    c->n_addrs = json_array_size(list);
    for (size_t i = 0; i < c->n_addrs; i++) {
        LP2P_TRY(fields_decode(json_array_get(list, i), connect_addr_fields,
                               LP2P_COUNT(connect_addr_fields), &c->addrs[i]));
    }
    return c->id == 0 ? -LP2P_E_DECODE : 0;
}

/* ---- messages ---- */

int whtnxt_node_msg_encode(struct lp2p_buf *out, const struct whtnxt_node_msg *msg)
{
    json_t *o = json_object();
    whtnxt_json_put(&o, "t", json_string(whtnxt_msg_row(msg->type)->name));
    fields_encode(&o, msg_fields[msg->type].f, msg_fields[msg->type].n, msg);
    if (msg->type == WHTNXT_MSG_START) {
        whtnxt_json_put(&o, "seed", encode_seed(msg->start.seed));
    } else if (msg->type == WHTNXT_MSG_CONNECT) {
        whtnxt_json_put(&o, "addrs", encode_addrs(&msg->connect));
    } else if (msg->type == WHTNXT_MSG_STATE) {
        whtnxt_json_put(&o, "state", whtnxt_state_encode(&msg->state));
    }
    int r = whtnxt_json_encode(out, o);
    json_decref(o);
    return r;
}

static int msg_fill(const json_t *o, const struct lp2p_mem *mem, struct whtnxt_node_msg *m)
{
    LP2P_TRY(fields_decode(o, msg_fields[m->type].f, msg_fields[m->type].n, m));
    if (m->type == WHTNXT_MSG_START) {
        return decode_seed(o, m->start.seed);
    }
    if (m->type == WHTNXT_MSG_CONNECT) {
        return decode_addrs(o, &m->connect);
    }
    if (m->type == WHTNXT_MSG_PING) {
        bool good = m->ping.id != 0 && m->ping.count != 0 && m->ping.count <= WHTNXT_PING_COUNT_MAX;
        return good ? 0 : -LP2P_E_DECODE;
    }
    if (m->type == WHTNXT_MSG_STATE) {
        const json_t *state = json_object_get(o, "state");
        whtnxt_state_init(&m->state, mem);
        return json_is_object(state) ? whtnxt_state_decode(state, &m->state) : -LP2P_E_DECODE;
    }
    return 0;
}

static int msg_decode(const json_t *o, enum whtnxt_dir dir, enum whtnxt_talk talk,
                      const struct lp2p_mem *mem, struct whtnxt_node_msg *ret)
{
    const char *name;
    LP2P_TRY(whtnxt_json_get_str(o, "t", WHTNXT_WORD_SIZE, &name));
    const struct whtnxt_msg_row *row = whtnxt_msg_find(dir, name);
    if (row == NULL) {
        return -LP2P_E_UNSUPPORTED;
    }
    if (!whtnxt_msg_is_allowed(row->msg, talk)) {
        return -LP2P_E_STATE;
    }
    ret->type = row->msg;
    return msg_fill(o, mem, ret);
}

int whtnxt_node_msg_decode(struct lp2p_span line, enum whtnxt_dir dir, enum whtnxt_talk talk,
                           const struct lp2p_mem *mem, struct whtnxt_node_msg *ret)
{
    json_t *o;
    struct whtnxt_node_msg msg = {.type = WHTNXT_MSGS};
    LP2P_TRY(whtnxt_json_decode(line, &o));
    int r = msg_decode(o, dir, talk, mem, &msg);
    json_decref(o);
    if (r == 0) {
        *ret = msg;
    }
    lp2p_wipe(&msg, sizeof(msg));
    return r;
}

void whtnxt_node_msg_fini(struct whtnxt_node_msg *msg)
{
    if (msg->type == WHTNXT_MSG_STATE) {
        whtnxt_state_fini(&msg->state);
    }
    lp2p_wipe(msg, sizeof(*msg));
    msg->type = WHTNXT_MSGS;
}
