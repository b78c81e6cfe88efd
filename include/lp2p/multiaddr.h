/*
 * Multiaddrs: self-describing addresses such as /ip4/192.0.2.7/tcp/4001/p2p/12D3KooW...
 * (multiformats/multiaddr README, protocols.csv). A value of this type is always valid: every way
 * to make one checks each component.
 *
 * Interpretation is right to left, each component wraps what is on its left. Nothing here resolves
 * or dials.
 */
#ifndef LP2P_MULTIADDR_H
#define LP2P_MULTIADDR_H

#include "lp2p/peer_id.h"

LP2P_BEGIN_DECLS

/* Longest binary form we take: the specs have no limit, real ones stay below 300 bytes. */
#define LP2P_MULTIADDR_MAX 1024U
/* Most components of one address. */
#define LP2P_MULTIADDR_MAX_PARTS 32U
/* Room for the longest text (binary values print as up to four characters a byte) with its NUL. */
#define LP2P_MULTIADDR_TEXT_SIZE 4224U

struct lp2p_multiaddr {
    uint16_t len; /* bytes used, 0: no address */
    uint8_t bytes[LP2P_MULTIADDR_MAX];
};

/* Codes of multiformats/multiaddr protocols.csv that the library looks at. */
enum lp2p_multiaddr_code {
    LP2P_MA_IP4 = 4,
    LP2P_MA_TCP = 6,
    LP2P_MA_IP6 = 41,
    LP2P_MA_IP6ZONE = 42,
    LP2P_MA_DNS = 53,
    LP2P_MA_DNS4 = 54,
    LP2P_MA_DNS6 = 55,
    LP2P_MA_DNSADDR = 56,
    LP2P_MA_UDP = 273,
    LP2P_MA_WEBRTC_DIRECT = 280,
    LP2P_MA_WEBRTC = 281,
    LP2P_MA_P2P_CIRCUIT = 290,
    LP2P_MA_P2P = 421,
    LP2P_MA_TLS = 448,
    LP2P_MA_SNI = 449,
    LP2P_MA_NOISE = 454,
    LP2P_MA_QUIC_V1 = 461,
    LP2P_MA_WEBTRANSPORT = 465,
    LP2P_MA_CERTHASH = 466,
    LP2P_MA_WS = 477,
    LP2P_MA_WSS = 478,
    LP2P_MA_MEMORY = 777,
};

/* One component; `value` points into the address it was taken from. */
struct lp2p_multiaddr_part {
    uint32_t code;
    struct lp2p_span value; /* without its length prefix */
};

/* Takes the binary form. -LP2P_E_DECODE (also for unknown codes and the empty address),
 * -LP2P_E_TOO_LONG. */
LP2P_API int lp2p_multiaddr_decode(const uint8_t *bytes, size_t n, struct lp2p_multiaddr *ret);

/* Reads text, which needs no NUL; trailing slashes are accepted. -LP2P_E_DECODE, -LP2P_E_TOO_LONG.
 */
LP2P_API int lp2p_multiaddr_parse(const char *text, size_t n, struct lp2p_multiaddr *ret);

/* Prints the text with a NUL; returns its length. */
LP2P_API size_t lp2p_multiaddr_format(const struct lp2p_multiaddr *ma,
                                      char text[LP2P_SIZE(LP2P_MULTIADDR_TEXT_SIZE)]);

LP2P_API bool lp2p_multiaddr_eq(const struct lp2p_multiaddr *a, const struct lp2p_multiaddr *b);

/* Walks the components: start with *pos = 0; false at the end. */
LP2P_API bool lp2p_multiaddr_next(const struct lp2p_multiaddr *ma, size_t *pos,
                                  struct lp2p_multiaddr_part *ret);

/* The first component with this code, or false. */
LP2P_API bool lp2p_multiaddr_find(const struct lp2p_multiaddr *ma, uint32_t code,
                                  struct lp2p_multiaddr_part *ret);

/* Appends a component. -LP2P_E_DECODE when the value does not fit the code, -LP2P_E_TOO_LONG. */
LP2P_API int lp2p_multiaddr_append(struct lp2p_multiaddr *ma, uint32_t code,
                                   struct lp2p_span value);

/* The peer id of a final /p2p/ component (the destination). -LP2P_E_NOT_FOUND, -LP2P_E_DECODE when
 * it holds a key that can belong to nobody. */
LP2P_API int lp2p_multiaddr_peer_id(const struct lp2p_multiaddr *ma, struct lp2p_peer_id *ret);

/* Appends /p2p/<id> unless the address already ends with exactly that. -LP2P_E_EXISTS when it ends
 * with another id, -LP2P_E_TOO_LONG. */
LP2P_API int lp2p_multiaddr_with_peer_id(struct lp2p_multiaddr *ma, const struct lp2p_peer_id *id);

/* Cuts a final /p2p/ component, if there is one (or several: some peers repeat it). */
LP2P_API void lp2p_multiaddr_without_peer_id(struct lp2p_multiaddr *ma);

LP2P_END_DECLS

#endif
