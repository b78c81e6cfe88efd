/* The command or option that a mistyped word may have meant. */
#include "cmocka_all.h"

#include "cli/cli.h"

const struct command *cli_commands(size_t *ret_n)
{
    static const struct command commands[] = {
        {.name = "up"},         {.name = "down"},  {.name = "connect"},
        {.name = "disconnect"}, {.name = "peers"}, {.name = "log"},
    };
    *ret_n = sizeof(commands) / sizeof(commands[0]);
    return commands;
}

static void test_distance(void **state)
{
    (void)state;
    assert_int_equal(cli_distance("", ""), 0);
    assert_int_equal(cli_distance("", "log"), 3);
    assert_int_equal(cli_distance("connect", "connect"), 0);
    assert_int_equal(cli_distance("conect", "connect"), 1);
    assert_int_equal(cli_distance("connnect", "connect"), 1);
    assert_int_equal(cli_distance("connact", "connect"), 1);
    assert_int_equal(cli_distance("cnonect", "connect"), 1);
    assert_int_equal(cli_distance("peers", "log"), 5);
}

static void test_nearest(void **state)
{
    (void)state;
    assert_string_equal(cli_nearest("conect"), "connect");
    assert_string_equal(cli_nearest("disconect"), "disconnect");
    assert_string_equal(cli_nearest("donw"), "down");
    assert_string_equal(cli_nearest("peer"), "peers");
    assert_string_equal(cli_nearest("logs"), "log");
}

static void test_none(void **state)
{
    (void)state;
    assert_null(cli_nearest("bogus"));
    assert_null(cli_nearest(""));
    assert_null(cli_nearest("x"));
    /* Two slips of a word of two letters are another word. */
    assert_null(cli_nearest("xy"));
    assert_null(cli_nearest("connectconnectconnect"));
}

static void test_options(void **state)
{
    (void)state;
    static const struct option table[] = {
        {"json", no_argument, NULL, 'j'}, {"follow", no_argument, NULL, 'f'}, {NULL, 0, NULL, 0}};
    assert_string_equal(cli_nearest_option("jsno", table), "json");
    assert_string_equal(cli_nearest_option("folow", table), "follow");
    assert_null(cli_nearest_option("watch", table));
    assert_null(cli_nearest_option("", table));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distance),
        cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
