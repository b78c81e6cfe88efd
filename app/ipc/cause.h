/*
 * Causes: what a user reads when something did not work. Each has a stable code, the same in the
 * command line, in JSON and in the log, one sentence, a hint what to do, and the exit status of a
 * program that ends because of it.
 *
 * One table (cause.c) maps an error of the library and the stage it happened in to a cause; nothing
 * else does. Several causes may share a code: the sentence differs, the meaning for a script does
 * not.
 */
#ifndef WHTNXT_IPC_CAUSE_H
#define WHTNXT_IPC_CAUSE_H

#include "base/span.h"

/* Longest sentence with its arguments filled in, and its NUL. Longer ones are cut. */
#define WHTNXT_CAUSE_TEXT_SIZE 512U
/* Exit status of notes: they end nothing. */
#define WHTNXT_EXIT_NONE (-1)

/*
 * X(name, code, exit status, text, what to do).
 * In a text {name} is the other person, {n} a number, {host} a DNS name, {relay} a relay, {port} a
 * port, {detail} a free word; {s} is "s" unless n is 1; {more} is the detail with a space in front,
 * or nothing.
 */
#define WHTNXT_CAUSES(X)                                                                           \
    X(NONE, "", 0, "", "")                                                                         \
    X(LINK_NOT_FOUND, "LINK_NOT_FOUND", 2, "That text has no WhatNext link.",                      \
      "A link looks like this: whtnxt://connect/12D3KooW...")                                      \
    X(LINK_BAD_CHAR, "LINK_BAD_ID", 2, "Character {n} of this link cannot be right.",              \
      "Ask for it again.")                                                                         \
    X(LINK_CUT, "LINK_BAD_ID", 2, "This link looks cut off.", "Ask for it again.")                 \
    X(LINK_LOWERED, "LINK_BAD_ID", 2, "The capital letters of this link were lost on the way.",    \
      "Ask for it again.")                                                                         \
    X(LINK_DAMAGED, "LINK_BAD_ID", 2, "This link is damaged.", "Ask for it again.")                \
    X(LINK_NO_ID, "LINK_NO_ID", 2, "This link has no address in it.",                              \
      "A link looks like this: whtnxt://connect/12D3KooW...")                                      \
    X(LINK_NO_PEER, "LINK_NO_ID", 2, "This address has no peer id at its end (/p2p/12D3KooW...).", \
      "")                                                                                          \
    X(LINK_SYNTAX, "LINK_SYNTAX", 2, "This link is not written correctly.",                        \
      "A link looks like this: whtnxt://connect/12D3KooW...")                                      \
    X(LINK_MISSPELT, "LINK_SYNTAX", 2,                                                             \
      "This link is not written correctly: did you mean whtnxt://connect/...?", "")                \
    X(LINK_NEWER, "LINK_NEWER", 2, "This link was made by a newer WhatNext.", "Update WhatNext.")  \
    X(LINK_OWN, "LINK_OWN", 2, "This is your own link. Send it to the other person.", "")          \
    X(LINK_BAD_RELAY, "LINK_BAD_RELAY", WHTNXT_EXIT_NONE,                                          \
      "The relay in this link is not understood. Trying without it.", "")                          \
    X(LINK_ADDR_SKIPPED, "LINK_ADDR_SKIPPED", WHTNXT_EXIT_NONE,                                    \
      "An address in this link was not tried: it points into your own computer or network.", "")   \
    X(ALREADY_CONNECTED, "ALREADY_CONNECTED", 0, "You are already connected to {name}.", "")       \
    X(MAIN_DOWN, "MAIN_DOWN", 3, "WhatNext is not running.", "Start it with: whtnxt up")           \
    X(NODE_STARTING, "NODE_STARTING", 3, "Starting the network part...", "Wait a moment.")         \
    X(NODE_DOWN, "NODE_DOWN", 3, "The network part stopped and is being restarted.",               \
      "Wait a moment.")                                                                            \
    X(NODE_SILENT, "NODE_DOWN", 3, "The network part does not answer.", "Wait a moment.")          \
    X(NODE_VERSION, "NODE_VERSION", 3, "WhatNext was updated; restart it.",                        \
      "whtnxt down && whtnxt up")                                                                  \
    X(NODE_UNSTABLE, "NODE_UNSTABLE", 3,                                                           \
      "The network part crashed several times and was stopped.{more}",                             \
      "Start it again: whtnxt down && whtnxt up")                                                  \
    X(NODE_MISSING, "NODE_MISSING", 3, "The network part (whtnxt-node) cannot be started.{more}",  \
      "Install WhatNext again.")                                                                   \
    X(NODE_STOPPED, "NODE_STOPPED", 3, "The network part is stopped.", "whtnxt down && whtnxt up") \
    X(NO_NETWORK, "NO_NETWORK", 1, "This computer is offline.", "Retries by itself.")              \
    X(NOT_ON_LAN_NO_RELAY, "NOT_ON_LAN_NO_RELAY", 4,                                               \
      "{name} is not on this network and the link has no relay.",                                  \
      "Is WhatNext running there, on this network? Where networks hide computers from each "       \
      "other: whtnxt link --lan.")                                                                 \
    X(RELAY_UNREACHABLE, "RELAY_UNREACHABLE", 1,                                                   \
      "Relay {relay} does not answer (from here). Your network may block it.",                     \
      "Try another relay.")                                                                        \
    X(PEER_OFFLINE, "PEER_OFFLINE", 4,                                                             \
      "{name} is not online at relay {relay}. Will connect when they appear.", "")                 \
    X(PEER_ID_MISMATCH, "PEER_ID_MISMATCH", 1,                                                     \
      "Someone else answered. Not connected, for your safety.", "Ask for the link again.")         \
    X(HANDSHAKE_TIMEOUT, "HANDSHAKE_TIMEOUT", 5, "{name} was found but does not answer.",          \
      "Try again.")                                                                                \
    X(INCOMPATIBLE, "INCOMPATIBLE", 1, "{name} runs a version that cannot talk to yours.",         \
      "Update both sides.")                                                                        \
    X(DECLINED, "DECLINED", 1, "{name} declined.",                                                 \
      "They ended it, or blocked you; ask them to connect to you.")                                \
    X(PEER_UNREACHABLE, "PEER_UNREACHABLE", 1, "{name} does not answer at any known address.", "") \
    X(LAN_FIREWALL, "LAN_FIREWALL", 1,                                                             \
      "{name} is on this network but a firewall blocks it (port {port}).",                         \
      "Allow incoming TCP on that port there.")                                                    \
    X(DNS_FAILED, "DNS_FAILED", 4, "The name {host} in this link cannot be found.", "")            \
    X(CANCELLED, "CANCELLED", 1, "Cancelled.", "")                                                 \
    X(TIMED_OUT, "TIMED_OUT", 5, "No connection within {n} second{s}.{more}", "Try again.")        \
    X(LIMIT_REACHED, "LIMIT_REACHED", 1, "Too many {detail} at once ({n}).", "")                   \
    X(CONNECTION_LOST, "CONNECTION_LOST", 1, "The connection to {name} broke.", "Try again.")      \
    X(INTERNAL, "INTERNAL", 1, "Something went wrong inside WhatNext ({detail}).", "See the log.") \
    X(KEY_REFUSED, "KEY_REFUSED", 1, "Your identity key cannot be used: {detail}", "")             \
    X(IDENTITY_REFUSED, "IDENTITY_REFUSED", 1, "{detail}", "")                                     \
    X(IDENTITY_EXISTS, "IDENTITY_EXISTS", 1, "{detail}",                                           \
      "Choose another name, or replace it: --force")                                               \
    X(IDENTITY_PATH, "IDENTITY_PATH", 2, "The path of a key file begins with a /.", "")            \
    X(STORE_REFUSED, "STORE_REFUSED", 1, "{detail}", "")                                           \
    X(PEER_UNKNOWN, "PEER_UNKNOWN", 1, "There is no such peer.", "")                               \
    X(PEER_BLOCKED, "PEER_BLOCKED", 1, "You have blocked {name}.", "Unblock first.")               \
    X(NOT_CONNECTED, "NOT_CONNECTED", 1, "You are not connected to {name}.", "")                   \
    X(PING_TIMED_OUT, "TIMED_OUT", 5, "{name} does not answer pings in time.", "Try again.")       \
    X(PING_REFUSED, "PING_REFUSED", 1, "{name} does not answer pings.", "")                        \
    X(PING_USAGE, "PING_USAGE", 2, "Pings go out every 0.1 s to 1 hour, at most {n} of them.", "") \
    X(PING_UNKNOWN, "PING_UNKNOWN", 1, "There is no such series of pings any more.", "")           \
    X(ATTEMPT_UNKNOWN, "ATTEMPT_UNKNOWN", 1, "There is no such attempt, or it has ended.", "")     \
    X(QUESTION_UNKNOWN, "QUESTION_UNKNOWN", 1, "There is no such question any more.", "")          \
    X(SETTING_UNKNOWN, "SETTING_REFUSED", 2, "There is no setting {name}.",                        \
      "All of them: whtnxt settings")                                                              \
    X(SETTING_REFUSED, "SETTING_REFUSED", 2, "The setting {name} takes {detail}.", "")             \
    X(SETTINGS_LOCKED, "SETTINGS_LOCKED", 1,                                                       \
      "The settings were written by a newer WhatNext and are not changed.", "Update WhatNext.")

