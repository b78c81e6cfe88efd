#include "base/assert.h"
#include "format/addr.h"
#include "identity/envelope.h"
#include "service/identify/identify_priv.h"

void identify_views_init(struct lp2p_identify_service *svc)
{
    for (size_t i = 0; i < IDENTIFY_REACHES; i++) {
        lp2p_buf_init(&svc->views[i].record, svc->mem, LP2P_ENVELOPE_MAX);
    }
    svc->stale = true;
}

void identify_views_fini(struct lp2p_identify_service *svc)
{
    for (size_t i = 0; i < IDENTIFY_REACHES; i++) {
        lp2p_buf_fini(&svc->views[i].record);
    }
}

/* ---- what there is to say ---- */

static void collect_addrs(const struct lp2p_identify_service *svc, enum identify_reach reach,
                          struct identify_addrs *ret)
{
    struct lp2p_multiaddr addr;
    ret->n = 0;
    for (size_t pos = 0; lp2p_swarm_addr_next(svc->sw, false, &pos, &addr);) {
        if (identify_is_shared(&addr, reach)) {
            identify_addrs_add(ret, &addr);
        }
    }
    const struct lp2p_observed_addr *seen;
    for (size_t pos = 0; (seen = lp2p_observed_next(&svc->observed, &pos)) != NULL;) {
        if (lp2p_observed_is_announced(&svc->observed, seen)) {
            lp2p_addr_from_endpoint(&seen->seen, LP2P_MA_TCP, &addr);
            identify_addrs_add(ret, &addr);
        }
    }
}

static size_t collect_protocols(const struct lp2p_swarm *sw,
                                struct lp2p_span ret[static LP2P_IDENTIFY_PROTOCOLS_MAX])
{
    size_t pos = 0, n = 0;
    const char *name;
    while (n < LP2P_IDENTIFY_PROTOCOLS_MAX && (name = lp2p_swarm_protocol_next(sw, &pos)) != NULL) {
        ret[n++] = lp2p_span_str(name);
    }
    return n;
}

/* The first 16 bytes of the hash: what is compared is our own. */
static int digest(const struct lp2p_identify_service *svc, const struct lp2p_span *parts, size_t n,
                  uint8_t ret[static 16])
{
    const struct lp2p_crypto *crypto = lp2p_swarm_crypto(svc->sw);
    uint8_t hash[32];
    LP2P_TRY(crypto->ops->sha256(crypto->ctx, parts, n, hash));
    memcpy(ret, hash, 16);
    return 0;
}

/* Multiaddrs and names with their NUL say where they end. */
static int digest_addrs(const struct lp2p_identify_service *svc, const struct identify_addrs *a,
                        uint8_t ret[static 16])
{
    struct lp2p_span parts[LP2P_IDENTIFY_SEND_ADDRS_MAX];
    for (size_t i = 0; i < a->n; i++) {
        parts[i] = lp2p_span(a->addrs[i].bytes, a->addrs[i].len);
    }
    return digest(svc, parts, a->n, ret);
}

static int digest_protocols(const struct lp2p_identify_service *svc, uint8_t ret[static 16])
{
    struct lp2p_span parts[LP2P_IDENTIFY_PROTOCOLS_MAX];
    size_t n = collect_protocols(svc->sw, parts);
    for (size_t i = 0; i < n; i++) {
        parts[i].n++;
    }
    return digest(svc, parts, n, ret);
}

/* ---- views ---- */

/* Other addresses are another record, with a number above all earlier ones, of earlier starts too
 * as far as the clock is true (milliseconds, as js). */
static void view_renew(struct lp2p_identify_service *svc, struct identify_view *v,
                       const uint8_t addrs[static 16])
{
    if (v->seq != 0 && memcmp(v->content.addrs, addrs, sizeof(v->content.addrs)) == 0) {
        return;
    }
    memcpy(v->content.addrs, addrs, sizeof(v->content.addrs));
    svc->last_seq = LP2P_MAX(svc->env->ops->wall_ms(svc->env), svc->last_seq + 1);
    v->seq = svc->last_seq;
    lp2p_buf_fini(&v->record);
}

/* Far views first: a nearer one says more, and what says more has the higher number. So a peer that
 * we reach in two ways keeps the record that says more. */
