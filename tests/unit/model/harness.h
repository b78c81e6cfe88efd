/*
 * A model with a virtual clock, a seeded generator and a scripted node: what main would do is done
 * here by the test.
 */
#ifndef WHTNXT_TESTS_MODEL_HARNESS_H
#define WHTNXT_TESTS_MODEL_HARNESS_H

#include <signal.h>
#include <stdio.h>

#include "cmocka_all.h"
#include "crypto/crypto.h"
#include "identity/key.h"
#include "lp2p/error.h"
#include "model/model.h"
#include "reads.h"

#define ACTIONS_MAX 4096

struct rig {
    struct whtnxt_model *m;
    uint64_t now;
    uint64_t seed;
    struct lp2p_random random;
    struct lp2p_crypto *crypto;
    struct lp2p_peer_id id;
    char own[LP2P_PEER_ID_TEXT_SIZE];
    char peers[4][LP2P_PEER_ID_TEXT_SIZE]; /* ids of others */
    uint64_t node_seq;
    unsigned resumes; /* times that the node had stood still */
    bool offline;     /* no interface is up */
    bool alone;       /* only the loopback has an address */
    unsigned network; /* number of the one that the node is in: its address is another */
    /* Actions since the last take. */
    size_t spawns;
    size_t saves;
    size_t quits;
    size_t restarts;
    size_t keys;    /* times that the key was to be loaded */
    bool quit_sent; /* QUIT went to the node */
    int signal;     /* the last one */
    size_t signals;
    uint64_t last_spawn;
    bool started; /* START was sent */
    uint64_t ask; /* number of the last question, 0: none */
    bool counters;
    size_t n_connects;
    struct whtnxt_connect connect; /* the last */
    const char *await;             /* an id, NULL: none */
    size_t awaited;                /* times that it was to be connected */
    uint64_t cancelled;
    char disconnected[WHTNXT_ID_SIZE];
    char refused[WHTNXT_ID_SIZE];
    bool refused_on;
    struct whtnxt_ping ping; /* the last */
    uint64_t unping;
    struct whtnxt_ping_state pong; /* of the next states; id 0: none */
    bool answers;                  /* the node answers questions at once */
};

static void rig_fill(void *ctx, uint8_t *p, size_t n)
{
    struct rig *r = ctx;
    for (size_t i = 0; i < n; i++) {
        r->seed = r->seed * 6364136223846793005U + 1442695040888963407U;
        p[i] = (uint8_t)(r->seed >> 56);
    }
}

static inline void rig_id(struct rig *r, uint8_t seed, struct lp2p_peer_id *ret)
{
    uint8_t bytes[32];
    struct lp2p_identity id;
    memset(bytes, seed, sizeof(bytes));
    assert_int_equal(lp2p_identity_from_seed(r->crypto, bytes, &id), 0);
    *ret = id.id;
}

/* With what main does for the identity methods. */
static inline void rig_open_key(struct rig *r, struct whtnxt_model_key key)
{
    *r = (struct rig){.now = 1000000, .seed = 7, .answers = true};
    r->random = (struct lp2p_random){.ctx = r, .fill = rig_fill};
    assert_int_equal(lp2p_crypto_init(), 0);
    assert_int_equal(lp2p_crypto_new(lp2p_mem_default(), &r->crypto), 0);
    rig_id(r, 1, &r->id);
    lp2p_peer_id_format(&r->id, r->own);
    for (size_t i = 0; i < 4; i++) {
        struct lp2p_peer_id id;
        rig_id(r, (uint8_t)(10 + i), &id);
        lp2p_peer_id_format(&id, r->peers[i]);
    }
    struct whtnxt_model_cfg cfg = {.mem = lp2p_mem_default(),
                                   .random = &r->random,
                                   .version = "0.1.0",
                                   .key = key,
                                   .now = r->now,
                                   .wall = 1700000000000U};
    assert_int_equal(whtnxt_model_new(&cfg, &r->m), 0);
}