enum whtnxt_cause {
#define X(name, code, status, text, action) WHTNXT_CAUSE_##name,
    WHTNXT_CAUSES(X)
#undef X
        WHTNXT_CAUSE_COUNT
};

/* How far a try had come: the second half of the table's key. */
enum whtnxt_cause_stage {
    WHTNXT_AT_ATTEMPT = 0, /* not of one path: the attempt as a whole */
    WHTNXT_AT_LOOK,        /* waiting for discovery */
    WHTNXT_AT_RESOLVE,     /* a DNS name */
    WHTNXT_AT_DIAL,        /* reaching an address */
    WHTNXT_AT_DIAL_LAN, /* the same for one that mDNS found: it is here, but does not let us in */
    WHTNXT_AT_SECURE,   /* negotiation, Noise, muxer */
    WHTNXT_AT_IDENTIFY, /* authenticated */
    WHTNXT_AT_PING,     /* connected, and asked for an echo */
    WHTNXT_AT_STAGES
};

/* What the sentences need; all may be left out. */
struct whtnxt_cause_args {
    const char *name;
    const char *host;
    const char *relay;
    const char *detail;
    uint64_t n;
    uint16_t port;
};

/* The cause of an error of the library, with either sign. Never NONE unless `err` is 0. */
enum whtnxt_cause whtnxt_cause_of(int err, enum whtnxt_cause_stage stage);

/* The stage an engine or stage of the library belongs to (struct lp2p_failure, `where`); `where`
 * may be NULL. */
enum whtnxt_cause_stage whtnxt_cause_stage_of(const char *where);

/* "PEER_UNREACHABLE"; static. */
const char *whtnxt_cause_code(enum whtnxt_cause cause);
/* The first cause with this code, NONE when there is none. */
enum whtnxt_cause whtnxt_cause_find(const char *code);
/* Exit status for a program; WHTNXT_EXIT_NONE for notes. CANCELLED by Ctrl+C is 130 instead. */
int whtnxt_cause_exit(enum whtnxt_cause cause);
bool whtnxt_cause_is_note(enum whtnxt_cause cause);
/* What the user can do, or ""; static. */
const char *whtnxt_cause_action(enum whtnxt_cause cause);

/* Writes the sentence with a NUL, cut at a character border when it is too long. `args` may be
 * NULL. Returns its length. */
size_t whtnxt_cause_text(enum whtnxt_cause cause, const struct whtnxt_cause_args *args,
                         char text[LP2P_SIZE(WHTNXT_CAUSE_TEXT_SIZE)]);

#endif
