/*
 * perf: measures libp2p hosts. The options and lines are those of the official perf suite
 * (libp2p/test-plans, perf/); what goes beyond is marked *.
 *
 *     perf --run-server --server-address 127.0.0.1:4001
 *     perf --server-address 127.0.0.1:4001 --transport tcp --upload-bytes N --download-bytes N
 *          [--streams N]*              N streams at once, each with these bytes
 *          [--pings N]*                instead: N pings on one stream, their median
 *          [--opens N]*                instead: N streams for a byte each way, 32 at a time
 *          [--handshakes N]*           instead: N times connect, identify, one ping, close
 *     either [--limits desktop|bench]* default bench: limits lifted far above what is measured
 *
 * One JSON object a line: every second "intermediary" with what moved in it, then "final", whose
 * time includes the connection.
 */
#include "lp2p/env_uv.h"
#include "lp2p/host.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

/* The identity of 32 zero bytes, which servers have. */
#define SERVER_ID "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN"

#define OPENS_AT_ONCE 32U

struct options {
    bool server;
    char *address;
    const char *limits;
    uint64_t up;
    uint64_t down;
    uint64_t streams;
    uint64_t pings;
    uint64_t opens;
    uint64_t handshakes;
};

struct stream_count {
    struct perf *p;
    uint64_t sent;
    uint64_t received;
    double took;
};

struct perf {
    struct options opt;
    uv_loop_t *loop;
    struct lp2p_env *env;
    struct lp2p_host *host;
    struct lp2p_multiaddr addr;
    struct lp2p_peer_id server;
    uint64_t attempt;
    bool connected;
    uv_timer_t second;
    uint64_t began;    /* ns */
    uint64_t measured; /* ns: connected */
    uint64_t last;     /* ns: of the intermediary before */
    uint64_t sent;
    uint64_t received;
    uint64_t last_sent;
    uint64_t last_received;
    struct stream_count *streams;
    uint64_t left; /* of what is counted */
    uint64_t to_start;
    lp2p_ts *rtts;
    uint64_t n_rtts;
};

static void die(const char *what, int err)
{
    fprintf(stderr, "perf: %s: %s\n", what, lp2p_error_text(err));
    exit(1);
}

static void check(int err, const char *what)
{
    if (err != 0) {
        die(what, err);
    }
}

static double seconds(uint64_t from, uint64_t to)
{
    return (double)(to - from) / 1e9;
}

static int compare_ts(const void *a, const void *b)
{
    lp2p_ts x = *(const lp2p_ts *)a, y = *(const lp2p_ts *)b;
    return (x > y) - (x < y);
}

/* ---- the end ---- */

static void stopped(void *ctx)
{
    struct perf *p = ctx;
    uv_stop(p->loop);
}

static void quit(struct perf *p)
{
    (void)uv_timer_stop(&p->second);
    lp2p_host_shutdown(p->host, LP2P_SEC(1), stopped, p);
}

static void print_moved(struct perf *p, const char *type, double time, uint64_t sent,
                        uint64_t received)
{
    printf("{\"type\":\"%s\",\"timeSeconds\":%.6f,\"uploadBytes\":%" PRIu64
           ",\"downloadBytes\":%" PRIu64,
           type, time, sent, received);
    if (p->opt.streams > 1 && strcmp(type, "final") == 0) {
        /* Fair share: how long each took, in order. */
        for (uint64_t i = 0; i < p->opt.streams; i++) {
            printf("%s%.6f", i == 0 ? ",\"streamSeconds\":[" : ",", p->streams[i].took);
        }
        printf("]");
    }
    printf("}\n");
    fflush(stdout);
}

static void on_second(uv_timer_t *timer)
{
    struct perf *p = timer->data;
    uint64_t now = uv_hrtime();
    print_moved(p, "intermediary", seconds(p->last, now), p->sent - p->last_sent,
                p->received - p->last_received);
    p->last = now;
    p->last_sent = p->sent;
    p->last_received = p->received;
}

/* ---- bytes ---- */

