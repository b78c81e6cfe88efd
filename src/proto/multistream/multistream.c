#include "proto/multistream/multistream.h"

#include "base/assert.h"
#include "base/span.h"

#define MSS_HEADER "/multistream/1.0.0"
#define MSS_NA     "na"

/* A prefix of two bytes and the line. */
#define MSS_LINE_BYTES_MAX (2U + LP2P_MSS_LINE_MAX)
/* One line out for each line in, and the header: what a peer that does not read can make us hold.
 */
#define MSS_OUT_MAX ((LP2P_MSS_LINES_MAX + 2U) * MSS_LINE_BYTES_MAX)

static void set_state(struct lp2p_mss *e, enum lp2p_mss_state to)
{
    LP2P_ASSERT(e->state < LP2P_MSS_ST_DONE && to > e->state);
    LP2P_ASSERT(to != LP2P_MSS_ST_ANSWER || e->role == LP2P_MSS_DIALER);
    LP2P_ASSERT(to != LP2P_MSS_ST_PROPOSAL || e->role == LP2P_MSS_LISTENER);
    e->state = to;
}

static int fail(struct lp2p_mss *e, int code, enum lp2p_error_class class_)
{
    e->failure = (struct lp2p_failure){.code = code, .class_ = class_, .where = "multistream"};
    lp2p_buf_fini(&e->line);
    set_state(e, LP2P_MSS_ST_FAILED);
    return code;
}

/* The length counts the newline; both are minimal varints of at most two bytes. */
static int put_line(struct lp2p_mss *e, struct lp2p_span text)
{
    size_t len = text.n + 1;
    size_t prefix = len < 0x80 ? 1 : 2;
    uint8_t *p;
    LP2P_TRY(lp2p_buf_reserve(&e->out, prefix + len, &p));
    if (prefix == 1) {
        p[0] = (uint8_t)len;
    } else {
        p[0] = (uint8_t)(len | 0x80);
        p[1] = (uint8_t)(len >> 7);
    }
    memcpy(p + prefix, text.p, text.n);
    p[prefix + text.n] = '\n';
    lp2p_buf_commit(&e->out, prefix + len);
    return 0;
}

static int put_header(struct lp2p_mss *e)
{
    LP2P_TRY(put_line(e, lp2p_span_str(MSS_HEADER)));
    e->header_sent = true;
    return 0;
}

static int put_proposal(struct lp2p_mss *e)
{
    return put_line(e, e->cfg.protocols[e->proposal]);
}

static bool is_name(struct lp2p_span name)
{
    return name.n > 0 && name.n < LP2P_MSS_LINE_MAX && name.p[0] == '/' &&
           memchr(name.p, '\n', name.n) == NULL;
}

int lp2p_mss_init(struct lp2p_mss *e, const struct lp2p_mss_cfg *cfg, enum lp2p_mss_role role)
{
    *e = (struct lp2p_mss){.cfg = *cfg, .role = role};
    lp2p_buf_init(&e->line, cfg->mem, MSS_LINE_BYTES_MAX);
    lp2p_buf_init(&e->out, cfg->mem, MSS_OUT_MAX);
    if (role == LP2P_MSS_DIALER && cfg->n == 0) {
        return -LP2P_E_INVAL;
    }
    for (size_t i = 0; i < cfg->n; i++) {
        if (!is_name(cfg->protocols[i])) {
            return -LP2P_E_INVAL;
        }
    }
    if (role == LP2P_MSS_LISTENER) {
        return 0;
    }
    int err = put_header(e);
    if (err == 0) {
        err = put_proposal(e);
    }
    if (err != 0) {
        lp2p_mss_fini(e);
    }
    return err;
}

void lp2p_mss_fini(struct lp2p_mss *e)
{
    lp2p_buf_fini(&e->line);
    lp2p_buf_fini(&e->out);
}

static int select_protocol(struct lp2p_mss *e, size_t index)
{
    e->proposal = index;
    e->selected_pending = true;
    set_state(e, LP2P_MSS_ST_DONE);
    return 0;
}

static int dialer_answer(struct lp2p_mss *e, struct lp2p_span text)
{
    if (lp2p_span_eq(text, e->cfg.protocols[e->proposal])) {
        return select_protocol(e, e->proposal);
    }
    if (lp2p_span_eq_str(text, MSS_HEADER)) {
        return 0; /* js listeners answer every header with one */
    }
    if (!lp2p_span_eq_str(text, MSS_NA)) {
        return fail(e, -LP2P_E_PROTO, LP2P_CLASS_LOCAL);
    }
    if (e->proposal + 1 == e->cfg.n) {
        return fail(e, -LP2P_E_NEGOTIATION, LP2P_CLASS_THEIRS);
    }
    e->proposal++;
    return put_proposal(e);
}

static int listener_proposal(struct lp2p_mss *e, struct lp2p_span text)
{
    if (lp2p_span_eq_str(text, MSS_HEADER)) {
        return put_header(e);
    }
    for (size_t i = 0; i < e->cfg.n; i++) {
        if (lp2p_span_eq(text, e->cfg.protocols[i])) {
            LP2P_TRY(put_line(e, text));
            return select_protocol(e, i);
        }
    }
    /* Also `ls`, as go: a list of what we speak serves nobody. */
    e->refused = true;
    return put_line(e, lp2p_span_str(MSS_NA));
}

