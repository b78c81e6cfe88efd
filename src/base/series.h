/*
 * A list whose members are numbered in the order of their coming, so that a walk may stop, let
 * members come and go, and go on: the position is a number, never a pointer.
 *
 * A step costs O(1) while one walk is under way, and O(n) when two take turns.
 */
#ifndef LP2P_BASE_SERIES_H
#define LP2P_BASE_SERIES_H

#include <stdint.h>

#include "base/list.h"

struct lp2p_series_node {
    struct lp2p_list node;
    uint64_t number; /* from 1 */
};

struct lp2p_series {
    struct lp2p_list list;
    uint64_t last; /* highest number given */
    /* Where the last step of a walk went. */
    uint64_t walked;              /* number of that member */
    const struct lp2p_list *next; /* behind it */
};

void lp2p_series_init(struct lp2p_series *s);
/* At the end, with the next number. */
void lp2p_series_add(struct lp2p_series *s, struct lp2p_series_node *n);
/* Does nothing for one that is in no series. */
void lp2p_series_remove(struct lp2p_series *s, struct lp2p_series_node *n);

/* The first member behind position `*pos` (0: the first of all), whose number `*pos` becomes; NULL
 * at the end. Members that go during a walk are not met, those that come are. */
struct lp2p_series_node *lp2p_series_next(struct lp2p_series *s, size_t *pos);

#endif