static void on_progress(void *ctx, uint64_t sent, uint64_t received)
{
    struct stream_count *c = ctx;
    c->p->sent += sent - c->sent;
    c->p->received += received - c->received;
    c->sent = sent;
    c->received = received;
}

static void on_moved(void *ctx, int err)
{
    struct stream_count *c = ctx;
    struct perf *p = c->p;
    check(err, "stream");
    uint64_t now = uv_hrtime();
    c->took = seconds(p->measured, now);
    if (--p->left == 0) {
        print_moved(p, "final", seconds(p->began, now), p->sent, p->received);
        quit(p);
    }
}

static void start_streams(struct perf *p)
{
    p->left = p->opt.streams;
    p->streams = calloc(p->left, sizeof(*p->streams));
    check(p->streams == NULL ? -LP2P_E_NOMEM : 0, "streams");
    for (uint64_t i = 0; i < p->opt.streams; i++) {
        p->streams[i].p = p;
        struct lp2p_perf perf = {
            .upload = p->opt.up,
            .download = p->opt.down,
            .progress = on_progress,
            .done = on_moved,
            .ctx = &p->streams[i],
        };
        check(lp2p_host_perf(p->host, &p->server, &perf), "open");
    }
}

/* ---- short streams ---- */

static void start_open(struct perf *p);

static void on_used(void *ctx, int err)
{
    struct perf *p = ctx;
    check(err, "stream");
    if (p->to_start > 0) {
        start_open(p);
    }
    if (--p->left == 0) {
        printf("{\"type\":\"final\",\"timeSeconds\":%.6f,\"streams\":%" PRIu64 "}\n",
               seconds(p->measured, uv_hrtime()), p->opt.opens);
        quit(p);
    }
}

static void start_open(struct perf *p)
{
    struct lp2p_perf perf = {.upload = 1, .download = 1, .done = on_used, .ctx = p};
    check(lp2p_host_perf(p->host, &p->server, &perf), "open");
    p->to_start--;
}

static void start_opens(struct perf *p)
{
    p->left = p->to_start = p->opt.opens;
    for (unsigned i = 0; i < OPENS_AT_ONCE && p->to_start > 0; i++) {
        start_open(p);
    }
}

/* ---- pings ---- */

static void on_pong(void *ctx, int err, lp2p_ts rtt)
{
    struct perf *p = ctx;
    check(err, "ping");
    p->rtts[p->n_rtts++] = rtt;
    if (p->n_rtts == p->opt.pings) {
        qsort(p->rtts, p->n_rtts, sizeof(*p->rtts), compare_ts);
        printf("{\"type\":\"final\",\"pingMedianMicros\":%.1f}\n",
               (double)p->rtts[p->n_rtts / 2] / 1000);
        quit(p);
    }
}

static void start_pings(struct perf *p)
{
    p->rtts = calloc(p->opt.pings, sizeof(*p->rtts));
    check(p->rtts == NULL ? -LP2P_E_NOMEM : 0, "pings");
    struct lp2p_ping ping = {.count = (uint32_t)p->opt.pings, .done = on_pong, .ctx = p};
    check(lp2p_host_ping(p->host, &p->server, &ping), "ping");
}

/* ---- handshakes ---- */

static void connect_server(struct perf *p)
{
    struct lp2p_connect_opts opts = {
        .addrs = &p->addr, .n = 1, .source = LP2P_ADDR_TYPED, .timeout = LP2P_SEC(15)};
    check(lp2p_host_connect(p->host, &p->server, &opts, &p->attempt), "connect");
}

static void on_hand_pong(void *ctx, int err, lp2p_ts rtt)
{
    (void)rtt;
    struct perf *p = ctx;
    check(err, "ping");
    check(lp2p_host_disconnect(p->host, &p->server), "disconnect");
}

static void start_hand_ping(struct perf *p)
{
    struct lp2p_ping ping = {.count = 1, .done = on_hand_pong, .ctx = p};
    check(lp2p_host_ping(p->host, &p->server, &ping), "ping");
}

