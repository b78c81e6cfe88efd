#include "proto/mdns/mdns.h"

#include "base/assert.h"
#include "proto/mdns/mdns_priv.h"

static const uint8_t GROUP_IP6[16] = {0xff, 0x02, [15] = 0xfb};

struct lp2p_endpoint lp2p_mdns_group(enum lp2p_family family)
{
    return family == LP2P_FAMILY_IP4 ? lp2p_endpoint_ip4(224, 0, 0, 251, LP2P_MDNS_PORT)
                                     : lp2p_endpoint_ip6(GROUP_IP6, LP2P_MDNS_PORT);
}

/* Letters, digits, hyphens and underscores in labels of 1 to 63: what needs no escaping. */
static bool is_good_tag(const char *tag)
{
    size_t label = 0, n = strlen(tag);
    for (size_t i = 0; i < n; i++) {
        char c = tag[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
        if (c == '.' ? label == 0 : !plain) {
            return false;
        }
        label = c == '.' ? 0 : label + 1;
        if (label > 63) {
            return false;
        }
    }
    return label > 0 && n <= LP2P_MDNS_TAG_MAX;
}

static int take_texts(struct lp2p_mdns *e, const struct lp2p_mdns_cfg *cfg)
{
    if (cfg->n_tags == 0 || cfg->n_tags > LP2P_MDNS_TAGS_MAX) {
        return -LP2P_E_INVAL;
    }
    for (size_t i = 0; i < cfg->n_tags; i++) {
        if (!is_good_tag(cfg->tags[i])) {
            return -LP2P_E_INVAL;
        }
        memcpy(e->tags.name[i], cfg->tags[i], strlen(cfg->tags[i]) + 1);
    }
    e->tags.n = cfg->n_tags;
    if (cfg->note != NULL) {
        if (strlen(cfg->note) > LP2P_MDNS_NOTE_MAX || strncmp(cfg->note, "dnsaddr=", 8) == 0) {
            return -LP2P_E_INVAL;
        }
        memcpy(e->note, cfg->note, strlen(cfg->note) + 1);
    }
    return 0;
}

static void draw_name(struct lp2p_mdns *e)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    for (size_t i = 0; i < LP2P_MDNS_NAME_SIZE; i++) {
        e->name[i] = letters[lp2p_random_below(e->random, sizeof(letters) - 1)];
    }
}

int lp2p_mdns_new(const struct lp2p_mdns_cfg *cfg, struct lp2p_mdns **ret)
{
    struct lp2p_mdns *e = lp2p_calloc(cfg->mem, 1, sizeof(*e));
    if (e == NULL) {
        return -LP2P_E_NOMEM;
    }
    int err = take_texts(e, cfg);
    if (err != 0) {
        lp2p_free(cfg->mem, e);
        return err;
    }
    e->mem = cfg->mem;
    e->random = cfg->random;
    e->hasher = cfg->hasher;
    e->self = cfg->self;
    e->responses = mdns_rate(MDNS_RESPONSES_PER_SEC, LP2P_SEC(1));
    mdns_peers_init(&e->peers, cfg);
    draw_name(e);
    *ret = e;
    return 0;
}

void lp2p_mdns_free(struct lp2p_mdns *e)
{
    if (e != NULL) {
        mdns_peers_fini(&e->peers);
        lp2p_free(e->mem, e);
    }
}

static void take_query(struct lp2p_mdns *e, struct mdns_link *l, lp2p_ts now,
                       const struct lp2p_mdns_dgram_in *in)
{
    for (uint8_t t = 0; t < e->tags.n; t++) {
        bool asked = (e->in.asked & (1U << t)) != 0;
        /* Answering ourselves would use up the one answer a second that somebody else may wait for.
         */
        if (asked && mdns_link_is_echo(l, now, &in->from, t)) {
            continue;
        }
        if (asked) {
            mdns_link_asked(e, l, now, t);
        }
        if ((e->in.unicast & (1U << t)) != 0) {
            mdns_unicast_asked(e, in, now, t);
        }
    }
}

/* Lets peers in; those that may not are taken out of the packet. */
static void take_response(struct lp2p_mdns *e, lp2p_ts now)
{
    for (size_t i = 0; i < e->in.n_goodbyes; i++) {
        mdns_peers_goodbye_name(&e->peers, e->in.goodbyes[i]);
    }
    size_t kept = 0;
    for (size_t i = 0; i < e->in.n_seen; i++) {
        const struct mdns_seen *s = &e->in.seen[i];
        if (lp2p_peer_id_eq(&s->id, &e->self)) {
            continue;
        }
        if (s->ttl == 0) {
            mdns_peers_goodbye(&e->peers, &s->id);
        } else if (mdns_peers_hear(&e->peers, now, s, &e->in_expires[kept]) == 0) {
            e->in.seen[kept++] = *s;
        } else {
            e->dropped++;
        }
    }
    e->in.n_seen = kept;
}

