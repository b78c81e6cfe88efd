#include "harness/failmem.h"

#include "harness/check.h"
#include "lp2p/error.h"

#include <stdalign.h>
#include <string.h>

/* In front of each block: its size, and a word that shows that it came from here. */
struct head {
    alignas(max_align_t) size_t n;
    size_t magic;
};

#define HEAD_MAGIC ((size_t)0xA110CA7EDB10C5ULL)

static struct head *head_of(void *p)
{
    struct head *h = (struct head *)p - 1;
    HARNESS_CHECK(h->magic == HEAD_MAGIC, "not a block of failmem, or freed before");
    return h;
}

static bool refuses(struct failmem *f)
{
    f->calls++;
    bool no = f->fail_at != 0 && (f->calls == f->fail_at || (f->forever && f->calls > f->fail_at));
    f->failed += no;
    return no;
}

static void count(struct failmem *f, size_t n)
{
    f->bytes += n;
    f->total += n;
    if (f->bytes > f->peak) {
        f->peak = f->bytes;
    }
}

static void *take(struct failmem *f, size_t n)
{
    HARNESS_CHECK(n > 0, "an allocation of 0 bytes");
    struct head *h = malloc(sizeof(*h) + n);
    HARNESS_CHECK(h != NULL, "really out of memory");
    *h = (struct head){.n = n, .magic = HEAD_MAGIC};
    /* What was not initialised is no accidental zero. */
    memset(h + 1, 0xA5, n);
    f->blocks++;
    count(f, n);
    return h + 1;
}

static void failmem_free(void *ctx, void *p)
{
    struct failmem *f = ctx;
    if (p == NULL) {
        return;
    }
    struct head *h = head_of(p);
    f->blocks--;
    f->bytes -= h->n;
    h->magic = 0;
    free(h);
}

static void *failmem_alloc(void *ctx, size_t n)
{
    struct failmem *f = ctx;
    return refuses(f) ? NULL : take(f, n);
}

/* Always moves, so that a pointer kept into the old block is found out. */
static void *failmem_resize(void *ctx, void *p, size_t n)
{
    struct failmem *f = ctx;
    if (refuses(f)) {
        return NULL;
    }
    void *moved = take(f, n);
    if (p != NULL) {
        size_t old = head_of(p)->n;
        memcpy(moved, p, old < n ? old : n);
        failmem_free(f, p);
    }
    return moved;
}

void failmem_init(struct failmem *f, size_t fail_at, bool forever)
{
    *f = (struct failmem){
        .mem = {.ctx = f, .alloc = failmem_alloc, .resize = failmem_resize, .free = failmem_free},
        .fail_at = fail_at,
        .forever = forever,
    };
}

void failmem_check_empty(const struct failmem *f, const char *what)
{
    HARNESS_CHECK(f->blocks == 0, "%s: %zu blocks of %zu bytes leaked (allocation %zu failed%s)",
                  what, f->blocks, f->bytes, f->fail_at, f->forever ? " and all after it" : "");
}

static void run_failing(failmem_scenario scenario, void *ctx, size_t fail_at, bool forever)
{
    struct failmem f;
    failmem_init(&f, fail_at, forever);
    int err = scenario(&f.mem, ctx);
    HARNESS_CHECK(err == 0 || err == -LP2P_E_NOMEM, "allocation %zu failed%s: %s", fail_at,
                  forever ? " and all after it" : "", lp2p_error_name(err));
    HARNESS_CHECK(f.failed > 0, "allocation %zu was never asked for: not deterministic", fail_at);
    failmem_check_empty(&f, "scenario");
}

size_t failmem_each(failmem_scenario scenario, void *ctx)
{
    struct failmem f;
    failmem_init(&f, 0, false);
    int err = scenario(&f.mem, ctx);
    HARNESS_CHECK(err == 0, "the run without failures: %s", lp2p_error_name(err));
    HARNESS_CHECK(f.calls > 0, "the scenario allocates nothing");
    failmem_check_empty(&f, "the run without failures");
    for (size_t n = 1; n <= f.calls; n++) {
        run_failing(scenario, ctx, n, false);
        run_failing(scenario, ctx, n, true);
    }
    return f.calls;
}
