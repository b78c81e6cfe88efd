"""What is true about the programs under test: /proc, `ss` in a namespace, and what the test did.

Nothing here asks the programs themselves. Times are seconds of the monotonic clock.
"""

import os
import pathlib
import re
import signal
import subprocess
import threading
import time

TICKS = os.sysconf("SC_CLK_TCK")
PAGE_KB = os.sysconf("SC_PAGE_SIZE") // 1024
NODE, MAIN = "whtnxt-node", "whtnxtd"


def stat(pid):
    """(state, parent, start in ticks) of a process, or None."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    rest = text.rsplit(")", 1)[1].split()
    return rest[0], int(rest[1]), int(rest[19])


def is_alive(pid):
    s = stat(pid)
    return s is not None and s[0] not in "ZX"


def children(pid):
    """{child: its state} as the kernel has them; a child that is not reaped yet is Z."""
    try:
        found = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return {}
    states = {int(kid): stat(kid) for kid in found}
    return {kid: s[0] for kid, s in states.items() if s is not None}


def has_begun(pid):
    """Whether a node is past its first steps, where it ties its life to main's: it ignores SIGPIPE then.

    One that is stopped before them cannot die with its main; it ends when it goes on.
    """
    try:
        text = pathlib.Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    ignored = int(re.search(r"^SigIgn:\s*([0-9a-f]+)", text, re.M).group(1), 16)
    return bool(ignored >> (signal.SIGPIPE - 1) & 1)


def descriptors(pid):
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return None


def anon_kb(pid):
    """Memory of its own, without what it maps from files."""
    try:
        size = pathlib.Path(f"/proc/{pid}/statm").read_text().split()
    except OSError:
        return 0
    return (int(size[1]) - int(size[2])) * PAGE_KB


def processes(ns):
    """{pid: (program, parent)} of our programs in a namespace, the dead ones left out."""
    net = f"net:[{os.stat('/run/netns/' + ns).st_ino}]"
    found = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            exe = os.readlink(f"/proc/{entry}/exe").rsplit("/", 1)[1].split(" ")[0]
            if exe not in (NODE, MAIN) or os.readlink(f"/proc/{entry}/ns/net") != net:
                continue
        except OSError:
            continue
        s = stat(entry)
        if s is not None and s[0] not in "ZX":
            found[int(entry)] = (exe, s[1])
    return found


def established(ns, pid):
    """{(local, remote)} of a process, each `ip:port`, as `ss` has them in the namespace."""
    run = subprocess.run(["nsenter", f"--net=/run/netns/{ns}", "ss", "-Htnp", "state", "established"],
                         stdout=subprocess.PIPE, text=True, check=True)
    return {tuple(line.split()[2:4]) for line in run.stdout.splitlines()
            if re.search(rf"\bpid={pid},", line)}


class Life:
    """One process and what was done to it."""

    def __init__(self, pid, start):
        self.pid, self.start = pid, start
        since_boot = time.clock_gettime(time.CLOCK_BOOTTIME) - time.monotonic()
        self.born = start / TICKS - since_boot
        self.resumed = self.born
        self.stop_sent = None   # a stop is on its way, or done
        self.stopped = None     # since when it surely is
        self.spans = []         # (stop sent, continue sent)
        self.killed = None      # when we sent SIGKILL
        self.gone = None        # since when it surely is

    def calm_since(self):
        """Since when it could run without a break, or None."""
        if self.stop_sent is not None or self.killed is not None or self.gone is not None:
            return None
        return self.resumed

    def longest_stop(self, now):
        """The longest time that it was stopped."""
        open_span = [] if self.stop_sent is None else [(self.stop_sent, now)]
        return max((b - a for a, b in self.spans + open_span), default=0.0)

    def was_stopped_after(self, at):
        """Whether a stop reached into the time since then."""
        return self.stop_sent is not None or any(b >= at for _, b in self.spans)


class Lives:
    """All processes that were seen, and the signals they got."""

    def __init__(self):
        self.known = {}
        self.last = {}
        self.lock = threading.Lock()

    def of(self, pid):
        """The life of a process that is there now or was seen before, or None."""
        s = stat(pid)
        with self.lock:
            if s is None:
                return self.last.get(pid)
            life = self.known.get((pid, s[2]))
            if life is None:
                life = self.known[(pid, s[2])] = self.last[pid] = Life(pid, s[2])
            return life

    def stop(self, pid):
        life = self.of(pid)
        if life is None or life.stop_sent is not None:
            return
        life.stop_sent = time.monotonic()
        self.send(life, signal.SIGSTOP)
        wait(lambda: (stat(pid) or "Z")[0] in "TZX")
        life.stopped = time.monotonic()

    def resume(self, pid):
        life = self.of(pid)
        if life is None or life.stop_sent is None:
            return
        life.stopped = None
        life.spans.append((life.stop_sent, time.monotonic()))
        self.send(life, signal.SIGCONT)
        life.resumed = time.monotonic()
        life.stop_sent = None

    def kill(self, pid):
        life = self.of(pid)
        if life is None:
            return
        life.killed = time.monotonic()
        self.send(life, signal.SIGKILL)
        wait(lambda: not is_alive(pid))
        life.gone = time.monotonic()

    @staticmethod
    def send(life, number):
        s = stat(life.pid)
        if s is not None and s[2] == life.start:
            try:
                os.kill(life.pid, number)
            except ProcessLookupError:
                pass


def wait(predicate, timeout=2.0):
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        if predicate():
            return True
        time.sleep(0.001)
    return predicate()


class Pulse(threading.Thread):
    """How late this machine lets a process run: what it did to us it may have done to them."""

    STEP = 0.02

    def __init__(self):
        super().__init__(daemon=True)
        self.late = []
        self.start()

    def run(self):
        while True:
            begin = time.monotonic()
            time.sleep(self.STEP)
            late = time.monotonic() - begin - self.STEP
            if late > self.STEP:
                self.late.append((begin, late))
                del self.late[:-500]

    def slack(self, since):
        """Time that is nobody's fault since then: twice what was lost."""
        return 2 * sum(late for at, late in list(self.late) if at + late >= since)
