#include "swarm/swarm_priv.h"

#include "format/addr.h"

#include <string.h>

static bool attempt_has_ended(const struct swarm_attempt *at)
{
    return at->info.stage >= LP2P_STAGE_CONNECTED;
}

static struct swarm_attempt *attempt_of(struct lp2p_list *node)
{
    return LP2P_CONTAINER(node, struct swarm_attempt, node.node);
}

static void attempt_changed(struct swarm_attempt *at)
{
    lp2p_swarm_changed(at->sw, LP2P_CHANGE_ATTEMPTS);
}

static void attempt_set_stage(struct swarm_attempt *at, enum lp2p_stage stage)
{
    if (at->info.stage != stage) {
        at->info.stage = stage;
        attempt_changed(at);
    }
}

/* The peer of a running attempt stays in the store. */
static void attempt_pin(struct swarm_attempt *at, bool pinned)
{
    struct lp2p_peer *p = lp2p_peerstore_find(&at->sw->store, &at->info.peer);
    if (p != NULL) {
        p->pinned = pinned;
    }
}

static void attempt_end(struct swarm_attempt *at, enum lp2p_stage stage, int error,
                        const char *where)
{
    lp2p_ts now = swarm_now(at->sw);
    at->info.error = error;
    at->info.where = where;
    at->info.ended = now;
    at->winner = NULL;
    swarm_names_cancel(at);
    attempt_pin(at, false);
    at->sw->cfg.env->ops->timer_set(&at->timer, LP2P_TS_NEVER);
    attempt_set_stage(at, stage);
    at->sw->cfg.env->ops->timer_set(&at->sw->expiry, 0);
}

/* A failure that tells something about the address; what is ours to fix does not. */
static bool failure_counts(int error)
{
    return error != -LP2P_E_CANCELLED && error != -LP2P_E_LIMIT && error != -LP2P_E_NOMEM &&
           error != -LP2P_E_NO_FDS && error != -LP2P_E_ADDR_NOT_AVAIL;
}

static void path_end(struct swarm_attempt *at, struct lp2p_path *p, int error, const char *where)
{
    p->stage = LP2P_STAGE_FAILED;
    p->error = error;
    p->where = where;
    p->ended = swarm_now(at->sw);
}

void swarm_attempt_path_failed(struct swarm_attempt *at, size_t path, int error, const char *where)
{
    struct lp2p_path *p = &at->info.paths[path];
    path_end(at, p, error, where);
    if (failure_counts(error)) {
        swarm_backoff_failed(at->sw, &at->info.peer, p);
    }
    for (size_t i = 0; i < at->info.n_paths; i++) {
        if ((at->paths[path].names >> i & 1U) != 0) {
            swarm_attempt_follow(at, i);
        }
    }
}

/* Names that still are asked for, or whose addresses still run. */
static void attempt_drop_names(struct swarm_attempt *at, int error)
{
    swarm_names_cancel(at);
    for (size_t i = 0; i < at->info.n_paths; i++) {
        struct lp2p_path *p = &at->info.paths[i];
        const struct swarm_name *name = &at->paths[i].name;
        if (name->is_name && p->started != 0 && p->stage < LP2P_STAGE_CONNECTED) {
            path_end(at, p, error, name->resolved ? "dial" : "dns");
        }
    }
}

/* Ends the paths that still run; their connections no longer know the attempt. */
static void attempt_drop_paths(struct swarm_attempt *at, int error)
{
    attempt_drop_names(at, error);
    for (size_t i = 0; i < at->info.n_paths; i++) {
        struct lp2p_swarm_conn *c = at->paths[i].conn;
        if (c == NULL) {
            continue;
        }
        at->paths[i].conn = NULL;
        c->attempt = NULL;
        swarm_attempt_path_failed(at, i, error, "dial");
        swarm_conn_doom(c, (struct lp2p_failure){.code = error, .class_ = LP2P_CLASS_LOCAL});
    }
    at->running = 0;
}

