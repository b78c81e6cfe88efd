/* Saving a file over a disk that loses power after every step (SECURITY 4.2). */
#include "main/store/file.h"

#include "base/assert.h"
#include "simdisk.h"

#include "cmocka_all.h"

#define PATH "/state/peers.json"

static const char old_text[] = "{\"version\":1,\"peers\":[\"old\"]}";
static const char new_text[] = "{\"version\":1,\"peers\":[\"new\",\"and longer\"]}";

static void start(struct simdisk *d, bool has_old)
{
    simdisk_init(d);
    assert_int_equal(d->disk.make_folder(d, "/state"), 0);
    if (has_old) {
        simdisk_put(d, PATH, old_text, sizeof(old_text));
    }
    simdisk_restart(d);
}

static int save(struct simdisk *d, const char *text, size_t n, bool keep)
{
    return whtnxt_file_save(&d->disk, PATH, (const uint8_t *)text, n, keep);
}

static bool holds(struct simdisk *d, const char *text, size_t n)
{
    uint8_t room[SIMDISK_SIZE];
    size_t got = 0;
    struct whtnxt_file_info info;
    int err = whtnxt_file_read(&d->disk, PATH, (struct lp2p_mspan){room, sizeof(room)}, &got,
                               &info);
    return err == 0 && got == n && memcmp(room, text, n) == 0;
}

static bool holds_old(struct simdisk *d)
{
    return holds(d, old_text, sizeof(old_text));
}

static bool holds_new(struct simdisk *d)
{
    return holds(d, new_text, sizeof(new_text));
}

/* One life that ends after `steps` steps, and what is there afterwards. */
static int one_loss(struct simdisk *d, bool has_old, int steps, enum simdisk_loss loss,
                    unsigned names)
{
    bool lies = d->lies;
    start(d, has_old);
    d->lies = lies;
    d->die_at = steps;
    int err = save(d, new_text, sizeof(new_text), !has_old);
    simdisk_power_loss(d, loss, names);
    return err;
}

/* Every step, every fate of the bytes and of the folder's changes; counts the states seen. */
static size_t all_losses(struct simdisk *d, bool has_old, size_t *ret_neither)
{
    size_t states = 0;
    *ret_neither = 0;
    for (int steps = 0;; steps++) {
        int err = -1;
        for (int loss = 0; loss < SIMDISK_LOSSES; loss++) {
            for (unsigned names = 0; names < 16; names++, states++) {
                err = one_loss(d, has_old, steps, (enum simdisk_loss)loss, names);
                bool is_old = has_old ? holds_old(d) : simdisk_at(d, PATH) == NULL;
                bool is_new = holds_new(d);
                *ret_neither += !is_new && (err == 0 || !is_old);
                /* Whatever a crash left, the next save works. */
                if (!d->lies) {
                    simdisk_restart(d);
                    assert_int_equal(save(d, new_text, sizeof(new_text), false), 0);
                    assert_true(holds_new(d));
                }
            }
        }
        if (err == 0) {
            return states;
        }
    }
}

static void after_a_loss_of_power_there_is_the_old_or_the_new(void **state)
{
    (void)state;
    static struct simdisk d;
    simdisk_init(&d);
    for (int has_old = 0; has_old < 2; has_old++) {
        size_t neither;
        size_t states = all_losses(&d, has_old != 0, &neither);
        assert_int_equal(neither, 0);
        assert_true(states > 6U * 4 * 16); /* remove, create, write, sync, rename, sync folder */
    }
}

static void a_disk_that_lies_about_sync_is_seen(void **state)
{
    (void)state;
    static struct simdisk d;
    simdisk_init(&d);
    d.lies = true;
    size_t neither;
    all_losses(&d, true, &neither);
    assert_true(neither > 0);
}

