"""What the checks share: which C files there are, and their text without comments and literals."""

import os
import re
import subprocess
import sys

ROOTS = ("include", "src", "app", "tests", "fuzz", "bench", "examples", "interop", "tools")

_TOKEN = re.compile(
    r"""(?P<line>//[^\n]*)
      | (?P<block>/\*.*?(?:\*/|\Z))
      | (?P<string>"(?:\\.|[^"\\\n])*")
      | (?P<char>'(?:\\.|[^'\\\n])*')""",
    re.S | re.X,
)


def root_of(argv):
    """The tree to check: --root DIR (the self-test plants bad trees), else the one this file is in."""
    if "--root" in argv:
        return os.path.abspath(argv[argv.index("--root") + 1])
    return os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def files(root, suffixes=(".c", ".h")):
    """Paths, relative to root, that git tracks; without git, those below the source folders."""
    found = []
    if os.path.exists(os.path.join(root, ".git")):
        try:
            out = subprocess.run(
                ["git", "-C", root, "ls-files", "-z"], capture_output=True, check=True
            ).stdout.decode()
            found = [p for p in out.split("\0") if p and os.path.exists(os.path.join(root, p))]
        except (OSError, subprocess.CalledProcessError):
            found = []
    if not found:
        for top in ROOTS:
            for folder, dirs, names in os.walk(os.path.join(root, top)):
                dirs[:] = [d for d in dirs if d not in ("node_modules", "target")]
                found += [os.path.relpath(os.path.join(folder, n), root) for n in names]
    return sorted(p for p in found if p.endswith(suffixes))


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as f:
        return f.read()


def strip(text):
    """(code, comments): code keeps its lines but has no comment and no text inside quotes;
    comments are (line number, text)."""
    comments = []

    def blank(m):
        s = m.group(0)
        if m.lastgroup in ("line", "block"):
            comments.append((text.count("\n", 0, m.start()) + 1, s))
            return " " + "\n" * s.count("\n")
        return s[0] + s[0]

    return _TOKEN.sub(blank, text), comments


def finish(name, problems, seen):
    """Print what was found as file:line: message and end with the status."""
    for p in problems:
        print(p)
    print(f"{name}: {seen} files, {len(problems)} problems", file=sys.stderr)
    sys.exit(1 if problems else 0)
