#include "ipc/fields_priv.h"

#include <string.h>

#include "base/assert.h"
#include "base/text.h"
#include "ipc/state.h"
#include "lp2p/error.h"

/* JSON integers are signed. */
#define NUMBER_MAX ((uint64_t)INT64_MAX)

/* ---- out ---- */

void whtnxt_json_put(json_t **o, const char *key, json_t *v)
{
    /* jansson frees `v` also when it fails. */
    if (*o == NULL) {
        json_decref(v);
    } else if (json_object_set_new(*o, key, v) != 0) {
        json_decref(*o);
        *o = NULL;
    }
}

void whtnxt_json_add(json_t **list, json_t *v)
{
    if (*list == NULL) {
        json_decref(v);
    } else if (json_array_append_new(*list, v) != 0) {
        json_decref(*list);
        *list = NULL;
    }
}

static json_t *field_encode(const struct field *f, const void *p)
{
    uint64_t num;
    uint16_t port;
    unsigned word;
    int i;
    bool b;
    switch (f->kind) {
    case FIELD_NUM:
        memcpy(&num, p, sizeof(num));
        return json_integer((json_int_t)LP2P_MIN(num, NUMBER_MAX));
    case FIELD_PORT:
        memcpy(&port, p, sizeof(port));
        return json_integer(port);
    case FIELD_BOOL:
        memcpy(&b, p, sizeof(b));
        return json_boolean(b);
    case FIELD_TEXT:
    case FIELD_EXACT:
    case FIELD_ID:
    case FIELD_OPT_ID:
        return json_string(p);
    case FIELD_ENUM:
        memcpy(&word, p, sizeof(word));
        LP2P_ASSERT(word < f->size);
        return json_string(f->words[word]);
    case FIELD_ERROR:
        memcpy(&i, p, sizeof(i));
        return i == 0 ? json_null() : json_string(lp2p_error_name(i));
    case FIELD_MAYBE:
        memcpy(&i, p, sizeof(i));
        return i < 0 ? json_null() : json_boolean(i);
    }
    LP2P_ASSERT(false);
}

void fields_encode(json_t **o, const struct field *f, size_t n, const void *p)
{
    for (size_t i = 0; i < n; i++) {
        whtnxt_json_put(o, f[i].key, field_encode(&f[i], (const uint8_t *)p + f[i].at));
    }
}

/* ---- in ---- */

static int decode_text(const json_t *o, const struct field *f, char *p)
{
    const char *s;
    size_t size = f->kind == FIELD_ID || f->kind == FIELD_OPT_ID ? WHTNXT_ID_SIZE : f->size;
    LP2P_TRY(whtnxt_json_get_str(o, f->key, size - 1, &s));
    size_t n = lp2p_text_clean(lp2p_span_str(s), p, size);
    if (f->kind == FIELD_TEXT) {
        return 0;
    }
    if (n != strlen(s) || memcmp(p, s, n) != 0) {
        return -LP2P_E_DECODE;
    }
    bool id = f->kind == FIELD_ID || (f->kind == FIELD_OPT_ID && n > 0);
    return !id || whtnxt_is_id_text(p) ? 0 : -LP2P_E_DECODE;
}

static int decode_word(const json_t *o, const struct field *f, void *p)
{
    const char *s;
    LP2P_TRY(whtnxt_json_get_str(o, f->key, WHTNXT_WORD_SIZE, &s));
    for (unsigned i = 0; i < f->size; i++) {
        if (strcmp(s, f->words[i]) == 0) {
            memcpy(p, &i, sizeof(i));
            return 0;
        }
    }
    return -LP2P_E_DECODE;
}

static int decode_error(const json_t *o, const struct field *f, void *p)
{
    const char *s = "";
    if (!json_is_null(json_object_get(o, f->key))) {
        LP2P_TRY(whtnxt_json_get_str(o, f->key, WHTNXT_WORD_SIZE, &s));
    }
    for (int e = 0; e < LP2P_E_COUNT; e++) {
        if (strcmp(s, e == 0 ? "" : lp2p_error_name(e)) == 0) {
            e = -e;
            memcpy(p, &e, sizeof(e));
            return 0;
        }
    }
    return -LP2P_E_DECODE;
}

static int decode_num(const json_t *o, const struct field *f, void *p)
{
    uint64_t max = f->kind == FIELD_PORT ? UINT16_MAX : f->size != 0 ? f->size : NUMBER_MAX;
    uint64_t v;
    LP2P_TRY(whtnxt_json_get_u64(o, f->key, max, &v));
    uint16_t port = (uint16_t)v;
    if (f->kind == FIELD_PORT) {
        memcpy(p, &port, sizeof(port));
    } else {
        memcpy(p, &v, sizeof(v));
    }
    return 0;
}

static int decode_maybe(const json_t *o, const struct field *f, void *p)
{
    bool b = false;
    int v = -1;
    if (!json_is_null(json_object_get(o, f->key))) {
        LP2P_TRY(whtnxt_json_get_bool(o, f->key, &b));
        v = b ? 1 : 0;
    }
    if (f->kind == FIELD_BOOL) {
        memcpy(p, &b, sizeof(b));
        return v < 0 ? -LP2P_E_DECODE : 0;
    }
    memcpy(p, &v, sizeof(v));
    return 0;
}

static int field_decode(const json_t *o, const struct field *f, void *p)
{
    switch (f->kind) {
    case FIELD_NUM:
    case FIELD_PORT:
        return decode_num(o, f, p);
    case FIELD_BOOL:
    case FIELD_MAYBE:
        return decode_maybe(o, f, p);
    case FIELD_TEXT:
    case FIELD_EXACT:
    case FIELD_ID:
    case FIELD_OPT_ID:
        return decode_text(o, f, p);
    case FIELD_ENUM:
        return decode_word(o, f, p);
    case FIELD_ERROR:
        return decode_error(o, f, p);
    }
    LP2P_ASSERT(false);
}

int fields_decode(const json_t *o, const struct field *f, size_t n, void *p)
{
    for (size_t i = 0; i < n; i++) {
        LP2P_TRY(field_decode(o, &f[i], (uint8_t *)p + f[i].at));
    }
    return 0;
}
