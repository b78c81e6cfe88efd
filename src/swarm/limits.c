#include "lp2p/limits.h"

#include <string.h>

#define MIB (1024U * 1024U)

/* SECURITY 3.2, "proposed (desktop profile)"; docs/limits.md has the reason and the answer of each.
 */
static const struct lp2p_limits desktop = {
    .profile = "desktop",
    .conns_in = 64,
    .conns = 128,
    .conns_per_peer = 4,
    .conns_known_slots = 8,
    .pending_in = 64,
    .pending_per_ip = 4,
    .pending_per_ip_near = 16,
    .rate_burst = 16,
    .rate_refill_mhz = 200,
    .rate_burst_near = 64,
    .rate_refill_near_mhz = 10000,
    .upgrade_timeout = LP2P_SEC(10),
    .connect_timeout = LP2P_SEC(5),
    .dial_timeout = LP2P_SEC(10),
    .dial_peer_timeout = LP2P_SEC(30),
    .negotiate_timeout = LP2P_SEC(10),
    .linger_timeout = LP2P_SEC(60),
    .identify_timeout = LP2P_SEC(5),
    .close_timeout = LP2P_SEC(1),
    .dial_parallel = 4,
    .dial_addrs = 16,
    .dial_stagger = LP2P_MSEC(250),
    .dial_stagger_near = LP2P_MSEC(30),
    .streams_in = 256,
    .streams_out = 256,
    .ack_backlog = 256,
    .window_max = 16 * MIB,
    .windows_per_conn = 24 * MIB,
    .memory_per_conn = 48 * MIB,
    .memory_per_peer = 48 * MIB,
    .memory_pending = 8 * MIB,
    .memory = 96 * MIB,
    .keepalive = LP2P_SEC(20),
    .ping_timeout = LP2P_SEC(10),
    .abuse_burst = 1000,
    .abuse_refill = 33,
    .peers = 1024,
    .addrs_per_peer = 16,
    .protocols_per_peer = 128,
    .discovered = 512,
    .discovered_per_min = 32,
};

/* DESIGN 4.4: 20,000 connections; many idle ones, so little memory each, and little is kept of what
 * they tell. */
static const struct lp2p_limits relay = {
    .profile = "relay",
    .conns_in = 20000,
    .conns = 20128,
    .conns_per_peer = 4,
    .conns_known_slots = 8,
    .pending_in = 512,
    .pending_per_ip = 4,
    .pending_per_ip_near = 64,
    .rate_burst = 16,
    .rate_refill_mhz = 200,
    .rate_burst_near = 1024,
    .rate_refill_near_mhz = 100000,
    .upgrade_timeout = LP2P_SEC(10),
    .connect_timeout = LP2P_SEC(5),
    .dial_timeout = LP2P_SEC(10),
    .dial_peer_timeout = LP2P_SEC(30),
    .negotiate_timeout = LP2P_SEC(10),
    .linger_timeout = LP2P_SEC(60),
    .identify_timeout = LP2P_SEC(5),
    .close_timeout = LP2P_SEC(1),
    .dial_parallel = 4,
    .dial_addrs = 16,
    .dial_stagger = LP2P_MSEC(250),
    .dial_stagger_near = LP2P_MSEC(30),
    .streams_in = 256,
    .streams_out = 256,
    .ack_backlog = 256,
    .window_max = 1 * MIB,
    .windows_per_conn = 2 * MIB,
    .memory_per_conn = 4 * MIB,
    .memory_per_peer = 8 * MIB,
    .memory_pending = 32 * MIB,
    .memory = 512 * MIB,
    .keepalive = LP2P_SEC(20),
    .ping_timeout = LP2P_SEC(10),
    .abuse_burst = 1000,
    .abuse_refill = 33,
    .peers = 32768,
    .addrs_per_peer = 4,
    .protocols_per_peer = 32,
    .discovered = 512,
    .discovered_per_min = 32,
};

/* DESIGN 4.4: connection, pending and rate limits times 1,000, memory to match, windows up to 64
 * MiB. */
static const struct lp2p_limits bench = {
    .profile = "bench",
    .conns_in = 64000,
    .conns = 128000,
    .conns_per_peer = 4000,
    .conns_known_slots = 8,
    .pending_in = 64000,
    .pending_per_ip = 4000,
    .pending_per_ip_near = 16000,
    .rate_burst = 16000,
    .rate_refill_mhz = 200000,
    .rate_burst_near = 64000,
    .rate_refill_near_mhz = 10000000,
    .upgrade_timeout = LP2P_SEC(10),
    .connect_timeout = LP2P_SEC(5),
    .dial_timeout = LP2P_SEC(10),
    .dial_peer_timeout = LP2P_SEC(30),
    .negotiate_timeout = LP2P_SEC(10),
    .linger_timeout = LP2P_SEC(60),
    .identify_timeout = LP2P_SEC(5),
    .close_timeout = LP2P_SEC(1),
    .dial_parallel = 4,
    .dial_addrs = 16,
    .dial_stagger = LP2P_MSEC(250),
    .dial_stagger_near = LP2P_MSEC(30),
    .streams_in = 4096,
    .streams_out = 4096,
    .ack_backlog = 1024,
    .window_max = 64 * MIB,
    .windows_per_conn = 256 * MIB,
    .memory_per_conn = 512 * MIB,
    .memory_per_peer = 1024 * MIB,
    .memory_pending = 256 * MIB,
    .memory = 4096ULL * MIB,
    .keepalive = LP2P_SEC(20),
    .ping_timeout = LP2P_SEC(10),
    .abuse_burst = 1000000,
    .abuse_refill = 33000,
    .peers = 131072,
    .addrs_per_peer = 16,
    .protocols_per_peer = 64,
    .discovered = 512,
    .discovered_per_min = 32,
};

const struct lp2p_limits *lp2p_limits_profile(const char *name)
{
    static const struct lp2p_limits *const all[] = {&desktop, &relay, &bench};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (strcmp(all[i]->profile, name) == 0) {
            return all[i];
        }
    }
    return NULL;
}
