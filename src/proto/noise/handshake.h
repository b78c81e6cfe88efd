/*
 * The three messages of Noise_XX_25519_ChaChaPoly_SHA256 (Noise specification 7.5), with opaque
 * payloads and without the 2-byte length:
 *
 *     1  ->  e                    initiator: write_1            responder: read_1
 *     2  <-  e, ee, s, es         responder: begin_2, write_2   initiator: read_2
 *     3  ->  s, se                initiator: write_3            responder: read_3
 *
 * The secret half of the static key is elsewhere: its two products, es of the responder and se of
 * the initiator, are handed in. The ephemeral secret is here and wiped with the state. A step that
 * fails leaves the state of no use.
 */
#ifndef LP2P_PROTO_NOISE_HANDSHAKE_H
#define LP2P_PROTO_NOISE_HANDSHAKE_H

#include "proto/noise/symmetric.h"

#define LP2P_NOISE_E_SIZE 32U                        /* a public key in the clear */
#define LP2P_NOISE_S_SIZE (32U + LP2P_AEAD_TAG_SIZE) /* one encrypted */

/* Sizes of the messages without their payload. */
#define LP2P_NOISE_MSG1_SIZE LP2P_NOISE_E_SIZE
#define LP2P_NOISE_MSG2_SIZE (LP2P_NOISE_E_SIZE + LP2P_NOISE_S_SIZE + LP2P_AEAD_TAG_SIZE)
#define LP2P_NOISE_MSG3_SIZE (LP2P_NOISE_S_SIZE + LP2P_AEAD_TAG_SIZE)

struct lp2p_noise_handshake {
    struct lp2p_noise_symmetric sym;
    const struct lp2p_random *random;
    uint8_t s_public[32]; /* ours */
    uint8_t e_secret[32];
    uint8_t e_public[32];
    uint8_t re[32];                      /* theirs */
    uint8_t rs[32];                      /* theirs, known after message 2 or 3 */
    uint8_t sealed_s[LP2P_NOISE_S_SIZE]; /* responder: from begin_2 to write_2 */
};

int lp2p_noise_hs_init(struct lp2p_noise_handshake *hs, const struct lp2p_crypto *crypto,
                       const struct lp2p_random *random, const uint8_t s_public[LP2P_SIZE(32)],
                       struct lp2p_span prologue);

/* `out` has the message's size and payload.n. */
int lp2p_noise_write_1(struct lp2p_noise_handshake *hs, struct lp2p_span payload, uint8_t *out);

/* `msg` has at least the message's size; is decrypted in place; `*ret_payload` points into it.
 * -LP2P_E_AUTH. */
int lp2p_noise_read_1(struct lp2p_noise_handshake *hs, struct lp2p_mspan msg,
                      struct lp2p_span *ret_payload);

/* All of message 2 that needs no static secret. -LP2P_E_AUTH when the peer's point is of small
 * order, so that es cannot be. */
int lp2p_noise_begin_2(struct lp2p_noise_handshake *hs);
int lp2p_noise_write_2(struct lp2p_noise_handshake *hs, const uint8_t es[LP2P_SIZE(32)],
                       struct lp2p_span payload, uint8_t *out);
int lp2p_noise_read_2(struct lp2p_noise_handshake *hs, struct lp2p_mspan msg,
                      struct lp2p_span *ret_payload);

int lp2p_noise_write_3(struct lp2p_noise_handshake *hs, const uint8_t se[LP2P_SIZE(32)],
                       struct lp2p_span payload, uint8_t *out);
int lp2p_noise_read_3(struct lp2p_noise_handshake *hs, struct lp2p_mspan msg,
                      struct lp2p_span *ret_payload);

#endif
