/*
 * limit: what one encrypted stream can reach here at best. Two processes, a TCP socket, the same
 * AEAD in frames of the same size, 16 of them a write, and nothing else: no negotiation, no
 * streams, no flow control. Takes the options of `perf`.
 *
 * The client says in 16 bytes, in the clear, how much goes up and down; the end of each direction
 * is answered by one byte.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PLAIN   65519U /* as our Noise records */
#define TAG     16U
#define HEAD    2U
#define FRAME   (HEAD + PLAIN + TAG)
#define A_WRITE 16U /* frames */

struct options {
    bool server;
    struct sockaddr_in at;
    uint64_t up;
    uint64_t down;
};

struct wire {
    int fd;
    EVP_CIPHER_CTX *ctx;
    uint64_t nonce;
    uint8_t buf[A_WRITE * FRAME];
};

static void die(const char *what)
{
    fprintf(stderr, "limit: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void check(bool ok, const char *what)
{
    if (!ok) {
        die(what);
    }
}

static void write_all(int fd, const uint8_t *p, size_t n)
{
    while (n > 0) {
        ssize_t k = send(fd, p, n, MSG_NOSIGNAL);
        check(k > 0 || (k < 0 && errno == EINTR), "write");
        if (k > 0) {
            p += k;
            n -= (size_t)k;
        }
    }
}

static size_t read_some(int fd, uint8_t *p, size_t n)
{
    for (;;) {
        ssize_t k = recv(fd, p, n, 0);
        if (k > 0) {
            return (size_t)k;
        }
        check(k < 0 && errno == EINTR, "read");
    }
}

static void read_all(int fd, uint8_t *p, size_t n)
{
    while (n > 0) {
        size_t k = read_some(fd, p, n);
        p += k;
        n -= k;
    }
}

/* ---- frames ---- */

static void next_nonce(struct wire *w, uint8_t nonce[12])
{
    memset(nonce, 0, 4);
    memcpy(nonce + 4, &w->nonce, sizeof(w->nonce));
    w->nonce++;
}

static size_t seal(struct wire *w, uint8_t *out, const uint8_t *plain, size_t n)
{
    uint8_t nonce[12];
    int k;
    next_nonce(w, nonce);
    out[0] = (uint8_t)((n + TAG) >> 8);
    out[1] = (uint8_t)(n + TAG);
    bool ok = EVP_EncryptInit_ex(w->ctx, NULL, NULL, NULL, nonce) == 1 &&
              EVP_EncryptUpdate(w->ctx, out + HEAD, &k, plain, (int)n) == 1 &&
              EVP_EncryptFinal_ex(w->ctx, out + HEAD + n, &k) == 1 &&
              EVP_CIPHER_CTX_ctrl(w->ctx, EVP_CTRL_AEAD_GET_TAG, TAG, out + HEAD + n) == 1;
    check(ok, "seal");
    return HEAD + n + TAG;
}

static void unseal(struct wire *w, uint8_t *p, size_t n)
{
    uint8_t nonce[12];
    int k;
    next_nonce(w, nonce);
    bool ok = EVP_DecryptInit_ex(w->ctx, NULL, NULL, NULL, nonce) == 1 &&
              EVP_CIPHER_CTX_ctrl(w->ctx, EVP_CTRL_AEAD_SET_TAG, TAG, p + n) == 1 &&
              EVP_DecryptUpdate(w->ctx, p, &k, p, (int)n) == 1 &&
              EVP_DecryptFinal_ex(w->ctx, p + n, &k) == 1;
    check(ok, "open");
}

static void wire_key(struct wire *w, bool sends)
{
    static const uint8_t key[32] = {1, 2, 3};
    w->nonce = 0;
    w->ctx = EVP_CIPHER_CTX_new();
    check(w->ctx != NULL &&
              EVP_CipherInit_ex(w->ctx, EVP_chacha20_poly1305(), NULL, key, NULL, sends) == 1,
          "cipher");
}

static void send_bytes(struct wire *w, uint64_t n)
{
    static const uint8_t plain[PLAIN];
    wire_key(w, true);
    while (n > 0) {
        size_t len = 0;
        for (unsigned i = 0; i < A_WRITE && n > 0; i++) {
            size_t k = n < PLAIN ? (size_t)n : PLAIN;
            len += seal(w, w->buf + len, plain, k);
            n -= k;
        }
        write_all(w->fd, w->buf, len);
    }
    EVP_CIPHER_CTX_free(w->ctx);
}

static void receive_bytes(struct wire *w, uint64_t n)
{
    size_t have = 0;
    wire_key(w, false);
    while (n > 0) {
        size_t at = 0;
        have += read_some(w->fd, w->buf + have, sizeof(w->buf) - have);
        while (have - at >= HEAD) {
            size_t len = (size_t)w->buf[at] << 8 | w->buf[at + 1];
            if (have - at < HEAD + len) {
                break;
            }
            unseal(w, w->buf + at + HEAD, len - TAG);
            n -= len - TAG;
            at += HEAD + len;
        }
        have -= at;
        memmove(w->buf, w->buf + at, have);
    }
    EVP_CIPHER_CTX_free(w->ctx);
}

/* ---- both ends ---- */

static void serve_one(struct wire *w)
{
    uint64_t want[2];
    ssize_t k = recv(w->fd, want, sizeof(want), MSG_WAITALL);
    if (k != (ssize_t)sizeof(want)) {
        return; /* somebody looked whether we are there */
    }
    receive_bytes(w, want[0]);
    write_all(w->fd, (const uint8_t *)"", 1);
    send_bytes(w, want[1]);
    read_all(w->fd, w->buf, 1);
}

static void server(const struct options *o, struct wire *w)
{
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    check(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0 &&
              bind(fd, (const struct sockaddr *)&o->at, sizeof(o->at)) == 0 && listen(fd, 8) == 0,
          "listen");
    for (;;) {
        w->fd = accept(fd, NULL, NULL);
        check(w->fd >= 0, "accept");
        (void)setsockopt(w->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        serve_one(w);
        (void)close(w->fd);
    }
}

static double now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void client(const struct options *o, struct wire *w)
{
    int one = 1;
    uint64_t want[2] = {o->up, o->down};
    double began = now();
    w->fd = socket(AF_INET, SOCK_STREAM, 0);
    check(w->fd >= 0 && connect(w->fd, (const struct sockaddr *)&o->at, sizeof(o->at)) == 0,
          "connect");
    (void)setsockopt(w->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    write_all(w->fd, (const uint8_t *)want, sizeof(want));
    send_bytes(w, o->up);
    read_all(w->fd, w->buf, 1);
    receive_bytes(w, o->down);
    write_all(w->fd, (const uint8_t *)"", 1);
    printf("{\"type\":\"final\",\"timeSeconds\":%.6f,\"uploadBytes\":%" PRIu64
           ",\"downloadBytes\":%" PRIu64 "}\n",
           now() - began, o->up, o->down);
}

/* ---- options ---- */

static uint64_t number(const char *text)
{
    char *end;
    errno = 0;
    unsigned long long v = strtoull(text, &end, 10);
    check(errno == 0 && *end == '\0' && end != text && *text != '-', text);
    return v;
}

static struct sockaddr_in address(char *text)
{
    struct sockaddr_in sa = {.sin_family = AF_INET};
    char *colon = strrchr(text, ':');
    errno = EINVAL;
    check(colon != NULL, text);
    *colon = '\0';
    check(inet_pton(AF_INET, text, &sa.sin_addr) == 1, text);
    sa.sin_port = htons((uint16_t)number(colon + 1));
    return sa;
}

int main(int argc, char **argv)
{
    static const struct option table[] = {
        {"run-server", no_argument, NULL, 's'},
        {"server-address", required_argument, NULL, 'a'},
        {"upload-bytes", required_argument, NULL, 'u'},
        {"download-bytes", required_argument, NULL, 'd'},
        {NULL, 0, NULL, 0},
    };
    static struct wire w;
    struct options o = {.server = false};
    for (int c = getopt_long(argc, argv, "", table, NULL); c != -1;
         c = getopt_long(argc, argv, "", table, NULL)) {
        switch (c) {
        case 's':
            o.server = true;
            break;
        case 'a':
            o.at = address(optarg);
            break;
        case 'u':
            o.up = number(optarg);
            break;
        case 'd':
            o.down = number(optarg);
            break;
        default:
            return 2;
        }
    }
    if (o.server) {
        server(&o, &w);
    } else {
        client(&o, &w);
    }
    return 0;
}
