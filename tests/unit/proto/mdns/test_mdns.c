#include "rig.h"

/* ---- what we say ---- */

static void asks_at_once_and_then_less_often(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r);
    struct lp2p_mdns_link link = rig_link();
    assert_int_equal(lp2p_mdns_deadline(r.e), LP2P_TS_NEVER);
    lp2p_mdns_set_links(r.e, r.now, &link, 1);
    rig_send(&r);
    assert_int_equal(r.queries, 2); /* one a tag */
    assert_int_equal(r.answers, 2); /* and we are seen at once */
    rig_run(&r, LP2P_SEC(1) + LP2P_MSEC(200));
    assert_int_equal(r.queries, 4);
    assert_int_equal(r.answers, 4);
    rig_run(&r, LP2P_SEC(70));
    assert_in_range(r.queries, 2 * 6, 2 * 8);
    assert_int_equal(r.answers, 4);
    unsigned before = r.queries;
    rig_run(&r, LP2P_SEC(600));
    assert_in_range(r.queries - before, 2 * 9, 2 * 11);
    rig_fini(&r);
}

static void looking_and_new_links_ask_at_once(void **state)
{
    (void)state;
    struct rig r;
    rig_start(&r);
    rig_run(&r, LP2P_SEC(300));
    r.queries = r.answers = 0;
    for (int i = 0; i < 10; i++) {
        lp2p_mdns_look(r.e, r.now);
        rig_send(&r);
    }
    assert_int_equal(r.queries, 2);
    rig_run(&r, LP2P_MSEC(300)); /* those that came too soon are one */
    assert_int_equal(r.queries, 4);
    rig_run(&r, LP2P_SEC(300));
    struct lp2p_mdns_link links[2] = {rig_link(), rig_link()};
    r.queries = r.answers = 0;
    lp2p_mdns_set_links(r.e, r.now, links, 1); /* nothing new */
    rig_send(&r);
    assert_int_equal(r.queries + r.answers, 0);
    links[1].ifindex = 3;
    lp2p_mdns_set_links(r.e, r.now, links, 2);
    rig_send(&r);
    assert_int_equal(r.queries, 2);
    assert_int_equal(r.answers, 2);
    links[0].addrs[0].at.port = 4002;
    lp2p_mdns_set_links(r.e, r.now, links, 2);
    rig_send(&r);
    assert_int_equal(r.queries, 4);
    assert_int_equal(r.answers, 4);
    rig_fini(&r);
}

struct ask {
    const char *name;
    uint16_t type;
    uint16_t class_;
    unsigned multicast; /* answers */
    unsigned unicast;
};

static void expect_answers(struct rig *r, struct ask ask)
{
    uint8_t buf[LP2P_MDNS_SEND_MAX];
    size_t n = rig_question(buf, ask.name, ask.type, ask.class_);
    r->answers = r->unicasts = 0;
    rig_run(r, LP2P_SEC(2));
    rig_recv(r, lp2p_span(buf, n));
    rig_run(r, LP2P_MSEC(19));
    assert_int_equal(r->answers + r->unicasts, 0);
    rig_run(r, LP2P_MSEC(102));
    assert_int_equal(r->answers, ask.multicast);
    assert_int_equal(r->unicasts, ask.unicast);
}

static void answers_its_own_names_only(void **state)
{
    (void)state;
    struct rig r;
    rig_start(&r);
    expect_answers(&r, (struct ask){P2P, LP2P_DNS_PTR, 1, 1, 0});
    expect_answers(&r, (struct ask){"_P2P._Udp.LOCAL", LP2P_DNS_PTR, 1, 1, 0});
    expect_answers(&r, (struct ask){WHATNEXT, LP2P_DNS_ANY, 255, 1, 0});
    expect_answers(
        &r, (struct ask){P2P, LP2P_DNS_PTR, 0x8001, 1, 1}); /* QU: by unicast too, never only */
    expect_answers(&r, (struct ask){P2P, LP2P_DNS_TXT, 1, 0, 0});
    expect_answers(&r, (struct ask){P2P, LP2P_DNS_PTR, 3, 0, 0});
    expect_answers(&r, (struct ask){"_http._tcp.local", LP2P_DNS_PTR, 1, 0, 0});
    rig_fini(&r);
}

