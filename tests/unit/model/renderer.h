/* The model as a renderer sees it: requests, answers, what must be in them. */
#ifndef WHTNXT_TESTS_MODEL_RENDERER_H
#define WHTNXT_TESTS_MODEL_RENDERER_H

#include "harness.h"

static inline void rig_exit(struct rig *r, int sig)
{
    whtnxt_model_exited(r->m, r->now, sig, NULL);
    rig_act(r);
}

/* Asks as a renderer; the caller owns the result. */
static inline struct whtnxt_answer rig_ask(struct rig *r, enum whtnxt_method method, json_t *params)
{
    struct lp2p_buf req;
    struct lp2p_buf out;
    struct whtnxt_answer a = {.result = NULL};
    lp2p_buf_init(&req, lp2p_mem_default(), WHTNXT_REQUEST_MAX);
    lp2p_buf_init(&out, lp2p_mem_default(), WHTNXT_ANSWER_MAX);
    assert_int_equal(whtnxt_request_encode(&req, 1, method, params), 0);
    struct lp2p_span s = lp2p_buf_span(&req);
    assert_int_equal(whtnxt_model_request(r->m, r->now, lp2p_span(s.p, s.n - 1), &out), 0);
    s = lp2p_buf_span(&out);
    assert_int_equal(whtnxt_answer_decode(lp2p_span(s.p, s.n - 1), 1, &a), 0);
    lp2p_buf_fini(&req);
    lp2p_buf_fini(&out);
    json_decref(params);
    rig_act(r);
    return a;
}

static inline json_t *rig_status(struct rig *r)
{
    struct whtnxt_answer a = rig_ask(r, WHTNXT_METHOD_GET_STATUS, NULL);
    assert_non_null(a.result);
    return a.result;
}

static inline const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s != NULL ? s : "";
}

static inline void rig_expect_node(struct rig *r, const char *state)
{
    json_t *s = rig_status(r);
    assert_string_equal(text_of(json_object_get(s, "node"), "state"), state);
    bool running = strcmp(state, "running") == 0;
    assert_int_equal(json_is_true(json_object_get(s, "nodeStarted")), running);
    if (!running) {
        /* No connected peers of a node that does not run. */
        assert_int_equal(json_array_size(json_object_get(s, "connectedPeers")), 0);
        assert_int_equal(json_array_size(json_object_get(s, "connections")), 0);
    }
    json_decref(s);
}

/* Connects by link and answers the attempt, 0 when refused (the code goes to `code`). */
static inline uint64_t rig_connect(struct rig *r, const char *link, const char *source, char *code)
{
    struct whtnxt_answer a = rig_ask(r, WHTNXT_METHOD_CONNECT,
                                     json_pack("{s:s,s:s}", "link", link, "source", source));
    uint64_t id = (uint64_t)json_integer_value(json_object_get(a.result, "attempt"));
    if (code != NULL) {
        snprintf(code, 64, "%s", a.code);
    }
    whtnxt_answer_fini(&a);
    return id;
}

static inline json_t *rig_attempt(struct rig *r, uint64_t id)
{
    json_t *s = rig_status(r);
    json_t *found = NULL;
    size_t i;
    json_t *v;
    json_array_foreach(json_object_get(s, "attempts"), i, v)
    {
        if ((uint64_t)json_integer_value(json_object_get(v, "id")) == id) {
            found = json_incref(v);
        }
    }
    json_decref(s);
    return found;
}

static inline void rig_expect_attempt(struct rig *r, uint64_t id, const char *stage,
                                      const char *code)
{
    json_t *a = rig_attempt(r, id);
    assert_non_null(a);
    assert_string_equal(text_of(a, "stage"), stage);
    assert_string_equal(text_of(a, "code"), code);
    json_decref(a);
}

#endif
