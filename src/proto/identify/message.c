#include "proto/identify/identify.h"

#include "base/assert.h"
#include "format/protobuf.h"

/* Fields of the Identify message. */
enum {
    FIELD_PUBLIC_KEY = 1,
    FIELD_LISTEN_ADDRS = 2,
    FIELD_PROTOCOLS = 3,
    FIELD_OBSERVED_ADDR = 4,
    FIELD_PROTOCOL_VERSION = 5,
    FIELD_AGENT_VERSION = 6,
    FIELD_SIGNED_PEER_RECORD = 8,
};

/* What js-multiaddr, rust-multiaddr and go-multiaddr have all known for years. */
static const uint16_t PLAIN_CODES[] = {
    LP2P_MA_IP4,  LP2P_MA_TCP,     LP2P_MA_IP6,     LP2P_MA_DNS, LP2P_MA_DNS4,
    LP2P_MA_DNS6, LP2P_MA_DNSADDR, LP2P_MA_UDP,     LP2P_MA_P2P, LP2P_MA_P2P_CIRCUIT,
    LP2P_MA_TLS,  LP2P_MA_SNI,     LP2P_MA_QUIC_V1, LP2P_MA_WS,  LP2P_MA_WSS,
};

static bool is_plain_code(uint32_t code)
{
    for (size_t i = 0; i < LP2P_COUNT(PLAIN_CODES); i++) {
        if (PLAIN_CODES[i] == code) {
            return true;
        }
    }
    return false;
}

bool lp2p_identify_addr_is_plain(struct lp2p_span addr)
{
    struct lp2p_multiaddr ma;
    if (lp2p_multiaddr_decode(addr.p, addr.n, &ma) != 0) {
        return false;
    }
    struct lp2p_multiaddr_part part;
    for (size_t pos = 0; lp2p_multiaddr_next(&ma, &pos, &part);) {
        if (!is_plain_code(part.code)) {
            return false;
        }
    }
    return true;
}

/* Keeps a non-empty element while there is room. */
static void list_add(struct lp2p_identify_msg *msg, struct lp2p_span v, bool addr)
{
    struct lp2p_span *list = addr ? msg->addrs : msg->protocols;
    size_t max = addr ? LP2P_IDENTIFY_ADDRS_MAX : LP2P_IDENTIFY_PROTOCOLS_MAX;
    size_t *n = addr ? &msg->n_addrs : &msg->n_protocols;
    if (v.n == 0) {
        return; /* js-libp2p#3478: an empty address would be `/` */
    }
    if (*n == max) {
        msg->dropped++;
        return;
    }
    list[(*n)++] = v;
}

static int decode_field(const struct lp2p_pb_field *f, struct lp2p_identify_msg *msg)
{
    struct lp2p_span *scalar = NULL;
    switch (f->num) {
    case FIELD_PUBLIC_KEY:
        scalar = &msg->public_key;
        break;
    case FIELD_OBSERVED_ADDR:
        scalar = &msg->observed_addr;
        break;
    case FIELD_PROTOCOL_VERSION:
        scalar = &msg->protocol_version;
        break;
    case FIELD_AGENT_VERSION:
        scalar = &msg->agent_version;
        break;
    case FIELD_SIGNED_PEER_RECORD:
        scalar = &msg->signed_peer_record;
        break;
    case FIELD_LISTEN_ADDRS:
    case FIELD_PROTOCOLS:
        break;
    default:
        return 0;
    }
    struct lp2p_span v;
    LP2P_TRY(lp2p_pb_field_bytes(f, &v));
    if (scalar != NULL) {
        *scalar = v;
    } else {
        list_add(msg, v, f->num == FIELD_LISTEN_ADDRS);
    }
    return 0;
}

int lp2p_identify_decode(struct lp2p_span pb, struct lp2p_identify_msg *ret)
{
    struct lp2p_identify_msg msg = {0};
    struct lp2p_pb_reader r = lp2p_pb_reader(pb);
    struct lp2p_pb_field f;
    while (lp2p_pb_next(&r, &f)) {
        LP2P_TRY(decode_field(&f, &msg));
    }
    LP2P_TRY(lp2p_pb_end(&r));
    *ret = msg;
    return 0;
}

static size_t optional_size(uint32_t num, struct lp2p_span v)
{
    return v.n == 0 ? 0 : lp2p_pb_size_bytes(num, v.n);
}

