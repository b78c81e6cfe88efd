/* Profiles and where their files are. */
#include "ipc/paths.h"

#include "cmocka_all.h"
#include "lp2p/error.h"

/* An environment: pairs of name and value, NULL at the end. */
static const char *env_of(void *ctx, const char *name)
{
    const char *const *pairs = ctx;
    for (size_t i = 0; pairs[i] != NULL; i += 2) {
        if (strcmp(pairs[i], name) == 0) {
            return pairs[i + 1];
        }
    }
    return NULL;
}

static void profiles(void **state)
{
    (void)state;
    static const char *const good[] = {"default", "a", "0", "a-b_c9",
                                       "abcdefghijklmnopqrstuvwxyz012345"};
    static const char *const bad[] = {"",
                                      "A",
                                      "-a",
                                      "_a",
                                      "a/b",
                                      "..",
                                      ".",
                                      "a b",
                                      "a\n",
                                      "\xc3\xa4",
                                      "abcdefghijklmnopqrstuvwxyz0123456"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(whtnxt_profile_is_valid(good[i]));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(whtnxt_profile_is_valid(bad[i]));
    }
}

static void choosing(void **state)
{
    (void)state;
    const char *none[] = {NULL};
    const char *b[] = {"WHTNXT_PROFILE", "b", NULL};
    const char *bad[] = {"WHTNXT_PROFILE", "../b", NULL};
    const char *empty[] = {"WHTNXT_PROFILE", "", NULL};
    const char *p = NULL;
    assert_int_equal(whtnxt_profile_choose(NULL, env_of, none, &p), 0);
    assert_string_equal(p, "default");
    assert_int_equal(whtnxt_profile_choose(NULL, env_of, b, &p), 0);
    assert_string_equal(p, "b");
    assert_int_equal(whtnxt_profile_choose("a", env_of, b, &p), 0);
    assert_string_equal(p, "a");
    assert_int_equal(whtnxt_profile_choose(NULL, env_of, bad, &p), -LP2P_E_INVAL);
    assert_int_equal(whtnxt_profile_choose(NULL, env_of, empty, &p), -LP2P_E_INVAL);
    assert_int_equal(whtnxt_profile_choose("", env_of, none, &p), -LP2P_E_INVAL);
    assert_string_equal(p, "a");
}

static void xdg(void **state)
{
    (void)state;
    static struct whtnxt_paths p;
    const char *all[] = {"XDG_RUNTIME_DIR",
                         "/run/user/7",
                         "XDG_DATA_HOME",
                         "/d",
                         "XDG_STATE_HOME",
                         "/s",
                         "XDG_CONFIG_HOME",
                         "/c",
                         NULL};
    const char *none[] = {NULL};
    const char *relative[] = {"XDG_RUNTIME_DIR", "run", "XDG_DATA_HOME", "", NULL};
    assert_int_equal(whtnxt_paths_init(&p, "a", NULL, env_of, all), 0);
    assert_string_equal(p.socket, "/run/user/7/whtnxt/a/control.sock");
    assert_string_equal(p.data, "/d/whtnxt/a");
    assert_string_equal(p.state, "/s/whtnxt/a");
    assert_string_equal(p.config, "/c/whtnxt/a");
    assert_int_equal(whtnxt_paths_init(&p, "a", "/home/x", env_of, none), 0);
    assert_string_equal(p.socket, "/home/x/.local/state/whtnxt/a/run/control.sock");
    assert_string_equal(p.data, "/home/x/.local/share/whtnxt/a");
    assert_string_equal(p.config, "/home/x/.config/whtnxt/a");
    assert_int_equal(whtnxt_paths_init(&p, "a", "/home/x", env_of, relative), 0);
    assert_string_equal(p.run, "/home/x/.local/state/whtnxt/a/run");
    assert_int_equal(whtnxt_paths_init(&p, "a", NULL, env_of, none), -LP2P_E_INVAL);
    assert_int_equal(whtnxt_paths_init(&p, "a", "home", env_of, none), -LP2P_E_INVAL);
}

static void too_long(void **state)
{
    (void)state;
    static struct whtnxt_paths p;
    static char home[WHTNXT_PATH_SIZE];
    const char *none[] = {NULL};
    memset(home, 'x', sizeof(home) - 1);
    home[0] = '/';
    assert_int_equal(whtnxt_paths_init(&p, "a", home, env_of, none), -LP2P_E_TOO_LONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(profiles),
        cmocka_unit_test(choosing),
        cmocka_unit_test(xdg),
        cmocka_unit_test(too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
