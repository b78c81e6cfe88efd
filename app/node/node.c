#include "node/node.h"

#include "base/assert.h"
#include "base/text.h"
#include "env/env.h"
#include "format/addr.h"
#include "lp2p/env_uv.h"

#include <stdio.h>
#include <stdlib.h>

void node_flush(struct node *n)
{
    if (!n->dirty || n->host == NULL || !node_pipe_is_free(n)) {
        return;
    }
    n->dirty = false;
    struct whtnxt_node_msg msg = {.type = WHTNXT_MSG_STATE};
    whtnxt_state_init(&msg.state, n->mem);
    int err = node_picture(n, &msg.state);
    if (err == 0) {
        err = node_send(n, &msg);
    }
    /* Without memory the next change or the next second tries again: states are whole, nothing is
     * lost. */
    n->dirty = err != 0;
    whtnxt_state_fini(&msg.state);
}

static void node_on_merge(uv_timer_t *timer)
{
    struct node *n = timer->data;
    n->merging = false;
    n->dirty = true;
    node_flush(n);
}

static void node_on_counters(uv_timer_t *timer)
{
    struct node *n = timer->data;
    n->dirty = true;
    node_flush(n);
}

void node_merge(struct node *n)
{
    if (!n->merging) {
        n->merging = true;
        uv_timer_start(&n->merge, node_on_merge, NODE_MERGE_MS, 0);
    }
}

static void node_on_change(void *ctx, unsigned changes)
{
    struct node *n = ctx;
    n->resumes += (changes & LP2P_CHANGE_RESUMED) != 0 ? 1 : 0;
    if ((changes & (LP2P_CHANGE_CONNS | LP2P_CHANGE_ATTEMPTS)) != 0) {
        n->dirty = true;
        node_flush(n);
    } else {
        node_merge(n);
    }
}

static size_t node_find_refused(const struct node *n, const struct lp2p_peer_id *peer)
{
    size_t i = 0;
    while (i < n->n_refused && !lp2p_peer_id_eq(&n->refused[i], peer)) {
        i++;
    }
    return i;
}

static bool node_may_connect(void *ctx, const struct lp2p_peer_id *peer, bool outbound)
{
    (void)outbound;
    const struct node *n = ctx;
    return node_find_refused(n, peer) == n->n_refused;
}

static void node_fatal(struct node *n, int error, const char *where, const char *text)
{
    struct whtnxt_node_msg msg = {.type = WHTNXT_MSG_FATAL};
    msg.fatal.error = error;
    snprintf(msg.fatal.where, sizeof(msg.fatal.where), "%s", where);
    snprintf(msg.fatal.text, sizeof(msg.fatal.text), "%s", text);
    (void)node_send(n, &msg);
    n->status = 1;
    node_end(n);
}

/* Listens on all addresses of a family; returns the port that was bound, 0 on failure. */
static uint16_t node_listen(struct node *n, const char *any, uint16_t port, int *ret_err)
{
    char text[64];
    int len = snprintf(text, sizeof(text), "%s/tcp/%u", any, (unsigned)port);
    struct lp2p_multiaddr addr;
    *ret_err = lp2p_multiaddr_parse(text, (size_t)len, &addr);
    if (*ret_err == 0) {
        *ret_err = lp2p_host_listen(n->host, &addr);
    }
    if (*ret_err != 0) {
        return 0;
    }
    if (port != 0) {
        return port;
    }
    /* Any port was asked for: the one that was drawn is in our addresses. */
    struct lp2p_endpoint e;
    uint32_t code;
    size_t used;
    for (size_t pos = 0; lp2p_host_addr_next(n->host, &pos, &addr);) {
        if (lp2p_addr_to_endpoint(&addr, &e, &code, &used) == 0) {
            return e.port;
        }
    }
    return 0;
}

