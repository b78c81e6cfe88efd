#include "format/dns.h"

#include "base/assert.h"
#include "lp2p/error.h"

#define HEADER_SIZE   12U
#define POINTER       0xc0U
#define POINTER_REACH 0x3fffU

/* ---- names ---- */

static int name_add(struct lp2p_dns_name *name, const uint8_t *p, size_t n)
{
    if (name->len + n > LP2P_DNS_NAME_MAX) {
        return -LP2P_E_TOO_LONG;
    }
    memcpy(name->wire + name->len, p, n);
    name->len = (uint8_t)(name->len + n);
    return 0;
}

/* Reads the name at `*pos` and moves it behind; each pointer must lead to before where it began. */
static int name_get(struct lp2p_span msg, size_t *pos, struct lp2p_dns_name *ret)
{
    size_t at = *pos, floor = *pos, end = 0;
    ret->len = 0;
    for (unsigned hops = 0; at < msg.n;) {
        uint8_t head = msg.p[at];
        if ((head & POINTER) == POINTER) {
            size_t to = at + 1 < msg.n ? (size_t)(head & 0x3fU) << 8 | msg.p[at + 1] : msg.n;
            end = end == 0 ? at + 2 : end;
            if (to >= floor || ++hops > LP2P_DNS_HOPS_MAX) {
                return -LP2P_E_DECODE;
            }
            at = floor = to;
            continue;
        }
        if ((head & POINTER) != 0 || head >= msg.n - at ||
            name_add(ret, msg.p + at, head + 1U) != 0) {
            return -LP2P_E_DECODE;
        }
        at += head + 1U;
        if (head == 0) {
            *pos = end == 0 ? at : end;
            return 0;
        }
    }
    return -LP2P_E_DECODE;
}

int lp2p_dns_name_parse(const char *text, struct lp2p_dns_name *ret)
{
    struct lp2p_dns_name name = {.len = 0};
    for (bool more = true; more;) {
        const char *dot = strchr(text, '.');
        size_t n = dot == NULL ? strlen(text) : (size_t)(dot - text);
        uint8_t head = (uint8_t)n;
        if (n == 0 || n > LP2P_DNS_LABEL_MAX) {
            return -LP2P_E_DECODE;
        }
        LP2P_TRY(name_add(&name, &head, 1));
        LP2P_TRY(name_add(&name, (const uint8_t *)text, n));
        text += n + 1;
        more = dot != NULL;
    }
    LP2P_TRY(name_add(&name, (const uint8_t *)"", 1));
    *ret = name;
    return 0;
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20U) : c;
}

/* Label lengths are below 'A', so they can be compared as letters are. */
static bool wire_eq(const uint8_t *a, const uint8_t *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (lower(a[i]) != lower(b[i])) {
            return false;
        }
    }
    return true;
}

bool lp2p_dns_name_eq(const struct lp2p_dns_name *a, const struct lp2p_dns_name *b)
{
    return a->len == b->len && wire_eq(a->wire, b->wire, a->len);
}

bool lp2p_dns_name_is_child(const struct lp2p_dns_name *name, const struct lp2p_dns_name *parent)
{
    if (name->len < 2) {
        return false;
    }
    size_t first = name->wire[0] + 1U;
    return parent->len > 0 && name->len == first + parent->len &&
           wire_eq(name->wire + first, parent->wire, parent->len);
}

/* ---- reader ---- */

static struct lp2p_cursor cursor_at(const struct lp2p_dns_reader *r)
{
    return lp2p_cursor(r->msg.p + r->pos, r->msg.n - r->pos);
}

static bool fail(struct lp2p_dns_reader *r)
{
    r->err = -LP2P_E_DECODE;
    return false;
}

int lp2p_dns_reader_init(struct lp2p_dns_reader *r, struct lp2p_span msg)
{
    *r = (struct lp2p_dns_reader){.msg = msg, .pos = HEADER_SIZE};
    if (msg.n < HEADER_SIZE) {
        r->err = -LP2P_E_DECODE;
        return r->err;
    }
    r->id = lp2p_get_be16(msg.p);
    r->flags = lp2p_get_be16(msg.p + 2);
    for (size_t i = 0; i < LP2P_DNS_SECTIONS; i++) {
        r->left[i] = lp2p_get_be16(msg.p + 4 + 2 * i);
    }
    return 0;
}

