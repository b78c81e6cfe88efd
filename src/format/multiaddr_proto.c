#include "base/assert.h"
#include "format/multiaddr_priv.h"

#define V LP2P_MA_VARIABLE

/* In the order of the codes. `/memory` has 64 bits as in go and rust; js prints it as text. */
static const struct lp2p_ma_proto protos[] = {
    {LP2P_MA_IP4, 4, false, "ip4", &lp2p_ma_ip4},
    {LP2P_MA_TCP, 2, false, "tcp", &lp2p_ma_number},
    {33, 2, false, "dccp", &lp2p_ma_number},
    {LP2P_MA_IP6, 16, false, "ip6", &lp2p_ma_ip6},
    {LP2P_MA_IP6ZONE, V, false, "ip6zone", &lp2p_ma_name},
    {43, 1, false, "ipcidr", &lp2p_ma_number},
    {LP2P_MA_DNS, V, false, "dns", &lp2p_ma_name},
    {LP2P_MA_DNS4, V, false, "dns4", &lp2p_ma_name},
    {LP2P_MA_DNS6, V, false, "dns6", &lp2p_ma_name},
    {LP2P_MA_DNSADDR, V, false, "dnsaddr", &lp2p_ma_name},
    {132, 2, false, "sctp", &lp2p_ma_number},
    {LP2P_MA_UDP, 2, false, "udp", &lp2p_ma_number},
    {275, 0, false, "p2p-webrtc-star", NULL},
    {276, 0, false, "p2p-webrtc-direct", NULL},
    {277, 0, false, "p2p-stardust", NULL},
    {LP2P_MA_WEBRTC_DIRECT, 0, false, "webrtc-direct", NULL},
    {LP2P_MA_WEBRTC, 0, false, "webrtc", NULL},
    {LP2P_MA_P2P_CIRCUIT, 0, false, "p2p-circuit", NULL},
    {301, 0, false, "udt", NULL},
    {302, 0, false, "utp", NULL},
    {400, V, true, "unix", &lp2p_ma_unix},
    {LP2P_MA_P2P, V, false, "p2p", &lp2p_ma_peer},
    {LP2P_MA_P2P, V, false, "ipfs", &lp2p_ma_peer}, /* alias on input; the first row prints */
    {443, 0, false, "https", NULL},
    {444, 12, false, "onion", &lp2p_ma_onion},
    {445, 37, false, "onion3", &lp2p_ma_onion},
    {446, V, false, "garlic64", &lp2p_ma_garlic64},
    {447, V, false, "garlic32", &lp2p_ma_garlic32},
    {LP2P_MA_TLS, 0, false, "tls", NULL},
    {LP2P_MA_SNI, V, false, "sni", &lp2p_ma_name},
    {LP2P_MA_NOISE, 0, false, "noise", NULL},
    {460, 0, false, "quic", NULL},
    {LP2P_MA_QUIC_V1, 0, false, "quic-v1", NULL},
    {LP2P_MA_WEBTRANSPORT, 0, false, "webtransport", NULL},
    {LP2P_MA_CERTHASH, V, false, "certhash", &lp2p_ma_certhash},
    {LP2P_MA_WS, 0, false, "ws", NULL},
    {LP2P_MA_WSS, 0, false, "wss", NULL},
    {479, 0, false, "p2p-websocket-star", NULL},
    {480, 0, false, "http", NULL},
    {481, V, false, "http-path", &lp2p_ma_http_path},
    {LP2P_MA_MEMORY, 8, false, "memory", &lp2p_ma_number},
    {4770, V, false, "x-parity-ws", &lp2p_ma_name},
    {4780, V, false, "x-parity-wss", &lp2p_ma_name},
    {7367777, 0, false, "plaintextv2", NULL},
};

const struct lp2p_ma_proto *lp2p_ma_proto_find(uint64_t code)
{
    for (size_t i = 0; i < LP2P_COUNT(protos); i++) {
        if (protos[i].code == code) {
            return &protos[i];
        }
    }
    return NULL;
}

const struct lp2p_ma_proto *lp2p_ma_proto_find_name(struct lp2p_span name)
{
    for (size_t i = 0; i < LP2P_COUNT(protos); i++) {
        if (lp2p_span_eq_str(name, protos[i].name)) {
            return &protos[i];
        }
    }
    return NULL;
}
