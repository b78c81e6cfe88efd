/*
 * The messages of the application, one table: name, direction, version, and the states they are
 * allowed in (docs/ipc.md). What is not in the table is refused; a test walks all states against
 * all messages.
 */
#ifndef WHTNXT_IPC_TABLE_H
#define WHTNXT_IPC_TABLE_H

#include "lp2p/types.h"

/* Version of the messages between main and node; each side's hello carries it. */
#define WHTNXT_NODE_PROTOCOL 2U

/* ---- renderer and main ---- */

enum whtnxt_method {
    WHTNXT_METHOD_GET_STATUS = 0,
    WHTNXT_METHOD_CONNECT,
    WHTNXT_METHOD_ANSWER_LINK,
    WHTNXT_METHOD_CANCEL,
    WHTNXT_METHOD_DISCONNECT,
    WHTNXT_METHOD_FORGET,
    WHTNXT_METHOD_BLOCK,
    WHTNXT_METHOD_ALIAS,
    WHTNXT_METHOD_PING,
    WHTNXT_METHOD_GET_PING,
    WHTNXT_METHOD_STOP_PING,
    WHTNXT_METHOD_GET_LOG,
    WHTNXT_METHOD_GET_LINK,
    WHTNXT_METHOD_SETTINGS_GET,
    WHTNXT_METHOD_SETTINGS_SET,
    WHTNXT_METHOD_IDENTITY_GET,
    WHTNXT_METHOD_IDENTITY_NEW,
    WHTNXT_METHOD_IDENTITY_IMPORT,
    WHTNXT_METHOD_IDENTITY_EXPORT,
    WHTNXT_METHOD_GET_VERSION,
    WHTNXT_METHOD_RESTART_NODE, /* after NODE_UNSTABLE, or when restartNeeded */
    WHTNXT_METHOD_QUIT,
    WHTNXT_METHODS
};

/* Kind of a parameter. */
enum whtnxt_param_kind {
    WHTNXT_PARAM_TEXT = 0,
    WHTNXT_PARAM_NUMBER, /* whole, not negative, below 2^53 */
    WHTNXT_PARAM_BOOL,
    WHTNXT_PARAM_ANY, /* the method judges */
};

struct whtnxt_param {
    const char *name; /* NULL: end of the list */
    enum whtnxt_param_kind kind;
    bool required;
    size_t max; /* of text, bytes */
};

#define WHTNXT_PARAMS_MAX 5U

struct whtnxt_method_row {
    enum whtnxt_method method;
    const char *name; /* "p2p:get-status" */
    struct whtnxt_param params[WHTNXT_PARAMS_MAX];
};

const struct whtnxt_method_row *whtnxt_method_row(enum whtnxt_method method);
/* NULL when there is none. */
const struct whtnxt_method_row *whtnxt_method_find(const char *name);

/* ---- main and node ---- */

enum whtnxt_msg {
    /* main to node */
    WHTNXT_MSG_MAIN_HELLO = 0, /* first */
    WHTNXT_MSG_START,          /* second: key, port; once */
    WHTNXT_MSG_CONNECT,
    WHTNXT_MSG_CANCEL,
    WHTNXT_MSG_DISCONNECT,
    WHTNXT_MSG_REFUSE, /* a peer that may not connect, or may again */
    WHTNXT_MSG_PING,   /* begin a series of pings */
    WHTNXT_MSG_UNPING, /* end it, and forget it */
    WHTNXT_MSG_ASK,    /* sign of life, and whether counters are wanted */
    WHTNXT_MSG_QUIT,   /* as end of file: goodbyes, then exit */
    /* node to main */
    WHTNXT_MSG_NODE_HELLO, /* first */
    WHTNXT_MSG_STATE,      /* everything, with a sequence number */
    WHTNXT_MSG_ALIVE,      /* answer to ask */
    WHTNXT_MSG_FATAL,      /* why it is about to exit */
    WHTNXT_MSG_LOG,        /* one line for the log */
    WHTNXT_MSGS
};

enum whtnxt_dir {
    WHTNXT_TO_NODE = 0,
    WHTNXT_TO_MAIN,
};

/*
 * States of the conversation, the same on both sides:
 *
 *   NEW --hello of the other side--> READY --start--> RUNNING --quit--> ENDING
 *
 * Main is READY when it has read the node's hello, and sends start at once. The node is READY when
 * it has read main's hello. FATAL is allowed from NEW on, since a node may fail before anything.
 */
enum whtnxt_talk {
    WHTNXT_TALK_NEW = 0,
    WHTNXT_TALK_READY,
    WHTNXT_TALK_RUNNING,
    WHTNXT_TALK_ENDING,
    WHTNXT_TALKS
};

struct whtnxt_msg_row {
    enum whtnxt_msg msg;
    const char *name; /* value of "t" */
    enum whtnxt_dir dir;
    unsigned allowed; /* bits 1 << enum whtnxt_talk */
};

const struct whtnxt_msg_row *whtnxt_msg_row(enum whtnxt_msg msg);
/* NULL when this direction has no such message. */
const struct whtnxt_msg_row *whtnxt_msg_find(enum whtnxt_dir dir, const char *name);
bool whtnxt_msg_is_allowed(enum whtnxt_msg msg, enum whtnxt_talk talk);

#endif