static inline void rig_open(struct rig *r)
{
    rig_open_key(r, (struct whtnxt_model_key){.path = ""});
}

static inline void rig_close(struct rig *r)
{
    whtnxt_model_free(r->m);
    lp2p_crypto_free(r->crypto);
}

static inline void rig_sent(struct rig *r, const struct whtnxt_node_msg *msg)
{
    switch (msg->type) {
    case WHTNXT_MSG_START:
        r->started = true;
        break;
    case WHTNXT_MSG_ASK:
        r->ask = msg->ask.n;
        r->counters = msg->ask.counters;
        break;
    case WHTNXT_MSG_CONNECT:
        r->connect = msg->connect;
        r->awaited += r->await != NULL && strcmp(r->await, msg->connect.peer) == 0;
        r->n_connects++;
        break;
    case WHTNXT_MSG_CANCEL:
        r->cancelled = msg->cancel;
        break;
    case WHTNXT_MSG_DISCONNECT:
        memcpy(r->disconnected, msg->disconnect, sizeof(r->disconnected));
        break;
    case WHTNXT_MSG_REFUSE:
        memcpy(r->refused, msg->refuse.peer, sizeof(r->refused));
        r->refused_on = msg->refuse.on;
        break;
    case WHTNXT_MSG_PING:
        r->ping = msg->ping;
        break;
    case WHTNXT_MSG_UNPING:
        r->unping = msg->unping;
        break;
    case WHTNXT_MSG_QUIT:
        r->quit_sent = true;
        break;
    case WHTNXT_MSG_MAIN_HELLO:
    case WHTNXT_MSG_NODE_HELLO:
    case WHTNXT_MSG_STATE:
    case WHTNXT_MSG_ALIVE:
    case WHTNXT_MSG_FATAL:
    case WHTNXT_MSG_LOG:
    case WHTNXT_MSGS:
        break;
    }
}

/* Does what the model wants. */
static inline void rig_act(struct rig *r)
{
    struct whtnxt_action a;
    while (whtnxt_model_action(r->m, &a)) {
        if (a.type == WHTNXT_DO_SPAWN) {
            r->spawns++;
            r->last_spawn = r->now;
            r->started = false;
            r->ask = 0;
            r->node_seq = 0;
            whtnxt_model_spawned(r->m, r->now, 4711);
        } else if (a.type == WHTNXT_DO_SIGNAL) {
            r->signal = a.signal;
            r->signals++;
        } else if (a.type == WHTNXT_DO_SEND) {
            rig_reads(&a.msg);
            rig_sent(r, &a.msg);
            if (a.msg.type == WHTNXT_MSG_ASK && r->answers) {
                struct whtnxt_node_msg alive = {.type = WHTNXT_MSG_ALIVE, .alive = a.msg.ask.n};
                whtnxt_model_message(r->m, r->now, &alive);
            }
        } else if (a.type == WHTNXT_DO_SAVE_PEERS) {
            r->saves++;
        } else if (a.type == WHTNXT_DO_RESTART) {
            r->restarts++;
        } else if (a.type == WHTNXT_DO_LOAD_KEY) {
            r->keys++;
        } else if (a.type == WHTNXT_DO_QUIT) {
            r->quits++;
        }
        whtnxt_action_fini(&a);
    }
}

/* Lets time pass as main's timer would. */
static inline void rig_run(struct rig *r, uint64_t ms)
{
    uint64_t end = r->now + ms;
    for (;;) {
        uint64_t at = whtnxt_model_deadline(r->m);
        if (at > end) {
            break;
        }
        assert_true(at >= r->now || at + 1 >= 1);
        r->now = at > r->now ? at : r->now;
        whtnxt_model_tick(r->m, r->now);
        rig_act(r);
        /* A deadline that does not move would spin. */
        assert_true(whtnxt_model_deadline(r->m) > r->now || whtnxt_model_deadline(r->m) > at);
    }
    r->now = end;
}

