/* env/uv asks a name server over loopback, which answers rightly, wrongly or not at all. */
#include "env/uv/resolve.h"
#include "harness/failmem.h"
#include "lp2p/env_uv.h"

#include "cmocka_all.h"

#include <stdio.h>

#include "base/assert.h"

/* Less than a question's time: no answer took that long. */
#define SOON LP2P_SEC(2)

/* ---- the server ---- */

enum { HEAD = 12, PACKET_MAX = 60000 };

struct packet {
    size_t n;
    uint8_t p[PACKET_MAX];
};

struct server {
    struct lp2p_env *env;
    struct lp2p_udp *udp;
    struct lp2p_listener *tcp;
    struct lp2p_io *io; /* the last one accepted */
    char addr[32];      /* for c-ares */
    unsigned udp_questions, tcp_questions;
};

static void put(struct packet *a, const void *p, size_t n)
{
    assert_true(a->n + n <= sizeof(a->p));
    memcpy(a->p + a->n, p, n);
    a->n += n;
}

static void put16(struct packet *a, unsigned v)
{
    put(a, (uint8_t[]){(uint8_t)(v >> 8), (uint8_t)v}, 2);
}

/* One record of the name that was asked for. */
static void put_record(struct packet *a, unsigned type, const void *data, size_t n)
{
    put16(a, 0xc000U + HEAD);
    put16(a, type);
    put16(a, 1);
    put16(a, 0);
    put16(a, 60);
    put16(a, (unsigned)n);
    put(a, data, n);
    a->p[7]++;
}

static void put_texts(struct packet *a)
{
    static const uint8_t two[] = "\3one\4 two";
    static const uint8_t empty[] = "";
    static uint8_t longest[4 * 256 + 1];
    put_record(a, 16, two, sizeof(two) - 1);
    for (size_t i = 0; i < 4; i++) {
        longest[i * 256] = 255;
        memset(longest + i * 256 + 1, 'x', 255);
    }
    put_record(a, 16, longest, 4 * 256); /* 1,020 characters */
    put_record(a, 16, empty, 1);
    static uint8_t too_long[5 * 256];
    memcpy(too_long, longest, sizeof(longest) - 1);
    too_long[4 * 256] = 5;
    put_record(a, 16, too_long, 4 * 256 + 6); /* 1,025 */
    put_record(a, 16, "\4last", 5);
}

static void put_many(struct packet *a)
{
    for (uint8_t i = 0; i < 100; i++) {
        put_record(a, 1, (uint8_t[]){192, 0, 2, i}, 4);
    }
}

/* Makes the answer by the first letters of the name; false: none. */
static bool answer(const struct packet *q, bool tcp, struct packet *a)
{
    static const uint8_t ip6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 7};
    const char *name = (const char *)q->p + HEAD + 1;
    size_t end = HEAD;
    while (end < q->n && q->p[end] != 0) {
        end += q->p[end] + 1U;
    }
    unsigned type = q->p[end + 2];
    a->n = 0;
    put(a, q->p, 2);
    put(a, (uint8_t[]){0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, 10);
    put(a, q->p + HEAD, end + 5 - HEAD);
    if (strncmp(name, "silent", 6) == 0) {
        return false;
    }
    if (strncmp(name, "fail", 4) == 0) {
        a->p[3] |= 2;
    } else if (strncmp(name, "refuse", 6) == 0) {
        a->p[3] |= 5;
    } else if (strncmp(name, "none", 4) == 0) {
        a->p[3] |= 3;
    } else if (strncmp(name, "cut", 3) == 0 && !tcp) {
        a->p[2] |= 2;
    } else if (strncmp(name, "garbage", 7) == 0) {
        a->p[7] = 9; /* records that are not there */
        put(a, "\xff\xff\xff\xff", 4);
    } else if (strncmp(name, "short", 5) == 0) {
        a->n = 5;
    } else if (strncmp(name, "many", 4) == 0 && type == 1) {
        put_many(a);
    } else if (type == 1) {
        put_record(a, 1, (uint8_t[]){192, 0, 2, 1}, 4);
        put_record(a, 1, (uint8_t[]){192, 0, 2, 2}, 4);
    } else if (type == 28) {
        put_record(a, 28, ip6, 16);
    } else if (type == 16 && strncmp(name, "empty", 5) != 0) {
        put_texts(a);
    }
    return true;
}

