/*
 * WhatNext links (DESIGN 6):
 *
 *     whtnxt://connect/<peer id>[/][?relay=<multiaddr>&addr=<multiaddr>&name=<text>...]
 *
 * One strict parser says yes or no to a whole link; what comes from the operating system goes
 * there. In front of it stands a finder for text that people paste: mail, chat, redirects. Nothing
 * here dials, resolves or remembers, and nothing repairs a peer id: ids have no checksum, so a
 * guess would be somebody else.
 *
 * Scheme and `connect` may be in any case. User, port, fragment and further path are refused, other
 * actions are LINK_NEWER, unknown parameters are ignored. Values are percent-decoded once; `+` is a
 * plus.
 */
#ifndef WHTNXT_LINK_LINK_H
#define WHTNXT_LINK_LINK_H

#include "lp2p/multiaddr.h"

/* Longest link: what fits a chat message and a QR code many times over. */
#define WHTNXT_LINK_MAX 2048U
/* Relays and addresses of one link; more are ignored. */
#define WHTNXT_LINK_MAX_RELAYS 4U
#define WHTNXT_LINK_MAX_ADDRS  4U
/* A person's name with its NUL; longer ones are cut. */
#define WHTNXT_LINK_NAME_SIZE 65U
/* Pasted text that is searched: a long mail. The rest is not looked at. */
#define WHTNXT_LINK_MAX_PASTE 16384U

struct whtnxt_link {
    struct lp2p_peer_id id;
    struct lp2p_multiaddr relays[WHTNXT_LINK_MAX_RELAYS]; /* may end in /p2p/<relay> */
    struct lp2p_multiaddr addrs[WHTNXT_LINK_MAX_ADDRS];   /* without /p2p/<id> */
    size_t n_relays;
    size_t n_addrs;
    size_t bad_relays;                /* relay= that was not understood: the note LINK_BAD_RELAY */
    size_t bad_addrs;                 /* addr= that was not understood or is another peer's */
    char name[WHTNXT_LINK_NAME_SIZE]; /* fit to be shown; "" when there is none */
};

/* Why a link was refused; the names of the causes in ipc/cause.h. */
enum whtnxt_link_error {
    WHTNXT_LINK_OK = 0,
    WHTNXT_LINK_NOT_FOUND, /* no link in the text, or it does not begin with whtnxt:// */
    WHTNXT_LINK_NO_ID,
    WHTNXT_LINK_NO_PEER,  /* LINK_NO_ID: a multiaddr without /p2p/<id> at its end */
    WHTNXT_LINK_SYNTAX,   /* also: longer than WHTNXT_LINK_MAX */
    WHTNXT_LINK_MISSPELT, /* LINK_SYNTAX: an action that is nearly `connect` */
    WHTNXT_LINK_BAD_CHAR, /* LINK_BAD_ID: a character that no id has, at `position` */
    WHTNXT_LINK_CUT,      /* LINK_BAD_ID: the wrong length */
    WHTNXT_LINK_LOWERED,  /* LINK_BAD_ID: an id that has lost its capitals */
    WHTNXT_LINK_DAMAGED,  /* LINK_BAD_ID: wrong header, or no key anybody can have */
    WHTNXT_LINK_NEWER,    /* an action we do not know */
};

struct whtnxt_link_fault {
    enum whtnxt_link_error error;
    size_t position; /* BAD_CHAR: which character of the link, from 1; else 0 */
};

/* What a user gave to `connect`. */
enum whtnxt_link_kind {
    WHTNXT_LINK_KIND_LINK = 0,
    WHTNXT_LINK_KIND_PEER_ID,   /* the id alone */
    WHTNXT_LINK_KIND_MULTIADDR, /* ending in /p2p/<id>; the address is in `addrs` */
};

/* The strict parser: `text` is a link and nothing else. -LP2P_E_DECODE, and why in `*ret_fault`. */
int whtnxt_link_parse(const char *text, size_t n, struct whtnxt_link *ret,
                      struct whtnxt_link_fault *ret_fault);

/*
 * Finds the first link in text that a person pasted (JOURNEY R2): surrounding words, quotes, `<>`,
 * trailing punctuation, `whtnxt:connect/...`, zero-width characters and line breaks inside,
 * redirects of chat and mail programs. -LP2P_E_DECODE: what is wrong with the first link that is
 * there; LINK_NOT_FOUND when there is none. Positions count in the link as it reads without what
 * was around and between.
 */
int whtnxt_link_find(const char *text, size_t n, struct whtnxt_link *ret,
                     struct whtnxt_link_fault *ret_fault);

/* As find, and takes a bare peer id and a bare multiaddr too; says which it was. */
int whtnxt_link_read(const char *text, size_t n, struct whtnxt_link *ret,
                     enum whtnxt_link_kind *ret_kind, struct whtnxt_link_fault *ret_fault);

/*
 * Prints the link with a NUL: the shortest true form, the id in base58, addresses raw where a link
 * allows it. `bad_relays` and `bad_addrs` are not looked at. -LP2P_E_TOO_LONG above
 * WHTNXT_LINK_MAX.
 */
int whtnxt_link_format(const struct whtnxt_link *link, char text[LP2P_SIZE(WHTNXT_LINK_MAX + 1U)],
                       size_t *ret_len);

/* "LINK_NOT_FOUND", "LINK_BAD_ID", ...: the stable code. Static string. */
const char *whtnxt_link_error_code(enum whtnxt_link_error error);

#endif
