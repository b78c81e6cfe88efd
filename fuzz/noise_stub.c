/*
 * Noise with cryptography that believes everything, so that payloads, muxers and transport records
 * are reached: the first byte cuts, the second chooses the role.
 */
#include "fuzz_engine.h"
#include "harness/engine_noise.h"
#include "harness/stub_crypto.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    static struct noise_end end;
    if (n < 2) {
        return 0;
    }
    bool responder = (p[1] & 1) != 0;
    noise_end_init(&end, &stub_crypto, responder ? LP2P_NOISE_RESPONDER : LP2P_NOISE_INITIATOR,
                   responder ? 2 : 1);
    fuzz_engine_way(&noise_ops, &end, lp2p_span(p + 2, n - 2), fuzz_way(p[0], true));
    return 0;
}