static int header(struct lp2p_mss *e, struct lp2p_span text)
{
    if (!lp2p_span_eq_str(text, MSS_HEADER)) {
        return fail(e, -LP2P_E_PROTO, LP2P_CLASS_LOCAL);
    }
    if (!e->header_sent) {
        LP2P_TRY(put_header(e));
    }
    set_state(e, e->role == LP2P_MSS_DIALER ? LP2P_MSS_ST_ANSWER : LP2P_MSS_ST_PROPOSAL);
    return 0;
}

static int on_line(struct lp2p_mss *e, struct lp2p_span text)
{
    switch (e->state) {
    case LP2P_MSS_ST_HEADER:
        return header(e, text);
    case LP2P_MSS_ST_ANSWER:
        return dialer_answer(e, text);
    case LP2P_MSS_ST_PROPOSAL:
        return listener_proposal(e, text);
    case LP2P_MSS_ST_DONE:
    case LP2P_MSS_ST_FAILED:
        break;
    }
    LP2P_ASSERT(false);
    return -LP2P_E_INTERNAL;
}

/*
 * Looks at the front of a line: `*ret_need` is the bytes it has in all (or as many as are needed to
 * know), and once these are there `*ret_text` is its text.
 */
static int parse(const uint8_t *p, size_t n, size_t *ret_need, struct lp2p_span *ret_text)
{
    size_t prefix = n > 0 && (p[0] & 0x80) != 0 ? 2 : 1;
    if (n < prefix) {
        *ret_need = prefix;
        return 0;
    }
    size_t len = p[0] & 0x7f;
    if (prefix == 2) {
        if (p[1] == 0) {
            return -LP2P_E_PROTO; /* not minimal */
        }
        len |= (size_t)p[1] << 7; /* a third byte makes it too long by itself */
    }
    if (len > LP2P_MSS_LINE_MAX) {
        return -LP2P_E_LIMIT;
    }
    *ret_need = prefix + len;
    if (len == 0 || (n >= prefix + len && p[prefix + len - 1] != '\n')) {
        return -LP2P_E_PROTO;
    }
    *ret_text = lp2p_span(p + prefix, len - 1);
    return 0;
}

/* One line, complete: its cost, its meaning, and whose fault a mistake is. */
static int take_line(struct lp2p_mss *e, struct lp2p_span text, size_t bytes)
{
    e->lines++;
    e->bytes += (uint32_t)bytes;
    if (e->lines > LP2P_MSS_LINES_MAX || e->bytes > LP2P_MSS_BYTES_MAX) {
        return fail(e, -LP2P_E_LIMIT, LP2P_CLASS_LOCAL);
    }
    int err = on_line(e, text);
    if (err != 0 && e->state != LP2P_MSS_ST_FAILED) {
        return fail(e, err, LP2P_CLASS_LOCAL);
    }
    return err;
}

/* Takes the next line, or as much of it as is there; `*ret_used` 0 when nothing is left. */
static int take(struct lp2p_mss *e, struct lp2p_span in, size_t *ret_used)
{
    bool stored = e->line.len > 0;
    struct lp2p_span have = stored ? lp2p_buf_span(&e->line) : in;
    struct lp2p_span text = {.p = NULL, .n = 0};
    size_t need = 0;
    int err = parse(have.p, have.n, &need, &text);
    if (err != 0) {
        return fail(e, e->refused ? -LP2P_E_NEGOTIATION : err, LP2P_CLASS_LOCAL);
    }
    if (have.n >= need) {
        err = take_line(e, text, need);
        *ret_used = stored ? 0 : need;
        if (stored && err == 0) {
            lp2p_buf_fini(&e->line);
        }
        return err;
    }
    size_t n = LP2P_MIN(stored ? need - have.n : in.n, in.n);
    if (lp2p_buf_append(&e->line, in.p, n) != 0) {
        return fail(e, -LP2P_E_NOMEM, LP2P_CLASS_LOCAL);
    }
    *ret_used = n;
    return 0;
}

int lp2p_mss_recv(struct lp2p_mss *e, lp2p_ts now, const uint8_t *bytes, size_t n, size_t *ret_used)
{
    (void)now;
    *ret_used = 0;
    if (e->state == LP2P_MSS_ST_FAILED) {
        return e->failure.code;
    }
    bool more = true;
    while (more && e->state < LP2P_MSS_ST_DONE) {
        size_t used = 0;
        bool stored = e->line.len > 0;
        size_t left = n - *ret_used;
        LP2P_TRY(take(e, lp2p_span(left == 0 ? NULL : bytes + *ret_used, left), &used));
        *ret_used += used;
        /* A stored line that is complete uses nothing more and makes room for the next. */
        more = used > 0 || (stored && e->line.len == 0);
    }
    return 0;
}

bool lp2p_mss_event(struct lp2p_mss *e, struct lp2p_mss_event *ret)
{
    if (!e->selected_pending) {
        return false;
    }
    e->selected_pending = false;
    *ret = (struct lp2p_mss_event){.type = LP2P_MSS_EV_SELECTED, .index = e->proposal};
    return true;
}

struct lp2p_span lp2p_mss_out(struct lp2p_mss *e)
{
    return lp2p_buf_span(&e->out);
}

void lp2p_mss_out_done(struct lp2p_mss *e, size_t n)
{
    lp2p_buf_consume(&e->out, n);
    lp2p_buf_trim(&e->out);
}

bool lp2p_mss_is_lazy(const struct lp2p_mss *e)
{
    return e->role == LP2P_MSS_DIALER && e->state < LP2P_MSS_ST_DONE && e->proposal + 1 == e->cfg.n;
}

const struct lp2p_failure *lp2p_mss_error(const struct lp2p_mss *e)
{
    return &e->failure;
}
