"""A peer's process: JSON lines out of it, commands into it, an end to it in any case."""

import json
import subprocess
import sys
import threading
import time


class PeerError(Exception):
    """What a peer did is not what its contract says."""


def line(text):
    """The one JSON object that a program printed last."""
    try:
        return json.loads(text.splitlines()[-1])
    except (IndexError, ValueError) as e:
        raise PeerError(f"no JSON line: {text[-200:]!r}") from e


class Process:
    """Runs argv; every JSON line of its output is kept in .events in order of arrival."""

    def __init__(self, name, argv, env=None, stderr=None):
        self.name = name
        self.events = []
        self.changed = threading.Condition()
        self.at_end = False
        self.started = time.time()
        self.child = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=stderr or sys.stderr, env=env, text=True, bufsize=1)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def read(self):
        for line in self.child.stdout:
            try:
                event = json.loads(line)
            except ValueError:
                event = {"event": "garbage", "text": line}
            with self.changed:
                self.events.append(event)
                self.changed.notify_all()
        with self.changed:
            self.at_end = True
            self.changed.notify_all()

    def send(self, text):
        try:
            self.child.stdin.write(text + "\n")
            self.child.stdin.flush()
        except (BrokenPipeError, ValueError) as e:
            raise PeerError(f"{self.name} is gone: {text!r} not sent") from e

    def mark(self):
        with self.changed:
            return len(self.events)

    def wait(self, what, timeout, since=0, **members):
        """Return the first event of that kind, with those members, from `since` on."""
        end = time.monotonic() + timeout
        at = since
        with self.changed:
            while True:
                for event in self.events[at:]:
                    if event.get("event") == what and all(
                            event.get(k) == v for k, v in members.items()):
                        return event
                at = len(self.events)
                left = end - time.monotonic()
                if self.at_end or left <= 0:
                    why = "ended" if self.at_end else f"within {timeout} s"
                    raise PeerError(f"{self.name}: no {what} {members or ''} {why}")
                self.changed.wait(left)

    def seen(self, what, since=0, **members):
        with self.changed:
            return [e for e in self.events[since:] if e.get("event") == what and all(
                e.get(k) == v for k, v in members.items())]

    def listening(self, timeout=20):
        """Return (id, addresses), not loopback ones."""
        event = self.wait("listening", timeout)
        return event["peer"], [a for a in event["addrs"] if not a.startswith("/ip4/127.")]

    def stop(self, timeout=5):
        """End it in order, by force after the timeout; return its exit code."""
        if self.child.poll() is None:
            try:
                self.child.stdin.close()
            except OSError:
                pass
            try:
                self.child.wait(timeout)
            except subprocess.TimeoutExpired:
                self.child.kill()
        code = self.child.wait()
        self.reader.join(5)
        return code
