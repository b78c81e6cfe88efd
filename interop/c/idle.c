#include "interop.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_CONNS 512U
#define MAX_PEERS 512U
#define MAX_DIALS 64U
#define MAX_LINE  1024U

struct seen_conn {
    uint64_t id;
    struct lp2p_peer_id peer;
    struct lp2p_multiaddr addr;
    bool outbound;
    bool alive;
    char *said; /* what it told of itself, as it was printed; NULL: nothing yet */
};

struct seen_peer {
    struct lp2p_peer_id peer;
    size_t n_addrs;
    bool alive;
};

struct idle {
    struct node node;
    uv_pipe_t in;
    uv_tty_t tty;
    uv_signal_t sigint;
    uv_signal_t sigterm;
    char line[MAX_LINE];
    size_t line_len;
    struct seen_conn conns[MAX_CONNS];
    size_t n_conns;
    struct seen_peer peers[MAX_PEERS];
    size_t n_peers;
    uint64_t dials[MAX_DIALS]; /* attempts whose failure is to be told */
    bool quitting;
};

/* N streams that were asked for by `streams`. */
struct volley {
    struct idle *idle;
    struct lp2p_peer_id peer;
    uint64_t left;
    uint64_t opened;
    uint64_t refused;
    uint64_t failed;
};

static json_t *event(const char *name)
{
    return json_pack("{s:s, s:f}", "event", name, "t_ms", wall_ms());
}

static void put_peer(json_t *o, const struct lp2p_peer_id *peer)
{
    char text[LP2P_PEER_ID_TEXT_SIZE];
    lp2p_peer_id_format(peer, text);
    json_object_set_new(o, "peer", json_string(text));
}

static json_t *addr_text(const struct lp2p_multiaddr *addr)
{
    char text[LP2P_MULTIADDR_TEXT_SIZE];
    lp2p_multiaddr_format(addr, text);
    return json_string(text);
}

static void put_error(const char *command, const char *text)
{
    json_t *e = event("error");
    json_object_set_new(e, "command", json_string(command));
    json_object_set_new(e, "text", json_string(text));
    say(e);
}

static json_t *peer_addrs(struct idle *d, const struct lp2p_peer_id *peer)
{
    json_t *list = json_array();
    struct lp2p_multiaddr addr;
    for (size_t pos = 0; lp2p_host_peer_addr_next(d->node.host, peer, &pos, &addr);) {
        json_array_append_new(list, addr_text(&addr));
    }
    return list;
}

/* ---- connections ---- */

static json_t *conn_json(const char *name, const struct seen_conn *c)
{
    json_t *o = name != NULL ? event(name) : json_object();
    put_peer(o, &c->peer);
    json_object_set_new(o, "addr", addr_text(&c->addr));
    json_object_set_new(o, "direction", json_string(c->outbound ? "out" : "in"));
    return o;
}

static json_t *identity_json(struct idle *d, const struct seen_conn *c, const char *agent)
{
    json_t *o = json_object();
    put_peer(o, &c->peer);
    json_object_set_new(o, "agent", json_string(agent));
    json_t *protocols = json_array();
    const char *protocol;
    for (size_t pos = 0; lp2p_host_peer_protocol_next(d->node.host, &c->peer, &pos, &protocol);) {
        json_array_append_new(protocols, json_string(protocol));
    }
    json_object_set_new(o, "protocols", protocols);
    json_object_set_new(o, "addrs", peer_addrs(d, &c->peer));
    return o;
}

/* When it is identified, and whenever a push made a difference. */
static void say_identified(struct idle *d, struct seen_conn *c, const char *agent)
{
    json_t *o = identity_json(d, c, agent);
    char *text = json_dumps(o, JSON_COMPACT);
    if (text != NULL && (c->said == NULL || strcmp(text, c->said) != 0)) {
        json_t *e = event("identified");
        json_object_update(e, o);
        say(e);
        free(c->said);
        c->said = text;
        text = NULL;
    }
    free(text);
    json_decref(o);
}

