/*
 * A growable byte buffer with a mandatory maximum: append at the end, consume at the front.
 *
 * The caller owns the struct; the bytes belong to the buffer and move when it grows. Memory is
 * taken when the first byte comes and given back by `fini` or `trim`. A buffer that keeps its
 * maximum cannot be filled by a peer beyond it.
 */
#ifndef LP2P_BASE_BUF_H
#define LP2P_BASE_BUF_H

#include "base/mem.h"
#include "base/span.h"

struct lp2p_buf {
    const struct lp2p_mem *mem;
    uint8_t *p; /* allocated block, NULL while empty */
    size_t off; /* first unconsumed byte */
    size_t len; /* bytes from `off` */
    size_t cap; /* size of the block */
    size_t max; /* never more bytes than this */
};

/* `max` > 0 is the most bytes it will ever hold. Allocates nothing. */
void lp2p_buf_init(struct lp2p_buf *b, const struct lp2p_mem *mem, size_t max);

/* Gives the memory back; the buffer can be used again. */
void lp2p_buf_fini(struct lp2p_buf *b);

/* As fini, but wipes the bytes first. */
void lp2p_buf_wipe(struct lp2p_buf *b);

/*
 * Makes room for `n` more bytes and lends them; `commit` makes the first of them part of the
 * content. Valid until the next call on the buffer. -LP2P_E_LIMIT beyond the maximum,
 * -LP2P_E_NOMEM.
 */
int lp2p_buf_reserve(struct lp2p_buf *b, size_t n, uint8_t **ret);
void lp2p_buf_commit(struct lp2p_buf *b, size_t n);

/* Appends a copy. -LP2P_E_LIMIT beyond the maximum, -LP2P_E_NOMEM; on failure nothing is appended.
 */
int lp2p_buf_append(struct lp2p_buf *b, const void *p, size_t n);
int lp2p_buf_append_u8(struct lp2p_buf *b, uint8_t v);

/* The content; valid until the next call that appends or consumes. */
static inline struct lp2p_span lp2p_buf_span(const struct lp2p_buf *b)
{
    return lp2p_span(b->len == 0 ? NULL : b->p + b->off, b->len);
}

/* Drops `n` <= len bytes at the front. */
void lp2p_buf_consume(struct lp2p_buf *b, size_t n);

/* Drops bytes at the end until `n` <= len are left. */
void lp2p_buf_truncate(struct lp2p_buf *b, size_t n);

/* Forgets the content, keeps the memory. */
void lp2p_buf_clear(struct lp2p_buf *b);

/* Gives the memory back when there is no content. */
void lp2p_buf_trim(struct lp2p_buf *b);

#endif
