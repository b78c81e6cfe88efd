"""Two machines and a long cable: namespaces joined by tests/netlab/delay-link, 25 ms each way, say.

The cable runs in a namespace of its own and its ends are moved out of there, so the machine's own
network sees nothing. Neighbours are entered by hand: the first packet must not wait for ARP.
"""

import json
import pathlib
import subprocess

from lib import build, net

PROGRAM = build.TREE / "build" / "tests" / "netlab" / "delay-link"
SUBNET = "10.78.0"
NAMES = ("left", "right")


class Link:
    """A context manager; `places` are the names of the two namespaces, `addrs` their addresses."""

    def __init__(self, delay_ms, options=(), program=PROGRAM):
        self.delay_ms = delay_ms
        self.options = list(options)
        self.program = pathlib.Path(program)
        self.net = net.Net()
        self.places, self.addrs = [], []
        self.child = None

    def __enter__(self):
        self.net.__enter__()
        self.child = subprocess.Popen(
            net.inside(self.net.hub, [str(self.program), *self.options, str(self.delay_ms), *NAMES]),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.child.stdout.readline() != "ready\n":
            self.close()
            raise RuntimeError("delay-link did not start")
        for i, name in enumerate(NAMES):
            self.attach(name, f"{SUBNET}.{i + 1}")
        self.introduce()
        return self

    def __exit__(self, *_):
        self.close()

    def attach(self, device, addr):
        place = self.net.make(device)
        net.ip("-n", self.net.hub, "link", "set", device, "netns", place, "name", "eth0")
        net.ip("-n", place, "addr", "add", f"{addr}/24", "brd", "+", "dev", "eth0")
        net.ip("-n", place, "link", "set", "eth0", "up")
        self.places.append(place)
        self.addrs.append(addr)

    def introduce(self):
        macs = []
        for place in self.places:
            run = subprocess.run(["ip", "-n", place, "-j", "link", "show", "dev", "eth0"],
                                 stdout=subprocess.PIPE, check=True)
            macs.append(json.loads(run.stdout)[0]["address"])
        for i, place in enumerate(self.places):
            net.ip("-n", place, "neigh", "replace", self.addrs[1 - i], "lladdr", macs[1 - i],
                   "dev", "eth0", "nud", "permanent")

    def close(self):
        """What was carried, each way; None when the link never was."""
        carried = None
        if self.child is not None:
            out, _ = self.child.communicate()
            self.child = None
            carried = json.loads(out) if out.strip() else None
        self.net.close()
        return carried
