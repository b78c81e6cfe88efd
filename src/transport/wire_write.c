#include "base/assert.h"
#include "transport/wire_priv.h"

/* One write; false when the stream takes no more. */
static bool wire_write_once(struct wire *w, struct lp2p_span out)
{
    size_t n = 0;
    int err = w->io->ops->write(w->io, &out, 1, &n);
    if (err != 0 && err != -LP2P_E_AGAIN) {
        wire_io_failed(w, err);
        return false;
    }
    if (n > 0) {
        w->conn->ops->out_done(w->conn, wire_now(w), n);
        w->bytes_out += n;
        w->turn_out += n;
        if (w->bytes_out >= w->write_goal) {
            w->write_deadline = LP2P_TS_NEVER;
        }
    }
    if (n < out.n) {
        w->blocked = true;
        if (w->write_deadline == LP2P_TS_NEVER) {
            w->write_deadline = wire_now(w) + LP2P_WIRE_WRITE_TIMEOUT;
            w->write_goal = w->bytes_out + LP2P_MIN(out.n - n, LP2P_WIRE_WRITE_LEAST);
        }
        return false;
    }
    return true;
}

bool wire_flush(struct wire *w)
{
    size_t before = w->turn_out;
    bool more = !w->blocked;
    while (more && w->turn_out < LP2P_WIRE_TURN_QUOTA) {
        /* Asking closes the open record, so it is not asked while nothing can be written. */
        struct lp2p_span out = w->conn->ops->out(w->conn);
        if (out.n == 0) {
            w->write_deadline = LP2P_TS_NEVER;
            break;
        }
        more = wire_write_once(w, out);
    }
    return w->turn_out > before;
}