/* How much a failure tells: the deepest known cause is the one shown (JOURNEY 5.4). */
static int cause_depth(const struct lp2p_path *p)
{
    bool dialed = p->where == NULL || strcmp(p->where, "dial") == 0;
    if (p->where != NULL && strcmp(p->where, "dns") == 0 && p->error != -LP2P_E_CANCELLED) {
        return 1;
    }
    switch (-p->error) {
    case LP2P_E_PEER_ID:
    case LP2P_E_SELF:
        return 7;
    case LP2P_E_DECLINED:
    case LP2P_E_BLOCKED:
        return 6;
    case LP2P_E_NEGOTIATION:
    case LP2P_E_AUTH:
    case LP2P_E_PROTO:
    case LP2P_E_DECODE:
    case LP2P_E_UNSUPPORTED:
        return 5;
    case LP2P_E_REFUSED:
    case LP2P_E_UNREACHABLE:
        return 2;
    case LP2P_E_CANCELLED:
        return 0;
    default:
        /* Somebody was there: the socket connected. */
        return p->stage == LP2P_STAGE_FAILED && !dialed ? 4 : 3;
    }
}

void swarm_attempt_follow(struct swarm_attempt *at, size_t name)
{
    struct lp2p_path *p = &at->info.paths[name];
    const struct lp2p_path *deepest = NULL;
    if (at->paths[name].name.asking > 0 || p->stage != LP2P_STAGE_DIALING) {
        return;
    }
    for (size_t i = 0; i < at->info.n_paths; i++) {
        const struct lp2p_path *found = &at->info.paths[i];
        if ((at->paths[i].names >> name & 1U) == 0) {
            continue;
        }
        if (found->stage != LP2P_STAGE_FAILED) {
            return;
        }
        if (deepest == NULL || cause_depth(found) > cause_depth(deepest)) {
            deepest = found;
        }
    }
    LP2P_ASSERT(deepest != NULL);
    path_end(at, p, deepest->error, deepest->where);
}

static void attempt_fail(struct swarm_attempt *at, int error, const char *where)
{
    int depth = -1;
    for (size_t i = 0; i < at->info.n_paths; i++) {
        const struct lp2p_path *p = &at->info.paths[i];
        if (p->stage == LP2P_STAGE_FAILED && cause_depth(p) > depth) {
            depth = cause_depth(p);
            error = p->error;
            where = p->where;
        }
    }
    attempt_end(at, LP2P_STAGE_FAILED, error, where);
}

/* The path with this address, or n_paths. */
static size_t attempt_find_path(const struct swarm_attempt *at, const struct lp2p_multiaddr *addr)
{
    size_t i = 0;
    while (i < at->info.n_paths && !lp2p_multiaddr_eq(&at->info.paths[i].addr, addr)) {
        i++;
    }
    return i;
}

/* True when the address may be dialed (DESIGN 6); what the user typed is the user's own business.
 */
static bool attempt_may_dial(struct swarm_attempt *at, const struct lp2p_multiaddr *addr,
                             const struct lp2p_peer_addr *how)
{
    struct lp2p_swarm *sw = at->sw;
    if (swarm_is_own_addr(sw, addr)) {
        return false;
    }
    return swarm_filter(sw, addr, how) == 0;
}

/* By whoever asked to connect. What the peer or the network said of itself is passed over in
 * silence, each time it is looked at. */
static bool addr_was_given(const struct lp2p_peer_addr *how)
{
    return how->source == LP2P_ADDR_TYPED || how->source == LP2P_ADDR_PASTED ||
           how->source == LP2P_ADDR_LINK;
}

/* A path whose turn comes while the attempt runs waits for it; else it ends as it did last time. */
static void path_wait(struct swarm_attempt *at, size_t i)
{
    struct lp2p_path *p = &at->info.paths[i];
    lp2p_ts until = swarm_backoff_until(at->sw, &at->info.peer, p);
    if (until >= at->deadline) {
        p->stage = LP2P_STAGE_FAILED;
        return;
    }
    at->paths[i].not_before = until;
    p->error = 0;
    p->where = NULL;
}

