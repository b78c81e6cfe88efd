#include "fake.h"

#include "cmocka_all.h"

#include "base/assert.h"

/* ---- env ---- */

static struct fake_env *fake_env(const struct lp2p_env *env)
{
    return (struct fake_env *)(uintptr_t)env;
}

static lp2p_ts env_now(const struct lp2p_env *env)
{
    return fake_env(env)->now;
}

static int env_timer_init(struct lp2p_env *env, struct lp2p_timer *t,
                          void (*fn)(void *ctx, lp2p_ts now), void *ctx)
{
    LP2P_TRY(lp2p_timers_add(&fake_env(env)->timers));
    *t = (struct lp2p_timer){.fn = fn, .ctx = ctx, .env = env};
    return 0;
}

static void env_timer_set(struct lp2p_timer *t, lp2p_ts at)
{
    lp2p_timers_set(&fake_env(t->env)->timers, t, at);
}

static void env_timer_fini(struct lp2p_timer *t)
{
    lp2p_timers_remove(&fake_env(t->env)->timers, t);
}

static void env_defer(struct lp2p_env *env, struct lp2p_task *task)
{
    lp2p_timers_defer(&fake_env(env)->timers, task);
}

static const struct lp2p_env_ops env_ops = {
    .now = env_now,
    .timer_init = env_timer_init,
    .timer_set = env_timer_set,
    .timer_fini = env_timer_fini,
    .defer = env_defer,
};

/* ---- io ---- */

static struct fake_io *fake_io(const struct lp2p_io *io)
{
    return (struct fake_io *)(uintptr_t)io;
}

static void io_start(struct lp2p_io *io, const struct lp2p_io_events *events, void *ctx)
{
    fake_io(io)->events = events;
    fake_io(io)->ctx = ctx;
}

static void io_want(struct lp2p_io *io, bool read, bool write)
{
    assert_false(fake_io(io)->closed);
    fake_io(io)->want_read = read;
    fake_io(io)->want_write = write;
}

static int io_read(struct lp2p_io *io, uint8_t *p, size_t n, size_t *ret_n)
{
    struct fake_io *f = fake_io(io);
    assert_false(f->closed);
    assert_true(n > 0);
    size_t left = f->in_n - f->in_off;
    if (left == 0) {
        return f->in_end;
    }
    left = LP2P_MIN(left, n);
    left = f->chunk != 0 ? LP2P_MIN(left, f->chunk) : left;
    memcpy(p, f->in + f->in_off, left);
    f->in_off += left;
    *ret_n = left;
    return 0;
}

static int io_write(struct lp2p_io *io, const struct lp2p_span *spans, size_t n, size_t *ret_n)
{
    struct fake_io *f = fake_io(io);
    assert_false(f->closed);
    assert_false(f->shut);
    assert_int_equal(n, 1);
    f->writes++;
    if (f->out_err != 0) {
        return f->out_err;
    }
    size_t put = LP2P_MIN(spans[0].n, f->out_room);
    if (put == 0) {
        return -LP2P_E_AGAIN;
    }
    assert_true(f->out_n + put <= sizeof(f->out));
    memcpy(f->out + f->out_n, spans[0].p, put);
    f->out_n += put;
    f->out_room -= put;
    *ret_n = put;
    return 0;
}

static void io_shutdown(struct lp2p_io *io)
{
    assert_false(fake_io(io)->shut);
    fake_io(io)->shut = true;
}

static void io_close(struct lp2p_io *io, bool abort)
{
    assert_false(fake_io(io)->closed);
    fake_io(io)->closed = true;
    fake_io(io)->aborted = abort;
}

static const struct lp2p_io_ops io_ops = {
    .start = io_start,
    .want = io_want,
    .read = io_read,
    .write = io_write,
    .shutdown = io_shutdown,
    .close = io_close,
};

/* Something to read: bytes, or an end that is not silence. */
static bool io_is_readable(const struct fake_io *f)
{
    return f->in_off < f->in_n || f->in_end != -LP2P_E_AGAIN;
}

static bool io_step(struct fake_io *f)
{
    if (!f->closed && f->want_read && io_is_readable(f)) {
        f->events->on_readable(f->ctx);
        return true;
    }
    if (!f->closed && f->want_write && (f->out_room > 0 || f->out_err != 0)) {
        f->events->on_writable(f->ctx);
        return true;
    }
    return false;
}

/* ---- engine ---- */

static struct fake_conn *fake_conn(const struct lp2p_conn *c)
{
    return (struct fake_conn *)(uintptr_t)c;
}

static void conn_free(struct lp2p_conn *c)
{
    fake_conn(c)->freed++;
}

static void conn_put(struct fake_conn *f, const void *p, size_t n)
{
    assert_true(f->out_n + n <= sizeof(f->out));
    memcpy(f->out + f->out_n, p, n);
    f->out_n += n;
}

