#include "ipc/cause.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "lp2p/error.h"

struct cause_row {
    const char *code;
    int status;
    const char *text;
    const char *action;
};

static const struct cause_row cause_rows[] = {
#define X(name, code, status, text, action) {code, status, text, action},
    WHTNXT_CAUSES(X)
#undef X
};

/* ---- error of the library and stage to cause ---- */

#define AT(stage) (1U << WHTNXT_AT_##stage)
#define AT_ANY    ((1U << WHTNXT_AT_STAGES) - 1U)
/* Before anybody proved who they are, and after the network answered. */
#define AT_PEER (AT(SECURE) | AT(IDENTIFY))

struct cause_map {
    int err;
    unsigned at;
    enum whtnxt_cause cause;
};

#define ROW(err, at, cause)                    \
    {                                          \
        LP2P_E_##err, at, WHTNXT_CAUSE_##cause \
    }

/* The first row that fits counts; what has no row is INTERNAL. */
static const struct cause_map cause_table[] = {
    ROW(PEER_ID, AT_ANY, PEER_ID_MISMATCH),
    ROW(DECLINED, AT_ANY, DECLINED),
    ROW(BLOCKED, AT_ANY, PEER_BLOCKED),
    ROW(CANCELLED, AT_ANY, CANCELLED),
    ROW(NO_NETWORK, AT_ANY, NO_NETWORK),
    ROW(SELF, AT_ANY, LINK_OWN),
    ROW(LIMIT, AT_ANY, LIMIT_REACHED),
    ROW(NO_FDS, AT_ANY, LIMIT_REACHED),

    ROW(TIMEOUT, AT(PING), PING_TIMED_OUT),
    ROW(NEGOTIATION, AT(PING), PING_REFUSED),
    ROW(PROTO, AT(PING), PING_REFUSED),
    ROW(NOT_FOUND, AT(PING), NOT_CONNECTED),
    ROW(AGAIN, AT(PING), CONNECTION_LOST),

    ROW(TIMEOUT, AT(ATTEMPT), TIMED_OUT),
    ROW(TIMEOUT, AT(LOOK), NOT_ON_LAN_NO_RELAY),
    ROW(TIMEOUT, AT(RESOLVE), DNS_FAILED),
    ROW(TIMEOUT, AT(DIAL), PEER_UNREACHABLE),
    ROW(TIMEOUT, AT(DIAL_LAN), LAN_FIREWALL),
    ROW(TIMEOUT, AT_PEER, HANDSHAKE_TIMEOUT),

    ROW(NOT_FOUND, AT(RESOLVE), DNS_FAILED),
    ROW(NO_ADDRESS, AT(RESOLVE), DNS_FAILED),
    ROW(IO, AT(RESOLVE), DNS_FAILED),
    ROW(REFUSED, AT(RESOLVE), DNS_FAILED),
    ROW(DECODE, AT(RESOLVE), DNS_FAILED),
    ROW(UNREACHABLE, AT(RESOLVE), DNS_FAILED),
    ROW(NO_ADDRESS, AT_ANY, NOT_ON_LAN_NO_RELAY),
    ROW(NOT_FOUND, AT(ATTEMPT) | AT(LOOK), NOT_ON_LAN_NO_RELAY),
    /* Nothing was left that may be dialed; the note LINK_ADDR_SKIPPED goes with it. */
    ROW(FILTERED, AT_ANY, NOT_ON_LAN_NO_RELAY),

    ROW(REFUSED, AT(DIAL_LAN), LAN_FIREWALL),
    ROW(UNREACHABLE, AT(DIAL_LAN), LAN_FIREWALL),
    ROW(REFUSED, AT_ANY, PEER_UNREACHABLE),
    ROW(UNREACHABLE, AT_ANY, PEER_UNREACHABLE),
    ROW(ADDR_NOT_AVAIL, AT_ANY, PEER_UNREACHABLE),
    ROW(PERM, AT(DIAL) | AT(DIAL_LAN), PEER_UNREACHABLE),
    ROW(UNSUPPORTED, AT(DIAL) | AT(DIAL_LAN) | AT(ATTEMPT), PEER_UNREACHABLE),
    ROW(EOF, AT(DIAL) | AT(DIAL_LAN), PEER_UNREACHABLE),
    ROW(RESET, AT(DIAL) | AT(DIAL_LAN), PEER_UNREACHABLE),
    ROW(CLOSED, AT(DIAL) | AT(DIAL_LAN), PEER_UNREACHABLE),
    ROW(IO, AT(DIAL) | AT(DIAL_LAN), PEER_UNREACHABLE),

    ROW(NEGOTIATION, AT_ANY, INCOMPATIBLE),
    ROW(VERSION, AT_ANY, INCOMPATIBLE),
    ROW(UNSUPPORTED, AT_PEER, INCOMPATIBLE),
    ROW(PROTO, AT_ANY, INCOMPATIBLE),
    ROW(DECODE, AT_PEER, INCOMPATIBLE),
    ROW(AUTH, AT_PEER, INCOMPATIBLE),
    ROW(TOO_LONG, AT_PEER, INCOMPATIBLE),
    ROW(TRUNCATED, AT_PEER, INCOMPATIBLE),
    ROW(ABUSE, AT_PEER, INCOMPATIBLE),

    ROW(EOF, AT_ANY, CONNECTION_LOST),
    ROW(RESET, AT_ANY, CONNECTION_LOST),
    ROW(CLOSED, AT_ANY, CONNECTION_LOST),
    ROW(GOAWAY, AT_ANY, CONNECTION_LOST),
    ROW(IO, AT_ANY, CONNECTION_LOST),
};

