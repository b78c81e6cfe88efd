/*
 * The name service of env/uv, for its test.
 */
#ifndef LP2P_ENV_UV_RESOLVE_H
#define LP2P_ENV_UV_RESOLVE_H

#include "env/env.h"

/* Asks these servers instead of the system's ("address:port,..."). The text is not copied. */
void lp2p_uv_set_dns_servers(struct lp2p_env *env, const char *servers);

/* True while somebody waits for an answer: else nothing is held open. */
bool lp2p_uv_is_resolving(const struct lp2p_env *env);

#endif
