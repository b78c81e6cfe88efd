/*
 * Every frame in every state (SECURITY 2.1, C7 and C8): all flags, lengths at the borders, ids of
 * both sides, against a stream in each state. What must come out is written down here a second
 * time, in the words of the specification; a refused frame leaves the streams as they were.
 */
#include "peer.h"

#define SYN LP2P_YAMUX_SYN
#define ACK LP2P_YAMUX_ACK
#define FIN LP2P_YAMUX_FIN
#define RST LP2P_YAMUX_RST

enum setup {
    NOTHING,      /* the id was never used */
    UNSENT,       /* ours, its SYN is not out */
    OURS_UNACKED, /* ours, not acknowledged */
    OURS_ACKED,
    THEIRS_UNACKED, /* theirs, our ACK is not out */
    THEIRS_ACKED,
    OURS_HALF_LOCAL,
    OURS_HALF_REMOTE,
    THEIRS_HALF_LOCAL,
    THEIRS_HALF_REMOTE,
    CLOSED,
    RESET_BY_US,
    RESET_BY_THEM,
    SETUPS
};

struct place {
    struct lp2p_yamux_stream *s;
    uint32_t id;
};

static bool setup_is_ours(enum setup how)
{
    return how == UNSENT || how == OURS_UNACKED || how == OURS_ACKED || how == OURS_HALF_LOCAL ||
           how == OURS_HALF_REMOTE || how == CLOSED || how == RESET_BY_US;
}

static struct place set_up(struct rig *r, enum setup how)
{
    uint32_t theirs = r->e->role == LP2P_YAMUX_CLIENT ? 2 : 1;
    rig_settle(r);
    struct place p = {.id = theirs};
    if (how == NOTHING) {
        return p;
    }
    if (setup_is_ours(how)) {
        p.s = rig_stream(r);
        p.id = p.s->id;
        if (how == UNSENT) {
            return p;
        }
        rig_drain(r);
        if (how != OURS_UNACKED) {
            assert_int_equal(rig_frame(r, LP2P_YAMUX_WINDOW, ACK, p.id, 0), 0);
        }
    } else {
        assert_int_equal(rig_frame(r, LP2P_YAMUX_WINDOW, SYN, theirs, 0), 0);
        p.s = r->streams[0];
        if (how != THEIRS_UNACKED) {
            rig_drain(r);
        }
    }
    if (how == OURS_HALF_LOCAL || how == THEIRS_HALF_LOCAL || how == CLOSED) {
        assert_int_equal(lp2p_yamux_close_write(r->e, p.s), 0);
        rig_drain(r);
    }
    if (how == OURS_HALF_REMOTE || how == THEIRS_HALF_REMOTE || how == CLOSED) {
        assert_int_equal(rig_frame(r, LP2P_YAMUX_WINDOW, FIN, p.id, 0), 0);
    }
    if (how == RESET_BY_US) {
        lp2p_yamux_reset(r->e, p.s, 3);
        rig_drain(r);
    }
    if (how == RESET_BY_THEM) {
        assert_int_equal(rig_frame(r, LP2P_YAMUX_WINDOW, RST, p.id, 3), 0);
    }
    rig_pull(r);
    r->log_len = 0;
    r->out_len = 0;
    return p;
}

/* Everything that a frame may change, as one number. */
static uint64_t snapshot(const struct rig *r)
{
    const struct lp2p_yamux *e = r->e;
    uint64_t h = rig_hash(NULL, lp2p_span(&e->n_in, sizeof(e->n_in)));
    lp2p_list_each (it, &e->streams) {
        const struct lp2p_yamux_stream *s = LP2P_CONTAINER(it, struct lp2p_yamux_stream, all);
        uint64_t all[] = {s->id,          (uint64_t)s->state, s->owed,        s->acked,
                          s->mapped,      s->send_window,     s->growths,     s->had_data,
                          s->recv.credit, s->recv.max,        s->recv.unread, s->recv.ungranted};
        h = h * 31 + rig_hash(NULL, lp2p_span(all, sizeof(all)));
    }
    uint64_t rest[] = {e->n_out, e->unacked, e->map.len, e->goaway_seen,
                       r->scope.used[LP2P_SCOPE_MEM]};
    return h * 31 + rig_hash(NULL, lp2p_span(rest, sizeof(rest)));
}

