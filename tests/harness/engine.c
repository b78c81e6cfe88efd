#include "harness/engine.h"

#include "harness/check.h"
#include "lp2p/error.h"

#include <inttypes.h>
#include <stdarg.h>

/* Any time will do: engines only compare. */
#define ENGINE_NOW LP2P_SEC(1)

/* An engine that reports more events than this for one input spins. */
#define ENGINE_EVENTS_MAX 1000000U

/* As many calls in a row that use nothing are no progress, whatever they report. */
#define ENGINE_IDLE_MAX 1000U

#define ENGINE_RANDOM_CUTS 16U

struct run {
    const struct engine_ops *ops;
    void *e;
    struct engine_way way;
    struct lp2p_span input;
    size_t offered; /* bytes of the input that the engine has been shown */
    uint64_t seed;
    bool need; /* unanswered */
    bool progress;
    bool stop;
    size_t out_cap;
    struct engine_result *r;
};

uint64_t engine_random(uint64_t *seed)
{
    uint64_t z = *seed += 0x9E3779B97F4A7C15U;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
}

static void *grow(void *p, size_t *cap, size_t need)
{
    if (need <= *cap) {
        return p;
    }
    *cap = need * 2;
    p = realloc(p, *cap);
    HARNESS_CHECK(p != NULL, "out of memory");
    return p;
}

static void log_char(struct engine_log *log, char c)
{
    log->text = grow(log->text, &log->cap, log->len + 2);
    log->text[log->len++] = c;
    log->text[log->len] = '\0';
}

void engine_log_event(struct engine_log *log, const char *format, ...)
{
    char line[1024];
    va_list ap;
    va_start(ap, format);
    int n = vsnprintf(line, sizeof(line), format, ap);
    va_end(ap);
    HARNESS_CHECK(n >= 0 && (size_t)n < sizeof(line), "an event of more than a line");
    if (log->in_data) {
        log_char(log, '\n');
        log->in_data = false;
    }
    for (const char *c = line; *c != '\0'; c++) {
        log_char(log, *c);
    }
    log_char(log, '\n');
}

void engine_log_data(struct engine_log *log, uint64_t stream, const void *p, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *bytes = p;
    if (n == 0) {
        return;
    }
    if (!log->in_data || log->stream != stream) {
        engine_log_event(log, "data %" PRIu64, stream);
        log->len--; /* the newline comes when the data ends */
        log_char(log, ' ');
        log->in_data = true;
        log->stream = stream;
    }
    for (size_t i = 0; i < n; i++) {
        log_char(log, digits[bytes[i] >> 4]);
        log_char(log, digits[bytes[i] & 15]);
    }
}

static void pull_out(struct run *run)
{
    for (;;) {
        struct lp2p_span out = run->ops->out(run->e);
        if (out.n == 0) {
            return;
        }
        struct lp2p_span again = run->ops->out(run->e);
        HARNESS_CHECK(out.p == again.p && out.n == again.n, "output moved before it was done");
        /* In two halves: acknowledging a part must not lose or repeat anything. */
        size_t n = out.n > 1 ? out.n / 2 : 1;
        run->r->out = grow(run->r->out, &run->out_cap, run->r->out_len + n);
        memcpy(run->r->out + run->r->out_len, out.p, n);
        run->r->out_len += n;
        run->ops->out_done(run->e, n);
        run->progress = true;
    }
}

static void failed(struct run *run, int err)
{
    if (err == 0) {
        return;
    }
    HARNESS_CHECK(run->ops->error == NULL || run->ops->error(run->e) == err,
                  "%s was returned, %s is the sticky error", lp2p_error_name(err),
                  run->ops->error == NULL ? "" : lp2p_error_name(run->ops->error(run->e)));
    run->r->err = err;
    run->stop = true;
}

static void pull_events(struct run *run);

static void answer(struct run *run)
{
    run->need = false;
    run->progress = true;
    failed(run, run->ops->answer(run->e));
    pull_events(run);
}

static void pull_events(struct run *run)
{
    for (unsigned n = 0;; n++) {
        HARNESS_CHECK(n < ENGINE_EVENTS_MAX, "events without end");
        enum engine_pull pulled = run->ops->event(run->e, &run->r->log);
        if (pulled == ENGINE_NONE) {
            return;
        }
        run->progress = true;
        if (pulled == ENGINE_NEED) {
            HARNESS_CHECK(!run->need, "a second NEED before the answer");
            run->need = true;
            if (!run->way.late) {
                answer(run);
                return;
            }
        }
    }
}

/* One recv with the bytes that are shown and not used, in a block of their own. */
static void feed(struct run *run)
{
    const uint8_t *from = run->input.n == 0 ? NULL : run->input.p + run->r->used;
    size_t n = run->offered - run->r->used;
    uint8_t *block = malloc(n == 0 ? 1 : n);
    HARNESS_CHECK(block != NULL, "out of memory");
    if (n > 0) {
        memcpy(block, from, n);
    }
    size_t used = 0;
    int err = run->ops->recv(run->e, ENGINE_NOW, block, n, &used);
    HARNESS_CHECK(used <= n, "used %zu of %zu bytes", used, n);
    HARNESS_CHECK(err != 0 || used == n || memcmp(block + used, from + used, n - used) == 0,
                  "bytes that were not used have changed");
    run->r->used += used;
    run->progress = used > 0;
    failed(run, err);
    pull_events(run);
    if (run->way.eager_out) {
        pull_out(run);
    }
    free(block);
}

