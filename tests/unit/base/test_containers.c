/* list, map, heap, ring: what holds things. */
#include "cmocka_all.h"

#include "base/assert.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/map.h"
#include "base/ring.h"
#include "base/series.h"
#include "lp2p/error.h"

#include <stdio.h>

/* A hash that collides on purpose: probing and removal are what is tested. */
static uint64_t bad_hash(const void *ctx, struct lp2p_span key)
{
    (void)ctx;
    return key.n > 0 ? key.p[0] & 3U : 0;
}

struct entry {
    char name[8];
};

static void map_agrees_with_a_plain_array(void **state)
{
    (void)state;
    static struct entry all[200];
    bool in[200] = {false};
    struct lp2p_map m;
    lp2p_map_init(&m, lp2p_mem_default(), (struct lp2p_hasher){.hash = bad_hash}, 1000);
    for (size_t i = 0; i < 200; i++) {
        snprintf(all[i].name, sizeof(all[i].name), "%03zu", i);
    }
    uint32_t seed = 7;
    size_t count = 0;
    for (size_t step = 0; step < 20000; step++) {
        seed = seed * 1664525U + 1013904223U;
        size_t i = (seed >> 8) % 200;
        struct lp2p_span key = lp2p_span_str(all[i].name);
        if ((seed >> 28) < 9) {
            int err = lp2p_map_add(&m, key, &all[i]);
            assert_int_equal(err, in[i] ? -LP2P_E_EXISTS : 0);
            count += !in[i];
            in[i] = true;
        } else {
            void *value = lp2p_map_remove(&m, key);
            assert_ptr_equal(value, in[i] ? &all[i] : NULL);
            count -= in[i];
            in[i] = false;
        }
        assert_int_equal(m.len, count);
    }
    for (size_t i = 0; i < 200; i++) {
        assert_ptr_equal(lp2p_map_find(&m, lp2p_span_str(all[i].name)), in[i] ? &all[i] : NULL);
    }
    size_t walked = 0;
    for (size_t pos = 0; lp2p_map_next(&m, &pos) != NULL;) {
        walked++;
    }
    assert_int_equal(walked, count);
    lp2p_map_fini(&m);
}

static void map_stops_at_its_maximum(void **state)
{
    (void)state;
    struct entry a[3] = {{"a"}, {"b"}, {"c"}};
    struct lp2p_map m;
    lp2p_map_init(&m, lp2p_mem_default(), (struct lp2p_hasher){.hash = bad_hash}, 2);
    assert_int_equal(lp2p_map_add(&m, lp2p_span_str("a"), &a[0]), 0);
    assert_int_equal(lp2p_map_add(&m, lp2p_span_str("b"), &a[1]), 0);
    assert_int_equal(lp2p_map_add(&m, lp2p_span_str("c"), &a[2]), -LP2P_E_LIMIT);
    lp2p_map_fini(&m);
}

static void heap_gives_the_earliest_first(void **state)
{
    (void)state;
    static struct lp2p_heap_node nodes[500];
    struct lp2p_heap h;
    lp2p_heap_init(&h, lp2p_mem_default());
    uint32_t seed = 3;
    for (size_t i = 0; i < 500; i++) {
        seed = seed * 1664525U + 1013904223U;
        assert_int_equal(lp2p_heap_add(&h, &nodes[i], (seed >> 10) % 50), 0);
    }
    for (size_t i = 0; i < 500; i += 3) {
        lp2p_heap_remove(&h, &nodes[i]);
        lp2p_heap_remove(&h, &nodes[i]); /* twice is once */
    }
    lp2p_ts last = 0;
    uint64_t last_order = 0;
    size_t n = 0;
    for (struct lp2p_heap_node *f = lp2p_heap_first(&h); f != NULL; f = lp2p_heap_first(&h)) {
        assert_true(f->at > last || (f->at == last && (n == 0 || f->order > last_order)));
        last = f->at;
        last_order = f->order;
        lp2p_heap_remove(&h, f);
        n++;
    }
    assert_int_equal(n, 500 - 167);
    lp2p_heap_fini(&h);
}

static void ring_keeps_order_across_growth(void **state)
{
    (void)state;
    struct lp2p_ring r;
    lp2p_ring_init(&r, lp2p_mem_default(), sizeof(int), 10);
    int in = 0;
    int out = 0;
    for (int round = 0; round < 50; round++) {
        while (lp2p_ring_push(&r, &in) == 0) {
            in++;
        }
        assert_int_equal(r.len, 10);
        for (int k = 0; k < 7; k++) {
            int got = -1;
            assert_true(lp2p_ring_pop(&r, &got));
            assert_int_equal(got, out++);
        }
    }
    assert_int_equal(lp2p_ring_reserve(&r, 8), -LP2P_E_LIMIT);
    lp2p_ring_fini(&r);
}

static void list_takes_out_what_it_walks(void **state)
{
    (void)state;
    struct lp2p_list head;
    struct lp2p_list nodes[4] = {{NULL, NULL}};
    lp2p_list_init(&head);
    for (size_t i = 0; i < 4; i++) {
        assert_false(lp2p_list_is_linked(&nodes[i]));
        lp2p_list_add_last(&head, &nodes[i]);
    }
    size_t n = 0;
    lp2p_list_each_safe (it, &head) {
        assert_ptr_equal(it, &nodes[n++]);
        lp2p_list_remove(it);
        lp2p_list_remove(it);
    }
    assert_int_equal(n, 4);
    assert_true(lp2p_list_is_empty(&head));
    assert_null(lp2p_list_first(&head));
}

/* Two walks in turns over a series that changes: each meets every member that stays once, in
 * order, and none that is gone. */
static void walks_go_on_while_members_come_and_go(void **state)
{
    (void)state;
    static struct lp2p_series_node all[400];
    struct lp2p_series s;
    lp2p_series_init(&s);
    size_t pos[2] = {0, 0};
    assert_null(lp2p_series_next(&s, &pos[0]));
    size_t come = 0;
    uint32_t seed = 11;
    for (size_t step = 0; step < 4000; step++) {
        seed = seed * 1664525U + 1013904223U;
        unsigned what = (seed >> 20) % 8;
        if (what < 3 && come < LP2P_COUNT(all)) {
            lp2p_series_add(&s, &all[come++]);
        } else if (what == 3 && come > 0) {
            lp2p_series_remove(&s, &all[(seed >> 8) % come]);
        } else {
            size_t *at = &pos[what % 2];
            size_t before = *at;
            const struct lp2p_series_node *n = lp2p_series_next(&s, at);
            size_t want = before;
            while (want < come && !lp2p_list_is_linked(&all[want].node)) {
                want++;
            }
            assert_ptr_equal(n, want < come ? &all[want] : NULL);
            assert_int_equal(*at, want < come ? want + 1 : before);
        }
    }
    assert_int_equal(come, LP2P_COUNT(all));
    assert_true(pos[0] > 100 && pos[1] > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(map_agrees_with_a_plain_array),
        cmocka_unit_test(map_stops_at_its_maximum),
        cmocka_unit_test(heap_gives_the_earliest_first),
        cmocka_unit_test(ring_keeps_order_across_growth),
        cmocka_unit_test(list_takes_out_what_it_walks),
        cmocka_unit_test(walks_go_on_while_members_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
