#include "proto/identify/identify.h"

#include "base/assert.h"
#include "format/varint.h"

static void set_state(struct lp2p_identify *e, enum lp2p_identify_state to)
{
    LP2P_ASSERT(e->state != LP2P_IDENTIFY_ST_DONE && e->state != LP2P_IDENTIFY_ST_FAILED);
    e->state = to;
    if (to == LP2P_IDENTIFY_ST_DONE || to == LP2P_IDENTIFY_ST_FAILED) {
        e->deadline = LP2P_TS_NEVER;
    }
}

static bool is_finished(const struct lp2p_identify *e)
{
    return e->state == LP2P_IDENTIFY_ST_DONE || e->state == LP2P_IDENTIFY_ST_FAILED;
}

static int fail(struct lp2p_identify *e, int code, enum lp2p_error_class class_)
{
    set_state(e, LP2P_IDENTIFY_ST_FAILED);
    e->failure = (struct lp2p_failure){.code = code, .class_ = class_, .where = "identify"};
    return code;
}

/* A fault of what the peer sent is said to it with a reset; what fails in here is local. */
static int fail_input(struct lp2p_identify *e, int code)
{
    return fail(e, code, code == -LP2P_E_NOMEM ? LP2P_CLASS_LOCAL : LP2P_CLASS_OURS);
}

static int sender_init(struct lp2p_identify *e, const struct lp2p_identify_msg *msg)
{
    struct lp2p_buf body;
    lp2p_buf_init(&body, e->cfg.mem, LP2P_IDENTIFY_SEND_MAX);
    int err = lp2p_identify_encode(msg, &body);
    if (err == 0) {
        uint8_t prefix[LP2P_UVARINT_SIZE];
        size_t n = lp2p_uvarint_put(prefix, body.len);
        err = lp2p_buf_append(&e->bytes, prefix, n);
    }
    if (err == 0) {
        struct lp2p_span s = lp2p_buf_span(&body);
        err = lp2p_buf_append(&e->bytes, s.p, s.n);
    }
    lp2p_buf_fini(&body);
    return err;
}

int lp2p_identify_init(struct lp2p_identify *e, const struct lp2p_identify_cfg *cfg,
                       enum lp2p_identify_role role, lp2p_ts now)
{
    *e = (struct lp2p_identify){
        .cfg = *cfg,
        .role = role,
        .state = role == LP2P_IDENTIFY_SENDER ? LP2P_IDENTIFY_ST_SENDING : LP2P_IDENTIFY_ST_PREFIX,
        .deadline = now + cfg->timeout,
    };
    e->cfg.msg = NULL;
    if (role == LP2P_IDENTIFY_RECEIVER) {
        lp2p_buf_init(&e->bytes, cfg->mem,
                      (size_t)LP2P_IDENTIFY_MESSAGE_MAX * LP2P_IDENTIFY_MESSAGES_MAX);
        return 0;
    }
    lp2p_buf_init(&e->bytes, cfg->mem, LP2P_IDENTIFY_SEND_MAX + LP2P_UVARINT_SIZE);
    int err = sender_init(e, cfg->msg);
    if (err != 0) {
        lp2p_buf_fini(&e->bytes);
    }
    return err;
}

void lp2p_identify_fini(struct lp2p_identify *e)
{
    lp2p_buf_fini(&e->bytes);
}

/* The open message is whole. It is judged by itself, so that a field cut at its end cannot swallow
 * the next one when they are merged. */
static int end_message(struct lp2p_identify *e)
{
    struct lp2p_span all = lp2p_buf_span(&e->bytes);
    /* Before the first byte came there is no buffer to point into. */
    size_t n = all.n - e->body_start;
    struct lp2p_span body = n == 0 ? lp2p_span(NULL, 0) : lp2p_span(all.p + e->body_start, n);
    struct lp2p_identify_msg msg;
    int err = lp2p_identify_decode(body, &msg);
    if (err != 0) {
        return fail_input(e, err);
    }
    set_state(e, LP2P_IDENTIFY_ST_PREFIX);
    return 0;
}

static int begin_message(struct lp2p_identify *e, uint64_t len)
{
    e->prefix_len = 0;
    if (len > LP2P_IDENTIFY_MESSAGE_MAX) {
        return fail_input(e, -LP2P_E_TOO_LONG);
    }
    if (e->messages == LP2P_IDENTIFY_MESSAGES_MAX) {
        return fail_input(e, -LP2P_E_LIMIT);
    }
    e->messages++;
    e->body_left = (size_t)len;
    e->body_start = e->bytes.len;
    set_state(e, LP2P_IDENTIFY_ST_BODY);
    return len == 0 ? end_message(e) : 0;
}

