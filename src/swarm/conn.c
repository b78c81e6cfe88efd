#include "swarm/swarm_priv.h"

/* GoAway code for "you are not welcome" (libp2p error codes, connection gated; DESIGN 7). */
#define CONN_DECLINED 0x1007U

static struct lp2p_failure local_failure(int code, const char *where)
{
    return (struct lp2p_failure){.code = code, .class_ = LP2P_CLASS_LOCAL, .where = where};
}

static void conn_set_timer(struct lp2p_swarm_conn *c, lp2p_ts at)
{
    c->sw->cfg.env->ops->timer_set(&c->timer, at);
}

/* What was told as up is told as down, once. */
static void conn_leave_up(struct lp2p_swarm_conn *c)
{
    struct lp2p_swarm *sw = c->sw;
    if (c->state != SWARM_CONN_UP) {
        return;
    }
    lp2p_list_each (it, &sw->watches) {
        struct lp2p_swarm_watch *w = LP2P_CONTAINER(it, struct lp2p_swarm_watch, node);
        w->on_down(w->ctx, c);
    }
    struct lp2p_peer *known = lp2p_peerstore_find(&sw->store, &c->peer->id);
    if (known != NULL) {
        LP2P_ASSERT(known->conns > 0);
        known->conns--;
        known->last_seen = swarm_now(sw);
    }
    lp2p_swarm_changed(sw, LP2P_CHANGE_CONNS);
}

static void conn_leave_peer(struct lp2p_swarm_conn *c)
{
    struct swarm_peer *p = c->peer;
    if (p == NULL) {
        return;
    }
    struct lp2p_swarm *sw = c->sw;
    c->peer = NULL;
    lp2p_list_remove(&c->peer_node);
    p->n_conns--;
    if (p->n_conns == 0) {
        lp2p_map_remove(&sw->peers, lp2p_span(p->id.bytes, p->id.len));
        lp2p_scope_fini(&p->scope);
        lp2p_free(sw->cfg.mem, p);
    }
}

static void conn_leave_gate(struct lp2p_swarm_conn *c, bool authenticated)
{
    if (c->source != NULL) {
        swarm_gate_leave(c->sw, c->source, authenticated);
        c->source = NULL;
    }
}

/* Everything a connection held is given back; the carrier is gone already. */
static void conn_free(struct lp2p_swarm_conn *c)
{
    struct lp2p_swarm *sw = c->sw;
    conn_leave_gate(c, false);
    for (int kind = 0; kind < LP2P_SCOPE_KINDS; kind++) {
        enum lp2p_scope_kind k = (enum lp2p_scope_kind)kind;
        if (k != LP2P_SCOPE_MEM) {
            lp2p_scope_release(&c->scope, k, c->scope.used[k]);
        }
    }
    lp2p_scope_fini(&c->scope);
    conn_leave_peer(c);
    sw->cfg.env->ops->timer_fini(&c->timer);
    lp2p_series_remove(&sw->conns, &c->node);
    lp2p_free(sw->cfg.mem, c);
    swarm_check_shutdown(sw);
}

/* The carrier is gone: tell everybody, then free. */
static void conn_finish(struct lp2p_swarm_conn *c, const struct lp2p_failure *why)
{
    c->carrier = NULL;
    struct lp2p_failure failure = c->failure.code != 0 ? c->failure : *why;
    /* First of all nobody finds it any more: the users of its streams may look for a connection. */
    conn_leave_up(c);
    c->state = SWARM_CONN_DOOMED;
    swarm_streams_fail(c, &failure);
    swarm_attempt_lost(c, &failure);
    conn_free(c);
}

void swarm_conn_abort(struct lp2p_swarm_conn *c)
{
    struct lp2p_failure why = local_failure(-LP2P_E_CLOSED, "swarm");
    if (c->carrier != NULL) {
        c->carrier->ops->abort(c->carrier);
    }
    conn_finish(c, &why);
}

void swarm_conn_doom(struct lp2p_swarm_conn *c, struct lp2p_failure why)
{
    if (c->state == SWARM_CONN_DOOMED) {
        return;
    }
    if (c->failure.code == 0) {
        c->failure = why;
    }
    conn_leave_up(c);
    conn_leave_gate(c, false);
    c->state = SWARM_CONN_DOOMED;
    c->sw->cfg.env->ops->defer(c->sw->cfg.env, &c->sw->reaper);
}

