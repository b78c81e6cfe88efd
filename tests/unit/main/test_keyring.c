/* Changing the identity over a disk that fails: at every moment there is a key, and none is lost.
 */
#include "main/store/keyring.h"

#include "base/assert.h"
#include "base/mem.h"
#include "base/text.h"
#include "simdisk.h"

#include "cmocka_all.h"

#include <stdio.h>

#define FOLDER "/data"
#define KEY    FOLDER "/identity.key"
#define PEERS  "/state/peers.json"
#define FILE_  "/home/ann.key"

struct world {
    struct simdisk d;
    struct lp2p_crypto *crypto;
    struct whtnxt_key_cfg cfg;
    struct lp2p_identity first;
    struct whtnxt_keyring ring;
    char reason[WHTNXT_KEY_REASON_SIZE];
    uint8_t drawn; /* each key made is another one */
};

static void fill(void *ctx, uint8_t *p, size_t n)
{
    struct world *w = ctx;
    memset(p, ++w->drawn, n);
}

/* A disk with a key that was made at a first start. */
static void start(struct world *w)
{
    if (w->crypto == NULL) {
        assert_int_equal(lp2p_crypto_new(lp2p_mem_default(), &w->crypto), 0);
    }
    simdisk_init(&w->d);
    assert_int_equal(w->d.disk.make_folder(&w->d, "/state"), 0);
    assert_int_equal(w->d.disk.make_folder(&w->d, "/home"), 0);
    w->cfg = (struct whtnxt_key_cfg){.disk = &w->d.disk,
                                     .crypto = w->crypto,
                                     .random = {.ctx = w, .fill = fill},
                                     .folder = FOLDER,
                                     .peers_path = PEERS};
    w->drawn = 0;
    assert_int_equal(whtnxt_key_load(&w->cfg, &w->first, w->reason), 0);
    simdisk_restart(&w->d);
    w->d.steps = 0;
    w->d.calls = 0;
    w->ring = (struct whtnxt_keyring){.changed = false};
    w->reason[0] = '\0';
}

static void end(struct world *w)
{
    lp2p_crypto_free(w->crypto);
    w->crypto = NULL;
}

static struct lp2p_peer_id loaded(struct world *w)
{
    struct lp2p_identity id;
    int err = whtnxt_key_load(&w->cfg, &id, w->reason);
    if (err != 0) {
        fail_msg("%s", w->reason);
    }
    assert_int_equal(simdisk_open_files(&w->d), 0);
    return id.id;
}

static bool is_first(const struct world *w, const struct lp2p_peer_id *id)
{
    return lp2p_peer_id_eq(id, &w->first.id);
}

/* The backup's path, as it must be. */
static void backup_of(const struct lp2p_identity *identity, char out[static SIMDISK_PATH])
{
    char text[LP2P_PEER_ID_TEXT_SIZE];
    lp2p_peer_id_format(&identity->id, text);
    snprintf(out, SIMDISK_PATH, KEY ".%.4s-%s.bak", text + 8, text + strlen(text) - 6);
}

static bool holds_key(struct world *w, const char *path, const struct lp2p_identity *identity)
{
    uint8_t pb[LP2P_PRIVATE_KEY_ED25519_PB_SIZE];
    const struct simdisk_file *f = simdisk_at(&w->d, path);
    lp2p_identity_encode(identity, pb);
    return f != NULL && f->mode == 0600 && f->n_seen == sizeof(pb) &&
           memcmp(f->seen, pb, sizeof(pb)) == 0;
}

static void refused(struct world *w, int got, int err, const char *says)
{
    assert_int_equal(got, err);
    if (strstr(w->reason, says) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", w->reason, says);
    }
    assert_int_equal(simdisk_open_files(&w->d), 0);
    /* What counted counts. */
    struct lp2p_peer_id id = loaded(w);
    assert_true(is_first(w, &id));
}

/* ---- new ---- */

static void a_new_key_and_the_old_one_beside_it(void **state)
{
    (void)state;
    static struct world w;
    char backup[SIMDISK_PATH];
    start(&w);
    backup_of(&w.first, backup);
    assert_int_equal(whtnxt_keyring_renew(&w.cfg, &w.ring, w.reason), 0);
    assert_true(w.ring.changed && !w.ring.exposed);
    assert_string_equal(w.ring.kept, backup);
    assert_true(holds_key(&w, backup, &w.first));
    simdisk_power_loss(&w.d, SIMDISK_LOST, 0);
    struct lp2p_peer_id id = loaded(&w);
    assert_true(lp2p_peer_id_eq(&id, &w.ring.identity.id) && !is_first(&w, &id));
    assert_true(holds_key(&w, backup, &w.first));
    end(&w);
}

