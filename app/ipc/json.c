#include "ipc/json.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "lp2p/error.h"

/* A value of two bytes costs about fifty in memory, an empty object 300: what one line may cost is
 * bounded before it is read. The fullest status has 6,000 containers and 40,000 commas. */
#define JSON_MAX_CONTAINERS 16384U
#define JSON_MAX_COMMAS     131072U

/* ---- memory ---- */

/* In front of each block, so that it can be wiped; keeps the alignment of malloc. */
union json_head {
    size_t n;
    max_align_t align;
};

static void *json_alloc(size_t n)
{
    if (n > SIZE_MAX - sizeof(union json_head)) {
        return NULL;
    }
    union json_head *h = malloc(sizeof(*h) + n);
    if (h == NULL) {
        return NULL;
    }
    h->n = n;
    return h + 1;
}

static void json_wipe_free(void *p)
{
    if (p == NULL) {
        return;
    }
    union json_head *h = (union json_head *)p - 1;
    lp2p_wipe(p, h->n);
    free(h);
}

void whtnxt_json_init(void)
{
    json_set_alloc_funcs(json_alloc, json_wipe_free);
}

/* ---- lines to values and back ---- */

/* Counts nesting, containers and commas outside of strings; the parser judges the rest. */
static bool json_is_bounded(struct lp2p_span line)
{
    size_t depth = 0;
    size_t containers = 0;
    size_t commas = 0;
    bool text = false;
    for (size_t i = 0; i < line.n; i++) {
        uint8_t c = line.p[i];
        if (text) {
            i += c == '\\' ? 1 : 0;
            text = c != '"';
        } else if (c == '"') {
            text = true;
        } else if (c == '{' || c == '[') {
            depth++;
            containers++;
        } else if (c == '}' || c == ']') {
            depth -= depth > 0 ? 1 : 0;
        } else if (c == ',') {
            commas++;
        }
        if (depth > WHTNXT_JSON_DEPTH || containers > JSON_MAX_CONTAINERS ||
            commas > JSON_MAX_COMMAS) {
            return false;
        }
    }
    return true;
}

int whtnxt_json_decode(struct lp2p_span line, json_t **ret)
{
    json_error_t err;
    /* jansson takes a NUL for the end of the text. */
    if (line.n == 0 || memchr(line.p, '\0', line.n) != NULL || !json_is_bounded(line)) {
        return -LP2P_E_DECODE;
    }
    json_t *v = json_loadb((const char *)line.p, line.n, JSON_REJECT_DUPLICATES, &err);
    if (v == NULL) {
        return json_error_code(&err) == json_error_out_of_memory ? -LP2P_E_NOMEM : -LP2P_E_DECODE;
    }
    if (!json_is_object(v)) {
        json_decref(v);
        return -LP2P_E_DECODE;
    }
    *ret = v;
    return 0;
}

struct json_out {
    struct lp2p_buf *buf;
    int err;
};

static int json_append(const char *p, size_t n, void *ctx)
{
    struct json_out *o = ctx;
    o->err = lp2p_buf_append(o->buf, p, n);
    return o->err;
}

int whtnxt_json_encode(struct lp2p_buf *out, const json_t *v)
{
    if (v == NULL) {
        return -LP2P_E_NOMEM;
    }
    size_t before = out->len;
    struct json_out o = {.buf = out, .err = 0};
    /* Reals are milliseconds with three digits behind the point: 1.376, not 1.3759999999999999. */
    int r = json_dump_callback(v, json_append, &o, JSON_COMPACT | JSON_REAL_PRECISION(12));
    if (r == 0) {
        r = json_append("\n", 1, &o);
    }
    if (r != 0) {
        out->len = before;
        return o.err != 0 ? o.err : -LP2P_E_NOMEM;
    }
    return 0;
}

/* ---- taking values out ---- */

int whtnxt_json_get_str(const json_t *o, const char *key, size_t max, const char **ret)
{
    const json_t *v = json_object_get(o, key);
    if (!json_is_string(v) || json_string_length(v) > max) {
        return -LP2P_E_DECODE;
    }
    *ret = json_string_value(v);
    return 0;
}

int whtnxt_json_copy_str(const json_t *o, const char *key, char *buf, size_t size)
{
    const char *s;
    LP2P_TRY(whtnxt_json_get_str(o, key, size - 1, &s));
    memcpy(buf, s, strlen(s) + 1);
    return 0;
}

int whtnxt_json_get_u64(const json_t *o, const char *key, uint64_t max, uint64_t *ret)
{
    const json_t *v = json_object_get(o, key);
    if (!json_is_integer(v) || json_integer_value(v) < 0 || (uint64_t)json_integer_value(v) > max) {
        return -LP2P_E_DECODE;
    }
    *ret = (uint64_t)json_integer_value(v);
    return 0;
}

int whtnxt_json_get_bool(const json_t *o, const char *key, bool *ret)
{
    const json_t *v = json_object_get(o, key);
    if (!json_is_boolean(v)) {
        return -LP2P_E_DECODE;
    }
    *ret = json_is_true(v);
    return 0;
}

int whtnxt_json_get_array(const json_t *o, const char *key, size_t max, const json_t **ret)
{
    const json_t *v = json_object_get(o, key);
    if (!json_is_array(v) || json_array_size(v) > max) {
        return -LP2P_E_DECODE;
    }
    *ret = v;
    return 0;
}
