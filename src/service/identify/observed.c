#include "service/identify/observed.h"

#include "base/assert.h"

#include <string.h>

static struct lp2p_observed_addr *addr_of(struct lp2p_list *node)
{
    return LP2P_CONTAINER(node, struct lp2p_observed_addr, node);
}

void lp2p_observed_init(struct lp2p_observed *o, const struct lp2p_mem *mem)
{
    *o = (struct lp2p_observed){.mem = mem};
    lp2p_list_init(&o->addrs);
}

static void addr_drop(struct lp2p_observed *o, struct lp2p_observed_addr *a)
{
    lp2p_list_remove(&a->node);
    o->n--;
    lp2p_free(o->mem, a);
}

void lp2p_observed_fini(struct lp2p_observed *o)
{
    lp2p_list_each_safe (it, &o->addrs) {
        addr_drop(o, addr_of(it));
    }
}

/* ---- what may be believed ---- */

/* 64:ff9b::/96 (RFC 6052): the address is the observer's network's, nobody else can reach it. */
static bool is_nat64(const struct lp2p_endpoint *e)
{
    static const uint8_t well_known[16] = {0, 0x64, 0xff, 0x9b};
    struct lp2p_endpoint net = lp2p_endpoint_ip6(well_known, 0);
    return lp2p_endpoint_in_prefix(e, &net, 96);
}

static bool is_visible(const struct lp2p_endpoint *e)
{
    return (lp2p_endpoint_is_public(e) || lp2p_endpoint_is_private(e)) && !is_nat64(e);
}

bool lp2p_observation_is_plausible(const struct lp2p_observation *w)
{
    bool unchanged = lp2p_endpoint_same_ip(&w->seen, &w->local) && w->seen.port == w->local.port;
    return is_visible(&w->seen) && is_visible(&w->observer) && !unchanged &&
           w->seen.family == w->local.family && (w->seen.port == 0) == (w->local.port == 0) &&
           lp2p_endpoint_is_public(&w->seen) == lp2p_endpoint_is_public(&w->observer);
}

/* ---- rows ---- */

static void group_of(const struct lp2p_endpoint *e, uint8_t ret[static 8])
{
    memset(ret, 0, 8);
    ret[0] = (uint8_t)e->family;
    memcpy(ret + 1, e->ip, e->family == LP2P_FAMILY_IP4 ? 4 : 7);
}

static struct lp2p_observed_by *find_by(struct lp2p_observed_addr *a,
                                        const struct lp2p_endpoint *observer)
{
    uint8_t group[8];
    group_of(observer, group);
    for (size_t i = 0; i < a->n_by; i++) {
        if (memcmp(a->by[i].group, group, sizeof(group)) == 0) {
            return &a->by[i];
        }
    }
    return NULL;
}

static struct lp2p_observed_addr *find_addr(const struct lp2p_observed *o,
                                            const struct lp2p_observation *w)
{
    lp2p_list_each (it, &o->addrs) {
        struct lp2p_observed_addr *a = addr_of(it);
        if (lp2p_endpoint_eq(&a->local, &w->local) && lp2p_endpoint_eq(&a->seen, &w->seen)) {
            return a;
        }
    }
    return NULL;
}

/* True when it has been activated by the change, or is no longer. */
static bool addr_judge(struct lp2p_observed *o, struct lp2p_observed_addr *a)
{
    bool enough = a->n_by >= LP2P_OBSERVED_QUOTA;
    if (enough == (a->activated != 0)) {
        return false;
    }
    a->activated = enough ? ++o->activations : 0;
    return true;
}

/* The address may be gone when it returns. */
static bool drop_by(struct lp2p_observed *o, struct lp2p_observed_addr *a,
                    struct lp2p_observed_by *by)
{
    *by = a->by[--a->n_by];
    bool changed = addr_judge(o, a);
    if (a->n_by == 0) {
        addr_drop(o, a);
    }
    return changed;
}

/* Room for one more: of those that are not activated the one with fewest observers, of these the
 * oldest, gives way. */
static bool make_room(struct lp2p_observed *o)
{
    struct lp2p_observed_addr *least = NULL;
    if (o->n < LP2P_OBSERVED_MAX) {
        return true;
    }
    lp2p_list_each (it, &o->addrs) {
        struct lp2p_observed_addr *a = addr_of(it);
        if (a->activated == 0 && (least == NULL || a->n_by < least->n_by)) {
            least = a;
        }
    }
    if (least == NULL) {
        return false;
    }
    addr_drop(o, least);
    return true;
}

static struct lp2p_observed_addr *get_addr(struct lp2p_observed *o,
                                           const struct lp2p_observation *w)
{
    struct lp2p_observed_addr *a = find_addr(o, w);
    if (a != NULL || !make_room(o)) {
        return a;
    }
    a = lp2p_calloc(o->mem, 1, sizeof(*a));
    if (a == NULL) {
        return NULL;
    }
    a->local = w->local;
    a->seen = w->seen;
    lp2p_list_add_last(&o->addrs, &a->node);
    o->n++;
    return a;
}

