#include "base/map.h"

#include "base/assert.h"
#include "lp2p/error.h"

#define MAP_FIRST 8U

void lp2p_map_init(struct lp2p_map *m, const struct lp2p_mem *mem, struct lp2p_hasher hasher,
                   size_t max)
{
    LP2P_ASSERT(max > 0);
    *m = (struct lp2p_map){.mem = mem, .hasher = hasher, .max = max};
}

void lp2p_map_fini(struct lp2p_map *m)
{
    lp2p_free(m->mem, m->slots);
    lp2p_map_init(m, m->mem, m->hasher, m->max);
}

/* The slot that holds `key`, or the free one where it would go. Needs cap > len. */
static struct lp2p_map_slot *map_slot(const struct lp2p_map *m, uint64_t hash, struct lp2p_span key)
{
    for (size_t i = (size_t)hash & (m->cap - 1);; i = (i + 1) & (m->cap - 1)) {
        struct lp2p_map_slot *s = &m->slots[i];
        if (s->value == NULL || (s->hash == hash && lp2p_span_eq(s->key, key))) {
            return s;
        }
    }
}

void *lp2p_map_find(const struct lp2p_map *m, struct lp2p_span key)
{
    if (m->len == 0) {
        return NULL;
    }
    return map_slot(m, m->hasher.hash(m->hasher.ctx, key), key)->value;
}

static int map_grow(struct lp2p_map *m)
{
    size_t cap = m->cap == 0 ? MAP_FIRST : m->cap * 2;
    struct lp2p_map_slot *slots = lp2p_calloc(m->mem, cap, sizeof(*slots));
    if (slots == NULL) {
        return -LP2P_E_NOMEM;
    }
    struct lp2p_map grown = *m;
    grown.slots = slots;
    grown.cap = cap;
    for (size_t i = 0; i < m->cap; i++) {
        const struct lp2p_map_slot *s = &m->slots[i];
        if (s->value != NULL) {
            *map_slot(&grown, s->hash, s->key) = *s;
        }
    }
    lp2p_free(m->mem, m->slots);
    *m = grown;
    return 0;
}

int lp2p_map_add(struct lp2p_map *m, struct lp2p_span key, void *value)
{
    LP2P_ASSERT(value != NULL);
    if (lp2p_map_find(m, key) != NULL) {
        return -LP2P_E_EXISTS;
    }
    if (m->len >= m->max) {
        return -LP2P_E_LIMIT;
    }
    /* At most three quarters full keeps probe runs short. */
    if ((m->len + 1) * 4 > m->cap * 3) {
        LP2P_TRY(map_grow(m));
    }
    uint64_t hash = m->hasher.hash(m->hasher.ctx, key);
    *map_slot(m, hash, key) = (struct lp2p_map_slot){.hash = hash, .key = key, .value = value};
    m->len++;
    return 0;
}

/* Closes the gap at `i` by moving back the entries whose probe run crosses it (no tombstones). */
static void map_close_gap(struct lp2p_map *m, size_t i)
{
    size_t mask = m->cap - 1;
    for (size_t j = (i + 1) & mask; m->slots[j].value != NULL; j = (j + 1) & mask) {
        size_t home = (size_t)m->slots[j].hash & mask;
        if (((j - home) & mask) >= ((j - i) & mask)) {
            m->slots[i] = m->slots[j];
            i = j;
        }
    }
    m->slots[i] = (struct lp2p_map_slot){.value = NULL};
}

void *lp2p_map_remove(struct lp2p_map *m, struct lp2p_span key)
{
    if (m->len == 0) {
        return NULL;
    }
    struct lp2p_map_slot *s = map_slot(m, m->hasher.hash(m->hasher.ctx, key), key);
    void *value = s->value;
    if (value != NULL) {
        map_close_gap(m, (size_t)(s - m->slots));
        m->len--;
    }
    return value;
}

void *lp2p_map_next(const struct lp2p_map *m, size_t *pos)
{
    while (*pos < m->cap) {
        void *value = m->slots[(*pos)++].value;
        if (value != NULL) {
            return value;
        }
    }
    return NULL;
}
