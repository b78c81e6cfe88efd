/*
 * The table behind multiaddr.c and multiaddr_text.c: which protocols there are (multiformats/
 * multiaddr protocols.csv), how long their values are, and how a value is checked, read and
 * printed.
 */
#ifndef LP2P_FORMAT_MULTIADDR_PRIV_H
#define LP2P_FORMAT_MULTIADDR_PRIV_H

#include "base/span.h"
#include "lp2p/multiaddr.h"

/* How the values of a protocol are written. */
struct lp2p_ma_kind {
    /* True when these bytes are a value; NULL: any of the right length. */
    bool (*check)(struct lp2p_span value);
    /* Text to bytes; what comes out is checked again by `check`. -LP2P_E_DECODE,
     * -LP2P_E_TOO_LONG. */
    int (*parse)(const char *text, size_t n, struct lp2p_mspan out, size_t *ret_len);
    /* Prints without NUL; returns the length. `size` is enough for every valid value. */
    size_t (*format)(struct lp2p_span value, char *text, size_t size);
};

#define LP2P_MA_VARIABLE UINT8_MAX

struct lp2p_ma_proto {
    uint32_t code;
    uint8_t size; /* bytes of the value, LP2P_MA_VARIABLE: a length is in front of it */
    bool path;    /* the value is the rest of the text, and nothing follows */
    const char *name;
    const struct lp2p_ma_kind *kind; /* NULL when there is no value */
};

extern const struct lp2p_ma_kind lp2p_ma_ip4;
extern const struct lp2p_ma_kind lp2p_ma_ip6;
extern const struct lp2p_ma_kind lp2p_ma_number; /* big endian of the protocol's size, decimal */
extern const struct lp2p_ma_kind lp2p_ma_name;   /* a name of host or interface */
extern const struct lp2p_ma_kind lp2p_ma_unix;
extern const struct lp2p_ma_kind lp2p_ma_http_path;
extern const struct lp2p_ma_kind lp2p_ma_peer;
extern const struct lp2p_ma_kind lp2p_ma_certhash;
extern const struct lp2p_ma_kind lp2p_ma_onion; /* both versions: host and port */
extern const struct lp2p_ma_kind lp2p_ma_garlic32;
extern const struct lp2p_ma_kind lp2p_ma_garlic64;

/* NULL when unknown. */
const struct lp2p_ma_proto *lp2p_ma_proto_find(uint64_t code);
const struct lp2p_ma_proto *lp2p_ma_proto_find_name(struct lp2p_span name);

#endif
