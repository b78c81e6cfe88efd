/* JSON-RPC between renderer and main: both ends against each other, and against bad input. */
#include "ipc/ipc.h"

#include "cmocka_all.h"
#include "lp2p/error.h"

static struct lp2p_span line_of(struct lp2p_buf *b)
{
    struct lp2p_span s = lp2p_buf_span(b);
    assert_true(s.n > 0 && s.p[s.n - 1] == '\n');
    return lp2p_span(s.p, s.n - 1);
}

static void there_and_back(void **state)
{
    (void)state;
    for (unsigned m = 0; m < WHTNXT_METHODS; m++) {
        const struct whtnxt_method_row *row = whtnxt_method_row((enum whtnxt_method)m);
        struct lp2p_buf b;
        struct whtnxt_request req;
        int error = 0;
        json_t *params = json_object();
        for (size_t i = 0; i < WHTNXT_PARAMS_MAX && row->params[i].name != NULL; i++) {
            json_object_set_new(params, row->params[i].name,
                                row->params[i].kind == WHTNXT_PARAM_NUMBER ? json_integer(3)
                                : row->params[i].kind == WHTNXT_PARAM_BOOL ? json_true()
                                                                           : json_string("x"));
        }
        lp2p_buf_init(&b, lp2p_mem_default(), WHTNXT_REQUEST_MAX);
        assert_int_equal(whtnxt_request_encode(&b, 42, row->method, params), 0);
        assert_int_equal(whtnxt_request_decode(line_of(&b), &req, &error), 0);
        assert_ptr_equal(req.row, row);
        assert_int_equal(json_integer_value(req.id), 42);
        assert_true(json_equal(req.params, params));
        whtnxt_request_fini(&req);
        lp2p_buf_fini(&b);
        json_decref(params);
    }
}

static void bad_requests(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        int error;
        bool id;
    } rows[] = {
        {"", WHTNXT_RPC_PARSE, false},
        {"x", WHTNXT_RPC_PARSE, false},
        {"[]", WHTNXT_RPC_PARSE, false},
        {"[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"p2p:get-status\"}]", WHTNXT_RPC_PARSE, false},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":1,\"method\":\"p2p:get-status\"}", WHTNXT_RPC_PARSE,
         false},
        {"{}", WHTNXT_RPC_REQUEST, false},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"p2p:get-status\"}", WHTNXT_RPC_REQUEST, false},
        {"{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"p2p:get-status\"}", WHTNXT_RPC_REQUEST,
         false},
        {"{\"jsonrpc\":\"2.0\",\"id\":[],\"method\":\"p2p:get-status\"}", WHTNXT_RPC_REQUEST,
         false},
        {"{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"p2p:get-status\"}", WHTNXT_RPC_REQUEST, true},
        {"{\"id\":1,\"method\":\"p2p:get-status\"}", WHTNXT_RPC_REQUEST, true},
        {"{\"jsonrpc\":\"2.0\",\"id\":1}", WHTNXT_RPC_REQUEST, true},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":1}", WHTNXT_RPC_REQUEST, true},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"p2p:get-statuS\"}", WHTNXT_RPC_METHOD, true},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"p2p:cancel\"}", WHTNXT_RPC_PARAMS, true},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"p2p:cancel\",\"params\":[1]}",
         WHTNXT_RPC_PARAMS, true},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"p2p:cancel\",\"params\":{\"attempt\":\"1\"}}",
         WHTNXT_RPC_PARAMS, true},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"p2p:cancel\",\"params\":{\"attempt\":-1}}",
         WHTNXT_RPC_PARAMS, true},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"p2p:cancel\",\"params\":{\"attempt\":1,"
         "\"atempt\":1}}",
         WHTNXT_RPC_PARAMS, true},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"p2p:cancel\",\"params\":{\"attempt\":"
         "9007199254740992}}",
         WHTNXT_RPC_PARAMS, true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct whtnxt_request req;
        int error = 0;
        assert_int_equal(whtnxt_request_decode(lp2p_span_str(rows[i].line), &req, &error),
                         -LP2P_E_DECODE);
        assert_int_equal(error, rows[i].error);
        assert_int_equal(req.id != NULL, rows[i].id);
        whtnxt_request_fini(&req);
    }
}

