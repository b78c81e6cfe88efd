#include "proto/yamux/window.h"

#include "base/assert.h"

void lp2p_yamux_window_init(struct lp2p_yamux_window *w)
{
    *w = (struct lp2p_yamux_window){
        .credit = LP2P_YAMUX_WINDOW_START,
        .max = LP2P_YAMUX_WINDOW_START,
        .epoch = LP2P_TS_NEVER,
    };
}

/* What must be reserved when `unread` bytes are held. */
static uint32_t window_floor(const struct lp2p_yamux_window *w, uint32_t unread)
{
    return LP2P_MAX(unread, w->max - LP2P_YAMUX_WINDOW_START);
}

static int window_reserve_to(struct lp2p_yamux_window *w, struct lp2p_yamux_budget *b, uint32_t n)
{
    if (n > w->reserved) {
        LP2P_TRY(lp2p_scope_reserve(b->scope, LP2P_SCOPE_MEM, n - w->reserved));
    } else if (n < w->reserved) {
        lp2p_scope_release(b->scope, LP2P_SCOPE_MEM, w->reserved - n);
    }
    w->reserved = n;
    return 0;
}

void lp2p_yamux_window_fini(struct lp2p_yamux_window *w, struct lp2p_yamux_budget *b)
{
    b->grown -= w->max - LP2P_YAMUX_WINDOW_START;
    w->max = LP2P_YAMUX_WINDOW_START;
    w->unread = 0;
    w->ungranted = 0;
    (void)window_reserve_to(w, b, 0);
}

int lp2p_yamux_window_arrive(struct lp2p_yamux_window *w, struct lp2p_yamux_budget *b, lp2p_ts now,
                             uint32_t n)
{
    LP2P_TRY(window_reserve_to(w, b, window_floor(w, w->unread + n)));
    w->unread += n;
    if (w->epoch == LP2P_TS_NEVER) {
        w->epoch = now;
    }
    return 0;
}

/* Doubles the window if the connection has room for it and the accounts can spare it: what is
 * granted can never be taken back, and a peer that grew all it may must leave the others theirs. */
static void window_grow(struct lp2p_yamux_window *w, struct lp2p_yamux_budget *b)
{
    uint32_t more = w->max;
    if (more > b->window_max / 2 || b->grown + more > b->grown_max ||
        !lp2p_scope_can_spare(b->scope, LP2P_SCOPE_MEM, more)) {
        return;
    }
    uint32_t floor = LP2P_MAX(w->unread, w->max + more - LP2P_YAMUX_WINDOW_START);
    if (floor > w->reserved && window_reserve_to(w, b, floor) != 0) {
        return;
    }
    b->grown += more;
    w->max += more;
    w->ungranted += more;
}

void lp2p_yamux_window_consume(struct lp2p_yamux_window *w, struct lp2p_yamux_budget *b,
                               lp2p_ts now, lp2p_ts rtt, uint32_t n)
{
    LP2P_ASSERT(n <= w->unread);
    w->unread -= n;
    w->ungranted += n;
    w->used += n;
    (void)window_reserve_to(w, b, LP2P_MIN(w->reserved, window_floor(w, w->unread)));
    /* What lies beyond the end of one window counts for the next: pieces and whole frames agree. */
    while (w->used >= w->max) {
        w->used -= w->max;
        bool fast = rtt != 0 && (now - w->epoch) / LP2P_YAMUX_TUNE_ROUNDS < rtt;
        w->epoch = now;
        if (fast) {
            window_grow(w, b);
        }
    }
}

bool lp2p_yamux_window_is_due(const struct lp2p_yamux_window *w)
{
    return w->ungranted >= w->max / LP2P_YAMUX_GRANT_PART;
}

uint32_t lp2p_yamux_window_grant(struct lp2p_yamux_window *w)
{
    uint32_t n = w->ungranted;
    w->credit += n;
    w->ungranted = 0;
    return n;
}
