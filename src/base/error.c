#include "lp2p/error.h"

static const struct {
    const char *name;
    const char *text;
} errors[LP2P_E_COUNT] = {[LP2P_OK] = {"OK", "success"},
#define X(name, text) [LP2P_E_##name] = {#name, text},
                          LP2P_ERRORS(X)
#undef X
};

static size_t error_index(int code)
{
    int i = code < 0 && code > -LP2P_E_COUNT ? -code : code;
    return i >= 0 && i < LP2P_E_COUNT ? (size_t)i : (size_t)LP2P_E_INTERNAL;
}

const char *lp2p_error_name(int code)
{
    return errors[error_index(code)].name;
}

const char *lp2p_error_text(int code)
{
    return errors[error_index(code)].text;
}
