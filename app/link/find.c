#include "link/link.h"

#include "base/assert.h"
#include "base/text.h"
#include "link/id_priv.h"
#include "lp2p/error.h"

/* How often a text may say `whtnxt:` before we stop listening. */
#define FIND_MAX_STARTS 16U
/* Lines that one link may be broken into: a long one at twenty columns. */
#define FIND_MAX_LINES 16U
/* A link that a redirect has encoded twice is up to five times as long. */
#define FIND_MAX_RAW (5U * WHTNXT_LINK_MAX)

/* The pasted text without what cannot be seen. */
struct find_text {
    size_t n;
    char p[WHTNXT_LINK_MAX_PASTE];
};

/* Where a link seems to begin, and how often a redirect has percent-encoded it. */
struct find_start {
    size_t at;
    unsigned encoded; /* 0, 1 or 2 times */
    bool wrapped;     /* it is a parameter of another URL */
};

/* One reading of the text at a start: the pieces of so many lines put together. */
struct find_try {
    struct whtnxt_link link;
    struct whtnxt_link_fault fault;
    bool ok;    /* the strict parser took it */
    bool clean; /* ... and understood all of it */
    bool more;  /* another line may belong to it, and looks as if it did */
    bool last;  /* there is no other line that could */
};

/* -- what the text looks like ------------------------------------------------------------------ */

/* Characters that take no room: they come with copying from web pages, and hide in links. */
static bool find_is_invisible(uint32_t c)
{
    return c == 0xad || (c >= 0x200b && c <= 0x200f) || (c >= 0x202a && c <= 0x202e) ||
           (c >= 0x2060 && c <= 0x2069) || c == 0xfeff;
}

/* Copies without invisible characters, `&amp;` as `&`. */
static void find_clean(const char *text, size_t n, struct find_text *ret)
{
    n = LP2P_MIN(n, sizeof(ret->p));
    ret->n = 0;
    for (size_t i = 0; i < n;) {
        uint32_t c;
        size_t len = lp2p_text_decode(lp2p_span(text + i, n - i), &c);
        if (len > 0 && find_is_invisible(c)) {
            i += len;
            continue;
        }
        ret->p[ret->n++] = text[i];
        i += text[i] == '&' && n - i >= 5 && memcmp(text + i, "&amp;", 5) == 0 ? 5 : 1;
    }
}

static bool find_is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* What a link may consist of; quotes and brackets are what people put around it. */
static bool find_is_link_char(char c)
{
    return c > 0x20 && c < 0x7f && strchr("\"<>`{}|\\^[]", c) == NULL;
}

/* True when `word` (lower case) stands at `at`, in any case. */
static bool find_has(const struct find_text *t, size_t at, const char *word)
{
    size_t n = strlen(word);
    if (t->n - at < n) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        char c = t->p[at + i];
        if ((c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c) != word[i]) {
            return false;
        }
    }
    return true;
}

/* -- starts ------------------------------------------------------------------------------------ */

/* `whtnxt:` at `at`, plain or encoded, and not the end of a longer word. */
static bool find_start_at(const struct find_text *t, size_t at, struct find_start *ret)
{
    static const char *const colons[] = {"whtnxt:", "whtnxt%3a", "whtnxt%253a"};
    unsigned encoded = 0;
    while (encoded < LP2P_COUNT(colons) && !find_has(t, at, colons[encoded])) {
        encoded++;
    }
    if (encoded == LP2P_COUNT(colons)) {
        return false;
    }
    bool after_equals = at >= 1 && t->p[at - 1] == '=';
    bool after_encoded = at >= 3 && t->p[at - 3] == '%'; /* `url%3Dwhtnxt%253A` */
    if (at > 0 && lp2p_text_is_alnum((uint8_t)t->p[at - 1]) && !after_encoded) {
        return false;
    }
    *ret = (struct find_start){
        .at = at,
        .encoded = encoded,
        .wrapped = after_equals || after_encoded || encoded > 0,
    };
    return true;
}

