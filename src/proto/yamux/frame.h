/*
 * The frame header of yamux (specs yamux/README.md, "Framing"): version, type, flags, stream,
 * length; twelve bytes, big endian. Only the codec: what a frame means is in recv.c.
 */
#ifndef LP2P_PROTO_YAMUX_FRAME_H
#define LP2P_PROTO_YAMUX_FRAME_H

#include "proto/yamux/yamux.h"

enum lp2p_yamux_type {
    LP2P_YAMUX_DATA = 0,   /* length: bytes of payload behind the header */
    LP2P_YAMUX_WINDOW = 1, /* length: credit; with RST an error code */
    LP2P_YAMUX_PING = 2,   /* length: opaque value */
    LP2P_YAMUX_GOAWAY = 3, /* length: code */
};
#define LP2P_YAMUX_TYPES 4U

/* Flags come in any combination on Data and WindowUpdate. */
#define LP2P_YAMUX_SYN 1U
#define LP2P_YAMUX_ACK 2U
#define LP2P_YAMUX_FIN 4U
#define LP2P_YAMUX_RST 8U

struct lp2p_yamux_frame {
    enum lp2p_yamux_type type;
    uint16_t flags;
    uint32_t id; /* 0: the session */
    uint32_t length;
};

void lp2p_yamux_frame_encode(const struct lp2p_yamux_frame *f,
                             uint8_t ret[LP2P_SIZE(LP2P_YAMUX_HEADER_SIZE)]);

/* -LP2P_E_PROTO: a version other than 0, or an unknown type. */
int lp2p_yamux_frame_decode(const uint8_t p[LP2P_SIZE(LP2P_YAMUX_HEADER_SIZE)],
                            struct lp2p_yamux_frame *ret);

#endif
