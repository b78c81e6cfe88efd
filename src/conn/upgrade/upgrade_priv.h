/*
 * The connection: what its source files share. upgrade.c: life and the table of struct lp2p_conn;
 * negotiate.c: the steps from the first byte to UP; flow.c: input, events, output and streams.
 */
#ifndef LP2P_CONN_UPGRADE_PRIV_H
#define LP2P_CONN_UPGRADE_PRIV_H

#include "conn/upgrade/upgrade.h"
#include "proto/multistream/multistream.h"

enum lp2p_upgrade_stage {
    LP2P_UPGRADE_ST_NEGOTIATING, /* multistream for security */
    LP2P_UPGRADE_ST_SECURING,    /* Noise handshake */
    LP2P_UPGRADE_ST_MUXING,      /* multistream for the muxer, inside Noise */
    LP2P_UPGRADE_ST_UP,
};

struct lp2p_upgrade {
    struct lp2p_conn conn; /* first: what the layer above holds */
    struct lp2p_upgrade_host *host;
    enum lp2p_conn_role role;
    enum lp2p_upgrade_stage stage;
    struct lp2p_failure failure;
    struct lp2p_scope *scope;
    struct lp2p_obuf obuf;
    bool starved;         /* output waits for a block of the pool */
    bool writer_starved;  /* so does a stream that wants to write */
    lp2p_ts seen;         /* the time of the last turn */
    struct lp2p_mss *mss; /* only while it negotiates */
    struct lp2p_noise noise;
    bool has_noise;
    struct lp2p_yamux *yamux; /* NULL before UP */
    struct lp2p_peer_id expected;

    /* Events not pulled yet. */
    const uint8_t *need_dh;
    const struct lp2p_peer_id *secured;
    bool up;

    /* Plaintext of the last record that the layer above Noise has not taken: in the bytes given to
     * recv, or, when the events are all pulled and it still cannot be taken, in `kept`. */
    struct lp2p_mspan plain;
    uint8_t *kept;
    size_t kept_size;

    bool goaway_seen;
    uint32_t goaway_code;
};

static inline struct lp2p_upgrade *lp2p_upgrade_of(struct lp2p_conn *c)
{
    return (struct lp2p_upgrade *)(void *)c;
}

static inline const struct lp2p_upgrade *lp2p_upgrade_of_const(const struct lp2p_conn *c)
{
    return (const struct lp2p_upgrade *)(const void *)c;
}

/* Makes the first error sticky and returns it. `why` is the engine's record, or NULL. */
int lp2p_upgrade_fail(struct lp2p_upgrade *u, int code, const struct lp2p_failure *why);

/* negotiate.c */

/* Starts: the dialer's first flight is in the output behind it. */
int lp2p_upgrade_start(struct lp2p_upgrade *u);

/* Moves what the engines have for each other until nothing moves. The error is sticky. */
int lp2p_upgrade_pump(struct lp2p_upgrade *u, lp2p_ts now);

/* Gives input to multistream; its answers are in the output behind it, on errors too. */
int lp2p_upgrade_feed_mss(struct lp2p_upgrade *u, lp2p_ts now, struct lp2p_span in,
                          size_t *ret_used);

void lp2p_upgrade_drop_mss(struct lp2p_upgrade *u);

/* flow.c: the members of struct lp2p_conn_ops that move bytes. */

int lp2p_upgrade_recv(struct lp2p_conn *c, lp2p_ts now, uint8_t *bytes, size_t n, size_t *ret_used);
size_t lp2p_upgrade_want(const struct lp2p_conn *c, const uint8_t *bytes, size_t n);
void lp2p_upgrade_recv_eof(struct lp2p_conn *c, lp2p_ts now);
bool lp2p_upgrade_event(struct lp2p_conn *c, lp2p_ts now, struct lp2p_conn_event *ret);
struct lp2p_span lp2p_upgrade_out(struct lp2p_conn *c);
void lp2p_upgrade_out_done(struct lp2p_conn *c, lp2p_ts now, size_t n);
int lp2p_upgrade_give_dh(struct lp2p_conn *c, lp2p_ts now, const uint8_t shared[LP2P_SIZE(32)]);
int lp2p_upgrade_write(struct lp2p_conn *c, lp2p_ts now, struct lp2p_conn_stream *s,
                       struct lp2p_span bytes, size_t *ret_n);

/* Gives back the copy of plaintext that could not be taken, when it was taken or is not needed. */
void lp2p_upgrade_drop_kept(struct lp2p_upgrade *u);

#endif
