/*
 * Protobuf messages, as far as libp2p uses them: varints and length-delimited fields, written with
 * fields in ascending order; read in any order, unknown fields skipped.
 *
 * Reader and writer keep no tree, do not recurse and do not allocate; a nested message is a span
 * that its own reader takes, so depth is what the code says and not what the peer says. Groups are
 * refused: no libp2p message has them (RUSTSEC-2020-0002). For scalars the last value wins, which
 * the loop below does by itself.
 *
 *     struct lp2p_pb_reader r = lp2p_pb_reader(msg);
 *     struct lp2p_pb_field f;
 *     while (lp2p_pb_next(&r, &f)) {
 *         switch (f.num) {
 *         case 1:
 *             LP2P_TRY(lp2p_pb_field_bytes(&f, &ret->data));
 *             break;
 *         }
 *     }
 *     return lp2p_pb_end(&r);
 */
#ifndef LP2P_FORMAT_PROTOBUF_H
#define LP2P_FORMAT_PROTOBUF_H

#include "base/buf.h"
#include "base/cursor.h"

/* Field numbers of the protobuf encoding end here. */
#define LP2P_PB_MAX_FIELD 536870911U

enum lp2p_pb_wire {
    LP2P_PB_VARINT = 0,
    LP2P_PB_FIXED64 = 1,
    LP2P_PB_BYTES = 2,
    LP2P_PB_FIXED32 = 5,
};

/* One field; `bytes` points into the message. */
struct lp2p_pb_field {
    uint32_t num;
    enum lp2p_pb_wire wire;
    uint64_t value;         /* of VARINT, FIXED32 and FIXED64, else 0 */
    struct lp2p_span bytes; /* of BYTES, else empty */
};

struct lp2p_pb_reader {
    struct lp2p_cursor c;
    int err; /* sticky: what ended the reading, 0 while it is fine */
};

/* `msg` stays where it is while its fields are in use. */
struct lp2p_pb_reader lp2p_pb_reader(struct lp2p_span msg);

/* The next field; false at the end and at the first error. */
bool lp2p_pb_next(struct lp2p_pb_reader *r, struct lp2p_pb_field *ret);

/* 0 when the whole message was read well, else -LP2P_E_DECODE. */
int lp2p_pb_end(const struct lp2p_pb_reader *r);

/* The value as the message's definition has it; -LP2P_E_DECODE when the field is of another kind
 * (and, for u32, above 32 bits). */
int lp2p_pb_field_bytes(const struct lp2p_pb_field *f, struct lp2p_span *ret);
int lp2p_pb_field_u64(const struct lp2p_pb_field *f, uint64_t *ret);
int lp2p_pb_field_u32(const struct lp2p_pb_field *f, uint32_t *ret);
int lp2p_pb_field_bool(const struct lp2p_pb_field *f, bool *ret);

/* Writes into a buffer or into fixed bytes. The first error sticks, later calls do nothing, and
 * `finish` names it. */
struct lp2p_pb_writer {
    struct lp2p_buf *buf; /* NULL: fixed bytes */
    uint8_t *p;
    size_t cap;
    size_t len;    /* bytes written by this writer */
    uint32_t last; /* highest field of the open message: they ascend */
    int err;
};

/* What `begin` keeps for `end`. */
struct lp2p_pb_mark {
    uint32_t last;
    size_t end;
};

/* Appends to `buf`; what was in it stays. */
struct lp2p_pb_writer lp2p_pb_writer_buf(struct lp2p_buf *buf);
struct lp2p_pb_writer lp2p_pb_writer_fixed(uint8_t *p, size_t cap);

/* Fields must ascend; repeated ones may be equal. Zero values are written too: leaving them out is
 * the caller's choice (proto3) or mistake (proto2 required). */
void lp2p_pb_put_u64(struct lp2p_pb_writer *w, uint32_t num, uint64_t v);
void lp2p_pb_put_bytes(struct lp2p_pb_writer *w, uint32_t num, struct lp2p_span v);

/* A nested message of exactly `size` bytes follows, until `end`. */
struct lp2p_pb_mark lp2p_pb_begin(struct lp2p_pb_writer *w, uint32_t num, size_t size);
void lp2p_pb_end_message(struct lp2p_pb_writer *w, struct lp2p_pb_mark mark);

/*
 * 0 and the number of bytes written, or the first error: -LP2P_E_TOO_LONG (fixed bytes too few),
 * -LP2P_E_LIMIT or -LP2P_E_NOMEM (buffer, which then holds what it held before).
 */
int lp2p_pb_finish(struct lp2p_pb_writer *w, size_t *ret_len);

/* Bytes that a field takes, its key included. */
size_t lp2p_pb_size_u64(uint32_t num, uint64_t v);
size_t lp2p_pb_size_bytes(uint32_t num, size_t n);

#endif