/* Paths that wait for their turn, or ended because it comes too late, have it now. */
static void attempt_forgive(struct swarm_attempt *at)
{
    swarm_backoff_forgive(at->sw, &at->info.peer);
    for (size_t i = 0; i < at->info.n_paths; i++) {
        struct lp2p_path *p = &at->info.paths[i];
        at->paths[i].not_before = 0;
        if (p->stage == LP2P_STAGE_FAILED && p->started == 0) {
            *p = (struct lp2p_path){.addr = p->addr, .source = p->source};
        }
    }
}

/* There is something for it that dials, or will be when the name's addresses are known. */
static bool attempt_can_dial(struct swarm_attempt *at, const struct lp2p_multiaddr *addr)
{
    return swarm_is_name(addr) ? swarm_name_can_dial(at->sw, addr)
                               : swarm_transport_for(at->sw, addr) != NULL;
}

static bool path_is_hearsay(const struct swarm_attempt *at, size_t i)
{
    const struct lp2p_path *p = &at->info.paths[i];
    return (p->source == LP2P_ADDR_MDNS || p->source == LP2P_ADDR_PEER) &&
           !at->paths[i].name.is_name;
}

/* Where a new path goes. When the table is full one that failed gives way, of those that nobody
 * asked for; who fills it with addresses of nobody does not keep the true one out. `*ret` may be
 * n_paths. */
static int attempt_slot(const struct swarm_attempt *at, size_t *ret)
{
    size_t n = at->info.n_paths;
    if (n < LP2P_ATTEMPT_MAX_PATHS && n < at->sw->cfg.limits.dial_addrs) {
        *ret = n;
        return 0;
    }
    size_t least = n;
    for (size_t i = 0; i < n; i++) {
        const struct lp2p_path *p = &at->info.paths[i];
        if (p->stage == LP2P_STAGE_FAILED && path_is_hearsay(at, i) &&
            (least == n || cause_depth(p) < cause_depth(&at->info.paths[least]))) {
            least = i;
        }
    }
    *ret = least;
    return least == n ? -LP2P_E_LIMIT : 0;
}

/* Errors of swarm_attempt_add_found. `names` as in struct swarm_path. */
static int attempt_add_path(struct swarm_attempt *at, const struct lp2p_multiaddr *full,
                            const struct lp2p_peer_addr *how, uint32_t names)
{
    struct lp2p_multiaddr addr = *full;
    lp2p_multiaddr_without_peer_id(&addr);
    /* What the user typed is shown as it ends, also when its interface is not there (yet). */
    bool away = swarm_fix_zone(at->sw, &addr) != 0 && how->source == LP2P_ADDR_TYPED;
    size_t n = attempt_find_path(at, &addr);
    if (n < at->info.n_paths) {
        at->paths[n].names |= names;
        return 0;
    }
    if (addr.len == 0 || (!away && !attempt_can_dial(at, &addr))) {
        return -LP2P_E_UNSUPPORTED;
    }
    LP2P_TRY(attempt_slot(at, &n));
    if (!away && !attempt_may_dial(at, &addr, how)) {
        at->info.n_skipped += addr_was_given(how);
        return -LP2P_E_FILTERED;
    }
    at->info.paths[n] = (struct lp2p_path){.addr = addr, .source = how->source};
    at->paths[n] = (struct swarm_path){
        .ifindex = how->ifindex, .names = names, .name.is_name = swarm_is_name(&addr)};
    at->info.n_paths += n == at->info.n_paths;
    if (at->background) {
        path_wait(at, n);
    }
    return 0;
}

int swarm_attempt_add_found(struct swarm_attempt *at, size_t name,
                            const struct lp2p_multiaddr *addr)
{
    struct lp2p_peer_addr how = {
        .source = at->info.paths[name].source,
        .ifindex = at->paths[name].ifindex,
    };
    return attempt_add_path(at, addr, &how, 1U << name);
}

/* Link-local IPv6 addresses need the interface they were heard on. */
static void addr_with_zone(struct lp2p_multiaddr *addr, uint32_t ifindex)
{
    struct lp2p_endpoint e;
    uint32_t code;
    size_t used;
    if (ifindex == 0 || lp2p_addr_to_endpoint(addr, &e, &code, &used) != 0 || e.zone != 0 ||
        e.family != LP2P_FAMILY_IP6 || !lp2p_endpoint_is_link_local(&e)) {
        return;
    }
    /* Fails when it is too long: then it cannot be dialed. */
    (void)lp2p_addr_set_zone(addr, ifindex);
}

