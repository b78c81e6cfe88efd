/*
 * The other end of a rig: frames fed to the engine, and what it must have said and sent.
 */
#ifndef LP2P_TESTS_YAMUX_PEER_H
#define LP2P_TESTS_YAMUX_PEER_H

#include "rig.h"

/* Feeds all of it in pieces of `cut` bytes (0: at once); says what recv said last. `drain`: output
 * is taken when the engine waits for it. */
static inline int rig_feed_cut(struct rig *r, const uint8_t *p, size_t n, size_t cut, bool drain)
{
    uint8_t *copy = malloc(n + 1);
    assert_non_null(copy);
    memcpy(copy, p, n);
    size_t done = 0;
    int err = 0;
    while (done < n && err == 0) {
        size_t k = cut == 0 ? n - done : LP2P_MIN(cut, n - done);
        size_t used = 0;
        err = lp2p_yamux_recv(r->e, r->now, copy + done, k, &used);
        done += err == 0 ? used : 0;
        bool any = rig_pull(r);
        if (err == 0 && used == 0 && !any) {
            if (!drain) {
                break;
            }
            rig_drain(r);
        }
    }
    rig_flush_data(r);
    free(copy);
    return err;
}

static inline int rig_feed(struct rig *r, const void *p, size_t n)
{
    return rig_feed_cut(r, p, n, 0, true);
}

/* A frame of the peer with `n` bytes of payload behind it. */
static inline int rig_frame(struct rig *r, enum lp2p_yamux_type type, unsigned flags, uint32_t id,
                            uint32_t length)
{
    struct lp2p_yamux_frame f = {
        .type = type, .flags = (uint16_t)flags, .id = id, .length = length};
    uint8_t head[LP2P_YAMUX_HEADER_SIZE];
    lp2p_yamux_frame_encode(&f, head);
    return rig_feed(r, head, sizeof(head));
}

static inline int rig_data(struct rig *r, unsigned flags, uint32_t id, uint32_t length)
{
    int err = rig_frame(r, LP2P_YAMUX_DATA, flags, id, length);
    uint8_t *body = calloc(1, length + 1U);
    assert_non_null(body);
    if (err == 0) {
        err = rig_feed(r, body, length);
    }
    free(body);
    return err;
}

/* The events since the last call must be these. */
static inline void rig_expect(struct rig *r, const char *log)
{
    rig_pull(r);
    rig_flush_data(r);
    r->log[r->log_len] = '\0';
    assert_string_equal(r->log, log);
    r->log_len = 0;
    r->log[0] = '\0';
}

/* The output since the last call must be these frames, written "type.flags.id.length ..."; payload
 * is skipped. */
static inline void rig_expect_out(struct rig *r, const char *frames)
{
    static char text[1 << 16];
    size_t len = 0;
    rig_drain(r);
    text[0] = '\0';
    for (size_t at = 0; at < r->out_len;) {
        struct lp2p_yamux_frame f;
        assert_true(r->out_len - at >= LP2P_YAMUX_HEADER_SIZE);
        assert_int_equal(lp2p_yamux_frame_decode(r->out + at, &f), 0);
        at += LP2P_YAMUX_HEADER_SIZE + (f.type == LP2P_YAMUX_DATA ? f.length : 0);
        int n = snprintf(text + len, sizeof(text) - len, "%s%d.%u.%u.%u", len == 0 ? "" : " ",
                         (int)f.type, f.flags, f.id, f.length);
        assert_true(n > 0 && (size_t)n < sizeof(text) - len);
        len += (size_t)n;
    }
    assert_string_equal(text, frames);
    r->out_len = 0;
}

/* Answers the first Ping and forgets what was said, so that a test starts with a clean table. */
static inline void rig_settle(struct rig *r)
{
    rig_drain(r);
    if (r->e->ping_waiting) {
        assert_int_equal(rig_frame(r, LP2P_YAMUX_PING, LP2P_YAMUX_ACK, 0, r->e->ping_value), 0);
    }
    rig_drain(r);
    rig_pull(r);
    r->out_len = 0;
    r->log_len = 0;
}

static inline struct lp2p_yamux_stream *rig_stream(struct rig *r)
{
    struct lp2p_yamux_stream *s;
    assert_int_equal(lp2p_yamux_open(r->e, &s), 0);
    return s;
}

/* Writes `n` zero bytes with room for all; the payload goes nowhere. */
static inline int rig_write_room(struct rig *r, struct lp2p_yamux_stream *s, size_t n, size_t room,
                                 size_t *ret_n)
{
    static const uint8_t zeros[1 << 20];
    return lp2p_yamux_write(r->e, s, lp2p_span(zeros, LP2P_MIN(n, sizeof(zeros))), room, ret_n);
}

#endif
