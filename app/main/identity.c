#include "main/app.h"

#include "base/assert.h"
#include "main/disk.h"
#include "main/store/keyring.h"

#include <stdio.h>

_Static_assert(WHTNXT_MODEL_KEY_PATH >= WHTNXT_STORE_PATH_SIZE, "a path fits");
_Static_assert(WHTNXT_CAUSE_TEXT_SIZE >= WHTNXT_KEY_REASON_SIZE, "a reason fits");

static struct whtnxt_key_cfg key_cfg(const struct whtnxt_app *a)
{
    return (struct whtnxt_key_cfg){
        .disk = whtnxt_disk_real(),
        .crypto = a->crypto,
        .random = a->random,
        .folder = a->cfg->paths->data,
        .peers_path = a->peers_path,
    };
}

int whtnxt_app_load_key(struct whtnxt_app *a, char reason[static WHTNXT_KEY_REASON_SIZE])
{
    struct whtnxt_key_cfg cfg = key_cfg(a);
    return whtnxt_key_load(&cfg, &a->identity, reason);
}

static int key_replace(void *ctx, const char *import, struct whtnxt_key_outcome *ret)
{
    struct whtnxt_app *a = ctx;
    struct whtnxt_key_cfg cfg = key_cfg(a);
    static struct whtnxt_keyring ring; /* exception: a path of 4 KiB, and main has one thread */
    int err = import == NULL ? whtnxt_keyring_renew(&cfg, &ring, ret->reason)
                             : whtnxt_keyring_import(&cfg, import, &ring, ret->reason);
    if (err != 0) {
        return err;
    }
    lp2p_identity_wipe(&a->identity);
    a->identity = ring.identity;
    lp2p_identity_wipe(&ring.identity);
    ret->id = a->identity.id;
    ret->changed = ring.changed;
    ret->exposed = ring.exposed;
    memcpy(ret->kept, ring.kept, sizeof(ring.kept));
    ret->reason[0] = '\0';
    return 0;
}

static int key_copy(void *ctx, const struct whtnxt_key_copy *copy, struct whtnxt_key_outcome *ret)
{
    const struct whtnxt_app *a = ctx;
    struct whtnxt_key_cfg cfg = key_cfg(a);
    struct whtnxt_keyring_copy wish = {
        .path = copy->path, .force = copy->force, .base64 = copy->base64};
    return whtnxt_keyring_export(&cfg, &a->identity, &wish, ret->reason);
}

struct whtnxt_model_key whtnxt_app_key(struct whtnxt_app *a)
{
    snprintf(a->key_path, sizeof(a->key_path), "%s/identity.key", a->cfg->paths->data);
    snprintf(a->peers_path, sizeof(a->peers_path), "%s/peers.json", a->cfg->paths->state);
    return (struct whtnxt_model_key){
        .ctx = a, .path = a->key_path, .replace = key_replace, .copy = key_copy};
}
