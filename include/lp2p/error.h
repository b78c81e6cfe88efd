/*
 * The one list of errors. Functions that can fail return 0 or `-LP2P_E_...`; there is no second
 * list in the library.
 *
 * What a user reads is a cause (app/ipc), derived from one of these and the stage it happened in.
 */
#ifndef LP2P_ERROR_H
#define LP2P_ERROR_H

#include "lp2p/types.h"

LP2P_BEGIN_DECLS

/* X(name, text). New errors go at the end: the numbers are part of the interface. */
#define LP2P_ERRORS(X)                                                  \
    X(NOMEM, "out of memory")                                           \
    X(AGAIN, "not now: try again after the next event")                 \
    X(INVAL, "the caller passed something invalid")                     \
    X(STATE, "not allowed in this state")                               \
    X(LIMIT, "a limit is reached")                                      \
    X(DECODE, "malformed data")                                         \
    X(TRUNCATED, "the data ends too early")                             \
    X(TOO_LONG, "longer than allowed")                                  \
    X(UNSUPPORTED, "not supported")                                     \
    X(PROTO, "the peer broke the protocol")                             \
    X(AUTH, "a signature or a message authentication code is wrong")    \
    X(PEER_ID, "the peer proved another peer id than the expected one") \
    X(NEGOTIATION, "no protocol in common")                             \
    X(EOF, "the other side ended the data")                             \
    X(RESET, "reset by the other side")                                 \
    X(CLOSED, "closed")                                                 \
    X(GOAWAY, "the peer wants no new streams")                          \
    X(DECLINED, "the peer declined the connection")                     \
    X(CANCELLED, "cancelled")                                           \
    X(TIMEOUT, "timed out")                                             \
    X(REFUSED, "connection refused")                                    \
    X(UNREACHABLE, "host or network unreachable")                       \
    X(NO_NETWORK, "no network interface is up")                         \
    X(NO_ADDRESS, "no address to dial")                                 \
    X(FILTERED, "the address may not be dialed")                        \
    X(SELF, "that is our own peer id")                                  \
    X(BLOCKED, "the peer is blocked")                                   \
    X(ADDR_IN_USE, "the address is in use")                             \
    X(ADDR_NOT_AVAIL, "the address is not available")                   \
    X(NOT_FOUND, "not found")                                           \
    X(EXISTS, "exists already")                                         \
    X(PERM, "permission denied")                                        \
    X(NO_FDS, "no file descriptor left")                                \
    X(IO, "input or output failed")                                     \
    X(VERSION, "a version that is not understood")                      \
    X(CRYPTO, "the crypto library failed")                              \
    X(ABUSE, "the peer spent its budget of useless frames")             \
    X(INTERNAL, "internal error")

enum lp2p_error {
    LP2P_OK = 0,
#define X(name, text) LP2P_E_##name,
    LP2P_ERRORS(X)
#undef X
        LP2P_E_COUNT
};

/* Who is to blame for the end of a connection or stream. */
enum lp2p_error_class {
    LP2P_CLASS_NONE = 0,
    LP2P_CLASS_LOCAL,  /* nothing was said on the wire: time-out, cancelled, out of memory */
    LP2P_CLASS_OURS,   /* we told the peer, with `wire` */
    LP2P_CLASS_THEIRS, /* the peer told us, with `wire` */
};

/* Why a connection or a stream ended. */
struct lp2p_failure {
    int code;                     /* -LP2P_E_..., 0 while nothing failed */
    enum lp2p_error_class class_; /* who */
    uint32_t wire;                /* code on the wire: GoAway or reset code, 0 if none */
    const char *where;            /* stage or engine, a constant string: "noise", "yamux", "dial" */
};

/* Name of an error without the prefix ("TIMEOUT"); takes the code with either sign. Static string,
 * never NULL. */
LP2P_API const char *lp2p_error_name(int code);

/* One sentence for a developer; takes the code with either sign. Static string, never NULL. */
LP2P_API const char *lp2p_error_text(int code);

LP2P_END_DECLS

#endif
