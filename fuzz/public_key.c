/* A key that was taken encodes to bytes that decode to the same key and the same id. */
#include "base/assert.h"
#include "identity/key.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    static struct lp2p_crypto *crypto;
    if (crypto == NULL) {
        LP2P_ASSERT(lp2p_crypto_init() == 0);
        LP2P_ASSERT(lp2p_crypto_new(lp2p_mem_default(), &crypto) == 0);
    }
    struct lp2p_public_key key;
    if (lp2p_public_key_decode(lp2p_span(p, n), &key) != 0) {
        return 0;
    }
    uint8_t pb[LP2P_PUBLIC_KEY_PB_MAX];
    size_t len = lp2p_public_key_encode(&key, pb);
    LP2P_ASSERT(len <= n);
    struct lp2p_public_key again;
    LP2P_ASSERT(lp2p_public_key_decode(lp2p_span(pb, len), &again) == 0);
    LP2P_ASSERT(again.type == key.type && again.len == key.len);
    LP2P_ASSERT(memcmp(again.data, key.data, key.len) == 0);
    struct lp2p_peer_id id;
    LP2P_ASSERT(lp2p_public_key_peer_id(crypto, &key, &id) == 0);
    LP2P_ASSERT(id.len == (len <= 42 ? len + 2 : 34));
    /* a key that was taken can be asked, and did not sign this */
    static const uint8_t sig[256] = {0x30, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x01};
    size_t size = key.type == LP2P_KEY_RSA ? 256 : key.type == LP2P_KEY_ED25519 ? 64 : 8;
    LP2P_ASSERT(lp2p_public_key_verify(crypto, &key, lp2p_span_str("x"), lp2p_span(sig, size)) !=
                0);
    return 0;
}
