/* Transport records: what comes is opened in place, what goes is sealed as it is written. */
#include "proto/noise/noise_priv.h"

#include "base/assert.h"
#include "base/cursor.h"

/* Bytes a record costs beyond its plaintext. */
#define RECORD_OVERHEAD (NOISE_HEADER_SIZE + LP2P_AEAD_TAG_SIZE)
#define RECORD_SIZE     (RECORD_OVERHEAD + LP2P_NOISE_PLAINTEXT_MAX)

int lp2p_noise_open_record(struct lp2p_noise *e, struct lp2p_mspan msg)
{
    const struct lp2p_crypto *c = e->cfg.crypto;
    if (e->recv_nonce == LP2P_NOISE_NONCE_END) {
        return -LP2P_E_LIMIT;
    }
    uint8_t nonce[LP2P_AEAD_NONCE_SIZE];
    lp2p_noise_nonce(e->recv_nonce, nonce);
    LP2P_TRY(c->ops->open(c->ctx, e->recv_key, nonce, lp2p_span(NULL, 0), msg));
    e->recv_nonce++;
    if (msg.n > LP2P_AEAD_TAG_SIZE) {
        e->data = (struct lp2p_mspan){.p = msg.p, .n = msg.n - LP2P_AEAD_TAG_SIZE};
        e->pending |= NOISE_PENDING_DATA;
    }
    return 0;
}

/* Plaintext that the open record still takes. */
static size_t open_room(const struct lp2p_noise *e)
{
    return e->open_len == 0 ? 0 : LP2P_NOISE_PLAINTEXT_MAX - (e->open_len - NOISE_HEADER_SIZE);
}

size_t lp2p_noise_room(const struct lp2p_noise *e)
{
    if (e->state != NOISE_ST_OPEN) {
        return 0;
    }
    size_t room = lp2p_obuf_room(e->cfg.obuf);
    size_t tag = e->open_len == 0 ? 0 : LP2P_AEAD_TAG_SIZE; /* kept back by all below */
    LP2P_ASSERT(room >= tag);
    room -= tag;
    size_t first = LP2P_MIN(room, open_room(e));
    size_t left = room - first;
    size_t tail = left % RECORD_SIZE;
    return first + left / RECORD_SIZE * LP2P_NOISE_PLAINTEXT_MAX +
           (tail > RECORD_OVERHEAD ? tail - RECORD_OVERHEAD : 0);
}

void lp2p_noise_drop_record(struct lp2p_noise *e)
{
    struct lp2p_noise_sealer *sealer = e->cfg.sealer;
    if (sealer != NULL && sealer->owner == e) {
        uint8_t tag[LP2P_AEAD_TAG_SIZE];
        (void)e->cfg.crypto->ops->seal_end(e->cfg.crypto->ctx, tag); /* nobody wants the tag */
        sealer->owner = NULL;
    }
    /* Without its tag it is garbage to the peer; the records before it are whole and may go. */
    if (e->open_len > 0) {
        lp2p_obuf_cut(e->cfg.obuf, e->open_len);
        e->open_len = 0;
    }
}

static int close_record(struct lp2p_noise *e)
{
    const struct lp2p_crypto *c = e->cfg.crypto;
    uint8_t *tag;
    int err = lp2p_obuf_reserve(e->cfg.obuf, LP2P_AEAD_TAG_SIZE, &tag);
    LP2P_ASSERT(err == 0); /* room was kept back for it */
    e->cfg.sealer->owner = NULL;
    err = c->ops->seal_end(c->ctx, tag);
    if (err != 0) {
        return lp2p_noise_fail(e, err);
    }
    lp2p_obuf_commit(e->cfg.obuf, LP2P_AEAD_TAG_SIZE);
    uint32_t len = e->open_len + LP2P_AEAD_TAG_SIZE;
    lp2p_put_be16(lp2p_obuf_tail(e->cfg.obuf, len), (uint16_t)(len - NOISE_HEADER_SIZE));
    e->open_len = 0;
    e->send_nonce++;
    return 0;
}

void lp2p_noise_take_sealer(struct lp2p_noise *e)
{
    struct lp2p_noise *owner = e->cfg.sealer->owner;
    if (owner != NULL) {
        (void)close_record(owner); /* a failure is the owner's, and sticks to it */
    }
}

/* -LP2P_E_NOMEM leaves everything as it was: the obuf had no block. */
static int begin_record(struct lp2p_noise *e)
{
    const struct lp2p_crypto *c = e->cfg.crypto;
    if (e->send_nonce == LP2P_NOISE_NONCE_END) {
        return lp2p_noise_fail(e, -LP2P_E_LIMIT);
    }
    uint8_t *header;
    LP2P_TRY(lp2p_obuf_reserve(e->cfg.obuf, NOISE_HEADER_SIZE, &header));
    lp2p_noise_take_sealer(e);
    uint8_t nonce[LP2P_AEAD_NONCE_SIZE];
    lp2p_noise_nonce(e->send_nonce, nonce);
    int err = c->ops->seal_begin(c->ctx, e->send_key, nonce, lp2p_span(NULL, 0));
    if (err != 0) {
        return lp2p_noise_fail(e, err);
    }
    memset(header, 0, NOISE_HEADER_SIZE);
    lp2p_obuf_commit(e->cfg.obuf, NOISE_HEADER_SIZE);
    e->cfg.sealer->owner = e;
    e->open_len = NOISE_HEADER_SIZE;
    return 0;
}

/* Seals as much as the open record takes; closes it when it is full. */
static int seal_some(struct lp2p_noise *e, const uint8_t *bytes, size_t n)
{
    const struct lp2p_crypto *c = e->cfg.crypto;
    uint8_t *out;
    int err = lp2p_obuf_reserve(e->cfg.obuf, n, &out);
    LP2P_ASSERT(err == 0); /* the caller stayed below the room */
    err = c->ops->seal_more(c->ctx, out, bytes, n);
    if (err != 0) {
        return lp2p_noise_fail(e, err);
    }
    lp2p_obuf_commit(e->cfg.obuf, n);
    e->open_len += (uint32_t)n;
    return open_room(e) == 0 ? close_record(e) : 0;
}

int lp2p_noise_seal(struct lp2p_noise *e, const uint8_t *bytes, size_t n)
{
    if (e->state != NOISE_ST_OPEN) {
        return e->failure.code != 0 ? e->failure.code : -LP2P_E_STATE;
    }
    if (n > lp2p_noise_room(e)) {
        return -LP2P_E_AGAIN;
    }
    while (n > 0) {
        if (e->open_len == 0) {
            LP2P_TRY(begin_record(e));
        }
        size_t some = LP2P_MIN(n, open_room(e));
        LP2P_TRY(seal_some(e, bytes, some));
        bytes += some;
        n -= some;
    }
    return 0;
}

int lp2p_noise_flush(struct lp2p_noise *e)
{
    if (e->failure.code != 0) {
        return e->failure.code;
    }
    return e->open_len == 0 ? 0 : close_record(e);
}
