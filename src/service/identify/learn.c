#include "base/assert.h"
#include "format/addr.h"
#include "identity/envelope.h"
#include "service/identify/identify_priv.h"

/* -LP2P_E_PEER_ID when the key is not the one the connection proved. */
static int check_key(const struct lp2p_identify_service *svc, const struct lp2p_peer_id *peer,
                     struct lp2p_span pb)
{
    if (pb.n == 0) {
        return 0; /* optional; the connection has proved it already */
    }
    struct lp2p_public_key key;
    struct lp2p_peer_id id;
    LP2P_TRY(lp2p_public_key_decode(pb, &key));
    LP2P_TRY(lp2p_public_key_peer_id(lp2p_swarm_crypto(svc->sw), &key, &id));
    return lp2p_peer_id_eq(&id, peer) ? 0 : -LP2P_E_PEER_ID;
}

/* ---- addresses ---- */

/* An address as it may be stored; false when it is to be skipped. */
static bool usable_addr(const struct identify_conn *c, const struct lp2p_peer *p,
                        struct lp2p_span bytes, struct lp2p_multiaddr *ret)
{
    if (lp2p_multiaddr_decode(bytes.p, bytes.n, ret) != 0) {
        return false;
    }
    struct lp2p_peer_id id;
    if (lp2p_multiaddr_peer_id(ret, &id) == 0) {
        if (!lp2p_peer_id_eq(&id, &p->id)) {
            return false;
        }
        lp2p_multiaddr_without_peer_id(ret);
    }
    return ret->len > 0 && identify_is_shared(ret, c->reach);
}

static int replace_addrs(struct lp2p_identify_service *svc, const struct identify_conn *c,
                         struct lp2p_peer *p, const struct lp2p_span *addrs, size_t n)
{
    struct lp2p_peerstore *ps = lp2p_swarm_peerstore(svc->sw);
    struct lp2p_peer_addr how = {.source = LP2P_ADDR_PEER, .expires = LP2P_TS_NEVER};
    lp2p_peer_drop_addrs(ps, p, LP2P_ADDR_PEER);
    for (size_t i = 0; i < n; i++) {
        struct lp2p_multiaddr addr;
        if (usable_addr(c, p, addrs[i], &addr)) {
            LP2P_TRY(lp2p_peer_add_addr(ps, p, &addr, &how));
        }
    }
    return 0;
}

static bool says_the_same(const struct lp2p_peer_record *record,
                          const struct lp2p_identify_msg *msg)
{
    bool same = record->n_addrs == msg->n_addrs;
    for (size_t i = 0; same && i < msg->n_addrs; i++) {
        same = lp2p_span_eq(record->addrs[i], msg->addrs[i]);
    }
    return same;
}

/* A signature is checked where it makes a difference: addresses that the message, which came over
 * the peer's own connection, says as well are its word with or without it. Half of the time that a
 * message takes is saved by that. */
static bool open_record(struct lp2p_identify_service *svc, const struct lp2p_peer *p,
                        const struct lp2p_identify_msg *msg, struct lp2p_peer_record *ret)
{
    const struct lp2p_crypto *crypto = lp2p_swarm_crypto(svc->sw);
    struct lp2p_span pb = msg->signed_peer_record;
    return pb.n > 0 && lp2p_peer_record_read(crypto, pb, &p->id, ret) == 0 &&
           (says_the_same(ret, msg) ||
            lp2p_peer_record_open(svc->mem, crypto, pb, &p->id, ret) == 0);
}

/*
 * What counts as the peer's addresses: of a good record those in it (go, js), unless a newer one is
 * what is stored; the plain ones of the message else. A number is compared only while there is
 * something it guards: a peer whose clock was set back is not stuck with what expired long ago.
 */
static int learn_addrs(struct lp2p_identify_service *svc, const struct identify_conn *c,
                       struct lp2p_peer *p, const struct lp2p_identify_msg *msg, bool pushed)
{
    struct lp2p_peer_record record;
    bool has_record = open_record(svc, p, msg, &record);
    if (has_record && record.seq < p->record_seq && lp2p_peer_has_addrs(p, LP2P_ADDR_PEER)) {
        lp2p_peer_renew_addrs(p, LP2P_ADDR_PEER, LP2P_TS_NEVER);
        return 0;
    }
    if (has_record) {
        p->record_seq = record.seq;
        return replace_addrs(svc, c, p, record.addrs, record.n_addrs);
    }
    if (pushed && msg->n_addrs == 0) {
        return 0;
    }
    return replace_addrs(svc, c, p, msg->addrs, msg->n_addrs);
}

