/*
 * Output buffer of a connection: one block from a pool, taken when the first byte is written and
 * given back when the last one was acknowledged. Engines composed in conn/upgrade append to the
 * same one, so a flight of several layers is one write.
 *
 * A block is small, enough for handshakes and answers, until its user asks for a large one, which
 * is paid for in an account: who makes us answer and does not read holds little. Between that the
 * size is fixed: when it is full the layer above waits. Content may move when room is made at the
 * end, so a record that is still open is found from the end (lp2p_obuf_tail), never by pointer.
 */
#ifndef LP2P_BASE_OBUF_H
#define LP2P_BASE_OBUF_H

#include "base/pool.h"
#include "base/scope.h"
#include "base/span.h"

struct lp2p_obuf {
    struct lp2p_pool *small;
    struct lp2p_pool *large;  /* NULL: it never grows */
    struct lp2p_scope *scope; /* pays for a large block */
    uint8_t *p;               /* block, NULL while empty */
    bool is_large;
    size_t off; /* first byte not acknowledged */
    size_t len;
};

void lp2p_obuf_init(struct lp2p_obuf *o, struct lp2p_pool *small);
/* Lets it grow; both outlive it. */
void lp2p_obuf_set_large(struct lp2p_obuf *o, struct lp2p_pool *large, struct lp2p_scope *scope);
void lp2p_obuf_fini(struct lp2p_obuf *o);

/* Size of the block that is held, or would be taken. */
size_t lp2p_obuf_size(const struct lp2p_obuf *o);

/* Moves the content to a large block, or takes one; does nothing when it has one. -LP2P_E_LIMIT
 * (the account), -LP2P_E_NOMEM, -LP2P_E_AGAIN (it never grows): then everything is as before. */
int lp2p_obuf_grow(struct lp2p_obuf *o);

/* Bytes that can still be appended (after moving the content to the front). */
size_t lp2p_obuf_room(const struct lp2p_obuf *o);

/*
 * Lends room for exactly `n` bytes at the end; `commit` makes the first of them content. Valid
 * until the next call. -LP2P_E_AGAIN when there is too little room, -LP2P_E_NOMEM when the pool has
 * no block.
 */
int lp2p_obuf_reserve(struct lp2p_obuf *o, size_t n, uint8_t **ret);
void lp2p_obuf_commit(struct lp2p_obuf *o, size_t n);

/* Reserve, copy, commit. */
int lp2p_obuf_append(struct lp2p_obuf *o, const void *p, size_t n);

/* The last `n` <= len bytes, to patch the header of a record that is being closed. */
uint8_t *lp2p_obuf_tail(struct lp2p_obuf *o, size_t n);

/* Drops the last `n` <= len bytes, which must not be sent; gives the block back with the last one.
 */
void lp2p_obuf_cut(struct lp2p_obuf *o, size_t n);

/* The content; stable until consumed or appended to. */
struct lp2p_span lp2p_obuf_span(const struct lp2p_obuf *o);

/* Drops `n` <= len bytes at the front; gives the block back with the last one. */
void lp2p_obuf_consume(struct lp2p_obuf *o, size_t n);

#endif
