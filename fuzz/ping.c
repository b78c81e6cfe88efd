/* Both roles under a script: the first byte of a step says what is done, then input comes. */
#include "proto/ping/ping.h"

#include "base/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void fill(void *ctx, uint8_t *p, size_t n)
{
    (void)ctx;
    memset(p, 'p', n);
}

static void step(struct lp2p_ping_stream *e, uint8_t what, lp2p_ts now, struct lp2p_span in)
{
    size_t used;
    struct lp2p_ping_event ev;
    switch (what % 6) {
    case 0:
        (void)lp2p_ping_recv(e, now, in.p, in.n, &used);
        LP2P_ASSERT(used <= in.n);
        break;
    case 1:
        (void)lp2p_ping_recv_eof(e, now);
        break;
    case 2:
        lp2p_ping_out_done(e, now, LP2P_MIN(lp2p_ping_out(e).n, in.n));
        break;
    case 3:
        (void)lp2p_ping_tick(e, now);
        break;
    case 4:
        while (lp2p_ping_event(e, &ev)) {
            LP2P_ASSERT(ev.type != LP2P_PING_EV_NONE);
        }
        break;
    default:
        if (e->role == LP2P_PING_PINGER && in.n % 8 != 7) {
            (void)lp2p_ping_send(e, now);
        } else if (e->role == LP2P_PING_PINGER) {
            lp2p_ping_close(e);
        }
    }
    LP2P_ASSERT(lp2p_ping_out(e).n <= LP2P_PING_SIZE);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    static const struct lp2p_random random = {.fill = fill};
    struct lp2p_ping_cfg cfg = {.random = &random};
    struct lp2p_ping_stream e;
    if (n == 0) {
        return 0;
    }
    lp2p_ping_init(&e, &cfg, p[0] % 2 == 0 ? LP2P_PING_RESPONDER : LP2P_PING_PINGER, 0);
    size_t at = 1;
    for (lp2p_ts now = 0; at + 1 < n; now += LP2P_MSEC(100)) {
        uint8_t what = p[at];
        size_t len = LP2P_MIN((size_t)p[at + 1], n - at - 2);
        step(&e, what, now, lp2p_span(p + at + 2, len));
        at += 2 + len;
    }
    lp2p_ping_fini(&e);
    return 0;
}