struct verdict {
    bool proto; /* GoAway 1 */
    bool made;  /* a new stream */
    int state;  /* of the stream behind it, -1: there is none, or as before */
};

static struct verdict judge_syn(const struct lp2p_yamux *e, const struct lp2p_yamux_frame *f)
{
    bool theirs = f->id % 2 == (e->role == LP2P_YAMUX_CLIENT ? 0U : 1U);
    struct verdict bad = {.proto = true, .state = -1};
    if (!theirs || lp2p_yamux_find(e, f->id) != NULL) {
        return bad;
    }
    if (f->type == LP2P_YAMUX_DATA && f->length > 262144) {
        return bad;
    }
    if ((f->flags & RST) != 0) {
        return (struct verdict){.state = -1};
    }
    if (f->type == LP2P_YAMUX_WINDOW && (uint64_t)f->length + 262144 > UINT32_MAX) {
        return bad;
    }
    return (struct verdict){.made = true,
                            .state = (f->flags & FIN) != 0 ? (int)LP2P_YAMUX_ST_HALF_REMOTE
                                                           : (int)LP2P_YAMUX_ST_OPEN};
}

static struct verdict judge(const struct lp2p_yamux *e, const struct lp2p_yamux_frame *f)
{
    if (f->id == 0) {
        return (struct verdict){.proto = true, .state = -1};
    }
    if ((f->flags & SYN) != 0) {
        return judge_syn(e, f);
    }
    const struct lp2p_yamux_stream *s = lp2p_yamux_find(e, f->id);
    bool data = f->type == LP2P_YAMUX_DATA;
    struct verdict v = {.state = s == NULL ? -1 : (int)s->state};
    if (s == NULL) {
        v.proto = data && f->length > e->cfg.limits.window_max;
        return v;
    }
    bool rst = (f->flags & RST) != 0;
    v.proto = data ? f->length > s->recv.credit
                   : !rst && (uint64_t)s->send_window + f->length > UINT32_MAX;
    if (v.proto || (s->owed & LP2P_YAMUX_OWE_SYN) != 0) {
        return v;
    }
    if (rst) {
        v.state = LP2P_YAMUX_ST_RESET;
    } else if ((f->flags & FIN) != 0 && s->state == LP2P_YAMUX_ST_OPEN) {
        v.state = LP2P_YAMUX_ST_HALF_REMOTE;
    } else if ((f->flags & FIN) != 0 && s->state == LP2P_YAMUX_ST_HALF_LOCAL) {
        v.state = LP2P_YAMUX_ST_CLOSED;
    }
    return v;
}

static void check_refused(struct rig *r, uint64_t before)
{
    assert_int_equal(snapshot(r), before);
    rig_expect(r, "");
    rig_expect_out(r, "3.0.0.1");
    assert_int_equal(rig_frame(r, LP2P_YAMUX_PING, SYN, 0, 1), -LP2P_E_PROTO);
}

/* After an accepted frame the next one must be understood: the body was drained exactly. */
static void check_goes_on(struct rig *r)
{
    r->out_len = 0;
    assert_int_equal(rig_frame(r, LP2P_YAMUX_PING, SYN, 0, 77), 0);
    rig_drain(r);
    struct lp2p_yamux_frame f;
    assert_int_equal(lp2p_yamux_frame_decode(r->out, &f), 0);
    assert_int_equal(f.type, LP2P_YAMUX_PING);
    assert_int_equal(f.length, 77);
}

