/*
 * Round trips from the SYN to the first pong, exactly: three (DESIGN 4.7). One for TCP, one for the
 * security protocol with its first message, one for the last message with the muxer, the stream's
 * protocol and the ping. `make flights` takes the figure from here and shows it beside live peers.
 */
#include "sim/lab.h"

#define TRIPS 3U

struct dial {
    struct lab_node *to;
    uint64_t attempt;
    struct lab_ping ping;
    lp2p_ts sent;            /* the ping, 0: not yet */
    enum lp2p_stage at_sent; /* of the attempt */
};

static void ping_when_connected(struct lab_node *n, unsigned changes)
{
    struct dial *d = n->user;
    (void)changes;
    if (d->sent == 0 && lab_is_connected(n, d->to)) {
        d->sent = lab_time(n->w);
        d->at_sent = lab_attempt(n, d->attempt).stage;
        assert_int_equal(lab_ping_start(n, d->to, &d->ping), 0);
    }
}

/* Dials over a link with this delay; the first pong is there after exactly so many round trips. */
static struct dial dial_over(uint64_t seed, lp2p_ts delay)
{
    struct lab_world w;
    lab_world_init(&w, seed, delay);
    struct lab_node *a = lab_node_new(&w, NULL), *b = lab_node_new(&w, NULL);
    struct dial d = {.to = b};
    a->user = &d;
    a->on_change = ping_when_connected;
    d.attempt = lab_connect(a, b);
    lab_run(&w, LP2P_SEC(4));
    assert_int_equal(d.ping.pongs, 1);
    assert_int_equal(d.ping.at, TRIPS * 2 * delay);
    /* Identify comes with the same flight as the pong: who waits for it is a round trip late. */
    assert_int_equal(d.sent, (TRIPS - 1) * 2 * delay);
    assert_int_equal(d.at_sent, LP2P_STAGE_IDENTIFYING);
    lab_world_fini(&w);
    return d;
}

static void run_delays(uint64_t seed)
{
    static const lp2p_ts delays[] = {LP2P_MSEC(1), LP2P_MSEC(10), LP2P_MSEC(40), LP2P_MSEC(300)};
    for (size_t i = 0; i < sizeof(delays) / sizeof(delays[0]); i++) {
        (void)dial_over(seed, delays[i]);
    }
}

static void the_first_pong_is_three_round_trips_away(void **state)
{
    (void)state;
    lab_each_seed(run_delays);
}

/* The link of `make flights`; the line is read by interop/flights. */
static void run_told(uint64_t seed)
{
    const lp2p_ts delay = LP2P_MSEC(25);
    struct dial d = dial_over(seed, delay);
    print_message("# flights: rtt_us %u connected_us %u pong_us %u\n", (unsigned)(2 * delay / 1000),
                  (unsigned)(d.sent / 1000), (unsigned)(d.ping.at / 1000));
}

static void the_figure_is_told(void **state)
{
    (void)state;
    lab_one_seed(run_told);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        lab_test(the_first_pong_is_three_round_trips_away),
        lab_test(the_figure_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
