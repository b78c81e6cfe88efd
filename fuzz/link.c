/*
 * The strict parser against a second one, slow and written from the grammar alone: both take the
 * same links and find the same id. What was taken prints as a link that reads back the same, and
 * the finder finds it.
 */
#include "link/link.h"

#include "base/assert.h"
#include "base/span.h"
#include "crypto/crypto.h"

#include <strings.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static bool oracle_value(const char *s, size_t n)
{
    static const char hex[] = "0123456789abcdefABCDEF";
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                "-._~!$'()*+,;=:@/?&";
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '%') {
            if (i + 2 >= n || memchr(hex, s[i + 1], sizeof(hex) - 1) == NULL ||
                memchr(hex, s[i + 2], sizeof(hex) - 1) == NULL) {
                return false;
            }
        } else if (memchr(plain, s[i], sizeof(plain) - 1) == NULL) {
            return false;
        }
        if (s[i] == '=' && (i == 0 || s[i - 1] == '&')) {
            return false;
        }
    }
    return true;
}

/* Scheme and action, id, at most one slash, then nothing or a query. */
static bool oracle(const char *s, size_t n, struct lp2p_peer_id *ret)
{
    static const char start[] = "whtnxt://connect/";
    size_t at = sizeof(start) - 1;
    if (n > 2048 || n < at || strncasecmp(s, start, at) != 0) {
        return false;
    }
    const char *mark = memchr(s, '?', n);
    size_t head = mark == NULL ? n : (size_t)(mark - s);
    if (mark != NULL && !oracle_value(mark + 1, n - head - 1)) {
        return false;
    }
    if (head > at && s[head - 1] == '/') {
        head--;
    }
    return head > at && lp2p_peer_id_parse(s + at, head - at, ret) == 0;
}

static void check_same(const struct whtnxt_link *a, const struct whtnxt_link *b)
{
    LP2P_ASSERT(lp2p_peer_id_eq(&a->id, &b->id));
    LP2P_ASSERT(a->n_relays == b->n_relays && a->n_addrs == b->n_addrs);
    for (size_t i = 0; i < a->n_relays; i++) {
        LP2P_ASSERT(lp2p_multiaddr_eq(&a->relays[i], &b->relays[i]));
    }
    for (size_t i = 0; i < a->n_addrs; i++) {
        LP2P_ASSERT(lp2p_multiaddr_eq(&a->addrs[i], &b->addrs[i]));
    }
    LP2P_ASSERT(strcmp(a->name, b->name) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    static struct whtnxt_link link;
    static struct whtnxt_link other;
    struct whtnxt_link_fault fault;
    enum whtnxt_link_kind kind;
    const char *s = (const char *)p;
    LP2P_ASSERT(lp2p_crypto_init() == 0);

    struct lp2p_peer_id id;
    bool taken = whtnxt_link_parse(s, n, &link, &fault) == 0;
    LP2P_ASSERT(taken == oracle(s, n, &id));
    LP2P_ASSERT(taken == (fault.error == WHTNXT_LINK_OK));
    LP2P_ASSERT(fault.position <= n &&
                (fault.position > 0) == (fault.error == WHTNXT_LINK_BAD_CHAR));
    bool found = whtnxt_link_find(s, n, &other, &fault) == 0;
    if (taken) {
        char text[WHTNXT_LINK_MAX + 1];
        size_t len;
        LP2P_ASSERT(lp2p_peer_id_eq(&id, &link.id));
        LP2P_ASSERT(found && lp2p_peer_id_eq(&id, &other.id));
        if (whtnxt_link_format(&link, text, &len) == 0) {
            LP2P_ASSERT(whtnxt_link_parse(text, len, &other, &fault) == 0);
            check_same(&link, &other);
            LP2P_ASSERT(whtnxt_link_find(text, len, &other, &fault) == 0);
            check_same(&link, &other);
        }
    }
    (void)whtnxt_link_read(s, n, &other, &kind, &fault);
    return 0;
}
