/* 100 MiB through a connection, both directions in turn; the speed is printed, not judged. */
#include <time.h>

#include "rig.h"

#define BULK (100ULL << 20)

struct bulk {
    struct lp2p_conn_stream *s;
    uint64_t sent;
    uint64_t next; /* byte that is expected */
};

/* Eight bytes that say where they are; pieces may begin in the middle. */
static void bulk_check(struct bulk *b, struct lp2p_mspan data)
{
    size_t i = 0;
    uint64_t wrong = 0;
    while (i < data.n) {
        uint64_t at = b->next / 8;
        size_t skip = (size_t)(b->next % 8);
        size_t n = LP2P_MIN(8 - skip, data.n - i);
        uint64_t got = at;
        memcpy((uint8_t *)&got + skip, data.p + i, n);
        wrong |= got ^ at;
        i += n;
        b->next += n;
    }
    assert_int_equal(wrong, 0);
}

static void bulk_event(struct end *e, const struct lp2p_conn_event *ev)
{
    if (ev->type == LP2P_CONN_EV_DATA) {
        bulk_check(e->ctx, ev->data);
    }
}

static void bulk_write(struct end *e, struct bulk *b)
{
    static uint64_t words[1 << 15];
    while (b->sent < BULK) {
        uint64_t first = b->sent / 8;
        for (size_t i = 0; i < LP2P_COUNT(words); i++) {
            words[i] = first + i;
        }
        size_t skip = (size_t)(b->sent % 8);
        size_t n = 0;
        struct lp2p_span all = lp2p_span((const uint8_t *)words + skip,
                                         (size_t)LP2P_MIN(sizeof(words) - skip, BULK - b->sent));
        int err = e->c->ops->write(e->c, e->now, b->s, all, &n);
        assert_true(err == 0 || err == -LP2P_E_AGAIN);
        b->sent += n;
        if (err != 0 || n < all.n) {
            return;
        }
    }
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void bulk_run(struct end *from, struct end *to)
{
    struct bulk b = {.s = rig_open_stream(from)};
    to->ctx = &b;
    to->on_event = bulk_event;
    from->quiet = to->quiet = true;
    double start = seconds();
    while (b.next < BULK) {
        bulk_write(from, &b);
        size_t n = end_send(from, to, SIZE_MAX);
        end_take_all(to);
        n += end_send(to, from, SIZE_MAX);
        end_take_all(from);
        assert_true(n > 0);
    }
    double took = seconds() - start;
    print_message("# %.0f MB/s of CPU time, both ends\n", (double)BULK / 1e6 / took);
    assert_int_equal(end_error(to), 0);
    to->on_event = NULL;
}

static void a_hundred_mebibytes_each_way(void **state)
{
    (void)state;
    struct pair *p = rig_up();
    bulk_run(&p->a, &p->b);
    bulk_run(&p->b, &p->a);
    assert_int_equal(p->a.host.obufs.used, 0);
    assert_int_equal(p->b.host.obufs.used, 0);
    assert_true(p->a.bytes_out > BULK && p->a.bytes_out < BULK + BULK / 100);
    rig_down(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hundred_mebibytes_each_way),
    };
    return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