static int views_renew(struct lp2p_identify_service *svc, struct identify_addrs *scratch)
{
    uint8_t protocols[16], addrs[16];
    LP2P_TRY(digest_protocols(svc, protocols));
    for (unsigned reach = IDENTIFY_REACH_WORLD; reach > IDENTIFY_REACH_NONE; reach--) {
        struct identify_view *v = &svc->views[reach];
        collect_addrs(svc, (enum identify_reach)reach, scratch);
        LP2P_TRY(digest_addrs(svc, scratch, addrs));
        view_renew(svc, v, addrs);
        memcpy(v->content.protocols, protocols, sizeof(protocols));
    }
    return 0;
}

int identify_views_refresh(struct lp2p_identify_service *svc)
{
    if (!svc->stale && lp2p_swarm_follows_network(svc->sw)) {
        return 0;
    }
    struct identify_addrs *scratch = lp2p_calloc(svc->mem, 1, sizeof(*scratch));
    if (scratch == NULL) {
        return -LP2P_E_NOMEM;
    }
    int err = views_renew(svc, scratch);
    lp2p_free(svc->mem, scratch);
    svc->stale = err != 0;
    return err;
}

/* Only what everybody parses: js and rust drop a record with an address they do not know. */
static void record_addrs(const struct identify_addrs *a, struct lp2p_peer_record *ret)
{
    size_t bytes = 0;
    for (size_t i = 0; i < a->n; i++) {
        struct lp2p_span addr = lp2p_span(a->addrs[i].bytes, a->addrs[i].len);
        if (lp2p_identify_addr_is_plain(addr) && bytes + addr.n <= LP2P_IDENTIFY_RECORD_ADDRS_MAX) {
            bytes += addr.n;
            ret->addrs[ret->n_addrs++] = addr;
        }
    }
}

static int view_sign(struct lp2p_identify_service *svc, struct identify_view *v,
                     const struct identify_addrs *a)
{
    if (v->record.len > 0) {
        return 0;
    }
    struct lp2p_peer_record record = {.seq = v->seq};
    record_addrs(a, &record);
    return lp2p_peer_record_seal(lp2p_swarm_crypto(svc->sw), lp2p_swarm_identity(svc->sw), &record,
                                 &v->record);
}

/* ---- messages ---- */

static int engine_begin(struct lp2p_identify_service *svc, const struct identify_conn *c,
                        const struct identify_addrs *a, struct lp2p_identify *engine)
{
    const struct lp2p_identity *identity = lp2p_swarm_identity(svc->sw);
    const struct lp2p_multiaddr *remote = lp2p_swarm_conn_remote(c->conn);
    struct lp2p_identify_msg msg = {
        .public_key = lp2p_span(identity->public_pb, sizeof(identity->public_pb)),
        .observed_addr = lp2p_span(remote->bytes, remote->len),
        .protocol_version = lp2p_span_str(LP2P_IDENTIFY_PROTOCOL_VERSION),
        .agent_version = lp2p_span_str(svc->agent),
        .signed_peer_record = lp2p_buf_span(&svc->views[c->reach].record),
        .n_addrs = a->n,
    };
    for (size_t i = 0; i < a->n; i++) {
        msg.addrs[i] = lp2p_span(a->addrs[i].bytes, a->addrs[i].len);
    }
    msg.n_protocols = collect_protocols(svc->sw, msg.protocols);
    struct lp2p_identify_cfg cfg = {.mem = svc->mem, .msg = &msg, .timeout = LP2P_IDENTIFY_TIMEOUT};
    return lp2p_identify_init(engine, &cfg, LP2P_IDENTIFY_SENDER, identify_now(svc));
}

int identify_say(struct lp2p_identify_service *svc, struct identify_conn *c,
                 struct lp2p_identify *engine)
{
    LP2P_TRY(identify_views_refresh(svc));
    struct identify_view *v = &svc->views[c->reach];
    struct identify_addrs *addrs = lp2p_calloc(svc->mem, 1, sizeof(*addrs));
    if (addrs == NULL) {
        return -LP2P_E_NOMEM;
    }
    collect_addrs(svc, c->reach, addrs);
    int err = view_sign(svc, v, addrs);
    if (err == 0) {
        err = engine_begin(svc, c, addrs, engine);
    }
    lp2p_free(svc->mem, addrs);
    if (err == 0) {
        c->told = v->content;
    }
    return err;
}