static void there_and_back_needs_no_second_backup(void **state)
{
    (void)state;
    static struct world w;
    char backup[SIMDISK_PATH];
    struct whtnxt_keyring again;
    start(&w);
    backup_of(&w.first, backup);
    assert_int_equal(whtnxt_keyring_renew(&w.cfg, &w.ring, w.reason), 0);
    assert_int_equal(whtnxt_keyring_import(&w.cfg, backup, &again, w.reason), 0);
    assert_true(again.changed && is_first(&w, &again.identity.id));
    assert_int_equal(whtnxt_keyring_renew(&w.cfg, &again, w.reason), 0);
    assert_string_equal(again.kept, backup);
    /* Another file of that name is nobody's to overwrite. */
    simdisk_at(&w.d, backup)->seen[0] ^= 1;
    simdisk_put(&w.d, FILE_, "x", 1);
    start(&w);
    simdisk_put(&w.d, backup, "mine", 4);
    assert_int_equal(whtnxt_keyring_renew(&w.cfg, &w.ring, w.reason), 0);
    assert_non_null(strstr(w.ring.kept, "-2.bak"));
    assert_int_equal(simdisk_at(&w.d, backup)->n_seen, 4);
    end(&w);
}

static void what_is_no_key_is_put_aside(void **state)
{
    (void)state;
    static struct world w;
    for (int what = 0; what < 3; what++) {
        start(&w);
        struct simdisk_file *f = simdisk_at(&w.d, KEY);
        if (what == 0) {
            f->seen[10] ^= 1;
        } else if (what == 1) {
            f->n_seen = 500;
        } else {
            f->kind = SIMDISK_SYMLINK;
        }
        assert_int_equal(whtnxt_keyring_renew(&w.cfg, &w.ring, w.reason), 0);
        assert_string_equal(w.ring.kept, KEY ".damaged-1");
        assert_ptr_equal(simdisk_at(&w.d, w.ring.kept), f);
        struct lp2p_peer_id id = loaded(&w);
        assert_true(lp2p_peer_id_eq(&id, &w.ring.identity.id));
    }
    end(&w);
}

static void a_lost_key_can_be_replaced(void **state)
{
    (void)state;
    static struct world w;
    struct lp2p_identity id;
    start(&w);
    simdisk_put(&w.d, PEERS, "{}", 2);
    assert_int_equal(w.d.disk.remove(&w.d, KEY), 0);
    assert_int_equal(whtnxt_key_load(&w.cfg, &id, w.reason), -LP2P_E_NOT_FOUND);
    assert_int_equal(whtnxt_keyring_renew(&w.cfg, &w.ring, w.reason), 0);
    assert_string_equal(w.ring.kept, "");
    loaded(&w);
    end(&w);
}

/* Power goes after `steps`; true when the change had been given out. */
static bool one_loss(struct world *w, int steps, enum simdisk_loss loss, unsigned names)
{
    char backup[SIMDISK_PATH];
    start(w);
    backup_of(&w->first, backup);
    w->d.die_at = steps;
    bool given = whtnxt_keyring_renew(&w->cfg, &w->ring, w->reason) == 0;
    simdisk_power_loss(&w->d, loss, names);
    struct lp2p_peer_id id = loaded(w);
    assert_true(!given || !is_first(w, &id));
    assert_true(is_first(w, &id) || holds_key(w, backup, &w->first));
    return given;
}

static void after_a_loss_of_power_no_key_is_lost(void **state)
{
    (void)state;
    static struct world w;
    bool given = false;
    int steps = 0;
    for (; !given; steps++) {
        for (int loss = 0; loss < SIMDISK_LOSSES; loss++) {
            for (unsigned names = 0; names < 32; names++) {
                given = one_loss(&w, steps, (enum simdisk_loss)loss, names);
            }
        }
    }
    assert_true(steps > 8);
    end(&w);
}

static void any_call_that_fails_leaves_the_old_key(void **state)
{
    (void)state;
    static struct world w;
    int err = -1;
    int calls = 0;
    for (; err != 0; calls++) {
        start(&w);
        w.d.fail_at = calls + 1;
        w.d.fail_err = -LP2P_E_IO;
        err = whtnxt_keyring_renew(&w.cfg, &w.ring, w.reason);
        if (err == 0 && w.d.calls < w.d.fail_at) {
            break;
        }
        bool given = err == 0;
        err = -1; /* a failure that did not matter: go on */
        w.d.fail_at = 0;
        if (!given) {
            assert_non_null(strstr(w.reason, FOLDER));
        }
        struct lp2p_peer_id id = loaded(&w);
        assert_true(is_first(&w, &id) != given);
    }
    assert_true(calls > 10);
    end(&w);
}