static int recv_prefix(struct lp2p_identify *e, uint8_t byte)
{
    e->prefix[e->prefix_len++] = byte;
    struct lp2p_cursor c = lp2p_cursor(e->prefix, e->prefix_len);
    uint64_t len;
    int err = lp2p_uvarint_get(&c, &len);
    if (err == 0) {
        return begin_message(e, len);
    }
    if (err != -LP2P_E_TRUNCATED) {
        return fail_input(e, -LP2P_E_DECODE);
    }
    return e->prefix_len == sizeof(e->prefix) ? fail_input(e, -LP2P_E_TOO_LONG) : 0;
}

static int recv_body(struct lp2p_identify *e, const uint8_t *bytes, size_t n, size_t *ret_used)
{
    size_t take = LP2P_MIN(n, e->body_left);
    int err = lp2p_buf_append(&e->bytes, bytes, take);
    if (err != 0) {
        return fail_input(e, err);
    }
    e->body_left -= take;
    *ret_used = take;
    return e->body_left == 0 ? end_message(e) : 0;
}

int lp2p_identify_recv(struct lp2p_identify *e, lp2p_ts now, const uint8_t *bytes, size_t n,
                       size_t *ret_used)
{
    (void)now;
    size_t used = 0;
    int err = e->failure.code;
    if (err != 0) {
        *ret_used = 0;
        return err;
    }
    while (err == 0 && used < n && e->role == LP2P_IDENTIFY_RECEIVER && !is_finished(e)) {
        size_t took = 1;
        err = e->state == LP2P_IDENTIFY_ST_PREFIX ? recv_prefix(e, bytes[used])
                                                  : recv_body(e, bytes + used, n - used, &took);
        used += took;
    }
    *ret_used = n;
    return err;
}

static void finish_receiver(struct lp2p_identify *e)
{
    set_state(e, LP2P_IDENTIFY_ST_DONE);
    e->event_pending = true;
}

int lp2p_identify_recv_eof(struct lp2p_identify *e, lp2p_ts now)
{
    (void)now;
    if (e->role == LP2P_IDENTIFY_SENDER || is_finished(e)) {
        return e->failure.code; /* the asker has nothing to say: its end is no news */
    }
    if (e->state == LP2P_IDENTIFY_ST_BODY || e->prefix_len > 0) {
        return fail(e, -LP2P_E_TRUNCATED, LP2P_CLASS_THEIRS);
    }
    if (e->messages == 0) {
        return fail(e, -LP2P_E_EOF, LP2P_CLASS_THEIRS);
    }
    finish_receiver(e);
    return 0;
}

bool lp2p_identify_event(struct lp2p_identify *e, struct lp2p_identify_event *ret)
{
    if (!e->event_pending) {
        return false;
    }
    e->event_pending = false;
    if (e->role == LP2P_IDENTIFY_SENDER) {
        ret->type = LP2P_IDENTIFY_EV_CLOSE;
        return true;
    }
    ret->type = LP2P_IDENTIFY_EV_MESSAGE;
    /* Each message was decoded alone, so the joined one is well-formed. */
    int err = lp2p_identify_decode(lp2p_buf_span(&e->bytes), &ret->msg);
    LP2P_ASSERT(err == 0);
    return true;
}

struct lp2p_span lp2p_identify_out(struct lp2p_identify *e)
{
    return e->state == LP2P_IDENTIFY_ST_SENDING ? lp2p_buf_span(&e->bytes) : lp2p_span(NULL, 0);
}

void lp2p_identify_out_done(struct lp2p_identify *e, size_t n)
{
    lp2p_buf_consume(&e->bytes, n);
    if (e->bytes.len == 0 && e->state == LP2P_IDENTIFY_ST_SENDING) {
        set_state(e, LP2P_IDENTIFY_ST_DONE);
        e->event_pending = true;
    }
}

lp2p_ts lp2p_identify_deadline(const struct lp2p_identify *e)
{
    return e->deadline;
}

int lp2p_identify_tick(struct lp2p_identify *e, lp2p_ts now)
{
    if (is_finished(e) || now < e->deadline) {
        return e->failure.code;
    }
    if (e->role == LP2P_IDENTIFY_RECEIVER && e->messages > 0 &&
        e->state == LP2P_IDENTIFY_ST_PREFIX && e->prefix_len == 0) {
        finish_receiver(e);
        return 0;
    }
    return fail(e, -LP2P_E_TIMEOUT, LP2P_CLASS_LOCAL);
}

const struct lp2p_failure *lp2p_identify_error(const struct lp2p_identify *e)
{
    return &e->failure;
}
