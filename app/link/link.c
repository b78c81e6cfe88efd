#include "link/link.h"

#include "base/assert.h"
#include "base/text.h"
#include "link/id_priv.h"
#include "lp2p/error.h"

static const char link_scheme[] = "whtnxt://";
static const char link_action[] = "connect";

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

/* True when `s` begins with `word` (lower case) in any case. */
static bool starts_with(struct lp2p_span s, const char *word)
{
    size_t n = strlen(word);
    if (s.n < n) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (lower(s.p[i]) != (uint8_t)word[i]) {
            return false;
        }
    }
    return true;
}

static struct lp2p_span span_from(struct lp2p_span s, size_t at)
{
    return lp2p_span(s.p + at, s.n - at);
}

/* Up to the first of the characters in `stops`, or all of it. */
static struct lp2p_span span_until(struct lp2p_span s, const char *stops)
{
    size_t n = 0;
    while (n < s.n && (s.p[n] == '\0' || strchr(stops, s.p[n]) == NULL)) {
        n++;
    }
    return lp2p_span(s.p, n);
}

static int link_fail(enum whtnxt_link_error error, struct whtnxt_link_fault *ret_fault)
{
    *ret_fault = (struct whtnxt_link_fault){.error = error};
    return -LP2P_E_DECODE;
}

/* -- parameters -------------------------------------------------------------------------------- */

/* RFC 3986, query: what may stand there unencoded, without the separators `&`. */
static bool is_query_char(uint8_t c)
{
    return lp2p_text_is_alnum(c) || (c != '\0' && strchr("-._~!$'()*+,;=:@/?", c) != NULL);
}

/* Decodes a value once; false when it is not written as a query may be. */
static bool value_decode(struct lp2p_span in, uint8_t *out, size_t *ret_len)
{
    size_t n = 0;
    for (size_t i = 0; i < in.n; i++) {
        if (in.p[i] != '%') {
            if (!is_query_char(in.p[i])) {
                return false;
            }
            out[n++] = in.p[i];
            continue;
        }
        int byte = lp2p_text_percent(span_from(in, i));
        if (byte < 0) {
            return false;
        }
        out[n++] = (uint8_t)byte;
        i += 2;
    }
    *ret_len = n;
    return true;
}

/* A relay may be named with its id or without (/dnsaddr); an id that is there must be one. */
static void link_add_relay(struct whtnxt_link *link, struct lp2p_span value)
{
    struct lp2p_multiaddr ma;
    struct lp2p_peer_id id;
    if (lp2p_multiaddr_parse((const char *)value.p, value.n, &ma) != 0 ||
        lp2p_multiaddr_peer_id(&ma, &id) == -LP2P_E_DECODE) {
        link->bad_relays++;
    } else if (link->n_relays < WHTNXT_LINK_MAX_RELAYS) {
        link->relays[link->n_relays++] = ma;
    }
}

/* The peer's id may stand at the end of its address, another's may not. */
static void link_add_addr(struct whtnxt_link *link, struct lp2p_span value)
{
    struct lp2p_multiaddr ma;
    struct lp2p_peer_id id;
    if (lp2p_multiaddr_parse((const char *)value.p, value.n, &ma) != 0) {
        link->bad_addrs++;
        return;
    }
    int err = lp2p_multiaddr_peer_id(&ma, &id);
    if (err == 0 && lp2p_peer_id_eq(&id, &link->id)) {
        lp2p_multiaddr_without_peer_id(&ma);
    } else if (err != -LP2P_E_NOT_FOUND) {
        ma.len = 0;
    }
    if (ma.len == 0) { /* another's, or nothing but the id */
        link->bad_addrs++;
    } else if (link->n_addrs < WHTNXT_LINK_MAX_ADDRS) {
        link->addrs[link->n_addrs++] = ma;
    }
}

/* One `key=value`; false when it is not written as a query may be. */
static bool link_param(struct whtnxt_link *link, struct lp2p_span param)
{
    uint8_t bytes[WHTNXT_LINK_MAX];
    struct lp2p_span key = span_until(param, "=");
    size_t len;
    if (key.n == 0) {
        return param.n == 0; /* `?` alone and `&&` say nothing; `=x` is nonsense */
    }
    if (!value_decode(key, bytes, &len)) {
        return false;
    }
    size_t start = key.n < param.n ? key.n + 1 : key.n;
    if (!value_decode(span_from(param, start), bytes, &len)) {
        return false;
    }
    struct lp2p_span value = lp2p_span(bytes, len);
    if (lp2p_span_eq_str(key, "relay")) {
        link_add_relay(link, value);
    } else if (lp2p_span_eq_str(key, "addr")) {
        link_add_addr(link, value);
    } else if (lp2p_span_eq_str(key, "name")) {
        lp2p_text_clean(value, link->name, sizeof(link->name));
    }
    return true;
}