/* ---- agent and protocols ---- */

static bool takes_push(const struct lp2p_identify_msg *msg)
{
    for (size_t i = 0; i < msg->n_protocols; i++) {
        if (lp2p_span_eq(msg->protocols[i], lp2p_span_str(LP2P_IDENTIFY_PUSH_PROTOCOL))) {
            return true;
        }
    }
    return false;
}

/* A push leaves what it does not name. */
static int learn_identity(struct lp2p_identify_service *svc, struct identify_conn *c,
                          struct lp2p_peer *p, const struct lp2p_identify_msg *msg, bool pushed)
{
    char agent[LP2P_PEER_AGENT_MAX + 1];
    struct lp2p_span protocols[LP2P_IDENTIFY_PROTOCOLS_MAX];
    struct lp2p_span version = msg->agent_version;
    size_t n = msg->n_protocols;
    memcpy(protocols, msg->protocols, n * sizeof(protocols[0]));
    if (pushed && version.n == 0) {
        memcpy(agent, p->agent, sizeof(agent));
        version = lp2p_span_str(agent);
    }
    if (pushed && n == 0) {
        n = LP2P_MIN((size_t)p->n_protocols, LP2P_COUNT(protocols));
        for (size_t i = 0; i < n; i++) {
            protocols[i] = lp2p_span_str(p->protocols[i]);
        }
    } else {
        c->takes_push = takes_push(msg);
    }
    return lp2p_peer_set_identity(lp2p_swarm_peerstore(svc->sw), p, version, protocols, n);
}

/* ---- what it sees of us ---- */

static bool plain_endpoint(const struct lp2p_multiaddr *addr, struct lp2p_endpoint *ret)
{
    uint32_t code;
    size_t used;
    return lp2p_addr_is_plain_tcp(addr) && lp2p_addr_to_endpoint(addr, ret, &code, &used) == 0 &&
           used == addr->len;
}

/* The word of the connection's peer; without ports when ours was no listener's. */
static bool word_of(struct lp2p_identify_service *svc, const struct identify_conn *c,
                    struct lp2p_span seen, struct lp2p_observation *ret)
{
    struct lp2p_multiaddr addr;
    *ret = (struct lp2p_observation){.inbound = !lp2p_swarm_conn_outbound(c->conn)};
    if (lp2p_multiaddr_decode(seen.p, seen.n, &addr) != 0 || !plain_endpoint(&addr, &ret->seen) ||
        !plain_endpoint(lp2p_swarm_conn_local(c->conn), &ret->local) ||
        !plain_endpoint(lp2p_swarm_conn_remote(c->conn), &ret->observer)) {
        return false;
    }
    if (!identify_is_listener(svc, &ret->local)) {
        ret->local.port = 0;
        ret->seen.port = 0;
    }
    return lp2p_observation_is_plausible(ret);
}

static void learn_observed(struct lp2p_identify_service *svc, struct identify_conn *c,
                           struct lp2p_span seen)
{
    struct lp2p_observation word;
    if (seen.n == 0 || !word_of(svc, c, seen, &word)) {
        return;
    }
    if (c->has_word) {
        lp2p_observed_release(&svc->observed, &c->word, identify_now(svc));
    }
    c->has_word = true;
    c->word = word;
    if (lp2p_observed_add(&svc->observed, &word)) {
        identify_push_soon(svc);
    }
    identify_arm(svc);
}

int identify_learn(struct lp2p_identify_service *svc, struct identify_conn *c,
                   const struct lp2p_identify_msg *msg, bool pushed)
{
    const struct lp2p_peer_id *id = lp2p_swarm_conn_peer(c->conn);
    lp2p_ts now = identify_now(svc);
    struct lp2p_peer *p;
    LP2P_TRY(check_key(svc, id, msg->public_key));
    LP2P_TRY(lp2p_peerstore_get(lp2p_swarm_peerstore(svc->sw), id, now, &p));
    LP2P_TRY(learn_identity(svc, c, p, msg, pushed));
    p->last_seen = now;
    LP2P_TRY(learn_addrs(svc, c, p, msg, pushed));
    learn_observed(svc, c, msg->observed_addr);
    lp2p_swarm_found(svc->sw, id);
    return 0;
}
