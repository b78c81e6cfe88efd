#include "harness/failmem.h"

#include "base/buf.h"
#include "lp2p/error.h"

#include "broken.h"

/* Two buffers; `leak` forgets the first when the second fails. */
static int two_buffers(const struct lp2p_mem *mem, void *ctx)
{
    const bool *leak = ctx;
    struct lp2p_buf a;
    struct lp2p_buf b;
    lp2p_buf_init(&a, mem, 1024);
    lp2p_buf_init(&b, mem, 1024);
    int err = lp2p_buf_append(&a, "first", 5);
    if (err == 0) {
        err = lp2p_buf_append(&b, "second", 6);
    }
    if (err == 0 || !*leak) {
        lp2p_buf_fini(&a);
    }
    lp2p_buf_fini(&b);
    return err;
}

static int allocates_nothing(const struct lp2p_mem *mem, void *ctx)
{
    (void)mem;
    (void)ctx;
    return 0;
}

static int other_error(const struct lp2p_mem *mem, void *ctx)
{
    (void)ctx;
    void *p = lp2p_alloc(mem, 1);
    lp2p_free(mem, p);
    return p == NULL ? -LP2P_E_INTERNAL : 0;
}

static void each_scenario(void *ctx)
{
    failmem_each(*(failmem_scenario *)ctx, NULL);
}

static void each_with_leak(void *ctx)
{
    failmem_each(two_buffers, ctx);
}

static void every_allocation_fails_in_both_ways(void **state)
{
    (void)state;
    bool leak = false;
    assert_int_equal(failmem_each(two_buffers, &leak), 2);
}

static void a_leak_is_found(void **state)
{
    (void)state;
    bool leak = true;
    assert_aborts(each_with_leak, &leak);
}

static void a_scenario_that_proves_nothing_is_refused(void **state)
{
    (void)state;
    failmem_scenario nothing = allocates_nothing;
    assert_aborts(each_scenario, &nothing);
}

static void another_error_than_no_memory_is_refused(void **state)
{
    (void)state;
    failmem_scenario other = other_error;
    assert_aborts(each_scenario, &other);
}

static void bytes_and_blocks_are_counted(void **state)
{
    (void)state;
    struct failmem f;
    failmem_init(&f, 0, false);
    void *p = lp2p_alloc(&f.mem, 100);
    p = lp2p_resize(&f.mem, p, 300, 1);
    assert_int_equal(f.bytes, 300);
    assert_int_equal(f.blocks, 1);
    assert_int_equal(f.peak, 400); /* a resize holds both */
    lp2p_free(&f.mem, p);
    failmem_check_empty(&f, "blocks");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_fails_in_both_ways),
        cmocka_unit_test(a_leak_is_found),
        cmocka_unit_test(a_scenario_that_proves_nothing_is_refused),
        cmocka_unit_test(another_error_than_no_memory_is_refused),
        cmocka_unit_test(bytes_and_blocks_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
