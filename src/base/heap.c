#include "base/heap.h"

#include "base/assert.h"
#include "lp2p/error.h"

#define HEAP_FIRST 16U

void lp2p_heap_init(struct lp2p_heap *h, const struct lp2p_mem *mem)
{
    *h = (struct lp2p_heap){.mem = mem};
}

void lp2p_heap_fini(struct lp2p_heap *h)
{
    lp2p_free(h->mem, h->nodes);
    lp2p_heap_init(h, h->mem);
}

static bool heap_before(const struct lp2p_heap_node *a, const struct lp2p_heap_node *b)
{
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void heap_place(struct lp2p_heap *h, size_t i, struct lp2p_heap_node *node)
{
    h->nodes[i] = node;
    node->index = i + 1;
}

static void heap_up(struct lp2p_heap *h, size_t i, struct lp2p_heap_node *node)
{
    while (i > 0 && heap_before(node, h->nodes[(i - 1) / 2])) {
        heap_place(h, i, h->nodes[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    heap_place(h, i, node);
}

static void heap_down(struct lp2p_heap *h, size_t i, struct lp2p_heap_node *node)
{
    for (size_t child = 2 * i + 1; child < h->len; child = 2 * i + 1) {
        if (child + 1 < h->len && heap_before(h->nodes[child + 1], h->nodes[child])) {
            child++;
        }
        if (!heap_before(h->nodes[child], node)) {
            break;
        }
        heap_place(h, i, h->nodes[child]);
        i = child;
    }
    heap_place(h, i, node);
}

int lp2p_heap_reserve(struct lp2p_heap *h, size_t n)
{
    size_t need;
    if (__builtin_add_overflow(h->len, n, &need)) {
        return -LP2P_E_NOMEM;
    }
    if (need <= h->cap) {
        return 0;
    }
    size_t cap = LP2P_MAX(LP2P_MAX(need, HEAP_FIRST), h->cap * 2);
    struct lp2p_heap_node **nodes = lp2p_resize(h->mem, h->nodes, cap, sizeof(*nodes));
    if (nodes == NULL) {
        return -LP2P_E_NOMEM;
    }
    h->nodes = nodes;
    h->cap = cap;
    return 0;
}

int lp2p_heap_add(struct lp2p_heap *h, struct lp2p_heap_node *node, lp2p_ts at)
{
    LP2P_ASSERT(node->index == 0);
    LP2P_TRY(lp2p_heap_reserve(h, 1));
    node->at = at;
    node->order = h->order++;
    heap_up(h, h->len++, node);
    return 0;
}

void lp2p_heap_remove(struct lp2p_heap *h, struct lp2p_heap_node *node)
{
    if (node->index == 0) {
        return;
    }
    size_t i = node->index - 1;
    LP2P_ASSERT(i < h->len && h->nodes[i] == node);
    node->index = 0;
    struct lp2p_heap_node *last = h->nodes[--h->len];
    if (last == node) {
        return;
    }
    if (i > 0 && heap_before(last, h->nodes[(i - 1) / 2])) {
        heap_up(h, i, last);
    } else {
        heap_down(h, i, last);
    }
}

struct lp2p_heap_node *lp2p_heap_first(const struct lp2p_heap *h)
{
    return h->len == 0 ? NULL : h->nodes[0];
}
