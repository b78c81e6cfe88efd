#include "proto/noise/noise.h"

#include "base/assert.h"
#include "base/cursor.h"
#include "proto/noise/noise_priv.h"
#include "proto/noise/payload.h"

static bool is_legal(enum noise_state from, enum noise_state to)
{
    static const uint8_t next[] = {
        [NOISE_ST_START] = 1U << NOISE_ST_SENT_E | 1U << NOISE_ST_WAIT_E,
        [NOISE_ST_SENT_E] = 1U << NOISE_ST_NEED_DH,
        [NOISE_ST_WAIT_E] = 1U << NOISE_ST_NEED_DH,
        [NOISE_ST_NEED_DH] = 1U << NOISE_ST_WAIT_S | 1U << NOISE_ST_OPEN,
        [NOISE_ST_WAIT_S] = 1U << NOISE_ST_OPEN,
        [NOISE_ST_OPEN] = 0,
        [NOISE_ST_FAILED] = 0,
    };
    return to == NOISE_ST_FAILED || (next[from] & 1U << to) != 0;
}

static void set_state(struct lp2p_noise *e, enum noise_state to)
{
    LP2P_ASSERT(is_legal((enum noise_state)e->state, to));
    e->state = (int)to;
}

static void forget_handshake(struct lp2p_noise *e)
{
    if (e->hs != NULL) {
        lp2p_wipe(e->hs, sizeof(*e->hs));
        lp2p_free(e->cfg.mem, e->hs);
        e->hs = NULL;
    }
}

int lp2p_noise_fail(struct lp2p_noise *e, int code)
{
    LP2P_ASSERT(code < 0);
    lp2p_noise_drop_record(e);
    e->failure = (struct lp2p_failure){.code = code, .class_ = LP2P_CLASS_LOCAL, .where = "noise"};
    e->need_dh = false;
    e->pending &= (uint8_t)~NOISE_PENDING_NEED_DH;
    forget_handshake(e);
    lp2p_wipe(e->send_key, sizeof(e->send_key));
    lp2p_wipe(e->recv_key, sizeof(e->recv_key));
    set_state(e, NOISE_ST_FAILED);
    return code;
}

/* Lends the place of a handshake message of `n` bytes in the obuf; `commit` makes it count. */
static int reserve_message(struct lp2p_noise *e, size_t n, uint8_t **ret)
{
    LP2P_ASSERT(n <= LP2P_NOISE_RECORD_MAX);
    uint8_t *p;
    LP2P_TRY(lp2p_obuf_reserve(e->cfg.obuf, NOISE_HEADER_SIZE + n, &p));
    lp2p_put_be16(p, (uint16_t)n);
    *ret = p + NOISE_HEADER_SIZE;
    return 0;
}

static void commit_message(struct lp2p_noise *e, size_t n)
{
    lp2p_obuf_commit(e->cfg.obuf, NOISE_HEADER_SIZE + n);
}

static int send_1(struct lp2p_noise *e)
{
    uint8_t *out;
    LP2P_TRY(reserve_message(e, LP2P_NOISE_MSG1_SIZE, &out));
    LP2P_TRY(lp2p_noise_write_1(&e->hs->hs, lp2p_span(NULL, 0), out));
    commit_message(e, LP2P_NOISE_MSG1_SIZE);
    return 0;
}

int lp2p_noise_init(struct lp2p_noise *e, const struct lp2p_noise_cfg *cfg,
                    enum lp2p_noise_role role)
{
    *e = (struct lp2p_noise){.cfg = *cfg, .role = role, .state = NOISE_ST_START, .muxer = -1};
    e->hs = lp2p_calloc(cfg->mem, 1, sizeof(*e->hs));
    if (e->hs == NULL) {
        return -LP2P_E_NOMEM;
    }
    int err = lp2p_noise_hs_init(&e->hs->hs, cfg->crypto, cfg->random, cfg->static_public,
                                 cfg->prologue);
    if (err == 0 && role == LP2P_NOISE_INITIATOR) {
        err = send_1(e);
    }
    if (err != 0) {
        forget_handshake(e);
        return err;
    }
    set_state(e, role == LP2P_NOISE_INITIATOR ? NOISE_ST_SENT_E : NOISE_ST_WAIT_E);
    return 0;
}

void lp2p_noise_fini(struct lp2p_noise *e)
{
    lp2p_noise_drop_record(e);
    forget_handshake(e);
    lp2p_wipe(e, sizeof(*e));
}

static bool lists(const struct lp2p_span *names, size_t n, struct lp2p_span name)
{
    for (size_t i = 0; i < n; i++) {
        if (lp2p_span_eq(names[i], name)) {
            return true;
        }
    }
    return false;
}

/* Our index of the first of the initiator's list that the responder lists too; -1 when one of the
 * lists is missing (specs connections/inlined-muxer-negotiation.md). -LP2P_E_NEGOTIATION. */
