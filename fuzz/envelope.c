/* What is believed of an envelope: the record is of the one who signed it, and of nobody else. */
#include "base/assert.h"
#include "identity/envelope.h"

#include "harness/stub_crypto.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void check(const struct lp2p_peer_record *rec, const uint8_t *p, size_t n)
{
    struct lp2p_envelope env;
    struct lp2p_peer_id signer;
    LP2P_ASSERT(n <= LP2P_ENVELOPE_MAX);
    LP2P_ASSERT(lp2p_envelope_decode(lp2p_span(p, n), &env) == 0);
    LP2P_ASSERT(lp2p_public_key_peer_id(&stub_crypto, &env.key, &signer) == 0);
    LP2P_ASSERT(lp2p_peer_id_eq(&signer, &rec->id));
    LP2P_ASSERT(rec->n_addrs == LP2P_PEER_RECORD_ADDRS_MAX ||
                (rec->n_addrs < LP2P_PEER_RECORD_ADDRS_MAX && rec->dropped == 0));
    for (size_t i = 0; i < rec->n_addrs; i++) {
        struct lp2p_span a = rec->addrs[i];
        LP2P_ASSERT(a.n > 0 && a.p >= p && a.p + a.n <= p + n);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    static struct lp2p_crypto *crypto;
    if (crypto == NULL) {
        LP2P_ASSERT(lp2p_crypto_init() == 0);
        LP2P_ASSERT(lp2p_crypto_new(lp2p_mem_default(), &crypto) == 0);
    }
    struct lp2p_peer_record rec;
    struct lp2p_peer_record real;
    int err = lp2p_peer_record_open(lp2p_mem_default(), &stub_crypto, lp2p_span(p, n), NULL, &rec);
    if (err == 0) {
        check(&rec, p, n);
    }
    if (lp2p_peer_record_open(lp2p_mem_default(), crypto, lp2p_span(p, n), NULL, &real) == 0) {
        static const struct lp2p_peer_id nobody = {.len = 2};
        LP2P_ASSERT(lp2p_peer_record_open(lp2p_mem_default(), crypto, lp2p_span(p, n), &real.id,
                                          &real) == 0);
        LP2P_ASSERT(lp2p_peer_record_open(lp2p_mem_default(), crypto, lp2p_span(p, n), &nobody,
                                          &real) == -LP2P_E_PEER_ID);
        /* What can be believed can be read. */
        LP2P_ASSERT(lp2p_peer_record_read(crypto, lp2p_span(p, n), &real.id, &rec) == 0);
        LP2P_ASSERT(rec.seq == real.seq && rec.n_addrs == real.n_addrs);
    }
    return 0;
}
