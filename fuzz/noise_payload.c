/* NoiseHandshakePayload: what was read is written and read again, and is the same. */
#include "base/mem.h"
#include "harness/check.h"
#include "proto/noise/noise.h"
#include "proto/noise/payload.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void check_same(const struct lp2p_noise_payload *a, const struct lp2p_noise_payload *b)
{
    HARNESS_CHECK(lp2p_span_eq(a->identity_key, b->identity_key), "identity key");
    HARNESS_CHECK(lp2p_span_eq(a->identity_sig, b->identity_sig), "signature");
    HARNESS_CHECK(a->n_muxers == b->n_muxers, "%zu muxers, %zu", a->n_muxers, b->n_muxers);
    for (size_t i = 0; i < a->n_muxers; i++) {
        HARNESS_CHECK(lp2p_span_eq(a->muxers[i], b->muxers[i]), "muxer %zu", i);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct lp2p_span muxers[LP2P_NOISE_MUXERS_MAX];
    struct lp2p_span again[LP2P_NOISE_MUXERS_MAX];
    struct lp2p_noise_payload a;
    struct lp2p_noise_payload b;
    if (lp2p_noise_payload_decode(lp2p_span(p, n), muxers, &a) != 0) {
        return 0;
    }
    size_t size = lp2p_noise_payload_size(&a);
    uint8_t *out = lp2p_alloc(lp2p_mem_default(), size);
    HARNESS_CHECK(out != NULL, "out of memory");
    lp2p_noise_payload_encode(&a, out);
    HARNESS_CHECK(lp2p_noise_payload_decode(lp2p_span(out, size), again, &b) == 0, "own encoding");
    check_same(&a, &b);
    lp2p_free(lp2p_mem_default(), out);
    return 0;
}
