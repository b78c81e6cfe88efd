#include "format/peer_text.h"

#include "base/assert.h"
#include "format/base58.h"
#include "format/multibase.h"
#include "format/multihash.h"
#include "lp2p/error.h"

/* CID version 1 and codec libp2p-key (0x72), both one byte as varints. */
static const uint8_t cid_head[2] = {0x01, 0x72};

/* Ids in base58btc begin with `1` (identity) or `Qm` (SHA-256); no multibase prefix does. */
static bool peer_text_is_base58(const char *text, size_t n)
{
    return n >= 2 && (text[0] == '1' || (text[0] == 'Q' && text[1] == 'm'));
}

static int peer_text_decode(const char *text, size_t n, struct lp2p_mspan out, size_t *ret_len)
{
    int err = peer_text_is_base58(text, n) ? lp2p_base58_decode(text, n, out, ret_len)
                                           : lp2p_multibase_decode(text, n, out, ret_len);
    return err == 0 ? 0 : -LP2P_E_DECODE;
}

int lp2p_peer_text_parse(const char *text, size_t n, uint8_t ret[static LP2P_PEER_ID_MAX],
                         size_t *ret_len)
{
    if (n > LP2P_PEER_TEXT_MAX) {
        return -LP2P_E_TOO_LONG;
    }
    uint8_t bytes[sizeof(cid_head) + LP2P_PEER_ID_MAX];
    size_t len;
    LP2P_TRY(peer_text_decode(text, n, (struct lp2p_mspan){.p = bytes, .n = sizeof(bytes)}, &len));
    struct lp2p_span mh = lp2p_span(bytes, len);
    if (!peer_text_is_base58(text, n)) {
        if (len < sizeof(cid_head) || memcmp(bytes, cid_head, sizeof(cid_head)) != 0) {
            return -LP2P_E_DECODE;
        }
        mh = lp2p_span(bytes + sizeof(cid_head), len - sizeof(cid_head));
    }
    if (mh.n > LP2P_PEER_ID_MAX || !lp2p_multihash_is_peer(mh)) {
        return -LP2P_E_DECODE;
    }
    memcpy(ret, mh.p, mh.n);
    *ret_len = mh.n;
    return 0;
}

size_t lp2p_peer_text_format(struct lp2p_span multihash, char text[static LP2P_PEER_ID_TEXT_SIZE])
{
    LP2P_ASSERT(multihash.n >= 1 && multihash.n <= LP2P_PEER_ID_MAX);
    size_t len = 0;
    int err = lp2p_base58_encode(multihash, text, LP2P_PEER_ID_TEXT_SIZE, &len);
    LP2P_ASSERT(err == 0); /* 44 bytes make at most 61 characters */
    return len;
}
