/*
 * Tables that describe the members of a struct: one table serves both directions, so they cannot
 * drift apart. Used for the messages between main and node.
 */
#ifndef WHTNXT_IPC_FIELDS_PRIV_H
#define WHTNXT_IPC_FIELDS_PRIV_H

#include "ipc/json.h"

enum field_kind {
    FIELD_NUM = 0, /* uint64_t, at most `size` when that is not 0 */
    FIELD_PORT,    /* uint16_t */
    FIELD_BOOL,    /* bool */
    FIELD_TEXT,    /* char[size]; cleaned on the way in, longer is refused */
    FIELD_EXACT,   /* char[size]; must be clean already */
    FIELD_ID,      /* char[WHTNXT_ID_SIZE], text of a peer id */
    FIELD_OPT_ID,  /* the same, or "" */
    FIELD_ENUM,    /* an enum; `words` has `size` names */
    FIELD_ERROR,   /* int, 0 or -LP2P_E_...: its name or null */
    FIELD_MAYBE,   /* int, 1, 0 or -1: true, false or null */
};

struct field {
    const char *key;
    enum field_kind kind;
    size_t at; /* offset in the struct */
    size_t size;
    const char *const *words;
};

#define FIELD(type, kind, member, key)                     \
    {                                                      \
        key, FIELD_##kind, offsetof(type, member), 0, NULL \
    }
#define FIELD_CHARS(type, kind, member, key)                                         \
    {                                                                                \
        key, FIELD_##kind, offsetof(type, member), sizeof(((type *)0)->member), NULL \
    }
#define FIELD_WORDS(type, member, key, words, n)          \
    {                                                     \
        key, FIELD_ENUM, offsetof(type, member), n, words \
    }

/* By enum whtnxt_addr_source. */
extern const char *const fields_source_words[];

/* Puts all members of `p` into `*o`. */
void fields_encode(json_t **o, const struct field *f, size_t n, const void *p);
/* Fills all members of `p`; all must be there. -LP2P_E_DECODE. */
int fields_decode(const json_t *o, const struct field *f, size_t n, void *p);

#endif
