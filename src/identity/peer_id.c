#include "lp2p/peer_id.h"

#include "base/assert.h"
#include "format/multihash.h"
#include "format/peer_text.h"
#include "identity/key.h"
#include "lp2p/error.h"

/* An inlined key is a PublicKey message, encoded the one way there is, that can verify something:
 * every other id would belong to nobody. */
static bool peer_id_key_is_good(struct lp2p_span pb)
{
    struct lp2p_public_key key;
    uint8_t again[LP2P_PUBLIC_KEY_PB_MAX];
    if (lp2p_public_key_decode(pb, &key) != 0) {
        return false;
    }
    size_t n = lp2p_public_key_encode(&key, again);
    if (!lp2p_span_eq(pb, lp2p_span(again, n))) {
        return false;
    }
    return key.type != LP2P_KEY_ED25519 || lp2p_ed25519_is_point(key.data);
}

int lp2p_peer_id_decode(const uint8_t *bytes, size_t n, struct lp2p_peer_id *ret)
{
    struct lp2p_multihash mh;
    if (n > LP2P_PEER_ID_MAX || !lp2p_multihash_is_peer(lp2p_span(bytes, n)) ||
        lp2p_multihash_decode(lp2p_span(bytes, n), &mh) != 0) {
        return -LP2P_E_DECODE;
    }
    if (mh.code == LP2P_MULTIHASH_IDENTITY && !peer_id_key_is_good(mh.digest)) {
        return -LP2P_E_DECODE;
    }
    *ret = (struct lp2p_peer_id){.len = (uint8_t)n};
    memcpy(ret->bytes, bytes, n);
    return 0;
}

int lp2p_peer_id_parse(const char *text, size_t n, struct lp2p_peer_id *ret)
{
    uint8_t bytes[LP2P_PEER_ID_MAX];
    size_t len;
    LP2P_TRY(lp2p_peer_text_parse(text, n, bytes, &len));
    return lp2p_peer_id_decode(bytes, len, ret);
}

size_t lp2p_peer_id_format(const struct lp2p_peer_id *id, char text[static LP2P_PEER_ID_TEXT_SIZE])
{
    return lp2p_peer_text_format(lp2p_span(id->bytes, id->len), text);
}

bool lp2p_peer_id_eq(const struct lp2p_peer_id *a, const struct lp2p_peer_id *b)
{
    return lp2p_span_eq(lp2p_span(a->bytes, a->len), lp2p_span(b->bytes, b->len));
}
