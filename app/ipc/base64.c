#include "ipc/base64.h"

#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "format/multibase.h"
#include "lp2p/error.h"

/* Between this alphabet and the one of URLs, which the library has. */
static char swap_alphabet(char c)
{
    switch (c) {
    case '+':
        return '-';
    case '/':
        return '_';
    case '-':
        return '+';
    case '_':
        return '/';
    default:
        return c;
    }
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

int whtnxt_base64_decode(struct lp2p_span text, struct lp2p_mspan out, size_t *ret_n)
{
    char url[WHTNXT_BASE64_MAX + 1] = {LP2P_MULTIBASE_64_URL};
    size_t n = 1;
    size_t pads = 0;
    bool good = true;
    if (text.n > WHTNXT_BASE64_MAX) {
        return -LP2P_E_TOO_LONG;
    }
    for (size_t i = 0; i < text.n; i++) {
        char c = (char)text.p[i];
        if (c == '=') {
            pads++;
        } else if (!is_blank(c)) {
            /* Nothing follows the padding, and the other alphabet is not this one. */
            good = good && pads == 0 && c != '-' && c != '_';
            url[n++] = swap_alphabet(c);
        }
    }
    good = good && (pads == 0 || (n - 1 + pads) % 4 == 0) && pads <= 2;
    int err = good ? lp2p_multibase_decode(url, n, out, ret_n) : -LP2P_E_DECODE;
    lp2p_wipe(url, sizeof(url));
    return err;
}

int whtnxt_base64_encode(struct lp2p_span in, struct lp2p_mspan out, size_t *ret_n)
{
    char url[WHTNXT_BASE64_MAX + 2];
    size_t n;
    LP2P_TRY(lp2p_multibase_encode(LP2P_MULTIBASE_64_URL, in, url, sizeof(url), &n));
    size_t len = (n - 1 + 3) / 4 * 4;
    int err = len > out.n ? -LP2P_E_TOO_LONG : 0;
    if (err == 0) {
        memset(out.p, '=', len);
        for (size_t i = 1; i < n; i++) {
            out.p[i - 1] = (uint8_t)swap_alphabet(url[i]);
        }
        *ret_n = len;
    }
    lp2p_wipe(url, sizeof(url));
    return err;
}
