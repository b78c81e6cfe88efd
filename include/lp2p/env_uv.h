/*
 * An environment on libuv (liblp2p-uv): in the program's own loop, or in a loop of its own that any
 * other loop can drive.
 *
 * Everything runs on the thread that runs the loop.
 */
#ifndef LP2P_ENV_UV_H
#define LP2P_ENV_UV_H

#include "lp2p/env.h"

LP2P_BEGIN_DECLS

/*
 * `uv_loop` is a uv_loop_t that outlives the environment, or NULL for a loop of its own; `mem` NULL
 * means the C library's. -LP2P_E_NOMEM, -LP2P_E_NO_FDS.
 */
LP2P_API int lp2p_env_uv_new(const struct lp2p_mem *mem, void *uv_loop, struct lp2p_env **ret);

/* Descriptor that polls readable when lp2p_env_uv_drive has work (besides its deadline); -1 when
 * there is none. */
LP2P_API int lp2p_env_uv_fd(const struct lp2p_env *env);

/* Milliseconds until the next timer, 0: now, -1: none. */
LP2P_API int lp2p_env_uv_timeout(const struct lp2p_env *env);

/* Runs what is ready and returns; waits for the first event when `wait` is true. False when nothing
 * is left to wait for. */
LP2P_API bool lp2p_env_uv_drive(struct lp2p_env *env, bool wait);

LP2P_END_DECLS

#endif