static void server_on_dgram(void *ctx, struct lp2p_mspan data, const struct lp2p_endpoint *from,
                            const struct lp2p_endpoint *to, uint32_t ifindex)
{
    (void)to;
    (void)ifindex;
    struct server *s = ctx;
    static struct packet q, a;
    q.n = 0;
    s->udp_questions++;
    put(&q, data.p, data.n);
    if (answer(&q, false, &a)) {
        (void)s->env->ops->udp_send(s->udp, from, 0, NULL, lp2p_span(a.p, LP2P_MIN(a.n, 8000U)));
    }
}

static void server_on_readable(void *ctx)
{
    struct server *s = ctx;
    static struct packet q, a;
    uint8_t in[600], head[2];
    size_t n = 0;
    int err = s->io->ops->read(s->io, in, sizeof(in), &n);
    if (err == -LP2P_E_AGAIN) {
        return;
    }
    s->io->ops->want(s->io, err == 0, false);
    if (err != 0 || n < 2 + HEAD) {
        return;
    }
    s->tcp_questions++;
    q.n = 0;
    put(&q, in + 2, n - 2); /* on loopback it comes in one piece */
    if (answer(&q, true, &a)) {
        head[0] = (uint8_t)(a.n >> 8);
        head[1] = (uint8_t)a.n;
        struct lp2p_span spans[] = {lp2p_span(head, 2), lp2p_span(a.p, a.n)};
        assert_int_equal(s->io->ops->write(s->io, spans, 2, &n), 0);
        assert_int_equal(n, a.n + 2);
    }
}

static void server_on_accept(void *ctx, struct lp2p_io *io, const struct lp2p_endpoint *local,
                             const struct lp2p_endpoint *remote)
{
    static const struct lp2p_io_events events = {.on_readable = server_on_readable};
    (void)local;
    (void)remote;
    struct server *s = ctx;
    if (s->io != NULL) {
        s->io->ops->close(s->io, true);
    }
    s->io = io;
    io->ops->start(io, &events, s);
    io->ops->want(io, true, false);
}

static void server_start(struct server *s)
{
    static const struct lp2p_udp_events dgrams = {.on_dgram = server_on_dgram};
    static const struct lp2p_listener_events conns = {.on_accept = server_on_accept};
    struct lp2p_udp_cfg cfg = {.family = LP2P_FAMILY_IP4};
    *s = (struct server){.env = NULL};
    assert_int_equal(lp2p_env_uv_new(NULL, NULL, &s->env), 0);
    int err = -LP2P_E_ADDR_IN_USE;
    for (int i = 0; i < 20 && err == -LP2P_E_ADDR_IN_USE; i++) {
        assert_int_equal(s->env->ops->udp_open(s->env, &cfg, &dgrams, s, &s->udp), 0);
        struct lp2p_endpoint at = lp2p_endpoint_ip4(127, 0, 0, 1, s->env->ops->udp_port(s->udp));
        err = s->env->ops->listen(s->env, &at, &conns, s, &s->tcp);
        if (err != 0) {
            s->env->ops->udp_close(s->udp);
        }
    }
    assert_int_equal(err, 0);
    snprintf(s->addr, sizeof(s->addr), "127.0.0.1:%u", s->env->ops->udp_port(s->udp));
}

static void server_stop(struct server *s)
{
    if (s->io != NULL) {
        s->io->ops->close(s->io, true);
    }
    s->env->ops->udp_close(s->udp);
    s->env->ops->listener_close(s->tcp);
    lp2p_env_free(s->env);
}

/* ---- who asks ---- */

struct asker {
    struct lp2p_query q;
    struct asker *cancels; /* when it is told */
    unsigned told;
    int err;
    size_t n;
    struct lp2p_endpoint first;
    size_t lengths[LP2P_ENV_MAX_ANSWERS];
    char text[16]; /* of the first */
};

struct client {
    struct server server;
    struct lp2p_env *env;
};

static void asker_done(void *ctx, int err, const struct lp2p_answer *answers, size_t n)
{
    struct asker *a = ctx;
    a->told++;
    a->err = err;
    a->n = n;
    assert_true(n <= LP2P_ENV_MAX_ANSWERS && (err == 0) == (n > 0));
    for (size_t i = 0; i < n; i++) {
        a->lengths[i] = answers[i].text.n;
    }
    if (n > 0) {
        a->first = answers[0].addr;
    }
    if (n > 0 && answers[0].text.n > 0) {
        memcpy(a->text, answers[0].text.p, LP2P_MIN(answers[0].text.n, sizeof(a->text) - 1));
    }
    if (a->cancels != NULL) {
        a->q.env = NULL;
        a->cancels->q.env->ops->resolve_cancel(&a->cancels->q);
    }
}