void swarm_conn_reap(void *ctx, lp2p_ts now)
{
    (void)now;
    struct lp2p_swarm *sw = ctx;
    lp2p_list_each_safe (it, &sw->conns.list) {
        struct lp2p_swarm_conn *c = LP2P_CONTAINER(it, struct lp2p_swarm_conn, node.node);
        if (c->state == SWARM_CONN_DOOMED) {
            swarm_conn_abort(c);
        }
    }
}

void swarm_conn_close(struct lp2p_swarm_conn *c, uint32_t code, struct lp2p_failure why)
{
    if (c->state == SWARM_CONN_CONNECTING || c->state == SWARM_CONN_UPGRADING) {
        swarm_conn_doom(c, why.code != 0 ? why : local_failure(-LP2P_E_CANCELLED, "swarm"));
        return;
    }
    if (c->state != SWARM_CONN_UP) {
        return;
    }
    c->failure = why;
    conn_leave_up(c);
    c->state = SWARM_CONN_CLOSING;
    lp2p_ts deadline = swarm_now(c->sw) + c->sw->cfg.limits.close_timeout;
    c->carrier->ops->close(c->carrier, code, deadline);
}

static int conn_enter_peer(struct lp2p_swarm_conn *c, const struct lp2p_peer_id *id)
{
    struct lp2p_swarm *sw = c->sw;
    struct swarm_peer *p = swarm_find_peer(sw, id);
    if (p == NULL) {
        p = lp2p_calloc(sw->cfg.mem, 1, sizeof(*p));
        if (p == NULL) {
            return -LP2P_E_NOMEM;
        }
        p->id = *id;
        lp2p_list_init(&p->conns);
        lp2p_scope_init(&p->scope, &sw->system);
        p->scope.max[LP2P_SCOPE_MEM] = sw->cfg.limits.memory_per_peer;
        p->scope.max[LP2P_SCOPE_CONNS] = sw->cfg.limits.conns_per_peer;
        int err = lp2p_map_add(&sw->peers, lp2p_span(p->id.bytes, p->id.len), p);
        if (err != 0) {
            lp2p_free(sw->cfg.mem, p);
            return err;
        }
    }
    c->peer = p;
    p->n_conns++;
    lp2p_list_add_last(&p->conns, &c->peer_node);
    return lp2p_scope_move(&c->scope, &p->scope);
}

/* Strangers leave some inbound places to peers that are known (SECURITY 3.2). */
static bool conn_has_place(const struct lp2p_swarm_conn *c)
{
    const struct lp2p_swarm *sw = c->sw;
    const struct lp2p_peer *known = lp2p_peerstore_find(&sw->store, &c->peer->id);
    uint64_t kept = known != NULL && known->identified ? 0 : sw->cfg.limits.conns_known_slots;
    return lp2p_scope_room(&c->scope, LP2P_SCOPE_CONNS_IN) > kept;
}

static int conn_authenticated(struct lp2p_swarm_conn *c, const struct lp2p_peer_id *id)
{
    struct lp2p_swarm *sw = c->sw;
    if (lp2p_peer_id_eq(id, &sw->cfg.identity->id)) {
        return -LP2P_E_SELF;
    }
    conn_leave_gate(c, true);
    LP2P_TRY(conn_enter_peer(c, id));
    if (!c->outbound) {
        if (!conn_has_place(c)) {
            return -LP2P_E_LIMIT;
        }
        LP2P_TRY(lp2p_scope_reserve(&c->scope, LP2P_SCOPE_CONNS_IN, 1));
        LP2P_TRY(lp2p_scope_reserve(&c->scope, LP2P_SCOPE_CONNS, 1));
    }
    bool (*may)(void *ctx, const struct lp2p_peer_id *peer,
                bool outbound) = sw->cfg.ops->may_connect;
    c->refused = may != NULL && !may(sw->cfg.ctx, id, c->outbound);
    return 0;
}

