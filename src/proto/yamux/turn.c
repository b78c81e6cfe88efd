#include "proto/yamux/turn.h"

#include "base/assert.h"

void lp2p_yamux_turns_init(struct lp2p_yamux_turns *t)
{
    lp2p_list_init(&t->missed);
    lp2p_list_init(&t->waiting);
    lp2p_list_init(&t->granted);
    t->awake = true;
}

static bool list_has_other(const struct lp2p_list *head, const struct lp2p_list *node)
{
    return head->next != head && (head->next != node || node->next != head);
}

bool lp2p_yamux_turns_compete(const struct lp2p_yamux_turns *t, const struct lp2p_yamux_turner *s)
{
    return list_has_other(&t->missed, &s->link) || list_has_other(&t->waiting, &s->link) ||
           list_has_other(&t->granted, &s->link);
}

bool lp2p_yamux_turns_may(const struct lp2p_yamux_turns *t, const struct lp2p_yamux_turner *s)
{
    return s->turn == LP2P_YAMUX_TURN_GRANTED || !lp2p_yamux_turns_compete(t, s);
}

static void turner_move(struct lp2p_list *to, struct lp2p_yamux_turner *s,
                        enum lp2p_yamux_turn turn)
{
    lp2p_list_remove(&s->link);
    lp2p_list_add_last(to, &s->link);
    s->turn = turn;
}

void lp2p_yamux_turns_wait(struct lp2p_yamux_turns *t, struct lp2p_yamux_turner *s)
{
    if (s->turn == LP2P_YAMUX_TURN_NONE || s->turn == LP2P_YAMUX_TURN_GRANTED) {
        turner_move(&t->waiting, s, LP2P_YAMUX_TURN_WAITING);
    }
}

void lp2p_yamux_turns_miss(struct lp2p_yamux_turns *t, struct lp2p_yamux_turner *s)
{
    t->awake = false;
    if (s->turn == LP2P_YAMUX_TURN_GRANTED) {
        turner_move(&t->missed, s, LP2P_YAMUX_TURN_MISSED);
        return;
    }
    lp2p_yamux_turns_wait(t, s);
}

void lp2p_yamux_turns_leave(struct lp2p_yamux_turner *s)
{
    lp2p_list_remove(&s->link);
    s->turn = LP2P_YAMUX_TURN_NONE;
    s->again = false;
}

void lp2p_yamux_turns_wake(struct lp2p_yamux_turns *t)
{
    t->awake = true;
    for (struct lp2p_list *it; (it = lp2p_list_first(&t->granted)) != NULL;) {
        struct lp2p_yamux_turner *s = LP2P_CONTAINER(it, struct lp2p_yamux_turner, link);
        if (s->again) {
            lp2p_yamux_turns_leave(s);
        } else {
            s->again = true;
            turner_move(&t->missed, s, LP2P_YAMUX_TURN_MISSED);
        }
    }
}

struct lp2p_yamux_turner *lp2p_yamux_turns_next(struct lp2p_yamux_turns *t)
{
    if (!t->awake) {
        return NULL;
    }
    struct lp2p_list *first = lp2p_list_first(&t->missed);
    if (first == NULL) {
        first = lp2p_list_first(&t->waiting);
    }
    if (first == NULL) {
        return NULL;
    }
    struct lp2p_yamux_turner *s = LP2P_CONTAINER(first, struct lp2p_yamux_turner, link);
    turner_move(&t->granted, s, LP2P_YAMUX_TURN_GRANTED);
    return s;
}