static bool link_query(struct whtnxt_link *link, struct lp2p_span query)
{
    for (;;) {
        struct lp2p_span param = span_until(query, "&");
        if (!link_param(link, param)) {
            return false;
        }
        if (param.n == query.n) {
            return true;
        }
        query = span_from(query, param.n + 1);
    }
}

/* -- the whole link ---------------------------------------------------------------------------- */

/* One place of two letters at most where it differs. What only adds to `connect` is another action:
 * a newer one. */
static bool is_nearly_action(struct lp2p_span word)
{
    size_t want = strlen(link_action);
    size_t least = LP2P_MIN(word.n, want);
    size_t head = 0;
    size_t tail = 0;
    while (head < least && lower(word.p[head]) == (uint8_t)link_action[head]) {
        head++;
    }
    while (tail < least - head &&
           lower(word.p[word.n - 1 - tail]) == (uint8_t)link_action[want - 1 - tail]) {
        tail++;
    }
    return head < want && head + tail + 2 >= LP2P_MAX(word.n, want);
}

/* `connect`, as the authority of the URL; what follows is the path or the query. */
static enum whtnxt_link_error link_check_action(struct lp2p_span authority)
{
    if (authority.n == strlen(link_action) && starts_with(authority, link_action)) {
        return WHTNXT_LINK_OK;
    }
    if (authority.n == 0) {
        return WHTNXT_LINK_NO_ID;
    }
    for (size_t i = 0; i < authority.n; i++) {
        if (!lp2p_text_is_alnum(authority.p[i]) && authority.p[i] != '-') {
            return WHTNXT_LINK_SYNTAX; /* a user, a port, an encoded or foreign character */
        }
    }
    return is_nearly_action(authority) ? WHTNXT_LINK_MISSPELT : WHTNXT_LINK_NEWER;
}

/* Path and query behind `whtnxt://connect`. */
static int link_parse_rest(struct lp2p_span all, size_t at, struct whtnxt_link *link,
                           struct whtnxt_link_fault *ret_fault)
{
    if (at < all.n && all.p[at] == '/') {
        at++;
    }
    struct lp2p_span id = span_until(span_from(all, at), "/?#");
    struct whtnxt_link_fault fault;
    if (whtnxt_link_id_parse(id, &link->id, &fault) != 0) {
        fault.position += fault.position > 0 ? at : 0;
        *ret_fault = fault;
        return -LP2P_E_DECODE;
    }
    at += id.n;
    if (at < all.n && all.p[at] == '/') {
        at++;
    }
    if (at == all.n) {
        return 0;
    }
    if (all.p[at] != '?' || !link_query(link, span_from(all, at + 1))) {
        return link_fail(WHTNXT_LINK_SYNTAX, ret_fault);
    }
    return 0;
}

int whtnxt_link_parse(const char *text, size_t n, struct whtnxt_link *ret,
                      struct whtnxt_link_fault *ret_fault)
{
    struct lp2p_span all = lp2p_span(text, n);
    if (!starts_with(all, link_scheme)) {
        return link_fail(WHTNXT_LINK_NOT_FOUND, ret_fault);
    }
    if (n > WHTNXT_LINK_MAX) {
        return link_fail(WHTNXT_LINK_SYNTAX, ret_fault);
    }
    size_t at = strlen(link_scheme);
    struct lp2p_span authority = span_until(span_from(all, at), "/?#");
    enum whtnxt_link_error error = link_check_action(authority);
    if (error != WHTNXT_LINK_OK) {
        return link_fail(error, ret_fault);
    }
    struct whtnxt_link link = {.n_relays = 0};
    LP2P_TRY(link_parse_rest(all, at + authority.n, &link, ret_fault));
    *ret = link;
    *ret_fault = (struct whtnxt_link_fault){.error = WHTNXT_LINK_OK};
    return 0;
}

const char *whtnxt_link_error_code(enum whtnxt_link_error error)
{
    switch (error) {
    case WHTNXT_LINK_OK:
        return "";
    case WHTNXT_LINK_NOT_FOUND:
        return "LINK_NOT_FOUND";
    case WHTNXT_LINK_NO_ID:
    case WHTNXT_LINK_NO_PEER:
        return "LINK_NO_ID";
    case WHTNXT_LINK_SYNTAX:
    case WHTNXT_LINK_MISSPELT:
        return "LINK_SYNTAX";
    case WHTNXT_LINK_BAD_CHAR:
    case WHTNXT_LINK_CUT:
    case WHTNXT_LINK_LOWERED:
    case WHTNXT_LINK_DAMAGED:
        return "LINK_BAD_ID";
    case WHTNXT_LINK_NEWER:
        return "LINK_NEWER";
    }
    return "LINK_SYNTAX";
}