/* The engine left bytes, and nothing waits: only the contract's reasons are accepted. */
static void check_reason(const struct run *run)
{
    size_t left = run->offered - run->r->used;
    if (left == 0 || run->need || run->stop) {
        return;
    }
    if (run->ops->is_done != NULL && run->ops->is_done(run->e)) {
        return;
    }
    size_t want = run->ops->want == NULL
                      ? 0
                      : run->ops->want(run->e, run->input.p + run->r->used, left);
    HARNESS_CHECK(want > left, "%zu bytes left without a reason (wants %zu)", left, want);
}

/* Feeds until the engine has nothing to do with what it was shown. */
static void turn(struct run *run)
{
    unsigned idle = 0;
    do {
        size_t before = run->r->used;
        feed(run);
        idle = run->r->used > before ? 0 : idle + 1;
        HARNESS_CHECK(idle < ENGINE_IDLE_MAX, "takes nothing, and has always something to say");
        if (!run->progress && !run->stop) {
            pull_out(run);
        }
    } while (run->progress && !run->stop && run->offered > run->r->used);
    check_reason(run);
}

static size_t next_piece(struct run *run)
{
    size_t left = run->input.n - run->offered;
    if (run->way.cut == ENGINE_WHOLE || left <= 1) {
        return left;
    }
    if (run->way.cut == ENGINE_BYTES) {
        return 1;
    }
    /* Mostly small pieces, where the seams are; some large ones. */
    uint64_t bound = engine_random(&run->seed) % 4 == 0 ? left : left < 24 ? left : 24;
    return 1 + (size_t)(engine_random(&run->seed) % bound);
}

static void check_sticky(struct run *run)
{
    uint8_t byte[1] = {0};
    size_t used = 0;
    int err = run->ops->recv(run->e, ENGINE_NOW, byte, sizeof(byte), &used);
    HARNESS_CHECK(err == run->r->err && used == 0, "the error is not sticky: %s, used %zu",
                  lp2p_error_name(err), used);
}

static void run_input(struct run *run)
{
    pull_events(run);
    while (!run->stop && run->offered < run->input.n) {
        run->offered += next_piece(run);
        turn(run);
    }
    while (run->need && !run->stop) {
        answer(run);
        if (!run->stop) {
            turn(run);
        }
    }
    if (run->r->err != 0) {
        check_sticky(run);
    }
    if (run->ops->finish != NULL) {
        run->ops->finish(run->e, &run->r->log);
    }
    pull_out(run);
}

void engine_run(const struct engine_ops *ops, void *ctx, struct lp2p_span input,
                struct engine_way way, struct engine_result *ret)
{
    *ret = (struct engine_result){.err = 0};
    struct run run = {.ops = ops, .way = way, .input = input, .seed = way.seed, .r = ret};
    ret->err = ops->make(ctx, &run.e);
    if (ret->err == 0) {
        run_input(&run);
        ops->drop(ctx, run.e);
    }
    if (ops->open_out != NULL && ret->out_len > 0) {
        ret->out_len = ops->open_out(ctx, ret->out, ret->out_len);
    }
    if (ret->err != 0) {
        engine_log_event(&ret->log, "error %s", lp2p_error_name(ret->err));
    } else {
        engine_log_event(&ret->log, "used %zu", ret->used);
    }
}

void engine_result_fini(struct engine_result *r)
{
    free(r->log.text);
    free(r->out);
    *r = (struct engine_result){.err = 0};
}

void engine_check_same(const struct engine_result *a, const struct engine_result *b,
                       const struct engine_way *way)
{
    static const char *const cuts[] = {"whole", "byte by byte", "randomly cut"};
    const char *what = strcmp(a->log.text, b->log.text) != 0 ? "events" : NULL;
    bool same_out = a->out_len == b->out_len &&
                    (a->out_len == 0 || memcmp(a->out, b->out, a->out_len) == 0);
    if (what == NULL && !same_out && !way->eager_out) {
        what = "output";
    }
    HARNESS_CHECK(what == NULL,
                  "the split rule is broken: other %s when %s (seed %" PRIu64 ", %s, %s)\n"
                  "--- whole (%zu bytes of output)\n%s--- cut (%zu bytes of output)\n%s",
                  what, cuts[way->cut], way->seed, way->late ? "late" : "at once",
                  way->eager_out ? "eager" : "lazy", a->out_len, a->log.text, b->out_len,
                  b->log.text);
}

static void check_way(const struct engine_ops *ops, void *ctx, struct lp2p_span input,
                      struct engine_way way, const struct engine_result *whole)
{
    for (unsigned bits = 0; bits < 4; bits++) {
        way.late = (bits & 1) != 0;
        way.eager_out = (bits & 2) != 0;
        if (way.late && ops->answer == NULL) {
            continue;
        }
        struct engine_result r;
        engine_run(ops, ctx, input, way, &r);
        engine_check_same(whole, &r, &way);
        engine_result_fini(&r);
    }
}

void engine_check_splits(const struct engine_ops *ops, void *ctx, struct lp2p_span input,
                         uint64_t seed, struct engine_result *ret)
{
    struct engine_result whole;
    engine_run(ops, ctx, input, (struct engine_way){.cut = ENGINE_WHOLE}, &whole);
    check_way(ops, ctx, input, (struct engine_way){.cut = ENGINE_WHOLE}, &whole);
    check_way(ops, ctx, input, (struct engine_way){.cut = ENGINE_BYTES}, &whole);
    for (uint64_t i = 0; i < ENGINE_RANDOM_CUTS; i++) {
        check_way(ops, ctx, input, (struct engine_way){.cut = ENGINE_RANDOM, .seed = seed + i},
                  &whole);
    }
    if (ret != NULL) {
        *ret = whole;
    } else {
        engine_result_fini(&whole);
    }
}
