/*
 * Serves /echo/1.0.0 to everybody: what comes in goes back. Prints the addresses to give to
 * echo-dial.
 *
 *     echo-listen [/ip4/0.0.0.0/tcp/4001]
 */
#include <stdio.h>
#include <string.h>

#include <lp2p/env_uv.h>
#include <lp2p/host.h>

/* An example keeps no bytes of its own: an echo that does not fit at once ends the stream. A
 * program keeps the rest, goes on in on_writable, and gives window back only for what it sent. */
static void on_data(void *ctx, struct lp2p_stream *s, const uint8_t *p, size_t n)
{
    size_t took = 0;
    (void)ctx;
    if (lp2p_stream_write(s, p, n, &took) != 0 || took < n) {
        lp2p_stream_reset(s, 0);
        return;
    }
    lp2p_stream_consume(s, n);
}

static void on_eof(void *ctx, struct lp2p_stream *s)
{
    (void)ctx;
    lp2p_stream_close_write(s);
}

static void on_closed(void *ctx, struct lp2p_stream *s, const struct lp2p_failure *why)
{
    (void)ctx;
    (void)s;
    printf("a stream ended: %s\n", lp2p_error_text(why->code));
}

int main(int argc, char **argv)
{
    static const struct lp2p_stream_ops echo = {
        .on_data = on_data, .on_eof = on_eof, .on_closed = on_closed};
    static const struct lp2p_host_ops ops = {.on_change = NULL};
    const char *where = argc > 1 ? argv[1] : "/ip4/0.0.0.0/tcp/0";
    struct lp2p_env *env;
    struct lp2p_host *host;
    struct lp2p_multiaddr addr;
    char text[LP2P_MULTIADDR_TEXT_SIZE];

    int err = lp2p_env_uv_new(NULL, NULL, &env);
    if (err == 0) {
        struct lp2p_host_cfg cfg = {.env = env};
        err = lp2p_host_new(&cfg, &ops, NULL, &host);
    }
    if (err == 0) {
        err = lp2p_host_handle(host, "/echo/1.0.0", &echo, NULL);
    }
    if (err == 0) {
        err = lp2p_multiaddr_parse(where, strlen(where), &addr);
    }
    if (err == 0) {
        err = lp2p_host_listen(host, &addr);
    }
    if (err != 0) {
        fprintf(stderr, "echo-listen: %s\n", lp2p_error_text(err));
        return 1;
    }
    for (size_t pos = 0; lp2p_host_addr_next(host, &pos, &addr);) {
        lp2p_multiaddr_format(&addr, text);
        puts(text);
    }
    fflush(stdout);
    while (lp2p_env_uv_drive(env, true)) {
    }
    lp2p_host_free(host);
    lp2p_env_free(env);
    return 0;
}