/* True when the datagram is worth parsing. */
static bool may_read(struct lp2p_mdns *e, const struct mdns_link *l,
                     const struct lp2p_mdns_dgram_in *in)
{
    bool pulled = e->in_pos == e->in.n_seen && lp2p_list_is_empty(&e->peers.gone);
    return pulled && !e->closing && in->data.n <= LP2P_MDNS_RECV_MAX && l != NULL &&
           mdns_link_is_near(l, &in->from);
}

static bool read_dgram(struct lp2p_mdns *e, lp2p_ts now, const struct lp2p_mdns_dgram_in *in)
{
    struct mdns_link *l = mdns_link_find(e, in->ifindex, in->from.family);
    if (!may_read(e, l, in)) {
        return false;
    }
    /* The QR bit: responses are limited before anything is parsed, and we ask for none by unicast
     * (RFC 6762, 6 and 11). */
    bool response = in->data.n > 2 && (in->data.p[2] & 0x80U) != 0;
    if (response &&
        (!lp2p_endpoint_is_multicast(&in->to) || !mdns_rate_allow(&e->responses, now))) {
        return false;
    }
    struct mdns_parse_cfg cfg = {.tags = &e->tags, .hasher = e->hasher, .note = e->note};
    e->in_pos = 0;
    e->in.n_seen = 0;
    if (mdns_packet_parse(&cfg, in->data, &e->in) != 0) {
        e->in.n_seen = 0;
        return false;
    }
    e->in_how = *in;
    e->in_loopback = l->cfg.loopback;
    if (e->in.response) {
        take_response(e, now);
    } else {
        take_query(e, l, now, in);
    }
    return true;
}

void lp2p_mdns_recv_dgram(struct lp2p_mdns *e, lp2p_ts now, const struct lp2p_mdns_dgram_in *in)
{
    if (!read_dgram(e, now, in)) {
        e->dropped++;
    }
}

static void found(const struct lp2p_mdns *e, size_t i, struct lp2p_mdns_event *ret)
{
    const struct mdns_seen *s = &e->in.seen[i];
    *ret = (struct lp2p_mdns_event){
        .type = LP2P_MDNS_EV_FOUND,
        .peer = s->id,
        .expires = e->in_expires[i],
        .ifindex = e->in_how.ifindex,
        .loopback = e->in_loopback,
        .note = s->note,
        .from = e->in_how.from,
        .n_addrs = s->n_addrs,
    };
    memcpy(ret->addrs, s->addrs, s->n_addrs * sizeof(s->addrs[0]));
}

bool lp2p_mdns_event(struct lp2p_mdns *e, struct lp2p_mdns_event *ret)
{
    struct lp2p_peer_id gone;
    if (mdns_peers_take_gone(&e->peers, &gone)) {
        *ret = (struct lp2p_mdns_event){.type = LP2P_MDNS_EV_GONE, .peer = gone};
        return true;
    }
    if (e->in_pos < e->in.n_seen) {
        found(e, e->in_pos++, ret);
        return true;
    }
    return false;
}

void lp2p_mdns_event_addr(const struct lp2p_mdns_event *ev, size_t i, struct lp2p_multiaddr *ret,
                          bool *ret_own_source)
{
    LP2P_ASSERT(i < ev->n_addrs);
    int err = lp2p_multiaddr_parse((const char *)ev->addrs[i].p, ev->addrs[i].n, ret);
    LP2P_ASSERT(err == 0); /* it was parsed when the packet came */
    lp2p_multiaddr_without_peer_id(ret);
    struct lp2p_multiaddr_part ip;
    uint32_t code = ev->from.family == LP2P_FAMILY_IP4 ? LP2P_MA_IP4 : LP2P_MA_IP6;
    *ret_own_source = lp2p_multiaddr_find(ret, code, &ip) &&
                      lp2p_span_eq(ip.value,
                                   lp2p_span(ev->from.ip, lp2p_endpoint_ip_len(&ev->from)));
}

static bool build(struct lp2p_mdns *e, struct mdns_out out, struct lp2p_mdns_dgram_out *ret)
{
    const char *tag = e->tags.name[out.tag];
    struct mdns_answer answer = {
        .tag = tag,
        .name = e->name,
        .self = &e->self,
        .note = e->note,
        .link = &out.link->cfg,
        .ttl = out.kind == MDNS_OUT_GOODBYE ? 0 : LP2P_MDNS_TTL,
    };
    size_t n = out.kind == MDNS_OUT_QUERY ? mdns_packet_query(tag, e->buf)
                                          : mdns_packet_answer(&answer, e->buf);
    e->out = out;
    *ret = (struct lp2p_mdns_dgram_out){
        .ifindex = out.link->cfg.ifindex,
        .to = out.unicast != NULL ? out.unicast->to : lp2p_mdns_group(out.link->cfg.family),
        .data = lp2p_span(e->buf, n),
    };
    return n > 0;
}

