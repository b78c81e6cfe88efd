"""Programs spoilt on purpose, for a test that has to find them out."""

import collections
import shutil
import subprocess

import lab

Mutant = collections.namedtuple("Mutant", "name file old new steps", defaults=[()])

# Each is one line that a tired programmer could write. Random steps find them all in the end; where
# that takes long, the steps begin with those that matter: (pause, machine, process, action, number).
ALL = (
    Mutant("connections of a dead node are kept", "app/model/snapshot.c",
           "return m->node.state == MODEL_NODE_RUNNING;", "return m->state.seq != UINT64_MAX;"),
    Mutant("the end of the node is not noticed", "app/main/child.c",
           "c->ops->on_exit(c->ctx, status, sig);", "(void)status, (void)sig;"),
    Mutant("a connection once listed stays", "app/model/supervisor.c",
           "if (take->seq <= old.seq && old.seq != 0) {", "if (take->n_conns < old.n_conns) {"),
    Mutant("silence is no sign", "app/model/model_priv.h",
           "#define MODEL_SILENT_MS      1000U", "#define MODEL_SILENT_MS      100000U",
           ((0, "a", "node", "stop", 0), (4, "a", "main", "start", 1))),
    Mutant("a node outlives its main", "app/node/main.c",
           "PR_SET_PDEATHSIG, SIGKILL", "PR_SET_PDEATHSIG, 0",
           ((0, "a", "node", "stop", 0), (0.1, "a", "main", "kill", 0))),
    Mutant("main's own pause is the node's", "app/model/model.c",
           "now > m->wake + MODEL_LATE_MS", "now > m->wake + 100000000U",
           ((0, "a", "node", "stop", 0), (1, "a", "main", "stop", 0), (0, "a", "node", "cont", 0),
            (7, "a", "main", "cont", 0), (0.5, "a", "main", "start", 1))),
)


def build(tree, mutant, folder):
    """A copy of what the programs are made of, the line changed; returns where it is installed."""
    copy = folder / "tree"
    shutil.copytree(tree, copy, symlinks=True, ignore=shutil.ignore_patterns(".git", "results"),
                    copy_function=shutil.copy2)
    path = copy / mutant.file
    text = path.read_text()
    if text.count(mutant.old) != 1:
        raise RuntimeError(f"{mutant.file} has {text.count(mutant.old)} times: {mutant.old}")
    path.write_text(text.replace(mutant.old, mutant.new))
    subprocess.run(["ninja", "-C", str(copy / "build"), "--quiet", "app/whtnxt", "app/whtnxtd",
                    "app/whtnxt-node"], check=True, stdout=subprocess.DEVNULL)
    return lab.install(copy, folder / "prefix")