/* A dialed address that led to the right peer is worth keeping. */
static int conn_remember(struct lp2p_swarm_conn *c)
{
    struct lp2p_swarm *sw = c->sw;
    struct lp2p_peer *known;
    LP2P_TRY(lp2p_peerstore_get(&sw->store, &c->peer->id, swarm_now(sw), &known));
    known->conns++;
    known->last_seen = swarm_now(sw);
    if (!c->outbound) {
        return 0;
    }
    struct lp2p_peer_addr how = {.source = LP2P_ADDR_REMEMBERED, .expires = LP2P_TS_NEVER};
    /* Without memory the address is forgotten, the connection is not. */
    (void)lp2p_peer_add_addr(&sw->store, known, &c->remote, &how);
    return 0;
}

/* Goodbye without ever having been up: nobody was told, nobody needs to be. */
static void conn_refuse(struct lp2p_swarm_conn *c)
{
    c->failure = local_failure(c->refused ? -LP2P_E_BLOCKED : -LP2P_E_CLOSED, "swarm");
    c->state = SWARM_CONN_CLOSING;
    lp2p_ts deadline = swarm_now(c->sw) + c->sw->cfg.limits.close_timeout;
    c->carrier->ops->close(c->carrier, c->refused ? CONN_DECLINED : 0, deadline);
}

static void conn_up(struct lp2p_swarm_conn *c)
{
    struct lp2p_swarm *sw = c->sw;
    if (c->refused || sw->shutting_down) {
        conn_refuse(c);
        return;
    }
    int err = conn_remember(c);
    if (err != 0) {
        swarm_conn_doom(c, local_failure(err, "swarm"));
        return;
    }
    c->state = SWARM_CONN_UP;
    c->since = swarm_now(sw);
    c->transport->ops->carrier_addrs(c->carrier, &c->local, &c->remote);
    conn_set_timer(c, c->since + sw->cfg.limits.identify_timeout);
    swarm_peer_probe(c);
    lp2p_swarm_changed(sw, LP2P_CHANGE_CONNS);
    swarm_attempt_won(c);
    lp2p_list_each (it, &sw->watches) {
        struct lp2p_swarm_watch *w = LP2P_CONTAINER(it, struct lp2p_swarm_watch, node);
        w->on_up(w->ctx, c);
    }
}

static void conn_need_dh(struct lp2p_swarm_conn *c, const uint8_t *remote)
{
    const struct lp2p_crypto *crypto = c->sw->cfg.crypto;
    uint8_t shared[LP2P_X25519_SIZE];
    int err = crypto->ops->x25519_shared(crypto->ctx, c->sw->cfg.static_secret, remote, shared);
    if (err == 0) {
        struct lp2p_conn *engine = c->carrier->ops->conn(c->carrier);
        /* Failures are the engine's: sticky, and told by on_closed. */
        (void)engine->ops->give_dh(engine, swarm_now(c->sw), shared);
        c->carrier->ops->kick(c->carrier);
    } else {
        swarm_conn_doom(c, local_failure(err, "noise"));
    }
    lp2p_wipe(shared, sizeof(shared));
}

static void conn_goaway(struct lp2p_swarm_conn *c, uint32_t code)
{
    c->goaway = true;
    if (code == CONN_DECLINED) {
        swarm_conn_doom(c, (struct lp2p_failure){.code = -LP2P_E_DECLINED,
                                                 .class_ = LP2P_CLASS_THEIRS,
                                                 .wire = code,
                                                 .where = "yamux"});
    }
}

static void conn_on_connected(void *ctx)
{
    struct lp2p_swarm_conn *c = ctx;
    const struct lp2p_limits *l = &c->sw->cfg.limits;
    if (c->state != SWARM_CONN_CONNECTING) {
        return;
    }
    c->state = SWARM_CONN_UPGRADING;
    conn_set_timer(c, LP2P_MIN(swarm_now(c->sw) + l->upgrade_timeout, c->began + l->dial_timeout));
    swarm_attempt_stage(c, LP2P_STAGE_SECURING);
}

