#include "base/series.h"

#include "base/assert.h"

static struct lp2p_series_node *series_node(const struct lp2p_list *it)
{
    return LP2P_CONTAINER((struct lp2p_list *)(uintptr_t)it, struct lp2p_series_node, node);
}

void lp2p_series_init(struct lp2p_series *s)
{
    *s = (struct lp2p_series){.last = 0};
    lp2p_list_init(&s->list);
    s->next = &s->list;
}

void lp2p_series_add(struct lp2p_series *s, struct lp2p_series_node *n)
{
    n->number = ++s->last;
    lp2p_list_add_last(&s->list, &n->node);
    if (s->next == &s->list) {
        s->next = &n->node; /* a walk that stands at the end goes on here */
    }
}

void lp2p_series_remove(struct lp2p_series *s, struct lp2p_series_node *n)
{
    if (s->next == &n->node) {
        s->next = n->node.next;
    }
    lp2p_list_remove(&n->node);
}

struct lp2p_series_node *lp2p_series_next(struct lp2p_series *s, size_t *pos)
{
    const struct lp2p_list *it = *pos == s->walked ? s->next : s->list.next;
    while (it != &s->list && series_node(it)->number <= *pos) {
        it = it->next;
    }
    if (it == &s->list) {
        return NULL;
    }
    *pos = (size_t)series_node(it)->number;
    s->walked = *pos;
    s->next = it->next;
    return series_node(it);
}
