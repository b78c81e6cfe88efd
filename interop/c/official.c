#include "interop.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Which of the two contracts (INTEROP 4.1, 4.2) the environment speaks. */
struct contract {
    bool newer;
    bool dialer;
    const char *redis;
    char key[128];
    const char *ip;
    long timeout; /* seconds */
};

struct official {
    struct node node;
    struct contract contract;
    struct lp2p_peer_id peer;
    uint64_t attempt;
    uint64_t began; /* ns */
    double handshake_ms;
    bool connected;
    uv_timer_t timer;
};

static const char *env_or(const char *name, const char *otherwise)
{
    const char *value = getenv(name);
    return value != NULL && *value != '\0' ? value : otherwise;
}

static void need(const char *name, const char *value)
{
    if (strcmp(env_or(name, ""), value) != 0) {
        fprintf(stderr, "lp2p-interop: %s must be %s\n", name, value);
        exit(1);
    }
}

static struct contract read_contract(void)
{
    struct contract c = {.newer = getenv("IS_DIALER") != NULL};
    if (!c.newer && getenv("is_dialer") == NULL) {
        fputs("lp2p-interop: neither IS_DIALER nor is_dialer is set\n", stderr);
        exit(1);
    }
    need(c.newer ? "TRANSPORT" : "transport", "tcp");
    need(c.newer ? "SECURE_CHANNEL" : "security", "noise");
    need(c.newer ? "MUXER" : "muxer", "yamux");
    c.dialer = strcmp(env_or(c.newer ? "IS_DIALER" : "is_dialer", "false"), "true") == 0;
    c.redis = c.newer ? env_or("REDIS_ADDR", "transport-redis:6379")
                      : env_or("redis_addr", "redis:6379");
    c.ip = env_or(c.newer ? "LISTENER_IP" : "ip", "0.0.0.0");
    c.timeout = strtol(env_or(c.newer ? "TEST_TIMEOUT_SECS" : "test_timeout_seconds", "180"), NULL,
                       10);
    if (c.newer) {
        snprintf(c.key, sizeof(c.key), "%s_listener_multiaddr", env_or("TEST_KEY", ""));
    } else {
        snprintf(c.key, sizeof(c.key), "listenerAddr");
    }
    return c;
}

static redisContext *redis_open(const struct contract *c)
{
    char host[128];
    snprintf(host, sizeof(host), "%s", c->redis);
    char *colon = strrchr(host, ':');
    long port = 6379;
    if (colon != NULL) {
        *colon = '\0';
        port = strtol(colon + 1, NULL, 10);
    }
    struct timeval limit = {.tv_sec = c->timeout};
    redisContext *r = redisConnectWithTimeout(host, (int)port, limit);
    if (r == NULL || r->err != 0) {
        fprintf(stderr, "lp2p-interop: redis at %s: %s\n", c->redis, r != NULL ? r->errstr : "");
        exit(1);
    }
    return r;
}

/* The first address that is not loopback. */
static void publish_addr(struct official *o)
{
    struct lp2p_multiaddr addr;
    char text[LP2P_MULTIADDR_TEXT_SIZE];
    for (size_t pos = 0; lp2p_host_addr_next(o->node.host, &pos, &addr);) {
        lp2p_multiaddr_format(&addr, text);
        if (strncmp(text, "/ip4/127.", 9) == 0 || strncmp(text, "/ip6/::1/", 9) == 0) {
            continue;
        }
        redisContext *r = redis_open(&o->contract);
        redisReply *reply = redisCommand(r, "RPUSH %s %s", o->contract.key, text);
        if (reply == NULL || reply->type == REDIS_REPLY_ERROR) {
            fprintf(stderr, "lp2p-interop: RPUSH: %s\n", reply != NULL ? reply->str : r->errstr);
            exit(1);
        }
        freeReplyObject(reply);
        redisFree(r);
        fprintf(stderr, "lp2p-interop: listening on %s\n", text);
        return;
    }
    fputs("lp2p-interop: no address but loopback\n", stderr);
    exit(1);
}

static void fetch_addr(const struct contract *c, char *text, size_t size)
{
    redisContext *r = redis_open(c);
    redisReply *reply = redisCommand(r, "BLPOP %s %d", c->key, (int)c->timeout);
    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY || reply->elements != 2) {
        fputs("lp2p-interop: no listener came\n", stderr);
        exit(1);
    }
    snprintf(text, size, "%s", reply->element[1]->str);
    freeReplyObject(reply);
    redisFree(r);
}

static double since_ms(uint64_t began)
{
    return (double)(uv_hrtime() - began) / 1e6;
}

static void ping_done(void *ctx, int err, lp2p_ts rtt)
{
    struct official *o = ctx;
    if (err != 0) {
        die("ping", err);
    }
    double ping_ms = (double)rtt / 1e6;
    o->handshake_ms = since_ms(o->began);
    if (o->contract.newer) {
        printf("latency:\n  handshake_plus_one_rtt: %.3f\n  ping_rtt: %.3f\n  unit: ms\n",
               o->handshake_ms, ping_ms);
    } else {
        printf("{\"handshakePlusOneRTTMillis\": %.3f, \"pingRTTMilllis\": %.3f}\n", o->handshake_ms,
               ping_ms);
    }
    fflush(stdout);
    node_quit(&o->node, 0);
}

static void dialer_changed(struct node *n, unsigned changes)
{
    (void)changes;
    struct official *o = n->user;
    struct lp2p_conn_info info;
    const struct lp2p_attempt_info *at = node_attempt(n, o->attempt);
    if (at != NULL && at->stage == LP2P_STAGE_FAILED) {
        die("connect", at->error);
    }
    /* The connection is enough: the ping need not wait for identify. */
    for (size_t pos = 0; !o->connected && lp2p_host_conn_next(n->host, &pos, &info);) {
        o->connected = true;
        struct lp2p_ping ping = {.count = 1, .done = ping_done, .ctx = o};
        int err = lp2p_host_ping(n->host, &info.peer, &ping);
        if (err != 0) {
            die("ping", err);
        }
    }
}

static void too_late(uv_timer_t *timer)
{
    struct official *o = timer->data;
    fputs("lp2p-interop: the time is over\n", stderr);
    node_quit(&o->node, 1);
}

int mode_transport(const struct options *opt)
{
    static struct official o;
    o.contract = read_contract();
    o.node.user = &o;
    o.node.on_change = o.contract.dialer ? dialer_changed : NULL;
    node_open(&o.node, opt);
    uv_timer_init(o.node.loop, &o.timer);
    o.timer.data = &o;
    uv_timer_start(&o.timer, too_late, (uint64_t)o.contract.timeout * 1000, 0);
    if (!o.contract.dialer) {
        char at[64];
        snprintf(at, sizeof(at), "/%s/%s/tcp/0", strchr(o.contract.ip, ':') != NULL ? "ip6" : "ip4",
                 o.contract.ip);
        node_listen(&o.node, at);
        publish_addr(&o);
        return node_run(&o.node);
    }
    char text[LP2P_MULTIADDR_TEXT_SIZE];
    fetch_addr(&o.contract, text, sizeof(text));
    o.began = uv_hrtime();
    int err = node_dial(&o.node, text, &o.peer, &o.attempt);
    if (err != 0) {
        die(text, err);
    }
    return node_run(&o.node);
}
