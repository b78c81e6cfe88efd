#include "identity/envelope.h"

#include "base/assert.h"
#include "format/protobuf.h"
#include "harness/failmem.h"
#include "harness/vectors.h"
#include "lp2p/error.h"
#include "lp2p/multiaddr.h"

#define SEQ 1700000000123456789U

static struct lp2p_crypto *crypto;
static struct lp2p_identity ours;  /* who wrote the vectors */
static struct lp2p_identity other; /* somebody else */

static int setup(void **state)
{
    (void)state;
    uint8_t seed[32];
    memset(seed, 7, sizeof(seed));
    int err = lp2p_crypto_init();
    err = err != 0 ? err : lp2p_crypto_new(lp2p_mem_default(), &crypto);
    err = err != 0 ? err : lp2p_identity_from_seed(crypto, seed, &ours);
    seed[0] = 8;
    return err != 0 ? err : lp2p_identity_from_seed(crypto, seed, &other);
}

static int teardown(void **state)
{
    (void)state;
    lp2p_crypto_free(crypto);
    return 0;
}

static const char *const addresses[] = {
    "/ip4/192.0.2.42/tcp/4001", "/ip6/2001:db8::1/udp/443/quic-v1", "/dns4/x.example/tcp/443/wss"};

static int open_it(const struct lp2p_buf *b, const struct lp2p_peer_id *expected)
{
    struct lp2p_peer_record rec;
    return lp2p_peer_record_open(lp2p_mem_default(), crypto, lp2p_buf_span(b), expected, &rec);
}

static void check_record(const struct lp2p_peer_record *rec)
{
    assert_true(lp2p_peer_id_eq(&rec->id, &ours.id));
    assert_true(rec->seq == SEQ);
    assert_int_equal(rec->n_addrs, LP2P_COUNT(addresses));
    assert_int_equal(rec->dropped, 0);
    for (size_t i = 0; i < rec->n_addrs; i++) {
        struct lp2p_multiaddr ma;
        assert_int_equal(lp2p_multiaddr_parse(addresses[i], strlen(addresses[i]), &ma), 0);
        assert_true(lp2p_span_eq(rec->addrs[i], lp2p_span(ma.bytes, ma.len)));
    }
}

static void records_of_go_are_taken_in_both_forms(void **state)
{
    (void)state;
    struct vectors v;
    vectors_open(&v, "peer_records.txt");
    while (vectors_next(&v, 2)) {
        uint8_t pb[1024];
        size_t n = vectors_hex(v.col[0], pb, sizeof(pb));
        struct lp2p_peer_record rec;
        assert_int_equal(
            lp2p_peer_record_open(lp2p_mem_default(), crypto, lp2p_span(pb, n), &ours.id, &rec), 0);
        check_record(&rec);
    }
    vectors_close(&v, 2);
}

static void seal(const struct lp2p_mem *mem, struct lp2p_buf *out, int *ret)
{
    struct lp2p_multiaddr ma[LP2P_COUNT(addresses)];
    struct lp2p_peer_record rec = {.seq = SEQ, .n_addrs = LP2P_COUNT(addresses)};
    for (size_t i = 0; i < rec.n_addrs; i++) {
        assert_int_equal(lp2p_multiaddr_parse(addresses[i], strlen(addresses[i]), &ma[i]), 0);
        rec.addrs[i] = lp2p_span(ma[i].bytes, ma[i].len);
    }
    lp2p_buf_init(out, mem, LP2P_ENVELOPE_MAX);
    *ret = lp2p_peer_record_seal(crypto, &ours, &rec, out);
}

/* Ed25519 has no random part: we write what go writes, byte for byte. */
static void we_write_what_go_writes(void **state)
{
    (void)state;
    struct vectors v;
    struct lp2p_buf b;
    int err;
    uint8_t pb[1024];
    vectors_open(&v, "peer_records.txt");
    assert_true(vectors_next(&v, 2));
    size_t n = vectors_hex(v.col[0], pb, sizeof(pb));
    vectors_close(&v, 1);
    seal(lp2p_mem_default(), &b, &err);
    assert_int_equal(err, 0);
    assert_true(lp2p_span_eq(lp2p_buf_span(&b), lp2p_span(pb, n)));
    lp2p_buf_fini(&b);
}

/* Class C1: every byte counts. */
static void a_changed_byte_is_noticed(void **state)
{
    (void)state;
    struct lp2p_buf b;
    int err;
    seal(lp2p_mem_default(), &b, &err);
    assert_int_equal(open_it(&b, &ours.id), 0);
    assert_int_equal(open_it(&b, NULL), 0);
    assert_int_equal(open_it(&b, &other.id), -LP2P_E_PEER_ID);
    uint8_t *p = b.p + b.off;
    for (size_t i = 0; i < b.len; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            p[i] ^= (uint8_t)(1U << bit);
            assert_int_not_equal(open_it(&b, NULL), 0);
            p[i] ^= (uint8_t)(1U << bit);
        }
    }
    size_t whole = b.len;
    for (b.len = 0; b.len < whole; b.len++) {
        assert_int_not_equal(open_it(&b, NULL), 0);
    }
    assert_int_equal(open_it(&b, NULL), 0);
    lp2p_buf_fini(&b);
}

