/* The real disk under the identity key: whose file it is, and what kind (SECURITY 4.2). */
#include "main/disk.h"

#include "base/mem.h"
#include "main/store/key.h"
#include "temp.h"

#include "cmocka_all.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define NOBODY 65534

struct world {
    struct temp t;
    struct lp2p_crypto *crypto;
    struct whtnxt_key_cfg cfg;
    char folder[128], key[160], peers[160];
    struct lp2p_identity id;
    char reason[WHTNXT_KEY_REASON_SIZE];
};

static void fill(void *ctx, uint8_t *p, size_t n)
{
    memset(p, ++*(uint8_t *)ctx, n);
}

static void start(struct world *w)
{
    static uint8_t drawn;
    temp_init(&w->t);
    assert_int_equal(lp2p_crypto_new(lp2p_mem_default(), &w->crypto), 0);
    snprintf(w->folder, sizeof(w->folder), "%s", temp_path(&w->t, "share/whtnxt/default"));
    snprintf(w->key, sizeof(w->key), "%s/identity.key", w->folder);
    snprintf(w->peers, sizeof(w->peers), "%s", temp_path(&w->t, "peers.json"));
    w->cfg = (struct whtnxt_key_cfg){
        .disk = whtnxt_disk_real(),
        .crypto = w->crypto,
        .random = {.ctx = &drawn, .fill = fill},
        .folder = w->folder,
        .peers_path = w->peers,
    };
}

static void end(struct world *w)
{
    lp2p_crypto_free(w->crypto);
    temp_fini(&w->t);
}

static int open_files(void)
{
    int n = 0;
    DIR *d = opendir("/proc/self/fd");
    assert_non_null(d);
    while (readdir(d) != NULL) {
        n++;
    }
    closedir(d);
    return n;
}

static int load(struct world *w)
{
    int files = open_files();
    int err = whtnxt_key_load(&w->cfg, &w->id, w->reason);
    assert_int_equal(open_files(), files);
    return err;
}

static void refused(struct world *w, int err, const char *says)
{
    assert_int_equal(load(w), err);
    if (strstr(w->reason, says) == NULL || strstr(w->reason, w->key) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", w->reason, says);
    }
}

static void a_first_start_makes_folders_and_a_key_for_us_alone(void **state)
{
    (void)state;
    static struct world w;
    struct stat st;
    start(&w);
    mode_t before = umask(0);
    assert_int_equal(load(&w), 0);
    umask(before);
    struct lp2p_peer_id id = w.id.id;
    static const char *const folders[] = {"share", "share/whtnxt", "share/whtnxt/default"};
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        assert_int_equal(stat(temp_path(&w.t, folders[i]), &st), 0);
        assert_int_equal(st.st_mode & 07777U, 0700);
    }
    assert_int_equal(stat(w.key, &st), 0);
    assert_int_equal(st.st_mode & 07777U, 0600);
    assert_int_equal(st.st_nlink, 1);
    assert_int_equal(load(&w), 0);
    assert_true(lp2p_peer_id_eq(&w.id.id, &id));
    end(&w);
}

static void modes_and_second_names_are_reasons(void **state)
{
    (void)state;
    static struct world w;
    start(&w);
    assert_int_equal(load(&w), 0);
    for (unsigned bit = 1; bit <= 040; bit <<= 1) {
        assert_int_equal(chmod(w.key, 0600 | bit), 0);
        refused(&w, -LP2P_E_PERM, "chmod 600");
    }
    assert_int_equal(chmod(w.key, 0600), 0);
    assert_int_equal(link(w.key, temp_path(&w.t, "copy")), 0);
    refused(&w, -LP2P_E_PERM, "Remove the other one.");
    assert_int_equal(unlink(temp_path(&w.t, "copy")), 0);
    /* A second name that a save left is no reason. */
    char left[200];
    snprintf(left, sizeof(left), "%s.new", w.key);
    assert_int_equal(link(w.key, left), 0);
    assert_int_equal(load(&w), 0);
    assert_int_equal(access(left, F_OK), -1);
    if (geteuid() == 0) {
        assert_int_equal(chown(w.key, NOBODY, NOBODY), 0);
        refused(&w, -LP2P_E_PERM, "belongs to another user. Make it yours or restore it.");
    }
    end(&w);
}