static struct seen_conn *find_conn(struct idle *d, uint64_t id)
{
    for (size_t i = 0; i < d->n_conns; i++) {
        if (d->conns[i].id == id) {
            return &d->conns[i];
        }
    }
    return NULL;
}

static void see_conn(struct idle *d, const struct lp2p_conn_info *info)
{
    struct seen_conn *c = find_conn(d, info->id);
    if (c == NULL) {
        if (d->n_conns == MAX_CONNS) {
            return;
        }
        c = &d->conns[d->n_conns++];
        *c = (struct seen_conn){
            .id = info->id, .peer = info->peer, .addr = info->remote, .outbound = info->outbound};
        say(conn_json("connected", c));
    }
    c->alive = true;
    if (info->identified) {
        say_identified(d, c, info->agent);
    }
}

static void see_conns(struct idle *d)
{
    struct lp2p_conn_info info;
    for (size_t i = 0; i < d->n_conns; i++) {
        d->conns[i].alive = false;
    }
    for (size_t pos = 0; lp2p_host_conn_next(d->node.host, &pos, &info);) {
        see_conn(d, &info);
    }
    for (size_t i = 0; i < d->n_conns;) {
        if (d->conns[i].alive) {
            i++;
            continue;
        }
        say(conn_json("disconnected", &d->conns[i]));
        free(d->conns[i].said);
        d->conns[i] = d->conns[--d->n_conns];
    }
}

/* ---- discovery ---- */

static void see_peer(struct idle *d, const struct lp2p_peer_info *info)
{
    size_t i = 0;
    while (i < d->n_peers && !lp2p_peer_id_eq(&d->peers[i].peer, &info->id)) {
        i++;
    }
    if (i == MAX_PEERS) {
        return;
    }
    struct seen_peer *p = &d->peers[i];
    bool is_new = i == d->n_peers;
    if (is_new) {
        *p = (struct seen_peer){.peer = info->id};
        d->n_peers++;
    }
    p->alive = true;
    if (is_new || p->n_addrs != info->n_addrs) {
        p->n_addrs = info->n_addrs;
        json_t *o = event("discovered");
        put_peer(o, &info->id);
        json_object_set_new(o, "addrs", peer_addrs(d, &info->id));
        say(o);
    }
}

static void see_peers(struct idle *d)
{
    struct lp2p_peer_info info;
    for (size_t i = 0; i < d->n_peers; i++) {
        d->peers[i].alive = false;
    }
    for (size_t pos = 0; lp2p_host_peer_next(d->node.host, &pos, &info);) {
        if (info.discovered) {
            see_peer(d, &info);
        }
    }
    for (size_t i = 0; i < d->n_peers;) {
        if (d->peers[i].alive) {
            i++;
            continue;
        }
        json_t *o = event("expired");
        put_peer(o, &d->peers[i].peer);
        say(o);
        d->peers[i] = d->peers[--d->n_peers];
    }
}

/* ---- dials ---- */

static void see_dials(struct idle *d)
{
    for (size_t i = 0; i < MAX_DIALS; i++) {
        const struct lp2p_attempt_info *at = d->dials[i] == 0 ? NULL
                                                              : node_attempt(&d->node, d->dials[i]);
        if (at == NULL || at->stage < LP2P_STAGE_CONNECTED) {
            continue;
        }
        if (at->stage == LP2P_STAGE_FAILED) {
            put_error("dial", lp2p_error_text(at->error));
        }
        d->dials[i] = 0;
    }
}

static void idle_changed(struct node *n, unsigned changes)
{
    struct idle *d = n->user;
    if ((changes & LP2P_CHANGE_CONNS) != 0) {
        see_conns(d);
    }
    if ((changes & LP2P_CHANGE_DISCOVERED) != 0) {
        see_peers(d);
    }
    if ((changes & LP2P_CHANGE_ATTEMPTS) != 0) {
        see_dials(d);
    }
}

/* ---- commands ---- */

