#include "interop.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK (64U * 1024U)

/* A served stream of any of the three. */
struct serve {
    uint8_t *held; /* echo: bytes that did not fit */
    size_t held_len;
    size_t held_cap;
    bool eof;
    EVP_MD_CTX *sha;
    uint64_t count; /* sink: received; source: still to send */
    uint8_t head[8];
    size_t head_len;
    uint8_t tail[40]; /* sum, or count and sum */
    size_t tail_len;
    size_t tail_sent;
};

static void serve_open(void *ctx, struct lp2p_stream *s, const char *protocol)
{
    (void)ctx;
    (void)protocol;
    struct serve *v = calloc(1, sizeof(*v));
    if (v == NULL) {
        lp2p_stream_reset(s, 0);
        return;
    }
    v->sha = EVP_MD_CTX_new();
    if (v->sha == NULL || EVP_DigestInit_ex(v->sha, EVP_sha256(), NULL) != 1) {
        die("sha-256", -LP2P_E_CRYPTO);
    }
    lp2p_stream_set_ctx(s, v);
}

static void serve_closed(void *ctx, struct lp2p_stream *s, const struct lp2p_failure *why)
{
    (void)s;
    (void)why;
    struct serve *v = ctx;
    if (v != NULL) {
        EVP_MD_CTX_free(v->sha);
        free(v->held);
        free(v);
    }
}

/* ---- echo ---- */

static void echo_hold(struct serve *v, struct lp2p_stream *s, const uint8_t *p, size_t n)
{
    if (v->held_len + n > v->held_cap) {
        size_t cap = (v->held_len + n) * 2;
        uint8_t *grown = realloc(v->held, cap);
        if (grown == NULL) {
            lp2p_stream_reset(s, 0);
            return;
        }
        v->held = grown;
        v->held_cap = cap;
    }
    memcpy(v->held + v->held_len, p, n);
    v->held_len += n;
}

static void echo_pump(struct serve *v, struct lp2p_stream *s)
{
    size_t took = 0;
    if (v->held_len > 0 && lp2p_stream_write(s, v->held, v->held_len, &took) == 0 && took > 0) {
        v->held_len -= took;
        memmove(v->held, v->held + took, v->held_len);
        lp2p_stream_consume(s, took);
    }
    if (v->held_len == 0 && v->eof) {
        (void)lp2p_stream_close_write(s);
    }
}

static void echo_data(void *ctx, struct lp2p_stream *s, const uint8_t *p, size_t n)
{
    struct serve *v = ctx;
    size_t took = 0;
    if (v->held_len == 0 && lp2p_stream_write(s, p, n, &took) != 0) {
        return;
    }
    if (took > 0) {
        lp2p_stream_consume(s, took);
    }
    if (took < n) {
        echo_hold(v, s, p + took, n - took);
    }
}

static void echo_writable(void *ctx, struct lp2p_stream *s)
{
    echo_pump(ctx, s);
}

static void echo_eof(void *ctx, struct lp2p_stream *s)
{
    struct serve *v = ctx;
    v->eof = true;
    echo_pump(v, s);
}

/* ---- sink ---- */

static void send_tail(struct serve *v, struct lp2p_stream *s)
{
    size_t took = 0;
    if (lp2p_stream_write(s, v->tail + v->tail_sent, v->tail_len - v->tail_sent, &took) != 0) {
        return;
    }
    v->tail_sent += took;
    if (v->tail_sent == v->tail_len) {
        (void)lp2p_stream_close_write(s);
    }
}

static void sink_data(void *ctx, struct lp2p_stream *s, const uint8_t *p, size_t n)
{
    struct serve *v = ctx;
    EVP_DigestUpdate(v->sha, p, n);
    v->count += n;
    lp2p_stream_consume(s, n);
}

static void sink_eof(void *ctx, struct lp2p_stream *s)
{
    struct serve *v = ctx;
    for (unsigned i = 0; i < 8; i++) {
        v->tail[i] = (uint8_t)(v->count >> (56 - 8 * i));
    }
    EVP_DigestFinal_ex(v->sha, v->tail + 8, NULL);
    v->tail_len = 40;
    send_tail(v, s);
}

static void sink_writable(void *ctx, struct lp2p_stream *s)
{
    struct serve *v = ctx;
    if (v->tail_len > 0 && v->tail_sent < v->tail_len) {
        send_tail(v, s);
    }
}

/* ---- source ---- */

static void source_pump(struct serve *v, struct lp2p_stream *s)
{
    static const uint8_t block[BLOCK] = {1, 2, 3};
    while (v->count > 0) {
        size_t n = v->count < BLOCK ? (size_t)v->count : BLOCK;
        size_t took = 0;
        if (lp2p_stream_write(s, block, n, &took) != 0) {
            return;
        }
        EVP_DigestUpdate(v->sha, block, took);
        v->count -= took;
        if (took < n) {
            return;
        }
    }
    if (v->tail_len == 0) {
        EVP_DigestFinal_ex(v->sha, v->tail, NULL);
        v->tail_len = 32;
    }
    if (v->tail_sent < v->tail_len) {
        send_tail(v, s);
    }
}

static void source_data(void *ctx, struct lp2p_stream *s, const uint8_t *p, size_t n)
{
    struct serve *v = ctx;
    lp2p_stream_consume(s, n);
    if (v->head_len == 8) {
        return; /* what still comes is read and dropped */
    }
    for (size_t i = 0; i < n && v->head_len < 8; i++) {
        v->head[v->head_len++] = p[i];
    }
    if (v->head_len == 8) {
        for (size_t i = 0; i < 8; i++) {
            v->count = (v->count << 8) | v->head[i];
        }
        source_pump(v, s);
    }
}

static void source_writable(void *ctx, struct lp2p_stream *s)
{
    struct serve *v = ctx;
    if (v->head_len == 8) {
        source_pump(v, s);
    }
}

static void source_eof(void *ctx, struct lp2p_stream *s)
{
    struct serve *v = ctx;
    if (v->head_len < 8) {
        lp2p_stream_reset(s, 0);
        serve_closed(v, s, NULL);
    }
}

void serve_all(struct node *n)
{
    static const struct lp2p_stream_ops echo = {
        .on_open = serve_open,
        .on_data = echo_data,
        .on_writable = echo_writable,
        .on_eof = echo_eof,
        .on_closed = serve_closed,
    };
    static const struct lp2p_stream_ops sink = {
        .on_open = serve_open,
        .on_data = sink_data,
        .on_writable = sink_writable,
        .on_eof = sink_eof,
        .on_closed = serve_closed,
    };
    static const struct lp2p_stream_ops source = {
        .on_open = serve_open,
        .on_data = source_data,
        .on_writable = source_writable,
        .on_eof = source_eof,
        .on_closed = serve_closed,
    };
    int err = lp2p_host_handle(n->host, INTEROP_ECHO, &echo, NULL);
    if (err == 0) {
        err = lp2p_host_handle(n->host, INTEROP_SINK, &sink, NULL);
    }
    if (err == 0) {
        err = lp2p_host_handle(n->host, INTEROP_SOURCE, &source, NULL);
    }
    if (err != 0) {
        die("handlers", err);
    }
}
