#include "flow.h"

#include <string.h>

#define CHUNK (64U * 1024U)
#define SUM   32U

static uint8_t pattern(uint64_t offset)
{
    return (uint8_t)(offset * 31 + (offset >> 8));
}

static void flow_check_done(struct flow *f)
{
    bool sent = f->sent == f->to_send && (!f->close || f->closed);
    bool read = f->read >= f->to_read && (!f->want_eof || f->eof);
    if (!f->told && sent && read) {
        f->told = true;
        f->on_done(f);
    }
}

/* The next bytes to send: the head, then the pattern. */
static size_t flow_fill(struct flow *f, uint8_t chunk[static CHUNK])
{
    size_t n = f->to_send - f->sent < CHUNK ? (size_t)(f->to_send - f->sent) : CHUNK;
    for (size_t i = 0; i < n; i++) {
        uint64_t at = f->sent + i;
        chunk[i] = at < f->head_len ? f->head[at] : pattern(at);
    }
    return n;
}

static void flow_send(struct flow *f)
{
    static uint8_t chunk[CHUNK];
    while (f->sent < f->to_send) {
        size_t n = flow_fill(f, chunk);
        size_t took = 0;
        if (lp2p_stream_write(f->stream, chunk, n, &took) != 0) {
            return;
        }
        if (f->sha_out != NULL) {
            EVP_DigestUpdate(f->sha_out, chunk, took);
        }
        f->sent += took;
        if (took < n) {
            return;
        }
    }
    if (f->close && !f->closed && lp2p_stream_close_write(f->stream) == 0) {
        f->closed = true;
    }
}

/* All but the last 32 bytes go into the sum: those are the peer's. */
static void flow_hash(struct flow *f, const uint8_t *p, size_t n)
{
    uint64_t end = f->to_read - SUM;
    if (f->sha_in != NULL && f->hashed < end) {
        uint64_t take = end - f->hashed < n ? end - f->hashed : n;
        EVP_DigestUpdate(f->sha_in, p, (size_t)take);
        f->hashed += take;
    }
}

static void flow_keep_last(struct flow *f, const uint8_t *p, size_t n)
{
    size_t cap = sizeof(f->last);
    if (n >= cap) {
        memcpy(f->last, p + n - cap, cap);
        return;
    }
    memmove(f->last, f->last + n, cap - n);
    memcpy(f->last + cap - n, p, n);
}

static void flow_data(void *ctx, struct lp2p_stream *s, const uint8_t *p, size_t n)
{
    struct flow *f = ctx;
    for (size_t i = 0; f->check && i < n; i++) {
        f->mismatch |= p[i] != pattern(f->read + i);
    }
    flow_hash(f, p, n);
    flow_keep_last(f, p, n);
    f->read += n;
    lp2p_stream_consume(s, n);
    flow_check_done(f);
}

static void flow_writable(void *ctx, struct lp2p_stream *s)
{
    struct flow *f = ctx;
    (void)s;
    flow_send(f);
    flow_check_done(f);
}

static void flow_eof(void *ctx, struct lp2p_stream *s)
{
    struct flow *f = ctx;
    (void)s;
    f->eof = true;
    flow_check_done(f);
}

static void flow_closed(void *ctx, struct lp2p_stream *s, const struct lp2p_failure *why)
{
    struct flow *f = ctx;
    (void)s;
    f->stream = NULL;
    if (!f->told) {
        f->told = true;
        f->on_over(f, why);
    }
}

int flow_open(struct flow *f, struct node *n, const struct lp2p_peer_id *peer, const char *protocol)
{
    static const struct lp2p_stream_ops ops = {
        .on_data = flow_data,
        .on_writable = flow_writable,
        .on_eof = flow_eof,
        .on_closed = flow_closed,
    };
    struct lp2p_open open = {.protocols = &protocol, .n = 1, .ops = &ops, .ctx = f};
    int err = lp2p_host_open(n->host, peer, &open, &f->stream);
    if (err == 0) {
        flow_send(f);
    }
    return err;
}

void flow_more(struct flow *f)
{
    f->told = false;
    if (f->stream != NULL) {
        flow_send(f);
        /* All may have gone at once, and then nothing else tells so before the end. */
        flow_check_done(f);
    }
}

void flow_drop(struct flow *f)
{
    if (f->stream != NULL) {
        lp2p_stream_reset(f->stream, 0);
        f->stream = NULL;
    }
}