/* C5: any number of questions is one answer a second. */
static void answers_once_a_second(void **state)
{
    (void)state;
    struct rig r;
    uint8_t buf[LP2P_MDNS_SEND_MAX];
    size_t n = rig_question(buf, P2P, LP2P_DNS_PTR, 0x8001);
    rig_start(&r);
    for (int i = 0; i < 10000; i++) {
        rig_recv(&r, lp2p_span(buf, n));
        rig_run(&r, LP2P_MSEC(1));
    }
    assert_in_range(r.answers, 9, 10);
    assert_true(r.unicasts <= 10000 / 20);
    rig_fini(&r);
}

/* What the system loops back of our own queries is not answered; a second profile's query is. */
static void does_not_answer_itself(void **state)
{
    (void)state;
    struct rig r;
    uint8_t buf[LP2P_MDNS_SEND_MAX];
    size_t n = rig_question(buf, P2P, LP2P_DNS_PTR, 1);
    struct lp2p_mdns_dgram_in in = {
        .ifindex = 2,
        .from = lp2p_endpoint_ip4(192, 168, 1, 7, 5353),
        .to = lp2p_endpoint_ip4(224, 0, 0, 251, 0),
        .data = lp2p_span(buf, n),
    };
    rig_start(&r);
    rig_run(&r, LP2P_SEC(300));
    lp2p_mdns_look(r.e, r.now);
    rig_send(&r);
    r.answers = 0;
    lp2p_mdns_recv_dgram(r.e, r.now, &in);
    rig_run(&r, LP2P_MSEC(200));
    assert_int_equal(r.answers, 0);
    lp2p_mdns_recv_dgram(r.e, r.now, &in);
    rig_run(&r, LP2P_MSEC(200));
    assert_int_equal(r.answers, 1);
    rig_fini(&r);
}

static void the_answer_has_the_layout_all_accept(void **state)
{
    (void)state;
    uint8_t buf[LP2P_MDNS_SEND_MAX];
    struct lp2p_peer_id id = rig_peer(5);
    struct lp2p_dns_reader r;
    struct lp2p_dns_record rr;
    struct lp2p_dns_name tag, name;
    static const uint16_t types[] = {LP2P_DNS_PTR, LP2P_DNS_TXT, LP2P_DNS_SRV, LP2P_DNS_A,
                                     LP2P_DNS_AAAA};
    assert_int_equal(lp2p_dns_name_parse(P2P, &tag), 0);
    assert_int_equal(lp2p_dns_reader_init(&r, lp2p_span(buf, rig_answer(buf, &id, LP2P_MDNS_TTL))),
                     0);
    assert_int_equal(r.flags, 0x8400);
    assert_int_equal(r.left[LP2P_DNS_QUESTION], 0);
    assert_int_equal(r.left[LP2P_DNS_ANSWER], 1);
    for (size_t i = 0; i < 5; i++) {
        assert_true(lp2p_dns_next_record(&r, &rr));
        assert_int_equal(rr.type, types[i]);
        assert_int_equal(rr.class_, 1);
        assert_int_equal(rr.ttl, 120);
        assert_int_equal(rr.section, i == 0 ? LP2P_DNS_ANSWER : LP2P_DNS_ADDITIONAL);
        if (i == 0) {
            assert_true(lp2p_dns_name_eq(&rr.name, &tag));
            assert_int_equal(lp2p_dns_record_name(&r, &rr, &name), 0);
            assert_true(lp2p_dns_name_is_child(&name, &tag));
        }
        if (rr.type == LP2P_DNS_TXT) {
            struct lp2p_span s[4];
            size_t pos = 0, n = 0;
            while (lp2p_dns_txt_next(&rr, &pos, &s[n])) {
                n++;
            }
            assert_int_equal(n, 3); /* js: the first one gives the id */
            assert_memory_equal(s[0].p, "dnsaddr=/ip4/192.168.1.9/tcp/4009/p2p/Qm", 40);
            assert_memory_equal(s[1].p, "dnsaddr=/ip6/fe80::7/tcp/4001/p2p/Qm", 36);
            assert_true(lp2p_span_eq_str(s[2], "app=whatnext"));
        }
    }
    assert_false(lp2p_dns_next_record(&r, &rr));
    assert_int_equal(lp2p_dns_end(&r), 0);
}

