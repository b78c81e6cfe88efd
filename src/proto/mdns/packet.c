#include "base/assert.h"
#include "format/addr.h"
#include "format/dns.h"
#include "proto/mdns/mdns_priv.h"

/* In front of each address (specs discovery/mdns.md). */
#define DNSADDR "dnsaddr="
/* go needs a port in SRV and looks at none (DIGEST 20). */
#define SRV_PORT 4001U

/* ---- out ---- */

/* Our tags and names are checked when the engine is made, so they always are names. */
static struct lp2p_dns_name name_of(const char *label, const char *parent)
{
    char text[LP2P_MDNS_NAME_SIZE + LP2P_MDNS_TAG_MAX + 2];
    struct lp2p_dns_name name;
    size_t n = strlen(label), m = strlen(parent);
    LP2P_ASSERT(n + m + 2 <= sizeof(text));
    memcpy(text, label, n);
    text[n] = '.';
    memcpy(text + n + (n > 0), parent, m + 1);
    int err = lp2p_dns_name_parse(text, &name);
    LP2P_ASSERT(err == 0);
    return name;
}

size_t mdns_packet_query(const char *tag, uint8_t *buf)
{
    struct lp2p_dns_writer w;
    struct lp2p_dns_name name = name_of("", tag);
    size_t n = 0;
    lp2p_dns_writer_init(&w, buf, LP2P_MDNS_SEND_MAX, 0);
    lp2p_dns_put_question(&w, &name, LP2P_DNS_PTR, LP2P_DNS_CLASS_IN);
    (void)lp2p_dns_finish(&w, &n);
    return n;
}

static size_t begin(struct lp2p_dns_writer *w, const struct lp2p_dns_name *name, uint16_t type,
                    uint32_t ttl)
{
    struct lp2p_dns_record rr = {
        .section = type == LP2P_DNS_PTR ? LP2P_DNS_ANSWER : LP2P_DNS_ADDITIONAL,
        .name = *name,
        .type = type,
        .class_ = LP2P_DNS_CLASS_IN,
        .ttl = ttl,
    };
    return lp2p_dns_begin_record(w, &rr);
}

static void put_addr_text(struct lp2p_dns_writer *w, const struct mdns_answer *a,
                          const struct lp2p_endpoint *at)
{
    struct lp2p_multiaddr ma;
    char text[sizeof(DNSADDR) - 1 + LP2P_MULTIADDR_TEXT_SIZE] = DNSADDR;
    lp2p_addr_from_endpoint(at, LP2P_MA_TCP, &ma);
    if (lp2p_multiaddr_with_peer_id(&ma, a->self) == 0) {
        size_t n = sizeof(DNSADDR) - 1 + lp2p_multiaddr_format(&ma, text + sizeof(DNSADDR) - 1);
        if (n <= LP2P_DNS_TEXT_MAX) {
            lp2p_dns_put_text(w, lp2p_span(text, n));
        }
    }
}

/* One record of several strings: of several records go would take the last one only. The note comes
 * last, as js takes the id from the first string. */
static void put_txt(struct lp2p_dns_writer *w, const struct mdns_answer *a, size_t n_addrs,
                    const struct lp2p_dns_name *name)
{
    size_t at = begin(w, name, LP2P_DNS_TXT, a->ttl);
    for (size_t i = 0; i < n_addrs; i++) {
        if (a->link->addrs[i].at.port != 0) {
            put_addr_text(w, a, &a->link->addrs[i].at);
        }
    }
    if (a->note[0] != '\0') {
        lp2p_dns_put_text(w, lp2p_span_str(a->note));
    }
    lp2p_dns_end_record(w, at);
}

static void put_host(struct lp2p_dns_writer *w, const struct mdns_answer *a, size_t n_addrs,
                     const struct lp2p_dns_name *name)
{
    struct lp2p_dns_name host = name_of(a->name, "local");
    size_t at = begin(w, name, LP2P_DNS_SRV, a->ttl);
    lp2p_dns_put_u16(w, 0);
    lp2p_dns_put_u16(w, 0);
    lp2p_dns_put_u16(w, SRV_PORT);
    lp2p_dns_put_name_plain(w, &host);
    lp2p_dns_end_record(w, at);
    for (size_t i = 0; i < n_addrs; i++) {
        const struct lp2p_endpoint *e = &a->link->addrs[i].at;
        if (e->port != 0) {
            bool ip4 = e->family == LP2P_FAMILY_IP4;
            at = begin(w, &host, ip4 ? LP2P_DNS_A : LP2P_DNS_AAAA, a->ttl);
            lp2p_dns_put_bytes(w, lp2p_span(e->ip, lp2p_endpoint_ip_len(e)));
            lp2p_dns_end_record(w, at);
        }
    }
}

