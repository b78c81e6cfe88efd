/*
 * What every message of the application has in common: one JSON object on one line of UTF-8,
 * bounded in length and depth, a key at most once. Both ends treat the other one's lines as
 * hostile.
 *
 * Memory of JSON values is wiped when it is freed (a line may carry a key): call whtnxt_json_init
 * once, first thing in main().
 */
#ifndef WHTNXT_IPC_JSON_H
#define WHTNXT_IPC_JSON_H

#include "base/buf.h"

#include <jansson.h>

/* Deepest nesting that is read: the status is five deep, hostile input may not eat the stack. */
#define WHTNXT_JSON_DEPTH 16

void whtnxt_json_init(void);

/*
 * Reads one line without its newline: an object, valid UTF-8, no NUL in strings, no key twice,
 * at most WHTNXT_JSON_DEPTH deep. -LP2P_E_DECODE, -LP2P_E_NOMEM. The caller owns the result.
 */
int whtnxt_json_decode(struct lp2p_span line, json_t **ret);

/* Appends the value, compact, and a newline. -LP2P_E_LIMIT beyond the buffer's maximum,
 * -LP2P_E_NOMEM (also when `v` is NULL: what failed to be built). On failure nothing is appended.
 */
int whtnxt_json_encode(struct lp2p_buf *out, const json_t *v);

/* ---- putting values in ---- */

/* Sets `v` in `*o`, takes `v` over. `*o` becomes NULL when there was no memory, and stays so: look
 * once, at the end. */
void whtnxt_json_put(json_t **o, const char *key, json_t *v);
/* The same for a list. */
void whtnxt_json_add(json_t **list, json_t *v);

/* ---- taking values out ---- */

/* Each: a member of the right kind, or `-LP2P_E_DECODE`. Strings: valid until the value is freed.
 */
int whtnxt_json_get_str(const json_t *o, const char *key, size_t max, const char **ret);
int whtnxt_json_get_u64(const json_t *o, const char *key, uint64_t max, uint64_t *ret);
int whtnxt_json_get_bool(const json_t *o, const char *key, bool *ret);
int whtnxt_json_get_array(const json_t *o, const char *key, size_t max, const json_t **ret);
/* The same as above into `buf` of `size` bytes, NUL included: longer text is refused, not cut. */
int whtnxt_json_copy_str(const json_t *o, const char *key, char *buf, size_t size);

/* ---- text ---- */

/*
 * Copies text that came from outside for showing (lp2p_text_clean): at most `chars` characters and
 * `size` - 1 bytes; what is cut ends in "...". Returns the length; always with a NUL. size >= 8.
 */
size_t whtnxt_clean(char *buf, size_t size, const char *text, size_t n, size_t chars);

/* ---- lines ---- */

/* Cuts a stream of bytes into lines. */
struct whtnxt_lines {
    struct lp2p_buf buf;
    size_t max;     /* longest line without its newline */
    size_t scanned; /* bytes of buf that hold no newline */
    size_t taken;   /* bytes of the line lent last, newline included */
};

void whtnxt_lines_init(struct whtnxt_lines *l, const struct lp2p_mem *mem, size_t max);
void whtnxt_lines_fini(struct whtnxt_lines *l); /* wipes */

/* Takes bytes that came. -LP2P_E_NOMEM; -LP2P_E_LIMIT when more than a line and a piece of 64 KiB
 * wait: take the lines out after each call. */
int whtnxt_lines_recv(struct whtnxt_lines *l, const void *p, size_t n);

/* The next whole line without its newline (a CR before it is dropped), valid until the next call.
 * -LP2P_E_AGAIN when there is none, -LP2P_E_TOO_LONG when it is longer than allowed: hang up. */
int whtnxt_lines_next(struct whtnxt_lines *l, struct lp2p_span *ret);

/* A line has begun and not ended. */
bool whtnxt_lines_is_partial(const struct whtnxt_lines *l);

#endif
