#include "env/env.h"

lp2p_ts lp2p_env_now(const struct lp2p_env *env)
{
    return env->ops->now(env);
}

void lp2p_env_free(struct lp2p_env *env)
{
    if (env != NULL) {
        env->ops->free(env);
    }
}
