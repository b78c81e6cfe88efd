/* The identity key over a disk that fails: kept for ever, or refused with a reason. */
#include "main/store/key.h"

#include "base/assert.h"
#include "base/mem.h"
#include "base/text.h"
#include "simdisk.h"

#include "cmocka_all.h"

#define FOLDER "/data"
#define KEY    FOLDER "/identity.key"
#define PEERS  "/state/peers.json"

struct world {
    struct simdisk d;
    struct lp2p_crypto *crypto;
    struct whtnxt_key_cfg cfg;
    struct lp2p_identity id;
    char reason[WHTNXT_KEY_REASON_SIZE];
    uint8_t drawn; /* each key made is another one */
};

static void fill(void *ctx, uint8_t *p, size_t n)
{
    struct world *w = ctx;
    memset(p, ++w->drawn, n);
}

/* A disk without anything; the crypto stays. */
static void start(struct world *w)
{
    if (w->crypto == NULL) {
        assert_int_equal(lp2p_crypto_new(lp2p_mem_default(), &w->crypto), 0);
    }
    simdisk_init(&w->d);
    assert_int_equal(w->d.disk.make_folder(&w->d, "/state"), 0);
    simdisk_restart(&w->d);
    w->cfg = (struct whtnxt_key_cfg){
        .disk = &w->d.disk,
        .crypto = w->crypto,
        .random = {.ctx = w, .fill = fill},
        .folder = FOLDER,
        .peers_path = PEERS,
    };
    memset(w->reason, 0, sizeof(w->reason));
}

static void end(struct world *w)
{
    lp2p_crypto_free(w->crypto);
    w->crypto = NULL;
}

static int load(struct world *w)
{
    w->reason[0] = '\0';
    int err = whtnxt_key_load(&w->cfg, &w->id, w->reason);
    assert_int_equal(simdisk_open_files(&w->d), 0);
    /* A refusal is a sentence that names the file. */
    if (err != 0) {
        assert_non_null(strstr(w->reason, FOLDER));
        assert_int_equal(
            w->reason[strlen(w->reason) - 1] == '.' || w->reason[strlen(w->reason) - 1] == '?', 1);
    }
    return err;
}

static void refused(struct world *w, int err, const char *says)
{
    struct simdisk_file *f = simdisk_at(&w->d, KEY);
    struct simdisk_file before = f != NULL ? *f : (struct simdisk_file){.used = false};
    assert_int_equal(load(w), err);
    if (strstr(w->reason, says) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", w->reason, says);
    }
    /* What was there is there. */
    if (f != NULL) {
        assert_ptr_equal(simdisk_at(&w->d, KEY), f);
        assert_memory_equal(f, &before, sizeof(before));
    } else {
        assert_null(simdisk_at(&w->d, KEY));
    }
}

/* ---- first start and later ones ---- */

static void a_first_start_makes_a_key_and_later_ones_load_it(void **state)
{
    (void)state;
    static struct world w;
    start(&w);
    assert_int_equal(load(&w), 0);
    struct lp2p_peer_id id = w.id.id;
    struct simdisk_file *f = simdisk_at(&w.d, KEY);
    assert_non_null(f);
    assert_int_equal(f->n_seen, LP2P_PRIVATE_KEY_ED25519_PB_SIZE);
    assert_int_equal(f->mode, 0600);
    for (int i = 0; i < 3; i++) {
        simdisk_power_loss(&w.d, SIMDISK_LOST, 0);
        assert_int_equal(load(&w), 0);
        assert_true(lp2p_peer_id_eq(&w.id.id, &id));
    }
    assert_int_equal(w.drawn, 1);
    end(&w);
}

