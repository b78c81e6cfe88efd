#include "base/assert.h"
#include "proto/yamux/yamux_priv.h"

/* Each `out_` builds the next frame of its kind, or says that there is none. */

static bool out_pong(struct lp2p_yamux *e, struct lp2p_yamux_frame *ret)
{
    if (e->n_pongs == 0) {
        return false;
    }
    *ret = (struct lp2p_yamux_frame){
        .type = LP2P_YAMUX_PING, .flags = LP2P_YAMUX_ACK, .length = e->pongs[0]};
    e->n_pongs--;
    memmove(e->pongs, e->pongs + 1, e->n_pongs * sizeof(e->pongs[0]));
    return true;
}

static bool out_ping(struct lp2p_yamux *e, struct lp2p_yamux_frame *ret)
{
    if (!e->ping_owed) {
        return false;
    }
    e->ping_owed = false;
    *ret = (struct lp2p_yamux_frame){
        .type = LP2P_YAMUX_PING, .flags = LP2P_YAMUX_SYN, .length = e->ping_value};
    return true;
}

static bool out_refusal(struct lp2p_yamux *e, struct lp2p_yamux_frame *ret)
{
    struct lp2p_yamux_refusal r;
    if (!lp2p_ring_pop(&e->refusals, &r)) {
        return false;
    }
    if (e->refusals.len == 0) {
        lp2p_ring_fini(&e->refusals);
    }
    *ret = (struct lp2p_yamux_frame){
        .type = LP2P_YAMUX_WINDOW, .flags = LP2P_YAMUX_RST, .id = r.id, .length = r.code};
    return true;
}

/* Opens, accepts and grants in one frame. */
static void stream_update(struct lp2p_yamux_stream *s, struct lp2p_yamux_frame *f)
{
    f->flags = (uint16_t)(((s->owed & LP2P_YAMUX_OWE_SYN) != 0 ? LP2P_YAMUX_SYN : 0U) |
                          ((s->owed & LP2P_YAMUX_OWE_ACK) != 0 ? LP2P_YAMUX_ACK : 0U));
    if ((s->owed & LP2P_YAMUX_OWE_WINDOW) != 0) {
        f->length = lp2p_yamux_window_grant(&s->recv);
    }
    lp2p_yamux_owe_less(s, LP2P_YAMUX_OWE_SYN | LP2P_YAMUX_OWE_ACK | LP2P_YAMUX_OWE_WINDOW);
}

static bool out_stream(struct lp2p_yamux *e, struct lp2p_yamux_frame *ret)
{
    struct lp2p_list *first = lp2p_list_first(&e->owing);
    if (first == NULL) {
        return false;
    }
    struct lp2p_yamux_stream *s = LP2P_CONTAINER(first, struct lp2p_yamux_stream, owing);
    *ret = (struct lp2p_yamux_frame){.type = LP2P_YAMUX_WINDOW, .id = s->id};
    if ((s->owed & LP2P_YAMUX_OWE_RST) != 0) {
        ret->flags = LP2P_YAMUX_RST;
        ret->length = s->reset_code;
        lp2p_yamux_owe_less(s, LP2P_YAMUX_OWE_RST);
    } else if (s->owed != LP2P_YAMUX_OWE_FIN) {
        stream_update(s, ret);
    } else {
        ret->flags = LP2P_YAMUX_FIN;
        lp2p_yamux_owe_less(s, LP2P_YAMUX_OWE_FIN);
    }
    lp2p_yamux_settle(e, s);
    return true;
}

static bool out_goaway(struct lp2p_yamux *e, struct lp2p_yamux_frame *ret)
{
    if (!e->goaway_owed) {
        return false;
    }
    e->goaway_owed = false;
    *ret = (struct lp2p_yamux_frame){.type = LP2P_YAMUX_GOAWAY, .length = e->goaway_code};
    return true;
}

static bool out_data(struct lp2p_yamux *e, struct lp2p_yamux_frame *ret)
{
    if (!e->lent) {
        return false;
    }
    e->lent = false;
    *ret = e->lent_frame;
    return true;
}

/* js and go close when a Pong is late, so Pongs come first; GoAway makes them close, so it comes
 * last. */
static bool out_next(struct lp2p_yamux *e, struct lp2p_yamux_frame *ret)
{
    if (e->failure.code != 0) {
        return out_goaway(e, ret);
    }
    return out_pong(e, ret) || out_ping(e, ret) || out_refusal(e, ret) || out_stream(e, ret) ||
           out_data(e, ret) || out_goaway(e, ret);
}

struct lp2p_span lp2p_yamux_out(struct lp2p_yamux *e)
{
    struct lp2p_yamux_frame f;
    if (e->frame_left == 0 && (e->lent || e->lent_bytes.n == 0) && out_next(e, &f)) {
        lp2p_yamux_frame_encode(&f, e->frame);
        e->frame_left = LP2P_YAMUX_HEADER_SIZE;
    }
    if (e->frame_left > 0) {
        return lp2p_span(e->frame + LP2P_YAMUX_HEADER_SIZE - e->frame_left, e->frame_left);
    }
    return e->lent ? lp2p_span(NULL, 0) : e->lent_bytes;
}

void lp2p_yamux_out_done(struct lp2p_yamux *e, size_t n)
{
    if (e->frame_left > 0) {
        LP2P_ASSERT(n <= e->frame_left);
        e->frame_left = (uint8_t)(e->frame_left - n);
        return;
    }
    LP2P_ASSERT(!e->lent && n <= e->lent_bytes.n);
    e->lent_bytes = lp2p_span(e->lent_bytes.p + n, e->lent_bytes.n - n);
}

size_t lp2p_yamux_control_size(const struct lp2p_yamux *e)
{
    size_t frames = e->n_pongs + (e->ping_owed ? 1U : 0U) + e->refusals.len;
    lp2p_list_each (it, &e->owing) {
        frames += lp2p_yamux_stream_frames(LP2P_CONTAINER(it, struct lp2p_yamux_stream, owing));
    }
    return frames * LP2P_YAMUX_HEADER_SIZE + e->frame_left;
}
