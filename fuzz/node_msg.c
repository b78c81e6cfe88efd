/* Messages of both directions in every state: one that is read can be written, and read again. The
 * first byte chooses direction and state. */
#include "ipc/node.h"

#include "base/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct whtnxt_node_msg m;
    struct whtnxt_node_msg again;
    struct lp2p_buf out;
    if (n == 0) {
        return 0;
    }
    enum whtnxt_dir dir = (p[0] & 1U) != 0 ? WHTNXT_TO_MAIN : WHTNXT_TO_NODE;
    enum whtnxt_talk talk = (enum whtnxt_talk)((p[0] >> 1) % WHTNXT_TALKS);
    if (whtnxt_node_msg_decode(lp2p_span(p + 1, n - 1), dir, talk, lp2p_mem_default(), &m) != 0) {
        return 0;
    }
    lp2p_buf_init(&out, lp2p_mem_default(), 2 * WHTNXT_STATE_MAX);
    LP2P_ASSERT(whtnxt_node_msg_encode(&out, &m) == 0);
    struct lp2p_span s = lp2p_buf_span(&out);
    LP2P_ASSERT(whtnxt_node_msg_decode(lp2p_span(s.p, s.n - 1), dir, talk, lp2p_mem_default(),
                                       &again) == 0);
    LP2P_ASSERT(again.type == m.type);
    whtnxt_node_msg_fini(&again);
    whtnxt_node_msg_fini(&m);
    lp2p_buf_wipe(&out);
    return 0;
}
