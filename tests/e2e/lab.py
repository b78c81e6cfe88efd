"""Machines for end-to-end tests: a bridge and a network namespace each, with the installed programs.

The lab's own network only: the bridge lives in a hub namespace, and every name carries our pid.
"""

import atexit
import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
V4 = "10.78.0"
V6 = "fd78::"


def ip(*args):
    run = subprocess.run(["ip", *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT)
    if run.returncode != 0:
        raise RuntimeError(f"ip {' '.join(args)}: {run.stdout.decode().strip()}")


class Lab:
    """A context manager; whatever happens, processes, namespaces and folders are gone after it."""

    def __init__(self, prefix):
        self.bin = pathlib.Path(prefix) / "bin"
        self.tag = f"whtnxt-{os.getpid()}"
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="whtnxt-e2e-"))
        self.names = []
        self.machines = []
        self.next = 2
        self.hub = None

    def __enter__(self):
        atexit.register(self.close)
        signal.signal(signal.SIGTERM, lambda *_: exit(143))
        self.hub = self.namespace("hub")
        ip("-n", self.hub, "link", "add", "br0", "type", "bridge", "mcast_snooping", "0")
        ip("-n", self.hub, "link", "set", "br0", "up")
        return self

    def __exit__(self, *_):
        self.close()

    def namespace(self, name):
        ns = f"{self.tag}-{name}"
        ip("netns", "add", ns)
        self.names.append(ns)
        ip("-n", ns, "link", "set", "lo", "up")
        return ns

    def place(self, name, v4=True, v6=False, plug=True):
        """Make a namespace on the bridge; without a plug it has only `lo`."""
        ns = self.namespace(name)
        n, self.next = self.next, self.next + 1
        subprocess.run(["ip", "netns", "exec", ns, "sysctl", "-qw",
                        f"net.ipv6.conf.all.disable_ipv6={0 if v6 else 1}",
                        f"net.ipv6.conf.default.disable_ipv6={0 if v6 else 1}",
                        "net.ipv6.conf.default.accept_dad=0"], check=True)
        if plug:
            ip("-n", self.hub, "link", "add", f"v{n}", "type", "veth", "peer", "name", "eth0",
               "netns", ns)
            ip("-n", self.hub, "link", "set", f"v{n}", "master", "br0", "up")
            if v4:
                ip("-n", ns, "addr", "add", f"{V4}.{n}/24", "brd", "+", "dev", "eth0")
            if v6:
                ip("-n", ns, "addr", "add", f"{V6}{n}/64", "dev", "eth0", "nodad")
            ip("-n", ns, "link", "set", "eth0", "up")
        return Place(self, ns, f"{V4}.{n}" if v4 else None)

    def close(self):
        machines, self.machines = self.machines, []
        for m in machines:
            m.kill_all()
        names, self.names = self.names, []
        for ns in reversed(names):
            subprocess.run(["ip", "netns", "del", ns], stderr=subprocess.DEVNULL)
            shutil.rmtree(pathlib.Path("/etc/netns", ns), ignore_errors=True)
        with contextlib.suppress(OSError):  # somebody else's, or never made
            os.rmdir("/etc/netns")
        shutil.rmtree(self.root, ignore_errors=True)


class Place:
    """A namespace; one or more machines (profiles) live in it."""

    def __init__(self, lab, ns, addr):
        self.lab = lab
        self.ns = ns
        self.addr = addr

    def machine(self, name, profile="default"):
        m = Machine(self, name, profile)
        self.lab.machines.append(m)
        return m

    def run(self, *argv, **kw):
        return subprocess.run(["ip", "netns", "exec", self.ns, *argv], check=True, **kw)

    def etc(self, name, text):
        """What /etc/NAME is here: `ip netns exec` mounts it for whatever is started."""
        folder = pathlib.Path("/etc/netns", self.ns)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)

    @contextlib.contextmanager
    def name_server(self, zone):
        """Answer by `zone`: {"TYPE NAME": [value, ...]}; NXDOMAIN to everything else."""
        server = subprocess.Popen(
            ["ip", "netns", "exec", self.ns, sys.executable, str(HERE / "nameserver"), self.addr,
             json.dumps(zone)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        try:
            server.stdout.readline()
            yield server
        finally:
            server.kill()
            server.communicate()

    def nft(self, rules):
        self.run("nft", "-f", "-", input=rules, text=True)


class Control:
    """A connection to a control socket; `pid` is the process that listens, as the kernel knows it."""

    def __init__(self, path, timeout):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout)
        try:
            self.socket.connect(str(path))
        except OSError:
            self.socket.close()
            raise
        cred = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        self.pid = struct.unpack("3i", cred)[0]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def call(self, method, params=None):
        self.socket.sendall(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method,
                                        "params": params or {}}).encode() + b"\n")
        data = b""
        while not data.endswith(b"\n"):
            piece = self.socket.recv(1 << 20)
            if not piece:
                raise OSError("main hung up")
            data += piece
        return json.loads(data)