static void says_goodbye_where_it_was_seen(void **state)
{
    (void)state;
    struct rig r;
    rig_start(&r);
    lp2p_mdns_goodbye(r.e);
    rig_send(&r);
    assert_int_equal(r.goodbyes, 2);
    rig_send(&r);
    assert_int_equal(r.goodbyes, 2);
    assert_int_equal(lp2p_mdns_deadline(r.e), LP2P_TS_NEVER);
    rig_fini(&r);
}

static void nothing_to_announce_is_not_announced(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r);
    struct lp2p_mdns_link link = rig_link();
    link.addrs[0].at.port = link.addrs[1].at.port = 0;
    lp2p_mdns_set_links(r.e, r.now, &link, 1);
    expect_answers(&r, (struct ask){P2P, LP2P_DNS_PTR, 0x8001, 0, 0});
    assert_true(r.queries > 0);
    lp2p_mdns_goodbye(r.e);
    rig_send(&r);
    assert_int_equal(r.goodbyes, 0);
    rig_fini(&r);
}

/* ---- what we hear ---- */

static void finds_loses_and_finds_again(void **state)
{
    (void)state;
    struct rig r;
    uint8_t buf[LP2P_MDNS_SEND_MAX];
    struct lp2p_peer_id id = rig_peer(5);
    struct lp2p_mdns_event ev;
    rig_start(&r);
    for (int round = 0; round < 2; round++) {
        rig_recv(&r, lp2p_span(buf, rig_answer(buf, &id, LP2P_MDNS_TTL)));
        assert_true(rig_event(&r, &ev));
        assert_int_equal(ev.type, LP2P_MDNS_EV_FOUND);
        assert_true(lp2p_peer_id_eq(&ev.peer, &id));
        assert_true(ev.note && !ev.loopback);
        assert_int_equal(ev.ifindex, 2);
        assert_int_equal(ev.expires, r.now + LP2P_SEC(120));
        assert_int_equal(ev.n_addrs, 2);
        struct lp2p_multiaddr ma;
        char text[LP2P_MULTIADDR_TEXT_SIZE];
        bool own;
        lp2p_mdns_event_addr(&ev, 0, &ma, &own);
        lp2p_multiaddr_format(&ma, text);
        assert_string_equal(text, "/ip4/192.168.1.9/tcp/4009");
        assert_true(own);
        lp2p_mdns_event_addr(&ev, 1, &ma, &own);
        assert_false(own);
        assert_false(rig_event(&r, &ev));
        if (round == 0) { /* goodbye */
            rig_recv(&r, lp2p_span(buf, rig_answer(buf, &id, 0)));
        } else { /* silence */
            rig_run(&r, LP2P_SEC(119));
            assert_int_equal(lp2p_mdns_peers(r.e), 1);
            rig_run(&r, LP2P_SEC(2));
        }
        rig_expect_gone(&r, &id);
        assert_false(rig_event(&r, &ev));
        assert_int_equal(lp2p_mdns_peers(r.e), 0);
    }
    rig_fini(&r);
}

static void drops_what_cannot_be_from_here(void **state)
{
    (void)state;
    struct rig r;
    uint8_t buf[LP2P_MDNS_SEND_MAX];
    static uint8_t huge[LP2P_MDNS_RECV_MAX + 1];
    struct lp2p_peer_id id = rig_peer(5), own = rig_peer(0);
    rig_start(&r);
    size_t n = rig_answer(buf, &id, 120);
    rig_recv_from(&r, lp2p_endpoint_ip4(192, 168, 2, 9, 5353), lp2p_span(buf, n));
    rig_recv_from(&r, lp2p_endpoint_ip4(8, 8, 8, 8, 5353), lp2p_span(buf, n));
    rig_recv_from(&r, lp2p_endpoint_ip4(127, 0, 0, 1, 5353), lp2p_span(buf, n));
    struct lp2p_mdns_dgram_in in = {.ifindex = 9, /* no link of ours */
                                    .from = lp2p_endpoint_ip4(192, 168, 1, 9, 5353),
                                    .to = lp2p_mdns_group(LP2P_FAMILY_IP4),
                                    .data = lp2p_span(buf, n)};
    lp2p_mdns_recv_dgram(r.e, r.now, &in);
    in.ifindex = 2;
    in.to = lp2p_endpoint_ip4(192, 168, 1, 7, 0); /* unicast: we asked for none */
    lp2p_mdns_recv_dgram(r.e, r.now, &in);
    memcpy(huge, buf, n);
    rig_recv(&r, lp2p_span(huge, sizeof(huge)));
    assert_int_equal(lp2p_mdns_dropped(r.e), 6);
    assert_int_equal(lp2p_mdns_peers(r.e), 0);
    rig_recv(&r, lp2p_span(buf, rig_answer(buf, &own, 120)));
    assert_int_equal(lp2p_mdns_peers(r.e), 0);
    rig_recv_from(&r, lp2p_endpoint_ip4(169, 254, 3, 4, 40000),
                  lp2p_span(buf, n = rig_answer(buf, &id, 120)));
    assert_int_equal(rig_drain(&r), 1); /* link-local, any port: rust */
    rig_fini(&r);
}

