/*
 * Intrusive doubly linked list: the node is a member of what is listed. The head is a node too;
 * both belong to the caller.
 *
 * A node that is in no list has NULL links (zero initialisation is enough), so `is_linked` can be
 * asked at any time.
 */
#ifndef LP2P_BASE_LIST_H
#define LP2P_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct lp2p_list {
    struct lp2p_list *next;
    struct lp2p_list *prev;
};

static inline void lp2p_list_init(struct lp2p_list *head)
{
    head->next = head;
    head->prev = head;
}

static inline bool lp2p_list_is_empty(const struct lp2p_list *head)
{
    return head->next == head;
}

static inline bool lp2p_list_is_linked(const struct lp2p_list *node)
{
    return node->next != NULL;
}

/* Inserts `node` before `at`; before the head means at the end. */
static inline void lp2p_list_insert_before(struct lp2p_list *at, struct lp2p_list *node)
{
    node->next = at;
    node->prev = at->prev;
    at->prev->next = node;
    at->prev = node;
}

static inline void lp2p_list_add_last(struct lp2p_list *head, struct lp2p_list *node)
{
    lp2p_list_insert_before(head, node);
}

static inline void lp2p_list_add_first(struct lp2p_list *head, struct lp2p_list *node)
{
    lp2p_list_insert_before(head->next, node);
}

/* Takes the node out; does nothing for one that is in no list. */
static inline void lp2p_list_remove(struct lp2p_list *node)
{
    if (node->next == NULL) {
        return;
    }
    node->prev->next = node->next;
    node->next->prev = node->prev;
    node->next = NULL;
    node->prev = NULL;
}

/* First node or NULL. */
static inline struct lp2p_list *lp2p_list_first(const struct lp2p_list *head)
{
    return head->next == head ? NULL : head->next;
}

/* The node may not be removed inside the loop; use the _safe form for that. */
#define lp2p_list_each(it, head) \
    for (struct lp2p_list *it = (head)->next; it != (head); it = it->next)

#define lp2p_list_each_safe(it, head)                                              \
    for (struct lp2p_list *it = (head)->next, *it##_next = it->next; it != (head); \
         it = it##_next, it##_next = it->next)

#endif
