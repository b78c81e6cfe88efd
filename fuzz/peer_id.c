/* A text that was taken prints as base58 that reads back to the same id; bytes likewise. */
#include "lp2p/peer_id.h"

#include "base/assert.h"
#include "crypto/crypto.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void check(const struct lp2p_peer_id *id)
{
    char text[LP2P_PEER_ID_TEXT_SIZE];
    size_t len = lp2p_peer_id_format(id, text);
    struct lp2p_peer_id again;
    LP2P_ASSERT(lp2p_peer_id_parse(text, len, &again) == 0);
    LP2P_ASSERT(lp2p_peer_id_eq(id, &again));
    LP2P_ASSERT(lp2p_peer_id_decode(id->bytes, id->len, &again) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct lp2p_peer_id id;
    LP2P_ASSERT(lp2p_crypto_init() == 0);
    if (lp2p_peer_id_parse((const char *)p, n, &id) == 0) {
        check(&id);
    }
    if (lp2p_peer_id_decode(p, n, &id) == 0) {
        LP2P_ASSERT(id.len == n);
        check(&id);
    }
    return 0;
}