/* ---- import ---- */

static int import(struct world *w, const void *p, size_t n)
{
    simdisk_put(&w->d, FILE_, p, n);
    return whtnxt_keyring_import(&w->cfg, FILE_, &w->ring, w->reason);
}

static struct lp2p_identity another(struct world *w)
{
    uint8_t seed[32];
    struct lp2p_identity id;
    memset(seed, 77, sizeof(seed));
    assert_int_equal(lp2p_identity_from_seed(w->crypto, seed, &id), 0);
    return id;
}

static void a_key_is_read_raw_and_in_base64(void **state)
{
    (void)state;
    static struct world w;
    /* As go-libp2p prints the key of 32 bytes of 77: with padding, and here with line breaks. */
    static const char text[] = " CAESQE1NTU1NTU1NTU1NTU1NTU1NTU1NTU1NTU1NTU1NTU1N\r\n";
    char base64[128];
    uint8_t pb[LP2P_PRIVATE_KEY_ED25519_PB_SIZE];
    start(&w);
    struct lp2p_identity id = another(&w);
    lp2p_identity_encode(&id, pb);
    assert_int_equal(import(&w, pb, sizeof(pb)), 0);
    assert_true(w.ring.changed && lp2p_peer_id_eq(&w.ring.identity.id, &id.id));
    /* The same again changes nothing. */
    assert_int_equal(import(&w, pb, sizeof(pb)), 0);
    assert_true(!w.ring.changed && w.ring.kept[0] == '\0');
    start(&w);
    struct whtnxt_keyring_copy copy = {.path = FILE_, .base64 = true};
    assert_int_equal(whtnxt_keyring_export(&w.cfg, &id, &copy, w.reason), 0);
    const struct simdisk_file *f = simdisk_at(&w.d, FILE_);
    assert_int_equal(f->n_seen, 93);
    assert_int_equal(f->seen[91], '=');
    memcpy(base64, f->seen, f->n_seen);
    assert_memory_equal(base64, text + 1, 48);
    assert_int_equal(whtnxt_keyring_import(&w.cfg, FILE_, &w.ring, w.reason), 0);
    assert_true(lp2p_peer_id_eq(&w.ring.identity.id, &id.id));
    start(&w);
    memmove(base64 + 2, base64, 93);
    memcpy(base64, "\r\n", 2);
    assert_int_equal(import(&w, base64, 95), 0);
    end(&w);
}

/* It was refused because others could read it: the same key from a safe place makes it good. */
static void the_same_key_mends_its_file(void **state)
{
    (void)state;
    static struct world w;
    uint8_t pb[LP2P_PRIVATE_KEY_ED25519_PB_SIZE];
    struct lp2p_identity id;
    start(&w);
    lp2p_identity_encode(&w.first, pb);
    simdisk_at(&w.d, KEY)->mode = 0644;
    assert_int_equal(whtnxt_key_load(&w.cfg, &id, w.reason), -LP2P_E_PERM);
    assert_int_equal(import(&w, pb, sizeof(pb)), 0);
    assert_true(!w.ring.changed && w.ring.kept[0] == '\0');
    struct lp2p_peer_id now = loaded(&w);
    assert_true(is_first(&w, &now) && holds_key(&w, KEY, &w.first));
    end(&w);
}

static void what_is_no_key_is_refused(void **state)
{
    (void)state;
    static struct world w;
    uint8_t pb[LP2P_PRIVATE_KEY_ED25519_PB_SIZE];
    char many[WHTNXT_KEYRING_FILE_MAX + 1];
    static const uint8_t rsa[] = {0x08, 0x00, 0x12, 0x01, 0x00};
    memset(many, 'A', sizeof(many));
    start(&w);
    struct lp2p_identity id = another(&w);
    lp2p_identity_encode(&id, pb);
    refused(&w, whtnxt_keyring_import(&w.cfg, "/home/none", &w.ring, w.reason), -LP2P_E_NOT_FOUND,
            "does not exist.");
    refused(&w, import(&w, "", 0), -LP2P_E_DECODE, "is not a key");
    refused(&w, import(&w, "hello there", 11), -LP2P_E_DECODE, "is not a key");
    refused(&w, import(&w, "AAA=====", 8), -LP2P_E_DECODE, "is not a key");
    refused(&w, import(&w, pb, sizeof(pb) - 1), -LP2P_E_DECODE, "is not a key");
    refused(&w, import(&w, many, sizeof(many)), -LP2P_E_TOO_LONG, "is too long");
    assert_int_not_equal(import(&w, many, sizeof(many) - 1), 0);
    refused(&w, import(&w, rsa, sizeof(rsa)), -LP2P_E_UNSUPPORTED, "not of Ed25519");
    pb[40] ^= 1;
    assert_int_not_equal(import(&w, pb, sizeof(pb)), 0);
    pb[40] ^= 1;
    int file = simdisk_put(&w.d, FILE_, pb, sizeof(pb));
    w.d.files[file].foreign = true;
    refused(&w, whtnxt_keyring_import(&w.cfg, FILE_, &w.ring, w.reason), -LP2P_E_PERM,
            "belongs to another user");
    w.d.files[file].foreign = false;
    w.d.files[file].kind = SIMDISK_SYMLINK;
    refused(&w, whtnxt_keyring_import(&w.cfg, FILE_, &w.ring, w.reason), -LP2P_E_UNSUPPORTED,
            "is not a plain file");
    w.d.files[file].kind = SIMDISK_FILE;
    w.d.files[file].mode = 0644;
    assert_int_equal(whtnxt_keyring_import(&w.cfg, FILE_, &w.ring, w.reason), 0);
    assert_true(w.ring.exposed);
    end(&w);
}

