/*
 * lp2p-interop: our side of the interoperability runs (interop/README.md has the contract). Uses
 * the library as any program would: include/lp2p and a loop.
 *
 *   main.c      options and modes
 *   serve.c     the three test protocols, served
 *   drive.c     the checks against a peer
 *   flights.c   dials, pings at once, tells when each step was done
 *   idle.c      stays, tells events, takes commands
 *   official.c  both contracts of the official transport suites
 */
#ifndef LP2P_INTEROP_H
#define LP2P_INTEROP_H

#include "lp2p/env_uv.h"
#include "lp2p/host.h"

#include <jansson.h>
#include <uv.h>

#define INTEROP_ECHO   "/lp2p-interop/echo/1.0.0"
#define INTEROP_SOURCE "/lp2p-interop/source/1.0.0"
#define INTEROP_SINK   "/lp2p-interop/sink/1.0.0"

/* Time a check may take. */
#define INTEROP_CHECK_TIMEOUT_MS 60000U

struct options {
    const char *mode;
    bool has_seed;
    uint32_t seed;
    const char *listen;
    const char *to;
    const char *checks;
    bool mdns;
    bool default_limits;
    uint64_t seq;
    uint64_t par;
    uint64_t bytes;
};

struct node {
    const struct options *opt;
    uv_loop_t *loop;
    struct lp2p_env *env;
    struct lp2p_host *host;
    void (*on_change)(struct node *n, unsigned changes);
    void *user; /* of the mode */
    int status;
};

/* Makes the host; `n->on_change` may be set before. Exits with a message on failure. */
void node_open(struct node *n, const struct options *opt);
void node_listen(struct node *n, const char *addr);
/* Goodbye to all peers, then the loop ends. */
void node_quit(struct node *n, int status);
/* Runs the loop until node_quit; returns the status. */
int node_run(struct node *n);

/* Starts an attempt to a multiaddr with a peer id, or a bare peer id that mDNS found. 0 or
 * -LP2P_E_... */
int node_dial(struct node *n, const char *text, struct lp2p_peer_id *ret_peer,
              uint64_t *ret_attempt);
/* The attempt's state, NULL when it is forgotten. */
const struct lp2p_attempt_info *node_attempt(struct node *n, uint64_t id);

/* Prints one JSON line and frees it. */
void say(json_t *line);
double wall_ms(void);
void die(const char *what, int err);

void serve_all(struct node *n);

/* ---- modes ---- */
int mode_transport(const struct options *opt);
int mode_idle(const struct options *opt);
int mode_drive(const struct options *opt);
int mode_flights(const struct options *opt);

#endif
