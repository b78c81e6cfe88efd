/*
 * Whose turn it is to write. A stream that was refused waits in line; when the layer below has room
 * again the streams in line get WRITABLE one by one, and while several want to write each may send
 * one frame a turn. Who got a turn and found no room comes first the next time, so nobody starves
 * however small the room is.
 */
#ifndef LP2P_PROTO_YAMUX_TURN_H
#define LP2P_PROTO_YAMUX_TURN_H

#include "base/list.h"

enum lp2p_yamux_turn {
    LP2P_YAMUX_TURN_NONE = 0,
    LP2P_YAMUX_TURN_WAITING, /* in line */
    LP2P_YAMUX_TURN_MISSED,  /* in line, before those that were served */
    LP2P_YAMUX_TURN_GRANTED, /* got WRITABLE and has not written since */
};

/* Member of a stream. */
struct lp2p_yamux_turner {
    struct lp2p_list link;
    enum lp2p_yamux_turn turn;
    bool again; /* a granted turn went by unused and was granted once more */
};

struct lp2p_yamux_turns {
    struct lp2p_list missed;
    struct lp2p_list waiting;
    struct lp2p_list granted;
    bool awake; /* the layer below is believed to have room */
};

void lp2p_yamux_turns_init(struct lp2p_yamux_turns *t);

/* Somebody else wants to write too. */
bool lp2p_yamux_turns_compete(const struct lp2p_yamux_turns *t, const struct lp2p_yamux_turner *s);

/* `s` may write now. */
bool lp2p_yamux_turns_may(const struct lp2p_yamux_turns *t, const struct lp2p_yamux_turner *s);

/* `s` goes to the end of the line; it stays where it is when it is in line already. */
void lp2p_yamux_turns_wait(struct lp2p_yamux_turns *t, struct lp2p_yamux_turner *s);

/* `s` found no room: nobody is called before the next wake. */
void lp2p_yamux_turns_miss(struct lp2p_yamux_turns *t, struct lp2p_yamux_turner *s);

/* `s` wants nothing, or used its turn. */
void lp2p_yamux_turns_leave(struct lp2p_yamux_turner *s);

/* There is room. Turns that were granted and not used are granted once more, then they are void:
 * their user may have been slow, or wants nothing any more. */
void lp2p_yamux_turns_wake(struct lp2p_yamux_turns *t);

/* Grants the next turn, or NULL. */
struct lp2p_yamux_turner *lp2p_yamux_turns_next(struct lp2p_yamux_turns *t);

#endif
