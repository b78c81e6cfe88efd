/* Reading ends, stays inside the message, and what was read is written again and reads the same. */
#include "format/dns.h"

#include "base/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* A name that was read has its root label and its length; written and read it is the same. */
static void check_name(const struct lp2p_dns_name *name)
{
    uint8_t out[1024];
    size_t len;
    LP2P_ASSERT(name->len >= 1 && name->wire[name->len - 1] == 0);
    LP2P_ASSERT(lp2p_dns_name_eq(name, name));
    struct lp2p_dns_writer w;
    lp2p_dns_writer_init(&w, out, sizeof(out), 0);
    lp2p_dns_put_question(&w, name, LP2P_DNS_PTR, LP2P_DNS_CLASS_IN);
    lp2p_dns_put_question(&w, name, LP2P_DNS_TXT, LP2P_DNS_CLASS_IN);
    LP2P_ASSERT(lp2p_dns_finish(&w, &len) == 0);
    struct lp2p_dns_reader r;
    struct lp2p_dns_question q;
    LP2P_ASSERT(lp2p_dns_reader_init(&r, lp2p_span(out, len)) == 0);
    for (unsigned i = 0; i < 2; i++) {
        LP2P_ASSERT(lp2p_dns_next_question(&r, &q) && lp2p_dns_name_eq(&q.name, name));
    }
    LP2P_ASSERT(!lp2p_dns_next_question(&r, &q) && lp2p_dns_end(&r) == 0);
}

static void check_record(const struct lp2p_dns_reader *r, const struct lp2p_dns_record *rr,
                         const uint8_t *p, size_t n)
{
    struct lp2p_dns_name name;
    struct lp2p_span text;
    LP2P_ASSERT(rr->data.p >= p && rr->data.n <= n && rr->data.p + rr->data.n <= p + n);
    check_name(&rr->name);
    if (lp2p_dns_record_name(r, rr, &name) == 0) {
        check_name(&name);
    }
    for (size_t pos = 0; lp2p_dns_txt_next(rr, &pos, &text);) {
        LP2P_ASSERT(pos <= rr->data.n && text.n <= LP2P_DNS_TEXT_MAX);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct lp2p_dns_reader r;
    struct lp2p_dns_question q;
    struct lp2p_dns_record rr;
    if (n > UINT16_MAX || lp2p_dns_reader_init(&r, lp2p_span(p, n)) != 0) {
        return 0;
    }
    size_t items = 0;
    while (lp2p_dns_next_question(&r, &q)) {
        check_name(&q.name);
        items++;
    }
    while (lp2p_dns_next_record(&r, &rr)) {
        check_record(&r, &rr, p, n);
        items++;
    }
    LP2P_ASSERT(items <= n / 5); /* the smallest question is a root label and four bytes */
    (void)lp2p_dns_end(&r);
    return 0;
}
