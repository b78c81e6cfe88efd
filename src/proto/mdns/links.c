#include "proto/mdns/mdns_priv.h"

#include "base/assert.h"

struct mdns_link *mdns_link_find(struct lp2p_mdns *e, uint32_t ifindex, enum lp2p_family family)
{
    for (size_t i = 0; i < e->n_links; i++) {
        struct mdns_link *l = &e->links[i];
        if (l->cfg.ifindex == ifindex && l->cfg.family == family) {
            return l;
        }
    }
    return NULL;
}

bool mdns_link_is_near(const struct mdns_link *l, const struct lp2p_endpoint *from)
{
    if (lp2p_endpoint_is_loopback(from) || l->cfg.loopback) {
        return lp2p_endpoint_is_loopback(from) && l->cfg.loopback;
    }
    if (lp2p_endpoint_is_link_local(from)) {
        return true;
    }
    for (size_t i = 0; i < l->cfg.n_addrs; i++) {
        const struct lp2p_mdns_addr *a = &l->cfg.addrs[i];
        if (a->at.family == from->family && lp2p_endpoint_in_prefix(from, &a->at, a->prefix)) {
            return true;
        }
    }
    return false;
}

void mdns_link_expect_echo(struct mdns_link *l, lp2p_ts now, uint8_t tag)
{
    if (now > l->echo_until[tag]) {
        l->echoes[tag] = 0;
    }
    if (l->echoes[tag] < UINT8_MAX) {
        l->echoes[tag]++;
    }
    l->echo_until[tag] = now + MDNS_ECHO_MAX;
}

static bool is_own_address(const struct mdns_link *l, const struct lp2p_endpoint *from)
{
    for (size_t i = 0; i < l->cfg.n_addrs; i++) {
        if (lp2p_endpoint_same_ip(&l->cfg.addrs[i].at, from)) {
            return true;
        }
    }
    return l->cfg.loopback && lp2p_endpoint_is_loopback(from);
}

bool mdns_link_is_echo(struct mdns_link *l, lp2p_ts now, const struct lp2p_endpoint *from,
                       uint8_t tag)
{
    if (l->echoes[tag] == 0 || now > l->echo_until[tag] || !is_own_address(l, from)) {
        return false;
    }
    l->echoes[tag]--;
    return true;
}

static bool is_announcing(const struct mdns_link *l)
{
    for (size_t i = 0; i < l->cfg.n_addrs; i++) {
        if (l->cfg.addrs[i].at.port != 0) {
            return true;
        }
    }
    return false;
}

static bool is_same_addr(const struct lp2p_mdns_addr *a, const struct lp2p_mdns_addr *b)
{
    return lp2p_endpoint_eq(&a->at, &b->at) && a->prefix == b->prefix;
}

static bool is_same(const struct lp2p_mdns_link *a, const struct lp2p_mdns_link *b)
{
    if (a->ifindex != b->ifindex || a->family != b->family || a->n_addrs != b->n_addrs ||
        a->loopback != b->loopback) {
        return false;
    }
    for (size_t i = 0; i < a->n_addrs; i++) {
        if (!is_same_addr(&a->addrs[i], &b->addrs[i])) {
            return false;
        }
    }
    return true;
}

/* Asks and announces at once. */
static void link_restart(struct lp2p_mdns *e, struct mdns_link *l, lp2p_ts now)
{
    l->query_at = now;
    l->query_interval = MDNS_QUERY_FIRST;
    for (size_t t = 0; t < e->tags.n; t++) {
        l->announce[t] = is_announcing(l) ? MDNS_ANNOUNCEMENTS : 0;
        l->answer_at[t] = is_announcing(l) ? LP2P_MAX(now, l->answer_free[t]) : LP2P_TS_NEVER;
    }
}

static bool is_listed(const struct mdns_link *l, const struct lp2p_mdns_link *links, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (links[i].ifindex == l->cfg.ifindex && links[i].family == l->cfg.family) {
            return true;
        }
    }
    return false;
}

