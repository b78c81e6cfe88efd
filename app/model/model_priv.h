/* The model's inside, shared by its files. */
#ifndef WHTNXT_MODEL_MODEL_PRIV_H
#define WHTNXT_MODEL_MODEL_PRIV_H

#include "base/list.h"
#include "link/link.h"
#include "model/model.h"
#include "model/peers_priv.h"

/* Sign of life while somebody looks, and else (DESIGN 2). */
#define MODEL_ASK_MS      500U
#define MODEL_ASK_IDLE_MS 5000U
/* Somebody looks: polls come every second, two may be missed. */
#define MODEL_WATCHED_MS     3000U
#define MODEL_SILENT_MS      1000U
#define MODEL_DEAD_MS        6000U
#define MODEL_KILL_MS        500U
#define MODEL_BACKOFF_MIN_MS 200U
#define MODEL_BACKOFF_MAX_MS 30000U
/* A node that ran this long begins again with the shortest back-off. */
#define MODEL_STABLE_MS  60000U
#define MODEL_CRASHES    5U
#define MODEL_CRASHES_MS 60000U
#define MODEL_OUTSIDE_MS 5000U
/* The longest wait after a signal from outside to a node that was running: its peers are connected
 * again within 4 s, however often it is killed. */
#define MODEL_OUTSIDE_MAX_MS 1000U
/* Main woke later than it wanted by more than this: it was itself stopped. */
#define MODEL_LATE_MS 250U
/* Goodbyes of the node; then it is killed, so that main is gone within 2 s. */
#define MODEL_QUIT_MS 1500U
/* Between two looks at a key that was refused. */
#define MODEL_KEY_MS 1000U
/* Links from the OS within this time of the first are asked about (DESIGN 6). */
#define MODEL_LINKS_MS     10000U
#define MODEL_QUESTION_IDS 16U
#define MODEL_PEER_ADDRS   8U
#define MODEL_ALIAS_SIZE   65U
/* The node may be slower than we are to say that the time is up. */
#define MODEL_ATTEMPT_GRACE_MS 2000U
/* Looking that may take all the time ends before it is up: nobody seen is the better reason. */
#define MODEL_LOOK_LEAD_MS 500U

enum model_source { MODEL_FROM_USER = 0, MODEL_FROM_OS, MODEL_FROM_MEMORY };
enum model_confirm { MODEL_CONFIRM_NEVER = 0, MODEL_CONFIRM_STRANGERS, MODEL_CONFIRM_ALWAYS };

enum model_node {
    MODEL_NODE_STARTING = 0,
    MODEL_NODE_RUNNING,
    MODEL_NODE_UNRESPONSIVE,
    MODEL_NODE_RESTARTING,
    MODEL_NODE_UNSTABLE,
    MODEL_NODE_STOPPED,
};

struct model_node_life {
    enum model_node state;
    enum whtnxt_talk talk;
    bool alive; /* a process is there, or on its way */
    int64_t pid;
    char version[WHTNXT_VERSION_SIZE];
    uint64_t restarts;
    enum whtnxt_cause cause; /* why it is not running, or NONE */
    char detail[WHTNXT_LOG_TEXT_SIZE];
    uint16_t port; /* it was started with */
    uint64_t spawned;
    uint64_t next_spawn; /* while RESTARTING */
    uint64_t next_key;   /* while the key is refused: not before this */
    uint64_t backoff;
    uint64_t asks;     /* number of the last question */
    uint64_t answered; /* highest number that was answered */
    uint64_t next_ask;
    uint64_t silent_since; /* time of the oldest unanswered question, 0: none */
    bool aborting;         /* SIGABRT is sent */
    uint64_t kill_at;      /* SIGKILL is due, 0: not */
    bool ours;             /* main ended it */
    bool wished;           /* the user wants another in its place: no back-off, no blame */
    uint64_t crashes[MODEL_CRASHES];
    size_t n_crashes;
    uint64_t last_outside;
    bool had_outside;
};

struct model_attempt {
    uint64_t id;      /* 0: free */
    uint64_t node_id; /* of the try, 0: not sent */
    char peer[WHTNXT_ID_SIZE];
    char name[WHTNXT_LINK_NAME_SIZE]; /* of the link */
    enum model_source source;
    enum whtnxt_stage stage;
    uint64_t since;
    uint64_t ended;
    uint64_t timeout_ms; /* what a user waits for */
    uint64_t look_ms;    /* ... of which discovery may take so much */
    uint64_t deadline;
    uint64_t next_try; /* WAITING: as its peer's */
    bool bad_relay;
    bool skipped;
    enum whtnxt_cause cause;
    char text[WHTNXT_CAUSE_TEXT_SIZE];
    size_t n_addrs;
    struct whtnxt_connect_addr addrs[WHTNXT_CONNECT_ADDRS];
    size_t n_paths;
    struct whtnxt_path_state paths[WHTNXT_STATE_PATHS];
};

