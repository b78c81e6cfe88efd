/*
 * A whole connection with cryptography that believes everything, so that multistream inside Noise
 * and yamux are reached: the first byte cuts, the second chooses the role and where the muxer is
 * agreed on.
 */
#include "fuzz_engine.h"
#include "harness/stub_crypto.h"
#include "unit/conn/upgrade/engine_conn.h"

/* A stream of our own, so that answers to it have a meaning. */
static void on_event(struct end *e, const struct lp2p_conn_event *ev)
{
    const struct lp2p_conn_ops *ops = e->c->ops;
    struct lp2p_conn_stream *s;
    size_t n;
    switch (ev->type) {
    case LP2P_CONN_EV_UP:
        if (ops->open(e->c, &s) == 0) {
            (void)ops->write(e->c, e->now, s, lp2p_span("first", 5), &n);
        }
        break;
    case LP2P_CONN_EV_STREAM:
        (void)ops->write(e->c, e->now, ev->stream, lp2p_span("hello", 5), &n);
        break;
    case LP2P_CONN_EV_FIN:
        (void)ops->close_write(e->c, ev->stream);
        ops->release(e->c, ev->stream);
        break;
    case LP2P_CONN_EV_RESET:
        ops->release(e->c, ev->stream);
        break;
    case LP2P_CONN_EV_NONE:
    case LP2P_CONN_EV_NEED_DH:
    case LP2P_CONN_EV_SECURED:
    case LP2P_CONN_EV_ACK:
    case LP2P_CONN_EV_DATA:
    case LP2P_CONN_EV_WRITABLE:
    case LP2P_CONN_EV_RTT:
    case LP2P_CONN_EV_GOAWAY:
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    static const uint8_t key[32];
    static struct conn_case c;
    if (n < 2) {
        return 0;
    }
    c = (struct conn_case){
        .crypto = &stub_crypto,
        .role = (p[1] & 1) != 0 ? LP2P_CONN_DIALER : LP2P_CONN_LISTENER,
        .number = 1,
        .no_early_muxer = (p[1] & 2) != 0,
        .on_event = on_event,
        .out_key = key,
    };
    fuzz_engine_way(&conn_ops, &c, lp2p_span(p + 2, n - 2), fuzz_way(p[0], true));
    return 0;
}