static void client_init(struct client *c, const struct lp2p_mem *mem)
{
    server_start(&c->server);
    assert_int_equal(lp2p_env_uv_new(mem, NULL, &c->env), 0);
    lp2p_uv_set_dns_servers(c->env, c->server.addr);
}

static void client_fini(struct client *c)
{
    assert_false(lp2p_uv_is_resolving(c->env));
    lp2p_env_free(c->env);
    server_stop(&c->server);
}

static int ask(struct client *c, struct asker *a, enum lp2p_query_type type, const char *name)
{
    *a = (struct asker){.q = {.done = asker_done, .ctx = a}, .cancels = a->cancels};
    int err = c->env->ops->resolve(c->env, &a->q, type, name);
    assert_int_equal(a->told, 0); /* never inside the call */
    return err;
}

/* Both loops turn until it was told, or so long. */
static bool wait_for(struct client *c, const struct asker *a, lp2p_ts time)
{
    lp2p_ts end = lp2p_env_now(c->env) + time;
    while (a->told == 0 && lp2p_env_now(c->env) < end) {
        lp2p_env_uv_drive(c->server.env, false);
        lp2p_env_uv_drive(c->env, false);
    }
    return a->told == 1;
}

static void expect(struct client *c, struct asker *a, enum lp2p_query_type type, const char *name)
{
    assert_int_equal(ask(c, a, type, name), 0);
    assert_true(wait_for(c, a, SOON));
}

static void expect_error(struct client *c, enum lp2p_query_type type, const char *name, int err)
{
    struct asker a = {.told = 0};
    expect(c, &a, type, name);
    assert_int_equal(a.err, err);
}

/* ---- tests ---- */

static void names_have_addresses_and_texts(void **state)
{
    (void)state;
    struct client c;
    struct asker a = {.told = 0};
    client_init(&c, NULL);
    expect(&c, &a, LP2P_QUERY_A, "host.test");
    struct lp2p_endpoint want = lp2p_endpoint_ip4(192, 0, 2, 1, 0);
    assert_int_equal(a.err, 0);
    assert_int_equal(a.n, 2);
    assert_true(lp2p_endpoint_eq(&a.first, &want));
    expect(&c, &a, LP2P_QUERY_AAAA, "host.test.");
    assert_int_equal(a.n, 1);
    assert_int_equal(a.first.family, LP2P_FAMILY_IP6);
    assert_int_equal(a.first.ip[15], 7);
    expect(&c, &a, LP2P_QUERY_TXT, "_dnsaddr.host.test");
    assert_int_equal(a.n, 4);
    assert_string_equal(a.text, "one two");
    assert_int_equal(a.lengths[1], 1020);
    assert_int_equal(a.lengths[2], 0);
    assert_int_equal(a.lengths[3], 4);
    /* One of each kind at once. */
    struct asker b[3] = {{.told = 0}};
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(ask(&c, &b[i], (enum lp2p_query_type)i, "host.test"), 0);
    }
    for (unsigned i = 0; i < 3; i++) {
        assert_true(wait_for(&c, &b[i], SOON));
        assert_int_equal(b[i].err, 0);
    }
    client_fini(&c);
}

static void an_address_is_its_own_name(void **state)
{
    (void)state;
    struct client c;
    struct asker a = {.told = 0};
    client_init(&c, NULL);
    expect(&c, &a, LP2P_QUERY_A, "127.0.0.9");
    assert_int_equal(a.n, 1);
    assert_int_equal(a.first.ip[3], 9);
    /* The table of hosts, or the system's own knowledge. */
    expect(&c, &a, LP2P_QUERY_A, "localhost");
    assert_int_equal(a.err, 0);
    assert_true(lp2p_endpoint_is_loopback(&a.first));
    assert_int_equal(c.server.udp_questions, 0);
    client_fini(&c);
}

