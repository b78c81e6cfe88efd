#include "cmocka_all.h"

#include "base/assert.h"
#include "env/env.h"

static void names_of_containers_and_tunnels_are_far(void **state)
{
    (void)state;
    static const char *const far[] = {"docker0", "br-3fa1c2", "veth12ab",   "virbr0",
                                      "wg0",     "tun0",      "tailscale0", "cni0"};
    static const char *const near[] = {"eth0", "enp3s0", "wlan0", "wlp2s0", "br0", "bond0", "lo"};
    for (size_t i = 0; i < LP2P_COUNT(far); i++) {
        struct lp2p_iface f = {.up = true};
        memcpy(f.name, far[i], strlen(far[i]) + 1);
        assert_true(lp2p_iface_is_far(&f));
    }
    for (size_t i = 0; i < LP2P_COUNT(near); i++) {
        struct lp2p_iface f = {.up = true, .loopback = strcmp(near[i], "lo") == 0};
        memcpy(f.name, near[i], strlen(near[i]) + 1);
        assert_false(lp2p_iface_is_far(&f));
        f.point_to_point = !f.loopback;
        assert_int_equal(lp2p_iface_is_far(&f), !f.loopback);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_containers_and_tunnels_are_far),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