enum whtnxt_cause whtnxt_cause_of(int err, enum whtnxt_cause_stage stage)
{
    int code = err < 0 ? -err : err;
    if (code == 0) {
        return WHTNXT_CAUSE_NONE;
    }
    for (size_t i = 0; i < LP2P_COUNT(cause_table); i++) {
        if (cause_table[i].err == code && (cause_table[i].at & (1U << stage)) != 0) {
            return cause_table[i].cause;
        }
    }
    return WHTNXT_CAUSE_INTERNAL;
}

static const struct {
    const char *where;
    enum whtnxt_cause_stage stage;
} stage_words[] = {
    {"attempt", WHTNXT_AT_ATTEMPT},   {"look", WHTNXT_AT_LOOK},
    {"resolve", WHTNXT_AT_RESOLVE},   {"dns", WHTNXT_AT_RESOLVE},
    {"dial", WHTNXT_AT_DIAL},         {"tcp", WHTNXT_AT_DIAL},
    {"connect", WHTNXT_AT_DIAL},      {"mem", WHTNXT_AT_DIAL},
    {"upgrade", WHTNXT_AT_SECURE},    {"multistream", WHTNXT_AT_SECURE},
    {"noise", WHTNXT_AT_SECURE},      {"security", WHTNXT_AT_SECURE},
    {"muxer", WHTNXT_AT_SECURE},      {"yamux", WHTNXT_AT_IDENTIFY},
    {"identify", WHTNXT_AT_IDENTIFY},
};

enum whtnxt_cause_stage whtnxt_cause_stage_of(const char *where)
{
    for (size_t i = 0; where != NULL && i < LP2P_COUNT(stage_words); i++) {
        if (strcmp(where, stage_words[i].where) == 0) {
            return stage_words[i].stage;
        }
    }
    return WHTNXT_AT_ATTEMPT;
}

/* ---- the catalogue ---- */

static const struct cause_row *cause_row(enum whtnxt_cause cause)
{
    LP2P_ASSERT((unsigned)cause < WHTNXT_CAUSE_COUNT);
    return &cause_rows[cause];
}

const char *whtnxt_cause_code(enum whtnxt_cause cause)
{
    return cause_row(cause)->code;
}

