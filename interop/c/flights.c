/*
 * flights: dial once, ping as soon as there is a connection, tell when each step was done. The
 * capture beside it (interop/flights) says how many round trips that took and who waited.
 */
#include "interop.h"

#include <stdio.h>
#include <string.h>

#define TIMEOUT_MS 15000U

struct flights {
    struct node node;
    struct lp2p_peer_id peer;
    uint64_t attempt;
    uint64_t began; /* ns */
    double dial;    /* wall clock, ms */
    double connected;
    double secured;
    bool pinged;
    bool identified; /* already when the ping was sent */
    uv_timer_t timer;
};

static double elapsed(const struct flights *f)
{
    return (double)(uv_hrtime() - f->began) / 1e6;
}

static void pong(void *ctx, int err, lp2p_ts rtt)
{
    struct flights *f = ctx;
    (void)rtt;
    if (err != 0) {
        die("ping", err);
    }
    double at = elapsed(f);
    say(json_pack("{s:s, s:f, s:f, s:f, s:f, s:b}", "event", "flights", "dial_t_ms", f->dial,
                  "connected_ms", f->connected, "secured_ms", f->secured, "pong_ms", at,
                  "identify_waited_for", f->identified));
    node_quit(&f->node, 0);
}

static void ping_once(struct flights *f)
{
    struct lp2p_conn_info info;
    struct lp2p_ping ping = {.count = 1, .done = pong, .ctx = f};
    for (size_t pos = 0; !f->pinged && lp2p_host_conn_next(f->node.host, &pos, &info);) {
        f->pinged = true;
        f->identified = info.identified;
        f->secured = elapsed(f);
        int err = lp2p_host_ping(f->node.host, &info.peer, &ping);
        if (err != 0) {
            die("ping", err);
        }
    }
}

static void dialer_changed(struct node *n, unsigned changes)
{
    struct flights *f = n->user;
    const struct lp2p_attempt_info *at = node_attempt(n, f->attempt);
    (void)changes;
    if (at != NULL && at->stage == LP2P_STAGE_FAILED) {
        die(at->where != NULL ? at->where : "connect", at->error);
    }
    if (f->connected == 0 && at != NULL && at->stage >= LP2P_STAGE_SECURING) {
        f->connected = elapsed(f);
    }
    ping_once(f);
}

static void too_late(uv_timer_t *timer)
{
    struct flights *f = timer->data;
    fputs("lp2p-interop: the time is over\n", stderr);
    node_quit(&f->node, 1);
}

int mode_flights(const struct options *opt)
{
    static struct flights f;
    f.node.user = &f;
    f.node.on_change = dialer_changed;
    node_open(&f.node, opt);
    uv_timer_init(f.node.loop, &f.timer);
    f.timer.data = &f;
    uv_timer_start(&f.timer, too_late, TIMEOUT_MS, 0);
    f.dial = wall_ms();
    f.began = uv_hrtime();
    int err = node_dial(&f.node, opt->to, &f.peer, &f.attempt);
    if (err != 0) {
        die(opt->to, err);
    }
    return node_run(&f.node);
}