static int conn_order(struct fake_conn *f, uint8_t *p, size_t n)
{
    static const uint8_t filler[100];
    if (p[0] == 'd') {
        f->ev = (struct lp2p_conn_event){.type = LP2P_CONN_EV_DATA,
                                         .data = {.p = p + 1, .n = n - 1}};
    } else if (p[0] == 'o') {
        for (unsigned i = 0; i < p[1]; i++) {
            conn_put(f, filler, sizeof(filler));
        }
    } else if (p[0] == 'n') {
        f->ev = (struct lp2p_conn_event){.type = LP2P_CONN_EV_NEED_DH};
        f->need_dh = true;
    } else if (p[0] == 'g') {
        f->ev = (struct lp2p_conn_event){.type = LP2P_CONN_EV_GOAWAY};
        f->goaway_seen = true;
    } else {
        conn_put(f, "bye", 3);
        f->failure = (struct lp2p_failure){
            .code = -LP2P_E_PROTO, .class_ = LP2P_CLASS_OURS, .wire = 1, .where = "fake"};
        return f->failure.code;
    }
    return 0;
}

static int conn_recv(struct lp2p_conn *c, lp2p_ts now, uint8_t *bytes, size_t n, size_t *ret_used)
{
    (void)now;
    struct fake_conn *f = fake_conn(c);
    *ret_used = 0;
    if (f->failure.code != 0) {
        return f->failure.code;
    }
    if (f->need_dh || f->ev.type != LP2P_CONN_EV_NONE || f->out_n - f->out_off > f->out_limit ||
        n == 0 || n < 1U + bytes[0]) {
        return 0;
    }
    *ret_used = 1U + bytes[0];
    return conn_order(f, bytes + 1, bytes[0]);
}

static size_t conn_want(const struct lp2p_conn *c, const uint8_t *bytes, size_t n)
{
    (void)c;
    return n == 0 ? 1 : 1U + bytes[0];
}

static void conn_recv_eof(struct lp2p_conn *c, lp2p_ts now)
{
    (void)now;
    struct fake_conn *f = fake_conn(c);
    if (!f->goaway_seen && f->failure.code == 0) {
        f->failure = (struct lp2p_failure){
            .code = -LP2P_E_EOF, .class_ = LP2P_CLASS_THEIRS, .where = "fake"};
    }
}

static bool conn_event(struct lp2p_conn *c, lp2p_ts now, struct lp2p_conn_event *ret)
{
    (void)now;
    struct fake_conn *f = fake_conn(c);
    if (f->ev.type == LP2P_CONN_EV_NONE) {
        return false;
    }
    *ret = f->ev;
    f->ev.type = LP2P_CONN_EV_NONE;
    return true;
}

static struct lp2p_span conn_out(struct lp2p_conn *c)
{
    struct fake_conn *f = fake_conn(c);
    return lp2p_span(f->out + f->out_off, f->out_n - f->out_off);
}

static void conn_out_done(struct lp2p_conn *c, lp2p_ts now, size_t n)
{
    (void)now;
    struct fake_conn *f = fake_conn(c);
    f->out_off += n;
    assert_true(f->out_off <= f->out_n);
    if (f->out_off == f->out_n) {
        f->out_off = 0;
        f->out_n = 0;
    }
}

static lp2p_ts conn_deadline(const struct lp2p_conn *c)
{
    return fake_conn(c)->deadline;
}

static int conn_tick(struct lp2p_conn *c, lp2p_ts now)
{
    struct fake_conn *f = fake_conn(c);
    assert_true(now >= f->deadline);
    f->ticks++;
    f->deadline = LP2P_TS_NEVER;
    conn_put(f, "tick", 4);
    return 0;
}

static const struct lp2p_failure *conn_error(const struct lp2p_conn *c)
{
    return &fake_conn(c)->failure;
}

static int conn_give_dh(struct lp2p_conn *c, lp2p_ts now, const uint8_t shared[static 32])
{
    (void)now;
    (void)shared;
    assert_true(fake_conn(c)->need_dh);
    fake_conn(c)->need_dh = false;
    return 0;
}

static void conn_goaway(struct lp2p_conn *c, uint32_t code)
{
    fake_conn(c)->goaway = code;
    conn_put(fake_conn(c), "goaway", 6);
}

static const struct lp2p_conn_ops conn_ops = {
    .free = conn_free,
    .recv = conn_recv,
    .want = conn_want,
    .recv_eof = conn_recv_eof,
    .event = conn_event,
    .out = conn_out,
    .out_done = conn_out_done,
    .deadline = conn_deadline,
    .tick = conn_tick,
    .error = conn_error,
    .give_dh = conn_give_dh,
    .goaway = conn_goaway,
};

static int fake_make(void *ctx, enum lp2p_conn_role role, const struct lp2p_peer_id *expected,
                     struct lp2p_scope *scope, struct lp2p_conn **ret)
{
    (void)role;
    (void)expected;
    struct fake *f = ctx;
    assert_ptr_equal(scope, &f->scope);
    f->made++;
    if (f->make_err != 0) {
        return f->make_err;
    }
    *ret = &f->conn.conn;
    return 0;
}

