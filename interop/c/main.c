#include "interop.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void die(const char *what, int err)
{
    fprintf(stderr, "lp2p-interop: %s: %s\n", what, lp2p_error_text(err));
    exit(1);
}

void say(json_t *line)
{
    char *text = json_dumps(line, JSON_COMPACT);
    if (text == NULL) {
        die("json", -LP2P_E_NOMEM);
    }
    puts(text);
    fflush(stdout);
    free(text);
    json_decref(line);
}

double wall_ms(void)
{
    uv_timeval64_t tv;
    uv_gettimeofday(&tv);
    return (double)tv.tv_sec * 1000.0 + (double)tv.tv_usec / 1000.0;
}

static void node_changed(void *ctx, unsigned changes)
{
    struct node *n = ctx;
    if (n->on_change != NULL) {
        n->on_change(n, changes);
    }
}

/* Raised far above what the checks need; the rest is the desktop's. */
static struct lp2p_limits node_limits(const struct options *opt)
{
    struct lp2p_limits limits = *lp2p_limits_profile("desktop");
    if (!opt->default_limits) {
        const struct lp2p_limits *bench = lp2p_limits_profile("bench");
        limits.streams_in = bench->streams_in;
        limits.streams_out = bench->streams_out;
        limits.ack_backlog = bench->ack_backlog;
    }
    return limits;
}

void node_open(struct node *n, const struct options *opt)
{
    static const struct lp2p_host_ops ops = {.on_change = node_changed};
    uint8_t seed[32] = {0};
    for (unsigned i = 0; i < 4; i++) {
        seed[28 + i] = (uint8_t)(opt->seed >> (24 - 8 * i));
    }
    n->opt = opt;
    n->loop = uv_default_loop();
    int err = lp2p_env_uv_new(NULL, n->loop, &n->env);
    if (err != 0) {
        die("environment", err);
    }
    struct lp2p_limits limits = node_limits(opt);
    struct lp2p_host_cfg cfg = {
        .env = n->env,
        .seed = opt->has_seed ? seed : NULL,
        .limits = &limits,
        .agent = "lp2p-interop/" LP2P_VERSION,
        .mdns = opt->mdns,
    };
    err = lp2p_host_new(&cfg, &ops, n, &n->host);
    if (err != 0) {
        die("host", err);
    }
    serve_all(n);
}

void node_listen(struct node *n, const char *text)
{
    struct lp2p_multiaddr addr;
    int err = lp2p_multiaddr_parse(text, strlen(text), &addr);
    if (err == 0) {
        err = lp2p_host_listen(n->host, &addr);
    }
    if (err != 0) {
        die(text, err);
    }
}

static void node_stopped(void *ctx)
{
    struct node *n = ctx;
    uv_stop(n->loop);
}

void node_quit(struct node *n, int status)
{
    n->status = status;
    lp2p_host_shutdown(n->host, LP2P_SEC(1), node_stopped, n);
}

int node_run(struct node *n)
{
    uv_run(n->loop, UV_RUN_DEFAULT);
    lp2p_host_free(n->host);
    lp2p_env_free(n->env);
    return n->status;
}

int node_dial(struct node *n, const char *text, struct lp2p_peer_id *ret_peer,
              uint64_t *ret_attempt)
{
    struct lp2p_multiaddr addr;
    struct lp2p_connect_opts opts = {.source = LP2P_ADDR_TYPED, .timeout = LP2P_SEC(15)};
    if (text[0] != '/') {
        int err = lp2p_peer_id_parse(text, strlen(text), ret_peer);
        return err != 0 ? err : lp2p_host_connect(n->host, ret_peer, &opts, ret_attempt);
    }
    int err = lp2p_multiaddr_parse(text, strlen(text), &addr);
    if (err == 0) {
        err = lp2p_multiaddr_peer_id(&addr, ret_peer);
    }
    opts.addrs = &addr;
    opts.n = 1;
    return err != 0 ? err : lp2p_host_connect(n->host, ret_peer, &opts, ret_attempt);
}

const struct lp2p_attempt_info *node_attempt(struct node *n, uint64_t id)
{
    const struct lp2p_attempt_info *info;
    for (size_t pos = 0; lp2p_host_attempt_next(n->host, &pos, &info);) {
        if (info->id == id) {
            return info;
        }
    }
    return NULL;
}

static uint64_t number(const char *text)
{
    char *end;
    errno = 0;
    unsigned long long v = strtoull(text, &end, 10);
    if (errno != 0 || *end != '\0' || end == text || *text == '-') {
        fprintf(stderr, "lp2p-interop: not a number: %s\n", text);
        exit(2);
    }
    return v;
}

enum {
    OPT_SEED = 1,
    OPT_LISTEN,
    OPT_MDNS,
    OPT_LIMITS,
    OPT_TO,
    OPT_CHECKS,
    OPT_SEQ,
    OPT_PAR,
    OPT_BYTES,
};

static void take_option(struct options *o, int c)
{
    switch (c) {
    case OPT_SEED:
        o->has_seed = true;
        o->seed = (uint32_t)number(optarg);
        break;
    case OPT_LISTEN:
        o->listen = optarg;
        break;
    case OPT_MDNS:
        o->mdns = true;
        break;
    case OPT_LIMITS:
        o->default_limits = true;
        break;
    case OPT_TO:
        o->to = optarg;
        break;
    case OPT_CHECKS:
        o->checks = optarg;
        break;
    case OPT_SEQ:
        o->seq = number(optarg);
        break;
    case OPT_PAR:
        o->par = number(optarg);
        break;
    case OPT_BYTES:
        o->bytes = number(optarg);
        break;
    default:
        exit(2);
    }
}

static void parse_options(struct options *o, int argc, char **argv)
{
    static const struct option table[] = {
        {"seed", required_argument, NULL, OPT_SEED},
        {"listen", required_argument, NULL, OPT_LISTEN},
        {"mdns", no_argument, NULL, OPT_MDNS},
        {"default-limits", no_argument, NULL, OPT_LIMITS},
        {"to", required_argument, NULL, OPT_TO},
        {"checks", required_argument, NULL, OPT_CHECKS},
        {"seq", required_argument, NULL, OPT_SEQ},
        {"par", required_argument, NULL, OPT_PAR},
        {"bytes", required_argument, NULL, OPT_BYTES},
        {NULL, 0, NULL, 0},
    };
    for (int c = getopt_long(argc, argv, "", table, NULL); c != -1;
         c = getopt_long(argc, argv, "", table, NULL)) {
        take_option(o, c);
    }
    if (optind < argc) {
        o->mode = argv[optind];
    }
}

int main(int argc, char **argv)
{
    struct options o = {
        .mode = "transport",
        .listen = "/ip4/0.0.0.0/tcp/0",
        .checks = "seq,par,sha_up,sha_down,half_close",
        .seq = 1000,
        .par = 200,
        .bytes = 104857600,
    };
    parse_options(&o, argc, argv);
    signal(SIGPIPE, SIG_IGN);
    if (strcmp(o.mode, "transport") == 0) {
        return mode_transport(&o);
    }
    if (strcmp(o.mode, "idle") == 0) {
        return mode_idle(&o);
    }
    if (strcmp(o.mode, "drive") == 0 && o.to != NULL) {
        return mode_drive(&o);
    }
    if (strcmp(o.mode, "flights") == 0 && o.to != NULL) {
        return mode_flights(&o);
    }
    fputs("usage: lp2p-interop [transport|idle|drive --to ADDR|flights --to ADDR] [options], see "
          "interop/README.md\n",
          stderr);
    return 2;
}
