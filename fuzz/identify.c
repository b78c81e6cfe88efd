/* The receiver takes any bytes in any pieces; what it hands out lies within the limits, and what is
 * plain in it can be sent again. */
#include "proto/identify/identify.h"

#include "base/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void check_message(const struct lp2p_identify_msg *msg)
{
    LP2P_ASSERT(msg->n_addrs <= LP2P_IDENTIFY_ADDRS_MAX);
    LP2P_ASSERT(msg->n_protocols <= LP2P_IDENTIFY_PROTOCOLS_MAX);
    struct lp2p_buf buf;
    lp2p_buf_init(&buf, lp2p_mem_default(), LP2P_IDENTIFY_SEND_MAX);
    int err = lp2p_identify_encode(msg, &buf);
    LP2P_ASSERT(err == 0 || err == -LP2P_E_LIMIT);
    struct lp2p_identify_msg again;
    LP2P_ASSERT(lp2p_identify_decode(lp2p_buf_span(&buf), &again) == 0);
    LP2P_ASSERT(again.n_addrs <= LP2P_IDENTIFY_SEND_ADDRS_MAX);
    lp2p_buf_fini(&buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct lp2p_identify_cfg cfg = {.mem = lp2p_mem_default(), .timeout = LP2P_IDENTIFY_TIMEOUT};
    struct lp2p_identify e;
    LP2P_ASSERT(lp2p_identify_init(&e, &cfg, LP2P_IDENTIFY_RECEIVER, 0) == 0);
    size_t piece = n > 0 ? (size_t)p[0] % 64 + 1 : 1;
    int err = 0;
    for (size_t at = 0; at < n && err == 0; at += piece) {
        size_t used;
        err = lp2p_identify_recv(&e, 0, p + at, LP2P_MIN(piece, n - at), &used);
    }
    err = lp2p_identify_recv_eof(&e, 0);
    LP2P_ASSERT(err == lp2p_identify_error(&e)->code);
    struct lp2p_identify_event ev;
    LP2P_ASSERT(lp2p_identify_event(&e, &ev) == (err == 0));
    if (err == 0) {
        check_message(&ev.msg);
    }
    lp2p_identify_fini(&e);
    struct lp2p_identify_msg msg;
    if (lp2p_identify_decode(lp2p_span(p, n), &msg) == 0) {
        check_message(&msg);
    }
    return 0;
}
