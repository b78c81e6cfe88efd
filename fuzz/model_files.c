/*
 * The model's files, as a disk or an editor left them: the first byte chooses settings or peers.
 * What is taken can be written and is read again as the same; a node can be started with it, and
 * reads every line it is sent.
 */
#include "model/model.h"

#include "base/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void fill(void *ctx, uint8_t *p, size_t n)
{
    (void)ctx;
    memset(p, 0x5a, n);
}

static struct whtnxt_model *model(const struct lp2p_random *random)
{
    struct whtnxt_model_cfg cfg = {.mem = lp2p_mem_default(),
                                   .random = random,
                                   .version = "0.1.0",
                                   .now = 1000,
                                   .wall = 1700000000000U};
    struct whtnxt_model *m;
    LP2P_ASSERT(whtnxt_model_new(&cfg, &m) == 0);
    return m;
}

/* Carries out nothing, but looks whether the node could read what it is sent. */
static void act(struct whtnxt_model *m)
{
    struct whtnxt_action a;
    while (whtnxt_model_action(m, &a)) {
        struct whtnxt_node_msg again;
        struct lp2p_buf out;
        lp2p_buf_init(&out, lp2p_mem_default(), WHTNXT_COMMAND_MAX + 1);
        if (a.type == WHTNXT_DO_SEND && a.msg.type == WHTNXT_MSG_CONNECT) {
            LP2P_ASSERT(whtnxt_node_msg_encode(&out, &a.msg) == 0);
            LP2P_ASSERT(whtnxt_node_msg_decode(lp2p_span(out.p, out.len - 1), WHTNXT_TO_NODE,
                                               WHTNXT_TALK_RUNNING, lp2p_mem_default(),
                                               &again) == 0);
            LP2P_ASSERT(again.connect.n_addrs == a.msg.connect.n_addrs);
            whtnxt_node_msg_fini(&again);
        }
        lp2p_buf_fini(&out);
        whtnxt_action_fini(&a);
    }
}

static void run(struct whtnxt_model *m)
{
    static const char own[] = "12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5";
    struct lp2p_peer_id id;
    struct whtnxt_node_msg hello = {
        .type = WHTNXT_MSG_NODE_HELLO,
        .hello = {.protocol = WHTNXT_NODE_PROTOCOL, .version = "0.1.0"}};
    struct whtnxt_node_msg state = {.type = WHTNXT_MSG_STATE};
    LP2P_ASSERT(lp2p_peer_id_parse(own, strlen(own), &id) == 0);
    whtnxt_model_start(m, 1000, &id, NULL);
    whtnxt_model_message(m, 1000, &hello);
    act(m);
    whtnxt_state_init(&state.state, lp2p_mem_default());
    state.state.seq = 1;
    whtnxt_model_message(m, 1000, &state);
    whtnxt_node_msg_fini(&state);
    act(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct lp2p_random random = {.fill = fill};
    json_t *o;
    if (n == 0 || whtnxt_json_decode(lp2p_span(p + 1, n - 1), &o) != 0) {
        return 0;
    }
    bool settings = (p[0] & 1U) != 0;
    int (*load)(struct whtnxt_model * m, const json_t *o) = settings ? whtnxt_model_load_settings
                                                                     : whtnxt_model_load_peers;
    struct whtnxt_model *m = model(&random);
    struct whtnxt_model *again = model(&random);
    if (load(m, o) == 0) {
        json_t *saved = settings ? whtnxt_model_settings(m) : whtnxt_model_peers(m);
        LP2P_ASSERT(load(again, saved) == 0);
        json_t *same = settings ? whtnxt_model_settings(again) : whtnxt_model_peers(again);
        LP2P_ASSERT(json_equal(saved, same));
        json_decref(saved);
        json_decref(same);
    }
    run(m);
    whtnxt_model_free(again);
    whtnxt_model_free(m);
    json_decref(o);
    return 0;
}
