"""A command on a terminal of its own: what a person types, and what is to be seen."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

CLEAR = "\033[H\033[2J"


class Terminal:
    """A context manager; `columns` and `rows` are its size."""

    def __init__(self, machine, *args, columns=80, rows=24):
        self.fd, end = pty.openpty()
        fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.all = ""
        self.child = subprocess.Popen(
            machine.argv(*args), env={**machine.env, "TERM": "xterm", "NO_COLOR": "1"}, stdin=end,
            stdout=end, stderr=end, start_new_session=True)
        os.close(end)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGKILL)
        self.child.wait()
        os.close(self.fd)

    def type(self, text):
        os.write(self.fd, text.encode())

    def read(self, seconds):
        """Take what comes in so many seconds, or until it ends."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and select.select([self.fd], [], [], left)[0]:
            try:
                piece = os.read(self.fd, 65536)
            except OSError:
                return
            if not piece:
                return
            self.all += piece.decode("utf-8", "replace").replace("\r\n", "\n")

    def seen(self):
        """What is to be seen: all since the screen was cleared."""
        return re.sub(r"\033\[[0-9;?]*[A-Za-z]", "", self.all.rsplit(CLEAR, 1)[-1])

    def wait(self, pattern, seconds):
        """Until the pattern is seen; TimeoutError with what is."""
        end = time.monotonic() + seconds
        while not re.search(pattern, self.seen()):
            if time.monotonic() > end:
                raise TimeoutError(f"{pattern!r} is not seen within {seconds} s: {self.seen()[-2000:]}")
            self.read(0.05)
        return self.seen()

    def rows(self, columns):
        """How many rows of the terminal that takes."""
        return sum(max(1, -(-len(line) // columns)) for line in self.seen().split("\n"))