static void make_symlink(const struct world *w)
{
    assert_int_equal(rename(w->key, temp_path(&w->t, "elsewhere")), 0);
    assert_int_equal(symlink(temp_path(&w->t, "elsewhere"), w->key), 0);
}

static void make_dangling(const struct world *w)
{
    assert_int_equal(unlink(w->key), 0);
    assert_int_equal(symlink(temp_path(&w->t, "nothing"), w->key), 0);
}

static void make_fifo(const struct world *w)
{
    assert_int_equal(unlink(w->key), 0);
    assert_int_equal(mkfifo(w->key, 0600), 0);
}

static void make_folder(const struct world *w)
{
    assert_int_equal(unlink(w->key), 0);
    assert_int_equal(mkdir(w->key, 0700), 0);
}

static void make_socket(const struct world *w)
{
    assert_int_equal(unlink(w->key), 0);
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    assert_true(strlen(w->key) < sizeof(sun.sun_path));
    memcpy(sun.sun_path, w->key, strlen(w->key) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
    close(fd);
}

static void what_is_no_plain_file_is_refused_and_left(void **state)
{
    (void)state;
    static void (*const make[])(const struct world *w) = {
        make_symlink, make_dangling, make_fifo, make_folder, make_socket,
    };
    for (size_t i = 0; i < sizeof(make) / sizeof(make[0]); i++) {
        static struct world w;
        struct stat before, after;
        start(&w);
        assert_int_equal(load(&w), 0);
        make[i](&w);
        assert_int_equal(lstat(w.key, &before), 0);
        refused(&w, -LP2P_E_PERM, "is not a plain file. Put the key itself there.");
        assert_int_equal(lstat(w.key, &after), 0);
        assert_int_equal(before.st_ino, after.st_ino);
        assert_int_equal(access(temp_path(&w.t, "nothing"), F_OK), -1);
        end(&w);
    }
}

static void a_lost_key_is_not_made_anew(void **state)
{
    (void)state;
    static struct world w;
    start(&w);
    assert_int_equal(load(&w), 0);
    temp_write(&w.t, "peers.json", "{}", 2);
    assert_int_equal(unlink(w.key), 0);
    refused(&w, -LP2P_E_NOT_FOUND, "Restore the key, or move that file away to start anew.");
    assert_int_equal(access(w.key, F_OK), -1);
    end(&w);
}

static void a_folder_that_cannot_be_written_is_told(void **state)
{
    (void)state;
    static struct world w;
    start(&w);
    temp_write(&w.t, "share", "a file where a folder must be", 5);
    assert_int_not_equal(load(&w), 0);
    assert_non_null(strstr(w.reason, w.key));
    end(&w);
}

static void keeping_holds_on_the_real_disk(void **state)
{
    (void)state;
    static struct world w;
    const struct whtnxt_disk *disk = whtnxt_disk_real();
    char from[160];
    start(&w);
    assert_int_equal(load(&w), 0);
    temp_write(&w.t, "new", "x", 1);
    snprintf(from, sizeof(from), "%s", temp_path(&w.t, "new"));
    assert_int_equal(disk->rename(disk->ctx, from, w.key, true), -LP2P_E_EXISTS);
    assert_int_equal(load(&w), 0);
    assert_int_equal(disk->rename(disk->ctx, from, w.key, false), 0);
    refused(&w, -LP2P_E_DECODE, "is damaged.");
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_first_start_makes_folders_and_a_key_for_us_alone),
        cmocka_unit_test(modes_and_second_names_are_reasons),
        cmocka_unit_test(what_is_no_plain_file_is_refused_and_left),
        cmocka_unit_test(a_lost_key_is_not_made_anew),
        cmocka_unit_test(a_folder_that_cannot_be_written_is_told),
        cmocka_unit_test(keeping_holds_on_the_real_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