static int choose_muxer(const struct lp2p_noise *e, const struct lp2p_noise_payload *theirs,
                        int *ret)
{
    const struct lp2p_span *ours = e->cfg.muxers;
    size_t n = e->cfg.n_muxers;
    *ret = -1;
    if (n == 0 || theirs->n_muxers == 0) {
        return 0;
    }
    if (e->role == LP2P_NOISE_INITIATOR) {
        for (size_t i = 0; i < n; i++) {
            if (lists(theirs->muxers, theirs->n_muxers, ours[i])) {
                *ret = (int)i;
                return 0;
            }
        }
        return -LP2P_E_NEGOTIATION;
    }
    for (size_t i = 0; i < theirs->n_muxers; i++) {
        for (size_t k = 0; k < n; k++) {
            if (lp2p_span_eq(ours[k], theirs->muxers[i])) {
                *ret = (int)k;
                return 0;
            }
        }
    }
    return -LP2P_E_NEGOTIATION;
}

/* The peer's payload, in this order: message, key, signature, peer id (DIGEST 8), then the muxer.
 */
static int take_payload(struct lp2p_noise *e, struct lp2p_span pb)
{
    struct lp2p_span muxers[LP2P_NOISE_MUXERS_MAX];
    struct lp2p_noise_payload payload;
    LP2P_TRY(lp2p_noise_payload_decode(pb, muxers, &payload));
    LP2P_TRY(lp2p_noise_payload_verify(&payload, e->cfg.crypto, e->hs->hs.rs, &e->peer));
    if (e->cfg.expected != NULL && !lp2p_peer_id_eq(&e->peer, e->cfg.expected)) {
        return -LP2P_E_PEER_ID;
    }
    return choose_muxer(e, &payload, &e->muxer);
}

static void ask_for_dh(struct lp2p_noise *e)
{
    e->need_dh = true;
    e->pending |= NOISE_PENDING_NEED_DH;
    set_state(e, NOISE_ST_NEED_DH);
}

/* Both directions are encrypted from here on; nothing of the handshake is kept. */
static int become_open(struct lp2p_noise *e)
{
    bool first = e->role == LP2P_NOISE_INITIATOR;
    LP2P_TRY(lp2p_noise_split(&e->hs->hs.sym, first ? e->send_key : e->recv_key,
                              first ? e->recv_key : e->send_key));
    forget_handshake(e);
    e->pending |= NOISE_PENDING_SECURED;
    set_state(e, NOISE_ST_OPEN);
    return 0;
}

/* A payload there would be neither encrypted nor expected (as rust, which refuses it too): the
 * length was checked before. */
static int recv_1(struct lp2p_noise *e, struct lp2p_mspan msg)
{
    struct lp2p_span payload;
    LP2P_TRY(lp2p_noise_read_1(&e->hs->hs, msg, &payload));
    lp2p_noise_take_sealer(e);
    LP2P_TRY(lp2p_noise_begin_2(&e->hs->hs));
    ask_for_dh(e);
    return 0;
}

static int recv_2(struct lp2p_noise *e, struct lp2p_mspan msg)
{
    struct lp2p_span payload;
    LP2P_TRY(lp2p_noise_read_2(&e->hs->hs, msg, &payload));
    LP2P_TRY(take_payload(e, payload));
    ask_for_dh(e);
    return 0;
}

static int recv_3(struct lp2p_noise *e, struct lp2p_mspan msg)
{
    struct lp2p_span payload;
    LP2P_TRY(lp2p_noise_read_3(&e->hs->hs, msg, &payload));
    LP2P_TRY(take_payload(e, payload));
    return become_open(e);
}

/* What a message may have at least and at most in this state; told by its length alone, before any
 * of it is stored. */
static int check_length(const struct lp2p_noise *e, size_t len)
{
    size_t min = LP2P_AEAD_TAG_SIZE;
    size_t max = LP2P_NOISE_HANDSHAKE_MAX;
    switch ((enum noise_state)e->state) {
    case NOISE_ST_WAIT_E:
        if (len != LP2P_NOISE_MSG1_SIZE) {
            return len > max ? -LP2P_E_LIMIT : -LP2P_E_DECODE;
        }
        return 0;
    case NOISE_ST_SENT_E:
        min = LP2P_NOISE_MSG2_SIZE;
        break;
    case NOISE_ST_WAIT_S:
        min = LP2P_NOISE_MSG3_SIZE;
        break;
    case NOISE_ST_START:
    case NOISE_ST_NEED_DH:
    case NOISE_ST_OPEN:
    case NOISE_ST_FAILED:
        max = LP2P_NOISE_RECORD_MAX;
        break;
    }
    return len > max ? -LP2P_E_LIMIT : len < min ? -LP2P_E_DECODE : 0;
}

static int on_record(struct lp2p_noise *e, struct lp2p_mspan msg)
{
    switch ((enum noise_state)e->state) {
    case NOISE_ST_WAIT_E:
        return recv_1(e, msg);
    case NOISE_ST_SENT_E:
        return recv_2(e, msg);
    case NOISE_ST_WAIT_S:
        return recv_3(e, msg);
    case NOISE_ST_OPEN:
        return lp2p_noise_open_record(e, msg);
    case NOISE_ST_START:
    case NOISE_ST_NEED_DH:
    case NOISE_ST_FAILED:
        break;
    }
    LP2P_ASSERT(false);
    return -LP2P_E_INTERNAL;
}