/* The layout that go, rust and js accept (DIGEST 20), with the first `n_addrs` addresses. */
static int write_answer(const struct mdns_answer *a, size_t n_addrs, uint8_t *buf, size_t *ret_len)
{
    struct lp2p_dns_writer w;
    struct lp2p_dns_name tag = name_of("", a->tag), name = name_of(a->name, a->tag);
    lp2p_dns_writer_init(&w, buf, LP2P_MDNS_SEND_MAX,
                         LP2P_DNS_FLAG_RESPONSE | LP2P_DNS_FLAG_AUTHORITATIVE);
    size_t at = begin(&w, &tag, LP2P_DNS_PTR, a->ttl);
    lp2p_dns_put_name(&w, &name);
    lp2p_dns_end_record(&w, at);
    put_txt(&w, a, n_addrs, &name);
    put_host(&w, a, n_addrs, &name);
    return lp2p_dns_finish(&w, ret_len);
}

size_t mdns_packet_answer(const struct mdns_answer *a, uint8_t *buf)
{
    size_t announced = 0;
    for (size_t i = 0; i < a->link->n_addrs; i++) {
        announced += a->link->addrs[i].at.port != 0;
    }
    if (announced == 0) {
        return 0;
    }
    /* Fewer addresses, not more packets. */
    for (size_t n = a->link->n_addrs; n > 0; n--) {
        size_t len;
        if (write_answer(a, n, buf, &len) == 0) {
            return len;
        }
    }
    return 0;
}

/* ---- in ---- */

struct parse {
    const struct mdns_parse_cfg *cfg;
    struct lp2p_dns_name tags[LP2P_MDNS_TAGS_MAX];
    struct lp2p_dns_reader reader;
    unsigned strings; /* looked at */
    size_t n_names;
    uint64_t names[LP2P_MDNS_PACKET_PEERS]; /* what our tags point to */
    struct mdns_packet *ret;
};

static uint64_t instance_of(const struct parse *p, const struct lp2p_dns_name *name)
{
    struct lp2p_dns_name folded = *name;
    for (size_t i = 0; i < folded.len; i++) {
        uint8_t c = folded.wire[i];
        folded.wire[i] = c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20U) : c;
    }
    return p->cfg->hasher.hash(p->cfg->hasher.ctx, lp2p_span(folded.wire, folded.len));
}

static bool is_tag(const struct parse *p, const struct lp2p_dns_name *name, size_t *ret)
{
    for (size_t t = 0; t < p->cfg->tags->n; t++) {
        if (lp2p_dns_name_eq(name, &p->tags[t])) {
            *ret = t;
            return true;
        }
    }
    return false;
}

static bool is_in(uint16_t class_)
{
    uint16_t c = (uint16_t)(class_ & ~LP2P_DNS_CLASS_TOP);
    return c == LP2P_DNS_CLASS_IN || c == LP2P_DNS_CLASS_ANY;
}

static void take_question(struct parse *p, const struct lp2p_dns_question *q)
{
    size_t t;
    if ((q->type != LP2P_DNS_PTR && q->type != LP2P_DNS_ANY) || !is_in(q->class_) ||
        !is_tag(p, &q->name, &t)) {
        return;
    }
    p->ret->asked |= (uint8_t)(1U << t);
    if ((q->class_ & LP2P_DNS_CLASS_TOP) != 0) {
        p->ret->unicast |= (uint8_t)(1U << t);
    }
}

/* A peer's own name: below a tag, or anything else that a tag points to; rust leaves the service
 * out of it (DIGEST 20). */
static bool is_instance(const struct parse *p, const struct lp2p_dns_name *name)
{
    for (size_t t = 0; t < p->cfg->tags->n; t++) {
        if (lp2p_dns_name_is_child(name, &p->tags[t])) {
            return true;
        }
    }
    uint64_t instance = instance_of(p, name);
    for (size_t i = 0; i < p->n_names; i++) {
        if (p->names[i] == instance) {
            return true;
        }
    }
    return false;
}