static void attempt_gather(struct swarm_attempt *at)
{
    struct lp2p_peer *p = lp2p_peerstore_find(&at->sw->store, &at->info.peer);
    if (p == NULL) {
        return;
    }
    lp2p_list_each (it, &p->addrs) {
        const struct lp2p_peer_addr *a = LP2P_CONTAINER(it, struct lp2p_peer_addr, node);
        struct lp2p_multiaddr addr = {.len = a->len};
        memcpy(addr.bytes, a->bytes, a->len);
        addr_with_zone(&addr, a->ifindex);
        (void)attempt_add_path(at, &addr, a, 0);
    }
}

static void attempt_start_path(struct swarm_attempt *at, size_t i)
{
    struct lp2p_path *p = &at->info.paths[i];
    const struct lp2p_limits *l = &at->sw->cfg.limits;
    lp2p_ts now = swarm_now(at->sw);
    p->started = now;
    int err = swarm_fix_zone(at->sw, &p->addr);
    if (err == 0) {
        err = swarm_conn_dial(at, i, &at->paths[i].conn);
    }
    if (err != 0) {
        swarm_attempt_path_failed(at, i, err, "dial");
        return;
    }
    p->stage = LP2P_STAGE_DIALING;
    at->running++;
    at->next_start = now + (swarm_path_rank(at, p) == 1 ? l->dial_stagger : l->dial_stagger_near);
    if (at->info.stage == LP2P_STAGE_LOOKING) {
        attempt_set_stage(at, LP2P_STAGE_DIALING);
    }
}

void swarm_attempt_wake(struct swarm_attempt *at)
{
    at->sw->cfg.env->ops->timer_set(&at->timer, 0);
    attempt_changed(at);
}

/* Ends an attempt that has nothing left to try or wait for; true when it did. */
static bool attempt_is_exhausted(struct swarm_attempt *at, lp2p_ts now)
{
    if (now >= at->deadline) {
        attempt_drop_paths(at, -LP2P_E_TIMEOUT);
        attempt_fail(at, -LP2P_E_TIMEOUT, "dial");
        return true;
    }
    if (at->running > 0 || swarm_attempt_next_path(at) != LP2P_ATTEMPT_MAX_PATHS ||
        swarm_attempt_next_turn(at, now) != LP2P_TS_NEVER || swarm_names_are_asked(at)) {
        return false;
    }
    if (now >= at->look_until) {
        attempt_fail(at, -LP2P_E_NO_ADDRESS, "dial");
        return true;
    }
    attempt_set_stage(at, LP2P_STAGE_LOOKING);
    return false;
}

static void attempt_step(struct swarm_attempt *at)
{
    if (attempt_has_ended(at) || at->winner != NULL) {
        return;
    }
    lp2p_ts now = swarm_now(at->sw);
    attempt_gather(at);
    swarm_names_start(at);
    size_t next = swarm_attempt_next_path(at);
    while (next != LP2P_ATTEMPT_MAX_PATHS && at->running < at->sw->cfg.limits.dial_parallel &&
           (at->running == 0 || now >= at->next_start)) {
        attempt_start_path(at, next);
        next = swarm_attempt_next_path(at);
    }
    if (attempt_is_exhausted(at, now)) {
        return;
    }
    lp2p_ts wake = LP2P_MIN(at->deadline, swarm_attempt_next_turn(at, now));
    if (next != LP2P_ATTEMPT_MAX_PATHS && at->running < at->sw->cfg.limits.dial_parallel) {
        wake = LP2P_MIN(wake, at->next_start);
    } else if (at->running == 0 && now < at->look_until) {
        wake = LP2P_MIN(wake, at->look_until);
    }
    at->sw->cfg.env->ops->timer_set(&at->timer, wake);
    attempt_changed(at);
}

/* A peer that is connected is an attempt that ends at once; one whose connection is new waits for
 * identify. */
