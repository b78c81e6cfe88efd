#include "ipc/json.h"

#include "base/assert.h"
#include "lp2p/error.h"

/* One read from a socket may come on top of a line that is not complete. */
#define LINES_PIECE (64U * 1024U)

void whtnxt_lines_init(struct whtnxt_lines *l, const struct lp2p_mem *mem, size_t max)
{
    *l = (struct whtnxt_lines){.max = max};
    lp2p_buf_init(&l->buf, mem, max + 2 + LINES_PIECE);
}

void whtnxt_lines_fini(struct whtnxt_lines *l)
{
    lp2p_buf_wipe(&l->buf);
    l->scanned = 0;
    l->taken = 0;
}

/* Drops the line that was lent last. */
static void lines_drop(struct whtnxt_lines *l)
{
    lp2p_buf_consume(&l->buf, l->taken);
    l->taken = 0;
}

int whtnxt_lines_recv(struct whtnxt_lines *l, const void *p, size_t n)
{
    lines_drop(l);
    return lp2p_buf_append(&l->buf, p, n);
}

int whtnxt_lines_next(struct whtnxt_lines *l, struct lp2p_span *ret)
{
    lines_drop(l);
    struct lp2p_span s = lp2p_buf_span(&l->buf);
    const uint8_t *nl = s.n == l->scanned ? NULL : memchr(s.p + l->scanned, '\n', s.n - l->scanned);
    if (nl == NULL) {
        l->scanned = s.n;
        if (s.n == 0) {
            lp2p_buf_trim(&l->buf);
        }
        return s.n > l->max + 1 ? -LP2P_E_TOO_LONG : -LP2P_E_AGAIN;
    }
    size_t n = (size_t)(nl - s.p);
    l->taken = n + 1;
    l->scanned = 0;
    n -= n > 0 && s.p[n - 1] == '\r' ? 1 : 0;
    if (n > l->max) {
        return -LP2P_E_TOO_LONG;
    }
    *ret = lp2p_span(s.p, n);
    return 0;
}

bool whtnxt_lines_is_partial(const struct whtnxt_lines *l)
{
    return l->buf.len > l->taken;
}
