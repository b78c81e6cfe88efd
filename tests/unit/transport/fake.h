/*
 * A world for transport/wire in a box: a clock that is turned by hand, a byte stream that follows a
 * script, and an engine of one-byte-length records that does as the records say.
 *
 *   record:  length (1 byte, 1..255) and payload; the payload's first byte is an order:
 *     'd'      DATA event with the rest
 *     'o' n    n * 100 bytes of output
 *     'n'      NEED_DH: no input is taken until it is answered
 *     'x'      fails with PROTO (ours), goodbye "bye"
 *     'g'      GOAWAY event; the end of the stream is in order afterwards
 */
#ifndef LP2P_TESTS_TRANSPORT_FAKE_H
#define LP2P_TESTS_TRANSPORT_FAKE_H

#include "env/timers.h"
#include "transport/wire_priv.h"

#define FAKE_OUT_MAX 65536U

struct fake_env {
    struct lp2p_env env;
    struct lp2p_timers timers;
    lp2p_ts now;
};

struct fake_io {
    struct lp2p_io io;
    const struct lp2p_io_events *events;
    void *ctx;
    bool want_read;
    bool want_write;
    /* what the peer sends */
    const uint8_t *in;
    size_t in_n;
    size_t in_off;
    size_t chunk; /* most bytes one read gives; 0: all */
    int in_end;   /* error after the last byte; -LP2P_E_AGAIN: silence */
    /* what the peer gets */
    uint8_t out[4 * FAKE_OUT_MAX];
    size_t out_n;
    size_t out_room; /* bytes it takes before it is full */
    int out_err;     /* error of every write, 0: none */
    unsigned writes;
    bool shut;
    bool closed;
    bool aborted;
};

struct fake_conn {
    struct lp2p_conn conn;
    struct lp2p_failure failure;
    uint8_t out[FAKE_OUT_MAX];
    size_t out_n;
    size_t out_off;
    size_t out_limit;          /* input is refused while more output waits */
    struct lp2p_conn_event ev; /* at most one waits */
    bool need_dh;
    bool goaway_seen;
    lp2p_ts deadline;
    int ticks;
    uint32_t goaway; /* code said by us */
    int freed;
};

struct fake {
    struct fake_env env;
    struct fake_io io;
    struct fake_conn conn;
    struct lp2p_scope scope;
    struct lp2p_wire_host host;
    struct lp2p_carrier *carrier;
    int made;
    int make_err;
    /* what the owner saw */
    int connected;
    int events;
    char data[4096]; /* of DATA events, joined */
    size_t data_n;
    int closed;
    struct lp2p_failure why;
    /* what the owner does */
    int abort_at;        /* abort in the n-th callback; 0: never */
    int close_at;        /* the same with close */
    int callbacks;       /* so far */
    bool answer_at_once; /* NEED_DH inside the event */
};

void fake_init(struct fake *f, const struct lp2p_mem *mem);
/* Makes the wire; `dial`: it is connecting. */
int fake_start(struct fake *f, bool dial);
/* Ends it if it is still there and checks that nothing is left. */
void fake_fini(struct fake *f);

/* Runs tasks, timers and the io until nothing moves. */
void fake_run(struct fake *f);
/* Lets time pass, in steps no longer than to the next timer. */
void fake_pass(struct fake *f, lp2p_ts time);

void fake_feed(struct fake *f, const void *bytes, size_t n, int end);

#endif