static struct lp2p_span record_of(const struct lp2p_identity *who, uint8_t *pb, size_t size)
{
    struct lp2p_pb_writer w = lp2p_pb_writer_fixed(pb, size);
    lp2p_pb_put_bytes(&w, 1, lp2p_span(who->id.bytes, who->id.len));
    lp2p_pb_put_u64(&w, 2, 5);
    size_t n;
    assert_int_equal(lp2p_pb_finish(&w, &n), 0);
    return lp2p_span(pb, n);
}

/* RUSTSEC-2022-0009 and the pairs of domain and type. */
static void only_the_own_record_in_its_own_domain(void **state)
{
    (void)state;
    static const struct {
        const char *domain, *type;
        bool own;
        int err;
    } rows[] = {
        {"libp2p-peer-record", "\x03\x01", true, 0},
        {"libp2p-routing-state", "/libp2p/routing-state-record", true, 0},
        {"libp2p-peer-record", "\x03\x01", false, -LP2P_E_PEER_ID},
        {"libp2p-routing-state", "/libp2p/routing-state-record", false, -LP2P_E_PEER_ID},
        {"libp2p-routing-state", "\x03\x01", true, -LP2P_E_AUTH},
        {"libp2p-peer-record", "/libp2p/routing-state-record", true, -LP2P_E_AUTH},
        {"libp2p-relay-rsvp", "\x03\x01", true, -LP2P_E_AUTH},
        {"libp2p-relay-rsvp", "\x03\x02", true, -LP2P_E_UNSUPPORTED},
        {"libp2p-peer-record", "\x03", true, -LP2P_E_UNSUPPORTED},
    };
    for (size_t i = 0; i < LP2P_COUNT(rows); i++) {
        uint8_t pb[128];
        const struct lp2p_envelope_content content = {
            .domain = lp2p_span_str(rows[i].domain),
            .payload_type = lp2p_span_str(rows[i].type),
            .payload = record_of(rows[i].own ? &ours : &other, pb, sizeof(pb)),
        };
        struct lp2p_buf b;
        lp2p_buf_init(&b, lp2p_mem_default(), LP2P_ENVELOPE_MAX);
        assert_int_equal(lp2p_envelope_seal(crypto, &ours, &content, &b), 0);
        assert_int_equal(open_it(&b, NULL), rows[i].err);
        lp2p_buf_fini(&b);
    }
}

/* Hand-made envelopes: `parts` as field number and bytes. */
static int decode_parts(const struct lp2p_span part[static 6])
{
    uint8_t pb[512];
    struct lp2p_pb_writer w = lp2p_pb_writer_fixed(pb, sizeof(pb));
    for (uint32_t i = 1; i <= 5; i++) {
        if (part[i].p != NULL) {
            lp2p_pb_put_bytes(&w, i, part[i]);
        }
    }
    size_t n;
    assert_int_equal(lp2p_pb_finish(&w, &n), 0);
    struct lp2p_envelope env;
    return lp2p_envelope_decode(lp2p_span(pb, n), &env);
}

static void an_envelope_has_key_and_type(void **state)
{
    (void)state;
    struct lp2p_span whole[6] = {
        [1] = lp2p_span(ours.public_pb, sizeof(ours.public_pb)),
        [2] = lp2p_span_str("\x03\x01"),
        [3] = lp2p_span_str("payload"),
        [4] = lp2p_span_str("unused field"),
        [5] = lp2p_span_str("signature"),
    };
    assert_int_equal(decode_parts(whole), 0);
    for (size_t i = 1; i <= 5; i++) {
        struct lp2p_span part[6];
        memcpy(part, whole, sizeof(part));
        part[i] = lp2p_span(NULL, 0);
        assert_int_equal(decode_parts(part), i <= 2 ? -LP2P_E_DECODE : 0);
    }
    static const uint8_t number[] = {0x08, 0x01};
    struct lp2p_envelope env;
    assert_int_equal(lp2p_envelope_decode(lp2p_span(number, 2), &env), -LP2P_E_DECODE);
    static uint8_t huge[LP2P_ENVELOPE_MAX + 1];
    assert_int_equal(lp2p_envelope_decode(lp2p_span(huge, sizeof(huge)), &env), -LP2P_E_TOO_LONG);
}