/* The connection is gone: the next one. */
static void hand_next(struct perf *p)
{
    p->connected = false;
    if (--p->left > 0) {
        connect_server(p);
        return;
    }
    printf("{\"type\":\"final\",\"timeSeconds\":%.6f,\"handshakes\":%" PRIu64 "}\n",
           seconds(p->began, uv_hrtime()), p->opt.handshakes);
    quit(p);
}

/* ---- connecting ---- */

static void begin(struct perf *p)
{
    p->connected = true;
    p->measured = uv_hrtime();
    if (p->opt.handshakes > 0) {
        start_hand_ping(p);
    } else if (p->opt.pings > 0) {
        start_pings(p);
    } else if (p->opt.opens > 0) {
        start_opens(p);
    } else {
        start_streams(p);
    }
}

static void on_change(void *ctx, unsigned changes)
{
    struct perf *p = ctx;
    const struct lp2p_attempt_info *info;
    struct lp2p_conn_info conn;
    (void)changes;
    if (p->opt.server) {
        return;
    }
    size_t pos = 0;
    if (p->connected) {
        if (p->opt.handshakes > 0 && p->left > 0 && !lp2p_host_conn_next(p->host, &pos, &conn)) {
            hand_next(p);
        }
        return;
    }
    while (lp2p_host_attempt_next(p->host, &pos, &info)) {
        if (info->id == p->attempt && info->stage == LP2P_STAGE_CONNECTED) {
            begin(p);
            return;
        }
        if (info->id == p->attempt && info->stage == LP2P_STAGE_FAILED) {
            die(info->where, info->error);
        }
    }
}

/* ---- life ---- */

static void on_signal(uv_signal_t *handle, int number)
{
    (void)number;
    quit(handle->data);
}

static void make_host(struct perf *p)
{
    static const struct lp2p_host_ops ops = {.on_change = on_change};
    static const uint8_t zeros[32];
    p->loop = uv_default_loop();
    check(lp2p_env_uv_new(NULL, p->loop, &p->env), "environment");
    const struct lp2p_limits *limits = lp2p_limits_profile(p->opt.limits);
    check(limits == NULL ? -LP2P_E_NOT_FOUND : 0, p->opt.limits);
    struct lp2p_host_cfg cfg = {
        .env = p->env,
        .seed = p->opt.server ? zeros : NULL,
        .limits = limits,
        .agent = "lp2p-perf/" LP2P_VERSION,
    };
    check(lp2p_host_new(&cfg, &ops, p, &p->host), "host");
    (void)uv_timer_init(p->loop, &p->second);
    p->second.data = p;
}

static void serve(struct perf *p)
{
    static uv_signal_t term, interrupt;
    term.data = interrupt.data = p;
    (void)uv_signal_init(p->loop, &term);
    (void)uv_signal_init(p->loop, &interrupt);
    (void)uv_signal_start(&term, on_signal, SIGTERM);
    (void)uv_signal_start(&interrupt, on_signal, SIGINT);
    check(lp2p_host_serve_perf(p->host), "serve");
    check(lp2p_host_listen(p->host, &p->addr), "listen");
}

static void measure(struct perf *p)
{
    check(lp2p_peer_id_parse(SERVER_ID, strlen(SERVER_ID), &p->server), "server id");
    p->left = p->opt.handshakes;
    p->began = p->last = uv_hrtime();
    if (p->opt.pings == 0 && p->opt.opens == 0 && p->opt.handshakes == 0) {
        (void)uv_timer_start(&p->second, on_second, 1000, 1000);
    }
    connect_server(p);
}

/* ---- options ---- */

static uint64_t number(const char *text)
{
    char *end;
    errno = 0;
    unsigned long long v = strtoull(text, &end, 10);
    if (errno != 0 || *end != '\0' || end == text || *text == '-') {
        fprintf(stderr, "perf: not a number: %s\n", text);
        exit(2);
    }
    return v;
}

