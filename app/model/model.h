/*
 * What main knows and decides, without input or output: the node's life, the last state it sent,
 * attempts, questions about links, remembered peers, the log, and the picture a renderer gets.
 *
 * Driven by events and a clock in milliseconds (monotonic); yields a queue of actions that main
 * carries out. The key never comes here: main fills it into the start message it sends.
 *
 * Node (DESIGN 2):
 *
 *   STARTING --state--> RUNNING <--alive--> UNRESPONSIVE     RESTARTING: gone, the next start is
 * due ^                   |                    | 6 s        UNSTABLE: five crashes in 60 s
 *      +---- RESTARTING <--+---- exit <---------+            STOPPED: no key, wrong version, quit
 */
#ifndef WHTNXT_MODEL_MODEL_H
#define WHTNXT_MODEL_MODEL_H

#include "base/random.h"
#include "ipc/ipc.h"
#include "ipc/node.h"
#include "lp2p/peer_id.h"

/* Remembered peers (DESIGN 2). */
#define WHTNXT_MODEL_PEERS 1024U
/* Attempts that run, and ended ones that are kept: 60 s, the newest 32 (DESIGN 2). */
#define WHTNXT_MODEL_RUNNING  32U
#define WHTNXT_MODEL_ENDED    32U
#define WHTNXT_MODEL_ENDED_MS 60000U
/* What a user waits for at most (JOURNEY 5.2). */
#define WHTNXT_MODEL_ATTEMPT_MS 15000U
/* What a renderer may ask for instead. */
#define WHTNXT_MODEL_ATTEMPT_MIN_MS 1000U
#define WHTNXT_MODEL_ATTEMPT_MAX_MS 3600000U
/* How long an id without an address may wait for discovery. */
#define WHTNXT_MODEL_LOOK_MS 10000U
/* Between a pong and the next ping, unless it is said; at least and at most. */
#define WHTNXT_MODEL_PING_MS     1000U
#define WHTNXT_MODEL_PING_MIN_MS 100U
#define WHTNXT_MODEL_PING_MAX_MS 3600000U
/* Lines of the log ring: what happened between two polls, and what a report wants. */
#define WHTNXT_MODEL_LOG 512U

/* Drawn once per user (DESIGN 7): below the ephemeral range. */
#define WHTNXT_PORT_MIN 20000U
#define WHTNXT_PORT_MAX 32767U

struct whtnxt_model;

enum whtnxt_action_type {
    WHTNXT_DO_SPAWN = 0,     /* start a node; then whtnxt_model_spawned or _exited */
    WHTNXT_DO_SIGNAL,        /* `signal` to the node */
    WHTNXT_DO_SEND,          /* `msg` to the node; START lacks the seed */
    WHTNXT_DO_SAVE_PEERS,    /* whtnxt_model_peers */
    WHTNXT_DO_SAVE_SETTINGS, /* whtnxt_model_settings */
    WHTNXT_DO_LOG,           /* `level` and `text` to the log file */
    WHTNXT_DO_LOAD_KEY,      /* try the refused key again, then whtnxt_model_start */
    WHTNXT_DO_QUIT,          /* close the node's pipe, end when it is gone */
    WHTNXT_DO_RESTART,       /* the same, then become the program that is installed now */
};

struct whtnxt_action {
    enum whtnxt_action_type type;
    int signal;
    enum whtnxt_log_level level;
    char text[WHTNXT_LOG_TEXT_SIZE + 40];
    struct whtnxt_node_msg msg;
};

/* ---- the key, which stays in main ---- */

/* Longest path of a key file, and what is said about one. */
#define WHTNXT_MODEL_KEY_PATH 4128U

struct whtnxt_key_copy {
    const char *path; /* absolute */
    bool force;       /* replace what is there */
    bool base64;
};

struct whtnxt_key_outcome {
    struct lp2p_peer_id id;
    bool changed;                        /* it is another key than before */
    bool exposed;                        /* others could read the file it came from */
    char kept[WHTNXT_MODEL_KEY_PATH];    /* where the old one is, "" nowhere */
    char reason[WHTNXT_CAUSE_TEXT_SIZE]; /* of a failure: a sentence */
};