/* ---- export ---- */

static void a_copy_overwrites_nothing_unasked(void **state)
{
    (void)state;
    static struct world w;
    struct whtnxt_keyring_copy copy = {.path = FILE_};
    start(&w);
    assert_int_equal(whtnxt_keyring_export(&w.cfg, &w.first, &copy, w.reason), 0);
    assert_true(holds_key(&w, FILE_, &w.first));
    struct lp2p_identity id = another(&w);
    refused(&w, whtnxt_keyring_export(&w.cfg, &id, &copy, w.reason), -LP2P_E_EXISTS, "is there");
    assert_true(holds_key(&w, FILE_, &w.first));
    copy.force = true;
    assert_int_equal(whtnxt_keyring_export(&w.cfg, &id, &copy, w.reason), 0);
    assert_true(holds_key(&w, FILE_, &id));
    simdisk_power_loss(&w.d, SIMDISK_LOST, 0);
    assert_true(holds_key(&w, FILE_, &id));
    simdisk_at(&w.d, FILE_)->kind = SIMDISK_SYMLINK;
    refused(&w, whtnxt_keyring_export(&w.cfg, &w.first, &copy, w.reason), -LP2P_E_UNSUPPORTED,
            "cannot be written");
    simdisk_at(&w.d, FILE_)->kind = SIMDISK_FILE;
    simdisk_at(&w.d, FILE_)->foreign = true;
    refused(&w, whtnxt_keyring_export(&w.cfg, &w.first, &copy, w.reason), -LP2P_E_PERM,
            "cannot be written");
    end(&w);
}

static void a_copy_that_fails_leaves_nothing(void **state)
{
    (void)state;
    static struct world w;
    for (int force = 0; force < 2; force++) {
        for (int call = 1; call < 8; call++) {
            struct whtnxt_keyring_copy copy = {.path = FILE_, .force = force != 0};
            start(&w);
            struct lp2p_identity id = another(&w);
            if (force != 0) {
                copy.force = false;
                assert_int_equal(whtnxt_keyring_export(&w.cfg, &w.first, &copy, w.reason), 0);
                copy.force = true;
            }
            w.d.fail_at = w.d.calls + call;
            w.d.fail_err = -LP2P_E_IO;
            int err = whtnxt_keyring_export(&w.cfg, &id, &copy, w.reason);
            w.d.fail_at = 0;
            /* Whole and new, or as it was. */
            if (err == 0 || simdisk_at(&w.d, FILE_) != NULL) {
                assert_true(holds_key(&w, FILE_, &id) || holds_key(&w, FILE_, &w.first));
            }
            assert_true(err != 0 || holds_key(&w, FILE_, &id));
            assert_null(simdisk_at(&w.d, FILE_ ".whtnxt-new"));
        }
    }
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_key_and_the_old_one_beside_it),
        cmocka_unit_test(there_and_back_needs_no_second_backup),
        cmocka_unit_test(what_is_no_key_is_put_aside),
        cmocka_unit_test(a_lost_key_can_be_replaced),
        cmocka_unit_test(after_a_loss_of_power_no_key_is_lost),
        cmocka_unit_test(any_call_that_fails_leaves_the_old_key),
        cmocka_unit_test(a_key_is_read_raw_and_in_base64),
        cmocka_unit_test(the_same_key_mends_its_file),
        cmocka_unit_test(what_is_no_key_is_refused),
        cmocka_unit_test(a_copy_overwrites_nothing_unasked),
        cmocka_unit_test(a_copy_that_fails_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