class Machine:
    """One profile's folders in one namespace, and the commands a person would type there."""

    def __init__(self, place, name, profile):
        self.place = place
        self.name = name
        self.profile = profile
        home = place.lab.root / name
        for folder in ("run", "data", "state", "config"):
            (home / folder).mkdir(parents=True, mode=0o700, exist_ok=True)
        self.home = home
        self.bin = place.lab.bin
        self.env = {
            "PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8",
            "XDG_RUNTIME_DIR": str(home / "run"), "XDG_DATA_HOME": str(home / "data"),
            "XDG_STATE_HOME": str(home / "state"), "XDG_CONFIG_HOME": str(home / "config"),
            "WHTNXT_PROFILE": profile,
        }
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
            if name in os.environ:
                self.env[name] = os.environ[name]

    @property
    def socket(self):
        return self.home / "run" / "whtnxt" / self.profile / "control.sock"

    def argv(self, *args):
        return ["ip", "netns", "exec", self.place.ns, str(self.bin / "whtnxt"), *args]

    def start(self, *args, **kw):
        return subprocess.Popen(self.argv(*args), env=self.env, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **kw)

    def start_to(self, out, *args):
        """Start a command that writes to a file."""
        return subprocess.Popen(self.argv(*args), env=self.env, stdin=subprocess.DEVNULL,
                                stdout=out, stderr=subprocess.DEVNULL)

    def whtnxt(self, *args, timeout=30):
        """Run a command to its end; return the finished process."""
        return subprocess.run(self.argv(*args), env=self.env, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=timeout)

    def link(self, *args):
        return self.whtnxt("link", *args).stdout.strip()

    def log(self):
        return [json.loads(line) for line in self.whtnxt("log", "--json").stdout.splitlines()]

    def call(self, method, params=None, timeout=1.0):
        """One JSON-RPC call on the control socket, as any script could make it."""
        with Control(self.socket, timeout) as control:
            return control.call(method, params)

    def raw(self, request, timeout=1.0):
        """What comes back, to the end of the line or of the connection, for bytes of any kind."""
        data = b""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(timeout)
            s.connect(str(self.socket))
            try:
                s.sendall(request)
            except BrokenPipeError:
                pass  # enough was read to judge it
            while not data.endswith(b"\n"):
                piece = s.recv(1 << 16)
                if not piece:
                    break
                data += piece
        return data

    def status(self):
        """The status, or None when main does not answer."""
        try:
            return self.call("p2p:get-status").get("result")
        except (OSError, ValueError):
            return None

    def wait_status(self, what, predicate, timeout):
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            s = self.status()
            if s is not None and predicate(s):
                return s
            time.sleep(0.01)
        raise TimeoutError(f"{self.name}: {what} within {timeout} s; last: "
                           f"{json.dumps(self.status())[:2000]}")

    def up(self):
        run = self.whtnxt("up")
        if run.returncode != 0:
            raise RuntimeError(f"{self.name}: up: {run.stderr}")
        return self.wait_status("running", lambda s: s["nodeStarted"], 5)

    def down(self):
        self.whtnxt("down")

    def pids(self, program=None):
        """Our processes, from /proc: in our namespace, and with our folders in their environment.

        A node has no environment: it counts by the namespace alone, which finds orphans, too. Two
        profiles in one namespace are told apart by their main.
        """
        mark = f"XDG_RUNTIME_DIR={self.home / 'run'}".encode()
        mains, nodes = [], []
        for entry in os.listdir("/proc"):
            try:
                exe = pathlib.Path(os.readlink(f"/proc/{entry}/exe")).name
                if not entry.isdigit() or os.readlink(f"/proc/{entry}/ns/net") != self.net_ns():
                    continue
                stat = pathlib.Path("/proc", entry, "stat").read_text().rsplit(")", 1)[1].split()
                environ = pathlib.Path("/proc", entry, "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            if exe == "whtnxt-node":
                nodes.append((int(entry), int(stat[1])))
            elif mark in environ and exe in ("whtnxtd", "whtnxt"):
                mains.append((int(entry), exe))
        others = {m.profile for m in self.place.lab.machines if m.place is self.place} != {self.profile}
        found = [pid for pid, exe in mains if program in (None, exe)]
        if program in (None, "whtnxt-node"):
            ours = {pid for pid, _ in mains}
            found += [pid for pid, parent in nodes if parent in ours or not others]
        return found

    def net_ns(self):
        return f"net:[{os.stat('/run/netns/' + self.place.ns).st_ino}]"

    def kill_all(self):
        for pid in self.pids():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def forget(self):
        """Down, and nothing left but the key: a node that has never seen anybody."""
        self.down()
        for path in (self.home / "state").glob("whtnxt/*/peers.json"):
            path.unlink()


def sees(status, peer):
    """The connection that a status lists to this peer, with path and direction, or None."""
    if status is None or peer not in status["connectedPeers"]:
        return None
    for conn in status["connections"]:
        if conn["peerId"] == peer and conn["path"] and conn["direction"]:
            return conn
    return None


def wait_both(a, b, timeout):
    """Until each lists the other; the seconds that took."""
    ids = {}
    for m in (a, b):
        s = m.wait_status("a peer id", lambda s: s["peerId"], timeout)
        ids[m] = s["peerId"]
    begin = time.monotonic()
    while time.monotonic() - begin < timeout:
        if sees(a.status(), ids[b]) and sees(b.status(), ids[a]):
            return time.monotonic() - begin
        time.sleep(0.01)
    raise TimeoutError(f"{a.name} and {b.name} are not connected within {timeout} s")


def wait_neither(a, b, timeout):
    def apart(s):
        return not s["connectedPeers"]
    a.wait_status("no connection", apart, timeout)
    b.wait_status("no connection", apart, timeout)


def install(tree, prefix):
    """Install the build into a folder of the test's own."""
    subprocess.run(["meson", "install", "--quiet", "--no-rebuild", "-C", str(tree / "build"),
                    "--destdir", str(prefix)], check=True, stdout=subprocess.DEVNULL)
    found = list(pathlib.Path(prefix).glob("**/bin/whtnxt"))
    if not found:
        raise RuntimeError("no whtnxt in what was installed")
    return found[0].parent.parent
