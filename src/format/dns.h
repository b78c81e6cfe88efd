/*
 * DNS messages (RFC 1035; RFC 6762 for the multicast bits of the class): names, questions, records.
 *
 * Reader and writer keep no tree and do not allocate. Names are followed strictly backwards and are
 * bounded in length and hops (RUSTSEC-2018-0007); what a record holds is a span of the message, and
 * counts are believed only as far as there are bytes. Who may be answered is the caller's business.
 *
 *     struct lp2p_dns_reader r;
 *     LP2P_TRY(lp2p_dns_reader_init(&r, msg));
 *     while (lp2p_dns_next_question(&r, &q)) { ... }
 *     while (lp2p_dns_next_record(&r, &rr)) { ... }
 *     LP2P_TRY(lp2p_dns_end(&r));
 */
#ifndef LP2P_FORMAT_DNS_H
#define LP2P_FORMAT_DNS_H

#include "base/cursor.h"
#include "base/endpoint.h"

/* RFC 1035, 2.3.4: of a name on the wire with its root label, of one label. */
#define LP2P_DNS_NAME_MAX  255U
#define LP2P_DNS_LABEL_MAX 63U
/* Pointers followed in one name: a name has at most 127 labels (SECURITY 2.2). */
#define LP2P_DNS_HOPS_MAX 128U
/* RFC 1035, 3.3: a character string. */
#define LP2P_DNS_TEXT_MAX 255U

enum lp2p_dns_type {
    LP2P_DNS_A = 1,
    LP2P_DNS_PTR = 12,
    LP2P_DNS_TXT = 16,
    LP2P_DNS_AAAA = 28,
    LP2P_DNS_SRV = 33,
    LP2P_DNS_ANY = 255,
};

#define LP2P_DNS_CLASS_IN  1U
#define LP2P_DNS_CLASS_ANY 255U
/* RFC 6762: of a question "answer by unicast, too" (QU), of a record "forget others" (flush). */
#define LP2P_DNS_CLASS_TOP 0x8000U

#define LP2P_DNS_FLAG_RESPONSE      0x8000U
#define LP2P_DNS_FLAG_AUTHORITATIVE 0x0400U

/* Labels with their lengths and the root label, not compressed. `len` 0: no name. */
struct lp2p_dns_name {
    uint8_t len;
    uint8_t wire[LP2P_DNS_NAME_MAX];
};

enum lp2p_dns_section {
    LP2P_DNS_QUESTION = 0,
    LP2P_DNS_ANSWER,
    LP2P_DNS_AUTHORITY,
    LP2P_DNS_ADDITIONAL,
    LP2P_DNS_SECTIONS
};

struct lp2p_dns_question {
    struct lp2p_dns_name name;
    uint16_t type;
    uint16_t class_; /* with its top bit */
};

struct lp2p_dns_record {
    enum lp2p_dns_section section;
    struct lp2p_dns_name name;
    uint16_t type;
    uint16_t class_; /* with its top bit */
    uint32_t ttl;    /* seconds */
    struct lp2p_span data;
};

struct lp2p_dns_reader {
    struct lp2p_span msg;
    size_t pos;
    uint16_t id;
    uint16_t flags;
    uint16_t left[LP2P_DNS_SECTIONS]; /* announced and not read */
    int err;                          /* sticky */
};

/* Reads the header; the message stays where it is while it is read. -LP2P_E_DECODE. */
int lp2p_dns_reader_init(struct lp2p_dns_reader *r, struct lp2p_span msg);

/* The next one; false behind the last and at the first error. Questions are read before records. */
bool lp2p_dns_next_question(struct lp2p_dns_reader *r, struct lp2p_dns_question *ret);
bool lp2p_dns_next_record(struct lp2p_dns_reader *r, struct lp2p_dns_record *ret);

/* 0 when all that was announced was there, else -LP2P_E_DECODE. Bytes behind it are ignored. */
int lp2p_dns_end(const struct lp2p_dns_reader *r);

/* The name in the data of a PTR record. -LP2P_E_DECODE. */
int lp2p_dns_record_name(const struct lp2p_dns_reader *r, const struct lp2p_dns_record *rr,
                         struct lp2p_dns_name *ret);

/* Walks the character strings of a TXT record: start with *pos = 0; false at the end or where one
 * is cut. */
bool lp2p_dns_txt_next(const struct lp2p_dns_record *rr, size_t *pos, struct lp2p_span *ret);

/* Makes a name of text without a final dot or escapes. -LP2P_E_DECODE for empty and long labels,
 * -LP2P_E_TOO_LONG. */
int lp2p_dns_name_parse(const char *text, struct lp2p_dns_name *ret);

/* ASCII letters are equal in either case (RFC 1035, 2.3.3). */
bool lp2p_dns_name_eq(const struct lp2p_dns_name *a, const struct lp2p_dns_name *b);

/* True when `name` is one label in front of `parent`. */
bool lp2p_dns_name_is_child(const struct lp2p_dns_name *name, const struct lp2p_dns_name *parent);

/* Writes into fixed bytes, with names compressed. The first error sticks. */
struct lp2p_dns_writer {
    uint8_t *p;
    size_t cap;
    size_t len;
    size_t n_known; /* places where a name or the rest of one begins */
    uint16_t known[32];
    int err;
};

/* Begins with the header; counts are kept by the calls below, which go in the order of sections. */
void lp2p_dns_writer_init(struct lp2p_dns_writer *w, uint8_t *p, size_t cap, uint16_t flags);
void lp2p_dns_put_question(struct lp2p_dns_writer *w, const struct lp2p_dns_name *name,
                           uint16_t type, uint16_t class_);

/* A record without its data, which follows until `end`; `rr->data` is not looked at. */
size_t lp2p_dns_begin_record(struct lp2p_dns_writer *w, const struct lp2p_dns_record *rr);
void lp2p_dns_put_name(struct lp2p_dns_writer *w, const struct lp2p_dns_name *name);
/* In SRV data (RFC 2782). */
void lp2p_dns_put_name_plain(struct lp2p_dns_writer *w, const struct lp2p_dns_name *name);
void lp2p_dns_put_u16(struct lp2p_dns_writer *w, uint16_t v);
void lp2p_dns_put_bytes(struct lp2p_dns_writer *w, struct lp2p_span v);
/* A character string of at most LP2P_DNS_TEXT_MAX bytes. */
void lp2p_dns_put_text(struct lp2p_dns_writer *w, struct lp2p_span v);
void lp2p_dns_end_record(struct lp2p_dns_writer *w, size_t begin);

/* 0 and the length, or -LP2P_E_TOO_LONG. */
int lp2p_dns_finish(const struct lp2p_dns_writer *w, size_t *ret_len);

#endif
