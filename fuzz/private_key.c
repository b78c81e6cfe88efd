/* A key file that was taken is written in the one form we write, and read back. */
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
    struct lp2p_identity id;
    if (lp2p_identity_decode(crypto, lp2p_span(p, n), &id) != 0) {
        return 0;
    }
    uint8_t pb[LP2P_PRIVATE_KEY_ED25519_PB_SIZE];
    lp2p_identity_encode(&id, pb);
    struct lp2p_identity again;
    LP2P_ASSERT(lp2p_identity_decode(crypto, lp2p_span(pb, sizeof(pb)), &again) == 0);
    LP2P_ASSERT(memcmp(again.seed, id.seed, sizeof(id.seed)) == 0);
    LP2P_ASSERT(lp2p_peer_id_eq(&again.id, &id.id));
    LP2P_ASSERT(lp2p_peer_id_decode(id.id.bytes, id.id.len, &again.id) == 0);
    return 0;
}
