/*
 * The identity methods. The key itself never comes here: main carries the wishes out
 * (struct whtnxt_model_key), and the model follows with a node under the new id.
 */
#include <string.h>

#include "base/assert.h"
#include "lp2p/error.h"
#include "model/model_priv.h"

/* Everything that spoke of the old id ends; what is remembered of others stays. */
static void become(struct whtnxt_model *m, uint64_t now, const struct lp2p_peer_id *id)
{
    m->peer_id = *id;
    lp2p_peer_id_format(id, m->id);
    struct model_attempt *a = model_attempt_of(m, m->id);
    if (a != NULL) {
        model_attempt_end(m, now, a, WHTNXT_STAGE_FAILED, WHTNXT_CAUSE_LINK_OWN);
    }
    struct model_peer *p = model_peer_find(m, m->id);
    if (p != NULL) {
        model_peer_remove(m, p);
        model_peers_save(m);
    }
    model_node_restart(m, now);
}

json_t *model_identity_get(const struct whtnxt_model *m)
{
    bool has = m->id[0] != '\0';
    json_t *o = json_object();
    whtnxt_json_put(&o, "peerId", has ? json_string(m->id) : json_null());
    whtnxt_json_put(&o, "keyType", has ? json_string("Ed25519") : json_null());
    whtnxt_json_put(&o, "path", json_string(m->key.path));
    return o;
}

json_t *model_identity_replace(struct whtnxt_model *m, uint64_t now, const char *import,
                               struct whtnxt_key_outcome *out)
{
    int err = m->key.replace(m->key.ctx, import, out);
    if (err != 0) {
        return NULL;
    }
    if (out->changed || m->id[0] == '\0') {
        become(m, now, &out->id);
        model_say(m, WHTNXT_LOG_WARNING, WHTNXT_CAUSE_NONE,
                  "Your identity is another one now: %s. %s%s", m->id,
                  out->kept[0] != '\0' ? "The old key is kept as " : "There was no key before",
                  out->kept);
    }
    json_t *o = model_identity_get(m);
    whtnxt_json_put(&o, "changed", json_boolean(out->changed));
    whtnxt_json_put(&o, "exposed", json_boolean(out->exposed));
    whtnxt_json_put(&o, "kept", out->kept[0] != '\0' ? json_string(out->kept) : json_null());
    return o;
}

enum whtnxt_cause model_identity_export(struct whtnxt_model *m, const struct whtnxt_key_copy *copy,
                                        struct whtnxt_key_outcome *out)
{
    int err = m->key.copy(m->key.ctx, copy, out);
    if (err == -LP2P_E_EXISTS) {
        return WHTNXT_CAUSE_IDENTITY_EXISTS;
    }
    return err == 0 ? WHTNXT_CAUSE_NONE : WHTNXT_CAUSE_IDENTITY_REFUSED;
}