/* What is due on a link, the most urgent first. */
static bool link_due(const struct lp2p_mdns *e, struct mdns_link *l, lp2p_ts now,
                     struct mdns_out *ret)
{
    *ret = (struct mdns_out){.link = l, .now = now};
    for (uint8_t t = 0; t < e->tags.n; t++) {
        ret->tag = t;
        if (e->closing) {
            ret->kind = (l->goodbye_due & (1U << t)) != 0 ? MDNS_OUT_GOODBYE : MDNS_OUT_NONE;
        } else if ((l->query_due & (1U << t)) != 0) {
            ret->kind = MDNS_OUT_QUERY;
        } else if (l->answer_at[t] <= now) {
            ret->kind = MDNS_OUT_ANSWER;
        }
        if (ret->kind != MDNS_OUT_NONE) {
            return true;
        }
    }
    return false;
}

static bool unicast_due(struct lp2p_mdns *e, lp2p_ts now, struct mdns_out *ret)
{
    for (size_t i = 0; i < LP2P_MDNS_UNICAST_MAX && !e->closing; i++) {
        struct mdns_unicast *u = &e->unicasts[i];
        if (u->ifindex == 0 || u->at > now) {
            continue;
        }
        struct mdns_link *l = mdns_link_find(e, u->ifindex, u->to.family);
        if (l == NULL) {
            u->ifindex = 0; /* the link went away meanwhile */
            continue;
        }
        *ret = (struct mdns_out){
            .kind = MDNS_OUT_ANSWER, .link = l, .unicast = u, .tag = u->tag, .now = now};
        return true;
    }
    return false;
}

bool lp2p_mdns_out_dgram(struct lp2p_mdns *e, lp2p_ts now, struct lp2p_mdns_dgram_out *ret)
{
    struct mdns_out due;
    for (size_t i = 0; i < e->n_links; i++) {
        while (link_due(e, &e->links[i], now, &due)) {
            if (build(e, due, ret)) {
                return true;
            }
            lp2p_mdns_out_dgram_done(e); /* nothing to announce */
        }
    }
    while (unicast_due(e, now, &due)) {
        if (build(e, due, ret)) {
            return true;
        }
        lp2p_mdns_out_dgram_done(e);
    }
    return false;
}

static void answered(struct mdns_out *o)
{
    struct mdns_link *l = o->link;
    l->told |= (uint8_t)(1U << o->tag);
    if (o->unicast != NULL) {
        o->unicast->ifindex = 0;
        return;
    }
    l->answer_free[o->tag] = o->now + MDNS_ANSWER_GAP;
    l->answer_at[o->tag] = LP2P_TS_NEVER;
    if (l->announce[o->tag] > 0 && --l->announce[o->tag] > 0) {
        l->answer_at[o->tag] = l->answer_free[o->tag];
    }
}

void lp2p_mdns_out_dgram_done(struct lp2p_mdns *e)
{
    struct mdns_out *o = &e->out;
    switch (o->kind) {
    case MDNS_OUT_QUERY:
        o->link->query_due &= (uint8_t) ~(1U << o->tag);
        mdns_link_expect_echo(o->link, o->now, o->tag);
        break;
    case MDNS_OUT_ANSWER:
        answered(o);
        break;
    case MDNS_OUT_GOODBYE:
        o->link->goodbye_due &= (uint8_t) ~(1U << o->tag);
        break;
    case MDNS_OUT_NONE:
        break;
    }
    o->kind = MDNS_OUT_NONE;
}

void lp2p_mdns_expect(struct lp2p_mdns *e, const struct lp2p_peer_id *peers, size_t n)
{
    e->peers.n_expected = LP2P_MIN(n, (size_t)LP2P_MDNS_EXPECT_MAX);
    if (n > 0) {
        memcpy(e->peers.expected, peers, e->peers.n_expected * sizeof(*peers));
    }
}

lp2p_ts lp2p_mdns_deadline(const struct lp2p_mdns *e)
{
    return e->closing ? LP2P_TS_NEVER : LP2P_MIN(e->peers.expiry, mdns_links_deadline(e));
}

void lp2p_mdns_tick(struct lp2p_mdns *e, lp2p_ts now)
{
    if (!e->closing) {
        mdns_peers_expire(&e->peers, now);
        mdns_links_tick(e, now);
    }
}

size_t lp2p_mdns_peers(const struct lp2p_mdns *e)
{
    return e->peers.by_id.len;
}

uint64_t lp2p_mdns_dropped(const struct lp2p_mdns *e)
{
    return e->dropped;
}