static bool attempt_adopt(struct swarm_attempt *at)
{
    struct swarm_peer *p = swarm_find_peer(at->sw, &at->info.peer);
    struct lp2p_swarm_conn *c = p == NULL ? NULL : swarm_best_conn(p);
    if (c == NULL) {
        return false;
    }
    if (c->settled) {
        attempt_end(at, LP2P_STAGE_CONNECTED, 0, NULL);
        return true;
    }
    at->winner = c;
    attempt_set_stage(at, LP2P_STAGE_IDENTIFYING);
    return true;
}

static void attempt_on_timer(void *ctx, lp2p_ts now)
{
    (void)now;
    struct swarm_attempt *at = ctx;
    if (!attempt_has_ended(at) && at->winner == NULL && !attempt_adopt(at)) {
        attempt_step(at);
    }
}

static struct swarm_attempt *attempt_find_running(struct lp2p_swarm *sw,
                                                  const struct lp2p_peer_id *peer, size_t *ret_n)
{
    struct swarm_attempt *found = NULL;
    *ret_n = 0;
    lp2p_list_each (it, &sw->attempts.list) {
        struct swarm_attempt *at = attempt_of(it);
        if (!attempt_has_ended(at)) {
            (*ret_n)++;
            found = lp2p_peer_id_eq(&at->info.peer, peer) ? at : found;
        }
    }
    return found;
}

static lp2p_ts attempt_deadline(const struct lp2p_swarm *sw, const struct lp2p_connect_opts *opts)
{
    lp2p_ts timeout = opts->timeout != 0 ? opts->timeout : sw->cfg.limits.dial_peer_timeout;
    return lp2p_ts_add(swarm_now(sw), timeout);
}

static int attempt_new(struct lp2p_swarm *sw, const struct lp2p_peer_id *peer,
                       const struct lp2p_connect_opts *opts, struct swarm_attempt **ret)
{
    struct lp2p_peer *known;
    LP2P_TRY(lp2p_peerstore_get(&sw->store, peer, swarm_now(sw), &known));
    struct swarm_attempt *at = lp2p_calloc(sw->cfg.mem, 1, sizeof(*at));
    if (at == NULL) {
        return -LP2P_E_NOMEM;
    }
    int err = sw->cfg.env->ops->timer_init(sw->cfg.env, &at->timer, attempt_on_timer, at);
    if (err != 0) {
        lp2p_free(sw->cfg.mem, at);
        return err;
    }
    known->pinned = true;
    lp2p_list_init(&at->lookups);
    lp2p_ts now = swarm_now(sw);
    at->sw = sw;
    at->info.id = sw->next_id++;
    at->info.peer = *peer;
    at->info.started = now;
    at->background = opts->background;
    at->look_until = lp2p_ts_add(now, opts->look);
    at->deadline = attempt_deadline(sw, opts);
    lp2p_series_add(&sw->attempts, &at->node);
    *ret = at;
    return 0;
}

int lp2p_swarm_connect(struct lp2p_swarm *sw, const struct lp2p_peer_id *peer,
                       const struct lp2p_connect_opts *opts, uint64_t *ret_attempt)
{
    if (lp2p_peer_id_eq(peer, &sw->cfg.identity->id)) {
        return -LP2P_E_SELF;
    }
    size_t running;
    struct swarm_attempt *at = attempt_find_running(sw, peer, &running);
    if (at == NULL) {
        if (running >= SWARM_MAX_RUNNING || sw->shutting_down) {
            return -LP2P_E_LIMIT;
        }
        LP2P_TRY(attempt_new(sw, peer, opts, &at));
    } else {
        /* Who joins a running attempt gets its own patience, not what is left of another's. */
        lp2p_ts look_until = lp2p_ts_add(swarm_now(sw), opts->look);
        at->look_until = LP2P_MAX(at->look_until, look_until);
        at->deadline = LP2P_MAX(at->deadline, attempt_deadline(sw, opts));
    }
    if (!opts->background) {
        at->background = false;
        attempt_forgive(at);
    }
    struct lp2p_peer_addr how = {.source = opts->source};
    for (size_t i = 0; i < opts->n; i++) {
        (void)attempt_add_path(at, &opts->addrs[i], &how, 0);
    }
    /* Everything else happens at the top of the loop. */
    swarm_attempt_wake(at);
    *ret_attempt = at->info.id;
    return 0;
}

