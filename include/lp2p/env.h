/*
 * The outside world of a host: clock, timers, random, byte streams, datagrams and network
 * interfaces behind one handle.
 *
 * A host is driven by whoever owns its environment: liblp2p-uv makes one on libuv (lp2p/env_uv.h),
 * the simulator one with a virtual clock. The handle is opaque here; a program only creates it,
 * hands it to lp2p_host_new and frees it last.
 */
#ifndef LP2P_ENV_H
#define LP2P_ENV_H

#include "lp2p/mem.h"

LP2P_BEGIN_DECLS

struct lp2p_env;

/* Monotonic time now. */
LP2P_API lp2p_ts lp2p_env_now(const struct lp2p_env *env);

/* Everything that was made with it must be gone. Takes NULL. */
LP2P_API void lp2p_env_free(struct lp2p_env *env);

LP2P_END_DECLS

#endif