static inline void rig_hello(struct rig *r, uint64_t protocol)
{
    struct whtnxt_node_msg m = {.type = WHTNXT_MSG_NODE_HELLO,
                                .hello = {.protocol = protocol, .version = "0.1.0"}};
    whtnxt_model_message(r->m, r->now, &m);
    rig_act(r);
}

/* Why an attempt of a state failed. */
struct rig_why {
    int error;
    const char *where;
    const char *path; /* the one path it had, which failed so; NULL: it is not told */
};
#define WHY(error, where)          ((struct rig_why){error, where, NULL})
#define WHY_AT(error, where, path) ((struct rig_why){error, where, path})
#define FINE                       WHY(0, "")

/* A state with one connection to `peer` (may be NULL) and one attempt (id 0: none). */
static inline void rig_state(struct rig *r, const char *peer, uint64_t attempt,
                             enum whtnxt_stage stage, struct rig_why why)
{
    struct whtnxt_node_msg m = {.type = WHTNXT_MSG_STATE};
    whtnxt_state_init(&m.state, lp2p_mem_default());
    assert_int_equal(whtnxt_state_alloc(&m.state, 1, peer != NULL, attempt != 0, 0), 0);
    m.state.seq = ++r->node_seq;
    m.state.port = 20123;
    m.state.online = !r->offline;
    m.state.resumes = r->resumes;
    snprintf(m.state.limits, sizeof(m.state.limits), "desktop");
    snprintf(m.state.addrs[0], WHTNXT_TEXT_SIZE, "/ip4/%s.%u/tcp/20123",
             r->alone ? "127.0.0" : "192.0.2", 7 + r->network);
    if (peer != NULL) {
        m.state.conns[0] = (struct whtnxt_conn_state){.id = 1,
                                                      .outbound = true,
                                                      .identified = true,
                                                      .addr = "/ip4/192.0.2.8/tcp/5",
                                                      .transport = "tcp",
                                                      .security = "noise",
                                                      .muxer = "/yamux/1.0.0",
                                                      .since_ms = r->now};
        snprintf(m.state.conns[0].peer, WHTNXT_ID_SIZE, "%s", peer);
    }
    if (r->pong.id != 0) {
        m.state.n_pings = 1;
        m.state.pings[0] = r->pong;
    }
    if (attempt != 0) {
        m.state.attempts[0] = (struct whtnxt_attempt_state){
            .id = attempt, .stage = stage, .error = why.error};
        snprintf(m.state.attempts[0].where, WHTNXT_WORD_SIZE, "%s", why.where);
        if (why.path != NULL) {
            struct whtnxt_path_state *p = &m.state.attempts[0].paths[0];
            m.state.attempts[0].n_paths = 1;
            *p = (struct whtnxt_path_state){.stage = WHTNXT_STAGE_FAILED, .error = why.error};
            snprintf(p->addr, sizeof(p->addr), "%s", why.path);
            snprintf(p->where, sizeof(p->where), "%s", why.where);
        }
    }
    whtnxt_model_message(r->m, r->now, &m);
    whtnxt_node_msg_fini(&m);
    rig_act(r);
}

/* A state without anything. */
static inline void rig_idle(struct rig *r)
{
    rig_state(r, NULL, 0, WHTNXT_STAGE_LOOKING, FINE);
}

/* A node that runs. */
static inline void rig_start(struct rig *r)
{
    whtnxt_model_start(r->m, r->now, &r->id, NULL);
    rig_act(r);
    rig_hello(r, WHTNXT_NODE_PROTOCOL);
    rig_idle(r);
}

/* A whole new node after an exit. */
static inline void rig_again(struct rig *r)
{
    rig_hello(r, WHTNXT_NODE_PROTOCOL);
    rig_idle(r);
}

#endif