static void do_dial(struct idle *d, const char *arg)
{
    struct lp2p_peer_id peer;
    uint64_t attempt;
    int err = node_dial(&d->node, arg, &peer, &attempt);
    if (err != 0) {
        put_error("dial", lp2p_error_text(err));
        return;
    }
    for (size_t i = 0; i < MAX_DIALS; i++) {
        if (d->dials[i] == 0) {
            d->dials[i] = attempt;
            return;
        }
    }
}

static void do_listen(struct idle *d, const char *arg)
{
    struct lp2p_multiaddr addr;
    int err = lp2p_multiaddr_parse(arg, strlen(arg), &addr);
    if (err == 0) {
        err = lp2p_host_listen(d->node.host, &addr);
    }
    if (err != 0) {
        put_error("listen", lp2p_error_text(err));
    }
}

static bool parse_peer(const char *command, const char *text, struct lp2p_peer_id *ret)
{
    int err = lp2p_peer_id_parse(text, strlen(text), ret);
    if (err != 0) {
        put_error(command, lp2p_error_text(err));
    }
    return err == 0;
}

struct pinged {
    struct lp2p_peer_id peer;
};

static void ping_done(void *ctx, int err, lp2p_ts rtt)
{
    struct pinged *p = ctx;
    if (err != 0) {
        put_error("ping", lp2p_error_text(err));
    } else {
        json_t *o = event("ping");
        put_peer(o, &p->peer);
        json_object_set_new(o, "rtt_ms", json_real((double)rtt / 1e6));
        say(o);
    }
    free(p);
}

static void do_ping(struct idle *d, const char *arg)
{
    struct pinged *p = calloc(1, sizeof(*p));
    if (p == NULL || !parse_peer("ping", arg, &p->peer)) {
        free(p);
        return;
    }
    struct lp2p_ping ping = {.count = 1, .done = ping_done, .ctx = p};
    int err = lp2p_host_ping(d->node.host, &p->peer, &ping);
    if (err != 0) {
        put_error("ping", lp2p_error_text(err));
        free(p);
    }
}

static void volley_landed(struct volley *v)
{
    if (--v->left > 0) {
        return;
    }
    json_t *o = event("streams");
    put_peer(o, &v->peer);
    json_object_set_new(o, "opened", json_integer((json_int_t)v->opened));
    json_object_set_new(o, "refused", json_integer((json_int_t)v->refused));
    json_object_set_new(o, "failed", json_integer((json_int_t)v->failed));
    say(o);
    free(v);
}

static void volley_open(void *ctx, struct lp2p_stream *s, const char *protocol)
{
    (void)protocol;
    struct volley *v = ctx;
    v->opened++;
    lp2p_stream_reset(s, 0);
    volley_landed(v);
}

static void volley_data(void *ctx, struct lp2p_stream *s, const uint8_t *p, size_t n)
{
    (void)ctx;
    (void)p;
    lp2p_stream_consume(s, n);
}

static void volley_closed(void *ctx, struct lp2p_stream *s, const struct lp2p_failure *why)
{
    (void)s;
    struct volley *v = ctx;
    if (why->code == -LP2P_E_NEGOTIATION) {
        v->refused++;
    } else {
        v->failed++;
    }
    volley_landed(v);
}

static void do_streams(struct idle *d, char *arg)
{
    static const struct lp2p_stream_ops ops = {
        .on_open = volley_open, .on_data = volley_data, .on_closed = volley_closed};
    char *save;
    const char *peer = strtok_r(arg, " ", &save);
    const char *protocol = strtok_r(NULL, " ", &save);
    const char *count = strtok_r(NULL, " ", &save);
    struct volley *v = calloc(1, sizeof(*v));
    if (v == NULL || count == NULL || !parse_peer("streams", peer, &v->peer)) {
        free(v);
        return;
    }
    v->idle = d;
    uint64_t n = strtoull(count, NULL, 10);
    v->left = n + 1; /* one for this function: the volley lives until all are thrown */
    for (uint64_t i = 0; i < n; i++) {
        struct lp2p_stream *s;
        struct lp2p_open open = {.protocols = &protocol, .n = 1, .ops = &ops, .ctx = v};
        if (lp2p_host_open(d->node.host, &v->peer, &open, &s) != 0) {
            v->failed++;
            v->left--;
        }
    }
    volley_landed(v);
}

