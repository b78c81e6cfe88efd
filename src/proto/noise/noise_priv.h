/* What the files of proto/noise share. */
#ifndef LP2P_PROTO_NOISE_PRIV_H
#define LP2P_PROTO_NOISE_PRIV_H

#include "proto/noise/handshake.h"
#include "proto/noise/noise.h"

enum noise_state {
    NOISE_ST_START,   /* nothing said */
    NOISE_ST_SENT_E,  /* initiator: wants message 2 */
    NOISE_ST_WAIT_E,  /* responder: wants message 1 */
    NOISE_ST_NEED_DH, /* wants the answer, no input */
    NOISE_ST_WAIT_S,  /* responder: wants message 3 */
    NOISE_ST_OPEN,
    NOISE_ST_FAILED,
};

/* Bits of lp2p_noise.pending. */
#define NOISE_PENDING_NEED_DH 1U
#define NOISE_PENDING_SECURED 2U
#define NOISE_PENDING_DATA    4U

/* Of a record. */
#define NOISE_HEADER_SIZE 2U

struct lp2p_noise_state {
    struct lp2p_noise_handshake hs;
};

/* Makes the failure sticky, lets go of the streaming seal; returns the code. */
int lp2p_noise_fail(struct lp2p_noise *e, int code);

/* Closes whoever's record is open in the crypto table, so that the caller may seal. */
void lp2p_noise_take_sealer(struct lp2p_noise *e);

/* Gives up an open record and takes its bytes out of the output: the connection ends. */
void lp2p_noise_drop_record(struct lp2p_noise *e);

/* Decrypts one transport record; makes DATA pending unless it is empty. */
int lp2p_noise_open_record(struct lp2p_noise *e, struct lp2p_mspan msg);

#endif