/* A place for an observer: of those without a connection the one that ends first gives way. */
static struct lp2p_observed_by *get_by(struct lp2p_observed_addr *a)
{
    struct lp2p_observed_by *first = NULL;
    if (a->n_by < LP2P_OBSERVED_BY_MAX) {
        return &a->by[a->n_by++];
    }
    for (size_t i = 0; i < a->n_by; i++) {
        struct lp2p_observed_by *by = &a->by[i];
        if (by->conns == 0 && (first == NULL || by->until < first->until)) {
            first = by;
        }
    }
    return first;
}

/* What the observer said of the same endpoint before is no more its word. */
static bool withdraw_others(struct lp2p_observed *o, const struct lp2p_observation *w)
{
    bool changed = false;
    lp2p_list_each_safe (it, &o->addrs) {
        struct lp2p_observed_addr *a = addr_of(it);
        struct lp2p_observed_by *by = find_by(a, &w->observer);
        if (by != NULL && lp2p_endpoint_eq(&a->local, &w->local) &&
            !lp2p_endpoint_eq(&a->seen, &w->seen)) {
            changed = drop_by(o, a, by) || changed;
        }
    }
    return changed;
}

bool lp2p_observed_add(struct lp2p_observed *o, const struct lp2p_observation *w)
{
    LP2P_ASSERT(lp2p_observation_is_plausible(w));
    bool changed = withdraw_others(o, w);
    struct lp2p_observed_addr *a = get_addr(o, w);
    if (a == NULL) {
        return changed;
    }
    struct lp2p_observed_by *by = find_by(a, &w->observer);
    if (by == NULL) {
        by = get_by(a);
        if (by == NULL) {
            return changed;
        }
        *by = (struct lp2p_observed_by){.conns = 0};
        group_of(&w->observer, by->group);
    }
    by->conns++;
    by->inbound = by->inbound || w->inbound;
    return addr_judge(o, a) || changed;
}

void lp2p_observed_release(struct lp2p_observed *o, const struct lp2p_observation *w, lp2p_ts now)
{
    struct lp2p_observed_addr *a = find_addr(o, w);
    struct lp2p_observed_by *by = a == NULL ? NULL : find_by(a, &w->observer);
    if (by == NULL || by->conns == 0) {
        return; /* it found no room, or was withdrawn */
    }
    by->conns--;
    by->until = now + LP2P_OBSERVED_TTL;
}

bool lp2p_observed_keep(struct lp2p_observed *o,
                        bool (*is_ours)(void *ctx, const struct lp2p_endpoint *local), void *ctx)
{
    bool changed = false;
    lp2p_list_each_safe (it, &o->addrs) {
        struct lp2p_observed_addr *a = addr_of(it);
        if (a->local.port != 0 && !is_ours(ctx, &a->local)) {
            changed = changed || a->activated != 0;
            addr_drop(o, a);
        }
    }
    return changed;
}

/* ---- time ---- */

static bool addr_expire(struct lp2p_observed *o, struct lp2p_observed_addr *a, lp2p_ts now)
{
    bool changed = false;
    for (size_t i = a->n_by; i-- > 0;) {
        bool last = a->n_by == 1;
        if (a->by[i].conns == 0 && a->by[i].until <= now) {
            changed = drop_by(o, a, &a->by[i]) || changed;
            if (last) {
                return changed;
            }
        }
    }
    return changed;
}

bool lp2p_observed_expire(struct lp2p_observed *o, lp2p_ts now)
{
    bool changed = false;
    lp2p_list_each_safe (it, &o->addrs) {
        changed = addr_expire(o, addr_of(it), now) || changed;
    }
    return changed;
}

lp2p_ts lp2p_observed_deadline(const struct lp2p_observed *o)
{
    lp2p_ts first = LP2P_TS_NEVER;
    lp2p_list_each (it, &o->addrs) {
        const struct lp2p_observed_addr *a = addr_of(it);
        for (size_t i = 0; i < a->n_by; i++) {
            first = a->by[i].conns == 0 ? LP2P_MIN(first, a->by[i].until) : first;
        }
    }
    return first;
}

/* ---- queries ---- */

const struct lp2p_observed_addr *lp2p_observed_next(const struct lp2p_observed *o, size_t *pos)
{
    size_t i = 0;
    lp2p_list_each (it, &o->addrs) {
        if (i++ == *pos) {
            (*pos)++;
            return addr_of(it);
        }
    }
    return NULL;
}

size_t lp2p_observed_inbound(const struct lp2p_observed_addr *a)
{
    size_t n = 0;
    for (size_t i = 0; i < a->n_by; i++) {
        n += a->by[i].inbound;
    }
    return n;
}

bool lp2p_observed_is_announced(const struct lp2p_observed *o, const struct lp2p_observed_addr *a)
{
    size_t older = 0;
    lp2p_list_each (it, &o->addrs) {
        const struct lp2p_observed_addr *b = addr_of(it);
        older += b->activated != 0 && b->activated < a->activated &&
                 lp2p_endpoint_eq(&a->local, &b->local);
    }
    return a->activated != 0 && a->seen.port != 0 && lp2p_endpoint_is_public(&a->seen) &&
           older < LP2P_OBSERVED_ANNOUNCED_MAX;
}