/* ---- owner ---- */

static void owner_acts(struct fake *f)
{
    f->callbacks++;
    if (f->callbacks == f->abort_at) {
        f->carrier->ops->abort(f->carrier);
        f->carrier = NULL;
        assert_true(f->io.closed); /* at once, not at the end of the turn */
        assert_int_equal(f->conn.freed, f->made > 0 ? 1 : 0);
    } else if (f->callbacks == f->close_at) {
        f->carrier->ops->close(f->carrier, 7, f->env.now + LP2P_SEC(5));
    }
}

static void on_connected(void *ctx)
{
    struct fake *f = ctx;
    f->connected++;
    owner_acts(f);
}

static void on_event(void *ctx, const struct lp2p_conn_event *ev)
{
    struct fake *f = ctx;
    assert_non_null(f->carrier);
    f->events++;
    if (ev->type == LP2P_CONN_EV_DATA) {
        assert_true(f->data_n + ev->data.n < sizeof(f->data));
        memcpy(f->data + f->data_n, ev->data.p, ev->data.n);
        f->data_n += ev->data.n;
    } else if (ev->type == LP2P_CONN_EV_NEED_DH && f->answer_at_once) {
        static const uint8_t shared[32];
        f->conn.conn.ops->give_dh(&f->conn.conn, f->env.now, shared);
        f->carrier->ops->kick(f->carrier);
    }
    owner_acts(f);
}

static void on_closed(void *ctx, const struct lp2p_failure *why)
{
    struct fake *f = ctx;
    assert_non_null(f->carrier);
    assert_true(f->io.closed);
    f->carrier = NULL;
    f->closed++;
    f->why = *why;
    /* The owner ends its account here. */
    assert_int_equal(f->scope.used[LP2P_SCOPE_MEM], 0);
}

static const struct lp2p_carrier_events owner_events = {
    .on_connected = on_connected,
    .on_event = on_event,
    .on_closed = on_closed,
};

/* ---- the box ---- */

void fake_init(struct fake *f, const struct lp2p_mem *mem)
{
    memset(f, 0, sizeof(*f));
    f->env.env = (struct lp2p_env){.ops = &env_ops, .mem = mem};
    f->env.now = LP2P_SEC(1000);
    lp2p_timers_init(&f->env.timers, mem);
    f->io.io.ops = &io_ops;
    f->io.in_end = -LP2P_E_AGAIN;
    f->io.out_room = SIZE_MAX;
    f->conn.conn.ops = &conn_ops;
    f->conn.deadline = LP2P_TS_NEVER;
    f->conn.out_limit = FAKE_OUT_MAX / 2;
    lp2p_scope_init(&f->scope, NULL);
    f->host.env = &f->env.env;
    lp2p_pool_init(&f->host.reads, mem, LP2P_WIRE_READ_SIZE, 1, 1);
}

int fake_start(struct fake *f, bool dial)
{
    static const struct lp2p_multiaddr nowhere;
    struct lp2p_dial how = {.addr = &nowhere};
    struct lp2p_carrier_cfg cfg = {.scope = &f->scope, .events = &owner_events, .ctx = f};
    struct wire_start start = {
        .io = &f->io.io,
        .how = dial ? &how : NULL,
        .cfg = &cfg,
        .maker = {.make = fake_make, .ctx = f},
    };
    return lp2p_wire_make(&f->host, &start, &f->carrier);
}

void fake_fini(struct fake *f)
{
    if (f->carrier != NULL) {
        f->carrier->ops->abort(f->carrier);
        f->carrier = NULL;
    }
    assert_true(f->io.closed);
    assert_int_equal(f->conn.freed, f->made > 0 && f->make_err == 0 ? 1 : 0);
    lp2p_scope_fini(&f->scope);
    lp2p_pool_fini(&f->host.reads);
    lp2p_timers_fini(&f->env.timers);
}

void fake_run(struct fake *f)
{
    bool moved = true;
    for (int i = 0; moved; i++) {
        assert_true(i < 100000);
        lp2p_ts next = lp2p_timers_next(&f->env.timers);
        moved = next <= f->env.now;
        if (moved) {
            lp2p_timers_run(&f->env.timers, f->env.now);
        }
        moved = io_step(&f->io) || moved;
        assert_int_equal(f->host.reads.used, 0); /* no block is held between turns */
    }
}

void fake_pass(struct fake *f, lp2p_ts time)
{
    lp2p_ts end = f->env.now + time;
    fake_run(f);
    while (lp2p_timers_next(&f->env.timers) <= end) {
        f->env.now = LP2P_MAX(f->env.now, lp2p_timers_next(&f->env.timers));
        fake_run(f);
    }
    f->env.now = end;
}

void fake_feed(struct fake *f, const void *bytes, size_t n, int end)
{
    f->io.in = bytes;
    f->io.in_n = n;
    f->io.in_off = 0;
    f->io.in_end = end;
}
