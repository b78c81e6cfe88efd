/*
 * One stream of a check: sends a number of patterned bytes, reads a number, tells when both are
 * through.
 */
#ifndef LP2P_INTEROP_FLOW_H
#define LP2P_INTEROP_FLOW_H

#include "interop.h"

#include <openssl/evp.h>

struct flow {
    struct lp2p_stream *stream; /* NULL: over */
    uint64_t to_send;           /* bytes of the whole stream that may go out so far */
    uint64_t sent;
    uint64_t to_read; /* bytes of the whole stream that are waited for */
    uint64_t read;
    bool close;  /* FIN when all is sent */
    bool closed; /* FIN is out */
    bool want_eof;
    bool eof;
    bool check; /* echo: what comes back is what went out */
    bool mismatch;
    uint8_t head[8]; /* sent before the pattern, head_len bytes of it */
    size_t head_len;
    uint8_t last[40];    /* the last bytes that came, newest at the end */
    EVP_MD_CTX *sha_out; /* of the pattern, if not NULL */
    EVP_MD_CTX *sha_in;  /* of all but the last 32 bytes, if not NULL */
    uint64_t hashed;
    void (*on_done)(struct flow *f); /* all sent and read, and the end if it is wanted */
    void (*on_over)(struct flow *f, const struct lp2p_failure *why); /* ended before that */
    bool told;
    void *user;
};

/* Opens; the fields that say what to do are set. 0 or -LP2P_E_... */
int flow_open(struct flow *f, struct node *n, const struct lp2p_peer_id *peer,
              const char *protocol);
/* After to_send, to_read, close or want_eof grew: goes on. */
void flow_more(struct flow *f);
/* Ends it without being told. */
void flow_drop(struct flow *f);

#endif
