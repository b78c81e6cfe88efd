#include "base/scope.h"

#include "base/assert.h"
#include "lp2p/error.h"

void lp2p_scope_init(struct lp2p_scope *s, struct lp2p_scope *parent)
{
    *s = (struct lp2p_scope){.parent = parent};
    for (size_t i = 0; i < LP2P_SCOPE_KINDS; i++) {
        s->max[i] = UINT64_MAX;
    }
}

void lp2p_scope_fini(struct lp2p_scope *s)
{
    for (size_t i = 0; i < LP2P_SCOPE_KINDS; i++) {
        LP2P_ASSERT(s->used[i] == 0);
    }
    s->parent = NULL;
}

uint64_t lp2p_scope_room(const struct lp2p_scope *s, enum lp2p_scope_kind kind)
{
    uint64_t room = UINT64_MAX;
    for (; s != NULL; s = s->parent) {
        /* A maximum may have been lowered below what is used. */
        uint64_t here = s->used[kind] < s->max[kind] ? s->max[kind] - s->used[kind] : 0;
        room = LP2P_MIN(room, here);
    }
    return room;
}

bool lp2p_scope_can_spare(const struct lp2p_scope *s, enum lp2p_scope_kind kind, uint64_t n)
{
    for (; s != NULL; s = s->parent) {
        uint64_t half = s->max[kind] / 2;
        if (s->used[kind] > half || n > half - s->used[kind]) {
            return false;
        }
    }
    return true;
}

static void scope_add(struct lp2p_scope *s, enum lp2p_scope_kind kind, uint64_t n)
{
    for (; s != NULL; s = s->parent) {
        s->used[kind] += n;
    }
}

int lp2p_scope_reserve(struct lp2p_scope *s, enum lp2p_scope_kind kind, uint64_t n)
{
    if (lp2p_scope_room(s, kind) < n) {
        return -LP2P_E_LIMIT;
    }
    scope_add(s, kind, n);
    return 0;
}

void lp2p_scope_release(struct lp2p_scope *s, enum lp2p_scope_kind kind, uint64_t n)
{
    for (; s != NULL; s = s->parent) {
        LP2P_ASSERT(s->used[kind] >= n);
        s->used[kind] -= n;
    }
}

int lp2p_scope_move(struct lp2p_scope *s, struct lp2p_scope *parent)
{
    struct lp2p_scope *old = s->parent;
    int err = 0;
    for (int i = 0; i < LP2P_SCOPE_KINDS && old != NULL; i++) {
        lp2p_scope_release(old, (enum lp2p_scope_kind)i, s->used[i]);
    }
    for (int i = 0; i < LP2P_SCOPE_KINDS && parent != NULL; i++) {
        if (lp2p_scope_room(parent, (enum lp2p_scope_kind)i) < s->used[i]) {
            err = -LP2P_E_LIMIT;
        }
    }
    s->parent = err == 0 ? parent : old;
    for (int i = 0; i < LP2P_SCOPE_KINDS; i++) {
        scope_add(s->parent, (enum lp2p_scope_kind)i, s->used[i]);
    }
    return err;
}