/* -- reading ----------------------------------------------------------------------------------- */

struct find_raw {
    size_t n;
    char p[FIND_MAX_RAW];
};

/* Undoes one encoding in place; what is no encoding stays as it is. */
static void find_decode(struct find_raw *raw)
{
    size_t n = 0;
    for (size_t i = 0; i < raw->n; i++) {
        int byte = lp2p_text_percent(lp2p_span(raw->p + i, raw->n - i));
        raw->p[n++] = byte >= 0 ? (char)byte : raw->p[i];
        i += byte >= 0 ? 2 : 0;
    }
    raw->n = n;
}

/* One line's piece of the link: from `*at` to where it stops looking like one. */
static void find_piece(const struct find_text *t, const struct find_start *start, size_t *at,
                       struct find_raw *raw)
{
    while (*at < t->n && find_is_link_char(t->p[*at]) && raw->n < sizeof(raw->p)) {
        /* the redirect's next parameter; a link that was not encoded may have its own */
        if (t->p[*at] == '&' && start->wrapped &&
            (start->encoded > 0 || memchr(raw->p, '?', raw->n) == NULL)) {
            break;
        }
        raw->p[raw->n++] = t->p[*at];
        *at += 1;
    }
}

/* Steps over one line break, the blanks around it and the marks of quoted mail. */
static bool find_next_line(const struct find_text *t, size_t *at)
{
    size_t i = *at;
    while (i < t->n && find_is_blank(t->p[i])) {
        i++;
    }
    if (i < t->n && t->p[i] == '\r') {
        i++;
    }
    if (i == t->n || t->p[i] != '\n') {
        return false;
    }
    i++;
    while (i < t->n && (find_is_blank(t->p[i]) || t->p[i] == '>')) {
        i++;
    }
    if (i == t->n || !find_is_link_char(t->p[i])) {
        return false;
    }
    *at = i;
    return true;
}

/* True when the piece at `at` reads like the middle of a link rather than like the next word. */
static bool find_looks_continued(const struct find_text *t, size_t at)
{
    bool digits = true;
    bool marks = false;
    for (size_t i = at; i < t->n && find_is_link_char(t->p[i]); i++) {
        if (find_has(t, i, "://")) {
            return false; /* another link */
        }
        digits = digits && t->p[i] >= '0' && t->p[i] <= '9';
        marks = marks || strchr("/%&=?", t->p[i]) != NULL;
    }
    return digits || marks;
}

/* `whtnxt:`, with which every piece begins. */
#define FIND_SCHEME (sizeof("whtnxt:") - 1)

/* The end of a sentence, of emphasis, of brackets. */
static void find_strip(struct find_raw *raw)
{
    while (raw->n > FIND_SCHEME && strchr(".,;:!?)'*_~", raw->p[raw->n - 1]) != NULL) {
        raw->n--;
    }
}

/* Writes the start as the strict parser wants it: `whtnxt:connect/` and `whtnxt:/connect/` too. */
static void find_parse(const struct find_raw *raw, struct find_try *ret)
{
    static const char start[] = "whtnxt://";
    char text[FIND_MAX_RAW + sizeof(start)];
    size_t at = FIND_SCHEME;
    LP2P_ASSERT(raw->n >= at);
    while (at < raw->n && at < FIND_SCHEME + 2 && raw->p[at] == '/') {
        at++;
    }
    memcpy(text, start, sizeof(start) - 1);
    memcpy(text + sizeof(start) - 1, raw->p + at, raw->n - at);
    size_t n = sizeof(start) - 1 + raw->n - at;
    ret->ok = whtnxt_link_parse(text, n, &ret->link, &ret->fault) == 0;
    ret->clean = ret->ok && ret->link.bad_relays == 0 && ret->link.bad_addrs == 0;
}

