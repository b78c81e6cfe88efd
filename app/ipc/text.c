#include <string.h>

#include "base/assert.h"
#include "base/text.h"
#include "ipc/json.h"
#include "ipc/state.h"

/* The mark of a cut. */
#define CLEAN_CUT "..."

size_t whtnxt_clean(char *buf, size_t size, const char *text, size_t n, size_t chars)
{
    LP2P_ASSERT(size >= 2 * sizeof(CLEAN_CUT));
    const uint8_t *p = (const uint8_t *)text;
    size_t at = 0;
    for (size_t i = 0; i < chars && at < n; i++) {
        uint32_t c;
        size_t len = lp2p_text_decode(lp2p_span(p + at, n - at), &c);
        len = LP2P_MAX(len, 1U);
        if (at + len > size - sizeof(CLEAN_CUT)) {
            break;
        }
        at += len;
    }
    size_t out = lp2p_text_clean(lp2p_span(p, at), buf, size - sizeof(CLEAN_CUT) + 1);
    if (at < n) {
        memcpy(buf + out, CLEAN_CUT, sizeof(CLEAN_CUT));
        out += sizeof(CLEAN_CUT) - 1;
    }
    return out;
}

/* Shortest and longest text of an id: 34 bytes make at least 44 digits (a SHA-256 multihash begins
 * with 0x12), 44 bytes at most 61; the short ones of tests are not ours to judge. */
#define ID_TEXT_MIN 8U

bool whtnxt_is_id_text(const char *text)
{
    static const char alphabet[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    size_t n = strlen(text);
    return n >= ID_TEXT_MIN && n < WHTNXT_ID_SIZE && strspn(text, alphabet) == n;
}

void whtnxt_short_id(const char *id, char buf[static WHTNXT_SHORT_ID_SIZE])
{
    size_t n = strlen(id);
    if (n < 18) {
        n = LP2P_MIN(n, WHTNXT_SHORT_ID_SIZE - 1);
        memcpy(buf, id, n);
        buf[n] = '\0';
        return;
    }
    memcpy(buf, id + 8, 4);
    memcpy(buf + 4, "\xe2\x80\xa6", 3);
    memcpy(buf + 7, id + n - 6, 7);
}