struct model_peer {
    char id[WHTNXT_ID_SIZE];
    char alias[MODEL_ALIAS_SIZE];
    char name[WHTNXT_LINK_NAME_SIZE]; /* of the link that led to it, as long as main runs; or "" */
    bool wanted;
    bool blocked;
    bool refused;
    uint64_t last_wall; /* last connected */
    uint64_t next_try;  /* while it is wanted: not before this */
    unsigned tries;     /* failed ones in a row */
    size_t n_addrs;
    char addrs[MODEL_PEER_ADDRS][WHTNXT_TEXT_SIZE];
};

struct model_ping {
    uint64_t id; /* 0: free */
    char peer[WHTNXT_ID_SIZE];
    uint64_t count;
    uint64_t interval_ms;
    uint64_t asked; /* for its results, the last time */
    uint64_t ended; /* 0: runs */
    enum whtnxt_cause cause;
    struct whtnxt_ping_state state; /* as the node said last */
};

struct model_question {
    uint64_t id; /* 0: none */
    uint64_t since;
    size_t n;
    struct whtnxt_link links[MODEL_QUESTION_IDS];
};

struct model_log_line {
    uint64_t id;
    uint64_t wall;
    enum whtnxt_log_level level;
    const char *code;
    char text[WHTNXT_LOG_TEXT_SIZE];
};

struct model_action_node {
    struct lp2p_list node;
    struct whtnxt_action a;
};

struct whtnxt_model {
    const struct lp2p_mem *mem;
    const struct lp2p_random *random;
    const char *version;
    struct whtnxt_model_key key;
    char boot[33];
    uint64_t wall_offset; /* wall = mono + offset */
    uint64_t now;         /* of the event under way */
    uint64_t wake;        /* the deadline main was given last */
    uint64_t last_poll;
    bool polled;
    uint64_t seq;
    uint64_t state_at; /* when the node's last state came */
    uint64_t next_id;
    bool quitting;
    bool upgraded; /* our programs are not those that are installed */

    char id[WHTNXT_ID_SIZE]; /* ours, "" without a key */
    struct lp2p_peer_id peer_id;
    struct model_node_life node;
    struct whtnxt_state state;
    struct model_attempt *attempts; /* RUNNING + ENDED of them */
    struct model_peer *peers;
    size_t n_peers;
    size_t cap_peers;
    bool peers_locked; /* file of a newer version: not rewritten */
    struct model_ping pings[WHTNXT_STATE_PINGS];
    struct model_question question;
    uint64_t os_last; /* when a link of the OS was dialled, 0: never */
    char os_peer[WHTNXT_ID_SIZE];

    uint16_t port;
    enum model_confirm confirm;
    bool settings_locked;

    struct model_log_line *log;
    uint64_t log_last;
    uint64_t log_burst_at;
    unsigned log_burst;
    struct lp2p_list actions;
};

#define MODEL_ATTEMPTS (WHTNXT_MODEL_RUNNING + WHTNXT_MODEL_ENDED)

/* ---- model.c ---- */
/* An action to be filled and kept; NULL: no memory (logged nowhere, the event is repeated later).
 */
