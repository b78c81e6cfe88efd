#include "base/pool.h"

#include <string.h>

#include "base/assert.h"

void lp2p_pool_init(struct lp2p_pool *p, const struct lp2p_mem *mem, size_t size, size_t max,
                    size_t keep)
{
    LP2P_ASSERT(size >= sizeof(void *) && max > 0);
    *p = (struct lp2p_pool){.mem = mem, .size = size, .max = max, .keep = keep};
}

static uint8_t *pool_pop(struct lp2p_pool *p)
{
    uint8_t *block = p->free_list;
    if (block != NULL) {
        memcpy(&p->free_list, block, sizeof(p->free_list));
        p->kept--;
    }
    return block;
}

void lp2p_pool_fini(struct lp2p_pool *p)
{
    LP2P_ASSERT(p->used == 0);
    for (uint8_t *block = pool_pop(p); block != NULL; block = pool_pop(p)) {
        lp2p_free(p->mem, block);
    }
}

uint8_t *lp2p_pool_get(struct lp2p_pool *p)
{
    if (p->used == p->max) {
        return NULL;
    }
    uint8_t *block = pool_pop(p);
    if (block == NULL) {
        block = lp2p_alloc(p->mem, p->size);
    }
    p->used += block != NULL;
    return block;
}

void lp2p_pool_put(struct lp2p_pool *p, uint8_t *block)
{
    if (block == NULL) {
        return;
    }
    LP2P_ASSERT(p->used > 0);
    p->used--;
    if (p->kept == p->keep) {
        lp2p_free(p->mem, block);
        return;
    }
    memcpy(block, &p->free_list, sizeof(p->free_list));
    p->free_list = block;
    p->kept++;
}