/* Each parameter takes its own kind and no other. */
static void parameters_have_kinds(void **state)
{
    (void)state;
    static const char *const values[] = {"\"x\"",           "3", "true", "[]", "0.5", "-1",
                                         "9007199254740992"};
    for (int m = 0; m < WHTNXT_METHODS; m++) {
        const struct whtnxt_method_row *row = whtnxt_method_row((enum whtnxt_method)m);
        for (size_t i = 0; i < WHTNXT_PARAMS_MAX && row->params[i].name != NULL; i++) {
            enum whtnxt_param_kind kind = row->params[i].kind;
            for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
                bool fits = kind == WHTNXT_PARAM_ANY || (kind == WHTNXT_PARAM_TEXT && v == 0) ||
                            (kind == WHTNXT_PARAM_NUMBER && v == 1) ||
                            (kind == WHTNXT_PARAM_BOOL && v == 2);
                json_t *params = json_object();
                for (size_t k = 0; k < WHTNXT_PARAMS_MAX && row->params[k].name != NULL; k++) {
                    const char *good = row->params[k].kind == WHTNXT_PARAM_NUMBER ? "3"
                                       : row->params[k].kind == WHTNXT_PARAM_BOOL ? "true"
                                                                                  : "\"x\"";
                    json_object_set_new(
                        params, row->params[k].name,
                        json_loads(k == i ? values[v] : good, JSON_DECODE_ANY, NULL));
                }
                struct lp2p_buf b;
                struct whtnxt_request req;
                int error = 0;
                lp2p_buf_init(&b, lp2p_mem_default(), WHTNXT_REQUEST_MAX);
                assert_int_equal(whtnxt_request_encode(&b, 1, row->method, params), 0);
                int err = whtnxt_request_decode(line_of(&b), &req, &error);
                assert_int_equal(err, fits ? 0 : -LP2P_E_DECODE);
                assert_int_equal(error, fits ? 0 : WHTNXT_RPC_PARAMS);
                whtnxt_request_fini(&req);
                lp2p_buf_fini(&b);
                json_decref(params);
            }
        }
    }
}

static void errors_have_their_words(void **state)
{
    (void)state;
    static const int codes[] = {WHTNXT_RPC_PARSE, WHTNXT_RPC_REQUEST, WHTNXT_RPC_METHOD,
                                WHTNXT_RPC_PARAMS, WHTNXT_RPC_INTERNAL};
    char before[128] = "";
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        struct lp2p_buf b;
        struct whtnxt_answer a;
        lp2p_buf_init(&b, lp2p_mem_default(), WHTNXT_ANSWER_MAX);
        assert_int_equal(whtnxt_answer_error(&b, NULL, codes[i]), 0);
        assert_int_equal(whtnxt_answer_decode(line_of(&b), 7, &a), 0);
        assert_int_equal(a.rpc_error, codes[i]);
        assert_true(strlen(a.message) > 10);
        assert_string_not_equal(a.message, before);
        snprintf(before, sizeof(before), "%s", a.message);
        whtnxt_answer_fini(&a);
        lp2p_buf_fini(&b);
    }
}

