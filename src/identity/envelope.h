/*
 * Signed envelope (RFC 0002) and the peer record inside it (RFC 0003; DIGEST 5): addresses that a
 * peer vouches for, whoever brings them.
 *
 * The constants of both RFCs are outdated: what is deployed differs and is what we write; rust
 * still writes the RFC's, so both are read. A record counts only when the key of its envelope is
 * the key of the peer it speaks of (RUSTSEC-2022-0009). Addresses are handed out as they came;
 * parsing them is for the caller, who skips bad ones. Whether a record is newer than another one of
 * the same peer
 * (`seq`) is for the caller too: its unit differs (go ns, js ms, rust s).
 */
#ifndef LP2P_IDENTITY_ENVELOPE_H
#define LP2P_IDENTITY_ENVELOPE_H

#include "base/buf.h"
#include "identity/key.h"

/* The longest envelope: it comes inside an identify message, which is no longer. */
#define LP2P_ENVELOPE_MAX 8192U
/* Addresses kept of a record, as of an identify message; more are counted and dropped. */
#define LP2P_PEER_RECORD_ADDRS_MAX 64U
/* Domain and payload type of a peer record as go, js and we write them. */
#define LP2P_PEER_RECORD_DOMAIN "libp2p-peer-record"
#define LP2P_PEER_RECORD_TYPE   "\x03\x01"
/* As the RFC has them, and rust. */
#define LP2P_PEER_RECORD_RFC_DOMAIN "libp2p-routing-state"
#define LP2P_PEER_RECORD_RFC_TYPE   "/libp2p/routing-state-record"

/* Spans point into the bytes it was decoded from. */
struct lp2p_envelope {
    struct lp2p_public_key key;    /* who signed it */
    struct lp2p_span payload_type; /* not empty */
    struct lp2p_span payload;
    struct lp2p_span sig;
};

/* A record, the same way. */
struct lp2p_peer_record {
    struct lp2p_peer_id id;
    uint64_t seq;
    struct lp2p_span addrs[LP2P_PEER_RECORD_ADDRS_MAX]; /* binary multiaddrs, may be malformed */
    size_t n_addrs;
    size_t dropped; /* beyond the limit */
};

/* Reads an envelope; the signature is not looked at. -LP2P_E_DECODE, -LP2P_E_TOO_LONG,
 * -LP2P_E_UNSUPPORTED (key type). */
int lp2p_envelope_decode(struct lp2p_span pb, struct lp2p_envelope *ret);

/* -LP2P_E_AUTH when the signature is wrong or for another domain, what lp2p_public_key_verify says
 * of the key, -LP2P_E_NOMEM. */
int lp2p_envelope_verify(const struct lp2p_mem *mem, const struct lp2p_crypto *crypto,
                         const struct lp2p_envelope *env, struct lp2p_span domain);

/* What is signed and sealed: neither domain nor type may be empty (go refuses that). */
struct lp2p_envelope_content {
    struct lp2p_span domain;
    struct lp2p_span payload_type;
    struct lp2p_span payload;
};

/* Signs with our key and appends the envelope to `out`. -LP2P_E_NOMEM, -LP2P_E_LIMIT (of `out`),
 * -LP2P_E_TOO_LONG, -LP2P_E_CRYPTO. */
int lp2p_envelope_seal(const struct lp2p_crypto *crypto, const struct lp2p_identity *id,
                       const struct lp2p_envelope_content *content, struct lp2p_buf *out);

/*
 * Reads the envelope of a peer record and believes it: signed by the peer it speaks of, which is
 * `expected` unless that is NULL. Cheap checks come before the signature. -LP2P_E_DECODE,
 * -LP2P_E_TOO_LONG, -LP2P_E_UNSUPPORTED (not a peer record, or the key), -LP2P_E_PEER_ID,
 * -LP2P_E_AUTH, -LP2P_E_NOMEM, -LP2P_E_CRYPTO.
 */
int lp2p_peer_record_open(const struct lp2p_mem *mem, const struct lp2p_crypto *crypto,
                          struct lp2p_span pb, const struct lp2p_peer_id *expected,
                          struct lp2p_peer_record *ret);

/*
 * The same, but that the signature is not looked at: it says what the record says, and whom it
 * speaks of. Only for what is believed for another reason, such as that this peer said it itself.
 * `expected` is not NULL.
 */
int lp2p_peer_record_read(const struct lp2p_crypto *crypto, struct lp2p_span pb,
                          const struct lp2p_peer_id *expected, struct lp2p_peer_record *ret);

/* Appends to `out` the envelope of our record, with the id of `id` and no other. Fails as
 * lp2p_envelope_seal. */
int lp2p_peer_record_seal(const struct lp2p_crypto *crypto, const struct lp2p_identity *id,
                          const struct lp2p_peer_record *record, struct lp2p_buf *out);

#endif
