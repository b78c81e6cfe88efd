#include "transport/wire_priv.h"

#include <string.h>

#include "base/assert.h"

/* ---- the input's block ---- */

void wire_in_unreserve(struct wire *w)
{
    if (w->in.p != NULL && !w->in.pooled && w->in.cap > 0) {
        lp2p_scope_release(w->cfg.scope, LP2P_SCOPE_MEM, w->in.cap);
        w->in.cap = 0;
    }
}

void wire_in_free(struct wire *w)
{
    wire_in_unreserve(w);
    if (w->in.pooled) {
        lp2p_pool_put(&w->host->reads, w->in.p);
    } else {
        lp2p_free(w->host->env->mem, w->in.p);
    }
    w->in = (struct wire_in){.p = NULL};
}

/* Moves the input into a block of exactly `cap` >= in.n bytes, reserved. */
static int wire_in_move(struct wire *w, size_t cap)
{
    LP2P_TRY(lp2p_scope_reserve(w->cfg.scope, LP2P_SCOPE_MEM, cap));
    uint8_t *p = lp2p_alloc(w->host->env->mem, cap);
    if (p == NULL) {
        lp2p_scope_release(w->cfg.scope, LP2P_SCOPE_MEM, cap);
        return -LP2P_E_NOMEM;
    }
    size_t n = w->in.n;
    memcpy(p, w->in.p, n);
    wire_in_free(w);
    w->in = (struct wire_in){.p = p, .n = n, .cap = cap};
    return 0;
}

/* Makes sure that there is room behind the input: a pooled block when there is none yet. */
static int wire_in_room(struct wire *w)
{
    if (w->in.p == NULL) {
        w->in.p = lp2p_pool_get(&w->host->reads);
        if (w->in.p == NULL) {
            return -LP2P_E_NOMEM;
        }
        w->in.pooled = true;
        w->in.cap = w->host->reads.size;
    }
    if (w->in.n < w->in.cap) {
        return 0;
    }
    /* A record that turned out longer than its beginning could tell. */
    size_t want = w->conn->ops->want(w->conn, w->in.p, w->in.n);
    return wire_in_move(w, LP2P_MAX(want, w->in.n + 1));
}

static void wire_in_consume(struct wire *w, size_t n)
{
    w->in.n -= n;
    if (w->in.n > 0 && n > 0) {
        memmove(w->in.p, w->in.p + n, w->in.n);
    } else if (w->in.n == 0 && !w->in.pooled) {
        wire_in_free(w);
    }
}

void wire_in_settle(struct wire *w)
{
    if (w->in.p == NULL || w->aborted) {
        return;
    }
    if (w->in.n == 0 || w->state != WIRE_RUNNING) {
        wire_in_free(w);
        return;
    }
    size_t want = w->stuck ? 0 : w->conn->ops->want(w->conn, w->in.p, w->in.n);
    size_t cap = LP2P_MAX(want, w->in.n);
    if (!w->in.pooled && w->in.cap <= cap) {
        return;
    }
    int err = wire_in_move(w, cap);
    if (err != 0) {
        wire_fail(w, err, LP2P_CLASS_LOCAL, "transport");
    }
}

/* ---- feeding ---- */

/* One call of the engine and what follows from it; true while it gets on. */
static bool wire_feed_once(struct wire *w, size_t *off)
{
    uint8_t *p = w->in.p + *off;
    size_t n = w->in.n - *off;
    size_t used = 0;
    int err = w->conn->ops->recv(w->conn, wire_now(w), p, n, &used);
    *off += used;
    bool moved = wire_pull(w) || used > 0;
    if (w->state != WIRE_RUNNING || err != 0) {
        return false; /* the error is sticky: wire_check_engine finds it */
    }
    if (moved) {
        return true;
    }
    if (w->conn->ops->want(w->conn, p, n) > n) {
        return false; /* an incomplete record */
    }
    /* It waits for room in its output, or for an answer. */
    if (wire_flush(w)) {
        return true;
    }
    w->stuck = w->state == WIRE_RUNNING;
    return false;
}

void wire_feed(struct wire *w)
{
    size_t off = 0;
    w->stuck = false;
    while (off < w->in.n && wire_feed_once(w, &off)) {
    }
    if (!w->aborted) {
        wire_in_consume(w, off);
    }
}

/* ---- reading ---- */

static void wire_eof(struct wire *w)
{
    w->eof = true;
    w->conn->ops->recv_eof(w->conn, wire_now(w));
    (void)wire_pull(w);
    if (w->state != WIRE_RUNNING) {
        return;
    }
    const struct lp2p_failure *failure = w->conn->ops->error(w->conn);
    if (failure->code != 0) {
        (void)wire_flush(w);
        w->failure = *failure;
    } else if (w->in.n > 0) {
        /* It ended inside a record. */
        w->failure = (struct lp2p_failure){
            .code = -LP2P_E_EOF, .class_ = LP2P_CLASS_THEIRS, .where = "transport"};
    } else {
        (void)wire_flush(w);
    }
    if (w->state != WIRE_ENDED) {
        wire_fail(w, w->failure.code, w->failure.class_, w->failure.where);
    }
}

/* Reads once; false when that was all for now. */
static bool wire_read_once(struct wire *w, size_t *total)
{
    int err = wire_in_room(w);
    if (err != 0) {
        wire_fail(w, err, LP2P_CLASS_LOCAL, "transport");
        return false;
    }
    size_t room = w->in.cap - w->in.n;
    size_t got = 0;
    err = w->io->ops->read(w->io, w->in.p + w->in.n, room, &got);
    if (err == -LP2P_E_EOF) {
        wire_eof(w);
        return false;
    }
    if (err != 0) {
        if (err != -LP2P_E_AGAIN) {
            wire_io_failed(w, err);
        }
        return false;
    }
    w->in.n += got;
    w->bytes_in += got;
    *total += got;
    wire_feed(w);
    /* A short read means stop. */
    return got == room && w->state == WIRE_RUNNING && !w->stuck &&
           w->conn->ops->error(w->conn)->code == 0;
}

void wire_read(struct wire *w)
{
    size_t total = 0;
    while (wire_read_once(w, &total) && total < LP2P_WIRE_TURN_QUOTA) {
    }
}

void wire_discard(struct wire *w)
{
    wire_in_free(w);
    uint8_t *block = lp2p_pool_get(&w->host->reads);
    if (block == NULL) {
        wire_fail(w, -LP2P_E_NOMEM, LP2P_CLASS_LOCAL, "transport");
        return;
    }
    size_t size = w->host->reads.size;
    size_t total = 0;
    size_t got = size;
    while (!w->eof && got == size && total < LP2P_WIRE_TURN_QUOTA) {
        int err = w->io->ops->read(w->io, block, size, &got);
        if (err == -LP2P_E_EOF) {
            w->eof = true;
        } else if (err != 0) {
            if (err != -LP2P_E_AGAIN) {
                wire_io_failed(w, err);
            }
            break;
        }
        total += got;
    }
    w->bytes_in += total;
    lp2p_pool_put(&w->host->reads, block);
}
