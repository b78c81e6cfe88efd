#include "ipc/ipc.h"

#include <string.h>

#include "base/assert.h"
#include "base/text.h"
#include "ipc/fields_priv.h"
#include "lp2p/error.h"

/* Longest id text of a request: the answer repeats it. */
#define RPC_ID_MAX 64U

/* ---- the client's side ---- */

int whtnxt_request_encode(struct lp2p_buf *out, uint64_t id, enum whtnxt_method method,
                          const json_t *params)
{
    json_t *o = json_object();
    whtnxt_json_put(&o, "jsonrpc", json_string("2.0"));
    whtnxt_json_put(&o, "id", json_integer((json_int_t)id));
    whtnxt_json_put(&o, "method", json_string(whtnxt_method_row(method)->name));
    if (params != NULL) {
        whtnxt_json_put(&o, "params", json_deep_copy(params));
    }
    int r = whtnxt_json_encode(out, o);
    json_decref(o);
    return r;
}

static int answer_error(const json_t *e, struct whtnxt_answer *a)
{
    const char *message;
    const json_t *code = json_object_get(e, "code");
    LP2P_TRY(whtnxt_json_get_str(e, "message", WHTNXT_ANSWER_MAX, &message));
    if (!json_is_integer(code) || json_integer_value(code) >= 0 ||
        json_integer_value(code) < INT32_MIN) {
        return -LP2P_E_DECODE;
    }
    a->rpc_error = (int)json_integer_value(code);
    lp2p_text_clean(lp2p_span_str(message), a->message, sizeof(a->message));
    const json_t *data = json_object_get(e, "data");
    if (json_is_object(data)) {
        LP2P_TRY(whtnxt_json_copy_str(data, "code", a->code, sizeof(a->code)));
        a->cause = whtnxt_cause_find(a->code);
    }
    return 0;
}

static int answer_read(const json_t *o, uint64_t id, struct whtnxt_answer *a)
{
    const char *version;
    LP2P_TRY(whtnxt_json_get_str(o, "jsonrpc", 3, &version));
    const json_t *got = json_object_get(o, "id");
    json_t *result = json_object_get(o, "result");
    const json_t *error = json_object_get(o, "error");
    if (strcmp(version, "2.0") != 0 || got == NULL || (result == NULL) == (error == NULL)) {
        return -LP2P_E_DECODE;
    }
    /* A request that could not be read is answered with id null. */
    bool ours = json_is_integer(got) ? (uint64_t)json_integer_value(got) == id
                                     : json_is_null(got) && error != NULL;
    if (!ours) {
        return -LP2P_E_PROTO;
    }
    if (error != NULL) {
        return json_is_object(error) ? answer_error(error, a) : -LP2P_E_DECODE;
    }
    a->result = json_incref(result);
    return 0;
}

int whtnxt_answer_decode(struct lp2p_span line, uint64_t id, struct whtnxt_answer *ret)
{
    json_t *o;
    struct whtnxt_answer a = {.cause = WHTNXT_CAUSE_NONE};
    LP2P_TRY(whtnxt_json_decode(line, &o));
    int r = answer_read(o, id, &a);
    json_decref(o);
    if (r == 0) {
        *ret = a;
    }
    return r;
}

void whtnxt_answer_fini(struct whtnxt_answer *a)
{
    json_decref(a->result);
    a->result = NULL;
}

/* ---- main's side ---- */

static bool id_is_good(const json_t *id)
{
    return json_is_integer(id) || (json_is_string(id) && json_string_length(id) <= RPC_ID_MAX);
}

static bool param_fits(const struct whtnxt_param *p, const json_t *v)
{
    switch (p->kind) {
    case WHTNXT_PARAM_TEXT:
        return json_is_string(v) && json_string_length(v) <= p->max;
    case WHTNXT_PARAM_NUMBER:
        return json_is_integer(v) && json_integer_value(v) >= 0 &&
               json_integer_value(v) < (json_int_t)1 << 53;
    case WHTNXT_PARAM_BOOL:
        return json_is_boolean(v);
    case WHTNXT_PARAM_ANY:
        return true;
    }
    return false;
}

/* What is required is there, and what is there is of the right kind. A name that is not in the
 * table is refused too: a typo in an optional one would be silence. */