static void answers(void **state)
{
    (void)state;
    struct lp2p_buf b;
    struct whtnxt_answer a;
    json_t *id = json_integer(7);
    lp2p_buf_init(&b, lp2p_mem_default(), WHTNXT_ANSWER_MAX);
    assert_int_equal(whtnxt_answer_result_take(&b, id, json_pack("{s:i}", "attempt", 1)), 0);
    assert_int_equal(whtnxt_answer_decode(line_of(&b), 8, &a), -LP2P_E_PROTO);
    assert_int_equal(whtnxt_answer_decode(line_of(&b), 7, &a), 0);
    assert_int_equal(json_integer_value(json_object_get(a.result, "attempt")), 1);
    whtnxt_answer_fini(&a);

    lp2p_buf_clear(&b);
    assert_int_equal(whtnxt_answer_refuse(&b, id, WHTNXT_CAUSE_LINK_CUT, NULL), 0);
    assert_int_equal(whtnxt_answer_decode(line_of(&b), 7, &a), 0);
    assert_null(a.result);
    assert_int_equal(a.rpc_error, WHTNXT_RPC_REFUSED);
    assert_string_equal(a.code, "LINK_BAD_ID");
    assert_int_equal(whtnxt_cause_exit(a.cause), 2);
    assert_string_equal(a.message, "This link looks cut off.");
    whtnxt_answer_fini(&a);

    lp2p_buf_clear(&b);
    assert_int_equal(whtnxt_answer_error(&b, NULL, WHTNXT_RPC_PARSE), 0);
    assert_int_equal(whtnxt_answer_decode(line_of(&b), 7, &a), 0);
    assert_int_equal(a.rpc_error, WHTNXT_RPC_PARSE);
    assert_int_equal(a.cause, WHTNXT_CAUSE_NONE);
    whtnxt_answer_fini(&a);
    lp2p_buf_fini(&b);
    json_decref(id);
}

static void bad_answers(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "{}",
        "{\"jsonrpc\":\"2.0\",\"id\":1}",
        "{\"jsonrpc\":\"2.0\",\"result\":1}",
        "{\"jsonrpc\":\"2.1\",\"id\":1,\"result\":1}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":1,\"error\":{\"code\":-1,\"message\":\"x\"}}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":1}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-1,\"message\":1}}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-2147483649,\"message\":\"x\"}}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":0,\"message\":\"x\"}}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":\"-1\",\"message\":\"x\"}}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-1}}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-1,\"message\":\"x\",\"data\":{}}}",
    };
    struct whtnxt_answer a;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(whtnxt_answer_decode(lp2p_span_str(rows[i]), 1, &a), -LP2P_E_DECODE);
    }
    /* A result for nobody. */
    assert_int_equal(whtnxt_answer_decode(
                         lp2p_span_str("{\"jsonrpc\":\"2.0\",\"id\":null,\"result\":1}"), 1, &a),
                     -LP2P_E_PROTO);
}

static void hostile_message_is_cleaned(void **state)
{
    (void)state;
    struct whtnxt_answer a;
    assert_int_equal(
        whtnxt_answer_decode(lp2p_span_str("{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-1,"
                                           "\"message\":\"a\\u001b[31m\\u202eb\"}}"),
                             1, &a),
        0);
    assert_string_equal(a.message, "a?[31m?b");
    whtnxt_answer_fini(&a);
}

/* ---- memory ---- */

static long countdown;

static void *failing_alloc(size_t n)
{
    return countdown-- > 0 ? malloc(n) : NULL;
}

static void out_of_memory(void **state)
{
    (void)state;
    static const char line[] =
        "{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"method\":\"p2p:get-log\",\"params\":{\"after\":1}}";
    json_set_alloc_funcs(failing_alloc, free);
    int r = -1;
    long n = 0;
    for (; r != 0 && n < 1000; n++) {
        struct whtnxt_request req;
        struct lp2p_buf b;
        int error = 0;
        lp2p_buf_init(&b, lp2p_mem_default(), 4096);
        countdown = n;
        r = whtnxt_request_decode(lp2p_span_str(line), &req, &error);
        r = r != 0 ? r : whtnxt_answer_refuse(&b, req.id, WHTNXT_CAUSE_INTERNAL, NULL);
        r = r != 0 ? r : whtnxt_answer_result_take(&b, req.id, json_object());
        assert_true(r == 0 || r == -LP2P_E_NOMEM || r == -LP2P_E_DECODE);
        whtnxt_request_fini(&req);
        lp2p_buf_fini(&b);
    }
    assert_true(r == 0 && n > 20);
    whtnxt_json_init();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(bad_requests),
        cmocka_unit_test(parameters_have_kinds),
        cmocka_unit_test(errors_have_their_words),
        cmocka_unit_test(answers),
        cmocka_unit_test(bad_answers),
        cmocka_unit_test(hostile_message_is_cleaned),
        cmocka_unit_test(out_of_memory),
    };
    whtnxt_json_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