/* C2, C8: every prefix and every single changed byte is taken or dropped, nothing else. */
static void malformed_packets_are_dropped(void **state)
{
    (void)state;
    struct rig r;
    uint8_t buf[LP2P_MDNS_SEND_MAX], bad[LP2P_MDNS_SEND_MAX];
    struct lp2p_peer_id id = rig_peer(5);
    size_t n = rig_answer(buf, &id, 120);
    rig_start(&r);
    for (size_t i = 0; i < n; i++) {
        uint64_t dropped = lp2p_mdns_dropped(r.e);
        r.now += LP2P_MSEC(10);
        rig_recv(&r, lp2p_span(buf, i));
        assert_int_equal(lp2p_mdns_dropped(r.e), dropped + 1);
        for (int v = 0; v < 256; v += 5) {
            memcpy(bad, buf, n);
            bad[i] = (uint8_t)v;
            r.now += LP2P_MSEC(10);
            rig_recv(&r, lp2p_span(bad, n));
            rig_drain(&r);
        }
    }
    rig_fini(&r);
}

/* C4, mDNS poisoning: 10^5 ids, 32 a minute and never more than the cap; who is looked for gets in.
 */
static void a_flood_of_ids_stays_at_the_cap(void **state)
{
    (void)state;
    struct rig r;
    uint8_t buf[LP2P_MDNS_SEND_MAX];
    struct failmem f;
    failmem_init(&f, 0, false);
    r = (struct rig){.seed = 1, .now = LP2P_SEC(100)};
    struct lp2p_mdns_cfg cfg = rig_cfg(&r, &f.mem);
    assert_int_equal(lp2p_mdns_new(&cfg, &r.e), 0);
    struct lp2p_mdns_link link = rig_link();
    lp2p_mdns_set_links(r.e, r.now, &link, 1);
    unsigned found = 0;
    lp2p_ts begin = r.now;
    for (uint32_t i = 1; i <= 100000; i++) {
        struct lp2p_peer_id id = rig_peer(i);
        rig_recv(&r, lp2p_span(buf, rig_answer(buf, &id, UINT32_MAX)));
        found += rig_drain(&r);
        assert_true(lp2p_mdns_peers(r.e) <= 512);
        r.now += LP2P_MSEC(20);
    }
    unsigned minutes = (unsigned)((r.now - begin) / LP2P_SEC(60));
    assert_in_range(found, minutes * 32, (minutes + 2) * 32);
    assert_int_equal(lp2p_mdns_peers(r.e), 512);
    struct lp2p_peer_id wanted = rig_peer(UINT32_MAX);
    lp2p_mdns_expect(r.e, &wanted, 1);
    while (found > 0) { /* the rate is used up */
        struct lp2p_peer_id id = rig_peer(UINT32_MAX - found);
        r.now += LP2P_MSEC(4);
        rig_recv(&r, lp2p_span(buf, rig_answer(buf, &id, 120)));
        found = rig_drain(&r) == 0 ? 0 : found - 1;
    }
    rig_recv(&r, lp2p_span(buf, rig_answer(buf, &wanted, 120)));
    assert_int_equal(rig_drain(&r), 1);
    assert_int_equal(lp2p_mdns_peers(r.e), 512);
    assert_true(f.peak < 256 * 1024);
    rig_fini(&r);
    failmem_check_empty(&f, "flood");
}