static void do_peers(struct idle *d)
{
    json_t *list = json_array();
    struct lp2p_conn_info info;
    for (size_t pos = 0; lp2p_host_conn_next(d->node.host, &pos, &info);) {
        struct seen_conn c = {.peer = info.peer, .addr = info.remote, .outbound = info.outbound};
        json_t *o = conn_json(NULL, &c);
        json_object_set_new(o, "streams", json_integer(info.streams));
        json_array_append_new(list, o);
    }
    json_t *e = event("peers");
    json_object_set_new(e, "peers", list);
    say(e);
}

static void idle_quit(struct idle *d)
{
    if (!d->quitting) {
        d->quitting = true;
        node_quit(&d->node, 0);
    }
}

static void do_command(struct idle *d, char *line)
{
    char *arg = strchr(line, ' ');
    if (arg != NULL) {
        *arg++ = '\0';
    }
    struct lp2p_peer_id peer;
    if (strcmp(line, "quit") == 0) {
        idle_quit(d);
    } else if (strcmp(line, "peers") == 0) {
        do_peers(d);
    } else if (arg == NULL) {
        put_error(line, "no such command");
    } else if (strcmp(line, "dial") == 0) {
        do_dial(d, arg);
    } else if (strcmp(line, "listen") == 0) {
        do_listen(d, arg);
    } else if (strcmp(line, "ping") == 0) {
        do_ping(d, arg);
    } else if (strcmp(line, "streams") == 0) {
        do_streams(d, arg);
    } else if (strcmp(line, "close") == 0) {
        if (parse_peer("close", arg, &peer) && lp2p_host_disconnect(d->node.host, &peer) != 0) {
            put_error("close", "not connected");
        }
    } else {
        put_error(line, "no such command");
    }
}

static void in_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    static char block[4096];
    (void)handle;
    (void)suggested;
    *buf = uv_buf_init(block, sizeof(block));
}

static void in_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct idle *d = stream->data;
    if (n < 0) {
        idle_quit(d);
        return;
    }
    for (ssize_t i = 0; i < n; i++) {
        if (buf->base[i] != '\n' && d->line_len < MAX_LINE - 1) {
            d->line[d->line_len++] = buf->base[i];
        } else if (buf->base[i] == '\n') {
            d->line[d->line_len] = '\0';
            d->line_len = 0;
            do_command(d, d->line);
        }
    }
}

static void on_signal(uv_signal_t *handle, int signum)
{
    (void)signum;
    idle_quit(handle->data);
}

static void say_listening(struct idle *d)
{
    json_t *o = event("listening");
    put_peer(o, lp2p_host_peer_id(d->node.host));
    json_t *list = json_array();
    struct lp2p_multiaddr addr;
    for (size_t pos = 0; lp2p_host_addr_next(d->node.host, &pos, &addr);) {
        json_array_append_new(list, addr_text(&addr));
    }
    json_object_set_new(o, "addrs", list);
    say(o);
}

int mode_idle(const struct options *opt)
{
    static struct idle d;
    d.node.user = &d;
    d.node.on_change = idle_changed;
    node_open(&d.node, opt);
    node_listen(&d.node, opt->listen);
    say_listening(&d);
    uv_stream_t *in = (uv_stream_t *)&d.in;
    if (uv_guess_handle(0) == UV_TTY) {
        uv_tty_init(d.node.loop, &d.tty, 0, 1);
        in = (uv_stream_t *)&d.tty;
    } else {
        uv_pipe_init(d.node.loop, &d.in, 0);
        uv_pipe_open(&d.in, 0);
    }
    in->data = &d;
    uv_read_start(in, in_alloc, in_read);
    d.sigint.data = &d;
    d.sigterm.data = &d;
    uv_signal_init(d.node.loop, &d.sigint);
    uv_signal_start(&d.sigint, on_signal, SIGINT);
    uv_signal_init(d.node.loop, &d.sigterm);
    uv_signal_start(&d.sigterm, on_signal, SIGTERM);
    return node_run(&d.node);
}