static void failures_are_told_apart(void **state)
{
    (void)state;
    struct client c;
    client_init(&c, NULL);
    expect_error(&c, LP2P_QUERY_A, "none.test", -LP2P_E_NOT_FOUND);
    expect_error(&c, LP2P_QUERY_TXT, "none.test", -LP2P_E_NOT_FOUND);
    expect_error(&c, LP2P_QUERY_TXT, "empty.test", -LP2P_E_NOT_FOUND);
    expect_error(&c, LP2P_QUERY_A, "fail.test", -LP2P_E_IO);
    expect_error(&c, LP2P_QUERY_TXT, "fail.test", -LP2P_E_IO);
    expect_error(&c, LP2P_QUERY_AAAA, "refuse.test", -LP2P_E_IO);
    expect_error(&c, LP2P_QUERY_A, "garbage.test", -LP2P_E_DECODE);
    expect_error(&c, LP2P_QUERY_TXT, "garbage.test", -LP2P_E_DECODE);
    client_fini(&c);
}

static void no_answer_ends_in_time(void **state)
{
    (void)state;
    struct client c;
    client_init(&c, NULL);
    static const char *const names[] = {"silent.test", "short.test"};
    struct asker a[4] = {{.told = 0}};
    lp2p_ts began = lp2p_env_now(c.env);
    for (unsigned i = 0; i < 4; i++) {
        enum lp2p_query_type type = i % 2 == 0 ? LP2P_QUERY_A : LP2P_QUERY_TXT;
        assert_int_equal(ask(&c, &a[i], type, names[i / 2]), 0);
    }
    for (unsigned i = 0; i < 4; i++) {
        assert_true(wait_for(&c, &a[i], LP2P_ENV_RESOLVE_TIMEOUT + LP2P_SEC(1)));
        assert_int_equal(a[i].err, -LP2P_E_TIMEOUT);
    }
    assert_in_range(lp2p_env_now(c.env) - began, LP2P_SEC(2),
                    LP2P_ENV_RESOLVE_TIMEOUT + LP2P_MSEC(900));
    assert_true(c.server.udp_questions >= 8); /* asked again: a datagram may be lost */
    client_fini(&c);
}

static void long_answers_come_by_tcp(void **state)
{
    (void)state;
    struct client c;
    struct asker a = {.told = 0};
    client_init(&c, NULL);
    expect(&c, &a, LP2P_QUERY_A, "cut.test");
    assert_int_equal(a.n, 2);
    assert_int_equal(c.server.tcp_questions, 1);
    expect(&c, &a, LP2P_QUERY_TXT, "cut.test");
    assert_int_equal(a.n, 4);
    assert_int_equal(c.server.tcp_questions, 2);
    client_fini(&c);
}

static void answers_without_end_are_cut(void **state)
{
    (void)state;
    struct client c;
    struct asker a = {.told = 0};
    client_init(&c, NULL);
    expect(&c, &a, LP2P_QUERY_A, "many.test");
    assert_int_equal(a.err, 0);
    assert_int_equal(a.n, LP2P_ENV_MAX_ANSWERS);
    client_fini(&c);
}

static void a_server_that_is_down_is_told_at_once(void **state)
{
    (void)state;
    struct client c;
    struct server gone;
    client_init(&c, NULL);
    server_start(&gone);
    server_stop(&gone);
    lp2p_uv_set_dns_servers(c.env, gone.addr);
    expect_error(&c, LP2P_QUERY_A, "host.test", -LP2P_E_IO);
    expect_error(&c, LP2P_QUERY_TXT, "host.test", -LP2P_E_IO);
    client_fini(&c);
}

static void names_that_cannot_be_are_not_asked_for(void **state)
{
    (void)state;
    struct client c;
    struct asker a = {.told = 0};
    char name[300];
    client_init(&c, NULL);
    static const char *const bad[] = {"", ".", "a..b", ".a", "a b", "a\tb", "a\\.b", "a\x7f"};
    for (size_t i = 0; i < LP2P_COUNT(bad); i++) {
        assert_int_equal(ask(&c, &a, LP2P_QUERY_A, bad[i]), -LP2P_E_NOT_FOUND);
    }
    memset(name, 'a', sizeof(name));
    name[64] = '\0';
    assert_int_equal(ask(&c, &a, LP2P_QUERY_A, name), -LP2P_E_NOT_FOUND);
    name[63] = '\0';
    assert_true(lp2p_env_is_name(name));
    for (size_t i = 0; i < sizeof(name); i++) {
        name[i] = i % 2 == 0 ? 'a' : '.';
    }
    name[253] = '\0';
    assert_true(lp2p_env_is_name(name));
    memcpy(name + 253, ".", 2); /* complete: the dot does not count */
    name[252] = 'a';
    assert_true(lp2p_env_is_name(name));
    memcpy(name + 253, "a", 2);
    assert_int_equal(ask(&c, &a, LP2P_QUERY_A, name), -LP2P_E_NOT_FOUND);
    client_fini(&c);
}