/* The same port for IPv4 and IPv6 (DESIGN 7); a taken one gives way to any other for this run. */
static int node_listen_all(struct node *n, uint16_t port)
{
    int err;
    uint16_t bound = node_listen(n, "/ip4/0.0.0.0", port, &err);
    if (err == -LP2P_E_ADDR_IN_USE) {
        bound = node_listen(n, "/ip4/0.0.0.0", 0, &err);
        node_log(n, WHTNXT_LOG_WARNING, "Port %u is in use; listening on port %u this time",
                 (unsigned)port, (unsigned)bound);
    }
    int err6;
    uint16_t bound6 = node_listen(n, "/ip6/::", bound != 0 ? bound : port, &err6);
    n->port = bound != 0 ? bound : bound6;
    if (n->port == 0) {
        return err != 0 ? err : err6;
    }
    if (err6 != 0) {
        node_log(n, WHTNXT_LOG_INFO, "Not listening on IPv6: %s", lp2p_error_text(err6));
    }
    return 0;
}

static void node_start(struct node *n, const struct whtnxt_start *start)
{
    static const struct lp2p_host_ops ops = {
        .on_change = node_on_change,
        .may_connect = node_may_connect,
    };
    const struct lp2p_limits *limits = lp2p_limits_profile(start->limits);
    if (limits == NULL) {
        node_fatal(n, -LP2P_E_INVAL, "start", "There is no such limits profile");
        return;
    }
    n->limits = limits->profile;
    struct lp2p_host_cfg cfg = {
        .env = n->env,
        .mem = n->mem,
        .seed = start->seed,
        .limits = limits,
        .agent = "whtnxt/" LP2P_VERSION,
        .mdns = start->mdns,
        .mdns_note = "app=whatnext",
    };
    int err = lp2p_host_new(&cfg, &ops, n, &n->host);
    if (err != 0) {
        node_fatal(n, err, "start", lp2p_error_text(err));
        return;
    }
    err = node_listen_all(n, start->port);
    if (err != 0) {
        node_fatal(n, err, "listen", lp2p_error_text(err));
        return;
    }
    n->dirty = true;
    node_flush(n);
}

static bool node_parse_peer(struct node *n, const char *text, struct lp2p_peer_id *ret)
{
    if (lp2p_peer_id_parse(text, strlen(text), ret) == 0) {
        return true;
    }
    node_log(n, WHTNXT_LOG_ERROR, "Main sent a peer id that is none");
    return false;
}

static struct node_attempt *node_attempt_slot(struct node *n, uint64_t id)
{
    struct node_attempt *unused = NULL;
    for (size_t i = 0; i < NODE_MAX_ATTEMPTS; i++) {
        if (n->attempts[i].id == id) {
            return &n->attempts[i];
        }
        if (n->attempts[i].id == 0 || (unused == NULL && n->attempts[i].host == 0)) {
            unused = &n->attempts[i];
        }
    }
    return unused;
}

static enum lp2p_addr_source node_addr_source(enum whtnxt_addr_source source)
{
    switch (source) {
    case WHTNXT_ADDR_TYPED:
        return LP2P_ADDR_TYPED;
    case WHTNXT_ADDR_PASTED:
        return LP2P_ADDR_PASTED;
    case WHTNXT_ADDR_MDNS:
        return LP2P_ADDR_MDNS;
    case WHTNXT_ADDR_PEER:
        return LP2P_ADDR_PEER;
    case WHTNXT_ADDR_REMEMBERED:
        return LP2P_ADDR_REMEMBERED;
    case WHTNXT_ADDR_LINK:
    case WHTNXT_ADDR_SOURCES:
        break;
    }
    return LP2P_ADDR_LINK;
}

/* The host takes addresses of one source a call: one call a source, all of one attempt. */
static int node_connect_source(struct node *n, const struct whtnxt_connect *c,
                               const struct lp2p_peer_id *peer, enum whtnxt_addr_source source,
                               uint64_t *ret)
{
    struct lp2p_multiaddr addrs[WHTNXT_CONNECT_ADDRS];
    struct lp2p_connect_opts opts = {
        .addrs = addrs,
        .source = node_addr_source(source),
        .timeout = LP2P_MSEC(c->timeout_ms),
        .look = LP2P_MSEC(c->look_ms),
        .background = c->background,
    };
    for (size_t i = 0; i < c->n_addrs; i++) {
        const char *text = c->addrs[i].addr;
        if (c->addrs[i].source == source &&
            lp2p_multiaddr_parse(text, strlen(text), &addrs[opts.n]) == 0) {
            opts.n++;
        }
    }
    return lp2p_host_connect(n->host, peer, &opts, ret);
}

