/*
 * The shared harness of all engines (docs/style.md, "The engine contract"): feeds the same input
 * whole, byte by byte and randomly cut, answers NEED events at once and late, and holds the engine
 * to the split rule: same events once neighbouring data of one stream is joined, same number of
 * bytes used, same error, same output once records are opened and joined.
 *
 * An engine comes with an adaptor of about forty lines (struct engine_ops). Each call of `recv`
 * gets its bytes in a block of exactly their size that is freed after the events have been pulled,
 * so ASan sees a read past the input and a span kept too long. The harness also checks that bytes
 * not used are unchanged, that an error is sticky, and that an engine that leaves bytes has one of
 * the reasons the contract allows.
 *
 * Commands: those of the start are given in `make`, those that answer an event in `event` (never in
 * answer to one piece of data: pieces depend on the cut), those of the end in `finish`.
 */
#ifndef LP2P_HARNESS_ENGINE_H
#define LP2P_HARNESS_ENGINE_H

#include "base/span.h"

/* What happened, as text: one line an event, neighbouring data of one stream on one line. */
struct engine_log {
    char *text; /* NUL-terminated */
    size_t len;
    size_t cap;
    bool in_data; /* the last line is data of `stream` and may grow */
    uint64_t stream;
};

/* One line; `format` without newline. */
void engine_log_event(struct engine_log *log, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Data of a stream (0 where there is only one). */
void engine_log_data(struct engine_log *log, uint64_t stream, const void *p, size_t n);

enum engine_pull {
    ENGINE_NONE = 0, /* no event waits */
    ENGINE_LOGGED,   /* one was pulled and logged */
    ENGINE_NEED,     /* as LOGGED, and the engine waits for `answer` */
};

/* The adaptor. `ctx` is the test's, `e` the engine that `make` made. Members marked * may be NULL.
 */
struct engine_ops {
    /* A fresh engine; must behave the same every time (seeded random). Commands of the start. */
    int (*make)(void *ctx, void **ret);
    void (*drop)(void *ctx, void *e);
    int (*recv)(void *e, lp2p_ts now, uint8_t *bytes, size_t n, size_t *ret_used);
    enum engine_pull (*event)(void *e, struct engine_log *log);
    struct lp2p_span (*out)(void *e);
    void (*out_done)(void *e, size_t n);
    /* * The sticky error, 0 or -LP2P_E_...; checked against what recv returned. */
    int (*error)(const void *e);
    /* * The answer to NEED. */
    int (*answer)(void *e);
    /* * Record engines: `_want`. */
    size_t (*want)(const void *e, const uint8_t *bytes, size_t n);
    /* * Finished: the rest of the input is the next layer's. */
    bool (*is_done)(const void *e);
    /* * Commands and log lines after all input. */
    void (*finish)(void *e, struct engine_log *log);
    /* * Opens and joins the records of the output: rewrites `out` in place, returns its length. */
    size_t (*open_out)(void *ctx, uint8_t *out, size_t n);
};

enum engine_cut { ENGINE_WHOLE, ENGINE_BYTES, ENGINE_RANDOM };

struct engine_way {
    enum engine_cut cut;
    uint64_t seed;  /* RANDOM: of the cuts */
    bool late;      /* NEED is answered only after all input was offered */
    bool eager_out; /* output is pulled after every recv, not when the engine waits or at the end */
};

struct engine_result {
    struct engine_log log;
    uint8_t *out;
    size_t out_len;
    size_t used; /* bytes of the input */
    int err;     /* of make, recv or answer: 0 or -LP2P_E_... */
};

/* One run. Free the result with engine_result_fini. */
void engine_run(const struct engine_ops *ops, void *ctx, struct lp2p_span input,
                struct engine_way way, struct engine_result *ret);
void engine_result_fini(struct engine_result *r);

/* Aborts, and prints both logs, when two runs differ. `out` too unless one of them was eager. */
void engine_check_same(const struct engine_result *a, const struct engine_result *b,
                       const struct engine_way *way);

/*
 * All ways: whole and byte by byte, 16 random cuts from `seed` on, each with NEED answered at once
 * and late, output lazy and eager. `ret` (may be NULL) is the run with the whole input.
 */
void engine_check_splits(const struct engine_ops *ops, void *ctx, struct lp2p_span input,
                         uint64_t seed, struct engine_result *ret);

/* splitmix64: the harness's source of numbers. */
uint64_t engine_random(uint64_t *seed);

#endif
