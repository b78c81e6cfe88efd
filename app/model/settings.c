#include <string.h>

#include "base/assert.h"
#include "lp2p/error.h"
#include "model/model_priv.h"

#define SETTINGS_VERSION 1
/* Below it only root may listen. */
#define PORT_LEAST 1024
static const char *const confirm_words[] = {"never", "strangers", "always"};

uint16_t model_settings_draw_port(const struct whtnxt_model *m)
{
    return (uint16_t)(WHTNXT_PORT_MIN +
                      lp2p_random_below(m->random, WHTNXT_PORT_MAX - WHTNXT_PORT_MIN + 1));
}

/* ---- one setting ---- */

static json_t *port_get(const struct whtnxt_model *m)
{
    return json_integer(m->port);
}

static int port_set(struct whtnxt_model *m, const json_t *v)
{
    json_int_t port = json_integer_value(v);
    if (!json_is_integer(v) || port < PORT_LEAST || port > UINT16_MAX) {
        return -LP2P_E_DECODE;
    }
    m->port = (uint16_t)port;
    return 0;
}

static void port_reset(struct whtnxt_model *m)
{
    m->port = model_settings_draw_port(m);
}

static json_t *confirm_get(const struct whtnxt_model *m)
{
    return json_string(confirm_words[m->confirm]);
}

static int confirm_set(struct whtnxt_model *m, const json_t *v)
{
    for (unsigned i = 0; json_is_string(v) && i < LP2P_COUNT(confirm_words); i++) {
        if (strcmp(json_string_value(v), confirm_words[i]) == 0) {
            m->confirm = (enum model_confirm)i;
            return 0;
        }
    }
    return -LP2P_E_DECODE;
}

static void confirm_reset(struct whtnxt_model *m)
{
    m->confirm = MODEL_CONFIRM_NEVER;
}

static const struct setting {
    const char *key;
    const char *takes; /* in a sentence: "takes ..." */
    json_t *(*get)(const struct whtnxt_model *m);
    int (*set)(struct whtnxt_model *m, const json_t *v);
    void (*reset)(struct whtnxt_model *m);
} settings[] = {
    {"listen.port", "a whole number from 1024 to 65535", port_get, port_set, port_reset},
    {"links.confirm", "never, strangers or always", confirm_get, confirm_set, confirm_reset},
};

enum whtnxt_cause model_settings_set(struct whtnxt_model *m, const char *key, const json_t *v,
                                     const char **ret_takes)
{
    const struct setting *s = settings;
    while (s < settings + LP2P_COUNT(settings) && strcmp(s->key, key) != 0) {
        s++;
    }
    if (s == settings + LP2P_COUNT(settings)) {
        return WHTNXT_CAUSE_SETTING_UNKNOWN;
    }
    if (m->settings_locked) {
        return WHTNXT_CAUSE_SETTINGS_LOCKED;
    }
    if (json_is_null(v)) {
        s->reset(m);
    } else if (s->set(m, v) != 0) {
        *ret_takes = s->takes;
        return WHTNXT_CAUSE_SETTING_REFUSED;
    }
    (void)model_act(m, WHTNXT_DO_SAVE_SETTINGS);
    return WHTNXT_CAUSE_NONE;
}

/* ---- the file ---- */

json_t *whtnxt_model_settings(const struct whtnxt_model *m)
{
    json_t *o = json_object();
    whtnxt_json_put(&o, "version", json_integer(SETTINGS_VERSION));
    for (size_t i = 0; i < LP2P_COUNT(settings); i++) {
        whtnxt_json_put(&o, settings[i].key, settings[i].get(m));
    }
    return o;
}

int whtnxt_model_load_settings(struct whtnxt_model *m, const json_t *o)
{
    uint64_t version;
    m->settings_locked = false;
    if (o == NULL) {
        (void)model_act(m, WHTNXT_DO_SAVE_SETTINGS);
        return 0;
    }
    m->settings_locked = true;
    LP2P_TRY(whtnxt_json_get_u64(o, "version", UINT32_MAX, &version));
    if (version != SETTINGS_VERSION) {
        return -LP2P_E_VERSION;
    }
    const uint16_t port = m->port;
    const enum model_confirm confirm = m->confirm;
    int err = 0;
    for (size_t i = 0; err == 0 && i < LP2P_COUNT(settings); i++) {
        err = settings[i].set(m, json_object_get(o, settings[i].key));
    }
    /* All of it or nothing. */
    m->port = err == 0 ? m->port : port;
    m->confirm = err == 0 ? m->confirm : confirm;
    m->settings_locked = err != 0;
    return err;
}

void whtnxt_model_lock_settings(struct whtnxt_model *m)
{
    m->settings_locked = true;
}
