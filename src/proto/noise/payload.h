/*
 * NoiseHandshakePayload (specs noise/README.md "The libp2p Handshake Payload"): the identity key,
 * its signature over the static key, and the muxers inside the extensions.
 *
 * Certificate hashes are read over; they belong to WebTransport, which we do not speak.
 */
#ifndef LP2P_PROTO_NOISE_PAYLOAD_H
#define LP2P_PROTO_NOISE_PAYLOAD_H

#include "base/span.h"
#include "crypto/crypto.h"
#include "identity/key.h"

struct lp2p_noise_payload {
    struct lp2p_span identity_key; /* PublicKey message; empty: missing */
    struct lp2p_span identity_sig; /* empty: missing */
    const struct lp2p_span *muxers;
    size_t n_muxers;
};

/* Bytes of the message. Without muxers there are no extensions in it. */
size_t lp2p_noise_payload_size(const struct lp2p_noise_payload *p);

/* Writes exactly that many. */
void lp2p_noise_payload_encode(const struct lp2p_noise_payload *p, uint8_t *out);

/*
 * Reads one; `muxers` is the room for LP2P_NOISE_MUXERS_MAX of them, spans point into `pb`. A
 * longer list is ignored, as go does: n_muxers is 0 then. -LP2P_E_DECODE.
 */
int lp2p_noise_payload_decode(struct lp2p_span pb, struct lp2p_span *muxers,
                              struct lp2p_noise_payload *ret);

/*
 * Binds a static key to an identity: `ret_sig` is the identity's signature over
 * "noise-libp2p-static-key:" and `s_public`. -LP2P_E_CRYPTO.
 */
int lp2p_noise_static_sign(const struct lp2p_crypto *crypto, const struct lp2p_identity *id,
                           const uint8_t s_public[LP2P_SIZE(32)], uint8_t ret_sig[LP2P_SIZE(64)]);

/*
 * Proves the peer (DIGEST 8): its key parses, has signed its static key `rs`, and gives
 * `*ret_peer`. -LP2P_E_DECODE, -LP2P_E_UNSUPPORTED, -LP2P_E_AUTH, -LP2P_E_CRYPTO.
 */
int lp2p_noise_payload_verify(const struct lp2p_noise_payload *p, const struct lp2p_crypto *crypto,
                              const uint8_t rs[LP2P_SIZE(32)], struct lp2p_peer_id *ret_peer);

#endif