/* Reads the link as if it went over this many line breaks. */
static void find_try(const struct find_text *t, const struct find_start *start, unsigned breaks,
                     struct find_try *ret)
{
    struct find_raw raw;
    raw.n = 0;
    size_t at = start->at;
    find_piece(t, start, &at, &raw);
    for (unsigned i = 0; i < breaks && find_next_line(t, &at); i++) {
        find_piece(t, start, &at, &raw);
    }
    ret->last = !find_next_line(t, &at);
    ret->more = !ret->last && find_looks_continued(t, at);
    for (unsigned i = 0; i < start->encoded; i++) {
        find_decode(&raw);
        const char *next = memchr(raw.p, '&', raw.n);
        if (i + 1 < start->encoded && next != NULL) {
            raw.n = (size_t)(next - raw.p); /* the next parameter of the inner redirect */
        }
    }
    find_strip(&raw);
    find_parse(&raw, ret);
}

/*
 * Of all readings the shortest that is understood whole; from there on as long as the next line
 * reads like its continuation (a relay's port cut in two is a port, too). Failing that, the
 * shortest that is a link at all. When none is, `ret` says what is wrong with the first line.
 */
static void find_read(const struct find_text *t, const struct find_start *start,
                      struct find_try *ret)
{
    struct find_try next;
    find_try(t, start, 0, ret);
    bool last = ret->last;
    for (unsigned breaks = 1; breaks < FIND_MAX_LINES && !last; breaks++) {
        if (ret->clean && !ret->more) {
            return;
        }
        find_try(t, start, breaks, &next);
        last = next.last;
        if (next.clean || (next.ok && !ret->ok)) {
            *ret = next;
        } else if (ret->clean) {
            return;
        }
    }
}

static int find_in(const struct find_text *t, struct whtnxt_link *ret,
                   struct whtnxt_link_fault *ret_fault)
{
    struct whtnxt_link_fault first = {.error = WHTNXT_LINK_NOT_FOUND};
    struct find_start start;
    unsigned starts = 0;
    for (size_t at = 0; at < t->n && starts < FIND_MAX_STARTS; at++) {
        if (!find_start_at(t, at, &start)) {
            continue;
        }
        struct find_try found;
        find_read(t, &start, &found);
        if (found.ok) {
            *ret = found.link;
            *ret_fault = (struct whtnxt_link_fault){.error = WHTNXT_LINK_OK};
            return 0;
        }
        if (starts++ == 0) {
            first = found.fault;
        }
    }
    *ret_fault = first;
    return -LP2P_E_DECODE;
}

int whtnxt_link_find(const char *text, size_t n, struct whtnxt_link *ret,
                     struct whtnxt_link_fault *ret_fault)
{
    struct find_text t;
    struct whtnxt_link_fault unused;
    find_clean(text, n, &t);
    int err = find_in(&t, ret, ret_fault);
    /* taking away what is around a link may take a part of it; a whole link needs none of that */
    if (err != 0 && whtnxt_link_parse(text, n, ret, &unused) == 0) {
        *ret_fault = unused;
        err = 0;
    }
    return err;
}

/* -- bare forms -------------------------------------------------------------------------------- */

/* The one word of the text without what is around it; empty when there are several. */
static struct lp2p_span find_word(const struct find_text *t)
{
    size_t from = 0;
    size_t to = t->n;
    while (from < to && !lp2p_text_is_alnum((uint8_t)t->p[from]) && t->p[from] != '/') {
        from++;
    }
    while (from < to && !lp2p_text_is_alnum((uint8_t)t->p[to - 1]) && t->p[to - 1] != '/') {
        to--;
    }
    for (size_t i = from; i < to; i++) {
        if (!find_is_link_char(t->p[i])) {
            return lp2p_span(NULL, 0);
        }
    }
    return lp2p_span(t->p + from, to - from);
}

