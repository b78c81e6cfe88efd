/*
 * Asserts for our own mistakes. They stay on in release builds and never judge input.
 */
#ifndef LP2P_BASE_ASSERT_H
#define LP2P_BASE_ASSERT_H

/* Says what failed on standard error and aborts. */
_Noreturn void lp2p_assert_fail(const char *what, const char *file, int line);

#define LP2P_ASSERT(x) ((x) ? (void)0 : lp2p_assert_fail(#x, __FILE__, __LINE__))

/* Returns early with the error of `x`; only in functions that own nothing yet. */
#define LP2P_TRY(x)               \
    do {                          \
        int lp2p_try_err_ = (x);  \
        if (lp2p_try_err_ != 0) { \
            return lp2p_try_err_; \
        }                         \
    } while (0)

#define LP2P_MIN(a, b) ((a) < (b) ? (a) : (b))
#define LP2P_MAX(a, b) ((a) > (b) ? (a) : (b))
#define LP2P_COUNT(a)  (sizeof(a) / sizeof((a)[0]))

/* The struct that `member` at `ptr` is part of. */
#define LP2P_CONTAINER(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#endif
