/* Files of the model that cannot be read: what becomes of them (app/main/files.c). */
#include "main/app.h"

#include "temp.h"

#include "cmocka_all.h"

#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

struct rig {
    struct temp t;
    struct whtnxt_paths paths;
    struct whtnxt_app_cfg cfg;
    struct whtnxt_app app;
    struct lp2p_random random;
};

static void fill(void *ctx, uint8_t *p, size_t n)
{
    (void)ctx;
    memset(p, 7, n);
}

static void rig_open(struct rig *r)
{
    *r = (struct rig){.random = {.fill = fill}};
    temp_init(&r->t);
    snprintf(r->paths.state, sizeof(r->paths.state), "%s", r->t.folder);
    snprintf(r->paths.config, sizeof(r->paths.config), "%s", r->t.folder);
    r->cfg.paths = &r->paths;
    r->app.cfg = &r->cfg;
    struct whtnxt_model_cfg cfg = {.mem = lp2p_mem_default(),
                                   .random = &r->random,
                                   .version = "0.1.0",
                                   .now = 1000,
                                   .wall = 1700000000000U};
    assert_int_equal(whtnxt_model_new(&cfg, &r->app.model), 0);
}

static void rig_close(struct rig *r)
{
    whtnxt_model_free(r->app.model);
    temp_fini(&r->t);
}

static void expect(const struct rig *r, const char *name, const char *content)
{
    char got[64] = "";
    FILE *f = fopen(temp_path(&r->t, name), "r");
    assert_non_null(f);
    size_t n = fread(got, 1, sizeof(got) - 1, f);
    got[n] = '\0';
    fclose(f);
    assert_string_equal(got, content);
}

static bool is_there(const struct rig *r, const char *name)
{
    struct stat st;
    return lstat(temp_path(&r->t, name), &st) == 0;
}

static void what_was_put_aside_is_kept(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    temp_write(&r.t, "peers.json", "third", 5);
    temp_write(&r.t, "peers.json.damaged", "first", 5);
    assert_int_equal(mkdir(temp_path(&r.t, "peers.json.damaged.2"), 0700), 0);
    whtnxt_files_load(&r.app, 1000);
    assert_false(is_there(&r, "peers.json"));
    expect(&r, "peers.json.damaged", "first");
    expect(&r, "peers.json.damaged.3", "third");
    whtnxt_files_save_peers(&r.app, 1000);
    assert_true(is_there(&r, "peers.json"));
    rig_close(&r);
}

/* Without a descriptor to read it by it is not the file that is wrong. */
static void a_bad_moment_is_no_damage(void **state)
{
    (void)state;
    struct rig r;
    struct rlimit before;
    rig_open(&r);
    temp_write(&r.t, "peers.json", "whole", 5);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct rlimit none = {.rlim_cur = 0, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    whtnxt_files_load(&r.app, 1000);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    expect(&r, "peers.json", "whole");
    assert_false(is_there(&r, "peers.json.damaged"));
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_aside_is_kept),
        cmocka_unit_test(a_bad_moment_is_no_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
