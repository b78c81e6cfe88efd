/*
 * The engine harness as a fuzz target: the first byte chooses how the rest is cut, and the run is
 * compared with the one that had it whole. A target is an adaptor (the one of the unit test) and
 *
 *     FUZZ_ENGINE(&ops, ctx)
 */
#ifndef LP2P_FUZZ_ENGINE_H
#define LP2P_FUZZ_ENGINE_H

#include "harness/engine.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static inline struct engine_way fuzz_way(uint8_t how, bool answers)
{
    return (struct engine_way){
        .cut = (how & 3) == 0 ? ENGINE_BYTES : ENGINE_RANDOM,
        .seed = how,
        .late = answers && (how & 4) != 0,
        .eager_out = (how & 8) != 0,
    };
}

/* Whole and `way`, compared. */
static inline void fuzz_engine_way(const struct engine_ops *ops, void *ctx, struct lp2p_span input,
                                   struct engine_way way)
{
    struct engine_result whole;
    struct engine_result cut;
    engine_run(ops, ctx, input, (struct engine_way){.cut = ENGINE_WHOLE}, &whole);
    engine_run(ops, ctx, input, way, &cut);
    engine_check_same(&whole, &cut, &way);
    engine_result_fini(&whole);
    engine_result_fini(&cut);
}

/* The first byte chooses the way, the rest is the input. */
static inline int fuzz_engine(const struct engine_ops *ops, void *ctx, const uint8_t *p, size_t n)
{
    if (n > 0) {
        fuzz_engine_way(ops, ctx, lp2p_span(p + 1, n - 1), fuzz_way(p[0], ops->answer != NULL));
    }
    return 0;
}

#define FUZZ_ENGINE(ops, ctx)                              \
    int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n) \
    {                                                      \
        return fuzz_engine((ops), (ctx), p, n);            \
    }

#endif
