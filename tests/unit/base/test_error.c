#include "lp2p/error.h"

#include "cmocka_all.h"

static void every_error_has_a_name_and_a_text(void **state)
{
    (void)state;
    for (int i = 0; i < LP2P_E_COUNT; i++) {
        assert_true(strlen(lp2p_error_name(-i)) > 0);
        assert_true(strlen(lp2p_error_text(i)) > 0);
    }
    assert_string_equal(lp2p_error_name(-LP2P_E_TIMEOUT), "TIMEOUT");
}

static void unknown_codes_are_internal_errors(void **state)
{
    (void)state;
    assert_string_equal(lp2p_error_name(-100000), "INTERNAL");
    assert_string_equal(lp2p_error_name(INT32_MIN), "INTERNAL");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_error_has_a_name_and_a_text),
        cmocka_unit_test(unknown_codes_are_internal_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