static bool params_fit(const struct whtnxt_method_row *row, const json_t *params)
{
    size_t known = 0;
    for (size_t i = 0; i < WHTNXT_PARAMS_MAX && row->params[i].name != NULL; i++) {
        const json_t *v = json_object_get(params, row->params[i].name);
        if (v == NULL ? row->params[i].required : !param_fits(&row->params[i], v)) {
            return false;
        }
        known += v != NULL ? 1 : 0;
    }
    return known == json_object_size(params);
}

static int request_read(struct whtnxt_request *r)
{
    const char *version = "";
    const char *method = "";
    const json_t *id = json_object_get(r->root, "id");
    r->id = id_is_good(id) ? id : NULL;
    if (r->id == NULL || whtnxt_json_get_str(r->root, "jsonrpc", 3, &version) != 0 ||
        strcmp(version, "2.0") != 0 ||
        whtnxt_json_get_str(r->root, "method", WHTNXT_REQUEST_MAX, &method) != 0) {
        return WHTNXT_RPC_REQUEST;
    }
    r->row = whtnxt_method_find(method);
    if (r->row == NULL) {
        return WHTNXT_RPC_METHOD;
    }
    json_t *params = json_object_get(r->root, "params");
    if (params == NULL) {
        params = json_object();
        if (json_object_set_new(r->root, "params", params) != 0) {
            return WHTNXT_RPC_INTERNAL;
        }
    }
    r->params = params;
    return json_is_object(params) && params_fit(r->row, params) ? 0 : WHTNXT_RPC_PARAMS;
}

int whtnxt_request_decode(struct lp2p_span line, struct whtnxt_request *ret, int *ret_error)
{
    *ret = (struct whtnxt_request){.root = NULL};
    int r = whtnxt_json_decode(line, &ret->root);
    if (r != 0) {
        *ret_error = r == -LP2P_E_NOMEM ? WHTNXT_RPC_INTERNAL : WHTNXT_RPC_PARSE;
        return r;
    }
    int error = request_read(ret);
    if (error == 0) {
        return 0;
    }
    *ret_error = error;
    return error == WHTNXT_RPC_INTERNAL ? -LP2P_E_NOMEM : -LP2P_E_DECODE;
}

void whtnxt_request_fini(struct whtnxt_request *r)
{
    json_decref(r->root);
    *r = (struct whtnxt_request){.root = NULL};
}

/* Takes `body` over. */
static int answer_encode(struct lp2p_buf *out, const json_t *id, const char *key, json_t *body)
{
    json_t *o = json_object();
    whtnxt_json_put(&o, "jsonrpc", json_string("2.0"));
    whtnxt_json_put(&o, "id", id == NULL ? json_null() : json_deep_copy(id));
    whtnxt_json_put(&o, key, body);
    int r = whtnxt_json_encode(out, o);
    json_decref(o);
    return r;
}

int whtnxt_answer_result_take(struct lp2p_buf *out, const json_t *id, json_t *result)
{
    return answer_encode(out, id, "result", result);
}

static const char *rpc_text(int rpc_error)
{
    switch (rpc_error) {
    case WHTNXT_RPC_PARSE:
        return "not a JSON object on one line";
    case WHTNXT_RPC_REQUEST:
        return "not a JSON-RPC 2.0 request with an id";
    case WHTNXT_RPC_METHOD:
        return "no such method";
    case WHTNXT_RPC_PARAMS:
        return "wrong parameters";
    default:
        return "internal error";
    }
}

int whtnxt_answer_error(struct lp2p_buf *out, const json_t *id, int rpc_error)
{
    json_t *e = json_object();
    whtnxt_json_put(&e, "code", json_integer(rpc_error));
    whtnxt_json_put(&e, "message", json_string(rpc_text(rpc_error)));
    return answer_encode(out, id, "error", e);
}

int whtnxt_answer_refuse(struct lp2p_buf *out, const json_t *id, enum whtnxt_cause cause,
                         const char *text)
{
    char buf[WHTNXT_CAUSE_TEXT_SIZE];
    if (text == NULL) {
        whtnxt_cause_text(cause, NULL, buf);
        text = buf;
    }
    json_t *data = json_object();
    whtnxt_json_put(&data, "code", json_string(whtnxt_cause_code(cause)));
    whtnxt_json_put(&data, "action", json_string(whtnxt_cause_action(cause)));
    json_t *e = json_object();
    whtnxt_json_put(&e, "code", json_integer(WHTNXT_RPC_REFUSED));
    whtnxt_json_put(&e, "message", json_string(text));
    whtnxt_json_put(&e, "data", data);
    return answer_encode(out, id, "error", e);
}