int lp2p_swarm_cancel(struct lp2p_swarm *sw, uint64_t attempt)
{
    lp2p_list_each (it, &sw->attempts.list) {
        struct swarm_attempt *at = attempt_of(it);
        if (at->info.id != attempt) {
            continue;
        }
        if (attempt_has_ended(at)) {
            return -LP2P_E_STATE;
        }
        struct lp2p_swarm_conn *winner = at->winner;
        attempt_drop_paths(at, -LP2P_E_CANCELLED);
        attempt_end(at, LP2P_STAGE_CANCELLED, -LP2P_E_CANCELLED, "user");
        /* A connection that the peer opened is not ours to end: others may use it. */
        if (winner != NULL && winner->outbound) {
            swarm_conn_close(winner, 0, (struct lp2p_failure){.code = 0});
        }
        return 0;
    }
    return -LP2P_E_NOT_FOUND;
}

bool lp2p_swarm_attempt_next(struct lp2p_swarm *sw, size_t *pos,
                             const struct lp2p_attempt_info **ret)
{
    struct lp2p_series_node *n = lp2p_series_next(&sw->attempts, pos);
    if (n == NULL) {
        return false;
    }
    *ret = &LP2P_CONTAINER(n, struct swarm_attempt, node)->info;
    return true;
}

void lp2p_swarm_found(struct lp2p_swarm *sw, const struct lp2p_peer_id *peer)
{
    size_t running;
    struct swarm_attempt *at = attempt_find_running(sw, peer, &running);
    swarm_backoff_forgive(sw, peer); /* it is there */
    if (at != NULL && at->winner == NULL) {
        attempt_forgive(at);
        sw->cfg.env->ops->timer_set(&at->timer, 0);
    }
    lp2p_swarm_expire(sw);
}

void swarm_attempt_stage(struct lp2p_swarm_conn *c, enum lp2p_stage stage)
{
    struct swarm_attempt *at = c->attempt;
    if (at == NULL) {
        return;
    }
    at->info.paths[c->path].stage = stage;
    if (at->info.stage < stage) {
        attempt_set_stage(at, stage);
    }
    attempt_changed(at);
}

/* And the names that led to it. */
static void attempt_path_won(struct swarm_attempt *at, size_t path)
{
    uint32_t won = at->paths[path].names | 1U << path;
    for (size_t i = 0; i < at->info.n_paths; i++) {
        if ((won >> i & 1U) != 0) {
            at->info.paths[i].stage = LP2P_STAGE_CONNECTED;
            at->info.paths[i].error = 0;
            at->info.paths[i].where = NULL;
            at->info.paths[i].ended = swarm_now(at->sw);
        }
    }
}

/* Any new connection to the peer ends the search, ours or theirs. */
void swarm_attempt_won(struct lp2p_swarm_conn *c)
{
    size_t running;
    struct swarm_attempt *at = attempt_find_running(c->sw, &c->peer->id, &running);
    if (c->attempt != NULL) {
        attempt_path_won(c->attempt, c->path);
        swarm_backoff_worked(c->sw, &c->peer->id, &c->attempt->info.paths[c->path].addr);
        c->attempt->paths[c->path].conn = NULL;
        c->attempt->running--;
        c->attempt = NULL;
    }
    if (at == NULL || at->winner != NULL) {
        return;
    }
    at->winner = c;
    attempt_drop_paths(at, -LP2P_E_CANCELLED);
    c->sw->cfg.env->ops->timer_set(&at->timer, LP2P_TS_NEVER);
    attempt_set_stage(at, LP2P_STAGE_IDENTIFYING);
}

void swarm_attempt_identified(struct lp2p_swarm_conn *c)
{
    lp2p_list_each (it, &c->sw->attempts.list) {
        if (attempt_of(it)->winner == c) {
            attempt_end(attempt_of(it), LP2P_STAGE_CONNECTED, 0, NULL);
        }
    }
}

