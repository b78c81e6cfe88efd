/* The node's eye on what main sends. */
#ifndef WHTNXT_TESTS_MODEL_READS_H
#define WHTNXT_TESTS_MODEL_READS_H

#include "cmocka_all.h"
#include "ipc/node.h"

/* What main sends is what the node reads: a line that it cannot take would end it, again and again.
 */
static inline void rig_reads(const struct whtnxt_node_msg *msg)
{
    struct whtnxt_node_msg again;
    struct lp2p_buf out;
    const enum whtnxt_talk talk = msg->type == WHTNXT_MSG_MAIN_HELLO ? WHTNXT_TALK_NEW
                                  : msg->type == WHTNXT_MSG_START    ? WHTNXT_TALK_READY
                                                                     : WHTNXT_TALK_RUNNING;
    lp2p_buf_init(&out, lp2p_mem_default(), WHTNXT_COMMAND_MAX);
    assert_int_equal(whtnxt_node_msg_encode(&out, msg), 0);
    struct lp2p_span s = lp2p_buf_span(&out);
    assert_int_equal(whtnxt_node_msg_decode(lp2p_span(s.p, s.n - 1), WHTNXT_TO_NODE, talk,
                                            lp2p_mem_default(), &again),
                     0);
    whtnxt_node_msg_fini(&again);
    lp2p_buf_fini(&out);
}

#endif