bool lp2p_dns_next_question(struct lp2p_dns_reader *r, struct lp2p_dns_question *ret)
{
    if (r->err != 0 || r->left[LP2P_DNS_QUESTION] == 0) {
        return false;
    }
    if (name_get(r->msg, &r->pos, &ret->name) != 0) {
        return fail(r);
    }
    struct lp2p_cursor c = cursor_at(r);
    if (lp2p_cursor_get_u16(&c, &ret->type) != 0 || lp2p_cursor_get_u16(&c, &ret->class_) != 0) {
        return fail(r);
    }
    r->pos = (size_t)(c.p - r->msg.p);
    r->left[LP2P_DNS_QUESTION]--;
    return true;
}

static bool read_record(struct lp2p_dns_reader *r, struct lp2p_dns_record *ret)
{
    uint16_t n;
    if (name_get(r->msg, &r->pos, &ret->name) != 0) {
        return false;
    }
    struct lp2p_cursor c = cursor_at(r);
    if (lp2p_cursor_get_u16(&c, &ret->type) != 0 || lp2p_cursor_get_u16(&c, &ret->class_) != 0 ||
        lp2p_cursor_get_u32(&c, &ret->ttl) != 0 || lp2p_cursor_get_u16(&c, &n) != 0 ||
        lp2p_cursor_get_span(&c, n, &ret->data) != 0) {
        return false;
    }
    r->pos = (size_t)(c.p - r->msg.p);
    return true;
}

bool lp2p_dns_next_record(struct lp2p_dns_reader *r, struct lp2p_dns_record *ret)
{
    if (r->err != 0) {
        return false;
    }
    if (r->left[LP2P_DNS_QUESTION] > 0) {
        return fail(r);
    }
    for (size_t s = LP2P_DNS_ANSWER; s < LP2P_DNS_SECTIONS; s++) {
        if (r->left[s] > 0) {
            r->left[s]--;
            ret->section = (enum lp2p_dns_section)s;
            return read_record(r, ret) || fail(r);
        }
    }
    return false;
}

int lp2p_dns_end(const struct lp2p_dns_reader *r)
{
    for (size_t s = 0; s < LP2P_DNS_SECTIONS; s++) {
        if (r->left[s] > 0) {
            return -LP2P_E_DECODE;
        }
    }
    return r->err;
}

int lp2p_dns_record_name(const struct lp2p_dns_reader *r, const struct lp2p_dns_record *rr,
                         struct lp2p_dns_name *ret)
{
    size_t begin = (size_t)(rr->data.p - r->msg.p), pos = begin;
    struct lp2p_dns_name name;
    /* Seen up to the end of the record only, so the name cannot run out of it. */
    LP2P_TRY(name_get(lp2p_span(r->msg.p, begin + rr->data.n), &pos, &name));
    if (pos != begin + rr->data.n) {
        return -LP2P_E_DECODE;
    }
    *ret = name;
    return 0;
}

bool lp2p_dns_txt_next(const struct lp2p_dns_record *rr, size_t *pos, struct lp2p_span *ret)
{
    if (*pos >= rr->data.n || rr->data.p[*pos] > rr->data.n - *pos - 1) {
        return false;
    }
    *ret = lp2p_span(rr->data.p + *pos + 1, rr->data.p[*pos]);
    *pos += ret->n + 1;
    return true;
}

/* ---- writer ---- */

static uint8_t *room(struct lp2p_dns_writer *w, size_t n)
{
    if (w->err == 0 && n > w->cap - w->len) {
        w->err = -LP2P_E_TOO_LONG;
    }
    if (w->err != 0) {
        return NULL;
    }
    w->len += n;
    return w->p + w->len - n;
}

static void count(struct lp2p_dns_writer *w, enum lp2p_dns_section section)
{
    if (w->err == 0) {
        uint8_t *at = w->p + 4 + 2 * (size_t)section;
        lp2p_put_be16(at, (uint16_t)(lp2p_get_be16(at) + 1));
    }
}

void lp2p_dns_writer_init(struct lp2p_dns_writer *w, uint8_t *p, size_t cap, uint16_t flags)
{
    *w = (struct lp2p_dns_writer){.p = p, .cap = cap};
    uint8_t *head = room(w, HEADER_SIZE);
    if (head != NULL) {
        memset(head, 0, HEADER_SIZE);
        lp2p_put_be16(head + 2, flags);
    }
}