static void conn_on_event(void *ctx, const struct lp2p_conn_event *ev)
{
    struct lp2p_swarm_conn *c = ctx;
    if (c->state == SWARM_CONN_DOOMED) {
        return;
    }
    int err = 0;
    struct lp2p_conn *engine = c->carrier->ops->conn(c->carrier);
    struct lp2p_stream *s = NULL;
    switch (ev->type) {
    case LP2P_CONN_EV_NEED_DH:
        conn_need_dh(c, ev->remote);
        break;
    case LP2P_CONN_EV_SECURED:
        err = conn_authenticated(c, ev->peer);
        break;
    case LP2P_CONN_EV_UP:
        conn_up(c);
        break;
    case LP2P_CONN_EV_STREAM:
        swarm_stream_incoming(c, ev->stream);
        break;
    case LP2P_CONN_EV_ACK:
    case LP2P_CONN_EV_DATA:
    case LP2P_CONN_EV_FIN:
    case LP2P_CONN_EV_RESET:
    case LP2P_CONN_EV_WRITABLE:
        s = engine->ops->user(ev->stream);
        if (s != NULL) {
            swarm_stream_event(s, ev);
        }
        break;
    case LP2P_CONN_EV_RTT:
        c->rtt = ev->rtt;
        break;
    case LP2P_CONN_EV_GOAWAY:
        conn_goaway(c, ev->code);
        break;
    case LP2P_CONN_EV_NONE:
        break;
    }
    if (err != 0) {
        swarm_conn_doom(c, local_failure(err, "swarm"));
    }
}

static void conn_on_closed(void *ctx, const struct lp2p_failure *why)
{
    conn_finish(ctx, why);
}

static void conn_on_timer(void *ctx, lp2p_ts now)
{
    (void)now;
    struct lp2p_swarm_conn *c = ctx;
    if (c->state == SWARM_CONN_CONNECTING) {
        swarm_conn_doom(c, local_failure(-LP2P_E_TIMEOUT, "dial"));
    } else if (c->state == SWARM_CONN_UPGRADING) {
        swarm_conn_doom(c, local_failure(-LP2P_E_TIMEOUT, "upgrade"));
    } else if (c->state == SWARM_CONN_UP && !c->settled) {
        lp2p_swarm_conn_identified(c, -LP2P_E_TIMEOUT);
    } else if (c->state == SWARM_CONN_UP) {
        swarm_conn_drop_surplus(c);
    }
}

static struct lp2p_swarm_conn *conn_new(struct lp2p_swarm *sw, const struct lp2p_multiaddr *remote)
{
    struct lp2p_swarm_conn *c = lp2p_calloc(sw->cfg.mem, 1, sizeof(*c));
    if (c == NULL) {
        return NULL;
    }
    if (sw->cfg.env->ops->timer_init(sw->cfg.env, &c->timer, conn_on_timer, c) != 0) {
        lp2p_free(sw->cfg.mem, c);
        return NULL;
    }
    c->sw = sw;
    c->id = sw->next_id++;
    c->remote = *remote;
    c->began = swarm_now(sw);
    lp2p_list_init(&c->streams);
    lp2p_scope_init(&c->scope, &sw->pending);
    c->scope.max[LP2P_SCOPE_MEM] = sw->cfg.limits.memory_per_conn;
    c->scope.max[LP2P_SCOPE_STREAMS_IN] = sw->cfg.limits.streams_in;
    c->scope.max[LP2P_SCOPE_STREAMS_OUT] = sw->cfg.limits.streams_out;
    lp2p_series_add(&sw->conns, &c->node);
    return c;
}

static struct lp2p_carrier_cfg conn_carrier_cfg(struct lp2p_swarm_conn *c)
{
    static const struct lp2p_carrier_events events = {
        .on_connected = conn_on_connected,
        .on_event = conn_on_event,
        .on_closed = conn_on_closed,
    };
    return (struct lp2p_carrier_cfg){.scope = &c->scope, .events = &events, .ctx = c};
}

void swarm_conn_incoming(void *listener, struct lp2p_incoming *in,
                         const struct lp2p_multiaddr *local, const struct lp2p_multiaddr *remote)
{
    struct swarm_listener *l = listener;
    struct lp2p_swarm *sw = l->sw;
    struct swarm_source *source;
    if (sw->shutting_down || swarm_gate_enter(sw, remote, &source) != 0) {
        return;
    }
    struct lp2p_swarm_conn *c = conn_new(sw, remote);
    if (c == NULL) {
        swarm_gate_leave(sw, source, false);
        return;
    }
    c->source = source;
    c->transport = l->t;
    c->local = *local;
    c->state = SWARM_CONN_UPGRADING;
    struct lp2p_carrier_cfg cfg = conn_carrier_cfg(c);
    if (l->t->ops->accept(in, &cfg, &c->carrier) != 0) {
        conn_free(c);
        return;
    }
    conn_set_timer(c, c->began + sw->cfg.limits.upgrade_timeout);
}