static void node_connect(struct node *n, const struct whtnxt_connect *c)
{
    struct lp2p_peer_id peer;
    struct node_attempt *slot = node_attempt_slot(n, c->id);
    if (slot == NULL || !node_parse_peer(n, c->peer, &peer)) {
        return;
    }
    *slot = (struct node_attempt){.id = c->id};
    for (int source = 0; source < WHTNXT_ADDR_SOURCES && slot->error == 0; source++) {
        slot->error = node_connect_source(n, c, &peer, (enum whtnxt_addr_source)source,
                                          &slot->host);
    }
    if (slot->error != 0) {
        slot->host = 0;
    }
    n->dirty = true;
    node_flush(n);
}

static void node_cancel(struct node *n, uint64_t id)
{
    for (size_t i = 0; i < NODE_MAX_ATTEMPTS; i++) {
        if (n->attempts[i].id == id && n->attempts[i].host != 0) {
            /* One that has ended meanwhile stays as it ended. */
            (void)lp2p_host_cancel(n->host, n->attempts[i].host);
        }
    }
}

static void node_refuse(struct node *n, const struct whtnxt_refuse *r)
{
    struct lp2p_peer_id peer;
    if (!node_parse_peer(n, r->peer, &peer)) {
        return;
    }
    size_t i = node_find_refused(n, &peer);
    if (!r->on && i < n->n_refused) {
        n->refused[i] = n->refused[--n->n_refused];
    } else if (r->on && i == n->n_refused && i < NODE_MAX_REFUSED) {
        n->refused[n->n_refused++] = peer;
    }
}

static void node_disconnect(struct node *n, const char *text)
{
    struct lp2p_peer_id peer;
    if (node_parse_peer(n, text, &peer)) {
        (void)lp2p_host_disconnect(n->host, &peer);
    }
}

static void node_ask(struct node *n, const struct whtnxt_ask *ask)
{
    struct whtnxt_node_msg msg = {.type = WHTNXT_MSG_ALIVE, .alive = ask->n};
    (void)node_send(n, &msg);
    if (!ask->counters) {
        uv_timer_stop(&n->counters);
    } else if (!uv_is_active((uv_handle_t *)&n->counters)) {
        uv_timer_start(&n->counters, node_on_counters, NODE_COUNTERS_MS, NODE_COUNTERS_MS);
    }
}

static void node_hello(struct node *n, const struct whtnxt_hello *hello)
{
    if (hello->protocol != WHTNXT_NODE_PROTOCOL) {
        /* Main reads our version and says NODE_VERSION; there is nothing to talk about. */
        n->status = 1;
        node_end(n);
        return;
    }
    n->talk = WHTNXT_TALK_READY;
}

static void node_handle(struct node *n, const struct whtnxt_node_msg *msg)
{
    switch (msg->type) {
    case WHTNXT_MSG_MAIN_HELLO:
        node_hello(n, &msg->hello);
        break;
    case WHTNXT_MSG_START:
        n->talk = WHTNXT_TALK_RUNNING;
        node_start(n, &msg->start);
        break;
    case WHTNXT_MSG_CONNECT:
        node_connect(n, &msg->connect);
        break;
    case WHTNXT_MSG_CANCEL:
        node_cancel(n, msg->cancel);
        break;
    case WHTNXT_MSG_DISCONNECT:
        node_disconnect(n, msg->disconnect);
        break;
    case WHTNXT_MSG_REFUSE:
        node_refuse(n, &msg->refuse);
        break;
    case WHTNXT_MSG_PING:
        node_ping(n, &msg->ping);
        break;
    case WHTNXT_MSG_UNPING:
        node_unping(n, msg->unping);
        break;
    case WHTNXT_MSG_ASK:
        node_ask(n, &msg->ask);
        break;
    case WHTNXT_MSG_QUIT:
        node_end(n);
        break;
    case WHTNXT_MSG_NODE_HELLO:
    case WHTNXT_MSG_STATE:
    case WHTNXT_MSG_ALIVE:
    case WHTNXT_MSG_FATAL:
    case WHTNXT_MSG_LOG:
    case WHTNXT_MSGS:
        break;
    }
}

