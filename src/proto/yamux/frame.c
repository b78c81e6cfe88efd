#include "proto/yamux/frame.h"

#include "base/cursor.h"

void lp2p_yamux_frame_encode(const struct lp2p_yamux_frame *f,
                             uint8_t ret[LP2P_SIZE(LP2P_YAMUX_HEADER_SIZE)])
{
    ret[0] = 0;
    ret[1] = (uint8_t)f->type;
    lp2p_put_be16(ret + 2, f->flags);
    lp2p_put_be32(ret + 4, f->id);
    lp2p_put_be32(ret + 8, f->length);
}

int lp2p_yamux_frame_decode(const uint8_t p[LP2P_SIZE(LP2P_YAMUX_HEADER_SIZE)],
                            struct lp2p_yamux_frame *ret)
{
    if (p[0] != 0 || p[1] >= LP2P_YAMUX_TYPES) {
        return -LP2P_E_PROTO;
    }
    *ret = (struct lp2p_yamux_frame){
        .type = (enum lp2p_yamux_type)p[1],
        .flags = lp2p_get_be16(p + 2),
        .id = lp2p_get_be32(p + 4),
        .length = lp2p_get_be32(p + 8),
    };
    return 0;
}
