/* What hosts tell each other of themselves, when it changes, and what is believed. */
#include "sim/lab.h"

#include <stdio.h>

#include "base/assert.h"
#include "crypto/crypto.h"
#include "identity/envelope.h"
#include "identity/key.h"
#include "proto/identify/identify.h"
#include "service/identify/identify.h"
#include "service/identify/observed.h"

#define DELAY LP2P_MSEC(10)
/* Merged, sent, and a round trip for each of them. */
#define IN_TIME LP2P_SEC(1)

/* ---- what one knows of another ---- */

struct expected {
    struct lab_node *of, *peer;
    const char *text; /* an address, or a protocol */
    bool there;
};

static bool knows_addr(struct lab_node *n, const struct lab_node *peer, const char *text)
{
    struct lp2p_multiaddr want = lab_addr(text), got;
    for (size_t pos = 0; lp2p_host_peer_addr_next(n->host, &peer->id, &pos, &got);) {
        if (lp2p_multiaddr_eq(&want, &got)) {
            return true;
        }
    }
    return false;
}

static bool knows_protocol(struct lab_node *n, const struct lab_node *peer, const char *text)
{
    const char *got;
    for (size_t pos = 0; lp2p_host_peer_protocol_next(n->host, &peer->id, &pos, &got);) {
        if (strcmp(got, text) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_as_expected(void *ctx)
{
    const struct expected *e = ctx;
    bool addr = strncmp(e->text, "/ip", 3) == 0;
    return (addr ? knows_addr(e->of, e->peer, e->text) : knows_protocol(e->of, e->peer, e->text)) ==
           e->there;
}

/* `of` learns it of `peer`, in time. */
static void learns(struct lab_node *of, struct lab_node *peer, const char *text, bool there)
{
    struct expected e = {.of = of, .peer = peer, .text = text, .there = there};
    if (!lab_run_until(of->w, is_as_expected, &e, IN_TIME)) {
        fail_msg("%s: %s", text, there ? "not told" : "still there");
    }
    lab_run(of->w, DELAY); /* on_change, too */
}

/* ---- counting ---- */

static void count_news(struct lab_node *n, unsigned changes)
{
    if ((changes & LP2P_CHANGE_CONNS) != 0) {
        ++*(unsigned *)n->user;
    }
}

/* From now on `*counter` counts the pushes that `n` takes, while no connection comes or goes. */
static void count(struct lab_node *n, unsigned *counter)
{
    lab_run(n->w, LP2P_SEC(1));
    *counter = 0;
    n->user = counter;
    n->on_change = count_news;
}

static const struct lp2p_stream_ops NO_OPS = {.on_open = NULL};

static void serve(struct lab_node *n, const char *protocol)
{
    assert_int_equal(lp2p_host_handle(n->host, protocol, &NO_OPS, NULL), 0);
}

static void listen_on(struct lab_node *n, const char *text)
{
    struct lp2p_multiaddr addr = lab_addr(text);
    assert_int_equal(lp2p_host_listen(n->host, &addr), 0);
}

static uint32_t plug(struct lab_node *n, uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
    struct lp2p_endpoint at = lp2p_endpoint_ip4(a, b, c, d, 0);
    uint32_t ifindex;
    assert_int_equal(lp2p_sim_plug(n->env, n->w->lan, &at, 8, &ifindex), 0);
    return ifindex;
}

/* ---- changes ---- */

static void run_changes(uint64_t seed)
{
    struct lab_world w;
    lab_world_init(&w, seed, DELAY);
    struct lab_node *a = lab_node_new(&w, NULL), *b = lab_node_new(&w, NULL);
    lab_join(b, a);
    assert_true(knows_addr(b, a, "/ip4/10.0.0.1/tcp/4001"));
    listen_on(a, "/ip4/0.0.0.0/tcp/5000");
    learns(b, a, "/ip4/10.0.0.1/tcp/5000", true);
    uint32_t ifindex = plug(a, 10, 9, 9, 9);
    learns(b, a, "/ip4/10.9.9.9/tcp/5000", true);
    serve(a, "/news/1");
    learns(b, a, "/news/1", true);
    lp2p_sim_unplug(a->env, ifindex);
    learns(b, a, "/ip4/10.9.9.9/tcp/5000", false);
    /* The other way, too: who had dialed. */
    serve(b, "/news/2");
    learns(a, b, "/news/2", true);
    assert_true(knows_addr(b, a, "/ip4/10.0.0.1/tcp/5000"));
    lab_world_fini(&w);
}

/* Where nobody tells us of the network we look for ourselves. */
static void run_blind(uint64_t seed)
{
    struct lab_world w;
    unsigned news;
    lab_world_init(&w, seed, DELAY);
    struct lab_node *a = lab_node_new(&w, &(struct lab_node_cfg){.blind = true});
    struct lab_node *b = lab_node_new(&w, NULL);
    listen_on(a, "/ip4/0.0.0.0/tcp/5000");
    lab_join(b, a);
    count(b, &news);
    lab_run(&w, LP2P_SEC(60));
    assert_int_equal(news, 0);
    plug(a, 10, 9, 9, 9);
    lab_run(&w, LP2P_IDENTIFY_LOOK_EVERY + LP2P_SEC(1));
    assert_true(knows_addr(b, a, "/ip4/10.9.9.9/tcp/5000"));
    assert_int_equal(news, 1);
    lab_world_fini(&w);
}

static void what_changes_is_known_within_a_second(void **state)
{
    (void)state;
    lab_each_seed(run_changes);
    lab_each_seed(run_blind);
}

static void run_nothing(uint64_t seed)
{
    struct lab_world w;
    unsigned news;
    lab_world_init(&w, seed, DELAY);
    struct lab_node *a = lab_node_new(&w, NULL), *b = lab_node_new(&w, NULL);
    lab_join(a, b);
    count(b, &news);
    lab_run(&w, LP2P_SEC(600));
    assert_int_equal(news, 0);
    /* The network changes, our addresses do not: nothing listens there. */
    uint32_t ifindex = plug(a, 10, 9, 9, 9);
    lab_run(&w, IN_TIME);
    lp2p_sim_unplug(a->env, ifindex);
    lab_run(&w, IN_TIME);
    assert_int_equal(news, 0);
    /* It comes and is gone again before anybody was told. */
    listen_on(a, "/ip4/0.0.0.0/tcp/5000");
    lab_run(&w, IN_TIME);
    assert_int_equal(news, 1);
    ifindex = plug(a, 10, 9, 9, 9);
    lab_run(&w, LP2P_MSEC(60));
    lp2p_sim_unplug(a->env, ifindex);
    lab_run(&w, IN_TIME);
    assert_int_equal(news, 1);
    lab_world_fini(&w);
}

static void nothing_is_pushed_when_nothing_changed(void **state)
{
    (void)state;
    lab_each_seed(run_nothing);
}

static void run_burst(uint64_t seed)
{
    struct lab_world w;
    unsigned news;
    char text[32];
    lab_world_init(&w, seed, DELAY);
    struct lab_node *a = lab_node_new(&w, NULL), *b = lab_node_new(&w, NULL);
    lab_join(a, b);
    count(b, &news);
    for (unsigned i = 0; i < 15; i++) {
        snprintf(text, sizeof(text), "/burst/%u", i);
        serve(a, text);
        lab_run(&w, LP2P_MSEC(10));
    }
    learns(b, a, "/burst/14", true);
    assert_int_equal(news, 1);
    /* One change after the other: merged to what the rate allows, and the last one gets through. */
    for (unsigned i = 0; i < 30; i++) {
        snprintf(text, sizeof(text), "/more/%u", i);
        serve(a, text);
        lab_run(&w, LP2P_SEC(1));
    }
    unsigned most = LP2P_IDENTIFY_PUSH_SENT_BURST + 30 / 5 + 1;
    assert_in_range(news, most - 2, most + 1);
    lab_run(&w, LP2P_SEC(6));
    assert_true(knows_protocol(b, a, "/more/29"));
    lab_world_fini(&w);
}

static void a_burst_of_changes_is_one_push(void **state)
{
    (void)state;
    lab_each_seed(run_burst);
}

/* Peers of the open internet do not hear of private addresses, nor that there is something new
 * about them. */
static void run_reach(uint64_t seed)
{
    struct lab_world w;
    unsigned news;
    lab_world_init(&w, seed, DELAY);
    struct lab_node *a = lab_node_new(&w, &(struct lab_node_cfg){.ip = "/ip4/198.51.100.1"});
    struct lab_node *far = lab_node_new(&w, &(struct lab_node_cfg){.ip = "/ip4/198.51.100.2"});
    struct lab_node *near = lab_node_new(&w, NULL);
    plug(a, 10, 0, 0, 1);
    listen_on(a, "/ip4/10.0.0.1/tcp/4001");
    struct lp2p_multiaddr inside = lab_addr("/ip4/10.0.0.1/tcp/4001");
    lab_attempt_end(near, lab_connect_at(near, &a->id, &inside, 1), LP2P_SEC(1));
    lab_join(far, a);
    lab_run(&w, LP2P_SEC(1));
    count(far, &news);
    assert_true(knows_addr(near, a, "/ip4/10.0.0.1/tcp/4001"));
    assert_true(knows_addr(near, a, "/ip4/198.51.100.1/tcp/4001"));
    assert_false(knows_addr(far, a, "/ip4/10.0.0.1/tcp/4001"));
    listen_on(a, "/ip4/10.0.0.1/tcp/6000");
    learns(near, a, "/ip4/10.0.0.1/tcp/6000", true);
    lab_run(&w, IN_TIME);
    assert_int_equal(news, 0);
    listen_on(a, "/ip4/198.51.100.1/tcp/6000");
    learns(far, a, "/ip4/198.51.100.1/tcp/6000", true);
    assert_int_equal(news, 1);
    assert_false(knows_addr(far, a, "/ip4/10.0.0.1/tcp/6000"));
    /* In both ways at once: what was said last over the far one does not take the near ones away.
     */
    struct lp2p_multiaddr outside = lab_addr("/ip4/198.51.100.1/tcp/4001");
    struct lp2p_conn_info conn;
    plug(near, 198, 51, 100, 3);
    lp2p_sim_unplug(near->env, near->ifindex);
    lab_run(&w, LP2P_SEC(1));
    lab_attempt_end(near, lab_connect_at(near, &a->id, &outside, 1), LP2P_SEC(1));
    assert_int_equal(lab_conns(near, &a->id, &conn), 1);
    assert_true(lp2p_multiaddr_eq(&conn.remote, &outside));
    assert_true(knows_addr(near, a, "/ip4/10.0.0.1/tcp/6000"));
    lab_world_fini(&w);
}

static void private_addresses_stay_inside(void **state)
{
    (void)state;
    lab_each_seed(run_reach);
}

/* Peers that never read do not keep the news from others for long. */
static void run_stuck(uint64_t seed)
{
    enum { STUCK = LP2P_IDENTIFY_PUSHES_MAX + 4 };
    struct lab_world w;
    lab_world_init(&w, seed, DELAY);
    struct lab_node *a = lab_node_new(&w, NULL), *stuck[STUCK];
    for (size_t i = 0; i < STUCK; i++) {
        stuck[i] = lab_node_new(&w, NULL);
        lab_join(stuck[i], a);
    }
    struct lab_node *good = lab_node_new(&w, NULL);
    lab_join(good, a);
    for (size_t i = 0; i < STUCK; i++) {
        lp2p_sim_freeze(stuck[i]->env, true);
    }
    struct lp2p_conn_info c;
    size_t under_way = 0;
    serve(a, "/news/1");
    lab_run(&w, LP2P_SEC(1));
    for (size_t pos = 0; lp2p_host_conn_next(a->host, &pos, &c);) {
        under_way += c.streams;
    }
    assert_int_equal(under_way, LP2P_IDENTIFY_PUSHES_MAX);
    assert_false(knows_protocol(good, a, "/news/1"));
    lab_run(&w, LP2P_IDENTIFY_TIMEOUT);
    assert_true(knows_protocol(good, a, "/news/1"));
    lab_world_fini(&w);
}

static void pushes_under_way_are_bounded(void **state)
{
    (void)state;
    lab_each_seed(run_stuck);
}

/* ---- pushes made by hand ---- */

struct forge {
    struct lp2p_crypto *crypto;
    struct lp2p_identity identity; /* of the node that pushes */
    struct lp2p_identity other;    /* somebody else's */
};

static void forge_init(struct forge *f, const struct lab_node *n)
{
    uint8_t seed[32] = {(uint8_t)(n - n->w->nodes + 1), (uint8_t)n->w->seed,
                        (uint8_t)(n->w->seed >> 8)};
    assert_int_equal(lp2p_crypto_new(lp2p_mem_default(), &f->crypto), 0);
    assert_int_equal(lp2p_identity_from_seed(f->crypto, seed, &f->identity), 0);
    assert_true(lp2p_peer_id_eq(&f->identity.id, &n->id));
    seed[31] = 1;
    assert_int_equal(lp2p_identity_from_seed(f->crypto, seed, &f->other), 0);
}

struct pusher {
    bool over;
    bool gone; /* the stream */
    int code;
};

static void push_on_eof(void *ctx, struct lp2p_stream *s)
{
    (void)s;
    ((struct pusher *)ctx)->over = true;
}

static void push_on_closed(void *ctx, struct lp2p_stream *s, const struct lp2p_failure *why)
{
    (void)s;
    *(struct pusher *)ctx = (struct pusher){.over = true, .gone = true, .code = why->code};
}

/* Writes `bytes` and ends the stream; true when the peer took it in order. */
static bool push_bytes(struct lab_node *from, const struct lab_node *to, struct lp2p_span bytes)
{
    static const char *const protocols[] = {LP2P_IDENTIFY_PUSH_PROTOCOL};
    static const struct lp2p_stream_ops ops = {.on_eof = push_on_eof, .on_closed = push_on_closed};
    struct pusher p = {.over = false};
    struct lp2p_open open = {.protocols = protocols, .n = 1, .ops = &ops, .ctx = &p};
    struct lp2p_stream *s;
    size_t n;
    assert_int_equal(lp2p_host_open(from->host, &to->id, &open, &s), 0);
    assert_int_equal(lp2p_stream_write(s, bytes.p, bytes.n, &n), 0);
    assert_int_equal(n, bytes.n);
    assert_int_equal(lp2p_stream_close_write(s), 0);
    lab_run(from->w, 6 * DELAY);
    assert_true(p.over);
    if (!p.gone) {
        lp2p_stream_close(s);
    }
    return p.code == 0;
}

static bool push(struct lab_node *from, const struct lab_node *to,
                 const struct lp2p_identify_msg *msg)
{
    struct lp2p_identify e;
    const struct lp2p_identify_cfg cfg = {
        .mem = lp2p_mem_default(), .msg = msg, .timeout = LP2P_IDENTIFY_TIMEOUT};
    assert_int_equal(lp2p_identify_init(&e, &cfg, LP2P_IDENTIFY_SENDER, 0), 0);
    bool taken = push_bytes(from, to, lp2p_identify_out(&e));
    lp2p_identify_fini(&e);
    return taken;
}

/* A push of addresses: `plain` in the message (or NULL), `sealed` in a record signed by `as`. */
struct claim {
    const char *plain;
    const char *sealed;
    uint64_t seq;
    const struct lp2p_identity *as;
    bool broken; /* the signature */
};

static bool push_claim(struct forge *f, struct lab_node *from, const struct lab_node *to,
                       const struct claim *c)
{
    struct lp2p_identify_msg msg = {.n_addrs = c->plain != NULL};
    struct lp2p_multiaddr plain = {.len = 0}, sealed;
    struct lp2p_buf envelope;
    lp2p_buf_init(&envelope, lp2p_mem_default(), LP2P_ENVELOPE_MAX);
    if (c->plain != NULL) {
        plain = lab_addr(c->plain);
        msg.addrs[0] = lp2p_span(plain.bytes, plain.len);
    }
    if (c->sealed != NULL) {
        sealed = lab_addr(c->sealed);
        struct lp2p_peer_record record = {
            .seq = c->seq, .addrs = {{sealed.bytes, sealed.len}}, .n_addrs = 1};
        assert_int_equal(lp2p_peer_record_seal(f->crypto, c->as, &record, &envelope), 0);
        envelope.p[envelope.off + envelope.len - 1] ^= c->broken;
        msg.signed_peer_record = lp2p_buf_span(&envelope);
    }
    bool taken = push(from, to, &msg);
    lp2p_buf_fini(&envelope);
    lab_run(from->w, LP2P_IDENTIFY_PUSH_TAKEN_REFILL);
    return taken;
}

#define A1 "/ip4/10.1.0.1/tcp/1"
#define A2 "/ip4/10.1.0.2/tcp/2"
#define A3 "/ip4/10.1.0.3/tcp/3"

static void run_records(uint64_t seed)
{
    struct lab_world w;
    struct forge f;
    lab_world_init(&w, seed, DELAY);
    struct lab_node *a = lab_node_new(&w, NULL), *p = lab_node_new(&w, NULL);
    lab_join(p, a);
    forge_init(&f, p);
    const uint64_t now = UINT64_C(1) << 50; /* above that of its own record */
    /* What is signed counts, not what stands beside it. */
    struct claim c = {.plain = A1, .sealed = A2, .seq = now, .as = &f.identity};
    assert_true(push_claim(&f, p, a, &c));
    assert_true(knows_addr(a, p, A2) && !knows_addr(a, p, A1));
    assert_false(knows_addr(a, p, "/ip4/10.0.0.2/tcp/4001")); /* replaced */
    /* An older one changes nothing. */
    c = (struct claim){.plain = A1, .sealed = A3, .seq = now - 1, .as = &f.identity};
    assert_true(push_claim(&f, p, a, &c));
    assert_true(knows_addr(a, p, A2) && !knows_addr(a, p, A3) && !knows_addr(a, p, A1));
    /* Somebody else's, and one that is not signed at all, are as if they were not there. */
    c = (struct claim){.plain = A1, .sealed = A3, .seq = now + 1, .as = &f.other};
    assert_true(push_claim(&f, p, a, &c));
    assert_true(knows_addr(a, p, A1) && !knows_addr(a, p, A3));
    c = (struct claim){.sealed = A3, .seq = now + 1, .as = &f.identity, .broken = true};
    assert_true(push_claim(&f, p, a, &c));
    assert_true(knows_addr(a, p, A1) && !knows_addr(a, p, A3));
    struct lp2p_peer_info info;
    assert_false(lab_peer(a, &f.other.id, &info)); /* CVE-2023-40583: nobody else is stored */
    c = (struct claim){.sealed = A3, .seq = now + 1, .as = &f.identity};
    assert_true(push_claim(&f, p, a, &c));
    assert_true(knows_addr(a, p, A3) && !knows_addr(a, p, A1));
    lp2p_crypto_free(f.crypto);
    lab_world_fini(&w);
}

static void of_records_the_newest_own_one_counts(void **state)
{
    (void)state;
    lab_each_seed(run_records);
}

/* A push says what it says, and leaves the rest. */
static void run_merge(uint64_t seed)
{
    struct lab_world w;
    struct lp2p_peer_info info;
    struct lp2p_multiaddr addr = lab_addr(A1);
    lab_world_init(&w, seed, DELAY);
    struct lab_node *a = lab_node_new(&w, NULL), *p = lab_node_new(&w, NULL);
    lab_join(p, a);
    struct lp2p_identify_msg msg = {.agent_version = lp2p_span_str("new/2")};
    assert_true(push(p, a, &msg));
    assert_true(lab_peer(a, &p->id, &info));
    assert_string_equal(info.agent, "new/2");
    assert_true(knows_addr(a, p, "/ip4/10.0.0.2/tcp/4001"));
    assert_true(knows_protocol(a, p, LP2P_IDENTIFY_PROTOCOL));
    msg = (struct lp2p_identify_msg){.addrs = {{addr.bytes, addr.len}}, .n_addrs = 1};
    assert_true(push(p, a, &msg));
    assert_true(lab_peer(a, &p->id, &info));
    assert_string_equal(info.agent, "new/2");
    assert_true(knows_addr(a, p, A1) && !knows_addr(a, p, "/ip4/10.0.0.2/tcp/4001"));
    assert_true(knows_protocol(a, p, LP2P_IDENTIFY_PROTOCOL));
    msg = (struct lp2p_identify_msg){.protocols = {lp2p_span_str("/only/1")}, .n_protocols = 1};
    assert_true(push(p, a, &msg));
    assert_true(knows_protocol(a, p, "/only/1") && !knows_protocol(a, p, LP2P_IDENTIFY_PROTOCOL));
    assert_true(knows_addr(a, p, A1));
    /* It does not take pushes, by its own word: it gets none, and asks in vain for nothing. */
    unsigned news;
    count(p, &news);
    serve(a, "/news/1");
    lab_run(&w, LP2P_SEC(10));
    assert_int_equal(news, 0);
    assert_false(knows_protocol(p, a, "/news/1"));
    lab_world_fini(&w);
}

static void a_push_leaves_what_it_does_not_name(void **state)
{
    (void)state;
    lab_each_seed(run_merge);
}

static void run_hostile(uint64_t seed)
{
    static uint8_t big[2 + LP2P_IDENTIFY_MESSAGE_MAX + 1];
    static const uint8_t eleven[11]; /* empty messages */
    struct lab_world w;
    struct forge f;
    unsigned news;
    lab_world_init(&w, seed, DELAY);
    struct lab_node *a = lab_node_new(&w, NULL), *p = lab_node_new(&w, NULL);
    lab_join(p, a);
    forge_init(&f, p);
    count(a, &news);
    big[0] = 0x81; /* 8,193 */
    big[1] = 0x40;
    assert_false(push_bytes(p, a, lp2p_span(big, sizeof(big))));
    assert_false(push_bytes(p, a, lp2p_span(eleven, sizeof(eleven))));
    assert_false(push_bytes(p, a, lp2p_span((const uint8_t *)"\x03\xff\xff\xff", 4)));
    assert_false(push_bytes(p, a, lp2p_span((const uint8_t *)"\x03\x0a", 2))); /* cut */
    struct lp2p_identify_msg msg = {
        .public_key = lp2p_span(f.other.public_pb, sizeof(f.other.public_pb)),
        .agent_version = lp2p_span_str("evil"),
    };
    assert_false(push(p, a, &msg));
    assert_int_equal(news, 0);
    assert_true(knows_addr(a, p, "/ip4/10.0.0.2/tcp/4001"));
    assert_true(lab_is_connected(a, p) && lab_ping(p, a, LP2P_SEC(1)));
    /* Too fast. */
    lab_run(&w, LP2P_SEC(20));
    news = 0;
    for (unsigned i = 0; i < 40; i++) {
        msg = (struct lp2p_identify_msg){.agent_version = lp2p_span_str("fast/1")};
        (void)push(p, a, &msg);
    }
    /* In the time of 40 pushes: 6 delays each. */
    unsigned most = LP2P_IDENTIFY_PUSH_TAKEN_BURST + (unsigned)(40 * 6 * DELAY / LP2P_SEC(1)) + 1;
    assert_in_range(news, LP2P_IDENTIFY_PUSH_TAKEN_BURST, most);
    assert_true(lab_is_connected(a, p));
    lp2p_crypto_free(f.crypto);
    lab_world_fini(&w);
}

static void a_hostile_pusher_changes_nothing(void **state)
{
    (void)state;
    lab_each_seed(run_hostile);
}

/* One that opens pushes and says nothing. */
static void run_slow(uint64_t seed)
{
    enum { MANY = 10 };
    static const char *const protocols[] = {LP2P_IDENTIFY_PUSH_PROTOCOL};
    static const struct lp2p_stream_ops ops = {.on_closed = push_on_closed};
    struct lab_world w;
    struct pusher p[MANY] = {{.over = false}};
    size_t open_now = 0;
    lab_world_init(&w, seed, DELAY);
    struct lab_node *a = lab_node_new(&w, NULL), *b = lab_node_new(&w, NULL);
    lab_join(b, a);
    for (size_t i = 0; i < MANY; i++) {
        struct lp2p_open open = {.protocols = protocols, .n = 1, .ops = &ops, .ctx = &p[i]};
        struct lp2p_stream *s;
        size_t n;
        assert_int_equal(lp2p_host_open(b->host, &a->id, &open, &s), 0);
        assert_int_equal(lp2p_stream_write(s, (const uint8_t *)"\x10", 1, &n), 0);
    }
    lab_run(&w, 6 * DELAY);
    for (size_t i = 0; i < MANY; i++) {
        open_now += !p[i].over;
    }
    assert_int_equal(open_now, LP2P_IDENTIFY_SERVED_MAX);
    lab_run(&w, LP2P_IDENTIFY_TIMEOUT);
    for (size_t i = 0; i < MANY; i++) {
        assert_true(p[i].over);
    }
    lab_world_fini(&w);
}

static void a_slow_pusher_has_two_streams(void **state)
{
    (void)state;
    lab_each_seed(run_slow);
}

/* ---- our own record ---- */

struct answer {
    uint8_t bytes[2 * LP2P_IDENTIFY_SEND_MAX];
    size_t n;
    bool over;
};

static void answer_on_data(void *ctx, struct lp2p_stream *s, const uint8_t *p, size_t n)
{
    struct answer *a = ctx;
    assert_true(n <= sizeof(a->bytes) - a->n);
    memcpy(a->bytes + a->n, p, n);
    a->n += n;
    lp2p_stream_consume(s, n);
}

static void answer_on_eof(void *ctx, struct lp2p_stream *s)
{
    ((struct answer *)ctx)->over = true;
    lp2p_stream_close(s);
}

/* Asks and opens the record of the answer, which is the only one; spans point into `ret`. */
static void ask(struct forge *f, struct lab_node *n, const struct lab_node *to, struct answer *ret,
                struct lp2p_peer_record *ret_record)
{
    static const char *const protocols[] = {LP2P_IDENTIFY_PROTOCOL};
    static const struct lp2p_stream_ops ops = {.on_data = answer_on_data, .on_eof = answer_on_eof};
    *ret = (struct answer){.n = 0};
    struct lp2p_open open = {.protocols = protocols, .n = 1, .ops = &ops, .ctx = ret};
    struct lp2p_stream *s;
    struct lp2p_identify_msg msg;
    assert_int_equal(lp2p_host_open(n->host, &to->id, &open, &s), 0);
    lab_run(n->w, 6 * DELAY);
    assert_true(ret->over && ret->n > 2 && ret->n <= LP2P_IDENTIFY_SEND_MAX + 2);
    assert_int_equal((ret->bytes[0] & 0x7f) + (ret->bytes[1] << 7), ret->n - 2); /* one message */
    assert_int_equal(lp2p_identify_decode(lp2p_span(ret->bytes + 2, ret->n - 2), &msg), 0);
    assert_int_equal(lp2p_peer_record_open(lp2p_mem_default(), f->crypto, msg.signed_peer_record,
                                           &to->id, ret_record),
                     0);
    assert_int_equal(ret_record->n_addrs, msg.n_addrs);
    for (size_t i = 0; i < msg.n_addrs; i++) {
        assert_true(lp2p_span_eq(ret_record->addrs[i], msg.addrs[i]));
    }
}

static uint64_t stopped_clock(const struct lp2p_env *env)
{
    (void)env;
    return 5;
}

static void run_own(uint64_t seed)
{
    struct lab_world w;
    struct forge f;
    struct answer bytes, again;
    struct lp2p_peer_record first, record;
    lab_world_init(&w, seed, DELAY);
    struct lab_node *a = lab_node_new(&w, NULL), *p = lab_node_new(&w, NULL);
    lab_join(p, a);
    forge_init(&f, p);
    ask(&f, p, a, &bytes, &first);
    assert_int_equal(first.n_addrs, 1);
    assert_in_range(first.seq, a->env->ops->wall_ms(a->env) - 2000, a->env->ops->wall_ms(a->env));
    /* The same content is the same record, later too, and when something else changed. */
    lab_run(&w, LP2P_SEC(10));
    serve(a, "/news/1");
    lab_run(&w, IN_TIME);
    ask(&f, p, a, &again, &record);
    assert_int_equal(record.seq, first.seq);
    /* Other addresses, while the clock was set back: it still grows. */
    a->blind_ops = *a->env->ops;
    a->blind_ops.wall_ms = stopped_clock;
    a->env->ops = &a->blind_ops;
    listen_on(a, "/ip4/10.0.0.1/tcp/5000");
    ask(&f, p, a, &again, &record);
    assert_int_equal(record.n_addrs, 2);
    assert_in_range(record.seq, first.seq + 1, first.seq + 10);
    lp2p_crypto_free(f.crypto);
    lab_world_fini(&w);
}

static void what_we_say_is_signed_and_numbered(void **state)
{
    (void)state;
    lab_each_seed(run_own);
}

/* ---- observed addresses ---- */

static void say_sees(struct lab_node *from, const struct lab_node *to, const char *text)
{
    struct lp2p_multiaddr addr = lab_addr(text);
    struct lp2p_identify_msg msg = {.observed_addr = lp2p_span(addr.bytes, addr.len)};
    assert_true(push(from, to, &msg));
}

/* A router that passes a port on: four peers see its outside, the others are told. */
static void run_observed(uint64_t seed)
{
    static const char seen[] = "/ip4/203.0.113.9/tcp/7000";
    struct lab_world w;
    struct lab_node *by[LP2P_OBSERVED_QUOTA];
    char ip[32];
    lab_world_init(&w, seed, DELAY);
    struct lab_node *a = lab_node_new(&w, &(struct lab_node_cfg){.ip = "/ip4/198.51.100.1"});
    struct lab_node *near = lab_node_new(&w, NULL), *c;
    plug(a, 10, 0, 0, 1);
    listen_on(a, "/ip4/10.0.0.1/tcp/4001");
    struct lp2p_multiaddr inside = lab_addr("/ip4/10.0.0.1/tcp/4001");
    lab_attempt_end(near, lab_connect_at(near, &a->id, &inside, 1), LP2P_SEC(1));
    for (unsigned i = 0; i < LP2P_OBSERVED_QUOTA; i++) {
        snprintf(ip, sizeof(ip), "/ip4/198.51.100.%u", 10 + i);
        by[i] = lab_node_new(&w, &(struct lab_node_cfg){.ip = ip});
        lab_join(by[i], a);
    }
    c = lab_node_new(&w, &(struct lab_node_cfg){.ip = "/ip4/198.51.100.99"});
    lab_join(c, a);
    /* Three of them, one again and again, and a neighbour: not enough. */
    for (unsigned i = 0; i < 10; i++) {
        say_sees(by[i % 3], a, seen);
    }
    say_sees(near, a, seen);
    lab_run(&w, LP2P_SEC(2));
    assert_false(knows_addr(c, a, seen));
    say_sees(by[3], a, "/ip4/192.168.7.7/tcp/7000"); /* nobody out there can see that */
    lab_run(&w, LP2P_SEC(2));
    assert_false(knows_addr(c, a, seen));
    say_sees(by[3], a, seen);
    learns(c, a, seen, true);
    learns(near, a, seen, true);
    assert_false(knows_addr(near, a, "/ip4/192.168.7.7/tcp/7000"));
    /* They leave; some time later it is no longer believed. */
    for (unsigned i = 0; i < LP2P_OBSERVED_QUOTA; i++) {
        lab_node_end(by[i]);
    }
    lab_run(&w, LP2P_OBSERVED_TTL - LP2P_SEC(60));
    assert_true(knows_addr(c, a, seen));
    lab_run(&w, LP2P_SEC(62));
    assert_false(knows_addr(c, a, seen));
    lab_world_fini(&w);
}

static void four_peers_that_agree_are_believed(void **state)
{
    (void)state;
    lab_each_seed(run_observed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        lab_test(what_changes_is_known_within_a_second),
        lab_test(nothing_is_pushed_when_nothing_changed),
        lab_test(a_burst_of_changes_is_one_push),
        lab_test(private_addresses_stay_inside),
        lab_test(pushes_under_way_are_bounded),
        lab_test(what_we_say_is_signed_and_numbered),
        lab_test(of_records_the_newest_own_one_counts),
        lab_test(a_push_leaves_what_it_does_not_name),
        lab_test(a_hostile_pusher_changes_nothing),
        lab_test(a_slow_pusher_has_two_streams),
        lab_test(four_peers_that_agree_are_believed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