static void run_case(enum lp2p_yamux_role role, enum setup how, struct lp2p_yamux_frame f,
                     uint32_t id_or_place)
{
    struct rig *r = rig_new(role);
    struct place p = set_up(r, how);
    f.id = id_or_place == UINT32_MAX ? p.id : id_or_place;
    struct verdict v = judge(r->e, &f);
    uint64_t before = snapshot(r);
    size_t n = r->n_streams;
    int err = f.type == LP2P_YAMUX_DATA && !v.proto ? rig_data(r, f.flags, f.id, f.length)
                                                    : rig_frame(r, f.type, f.flags, f.id, f.length);
    assert_int_equal(err, v.proto ? -LP2P_E_PROTO : 0);
    if (v.proto) {
        check_refused(r, before);
        rig_free(r);
        return;
    }
    assert_int_equal(r->n_streams - n, v.made ? 1 : 0);
    if (v.made) {
        assert_int_equal(r->streams[n]->state, v.state);
    } else if (p.s != NULL && f.id == p.id && v.state >= 0) {
        assert_int_equal(p.s->state, v.state);
    }
    check_goes_on(r);
    if (p.s != NULL) {
        lp2p_yamux_release(r->e, p.s);
    }
    if (v.made) {
        lp2p_yamux_release(r->e, r->streams[n]);
    }
    rig_drain(r);
    assert_int_equal(lp2p_yamux_streams(r->e), 0);
    rig_free(r);
}

static void every_frame_in_every_state(void **state)
{
    (void)state;
    static const uint32_t data_lengths[] = {0,         1, 262144, 262145, 1U << 24, (1U << 24) + 1,
                                            UINT32_MAX};
    static const uint32_t credits[] = {0, 1, 0xfffbffff, 0xfffc0000, 0xffff0000, UINT32_MAX};
    unsigned cases = 0;
    for (unsigned role = 0; role < 2; role++) {
        for (unsigned how = 0; how < SETUPS; how++) {
            for (unsigned flags = 0; flags < 16; flags++) {
                for (size_t i = 0; i < LP2P_COUNT(data_lengths) + LP2P_COUNT(credits); i++) {
                    bool data = i < LP2P_COUNT(data_lengths);
                    struct lp2p_yamux_frame f = {
                        .type = data ? LP2P_YAMUX_DATA : LP2P_YAMUX_WINDOW,
                        .flags = (uint16_t)flags,
                        .length = data ? data_lengths[i] : credits[i - LP2P_COUNT(data_lengths)],
                    };
                    /* The stream itself, the session, fresh ids of both sides. */
                    run_case((enum lp2p_yamux_role)role, (enum setup)how, f, UINT32_MAX);
                    if (f.length <= 262145 || !data) {
                        run_case((enum lp2p_yamux_role)role, (enum setup)how, f, 0);
                        run_case((enum lp2p_yamux_role)role, (enum setup)how, f, 1001);
                        run_case((enum lp2p_yamux_role)role, (enum setup)how, f, 1002);
                        cases += 3;
                    }
                    cases++;
                }
            }
        }
    }
    assert_true(cases > 10000);
}

static void pings_and_goaways_belong_to_the_session(void **state)
{
    (void)state;
    for (unsigned flags = 0; flags < 16; flags++) {
        for (unsigned type = LP2P_YAMUX_PING; type <= LP2P_YAMUX_GOAWAY; type++) {
            struct rig *r = rig_new(LP2P_YAMUX_SERVER);
            rig_settle(r);
            uint64_t before = snapshot(r);
            assert_int_equal(rig_frame(r, (enum lp2p_yamux_type)type, flags, 1, 5), -LP2P_E_PROTO);
            check_refused(r, before);
            rig_free(r);
            r = rig_new(LP2P_YAMUX_SERVER);
            rig_settle(r);
            assert_int_equal(rig_frame(r, (enum lp2p_yamux_type)type, flags, 0, 5), 0);
            bool reply = type == LP2P_YAMUX_PING && flags == SYN;
            rig_expect(r, type == LP2P_YAMUX_GOAWAY ? "goaway:0:5" : "");
            rig_expect_out(r, reply ? "2.2.0.5" : "");
            rig_free(r);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_frame_in_every_state),
        cmocka_unit_test(pings_and_goaways_belong_to_the_session),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