static void put_optional(struct lp2p_pb_writer *w, uint32_t num, struct lp2p_span v)
{
    if (v.n > 0) {
        lp2p_pb_put_bytes(w, num, v);
    }
}

/* Length of the message without addresses. */
static size_t base_size(const struct lp2p_identify_msg *m)
{
    size_t n = optional_size(FIELD_PUBLIC_KEY, m->public_key) +
               optional_size(FIELD_OBSERVED_ADDR, m->observed_addr) +
               optional_size(FIELD_PROTOCOL_VERSION, m->protocol_version) +
               optional_size(FIELD_AGENT_VERSION, m->agent_version) +
               optional_size(FIELD_SIGNED_PEER_RECORD, m->signed_peer_record);
    for (size_t i = 0; i < m->n_protocols; i++) {
        n += optional_size(FIELD_PROTOCOLS, m->protocols[i]);
    }
    return n;
}

/* Without what gives way first: the record, then the end of a long agent version, then the
 * protocols that were named last. A message that says less is worth more than none. */
static int shorten_base(struct lp2p_identify_msg *m, size_t *ret_size)
{
    size_t size = base_size(m);
    if (size > LP2P_IDENTIFY_SEND_MAX) {
        m->signed_peer_record = lp2p_span(NULL, 0);
        size = base_size(m);
    }
    if (size > LP2P_IDENTIFY_SEND_MAX) {
        m->agent_version.n = LP2P_MIN(m->agent_version.n, LP2P_IDENTIFY_SEND_AGENT_MAX);
        size = base_size(m);
    }
    while (size > LP2P_IDENTIFY_SEND_MAX && m->n_protocols > 0) {
        m->n_protocols--;
        size -= optional_size(FIELD_PROTOCOLS, m->protocols[m->n_protocols]);
    }
    *ret_size = size;
    return size > LP2P_IDENTIFY_SEND_MAX ? -LP2P_E_LIMIT : 0;
}

/* Leaves in `m` what may be sent: plain addresses, as many as fit beside the rest. */
static int shorten(struct lp2p_identify_msg *m)
{
    if (!lp2p_identify_addr_is_plain(m->observed_addr)) {
        m->observed_addr = lp2p_span(NULL, 0);
    }
    size_t size, kept = 0;
    LP2P_TRY(shorten_base(m, &size));
    for (size_t i = 0; i < m->n_addrs && kept < LP2P_IDENTIFY_SEND_ADDRS_MAX; i++) {
        size_t add = lp2p_pb_size_bytes(FIELD_LISTEN_ADDRS, m->addrs[i].n);
        if (!lp2p_identify_addr_is_plain(m->addrs[i])) {
            continue;
        }
        if (size + add > LP2P_IDENTIFY_SEND_MAX) {
            break;
        }
        size += add;
        m->addrs[kept++] = m->addrs[i];
    }
    m->n_addrs = kept;
    return 0;
}

int lp2p_identify_encode(const struct lp2p_identify_msg *msg, struct lp2p_buf *buf)
{
    LP2P_ASSERT(msg->n_addrs <= LP2P_IDENTIFY_ADDRS_MAX);
    LP2P_ASSERT(msg->n_protocols <= LP2P_IDENTIFY_PROTOCOLS_MAX);
    struct lp2p_identify_msg m = *msg;
    LP2P_TRY(shorten(&m));
    struct lp2p_pb_writer w = lp2p_pb_writer_buf(buf);
    put_optional(&w, FIELD_PUBLIC_KEY, m.public_key);
    for (size_t i = 0; i < m.n_addrs; i++) {
        put_optional(&w, FIELD_LISTEN_ADDRS, m.addrs[i]);
    }
    for (size_t i = 0; i < m.n_protocols; i++) {
        put_optional(&w, FIELD_PROTOCOLS, m.protocols[i]);
    }
    put_optional(&w, FIELD_OBSERVED_ADDR, m.observed_addr);
    put_optional(&w, FIELD_PROTOCOL_VERSION, m.protocol_version);
    put_optional(&w, FIELD_AGENT_VERSION, m.agent_version);
    put_optional(&w, FIELD_SIGNED_PEER_RECORD, m.signed_peer_record);
    size_t len;
    return lp2p_pb_finish(&w, &len);
}