void lp2p_dns_put_bytes(struct lp2p_dns_writer *w, struct lp2p_span v)
{
    uint8_t *at = room(w, v.n);
    if (at != NULL && v.n > 0) {
        memcpy(at, v.p, v.n);
    }
}

void lp2p_dns_put_u16(struct lp2p_dns_writer *w, uint16_t v)
{
    uint8_t *at = room(w, 2);
    if (at != NULL) {
        lp2p_put_be16(at, v);
    }
}

/* Is the rest of a name what begins at a place of the message? */
static bool is_known(const struct lp2p_dns_writer *w, size_t place, const uint8_t *rest, size_t n)
{
    struct lp2p_dns_name name;
    size_t pos = place;
    return name_get(lp2p_span(w->p, w->len), &pos, &name) == 0 && name.len == n &&
           memcmp(name.wire, rest, n) == 0;
}

static bool put_pointer(struct lp2p_dns_writer *w, const uint8_t *rest, size_t n)
{
    for (size_t i = 0; i < w->n_known; i++) {
        if (is_known(w, w->known[i], rest, n)) {
            lp2p_dns_put_u16(w, (uint16_t)(0xc000U | w->known[i]));
            return true;
        }
    }
    return false;
}

static void put_name(struct lp2p_dns_writer *w, const struct lp2p_dns_name *name, bool compress)
{
    uint16_t begun[LP2P_COUNT(w->known)];
    size_t n_begun = 0;
    for (size_t at = 0; at < name->len && w->err == 0;) {
        size_t n = name->wire[at] + 1U;
        if (compress && n > 1 && put_pointer(w, name->wire + at, name->len - at)) {
            break;
        }
        if (n > 1 && w->len <= POINTER_REACH && w->n_known + n_begun < LP2P_COUNT(w->known)) {
            begun[n_begun++] = (uint16_t)w->len;
        }
        lp2p_dns_put_bytes(w, lp2p_span(name->wire + at, n));
        at += n;
    }
    /* Places of this name can be pointed to only when it is whole. */
    for (size_t i = 0; i < n_begun && w->err == 0; i++) {
        w->known[w->n_known++] = begun[i];
    }
}

void lp2p_dns_put_name(struct lp2p_dns_writer *w, const struct lp2p_dns_name *name)
{
    put_name(w, name, true);
}

void lp2p_dns_put_name_plain(struct lp2p_dns_writer *w, const struct lp2p_dns_name *name)
{
    put_name(w, name, false);
}

void lp2p_dns_put_text(struct lp2p_dns_writer *w, struct lp2p_span v)
{
    LP2P_ASSERT(v.n <= LP2P_DNS_TEXT_MAX);
    uint8_t n = (uint8_t)v.n;
    lp2p_dns_put_bytes(w, lp2p_span(&n, 1));
    lp2p_dns_put_bytes(w, v);
}

void lp2p_dns_put_question(struct lp2p_dns_writer *w, const struct lp2p_dns_name *name,
                           uint16_t type, uint16_t class_)
{
    lp2p_dns_put_name(w, name);
    lp2p_dns_put_u16(w, type);
    lp2p_dns_put_u16(w, class_);
    count(w, LP2P_DNS_QUESTION);
}

size_t lp2p_dns_begin_record(struct lp2p_dns_writer *w, const struct lp2p_dns_record *rr)
{
    lp2p_dns_put_name(w, &rr->name);
    lp2p_dns_put_u16(w, rr->type);
    lp2p_dns_put_u16(w, rr->class_);
    lp2p_dns_put_u16(w, (uint16_t)(rr->ttl >> 16));
    lp2p_dns_put_u16(w, (uint16_t)rr->ttl);
    lp2p_dns_put_u16(w, 0);
    count(w, rr->section);
    return w->len;
}

void lp2p_dns_end_record(struct lp2p_dns_writer *w, size_t begin)
{
    if (w->err == 0 && w->len - begin > UINT16_MAX) {
        w->err = -LP2P_E_TOO_LONG;
    }
    if (w->err == 0) {
        lp2p_put_be16(w->p + begin - 2, (uint16_t)(w->len - begin));
    }
}

int lp2p_dns_finish(const struct lp2p_dns_writer *w, size_t *ret_len)
{
    if (w->err == 0) {
        *ret_len = w->len;
    }
    return w->err;
}
