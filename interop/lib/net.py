"""Namespaces of our own: one hub with a bridge, one for each peer, all named by our process id.

The machine's own network is never touched: the bridge lives in the hub's namespace, and the
pairs are made there with their far end in the peer's.
"""

import atexit
import os
import signal
import subprocess

SUBNET = "10.77.0"


def ip(*args):
    run = subprocess.run(["ip", *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT)
    if run.returncode != 0:
        raise RuntimeError(f"ip {' '.join(args)}: {run.stdout.decode().strip()}")


class Net:
    """A bridge and what hangs on it; a context manager, gone at its end whatever happens."""

    def __init__(self, ipv6=False):
        self.prefix = f"lp2p-{os.getpid()}"
        self.ipv6 = ipv6
        self.names = []
        self.next = 2
        self.hub = None

    def __enter__(self):
        atexit.register(self.close)
        # The default action of SIGTERM would end us without the atexit hooks.
        signal.signal(signal.SIGTERM, lambda *_: exit(143))
        self.hub = self.make("hub")
        ip("-n", self.hub, "link", "add", "br0", "type", "bridge", "mcast_snooping", "0")
        ip("-n", self.hub, "addr", "add", f"{SUBNET}.1/24", "dev", "br0")
        ip("-n", self.hub, "link", "set", "br0", "up")
        return self

    def __exit__(self, *_):
        self.close()

    def make(self, name):
        ns = f"{self.prefix}-{name}"
        ip("netns", "add", ns)
        self.names.append(ns)
        if not self.ipv6:
            subprocess.run(["ip", "netns", "exec", ns, "sysctl", "-qw",
                            "net.ipv6.conf.all.disable_ipv6=1",
                            "net.ipv6.conf.default.disable_ipv6=1"], check=True)
        ip("-n", ns, "link", "set", "lo", "up")
        return ns

    def peer(self, name):
        """Make a namespace on the bridge; return its name and its IPv4 address."""
        ns = self.make(name)
        n, self.next = self.next, self.next + 1
        ip("-n", self.hub, "link", "add", f"v{n}", "type", "veth", "peer", "name", "eth0",
           "netns", ns)
        ip("-n", self.hub, "link", "set", f"v{n}", "master", "br0", "up")
        addr = f"{SUBNET}.{n}"
        ip("-n", ns, "addr", "add", f"{addr}/24", "brd", "+", "dev", "eth0")
        ip("-n", ns, "link", "set", "eth0", "up")
        # A default route is what makes multicast leave by eth0.
        ip("-n", ns, "route", "add", "default", "via", f"{SUBNET}.1")
        return ns, addr

    def redis_addr(self):
        return f"{SUBNET}.1:6379"

    def close(self):
        names, self.names = self.names, []
        for ns in reversed(names):
            subprocess.run(["ip", "netns", "del", ns], stderr=subprocess.DEVNULL)


def inside(ns, argv):
    return ["ip", "netns", "exec", ns, *argv]
