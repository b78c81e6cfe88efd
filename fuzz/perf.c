/* Both roles under a script: the first byte of a step says what is done, then input comes. */
#include "proto/perf/perf.h"

#include "base/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void step(struct lp2p_perf_stream *e, uint8_t what, lp2p_ts now, struct lp2p_span in)
{
    size_t used;
    struct lp2p_perf_event ev;
    uint64_t before = e->in;
    switch (what % 5) {
    case 0:
        (void)lp2p_perf_recv(e, now, in.p, in.n, &used);
        LP2P_ASSERT(used <= in.n && e->in - before <= in.n);
        break;
    case 1:
        (void)lp2p_perf_recv_eof(e, now);
        break;
    case 2:
        lp2p_perf_out_done(e, now, LP2P_MIN(lp2p_perf_out(e).n, in.n));
        break;
    case 3:
        (void)lp2p_perf_tick(e, now);
        break;
    default:
        while (lp2p_perf_event(e, &ev)) {
            LP2P_ASSERT(ev.type != LP2P_PERF_EV_NONE);
            LP2P_ASSERT(lp2p_perf_out(e).n == 0);
        }
    }
    LP2P_ASSERT(lp2p_perf_error(e)->code == 0 || lp2p_perf_out(e).n == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    static const uint8_t block[100];
    if (n < 3) {
        return 0;
    }
    struct lp2p_perf_cfg cfg = {
        .block = lp2p_span(block, sizeof(block)), .upload = p[1], .download = p[2]};
    struct lp2p_perf_stream e;
    lp2p_perf_init(&e, &cfg, p[0] % 2 == 0 ? LP2P_PERF_SERVER : LP2P_PERF_CLIENT, 0);
    size_t at = 3;
    for (lp2p_ts now = 0; at + 1 < n; now += LP2P_MSEC(100)) {
        uint8_t what = p[at];
        size_t len = LP2P_MIN((size_t)p[at + 1], n - at - 2);
        step(&e, what, now, lp2p_span(p + at + 2, len));
        at += 2 + len;
    }
    lp2p_perf_fini(&e);
    return 0;
}