struct whtnxt_action *model_act(struct whtnxt_model *m, enum whtnxt_action_type type);
void model_enter(struct whtnxt_model *m, uint64_t now);
uint64_t model_to_wall(const struct whtnxt_model *m, uint64_t at);
void model_say(struct whtnxt_model *m, enum whtnxt_log_level level, enum whtnxt_cause cause,
               const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* alias, else the link's name in quotes, else the short id (DESIGN 5). */
void model_name(const struct whtnxt_model *m, const char *id, const char *link_name,
                char buf[static 96]);

/* ---- settings.c ---- */
/* Takes and saves a value, null for the default. NONE, or why not, with what it takes in
 * `ret_takes` (static; the cause's detail). */
enum whtnxt_cause model_settings_set(struct whtnxt_model *m, const char *key, const json_t *v,
                                     const char **ret_takes);
uint16_t model_settings_draw_port(const struct whtnxt_model *m);

/* ---- identity.c ---- */
json_t *model_identity_get(const struct whtnxt_model *m);
/* NULL and out->reason, or the answer. */
json_t *model_identity_replace(struct whtnxt_model *m, uint64_t now, const char *import,
                               struct whtnxt_key_outcome *out);
/* NONE, or why not, with out->reason. */
enum whtnxt_cause model_identity_export(struct whtnxt_model *m, const struct whtnxt_key_copy *copy,
                                        struct whtnxt_key_outcome *out);

/* ---- supervisor.c ---- */
void model_node_tick(struct whtnxt_model *m, uint64_t now);
uint64_t model_node_deadline(const struct whtnxt_model *m);
void model_node_polled(struct whtnxt_model *m, uint64_t now);
void model_node_spawn(struct whtnxt_model *m, uint64_t now);
bool model_node_takes(const struct whtnxt_model *m); /* commands may be sent */
/* Why it does not run, NONE when it does. */
enum whtnxt_cause model_node_cause(const struct whtnxt_model *m);
/* True when waiting for it is of no use: missing, unstable, stopped. */
bool model_node_is_out(const struct whtnxt_model *m);
bool model_is_connected(const struct whtnxt_model *m, const char *id);
/* A wish of the user's, in any state that has a key: with goodbyes when it listens. */
void model_node_restart(struct whtnxt_model *m, uint64_t now);
/* All of WhatNext: its programs were replaced. */
void model_restart_all(struct whtnxt_model *m, uint64_t now);

/* ---- attempt.c ---- */
struct model_attempt *model_attempt_find(struct whtnxt_model *m, uint64_t id);
/* The one that runs for this peer, or NULL. */
struct model_attempt *model_attempt_of(struct whtnxt_model *m, const char *peer);
/* One that waits for its turn gives its place away: its peer keeps the schedule. NULL: too many. */
struct model_attempt *model_attempt_add(struct whtnxt_model *m, uint64_t now, const char *peer,
                                        enum model_source source);
/* As add; when all places are taken, a remembered peer that is being dialled waits instead. */
struct model_attempt *model_attempt_add_first(struct whtnxt_model *m, uint64_t now,
                                              const char *peer, enum model_source source);
/* How long it may take, looking included; 0: as usual. One that is not `fresh` is only lengthened;
 * true when the node must be told. */
bool model_attempt_allow(struct model_attempt *a, uint64_t now, uint64_t timeout_ms, bool fresh);
void model_attempt_go(struct whtnxt_model *m, uint64_t now, struct model_attempt *a);
/* Begins a wanted peer's next try: its attempt is WAITING or QUEUED. */
void model_attempt_again(struct whtnxt_model *m, uint64_t now, struct model_attempt *a);
/* The time of the next try after one that failed. */
void model_peer_later(struct whtnxt_model *m, uint64_t now, struct model_peer *p);
void model_attempt_end(struct whtnxt_model *m, uint64_t now, struct model_attempt *a,
                       enum whtnxt_stage stage, enum whtnxt_cause cause);
/* True for an address that a message to the node can carry: no longer than its room, clean. */
bool model_addr_fits(const char *addr);
/* Adds an address, once; what does not fit is left out. */
void model_attempt_addr(struct model_attempt *a, const char *addr, enum whtnxt_addr_source source);
void model_attempts_state(struct whtnxt_model *m, uint64_t now);
void model_attempts_node_gone(struct whtnxt_model *m);
/* There will be no node soon: what a user waits for ends with that cause. */
void model_attempts_node_out(struct whtnxt_model *m, uint64_t now);
void model_attempts_send(struct whtnxt_model *m, uint64_t now);
void model_attempts_tick(struct whtnxt_model *m, uint64_t now);
uint64_t model_attempts_deadline(const struct whtnxt_model *m);
void model_attempt_text(const struct whtnxt_model *m, struct model_attempt *a,
                        enum whtnxt_cause deepest, uint16_t port);

/* ---- links.c ---- */
/* What came to p2p:connect. */
struct model_wish {
    const char *link;
    const char *peer_id;
    const char *multiaddr;
    bool os;
    uint64_t timeout_ms; /* 0: as usual */
};
/* The answer or a refusal (`ret_cause`, `text`). NULL with cause NONE: no memory. */
json_t *model_connect(struct whtnxt_model *m, uint64_t now, const struct model_wish *w,
                      enum whtnxt_cause *ret_cause, char text[static WHTNXT_CAUSE_TEXT_SIZE]);
json_t *model_answer_link(struct whtnxt_model *m, uint64_t now, const json_t *params,
                          enum whtnxt_cause *ret_cause);

/* ---- snapshot.c ---- */
json_t *model_snapshot(struct whtnxt_model *m, uint64_t now);
json_t *model_link_json(struct whtnxt_model *m, bool lan);
/* Why a link cannot hold an address of ours on this network, or NONE. */
enum whtnxt_cause model_lan_cause(const struct whtnxt_model *m);
json_t *model_log_json(const struct whtnxt_model *m, uint64_t after);

#endif