/* The winner was lost before it was identified: the attempt ends with it. */
static void attempt_lost_winner(struct lp2p_swarm *sw, const struct lp2p_swarm_conn *c,
                                const struct lp2p_failure *why)
{
    lp2p_list_each (it, &sw->attempts.list) {
        struct swarm_attempt *at = attempt_of(it);
        if (at->winner == c) {
            int code = why->code != 0 ? why->code : -LP2P_E_CLOSED;
            attempt_end(at, LP2P_STAGE_FAILED, code, why->where);
        }
    }
}

void swarm_attempt_lost(struct lp2p_swarm_conn *c, const struct lp2p_failure *why)
{
    struct swarm_attempt *at = c->attempt;
    attempt_lost_winner(c->sw, c, why);
    if (at == NULL) {
        return;
    }
    struct lp2p_path *p = &at->info.paths[c->path];
    /* Before the socket was there every failure is the dial's. */
    const char *where = p->stage == LP2P_STAGE_DIALING ? "dial" : why->where;
    swarm_attempt_path_failed(at, c->path, why->code != 0 ? why->code : -LP2P_E_CLOSED, where);
    at->paths[c->path].conn = NULL;
    at->running--;
    c->attempt = NULL;
    /* The next candidate need not wait for its turn. */
    at->next_start = 0;
    swarm_attempt_wake(at);
}

/* Failures that say nothing about the peer: another network may have a way. */
static bool path_may_retry(const struct lp2p_path *p)
{
    bool dialing = p->stage <= LP2P_STAGE_DIALING;
    return dialing || (p->stage == LP2P_STAGE_FAILED && cause_depth(p) <= 4);
}

static void attempt_retry(struct swarm_attempt *at)
{
    swarm_names_cancel(at);
    at->n_lookups = 0;
    for (size_t i = 0; i < at->info.n_paths; i++) {
        struct lp2p_path *p = &at->info.paths[i];
        at->paths[i].not_before = 0;
        if (!path_may_retry(p)) {
            continue;
        }
        struct lp2p_swarm_conn *c = at->paths[i].conn;
        if (c != NULL) {
            at->paths[i].conn = NULL;
            at->running--;
            c->attempt = NULL;
            swarm_conn_doom(
                c, (struct lp2p_failure){.code = -LP2P_E_CANCELLED, .class_ = LP2P_CLASS_LOCAL});
        }
        *p = (struct lp2p_path){.addr = p->addr, .source = p->source};
        at->paths[i].name = (struct swarm_name){.is_name = at->paths[i].name.is_name};
    }
    at->next_start = 0;
    swarm_attempt_wake(at);
}

void swarm_attempts_retry(struct lp2p_swarm *sw)
{
    lp2p_list_each (it, &sw->attempts.list) {
        struct swarm_attempt *at = attempt_of(it);
        if (!attempt_has_ended(at) && at->winner == NULL) {
            attempt_retry(at);
        }
    }
}

static void attempt_free(struct swarm_attempt *at)
{
    lp2p_series_remove(&at->sw->attempts, &at->node);
    swarm_names_cancel(at);
    at->sw->cfg.env->ops->timer_fini(&at->timer);
    lp2p_free(at->sw->cfg.mem, at);
}

lp2p_ts swarm_attempts_expire(struct lp2p_swarm *sw, lp2p_ts now)
{
    size_t ended = 0;
    lp2p_list_each (it, &sw->attempts.list) {
        ended += attempt_has_ended(attempt_of(it));
    }
    lp2p_ts next = LP2P_TS_NEVER;
    lp2p_list_each_safe (it, &sw->attempts.list) {
        struct swarm_attempt *at = attempt_of(it);
        if (!attempt_has_ended(at)) {
            continue;
        }
        lp2p_ts end = at->info.ended + SWARM_ENDED_LIFE;
        if (end <= now || ended > SWARM_ENDED_MAX) {
            ended--;
            attempt_free(at);
            lp2p_swarm_changed(sw, LP2P_CHANGE_ATTEMPTS);
        } else {
            next = LP2P_MIN(next, end);
        }
    }
    return next;
}

void swarm_attempts_free(struct lp2p_swarm *sw)
{
    lp2p_list_each_safe (it, &sw->attempts.list) {
        attempt_free(attempt_of(it));
    }
}
