#include "swarm/swarm_priv.h"

#include "format/addr.h"
#include "swarm/dnsaddr.h"

#include <stdio.h>
#include <string.h>

/* One question. */
struct swarm_lookup {
    struct lp2p_list node; /* attempt.lookups */
    struct swarm_attempt *at;
    size_t path; /* whose name it is, or led to it */
    unsigned depth;
    enum lp2p_query_type type;
    struct lp2p_query query;
    struct lp2p_multiaddr addr; /* begins with the name that is asked for */
};

/* ---- names ---- */

/* The name, and what follows it; false when `addr` begins otherwise. */
static bool name_split(const struct lp2p_multiaddr *addr, struct lp2p_multiaddr_part *ret,
                       struct lp2p_span *ret_rest)
{
    size_t pos = 0;
    if (!lp2p_multiaddr_next(addr, &pos, ret) || ret->code < LP2P_MA_DNS ||
        ret->code > LP2P_MA_DNSADDR) {
        return false;
    }
    *ret_rest = lp2p_span(addr->bytes + pos, addr->len - pos);
    return true;
}

bool swarm_is_name(const struct lp2p_multiaddr *addr)
{
    struct lp2p_multiaddr_part part;
    struct lp2p_span rest;
    return name_split(addr, &part, &rest);
}

/* An IP address instead of the name. */
static int name_replace(const struct lp2p_multiaddr *addr, const struct lp2p_endpoint *ip,
                        struct lp2p_multiaddr *ret)
{
    struct lp2p_multiaddr_part part;
    struct lp2p_span rest;
    bool is_name = name_split(addr, &part, &rest);
    LP2P_ASSERT(is_name);
    lp2p_addr_from_ip(ip, ret);
    if (ret->len + rest.n > LP2P_MULTIADDR_MAX) {
        return -LP2P_E_TOO_LONG;
    }
    memcpy(ret->bytes + ret->len, rest.p, rest.n);
    ret->len = (uint16_t)(ret->len + rest.n);
    return 0;
}

bool swarm_name_can_dial(struct lp2p_swarm *sw, const struct lp2p_multiaddr *addr)
{
    static const uint8_t some_ip6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};
    struct lp2p_multiaddr_part part;
    struct lp2p_span rest;
    struct lp2p_multiaddr some;
    if (!name_split(addr, &part, &rest) || part.code == LP2P_MA_DNSADDR) {
        return part.code == LP2P_MA_DNSADDR; /* it stands for whole addresses */
    }
    struct lp2p_endpoint ip = part.code == LP2P_MA_DNS6 ? lp2p_endpoint_ip6(some_ip6, 0)
                                                        : lp2p_endpoint_ip4(192, 0, 2, 1, 0);
    return name_replace(addr, &ip, &some) == 0 && swarm_transport_for(sw, &some) != NULL;
}

/* ---- the outcome of a path ---- */

/* That there is no such record says least: a host often has one kind of address alone. */
static void name_doubt(struct swarm_attempt *at, size_t path, int err)
{
    struct swarm_name *name = &at->paths[path].name;
    if (name->error == 0 || name->error == -LP2P_E_NOT_FOUND) {
        name->error = err;
    }
}

static void name_settle(struct swarm_attempt *at, size_t path)
{
    const struct swarm_name *name = &at->paths[path].name;
    if (name->asking > 0) {
        return;
    }
    if (name->resolved) {
        swarm_backoff_worked(at->sw, &at->info.peer, &at->info.paths[path].addr);
        swarm_attempt_follow(at, path);
    } else {
        int err = name->error != 0 ? name->error : -LP2P_E_NO_ADDRESS;
        swarm_attempt_path_failed(at, path, err, "dns");
    }
}

static void name_give(struct swarm_attempt *at, size_t path, const struct lp2p_multiaddr *addr)
{
    int err = swarm_attempt_add_found(at, path, addr);
    if (err != 0) {
        name_doubt(at, path, err);
        return;
    }
    at->paths[path].name.resolved = true;
    at->info.paths[path].stage = LP2P_STAGE_DIALING;
}

/* ---- lookups ---- */

static void name_ask(struct swarm_attempt *at, size_t path, const struct lp2p_multiaddr *addr,
                     unsigned depth);

static void lookup_free(struct swarm_lookup *l)
{
    l->at->paths[l->path].name.asking--;
    lp2p_list_remove(&l->node);
    lp2p_free(l->at->sw->cfg.mem, l);
}

static void lookup_take_addr(struct swarm_lookup *l, const struct lp2p_endpoint *ip)
{
    struct lp2p_multiaddr addr;
    enum lp2p_family want = l->type == LP2P_QUERY_A ? LP2P_FAMILY_IP4 : LP2P_FAMILY_IP6;
    if (ip->family == want && name_replace(&l->addr, ip, &addr) == 0) {
        name_give(l->at, l->path, &addr);
    }
}

/* True when the text was the peer's. */
static bool lookup_take_text(struct swarm_lookup *l, struct lp2p_span text)
{
    struct lp2p_multiaddr_part part;
    struct lp2p_span rest;
    struct lp2p_multiaddr addr;
    if (!name_split(&l->addr, &part, &rest) ||
        swarm_dnsaddr_decode(text, &l->at->info.peer, rest, &addr) != 0) {
        return false;
    }
    if (!name_split(&addr, &part, &rest)) {
        name_give(l->at, l->path, &addr);
    } else {
        name_ask(l->at, l->path, &addr, l->depth + (part.code == LP2P_MA_DNSADDR));
    }
    return true;
}