void node_line(struct node *n, struct lp2p_span line)
{
    struct whtnxt_node_msg msg;
    int err = whtnxt_node_msg_decode(line, WHTNXT_TO_NODE, n->talk, n->mem, &msg);
    if (err == -LP2P_E_NOMEM) {
        node_log(n, WHTNXT_LOG_ERROR, "No memory for a command of main");
        return;
    }
    if (err != 0) {
        /* Main and node are built together: a line that is no message is a bug, not a peer. */
        node_fatal(n, err, "ipc", "Main sent a line that is no message");
        return;
    }
    if (n->talk != WHTNXT_TALK_RUNNING || n->host != NULL || msg.type == WHTNXT_MSG_QUIT) {
        node_handle(n, &msg);
    }
    whtnxt_node_msg_fini(&msg);
}

static void node_stop(void *ctx)
{
    struct node *n = ctx;
    uv_stop(n->loop);
}

void node_end(struct node *n)
{
    if (n->talk == WHTNXT_TALK_ENDING) {
        return;
    }
    n->talk = WHTNXT_TALK_ENDING;
    uv_timer_stop(&n->counters);
    uv_timer_stop(&n->merge);
    if (n->host == NULL) {
        uv_stop(n->loop);
        return;
    }
    lp2p_host_shutdown(n->host, NODE_GRACE, node_stop, n);
}

static void node_send_hello(struct node *n)
{
    struct whtnxt_node_msg msg = {.type = WHTNXT_MSG_NODE_HELLO};
    msg.hello.protocol = WHTNXT_NODE_PROTOCOL;
    snprintf(msg.hello.version, sizeof(msg.hello.version), "%s", LP2P_VERSION);
    (void)node_send(n, &msg);
}

static int node_open(struct node *n, uv_loop_t *loop)
{
    n->loop = loop;
    n->talk = WHTNXT_TALK_NEW;
    uv_timer_init(loop, &n->merge);
    uv_timer_init(loop, &n->counters);
    n->merge.data = n;
    n->counters.data = n;
    LP2P_TRY(lp2p_env_uv_new(n->mem, loop, &n->env));
    return node_pipe_open(n, WHTNXT_NODE_FD);
}

static void node_close(struct node *n)
{
    lp2p_host_free(n->host);
    n->host = NULL;
    node_pipe_close(n);
    uv_close((uv_handle_t *)&n->merge, NULL);
    uv_close((uv_handle_t *)&n->counters, NULL);
    if (n->env != NULL) {
        lp2p_env_free(n->env);
    }
    uv_run(n->loop, UV_RUN_DEFAULT);
    lp2p_buf_fini(&n->pipe.out);
    lp2p_buf_fini(&n->pipe.sending);
    whtnxt_lines_fini(&n->pipe.in);
    uv_loop_close(n->loop);
}

int node_run(const struct lp2p_mem *mem)
{
    struct node *n = lp2p_calloc(mem, 1, sizeof(*n));
    uv_loop_t loop;
    if (n == NULL || uv_loop_init(&loop) != 0) {
        return 1;
    }
    n->mem = mem;
    n->limits = "";
    if (node_open(n, &loop) == 0) {
        node_send_hello(n);
        uv_run(&loop, UV_RUN_DEFAULT);
    } else {
        n->status = 1;
    }
    int status = n->status;
    node_close(n);
    lp2p_free(mem, n);
    return status;
}
