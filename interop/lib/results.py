"""What the three runners share: which programs there are, and how a run ends."""

import argparse
import json
import os
import pathlib
import re
import sys
import time

from lib import build

DEFAULT_OURS = build.TREE / "build" / "interop" / "lp2p-interop"


def log(text):
    print(text, file=sys.stderr, flush=True)


class Results:
    """Counts, skips with their reasons, and the file at the end."""

    def __init__(self, name, out):
        self.path = pathlib.Path(out or build.TREE / "build" / "results" / f"{name}.json")
        self.start = time.monotonic()
        self.passed = self.failed = 0
        self.skips = []

    def count(self, ok):
        if ok:
            self.passed += 1
        else:
            self.failed += 1

    def skip(self, name, reason):
        self.skips.append({"name": name, "reason": reason})
        log(f"skipped: {name}: {reason}")

    def finish(self, body):
        """Write the file, print the closing line, return the exit code."""
        body = {"passed": self.passed, "failed": self.failed, "skipped": len(self.skips),
                "seconds": round(time.monotonic() - self.start, 1), "skips": self.skips, **body}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps(body, indent=1) + "\n")
        print(f"{self.passed} passed, {self.failed} failed, {len(self.skips)} skipped", flush=True)
        return 1 if self.failed or not self.passed else 0


def parser(text, peers):
    p = argparse.ArgumentParser(description=text)
    p.add_argument("--peers", default=peers, help=f"of ours, go, rust, js; default {peers}")
    p.add_argument("--ours", default=os.environ.get("LP2P_INTEROP", str(DEFAULT_OURS)),
                   help="our program")
    p.add_argument("--out", help="the result file, default build/results/<name>.json")
    return p


def our_version():
    text = (build.TREE / "meson.build").read_text()
    found = re.search(r"^\s*version\s*:\s*'([^']+)'", text, re.M)
    return found[1] if found else "unknown"


class Programs:
    """Command lines by name; building what is missing, skipping what cannot be built."""

    def __init__(self, names, ours, results):
        self.commands = {}
        for name in names:
            if name == "ours":
                self.take_ours(ours, results)
                continue
            try:
                self.commands[name] = build.build(name, log)
            except build.Missing as e:
                if build.must_run():
                    log(f"{name}: {e}, and in CI it must run")
                    results.count(False)
                else:
                    results.skip(name, str(e))
            except build.BuildError as e:
                log(f"{name}: {e}")
                results.count(False)

    def take_ours(self, ours, results):
        if os.access(ours, os.X_OK):
            self.commands["ours"] = [str(pathlib.Path(ours).resolve())]
        else:
            log(f"no program {ours}")
            results.count(False)

    def version(self, name):
        return f"ours {our_version()}" if name == "ours" else build.version_text(name)
