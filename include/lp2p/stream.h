/*
 * Streams of a host: serving and opening protocols, bytes in both directions, flow control.
 *
 * Included by lp2p/host.h, whose rules hold here: one thread, callbacks from the top of the loop.
 *
 * Specifications: github.com/libp2p/specs (connections, yamux).
 */
#ifndef LP2P_STREAM_H
#define LP2P_STREAM_H

#include "lp2p/error.h"
#include "lp2p/peer_id.h"

LP2P_BEGIN_DECLS

struct lp2p_host;
struct lp2p_stream;

struct lp2p_stream_ops {
    /* All may be NULL but `on_data` and `on_closed`.
     *
     * The protocol is agreed. For handlers this is the first callback: set a context of the
     * stream's own here. */
    void (*on_open)(void *ctx, struct lp2p_stream *s, const char *protocol);
    /* Bytes, valid during the call. Give window back with lp2p_stream_consume, now or later. */
    void (*on_data)(void *ctx, struct lp2p_stream *s, const uint8_t *p, size_t n);
    /* A write that took less than it was given would take bytes now. */
    void (*on_writable)(void *ctx, struct lp2p_stream *s);
    /* The peer sends no more. */
    void (*on_eof)(void *ctx, struct lp2p_stream *s);
    /* The last callback; `why->code` 0 when both sides had closed. */
    void (*on_closed)(void *ctx, struct lp2p_stream *s, const struct lp2p_failure *why);
};

/* What to open. */
struct lp2p_open {
    const char *const *protocols; /* in order of preference, copied */
    size_t n;
    const struct lp2p_stream_ops *ops; /* outlives the stream */
    void *ctx;
};

/*
 * Serves a protocol. Peers are told of as many as fit into 2 KiB of identify, the first ones first.
 * `protocol` is copied; `ops` outlives the host. -LP2P_E_EXISTS, -LP2P_E_INVAL,
 * -LP2P_E_LIMIT (64 with our own), -LP2P_E_NOMEM.
 */
LP2P_API int lp2p_host_handle(struct lp2p_host *host, const char *protocol,
                              const struct lp2p_stream_ops *ops, void *ctx);

/*
 * Opens a stream on the best connection to a connected peer. With one protocol bytes may be written
 * at once; they travel with the negotiation. -LP2P_E_NOT_FOUND (not connected), -LP2P_E_AGAIN (a
 * limit), -LP2P_E_GOAWAY (the peer takes no new streams), -LP2P_E_INVAL (no protocol, or one that
 * cannot be sent), -LP2P_E_NOMEM.
 */
LP2P_API int lp2p_host_open(struct lp2p_host *host, const struct lp2p_peer_id *peer,
                            const struct lp2p_open *open, struct lp2p_stream **ret);

/* Takes what fits and says how much; less than `n`: on_writable follows. -LP2P_E_STATE after
 * close_write, -LP2P_E_RESET, -LP2P_E_CLOSED. */
LP2P_API int lp2p_stream_write(struct lp2p_stream *s, const uint8_t *p, size_t n, size_t *ret_n);

/* The user is done with `n` received bytes; not more than on_data has told (that aborts). */
LP2P_API void lp2p_stream_consume(struct lp2p_stream *s, size_t n);

/* No more bytes from us. */
LP2P_API int lp2p_stream_close_write(struct lp2p_stream *s);

/* Closes: write side in order, what still comes is dropped. No callback comes any more. A peer that
 * has not ended its side within the limits' `linger_timeout` gets a reset, which may cost it what
 * it has not read; a stream that waits for its protocol has `negotiate_timeout`. */
LP2P_API void lp2p_stream_close(struct lp2p_stream *s);

/* Ends both directions at once. No callback comes any more. */
LP2P_API void lp2p_stream_reset(struct lp2p_stream *s, uint32_t code);

LP2P_API void lp2p_stream_set_ctx(struct lp2p_stream *s, void *ctx);
/* Valid as long as the stream. */
LP2P_API const struct lp2p_peer_id *lp2p_stream_peer(const struct lp2p_stream *s);
/* The agreed protocol, valid as long as the stream; NULL before on_open. */
LP2P_API const char *lp2p_stream_protocol(const struct lp2p_stream *s);

LP2P_END_DECLS

#endif
