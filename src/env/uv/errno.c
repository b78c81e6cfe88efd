#include "env/uv/uv_priv.h"

#include <errno.h>

int lp2p_uv_errno(int e)
{
    switch (e) {
    case EAGAIN:
    case EINPROGRESS:
    case EINTR:
        return -LP2P_E_AGAIN;
    case ENOMEM:
    case ENOBUFS:
        return -LP2P_E_NOMEM;
    case EMFILE:
    case ENFILE:
        return -LP2P_E_NO_FDS;
    case EADDRINUSE:
        return -LP2P_E_ADDR_IN_USE;
    case EADDRNOTAVAIL:
        return -LP2P_E_ADDR_NOT_AVAIL;
    case EACCES:
    case EPERM:
        return -LP2P_E_PERM;
    case ECONNREFUSED:
        return -LP2P_E_REFUSED;
    case ECONNRESET:
    case ECONNABORTED:
    case EPIPE:
        return -LP2P_E_RESET;
    case ETIMEDOUT:
        return -LP2P_E_TIMEOUT;
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EHOSTDOWN:
        return -LP2P_E_UNREACHABLE;
    case ENETDOWN:
    case ENODEV:
    case ENXIO:
        return -LP2P_E_NO_NETWORK;
    case EAFNOSUPPORT:
    case EPROTONOSUPPORT:
    case ENOPROTOOPT:
        return -LP2P_E_UNSUPPORTED;
    case EMSGSIZE:
        return -LP2P_E_TOO_LONG;
    default:
        return -LP2P_E_IO;
    }
}