static void lookup_on_done(void *ctx, int err, const struct lp2p_answer *answers, size_t n)
{
    struct swarm_lookup *l = ctx;
    struct swarm_attempt *at = l->at;
    size_t path = l->path;
    size_t texts = 0;
    if (err != 0) {
        name_doubt(at, path, err);
    }
    for (size_t i = 0; i < n && texts < SWARM_DNSADDR_MAX_TEXTS; i++) {
        if (l->type == LP2P_QUERY_TXT) {
            texts += lookup_take_text(l, answers[i].text);
        } else {
            lookup_take_addr(l, &answers[i].addr);
        }
    }
    lookup_free(l);
    name_settle(at, path);
    swarm_attempt_wake(at);
}

/* The host to ask for; -LP2P_E_NOT_FOUND when it is longer than any. */
static int lookup_host(const struct lp2p_multiaddr_part *name,
                       char ret[static LP2P_ENV_MAX_NAME + 2])
{
    const char *prefix = name->code == LP2P_MA_DNSADDR ? "_dnsaddr." : "";
    if (strlen(prefix) + name->value.n > LP2P_ENV_MAX_NAME + 1) {
        return -LP2P_E_NOT_FOUND;
    }
    (void)snprintf(ret, LP2P_ENV_MAX_NAME + 2, "%s%.*s", prefix, (int)name->value.n,
                   (const char *)name->value.p);
    return 0;
}

static int lookup_begin(struct swarm_attempt *at, const struct swarm_lookup *what)
{
    struct lp2p_env *env = at->sw->cfg.env;
    struct lp2p_multiaddr_part name;
    struct lp2p_span rest;
    char host[LP2P_ENV_MAX_NAME + 2];
    bool is_name = name_split(&what->addr, &name, &rest);
    LP2P_ASSERT(is_name);
    LP2P_TRY(lookup_host(&name, host));
    if (at->n_lookups == SWARM_MAX_LOOKUPS || what->depth > SWARM_DNSADDR_MAX_DEPTH) {
        return -LP2P_E_NO_ADDRESS; /* whoever made such names has none for us */
    }
    struct swarm_lookup *l = lp2p_calloc(at->sw->cfg.mem, 1, sizeof(*l));
    if (l == NULL) {
        return -LP2P_E_NOMEM;
    }
    *l = *what;
    l->query = (struct lp2p_query){.done = lookup_on_done, .ctx = l};
    int err = env->ops->resolve(env, &l->query, l->type, host);
    if (err != 0) {
        lp2p_free(at->sw->cfg.mem, l);
        return err;
    }
    at->n_lookups++;
    at->paths[l->path].name.asking++;
    lp2p_list_add_last(&at->lookups, &l->node);
    return 0;
}

/* Both families race: whichever is answered first is dialed first. */
static void name_ask(struct swarm_attempt *at, size_t path, const struct lp2p_multiaddr *addr,
                     unsigned depth)
{
    static const struct {
        uint32_t code;
        enum lp2p_query_type type;
    } questions[] = {
        {LP2P_MA_DNS, LP2P_QUERY_AAAA},    {LP2P_MA_DNS, LP2P_QUERY_A},
        {LP2P_MA_DNS4, LP2P_QUERY_A},      {LP2P_MA_DNS6, LP2P_QUERY_AAAA},
        {LP2P_MA_DNSADDR, LP2P_QUERY_TXT},
    };
    struct lp2p_multiaddr_part part;
    struct lp2p_span rest;
    bool is_name = name_split(addr, &part, &rest);
    LP2P_ASSERT(is_name);
    for (size_t i = 0; i < LP2P_COUNT(questions); i++) {
        if (questions[i].code != part.code) {
            continue;
        }
        struct swarm_lookup what = {
            .at = at, .path = path, .depth = depth, .type = questions[i].type, .addr = *addr};
        int err = lookup_begin(at, &what);
        if (err != 0) {
            name_doubt(at, path, err);
        }
    }
}

/* ---- for the dialer ---- */

void swarm_names_start(struct swarm_attempt *at)
{
    lp2p_ts now = swarm_now(at->sw);
    for (size_t i = 0; i < at->info.n_paths; i++) {
        struct lp2p_path *p = &at->info.paths[i];
        if (at->paths[i].name.is_name && p->stage == LP2P_STAGE_LOOKING && p->started == 0 &&
            at->paths[i].not_before <= now) {
            p->started = now;
            name_ask(at, i, &p->addr, 1);
            name_settle(at, i);
        }
    }
}

void swarm_names_cancel(struct swarm_attempt *at)
{
    lp2p_list_each_safe (it, &at->lookups) {
        struct swarm_lookup *l = LP2P_CONTAINER(it, struct swarm_lookup, node);
        at->sw->cfg.env->ops->resolve_cancel(&l->query);
        lookup_free(l);
    }
}

bool swarm_names_are_asked(const struct swarm_attempt *at)
{
    return !lp2p_list_is_empty(&at->lookups);
}
