/*
 * Sends a line to /echo/1.0.0 of a peer and prints what comes back.
 *
 *     echo-dial /ip4/127.0.0.1/tcp/4001/p2p/12D3KooW... "hello"
 */
#include <stdio.h>
#include <string.h>

#include <lp2p/env_uv.h>
#include <lp2p/host.h>

struct dial {
    struct lp2p_host *host;
    struct lp2p_peer_id peer;
    const char *line;
    bool asked;
    bool done;
    int status;
};

static void on_data(void *ctx, struct lp2p_stream *s, const uint8_t *p, size_t n)
{
    (void)ctx;
    fwrite(p, 1, n, stdout);
    lp2p_stream_consume(s, n);
}

static void on_closed(void *ctx, struct lp2p_stream *s, const struct lp2p_failure *why)
{
    struct dial *d = ctx;
    (void)s;
    putchar('\n');
    d->status = why->code == 0 ? 0 : 1;
    d->done = true;
}

/* Connected: the line travels with the negotiation, in one flight. */
static void ask(struct dial *d)
{
    static const struct lp2p_stream_ops ops = {.on_data = on_data, .on_closed = on_closed};
    static const char *const protocol = "/echo/1.0.0";
    struct lp2p_open open = {.protocols = &protocol, .n = 1, .ops = &ops, .ctx = d};
    struct lp2p_stream *s;
    size_t took;
    d->asked = true;
    if (lp2p_host_open(d->host, &d->peer, &open, &s) != 0 ||
        lp2p_stream_write(s, (const uint8_t *)d->line, strlen(d->line), &took) != 0) {
        d->status = 1;
        d->done = true;
        return;
    }
    lp2p_stream_close_write(s);
}

static void on_change(void *ctx, unsigned changes)
{
    struct dial *d = ctx;
    const struct lp2p_attempt_info *at;
    (void)changes;
    for (size_t pos = 0; lp2p_host_attempt_next(d->host, &pos, &at);) {
        if (at->stage == LP2P_STAGE_CONNECTED && !d->asked) {
            ask(d);
        } else if (at->stage == LP2P_STAGE_FAILED) {
            fprintf(stderr, "echo-dial: %s\n", lp2p_error_text(at->error));
            d->status = 1;
            d->done = true;
        }
    }
}

int main(int argc, char **argv)
{
    static const struct lp2p_host_ops ops = {.on_change = on_change};
    struct dial d = {.line = argc > 2 ? argv[2] : "hello"};
    struct lp2p_env *env;
    struct lp2p_multiaddr addr;
    uint64_t attempt;

    if (argc < 2 || lp2p_multiaddr_parse(argv[1], strlen(argv[1]), &addr) != 0 ||
        lp2p_multiaddr_peer_id(&addr, &d.peer) != 0) {
        fputs("usage: echo-dial MULTIADDR [LINE]   (the address ends in /p2p/<peer id>)\n", stderr);
        return 2;
    }
    int err = lp2p_env_uv_new(NULL, NULL, &env);
    if (err == 0) {
        struct lp2p_host_cfg cfg = {.env = env};
        err = lp2p_host_new(&cfg, &ops, &d, &d.host);
    }
    if (err == 0) {
        struct lp2p_connect_opts opts = {.addrs = &addr, .n = 1, .source = LP2P_ADDR_TYPED};
        err = lp2p_host_connect(d.host, &d.peer, &opts, &attempt);
    }
    if (err != 0) {
        fprintf(stderr, "echo-dial: %s\n", lp2p_error_text(err));
        return 1;
    }
    while (!d.done && lp2p_env_uv_drive(env, true)) {
    }
    lp2p_host_free(d.host);
    lp2p_env_free(env);
    return d.status;
}