/* A multiaddr that was not understood: perhaps its id can be blamed. */
static int find_blame_addr(struct lp2p_span word, struct whtnxt_link_fault *ret_fault)
{
    static const char mark[] = "/p2p/";
    struct lp2p_peer_id id;
    struct whtnxt_link_fault fault = {.error = WHTNXT_LINK_SYNTAX};
    for (size_t i = word.n; i-- > 0;) {
        if (word.n - i < sizeof(mark) || memcmp(word.p + i, mark, sizeof(mark) - 1) != 0) {
            continue;
        }
        size_t at = i + sizeof(mark) - 1;
        struct lp2p_span rest = lp2p_span(word.p + at, word.n - at);
        if (memchr(rest.p, '/', rest.n) == NULL && whtnxt_link_id_parse(rest, &id, &fault) != 0) {
            fault.position += fault.position > 0 ? at : 0;
        }
        break;
    }
    *ret_fault = fault;
    return -LP2P_E_DECODE;
}

static int find_read_addr(struct lp2p_span word, struct whtnxt_link *ret,
                          struct whtnxt_link_fault *ret_fault)
{
    struct whtnxt_link link = {.n_addrs = 0};
    struct lp2p_multiaddr ma;
    if (lp2p_multiaddr_parse((const char *)word.p, word.n, &ma) != 0) {
        return find_blame_addr(word, ret_fault);
    }
    int err = lp2p_multiaddr_peer_id(&ma, &link.id);
    if (err != 0) {
        ret_fault->error = err == -LP2P_E_NOT_FOUND ? WHTNXT_LINK_NO_PEER : WHTNXT_LINK_DAMAGED;
        return -LP2P_E_DECODE;
    }
    lp2p_multiaddr_without_peer_id(&ma);
    if (ma.len > 0) {
        link.addrs[link.n_addrs++] = ma;
    }
    *ret = link;
    return 0;
}

/* Of words that are no id only those are blamed that begin like one. */
static int find_read_id(struct lp2p_span word, struct whtnxt_link *ret,
                        struct whtnxt_link_fault *ret_fault)
{
    static const char *const starts[] = {"12D3KooW", "12d3koow", "16Uiu2HA", "Qm"};
    struct whtnxt_link link = {.n_addrs = 0};
    struct whtnxt_link_fault fault = {.error = WHTNXT_LINK_OK};
    if (whtnxt_link_id_parse(word, &link.id, &fault) == 0) {
        *ret = link;
        return 0;
    }
    ret_fault->error = WHTNXT_LINK_NOT_FOUND;
    for (size_t i = 0; i < LP2P_COUNT(starts); i++) {
        size_t n = strlen(starts[i]);
        if (word.n >= n && memcmp(word.p, starts[i], n) == 0) {
            *ret_fault = fault;
        }
    }
    return -LP2P_E_DECODE;
}

int whtnxt_link_read(const char *text, size_t n, struct whtnxt_link *ret,
                     enum whtnxt_link_kind *ret_kind, struct whtnxt_link_fault *ret_fault)
{
    struct find_text t;
    struct whtnxt_link_fault fault = {.error = WHTNXT_LINK_OK};
    enum whtnxt_link_kind kind = WHTNXT_LINK_KIND_LINK;
    int err = whtnxt_link_find(text, n, ret, &fault);
    if (err != 0 && fault.error == WHTNXT_LINK_NOT_FOUND) {
        find_clean(text, n, &t);
        struct lp2p_span word = find_word(&t);
        fault = (struct whtnxt_link_fault){.error = WHTNXT_LINK_OK};
        if (word.n > 0 && word.p[0] == '/') {
            kind = WHTNXT_LINK_KIND_MULTIADDR;
            err = find_read_addr(word, ret, &fault);
        } else {
            kind = WHTNXT_LINK_KIND_PEER_ID;
            err = find_read_id(word, ret, &fault);
        }
    }
    if (err == 0) {
        *ret_kind = kind;
    }
    *ret_fault = fault;
    return err;
}
