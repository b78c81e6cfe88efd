#include "ipc/table.h"

#include <string.h>

#include "base/assert.h"

/* ---- renderer and main ---- */

/* Text of a link or what was pasted around it: whole requests are 64 KiB. */
#define MAX_PASTE 60000U
#define MAX_WORD  64U
#define MAX_PATH  4095U
#define MAX_ADDR  4224U /* LP2P_MULTIADDR_TEXT_SIZE */

#define TEXT(name, required, max)              \
    {                                          \
        name, WHTNXT_PARAM_TEXT, required, max \
    }
#define NUMBER(name, required)                 \
    {                                          \
        name, WHTNXT_PARAM_NUMBER, required, 0 \
    }
#define BOOL(name, required)                 \
    {                                        \
        name, WHTNXT_PARAM_BOOL, required, 0 \
    }
#define ANY(name, required)                 \
    {                                       \
        name, WHTNXT_PARAM_ANY, required, 0 \
    }

static const struct whtnxt_method_row methods[] = {
    {WHTNXT_METHOD_GET_STATUS, "p2p:get-status", {{.name = NULL}}},
    {WHTNXT_METHOD_CONNECT,
     "p2p:connect",
     {TEXT("link", false, MAX_PASTE), TEXT("peerId", false, 128),
      TEXT("multiaddr", false, MAX_ADDR), TEXT("source", false, MAX_WORD),
      NUMBER("timeoutMs", false)}},
    {WHTNXT_METHOD_ANSWER_LINK,
     "p2p:answer-link",
     {NUMBER("id", true), BOOL("connect", true), TEXT("peerId", false, 128)}},
    {WHTNXT_METHOD_CANCEL, "p2p:cancel", {NUMBER("attempt", true)}},
    {WHTNXT_METHOD_DISCONNECT, "p2p:disconnect", {TEXT("peerId", true, 128)}},
    {WHTNXT_METHOD_FORGET, "p2p:forget", {TEXT("peerId", true, 128)}},
    {WHTNXT_METHOD_BLOCK, "p2p:block", {TEXT("peerId", true, 128), BOOL("blocked", false)}},
    {WHTNXT_METHOD_ALIAS, "p2p:set-alias", {TEXT("peerId", true, 128), TEXT("alias", true, 256)}},
    {WHTNXT_METHOD_PING,
     "p2p:ping",
     {TEXT("peerId", true, 128), NUMBER("count", false), NUMBER("intervalMs", false)}},
    {WHTNXT_METHOD_GET_PING, "p2p:get-ping", {NUMBER("ping", true), NUMBER("after", false)}},
    {WHTNXT_METHOD_STOP_PING, "p2p:stop-ping", {NUMBER("ping", true)}},
    {WHTNXT_METHOD_GET_LOG, "p2p:get-log", {NUMBER("after", false)}},
    {WHTNXT_METHOD_GET_LINK, "p2p:get-link", {BOOL("lan", false)}},
    {WHTNXT_METHOD_SETTINGS_GET, "settings:get", {{.name = NULL}}},
    {WHTNXT_METHOD_SETTINGS_SET, "settings:set", {TEXT("key", true, MAX_WORD), ANY("value", true)}},
    {WHTNXT_METHOD_IDENTITY_GET, "identity:get", {{.name = NULL}}},
    {WHTNXT_METHOD_IDENTITY_NEW, "identity:new", {{.name = NULL}}},
    {WHTNXT_METHOD_IDENTITY_IMPORT, "identity:import", {TEXT("path", true, MAX_PATH)}},
    {WHTNXT_METHOD_IDENTITY_EXPORT,
     "identity:export",
     {TEXT("path", true, MAX_PATH), BOOL("force", false), BOOL("base64", false)}},
    {WHTNXT_METHOD_GET_VERSION, "app:get-version", {{.name = NULL}}},
    {WHTNXT_METHOD_RESTART_NODE, "app:restart-node", {{.name = NULL}}},
    {WHTNXT_METHOD_QUIT, "app:quit", {{.name = NULL}}},
};
_Static_assert(LP2P_COUNT(methods) == WHTNXT_METHODS, "a row for each method");

const struct whtnxt_method_row *whtnxt_method_row(enum whtnxt_method method)
{
    LP2P_ASSERT((unsigned)method < WHTNXT_METHODS && methods[method].method == method);
    return &methods[method];
}

const struct whtnxt_method_row *whtnxt_method_find(const char *name)
{
    for (size_t i = 0; i < WHTNXT_METHODS; i++) {
        if (strcmp(methods[i].name, name) == 0) {
            return &methods[i];
        }
    }
    return NULL;
}

/* ---- main and node ---- */

#define IN(talk) (1U << WHTNXT_TALK_##talk)
/* What the node had sent before it read our quit may still come. */
#define AFTER_START (IN(RUNNING) | IN(ENDING))

static const struct whtnxt_msg_row msgs[] = {
    {WHTNXT_MSG_MAIN_HELLO, "hello", WHTNXT_TO_NODE, IN(NEW)},
    {WHTNXT_MSG_START, "start", WHTNXT_TO_NODE, IN(READY)},
    {WHTNXT_MSG_CONNECT, "connect", WHTNXT_TO_NODE, IN(RUNNING)},
    {WHTNXT_MSG_CANCEL, "cancel", WHTNXT_TO_NODE, IN(RUNNING)},
    {WHTNXT_MSG_DISCONNECT, "disconnect", WHTNXT_TO_NODE, IN(RUNNING)},
    {WHTNXT_MSG_REFUSE, "refuse", WHTNXT_TO_NODE, IN(RUNNING)},
    {WHTNXT_MSG_PING, "ping", WHTNXT_TO_NODE, IN(RUNNING)},
    {WHTNXT_MSG_UNPING, "unping", WHTNXT_TO_NODE, IN(RUNNING)},
    {WHTNXT_MSG_ASK, "ask", WHTNXT_TO_NODE, IN(READY) | IN(RUNNING)},
    {WHTNXT_MSG_QUIT, "quit", WHTNXT_TO_NODE, IN(READY) | IN(RUNNING)},
    {WHTNXT_MSG_NODE_HELLO, "hello", WHTNXT_TO_MAIN, IN(NEW)},
    {WHTNXT_MSG_STATE, "state", WHTNXT_TO_MAIN, AFTER_START},
    {WHTNXT_MSG_ALIVE, "alive", WHTNXT_TO_MAIN, IN(READY) | AFTER_START},
    {WHTNXT_MSG_FATAL, "fatal", WHTNXT_TO_MAIN, IN(NEW) | IN(READY) | AFTER_START},
    {WHTNXT_MSG_LOG, "log", WHTNXT_TO_MAIN, IN(READY) | AFTER_START},
};
_Static_assert(LP2P_COUNT(msgs) == WHTNXT_MSGS, "a row for each message");

const struct whtnxt_msg_row *whtnxt_msg_row(enum whtnxt_msg msg)
{
    LP2P_ASSERT((unsigned)msg < WHTNXT_MSGS && msgs[msg].msg == msg);
    return &msgs[msg];
}

const struct whtnxt_msg_row *whtnxt_msg_find(enum whtnxt_dir dir, const char *name)
{
    for (size_t i = 0; i < WHTNXT_MSGS; i++) {
        if (msgs[i].dir == dir && strcmp(msgs[i].name, name) == 0) {
            return &msgs[i];
        }
    }
    return NULL;
}

bool whtnxt_msg_is_allowed(enum whtnxt_msg msg, enum whtnxt_talk talk)
{
    return (whtnxt_msg_row(msg)->allowed & (1U << talk)) != 0;
}
