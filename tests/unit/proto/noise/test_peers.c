/*
 * Handshakes that go, rust and js had with each other (tests/vectors/peers): our engine takes the
 * place of js, with its keys, and must say exactly what js said and understand the other one.
 */
#include "pair.h"

#include "harness/vectors.h"

struct given {
    uint8_t e_secret[32];
};

static size_t read_peer(const char *pair, const char *what, uint8_t *ret, size_t size)
{
    char path[1024];
    snprintf(path, sizeof(path), "%s/peers/noise/%s.%s.bin", LP2P_VECTORS, pair, what);
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        fail_msg("%s: cannot be opened", path);
    }
    size_t n = fread(ret, 1, size, f);
    fclose(f);
    assert_true(n > 0);
    return n;
}

static void given_key(void *ctx, uint8_t *p, size_t n)
{
    assert_int_equal(n, 32);
    memcpy(p, ((struct given *)ctx)->e_secret, n);
}

static void assert_says(struct noise_end *js, const char *pair, const char *message)
{
    uint8_t want[1024];
    size_t n = read_peer(pair, message, want, sizeof(want));
    struct lp2p_span out = noise_out(js);
    assert_true(out.n >= n);
    assert_memory_equal(out.p, want, n);
    noise_out_done(js, out.n);
}

static void hears(struct noise_end *js, const char *pair, const char *message,
                  struct engine_log *log)
{
    uint8_t msg[1024];
    size_t n = read_peer(pair, message, msg, sizeof(msg));
    assert_int_equal(deliver(js, msg, n, log), 0);
}

static void replay(const char *pair, bool js_dials, int muxer)
{
    struct noise_end js;
    struct given given;
    struct lp2p_span muxers[LP2P_NOISE_MUXERS_MAX];
    struct lp2p_noise_payload said;
    struct engine_log log = {.text = NULL};
    uint8_t payload[512];
    char name[64];
    const char *side = js_dials ? "dialer" : "listener";
    void *e;
    print_message("# %s\n", pair);
    noise_end_init(&js, crypto, js_dials ? LP2P_NOISE_INITIATOR : LP2P_NOISE_RESPONDER, 1);
    snprintf(name, sizeof(name), "%s-static-secret", side);
    assert_int_equal(read_peer(pair, name, js.s_secret, 32), 32);
    snprintf(name, sizeof(name), "%s-static-public", side);
    assert_int_equal(read_peer(pair, name, js.s_public, 32), 32);
    snprintf(name, sizeof(name), "%s-ephemeral-secret", side);
    assert_int_equal(read_peer(pair, name, given.e_secret, 32), 32);
    snprintf(name, sizeof(name), "%s-payload", side);
    size_t n = read_peer(pair, name, payload, sizeof(payload));
    assert_int_equal(lp2p_noise_payload_decode(lp2p_span(payload, n), muxers, &said), 0);
    js.random = (struct lp2p_random){.ctx = &given, .fill = given_key};
    js.cfg.identity_pb = said.identity_key;
    js.cfg.static_sig = said.identity_sig;
    js.cfg.muxers = said.muxers;
    js.cfg.n_muxers = said.n_muxers;
    assert_int_equal(noise_make(&js, &e), 0);
    if (js_dials) {
        assert_says(&js, pair, "message1");
        hears(&js, pair, "message2", &log);
        assert_says(&js, pair, "message3");
    } else {
        hears(&js, pair, "message1", &log);
        assert_says(&js, pair, "message2");
        hears(&js, pair, "message3", &log);
    }
    assert_true(lp2p_noise_is_open(&js.e));
    assert_int_equal(js.e.muxer, muxer);
    noise_drop(&js, &js);
    free(log.text);
}

static void recorded_handshakes_are_played_again(void **state)
{
    (void)state;
    replay("go-to-js", false, 0);
    replay("js-to-go", true, 0);
    replay("js-to-js", false, 0);
    replay("rust-to-js", false, -1); /* rust never lists muxers */
    replay("js-to-rust", true, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recorded_handshakes_are_played_again),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