static void a_key_in_the_older_form_is_loaded(void **state)
{
    (void)state;
    static struct world w;
    uint8_t pb[4 + 96] = {0x08, 0x01, 0x12, 0x60};
    struct lp2p_identity id;
    start(&w);
    memset(pb + 4, 9, 32);
    assert_int_equal(lp2p_identity_from_seed(w.crypto, pb + 4, &id), 0);
    memcpy(pb + 36, id.public_key, 32);
    memcpy(pb + 68, id.public_key, 32);
    simdisk_put(&w.d, KEY, pb, sizeof(pb));
    assert_int_equal(load(&w), 0);
    assert_true(lp2p_peer_id_eq(&w.id.id, &id.id));
    for (size_t bit = 0; bit < 8 * sizeof(pb); bit++) {
        struct simdisk_file *f = simdisk_at(&w.d, KEY);
        f->seen[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_not_equal(load(&w), 0);
        f->seen[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    end(&w);
}

/* One first start that dies after `steps`, then power comes back. Once a key was given out, it is
 * this one that comes again, whatever happens. */
static bool one_loss(struct world *w, int steps, enum simdisk_loss loss, unsigned names)
{
    bool no_atomic = w->d.no_atomic;
    start(w);
    w->d.no_atomic = no_atomic;
    w->d.die_at = steps;
    bool given = load(w) == 0;
    struct lp2p_peer_id id = w->id.id;
    simdisk_power_loss(&w->d, loss, names);
    assert_int_equal(load(w), 0);
    assert_true(!given || lp2p_peer_id_eq(&w->id.id, &id));
    /* And that one stays. */
    id = w->id.id;
    simdisk_power_loss(&w->d, SIMDISK_LOST, 0);
    assert_int_equal(load(w), 0);
    assert_true(lp2p_peer_id_eq(&w->id.id, &id));
    return given;
}

static void after_a_loss_of_power_there_is_one_key_for_ever(void **state)
{
    (void)state;
    static struct world w;
    for (int no_atomic = 0; no_atomic < 2; no_atomic++) {
        bool given = false;
        int steps = 0;
        for (; !given; steps++) {
            for (int loss = 0; loss < SIMDISK_LOSSES; loss++) {
                for (unsigned names = 0; names < 32; names++) {
                    w.d.no_atomic = no_atomic != 0;
                    given = one_loss(&w, steps, (enum simdisk_loss)loss, names);
                }
            }
        }
        assert_true(steps > 6);
    }
    end(&w);
}

/* The program ends after any step, the next one gives out the key it finds, then power goes. */
static void a_key_found_after_a_crash_survives_a_loss_of_power(void **state)
{
    (void)state;
    static struct world w;
    bool given = false;
    for (int steps = 0; !given; steps++) {
        for (unsigned names = 0; names < 32; names++) {
            start(&w);
            w.d.die_at = steps;
            given = load(&w) == 0;
            simdisk_restart(&w.d);
            assert_int_equal(load(&w), 0);
            struct lp2p_peer_id id = w.id.id;
            simdisk_power_loss(&w.d, SIMDISK_LOST, names);
            assert_int_equal(load(&w), 0);
            assert_true(lp2p_peer_id_eq(&w.id.id, &id));
        }
    }
    end(&w);
}

/* ---- damage ---- */

static void every_bit_that_is_turned_is_noticed(void **state)
{
    (void)state;
    static struct world w;
    start(&w);
    assert_int_equal(load(&w), 0);
    for (size_t bit = 0; bit < 8 * (size_t)LP2P_PRIVATE_KEY_ED25519_PB_SIZE; bit++) {
        simdisk_at(&w.d, KEY)->seen[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_not_equal(load(&w), 0);
        assert_true(strstr(w.reason, "Restore") != NULL);
        simdisk_at(&w.d, KEY)->seen[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    assert_int_equal(load(&w), 0);
    assert_int_equal(w.drawn, 1);
    end(&w);
}

static void every_other_length_is_refused(void **state)
{
    (void)state;
    static struct world w;
    start(&w);
    assert_int_equal(load(&w), 0);
    for (size_t n = 0; n <= SIMDISK_SIZE; n++) {
        simdisk_at(&w.d, KEY)->n_seen = n;
        if (n != LP2P_PRIVATE_KEY_ED25519_PB_SIZE) {
            refused(&w, -LP2P_E_DECODE, "is damaged. Restore it from a backup");
        }
    }
    assert_int_equal(w.drawn, 1);
    end(&w);
}

static void what_follows_a_key_is_damage_even_when_it_could_be_skipped(void **state)
{
    (void)state;
    static struct world w;
    start(&w);
    assert_int_equal(load(&w), 0);
    struct simdisk_file *f = simdisk_at(&w.d, KEY);
    f->seen[f->n_seen++] = 3 << 3; /* an unknown field of protobuf */
    f->seen[f->n_seen++] = 0;
    refused(&w, -LP2P_E_DECODE, "is damaged.");
    end(&w);
}

static void a_key_of_another_kind_is_refused(void **state)
{
    (void)state;
    static struct world w;
    static const uint8_t secp[36] = {0x08, 0x02, 0x12, 0x20, 1, 2, 3};
    start(&w);
    simdisk_put(&w.d, KEY, secp, sizeof(secp));
    refused(&w, -LP2P_E_UNSUPPORTED, "of a kind that WhatNext does not use. Restore yours.");
    end(&w);
}

/* ---- whose file, and what it is ---- */

static void others_who_could_read_or_write_it_are_a_reason(void **state)
{
    (void)state;
    static struct world w;
    start(&w);
    assert_int_equal(load(&w), 0);
    for (unsigned mode = 0; mode <= 0777; mode++) {
        simdisk_at(&w.d, KEY)->mode = mode;
        if ((mode & 077U) != 0) {
            refused(&w, -LP2P_E_PERM, "chmod 600");
        } else {
            assert_int_equal(load(&w), 0);
        }
    }
    end(&w);
}

static void another_owner_a_second_name_and_other_kinds_are_reasons(void **state)
{
    (void)state;
    static struct world w;
    start(&w);
    assert_int_equal(load(&w), 0);
    struct simdisk_file *f = simdisk_at(&w.d, KEY);
    f->foreign = true;
    refused(&w, -LP2P_E_PERM, "belongs to another user. Make it yours or restore it.");
    f->foreign = false;
    f->kind = SIMDISK_SYMLINK;
    refused(&w, -LP2P_E_PERM, "is not a plain file. Put the key itself there.");
    f->kind = SIMDISK_OTHER;
    refused(&w, -LP2P_E_PERM, "is not a plain file. Put the key itself there.");
    f->kind = SIMDISK_FILE;
    assert_int_equal(load(&w), 0);
    simdisk_link(&w.d, "/state/copy", (int)(f - w.d.files));
    refused(&w, -LP2P_E_PERM, "has a second name (a hard link). Remove the other one.");
    end(&w);
}

static void a_key_that_is_gone_beside_peers_is_a_loss(void **state)
{
    (void)state;
    static struct world w;
    static const enum simdisk_kind kinds[] = {SIMDISK_FILE, SIMDISK_SYMLINK, SIMDISK_OTHER};
    for (size_t i = 0; i < LP2P_COUNT(kinds); i++) {
        start(&w);
        simdisk_put(&w.d, PEERS, "{}", 2);
        simdisk_at(&w.d, PEERS)->kind = kinds[i];
        refused(&w, -LP2P_E_NOT_FOUND, "Restore the key, or move that file away to start anew.");
        assert_non_null(strstr(w.reason, PEERS));
    }
    /* One that could not be read and was put aside says the same. */
    start(&w);
    simdisk_put(&w.d, PEERS ".damaged", "{", 1);
    refused(&w, -LP2P_E_NOT_FOUND, "Restore the key, or move that file away to start anew.");
    assert_non_null(strstr(w.reason, PEERS ".damaged"));
    assert_int_equal(w.drawn, 0);
    end(&w);
}

/* ---- calls that fail ---- */

static void each_call_of_a_first_start_that_fails_is_told(void **state)
{
    (void)state;
    static struct world w;
    static const int errs[] = {-LP2P_E_IO, -LP2P_E_PERM, -LP2P_E_NO_FDS};
    for (size_t e = 0; e < LP2P_COUNT(errs); e++) {
        bool reached = true;
        int call = 0;
        while (reached) {
            call++;
            start(&w);
            w.d.fail_at = call;
            w.d.fail_err = errs[e];
            bool given = load(&w) == 0;
            reached = w.d.calls >= call;
            /* The next try works, and what was given stays. */
            struct lp2p_peer_id id = w.id.id;
            w.d.fail_at = 0;
            assert_int_equal(load(&w), 0);
            assert_true(!given || lp2p_peer_id_eq(&w.id.id, &id));
            id = w.id.id;
            simdisk_power_loss(&w.d, SIMDISK_LOST, 0);
            assert_int_equal(load(&w), 0);
            assert_true(lp2p_peer_id_eq(&w.id.id, &id));
        }
        assert_int_equal(call, 13); /* each of the 12 calls failed */
    }
    end(&w);
}

static void each_call_of_a_later_start_that_fails_leaves_the_key(void **state)
{
    (void)state;
    static struct world w;
    start(&w);
    assert_int_equal(load(&w), 0);
    struct lp2p_peer_id id = w.id.id;
    unsigned told = 0;
    for (int call = 1; call < 12; call++) {
        simdisk_restart(&w.d);
        w.d.fail_at = call;
        w.d.fail_err = -LP2P_E_IO;
        told += load(&w) != 0;
        simdisk_restart(&w.d);
        assert_int_equal(load(&w), 0);
        assert_true(lp2p_peer_id_eq(&w.id.id, &id));
    }
    assert_int_equal(told, 3); /* open, info, read */
    assert_int_equal(w.drawn, 1);
    end(&w);
}

/* A disk where only peers.json is: paths are too long for the simulated one. */
static int only_peers(void *ctx, const char *path, int *ret_file)
{
    if (strcmp(path, ctx) != 0) {
        return -LP2P_E_NOT_FOUND;
    }
    *ret_file = 0;
    return 0;
}

static int nothing_to_sync(void *ctx, const char *path)
{
    (void)ctx;
    (void)path;
    return 0;
}

static int nothing_to_remove(void *ctx, const char *path)
{
    (void)ctx;
    (void)path;
    return -LP2P_E_NOT_FOUND;
}

static void close_nothing(void *ctx, int file)
{
    (void)ctx;
    (void)file;
}

static void a_long_path_does_not_push_out_what_to_do(void **state)
{
    (void)state;
    static struct world w;
    static char folder[4000], peers[4000];
    start(&w);
    for (size_t i = 1; i + 2 < sizeof(folder); i += 2) {
        memcpy(folder + i, "\xc3\xa9", 2); /* a cut inside a character would show */
        memcpy(peers + i, "\xc3\xa9", 2);
    }
    folder[0] = peers[0] = '/';
    struct whtnxt_disk lost = {
        .ctx = peers,
        .open_read = only_peers,
        .remove = nothing_to_remove,
        .sync_folder = nothing_to_sync,
        .close = close_nothing,
    };
    w.cfg.disk = &lost;
    w.cfg.folder = folder;
    w.cfg.peers_path = peers;
    for (size_t cut = 0; cut < 4; cut++) {
        folder[sizeof(folder) - 2 - cut] = peers[sizeof(peers) - 2 - cut] = '\0';
        int err = whtnxt_key_load(&w.cfg, &w.id, w.reason);
        assert_int_equal(err, -LP2P_E_NOT_FOUND);
        assert_non_null(strstr(w.reason, "/identity.key is missing"));
        assert_non_null(strstr(w.reason, "or move that file away to start anew."));
        assert_true(lp2p_text_is_utf8(lp2p_span((const uint8_t *)w.reason, strlen(w.reason))));
    }
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_first_start_makes_a_key_and_later_ones_load_it),
        cmocka_unit_test(a_key_in_the_older_form_is_loaded),
        cmocka_unit_test(after_a_loss_of_power_there_is_one_key_for_ever),
        cmocka_unit_test(a_key_found_after_a_crash_survives_a_loss_of_power),
        cmocka_unit_test(every_bit_that_is_turned_is_noticed),
        cmocka_unit_test(every_other_length_is_refused),
        cmocka_unit_test(what_follows_a_key_is_damage_even_when_it_could_be_skipped),
        cmocka_unit_test(a_key_of_another_kind_is_refused),
        cmocka_unit_test(others_who_could_read_or_write_it_are_a_reason),
        cmocka_unit_test(another_owner_a_second_name_and_other_kinds_are_reasons),
        cmocka_unit_test(a_key_that_is_gone_beside_peers_is_a_loss),
        cmocka_unit_test(each_call_of_a_first_start_that_fails_is_told),
        cmocka_unit_test(each_call_of_a_later_start_that_fails_leaves_the_key),
        cmocka_unit_test(a_long_path_does_not_push_out_what_to_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