static void take_ptr(struct parse *p, const struct lp2p_dns_record *rr)
{
    struct lp2p_dns_name name;
    size_t t;
    if (p->n_names == LP2P_COUNT(p->names) || !is_tag(p, &rr->name, &t) ||
        lp2p_dns_record_name(&p->reader, rr, &name) != 0) {
        return;
    }
    p->names[p->n_names++] = instance_of(p, &name);
    if (rr->ttl == 0) {
        p->ret->goodbyes[p->ret->n_goodbyes++] = p->names[p->n_names - 1];
    }
}

static struct mdns_seen *seen_of(struct mdns_packet *ret, const struct lp2p_peer_id *id)
{
    for (size_t i = 0; i < ret->n_seen; i++) {
        if (lp2p_peer_id_eq(&ret->seen[i].id, id)) {
            return &ret->seen[i];
        }
    }
    if (ret->n_seen == LP2P_MDNS_PACKET_PEERS) {
        return NULL;
    }
    ret->seen[ret->n_seen] = (struct mdns_seen){.id = *id};
    return &ret->seen[ret->n_seen++];
}

/* Takes one address; which peer of the packet it belongs to, or NULL. */
static struct mdns_seen *take_addr(struct parse *p, struct lp2p_span text)
{
    struct lp2p_multiaddr ma;
    struct lp2p_peer_id id;
    if (lp2p_multiaddr_parse((const char *)text.p, text.n, &ma) != 0 ||
        lp2p_multiaddr_peer_id(&ma, &id) != 0) {
        return NULL;
    }
    struct mdns_seen *s = seen_of(p->ret, &id);
    if (s != NULL && s->n_addrs < LP2P_MDNS_PEER_ADDRS_MAX) {
        s->addrs[s->n_addrs++] = text;
    }
    return s;
}

static void take_txt(struct parse *p, const struct lp2p_dns_record *rr)
{
    struct lp2p_span prefix = lp2p_span_str(DNSADDR), s;
    struct mdns_seen *of[LP2P_MDNS_PACKET_PEERS];
    size_t n_of = 0;
    bool note = false;
    for (size_t pos = 0; p->strings < MDNS_PACKET_STRINGS && lp2p_dns_txt_next(rr, &pos, &s);
         p->strings++) {
        if (s.n > prefix.n && memcmp(s.p, prefix.p, prefix.n) == 0) {
            struct mdns_seen *peer = take_addr(p, lp2p_span(s.p + prefix.n, s.n - prefix.n));
            if (peer != NULL && n_of < LP2P_COUNT(of) && (n_of == 0 || of[n_of - 1] != peer)) {
                of[n_of++] = peer;
            }
        } else if (p->cfg->note[0] != '\0' && lp2p_span_eq_str(s, p->cfg->note)) {
            note = true;
        }
    }
    for (size_t i = 0; i < n_of; i++) {
        of[i]->ttl = LP2P_MAX(of[i]->ttl, rr->ttl);
        of[i]->note = of[i]->note || note;
        of[i]->instance = instance_of(p, &rr->name);
    }
}

static void take_record(struct parse *p, const struct lp2p_dns_record *rr)
{
    if (rr->section == LP2P_DNS_AUTHORITY || !is_in(rr->class_)) {
        return;
    }
    if (rr->type == LP2P_DNS_PTR) {
        take_ptr(p, rr);
    } else if (rr->type == LP2P_DNS_TXT && is_instance(p, &rr->name)) {
        take_txt(p, rr);
    }
}

int mdns_packet_parse(const struct mdns_parse_cfg *cfg, struct lp2p_span data,
                      struct mdns_packet *ret)
{
    struct parse p = {.cfg = cfg, .ret = ret};
    ret->asked = ret->unicast = 0;
    ret->n_seen = ret->n_goodbyes = 0;
    for (size_t t = 0; t < cfg->tags->n; t++) {
        p.tags[t] = name_of("", cfg->tags->name[t]);
    }
    LP2P_TRY(lp2p_dns_reader_init(&p.reader, data));
    ret->response = (p.reader.flags & LP2P_DNS_FLAG_RESPONSE) != 0;
    struct lp2p_dns_question q;
    while (lp2p_dns_next_question(&p.reader, &q)) {
        if (!ret->response) {
            take_question(&p, &q);
        }
    }
    struct lp2p_dns_record rr;
    while (lp2p_dns_next_record(&p.reader, &rr)) {
        if (ret->response) {
            take_record(&p, &rr);
        }
    }
    return lp2p_dns_end(&p.reader);
}
