#include "link/link.h"

#include "base/assert.h"
#include "base/text.h"
#include "lp2p/error.h"

/* The text as it grows; full is full. */
struct link_text {
    char *p;
    size_t len;
    bool full;
};

static void link_put(struct link_text *t, const char *s, size_t n)
{
    if (t->full || n > WHTNXT_LINK_MAX - t->len) {
        t->full = true;
        return;
    }
    memcpy(t->p + t->len, s, n);
    t->len += n;
}

/*
 * What stays as it is in a value. Fewer characters than a query may have: brackets, quotes and
 * punctuation are what chat programs cut a link at, and some readers take `+` for a space.
 */
static bool link_is_plain(uint8_t c)
{
    return lp2p_text_is_alnum(c) || (c != '\0' && strchr("-._~:@/", c) != NULL);
}

static void link_put_value(struct link_text *t, const char *s, size_t n)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < n; i++) {
        uint8_t c = (uint8_t)s[i];
        const char encoded[3] = {'%', digits[c >> 4], digits[c & 0xf]};
        /* a link that ends in one of these would lose it to the end of a sentence or of emphasis */
        bool lost = i + 1 == n && strchr(".:_~", c) != NULL;
        bool plain = link_is_plain(c) && !lost;
        link_put(t, plain ? s + i : encoded, plain ? 1 : sizeof(encoded));
    }
}

static void link_put_param(struct link_text *t, bool *any, const char *key, const char *value,
                           size_t n)
{
    link_put(t, *any ? "&" : "?", 1);
    link_put(t, key, strlen(key));
    link_put(t, "=", 1);
    link_put_value(t, value, n);
    *any = true;
}

static void link_put_addrs(struct link_text *t, bool *any, const char *key,
                           const struct lp2p_multiaddr *addrs, size_t n)
{
    char text[LP2P_MULTIADDR_TEXT_SIZE];
    for (size_t i = 0; i < n; i++) {
        size_t len = lp2p_multiaddr_format(&addrs[i], text);
        link_put_param(t, any, key, text, len);
    }
}

int whtnxt_link_format(const struct whtnxt_link *link, char text[static WHTNXT_LINK_MAX + 1U],
                       size_t *ret_len)
{
    LP2P_ASSERT(link->n_relays <= WHTNXT_LINK_MAX_RELAYS && link->n_addrs <= WHTNXT_LINK_MAX_ADDRS);
    static const char start[] = "whtnxt://connect/";
    struct link_text t = {.p = text};
    char id[LP2P_PEER_ID_TEXT_SIZE];
    bool any = false;
    size_t id_len = lp2p_peer_id_format(&link->id, id);
    link_put(&t, start, sizeof(start) - 1);
    link_put(&t, id, id_len);
    link_put_addrs(&t, &any, "relay", link->relays, link->n_relays);
    link_put_addrs(&t, &any, "addr", link->addrs, link->n_addrs);
    if (link->name[0] != '\0') {
        link_put_param(&t, &any, "name", link->name, strlen(link->name));
    }
    if (t.full) {
        return -LP2P_E_TOO_LONG;
    }
    text[t.len] = '\0';
    *ret_len = t.len;
    return 0;
}