/* host:port, the host an address. */
static int parse_address(const char *text, struct lp2p_multiaddr *ret)
{
    char line[128];
    const char *colon = text == NULL ? NULL : strrchr(text, ':');
    if (colon == NULL) {
        return -LP2P_E_INVAL;
    }
    bool six = text[0] == '[' && colon > text + 1 && colon[-1] == ']';
    int host_len = (int)(colon - text) - (six ? 2 : 0);
    int n = snprintf(line, sizeof(line), "/%s/%.*s/tcp/%s", six ? "ip6" : "ip4", host_len,
                     six ? text + 1 : text, colon + 1);
    if (n < 0 || (size_t)n >= sizeof(line)) {
        return -LP2P_E_INVAL;
    }
    return lp2p_multiaddr_parse(line, (size_t)n, ret);
}

enum {
    OPT_SERVER = 1,
    OPT_ADDRESS,
    OPT_TRANSPORT,
    OPT_UP,
    OPT_DOWN,
    OPT_STREAMS,
    OPT_PINGS,
    OPT_OPENS,
    OPT_HANDSHAKES,
    OPT_LIMITS
};

static void take_option(struct options *o, int c)
{
    switch (c) {
    case OPT_SERVER:
        o->server = true;
        break;
    case OPT_ADDRESS:
        o->address = optarg;
        break;
    case OPT_TRANSPORT:
        check(strcmp(optarg, "tcp") == 0 ? 0 : -LP2P_E_UNSUPPORTED, optarg);
        break;
    case OPT_UP:
        o->up = number(optarg);
        break;
    case OPT_DOWN:
        o->down = number(optarg);
        break;
    case OPT_STREAMS:
        o->streams = number(optarg);
        break;
    case OPT_PINGS:
        o->pings = number(optarg);
        break;
    case OPT_OPENS:
        o->opens = number(optarg);
        break;
    case OPT_HANDSHAKES:
        o->handshakes = number(optarg);
        break;
    case OPT_LIMITS:
        o->limits = optarg;
        break;
    default:
        exit(2);
    }
}

static void parse_options(struct options *o, int argc, char **argv)
{
    static const struct option table[] = {
        {"run-server", no_argument, NULL, OPT_SERVER},
        {"server-address", required_argument, NULL, OPT_ADDRESS},
        {"transport", required_argument, NULL, OPT_TRANSPORT},
        {"upload-bytes", required_argument, NULL, OPT_UP},
        {"download-bytes", required_argument, NULL, OPT_DOWN},
        {"streams", required_argument, NULL, OPT_STREAMS},
        {"pings", required_argument, NULL, OPT_PINGS},
        {"opens", required_argument, NULL, OPT_OPENS},
        {"handshakes", required_argument, NULL, OPT_HANDSHAKES},
        {"limits", required_argument, NULL, OPT_LIMITS},
        {NULL, 0, NULL, 0},
    };
    for (int c = getopt_long(argc, argv, "", table, NULL); c != -1;
         c = getopt_long(argc, argv, "", table, NULL)) {
        take_option(o, c);
    }
    /* The js wrapper of the suite says "--run-server true". */
    if (optind < argc && !(o->server && strcmp(argv[optind], "true") == 0)) {
        fprintf(stderr, "perf: what is %s?\n", argv[optind]);
        exit(2);
    }
    if (o->streams == 0 || o->pings > UINT32_MAX) {
        exit(2);
    }
}

int main(int argc, char **argv)
{
    static struct perf p = {.opt = {.limits = "bench", .streams = 1}};
    parse_options(&p.opt, argc, argv);
    check(parse_address(p.opt.address, &p.addr), "--server-address");
    (void)signal(SIGPIPE, SIG_IGN);
    make_host(&p);
    if (p.opt.server) {
        serve(&p);
    } else {
        measure(&p);
    }
    (void)uv_run(p.loop, UV_RUN_DEFAULT);
    lp2p_host_free(p.host);
    lp2p_env_free(p.env);
    free(p.streams);
    free(p.rtts);
    return 0;
}