int swarm_conn_dial(struct swarm_attempt *at, size_t path, struct lp2p_swarm_conn **ret)
{
    struct lp2p_swarm *sw = at->sw;
    const struct lp2p_path *p = &at->info.paths[path];
    struct lp2p_transport *t = swarm_transport_for(sw, &p->addr);
    if (t == NULL) {
        return -LP2P_E_UNSUPPORTED;
    }
    struct lp2p_swarm_conn *c = conn_new(sw, &p->addr);
    if (c == NULL) {
        return -LP2P_E_NOMEM;
    }
    c->outbound = true;
    c->transport = t;
    struct lp2p_carrier_cfg cfg = conn_carrier_cfg(c);
    struct lp2p_dial how = {
        .addr = &p->addr,
        .expected = &at->info.peer,
        .from_listen_port = swarm_is_public(&p->addr),
    };
    int err = lp2p_scope_reserve(&c->scope, LP2P_SCOPE_CONNS_OUT, 1);
    if (err == 0) {
        err = lp2p_scope_reserve(&c->scope, LP2P_SCOPE_CONNS, 1);
    }
    if (err == 0) {
        err = t->ops->dial(t, &how, &cfg, &c->carrier);
    }
    if (err != 0) {
        conn_free(c);
        return err;
    }
    c->attempt = at;
    c->path = path;
    conn_set_timer(c, c->began + sw->cfg.limits.connect_timeout);
    *ret = c;
    return 0;
}

void lp2p_swarm_conn_identified(struct lp2p_swarm_conn *c, int err)
{
    if (c->state != SWARM_CONN_UP) {
        return;
    }
    c->identified = err == 0;
    c->settled = true;
    conn_set_timer(c, LP2P_TS_NEVER);
    swarm_peer_rest(c->peer);
    swarm_attempt_identified(c);
    lp2p_swarm_changed(c->sw, LP2P_CHANGE_CONNS);
}

const struct lp2p_peer_id *lp2p_swarm_conn_peer(const struct lp2p_swarm_conn *c)
{
    return &c->peer->id;
}

const struct lp2p_multiaddr *lp2p_swarm_conn_remote(const struct lp2p_swarm_conn *c)
{
    return &c->remote;
}

const struct lp2p_multiaddr *lp2p_swarm_conn_local(const struct lp2p_swarm_conn *c)
{
    return &c->local;
}

bool lp2p_swarm_conn_outbound(const struct lp2p_swarm_conn *c)
{
    return c->outbound;
}

static void conn_describe(struct lp2p_swarm_conn *c, struct lp2p_conn_info *ret)
{
    struct lp2p_conn *engine = c->carrier->ops->conn(c->carrier);
    const struct lp2p_peer *known = lp2p_peerstore_find(&c->sw->store, &c->peer->id);
    *ret = (struct lp2p_conn_info){
        .id = c->id,
        .peer = c->peer->id,
        .outbound = c->outbound,
        .identified = c->identified,
        .remote = c->remote,
        .local = c->local,
        .transport = c->transport->ops->name,
        .security = engine->ops->security(engine),
        .muxer = engine->ops->muxer(engine),
        .agent = known != NULL ? known->agent : "",
        .since = c->since,
        .rtt = c->rtt,
        .streams = c->n_streams,
        .bytes_in = c->carrier->ops->bytes_in(c->carrier),
        .bytes_out = c->carrier->ops->bytes_out(c->carrier),
    };
}

bool lp2p_swarm_conn_next(struct lp2p_swarm *sw, size_t *pos, struct lp2p_conn_info *ret)
{
    struct lp2p_series_node *n;
    while ((n = lp2p_series_next(&sw->conns, pos)) != NULL) {
        struct lp2p_swarm_conn *c = LP2P_CONTAINER(n, struct lp2p_swarm_conn, node);
        if (c->state == SWARM_CONN_UP) {
            conn_describe(c, ret);
            return true;
        }
    }
    return false;
}
