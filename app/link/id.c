#include "link/id_priv.h"

#include "base/assert.h"
#include "format/base58.h"
#include "lp2p/error.h"

/* How long an id is that begins like this: base58 of a multihash, and CIDv1 of the three sizes
 * there are (SHA-256; inlined Ed25519; inlined secp256k1) in the bases we know. */
static const struct {
    const char *start;
    size_t len[3];
} id_shapes[] = {
    {"12D3KooW", {52, 52, 52}}, /* Ed25519 */
    {"16Uiu2HA", {53, 53, 53}}, /* secp256k1 */
    {"Qm", {46, 46, 46}},       /* SHA-256 */
    {"b", {59, 65, 67}},        {"B", {59, 65, 67}}, {"k", {56, 62, 63}},
    {"z", {49, 55, 56}},        {"u", {49, 55, 56}}, {"f", {73, 81, 83}},
};

/* Shortest of all: anything below is cut off, whatever it was. */
#define ID_MIN_LEN 46U

/* True when an id in the multibase that its first character names may have this character. */
static bool id_base_has(uint8_t base, uint8_t c)
{
    bool lower = c >= 'a' && c <= 'z';
    bool upper = c >= 'A' && c <= 'Z';
    bool digit = c >= '0' && c <= '9';
    switch (base) {
    case 'b':
        return lower || (c >= '2' && c <= '7');
    case 'B':
        return upper || (c >= '2' && c <= '7');
    case 'k':
        return lower || digit;
    case 'u':
        return lower || upper || digit || c == '-' || c == '_';
    case 'f':
        return digit || (c >= 'a' && c <= 'f');
    default:
        return false;
    }
}

/* Index of the first character that neither base58 nor the id's own base has; n: none. */
static size_t id_bad_char(struct lp2p_span text)
{
    size_t i = 0;
    while (i < text.n && (lp2p_base58_bad_char((const char *)text.p + i, 1) == 1 ||
                          id_base_has(text.p[0], text.p[i]))) {
        i++;
    }
    return i;
}

/* True when the text is as long as what it begins with should be. */
static bool id_length_is_right(struct lp2p_span text)
{
    for (size_t i = 0; i < LP2P_COUNT(id_shapes); i++) {
        size_t n = strlen(id_shapes[i].start);
        if (text.n >= n && memcmp(text.p, id_shapes[i].start, n) == 0) {
            return text.n == id_shapes[i].len[0] || text.n == id_shapes[i].len[1] ||
                   text.n == id_shapes[i].len[2];
        }
    }
    return text.n >= ID_MIN_LEN;
}

/* An Ed25519 id in small letters; one that is right has capitals at its beginning. */
static bool id_is_lowered(struct lp2p_span text)
{
    static const char start[] = "12d3koow";
    return text.n >= sizeof(start) - 1 && memcmp(text.p, start, sizeof(start) - 1) == 0;
}

int whtnxt_link_id_parse(struct lp2p_span text, struct lp2p_peer_id *ret,
                         struct whtnxt_link_fault *ret_fault)
{
    if (lp2p_peer_id_parse((const char *)text.p, text.n, ret) == 0) {
        return 0;
    }
    struct whtnxt_link_fault fault = {.error = WHTNXT_LINK_DAMAGED};
    size_t bad = id_bad_char(text);
    if (text.n == 0) {
        fault.error = WHTNXT_LINK_NO_ID;
    } else if (id_is_lowered(text)) {
        fault.error = WHTNXT_LINK_LOWERED;
    } else if (bad < text.n) {
        fault.error = WHTNXT_LINK_BAD_CHAR;
        fault.position = bad + 1;
    } else if (!id_length_is_right(text)) {
        fault.error = WHTNXT_LINK_CUT;
    }
    *ret_fault = fault;
    return -LP2P_E_DECODE;
}
