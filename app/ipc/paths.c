#include "ipc/paths.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "lp2p/error.h"

#define PROFILE_FIRST "abcdefghijklmnopqrstuvwxyz0123456789"

bool whtnxt_profile_is_valid(const char *name)
{
    size_t n = strlen(name);
    return n >= 1 && n < WHTNXT_PROFILE_SIZE && strspn(name, PROFILE_FIRST) >= 1 &&
           strspn(name, PROFILE_FIRST "_-") == n;
}

int whtnxt_profile_choose(const char *option, whtnxt_env_fn *env, void *ctx, const char **ret)
{
    const char *name = option;
    if (name == NULL) {
        name = env(ctx, "WHTNXT_PROFILE");
    }
    if (name == NULL) {
        name = WHTNXT_PROFILE_DEFAULT;
    }
    if (!whtnxt_profile_is_valid(name)) {
        return -LP2P_E_INVAL;
    }
    *ret = name;
    return 0;
}

struct xdg {
    const char *home;
    const char *profile;
    whtnxt_env_fn *env;
    void *ctx;
};

static int path_fits(int n)
{
    return n < 0 || (size_t)n >= WHTNXT_PATH_SIZE ? -LP2P_E_TOO_LONG : 0;
}

/* <variable or home/fallback>/whtnxt/<profile> */
static int xdg_folder(const struct xdg *x, const char *var, const char *fallback,
                      char ret[static WHTNXT_PATH_SIZE])
{
    const char *base = x->env(x->ctx, var);
    if (base != NULL && base[0] == '/') {
        return path_fits(snprintf(ret, WHTNXT_PATH_SIZE, "%s/whtnxt/%s", base, x->profile));
    }
    if (x->home == NULL || x->home[0] != '/') {
        return -LP2P_E_INVAL;
    }
    return path_fits(
        snprintf(ret, WHTNXT_PATH_SIZE, "%s/%s/whtnxt/%s", x->home, fallback, x->profile));
}

int whtnxt_paths_init(struct whtnxt_paths *p, const char *profile, const char *home,
                      whtnxt_env_fn *env, void *ctx)
{
    LP2P_ASSERT(whtnxt_profile_is_valid(profile));
    struct xdg x = {.home = home, .profile = profile, .env = env, .ctx = ctx};
    memcpy(p->profile, profile, strlen(profile) + 1);
    LP2P_TRY(xdg_folder(&x, "XDG_DATA_HOME", ".local/share", p->data));
    LP2P_TRY(xdg_folder(&x, "XDG_STATE_HOME", ".local/state", p->state));
    LP2P_TRY(xdg_folder(&x, "XDG_CONFIG_HOME", ".config", p->config));
    const char *run = env(ctx, "XDG_RUNTIME_DIR");
    if (run != NULL && run[0] == '/') {
        LP2P_TRY(path_fits(snprintf(p->run, sizeof(p->run), "%s/whtnxt/%s", run, profile)));
    } else {
        LP2P_TRY(path_fits(snprintf(p->run, sizeof(p->run), "%s/run", p->state)));
    }
    return path_fits(snprintf(p->socket, sizeof(p->socket), "%s/control.sock", p->run));
}