static void each_call_that_fails_leaves_the_old_and_nothing_beside_it(void **state)
{
    (void)state;
    static struct simdisk d;
    static const int errs[] = {-LP2P_E_IO, -LP2P_E_PERM, -LP2P_E_NO_FDS, -LP2P_E_EXISTS};
    for (size_t e = 0; e < LP2P_COUNT(errs); e++) {
        int err = -1;
        int call = 1;
        for (; err != 0; call++) {
            start(&d, true);
            d.fail_at = call;
            d.fail_err = errs[e];
            err = save(&d, new_text, sizeof(new_text), false);
            assert_int_equal(simdisk_open_files(&d), 0);
            d.fail_at = 0;
            assert_true(err == 0 || err == errs[e]);
            assert_true(holds_new(&d) || (err != 0 && holds_old(&d)));
            assert_null(simdisk_at(&d, PATH ".new"));
        }
        assert_int_equal(call, 8); /* the six steps failed once each, the seventh is none */
    }
}

static void keep_leaves_a_file_that_is_there(void **state)
{
    (void)state;
    static struct simdisk d;
    start(&d, true);
    assert_int_equal(save(&d, new_text, sizeof(new_text), true), -LP2P_E_EXISTS);
    assert_true(holds_old(&d));
    assert_null(simdisk_at(&d, PATH ".new"));
}

static void what_is_no_plain_file_or_too_long_is_not_read(void **state)
{
    (void)state;
    static struct simdisk d;
    uint8_t room[sizeof(old_text)];
    size_t n = 77;
    struct whtnxt_file_info info;
    start(&d, true);
    struct lp2p_mspan all = {room, sizeof(room)};
    struct lp2p_mspan less = {room, sizeof(room) - 1};
    assert_int_equal(whtnxt_file_read(&d.disk, PATH, all, &n, &info), 0);
    assert_int_equal(n, sizeof(old_text));
    n = 77;
    assert_int_equal(whtnxt_file_read(&d.disk, PATH, less, &n, &info), -LP2P_E_TOO_LONG);
    simdisk_at(&d, PATH)->kind = SIMDISK_SYMLINK;
    assert_int_equal(whtnxt_file_read(&d.disk, PATH, all, &n, &info), -LP2P_E_UNSUPPORTED);
    simdisk_at(&d, PATH)->kind = SIMDISK_OTHER;
    assert_int_equal(whtnxt_file_read(&d.disk, PATH, all, &n, &info), -LP2P_E_UNSUPPORTED);
    assert_int_equal(whtnxt_file_read(&d.disk, "/state/x", all, &n, &info), -LP2P_E_NOT_FOUND);
    assert_int_equal(n, 77);
    assert_int_equal(simdisk_open_files(&d), 0);
}

static void each_call_of_a_read_that_fails_is_told_and_closes(void **state)
{
    (void)state;
    static struct simdisk d;
    uint8_t room[SIMDISK_SIZE];
    for (int call = 1; call <= 3; call++) {
        size_t n = 77;
        struct whtnxt_file_info info;
        start(&d, true);
        d.fail_at = call;
        d.fail_err = -LP2P_E_IO;
        struct lp2p_mspan all = {room, sizeof(room)};
        assert_int_equal(whtnxt_file_read(&d.disk, PATH, all, &n, &info), -LP2P_E_IO);
        assert_int_equal(n, 77);
        assert_int_equal(simdisk_open_files(&d), 0);
    }
}

static void a_path_that_is_too_long_is_refused(void **state)
{
    (void)state;
    static struct simdisk d;
    static char path[WHTNXT_STORE_PATH_SIZE];
    start(&d, false);
    memset(path, 'a', sizeof(path) - 1);
    path[0] = '/';
    assert_int_equal(whtnxt_file_save(&d.disk, path, (const uint8_t *)"x", 1, false),
                     -LP2P_E_TOO_LONG);
    assert_int_equal(d.calls, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(after_a_loss_of_power_there_is_the_old_or_the_new),
        cmocka_unit_test(a_disk_that_lies_about_sync_is_seen),
        cmocka_unit_test(each_call_that_fails_leaves_the_old_and_nothing_beside_it),
        cmocka_unit_test(keep_leaves_a_file_that_is_there),
        cmocka_unit_test(what_is_no_plain_file_or_too_long_is_not_read),
        cmocka_unit_test(each_call_of_a_read_that_fails_is_told_and_closes),
        cmocka_unit_test(a_path_that_is_too_long_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