static void who_cancels_is_not_told(void **state)
{
    (void)state;
    struct client c;
    struct asker a = {.told = 0}, b = {.told = 0};
    client_init(&c, NULL);
    /* Under way, alone: the channel goes with it. */
    assert_int_equal(ask(&c, &a, LP2P_QUERY_A, "silent.test"), 0);
    c.env->ops->resolve_cancel(&a.q);
    assert_false(lp2p_uv_is_resolving(c.env));
    c.env->ops->resolve_cancel(&a.q); /* nothing */
    /* Known, not told yet. */
    assert_int_equal(ask(&c, &a, LP2P_QUERY_A, "127.0.0.1"), 0);
    c.env->ops->resolve_cancel(&a.q);
    /* One of two; the other is answered. */
    assert_int_equal(ask(&c, &a, LP2P_QUERY_TXT, "host.test"), 0);
    assert_int_equal(ask(&c, &b, LP2P_QUERY_A, "host.test"), 0);
    c.env->ops->resolve_cancel(&a.q);
    assert_true(wait_for(&c, &b, SOON));
    /* By the one that is told: the last one goes while the others are told. */
    b.cancels = &a;
    assert_int_equal(ask(&c, &a, LP2P_QUERY_TXT, "silent.test"), 0);
    assert_int_equal(ask(&c, &b, LP2P_QUERY_A, "127.0.0.1"), 0);
    assert_true(wait_for(&c, &b, SOON));
    assert_int_equal(a.told, 0);
    client_fini(&c);
}

static void questions_have_a_limit(void **state)
{
    (void)state;
    struct client c;
    static struct asker a[LP2P_ENV_MAX_QUERIES];
    struct asker more = {.told = 0};
    client_init(&c, NULL);
    for (size_t i = 0; i < LP2P_ENV_MAX_QUERIES; i++) {
        assert_int_equal(ask(&c, &a[i], LP2P_QUERY_A, "silent.test"), 0);
    }
    assert_int_equal(ask(&c, &more, LP2P_QUERY_A, "host.test"), -LP2P_E_LIMIT);
    for (size_t i = 0; i < LP2P_ENV_MAX_QUERIES; i++) {
        c.env->ops->resolve_cancel(&a[i].q);
    }
    expect(&c, &more, LP2P_QUERY_A, "host.test");
    assert_int_equal(more.err, 0);
    client_fini(&c);
}

/* What c-ares itself asks for is the C library's. */
static int memory_scenario(const struct lp2p_mem *mem, void *ctx)
{
    struct client *c = ctx;
    struct asker a = {.told = 0}, b = {.told = 0};
    struct lp2p_env *env;
    int err = lp2p_env_uv_new(mem, NULL, &env);
    if (err != 0) {
        return err;
    }
    c->env = env;
    lp2p_uv_set_dns_servers(env, c->server.addr);
    err = ask(c, &a, LP2P_QUERY_A, "host.test");
    if (err == 0) {
        err = ask(c, &b, LP2P_QUERY_TXT, "host.test");
        assert_true(wait_for(c, &a, SOON));
        assert_true(err != 0 || wait_for(c, &b, SOON));
        err = a.err != 0 ? a.err : b.err != 0 ? b.err : err;
    }
    assert_false(lp2p_uv_is_resolving(env));
    lp2p_env_free(env);
    return err;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    struct client c = {.env = NULL};
    server_start(&c.server);
    (void)failmem_each(memory_scenario, &c);
    server_stop(&c.server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_have_addresses_and_texts),
        cmocka_unit_test(an_address_is_its_own_name),
        cmocka_unit_test(failures_are_told_apart),
        cmocka_unit_test(no_answer_ends_in_time),
        cmocka_unit_test(long_answers_come_by_tcp),
        cmocka_unit_test(answers_without_end_are_cut),
        cmocka_unit_test(a_server_that_is_down_is_told_at_once),
        cmocka_unit_test(names_that_cannot_be_are_not_asked_for),
        cmocka_unit_test(who_cancels_is_not_told),
        cmocka_unit_test(questions_have_a_limit),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