static bool takes_input(const struct lp2p_noise *e)
{
    return e->failure.code == 0 && !e->need_dh && e->pending == 0;
}

int lp2p_noise_recv(struct lp2p_noise *e, lp2p_ts now, uint8_t *bytes, size_t n, size_t *ret_used)
{
    (void)now;
    *ret_used = 0;
    if (!takes_input(e)) {
        return e->failure.code;
    }
    if (n < NOISE_HEADER_SIZE) {
        return 0;
    }
    size_t len = lp2p_get_be16(bytes);
    int err = check_length(e, len);
    if (err == 0) {
        if (n - NOISE_HEADER_SIZE < len) {
            return 0;
        }
        err = on_record(e, (struct lp2p_mspan){.p = bytes + NOISE_HEADER_SIZE, .n = len});
    }
    if (err != 0) {
        /* What was taken for the peer before is sent whole, whatever came in between. */
        (void)lp2p_noise_flush(e);
        return lp2p_noise_fail(e, err);
    }
    *ret_used = NOISE_HEADER_SIZE + len;
    return 0;
}

size_t lp2p_noise_want(const struct lp2p_noise *e, const uint8_t *bytes, size_t n)
{
    if (!takes_input(e)) {
        return 0;
    }
    return n < NOISE_HEADER_SIZE ? NOISE_HEADER_SIZE : NOISE_HEADER_SIZE + lp2p_get_be16(bytes);
}

bool lp2p_noise_event(struct lp2p_noise *e, struct lp2p_noise_event *ret)
{
    *ret = (struct lp2p_noise_event){.type = LP2P_NOISE_EV_NONE, .muxer = -1};
    if ((e->pending & NOISE_PENDING_NEED_DH) != 0) {
        e->pending &= (uint8_t)~NOISE_PENDING_NEED_DH;
        ret->type = LP2P_NOISE_EV_NEED_DH;
        ret->remote = e->hs->hs.re;
    } else if ((e->pending & NOISE_PENDING_SECURED) != 0) {
        e->pending &= (uint8_t)~NOISE_PENDING_SECURED;
        ret->type = LP2P_NOISE_EV_SECURED;
        ret->peer = &e->peer;
        ret->muxer = e->muxer;
    } else if ((e->pending & NOISE_PENDING_DATA) != 0) {
        e->pending &= (uint8_t)~NOISE_PENDING_DATA;
        ret->type = LP2P_NOISE_EV_DATA;
        ret->data = e->data;
        e->data = (struct lp2p_mspan){.p = NULL, .n = 0};
    }
    return ret->type != LP2P_NOISE_EV_NONE;
}

/* Message 2 or 3, whose payload is the same: it is encoded in the obuf and encrypted there. */
static int send_identity(struct lp2p_noise *e, const uint8_t shared[LP2P_SIZE(32)])
{
    const struct lp2p_noise_payload ours = {
        .identity_key = e->cfg.identity_pb,
        .identity_sig = e->cfg.static_sig,
        .muxers = e->cfg.muxers,
        .n_muxers = e->cfg.n_muxers,
    };
    bool initiator = e->role == LP2P_NOISE_INITIATOR;
    size_t size = lp2p_noise_payload_size(&ours);
    size_t fixed = initiator ? LP2P_NOISE_MSG3_SIZE : LP2P_NOISE_MSG2_SIZE;
    uint8_t *out;
    LP2P_TRY(reserve_message(e, fixed + size, &out));
    uint8_t *at = out + fixed - LP2P_AEAD_TAG_SIZE;
    lp2p_noise_payload_encode(&ours, at);
    lp2p_noise_take_sealer(e);
    LP2P_TRY(initiator ? lp2p_noise_write_3(&e->hs->hs, shared, lp2p_span(at, size), out)
                       : lp2p_noise_write_2(&e->hs->hs, shared, lp2p_span(at, size), out));
    commit_message(e, fixed + size);
    return 0;
}

int lp2p_noise_give_dh(struct lp2p_noise *e, const uint8_t shared[LP2P_SIZE(32)])
{
    if (!e->need_dh) {
        return e->failure.code != 0 ? e->failure.code : -LP2P_E_STATE;
    }
    e->need_dh = false;
    e->pending &= (uint8_t)~NOISE_PENDING_NEED_DH;
    int err = send_identity(e, shared);
    if (err == 0 && e->role == LP2P_NOISE_INITIATOR) {
        err = become_open(e);
    }
    if (err != 0) {
        /* The composer hands in an obuf that a handshake fits into. */
        return lp2p_noise_fail(e, err == -LP2P_E_AGAIN ? -LP2P_E_LIMIT : err);
    }
    if (e->role == LP2P_NOISE_RESPONDER) {
        set_state(e, NOISE_ST_WAIT_S);
    }
    return 0;
}

bool lp2p_noise_is_open(const struct lp2p_noise *e)
{
    return e->state == NOISE_ST_OPEN;
}

const struct lp2p_failure *lp2p_noise_error(const struct lp2p_noise *e)
{
    return &e->failure;
}