/* What main does for the identity methods, at once. Both return 0 or -LP2P_E_... and a reason. */
struct whtnxt_model_key {
    void *ctx;
    const char *path; /* of identity.key */
    /* Another key from now on: a new one, or with `import` that of a file. Nodes that start after
     * it get it. */
    int (*replace)(void *ctx, const char *import, struct whtnxt_key_outcome *ret);
    /* -LP2P_E_EXISTS when something is there. */
    int (*copy)(void *ctx, const struct whtnxt_key_copy *copy, struct whtnxt_key_outcome *ret);
};

struct whtnxt_model_cfg {
    const struct lp2p_mem *mem;
    const struct lp2p_random *random;
    const char *version;         /* of this program; static */
    struct whtnxt_model_key key; /* lives as long as the model */
    uint64_t now;
    uint64_t wall; /* milliseconds since 1970 at `now` */
};

/* -LP2P_E_NOMEM. */
int whtnxt_model_new(const struct whtnxt_model_cfg *cfg, struct whtnxt_model **ret);
void whtnxt_model_free(struct whtnxt_model *m);

/* ---- before the start ---- */

/* What the files held, NULL when there was none. -LP2P_E_VERSION: newer, it is not to be rewritten;
 * -LP2P_E_DECODE: nothing was taken, and the file is not to be rewritten until a call with NULL. */
int whtnxt_model_load_settings(struct whtnxt_model *m, const json_t *o);
int whtnxt_model_load_peers(struct whtnxt_model *m, const json_t *o);
/* The file on disk is not to be overwritten in this run: it could not be read. */
void whtnxt_model_lock_settings(struct whtnxt_model *m);
void whtnxt_model_lock_peers(struct whtnxt_model *m);
/* The files' content; the caller owns it. NULL: no memory. */
json_t *whtnxt_model_settings(const struct whtnxt_model *m);
json_t *whtnxt_model_peers(const struct whtnxt_model *m);

/* Begins: with our id, or with NULL and why the key cannot be used: then no node is started, and
 * while somebody looks the key is asked for again, once a second. */
void whtnxt_model_start(struct whtnxt_model *m, uint64_t now, const struct lp2p_peer_id *id,
                        const char *refused);

/* ---- events ---- */

void whtnxt_model_spawned(struct whtnxt_model *m, uint64_t now, int64_t pid);
/* The node is gone: `sig` it died of, or 0; `detail` when it could not be started, else NULL. */
void whtnxt_model_exited(struct whtnxt_model *m, uint64_t now, int sig, const char *detail);
/* A message that whtnxt_node_msg_decode took in the model's talk; a state is taken over. */
void whtnxt_model_message(struct whtnxt_model *m, uint64_t now, struct whtnxt_node_msg *msg);
/* A line that could not be read: the node is not to be trusted any more. */
void whtnxt_model_bad_message(struct whtnxt_model *m, uint64_t now, int err);
enum whtnxt_talk whtnxt_model_talk(const struct whtnxt_model *m);
/* A line of a renderer; appends the answer line. -LP2P_E_LIMIT, -LP2P_E_NOMEM: hang up. */
int whtnxt_model_request(struct whtnxt_model *m, uint64_t now, struct lp2p_span line,
                         struct lp2p_buf *out);
/* Sees to it that wall times follow a clock that was set. */
void whtnxt_model_wall(struct whtnxt_model *m, uint64_t now, uint64_t wall);
/* Programs were replaced on the disk, or are those that run: shown as restartNeeded. */
void whtnxt_model_upgraded(struct whtnxt_model *m, bool upgraded);
/* Asked to end (signal). */
void whtnxt_model_quit(struct whtnxt_model *m, uint64_t now);
/* One line of main's own for the log. */
void whtnxt_model_log(struct whtnxt_model *m, uint64_t now, enum whtnxt_log_level level,
                      enum whtnxt_cause cause, const char *text);

/* When tick wants to be called, UINT64_MAX: never. */
uint64_t whtnxt_model_deadline(const struct whtnxt_model *m);
void whtnxt_model_tick(struct whtnxt_model *m, uint64_t now);

/* The next thing to do; false when there is none. Give it back with _action_fini. */
bool whtnxt_model_action(struct whtnxt_model *m, struct whtnxt_action *ret);
void whtnxt_action_fini(struct whtnxt_action *a);

#endif