/* Records of the released peers, as they were on the wire. */
static void hears_the_released_peers(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        bool found, asked;
    } cases[] = {
        {"go-query-1-0-0-0-33", false, true},
        {"js-query-1-0-0-0-33", false, true},
        {"rust-query-1-0-0-0-33", false, true},
        {"go-response-0-1-0-3-366", true, false},
        {"js-response-0-3-0-0-482", true, false},
        {"whatnext-js-response-0-3-0-0-482", true, false},
        {"rust-response-0-1-0-1-225", true, false},
        {"rust-response-0-1-0-1-255", true, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char path[512];
        static uint8_t buf[4096];
        snprintf(path, sizeof(path), "%s/peers/mdns/%s.bin", LP2P_VECTORS, cases[i].file);
        FILE *f = fopen(path, "rb");
        assert_non_null(f);
        size_t n = fread(buf, 1, sizeof(buf), f);
        fclose(f);
        struct rig r;
        rig_start(&r);
        rig_recv(&r, lp2p_span(buf, n));
        assert_int_equal(lp2p_mdns_dropped(r.e), 0);
        struct lp2p_mdns_event ev;
        bool found = rig_event(&r, &ev);
        if (found != cases[i].found) {
            fail_msg("%s: found %d", path, found);
        }
        assert_true(!found || (ev.n_addrs > 0 && !ev.note));
        rig_run(&r, LP2P_MSEC(200));
        assert_int_equal(r.answers, cases[i].asked);
        rig_fini(&r);
    }
}

static int scenario(const struct lp2p_mem *mem, void *ctx)
{
    (void)ctx;
    struct rig r = {.seed = 1, .now = LP2P_SEC(100)};
    struct lp2p_mdns_cfg cfg = rig_cfg(&r, mem);
    int err = lp2p_mdns_new(&cfg, &r.e);
    if (err != 0) {
        return err;
    }
    struct lp2p_mdns_link link = rig_link();
    lp2p_mdns_set_links(r.e, r.now, &link, 1);
    for (uint32_t i = 1; i < 20; i++) {
        uint8_t buf[LP2P_MDNS_SEND_MAX];
        struct lp2p_peer_id id = rig_peer(i);
        rig_recv(&r, lp2p_span(buf, rig_answer(buf, &id, 120)));
        rig_drain(&r);
    }
    rig_send(&r);
    rig_fini(&r);
    return 0; /* a peer that does not fit into memory is one that was not heard */
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    assert_true(failmem_each(scenario, NULL) >= 20);
}

static void bad_names_and_notes_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"", ".", "a..b", "A.local", "a b", "a.", ".a"};
    struct rig r = {.seed = 1};
    struct lp2p_mdns_cfg cfg = rig_cfg(&r, lp2p_mem_default());
    cfg.n_tags = 1;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        cfg.tags = &bad[i];
        assert_int_equal(lp2p_mdns_new(&cfg, &r.e), -LP2P_E_INVAL);
    }
    cfg.tags = rig_tags;
    cfg.note = "dnsaddr=/x";
    assert_int_equal(lp2p_mdns_new(&cfg, &r.e), -LP2P_E_INVAL);
    cfg.n_tags = LP2P_MDNS_TAGS_MAX + 1;
    assert_int_equal(lp2p_mdns_new(&cfg, &r.e), -LP2P_E_INVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asks_at_once_and_then_less_often),
        cmocka_unit_test(looking_and_new_links_ask_at_once),
        cmocka_unit_test(answers_its_own_names_only),
        cmocka_unit_test(answers_once_a_second),
        cmocka_unit_test(does_not_answer_itself),
        cmocka_unit_test(the_answer_has_the_layout_all_accept),
        cmocka_unit_test(says_goodbye_where_it_was_seen),
        cmocka_unit_test(nothing_to_announce_is_not_announced),
        cmocka_unit_test(finds_loses_and_finds_again),
        cmocka_unit_test(drops_what_cannot_be_from_here),
        cmocka_unit_test(malformed_packets_are_dropped),
        cmocka_unit_test(a_flood_of_ids_stays_at_the_cap),
        cmocka_unit_test(hears_the_released_peers),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(bad_names_and_notes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