enum whtnxt_cause whtnxt_cause_find(const char *code)
{
    for (unsigned i = 0; i < WHTNXT_CAUSE_COUNT; i++) {
        if (strcmp(cause_rows[i].code, code) == 0) {
            return (enum whtnxt_cause)i;
        }
    }
    return WHTNXT_CAUSE_NONE;
}

int whtnxt_cause_exit(enum whtnxt_cause cause)
{
    return cause_row(cause)->status;
}

bool whtnxt_cause_is_note(enum whtnxt_cause cause)
{
    return cause_row(cause)->status == WHTNXT_EXIT_NONE;
}

const char *whtnxt_cause_action(enum whtnxt_cause cause)
{
    return cause_row(cause)->action;
}

/* ---- sentences ---- */

struct cause_out {
    char *p;
    size_t n;
};

static void out_add(struct cause_out *o, const char *s, size_t n)
{
    n = LP2P_MIN(n, WHTNXT_CAUSE_TEXT_SIZE - 1 - o->n);
    memcpy(o->p + o->n, s, n);
    o->n += n;
}

static void out_str(struct cause_out *o, const char *s, const char *otherwise)
{
    if (s == NULL || *s == '\0') {
        s = otherwise;
    }
    out_add(o, s, strlen(s));
}

static void out_num(struct cause_out *o, uint64_t v)
{
    char buf[24];
    snprintf(buf, sizeof(buf), "%llu", (unsigned long long)v);
    out_str(o, buf, "");
}

static void out_more(struct cause_out *o, const char *detail)
{
    if (detail != NULL && *detail != '\0') {
        out_add(o, " ", 1);
        out_str(o, detail, "");
    }
}

/* Fills in the word between the braces. */
static void out_word(struct cause_out *o, struct lp2p_span word, const struct whtnxt_cause_args *a)
{
    if (lp2p_span_eq_str(word, "name")) {
        out_str(o, a->name, "The other side");
    } else if (lp2p_span_eq_str(word, "host")) {
        out_str(o, a->host, "of a computer");
    } else if (lp2p_span_eq_str(word, "relay")) {
        out_str(o, a->relay, "(unknown)");
    } else if (lp2p_span_eq_str(word, "detail")) {
        out_str(o, a->detail, "no details");
    } else if (lp2p_span_eq_str(word, "more")) {
        out_more(o, a->detail);
    } else if (lp2p_span_eq_str(word, "port")) {
        out_num(o, a->port);
    } else if (lp2p_span_eq_str(word, "n")) {
        out_num(o, a->n);
    } else {
        LP2P_ASSERT(lp2p_span_eq_str(word, "s"));
        out_str(o, a->n == 1 ? "" : "s", "");
    }
}

/* Drops the bytes of a character that was cut in the middle. */
static void out_trim(struct cause_out *o)
{
    size_t at = o->n;
    while (at > 0 && ((uint8_t)o->p[at - 1] & 0xc0U) == 0x80U) {
        at--;
    }
    if (at == 0 || (uint8_t)o->p[at - 1] < 0xc0U) {
        return;
    }
    uint8_t lead = (uint8_t)o->p[at - 1];
    size_t want = lead >= 0xf0U ? 4 : lead >= 0xe0U ? 3 : 2;
    if (o->n - (at - 1) < want) {
        o->n = at - 1;
    }
}

size_t whtnxt_cause_text(enum whtnxt_cause cause, const struct whtnxt_cause_args *args,
                         char text[static WHTNXT_CAUSE_TEXT_SIZE])
{
    static const struct whtnxt_cause_args none = {.name = NULL};
    struct cause_out o = {.p = text, .n = 0};
    const char *p = cause_row(cause)->text;
    while (*p != '\0') {
        size_t plain = strcspn(p, "{");
        out_add(&o, p, plain);
        p += plain;
        if (*p == '{') {
            size_t n = strcspn(p, "}");
            out_word(&o, lp2p_span(p + 1, n - 1), args == NULL ? &none : args);
            p += n + 1;
        }
    }
    out_trim(&o);
    text[o.n] = '\0';
    return o.n;
}
