/*
 * Noise_XX_25519_ChaChaPoly_SHA256 with the libp2p payload (specs noise/README.md,
 * connections/inlined-muxer-negotiation.md; DIGEST 8): proves the peer id and encrypts everything
 * after that.
 *
 * A record engine (STYLE, "The engine contract"): input is taken in whole records (2-byte length
 * and message); of an incomplete one nothing is used and `_want` says how many bytes it needs.
 * Records are decrypted in place and handed out as spans. Output is sealed straight into the obuf
 * of `cfg` (streaming seal, FASTPATH): plaintext handed to `_seal` is encrypted behind the open
 * record, which is closed when it is full or when `_out` asks.
 *
 * The private keys are elsewhere (DESIGN 4.5): the engine emits NEED_DH with the peer's ephemeral
 * key, the owner of the static key answers by `_give_dh`; the signature over the static key is made
 * once per static key and comes in `cfg`.
 *
 *     initiator: START -> SENT_E -> NEED_DH(se) -> OPEN          responder: WAIT_E -> NEED_DH(es)
 * -> WAIT_S -> OPEN any -> FAILED The initiator verifies the peer before message 3 leaves; the
 * responder after it came.
 */
#ifndef LP2P_PROTO_NOISE_H
#define LP2P_PROTO_NOISE_H

#include "base/obuf.h"
#include "crypto/crypto.h"
#include "identity/key.h"
#include "lp2p/error.h"

#define LP2P_NOISE_RECORD_MAX    65535U /* of a message behind its length */
#define LP2P_NOISE_PLAINTEXT_MAX 65519U /* a transport record without its tag */
/* Handshake messages above this are refused: ours have 300 bytes, RSA 8,192 keys make 2.5 KiB
 * (SECURITY 3.2). */
#define LP2P_NOISE_HANDSHAKE_MAX 8192U
/* Muxers a peer may list, as go (DIGEST 8); a longer list is ignored. */
#define LP2P_NOISE_MUXERS_MAX 100U

enum lp2p_noise_role { LP2P_NOISE_INITIATOR, LP2P_NOISE_RESPONDER };

/*
 * The one streaming seal of a host, shared by its connections: crypto has one message open at a
 * time, so who begins a record first closes that of another connection. Zero `owner` at start.
 */
struct lp2p_noise_sealer {
    struct lp2p_noise *owner; /* whose record is open, or NULL */
};

struct lp2p_noise_cfg {
    const struct lp2p_mem *mem;
    const struct lp2p_crypto *crypto;
    const struct lp2p_random *random; /* for the ephemeral key */
    struct lp2p_obuf *obuf;           /* shared with the layers around */
    struct lp2p_noise_sealer *sealer;
    const uint8_t *static_public; /* 32 bytes */
    struct lp2p_span identity_pb; /* our PublicKey message */
    struct lp2p_span
        static_sig; /* identity signature over "noise-libp2p-static-key:" and static_public */
    struct lp2p_span prologue;      /* empty over TCP */
    const struct lp2p_span *muxers; /* offered inside the handshake; n_muxers 0: no extension */
    size_t n_muxers;
    const struct lp2p_peer_id *expected; /* the id that was dialed, or NULL: any */
};

enum lp2p_noise_event_type {
    LP2P_NOISE_EV_NONE = 0,
    LP2P_NOISE_EV_NEED_DH, /* `remote`: answer with the shared secret of it and our static key */
    LP2P_NOISE_EV_SECURED, /* `peer`, `muxer` */
    LP2P_NOISE_EV_DATA,    /* `data`: plaintext, in the bytes given to _recv */
};

struct lp2p_noise_event {
    enum lp2p_noise_event_type type;
    const uint8_t *remote;           /* NEED_DH: 32 bytes, valid until answered */
    const struct lp2p_peer_id *peer; /* SECURED: proved, valid as long as the engine */
    int muxer;                       /* SECURED: index into cfg.muxers, -1: negotiate it */
    struct lp2p_mspan data;          /* DATA */
};

struct lp2p_noise_state; /* handshake hashes and keys; noise_priv.h */

struct lp2p_noise {
    struct lp2p_noise_cfg cfg;
    enum lp2p_noise_role role;
    int state; /* enum noise_state, noise_priv.h */
    struct lp2p_failure failure;
    struct lp2p_noise_state *hs; /* only until the handshake is done, then wiped and freed */
    struct lp2p_peer_id peer;
    uint8_t send_key[32];
    uint8_t recv_key[32];
    uint64_t send_nonce;
    uint64_t recv_nonce;
    uint32_t open_len; /* bytes of the open record in the obuf, its header included; 0: none open */
    int muxer;
    struct lp2p_mspan data; /* decrypted, not pulled yet */
    uint8_t pending;        /* bit set of events not pulled yet */
    bool need_dh;           /* waits for _give_dh: takes no input */
};

/* The initiator's message 1 is in the obuf afterwards. -LP2P_E_NOMEM, -LP2P_E_AGAIN when the obuf
 * is full, -LP2P_E_CRYPTO. */
int lp2p_noise_init(struct lp2p_noise *e, const struct lp2p_noise_cfg *cfg,
                    enum lp2p_noise_role role);

/* Wipes the keys. */
void lp2p_noise_fini(struct lp2p_noise *e);

/*
 * Takes at most one whole record. Errors are sticky: -LP2P_E_AUTH (decryption, signature),
 * -LP2P_E_PEER_ID, -LP2P_E_DECODE, -LP2P_E_LIMIT, -LP2P_E_NEGOTIATION (extension without a common
 * muxer), -LP2P_E_NOMEM, -LP2P_E_UNSUPPORTED (key type).
 */
int lp2p_noise_recv(struct lp2p_noise *e, lp2p_ts now, uint8_t *bytes, size_t n, size_t *ret_used);

/* Bytes the record at the front of the input needs in all (2 until its length is known); 0 when the
 * engine takes none now. */
size_t lp2p_noise_want(const struct lp2p_noise *e, const uint8_t *bytes, size_t n);

bool lp2p_noise_event(struct lp2p_noise *e, struct lp2p_noise_event *ret);

/* Answers NEED_DH. Fails as _recv does. */
int lp2p_noise_give_dh(struct lp2p_noise *e, const uint8_t shared[LP2P_SIZE(32)]);

/* True once both directions are encrypted and the peer is verified. */
bool lp2p_noise_is_open(const struct lp2p_noise *e);

/* Plaintext bytes that `_seal` would take now. */
size_t lp2p_noise_room(const struct lp2p_noise *e);

/* Encrypts `n` <= room bytes into the obuf. -LP2P_E_AGAIN above the room, -LP2P_E_CRYPTO,
 * -LP2P_E_NOMEM, -LP2P_E_LIMIT when the nonce is used up. */
int lp2p_noise_seal(struct lp2p_noise *e, const uint8_t *bytes, size_t n);

/* Closes the open record, so that all of the obuf may be sent. -LP2P_E_CRYPTO. */
int lp2p_noise_flush(struct lp2p_noise *e);

/* Sticky; code 0 while nothing failed. Noise has no alert: class and code only. */
const struct lp2p_failure *lp2p_noise_error(const struct lp2p_noise *e);

#endif