void lp2p_mdns_set_links(struct lp2p_mdns *e, lp2p_ts now, const struct lp2p_mdns_link *links,
                         size_t n)
{
    if (e->closing) {
        return;
    }
    e->out = (struct mdns_out){.kind = MDNS_OUT_NONE};
    size_t kept = 0;
    for (size_t i = 0; i < e->n_links; i++) {
        if (is_listed(&e->links[i], links, n)) {
            e->links[kept++] = e->links[i];
        }
    }
    e->n_links = kept;
    for (size_t i = 0; i < n; i++) {
        LP2P_ASSERT(links[i].n_addrs <= LP2P_MDNS_LINK_ADDRS_MAX && links[i].ifindex != 0);
        struct mdns_link *l = mdns_link_find(e, links[i].ifindex, links[i].family);
        if (l != NULL && is_same(&l->cfg, &links[i])) {
            continue;
        }
        if (l == NULL) {
            if (e->n_links == LP2P_MDNS_LINKS_MAX) {
                continue;
            }
            l = &e->links[e->n_links++];
            *l = (struct mdns_link){.queried = 0};
        }
        l->cfg = links[i];
        link_restart(e, l, now);
    }
}

void lp2p_mdns_look(struct lp2p_mdns *e, lp2p_ts now)
{
    for (size_t i = 0; i < e->n_links && !e->closing; i++) {
        struct mdns_link *l = &e->links[i];
        lp2p_ts soonest = l->queried == 0 ? now : LP2P_MAX(now, l->queried + MDNS_QUERY_GAP);
        l->query_at = LP2P_MIN(l->query_at, soonest);
        l->query_interval = MDNS_QUERY_FIRST;
    }
}

void lp2p_mdns_goodbye(struct lp2p_mdns *e)
{
    e->closing = true;
    e->out = (struct mdns_out){.kind = MDNS_OUT_NONE};
    for (size_t i = 0; i < e->n_links; i++) {
        e->links[i].goodbye_due = e->links[i].told;
    }
}

static lp2p_ts answer_delay(struct lp2p_mdns *e)
{
    return MDNS_ANSWER_MIN + lp2p_random_below(e->random, MDNS_ANSWER_MAX - MDNS_ANSWER_MIN + 1);
}

void mdns_link_asked(struct lp2p_mdns *e, struct mdns_link *l, lp2p_ts now, uint8_t tag)
{
    if (is_announcing(l) && l->answer_at[tag] == LP2P_TS_NEVER) {
        l->answer_at[tag] = LP2P_MAX(now + answer_delay(e), l->answer_free[tag]);
    }
}

void mdns_unicast_asked(struct lp2p_mdns *e, const struct lp2p_mdns_dgram_in *in, lp2p_ts now,
                        uint8_t tag)
{
    struct mdns_unicast *free_slot = NULL;
    for (size_t i = 0; i < LP2P_MDNS_UNICAST_MAX; i++) {
        struct mdns_unicast *u = &e->unicasts[i];
        if (u->ifindex == in->ifindex && u->tag == tag && lp2p_endpoint_eq(&u->to, &in->from)) {
            return;
        }
        if (u->ifindex == 0) {
            free_slot = u;
        }
    }
    if (free_slot != NULL) {
        *free_slot = (struct mdns_unicast){
            .ifindex = in->ifindex, .to = in->from, .tag = tag, .at = now + answer_delay(e)};
    }
}

static void link_query(struct lp2p_mdns *e, struct mdns_link *l, lp2p_ts now)
{
    l->query_due = (uint8_t)((1U << e->tags.n) - 1U);
    l->queried = now == 0 ? 1 : now;
    /* A tenth more or less, so that machines that started together do not stay together. */
    lp2p_ts wait = l->query_interval / 100 * (90 + lp2p_random_below(e->random, 21));
    l->query_at = now + wait;
    l->query_interval = LP2P_MIN(l->query_interval * 2, MDNS_QUERY_LAST);
}

void mdns_links_tick(struct lp2p_mdns *e, lp2p_ts now)
{
    for (size_t i = 0; i < e->n_links; i++) {
        if (e->links[i].query_at <= now) {
            link_query(e, &e->links[i], now);
        }
    }
}

lp2p_ts mdns_links_deadline(const struct lp2p_mdns *e)
{
    lp2p_ts at = LP2P_TS_NEVER;
    for (size_t i = 0; i < e->n_links; i++) {
        const struct mdns_link *l = &e->links[i];
        at = LP2P_MIN(at, l->query_at);
        for (size_t t = 0; t < e->tags.n; t++) {
            at = LP2P_MIN(at, l->answer_at[t]);
        }
    }
    for (size_t i = 0; i < LP2P_MDNS_UNICAST_MAX; i++) {
        if (e->unicasts[i].ifindex != 0) {
            at = LP2P_MIN(at, e->unicasts[i].at);
        }
    }
    return at;
}