static void addresses_are_counted(void **state)
{
    (void)state;
    uint8_t pb[1024];
    struct lp2p_pb_writer w = lp2p_pb_writer_fixed(pb, sizeof(pb));
    lp2p_pb_put_bytes(&w, 1, lp2p_span(ours.id.bytes, ours.id.len));
    lp2p_pb_put_bytes(&w, 3, lp2p_span("", 0)); /* no address in it: left out */
    for (size_t i = 0; i < LP2P_PEER_RECORD_ADDRS_MAX + 6; i++) {
        lp2p_pb_put_bytes(&w, 3, lp2p_span("\x0a\x02no", 4)); /* does not parse: kept */
    }
    size_t n;
    assert_int_equal(lp2p_pb_finish(&w, &n), 0);
    const struct lp2p_envelope_content content = {
        .domain = lp2p_span_str(LP2P_PEER_RECORD_DOMAIN),
        .payload_type = lp2p_span_str(LP2P_PEER_RECORD_TYPE),
        .payload = lp2p_span(pb, n)};
    struct lp2p_buf b;
    lp2p_buf_init(&b, lp2p_mem_default(), LP2P_ENVELOPE_MAX);
    assert_int_equal(lp2p_envelope_seal(crypto, &ours, &content, &b), 0);
    struct lp2p_peer_record rec;
    assert_int_equal(
        lp2p_peer_record_open(lp2p_mem_default(), crypto, lp2p_buf_span(&b), NULL, &rec), 0);
    assert_int_equal(rec.n_addrs, LP2P_PEER_RECORD_ADDRS_MAX);
    assert_int_equal(rec.dropped, 6);
    assert_int_equal(rec.seq, 0);
    lp2p_buf_fini(&b);
}

static void what_is_too_long_is_not_written(void **state)
{
    (void)state;
    static uint8_t long_addr[1024];
    struct lp2p_peer_record rec = {.n_addrs = 8};
    for (size_t i = 0; i < rec.n_addrs; i++) {
        rec.addrs[i] = lp2p_span(long_addr, sizeof(long_addr));
    }
    struct lp2p_buf b;
    lp2p_buf_init(&b, lp2p_mem_default(), 2 * LP2P_ENVELOPE_MAX);
    assert_int_equal(lp2p_peer_record_seal(crypto, &ours, &rec, &b), -LP2P_E_TOO_LONG);
    assert_int_equal(b.len, 0);
    rec.n_addrs = 7;
    assert_int_equal(lp2p_peer_record_seal(crypto, &ours, &rec, &b), 0);
    assert_true(b.len <= LP2P_ENVELOPE_MAX);
    assert_int_equal(open_it(&b, &ours.id), 0);
    lp2p_buf_fini(&b);
}

/* What it says and of whom, whatever the signature is; but not in somebody else's name. */
static void a_record_can_be_read_without_belief(void **state)
{
    (void)state;
    static const struct lp2p_peer_id nobody = {.len = 2};
    struct lp2p_peer_record rec = {.seq = SEQ};
    struct lp2p_buf b;
    lp2p_buf_init(&b, lp2p_mem_default(), LP2P_ENVELOPE_MAX);
    assert_int_equal(lp2p_peer_record_seal(crypto, &ours, &rec, &b), 0);
    b.p[b.off + b.len - 1] ^= 1;
    assert_int_equal(open_it(&b, &ours.id), -LP2P_E_AUTH);
    rec.seq = 0;
    assert_int_equal(lp2p_peer_record_read(crypto, lp2p_buf_span(&b), &ours.id, &rec), 0);
    assert_true(rec.seq == SEQ && lp2p_peer_id_eq(&rec.id, &ours.id));
    assert_int_equal(lp2p_peer_record_read(crypto, lp2p_buf_span(&b), &nobody, &rec),
                     -LP2P_E_PEER_ID);
    lp2p_buf_fini(&b);
}

static int seal_and_open(const struct lp2p_mem *mem, void *ctx)
{
    (void)ctx;
    struct lp2p_buf b;
    struct lp2p_peer_record rec;
    int err;
    seal(mem, &b, &err);
    if (err == 0) {
        err = lp2p_peer_record_open(mem, crypto, lp2p_buf_span(&b), &ours.id, &rec);
    }
    lp2p_buf_fini(&b);
    return err;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    assert_true(failmem_each(seal_and_open, NULL) >= 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_of_go_are_taken_in_both_forms),
        cmocka_unit_test(we_write_what_go_writes),
        cmocka_unit_test(a_changed_byte_is_noticed),
        cmocka_unit_test(only_the_own_record_in_its_own_domain),
        cmocka_unit_test(an_envelope_has_key_and_type),
        cmocka_unit_test(addresses_are_counted),
        cmocka_unit_test(a_record_can_be_read_without_belief),
        cmocka_unit_test(what_is_too_long_is_not_written),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
