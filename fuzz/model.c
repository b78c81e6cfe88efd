/*
 * The model under any order of events: each input byte is an event, some followed by a line of the
 * rest. Whatever comes, the picture is whole and nothing that cannot be is shown.
 */
#include "model/model.h"

#include <signal.h>
#include <stdio.h>

#include "base/assert.h"
#include "lp2p/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void fill(void *ctx, uint8_t *p, size_t n)
{
    (void)ctx;
    memset(p, 0x5a, n);
}

/* Main's side of the identity methods: whatever is asked, the id is the next of two. */
static int replace(void *ctx, const char *import, struct whtnxt_key_outcome *ret)
{
    struct lp2p_peer_id *ids = ctx;
    struct lp2p_peer_id id = ids[0];
    ids[0] = ids[1];
    ids[1] = id;
    *ret = (struct whtnxt_key_outcome){.id = ids[0], .changed = true, .exposed = import != NULL};
    return 0;
}

static int copy(void *ctx, const struct whtnxt_key_copy *wish, struct whtnxt_key_outcome *ret)
{
    (void)ctx;
    snprintf(ret->reason, sizeof(ret->reason), "%.99s is there already.", wish->path);
    return wish->force ? 0 : -LP2P_E_EXISTS;
}

/* A line that the node cannot read would end it, again and again. */
static void sent(const struct whtnxt_node_msg *msg)
{
    struct whtnxt_node_msg again;
    struct lp2p_buf out;
    enum whtnxt_talk talk = WHTNXT_TALK_NEW;
    while (!whtnxt_msg_is_allowed(msg->type, talk)) {
        talk++;
    }
    lp2p_buf_init(&out, lp2p_mem_default(), WHTNXT_COMMAND_MAX + 1);
    LP2P_ASSERT(whtnxt_node_msg_encode(&out, msg) == 0);
    LP2P_ASSERT(whtnxt_node_msg_decode(lp2p_span(out.p, out.len - 1), WHTNXT_TO_NODE, talk,
                                       lp2p_mem_default(), &again) == 0);
    LP2P_ASSERT(again.type == msg->type);
    whtnxt_node_msg_fini(&again);
    lp2p_buf_fini(&out);
}

static void act(struct whtnxt_model *m)
{
    struct whtnxt_action a;
    while (whtnxt_model_action(m, &a)) {
        if (a.type == WHTNXT_DO_SEND) {
            sent(&a.msg);
        }
        whtnxt_action_fini(&a);
    }
}

static void look(struct whtnxt_model *m, uint64_t now)
{
    static const char line[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"p2p:get-status\"}";
    struct lp2p_buf out;
    struct whtnxt_answer a;
    lp2p_buf_init(&out, lp2p_mem_default(), WHTNXT_ANSWER_MAX);
    LP2P_ASSERT(whtnxt_model_request(m, now, lp2p_span_str(line), &out) == 0);
    LP2P_ASSERT(whtnxt_answer_decode(lp2p_span(out.p, out.len - 1), 1, &a) == 0);
    bool running = json_is_true(json_object_get(a.result, "nodeStarted"));
    LP2P_ASSERT(running || json_array_size(json_object_get(a.result, "connectedPeers")) == 0);
    LP2P_ASSERT(running || json_array_size(json_object_get(a.result, "connections")) == 0);
    LP2P_ASSERT(json_is_object(json_object_get(a.result, "node")));
    LP2P_ASSERT(json_array_size(json_object_get(a.result, "attempts")) <=
                WHTNXT_MODEL_RUNNING + WHTNXT_MODEL_ENDED);
    whtnxt_answer_fini(&a);
    lp2p_buf_fini(&out);
}

/* A line up to the next newline. */
static struct lp2p_span take_line(const uint8_t **p, size_t *n)
{
    const uint8_t *nl = *n == 0 ? NULL : memchr(*p, '\n', *n);
    size_t len = nl == NULL ? *n : (size_t)(nl - *p);
    struct lp2p_span s = lp2p_span(*p, len);
    size_t used = LP2P_MIN(len + 1, *n);
    *p += used;
    *n -= used;
    return s;
}

static void from_node(struct whtnxt_model *m, uint64_t now, struct lp2p_span line)
{
    struct whtnxt_node_msg msg;
    int r = whtnxt_node_msg_decode(line, WHTNXT_TO_MAIN, whtnxt_model_talk(m), lp2p_mem_default(),
                                   &msg);
    if (r == 0) {
        whtnxt_model_message(m, now, &msg);
        whtnxt_node_msg_fini(&msg);
    } else {
        whtnxt_model_bad_message(m, now, r);
    }
}

static void from_renderer(struct whtnxt_model *m, uint64_t now, struct lp2p_span line)
{
    struct lp2p_buf out;
    lp2p_buf_init(&out, lp2p_mem_default(), WHTNXT_ANSWER_MAX);
    (void)whtnxt_model_request(m, now, line, &out);
    lp2p_buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    static const int signals[] = {0, SIGKILL, SIGTERM, SIGSEGV, SIGABRT};
    static const char own[] = "12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5";
    static const char other[] = "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq";
    struct lp2p_random random = {.fill = fill};
    struct lp2p_peer_id ids[2];
    struct whtnxt_model_cfg cfg = {
        .mem = lp2p_mem_default(),
        .random = &random,
        .version = "0.1.0",
        .key = {.ctx = ids, .path = "/x/identity.key", .replace = replace, .copy = copy},
        .now = 1000,
        .wall = 1700000000000U};
    struct whtnxt_model *m;
    uint64_t now = cfg.now;
    LP2P_ASSERT(lp2p_peer_id_parse(own, strlen(own), &ids[0]) == 0);
    LP2P_ASSERT(lp2p_peer_id_parse(other, strlen(other), &ids[1]) == 0);
    LP2P_ASSERT(whtnxt_model_new(&cfg, &m) == 0);
    whtnxt_model_start(m, now, &ids[0], NULL);
    while (n > 0) {
        uint8_t c = *p++;
        n--;
        now += (uint64_t)(c >> 3) * (c >> 3) * 20;
        switch (c & 7U) {
        case 0:
        case 1:
            from_node(m, now, take_line(&p, &n));
            break;
        case 2:
        case 3:
            from_renderer(m, now, take_line(&p, &n));
            break;
        case 4:
            whtnxt_model_exited(m, now, signals[(c >> 3) % LP2P_COUNT(signals)], NULL);
            break;
        case 5:
            whtnxt_model_exited(m, now, 0, "no");
            break;
        default:
            whtnxt_model_tick(m, now);
            break;
        }
        act(m);
        look(m, now);
    }
    whtnxt_model_free(m);
    return 0;
}
